"""Writes `docs/guides/configuration.md`'s table of settings from the configuration's own classes.

python scripts/make_settings.py            rewrites what stands between the two marks
python scripts/make_settings.py --check    exits 1 when it is not current
"""

import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from farthing.config.json_schema import deployment_json_schema

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs/guides/configuration.md"
MEANINGS = Path(__file__).with_name("settings_meanings.toml")
BEGIN, END = "<!-- settings:start (scripts/make_settings.py) -->\n", "<!-- settings:end -->\n"

Schema = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key. `described` is the text of `schema.py`, or None where the other file must have it."""

    path: str
    kind: str
    default: str
    described: str | None


def settings() -> list[Setting]:
    """Every setting in the order of the classes; `*` stands for a name that the user chooses."""
    schema = deployment_json_schema()
    return list(_walk(schema, cast("dict[str, Schema]", schema["$defs"]), ""))


def _walk(section: Schema, definitions: dict[str, Schema], prefix: str) -> Iterator[Setting]:
    for key, entry in cast("dict[str, Schema]", section["properties"]).items():
        path = prefix + key
        if path.startswith("models.") and path.count(".") > 1 and not path.startswith("models.primary"):
            continue
        inner, named = _inner(entry, definitions)
        if inner is None or "items" in entry or (path.count(".") == 1 and prefix == "models."):
            yield Setting(
                path=path,
                kind=_kind(entry),
                default=_default(entry),
                described=cast("str | None", entry.get("description")),
            )
        if inner is not None:
            mark = "[]" if "items" in entry else ".*" if named else ""
            yield from _walk(inner, definitions, f"{path}{mark}.")


def _inner(entry: Schema, definitions: dict[str, Schema]) -> tuple[Schema | None, bool]:
    """The section that a key holds, and whether it holds one for each of the user's names."""
    named = _of_names(entry)
    if isinstance(named, dict) and "$ref" in named:
        return _resolved(cast("Schema", named), definitions), True
    listed = entry.get("items")
    if isinstance(listed, dict) and "$ref" in listed:
        return _resolved(cast("Schema", listed), definitions), False
    for kind in cast("list[Schema]", entry.get("anyOf", [entry])):
        if "$ref" in kind:
            return _resolved(kind, definitions), False
    return None, False


def _of_names(entry: Schema) -> object:
    """What stands for each of the user's names, also where names are bound to a form."""
    by_form = cast("dict[str, object]", entry.get("patternProperties", {}))
    return next(iter(by_form.values()), entry.get("additionalProperties"))


def _resolved(entry: Schema, definitions: dict[str, Schema]) -> Schema:
    return definitions[str(entry["$ref"]).rpartition("/")[2]]


_KINDS = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}


def _named_kind(value: object) -> str:
    schema = cast("Schema", value) if isinstance(value, dict) else {}
    if "enum" in schema:
        return "slot"
    return _KINDS.get(str(schema.get("type")), "text")


def _kind(entry: Schema) -> str:
    kinds = cast("list[Schema]", entry.get("anyOf", [entry]))
    kind = next((one for one in kinds if {"enum", "const"} & set(one)), kinds[0])
    if "enum" in kind:
        return ", ".join(f"`{word}`" for word in cast("list[str]", kind["enum"]))
    if kind.get("type") == "array":
        item = cast("Schema", kind.get("items", {}))
        of = cast("list[Schema]", item.get("anyOf", [item]))[0]
        numbers = of.get("type") == "number"
        return "list of objects" if "$ref" in item else "list of numbers" if numbers else "list of texts"
    if kind.get("type") == "object":
        return f"name → {_named_kind(_of_names(kind))}"
    words = _KINDS.get(str(kind.get("type")), "text")
    return words + _bounds(kind)


def _bounds(kind: Schema) -> str:
    low, high = kind.get("minimum"), kind.get("maximum")
    if low is not None and high is not None:
        return f", {_number(low)}–{_number(high)}"
    if low is not None:
        return f", {_number(low)} or more"
    above = kind.get("exclusiveMinimum")
    return "" if above is None else f", above {_number(above)}"


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _default(entry: Schema) -> str:
    default = entry.get("default")
    if default in (None, "", []):
        return "–"
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def meanings() -> dict[str, str]:
    """What the other file says."""
    return cast("dict[str, str]", tomllib.loads(MEANINGS.read_text(encoding="utf-8")))


def table() -> str:
    """The settings as tables, one for each section. Raises `KeyError` for a setting that nobody explains."""
    explained = meanings()
    lines: list[str] = []
    section = ""
    for setting in settings():
        head, _, _ = setting.path.partition(".")
        group = head if "." in setting.path else "Top level"
        if group != section:
            section = group
            title = group if group == "Top level" else f"`{group}`"
            lines += ["", f"### {title}", "", "| Setting | Value | Default | Meaning |", "|---|---|---|---|"]
        text = setting.described or explained[setting.path]
        lines.append(f"| `{setting.path}` | {setting.kind} | {setting.default} | {text} |")
    return "\n".join(lines[1:]) + "\n"


def page() -> str:
    """The whole page: its own words, and the table as it should be."""
    before, _, rest = TARGET.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def main(arguments: list[str]) -> int:
    """Writes or checks the page; the exit code says whether it is current."""
    name = TARGET.relative_to(ROOT)
    if "--check" not in arguments:
        TARGET.write_text(page(), encoding="utf-8")
        return 0
    current = TARGET.read_text(encoding="utf-8") == page()
    sys.stdout.write(f"{name} is {'current' if current else 'stale: run scripts/make_settings.py'}\n")
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
