"""The arguments of a tool call as the model wrote them, and as they can be put right without asking it.

Decides what is unambiguous: JSON that is nearly JSON, a number in quotes, a null where nothing was meant, a
key that the schema forbids. Whatever would be a guess is a fault, in words for the model. Runs nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

import msgspec
from jsonschema_rs import Draft202012Validator

from farthing.routing.validate import repaired

_SHOWN_FAULTS = 5
_SHOWN_CHARS = 200
_DEEPEST = 32
_WHOLE = re.compile(r"[-+]?\d{1,18}")
_DECIMAL = re.compile(r"[-+]?\d{1,18}(\.\d{1,18})?([eE][-+]?\d{1,2})?")
_NOTHING = object()

Schema: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Arguments that fit. `text` is their JSON, as the model wrote it unless `repairs` say what changed."""

    text: str
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Arguments that cannot be used; `fault` says why. `readable`: they are at least a JSON object."""

    fault: str
    readable: bool


def fitted(text: str, parameters: Schema, check: Draft202012Validator) -> Fitted | Unfit:
    """The arguments, put right where that needs no guess, or what is wrong with them."""
    repairs: list[str] = []
    try:
        arguments = parse_arguments(text)
    except ValueError as error:
        mended = _mended(text)
        if mended is None:
            return Unfit(fault=f"{error}; you wrote: {text[:_SHOWN_CHARS]}", readable=False)
        arguments = mended
        repairs.append("the JSON was put right")
    fault = _fault(arguments, check)
    if fault is not None:
        arguments = _Coercion(parameters, repairs).properties(arguments, parameters, "")
        if _fault(arguments, check) is not None:
            return Unfit(fault=fault, readable=True)
    if not repairs:
        return Fitted(text=text)
    return Fitted(text=msgspec.json.encode(arguments).decode(), repairs=tuple(repairs))


def parse_arguments(text: str) -> dict[str, object]:
    """The arguments a model wrote, as an object; no text means none. Raises `ValueError`."""
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"the arguments are no JSON object: {error}") from None


def canonical(text: str) -> str:
    """Equal arguments as equal text, however they were written."""
    try:
        return msgspec.json.encode(parse_arguments(text), order="deterministic").decode()
    except (ValueError, RecursionError):
        return " ".join(text.split())


def _mended(text: str) -> dict[str, object] | None:
    """An object out of what is nearly one: JSON within a JSON string, a comma too many, single quotes."""
    try:
        inner = msgspec.json.decode(text, type=str)
    except (msgspec.MsgspecError, RecursionError):
        inner = None
    for tried in (inner, repaired(text)):
        try:
            found = parse_arguments(tried) if tried else None
        except ValueError:
            found = None
        if found is not None:
            return found
    return None


def _fault(arguments: Mapping[str, object], check: Draft202012Validator) -> str | None:
    try:
        faults = [
            f"{'.'.join(str(step) for step in error.instance_path) or 'arguments'}: {error.message}"
            for error, _ in zip(check.iter_errors(arguments), range(_SHOWN_FAULTS), strict=False)
        ]
    except ValueError as error:  # the checker's own limit on depth
        return f"the arguments cannot be checked: {error}"
    return "; ".join(faults) if faults else None


class _Coercion:
    """Walks a value beside its schema and notes what it changes. The result is checked by the caller."""

    def __init__(self, root: Schema, repairs: list[str]) -> None:
        self._root, self._repairs = root, repairs

    def properties(self, value: Mapping[str, object], schema: Schema, path: str) -> dict[str, object]:
        if path.count(".") > _DEEPEST:
            return dict(value)
        schema = self._resolved(schema)
        known = _mapping(schema.get("properties"))
        required = schema.get("required")
        kept: dict[str, object] = {}
        for key, entry in value.items():
            at = f"{path}.{key}" if path else key
            if key not in known:
                if schema.get("additionalProperties") is False and "patternProperties" not in schema:
                    self._repairs.append(f"{at} was dropped: the tool does not know it")
                else:
                    kept[key] = entry
                continue
            own = _mapping(known[key])
            needed = isinstance(required, list | tuple) and key in cast("list[object]", required)
            if entry is None and not needed and not self._takes_null(own):
                self._repairs.append(f"{at} was dropped: it was null")
                continue
            kept[key] = self.fit(entry, own, at)
        return kept

    def fit(self, value: object, schema: Schema, path: str) -> object:
        kinds, branch = self._kinds(schema)
        given = _kind(value)
        if "object" in given & kinds:
            return self.properties(cast(Schema, value), branch.get("object", {}), path)
        if "array" in given & kinds:
            items = _mapping(branch.get("array", {}).get("items"))
            entries = cast("list[object]", value)
            return [self.fit(entry, items, f"{path}.{at}") for at, entry in enumerate(entries)]
        if not kinds or given & kinds:
            return value
        readings = {kind: _read(value, kind) for kind in kinds - {"null"}}
        fitting = {kind: found for kind, found in readings.items() if found is not _NOTHING}
        if "integer" in fitting:
            fitting.pop("number", None)
        if len(fitting) != 1:
            return value
        ((kind, found),) = fitting.items()
        self._repairs.append(f"{path} was taken as {kind}")
        return found

    def _kinds(self, schema: Schema) -> tuple[frozenset[str], Mapping[str, Schema]]:
        """The types that a schema names, and the branch that names each. None named: anything goes."""
        schema = self._resolved(schema)
        named = schema.get("type")
        if isinstance(named, str):
            return frozenset((named,)), {named: schema}
        if isinstance(named, list | tuple):
            names = [str(one) for one in cast("list[object]", named)]
            return frozenset(names), dict.fromkeys(names, schema)
        found: dict[str, Schema] = {}
        for choice in _choices(schema):
            branch = self._resolved(_mapping(choice))
            kind = branch.get("type")
            if not isinstance(kind, str) or kind in found:
                return frozenset(), {}  # two objects, or something that a look at types does not tell apart
            found[kind] = branch
        return frozenset(found), found

    def _takes_null(self, schema: Schema) -> bool:
        kinds, _ = self._kinds(schema)
        return not kinds or "null" in kinds

    def _resolved(self, schema: Schema) -> Schema:
        for _ in range(_DEEPEST):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                return schema
            schema = self._root
            for step in reference[2:].split("/"):
                schema = _mapping(schema.get(step.replace("~1", "/").replace("~0", "~")))
        return schema


def _choices(schema: Schema) -> list[object]:
    found = schema.get("anyOf") or schema.get("oneOf")
    return cast("list[object]", found) if isinstance(found, list) else []


def _kind(value: object) -> frozenset[str]:
    """The JSON types that a value is of."""
    match value:
        case bool():
            return frozenset(("boolean",))
        case int():
            return frozenset(("integer", "number"))
        case float():
            return frozenset(("number", "integer") if value.is_integer() else ("number",))
        case str():
            return frozenset(("string",))
        case None:
            return frozenset(("null",))
        case list():
            return frozenset(("array",))
        case _:
            return frozenset(("object",))


def _read(value: object, kind: str) -> object:
    """The value as one of that type, where there is one way to read it so; else `_NOTHING`."""
    if isinstance(value, int) and not isinstance(value, bool) and kind == "string":
        return str(value)
    if not isinstance(value, str):
        return _NOTHING
    text = value.strip()
    match kind:
        case "integer" if _WHOLE.fullmatch(text):
            return int(text)
        case "number" if _DECIMAL.fullmatch(text):
            return float(text)
        case "boolean" if text.lower() in ("true", "false"):
            return text.lower() == "true"
        case "array" | "object":
            return _json_of(text, kind)
        case _:
            return _NOTHING


def _json_of(text: str, kind: str) -> object:
    try:
        found: object = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return _NOTHING
    return found if kind in _kind(found) else _NOTHING


def _mapping(value: object) -> Schema:
    return cast(Schema, value) if isinstance(value, Mapping) else {}
