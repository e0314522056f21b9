"""Runs, or goes on with, a swarm of many agents until it is killed: started by `killed_runs.py`.

Arguments: the ledger's URL, how many agents, the run to go on with (or `new`), and after how many steps it
kills itself inside the transaction that writes the last of them (0: it does not). The upstream comes from the
environment. Says the run's id before its first piece, `done` after its last, and what it all has cost by its
journal and by the ledger.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence

import sqlalchemy as sa
from tests.journeys.killed_tools import look_around

from farthing import AgentSpec, Deployment
from farthing.spend import epoch
from farthing.spend.step import Journalled, StepDone
from farthing.swarm.events import SwarmFinished

GOAL = "Goal: see what there is to see"
OVERRIDES: dict[str, object] = {
    "fallbackRules.retryDelay": 1,
    "fallbackRules.maxRetries": 8,
    "fallbackRules.retryBudget": 1.0,
    "upstream.betweenTokensTimeout": 1.0,
    "upstream.firstTokenTimeout": 2.0,
    "swarm.keepDays": 7,
    "scaling.maxConcurrency": 48,
}


def inherit_names(
    loop: asyncio.AbstractEventLoop, work: Coroutine[object, object, object], **given: object
) -> "asyncio.Task[object]":
    """A task factory: a task has the name of the task that began it, unless it is given one."""
    parent = asyncio.current_task(loop)
    task = asyncio.Task(work, loop=loop, **given)  # pyright: ignore[reportArgumentType] - as asyncio's own
    if parent is not None:
        task.set_name(parent.get_name())
    return task


def die_in_commit(after_steps: int) -> None:
    """Kills this process in the transaction that writes so manieth step: after the row, before the commit."""
    written = 0
    write = epoch.stepstore.write

    def counting(connection: sa.Connection, entries: Sequence[Journalled]) -> None:
        nonlocal written
        write(connection, entries)
        written += sum(isinstance(entry, StepDone) for entry in entries)
        if written >= after_steps:
            os.kill(os.getpid(), signal.SIGKILL)

    epoch.stepstore.write = counting


async def main(url: str, agents: int, run_id: str, after_steps: int) -> None:
    asyncio.get_running_loop().set_task_factory(inherit_names)  # pyright: ignore[reportArgumentType] - as above
    if after_steps:
        die_in_commit(after_steps)
    overrides = {**OVERRIDES, "storage.databaseUrl": url}
    async with Deployment("balanced", overrides=overrides) as deployment:
        if run_id == "new":
            specs = [AgentSpec(type="analyst", count=agents, tools=[look_around])]
            swarm = deployment.prepare_swarm(specs, goal=GOAL, budget_usd=5)
        else:
            swarm = await deployment.resume_swarm(run_id)
        say(swarm.run_id)
        async for event in swarm.stream():
            if isinstance(event, SwarmFinished):
                say(f"done {event.result.stopped}")
    async with Deployment("balanced", overrides=overrides) as deployment:  # every bill has been asked for
        replayed = await (await deployment.replay_swarm(swarm.run_id)).run()
        total = deployment.run_ledger(swarm.run_id).total()
        say(f"cost {replayed.total_cost} {total.committed} {total.held}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
