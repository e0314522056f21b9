"""A live swarm: agents that work through a goal in stages, or through any number of independent tasks.

Owns the tasks it starts and ends them all. Money, routing and HTTP are behind the journey it is given;
the order of a run is `stages.py`'s.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from farthing.config.patterns import Pattern, Stages
from farthing.config.schema import Swarm as SwarmSettings
from farthing.errors import SwarmError
from farthing.swarm.agent import AgentSpec, ToolSource
from farthing.swarm.approvals import Approvals
from farthing.swarm.brief import DIGEST_CHARS
from farthing.swarm.casting import cast_of
from farthing.swarm.channel import Channel, end_all
from farthing.swarm.company import Approved, Denied, PendingApproval
from farthing.swarm.conducting.conduct import conduct
from farthing.swarm.costing import SwarmPlan
from farthing.swarm.course import Journal, driven, emitter, result_of, stopped_of
from farthing.swarm.equipment import Equipment
from farthing.swarm.events import SwarmEvent, SwarmFinished, SwarmStarted
from farthing.swarm.handing import hand_out
from farthing.swarm.journal import open_unkept
from farthing.swarm.loop import caps_from
from farthing.swarm.memory.shared import Memory
from farthing.swarm.memory.tools import with_memory_tools
from farthing.swarm.outlook import Outlook
from farthing.swarm.plan import RunFrame
from farthing.swarm.results import Kept, MapDone, SwarmResult, Totals, WorkResult
from farthing.swarm.spread import spread
from farthing.swarm.stages import Conducted
from farthing.swarm.surroundings import Surroundings
from farthing.swarm.terms import Reckon, foreseen, may_get_tools
from farthing.swarm.toolrun import Journey, closing
from farthing.swarm.work import Driver, Emit, Means, do_work
from farthing.task import Task

RUNS_PER_MONTH = 30
"""One run a day, where the caller names no other rate."""

_EVENTS_AHEAD = 256


def new_run_id() -> str:
    return f"run-{secrets.token_hex(6)}"


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def _drop(event: SwarmEvent) -> None:
    """`map` hands out results; the events on the way to them have no reader."""


class Swarm:
    """Agents ready to work. One run or map at a time; each has its own `run_id`, and budgets hold per run.

    `budget_usd` limits one run, `agent_budget_usd` each agent whose spec sets no limit; dollars, hard.
    `pattern` is how they work together; None is stages. `tools` serve capabilities by name; what is `within`
    reach serves the others, from the first run or `equip()` on. `reckon` gives the costs of a run before
    anything ran. `on_event` is called with each event of a run as it happens, before it is queued for a
    reader, and with None when the run has been left. `approvals` is where calls wait for a person's word.
    Raises `SwarmError` for no agents, an unknown role or a pattern that does not suit them,
    `InvalidTaskError` for a tool that cannot be used.
    """

    def __init__(
        self,
        specs: Sequence[AgentSpec],
        *,
        journey: Journey,
        goal: str = "",
        pattern: Pattern | None = None,
        settings: SwarmSettings | None = None,
        tools: Mapping[str, Sequence[ToolSource]] | None = None,
        budget_usd: Decimal | None = None,
        agent_budget_usd: Decimal | None = None,
        reckon: Reckon | None = None,
        runs_per_month: int = RUNS_PER_MONTH,
        digest_chars: int = DIGEST_CHARS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc_now,
        new_id: Callable[[], str] = new_run_id,
        on_event: Callable[[SwarmEvent | None], None] | None = None,
        approvals: Approvals | None = None,
        within: Surroundings | None = None,
    ) -> None:
        self.goal, self._settings = goal, settings or SwarmSettings()
        self._within = within or Surroundings()
        self._equipment = self._equipment_of(specs, tools or {}, agent_budget_usd)
        self.agents, self.notices = self._equipment.at_once()
        self._equipped = self._within.supply is None
        self.pattern: Pattern = pattern or Stages()
        cast_of(self.pattern, self.agents)
        self.runs_per_month = runs_per_month
        self._journey, self._budget_usd, self._reckon = journey, budget_usd, reckon
        self._may_get_tools = may_get_tools(specs, self.agents)
        self._digest_chars = digest_chars
        self._clock, self._now, self._new_id = clock, now, new_id
        self._on_event, self._approvals = on_event, approvals or Approvals()
        durable = self._within.durable
        self._run_id = (durable and durable.run_id) or new_id()
        self._used = self._busy = self._cancelled = False
        self._work: asyncio.Task[Conducted] | asyncio.Task[None] | None = None
        self._kept, self._totals = Kept(), Totals()
        self._measured: list[Decimal] = []

    @property
    def run_id(self) -> str:
        """The id of the run under way, else of the last one, else of the first one to come."""
        return self._run_id

    @property
    def memory(self) -> Memory:
        """What the agents of the run share, in the namespace `run:RUN_ID`: it outlasts the run."""
        if self._within.memory is None:
            raise SwarmError("this swarm has no shared memory", hint="deploy it by a Deployment")
        return self._within.memory(f"run:{self._run_id}")

    @property
    def results(self) -> tuple[WorkResult, ...]:
        """The pieces of the run under way or the last one, as in its result; `map` keeps only `totals`."""
        return self._kept.listed

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
        return None if self._reckon is None else self.plan_costs(goal).expected_usd

    def plan_costs(self, goal: str | None = None) -> SwarmPlan:
        """What a run is expected to cost and the most it can, piece by piece; nothing is sent.

        Reads the file of items, where there is one. Raises `SwarmError` for a swarm of no deployment.
        """
        if self._reckon is None:
            raise SwarmError("this swarm has no prices", hint="make it by a deployment's prepare_swarm")
        return self._reckon(self._outlook(goal), self._may_get_tools)

    def plan(self, goal: str | None = None) -> tuple[Task, ...]:
        """The tasks one run would send, one model call each, with an assumed length of earlier results."""
        pieces = self._outlook(goal)
        return tuple(piece.task for piece in pieces for _ in range(piece.expected))

    def _outlook(self, goal: str | None) -> tuple[Outlook, ...]:
        return foreseen(self.agents, self.pattern, self._frame(goal or self.goal or "the goal"))

    async def equip(self) -> None:
        """Gives the agents the deployment's tools, as the first run or map does by itself.

        Before it, `agents` have the tools that code handed over. Raises `SwarmError` where a name stands for
        no tools, and what opening a server raises.
        """
        if not self._equipped:
            self.agents, self.notices = await self._equipment.whole()
            self._equipped = True

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
        await self._get_ready()
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
        await self._get_ready()
        busy: dict[str, int] = {agent.id: 0 for agent in self.agents}
        frame = self._frame("independent tasks")
        try:
            async with driven(self._within, self.agents, frame.run_id) as drive:
                means = self._means(_drop, self._add, drive)

                async def work(index: int, source: str | Task) -> MapDone:
                    return await hand_out(
                        index, source, agents=self.agents, busy=busy, frame=frame, means=means
                    )

                made, crew = spread(tasks, workers=workers, queue_size=self._settings.queue_size, work=work)
                self._work = crew
                if self._cancelled:
                    crew.cancel()
                try:
                    async for done in made:
                        yield done
                    if not (self._cancelled and crew.cancelled()):
                        await crew
                finally:
                    await end_all([crew])
        finally:
            self._end()

    @property
    def pending_approvals(self) -> tuple[PendingApproval, ...]:
        """The tool calls of this swarm that wait for a person's word just now."""
        return self._approvals.pending

    def approve(self, call_id: str, *, agent_id: str | None = None) -> None:
        """Lets a waiting call run. Raises `SwarmError` where none waits by that id, or several agents' do."""
        self._approvals.decide(call_id, Approved(), agent_id)

    def deny(self, call_id: str, *, note: str = "", agent_id: str | None = None) -> None:
        """Refuses a waiting call; the model is told the note. Raises as `approve`."""
        self._approvals.decide(call_id, Denied(note=note), agent_id)

    def cancel(self) -> None:
        """Ends the run or map under way, if any; the deployment settles the calls on the wire."""
        if self._busy:
            self._cancelled = True
            if self._work is not None:
                self._work.cancel()

    async def _conduct(self, frame: RunFrame, channel: Channel[SwarmEvent]) -> None:
        started_at = self._now()
        put = emitter(channel, self._on_event)
        await put(
            SwarmStarted(
                run_id=frame.run_id,
                goal=frame.goal,
                agents=self.agents,
                budget_usd=self._budget_usd,
                pattern=self.pattern.type,
            )
        )
        for notice in self.notices:
            await put(notice)
        durable = self._within.durable
        journal = None if durable is None else await durable.open(frame.run_id, frame.goal)
        work = asyncio.create_task(self._worked(frame, put, journal))
        self._work = work
        if self._cancelled:
            work.cancel()
        try:
            await (asyncio.wait({work}) if journal is None else journal.until_done(work))
        finally:
            await end_all([work])
            stopped = stopped_of(work, journal)
            if journal is not None:
                await journal.end(stopped, self._kept)
        ended = Conducted(output="", stopped=stopped) if work.cancelled() else work.result()
        result = result_of(frame, ended, self._kept, journal, started_at=started_at, finished_at=self._now())
        self._totals = self._totals.with_attempts(result.interrupted)
        if result.stopped is None:
            self._measured.append(result.total_cost)
        await put(SwarmFinished(result=result))

    async def _worked(self, frame: RunFrame, emit: Emit, journal: Journal | None) -> Conducted:
        async with driven(self._within, self.agents, frame.run_id) as drive:
            means = self._means(emit, self._keep, drive, journal)
            return await conduct(self.agents, self.pattern, frame, means)

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
            approvals=self._approvals,
            offer=self._within.offer,
        )

    def _equipment_of(
        self,
        specs: Sequence[AgentSpec],
        tools: Mapping[str, Sequence[ToolSource]],
        agent_budget_usd: Decimal | None,
    ) -> Equipment:
        memory = None if self._within.memory is None else lambda: self.memory
        return Equipment(
            specs=specs,
            roles=self._settings.roles,
            tools=with_memory_tools(tools, memory),
            rules=self._within.rules,
            agent_budget_usd=agent_budget_usd,
            supply=self._within.supply,
            memory=memory,
        )

    async def _get_ready(self) -> None:
        self._begin()
        try:
            await self.equip()
        except BaseException:
            self._end()
            raise

    def _begin(self) -> None:
        if self._busy:
            raise SwarmError(
                "this swarm is already at work", hint="wait for it, cancel() it, or deploy another one"
            )
        if self._used:
            self._run_id = self._new_id()
        self._used = self._busy = True
        self._cancelled = False
        self._kept = Kept()

    def _end(self) -> None:
        self._busy, self._work = False, None

    def _add(self, work: WorkResult) -> None:
        self._totals = self._totals.plus(work)

    def _keep(self, work: WorkResult) -> None:
        self._kept.add(work)
        self._add(work)
