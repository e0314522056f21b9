"""Writes `docs/reference/farthing.1`, the manual page, from the commands themselves.

python scripts/make_man_page.py            rewrites it
python scripts/make_man_page.py --check    exits 1 when it is not current

The wheel installs it as `share/man/man1/farthing.1`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from farthing import __version__
from farthing.cli.main import COMMANDS, app, load

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "farthing.1"

Command = Any  # a click command, for which Typer has no public name


def page() -> str:
    """The whole page, in the man macros."""
    root: Command = typer.main.get_command(app)
    lines = [
        f'.TH FARTHING 1 "" "farthing {__version__}" "Farthing"',
        ".SH NAME",
        _text(f"farthing - {root.help.strip().rstrip('.')}"),
        ".SH SYNOPSIS",
        ".B farthing\n.I command\n[options]",
        ".SH COMMANDS",
    ]
    for name in COMMANDS:
        for path, command in _leaves(f"farthing {name}", load(name)):
            lines += _section(path, command)
    lines += [".SH NOTES", *_paragraphs(root.epilog)]
    return "\n".join(lines) + "\n"


def _leaves(path: str, command: Command) -> Iterator[tuple[str, Command]]:
    inner: dict[str, Command] = getattr(command, "commands", {})
    if not inner:
        yield path, command
    for name, one in inner.items():
        yield from _leaves(f"{path} {name}", one)


def _section(path: str, command: Command) -> list[str]:
    lines = [f".SS {_text(path)}", *_paragraphs(command.help)]
    context = command.make_context(path, [], resilient_parsing=True)
    for parameter in command.params:
        if parameter.name not in {"help", "install_completion", "show_completion"}:
            lines += [".TP", f".B {_text(_named(parameter, context))}", _text(parameter.help or "")]
    return [*lines, *_paragraphs(command.epilog)]


def _named(parameter: Command, context: Command) -> str:
    kind = str(parameter.display_type(context))  # the choices, where there are some
    value = parameter.metavar or (kind.strip("<>") if "|" in kind else None)
    if parameter.param_type_name == "argument":
        return str(value or parameter.name.upper())
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    return names if parameter.is_flag else f"{names} {value or 'VALUE'}"


def _paragraphs(text: str | None) -> list[str]:
    """Help texts as paragraphs; examples, which begin with the command, stand as they are."""
    lines: list[str] = []
    for paragraph in (text or "").replace("\b", "").split("\n\n"):
        words = paragraph.strip()
        if words.startswith("farthing ") or " | farthing " in words:
            lines += [".PP", ".EX", *(_text(line) for line in words.splitlines()), ".EE"]
        elif words:
            lines += [".PP", _text(words.replace("**", ""))]
    return lines


def _text(words: str) -> str:
    """Words that the macros take as words: no escapes, no line that begins as a request."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-")
    escaped = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in escaped)
    return "\n".join(
        re.sub(r"^([.'])", r"\\&\1", line.strip()) for line in escaped.splitlines() if line.strip()
    )


def main(arguments: list[str]) -> int:
    """Writes or checks the page; the exit code says whether it is current."""
    if "--check" not in arguments:
        TARGET.write_text(page(), encoding="utf-8")
        return 0
    current = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == page()
    shown = TARGET.name
    sys.stdout.write(f"{shown} is {'current' if current else 'stale: run scripts/make_man_page.py'}\n")
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
