"""The dated price books that `farthing models refresh` keeps beside the ledger: written once, read later.

Does the files. A book is a file `YYYY-MM-DD-openrouter.json`, a second one of a day carries its time; it is
written whole or not at all, and never over another. A simulator's book is kept apart, as
`YYYY-MM-DD-simulated.json`, and is never the newest. What a row means is `rows.py`'s.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import cast

from farthing.catalog.models import Catalog
from farthing.catalog.rows import catalog_from_rows
from farthing.config.environment import state_folder
from farthing.config.packaged import book_ids, load_catalog
from farthing.errors import ConfigError, ConfigFault

NEWEST = ("newest", "current")
"""What the newest book may be called."""

_MOST_BYTES = 50_000_000
_REAL, _SIMULATED = "openrouter", "simulated"
_FIELDS = (
    "id",
    "canonical_slug",
    "name",
    "context_length",
    "architecture",
    "pricing",
    "top_provider",
    "supported_parameters",
    "reasoning",
    "expiration_date",
)
"""What is kept of a row: all that is read of it."""


def catalog_named(book: str, environ: Mapping[str, str]) -> Catalog:
    """A catalogue by `newest` or `current`, a packaged book's name, or a kept book's date or id.

    The newest is a kept one that is later than the packaged snapshot, else the snapshot. Of a date with
    several books it is the last. Raises `ConfigError` for a book that there is not or that cannot be read.
    """
    if book in NEWEST:
        later = _later(environ)
        return _read(later[-1]) if later else _packaged("snapshot")
    for path in reversed([*_kept(environ, _SIMULATED), *_kept(environ, _REAL)]):
        if book in (path.stem, path.stem[:10], _id(path.stem)):
            return _read(path)
    return _packaged(book)


def newest_readable(environ: Mapping[str, str]) -> Catalog:
    """The newest book, past those that cannot be read: for a start, which none of them may prevent."""
    for path in reversed(_later(environ)):
        try:
            return _read(path)
        except ConfigError:
            continue
    return _packaged("snapshot")


def newest_simulated(environ: Mapping[str, str]) -> Catalog | None:
    """The newest book of a simulator; None where none was kept."""
    kept = _kept(environ, _SIMULATED)
    return _read(kept[-1]) if kept else None


def all_catalogs(environ: Mapping[str, str]) -> list[Catalog]:
    """Every book, oldest first; a simulator's are not among them."""
    found = [_packaged(name) for name in book_ids()] + [_read(path) for path in _kept(environ, _REAL)]
    return sorted(found, key=lambda one: (one.prices.day, one.prices.id))


def catalog_fetched(rows: Sequence[object], *, day: date, simulated: bool) -> Catalog:
    """Fetched rows as a book of this day, with the curated facts, not kept yet."""
    name = f"{day:%Y-%m-%d}-{_SIMULATED if simulated else _REAL}"
    source = "a simulator's /models" if simulated else "OpenRouter /models"
    return _catalog(rows, name=_id(name), day=day, source=source)


def keep_book(
    rows: Sequence[Mapping[str, object]], *, now: datetime, simulated: bool, environ: Mapping[str, str]
) -> Path:
    """Writes a book that is not there yet and says where. Raises `ConfigError` where it cannot."""
    folder = _folder(environ)
    stem = f"{now:%Y-%m-%d}-{_SIMULATED if simulated else _REAL}"
    kept = [{key: row[key] for key in _FIELDS if row.get(key) is not None} for row in rows]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (stem, f"{stem}-{now:%H%M%S}", f"{stem}-{now:%H%M%S%f}"):
            path = folder / f"{name}.json"
            source = "a simulator's /models" if simulated else "OpenRouter /models"
            head = {"id": _id(name), "day": f"{now:%Y-%m-%d}", "source": source}
            text = json.dumps({**head, "data": kept}, default=_number, ensure_ascii=False)
            if _written_once(path, text):
                return path
    except OSError as error:
        raise _unusable(folder, f"a price book cannot be kept there ({error})") from None
    raise _unusable(folder, f"it has a price book of {now:%Y-%m-%d %H:%M:%S} already; try again")


def _written_once(path: Path, text: str) -> bool:
    """False when the file is there already. A link is made whole, and never over another file."""
    handle, half = tempfile.mkstemp(dir=path.parent, suffix=".half")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(half)
    except FileExistsError:
        return False
    finally:
        Path(half).unlink()
    return True


def _later(environ: Mapping[str, str]) -> list[Path]:
    """The kept books of days after the packaged snapshot's, oldest first."""
    snapshot = max(name[:10] for name in book_ids())
    return [path for path in _kept(environ, _REAL) if path.stem[:10] > snapshot]


def _kept(environ: Mapping[str, str], kind: str) -> list[Path]:
    return sorted(_folder(environ).glob(f"20??-??-??-{kind}*.json"), key=lambda path: path.stem)


def _read(path: Path) -> Catalog:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _unusable(path, f"{path.name} is larger than {_MOST_BYTES // 1_000_000} MB; remove it")
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return _catalog(
            cast("list[object]", content["data"]),
            name=_id(path.stem),
            day=date.fromisoformat(content["day"]),
            source=str(content["source"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(path, f"{path.name} cannot be read ({error}); remove it") from None


def _catalog(rows: Sequence[object], *, name: str, day: date, source: str) -> Catalog:
    catalog, _ = catalog_from_rows(
        rows, book=name, day=day, source=source, curated=_packaged("snapshot").models
    )
    return catalog


@lru_cache(maxsize=8)  # packaged files do not change while a process runs
def _packaged(book: str) -> Catalog:
    return load_catalog(book)


def _unusable(path: Path, problem: str) -> ConfigError:
    return ConfigError("a kept price book", [ConfigFault(path="book", value=str(path), problem=problem)])


def _id(stem: str) -> str:
    """`2026-11-24-openrouter` as the id of its book, `2026-11-24/openrouter`."""
    return f"{stem[:10]}/{stem[11:]}"


def _number(value: object) -> object:
    """A Decimal that a row holds is a whole number or a rate in text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else format(value, "f")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _folder(environ: Mapping[str, str]) -> Path:
    return state_folder(environ) / "books"
