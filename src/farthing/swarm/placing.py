"""Where the pieces of a swarm are done when not in the process that deployed it.

Words, and the one refusal. What starts workers is `cluster/`'s; how pieces reach them is `queued.py`'s.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from farthing.config.schema import DeploymentConfig
from farthing.errors import SwarmError
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database
from farthing.swarm.toolrun import Journey
from farthing.swarm.work import Driver
from farthing.task import Task, Tool

Driving: TypeAlias = Callable[[str, tuple[str, ...]], AbstractAsyncContextManager[Driver]]
"""Opens the driver of a run, by its id and the modules that its tools come from, until the block is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A run, and what workers share with who deployed it. `modules` are those that its tools come from."""

    run_id: str
    config: DeploymentConfig
    database: Database
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What an open deployment lends to a worker."""

    database: Database
    ledger: LedgerWriter
    journey: Journey
    now_us: Callable[[], int]
    tools: Callable[[Task], Mapping[str, Tool]]
    """What the deployment offers to the agent of a task, by name."""

    @property
    def epoch(self) -> int:
        """The number of its lease; another one after a lease that was lost."""
        return self.ledger.epoch


class Place(Protocol):
    """Who does the pieces: `cluster.Workers`, which somebody has started, or `cluster.Ray`, which starts
    them."""

    def staffed(self, ground: Ground) -> AbstractAsyncContextManager[None]:
        """Sees to it that there are workers until the block is left. Raises `SwarmError`."""
        ...


def refuse_one_machine(database: Database) -> None:
    """Raises `SwarmError` for a database that only one machine can reach."""
    if database.is_sqlite:
        raise SwarmError(
            f"many machines need one database that all of them reach, and {database.display_url} is a "
            "SQLite file, which locks and syncs on one machine only",
            hint="FARTHING_DATABASE_URL=postgresql+psycopg://USER@HOST/NAME, here and on every machine "
            "(pip install 'farthing[postgres]'); one process runs thousands of agents without",
        )
