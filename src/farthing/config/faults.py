"""What is wrong with a configuration, told so that a person can mend it. Pure.

Turns the schema's errors into faults with the key path as written, the value, and the nearest valid
name. Values that look like credentials are never repeated.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from farthing.config.layers import Path, Stack, section_at, tag_of
from farthing.config.patterns import PATTERN_TYPES
from farthing.config.schema import EMPTY_SLOT, SLOTS
from farthing.errors import ConfigFault, nearest

_CREDENTIAL = re.compile(
    r"(api_?key|secret|password|authorization|database_?url|webhook|apprise)|token$", re.IGNORECASE
)
_GIVEN = re.compile(r"^mcp_?servers(\.[^.]+(\.(env|headers|url)\b|$)|$)", re.IGNORECASE)
"""What an MCP server is given, and the whole of one."""
_OF_SERVER = re.compile(r"^mcp_?servers\.", re.IGNORECASE)
_CREDENTIAL_VALUE = re.compile(r"^sk-|://[^/]*@")
_HIDDEN = "***"
_QUOTED = re.compile(r"'([^']*)'")


def faults_of(error: ValidationError, stack: Stack) -> tuple[ConfigFault, ...]:
    """Every fault of a failed validation, each once."""
    found = [
        _fault(details, stack)
        for details in error.errors(include_url=False)
        if details["type"] != EMPTY_SLOT  # told by `empty_slots`, with the key's own path
    ]
    return tuple({(fault.path, fault.problem): fault for fault in found}.values())


def empty_slots(stack: Stack) -> tuple[ConfigFault, ...]:
    """Mappings to a slot that holds no model, found on unvalidated values: all faults come at once."""
    models = _object(stack.values.get("models"))
    filled = [slot for slot in SLOTS if models.get(slot) is not None]
    routing = _object(stack.values.get("routing"))
    faults: list[ConfigFault] = []
    for mapping in ("taskTypeMapping", "complexityMapping"):
        for key, slot in _object(routing.get(mapping)).items():
            if slot in SLOTS and slot not in filled:
                path = _written(("routing", mapping, key), stack.written)
                problem = (
                    f"leads to the slot {slot!r}, which has no model; filled: {', '.join(filled) or 'none'}"
                )
                faults.append(ConfigFault(path=path, value=slot, problem=problem))
    return tuple(faults)


def _fault(details: ErrorDetails, stack: Stack) -> ConfigFault:
    location = tuple(part for part in details["loc"] if part != "[key]")
    path = _written(_untagged(location, stack), stack.written)
    given = cast("object", details["input"])
    secret = _is_secret(path) or _is_credential(given)
    value = _HIDDEN if secret else given
    key = str(location[-1]) if location else ""
    match details["type"]:
        case "extra_forbidden":
            problem = "unknown key"
            if re.search(r"api_?key", path, re.IGNORECASE):
                problem += "; a key is never configured: set OPENROUTER_API_KEY in the environment"
            if _OF_SERVER.search(path):
                value = _HIDDEN  # it may be a misspelt `env`
            return ConfigFault(
                path=path, value=value, problem=problem, nearest=_nearest_key(location, key, path, stack)
            )
        case "missing":
            return ConfigFault(path=path, value=None, problem="is required and not given")
        case "union_tag_invalid" | "union_tag_not_found":
            known = _QUOTED.findall(str(details.get("ctx", {}).get("expected_tags", ""))) or PATTERN_TYPES
            tag = details.get("ctx", {}).get("tag")
            problem = "has no type" if tag is None else f"has the type {tag!r}"
            problem += f"; give one of {', '.join(known)}"
            near = None if tag is None else nearest(str(tag), known)
            return ConfigFault(path=f"{path}.type", value=tag, problem=problem, nearest=near)
        case "literal_error":
            known = _QUOTED.findall(str(details.get("ctx", {}).get("expected", "")))
            problem = f"{_shown(value)} is not one of {', '.join(known)}"
            return ConfigFault(path=path, value=value, problem=problem, nearest=nearest(str(value), known))
        case "value_error":
            return ConfigFault(path=path, value=value, problem=details["msg"].removeprefix("Value error, "))
        case _:
            message = details["msg"]
            problem = f"is {_shown(value)}; {message[:1].lower()}{message[1:]}"
            return ConfigFault(path=path, value=value, problem=problem)


def concealed(fault: ConfigFault) -> ConfigFault:
    """The fault, without a value that is never to be repeated."""
    return replace(fault, value=_HIDDEN) if _is_secret(fault.path) else fault


def _is_secret(path: str) -> bool:
    """Whether what stands at a path of the configuration is never to be repeated."""
    return bool(_CREDENTIAL.search(path) or _GIVEN.search(path))


def _is_credential(given: object) -> bool:
    """Whether a value is one or, where a whole section is wrong, may hold one."""
    inside = any(_CREDENTIAL.search(key) for key in _object(given))
    return inside or bool(_CREDENTIAL_VALUE.search(str(given)))


def _untagged(location: tuple[int | str, ...], stack: Stack) -> tuple[int | str, ...]:
    """The place as it is written: without the tag that told which of several sections is meant."""
    return tuple(
        part
        for at, part in enumerate(location)
        if at == 0 or tag_of(section_at(location[: at + 1], root=stack.root)) != part
    )


def _nearest_key(location: tuple[int | str, ...], key: str, path: str, stack: Stack) -> str | None:
    section = section_at(location[:-1], root=stack.root)
    if section is None:
        return None
    snake = "_" in path.rpartition(".")[2]
    known = [name if snake else field.alias or name for name, field in section.model_fields.items()]
    return nearest(key, known)


def _written(location: Iterable[object], written: Mapping[Path, str]) -> str:
    """The path as the reader wrote it: the longest known part, and the rest as the schema names it."""
    parts = tuple(location)
    for length in range(len(parts), 0, -1):
        known = written.get(tuple(str(part) for part in parts[:length]))
        if known is not None:
            return known + "".join(_step(part) for part in parts[length:])
    return "".join(_step(part) for part in parts).removeprefix(".") or "(the whole file)"


def _step(part: object) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part}"


def _shown(value: object) -> str:
    text = str(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _object(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
