"""The cost report: roll-ups and balances become totals, shares, savings and a projection. Pure.

Savings are net: failed attempts, retries and syntheses are in the spend; the baseline only answers accepted
answers' tokens. Figures are Decimal US dollars; `*_percent` is 0–100.
"""

from calendar import monthrange
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from farthing.money import from_nano, percent_saved
from farthing.spend.batch import RollupByKey, RollupKey, RollupSums
from farthing.spend.budget import Balance
from farthing.spend.forecast import Forecast
from farthing.spend.overhead import Part, spend_parts
from farthing.spend.promptcache import PromptCache
from farthing.spend.shortening import Shortened

NO_NAME = "(none)"
"""The group of the calls that have no role, agent, swarm, key or tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """The spend of one model, task type, role or purpose. `cost` is settled; `uncertain` comes on top."""

    calls: int
    failed: int
    cost: Decimal
    uncertain: Decimal
    baseline: Decimal
    input_tokens: int
    output_tokens: int
    reused: int = 0
    """Tasks that were given an earlier answer: no calls."""
    saved: Decimal = Decimal(0)
    """What those answers had cost."""

    @property
    def savings_percent(self) -> Decimal | None:
        return percent_saved(self.cost + self.uncertain, self.baseline)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """The deployment's spend in one period, month to date unless it is a run's."""

    scope: str
    period: str
    total_spend: Decimal
    """Settled: reported and computed costs."""
    held: Decimal
    uncertain: Decimal
    computed: Decimal
    """The part of `total_spend` that no bill has confirmed."""
    limit: Decimal | None
    remaining: Decimal | None
    baseline_model: str
    baseline_cost: Decimal
    savings: Decimal
    savings_percent: Decimal | None
    """Net, uncertain money counted as spent; None when nothing was accepted yet."""
    projected_monthly: Decimal
    """Spend so far at the same rate to the end of the month."""
    wasted: Decimal
    """What failed attempts cost; part of `total_spend`."""
    calls: int
    failed_calls: int
    input_tokens: int
    output_tokens: int
    simulated: bool
    reused: int = 0
    """Tasks that were given an earlier answer, from the cache or from another's call at the same time."""
    saved_by_reuse: Decimal = Decimal(0)
    """What those answers had cost: what asking again would have. Part of `savings`, which counts what the
    baseline model would have cost for them."""
    by_model: Mapping[str, CostLine] = field(default_factory=dict[str, CostLine])
    by_task_type: Mapping[str, CostLine] = field(default_factory=dict[str, CostLine])
    by_role: Mapping[str, CostLine] = field(default_factory=dict[str, CostLine])
    by_purpose: Mapping[str, CostLine] = field(default_factory=dict[str, CostLine])
    by_day: Mapping[str, CostLine] = field(default_factory=dict[str, CostLine])
    """Oldest first; days without a call are not among them."""
    parts: tuple[Part, ...] = ()
    """The spend by what it was for: answers, failed attempts, tool steps, …"""
    forecast: Forecast | None = None
    """The month's spend with a band; None where no month is reported, or its days were not read."""
    shortened: Shortened | None = None
    """What shorter prompts saved beside `savings`, an estimate; None where nothing was shortened, or the
    rows were too many to be read for it."""
    prompt_cache: PromptCache | None = None
    """What came from providers' prompt caches; None where the rows were too many to be read for it."""


def cost_report(
    rollups: Collection[tuple[RollupKey, RollupSums]],
    balance: Balance,
    *,
    scope: str,
    period: str,
    limit: Decimal | None,
    baseline_model: str,
    now: datetime,
    simulated: bool,
    forecast: Forecast | None = None,
) -> CostReport:
    """Builds a report from roll-up rows and the scope's balance, which is the authority for its totals."""
    total = _sum(sums for _, sums in rollups)
    (spend, held, uncertain), baseline = map(from_nano, balance), from_nano(total.baseline)
    return CostReport(
        scope=scope,
        period=period,
        total_spend=spend,
        held=held,
        uncertain=uncertain,
        computed=from_nano(total.computed),
        limit=limit,
        remaining=_left(limit, balance),
        baseline_model=baseline_model,
        baseline_cost=baseline,
        savings=baseline - spend - uncertain,
        savings_percent=percent_saved(spend + uncertain, baseline),
        projected_monthly=projected(spend + uncertain, now),
        wasted=from_nano(total.wasted),
        calls=total.calls,
        failed_calls=total.failed,
        input_tokens=total.input_tokens,
        output_tokens=total.output_tokens,
        simulated=simulated,
        reused=total.reused,
        saved_by_reuse=from_nano(total.saved),
        parts=spend_parts(rollups),
        forecast=forecast,
        **_groups(rollups),
    )


def _left(limit: Decimal | None, balance: Balance) -> Decimal | None:
    return None if limit is None else max(limit - from_nano(balance.committed), Decimal(0))


class _Groups(TypedDict):
    by_model: Mapping[str, CostLine]
    by_task_type: Mapping[str, CostLine]
    by_role: Mapping[str, CostLine]
    by_purpose: Mapping[str, CostLine]
    by_day: Mapping[str, CostLine]


def _groups(entries: Iterable[tuple[RollupKey, RollupSums]]) -> _Groups:
    return {
        "by_model": _lines(entries, lambda key: key.model),
        "by_task_type": _lines(entries, lambda key: key.task_type),
        "by_role": _lines(entries, lambda key: key.role or NO_NAME),
        "by_purpose": _lines(entries, lambda key: key.purpose),
        "by_day": dict(sorted(_lines(entries, lambda key: key.day).items())),
    }


def lines_by(
    rollups: Iterable[tuple[RollupByKey, RollupSums]], everything: Iterable[RollupSums], *, overlapping: bool
) -> dict[str, CostLine]:
    """The spend of each agent, swarm, key or tag, dearest first, and of the calls that have none.

    With the last line they add up to the total of `everything`, but for tags (`overlapping`): a call
    counts under each of its tags, so what has none is not known, and is not among the lines.
    """
    groups: dict[str, list[RollupSums]] = {}
    for key, sums in rollups:
        groups.setdefault(key.name, []).append(sums)
    named = {name: _sum(members) for name, members in groups.items()}
    if not overlapping:
        total, known = _sum(everything), _sum(named.values())
        rest = RollupSums(*(a - b for a, b in zip(total, known, strict=True)))
        if any(rest):
            named[NO_NAME] = rest
    lines = {name: _line(sums) for name, sums in named.items()}
    return dict(sorted(lines.items(), key=lambda item: (item[0] == NO_NAME, -item[1].cost, item[0])))


def projected(spend: Decimal, now: datetime) -> Decimal:
    """A month's spend at the rate so far: spend × length of the month ÷ time gone, at least one hour."""
    days = monthrange(now.year, now.month)[1]
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    gone_s = max(Decimal(str((now - start).total_seconds())), Decimal(3600))
    return spend * (days * 86_400) / gone_s


def _lines(
    entries: Iterable[tuple[RollupKey, RollupSums]], name: Callable[[RollupKey], str]
) -> dict[str, CostLine]:
    groups: dict[str, list[RollupSums]] = {}
    for key, sums in entries:
        groups.setdefault(name(key), []).append(sums)
    lines = {group: _line(_sum(members)) for group, members in groups.items()}
    return dict(sorted(lines.items(), key=lambda item: (-item[1].cost, item[0])))


def _line(sums: RollupSums) -> CostLine:
    return CostLine(
        calls=sums.calls,
        failed=sums.failed,
        cost=from_nano(sums.settled),
        uncertain=from_nano(sums.uncertain),
        baseline=from_nano(sums.baseline),
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        reused=sums.reused,
        saved=from_nano(sums.saved),
    )


def _sum(parts: Iterable[RollupSums]) -> RollupSums:
    columns = list(zip(*parts, strict=True))
    return RollupSums(*(sum(column) for column in columns)) if columns else RollupSums()
