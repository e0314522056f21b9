"""What a deployment opens: its catalogue where upstream does not answer, and the prices that are kept."""

import json
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from tests.catalog.made import ABLE, catalog

from farthing.catalog.kept import keep_book
from farthing.config.load import load_catalog, load_config
from farthing.opening import current_catalog, keep_prices, open_client
from farthing.storage.database import Database, sqlite_url
from farthing.storage.tables import price

NOW = datetime(2027, 3, 4, 12, tzinfo=UTC)


async def found(environ: dict[str, str]) -> tuple[str, str]:
    """The book that a start runs on while nothing listens, and what it says."""
    config = load_config("balanced", environ={"OPENROUTER_BASE_URL": "http://127.0.0.1:9/api/v1"})
    client = open_client(config, environ={}, transport=None)
    try:
        catalog, (notice,) = await current_catalog(client, config, now=NOW, environ=environ)
    finally:
        await client.aclose()
    return catalog.prices.id, notice.text


async def test_a_start_without_an_answer_runs_on_the_newest_book(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    packaged = load_catalog().prices.id
    assert (await found(environ))[0] == packaged
    rows = [{"id": "a/model", "pricing": {"prompt": "0.1", "completion": "0.1"}}]
    path = keep_book(rows, now=NOW, simulated=False, environ=environ)
    book, said = await found(environ)
    assert book == "2027-03-04/openrouter"
    assert "using the book 2027-03-04/openrouter" in said
    path.write_text("torn")
    assert (await found(environ))[0] == packaged


async def test_a_simulators_book_serves_no_start(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    rows = [{"id": "a/model", "pricing": {"prompt": "0.1", "completion": "0.1"}}]
    keep_book(rows, now=NOW, simulated=True, environ=environ)
    assert (await found(environ))[0] == load_catalog().prices.id


def test_prices_that_change_within_a_day_make_another_book(tmp_path: Path) -> None:
    """A row names its book: what is kept under that name must be what the call was reserved by."""
    config, database = load_config("balanced", environ={}), Database(sqlite_url(tmp_path / "ledger.db"))
    morning, same, noon = (catalog((ABLE, rate)) for rate in ("0.1", "0.1", "0.2"))
    books = [keep_prices(database, config, one, now=NOW).prices.id for one in (morning, same, noon)]
    assert books == ["2026-01-01/test", "2026-01-01/test", "2026-01-01/test 12:00:00"]
    with database.read() as connection:
        rows = connection.execute(sa.select(price.c.book, price.c.rates).where(price.c.model == ABLE.id))
        kept = {book: json.loads(rates)["rates"]["prompt"] for book, rates in rows}
    database.close()
    assert kept == {"2026-01-01/test": "0.1", "2026-01-01/test 12:00:00": "0.2"}
