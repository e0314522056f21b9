"""Schemas from outside: whatever a server says, a model is told an object, and what fits is not refused."""

import json
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from farthing.swarm.keywords import MAX_DESCRIPTION_CHARS, MAX_ENUM
from farthing.swarm.loop import compiled
from farthing.swarm.schemas import MAX_CHARS, MAX_DEPTH, UnusableSchema, normalised
from farthing.task import Tool

EITHER: list[object] = [{}, {}]
EMPTY: dict[str, object] = {}


def usable(raw: object) -> dict[str, object]:
    found = normalised(raw)
    assert not isinstance(found, UnusableSchema), found
    return found


def of(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        pytest.param({}, of(), id="nothing is an object without arguments"),
        pytest.param(True, of(), id="so is true"),
        pytest.param({"type": ["object", "null"]}, of(), id="an object or null is an object"),
        pytest.param(of(a=True, b={}), of(a={}, b={}), id="boolean schemas"),
        pytest.param(
            {"$schema": "x", "$id": "y", "title": "T", "x-own": 1, "$comment": "c", "examples": [1]},
            {"title": "T", **of()},
            id="what providers do not know is left out",
        ),
        pytest.param(
            {**of(a={"$ref": "#/$defs/A"}), "$defs": {"A": {"type": "string"}}},
            of(a={"type": "string"}),
            id="a reference is put in place",
        ),
        pytest.param(
            {**of(a={"$ref": "#/definitions/A%20b", "description": "mine"}), "definitions": {"A b": {}}},
            of(a={"description": "mine"}),
            id="with what stands beside it",
        ),
        pytest.param(
            {**of(a={"$ref": "#/$defs/A", "minLength": 2}), "$defs": {"A": {"type": "string"}}},
            of(a={"allOf": [{"type": "string"}, {"minLength": 2}]}),
            id="also where that says more",
        ),
        pytest.param(
            {"$ref": "#/$defs/A", "$defs": {"A": of(b={"type": "null"})}},
            of(b={"type": "null"}),
            id="a reference at the top",
        ),
        pytest.param(
            of(a={"type": "object", "properties": {"inner": {"$ref": "#"}}}),
            of(a={"type": "object", "properties": {"inner": of(a=of(inner={}))}}),
            id="a schema in itself is cut",
        ),
        pytest.param(of(a={"oneOf": [True, True]}), of(a={"anyOf": EITHER}), id="one of is any of"),
        pytest.param(of(a={"not": {"type": "null"}}), of(a={}), id="not is left out"),
        pytest.param(
            of(a={"type": "number", "minimum": 1, "exclusiveMinimum": True}),
            of(a={"type": "number", "exclusiveMinimum": 1}),
            id="draft 4: exclusive bounds",
        ),
        pytest.param(
            of(a={"type": "array", "items": [{"type": "string"}, True]}),
            of(a={"type": "array", "prefixItems": [{"type": "string"}, {}]}),
            id="draft 7: tuples",
        ),
        pytest.param(
            of(a={"type": "string", "nullable": True, "enum": ["x"]}),
            of(a={"type": ["string", "null"], "enum": ["x", None]}),
            id="OpenAPI: nullable",
        ),
        pytest.param(of(a={"type": "any", "required": True}), of(a={}), id="types and words that are none"),
        pytest.param(of(a={"pattern": "(?<bad"}), of(a={}), id="a pattern of another language"),
        pytest.param(
            of(a={"maximum": 2**70, "minimum": 0}), of(a={"minimum": 0}), id="numbers beyond 64 bits"
        ),
        pytest.param(
            {"anyOf": [{**of(a={"type": "string"}), "required": ["a"]}, of(a={"type": "null"}, b={})]},
            of(a={"anyOf": [{"type": "string"}, {"type": "null"}]}, b={}),
            id="alternatives at the top are told side by side",
        ),
        pytest.param(
            {"allOf": [{**of(a={}), "required": ["a"]}, {**of(b={}), "required": ["b"]}]},
            {**of(b={}, a={}), "required": ["a", "b"]},
            id="so is what holds together",
        ),
        pytest.param(
            {**of(**{"ok": EMPTY, "not ok": EMPTY}), "additionalProperties": False},
            of(ok={}),
            id="an argument whose name providers refuse",
        ),
        pytest.param(
            {**of(a={"const": 1}), "required": ["a"], "additionalProperties": False},
            {**of(a={"const": 1}), "required": ["a"], "additionalProperties": False},
            id="what is plain stays as it is",
        ),
    ],
)
def test_a_schema_is_told_in_our_form(raw: object, told: dict[str, object]) -> None:
    assert usable(raw) == told


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("text", "a part of it is str"),
        (None, "a part of it is NoneType"),
        (False, "it takes nothing"),
        ({"type": "array"}, "it is of type array"),
        (of(a=[1]), "a part of it is list"),
        (of(a={"$ref": "https://example.com/a.json"}), "which is outside of it"),
        (of(a={"$ref": "other.json#/a"}), "which is outside of it"),
        (of(a={"$ref": "#/nowhere/at/all"}), "which is not there"),
        (of(a={"$ref": "#anchor"}), "anchor"),
        (of(a={"$ref": 7}), "must be text"),
        ({"required": ["not ok"]}, "it requires an argument named 'not ok'"),
        (of(**{f"a{n}": {"enum": [f"{n}-{v}" * 4 for v in range(60)]} for n in range(60)}), "bytes long"),
    ],
)
def test_what_cannot_be_used_says_why(raw: object, reason: str) -> None:
    found = normalised(raw)
    assert isinstance(found, UnusableSchema)
    assert reason in found.reason


def test_a_long_list_of_values_is_described_instead() -> None:
    many = [f"value-{number}" for number in range(1_000)]
    told = usable(of(a={"type": "string", "enum": many, "description": "Which."}))
    assert told == of(
        a={
            "type": "string",
            "description": "Which. One of 1,000 values, as value-0, value-1, value-2, value-3, value-4,"
            " value-5, value-6, value-7, …",
        }
    )
    assert MAX_ENUM < 1_000


def test_texts_are_cut_and_left_out_where_they_are_too_many() -> None:
    long = "word " * 1_000
    told = usable(of(a={"description": long}))
    text = str(told["properties"]["a"]["description"])  # pyright: ignore[reportIndexIssue, reportUnknownArgumentType]
    assert len(text) == MAX_DESCRIPTION_CHARS
    assert text.endswith("…")
    assert usable(of(**{f"a{n}": {"type": "string", "description": long} for n in range(200)})) == of(
        **{f"a{n}": {"type": "string"} for n in range(200)}
    )


def test_references_that_grow_without_end_are_refused() -> None:
    levels = {
        f"l{n}": of(a={"$ref": f"#/$defs/l{n + 1}"}, b={"$ref": f"#/$defs/l{n + 1}"}) for n in range(40)
    }
    found = normalised({"$ref": "#/$defs/l0", "$defs": {**levels, "l40": {}}})
    assert isinstance(found, UnusableSchema)
    assert "parts when its references are followed" in found.reason


def test_what_is_nested_deep_takes_anything() -> None:
    raw: dict[str, object] = {"type": "string"}
    for _ in range(5_000):
        raw = of(a=raw)
    told = usable(raw)
    assert json.dumps(told).count('"a"') <= MAX_DEPTH + 1


NAMES = st.sampled_from(["a", "b", "not ok"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "xy"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
WORDS = (
    *("type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "allOf", "not", "$ref"),
    *("$defs", "pattern", "minimum", "additionalProperties", "patternProperties", "prefixItems", "default"),
    *("description", "nullable", "multipleOf"),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(WORDS) | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


LEAVES = st.sampled_from(
    [
        True,
        False,
        {"type": "string"},
        {"type": ["integer", "null"]},
        {"enum": [0, "x", None]},
        {"const": 1},
        {"minLength": 1, "pattern": "^x"},
        {"minimum": 0, "multipleOf": 2},
        {"required": ["a"]},
        {"$ref": "#/$defs/A"},
        {"$ref": "#", "description": "itself"},
        {"dependentRequired": {"a": ["b"]}},
    ]
)


def nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """A keyword or two that hold schemas."""
    few = st.lists(inner, min_size=1, max_size=2)
    keywords: dict[str, st.SearchStrategy[object]] = {
        "properties": st.dictionaries(NAMES, inner, max_size=2),
        "patternProperties": st.fixed_dictionaries({"^a": inner}),
        "additionalProperties": inner,
        "unevaluatedProperties": inner,
        "propertyNames": inner,
        "items": inner,
        "prefixItems": few,
        "contains": inner,
        "anyOf": few,
        "oneOf": few,
        "allOf": few,
        "not": inner,
        "if": inner,
        "then": inner,
    }
    chosen = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=2, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


SCHEMAS = st.recursive(LEAVES, nested, max_leaves=4)


@given(ANY_JSON)
def test_whatever_it_is_it_is_told_or_refused_and_what_is_told_can_be_used(raw: object) -> None:
    found = normalised(raw)
    if isinstance(found, UnusableSchema):
        assert found.reason
        return
    text = json.dumps(found)
    assert found["type"] == "object"
    assert '"$ref":' not in text
    assert len(text.encode()) <= 2 * MAX_CHARS
    compiled(Tool(name="t", description="", parameters=found))
    assert normalised(found) == found, "in our form already"


@settings(max_examples=200)
@example({"not": {"if": {"type": "null"}}}, True, {})
@example({"oneOf": [{"properties": {"a": {"not": {}}}}, {"required": ["b"]}]}, True, {"a": 1, "b": 1})
@example({"properties": {"a": {"contains": {"type": "null"}, "minContains": 0}}}, True, {"a": []})
@example({"anyOf": [{"properties": {"a": {"type": "null"}}}, {"required": ["b"]}]}, True, {"a": 1, "b": 1})
@example({"patternProperties": {"^n": True}, "additionalProperties": False}, True, {"not ok": 1})
@given(SCHEMAS, LEAVES, st.dictionaries(NAMES, VALUES, max_size=3))
def test_arguments_that_the_server_takes_are_never_refused(
    raw: object, shared: object, arguments: dict[str, object]
) -> None:
    whole = {**cast("dict[str, object]", raw), "$defs": {"A": shared}} if isinstance(raw, dict) else raw
    told = normalised(whole)
    if isinstance(told, UnusableSchema):
        return
    try:
        fits = Draft202012Validator(cast("dict[str, object]", whole)).is_valid(arguments)
    except (ValueError, RecursionError):  # a schema that is nothing but itself
        return
    if fits:
        assert Draft202012Validator(told).is_valid(arguments), told
