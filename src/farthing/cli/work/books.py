"""Does `farthing models refresh`: fetches the list, shows what changed since the newest book, keeps it.

Where books lie and how they are written is `catalog/kept.py`'s, what changed is `catalog/changes.py`'s.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from farthing.catalog import kept
from farthing.catalog.changes import Change, changes
from farthing.catalog.models import Catalog
from farthing.cli.work import show
from farthing.cli.work.interrupt import run_async
from farthing.config.load import load_config
from farthing.errors import FarthingError
from farthing.opening import open_client
from farthing.upstream.failure import Failure

_TIMEOUT_S = 30.0
_SAID = "Simulated: a simulator answered. Its book is kept apart and is never the newest."


def catalog_named(book: str) -> Catalog:
    """A catalogue by `newest`, a packaged book's name, or a kept book's date or id. Raises `ConfigError`."""
    return kept.catalog_named(book, os.environ)


def all_catalogs() -> list[Catalog]:
    """Every book, oldest first."""
    return kept.all_catalogs(os.environ)


def tell_refresh(*, dry_run: bool, as_json: bool) -> None:
    """Fetches, compares, keeps. Raises `FarthingError` when nothing can be fetched, or be priced."""
    now = datetime.now(UTC)
    rows, simulated = run_async(_fetched())
    after = kept.catalog_fetched(rows, day=now.date(), simulated=simulated)
    if not after.prices.prices:
        raise FarthingError(
            f"none of {len(rows)} rows has a readable price", hint="nothing was kept; try again"
        )
    before = (kept.newest_simulated(os.environ) if simulated else None) or catalog_named("newest")
    found = changes(before, after)
    path = None
    if found and not dry_run:
        path = kept.keep_book(rows, now=now, simulated=simulated, environ=os.environ)
    if as_json:
        told = {"before": before.prices.id, "models": len(rows), "changes": found, "simulated": simulated}
        show.write_json({**told, "kept": None if path is None else str(path)})
        return
    _show(found, before, count=len(rows))
    out = show.console()
    if path is not None:
        out.print(f"kept as {path}", soft_wrap=True)
    elif found:
        out.print("Nothing was kept: --dry-run.")
    if simulated:
        out.print(_SAID)


async def _fetched() -> tuple[list[Mapping[str, object]], bool]:
    """The rows and whether a simulator answered."""
    config = load_config()
    client = open_client(config, environ=os.environ, transport=None, needs_key=False)
    try:
        rows = await client.models(timeout_s=_TIMEOUT_S)
    finally:
        await client.aclose()
    if isinstance(rows, Failure):
        raise FarthingError(
            f"models could not be fetched: {rows.kind.value}: {rows.message}",
            hint="check the network and OPENROUTER_BASE_URL; the books that are there stay",
        )
    return list(rows), client.simulated


def _show(found: Sequence[Change], before: Catalog, *, count: int) -> None:
    out = show.console()
    differences = show.counted(len(found), "change")
    out.print(f"{show.counted(count, 'model')} fetched, {differences} since {before.prices.id}.")
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
