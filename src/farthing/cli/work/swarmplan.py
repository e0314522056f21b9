"""Does `farthing swarm plan` and `check`: what a run would cost, by packaged prices. Sends nothing."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from farthing.catalog.further import with_upstreams
from farthing.catalog.models import Catalog
from farthing.catalog.successors import replace_gone
from farthing.cli.work import show
from farthing.cli.work.swarmsource import AskedSwarm, ToldSwarm, told_swarm
from farthing.config.load import load_catalog
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, SwarmError
from farthing.result import Route, TaskEvent
from farthing.routing.classify import classify
from farthing.routing.route import NoRoute, decide_route
from farthing.swarm.checking import money_faults
from farthing.swarm.costing import PlannedCost, SwarmPlan, plan_of
from farthing.swarm.definition import ordered, settings_for
from farthing.swarm.outlook import Outlook
from farthing.swarm.run import Swarm
from farthing.swarm.terms import terms_of
from farthing.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """Pieces that are told in one row of the table."""

    name: str
    role: str
    model: str
    why: str
    pieces: tuple[PlannedCost, ...]


def tell_plan(asked: AskedSwarm, *, prices: str, as_json: bool) -> None:
    """Prints what a run would cost. Raises `ConfigError` for a swarm that could not even begin."""
    told = told_swarm(asked, needs_goal=False)
    plan = planned(told, prices)
    if faults := money_faults(plan):
        raise ConfigError(told.place, list(faults))
    if as_json:
        show.write_json(_json(told, plan, prices))
    else:
        _show(told, plan, prices)


def tell_check(asked: AskedSwarm, *, prices: str, as_json: bool) -> None:
    """Says that a swarm file can be run. Raises `ConfigError` with every fault."""
    told = told_swarm(asked, needs_goal=False)
    plan = planned(told, prices)
    if faults := money_faults(plan):
        raise ConfigError(told.place, list(faults))
    if as_json:
        show.write_json({"file": told.place, "faults": [], "notes": told.notes})
        return
    for note in told.notes:
        show.note(f"note: {note}")
    agents = len({piece.agent_id for piece in plan.pieces})
    show.console().print(f"{told.place}: no faults; {agents} agents, nothing was sent", soft_wrap=True)


def planned(told: ToldSwarm, prices: str) -> SwarmPlan:
    """The plan by the prices of a packaged book."""
    now, book = datetime.now(UTC), load_catalog(prices)
    catalog = with_upstreams(book, told.settings.upstreams)
    settings, _ = replace_gone(told.settings, catalog, now.date())
    name = settings.baseline.model
    terms = terms_of(
        settings,
        catalog,
        baseline=catalog.price(name) or load_catalog("tutorial").price(name),
        now=now,
        route_of=partial(_route_of, settings=settings, catalog=catalog, now=now),
        budget_usd=told.budget_usd,
    )
    order = ordered(told.team, goal=told.goal, budget_usd=told.budget_usd)

    def reckon(pieces: Sequence[Outlook], may_get_tools: frozenset[str]) -> SwarmPlan:
        return plan_of(pieces, terms, may_get_tools)

    swarm = Swarm(
        order.specs,
        journey=_unsent,
        goal=order.goal,
        pattern=order.pattern,
        settings=settings_for(told.team, settings),
        tools=order.tools,
        budget_usd=terms.budget_usd,
        agent_budget_usd=settings.budget.agent_limit,
        reckon=reckon,
    )
    return swarm.plan_costs()


def _route_of(task: Task, *, settings: DeploymentConfig, catalog: Catalog, now: datetime) -> Route | NoRoute:
    return decide_route(
        classify(task),
        task,
        config=settings,
        catalog=catalog,
        health={},
        now=now,
        clock_s=0.0,
        remaining_usd=None,
    )


async def _unsent(task: Task) -> AsyncIterator[TaskEvent]:
    raise SwarmError(f"a plan sends nothing, and was asked to send {task.title!r}")
    yield


def rows_of(pieces: Iterable[PlannedCost]) -> list[PlanRow]:
    """The pieces by round, role and model, in their order."""
    rows: dict[tuple[str, str, str], list[PlannedCost]] = {}
    for piece in pieces:
        begins = piece.name.partition("/")[0]
        place = begins if "/" in piece.name else "" if piece.name == piece.agent_id else piece.name
        rows.setdefault((place, piece.role, piece.model), []).append(piece)
    return [
        PlanRow(name=place or role, role=role, model=model, why=made[0].why, pieces=tuple(made))
        for (place, role, model), made in rows.items()
    ]


def _show(told: ToldSwarm, plan: SwarmPlan, prices: str) -> None:
    out = show.console()
    for note in told.notes:
        out.print(f"note: {show.plain(note)}", style="yellow", soft_wrap=True)
    rows = [
        [
            row.name,
            row.role,
            row.model,
            _range(sum(one.expected for one in row.pieces), sum(one.most for one in row.pieces)),
            _range(sum(one.calls_expected for one in row.pieces), sum(one.calls_most for one in row.pieces)),
            show.usd(_sum(one.expected_usd for one in row.pieces)),
            show.usd(_sum(one.worst_usd for one in row.pieces)),
            row.why,
        ]
        for row in rows_of(plan.pieces)
    ]
    rows.append(["total", "", "", "", "", show.usd(plan.expected_usd), show.usd(plan.worst_usd), ""])
    columns = ["piece", "role", "model", "pieces", "calls", "expected", "worst case", "why"]
    out.print(show.table(columns, rows, right=["pieces", "calls", "expected", "worst case"], cut=["why"]))
    for limit in plan.limits:
        out.print(f"{limit.name}, {show.usd(limit.amount_usd)}, stops it at most there.", soft_wrap=True)
    baseline = f"{told.settings.baseline.model} throughout: {show.usd(plan.baseline_usd)} expected"
    out.print(f"{baseline}, {show.percent(plan.savings_percent)} saved.", soft_wrap=True)
    for assumption in plan.assumptions:
        out.print(show.plain(f"- {assumption}"), style="dim", soft_wrap=True)
    out.print(f"Prices: {prices}. Nothing was sent.", style="dim")


def _range(expected: int, most: int) -> str:
    return f"{most:,}" if expected == most else f"{expected:,} to {most:,}"


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _json(told: ToldSwarm, plan: SwarmPlan, prices: str) -> dict[str, object]:
    return {
        "goal": told.goal,
        "prices": prices,
        "expected": plan.expected_usd,
        "worst_case": plan.worst_usd,
        "at_most": plan.at_most_usd,
        "baseline_model": told.settings.baseline.model,
        "baseline": plan.baseline_usd,
        "savings_percent": None if plan.savings_percent is None else f"{plan.savings_percent:.2f}",
        "limits": {limit.name: limit.amount_usd for limit in plan.limits},
        "pieces": [_piece_json(piece) for piece in plan.pieces],
        "assumptions": plan.assumptions,
        "notes": told.notes,
    }


def _piece_json(piece: PlannedCost) -> dict[str, object]:
    return {
        "name": piece.name,
        "role": piece.role,
        "agent": piece.agent_id,
        "model": piece.model,
        "why": piece.why,
        "pieces": piece.expected,
        "pieces_at_most": piece.most,
        "calls": piece.calls_expected,
        "calls_at_most": piece.calls_most,
        "expected": piece.expected_usd,
        "worst_case": piece.worst_usd,
        "baseline": piece.baseline_usd,
    }
