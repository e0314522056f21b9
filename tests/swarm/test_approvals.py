"""Calls that wait for a person: who goes on, what is written when, who decides, what is asked twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.swarm.scripted import Answer, Say, Scripted, call

from farthing.clock import VirtualClock
from farthing.errors import SwarmError, SwarmPausedError
from farthing.result import TaskResult
from farthing.storage.database import Database, sqlite_url
from farthing.swarm import approvals as store
from farthing.swarm.agent import AgentSpec
from farthing.swarm.approvals import Approvals
from farthing.swarm.company import Approved, Decision, Denied, PendingApproval
from farthing.swarm.events import ApprovalAsked, ApprovalGiven, SwarmEvent, SwarmFinished, ToolRan
from farthing.swarm.journal import Pages, ToolResult
from farthing.swarm.loop import LoopCaps
from farthing.swarm.results import WorkResult
from farthing.swarm.run import Swarm
from farthing.swarm.tools import tool_from
from farthing.swarm.work import Means, Piece, do_work
from farthing.task import StepKey, Task, Tool

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(tmp_path / "ledger.db"))
    yield database
    database.close()


class Disk:
    """A tool with effects, and one without, that count their calls."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.looked = 0

    @property
    def tools(self) -> tuple[Tool, Tool]:
        def write(text: str) -> str:
            """Writes."""
            self.written.append(text)
            return f"wrote {text}"

        def look() -> str:
            """Looks."""
            self.looked += 1
            return "looked"

        return replace(tool_from(write), effects=True), tool_from(look)


WRITES = Say(calls=(call("write", '{"text": "x"}', "w"), call("look", "{}", "l")))


def script(task: Task) -> Answer:
    asked = any(message.role == "tool" for message in task.messages)
    if task.role != "coder" or asked:
        return Say(text=f"done: {task.messages[-1].text}")
    return WRITES


def swarm_of(journey: Scripted, disk: Disk, approvals: Approvals, *, count: int = 1) -> Swarm:
    spec = AgentSpec(type="coder", tools=disk.tools, count=count)
    return Swarm([spec], journey=journey, new_id=lambda: "run-1", approvals=approvals)


async def test_a_call_waits_the_others_of_its_answer_run_and_a_word_lets_it_run() -> None:
    disk, seen = Disk(), list[SwarmEvent]()
    swarm = swarm_of(Scripted(script=script), disk, Approvals())
    async with aclosing(swarm.stream("goal")) as events:
        async for event in events:
            seen.append(event)
            if isinstance(event, ToolRan) and event.name == "look":
                (waiting,) = swarm.pending_approvals
                assert (waiting.run_id, waiting.piece, waiting.agent_id) == ("run-1", "coder-1", "coder-1")
                assert (waiting.call_id, waiting.tool, waiting.arguments) == ("w", "write", '{"text": "x"}')
                assert disk.written == []
                swarm.approve("w")
    assert disk.written == ["x"]
    assert swarm.pending_approvals == ()
    told = [type(event).__name__ for event in seen]
    assert told.index("ApprovalAsked") < told.index("ApprovalGiven") < told.index("AgentFinished")


async def test_a_denied_call_is_told_with_its_note() -> None:
    disk = Disk()

    async def no(asked: PendingApproval) -> Decision:
        return Denied(note="not on a Friday")

    result = await swarm_of(journey := Scripted(script=script), disk, Approvals(on_approval=no)).run("g")
    assert disk.written == []
    shown = [message.text for message in journey.tasks[1].messages if message.role == "tool"]
    assert shown == ["error: not run, a person denied this call: not on a Friday", "looked"]
    assert result.stopped is None


@pytest.mark.parametrize(("said", "written"), [(True, ["x"]), (False, [])])
async def test_a_callback_decides_by_yes_and_no(said: bool, written: list[str]) -> None:
    disk = Disk()

    async def answer(asked: PendingApproval) -> bool:
        return said

    await swarm_of(Scripted(script=script), disk, Approvals(on_approval=answer)).run("goal")
    assert disk.written == written


async def test_the_other_agents_go_on_and_equal_ids_are_told_apart_by_agent() -> None:
    disk = Disk()
    swarm = swarm_of(Scripted(script=script), disk, Approvals(), count=2)
    async with aclosing(swarm.stream("goal")) as events:
        async for event in events:
            if isinstance(event, ApprovalAsked) and len(swarm.pending_approvals) == 2:
                with pytest.raises(SwarmError, match="several calls with the id 'w'"):
                    swarm.approve("w")
                with pytest.raises(SwarmError, match="no call with the id 'v'"):
                    swarm.deny("v")
                swarm.deny("w", agent_id="coder-2")
            if isinstance(event, ApprovalGiven) and event.agent_id == "coder-2":
                swarm.approve("w")
    assert disk.written == ["x"]


async def test_it_is_written_down_before_it_is_told(database: Database) -> None:
    disk = Disk()
    swarm = swarm_of(Scripted(script=script), disk, Approvals(database=database, clock=VirtualClock()))

    def states() -> list[str]:
        with database.read() as connection:
            return [type(one.decision).__name__ for one in store.read(connection, pending=False)]

    async with aclosing(swarm.stream("goal")) as events:
        async for event in events:
            if isinstance(event, ApprovalAsked):
                assert states() == ["NoneType"]
                swarm.approve("w")
            if isinstance(event, ApprovalGiven):
                assert states() == ["Approved"]
    assert disk.written == ["x"]


async def test_another_process_decides_and_is_noticed(database: Database) -> None:
    disk = Disk()
    clock = VirtualClock()
    swarm = swarm_of(Scripted(script=script), disk, Approvals(database=database, clock=clock))
    other = Database(str(database.url))
    async with aclosing(swarm.stream("goal")) as events:
        async for event in events:
            if isinstance(event, ApprovalAsked):
                held = store.decide(other, event.approval, Denied(note="no"), now_us=1)
                assert held == Denied(note="no")
            if isinstance(event, ApprovalGiven):
                assert (event.approved, event.note) == (False, "no")
    other.close()
    assert disk.written == []
    assert set(clock.slept) == {store.POLL_S}


async def test_who_decides_first_has_decided(database: Database) -> None:
    asked = pending()
    store.keep(database, asked)
    assert store.decide(database, asked, Approved(), now_us=1) == Approved()
    assert store.decide(database, asked, Denied(note="late"), now_us=2) == Approved()
    with pytest.raises(SwarmError, match="no call 'other'"):
        store.decide(database, pending(call_id="other"), Approved(), now_us=1)


async def test_a_decision_on_other_arguments_is_none(database: Database) -> None:
    asked = pending()
    assert store.keep(database, asked) is None
    store.decide(database, asked, Approved(), now_us=1)
    assert store.keep(database, asked) == Approved()
    assert store.keep(database, pending(arguments='{"text": "all"}')) is None
    with database.read() as connection:
        (row,) = store.read(connection)
    assert row.approval.arguments == '{"text": "all"}'


def pending(*, call_id: str = "w", arguments: str = '{"text": "x"}') -> PendingApproval:
    return PendingApproval(
        run_id="run-1",
        piece="coder-1",
        agent_id="coder-1",
        call_id=call_id,
        tool="write",
        arguments=arguments,
        asked_at=AT,
    )


class Kept:
    """The pages of one piece of work in memory."""

    def __init__(self) -> None:
        self.answers: dict[int, TaskResult] = {}
        self.rounds: dict[int, list[ToolResult]] = {}

    def key(self, number: int) -> StepKey | None:
        return None

    def answer(self, number: int) -> TaskResult | None:
        return self.answers.get(number)

    def tool_results(self, number: int) -> Sequence[ToolResult] | None:
        return self.rounds.get(number)

    def keep_tool_results(self, number: int, results: Sequence[ToolResult]) -> None:
        assert number not in self.rounds
        self.rounds[number] = list(results)


def piece_of(disk: Disk) -> Piece:
    task = Task(description="x", tools=disk.tools, run_id="run-1", agent_id="coder-1", role="coder")
    return Piece(name="coder-1", task=task, stage=1, title="x")


def means_of(
    journey: Scripted,
    approvals: Approvals,
    pages: Pages | None = None,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    caps: LoopCaps | None = None,
    emit: Callable[[SwarmEvent], Awaitable[None]] | None = None,
) -> Means:
    async def opened(piece: str) -> Pages:
        return pages or Kept()

    async def drop(event: SwarmEvent) -> None:
        pass

    def keep(work: WorkResult) -> None:
        pass

    return Means(
        journey=journey,
        caps=caps or LoopCaps(),
        clock=clock,
        emit=emit or drop,
        keep=keep,
        drive=do_work,
        pages=opened,
        approvals=approvals,
    )


async def test_work_that_only_waits_pauses_and_goes_on_where_it_was(database: Database) -> None:
    disk, pages = Disk(), Kept()
    stop = Approvals(database=database, clock=VirtualClock(), on_pause="stop")
    journey = Scripted(script=script)
    paused = await do_work(piece_of(disk), means_of(journey, stop, pages))
    assert isinstance(paused.error, SwarmPausedError)
    assert "write (w)" in paused.error.message
    assert (disk.written, disk.looked) == ([], 1)
    assert {number: [one.call_id for one in kept] for number, kept in pages.rounds.items()} == {1: ["l"]}

    store.decide(database, pending(), Approved(), now_us=5)
    answered = Scripted(script=script)
    pages.answers[0] = await first_answer(journey)
    told: list[SwarmEvent] = []

    async def emit(event: SwarmEvent) -> None:
        told.append(event)

    work = await do_work(piece_of(disk), means_of(answered, stop, pages, emit=emit))
    assert work.ok
    assert (disk.written, disk.looked) == (["x"], 1)  # what was done is not done again
    assert len(answered.tasks) == 1  # and what was answered is not asked again
    assert [message.text for message in answered.tasks[0].messages[-2:]] == ["wrote x", "looked"]
    assert not [event for event in told if isinstance(event, ApprovalAsked)]
    assert sorted(pages.rounds) == [1, 2]


async def first_answer(journey: Scripted) -> TaskResult:
    from farthing.result import TaskFinished

    again = Scripted(script=script)
    async for event in again(journey.tasks[0]):
        if isinstance(event, TaskFinished):
            return event.result
    raise AssertionError


async def test_a_run_with_nothing_but_approvals_left_ends_as_paused() -> None:
    disk = Disk()

    def one_writes(task: Task) -> Answer:
        return script(task) if task.agent_id == "coder-1" else Say(text="mine is done")

    swarm = swarm_of(Scripted(script=one_writes), disk, Approvals(on_pause="stop"), count=2)
    result = await swarm.run("goal")
    assert (result.paused, result.stopped) == (True, "paused: coder-1 wait for a person's word")
    assert [work.ok for work in sorted(result.results, key=lambda work: work.agent_id)] == [False, True]
    assert disk.written == []


async def test_the_time_in_which_a_person_is_waited_for_is_not_the_agents() -> None:
    disk, now = Disk(), [0.0]

    async def slow(asked: PendingApproval) -> bool:
        now[0] += 10_000
        return True

    means = means_of(
        Scripted(script=script),
        Approvals(on_approval=slow),
        clock=lambda: now[0],
        caps=LoopCaps(max_seconds=60),
    )
    work = await do_work(piece_of(disk), means)
    assert (work.ok, disk.written) == (True, ["x"])


async def test_what_an_asked_agent_waits_the_asking_one_does_not_pay_in_time() -> None:
    disk, now = Disk(), [0.0]

    async def slow(asked: PendingApproval) -> bool:
        now[0] += 10_000
        return True

    def asks(task: Task) -> Answer:
        if task.role == "planner" and not any(one.role == "tool" for one in task.messages):
            return Say(calls=(call("ask_coder", '{"task": "write"}', "a"),))
        return script(task)

    helper = AgentSpec(type="coder", tools=disk.tools)
    swarm = Swarm(
        [AgentSpec(type="planner", delegates=[helper])],
        journey=(journey := Scripted(script=asks)),
        clock=lambda: now[0],
        approvals=Approvals(on_approval=slow),
    )
    await swarm.run("goal")
    last = [task for task in journey.tasks if task.role == "planner"][-1]
    assert last.tool_choice is None  # it was not ended for its time
    assert disk.written == ["x"]


async def test_leaving_while_a_call_waits_leaves_nothing_behind(database: Database) -> None:
    disk = Disk()
    asked = asyncio.Event()

    async def never(waiting: PendingApproval) -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    approvals = Approvals(database=database, on_approval=never)
    swarm = swarm_of(Scripted(script=script), disk, approvals)
    running = asyncio.create_task(swarm.run("goal"))
    await asked.wait()
    swarm.cancel()
    assert (await running).stopped == "cancelled"
    assert approvals.pending == ()
    assert disk.written == []


async def test_a_setting_of_never_asks_nobody_and_always_asks_for_all() -> None:
    disk, names = Disk(), list[str]()

    async def answer(asked: PendingApproval) -> bool:
        names.append(asked.tool)
        return True

    for confirm in ("never", "always"):
        approvals = Approvals(confirm=confirm, on_approval=answer)
        events = [event async for event in swarm_of(Scripted(script=script), disk, approvals).stream("g")]
        assert isinstance(events[-1], SwarmFinished)
    assert sorted(names) == ["look", "write"]


def test_an_id_that_is_too_long_is_told_by_its_digest() -> None:
    assert store.short_id("call_1") == "call_1"
    long = store.short_id("x" * 200)
    assert len(long) < 80
    assert long != store.short_id("x" * 201)
