"""What a deployment opens: here, its catalogue where upstream does not answer."""

from datetime import UTC, datetime
from pathlib import Path

from farthing.catalog.kept import keep_book
from farthing.config.load import load_catalog, load_config
from farthing.opening import current_catalog, open_client

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
