"""`farthing show`: one call as the ledger tells it, or all attempts of a task. Sends nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console

from farthing.cli.work import show, tables
from farthing.cli.work.ledger import REUSE_IN_WORDS, opened
from farthing.cli.work.report import ledger_urls
from farthing.config.load import load_config
from farthing.errors import FarthingError, nearest
from farthing.money import from_nano
from farthing.spend import readings
from farthing.spend.billing import Reckoning, reckoned
from farthing.spend.ledger import SIMULATOR, Reuse, row_hash
from farthing.spend.readings import Link
from farthing.spend.runs import Call, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One call with its rows, its reckoning by its own price, and the task's calls with it in order."""

    call: Call
    links: Sequence[Link]
    reckoning: Reckoning | None
    attempts: Sequence[Call]

    @property
    def chained(self) -> bool:
        """Whether every row's hash follows from its columns and the row before it."""
        return all(row_hash(link.before, *link.row[:-1]) == link.row.hash for link in self.links)


def tell_call(
    wanted: str, source: str | Path | None, *, database: str | None, simulated: bool, as_json: bool
) -> None:
    """Tells a call, or each attempt of a task. Raises `FarthingError` when none fits, or several do."""
    urls = ledger_urls(load_config(source), database=database, simulated=simulated, any_run=True)
    found = _found(wanted, urls)
    if as_json:
        told = [_json(one) for one in found]
        show.write_json({"task_id": found[0].call.intent.task_id, "calls": told})
        return
    out = show.console()
    for one in found:
        _show(out, one)
    _show_attempts(out, found[0])
    if found[0].call.intent.upstream == SIMULATOR:
        out.print(tables.SIMULATED_SENTENCE, style="yellow")


def _found(wanted: str, urls: Sequence[str]) -> list[Shown]:
    near: list[str] = []
    for url in urls:
        with opened(url) as ledger:
            if ledger is None:
                continue
            with ledger.read() as connection:
                found = _look(connection, wanted)
                if found:
                    return found
                near += readings.recent_call_ids(connection)
    close = nearest(wanted, near)
    raise FarthingError(
        f"no ledger has a call or a task {wanted!r}" + (f"; the nearest call is {close}" if close else ""),
        hint="farthing report --run ID --json lists the calls of a run; --database names another ledger",
    )


def _look(connection: sa.Connection, wanted: str) -> list[Shown]:
    if not wanted.startswith("task"):
        ids = readings.find_call_ids(connection, wanted)
        exact = [wanted] if wanted in ids else ids
        if len(exact) > 1:
            listed = ", ".join(exact[:5]) + (", …" if len(exact) > 5 else "")
            raise FarthingError(f"several calls begin with {wanted!r}: {listed}", hint="give more of the id")
        if exact:
            return [_shown(connection, exact[0])]
    rows = readings.read_task_rows(connection, wanted)
    found = fold(rows)
    calls = found.calls
    if not calls and found.reuses:
        return _reused(connection, found.reuses)
    tasks = list(dict.fromkeys(call.intent.task_id for call in calls.values()))
    if wanted in tasks:
        tasks = [wanted]
    if len(tasks) > 1:
        raise FarthingError(
            f"several tasks begin with {wanted!r}: {', '.join(tasks[:5])}", hint="give more of the id"
        )
    return [_shown(connection, name) for name, call in calls.items() if call.intent.task_id in tasks]


def _reused(connection: sa.Connection, reuses: Sequence[Reuse]) -> list[Shown]:
    """The calls whose answers a task was given."""
    for reuse in reuses:
        body = reuse.body
        how = REUSE_IN_WORDS[body.how]
        show.note(f"{body.task_id} cost nothing: it was given the answer of {body.source} ({how})")
    sources = dict.fromkeys(reuse.body.source for reuse in reuses)
    kept = [source for source in sources if source in readings.find_call_ids(connection, source)]
    return [_shown(connection, source) for source in kept]  # rows that were put away can be shown no more


def _shown(connection: sa.Connection, call_id: str) -> Shown:
    links = readings.read_links(connection, call_id)
    call = fold(link.row for link in links).calls[call_id]
    intent = call.intent
    prices = readings.PriceFinder(readings.read_prices(connection, readings.with_bases([intent.model])))
    price = prices(intent.price_book, intent.model)
    ended = links[-1].row.at_us if call.outcome is not None else None
    rows = readings.read_task_rows(connection, f'{intent.task_id}"', run_id=call.run_id)
    return Shown(
        call=call,
        links=links,
        reckoning=None if price is None else reckoned(call, ended, price),
        attempts=list(fold(rows).calls.values()),
    )


def _show(out: Console, one: Shown) -> None:
    call, intent = one.call, one.call.intent
    out.print(f"{call.call_id}, {_status(call)}", style="bold")
    out.print(show.facts([*_what(one), *_money(one), *_how(one)]))
    limits = intent.limits or (None,) * len(intent.accounts)
    rows = [
        [key.scope, key.period, "none" if limit is None else show.usd(from_nano(limit))]
        for key, limit in zip(intent.accounts, limits, strict=True)
    ]
    out.print(show.table(["charged to", "period", "hard limit"], rows, right=["hard limit"]))
    if one.reckoning is not None and one.reckoning.charges:
        _show_charges(out, one.reckoning)
    chain = [
        [f"{link.seq}", f"{link.row.epoch}", link.row.kind, _time(link.row.at_us), link.row.hash]
        for link in one.links
    ]
    holds = "each follows from the row before it" if one.chained else "BROKEN: a row was changed"
    out.print(show.table(["row", "epoch", "kind", "at", "hash"], chain, title=f"Ledger rows; {holds}"))


def _what(one: Shown) -> Iterable[tuple[str, str]]:
    call, intent = one.call, one.call.intent
    yield "task", f"{intent.task_id}: {intent.task_type}, {intent.purpose}"
    for name, value in (("run", call.run_id), ("agent", intent.agent_id), ("role", intent.role)):
        if value:
            yield name, value
    yield "model", f"{intent.model} at {intent.upstream}"
    yield "why", intent.reason or "not recorded"
    for name, value in (("key", intent.key), ("tags", ", ".join(intent.tags))):
        if value:
            yield name, value
    if intent.metadata:
        yield "metadata", ", ".join(f"{name}={value}" for name, value in intent.metadata.items())


def _money(one: Shown) -> Iterable[tuple[str, str]]:
    call, outcome, reckoning = one.call, one.call.outcome, one.reckoning
    held = f"{_exact(call.worst)} before it was sent: the request's bytes as input and max_tokens as output, "
    held += "at the dearest rates"
    if reckoning is not None and reckoning.output_tokens_held is not None:
        held += f"; beside the input used it would pay for {reckoning.output_tokens_held:,} output tokens"
    yield "worst case", held
    if outcome is None:
        return
    if call.cost is None:
        yield "cost", f"uncertain, counted as {_exact(call.worst)}"
    else:
        late = ", settled after it had been uncertain" if outcome.late else ""
        over = ", an overrun: more than was held" if outcome.overrun else ""
        yield "cost", f"{_exact(call.cost)}, {outcome.basis}{over}{late}"
    if outcome.literal is not None:
        yield "bill", f"{outcome.literal} in the provider's own digits"
    if reckoning is None:
        yield "computed", f"unknown: the ledger keeps no price of it in {call.intent.price_book}"
    elif reckoning.charges:
        yield "computed", f"{_dollars(reckoning.computed)} by {reckoning.book}"
        if reckoning.difference is not None:
            yield "difference", _dollars(reckoning.difference)
    if outcome.baseline:
        name = call.intent.baseline_model or "the baseline"
        yield "baseline", f"{_exact(outcome.baseline)} on {name} for the same tokens"


def _how(one: Shown) -> Iterable[tuple[str, str]]:
    call, outcome = one.call, one.call.outcome
    yield "began", _time(call.at_us)
    if call.intent.deferral:
        waited = f", after {call.intent.waited_s:,.0f} s" if call.intent.waited_s else ""
        yield "sent by", f"{call.intent.deferral.replace('_', ' ').replace('+', ', ')}{waited}: it might wait"
    if outcome is not None:
        first = outcome.first_token_ms
        token = "" if first is None else f", first token after {first:,.0f} ms"
        yield "took", f"{outcome.latency_ms:,.0f} ms{token}"
        yield "ended", outcome.reason
        yield "provider", outcome.provider or "not said"
    yield "generation", call.generation_id or "no id was received"


def _show_charges(out: Console, reckoning: Reckoning) -> None:
    rows = [
        [one.kind, f"{one.tokens:,}", _dollars(one.rate), _dollars(one.cost)] for one in reckoning.charges
    ]
    columns = ["tokens", "how many", "rate", "cost"]
    out.print(show.table(columns, rows, title=f"By {reckoning.book}", right=columns[1:]))


def _show_attempts(out: Console, one: Shown) -> None:
    if len(one.attempts) < 2:
        return
    rows = [
        [call.call_id, call.intent.model, _status(call), _exact(_cost(call)), call.intent.reason]
        for call in one.attempts
    ]
    columns = ["attempt", "model", "", "cost", "why"]
    out.print(show.table(columns, rows, title="All attempts of the task", right=["cost"]))


def _status(call: Call) -> str:
    if call.outcome is None:
        return "open"
    return "accepted" if call.outcome.accepted else f"failed: {call.outcome.reason}"


def _cost(call: Call) -> int:
    return call.worst if call.cost is None else call.cost


def _exact(nano: int) -> str:
    return _dollars(from_nano(nano))


def _dollars(amount: Decimal) -> str:
    """All digits: here a nano-dollar may be what is looked for."""
    text = format(amount.normalize() if amount else Decimal(0), "f")
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def _time(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1_000_000, UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


_INTENT = (
    *("task_id", "task_type", "purpose", "agent_id", "role", "model", "upstream", "price_book", "reason"),
    *("key", "tags", "metadata", "baseline_model", "deferral", "waited_s"),
)


def _json(one: Shown) -> tables.Json:
    call, intent, outcome = one.call, one.call.intent, one.call.outcome
    return {
        "call_id": call.call_id,
        "simulated": intent.upstream == SIMULATOR,
        "status": _status(call).partition(":")[0],
        "run_id": call.run_id,
        "intent": {name: getattr(intent, name) for name in _INTENT},
        "limits": [
            {"scope": key.scope, "period": key.period, "limit": None if limit is None else from_nano(limit)}
            for key, limit in zip(
                intent.accounts, intent.limits or (None,) * len(intent.accounts), strict=True
            )
        ],
        "held": from_nano(call.worst),
        "cost": None if call.cost is None else from_nano(call.cost),
        "cost_basis": "uncertain" if outcome is None or call.cost is None else outcome.basis,
        "literal": None if outcome is None else outcome.literal,
        "baseline_cost": None if outcome is None else from_nano(outcome.baseline),
        "generation_id": call.generation_id,
        "outcome": outcome,
        "reckoning": one.reckoning,
        "rows": [
            {"seq": link.seq, "epoch": link.row.epoch, "kind": link.row.kind, "hash": link.row.hash}
            for link in one.links
        ],
        "chain_holds": one.chained,
        "attempts": [other.call_id for other in one.attempts],
    }
