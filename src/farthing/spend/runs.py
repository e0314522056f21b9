"""Folds ledger rows back into calls, balances and roll-ups: what a run cost, and the check of the sums.

Pure. The same fold serves `farthing report --run` and the proof that the kept sums are right.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from farthing.spend.batch import (
    RollupByKey,
    RollupKey,
    RollupSums,
    added,
    reuse_sums,
    rollup_by_keys,
    rollup_key,
)
from farthing.spend.budget import AccountKey, Balance
from farthing.spend.ledger import (
    IntentBody,
    OutcomeBody,
    Reuse,
    Row,
    day_of,
    decode_intent,
    decode_outcome,
    decode_reuse,
    decode_seen,
)


@dataclass(slots=True, kw_only=True)
class Call:
    """One call as its rows tell it; nano-dollars. `outcome` is its latest row's, None while it is open."""

    call_id: str
    at_us: int
    day: str
    intent: IntentBody
    worst: int
    run_id: str | None = None
    outcome: OutcomeBody | None = None
    cost: int | None = None
    generation_id: str | None = None
    doubted: bool = False

    @property
    def balance(self) -> Balance:
        """What the call adds to each of its accounts."""
        if self.cost is not None:
            return Balance(settled=self.cost)
        return Balance(uncertain=self.worst) if self.doubted else Balance(held=self.worst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """All calls of some rows, in the order of their intents; and the tasks that were given their answers."""

    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    reuses: tuple[Reuse, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.calls or self.reuses)

    def balances(self) -> dict[AccountKey, Balance]:
        """Every account that the calls were charged to."""
        sums: dict[AccountKey, Balance] = {}
        for call in self.calls.values():
            for key in call.intent.accounts:
                old = sums.get(AccountKey(*key), Balance())
                sums[AccountKey(*key)] = Balance(*(a + b for a, b in zip(old, call.balance, strict=True)))
        return sums

    def total(self) -> Balance:
        parts = [call.balance for call in self.calls.values()]
        return Balance(*(sum(column) for column in zip(*parts, strict=True))) if parts else Balance()

    def rollups(self) -> dict[RollupKey, RollupSums]:
        """The roll-up rows that the ended calls sum up to."""
        sums: dict[RollupKey, RollupSums] = {}
        for call in self.calls.values():
            if call.outcome is None:
                continue
            key = rollup_key(call.intent, call.day)
            sums[key] = added(sums.get(key), call_sums(call, call.outcome))
        for reuse in self.reuses:
            key = rollup_key(reuse.body, reuse.day)
            sums[key] = added(sums.get(key), reuse_sums(reuse.body))
        return sums

    def rollups_by(self) -> dict[RollupByKey, RollupSums]:
        """Likewise by agent, swarm, key and tag."""
        sums: dict[RollupByKey, RollupSums] = {}
        for call in self.calls.values():
            if call.outcome is None:
                continue
            for key in rollup_by_keys(call.intent, call.day, call.run_id):
                sums[key] = added(sums.get(key), call_sums(call, call.outcome))
        for reuse in self.reuses:
            for key in rollup_by_keys(reuse.body, reuse.day, reuse.run_id):
                sums[key] = added(sums.get(key), reuse_sums(reuse.body))
        return sums


def fold(rows: Iterable[Row]) -> Fold:
    """Folds rows, which come in the order they were written. A row without its intent is an error in the rows
    given (`KeyError`): a run's rows hold all of its calls."""
    calls: dict[str, Call] = {}
    reuses: list[Reuse] = []
    for row in rows:
        match row.kind:
            case "intent":
                calls[row.call_id] = begun(row)
            case "seen":
                calls[row.call_id].generation_id = decode_seen(row.body).generation_id
            case "settled" | "uncertain":
                end(calls[row.call_id], row)
            case "reused":
                reuses.append(reuse_of(row))
            case "checkpoint":
                pass  # of no call
    return Fold(calls=calls, reuses=tuple(reuses))


def reuse_of(row: Row) -> Reuse:
    """The reuse of a `reused` row."""
    return Reuse(call_id=row.call_id, at_us=row.at_us, run_id=row.run_id, body=decode_reuse(row.body))


def begun(row: Row) -> Call:
    """The call of an `intent` row."""
    return Call(
        call_id=row.call_id,
        at_us=row.at_us,
        day=day_of(row.at_us),
        intent=decode_intent(row.body),
        worst=row.nano,
        run_id=row.run_id,
    )


def end(call: Call, row: Row) -> None:
    """What a `settled` or `uncertain` row says of its call."""
    call.outcome = decode_outcome(row.body)
    call.generation_id = call.outcome.generation_id or call.generation_id
    if row.kind == "settled":
        call.cost = row.nano
    else:
        call.doubted = True


def call_sums(call: Call, outcome: OutcomeBody) -> RollupSums:
    """What an ended call adds to each of its roll-ups."""
    cost = call.cost
    return RollupSums(
        calls=1,
        failed=int(not outcome.accepted),
        settled=cost or 0,
        uncertain=call.worst if cost is None else 0,
        computed=cost or 0 if outcome.basis == "computed" else 0,
        baseline=outcome.baseline,
        wasted=cost or 0 if not outcome.accepted else 0,
        input_tokens=0 if cost is None else outcome.input_tokens,
        output_tokens=0 if cost is None else outcome.output_tokens,
    )
