"""Rate limits of several processes on one PostgreSQL: together they send what one may, and no more."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.spend.conftest import postgresql_url, server

from farthing.limits.minute import Ask
from farthing.shared_rates import ask_once, sharing_through
from farthing.storage.database import Database, sqlite_url

__all__ = ["postgresql_url", "server"]

_PROCESS = """
import asyncio, sys
from farthing.clock import SystemClock
from farthing.limits.permits import Permits, Rates, Wish
from farthing.limits.window import Rate
from farthing.shared_rates import sharing_through
from farthing.storage.database import Database

async def main():
    database = Database(sys.argv[1])
    rates = Rates(deployment=Rate(requests=40))
    permits = Permits(None, rates=rates, clock=SystemClock(), exchange=sharing_through(database))
    wishes = [Wish() for _ in range(30)]
    went = await asyncio.gather(*(permits.enter(wish, within_s=1.5) for wish in wishes))
    print(sum(one is None for one in went))
    permits.aclose()
    await permits.end_asking()
    database.close()

asyncio.run(main())
"""


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    opened = Database(postgresql_url)
    yield opened
    opened.close()


async def test_three_processes_send_no_more_than_one_may(database: Database, postgresql_url: str) -> None:
    children = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROCESS, postgresql_url), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    went = [int((await child.communicate())[0]) for child in children]
    assert sum(went) <= 40
    assert sum(went) >= 30  # some grants may have come too late to be used


def test_limits_are_counted_apart(database: Database) -> None:
    ask = Ask(most=4, wanted=4, least=4)
    assert ask_once(database, "model a/b requests", ask).granted == 4
    assert ask_once(database, "model a/b requests", ask).granted == 0
    assert ask_once(database, f"model {'x' * 300} requests", ask).granted == 4


def test_on_sqlite_each_process_counts_its_own(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    assert sharing_through(database) is None
    database.close()
