"""Dated price books: the packaged ones, and those that `farthing models refresh` has kept by the ledger.

Does `models refresh`. A kept book is a file `YYYY-MM-DD-openrouter.json`, written whole or not at all and
never overwritten; the models commands read the newest book. A deployment asks OpenRouter for its prices.
"""

import json
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

from farthing.catalog.changes import Change, changes
from farthing.catalog.models import Catalog
from farthing.catalog.rows import catalog_from_rows
from farthing.cli.work import show
from farthing.cli.work.interrupt import run_async
from farthing.config.load import book_ids, load_catalog, load_config
from farthing.errors import ConfigError, ConfigFault, FarthingError
from farthing.opening import open_client
from farthing.storage.database import default_path
from farthing.upstream.failure import Failure

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


def catalog_named(book: str) -> Catalog:
    """A catalogue by `newest`, a packaged book's name, or a kept book's date or id. Raises `ConfigError`."""
    kept = {path.stem: path for path in kept_books()}
    if book == "newest":
        packaged = load_catalog()
        newest = max(kept, default="")
        return _read(kept[newest]) if newest[:10] > packaged.prices.day.isoformat() else packaged
    for name in sorted(kept, reverse=True):
        if book in (name, name[:10], name.replace("-openrouter", "/openrouter")):
            return _read(kept[name])
    return load_catalog(book)


def all_catalogs() -> list[Catalog]:
    """Every book, oldest first."""
    found = [load_catalog(name) for name in book_ids()] + [_read(path) for path in kept_books()]
    return sorted(found, key=lambda one: (one.prices.day, one.prices.id))


def kept_books() -> list[Path]:
    """The files of the kept books, oldest first."""
    return sorted(_folder().glob("20??-??-??-openrouter*.json"))


def tell_refresh(*, dry_run: bool, as_json: bool) -> None:
    """Fetches, compares with the newest book, keeps. Raises `FarthingError` when nothing can be fetched."""
    before, now = catalog_named("newest"), datetime.now(UTC)
    rows = run_async(_fetched())
    after, _ = _catalog(rows, name=f"{now:%Y-%m-%d}/openrouter", day=now.date(), source="OpenRouter /models")
    if not after.prices.prices:
        raise FarthingError(
            f"none of {len(rows)} rows has a readable price", hint="nothing was kept; try again"
        )
    found = changes(before, after)
    kept = None if dry_run or not found else _keep(rows, now)
    if as_json:
        told = {"before": before.prices.id, "models": len(rows), "changes": found}
        show.write_json({**told, "kept": None if kept is None else str(kept)})
        return
    _show(found, before, count=len(rows), kept=kept, dry_run=dry_run)


async def _fetched() -> list[dict[str, object]]:
    config = load_config()
    client = open_client(config, environ=os.environ, transport=None, needs_key=False)
    try:
        rows = await client.models(timeout_s=30.0)
    finally:
        await client.aclose()
    if isinstance(rows, Failure):
        raise FarthingError(
            f"models could not be fetched: {rows.kind.value}: {rows.message}",
            hint="check the network and OPENROUTER_BASE_URL; the books that are there stay",
        )
    return rows


def _show(found: Sequence[Change], before: Catalog, *, count: int, kept: Path | None, dry_run: bool) -> None:
    out = show.console()
    out.print(f"{count:,} models fetched, {show.counted(len(found), 'change')} since {before.prices.id}.")
    curated = [one for one in found if one.curated]
    if curated:
        rows = [(one.kind, one.model, one.text) for one in curated]
        out.print(show.table(("change", "model", ""), rows, title="Of models with scores"))
    rest: dict[str, int] = {}
    for one in found:
        if not one.curated:
            rest[one.kind] = rest.get(one.kind, 0) + 1
    if rest:
        told = ", ".join(f"{number:,} {kind}" for kind, number in rest.items())
        out.print(f"Of all others: {told} (--json lists them).")
    if kept is not None:
        out.print(f"kept as {kept}", soft_wrap=True)
    elif dry_run and found:
        out.print("Nothing was kept: --dry-run.")


def _keep(rows: Sequence[dict[str, object]], now: datetime) -> Path:
    """Writes a book that is not there yet; a second one of a day carries its time."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{now:%Y-%m-%d}-openrouter.json"
    if path.exists():
        path = folder / f"{now:%Y-%m-%d}-openrouter-{now:%H%M%S}.json"
    kept = [{key: row[key] for key in _FIELDS if row.get(key) is not None} for row in rows]
    content = {"id": f"{now:%Y-%m-%d}/openrouter", "day": f"{now:%Y-%m-%d}", "source": "OpenRouter /models"}
    text = json.dumps({**content, "data": kept}, default=_number, ensure_ascii=False)
    half = path.with_suffix(".half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)
    return path


def _number(value: object) -> object:
    """A Decimal that a row holds is a whole number or a rate in text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else format(value, "f")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _read(path: Path) -> Catalog:
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        rows = cast("list[object]", content["data"])
        catalog, _ = _catalog(
            rows,
            name=str(content["id"]),
            day=date.fromisoformat(content["day"]),
            source=str(content["source"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        fault = ConfigFault(
            path="book", value=str(path), problem=f"{path.name} cannot be read ({error}); remove it"
        )
        raise ConfigError("a kept price book", [fault]) from None
    return catalog


def _catalog(
    rows: Sequence[object], *, name: str, day: date, source: str
) -> tuple[Catalog, tuple[object, ...]]:
    return catalog_from_rows(rows, book=name, day=day, source=source, curated=load_catalog().models)


def _folder() -> Path:
    return default_path(simulated=False, environ=os.environ).parent / "books"
