"""`farthing migrate`: collects what can be known, shows the list, keeps the marks. Sends nothing."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa
from rich.text import Text

from farthing.cli.work import show
from farthing.cli.work.ledger import opened
from farthing.cli.work.milestones import change_kept, kept_path, read_kept
from farthing.cli.work.report import ledger_urls
from farthing.config.environment import API_KEY, Environment, read_environment
from farthing.config.load import api_key, load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, FarthingError, LedgerUnavailableError
from farthing.money import format_usd, from_nano
from farthing.spend import store
from farthing.spend.batch import RollupKey, RollupSums
from farthing.spend.ledger import SIMULATOR
from farthing.storage.database import default_path, sqlite_url
from farthing.storage.tables import ledger, meta
from farthing.usage.checklist import AuditMark, Facts, RealUse
from farthing.usage.migration import Kept, Line, lines, marked, seen_now, unmarked

_SECTIONS = {
    0: "Checklist",
    1: "Week 1: testing",
    2: "Week 2: staged rollout",
    3: "Week 3: full deployment",
    4: "Week 4: optimization",
}
_SIGNS = {"detected": ("✓", "green"), "marked": ("✓", "cyan"), "open": ("·", "dim")}
_TUTORIALS_ENV = (API_KEY, "DEPLOYMENT_CONFIG", "MONTHLY_BUDGET", "ENABLE_COST_TRACKING")

_MONEY = sa.select(meta.c.value).where(meta.c.key == "money")
_COMPARISONS = sa.select(sa.func.count(ledger.c.run_id.distinct())).where(
    ledger.c.run_id.startswith("cmp_", autoescape=True), ledger.c.kind == "settled"
)

Entries = Sequence[tuple[RollupKey, RollupSums]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """The facts, and what stood in the way of knowing more."""

    facts: Facts
    cautions: tuple[str, ...]


def tell_status(*, as_json: bool) -> None:
    """The list as it stands."""
    kept = read_kept(kept_path(os.environ))
    collected = collect(kept.audits[-1] if kept.audits else None)
    kept = _remembered(kept, collected.facts)
    found = lines(collected.facts, kept)
    if as_json:
        show.write_json(_json(found, collected))
        return
    out = show.console()
    for week, title in _SECTIONS.items():
        members = [line for line in found if line.week == week]
        done = sum(line.standing != "open" for line in members)
        heading = f"{title}, {done} of {len(members)}"
        rows = [[Text(*_SIGNS[line.standing]), line.id, line.title, _told(line)] for line in members]
        out.print(show.table(["", "item", "", "known by, or next"], rows, title=heading))
    for caution in collected.cautions:
        out.print(f"note: {show.plain(caution)}", style="yellow", soft_wrap=True)
    following = next((line for line in found if line.standing == "open"), None)
    out.print(f"next: {following.next}" if following else "all is done", soft_wrap=True)


def _remembered(kept: Kept, facts: Facts) -> Kept:
    """With what stays done, written only where there is something new."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    if seen_now(facts, kept, at=at) is kept:
        return kept
    try:
        return change_kept(kept_path(os.environ), lambda now: seen_now(facts, now, at=at))
    except FarthingError as fault:
        show.note(f"not kept: {fault.message}")
        return kept


def mark_done(item: str, *, note: str) -> None:
    """Marks an item. Raises `FarthingError` for one that there is not."""
    key = api_key()
    if key is not None and key.reveal() in note:
        raise FarthingError("the note holds your API key", hint="write it without")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    change_kept(kept_path(os.environ), lambda kept: marked(kept, item, note=note, at=at))
    show.note(f"{item} is marked as done; farthing migrate undo {item} takes it back")


def take_back(item: str) -> None:
    """Takes a mark back. Raises `FarthingError` where there is none."""
    change_kept(kept_path(os.environ), lambda kept: unmarked(kept, item))
    show.note(f"{item} is no longer marked as done")


def collect(audit: AuditMark | None) -> Collected:
    """What the environment, the configuration and the ledgers say. What cannot be read becomes a caution."""
    cautions: list[str] = []
    environment, settings, key = Environment.model_construct(), None, False
    try:
        environment, key = read_environment(), api_key() is not None
        settings = load_config()
    except ConfigError as fault:
        cautions.append(str(fault))
    shown = [_in_ledger(url, cautions) for url in _ledgers(settings)]
    entries = [entry for one in shown for entry in one.entries]
    set_variables = environment.model_dump(by_alias=True, exclude_none=True)
    facts = Facts(
        chosen=environment.deployment_config,
        profile=None if settings is None else settings.name,
        strategy=None if settings is None else settings.routing.strategy,
        key_set=key,
        variables=tuple(n for n in _TUTORIALS_ENV if n in set_variables or (key and n == API_KEY)),
        alerts=None if settings is None else _alerts(settings),
        simulated_calls=sum(sums.calls for entry, sums in entries if entry.upstream == SIMULATOR),
        real=_real(
            [(entry, sums) for entry, sums in entries if entry.upstream != SIMULATOR],
            comparisons=sum(one.comparisons for one in shown),
        ),
        audit=audit,
    )
    return Collected(facts=facts, cautions=tuple(cautions))


def _ledgers(settings: DeploymentConfig | None) -> list[str]:
    """The real ledger's URL and the simulator's. A wrong configuration leaves the usual places."""
    if settings is not None:
        return list(dict.fromkeys(ledger_urls(settings, any_run=True)))
    return [sqlite_url(default_path(simulated=kind, environ=os.environ)) for kind in (False, True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class InLedger:
    """All roll-ups of a ledger, and how many comparisons of real money stand in it."""

    entries: Entries = ()
    comparisons: int = 0


def _in_ledger(url: str, cautions: list[str]) -> InLedger:
    """Nothing of a ledger that is not there or does not answer."""
    try:
        with opened(url) as database:
            if database is None:
                return InLedger()
            with database.read() as connection:
                simulated = connection.execute(_MONEY).scalar_one_or_none() == "simulated"
                return InLedger(
                    entries=store.read_rollups(connection, first_day="0", last_day="9"),
                    comparisons=0 if simulated else connection.execute(_COMPARISONS).scalar_one(),
                )
    except LedgerUnavailableError as fault:
        cautions.append(str(fault))
        return InLedger()


def _real(entries: Entries, *, comparisons: int) -> RealUse:
    days = sorted({key.day for key, _ in entries})
    spent = {key.day for key, sums in entries if sums.settled + sums.uncertain}
    return RealUse(
        answered=sum(sums.calls - sums.failed for _, sums in entries),
        days=len(spent),
        first=date.fromisoformat(days[0]) if days else None,
        last=date.fromisoformat(days[-1]) if days else None,
        spend=from_nano(sum(sums.settled + sums.uncertain for _, sums in entries)),
        baseline=from_nano(sum(sums.baseline for _, sums in entries)),
        comparisons=comparisons,
    )


def _alerts(settings: DeploymentConfig) -> str | None:
    alerts = settings.alerts
    base = alerts.monthly_budget or settings.budget.monthly_limit
    if not settings.monitoring.cost_tracking or not base:
        return None
    warning, critical = (
        f"{part:.0%}".replace("%", " %") for part in (alerts.warning_threshold, alerts.critical_threshold)
    )
    return f"alerts at {warning} and {critical} of {format_usd(base)} a month"


def _told(line: Line) -> str:
    if line.standing != "open":
        return line.why
    return f"{line.next} ({line.absent})" if line.absent else line.next


def _json(found: Sequence[Line], collected: Collected) -> dict[str, object]:
    real = collected.facts.real
    return {
        "items": found,
        "done": sum(line.standing != "open" for line in found if not line.week),
        "of": sum(not line.week for line in found),
        "next": next((line.next for line in found if line.standing == "open"), None),
        "real": {
            "answered": real.answered,
            "days": real.days,
            "first": None if real.first is None else real.first.isoformat(),
            "last": None if real.last is None else real.last.isoformat(),
            "spend": real.spend,
            "baseline": real.baseline,
            "comparisons": real.comparisons,
        },
        "simulated_calls": collected.facts.simulated_calls,
        "audit": collected.facts.audit,
        "cautions": collected.cautions,
    }
