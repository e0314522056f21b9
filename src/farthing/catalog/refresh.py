"""Today's catalogue from upstream, within a deadline; else the last one known, with a notice.

Does the waiting and nothing else: what a row means is `rows.py`'s, the request itself `upstream`'s.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal

from farthing.catalog.models import Catalog
from farthing.catalog.rows import catalog_from_rows
from farthing.errors import FarthingError
from farthing.result import Notice


async def refreshed_catalog(
    fetch_rows: Callable[[], Awaitable[list[dict[str, object]]]],
    packaged: Catalog,
    *,
    now: datetime,
    timeout_s: float,
    last_known: Callable[[], Catalog] | None = None,
) -> tuple[Catalog, tuple[Notice, ...]]:
    """A new book `YYYY-MM-DD/openrouter` from raw `/models` rows; `packaged` with a notice when that fails.

    `last_known` is asked for a later book in place of `packaged`, and only then.
    Curated scores, aliases and successors are kept from `packaged`. A price is read, or it is unknown.
    Fails over for a passed deadline, an `OSError`, a `FarthingError`, unreadable replies (`ValueError`)
    and an answer without one priced model; anything else is a bug and is raised.
    """
    day = now.astimezone(UTC).date()
    otherwise = last_known or (lambda: packaged)
    try:
        async with asyncio.timeout(timeout_s):
            rows = await fetch_rows()
    except TimeoutError:
        return _kept(otherwise(), now, "late", f"no answer within {timeout_s:g} s")
    except (OSError, FarthingError, ValueError) as failure:
        return _kept(otherwise(), now, "failed", f"{type(failure).__name__}: {failure}")
    catalog, notices = catalog_from_rows(
        rows,
        book=f"{day.isoformat()}/openrouter",
        day=day,
        source="OpenRouter /models, read at start",
        curated=packaged.models,
        live=True,
    )
    if not catalog.prices.prices:
        return _kept(otherwise(), now, "failed", f"none of its {len(rows)} rows has a readable price")
    return catalog, notices


def _kept(
    catalog: Catalog, now: datetime, how: Literal["late", "failed"], why: str
) -> tuple[Catalog, tuple[Notice, ...]]:
    text = f"prices could not be refreshed ({why}); using the book {catalog.prices.id}"
    return catalog, (Notice(code=f"refresh_{how}", text=text, at=now),)
