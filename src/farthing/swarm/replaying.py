"""A run shown again from its journal: the same orchestration, whose models and tools are the journal's pages.

Nothing is sent, run, claimed or written, and no key is needed: a database is enough.
"""

from collections.abc import AsyncIterator, Mapping

from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import SwarmError
from farthing.result import TaskEvent
from farthing.storage.database import Database
from farthing.swarm import runs
from farthing.swarm.agent import ToolSource
from farthing.swarm.keeping import Durable, ReplayedRun
from farthing.swarm.ordering import pattern_of
from farthing.swarm.pages import read_known
from farthing.swarm.resuming import RunOrder, ToolOrder, by_capability, decode_order, spec_of
from farthing.swarm.run import Swarm
from farthing.swarm.surroundings import Surroundings
from farthing.task import Task, Tool

_ANYTHING: Mapping[str, object] = {"type": "object"}


def replayed_swarm(database: Database, run_id: str, settings: SwarmSettings) -> Swarm:
    """The swarm whose `stream()` tells the run's events again.

    Raises `SwarmError` where there is no such run, or its journal is forgotten.
    """
    row = runs.read(database, run_id)
    if row is None:
        raise runs.no_such_run(run_id, database)
    order = decode_order(row.body)
    if not order.goal:
        raise SwarmError(
            f"{run_id} is {row.state}, and its journal was forgotten at its end",
            hint="swarm.keepDays keeps the journals of later runs",
        )
    tools = _tools(order)
    replayed = ReplayedRun(run_id, order, read_known(database, run_id, resumes=False))
    return Swarm(
        [spec_of(spec, tools) for spec in order.specs],
        journey=_no_journey,
        goal=order.goal,
        settings=settings,
        tools=by_capability(order.tools, tools),
        budget_usd=order.budget_usd,
        pattern=pattern_of(order),
        within=Surroundings(durable=Durable(None, order, resumed=replayed)),
    )


def _tools(order: RunOrder) -> dict[str, ToolSource]:
    return {one.name: _tool(one) for one in order.all_tools}


def _tool(order: ToolOrder) -> Tool:
    """A tool by name: what it came to is in the journal, so it needs no function that could be run."""
    return Tool(
        name=order.name,
        description=order.description,
        parameters=order.parameters or _ANYTHING,
        run=_not_run if order.runs else None,
    )


def _not_run(**_: object) -> object:
    raise SwarmError("a replay runs no tool")


async def _no_journey(task: Task) -> AsyncIterator[TaskEvent]:
    raise SwarmError("a replay asks no model", hint=f"the journal has no answer for {task.title!r}")
    yield
