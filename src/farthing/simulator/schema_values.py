"""Values that are valid for a JSON Schema, readable where the schema leaves room.

Pure: the generator is an argument. Covers the subset that tools and structured outputs use: types, unions,
enum, const, references, bounds of numbers, strings and arrays, formats, default and examples. `pattern` is
not generated; such a string takes an example, or only its length fits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor
from random import Random

from farthing.simulator.shapes import items, mapping, texts, whole

_DEPTH = 6
"""Below it optional parts are left out, so that recursive schemas end."""

FORMATS: Mapping[str, str] = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T09:30:00Z",
    "time": "09:30:00Z",
    "duration": "P1D",
    "email": "simulated@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/simulated",
    "url": "https://example.org/simulated",
    "uuid": "00000000-0000-4000-8000-000000000001",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the schema a value is made."""

    rng: Random
    topic: str
    definitions: Mapping[str, object]
    name: str = ""
    depth: int = 0

    def inside(self, name: str) -> "_Place":
        return replace(self, name=name, depth=self.depth + 1)


def value_for(schema: object, rng: Random, *, topic: str) -> object:
    """A value valid for `schema`; `topic` is what strings without a rule speak of."""
    return _value(schema, _Place(rng, topic, mapping(schema)))


def _value(schema: object, place: _Place) -> object:
    if schema is True or schema is None:
        return place.topic
    rules = _resolved(mapping(schema), place)
    if "const" in rules:
        return rules["const"]
    if choices := items(rules.get("enum")):
        return place.rng.choice(choices)
    for union in ("anyOf", "oneOf"):
        if branches := items(rules.get(union)):
            branch = branches[0] if place.depth < _DEPTH else min(branches, key=_weight)
            rest = {key: value for key, value in rules.items() if key != union}
            return _value(_merged(rest, mapping(branch)), place)
    if "default" in rules and rules["default"] is not None and place.rng.random() < 0.5:
        return rules["default"]
    if examples := items(rules.get("examples")):
        return place.rng.choice(examples)
    return _typed(rules, place)


def _typed(rules: Mapping[str, object], place: _Place) -> object:
    match _kind(rules):
        case "object":
            return _object(rules, place)
        case "array":
            return _array(rules, place)
        case "integer":
            return _number(rules, place.rng, integer=True)
        case "number":
            return _number(rules, place.rng, integer=False)
        case "boolean":
            return place.rng.random() < 0.5
        case "null":
            return None
        case _:
            return _string(rules, place)


def _kind(rules: Mapping[str, object]) -> str:
    kind = rules.get("type")
    if isinstance(kind, str):
        return kind
    if kinds := [name for name in texts(kind) if name != "null"]:
        return kinds[0]
    if texts(kind):
        return "null"
    if "properties" in rules or "required" in rules:
        return "object"
    if "items" in rules or "prefixItems" in rules:
        return "array"
    numeric = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    return "number" if any(key in rules for key in numeric) else "string"


def _object(rules: Mapping[str, object], place: _Place) -> dict[str, object]:
    properties = mapping(rules.get("properties"))
    required = texts(rules.get("required"))
    made: dict[str, object] = {}
    for name, schema in properties.items():
        optional = name not in required
        if optional and (schema is False or place.depth >= _DEPTH or place.rng.random() < 0.3):
            continue
        made[name] = _value(schema, place.inside(name))
    extra = rules.get("additionalProperties", True)
    for name in required:
        if name not in made:
            made[name] = _value(extra, place.inside(name))
    for number in range((whole(rules.get("minProperties")) or 0) - len(made)):
        made[f"simulated_{number + 1}"] = _value(extra, place.inside("simulated"))
    return made


def _array(rules: Mapping[str, object], place: _Place) -> list[object]:
    first = items(rules.get("prefixItems"))
    least = max(whole(rules.get("minItems")) or 0, 0)
    most = whole(rules.get("maxItems"))
    wanted = max(least, len(first) or (1 + place.rng.randrange(3) if place.depth < _DEPTH else 0))
    wanted = wanted if most is None else min(wanted, most)
    rest = rules.get("items", True)
    schemas = [first[n] if n < len(first) else rest for n in range(wanted)]
    if rules.get("uniqueItems"):
        return _distinct(schemas, place)
    return [_value(schema, place.inside(place.name)) for schema in schemas]


def _distinct(schemas: list[object], place: _Place) -> list[object]:
    made: list[object] = []
    for number, schema in enumerate(schemas):
        for attempt in range(20):
            value = _value(schema, place.inside(place.name))
            if isinstance(value, str) and value in made and "enum" not in mapping(schema):
                value = f"{value} {number + 1}.{attempt}"
            if value not in made:
                made.append(value)
                break
    return made


def _number(rules: Mapping[str, object], rng: Random, *, integer: bool) -> int | float:
    low, high = _bounds(rules, integer=integer)
    step = _real(rules.get("multipleOf"))
    if step is not None and step > 0:
        count = rng.randint(ceil(low / step), max(ceil(low / step), floor(high / step)))
        product = count * step
        return int(product) if integer or product == int(product) else product
    if integer:
        return rng.randint(ceil(low), max(ceil(low), floor(high)))
    return min(max(round(rng.uniform(low, high), 3), low), high)


def _bounds(rules: Mapping[str, object], *, integer: bool) -> tuple[float, float]:
    """The closed range to draw from; an open end is moved inside."""
    low, high = _real(rules.get("minimum")), _real(rules.get("maximum"))
    above, below = _real(rules.get("exclusiveMinimum")), _real(rules.get("exclusiveMaximum"))
    end = high if high is not None else below
    start = low if low is not None else above
    gap: float = (
        1 if integer else min(0.5, (end - start) / 4 if end is not None and start is not None else 0.5)
    )
    if above is not None:
        edge = floor(above) + 1 if integer else above + gap
        low = edge if low is None else max(low, edge)
    if below is not None:
        edge = ceil(below) - 1 if integer else below - gap
        high = edge if high is None else min(high, edge)
    if low is None:
        low = 1 if high is None or high >= 1 else high - 10
    return low, low + 10 if high is None else high


def _string(rules: Mapping[str, object], place: _Place) -> str:
    shape = rules.get("format")
    text = FORMATS.get(shape) if isinstance(shape, str) else None
    if text is None:
        text = _named(place)
    least, most = whole(rules.get("minLength")) or 0, whole(rules.get("maxLength"))
    if len(text) < least:
        text = (text + " simulated" * (least // 10 + 1))[: max(least, len(text))]
    return text if most is None else text[:most]


def _named(place: _Place) -> str:
    """A plausible text for a property of this name."""
    name = place.name.lower()
    if any(word in name for word in ("query", "search", "question", "topic", "prompt", "goal")):
        return place.topic
    if "path" in name or "file" in name:
        return "notes/simulated.md"
    if "url" in name or "link" in name:
        return FORMATS["uri"]
    if name in {"city", "location", "place"}:
        return place.rng.choice(("Lisbon", "Oslo", "Kyoto"))
    if name in {"language", "lang"}:
        return "python"
    label = place.name.replace("_", " ") or "value"
    return f"simulated {label} for {place.topic}"


def _resolved(rules: Mapping[str, object], place: _Place) -> Mapping[str, object]:
    """The rules with references followed and `allOf` merged in."""
    for _ in range(8):
        target = rules.get("$ref")
        if not isinstance(target, str):
            break
        rest = {key: value for key, value in rules.items() if key != "$ref"}
        rules = _merged(rest, _looked_up(target, place.definitions))
    for part in items(rules.get("allOf")):
        rules = _merged({k: v for k, v in rules.items() if k != "allOf"}, _resolved(mapping(part), place))
    return rules


def _looked_up(target: str, root: Mapping[str, object]) -> Mapping[str, object]:
    found: object = root
    for key in target.removeprefix("#").split("/")[1:]:
        found = mapping(found).get(key.replace("~1", "/").replace("~0", "~"))
    return mapping(found)


def _merged(one: Mapping[str, object], other: Mapping[str, object]) -> Mapping[str, object]:
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        both["properties"] = {**mapping(one["properties"]), **mapping(other["properties"])}
    if "required" in one and "required" in other:
        both["required"] = [*texts(one["required"]), *texts(other["required"])]
    return both


def _weight(schema: object) -> int:
    """Plainer branches first, so that recursion ends."""
    rules = mapping(schema)
    return 2 * ("$ref" in rules) + ("properties" in rules or "items" in rules) - (rules.get("type") == "null")


def _real(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
