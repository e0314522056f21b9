"""A refresh gives today's prices, or keeps the packaged ones and says so."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from farthing.catalog.models import Catalog
from farthing.catalog.refresh import refreshed_catalog
from farthing.config.packaged import load_catalog
from farthing.errors import FarthingError

NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
PACKAGED = load_catalog("tutorial")
Rows = list[dict[str, object]]


def row(name: str, prompt: str) -> dict[str, object]:
    return {"id": name, "pricing": {"prompt": prompt, "completion": prompt}}


def answering(*rows: dict[str, object]) -> Callable[[], Awaitable[Rows]]:
    async def fetch() -> Rows:
        return list(rows)

    return fetch


async def test_new_rows_make_a_new_dated_book_and_keep_the_scores() -> None:
    fetch = answering(row("deepseek/deepseek-chat", "0.0000007"), row("new/model", "0.000001"))
    catalog, notices = await refreshed_catalog(fetch, PACKAGED, now=NOW, timeout_s=5)
    assert notices == ()
    assert catalog.live
    assert (catalog.prices.id, catalog.prices.day) == ("2026-11-23/openrouter", date(2026, 11, 23))
    price, model = catalog.price("deepseek-v3"), catalog.find("deepseek-v3")
    assert price is not None
    assert price.rates.prompt == Decimal("0.0000007")
    assert model is not None
    assert model.quality == 0.88
    gone = catalog.find("llama-3.3-70b")
    assert gone is not None
    assert not gone.listed
    packaged_price = PACKAGED.price("deepseek-v3")
    assert packaged_price is not None
    assert packaged_price.rates.prompt == Decimal("0.00000015")


@pytest.mark.parametrize("failure", [OSError("no route"), FarthingError("refused"), ValueError("not JSON")])
async def test_a_failed_refresh_keeps_the_packaged_catalogue(failure: Exception) -> None:
    async def fetch() -> Rows:
        raise failure

    catalog, notices = await refreshed_catalog(fetch, PACKAGED, now=NOW, timeout_s=5)
    assert catalog is PACKAGED
    assert [notice.code for notice in notices] == ["refresh_failed"]
    assert "2025-10-07/tutorial" in notices[0].text


async def test_a_later_book_serves_in_the_packaged_ones_place_and_is_asked_for_only_then() -> None:
    later, asked = load_catalog(), list[str]()

    def last_known() -> Catalog:
        asked.append("asked")
        return later

    async def fetch() -> Rows:
        raise OSError("no route")

    good = answering(row("deepseek/deepseek-chat", "0.0000007"))
    catalog, _ = await refreshed_catalog(good, PACKAGED, now=NOW, timeout_s=5, last_known=last_known)
    assert (catalog.live, asked) == (True, [])
    catalog, notices = await refreshed_catalog(fetch, PACKAGED, now=NOW, timeout_s=5, last_known=last_known)
    assert catalog is later
    assert later.prices.id in notices[0].text


async def test_a_late_refresh_is_cancelled_and_keeps_the_packaged_catalogue() -> None:
    cancelled = asyncio.Event()

    async def fetch() -> Rows:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return []

    catalog, notices = await refreshed_catalog(fetch, PACKAGED, now=NOW, timeout_s=0.01)
    assert catalog is PACKAGED
    assert [notice.code for notice in notices] == ["refresh_late"]
    assert cancelled.is_set()


@pytest.mark.parametrize("rows", [(), (row("openrouter/auto", "-1"),)])
async def test_an_answer_without_a_price_keeps_the_packaged_catalogue(
    rows: tuple[dict[str, object], ...],
) -> None:
    catalog, notices = await refreshed_catalog(answering(*rows), PACKAGED, now=NOW, timeout_s=5)
    assert catalog is PACKAGED
    assert [notice.code for notice in notices] == ["refresh_failed"]


async def test_a_bug_is_not_hidden_as_a_failed_refresh() -> None:
    async def fetch() -> Rows:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await refreshed_catalog(fetch, PACKAGED, now=NOW, timeout_s=5)
