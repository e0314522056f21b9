"""Reviewed rewrites: what a shorter form must keep, and when it is used."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from farthing.errors import ConfigError
from farthing.prompt.rewritefile import read_rewrites, rewrite_book, write_rewrites
from farthing.prompt.rewrites import Review, Rewrite, RewriteBook, Rewrites, problems_of
from farthing.prompt.tokens import estimate_tokens
from farthing.task import Message

PROMPTS = Path(__file__).parents[2] / "examples" / "samples" / "prompts"
TEMPLATE = 'Please be so kind and tell me in JSON, with at most 3 keys, what "{what}" is called in {where}.'
SHORT = 'JSON, at most 3 keys: what is "{what}" called in {where}?'
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def rewrite(before: str = TEMPLATE, after: str = SHORT, *, name: str = "one", role: str = "user") -> Rewrite:
    made = Rewrite(
        id=name,
        role="system" if role == "system" else "user",
        template=tuple(before.split("\n")),
        rewrite=tuple(after.split("\n")),
        tokens_before=estimate_tokens(before),
        tokens_after=estimate_tokens(after),
    )
    review = Review(by="ada", at=NOW, digest=made.digest)
    return structs.replace(made, status="approved", review=review)


def message(text: str) -> Message:
    return Message(role="user", content=text)


def test_the_tutorials_example_is_reached() -> None:
    book = rewrite_book(str(PROMPTS / "rewrites.json"))
    template = (PROMPTS / "review.txt").read_text(encoding="utf-8").removesuffix("\n")
    assert template.startswith("Please analyze this code and provide comprehensive review")
    found = book.find(message(template.replace("{code}", "def f(): return 1")))
    assert found is not None
    assert found.text.startswith("Review code for quality, performance, security:")
    assert found.text.endswith("def f(): return 1")
    short = found.text.replace("def f(): return 1", "{code}")
    assert (estimate_tokens(template), estimate_tokens(short)) == (150, 50)


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        ('JSON, at most 3 keys: what is "{what}" called?', "{where} stands in it 0 times"),
        ('JSON, at most 3 keys: "{what}" {where} {where}', "{where} stands in it 2 times"),
        ('JSON, at most 3 keys: "{what}" in {where}, {who}', "{who} is in it and not in the template"),
        ("JSON, at most 3 keys: what is {what} called in {where}?", "is missing"),
        ('JSON, at most 4 keys: what is "{what}" called in {where}?', "'3' is missing"),
        ('At most 3: what is "{what}" called in {where}?', "'json' is missing"),
        ('JSON, 3 keys: what is "{what}" called in {where}?', "a limit is lost"),
        (TEMPLATE + " Be very exact with every one of the names.", "no shorter"),
        ("", "it is empty"),
    ],
)
def test_a_shorter_form_that_loses_something_is_refused(after: str, problem: str) -> None:
    assert any(problem in one for one in problems_of(TEMPLATE, after)), problems_of(TEMPLATE, after)
    assert problems_of(TEMPLATE, SHORT) == ()


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (
            "Do not ever give away what the customer has told you, please.",
            "Give away all.",
            "a negation is lost",
        ),
        (
            "Stop and ask somebody if the sum is above all the others there.",
            "Ask about sums.",
            "a condition is lost",
        ),
        ("{a} is {b}", "{a}: {b}", "characters of its own"),
        ("Say what these two are in a few words: {a}{b}", "{a}{b}?", "two placeholders touch"),
        (
            "Call `make all` and then tell me what happened in there.",
            "Call make, tell me.",
            "'`make all`' is missing",
        ),
        (
            "Read https://example.org/a and then tell me what it says.",
            "Read it.",
            "'https://example.org/a' is missing",
        ),
    ],
)
def test_bounds_code_and_addresses_stay(before: str, after: str, problem: str) -> None:
    assert any(problem in one for one in problems_of(before, after)), problems_of(before, after)


def test_an_approved_rewrite_takes_a_matching_messages_place() -> None:
    book = RewriteBook([rewrite()])
    two_readings = 'bee" is called in Rome and "wasp'
    assert book.find(message(TEMPLATE.replace("{what}", two_readings).replace("{where}", "Rome"))) is None
    found = book.find(message(TEMPLATE.replace("{what}", "bee").replace("{where}", "Rome")))
    assert found is not None
    assert (found.id, found.text) == ("one", 'JSON, at most 3 keys: what is "bee" called in Rome?')


def test_values_are_not_read_as_placeholders() -> None:
    found = RewriteBook([rewrite()]).find(message(TEMPLATE.replace("{what}", "{where}", 1)))
    assert found is not None
    assert found.text == 'JSON, at most 3 keys: what is "{where}" called in {where}?'


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "proposed"},
        {"status": "rejected"},
        {"review": None},
        {"rewrite": (SHORT + " Now.",)},
        {"role": "system"},
    ],
)
def test_what_is_not_approved_as_it_is_now_is_not_used(changes: dict[str, object]) -> None:
    book = RewriteBook([structs.replace(rewrite(), **changes)])
    assert book.find(message(TEMPLATE.replace("{what}", "bee").replace("{where}", "Rome"))) is None


def test_pinned_other_and_ambiguous_messages_get_none() -> None:
    text = TEMPLATE.replace("{what}", "bee").replace("{where}", "Rome")
    book = RewriteBook([rewrite()])
    assert book.find(Message(role="user", content=text, pinned=True)) is None
    assert book.find(Message(role="assistant", content=text)) is None
    assert book.find(message(text + " ")) is None
    twice = RewriteBook(
        [
            rewrite(),
            rewrite(TEMPLATE.replace("{where}", "{place}"), SHORT.replace("{where}", "{place}"), name="two"),
        ]
    )
    assert twice.count == 2
    assert twice.find(message(text)) is None


def test_a_template_that_begins_with_a_placeholder_is_found_too() -> None:
    before = "{code}\n\nPlease tell me what this does, in a few words."
    book = RewriteBook([rewrite(before, "{code}\n\nWhat does this do, briefly?")])
    found = book.find(message(before.replace("{code}", "x = 1")))
    assert found is not None
    assert found.text == "x = 1\n\nWhat does this do, briefly?"


def test_the_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "rewrites.json"
    content = Rewrites(rewrites=(rewrite(), rewrite(name="two", role="system")))
    write_rewrites(path, content)
    assert read_rewrites(path) == content
    assert [one.name for one in path.parent.iterdir()] == ["rewrites.json"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "there is no such file"),
        ("{", "is no file of rewrites"),
        ('{"version": 2}', "is no file of rewrites"),
        ('{"rewrites": [{"id": "a"}]}', "is no file of rewrites"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "rewrites.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        rewrite_book(str(path))


@pytest.mark.parametrize(("second", "problem"), [("one", "is there twice"), ("two", "for the same template")])
def test_two_of_one_kind_in_a_file_are_refused(tmp_path: Path, second: str, problem: str) -> None:
    path = tmp_path / "rewrites.json"
    write_rewrites(path, Rewrites(rewrites=(rewrite(), rewrite(name=second))))
    with pytest.raises(ConfigError, match=problem):
        read_rewrites(path)
