"""What may go of a conversation and what never does: cases, and laws over conversations made at random."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from farthing.prompt.compress import compressed
from farthing.prompt.settled import STRETCH_TOKENS, settle, stretches_of
from farthing.prompt.superseded import MARK
from farthing.prompt.tokens import estimate_conversation
from farthing.prompt.turns import exchanges_of, pieces_of, protected, steps_of
from farthing.task import Message, ToolCall

LONG = "\n".join(f"line {number} of the file says what it always says" for number in range(20))


def user(text: str, *, pinned: bool = False) -> Message:
    return Message(role="user", content=text, pinned=pinned)


def said(text: str) -> Message:
    return Message(role="assistant", content=text)


def used(number: int, name: str, result: str, **arguments: object) -> list[Message]:
    call = ToolCall(id=f"call_{number}", name=name, arguments=msgspec.json.encode(arguments).decode())
    return [
        Message(role="assistant", content=None, tool_calls=(call,)),
        Message(role="tool", tool_call_id=call.id, content=result),
    ]


def rest() -> list[Message]:
    """So many steps that everything before them is old."""
    return [one for number in range(3) for one in (user(f"go on {number}"), said("I do"))]


def shorter(messages: Sequence[Message], share: float = 0.9) -> tuple[Message, ...]:
    return compressed(messages, target_tokens=int(estimate_conversation(messages) * share)).messages


def results(messages: Sequence[Message]) -> list[str]:
    return [one.text for one in messages if one.role == "tool"]


def test_the_same_call_again_replaces_the_older_result() -> None:
    talk = [user("hello"), *used(1, "read", LONG, path="a"), *used(2, "read", LONG + "!", path="a"), *rest()]
    older, newer = results(shorter(talk))
    assert older == f"{MARK}a later read replaced this]"
    assert newer == LONG + "!"


def test_an_error_replaces_nothing() -> None:
    talk = [user("hello"), *used(1, "read", LONG, path="a"), *used(2, "read", "timeout", path="a"), *rest()]
    assert not any(text.startswith(MARK) for text in results(shorter(talk)))


def test_a_file_that_was_written_as_a_whole_replaces_what_was_read() -> None:
    written = used(2, "write", "ok", path="a", content=LONG.replace("line 3", "line three"))
    older, _ = results(shorter([user("hello"), *used(1, "read", LONG, path="a"), *written, *rest()]))
    assert older.startswith(MARK)


def test_an_edit_of_a_part_replaces_nothing() -> None:
    edit = used(2, "edit", "ok", path="a", old="line 3 of the file", new="line three of the file" * 9)
    texts = results(shorter([user("hello"), *used(1, "read", LONG, path="a"), *edit, *rest()]))
    assert not texts[0].startswith(MARK)


def test_another_page_replaces_nothing_and_the_same_page_does() -> None:
    pages = [LONG.replace("file", word) for word in ("first", "second", "newest")]
    calls = [
        *used(1, "ls", pages[0], page=1),
        *used(2, "ls", pages[1], page=2),
        *used(3, "ls", pages[2], page=1),
    ]
    one, two, three = results(shorter([user("hello"), *calls, *rest()]))
    assert (one.startswith(MARK), two.startswith(MARK), three.startswith(MARK)) == (True, False, False)


def test_the_same_paragraph_stands_once_and_another_number_makes_another() -> None:
    page = " ".join(f"The committee of {word} met and heard the report." for word in "abcdefgh")
    again = [user("first"), said(page), user("more"), said(page), *rest()]
    texts = [one.text for one in shorter(again)]
    assert texts.count(page) == 1
    assert f"{MARK}the same stands above]" in texts
    other = [user("first"), said(page + " It cost 5."), user("more"), said(page + " It cost 6."), *rest()]
    assert not any(MARK in one.text for one in shorter(other, 0.99))


def test_what_is_pinned_recent_or_of_the_system_stays() -> None:
    pinned = user("the door code is blue " * 20, pinned=True)
    talk = [
        Message(role="system", content="rules " * 50),
        user("hello"),
        said(LONG),
        pinned,
        said(LONG),
        *rest(),
    ]
    made = shorter(talk, 0.01)
    assert {talk[0], pinned, *rest()} <= set(made)


def test_the_question_decides_where_there_is_no_room_for_all() -> None:
    about = [said(f"The {word} was delivered to gate {number}.") for number, word in enumerate(WORDS)]
    talk = [user("hello"), *[one for each in about for one in (each, user("and the next one?"))], *rest()]
    asked = [*talk, user("Where did the harmonium go?")]
    texts = " ".join(one.text for one in shorter(asked, 0.45))
    assert "harmonium was delivered to gate 7" in texts
    assert sum(word in texts for word in WORDS) < len(WORDS)


WORDS = [
    "anvil",
    "bellows",
    "cradle",
    "dresser",
    "easel",
    "fender",
    "girandole",
    "harmonium",
    "icebox",
    "jug",
    "kettle",
    "lectern",
    "mangle",
]


def test_embeddings_are_asked_where_they_are_given() -> None:
    talk = [user("hello"), *[said(f"sentence {word} here.") for word in WORDS], *rest()]

    def near(question: str, texts: Sequence[str], fitting: int) -> list[float]:
        return [float("lectern" in text) for text in texts]

    target = int(estimate_conversation(talk) * 0.55)
    made = compressed(talk, target_tokens=target, question="x", scores=near).messages
    assert any("lectern" in one.text for one in made)


def test_a_stretch_comes_out_the_same_whatever_follows() -> None:
    talk = [user("hello")]
    for number in range(90):
        talk += [
            *used(number, "read", LONG, path=f"file{number}"),
            said(f"Number {number} is read."),
            user("next"),
        ]
    stretches = stretches_of(talk)
    assert len(stretches) > 1
    assert all(estimate_conversation(talk[one:other]) > 0.9 * STRETCH_TOKENS for one, other in stretches)
    longer = [*talk, *used(999, "read", LONG, path="file1"), *rest()]
    assert stretches_of(longer)[: len(stretches)] == stretches
    first = settle(talk, *stretches[0])
    assert settle(longer, *stretches[0]).messages == first.messages
    assert estimate_conversation(first.messages) < 0.4 * estimate_conversation(talk[: stretches[0][1]])


def test_pieces_are_the_text() -> None:
    text = "One. Two is 2.5 and v. 3!\nThree\n\n" + "x" * 2000 + " {" + '"a": 1, ' * 200
    for lines in (True, False):
        assert "".join(pieces_of(text, lines=lines)) == text
        assert max(map(len, pieces_of(text, lines=lines))) <= 400


# --- laws

TEXTS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["ok", LONG, LONG + " 2", "We must use port 8443. Thanks!\n\n" + LONG, MARK, "[…] ", "a. B. C."]
    ),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Turns with calls, several in one message, ids used again, results missing, pins, odd arguments."""
    messages = [Message(role="system", content=draw(TEXTS))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 9))):
        messages.append(user(draw(TEXTS), pinned=draw(st.integers(0, 9)) == 0))
        for _ in range(draw(st.integers(0, 3))):
            names = draw(st.lists(st.sampled_from(["read", "write"]), max_size=3))
            calls = tuple(
                ToolCall(id=f"c{number}", name=name, arguments=draw(st.sampled_from(ARGUMENTS)))
                for number, name in enumerate(names)
            )
            messages.append(Message(role="assistant", content=draw(st.none() | TEXTS), tool_calls=calls))
            messages += [Message(role="tool", tool_call_id=call.id, content=draw(TEXTS)) for call in calls]
    return messages


ARGUMENTS = [
    "{}",
    '{"path":"a"}',
    '{"path": "a"}',
    msgspec.json.encode({"path": "a", "content": LONG}).decode(),
    msgspec.json.encode({"path": "a", "content": LONG + "\nmore", "mode": 3}).decode(),
    "not json",
    "[1]",
    '"',
]


@settings(max_examples=150, deadline=None)
@given(conversations(), st.sampled_from([0.05, 0.3, 0.6, 0.95]))
def test_laws_of_a_compressed_conversation(messages: list[Message], share: float) -> None:
    target = int(estimate_conversation(messages) * share)
    done = compressed(messages, target_tokens=target)
    made = done.messages
    assert estimate_conversation(made) <= estimate_conversation(messages)
    assert [one.tool_call_id for one in made if one.role == "tool"] == [
        call.id for one in made for call in one.tool_calls
    ]
    assert len(exchanges_of(made)) == sum(len(one.tool_calls) for one in made)
    changed = {change.message for change in done.changes}
    gone = {change.message for change in done.changes if not change.after}
    left_over = [(at, one) for at, one in enumerate(messages) if at not in gone]
    assert [one.role for _, one in left_over] == [one.role for one in made]
    assert all(at in changed or one == other for (at, one), other in zip(left_over, made, strict=True))
    kept = [messages[at] for at in sorted(protected(messages))]
    left = iter(made)
    assert all(any(one == other for other in left) for one in kept)
    pairs = {(one.role, other.role) for one, other in pairwise(made)}
    known = {(one.role, other.role) for one, other in pairwise(messages)}
    assert pairs <= known | {
        ("system", "user"),
        ("user", "assistant"),
        ("assistant", "user"),
        ("tool", "assistant"),
    }
    assert compressed(messages, target_tokens=target) == done
    assert compressed(made, target_tokens=target).messages == made


def test_steps_hold_results_with_their_calls() -> None:
    talk = [user("a"), *used(1, "read", "x"), said("b")]
    assert [tuple(step) for step in steps_of(talk)] == [(0, 1), (1, 3), (3, 4)]
