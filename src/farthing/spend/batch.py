"""Decides one group commit: which intents are admitted, which rows are written, what the balances become.

Pure: the store reads the balances, calls `plan`, and writes what it says in the same transaction. Outcomes
are applied before intents are looked at, so that money a finished call gives back is there for the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import NamedTuple, assert_never

from msgspec import structs

from farthing.money import format_usd, from_nano
from farthing.spend import budget
from farthing.spend.alerts import Alert
from farthing.spend.budget import AccountKey, Admitted, Balance, Decision, Posting
from farthing.spend.ledger import (
    Intent,
    IntentBody,
    Outcome,
    Reuse,
    ReuseBody,
    Row,
    SeenBody,
    chained,
    intent_body,
    outcome_body,
)
from farthing.spend.step import Journalled, PieceDone, StepDone


class OpenCall(NamedTuple):
    """A call with an intent and no settlement. `doubt`: how it ended, when its hold counts as uncertain.

    `seen`: its generation id has a row, of which there is one.
    """

    intent: Intent
    granted: int
    doubt: "Doubt | None" = None
    seen: bool = False


class Doubt(NamedTuple):
    """What an uncertain outcome added to the roll-up beside the money; its settlement corrects it."""

    accepted: bool
    baseline: int


class Seen(NamedTuple):
    """A generation id that became known while its call is open."""

    call_id: str
    at_us: int
    generation_id: str


Event = Outcome | Seen | Reuse | StepDone | PieceDone
_OF_RUNS = (StepDone, PieceDone)


class Delivered(NamedTuple):
    """That an alert reached its channels, or (`taken` False) was given up after so many tries."""

    alert: Alert
    tries: int = 1
    taken: bool = True


class RollupKey(NamedTuple):
    """What the report groups by, for one day."""

    day: str
    upstream: str
    model: str
    task_type: str
    role: str
    purpose: str


class RollupByKey(NamedTuple):
    """What further reports group by: the `agent`, `swarm`, `key` or `tag` of that name, for one day."""

    day: str
    upstream: str
    dimension: str
    name: str


class RollupSums(NamedTuple):
    """Sums of one roll-up row: counts, nano-dollars, tokens."""

    calls: int = 0
    failed: int = 0
    settled: int = 0
    uncertain: int = 0
    computed: int = 0
    baseline: int = 0
    wasted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reused: int = 0
    saved: int = 0


@dataclass(slots=True, kw_only=True)
class Plan:
    """What one transaction writes and what it decided, intents in the order they were given."""

    epoch: int
    head: str
    balances: dict[AccountKey, Balance]
    rows: list[Row] = field(default_factory=list[Row])
    decisions: list[Decision] = field(default_factory=list[Decision])
    rollups: dict[RollupKey, RollupSums] = field(default_factory=dict[RollupKey, RollupSums])
    rollups_by: dict[RollupByKey, RollupSums] = field(default_factory=dict[RollupByKey, RollupSums])
    opened: dict[str, OpenCall] = field(default_factory=dict[str, OpenCall])
    closed: set[str] = field(default_factory=set[str])
    alerts: list[Alert] = field(default_factory=list[Alert])
    """Overruns, and soft limits that are passed."""
    touched: set[AccountKey] = field(default_factory=set[AccountKey])

    def append(self, row: Row) -> None:
        self.rows.append(row)
        self.head = row.hash


def plan(
    *,
    epoch: int,
    head: str,
    balances: Mapping[AccountKey, Balance],
    open_calls: Mapping[str, OpenCall],
    events: Sequence[Event],
    intents: Iterable[Intent],
) -> Plan:
    """Plans one group commit. `balances` holds every account that the events' and intents' calls claim.

    An outcome of a call that is not open is ignored: it was settled already (settlement is idempotent).
    """
    result = Plan(epoch=epoch, head=head, balances=dict(balances))
    ended = {event.call_id for event in events if isinstance(event, Outcome)}
    for event in events:
        if isinstance(event, Reuse):
            _append_reuse(result, event)
            continue
        if isinstance(event, _OF_RUNS):
            continue
        call = result.opened.get(event.call_id) or open_calls.get(event.call_id)
        if call is None or event.call_id in result.closed:
            continue
        match event:
            case Outcome():
                _apply_outcome(result, call, event)
            case Seen():
                if event.call_id not in ended and not call.seen:
                    _append_seen(result, call, event)
            case _:
                assert_never(event)
    for intent in intents:
        _decide(result, intent)
    return result


def journalled(events: Iterable[Event]) -> list[Journalled]:
    """What is written of runs beside the rows, in order. Of a settlement that was booked before, too: it may
    have come by another way."""
    found: list[Journalled] = []
    for event in events:
        if isinstance(event, Outcome):
            if event.step is not None:
                found.append(event.step)
        elif isinstance(event, _OF_RUNS):
            found.append(event)
    return found


def account_keys(
    open_calls: Mapping[str, OpenCall], events: Iterable[Event], intents: Iterable[Intent]
) -> set[AccountKey]:
    """Every account a batch may touch."""
    keys = {claim.key for intent in intents for claim in intent.claims}
    for event in events:
        call = open_calls.get(event.call_id)
        if call is not None:
            keys.update(claim.key for claim in call.intent.claims)
    return keys


def _decide(result: Plan, intent: Intent) -> None:
    decision = budget.admit(result.balances, intent.claims, worst=intent.worst, floor=intent.floor)
    result.decisions.append(decision)
    if not isinstance(decision, Admitted):
        return
    _post(result, intent, budget.hold(decision.granted))
    result.opened[intent.call_id] = OpenCall(intent, decision.granted)
    result.append(
        chained(
            result.head,
            epoch=result.epoch,
            kind="intent",
            call_id=intent.call_id,
            run_id=intent.run_id,
            at_us=intent.at_us,
            nano=decision.granted,
            body=intent_body(intent),
        )
    )


def _apply_outcome(result: Plan, call: OpenCall, outcome: Outcome) -> None:
    if outcome.cost is not None and outcome.cost < 0:  # no bill gives money back: this one says nothing
        outcome = structs.replace(outcome, cost=None, basis="uncertain")
    overrun = outcome.cost is not None and outcome.cost > call.granted
    if outcome.cost is None:
        if call.doubt is not None:
            return
        kind, nano, posting = "uncertain", call.granted, budget.doubt(call.granted)
        result.opened[outcome.call_id] = call._replace(doubt=Doubt(outcome.accepted, outcome.baseline))
    else:
        kind, nano = "settled", outcome.cost
        posting = budget.settle(outcome.cost, held=call.granted, was_uncertain=call.doubt is not None)
        result.closed.add(outcome.call_id)
    _post(result, call.intent, posting)
    if overrun:
        result.alerts.append(_overrun(result, call, outcome))
    for claim in call.intent.claims:
        if claim.soft and claim.limit is not None:
            _note_soft_limit(result, claim.key, claim.limit)
    sums = _sums_of(call, outcome)
    day = call.intent.day
    key = rollup_key(call.intent, day)
    result.rollups[key] = added(result.rollups.get(key), sums)
    for other in rollup_by_keys(call.intent, day, call.intent.run_id):
        result.rollups_by[other] = added(result.rollups_by.get(other), sums)
    result.append(
        chained(
            result.head,
            epoch=result.epoch,
            kind=kind,
            call_id=outcome.call_id,
            run_id=call.intent.run_id,
            at_us=outcome.at_us,
            nano=nano,
            body=outcome_body(outcome, overrun=overrun, late=call.doubt is not None),
        )
    )


def _append_seen(result: Plan, call: OpenCall, seen: Seen) -> None:
    result.opened[seen.call_id] = call._replace(seen=True)
    result.append(
        chained(
            result.head,
            epoch=result.epoch,
            kind="seen",
            call_id=seen.call_id,
            run_id=call.intent.run_id,
            at_us=seen.at_us,
            nano=0,
            body=SeenBody(generation_id=seen.generation_id),
        )
    )


def _append_reuse(result: Plan, reuse: Reuse) -> None:
    """No account is touched: what costs nothing is given although a limit is reached."""
    result.append(
        chained(
            result.head,
            epoch=result.epoch,
            kind="reused",
            call_id=reuse.call_id,
            run_id=reuse.run_id,
            at_us=reuse.at_us,
            nano=0,
            body=reuse.body,
        )
    )
    key, sums = rollup_key(reuse.body, reuse.day), reuse_sums(reuse.body)
    result.rollups[key] = added(result.rollups.get(key), sums)
    for by in rollup_by_keys(reuse.body, reuse.day, reuse.run_id):
        result.rollups_by[by] = added(result.rollups_by.get(by), sums)


def reuse_sums(body: ReuseBody) -> RollupSums:
    """What a task with another's answer adds to its roll-ups: it is no call and used no tokens."""
    return RollupSums(baseline=body.baseline, reused=1, saved=body.saved)


def _post(result: Plan, intent: Intent, posting: Posting) -> None:
    claims = intent.claims
    # An account that is claimed twice is charged once.
    keys = (claims[0].key,) if len(claims) == 1 else {claim.key for claim in claims}
    budget.post(result.balances, keys, posting)
    result.touched.update(keys)


def _note_soft_limit(result: Plan, key: AccountKey, limit: int) -> None:
    balance = result.balances[key]
    spent = balance.settled + balance.uncertain
    if spent > limit:
        detail = "calls go on, to cheaper models first"
        result.alerts.append(Alert(key, "soft limit", limit, spent, detail=detail))


def _overrun(result: Plan, call: OpenCall, outcome: Outcome) -> Alert:
    """A bill above the bound, which is booked whole in all its accounts."""
    claims = call.intent.claims
    key = claims[0].key if claims else AccountKey(f"task:{call.intent.task_id}", "total")
    balance = result.balances.get(key, Balance())
    billed, reserved = (format_usd(from_nano(nano)) for nano in (outcome.cost or 0, call.granted))
    detail = f"{call.intent.model} billed {billed} for a call that reserved {reserved}"
    committed = balance.settled + balance.uncertain
    return Alert(key, "overrun", call.granted, committed, outcome.call_id, detail)


def rollup_key(intent: Intent | IntentBody | ReuseBody, day: str) -> RollupKey:
    return RollupKey(day, intent.upstream, intent.model, intent.task_type, intent.role, intent.purpose)


def rollup_by_keys(
    intent: Intent | IntentBody | ReuseBody, day: str, run_id: str | None
) -> Iterable[RollupByKey]:
    """The further groups that a call belongs to: none for a plain one."""
    if run_id is None and intent.agent_id is None and intent.key is None and not intent.tags:
        return ()
    names = [("swarm", run_id), ("agent", intent.agent_id), ("key", intent.key)]
    names += [("tag", tag) for tag in dict.fromkeys(intent.tags)]
    return [RollupByKey(day, intent.upstream, kind, name) for kind, name in names if name]


def _sums_of(call: OpenCall, outcome: Outcome) -> RollupSums:
    """What an outcome adds to its call's roll-ups; a late one takes back what the doubt had added."""
    cost = outcome.cost
    doubt = call.doubt
    first = doubt is None
    # In the order of its fields: naming them costs as much as all else here.
    return RollupSums(
        int(first),
        (not outcome.accepted) - (doubt is not None and not doubt.accepted),
        cost or 0,
        call.granted if cost is None else 0 if first else -call.granted,
        cost or 0 if outcome.basis == "computed" else 0,
        outcome.baseline - (0 if doubt is None else doubt.baseline),
        cost or 0 if not outcome.accepted else 0,
        # Tokens are counted with the settlement, so that a late one does not count them twice.
        0 if cost is None else outcome.usage.input_tokens,
        0 if cost is None else outcome.usage.output_tokens,
    )


def added(old: RollupSums | None, sums: RollupSums) -> RollupSums:
    """The sum of two, field by field."""
    return sums if old is None else RollupSums(*map(add, old, sums))
