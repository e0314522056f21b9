"""A live swarm: agents that work through a goal in stages, or through any number of independent tasks.

Owns the tasks it starts and ends them all. Money, routing and HTTP are behind the journey it is given;
the order of a run is `stages.py`'s.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import SwarmError
from farthing.swarm.agent import (
    AgentSpec,
    ToolSource,
)
from farthing.swarm.brief import DIGEST_CHARS
from farthing.swarm.channel import Channel, end_all
from farthing.swarm.events import SwarmEvent, SwarmFinished, SwarmStarted
from farthing.swarm.journal import open_unkept
from farthing.swarm.keeping import Durable, ReplayedRun, RunJournal
from farthing.swarm.loop import caps_from
from farthing.swarm.members import hand_out, members_of
from farthing.swarm.memory.shared import Memory
from farthing.swarm.placing import Driving
from farthing.swarm.plan import RunFrame, planned_tasks
from farthing.swarm.results import MapDone, SwarmResult, Totals, WorkResult, totals_of
from farthing.swarm.spread import spread
from farthing.swarm.stages import Conducted, conduct
from farthing.swarm.toolrun import Journey, closing
from farthing.swarm.work import Driver, Emit, Means, do_work
from farthing.swarm.written import modules_of
from farthing.task import Task

RUNS_PER_MONTH = 30
"""One run a day, where the caller names no other rate."""

CANCELLED = "cancelled"
"""`SwarmResult.stopped` after `cancel()`."""

_EVENTS_AHEAD = 256

Journal: TypeAlias = RunJournal | ReplayedRun

Estimate: TypeAlias = Callable[[Task], Decimal | None]
"""The expected cost of a task in dollars, from its route; None where it is not known."""


def new_run_id() -> str:
    return f"run-{secrets.token_hex(6)}"


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def _drop(event: SwarmEvent) -> None:
    """`map` hands out results; the events on the way to them have no reader."""


class Swarm:
    """Agents ready to work. One run or map at a time; each has its own `run_id`, and budgets hold per run.

    `budget_usd` limits one run, `agent_budget_usd` each agent whose spec sets no limit; dollars, hard.
    `tools` serve capabilities by name. `estimate` gives the expected cost of a task before anything ran.
    Raises `SwarmError` for no agents or an unknown role, `InvalidTaskError` for a tool that cannot be used.
    """

    def __init__(
        self,
        specs: Sequence[AgentSpec],
        *,
        journey: Journey,
        goal: str = "",
        settings: SwarmSettings | None = None,
        tools: Mapping[str, Sequence[ToolSource]] | None = None,
        budget_usd: Decimal | None = None,
        agent_budget_usd: Decimal | None = None,
        estimate: Estimate | None = None,
        runs_per_month: int = RUNS_PER_MONTH,
        digest_chars: int = DIGEST_CHARS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
        new_id: Callable[[], str] = new_run_id,
        on_event: Callable[[SwarmEvent | None], None] | None = None,
        durable: Durable | None = None,
        driving: Driving | None = None,
        memory: Callable[[str], Memory] | None = None,
    ) -> None:
        """`on_event` is called with each event of a run as it happens, before it is queued for a reader, and
        with None when the run has been left. `durable` makes runs last; None where they need not. `driving`
        opens who does the pieces; None is this process. `memory` opens a namespace of shared memory."""
        self._settings = settings or SwarmSettings()
        self.goal = goal
        self._open_memory = memory
        ours = None if memory is None else lambda: self.memory
        self.agents, self.notices = members_of(specs, self._settings, tools or {}, agent_budget_usd, ours)
        self.runs_per_month = runs_per_month
        self._journey = journey
        self._budget_usd = budget_usd
        self._estimate = estimate
        self._digest_chars = digest_chars
        self._clock, self._now, self._new_id = clock, now, new_id
        self._on_event = on_event
        self._durable, self._driving = durable, driving
        self._run_id = (durable and durable.run_id) or new_id()
        self._used = self._busy = self._cancelled = False
        self._work: asyncio.Task[Conducted] | asyncio.Task[None] | None = None
        self._results: list[WorkResult] = []
        self._totals = Totals()
        self._measured: list[Decimal] = []

    @property
    def run_id(self) -> str:
        """The id of the run under way, else of the last one, else of the first one to come."""
        return self._run_id

    @property
    def memory(self) -> Memory:
        """What the agents of the run share, in the namespace `run:RUN_ID`: it outlasts the run."""
        if self._open_memory is None:
            raise SwarmError("this swarm has no shared memory", hint="deploy it by a Deployment")
        return self._open_memory(f"run:{self._run_id}")

    @property
    def results(self) -> tuple[WorkResult, ...]:
        """The pieces of the run under way or the last one, in order of ending; `map` keeps only `totals`."""
        return tuple(self._results)

    @property
    def totals(self) -> Totals:
        """Sums over everything this swarm has done, maps included."""
        return self._totals

    @property
    def total_cost(self) -> Decimal:
        """Dollars spent by everything this swarm has done, failures included."""
        return self._totals.cost

    @property
    def estimated_monthly_cost(self) -> Decimal | None:
        """Cost of a run × `runs_per_month`, in dollars.

        The mean of the runs that came to their end; before there is one, the sum of the expected costs of
        `plan()`; None where these are not known.
        """
        if self._measured:
            return sum(self._measured, Decimal(0)) / len(self._measured) * self.runs_per_month
        per_run = self.expected_run_cost()
        return None if per_run is None else per_run * self.runs_per_month

    def expected_run_cost(self, goal: str | None = None) -> Decimal | None:
        """Expected cost of one run in dollars, from the routes of `plan()`; None where one is not known."""
        if self._estimate is None:
            return None
        total = Decimal(0)
        for task in self.plan(goal):
            cost = self._estimate(task)
            if cost is None:
                return None
            total += cost
        return total

    def plan(self, goal: str | None = None) -> tuple[Task, ...]:
        """The tasks one run would send, one model call each, with an assumed length of earlier results."""
        return planned_tasks(self.agents, self._frame(goal or self.goal or "the goal"))

    async def run(self, goal: str | None = None) -> SwarmResult:
        """Works through the goal (or the swarm's own) to its result; see `stream`."""
        async with closing(self.stream(goal)) as events:
            async for event in events:
                if isinstance(event, SwarmFinished):
                    return event.result
        raise SwarmError("the run ended without a result")

    async def resume(self) -> SwarmResult:
        """Goes on with the run that `Deployment.resume_swarm` took over; see `stream`."""
        return await self.run()

    async def stream(self, goal: str | None = None) -> AsyncGenerator[SwarmEvent, None]:
        """The events of a run, of which the last is `SwarmFinished`.

        One agent's failure is recorded and the others go on. A run whose stage failed wholly, whose budget
        is exhausted, or that was cancelled by `cancel()` ends with a result that says so in `stopped`.
        Leaving the iteration early cancels the run. Raises `SwarmError` without a goal or while busy.
        """
        text = (goal or self.goal).strip()
        if not text:
            raise SwarmError(
                "a run needs a goal", hint="swarm.run('Design a …'), or deploy_swarm(…, goal='…')"
            )
        self._begin()
        channel: Channel[SwarmEvent] = Channel(_EVENTS_AHEAD)
        conductor = asyncio.create_task(self._conduct(self._frame(text), channel))
        conductor.add_done_callback(lambda _: channel.close())
        try:
            async for event in channel:
                yield event
            await conductor
        finally:
            await end_all([conductor])
            if self._on_event is not None:
                self._on_event(None)
            self._end()

    async def map(
        self,
        tasks: Iterable[str | Task] | AsyncIterable[str | Task],
        *,
        concurrency: int | None = None,
    ) -> AsyncGenerator[MapDone, None]:
        """Independent tasks, each by the least busy agent that suits it; results in the order they end.

        `tasks` is read only a queue's length ahead. In flight at once: `concurrency`, else as many as there
        are agents. A failed task is a value with its error. Leaving the iteration early cancels what is in
        flight, as `cancel()` does. Raises what the source raises.
        """
        workers = len(self.agents) if concurrency is None else concurrency
        if workers < 1:
            raise SwarmError(f"concurrency is {workers}; give at least 1")
        self._begin()
        busy: dict[str, int] = {agent.id: 0 for agent in self.agents}
        frame = self._frame("independent tasks")
        try:
            async with self._driven(frame.run_id) as drive:
                means = self._means(_drop, self._add, drive)

                async def work(index: int, source: str | Task) -> MapDone:
                    return await hand_out(
                        index, source, agents=self.agents, busy=busy, frame=frame, means=means
                    )

                made, crew = spread(tasks, workers=workers, queue_size=self._settings.queue_size, work=work)
                self._work = crew
                try:
                    async for done in made:
                        yield done
                    if not (self._cancelled and crew.cancelled()):
                        await crew
                finally:
                    await end_all([crew])
        finally:
            self._end()

    def cancel(self) -> None:
        """Ends the run or map under way, if any; the deployment settles the calls on the wire."""
        if self._busy:
            self._cancelled = True
            if self._work is not None:
                self._work.cancel()

    async def _conduct(self, frame: RunFrame, channel: Channel[SwarmEvent]) -> None:
        started_at = self._now()
        put = self._emitter(channel)
        await put(
            SwarmStarted(
                run_id=frame.run_id, goal=frame.goal, agents=self.agents, budget_usd=self._budget_usd
            )
        )
        for notice in self.notices:
            await put(notice)
        journal = None if self._durable is None else await self._durable.open(frame.run_id, frame.goal)
        work = asyncio.create_task(self._worked(frame, put, journal))
        self._work = work
        if self._cancelled:
            work.cancel()
        try:
            await (asyncio.wait({work}) if journal is None else journal.until_done(work))
        finally:
            await end_all([work])
            stopped = _stopped(work, journal)
            if journal is not None:
                await journal.end(stopped, totals_of(self._results))
        ended = Conducted(output="", stopped=stopped) if work.cancelled() else work.result()
        result = SwarmResult(
            run_id=frame.run_id,
            goal=frame.goal,
            output=ended.output,
            results=tuple(self._results),
            stopped=ended.stopped,
            started_at=started_at,
            finished_at=self._now(),
            interrupted=() if journal is None else journal.known.interrupted,
        )
        self._totals = self._totals.with_attempts(result.interrupted)
        if result.stopped is None:
            self._measured.append(result.total_cost)
        await put(SwarmFinished(result=result))

    async def _worked(self, frame: RunFrame, emit: Emit, journal: Journal | None) -> Conducted:
        async with self._driven(frame.run_id) as drive:
            return await conduct(self.agents, frame, self._means(emit, self._keep, drive, journal))

    def _driven(self, run_id: str) -> AbstractAsyncContextManager[Driver | None]:
        """Who does the pieces of a run; None is this process."""
        if self._driving is None:
            return nullcontext()
        return self._driving(run_id, modules_of(tool for agent in self.agents for tool in agent.tools))

    def _emitter(self, channel: Channel[SwarmEvent]) -> Callable[[SwarmEvent], Awaitable[None]]:
        observe = self._on_event
        if observe is None:
            return channel.put

        async def put(event: SwarmEvent) -> None:
            observe(event)
            await channel.put(event)

        return put

    def _frame(self, goal: str) -> RunFrame:
        return RunFrame(
            run_id=self._run_id, goal=goal, budget_usd=self._budget_usd, digest_chars=self._digest_chars
        )

    def _means(
        self,
        emit: Emit,
        keep: Callable[[WorkResult], None],
        drive: Driver | None,
        journal: Journal | None = None,
    ) -> Means:
        return Means(
            journey=self._journey,
            caps=caps_from(self._settings),
            clock=self._clock,
            emit=emit,
            keep=keep,
            drive=drive or (do_work if journal is None else journal.drive),
            pages=open_unkept if journal is None else journal.pages,
        )

    def _begin(self) -> None:
        if self._busy:
            raise SwarmError(
                "this swarm is already at work", hint="wait for it, cancel() it, or deploy another one"
            )
        if self._used:
            self._run_id = self._new_id()
        self._used = self._busy = True
        self._cancelled = False
        self._results.clear()

    def _end(self) -> None:
        self._busy, self._work = False, None

    def _add(self, work: WorkResult) -> None:
        self._totals = self._totals.plus(work)

    def _keep(self, work: WorkResult) -> None:
        self._results.append(work)
        self._add(work)


def _stopped(work: "asyncio.Task[Conducted]", journal: Journal | None) -> str | None:
    """Why the work ended before its end, if it did."""
    if work.cancelled():
        return (journal and journal.lost) or CANCELLED
    error = work.exception()
    return work.result().stopped if error is None else str(error)
