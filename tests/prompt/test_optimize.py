"""Fewer words for the same: what goes, what never does, and that a second look finds nothing more."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.prompt.optimize import optimized, optimized_text, per_rule
from farthing.prompt.phrases import PHRASES
from farthing.prompt.spans import protected_pieces
from farthing.prompt.tokens import estimate_conversation, estimate_tokens
from farthing.result import Change
from farthing.task import Message, Role, ToolCall


def said(text: str, *, role: Role = "user") -> str:
    return optimized((Message(role=role, content=text),)).messages[0].text


def unchanged(*messages: Message) -> bool:
    return optimized(messages).messages == messages


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Please analyze this code.", "Analyze this code."),
        ("Could you please explain why it fails?", "Explain why it fails?"),
        ("I would like you to review this module. Thank you in advance!", "Review this module."),
        ("Read it, and please check the tests.", "Read it, and check the tests."),
        ("Fix the bug, please.", "Fix the bug."),
        ("Kindly list the risks. Thanks!", "List the risks."),
        ("Please npm install the package.", "npm install the package."),
        ("1. Please check the logs\n2. Please check the disk", "1. Check the logs\n2. Check the disk"),
        ("Sort in order to find duplicates.", "Sort to find duplicates."),
        ("In order to find them, sort.", "To find them, sort."),
        ("It failed due to the fact that the disk was full.", "It failed because the disk was full."),
        ("Note: in the event that it fails, stop.", "Note: if it fails, stop."),
        ("One sentence.  Another one.", "One sentence. Another one."),
        ("First paragraph.\n\n\n\nSecond one. \n", "First paragraph.\n\nSecond one."),
    ],
)
def test_padding_politeness_and_long_phrases_go(before: str, after: str) -> None:
    assert said(before) == after


@pytest.mark.parametrize(
    "text",
    [
        # Quoted, coded, named, or data.
        'The label reads "please wait in order to continue".',
        "The label reads “please wait, due to the fact that it loads”.",
        "Run `please install  --in order to` again.",
        "```\nPlease do this in order to  win.\n\n\n\nx\n```",
        "~~~python\nplease  =  1\n~~~",
        "    please  in order to = 1",
        "\tin order to",
        "See https://example.org/please/in/order?to=please now.",
        "Open /etc/please.conf then ./kindly/run now.",
        "Call please_do_it(x) and in_order_to(y) then.",
        "Match /please in order to/i here.",
        "The key {in order to} is filled in.",
        "The tag <in order to> stays.",
        "> Please quote this in order to be fair.",
        "name: in order to\nvalue: prior to\n",
        "please,in order to,1\nkindly,prior to,2",
        "name   age    city\nAnn    1      in order to\nBob    2      prior to",
        "- a\n  - b\n    - c",
        "<document>\nPlease pay in order to proceed.\n\n\n\nYours\n</document>",
        "Example:\nPlease do it in order to win.",
        "Examples:\n\nInput: Please go.\nOutput: please stay, in order to rest.",
        "## Examples\n\nPlease go, in order to win.\n\nKindly stay.",
        "Q: Please, prior to when?\nA: Please wait.",
        "Look at this file.\n\n--- notes.txt ---\nPlease keep  this in order to pass.\n\n\n\nEnd ",
        "def f():  # please\n    return 'in order to'",
        "SELECT please FROM orders WHERE x = 1;",
        # What may be said to somebody, or is no politeness.
        "Tell them: please wait at the gate.",
        "Say please to everybody.",
        "Ask the guest to please come in.",
        "The word please is used here.",
        "Whatever may please the king is done.",
        "The derivative with respect to time.",
        "Only if possible.",
        # About the words themselves.
        "Rewrite this politely: please send the report in order to close it.",
        "Translate into German: Please wait in order to continue.",
        "Proofread my text. It was done due to the fact that it rained.",
        "Correct the grammar: Please to come prior to noon.",
        "How many words has: please come in order to eat?",
        "Write an email to a customer. Please mention that we are sorry, due to the fact that it broke.",
        'Is "please" needed here? Please answer.',
        "Extract the dates, in order to sort them: Please come prior to May.",
    ],
)
def test_what_is_quoted_coded_given_as_data_or_about_words_stays(text: str) -> None:
    assert said(text) == text


def test_a_message_is_never_emptied() -> None:
    for text in ("Please", "Thank you!", "Thanks in advance.", "please", " ", ""):
        assert said(text).strip() == text.strip()


def test_an_instruction_that_is_given_twice_is_kept_once() -> None:
    twice = "Always answer in formal English. Check the sums.\n\nAlways answer in formal English. Now stop."
    assert said(twice) == "Always answer in formal English. Check the sums.\n\nNow stop."


def test_an_instruction_in_an_example_is_no_repetition() -> None:
    text = (
        "Always answer in formal English.\n\n"
        "Example:\nAlways answer in formal English. That is right.\n\n"
        'Avoid the heading "Results" wherever you can. Go on. Avoid the heading "Results" wherever you can.'
    )
    assert said(text) == text


def test_what_the_system_said_is_not_said_again_by_the_user() -> None:
    system = Message(role="system", content="You review code. Always answer in formal English.")
    user = Message(role="user", content="Look at main. Always answer in formal English.")
    done = optimized((system, user))
    assert [one.text for one in done.messages] == [system.text, "Look at main."]
    assert done.changes == (
        Change(rule="repeated instruction", message=1, before="Always answer in formal English."),
    )


def test_steps_and_questions_may_come_again() -> None:
    steps = "Heat the pan well. Stir for about two minutes now. Add salt. Stir for about two minutes now."
    assert said(steps) == steps
    asked = Message(role="user", content="Always give me the latest numbers of all.")
    assert unchanged(asked, Message(role="assistant", content="1"), asked)


def test_an_instruction_that_others_hang_on_stays() -> None:
    text = (
        "Make sure that you check these things.\n- sums\n\n"
        "Make sure that you check these things.\n- dates\n"
        "Never change what is in the archive. Then read. "
        "Never change what is in the archive. This holds for all."
    )
    assert said(text).count("Make sure that you check these things.") == 2
    assert said(text).count("Never change what is in the archive.") == 2


def test_a_long_paragraph_that_comes_again_becomes_a_reference() -> None:
    block = " ".join(
        f"The contract says in clause {n} that the supplier delivers within days." for n in range(8)
    )
    text = f"First document\n\n{block}\n\nSecond document\n\n{block}\n\nWhich is older?"
    short = said(text)
    assert short.count("The contract says in clause 1") == 1
    assert "(The same as above, from “The contract says in clause” on.)" in short
    assert short.endswith("Which is older?")


def test_json_loses_its_indentation_and_nothing_else() -> None:
    data = {"a": [1, 2.50, "x  y\n"], "b": {"c": None, "d": "é"}, "n": "1.10"}
    pretty = (
        '{\n  "big": 12345678901234567890.10,\n  "e": 1E+2,\n  "data": ' + json.dumps(data, indent=2) + "\n}"
    )
    short = said(f"Look at these figures:\n{pretty}\nWhich is largest?")
    found = short.split("\n")[1]
    assert '"big":12345678901234567890.10,"e":1E+2,' in found
    assert json.loads(found) == json.loads(pretty)
    asked = f"Answer in this format:\n{pretty}"
    assert said(asked) == asked


def test_a_tables_padding_goes() -> None:
    table = "| name      | age |\n|-----------|-----|\n| Ann       | 1   |\n| Bob Stone | 2   |"
    assert said(f"Who is older here?\n\n{table}") == (
        "Who is older here?\n\n| name | age |\n|---|---|\n| Ann | 1 |\n| Bob Stone | 2 |"
    )


def call(name: str) -> tuple[Message, Message]:
    asked = Message(role="assistant", tool_calls=(ToolCall(id="c1", name=name, arguments="{}"),))
    result = json.dumps({"rows": [{"id": n, "ok": True} for n in range(3)]}, indent=2)
    return asked, Message(role="tool", tool_call_id="c1", content=result)


def test_a_tools_json_is_minified_unless_it_may_be_a_file() -> None:
    asked, result = call("search_orders")
    short = optimized((asked, result)).messages[1].text
    assert short == json.dumps(json.loads(result.text), separators=(",", ":"))
    assert unchanged(*call("read_file"))
    assert unchanged(result), "whose result it is must be known"


def test_what_models_say_and_pinned_messages_stay() -> None:
    text = "Please wait, in order to win.  Thanks!"
    assert unchanged(Message(role="assistant", content=text))
    assert unchanged(Message(role="user", content=text, pinned=True))
    result = Message(role="tool", tool_call_id="c1", content=text)
    assert unchanged(call("search")[0], result)


def test_from_a_text_about_words_on_everything_stays() -> None:
    task = Message(role="system", content="Please translate what the user sends.")
    assert unchanged(task, Message(role="user", content="Please wait in order to win."))
    sorting = Message(role="system", content="Please classify each message of the user.")
    done = optimized((sorting, Message(role="user", content="Please help, in order to win.")))
    texts = [one.text for one in done.messages]
    assert texts == ["Classify each message of the user.", "Please help, in order to win."]


def test_text_parts_are_shortened_and_others_kept() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    message = Message(role="user", content=({"type": "text", "text": "Please look at this."}, image))
    assert optimized((message,)).messages[0].content == ({"type": "text", "text": "Look at this."}, image)


def test_left_messages_stay_and_nothing_found_is_the_same_conversation() -> None:
    message = Message(role="user", content="Please look at this.")
    assert optimized((message,), leave=frozenset({0})).messages == (message,)
    plain = (Message(role="user", content="Look at this."),)
    assert optimized(plain) == (plain, ())


def test_rules_are_summed_with_their_tokens() -> None:
    done = optimized((Message(role="user", content="Please sort in order to win. Please stop."),))
    rules = per_rule(done.changes)
    assert {name: count for name, (count, _) in rules.items()} == {"politeness": 2, "verbose phrase": 1}
    assert rules["verbose phrase"][1] == estimate_tokens("in order to") - estimate_tokens("to")


_LONG = [trigger for phrase in PHRASES for trigger in phrase.triggers]
_PIECES = st.sampled_from(
    [
        *(
            "Please ",
            "please ",
            "Could you please ",
            "I want you to ",
            "kindly ",
            ", please.",
            "Thank you!",
            "Thanks ",
        ),
        *_LONG,
        *(
            "check ",
            "Check the sums of the last quarter.",
            "Always answer in formal English.",
            "it works",
            " and ",
        ),
        *(
            ". ",
            "! ",
            "? ",
            ": ",
            ", ",
            "; ",
            " ",
            "  ",
            "   ",
            "\n",
            "\n\n",
            "\n\n\n\n",
            "\t",
            "- ",
            "1. ",
            "# ",
        ),
        *(
            '"',
            "'",
            "`",
            "```\n",
            "~~~",
            "“",
            "”",
            "{",
            "}",
            "{name}",
            "<a>",
            "</a>",
            "|",
            "| a   | b |\n|---|----|\n",
        ),
        *(
            "https://x.org/a?b=please",
            "/etc/x.conf",
            "snake_case",
            "camelCase",
            "1,234.50",
            "é",
            "日本",
            "🚀",
        ),
        *('{\n  "a": 1\n}', "[\n 1,\n 2\n]", "Example:\n", "a,b,c\n", "key: value\n", "Note that ", "say "),
        "The contract says in this clause that the supplier delivers within days of the order. " * 4,
    ]
)
TEXTS = st.lists(st.one_of(_PIECES, st.text(max_size=6)), max_size=24).map("".join)
ROLES: list[Role] = ["system", "user", "assistant"]
MESSAGES = st.lists(
    st.builds(Message, role=st.sampled_from(ROLES), content=TEXTS, pinned=st.booleans()), max_size=4
).map(tuple)


@given(TEXTS)
def test_a_text_comes_to_rest_keeps_what_is_protected_and_never_grows(text: str) -> None:
    short, changes = optimized_text(text)
    assert optimized_text(short) == (short, [])
    assert bool(changes) == (short != text)
    assert len(short) <= len(text)
    assert estimate_tokens(short) <= estimate_tokens(text)
    assert bool(short.strip()) == bool(text.strip())
    recoded = any(one.rule in ("JSON without indentation", "table padding") for one in changes)
    if not recoded:
        assert [piece for piece in protected_pieces(text) if piece.strip() and piece not in short] == []


@given(MESSAGES)
def test_a_conversation_comes_to_rest_and_its_prefix_is_its_own(messages: tuple[Message, ...]) -> None:
    done = optimized(messages)
    assert optimized(done.messages) == (done.messages, ())
    assert estimate_conversation(done.messages) <= estimate_conversation(messages)
    assert optimized(messages[:-1]).messages == done.messages[: max(0, len(messages) - 1)]
    for before, after in zip(messages, done.messages, strict=True):
        assert (before.role, before.pinned) == (after.role, after.pinned)
        if before.pinned or before.role == "assistant":
            assert before == after
