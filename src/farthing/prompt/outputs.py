"""Python types as the form of an answer: the `response_format` of a type, and an answer as its value.

Pure. Any type that pydantic can read from a JSON object will do: a model, a dataclass, a typed dictionary.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from farthing.errors import InvalidTaskError


class Typed(NamedTuple):
    """An answer as a value of the type that was asked for."""

    value: object


class Misfit(NamedTuple):
    """What in the answer does not fit the type, in words for a model."""

    problem: str


def format_of(output_type: object) -> Mapping[str, object]:
    """The `response_format` that asks for a type. Raises `InvalidTaskError` for one that is no JSON object.

    `strict` is asked for where the type allows it: OpenAI's strict mode wants every property required and no
    others (developers.openai.com, "Structured model outputs").
    """
    name = getattr(output_type, "__name__", str(output_type))
    try:
        schema = _adapter(output_type).json_schema()
    except (PydanticUserError, TypeError) as error:
        words = str(error).splitlines()[0]
        raise InvalidTaskError(f"output_type {name} has no JSON Schema: {words}") from None
    if not _is_object(schema):
        raise InvalidTaskError(
            f"output_type {name} is no JSON object; put it into a model with one field for it"
        )
    word = "".join(letter if letter.isalnum() else "_" for letter in name)[:64]
    return {
        "type": "json_schema",
        "json_schema": {"name": word, "strict": _is_strict(schema), "schema": schema},
    }


def value_of(output_type: object, text: str) -> Typed | Misfit:
    """The answer as the type's value; its own validators run here."""
    try:
        return Typed(_adapter(output_type).validate_json(text))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in fault["loc"]) or "the answer"
        return Misfit(f"{where}: {fault['msg']}")


@lru_cache(maxsize=64)
def _adapter(output_type: object) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type[Any]", output_type))


def _is_object(schema: Mapping[str, object]) -> bool:
    """Whether every answer that fits is an object; a model that names itself is a reference at the root."""
    if schema.get("type") == "object":
        return True
    definitions = cast("Mapping[str, Mapping[str, object]]", schema.get("$defs", {}))
    return definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], {}).get("type") == "object"


def _is_strict(node: object) -> bool:
    if isinstance(node, list):
        return all(_is_strict(entry) for entry in cast("list[object]", node))
    if not isinstance(node, Mapping):
        return True
    fields = cast("Mapping[str, object]", node)
    if fields.get("type") == "object":
        known = set(cast("Mapping[str, object]", fields.get("properties", {})))
        required = set(cast("list[str]", fields.get("required", [])))
        if known != required or fields.get("additionalProperties") is not False:
            return False
    return all(_is_strict(value) for value in fields.values())
