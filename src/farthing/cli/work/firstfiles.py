"""The first files of a folder, planned and then written: all or none, and nothing is ever written over.

Reads and writes the folder; what stands in the files is `config/starter.py`'s.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic_settings import DotEnvSettingsSource

from farthing.config import starter
from farthing.config.environment import Environment
from farthing.errors import FarthingError

IGNORE = ".gitignore"
_OWNER_ONLY = 0o600
_ALL = 0o666


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be written into a folder. `created` maps names of new files to their texts.

    `added_to` is the text of a `.gitignore` that is there, with its new line; None where it needs none.
    `kept` has the names that are there and stay as they are.
    """

    folder: Path
    created: Mapping[str, str]
    added_to: str | None
    kept: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All that is written or added to."""
        return (*self.created, *(() if self.added_to is None else (f"a line in {IGNORE}",)))


def refuse_what_is_there(folder: Path, name: str, *, schema_name: str) -> None:
    """Raises `FarthingError` when the folder cannot take a configuration of that name."""
    if Path(name).suffix != ".json" or Path(name).name != name or name == schema_name:
        raise FarthingError(
            f"{name!r} cannot be the configuration's name",
            hint="give a name such as team.json, without a folder",
        )
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise FarthingError(
                f"{place} is a file, not a folder", hint="give another folder: farthing init DIR"
            )
    if os.path.lexists(folder / name):
        raise FarthingError(
            f"{folder / name} is there already, and nothing is written over; nothing was written",
            hint="give another folder, farthing init DIR, or another name, farthing init --file team.json",
        )


def plan(folder: Path, *, name: str, config: str, schema_name: str, schema: str) -> Plan:
    """What is written for these texts. Raises `FarthingError` for a file that is there and cannot be read."""
    wanted = {name: config, schema_name: schema, starter.DOTENV: starter.dotenv_text(name)}
    ignore = read(folder / IGNORE)
    ignoring = starter.with_dotenv_ignored(ignore)
    if ignore is None and ignoring is not None:
        wanted[IGNORE] = ignoring
    kept = tuple(one for one in (schema_name, starter.DOTENV) if os.path.lexists(folder / one))
    return Plan(
        folder=folder,
        created={one: text for one, text in wanted.items() if one not in kept},
        added_to=None if ignore is None else ignoring,
        kept=kept,
    )


def read(path: Path) -> str | None:
    """A text with its line ends and odd bytes kept; None where there is no such file."""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise FarthingError(f"{path} cannot be read: {failure.strerror}; nothing was written") from None


def dotenv_values(path: Path) -> dict[str, str]:
    """The variables that a `.env` sets. They may hold a key: for looking names up, never for showing."""
    found = DotEnvSettingsSource(Environment, env_file=path, case_sensitive=True).env_vars
    return {name: value for name, value in found.items() if value}


def write(planned: Plan) -> None:
    """Writes it all. What fails in between is undone; Ctrl-C waits for the end. Raises `FarthingError`."""
    folder = planned.folder
    try:
        with _undisturbed(), ExitStack() as undo:
            _make(folder, undo)
            for name, text in planned.created.items():
                _create(folder / name, text, mode=_OWNER_ONLY if name == starter.DOTENV else _ALL, undo=undo)
            if planned.added_to is not None:
                _replace((folder / IGNORE).resolve(), planned.added_to)
            undo.pop_all()
    except OSError as failure:
        told = f"{failure.filename or folder} cannot be written: {failure.strerror}"
        raise FarthingError(
            f"{told}; nothing was written", hint="give another folder: farthing init DIR"
        ) from None


def _make(folder: Path, undo: ExitStack) -> None:
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir()
        undo.callback(place.rmdir)


def _create(path: Path, text: str, *, mode: int, undo: ExitStack) -> None:
    """Makes the file, which must not be there: not even as a link that leads nowhere."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        undo.callback(path.unlink, missing_ok=True)
        file.write(text.encode())


def _replace(path: Path, text: str) -> None:
    """The file's new text, whole or not at all, with the rights it had."""
    with (
        tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}-", delete=False) as file,
        ExitStack() as undo,
    ):
        undo.callback(Path(file.name).unlink, missing_ok=True)
        file.write(text.encode("utf-8", errors="surrogateescape"))
        file.flush()
        shutil.copymode(path, file.name)
        Path(file.name).replace(path)


@contextmanager
def _undisturbed() -> Generator[None]:
    """Holds Ctrl-C back for the few milliseconds of writing, and lets it through afterwards."""
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)
