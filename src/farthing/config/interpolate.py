"""`${VAR}` and `${VAR:-default}` in the strings of a configuration. Pure: the variables are an argument."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from farthing.errors import ConfigFault, nearest

_REFERENCE = re.compile(
    r"\$(\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}|(?P<bad>\$\{)"
)

REFUSED = frozenset({"OPENROUTER_API_KEY", "OPENROUTER_MANAGEMENT_KEY"})
"""Variables that never enter a configuration, which is shown, logged and exported."""


def interpolated(
    value: object, variables: Mapping[str, str], *, path: str = ""
) -> tuple[object, tuple[ConfigFault, ...]]:
    """The value with every reference in its strings replaced, and what could not be.

    The default stands in when the variable is unset or empty. `$${` is a literal `${`. A string with a
    fault is left as it was.
    """
    if isinstance(value, str):
        return _text(value, variables, path)
    faults: list[ConfigFault] = []
    if isinstance(value, Mapping):
        entries: dict[object, object] = {}
        for key, entry in cast("Mapping[object, object]", value).items():
            entries[key], found = interpolated(entry, variables, path=f"{path}.{key}" if path else str(key))
            faults += found
        return entries, tuple(faults)
    if isinstance(value, Sequence):
        items: list[object] = []
        for position, entry in enumerate(cast("Sequence[object]", value)):
            item, found = interpolated(entry, variables, path=f"{path}[{position}]")
            items.append(item)
            faults += found
        return items, tuple(faults)
    return value, ()


def _text(text: str, variables: Mapping[str, str], path: str) -> tuple[object, tuple[ConfigFault, ...]]:
    problems: list[tuple[str, str | None]] = []

    def put(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        name, default = match["name"], match["default"]
        if name is None:
            problems.append(("has a ${ that names no variable; write $${ for a literal one", None))
        elif name in REFUSED:
            problems.append(
                (f"names ${{{name}}}: a key is read from the environment, never configured", None)
            )
        elif default is not None:
            return variables.get(name) or default
        elif name in variables:
            return variables[name]
        else:
            problems.append(
                (f"names ${{{name}}}, which is not set and has no default", nearest(name, variables))
            )
        return match[0]

    replaced = _REFERENCE.sub(put, text)
    faults = tuple(ConfigFault(path=path, value=text, problem=said, nearest=near) for said, near in problems)
    return (text, faults) if faults else (replaced, ())
