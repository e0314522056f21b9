"""Kept books: found by every name they have, written once and whole, a simulator's apart."""

import json
import multiprocessing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from farthing import CostCalculator
from farthing.catalog.kept import (
    all_catalogs,
    catalog_fetched,
    catalog_named,
    keep_book,
    newest_readable,
    newest_simulated,
)
from farthing.config.packaged import load_catalog
from farthing.errors import ConfigError

NOON = datetime(2027, 3, 4, 12, tzinfo=UTC)
SNAPSHOT = load_catalog().prices.id
Row = dict[str, object]


def row(price: str = "0.000001", name: str = "a/model") -> Row:
    return {
        "id": name,
        "pricing": {"prompt": price, "completion": price},
        "context_length": Decimal(4096),
        "description": "a long text that nothing reads",
        "expiration_date": None,
    }


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path)}


def keep(
    environ: dict[str, str], price: str = "0.000001", now: datetime = NOON, *, simulated: bool = False
) -> Path:
    return keep_book([row(price)], now=now, simulated=simulated, environ=environ)


def rate(environ: dict[str, str], book: str) -> Decimal:
    price = catalog_named(book, environ).price("a/model")
    assert price is not None
    return price.rates.prompt


def test_nothing_kept_is_the_packaged_snapshot(environ: dict[str, str]) -> None:
    assert catalog_named("newest", environ).prices.id == SNAPSHOT
    assert newest_readable(environ).prices.id == SNAPSHOT
    assert newest_simulated(environ) is None
    assert not Path(environ["XDG_STATE_HOME"]).joinpath("farthing").exists()


@pytest.mark.parametrize(
    "name", ["newest", "current", "2027-03-04", "2027-03-04/openrouter", "2027-03-04-openrouter"]
)
def test_a_kept_book_has_these_names(environ: dict[str, str], name: str) -> None:
    keep(environ)
    found = catalog_named(name, environ)
    assert (found.prices.id, found.prices.day) == ("2027-03-04/openrouter", NOON.date())
    model = found.find("a/model")
    assert model is not None
    assert model.context_tokens == 4096
    assert found.find("llama-3.3-70b") is not None  # what is curated stays findable


def test_packaged_books_keep_their_names(environ: dict[str, str]) -> None:
    keep(environ)
    assert catalog_named("tutorial", environ).prices.id == "2025-10-07/tutorial"
    assert catalog_named("snapshot", environ).prices.id == SNAPSHOT
    with pytest.raises(ConfigError, match="tutorial"):
        catalog_named("tutorail", environ)


def test_books_of_one_day_have_ids_of_their_own(environ: dict[str, str]) -> None:
    """A second one carries its time, one of the same second its microseconds; none replaces another."""
    paths = [
        keep(environ, price, NOON.replace(microsecond=at)) for at, price in enumerate(["0.1", "0.2", "0.3"])
    ]
    texts = [path.read_text() for path in paths]
    assert len(set(texts)) == 3
    ids = [book.prices.id for book in all_catalogs(environ)][-3:]
    assert ids == [
        "2027-03-04/openrouter",
        "2027-03-04/openrouter-120000",
        "2027-03-04/openrouter-120000000002",
    ]
    assert [rate(environ, name) for name in (*ids, "newest", "2027-03-04")] == [
        Decimal(price) for price in ("0.1", "0.2", "0.3", "0.3", "0.3")
    ]
    with pytest.raises(ConfigError, match="already"):
        keep(environ, "0.4", NOON.replace(microsecond=2))
    assert [path.read_text() for path in paths] == texts
    assert sorted(paths[0].parent.iterdir()) == sorted(paths)  # no half-written file is left


def test_what_is_kept_is_what_is_read(environ: dict[str, str]) -> None:
    (kept,) = json.loads(keep(environ).read_text())["data"]
    assert kept == {
        "id": "a/model",
        "pricing": {"prompt": "0.000001", "completion": "0.000001"},
        "context_length": 4096,
    }


def test_an_older_kept_book_is_not_the_newest(environ: dict[str, str]) -> None:
    keep(environ, now=NOON.replace(year=2026, month=1))
    assert catalog_named("newest", environ).prices.id == SNAPSHOT
    assert catalog_named("2026-01-04", environ).prices.id == "2026-01-04/openrouter"
    assert [book.prices.id for book in all_catalogs(environ)][1] == "2026-01-04/openrouter"


def test_a_simulators_book_is_never_the_newest(environ: dict[str, str]) -> None:
    keep(environ, simulated=True)
    assert catalog_named("newest", environ).prices.id == SNAPSHOT
    assert all(not book.prices.id.endswith("simulated") for book in all_catalogs(environ))
    named = newest_simulated(environ)
    assert named is not None
    assert named.prices.id == catalog_named("2027-03-04/simulated", environ).prices.id


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"data": 3, "day": "2027-03-04", "source": "x"}', "{"])
def test_a_broken_book_is_named_and_prevents_no_start(environ: dict[str, str], text: str) -> None:
    keep(environ)
    later = keep(environ, now=NOON.replace(day=5))
    later.write_text(text)
    with pytest.raises(ConfigError, match=r"2027-03-05-openrouter\.json cannot be read"):
        catalog_named("newest", environ)
    assert newest_readable(environ).prices.id == "2027-03-04/openrouter"


def test_a_huge_book_is_not_read(environ: dict[str, str]) -> None:
    path = keep(environ)
    with path.open("r+b") as file:
        file.truncate(60_000_000)
    with pytest.raises(ConfigError, match="larger than 50 MB"):
        catalog_named("newest", environ)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "farthing").write_text("a file in the folder's place")
    with pytest.raises(ConfigError, match="cannot be kept there"):
        keep({"XDG_STATE_HOME": str(tmp_path)})


def _keep_in_a_process(folder: str, price: str) -> None:
    try:
        keep_book([row(price)], now=NOON, simulated=False, environ={"XDG_STATE_HOME": folder})
    except ConfigError:
        return


def test_many_writers_at_once_lose_and_tear_nothing(environ: dict[str, str]) -> None:
    """All at one instant: as many are kept as there are names, each whole, the others are refused."""
    context = multiprocessing.get_context("spawn")
    prices = [f"0.{number}" for number in range(1, 5)]
    with context.Pool(2) as pool:
        pool.starmap(_keep_in_a_process, [(environ["XDG_STATE_HOME"], price) for price in prices])
    books = all_catalogs(environ)[2:]
    assert len(books) == 3
    found = [book.prices.prices["a/model"].rates.prompt for book in books]
    assert len(set(found)) == 3
    assert set(found) < {Decimal(price) for price in prices}


def test_fetched_rows_are_a_book_of_their_day() -> None:
    fetched = catalog_fetched([row(), {"no": "id"}, 7], day=NOON.date(), simulated=False)
    assert (fetched.prices.id, len(fetched.prices.prices)) == ("2027-03-04/openrouter", 1)
    assert catalog_fetched([], day=NOON.date(), simulated=True).prices.id == "2027-03-04/simulated"


def test_the_calculators_current_prices_are_the_newest_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert CostCalculator().catalog.prices.id == SNAPSHOT
    keep({"XDG_STATE_HOME": str(tmp_path)})
    assert CostCalculator().catalog.prices.id == "2027-03-04/openrouter"
    assert CostCalculator("snapshot").catalog.prices.id == SNAPSHOT
