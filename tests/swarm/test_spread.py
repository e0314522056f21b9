"""Any number of independent tasks: bounded, spread over agents, failures as values."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from decimal import Decimal

import pytest
from tests.swarm.scripted import Answer, Say, Scripted

from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import InvalidTaskError, SwarmError, TaskFailedError
from farthing.swarm.agent import AgentSpec
from farthing.swarm.results import MapDone
from farthing.swarm.run import Swarm
from farthing.task import Message, Task

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

TEAM = (AgentSpec(type="researcher", count=2), AgentSpec(type="coder", count=2, budget_usd=Decimal(3)))
QUEUE = 16


class Source:
    """A generator of tasks that knows how far it was read."""

    def __init__(self, size: int) -> None:
        self.size, self.read = size, 0

    def __iter__(self) -> Iterator[str]:
        for number in range(self.size):
            self.read += 1
            yield f"task {number}"

    async def slowly(self) -> AsyncIterator[str]:
        for text in self:
            await asyncio.sleep(0)
            yield text


def by_text(task: Task) -> Answer:
    if task.description.endswith("7"):
        return TaskFailedError("all candidates failed")
    return Say(text=task.description)


def swarm_of(journey: Scripted) -> Swarm:
    return Swarm(TEAM, journey=journey, settings=SwarmSettings(queue_size=QUEUE), budget_usd=Decimal(9))


async def test_ten_thousand_tasks_are_not_read_ahead() -> None:
    source, seen, ahead = Source(10_000), set[int](), 0
    journey = Scripted(script=by_text)
    swarm = swarm_of(journey)
    async for done in swarm.map(source):
        seen.add(done.index)
        ahead = max(ahead, source.read - len(seen))
        journey.tasks.clear()
    assert seen == set(range(10_000))
    assert ahead <= QUEUE + 2 * 4 + 1
    assert journey.peak <= 4
    assert swarm.results == ()
    assert (swarm.totals.finished, swarm.totals.failed) == (9_000, 1_000)


async def test_a_reader_that_waits_holds_the_source_up() -> None:
    source, journey = Source(10_000), Scripted(script=by_text)
    async with aclosing(swarm_of(journey).map(source)) as done:
        await anext(done)
        for _ in range(500):
            await asyncio.sleep(0)
        assert source.read <= 1 + QUEUE + 2 * 4 + 1
    assert journey.running == 0


async def test_failures_are_values() -> None:
    done = [one async for one in swarm_of(Scripted(script=by_text)).map(["a", "b7", "  ", "c"])]
    ended = {one.index: one for one in done}
    assert [ended[at].result.output for at in (0, 3) if (ended[at].result)] == ["a", "c"]  # pyright: ignore[reportOptionalMemberAccess] - filtered beside it
    assert isinstance(ended[1].error, TaskFailedError)
    assert isinstance(ended[2].error, InvalidTaskError)
    assert ended[1].work.cost == Decimal("0.0005")
    assert (ended[2].agent_id, ended[2].source) == ("", "  ")


async def test_an_async_source_serves_as_well() -> None:
    source = Source(50)
    done = [one async for one in swarm_of(Scripted(script=by_text)).map(source.slowly())]
    assert len(done) == 50


async def test_in_flight_is_what_was_asked_for() -> None:
    gate = asyncio.Event()
    journey = Scripted(script=by_text, gate=gate)

    async def all_of() -> list[MapDone]:
        return [one async for one in swarm_of(journey).map(Source(30), concurrency=11)]

    running = asyncio.create_task(all_of())
    for _ in range(200):
        await asyncio.sleep(0)
    assert journey.running == 11
    gate.set()
    assert len(await running) == 30
    assert journey.peak == 11


async def test_tasks_go_to_the_agents_that_suit_and_carry_their_limits() -> None:
    gate = asyncio.Event()
    journey = Scripted(script=by_text, gate=gate)
    tasks = [Task(description=f"t{number}", type="coding") for number in range(4)]

    async def all_of() -> list[MapDone]:
        return [one async for one in swarm_of(journey).map(tasks)]

    running = asyncio.create_task(all_of())
    for _ in range(100):
        await asyncio.sleep(0)
    assert sorted(task.agent_id or "" for task in journey.tasks) == [
        "coder-1",
        "coder-1",
        "coder-2",
        "coder-2",
    ]
    gate.set()
    done = await running
    sent = journey.tasks[0]
    assert sent.messages[0].text.startswith("You are a coder ")
    assert sent.messages[1] == Message(role="user", content=sent.description)
    assert [scope for scope, _ in sent.limits] == [
        f"swarm:{sent.run_id}",
        f"agent:{sent.run_id}/{sent.agent_id}",
    ]
    assert {one.work.role for one in done} == {"coder"}


async def test_a_tasks_own_words_come_first() -> None:
    journey = Scripted(script=by_text)
    own = Task(
        description="named",
        messages=(Message(role="system", content="mine"), Message(role="user", content="hi")),
        session_id="s",
        model="my/model",
        limits=(("task:1", Decimal(1)),),
    )
    _ = [one async for one in swarm_of(journey).map([own])]
    sent = journey.tasks[0]
    assert (sent.messages, sent.session_id, sent.model, sent.type) == (own.messages, "s", "my/model", None)
    assert sent.limits[0] == ("task:1", Decimal(1))


@pytest.mark.parametrize("turns", range(0, 40, 4))
async def test_an_early_break_cancels_what_is_in_flight(turns: int) -> None:
    gate = asyncio.Event()
    journey = Scripted(script=by_text)
    swarm = swarm_of(journey)
    async for _ in swarm.map(Source(10_000)):
        journey.gate = gate
        for _ in range(turns):
            await asyncio.sleep(0)
        break
    for _ in range(100):  # the abandoned generator is closed by the loop, in its own time
        await asyncio.sleep(0)
    assert journey.running == 0
    assert journey.ended == len(journey.tasks) < 40


async def test_cancel_ends_the_iteration() -> None:
    journey = Scripted(script=by_text)
    swarm = swarm_of(journey)
    done: list[MapDone] = []
    async for one in swarm.map(Source(10_000)):
        done.append(one)
        swarm.cancel()
    assert len(done) < 40
    assert journey.running == 0
    assert (await swarm.run("x")).stopped is None


async def test_what_the_source_raises_is_raised() -> None:
    def broken() -> Iterator[str]:
        yield "a"
        raise ValueError("line 2 is no JSON")

    journey = Scripted(script=by_text)
    with pytest.raises(ValueError, match="line 2"):
        _ = [one async for one in swarm_of(journey).map(broken())]
    assert journey.running == 0


async def test_an_empty_source_ends_at_once() -> None:
    assert [one async for one in swarm_of(Scripted(script=by_text)).map([])] == []


async def test_a_concurrency_of_nothing_is_refused() -> None:
    with pytest.raises(SwarmError, match="concurrency is 0"):
        _ = [one async for one in swarm_of(Scripted(script=by_text)).map(["a"], concurrency=0)]
