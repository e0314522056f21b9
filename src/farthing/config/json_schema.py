"""The JSON Schemas of a configuration and a swarm file, for editors. Derived from their classes.

Editors check a file before `${VAR}` is replaced, so a reference is allowed where a number, a truth
value or a fixed word is expected.
"""

import ast
import inspect
from collections.abc import Iterator
from typing import cast

from farthing.config import (
    alerting,
    limiting,
    optimizing,
    patterns,
    schema,
    swarmfile,
    tooling,
    upstreams,
)
from farthing.config.schema import SLOTS, DeploymentConfig
from farthing.config.swarmfile import SwarmFile

_Schema = dict[str, object]

REPOSITORY_PATH = "schemas/deployment-config.schema.json"
SWARM_PATH = "schemas/swarm.schema.json"
_REFERENCE: _Schema = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"}


def deployment_json_schema() -> _Schema:
    """The schema of draft 2020-12 with camelCase keys, defaults, bounds, and the keys' documentation."""
    made = cast("_Schema", DeploymentConfig.model_json_schema(by_alias=True))
    definitions = cast("dict[str, _Schema]", made.pop("$defs"))
    documentation = _documentation()
    named = {DeploymentConfig.__name__: made, **definitions}
    for name, definition in named.items():
        _finish(definition, documentation.get(name, {}))
    # A file that extends a profile may leave out what the profile says; the loader knows what is missing.
    del definitions["Models"]["required"]
    made["anyOf"] = [{"required": made.pop("required")}, {"required": ["extends"]}]
    slots = cast("dict[str, _Schema]", definitions["Models"]["properties"])
    for slot in SLOTS:
        slots[slot] = {"anyOf": [{"type": "string", "minLength": 1}, *_alternatives(slots[slot])]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": REPOSITORY_PATH,
        **made,
        "title": "Farthing deployment configuration",
        "$defs": definitions,
    }


def swarm_json_schema() -> _Schema:
    """The schema of a swarm file, likewise."""
    made = cast("_Schema", SwarmFile.model_json_schema(by_alias=True))
    definitions = cast("dict[str, _Schema]", made.pop("$defs"))
    documentation = _documentation()
    for name, definition in {SwarmFile.__name__: made, **definitions}.items():
        _finish(definition, documentation.get(name, {}))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SWARM_PATH,
        **made,
        "title": "Farthing swarm",
        "$defs": definitions,
    }


def _finish(definition: _Schema, documentation: dict[str, str]) -> None:
    properties = cast("dict[str, _Schema]", definition.get("properties", {}))
    for key, entry in properties.items():
        entry.pop("title", None)
        if key in documentation:
            entry["description"] = documentation[key]
        if not _takes_text(entry):
            properties[key] = _with_reference(entry)


def _takes_text(entry: _Schema) -> bool:
    """Whether a reference is allowed already, or has no meaning: objects and lists hold their own."""
    kinds = _alternatives(entry)
    plain = [
        kind
        for kind in kinds
        if kind.get("type") == "string" and not {"enum", "const", "pattern"} & set(kind)
    ]
    return bool(plain) or all(
        "$ref" in kind or kind.get("type") in {"object", "array", "null"} for kind in kinds
    )


def _with_reference(entry: _Schema) -> _Schema:
    about = {key: entry[key] for key in ("default", "description") if key in entry}
    kinds = [{key: value for key, value in kind.items() if key not in about} for kind in _alternatives(entry)]
    return {"anyOf": [*kinds, _REFERENCE], **about}


def _alternatives(entry: _Schema) -> list[_Schema]:
    return cast("list[_Schema]", entry.get("anyOf", [entry]))


def _documentation() -> dict[str, dict[str, str]]:
    """Class → key → the text under the field in its class, which is where a setting is documented."""
    found: dict[str, dict[str, str]] = {}
    for module in (schema, alerting, limiting, optimizing, patterns, swarmfile, tooling, upstreams):
        tree = ast.parse(inspect.getsource(module))
        for definition in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            fields = getattr(getattr(module, definition.name), "model_fields", None)
            if fields is None:  # a value of another kind, no section
                continue
            for name, text in _texts(definition):
                found.setdefault(definition.name, {})[fields[name].alias or name] = text
    return found


def _texts(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(definition.body, definition.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                yield name, " ".join(text.split())
            case _:
                pass
