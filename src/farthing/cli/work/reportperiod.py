"""Puts a period's report together: from the roll-ups where they say enough, else from the rows, streamed.

Sums are those of `spend/`. The roll-ups answer at once; what each lever saved, latencies, and a filter need
every row of the period, one after another.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from farthing.cli.work import show
from farthing.cli.work.ledger import month_limit
from farthing.config.load import load_catalog
from farthing.config.schema import DeploymentConfig
from farthing.errors import FarthingError
from farthing.spend import readings, store
from farthing.spend.batch import RollupKey, RollupSums
from farthing.spend.budget import Balance
from farthing.spend.claims import DEPLOYMENT, month_claim
from farthing.spend.forecast import forecast
from farthing.spend.ledger import SIMULATOR
from farthing.spend.promptcache import CachedPrompts, PromptCache
from farthing.spend.report import CostLine, CostReport, cost_report, lines_by
from farthing.spend.savings import Saving, Savings
from farthing.spend.shortening import Shortened, Shortenings
from farthing.spend.span import Span, month_to_date, span_of
from farthing.spend.tally import Entry, Only, Tally
from farthing.spend.targets import LatencyLine, Level, Service, targets_by_id
from farthing.storage.database import Database

By = Literal["day", "model", "task-type", "role", "purpose", "agent", "swarm", "key", "tag"]
AUTO_CALLS = 20_000
"""Up to so many calls the rows are read unasked: that takes about a second more."""

Rollups = list[tuple[RollupKey, RollupSums]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is wanted of. `to_date` is the running month, which has a limit and a forecast."""

    span: Span
    to_date: bool
    only: Only
    by: By | None = None
    details: bool | None = None
    """Whether to read the rows for levers and latency; None does so where there are not too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the rows say beyond the roll-ups."""

    levers: tuple[Saving, ...]
    latency: tuple[LatencyLine, ...]
    levels: tuple[Level, ...]
    peak_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A period's report."""

    asked: Asked
    costs: CostReport
    group: Mapping[str, CostLine] | None
    """The lines of `asked.by`; None where it was not given."""
    details: Details | None
    rollups: Rollups
    pruned: bool
    """Whether rows of the past were pruned, so that what is read from rows may lack them."""


@dataclass(slots=True)
class _Found:
    rollups: Rollups = field(default_factory=Rollups)
    balance: Balance = field(default_factory=Balance)
    group: dict[str, CostLine] | None = None
    details: Details | None = None
    shortened: Shortened | None = None
    pruned: bool = False
    history: Mapping[str, int] = field(default_factory=dict[str, int])
    prompt_cache: PromptCache | None = None


def asked_for(
    since: str | None,
    until: str | None,
    last: str | None,
    *,
    key: str | None,
    tag: str | None,
    by: By | None,
    details: bool | None,
) -> Asked:
    """The options as they were given. Raises `ValueError` for a span that is none."""
    now = datetime.now(UTC)
    span = span_of(since=since, until=until, last=last, now=now)
    only = Only(key=key, tag=tag)
    return Asked(span=span, to_date=span == month_to_date(now), only=only, by=by, details=details)


def read_period(
    database: Database | None, config: DeploymentConfig, asked: Asked, *, now: datetime, simulated: bool
) -> Period:
    """The report of a period; zeros for a ledger that is not there yet.

    Raises `FarthingError` for a ledger that holds real and simulated money.
    """
    read = _Found()
    if database is not None:
        with database.read() as connection:
            read = _read(connection, config, asked, now)
    kinds = {key.upstream == SIMULATOR for key, _ in read.rollups}
    one_kind(kinds)
    limit = month_limit(config, now) if asked.to_date and not asked.only else None
    costs = cost_report(
        read.rollups,
        read.balance,
        scope=str(asked.only) if asked.only else DEPLOYMENT,
        period=f"month:{now:%Y-%m}" if asked.to_date else str(asked.span),
        limit=limit,
        baseline_model=config.baseline.model,
        now=now,
        simulated=simulated or True in kinds,
        forecast=forecast(read.history, now) if asked.to_date else None,
    )
    costs = replace(costs, prompt_cache=read.prompt_cache, shortened=read.shortened)
    group = {} if asked.by is not None and read.group is None else read.group
    own = _own_group(costs, asked.by)
    return Period(
        asked=asked,
        costs=costs,
        group=group if own is None else own,
        details=read.details,
        rollups=read.rollups,
        pruned=read.pruned,
    )


def one_kind(simulated: Iterable[bool]) -> None:
    """Raises `FarthingError` where both kinds of money are found: no report mixes them."""
    if len(set(simulated)) > 1:
        raise FarthingError(
            "this ledger holds real and simulated calls, and no report mixes them",
            hint="name a ledger of one kind with --database; Farthing itself never writes both to one",
        )


def entries(connection: sa.Connection, asked: Asked, *, expected: int) -> Iterator[Entry]:
    """The calls of the period that pass the filter, with progress on standard error."""
    with progress(expected) as step:
        for entry in readings.read_entries(connection, asked.span):
            step()
            if not asked.only or asked.only.takes(entry.call.intent):
                yield entry


def price_finder(connection: sa.Connection, rollups: Rollups) -> readings.PriceFinder:
    """The kept prices of the period's models."""
    models = {key.model for key, _ in rollups}
    return readings.PriceFinder(readings.read_prices(connection, readings.with_bases(models)))


def rollups_of(connection: sa.Connection, span: Span) -> Rollups:
    return store.read_rollups(connection, first_day=span.first.isoformat(), last_day=span.last.isoformat())


def calls_in(rollups: Rollups) -> int:
    return sum(sums.calls for _, sums in rollups)


@contextmanager
def progress(total: int) -> Generator[Callable[[], None]]:
    """Counts rows: a bar on a terminal, lines when piped and there are many."""
    beside = show.console(stderr=True)
    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn())
    done = 0
    with Progress(*columns, console=beside, transient=True, disable=not beside.is_terminal) as bar:
        job = bar.add_task("rows", total=total)

        def step() -> None:
            nonlocal done
            done += 1
            if done % 1000 == 0:
                bar.update(job, completed=done)
            if done % 50_000 == 0 and not beside.is_terminal:
                show.note(f"{done:,} of {total:,} calls read")

        yield step


def _read(connection: sa.Connection, config: DeploymentConfig, asked: Asked, now: datetime) -> _Found:
    rollups = rollups_of(connection, asked.span)
    count = calls_in(rollups)
    wanted = asked.details if asked.details is not None else count <= AUTO_CALLS
    read = _Found(rollups=rollups, pruned=readings.read_pruned(connection))
    tally = Tally()
    if asked.only or wanted:
        prices = price_finder(connection, rollups)
        savings, shortenings, service = Savings(prices), Shortenings(prices), Service()
        prompts = CachedPrompts(prices)
        for call, ended_us in entries(connection, asked, expected=count):
            tally.add(call)
            prompts.add(call, ended_us)
            if wanted:
                savings.add(call, ended_us)
                shortenings.add(call, ended_us)
                service.add(call, ended_us)
        for reuse in readings.read_reuses(connection, asked.span):
            if not asked.only or asked.only.takes(reuse.body):
                tally.add_reuse(reuse)
                savings.add_reuse(reuse.body)
        counted = tally.rollups.values()
        read.prompt_cache = prompts.result(input_tokens=sum(sums.input_tokens for sums in counted))
        if wanted:
            read.shortened = shortenings.result()
            read.details = Details(
                levers=savings.lines(config.baseline.model),
                latency=service.lines(),
                levels=service.levels(targets_by_id(config, load_catalog()), config.scaling),
                peak_calls=service.peak_calls,
            )
    if asked.only:
        read.rollups, read.balance = list(tally.rollups.items()), tally.balance
    else:
        read.balance = _balance(connection, config, asked, rollups, now)
    read.group = _named_group(connection, asked, read.rollups, tally)
    read.history = _history(connection, asked, read.rollups, now)
    return read


def _balance(
    connection: sa.Connection, config: DeploymentConfig, asked: Asked, rollups: Rollups, now: datetime
) -> Balance:
    """The month's account, which is the authority; of other periods what the roll-ups and open calls say."""
    if asked.to_date:
        accounts = store.read_accounts(connection, scope=DEPLOYMENT)
        return accounts.get(month_claim(config, now).key, Balance())
    return Balance(
        settled=sum(sums.settled for _, sums in rollups),
        held=readings.read_held(connection, asked.span),
        uncertain=sum(sums.uncertain for _, sums in rollups),
    )


def _named_group(
    connection: sa.Connection, asked: Asked, rollups: Rollups, tally: Tally
) -> dict[str, CostLine] | None:
    """The lines by agent, swarm, key or tag."""
    by = asked.by
    if by not in ("agent", "swarm", "key", "tag"):
        return None
    if asked.only:
        found = [(key, sums) for key, sums in tally.rollups_by.items() if key.dimension == by]
    else:
        first, last = asked.span.first.isoformat(), asked.span.last.isoformat()
        found = store.read_rollups_by(connection, first_day=first, last_day=last, dimension=by)
    return lines_by(found, [sums for _, sums in rollups], overlapping=by == "tag")


def _own_group(costs: CostReport, by: By | None) -> Mapping[str, CostLine] | None:
    match by:
        case "day":
            return costs.by_day
        case "model":
            return costs.by_model
        case "task-type":
            return costs.by_task_type
        case "role":
            return costs.by_role
        case "purpose":
            return costs.by_purpose
        case _:
            return None


def _history(connection: sa.Connection, asked: Asked, rollups: Rollups, now: datetime) -> Mapping[str, int]:
    """Spend by day for the forecast: of earlier months too, but for a filter, whose days are the period's."""
    if not asked.to_date:
        return {}
    if asked.only:
        days: dict[str, int] = {}
        for key, sums in rollups:
            days[key.day] = days.get(key.day, 0) + sums.settled + sums.uncertain
        return days
    return readings.read_history(connection, now)
