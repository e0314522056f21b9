"""A worker in this process, on a real PostgreSQL, with journeys written by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

import pytest
from tests.swarm.scripted import Say, Scripted

from farthing.cluster.toolshed import toolshed
from farthing.cluster.worker import Worker, in_turn, waiting_runs
from farthing.deployment import Deployment
from farthing.errors import SwarmError
from farthing.storage.database import Database
from farthing.swarm import claims
from farthing.swarm.claims import ClaimedPiece, NewPiece
from farthing.swarm.loop import LoopCaps
from farthing.swarm.queued import queued, read_done, take_out
from farthing.swarm.results import WorkResult
from farthing.swarm.work import Means, Piece, do_work
from farthing.swarm.written import ToolForm, read_end, write_piece
from farthing.task import Task, Tool


def _piece(name: str, run_id: str = "run-a") -> Piece:
    task = Task(description=f"{name} of {run_id}", run_id=run_id, agent_id=name, role="coder")
    return Piece(name=name, task=task, stage=1, title=name)


def _put(database: Database, run_id: str, count: int) -> None:
    bodies = [_piece(f"coder-{number}", run_id) for number in range(count)]
    claims.put(database, run_id, [NewPiece(one.name, write_piece(one, LoopCaps())) for one in bodies])


async def _worker(
    deployment: Deployment,
    journey: Scripted,
    *,
    concurrency: int = 2,
    on_end: Callable[[ClaimedPiece, WorkResult], None] | None = None,
    drain_s: float = 30.0,
) -> Worker:
    place = replace((await deployment.workplace()), journey=journey)
    return Worker(
        place, find=toolshed((), place.tools), concurrency=concurrency, on_end=on_end, drain_s=drain_s
    )


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(0.005)


async def test_a_worker_does_what_was_put_and_leaves_nothing_claimed(deployment: Deployment) -> None:
    database = (await deployment.workplace()).database
    _put(database, "run-a", 5)
    worker = await _worker(deployment, Scripted(script=lambda task: Say(text=f"done {task.agent_id}")))
    working = asyncio.create_task(worker.work())
    await _until(lambda: claims.counts(database, "run-a").get("done") == 5)
    worker.stop()
    await working
    ends = dict(read_done(database, "run-a", ["coder-3"]))
    result = read_end(ends["coder-3"]).result
    assert result is not None
    assert result.output == "done coder-3"
    assert (worker.tally.claimed, worker.tally.done, worker.tally.again) == (5, 5, 0)


async def test_a_later_run_does_not_wait_for_the_end_of_an_earlier_one(deployment: Deployment) -> None:
    database, order = (await deployment.workplace()).database, list[str]()
    _put(database, "run-a", 20)
    _put(database, "run-b", 2)
    worker = await _worker(
        deployment,
        Scripted(script=lambda _: Say(text="done")),
        concurrency=4,
        on_end=lambda piece, _: order.append(piece.run_id),
    )
    working = asyncio.create_task(worker.work())
    await _until(lambda: len(order) == 22)
    worker.stop()
    await working
    assert order.index("run-b") < 4
    assert waiting_runs(database) == []


def test_runs_take_turns() -> None:
    assert in_turn(["a", "b", "c"], "") == ["a", "b", "c"]
    assert in_turn(["a", "b", "c"], "a") == ["b", "c", "a"]
    assert in_turn(["a", "c"], "b") == ["c", "a"]


async def test_it_claims_no_more_than_it_has_room_for(deployment: Deployment) -> None:
    database, gate = (await deployment.workplace()).database, asyncio.Event()
    _put(database, "run-a", 7)
    journey = Scripted(script=lambda _: Say(text="done"), gate=gate)
    worker = await _worker(deployment, journey, concurrency=3)
    working = asyncio.create_task(worker.work())
    await _until(lambda: journey.running == 3)
    assert claims.counts(database, "run-a") == {"claimed": 3, "ready": 4}
    gate.set()
    await _until(lambda: claims.counts(database, "run-a").get("done") == 7)
    worker.stop()
    await working
    assert journey.peak == 3


async def test_one_that_stops_finishes_what_it_has_begun(deployment: Deployment) -> None:
    database, gate = (await deployment.workplace()).database, asyncio.Event()
    _put(database, "run-a", 5)
    journey = Scripted(script=lambda _: Say(text="done"), gate=gate)
    worker = await _worker(deployment, journey)
    working = asyncio.create_task(worker.work())
    await _until(lambda: journey.running == 2)
    worker.stop()
    gate.set()
    await working
    assert claims.counts(database, "run-a") == {"done": 2, "ready": 3}


async def test_what_does_not_end_in_time_is_given_back(deployment: Deployment) -> None:
    database = (await deployment.workplace()).database
    _put(database, "run-a", 3)
    journey = Scripted(script=lambda _: Say(text="done"), gate=asyncio.Event())
    worker = await _worker(deployment, journey, drain_s=0.0)
    working = asyncio.create_task(worker.work())
    await _until(lambda: journey.running == 2)
    worker.stop()
    await working
    assert claims.counts(database, "run-a") == {"ready": 3}
    assert journey.running == 0


async def test_a_piece_that_was_taken_out_is_stopped(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farthing.cluster.worker.HELD_EVERY_S", 0.0)
    database = (await deployment.workplace()).database
    _put(database, "run-a", 1)
    journey = Scripted(script=lambda _: Say(text="done"), gate=asyncio.Event())
    worker = await _worker(deployment, journey)
    working = asyncio.create_task(worker.work())
    await _until(lambda: journey.running == 1)
    take_out(database, "run-a", ["coder-0"])
    await _until(lambda: journey.running == 0)
    worker.stop()
    await working
    assert worker.tally.dropped == 1


async def test_what_cannot_be_read_or_found_fails_and_holds_nothing_up(deployment: Deployment) -> None:
    database = (await deployment.workplace()).database
    tool = Tool(name="t", description="", parameters={}, run=print, source="os:system")
    task = Task(description="x", tools=(tool,), run_id="run-a", agent_id="b")
    body = write_piece(Piece(name="b", task=task, stage=1, title="b"), LoopCaps())
    claims.put(database, "run-a", [NewPiece("a", "{"), NewPiece("b", body)])
    worker = await _worker(deployment, Scripted(script=lambda _: Say(text="done")))
    working = asyncio.create_task(worker.work())
    await _until(lambda: claims.counts(database, "run-a").get("done") == 2)
    worker.stop()
    await working
    errors = {name: read_end(end).error for name, end in read_done(database, "run-a", ["a", "b"])}
    assert "one version" in str(errors["a"])
    assert "--tools-from os" in str(errors["b"])


@pytest.mark.parametrize(
    ("source", "modules", "why"),
    [
        ("os:getcwd", ["json"], "may not import"),
        (f"{__name__}:a_tool", [__name__], "other parameters"),
        (f"{__name__}:none", [__name__], "not to be had"),
        ("mcp:git", [], "has no tool"),
    ],
)
def test_a_tool_that_is_not_to_be_had_here_says_why(source: str, modules: list[str], why: str) -> None:
    form = ToolForm(name="a_tool", description="", parameters={"type": "object"}, source=source)
    with pytest.raises(SwarmError, match=why):
        toolshed(modules, lambda _: {})(form, Task(description="t"))


async def test_the_memory_of_a_run_is_there_wherever_its_agents_are(deployment: Deployment) -> None:
    place = await deployment.workplace()
    task = Task(description="t", run_id="run-a", agent_id="coder-1")
    form = ToolForm(name="memory_put", description="", parameters={}, source="built-in")
    run = toolshed((), place.tools)(form, task).run
    assert run is not None
    await cast(Awaitable[object], run(key="plan", value={"step": 1}))
    entry = await deployment.memory("run:run-a").get("plan")
    assert entry is not None
    assert entry.value == {"step": 1}


def a_tool(word: str) -> str:
    """A tool of this module."""
    return word


async def test_who_waits_for_a_piece_gets_its_result_or_takes_it_out(deployment: Deployment) -> None:
    """The driver's side: results come back, failures too, and a wait that is cancelled leaves no piece."""
    database, kept = (await deployment.workplace()).database, list[WorkResult]()
    journey = Scripted(script=lambda task: Say(text="x") if task.agent_id == "good" else SwarmError("no"))
    means = Means(
        journey=journey, caps=LoopCaps(), clock=lambda: 0.0, emit=_none, keep=kept.append, drive=do_work
    )
    async with queued(database, "run-a") as drive:
        never = asyncio.ensure_future(drive(_piece("never"), means))
        await _until(lambda: claims.counts(database, "run-a") == {"ready": 1})
        never.cancel()
        await asyncio.gather(never, return_exceptions=True)
        await _until(lambda: claims.counts(database, "run-a") == {})
        worker = await _worker(deployment, journey)
        working = asyncio.create_task(worker.work())
        good, bad = await asyncio.gather(drive(_piece("good"), means), drive(_piece("bad"), means))
        worker.stop()
        await working
    assert good.ok
    assert isinstance(bad.error, SwarmError)
    assert [work.agent_id for work in kept if work.ok] == ["good"]
    assert len(kept) == 3
    assert claims.counts(database, "run-a") == {}  # no run that lasts: nothing of it stays


async def _none(event: object) -> None:
    pass
