"""What `farthing compare` sends, and what it keeps: trials read from a file, results in a file beside it.

A trial is one prompt on one side. Its key is its content, so that a result is found again by another run of
the same prompts. Results are JSON Lines, each on disk before the next is waited for.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Literal, cast

import msgspec
from msgspec import structs

from farthing.cli.work import show
from farthing.cli.work.taskfile import Line, line_of, opened_lines
from farthing.errors import FarthingError, InvalidTaskError
from farthing.quality.expectations import Check, Verdict, checks_from
from farthing.task import Task

Side = Literal["profile", "baseline"]
SIDES: tuple[Side, Side] = ("profile", "baseline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One line of the file: its task, and what its answer is held against."""

    line: Line
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One prompt on one side."""

    prompt: Prompt
    side: Side
    task: Task
    key: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How a trial ended. `cost` in US dollars; `error` is empty where there is an answer."""

    key: str
    line: int
    side: Side
    title: str
    model: str
    answer: str
    cost: Decimal
    latency_ms: float
    input_tokens: int
    output_tokens: int
    verdicts: tuple[Verdict, ...] = ()
    error: str = ""
    simulated: bool = False


def prompts_in(path: Path, *, run_id: str, limit: int | None) -> tuple[list[Prompt], list[tuple[int, str]]]:
    """The prompts of a file, and its bad lines as number and fault. Raises `FarthingError` for a file that
    cannot be read."""
    found: list[Prompt] = []
    bad: list[tuple[int, str]] = []
    with opened_lines(path) as lines:
        for number, text in enumerate(lines, start=1):
            if limit is not None and len(found) >= limit:
                break
            if not text.strip():
                continue
            try:
                found.append(_prompt(number, text, run_id))
            except InvalidTaskError as error:
                bad.append((number, str(error)))
    return found, bad


def trials_of(prompts: Iterable[Prompt], *, baseline: str, fingerprint: str) -> Iterator[Trial]:
    """Both sides of each prompt. `fingerprint` stands for what else decides an answer."""
    for prompt in prompts:
        for side in SIDES:
            task = prompt.line.task
            if side == "baseline":
                task = structs.replace(task, model=baseline)
            yield Trial(prompt=prompt, side=side, task=task, key=_key(task, side, fingerprint))


def read_results(path: Path) -> dict[str, Result]:
    """The answered trials of an earlier run, by key; a line that was cut off is as if it were not there."""
    if not path.exists():
        return {}
    found: dict[str, Result] = {}
    for line in path.read_bytes().splitlines():
        try:
            result = msgspec.json.decode(line, type=Result)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if not result.error:
            found[result.key] = result
    return found


class Kept:
    """The file of results: each is on disk when `add` returns."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
                self._file.write(b"\n")  # a line that a crash cut off ends here
        except OSError as error:
            raise FarthingError(
                f"{path} cannot be written: {error.strerror}", hint="give another --out"
            ) from None

    def add(self, result: Result) -> None:
        self._file.write(msgspec.json.encode(result) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _prompt(number: int, text: bytes, run_id: str) -> Prompt:
    try:
        value = cast("object", json.loads(text.decode(), parse_float=Decimal))
    except UnicodeDecodeError:
        raise InvalidTaskError("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidTaskError(f"is not JSON: {error.msg} at column {error.colno}") from None
    if isinstance(value, str):
        value = {"prompt": value}
    if not isinstance(value, dict):
        raise InvalidTaskError("is neither a prompt in quotes nor an object")
    given = dict(cast("Mapping[str, object]", value))
    raw = given.pop("check", None)
    if given.pop("model", None) is not None:
        raise InvalidTaskError("names a model, which the two sides do")
    return Prompt(line=line_of(number, given, run_id), checks=() if raw is None else checks_from(raw))


def _key(task: Task, side: Side, fingerprint: str) -> str:
    told = structs.replace(task, run_id=None)
    content = {name: getattr(told, name) for name in told.__struct_fields__ if name != "run_id"}
    text = json.dumps(show.as_json(content), sort_keys=True, default=str)
    return sha256(f"{side}\n{fingerprint}\n{text}".encode()).hexdigest()[:32]
