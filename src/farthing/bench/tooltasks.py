"""What people ask for and which tool does it: our sentences, read from `tool_tasks.txt`, and their laws.

A sentence must not have a stem of a word of its tool's name, so that finding it takes more than comparing
names. Decides what counts as one. The ranking was tuned on some; others are held out, and were written when
that had ended.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from farthing.cache.stem import stem as lemma
from farthing.errors import FarthingError
from farthing.prompt.rank import stem

_LINE = re.compile(r"(?P<tool>[\w-]+)(?: \((?P<others>[^)]*)\))?: (?P<text>.+)")
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LEAST_STEM = 4
_FUNCTION_WORDS = frozenset(
    "a an all and as at by for from in into of off on or the to with".split()  # noqa: SIM905 - easier to read
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolTask:
    """`tool` is meant, as (server, name); `others` do it just as well."""

    text: str
    tool: tuple[str, str]
    others: tuple[tuple[str, str], ...] = ()
    held_out: bool = False


def read_tasks(text: str | None = None) -> tuple[ToolTask, ...]:
    """The tasks of `tool_tasks.txt`, or of a text like it. Raises `FarthingError` for a line that is none."""
    content = text if text is not None else files("farthing.bench").joinpath("tool_tasks.txt").read_text()
    tasks: list[ToolTask] = []
    server, held_out = "", False
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            server, _, part = line.strip("[]").partition(", ")
            held_out = part == "held out"
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise FarthingError(f"tool_tasks.txt, line {number} is no task: {line!r}")
        others = (other.strip() for other in (match["others"] or "").split(",") if other.strip())
        tasks.append(
            ToolTask(
                text=match["text"],
                tool=(server, match["tool"]),
                others=tuple(_named(server, other) for other in others),
                held_out=held_out,
            )
        )
    return tuple(tasks)


def given_away(task: ToolTask) -> tuple[str, ...]:
    """The words of a sentence that its tool's name has as well, in any form.

    Two words are one where a stemmer for search or our lemmas and synonyms bring them to the same, or where
    one begins with the other's stem of four letters or more. Words like `in` and `the` do not count.
    """
    names = [word for word in _words(task.tool[1]) if word not in _FUNCTION_WORDS]
    return tuple(word for word in _words(task.text) if any(_same(word, name) for name in names))


def faults_of(tasks: Iterable[ToolTask]) -> tuple[str, ...]:
    """What is wrong with the sentences, one line each."""
    return tuple(
        f"{'/'.join(task.tool)}: {', '.join(words)} in {task.text!r}"
        for task in tasks
        if (words := given_away(task))
    )


def _named(server: str, other: str) -> tuple[str, str]:
    first, slash, rest = other.partition("/")
    return (first, rest) if slash else (server, other)


def _words(text: str) -> list[str]:
    return _WORD.findall(_CAMEL.sub(" ", text).lower())


def _same(word: str, name: str) -> bool:
    one, other = stem(word), stem(name)
    return (
        one == other
        or lemma(word) == lemma(name)
        or any(len(part) >= _LEAST_STEM and word.startswith(part) for part in (name, other))
        or any(len(part) >= _LEAST_STEM and name.startswith(part) for part in (word, one))
    )
