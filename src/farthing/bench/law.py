"""Holds a ledger against the bill of the simulator that it was charged by: the law of money, row by row.

`settled ≤ bill ≤ settled + uncertain`, equality where the generation id is known, nothing held or missing.
For benchmarks and tests, after the deployment has closed. What a ledger must prove by itself is `proof/`'s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from farthing.money import nano_half_even
from farthing.proof.read import verified
from farthing.spend import store
from farthing.spend.runs import Call, Fold, fold
from farthing.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Accord:
    """Both books side by side; nano-dollars. `faults` says which parts of the law do not hold."""

    calls: int
    accepted: int
    bill: int
    settled: int
    uncertain: int
    held: int
    idless: int
    """Uncertain calls without a generation id."""
    billed_without_id: int
    """Bills whose id no row has: they belong to the id-less calls, whose worst cases cover them."""
    unbilled: int
    """Uncertain calls whose id has no bill: upstream failed in its own name, and nobody knows of a charge."""
    faults: tuple[str, ...]


def billed_by_id(bill: Mapping[str, object]) -> dict[str, int]:
    """Each generation's bill in nano-dollars, rounded as settlements are."""
    rows = cast("list[Mapping[str, str]]", bill["rows"])
    return {row["id"]: nano_half_even(Decimal(row["cost"])) for row in rows}


def differing(calls: Mapping[str, Call], billed: Mapping[str, int]) -> list[tuple[Call, int]]:
    """Calls with a known generation id whose cost is not what was billed for it; a refused one costs $0."""
    known = [call for call in calls.values() if call.generation_id is not None]
    return [
        (call, billed.get(str(call.generation_id), 0))
        for call in known
        if call.cost != billed.get(str(call.generation_id), 0)
    ]


def read_fold(database: Database) -> Fold:
    """Every call of a ledger."""
    with database.read() as connection:
        return fold(store.read_rows(connection))


def hold_against_bill(database: Database, billed: Mapping[str, int]) -> Accord:
    """Compares a closed ledger with a bill by generation id."""
    book, findings = read_fold(database), verified(database).findings
    total, calls, whole = book.total(), list(book.calls.values()), sum(billed.values())
    idless = [call for call in calls if call.cost is None and call.generation_id is None]
    unbilled = {
        call.call_id
        for call in calls
        if call.cost is None and call.generation_id is not None and call.generation_id not in billed
    }
    strangers = billed.keys() - {call.generation_id for call in calls}
    checks: dict[str, Callable[[], bool]] = {
        "the ledger does not verify": lambda: not findings,
        "money is still held": lambda: total.held == 0,
        "settled is above the bill": lambda: total.settled <= whole,
        "the bill is above settled + uncertain": lambda: whole <= total.settled + total.uncertain,
        "a known id differs from its bill": lambda: all(
            call.call_id in unbilled for call, _ in differing(book.calls, billed)
        ),
        "what has no id costs something": lambda: all(
            call.cost in (None, 0) for call in calls if call.generation_id is None
        ),
        "a bill without an id has no call that covers it": lambda: (
            len(strangers) <= len(idless)
            and sum(billed[name] for name in strangers) <= sum(call.worst for call in idless)
        ),
    }
    return Accord(
        calls=len(calls),
        accepted=sum(call.outcome is not None and call.outcome.accepted for call in calls),
        bill=whole,
        settled=total.settled,
        uncertain=total.uncertain,
        held=total.held,
        idless=len(idless),
        billed_without_id=len(strangers),
        unbilled=len(unbilled),
        faults=tuple(fault for fault, holds in checks.items() if not holds()),
    )
