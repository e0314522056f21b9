"""Whether a whole answer can be used: not empty, and what the task's `response_format` asked for. Pure.

Says what is wrong with an answer; what follows from it is `fallback.py`'s.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal, Self, SupportsIndex, cast

import jsonschema_rs
import msgspec

from farthing.errors import InvalidTaskError
from farthing.prompt.outputs import Misfit, value_of
from farthing.routing.fallback import Invalid
from farthing.task import Completion

FormatKind = Literal["json_object", "json_schema"]

_MOST_REPAIRED = 50_000
"""Characters: the repair of a longer text could hold the event loop up."""
_HALF_PAIR = re.compile("[\ud800-\udfff]")
"""What a faulty escape becomes; no text in UTF-8 can hold it."""
_MOST_LOOKS = 200_000
"""At a text under repair, some two a character where the repair is easy; some texts take the square of their
length, which is minutes."""


class Valid(msgspec.Struct, frozen=True, kw_only=True):
    """A usable answer. `data` is the parsed JSON when a `response_format` was asked for."""

    data: object = None


def validate(
    completion: Completion, response_format: Mapping[str, object] | None, output_type: object = None
) -> Valid | Invalid:
    """Checks one answer. A schema is checked with JSON Schema's own rules, a type with its own."""
    if completion.tool_calls:
        return Valid()
    if not completion.text.strip():
        return Invalid(problem="the answer is empty")
    if completion.finish_reason == "content_filter":
        return Invalid(problem="the answer was cut by a content filter")
    if response_format is None or response_format.get("type") == "text":
        return Valid()
    if completion.finish_reason == "length":
        return Invalid(problem="the JSON was cut at max_tokens")
    verdict = _check_json(completion.text, schema_of(response_format))
    if output_type is None or isinstance(verdict, Invalid):
        return verdict
    typed = value_of(output_type, completion.text)
    return Invalid(problem=typed.problem) if isinstance(typed, Misfit) else Valid(data=typed.value)


def repaired(text: str) -> str | None:
    """JSON that was nearly right, put right: a comma too many, single quotes, prose around it.

    None where nothing but a guess would help: what seems to break off is asked for again, never completed.
    """
    opens = text.count("{") + text.count("[")
    closes = text.count("}") + text.count("]")
    if not opens or opens != closes or len(text) > _MOST_REPAIRED:
        return None
    import json_repair  # only what is broken pays for it

    try:
        mended = json_repair.repair_json(_Metered(text), skip_json_loads=True, ensure_ascii=False)
    except (RecursionError, ValueError):
        return None
    return _HALF_PAIR.sub("\ufffd", mended) or None


class _Metered(str):
    """A text that says `ValueError` when it has been looked at too often; so do the texts cut from it."""

    __slots__ = ("_left",)

    _left: Iterator[int]

    def __new__(cls, text: str, left: Iterator[int] | None = None) -> Self:
        made = super().__new__(cls, text)
        made._left = iter(range(_MOST_LOOKS)) if left is None else left
        return made

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        if next(self._left, None) is None:
            raise ValueError("this text takes too long to repair")
        found = super().__getitem__(key)
        return _Metered(found, self._left) if isinstance(key, slice) else found

    def __add__(self, other: str) -> str:
        return _Metered(super().__add__(other), self._left)


def _check_json(text: str, schema: Mapping[str, object] | None) -> Valid | Invalid:
    try:
        data: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return Invalid(problem=f"the answer is not JSON: {error}")
    if schema is None:
        is_object = text.lstrip().startswith("{")
        return Valid(data=data) if is_object else Invalid(problem="the answer is not a JSON object")
    checker = _validator(msgspec.json.encode(schema))
    try:
        fault = next(checker.iter_errors(data), None)
    except ValueError as error:  # the checker's own limit on depth
        return Invalid(problem=f"the answer cannot be checked: {error}")
    if fault is None:
        return Valid(data=data)
    where = "/".join(str(part) for part in fault.instance_path) or "the answer"
    return Invalid(problem=f"{where}: {fault.message}")


def schema_of(response_format: Mapping[str, object]) -> Mapping[str, object] | None:
    """The JSON Schema of a `json_schema` format, None for `json_object`.

    Raises `InvalidTaskError` for a format without a usable schema.
    """
    kind = response_format.get("type")
    if kind == "json_object":
        return None
    if kind != "json_schema":
        raise InvalidTaskError(
            f"response_format.type is {kind!r}; give 'json_schema', 'json_object' or 'text'"
        )
    wrapper = response_format.get("json_schema")
    schema = cast("Mapping[str, object]", wrapper).get("schema") if isinstance(wrapper, Mapping) else None
    if not isinstance(schema, Mapping):
        raise InvalidTaskError(
            "response_format.json_schema.schema is missing; give {'name': …, 'schema': {…}}"
        )
    _validator(msgspec.json.encode(cast("Mapping[str, object]", schema)))  # a broken one is refused unpaid
    return cast("Mapping[str, object]", schema)


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(msgspec.json.decode(schema), offline=True)
    except ValueError as error:
        raise InvalidTaskError(f"response_format's schema is no valid JSON Schema: {error}") from error
