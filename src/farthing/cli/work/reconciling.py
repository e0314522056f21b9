"""`farthing ledger reconcile`: asks for the bills of uncertain calls, books them, and tells what differs."""

import asyncio
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from farthing.cli.work import show
from farthing.cli.work.proving import ledger_at
from farthing.config.environment import management_key
from farthing.config.load import load_config
from farthing.config.schema import DeploymentConfig
from farthing.errors import FarthingError, MissingKeyError
from farthing.money import from_nano
from farthing.opening import open_client, open_transport
from farthing.proof import bills, reconcile
from farthing.proof.bills import Drift, DriftSums, Residual
from farthing.proof.reconcile import Asked, Reconciled
from farthing.spend import readings
from farthing.spend.runs import Call
from farthing.spend.span import Span, span_of
from farthing.spend.writer import LedgerWriter
from farthing.storage.database import Database
from farthing.upstream.client import Client
from farthing.upstream.failure import Failure

_LABEL = "farthing ledger reconcile"
_SHOWN = 40
_ACTIVITY_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to compare besides the uncertain calls, and for which days."""

    everything: bool = False
    activity: bool = False
    settle: bool = False
    since: str | None = None
    until: str | None = None
    last: str | None = None


@dataclass(slots=True, kw_only=True)
class Found:
    """What came of it. `None` is what was not asked for."""

    span: Span
    simulated: bool
    open: Reconciled
    drifts: list[Drift] | None = None
    """Those that are not zero."""
    sums: DriftSums = field(default_factory=DriftSums)
    without_bill: int = 0
    residuals: list[Residual] | None = None
    given: dict[str, int] | None = None
    """What calls were given of a day's rest, nano-dollars."""


def tell_reconciled(
    config: Path | None, wanted: Wanted, *, database: str | None, simulated: bool, as_json: bool
) -> None:
    """Leaves with 1 when a bill differs from its row."""
    try:
        span = span_of(since=wanted.since, until=wanted.until, last=wanted.last, now=datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    settings = load_config(config)
    with ledger_at(config, database=database, simulated=simulated) as ledger:
        found = asyncio.run(_reconcile(ledger, settings, wanted, span))
    if as_json:
        show.write_json(_json(found))
    else:
        _show(show.console(), found)
    if found.drifts:
        raise typer.Exit(1)


async def _reconcile(ledger: Database, settings: DeploymentConfig, wanted: Wanted, span: Span) -> Found:
    client = open_client(settings, environ=os.environ, transport=None)
    try:
        await reconcile.check_upstream(ledger, client)
        async with reconcile.writing(ledger, label=_LABEL, now_us=_now_us) as writer:
            with _counting("bills asked for") as step:
                done = await reconcile.reconcile_open(
                    ledger, client, writer, now_us=_now_us, on_call=lambda _: step()
                )
            await asyncio.to_thread(writer.flush)
            found = Found(span=span, simulated=client.simulated, open=done)
            if wanted.everything:
                await _compare(ledger, client, found)
            if wanted.activity:
                calls = await _compare_days(ledger, settings, found)
                if wanted.settle:
                    await _settle_days(writer, found, calls)
    finally:
        await client.aclose()
    return found


async def _compare(ledger: Database, client: Client, found: Found) -> None:
    found.drifts = []
    with _counting("bills compared") as step:
        async for one in reconcile.drifts(client, _calls(ledger, found.span)):
            step()
            if isinstance(one, Asked):
                found.without_bill += 1
                continue
            found.sums = bills.added(found.sums, one)
            if one.drift:
                found.drifts.append(one)


async def _compare_days(ledger: Database, settings: DeploymentConfig, found: Found) -> list[Call]:
    """The account's days beside the ledger's. Raises `FarthingError` when upstream does not tell them."""
    key = management_key(os.environ)
    if key is None and not found.simulated:
        raise MissingKeyError(
            "OPENROUTER_MANAGEMENT_KEY is not set, and an account's activity is told to such a key alone",
            hint="make one at openrouter.ai/settings/management-keys; it cannot make calls",
        )
    secret = "sk-or-simulated" if key is None else key.reveal()
    client = Client(
        open_transport(settings, environ=os.environ), base_url=settings.upstream.base_url, api_key=secret
    )
    try:
        activity = await client.activity()
    finally:
        await client.aclose()
    if isinstance(activity, Failure):
        raise FarthingError(f"upstream does not tell the account's activity: {activity.message}")
    calls = _calls(ledger, found.span)
    found.residuals = bills.residuals(activity, bills.day_sums(calls), days=_told_days(found))
    return calls


def _told_days(found: Found) -> list[str]:
    """The days that an activity tells: 30 that are over; a simulator's is whole at any time."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=_ACTIVITY_DAYS)
    last = today if found.simulated else today - timedelta(days=1)
    return [day for day in found.span.days() if first <= date.fromisoformat(day) <= last]


async def _settle_days(writer: LedgerWriter, found: Found, calls: Sequence[Call]) -> None:
    by_id = {call.call_id: call for call in calls}
    found.given = {}
    for one in found.residuals or ():
        doubted = [by_id[name] for name in one.uncertain]
        if one.covered and all(call.doubted for call in doubted):
            found.given |= await reconcile.settle_by_day(writer, one, doubted, now_us=_now_us)


def _calls(ledger: Database, span: Span) -> list[Call]:
    with ledger.read() as connection:
        return [entry.call for entry in readings.read_entries(connection, span)]


def _now_us() -> int:
    return round(datetime.now(UTC).timestamp() * 1_000_000)


@contextmanager
def _counting(what: str) -> Generator[Callable[[], None]]:
    beside = show.console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    done = 0
    with Progress(*columns, console=beside, transient=True, disable=not beside.is_terminal) as bar:
        job = bar.add_task(what, total=None)

        def step() -> None:
            nonlocal done
            done += 1
            bar.update(job, completed=done)
            if done % 1000 == 0 and not beside.is_terminal:
                show.note(f"{done:,} {what}")

        yield step


def _show(out: Console, found: Found) -> None:
    done = found.open
    rows = [(call.call_id, call.intent.model, _usd(call.worst), _usd(nano)) for call, nano in done.settled]
    if rows:
        title = f"{show.counted(len(rows), 'uncertain call')} settled by the bill"
        columns = ("call", "model", "held", "billed")
        out.print(show.table(columns, rows[:_SHOWN], title=title, right=("held", "billed")))
    lines = [
        ("settled", f"{show.counted(len(done.settled), 'call')}, {_usd(sum(n for _, n in done.settled))}")
    ]
    if done.unknown:
        worst = _usd(sum(one.call.worst for one in done.unknown))
        problems = ", ".join(sorted({one.problem for one in done.unknown}))
        lines.append(
            ("no bill by id", f"{show.counted(len(done.unknown), 'call')}, {worst} stay: {problems}")
        )
    if done.idless:
        worst = _usd(sum(call.worst for call in done.idless))
        text = (
            f"{show.counted(len(done.idless), 'call')}, {worst} stay: farthing ledger resolve, or --activity"
        )
        lines.append(("without an id", text))
    if done.live:
        lines.append(("on the wire", f"{show.counted(done.live, 'call')} of live processes, left to them"))
    out.print(show.facts(lines))
    if found.drifts is not None:
        _show_drift(out, found)
    if found.residuals is not None:
        _show_days(out, found)
    if found.simulated:
        out.print("simulated: no real money", style="yellow")


def _show_drift(out: Console, found: Found) -> None:
    sums = found.sums
    if found.drifts:
        rows = [
            (one.call_id, one.model, one.basis, _usd(one.booked), _usd(one.billed), _signed(one.drift))
            for one in found.drifts[:_SHOWN]
        ]
        columns = ("call", "model", "basis", "booked", "billed", "drift")
        out.print(show.table(columns, rows, title="bills that differ", right=columns[3:]))
    drift = (
        f"{_signed(sums.billed - sums.booked)}, {show.percent(sums.percent)} of {_usd(sums.billed)} billed"
    )
    out.print(
        show.facts(
            [
                (
                    "compared",
                    f"{show.counted(sums.calls, 'call')} of {found.span}, {sums.differing:,} differ",
                ),
                ("drift", drift),
                ("without a bill", f"{show.counted(found.without_bill, 'call')} that upstream does not know"),
            ]
        )
    )


def _show_days(out: Console, found: Found) -> None:
    rows = [
        (
            *(one.day, one.model, f"{one.requests:,}", f"{one.calls:,}", _usd(one.billed), _usd(one.settled)),
            *(_signed(one.residual), f"{len(one.uncertain)} of {_usd(one.worst)}" if one.uncertain else ""),
        )
        for one in found.residuals or ()
    ]
    columns = ("day", "model", "requests", "calls", "billed", "settled", "left", "uncertain")
    out.print(show.table(columns, rows, title="the account's activity", right=columns[2:]))
    out.print("left: by other users of the account, by uncertain calls, or by calls about midnight")
    if found.given is not None:
        given = _usd(sum(found.given.values()))
        out.print(
            f"{show.counted(len(found.given), 'call')} settled by what their days left, {given} together"
        )


def _json(found: Found) -> dict[str, object]:
    done = found.open
    said: dict[str, object] = {
        "simulated": found.simulated,
        "settled": [
            {"call_id": call.call_id, "held": from_nano(call.worst), "billed": from_nano(nano)}
            for call, nano in done.settled
        ],
        "without_bill": [
            {"call_id": one.call.call_id, "held": from_nano(one.call.worst), "problem": one.problem}
            for one in done.unknown
        ],
        "without_id": [
            {
                "call_id": call.call_id,
                "held": from_nano(call.worst),
                "model": call.intent.model,
                "day": call.day,
            }
            for call in done.idless
        ],
        "on_the_wire": done.live,
    }
    if found.drifts is not None:
        sums = found.sums
        said["drift"] = {
            "calls": sums.calls,
            "without_bill": found.without_bill,
            "booked": from_nano(sums.booked),
            "billed": from_nano(sums.billed),
            "drift": from_nano(sums.billed - sums.booked),
            "percent": sums.percent,
            "rows": [_drift_json(one) for one in found.drifts],
        }
    if found.residuals is not None:
        said["days"] = [_day_json(one) for one in found.residuals]
        said["settled_by_day"] = {name: from_nano(nano) for name, nano in (found.given or {}).items()}
    return said


def _drift_json(one: Drift) -> dict[str, object]:
    money = {name: from_nano(getattr(one, name)) for name in ("booked", "billed", "drift")}
    names = ("call_id", "generation_id", "model", "day", "basis")
    return {**{name: getattr(one, name) for name in names}, **money}


def _day_json(one: Residual) -> dict[str, object]:
    money = {name: from_nano(getattr(one, name)) for name in ("billed", "settled", "residual", "worst")}
    return {
        **{name: getattr(one, name) for name in ("day", "model", "requests", "calls", "uncertain")},
        **money,
    }


def _usd(nano: int) -> str:
    return show.usd(from_nano(nano))


def _signed(nano: int) -> str:
    return f"+{_usd(nano)}" if nano > 0 else _usd(nano)
