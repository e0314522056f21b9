"""A tool's schema from outside, in a form that any provider takes: an object, bounded, self-contained.

Decides whether a schema can be used at all, and what is left out of it. Nothing here makes a schema stricter:
arguments that the server's own schema takes are never refused by ours, and the server checks them again.
What a Python function's schema is, is `signature.py`'s.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast
from urllib.parse import unquote

import msgspec
from jsonschema_rs import Draft202012Validator, ReferencingError, ValidationError

from farthing.swarm.keywords import LEFT_OUT, PLAIN, bounded_text, encodes

MAX_CHARS = 40_000
"""Of one schema as JSON, about 10,000 tokens."""
MAX_NODES = 2_000
"""Subschemas of one schema, references followed: some schemas grow without end when they are."""
MAX_DEPTH = 12
"""What is nested deeper takes anything."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""Names of arguments that every provider takes; Anthropic refuses a request that has another."""
_ANNOTATIONS = frozenset({"title", "description", "default"})
_NOTHING: Final = "$nothing"
"""Marks a subschema that takes nothing, until it is written as its keyword writes that."""

Schema: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class UnusableSchema:
    """A schema that cannot be shown to a model. `reason` completes "its schema cannot be used: …"."""

    reason: str


class _CannotUse(Exception):  # noqa: N818 - ends the walk through one schema; never leaves this module
    pass


def normalised(raw: object) -> Schema | UnusableSchema:
    """The schema of a tool's arguments, or why there is none. `raw` is whatever a server said.

    Local references are put in place, and cut where they come back to themselves; a reference to another
    document is refused. Keywords that providers do not know are left out, texts and lists of values bounded.
    """
    refused: UnusableSchema | None = None
    for patterns, texts in ((True, True), (False, True), (True, False), (False, False)):
        try:
            schema = _Walk(raw, patterns=patterns, texts=texts).whole()
            size = len(msgspec.json.encode(schema))
        except _CannotUse as error:
            return UnusableSchema(str(error))
        fault = _fault(schema)
        if fault is None and size <= MAX_CHARS:
            return schema
        refused = UnusableSchema(fault or f"it is {size:,} bytes long; {MAX_CHARS:,} is the most")
    return refused or UnusableSchema("it is empty")


def _fault(schema: Schema) -> str | None:
    try:
        Draft202012Validator(schema)
    except (ValidationError, ReferencingError, ValueError) as error:
        return str(error).partition("\n")[0][:200]
    return None


class _Walk:
    """One pass through a schema, with or without its regular expressions and its descriptions."""

    def __init__(self, raw: object, *, patterns: bool, texts: bool) -> None:
        self._root, self._patterns, self._texts = raw, patterns, texts
        self._left = MAX_NODES

    def whole(self) -> Schema:
        schema = self.sub(self._root, 0, ())
        if _NOTHING in schema:
            raise _CannotUse("it takes nothing")
        schema = _flat(schema)
        kind = schema.get("type", "object")
        if kind != "object" and not (isinstance(kind, list) and "object" in kind):
            raise _CannotUse(f"it is of type {kind}, and arguments are an object")
        return _named_for_all(schema)

    def sub(self, node: object, depth: int, seen: tuple[str, ...]) -> Schema:
        """The subschema in our form; `seen` are the references that led to it."""
        if isinstance(node, bool):
            return {} if node else {_NOTHING: True}
        if not isinstance(node, Mapping):
            raise _CannotUse(f"a part of it is {type(node).__name__}, and a schema is an object")
        self._left -= 1
        if self._left < 0:
            raise _CannotUse(f"it has more than {MAX_NODES:,} parts when its references are followed")
        given = cast("Mapping[str, object]", node)
        if depth > MAX_DEPTH:
            return {}
        if any(word in given for word in ("$dynamicRef", "$recursiveRef")):
            return {}
        if "$ref" in given:
            return self._referred(given, depth, seen)
        return self._written(given, depth, seen)

    def _referred(self, node: Mapping[str, object], depth: int, seen: tuple[str, ...]) -> Schema:
        ref = node["$ref"]
        if not isinstance(ref, str):
            raise _CannotUse(f"its $ref is {type(ref).__name__}, and must be text")
        target: Schema = {}
        if ref not in seen:
            target = self.sub(_pointed(self._root, ref), depth, (*seen, ref))
        beside = {key: value for key, value in node.items() if key != "$ref"}
        own = self._written(beside, depth, seen)
        if not own.keys() - _ANNOTATIONS or _NOTHING in target:
            return target | own
        return {"allOf": [target, own]} if target else own

    def _written(self, node: Mapping[str, object], depth: int, seen: tuple[str, ...]) -> Schema:
        written: Schema = {}
        for key, value in node.items():
            told = self._keyword(key, value, depth, seen)
            if told is not LEFT_OUT:
                written[key] = told
        self._mend(node, written, depth, seen)
        return written

    def _keyword(self, key: str, value: object, depth: int, seen: tuple[str, ...]) -> object:
        """The keyword's value in our form, or `LEFT_OUT`."""
        if key in _SCHEMAS:
            return self._one(key, value, depth, seen)
        if key in _LISTS:
            return self._several(value, depth, seen)
        if key == "properties" or (key == "patternProperties" and self._patterns):
            return self._map(value, depth, seen)
        if key == "pattern" and not self._patterns:
            return LEFT_OUT
        if key in _ANNOTATIONS and not self._texts:
            return LEFT_OUT
        plain = PLAIN.get(key)
        return LEFT_OUT if plain is None else plain(value)

    def _one(self, key: str, value: object, depth: int, seen: tuple[str, ...]) -> object:
        if key == "items" and isinstance(value, list):
            return LEFT_OUT  # an older draft's tuple, which `_mend` writes in today's form
        inner = self.sub(value, depth + 1, seen)
        if key in {"additionalProperties", "items"} and _NOTHING in inner:
            return False
        return LEFT_OUT if _NOTHING in inner else inner

    def _several(self, value: object, depth: int, seen: tuple[str, ...]) -> object:
        if not isinstance(value, list) or not value:
            return LEFT_OUT
        return [_plainly(self.sub(one, depth + 1, seen)) for one in cast("list[object]", value)]

    def _map(self, value: object, depth: int, seen: tuple[str, ...]) -> object:
        if not isinstance(value, Mapping):
            return LEFT_OUT
        entries = cast("Mapping[str, object]", value).items()
        return {name: _plainly(self.sub(one, depth + 1, seen)) for name, one in entries if encodes(name)}

    def _mend(self, node: Mapping[str, object], written: Schema, depth: int, seen: tuple[str, ...]) -> None:
        """What keywords mean only together, and what older drafts and OpenAPI wrote otherwise."""
        if isinstance(tuple_items := node.get("items"), list):
            prefix = self._several(cast("object", tuple_items), depth, seen)
            if prefix is not LEFT_OUT:
                written["prefixItems"] = prefix
        if "oneOf" in written:  # what was left out may let two of them fit
            branches = cast("list[object]", written.pop("oneOf"))
            if "anyOf" in written:
                written["allOf"] = [*cast("list[object]", written.get("allOf", [])), {"anyOf": branches}]
            else:
                written["anyOf"] = branches
        if "patternProperties" in node and "patternProperties" not in written:
            written.pop("additionalProperties", None)
        for bound in ("Minimum", "Maximum"):
            if node.get(f"exclusive{bound}") is True and bound.lower() in written:
                written[f"exclusive{bound}"] = written.pop(bound.lower())
        if node.get("nullable") is True:
            _let_null_in(written)
        if "enum" in node and "enum" not in written and self._texts:
            said = f"{written.get('description', '')} {_some_of(node['enum'])}"
            written["description"] = bounded_text(said.strip())


_SCHEMAS = frozenset({"items", "additionalProperties", "propertyNames"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})


def _pointed(root: object, ref: str) -> object:
    """What a local reference points at. Raises `_CannotUse` for any other."""
    if not ref.startswith("#"):
        raise _CannotUse(f"it refers to {ref[:100]!r}, which is outside of it")
    at = root
    for step in unquote(ref[1:]).split("/")[1:] if ref != "#" else ():
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(at, Mapping) and key in at:
            at = cast("Mapping[str, object]", at)[key]
        elif isinstance(at, list) and key.isdecimal() and int(key) < len(cast("list[object]", at)):
            at = cast("list[object]", at)[int(key)]
        else:
            raise _CannotUse(f"it refers to {ref[:100]!r}, which is not there")
    if ref[1:2] not in {"", "/"}:
        raise _CannotUse(f"it refers to the anchor {ref[:100]!r}; only paths as '#/$defs/NAME' are followed")
    return at


def _plainly(schema: Schema) -> Schema:
    return {"not": {}} if _NOTHING in schema else schema


def _let_null_in(written: Schema) -> None:
    kind = written.get("type")
    if kind is not None:
        kinds = cast("list[object]", kind) if isinstance(kind, list) else [kind]
        written["type"] = list(dict.fromkeys([*kinds, "null"]))
    choices = written.get("enum")
    if isinstance(choices, list) and None not in choices:
        written["enum"] = [*cast("list[object]", choices), None]
    if "const" in written:
        del written["const"]


def _some_of(choices: object) -> str:
    if not isinstance(choices, list) or not choices:
        return ""
    values = cast("list[object]", choices)
    shown = ", ".join(bounded_text(str(one), 40) for one in values[:8])
    return f"One of {len(values):,} values, as {shown}, …"


def _flat(schema: Schema) -> Schema:
    """Without alternatives at the top, which some providers refuse there: their arguments side by side."""
    schema = dict(schema)
    parts = cast("list[Schema]", schema.pop("allOf", []))
    choices = cast("list[Schema]", schema.pop("anyOf", []))
    if not parts and not choices:
        return schema
    flats = [_flat(one) for one in parts]
    options = [_flat(one) for one in choices if one != {"not": {}}]
    schema.pop("additionalProperties", None)
    schema.pop("patternProperties", None)
    properties = dict(_properties(schema))
    for flat in flats:
        properties = {**_properties(flat), **properties}
    for name, told in _optional(options).items():
        properties.setdefault(name, told)
    required = [name for one in (schema, *flats) for name in _required(one)]
    if options:
        required += [name for name in _required(options[0]) if all(name in _required(o) for o in options)]
    schema["properties"] = properties
    if required:
        schema["required"] = list(dict.fromkeys(required))
    described = next((one["description"] for one in flats if "description" in one), None)
    if described is not None:
        schema.setdefault("description", described)
    return schema


def _optional(options: Sequence[Schema]) -> dict[str, object]:
    """The arguments of alternatives. One that not every alternative knows may be anything in the others."""
    names = dict.fromkeys(name for option in options for name in _properties(option))
    told: dict[str, object] = {}
    for name in names:
        forms: list[object] = []
        for option in options:
            form = _properties(option).get(name, {})
            if form not in forms:
                forms.append(form)
        told[name] = forms[0] if len(forms) == 1 else {"anyOf": forms}
    return told


def _properties(schema: Schema) -> Mapping[str, object]:
    return cast("Mapping[str, object]", schema.get("properties") or {})


def _required(schema: Schema) -> list[str]:
    return cast("list[str]", schema.get("required") or [])


def _named_for_all(schema: Schema) -> Schema:
    """Only arguments whose names every provider takes. Raises `_CannotUse` where another is required."""
    properties, required = _properties(schema), _required(schema)
    bad = [name for name in {**properties, **dict.fromkeys(required)} if not _NAME.fullmatch(name)]
    if missing := next((name for name in bad if name in required), None):
        raise _CannotUse(f"it requires an argument named {missing[:80]!r}, which providers refuse")
    kept = {name: told for name, told in properties.items() if name not in bad}
    if bad:
        schema.pop("additionalProperties", None)
    return {**schema, "type": "object", "properties": kept}
