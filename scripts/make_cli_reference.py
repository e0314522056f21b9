"""Writes `docs/reference/cli.md` from the commands themselves.

python scripts/make_cli_reference.py            rewrites it
python scripts/make_cli_reference.py --check    exits 1 when it is not current
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from farthing.cli.main import COMMANDS, app, load

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs/reference/cli.md"

_INTRODUCTION = """\
# Commands

Made from the commands themselves by `scripts/make_cli_reference.py`; `farthing COMMAND --help` says the same.
`farthing --install-completion` installs completion for your shell.
"""

Command = Any  # a click command, for which Typer has no public name


def page() -> str:
    """The whole page."""
    root: Command = typer.main.get_command(app)
    lines = [_INTRODUCTION, *_paragraphs(root.epilog)]
    for name in COMMANDS:
        for path, command in _leaves(f"farthing {name}", load(name)):
            lines += _section(path, command)
    return "\n".join(lines).rstrip() + "\n"


def _leaves(path: str, command: Command) -> Iterator[tuple[str, Command]]:
    """The commands that do something: those of a group, or the command itself."""
    inner: dict[str, Command] = getattr(command, "commands", {})
    if not inner:
        yield path, command
    for name, one in inner.items():
        yield from _leaves(f"{path} {name}", one)


def _section(path: str, command: Command) -> list[str]:
    lines = [f"## `{path}`", "", *_paragraphs(command.help)]
    context = command.make_context(path, [], resilient_parsing=True)
    rows = [
        _row(parameter, context)
        for parameter in command.params
        if parameter.name not in {"help", "install_completion", "show_completion"}
    ]
    if rows:
        lines += ["| Argument or option | Meaning | Default |", "|---|---|---|", *rows, ""]
    return [*lines, *_paragraphs(command.epilog)]


def _row(parameter: Command, context: Command) -> str:
    meaning, default = parameter.help or "", parameter.default
    stated = re.search(r"\s*\[default: (.*?)\]", meaning)
    if stated is not None:
        meaning, shown = meaning.replace(stated[0], ""), f"`{stated[1]}`"
    elif default is None or default is False or callable(default) or parameter.required:
        shown = ""
    else:
        shown = f"`{default}`"
    return f"| {_name(parameter, context)} | {meaning.replace('|', chr(92) + '|')} | {shown} |"


def _name(parameter: Command, context: Command) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or _kind(parameter, context)}`".replace("|", "\\|")
    names = ", ".join(f"`{one}`" for one in (*parameter.opts, *parameter.secondary_opts))
    if parameter.is_flag:
        return names
    value = parameter.metavar or _kind(parameter, context)
    return f"{names} `{value}`".replace("|", "\\|")


_KINDS = {"str": "TEXT", "int": "NUMBER", "int range": "NUMBER", "float": "NUMBER", "float range": "NUMBER"}


def _kind(parameter: Command, context: Command) -> str:
    kind = str(parameter.display_type(context)).strip("<>")
    return _KINDS.get(kind, kind)


def _paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a help text; an example, which begins with the command or a pipe to it, is code."""
    lines: list[str] = []
    for paragraph in (text or "").replace("\b", "").split("\n\n"):
        words = paragraph.strip("\n")
        if not words.strip():
            continue
        is_example = words.startswith("farthing ") or " | farthing " in words
        lines += ["```", words, "```", ""] if is_example else [words, ""]
    return lines


def main(arguments: list[str]) -> int:
    """Writes or checks the page; the exit code says whether it is current."""
    name = TARGET.relative_to(ROOT)
    if "--check" not in arguments:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(page(), encoding="utf-8")
        return 0
    current = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == page()
    sys.stdout.write(f"{name} is {'current' if current else 'stale: run scripts/make_cli_reference.py'}\n")
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
