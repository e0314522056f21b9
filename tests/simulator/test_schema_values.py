"""Values made for a schema are valid for it, judged by another implementation."""

from random import Random

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.simulator.schema_values import value_for

_NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": st.integers(-50, 0),
        "maximum": st.integers(1, 50),
        "multipleOf": st.sampled_from([1, 2]),
    },
)
_STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")}, optional={"minLength": st.integers(0, 20), "maxLength": st.integers(20, 40)}
)
_LEAVES: st.SearchStrategy[object] = st.one_of(
    _NUMBERS,
    _STRINGS,
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.just({"type": "string", "format": "date-time"}),
    st.just({"enum": ["a", 2, None]}),
    st.just({"const": "fixed"}),
)


def _objects(children: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    names = st.lists(
        st.sampled_from(["query", "path", "n", "items", "note"]), min_size=1, max_size=4, unique=True
    )
    return names.flatmap(
        lambda keys: st.tuples(st.tuples(*[children for _ in keys]), st.integers(0, len(keys))).map(
            lambda made: {
                "type": "object",
                "properties": dict(zip(keys, made[0], strict=True)),
                "required": keys[: made[1]],
                "additionalProperties": False,
            }
        )
    )


def _array(item: object, least: int, more: int) -> dict[str, object]:
    return {"type": "array", "items": item, "minItems": least, "maxItems": least + more}


def _union(branches: list[object]) -> dict[str, object]:
    return {"anyOf": branches}


def _deeper(children: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        _objects(children),
        st.lists(children, min_size=1, max_size=3).map(_union),
        st.builds(_array, children, st.integers(0, 3), st.integers(0, 3)),
    )


_SCHEMAS: st.SearchStrategy[object] = st.recursive(_LEAVES, _deeper, max_leaves=12)


@given(_SCHEMAS, st.integers(0, 1000))
def test_every_value_is_valid(schema: object, seed: int) -> None:
    value = value_for(schema, Random(seed), topic="bridges")
    jsonschema_rs.validate(msgspec.to_builtins(schema), value)


@pytest.mark.parametrize("seed", range(5))
def test_references_and_recursion_end(seed: int) -> None:
    schema: dict[str, object] = {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "child": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    "more": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["name", "child", "more"],
            }
        },
        "$ref": "#/$defs/node",
    }
    jsonschema_rs.validate(schema, value_for(schema, Random(seed), topic="bridges"))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.1},
        {"type": "integer", "minimum": 7, "multipleOf": 5, "maximum": 10},
        {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 2, "maxItems": 2, "uniqueItems": True},
        {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}]},
        {"type": "object", "required": ["unlisted"]},
    ],
)
def test_bounds_hold(schema: dict[str, object]) -> None:
    for seed in range(30):
        jsonschema_rs.validate(schema, value_for(schema, Random(seed), topic="bridges"))
