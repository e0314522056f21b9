"""A deployment: the one place where configuration, prices, database, upstream and pipeline come together.

Opens and closes what has effects; decides nothing about a task. The sync doors live here only.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, Unpack

from farthing.cache.embed import check_installed
from farthing.cache.memory import Only
from farthing.cache.recheck import Standing
from farthing.catalog.models import Catalog
from farthing.clock import Clock, SystemClock
from farthing.config.changing import with_caching, with_cost_alert
from farthing.config.load import Source, load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import DeploymentClosedError
from farthing.money import from_nano, parse_usd
from farthing.portal import Portal
from farthing.request import task_of
from farthing.result import Notice, Route, TaskFinished, TaskResult
from farthing.routing.route import NoRoute
from farthing.running import Running, start
from farthing.spend import readings, store
from farthing.spend.budget import Balance, headroom
from farthing.spend.channels import AlertCallback
from farthing.spend.claims import claims_for
from farthing.spend.report import CostReport
from farthing.spend.runs import Fold, fold
from farthing.spend.targets import Level
from farthing.spend.thresholds import alert_rules
from farthing.swarm.agent import ToolSource
from farthing.swarm.alone import company_of, person_of
from farthing.swarm.approvals import OnApproval, OnPause
from farthing.swarm.costing import SwarmPlan
from farthing.swarm.definition import Team
from farthing.swarm.events import LoopEvent
from farthing.swarm.loop import caps_from
from farthing.swarm.memory.shared import Memory
from farthing.swarm.placing import Place, Workplace
from farthing.swarm.replaying import replayed_swarm
from farthing.swarm.run import Swarm
from farthing.swarm.toolrun import run_with_tools
from farthing.task import Task, TaskType, Tool
from farthing.teams import SwarmOptions, Teams
from farthing.upstream.transport import Transport

T = TypeVar("T")


class Deployment:
    """A profile, deployed. `async with Deployment("balanced") as deployment: …`; `with` for the sync doors.

    `source` is a profile's name, a path to a `.json` or `.toml` file, a mapping, or a `DeploymentConfig`;
    None is what `DEPLOYMENT_CONFIG` names, else `balanced`. Opening raises `ConfigError`,
    `MissingKeyError` or `LedgerUnavailableError`; it does not fail when prices cannot be refreshed.
    """

    def __init__(
        self,
        source: Source | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, object] | None = None,
        clock: Clock | None = None,
        transport: Transport | None = None,
    ) -> None:
        """`overrides` win over everything, as `{"budget.monthlyLimit": 5}`. `transport` and `clock` are for
        tests; `environ` None is the process's environment."""
        self._environ = os.environ if environ is None else environ
        self._configured = load_config(source, environ=environ, overrides=overrides)
        self.profile = str(source) if isinstance(source, str | Path) else self._configured.name
        """What it is configured by: with it another process resumes a run."""
        self._clock: Clock = clock or SystemClock()
        self._transport = transport
        self._running: Running | None = None
        self._portal: Portal | None = None
        self._notices: tuple[Notice, ...] = ()
        self.simulated = False

    # Opening and closing.

    async def __aenter__(self) -> Self:
        running = await start(
            self._configured, environ=self._environ, clock=self._clock, transport=self._transport
        )
        self._running = running
        self._notices, self.simulated = running.notices, running.simulated
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Waits for settlements up to `upstream.drainTimeout`, then leaves the rest uncertain."""
        running, self._running = self._running, None
        if running is not None:
            await running.aclose()

    # Tasks.

    @property
    def config(self) -> DeploymentConfig:
        """The configuration in force: successors of gone models put in their place."""
        return self._running.means.config if self._running else self._configured

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What a person should know: replaced models, older prices, settings without effect; and of the tools
        that were asked for by now, those that are not there."""
        of_tools = self._running.toolset.notices if self._running else ()
        return (*self._notices, *of_tools)

    @property
    def catalog(self) -> Catalog:
        return self._opened().means.catalog

    async def execute_task(self, task: str | Task | None = None, **fields: object) -> TaskResult:
        """Runs one task to its result. `task` is a prompt or a `Task`; keywords are its fields, and any other
        keyword is a request option (temperature, seed, …). Tools that are Python functions are run, within
        the caps of `swarm`, to a final answer; a text among the tools names those of a server (`mcp:github`),
        a capability (`files`) or a function (`module:function`). `on_approval` is asked about calls that
        need a person's word (`tools.confirm`), which are refused without it. Raises what `Pipeline.run`
        raises."""
        result: TaskResult | None = None
        on_approval, fields = person_of(fields)
        asked = task_of(task, await self._opened().toolset.supplied(task, fields))
        async for event in self._journey(asked, on_approval, stream=False):
            if isinstance(event, TaskFinished):
                result = event.result  # read on to the end: a generator left open costs more than its rest
        if result is None:
            raise DeploymentClosedError("the journey ended without a result")
        return result

    async def stream_task(
        self, task: str | Task | None = None, **fields: object
    ) -> AsyncGenerator[LoopEvent]:
        """The events of one task as they happen; `TokenReceived` has text, `TaskFinished` the result."""
        on_approval, fields = person_of(fields)
        asked = task_of(task, await self._opened().toolset.supplied(task, fields))
        async with aclosing(self._journey(asked, on_approval, stream=True)) as journey:
            async for event in journey:
                yield event

    def explain(self, task: str | Task | None = None, **fields: object) -> Route | NoRoute:
        """The route a task would take now, and what the alternatives would have cost; nothing is sent."""
        return self._opened().pipeline.explain(task_of(task, fields))

    async def deploy_swarm(self, agents: Team, *, goal: str = "", **options: Unpack[SwarmOptions]) -> Swarm:
        """A live swarm of these agents. With a `goal` it has run when this returns; else `run` or `map` it.

        `agents` are specs, or a swarm file (`load_swarm`), whose settings hold where no argument says
        otherwise. `options` are those of `SwarmOptions`: `pattern`, `tools`, `budget_usd`, `labels`,
        `on_approval`, `on_pause`, `on`. Raises `SwarmError` for an unknown role, no agents, or a pattern or
        place that does not suit.
        """
        swarm = self.prepare_swarm(agents, goal=goal, **options)
        await swarm.equip()
        if swarm.goal:
            await swarm.run()
        return swarm

    def prepare_swarm(self, agents: Team, *, goal: str = "", **options: Unpack[SwarmOptions]) -> Swarm:
        """`deploy_swarm` without running: for `swarm.stream(goal)`, whose events can be watched.

        Tools of servers and built-in ones are there once it runs, or after `await swarm.equip()`.
        """
        return self._teams().deployed(agents, goal, options)

    async def resume_swarm(
        self,
        run_id: str,
        *,
        tools: Iterable[ToolSource] = (),
        budget_usd: Decimal | str | int | None = None,
        on_approval: OnApproval | None = None,
        on_pause: OnPause = "wait",
        on: Place | None = None,
    ) -> Swarm:
        """The swarm of a run that was interrupted or stopped: `resume()` or `stream()` goes on with it.

        No completed step is paid again. Its limits hold as they did, or with `budget_usd` from now on.
        `tools` are those of its functions that cannot be imported by name. Raises `SwarmError` for a run that
        has ended, or that a living process conducts.
        """
        limit = None if budget_usd is None else parse_usd(budget_usd)
        return await self._teams().resumed(
            run_id, tools, budget_usd=limit, on_approval=on_approval, on_pause=on_pause, on=on
        )

    async def replay_swarm(self, run_id: str) -> Swarm:
        """The swarm of a run that is only shown again: `stream()` goes through its journal, asks no model and
        runs no tool."""
        return await asyncio.to_thread(replayed_swarm, self._opened().database, run_id, self.config.swarm)

    async def workplace(self) -> Workplace:
        """What a worker does pieces of other deployments' swarms with: see `farthing.cluster.worker`."""
        return await self._teams().workplace()

    def _teams(self) -> Teams:
        return Teams(running=self._opened(), clock=self._clock, profile=self.profile)

    async def tools(self, *names: str, role: str | None = None) -> tuple[Tool, ...]:
        """The tools of servers (`mcp:github`), capabilities (`files`) and functions (`module:function`), as
        far as a role may use them; without names, all of the deployment's. Raises `SwarmError` for an unknown
        name."""
        return await self._opened().toolset.named(names or ("*",), role=role)

    def plan_swarm(self, agents: Team, *, goal: str = "", **options: Unpack[SwarmOptions]) -> SwarmPlan:
        """What a run would be expected to cost and the most it could, as `deploy_swarm` takes it; nothing is
        sent. Raises as `deploy_swarm`."""
        return self.prepare_swarm(agents, goal=goal, **options).plan_costs()

    def memory(self, namespace: str, *, key: str | None = None, by: str = "") -> Memory:
        """What agents, runs and processes share, as `shared:NAME`; a run has `run:RUN_ID`.

        `key` is a tenant's, none of whom sees another's; `by` signs the changes. Raises `SharedMemoryError`.
        """
        return self._opened().memories.open(namespace, key=key, by=by)

    def _journey(
        self, task: Task, on_approval: OnApproval | None, *, stream: bool
    ) -> AsyncGenerator[LoopEvent]:
        """The pipeline's journey; where the tools are functions, the loop that runs them around it."""
        run = self._opened().watching.around(self._opened().pipeline.run)
        if not any(tool.run for tool in task.tools):
            return run(task, stream=stream)
        config = self.config
        company = company_of(task, confirm=config.tools.confirm, on_approval=on_approval, now=self._clock.now)
        caps, offer = caps_from(config.swarm), self._opened().finder.offer
        loop = run_with_tools(partial(run, stream=stream), task, caps=caps, offer=offer, company=company)
        return self._opened().watching.around_loop(loop, task)

    def service_levels(self) -> tuple[Level, ...]:
        """The targets of `latencyTargets` and `scaling` beside what was measured since opening."""
        return self._opened().means.levels.now()

    # Money.

    def get_cost_report(self) -> CostReport:
        """Month-to-date spend of all processes on this ledger, every result returned so far among it.

        Reads on a connection of its own and blocks for a few milliseconds; `cost_report` is its awaitable.
        """
        self._opened().means.ledger.flush()
        with self._opened().database.read() as connection:
            return readings.read_month(
                connection, self.config, now=self._clock.now(), simulated=self.simulated
            )

    async def cost_report(self) -> CostReport:
        return await asyncio.to_thread(self.get_cost_report)

    def headroom(self, task: Task) -> Decimal | None:
        """What every limit around such a task still allows, in dollars; None where nothing limits it.

        Reads the ledger, as `get_cost_report` does; a limit that was passed leaves 0.
        """
        means = self._opened().means
        means.ledger.flush()
        claims = claims_for(means.config, task, task_id="", at=self._clock.now())
        with self._opened().database.read() as connection:
            balances = {claim.key: Balance() for claim in claims}
            for scope in {claim.key.scope for claim in claims}:
                balances |= store.read_accounts(connection, scope=scope)
        room = headroom(balances, claims)
        return None if room is None else from_nano(max(0, room))

    def run_ledger(self, run_id: str) -> Fold:
        """Every call of one run, as the ledger has them."""
        self._opened().means.ledger.flush()
        with self._opened().database.read() as connection:
            return fold(store.read_rows(connection, run_id=run_id))

    def set_cost_alert(
        self,
        *,
        monthly_budget: Decimal | str | int,
        warning_threshold: float = 0.80,
        critical_threshold: float = 0.95,
        on_warning: AlertCallback | None = None,
        on_critical: AlertCallback | None = None,
        thresholds: Sequence[Decimal | str | float] = (),
        on_alert: AlertCallback | None = None,
    ) -> None:
        """Calls back once a month for each share of `monthly_budget` that is spent; never moves a limit.

        `thresholds` are further shares, as 0.5; `on_alert` hears every alert: those, runaway spend,
        overruns, soft limits. At critical, attempts at once are lowered to `alerts.criticalConcurrency` until
        the month ends. A callback takes the alert or nothing, may be async, and is tried three times.
        """
        means = self._opened().means
        means.config = with_cost_alert(
            means.config,
            monthly_budget=monthly_budget,
            warning_threshold=warning_threshold,
            critical_threshold=critical_threshold,
            thresholds=thresholds,
        )
        alarm = self._opened().alarm
        alarm.callbacks = {"warning": on_warning, "critical": on_critical, "": on_alert}
        alarm.rules = means.ledger.rules = alert_rules(means.config)

    def enable_caching(
        self,
        *,
        ttl: int = 3600,
        max_size: int = 1000,
        cache_by_task_type: bool = True,
        **settings: object,
    ) -> None:
        """Gives later tasks an earlier answer to the same task, for `ttl` seconds, from at most `max_size`
        answers (of each task type, with `cache_by_task_type`).

        Further `settings` are those of `optimization.caching`, as `ttl_by_task_type={"simple": 86400}`.
        Raises `ConfigError` for a wrong one.
        """
        means = self._opened().means
        config = with_caching(
            means.config, ttl=ttl, max_size=max_size, cache_by_task_type=cache_by_task_type, **settings
        )
        if config.optimization.caching.semantic.enabled:
            check_installed()
        means.config = config

    @property
    def semantic_cache(self) -> Mapping[TaskType, Standing]:
        """What was counted of answers given to the same question in other words, by task type.

        A type that is `off` exceeded `maxFalseHitRate` by its rechecks, and is answered so no more.
        """
        return self._opened().means.semantic.standings

    async def clear_cache(self, *, task_type: TaskType | None = None, key: str | None = None) -> int:
        """Forgets kept answers, of one task type or one virtual key where given; returns how many.

        Other processes on the database notice within five seconds.
        """
        return await self._opened().means.answers.clear(Only(task_type=task_type, tenant=key))

    # Sync doors.

    def __enter__(self) -> Self:
        portal = Portal()
        try:
            portal.call(self.__aenter__())
        except BaseException:
            portal.close()
            raise
        self._portal = portal
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        portal, self._portal = self._portal, None
        if portal is not None:
            portal.call(self.__aexit__(kind, error, trace))
            portal.close()

    def execute_task_sync(self, task: str | Task | None = None, **fields: object) -> TaskResult:
        """`execute_task` for callers without an event loop; the deployment is opened by `with`."""
        return self._through_portal(self.execute_task(task, **fields))

    def deploy_swarm_sync(self, agents: Team, *, goal: str = "", **options: Unpack[SwarmOptions]) -> Swarm:
        """`deploy_swarm` for callers without an event loop."""
        return self._through_portal(self.deploy_swarm(agents, goal=goal, **options))

    def _through_portal(self, work: Coroutine[object, object, T]) -> T:
        if self._portal is None:
            work.close()
            raise DeploymentClosedError(
                "the deployment is not open", hint="use `with Deployment(…) as deployment:`"
            )
        return self._portal.call(self._opened().watching.carried(work))

    # What is open.

    def _opened(self) -> Running:
        if self._running is None:
            raise DeploymentClosedError(
                "the deployment is not open", hint="use `async with Deployment(…) as …:`"
            )
        return self._running
