"""Arguments put right where that needs no guess, and refused in words where it does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from farthing.swarm.arguments import Fitted, Unfit, canonical, fitted

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "ratio": {"type": "number"},
        "wet": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "integer"}},
        "place": {"$ref": "#/$defs/Place"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "either": {"type": ["string", "integer"]},
        "code": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {
        "Place": {
            "type": "object",
            "properties": {"zip": {"type": "integer"}, "note": {"type": "string"}},
            "required": ["zip"],
        }
    },
}
CHECK = Draft202012Validator(SCHEMA)
OPEN: dict[str, object] = {"type": "object", "properties": {"n": {"type": "integer"}}}


def fit(text: str) -> Fitted | Unfit:
    return fitted(text, SCHEMA, CHECK)


@pytest.mark.parametrize(
    ("text", "expected", "said"),
    [
        ('{"city": "Rome", "days": "3"}', {"city": "Rome", "days": 3}, "days was taken as integer"),
        ('{"city": "Rome", "ratio": "0.5"}', {"city": "Rome", "ratio": 0.5}, "ratio was taken as number"),
        ('{"city": "Rome", "wet": "True"}', {"city": "Rome", "wet": True}, "wet was taken as boolean"),
        ('{"city": 7}', {"city": "7"}, "city was taken as string"),
        ('{"city": "Rome", "tags": "[1, 2]"}', {"city": "Rome", "tags": [1, 2]}, "tags was taken as array"),
        ('{"city": "Rome", "tags": ["1", 2]}', {"city": "Rome", "tags": [1, 2]}, "tags.0 was taken"),
        ('{"city": "Rome", "place": {"zip": "186"}}', {"city": "Rome", "place": {"zip": 186}}, "place.zip"),
        ('{"city": "Rome", "limit": "5"}', {"city": "Rome", "limit": 5}, "limit was taken as integer"),
        ('{"city": "Rome", "days": null}', {"city": "Rome"}, "days was dropped: it was null"),
        ('{"city": "Rome", "why": "x"}', {"city": "Rome"}, "why was dropped: the tool does not know it"),
        ("{'city': 'Rome',}", {"city": "Rome"}, "the JSON was put right"),
        ('Sure: {"city": "Rome"}', {"city": "Rome"}, "the JSON was put right"),
        (json.dumps('{"city": "Rome"}'), {"city": "Rome"}, "the JSON was put right"),
    ],
)
def test_what_is_unambiguous_is_put_right_and_said(text: str, expected: object, said: str) -> None:
    found = fit(text)
    assert isinstance(found, Fitted)
    assert json.loads(found.text) == expected
    assert any(said in repair for repair in found.repairs)


@pytest.mark.parametrize(
    ("text", "readable", "said"),
    [
        ('{"city": "Rome", "days": "two"}', True, "days"),
        ('{"city": "Rome", "days": "3.5"}', True, "days"),
        ('{"city": null}', True, "city"),  # it is needed, so null is a fault and not a gap
        ('{"city": "Rome", "tags": "1, 2"}', True, "tags"),
        ('{"city": true}', True, "city"),
        ('{"city": "Rome", "code": "x"}', True, "code"),
        ("{}", True, "required"),
        ('{"city": "Ro', False, "no JSON object"),  # it breaks off: completing it would be a guess
        ("[1]", False, "no JSON object"),
        ("Rome", False, "you wrote: Rome"),
    ],
)
def test_a_guess_is_a_fault_in_words(text: str, readable: bool, said: str) -> None:
    found = fit(text)
    assert isinstance(found, Unfit)
    assert (found.readable, said in found.fault) == (readable, True)


def test_what_fits_is_left_as_it_was_written() -> None:
    text = '{ "either":"3",  "city":"Rome", "days": 3.0, "limit": null }'
    assert fit(text) == Fitted(text=text)


def test_keys_that_a_schema_does_not_forbid_stay() -> None:
    found = fitted('{"n": "1", "more": 2}', OPEN, Draft202012Validator(OPEN))
    assert isinstance(found, Fitted)
    assert json.loads(found.text) == {"n": 1, "more": 2}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.sampled_from(["3", "x", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["zip", "note"]), inner),
    max_leaves=6,
)
NAMES = ["city", "days", "ratio", "wet", "tags", "place", "limit", "either", "code", "other"]
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES)


@given(value=OBJECTS)
def test_whatever_comes_fits_afterwards_or_is_refused(value: dict[str, object]) -> None:
    text = json.dumps(value)
    found = fit(text)
    if CHECK.is_valid(value):
        assert found == Fitted(text=text)
    if isinstance(found, Fitted):
        assert CHECK.is_valid(json.loads(found.text))
        assert fit(found.text) == Fitted(text=found.text)  # nothing is put right twice


@given(text=st.text(max_size=60) | st.text("{}[]\"':,a1 ", max_size=40))
def test_no_text_is_more_than_it_can_read(text: str) -> None:
    found = fit(text)
    assert isinstance(found, Unfit) or CHECK.is_valid(json.loads(found.text))


def test_equal_arguments_are_equal_however_they_are_written() -> None:
    assert canonical('{"b": 1, "a": [2]}') == canonical('{"a":[2],"b":1}') != canonical('{"a":[2]}')
    assert canonical("not  json") == "not json"
    assert canonical("") == canonical("{}")
