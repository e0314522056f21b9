"""The two books that must agree: Farthing's ledger and the simulator's bill."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

from farthing.money import nano_half_even
from farthing.proof.read import verified
from farthing.spend import store
from farthing.spend.budget import Balance
from farthing.spend.runs import Call, Fold, fold
from farthing.storage.database import Database, sqlite_url


def read_ledger(path: Path) -> Fold:
    """Every call of a ledger's file, which must verify."""
    database = Database(sqlite_url(path))
    try:
        assert verified(database).findings == []
        with database.read() as connection:
            return fold(store.read_rows(connection))
    finally:
        database.close()


def kept_balances(path: Path) -> dict[str, Balance]:
    """The deployment's accounts as the database keeps them, by period."""
    database = Database(sqlite_url(path))
    try:
        with database.read() as connection:
            accounts = store.read_accounts(connection, scope="deployment")
    finally:
        database.close()
    return {key.period: balance for key, balance in accounts.items()}


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
