"""Which whole answers can be used, by what the task asked for."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.errors import InvalidTaskError
from farthing.routing.fallback import Invalid
from farthing.routing.validate import Valid, repaired, schema_of, validate
from farthing.task import Completion, FinishReason, ToolCall

OBJECT = {"type": "json_object"}
CITY = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "people": {"type": "integer", "minimum": 0}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def said(text: str, finish: FinishReason = "stop", calls: tuple[ToolCall, ...] = ()) -> Completion:
    return Completion(
        generation_id=None, model="m", provider=None, text=text, tool_calls=calls, finish_reason=finish
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Bern.", None),
        ("Bern.", {"type": "text"}),
        (' {"a": [1, 2]}\n', OBJECT),
        ('{"city": "Bern", "people": 134000}', CITY),
        ('{"city": "Bern"}', CITY),
    ],
)
def test_usable_answers(text: str, wanted: Mapping[str, object] | None) -> None:
    assert isinstance(validate(said(text), wanted), Valid)


@pytest.mark.parametrize(
    ("text", "finish", "wanted", "problem"),
    [
        ("", "stop", None, "empty"),
        (" \n\t", "stop", None, "empty"),
        ("I can't", "content_filter", None, "content filter"),
        ('{"a": 1', "length", OBJECT, "cut at max_tokens"),
        ("Bern.", "stop", OBJECT, "not JSON"),
        ("[1, 2]", "stop", OBJECT, "not a JSON object"),
        ('```json\n{"city": "Bern"}\n```', "stop", CITY, "not JSON"),
        ('{"people": 3}', "stop", CITY, "city"),
        ('{"city": "Bern", "people": -1}', "stop", CITY, "people: "),
        ('{"city": "Bern", "mayor": "?"}', "stop", CITY, "mayor"),
        ("[" * 5000, "stop", OBJECT, "not JSON"),
    ],
)
def test_unusable_answers(
    text: str, finish: FinishReason, wanted: Mapping[str, object] | None, problem: str
) -> None:
    verdict = validate(said(text, finish), wanted)
    assert isinstance(verdict, Invalid)
    assert problem in verdict.problem


def test_a_cut_text_is_usable_and_a_cut_call_is_the_tools_matter() -> None:
    assert validate(said("The first half", "length"), None) == Valid()
    call = ToolCall(id="1", name="search", arguments="{}")
    assert validate(said("", "tool_calls", (call,)), CITY) == Valid()


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"type": "xml"}, "'xml'"),
        ({}, "None"),
        ({"type": "json_schema"}, "schema is missing"),
        ({"type": "json_schema", "json_schema": {"schema": "object"}}, "schema is missing"),
    ],
)
def test_a_format_that_no_model_can_meet_is_the_callers_fault(
    wanted: Mapping[str, object], problem: str
) -> None:
    with pytest.raises(InvalidTaskError, match=problem):
        schema_of(wanted)


def test_a_schema_that_is_none_is_the_callers_fault() -> None:
    broken = {"type": "json_schema", "json_schema": {"schema": {"type": "strng"}}}
    with pytest.raises(InvalidTaskError, match="no valid JSON Schema"):
        validate(said("{}"), broken)


@given(st.text(), st.sampled_from([None, OBJECT, CITY]))
def test_any_text_gets_a_verdict(text: str, wanted: Mapping[str, object] | None) -> None:
    verdict = validate(said(text), wanted)
    assert isinstance(verdict, Valid | Invalid)
    if not text.strip():
        assert isinstance(verdict, Invalid)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ('{"city": "Bern", "people": 3,}', '{"city": "Bern", "people": 3}'),
        ("{'city': 'Bern'}", '{"city": "Bern"}'),
        ('Here you are:\n```json\n{"city": "Zürich"}\n```\nAnything else?', '{"city": "Zürich"}'),
        ('{"city": "Bern" "people": 3}', '{"city": "Bern", "people": 3}'),
    ],
)
def test_json_that_is_nearly_right_is_put_right(text: str, mended: str) -> None:
    assert repaired(text) == mended


@pytest.mark.parametrize("text", ["", "Bern.", '{"city": "Be', '{"city": "Bern", "people":', "[" * 300_000])
def test_what_is_not_there_is_not_made_up(text: str) -> None:
    assert repaired(text) is None


@given(st.text(alphabet="{}[]\",:'\\ ab1.\n", max_size=60))
def test_any_text_can_be_tried(text: str) -> None:
    mended = repaired(text)
    assert mended is None or isinstance(mended, str)


@pytest.mark.parametrize("unit", ["{[}]", "[{]}", "{\\}", "'a", '"a\n'])
def test_a_repair_that_would_take_the_square_of_the_length_is_given_up(unit: str) -> None:
    """Minutes, without a bound on the looks at the text."""
    text = unit * 4000
    assert repaired(f"[{text}]") is None


def test_half_a_pair_of_an_escape_is_no_text() -> None:
    mended = repaired('Here: {"city": "\\ud800"}')
    assert mended is not None
    assert isinstance(validate(said(mended), CITY), Valid)
