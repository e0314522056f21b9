"""What a docstring says about a function: its first line, and its parameters from a Google-style `Args:`.

Reads text only; which parameters there are is not known here.
"""

import re

_HEADING = re.compile(r"(Args|Arguments|Parameters):\s*$")
_ENTRY = re.compile(r"(?P<name>\*{0,2}\w+)\s*(\([^)]*\))?:\s*(?P<text>.*)$")


def described(docstring: str) -> tuple[str, dict[str, str]]:
    """The first line, and what is said of each parameter; continuation lines are joined by spaces."""
    lines = docstring.strip().splitlines()
    if not lines:
        return "", {}
    start = next((at for at, line in enumerate(lines) if _HEADING.match(line)), None)
    return lines[0].strip(), {} if start is None else _entries(lines[start + 1 :])


def _entries(lines: list[str]) -> dict[str, str]:
    notes: dict[str, str] = {}
    margin: int | None = None
    name = ""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if indent == 0:
            break
        margin = indent if margin is None else margin
        entry = _ENTRY.match(line.strip()) if indent <= margin else None
        if entry:
            name = entry["name"]
            notes[name] = entry["text"].strip()
        elif name:
            notes[name] = f"{notes[name]} {line.strip()}".strip()
    return notes
