"""The two books that must agree: Farthing's ledger and the simulator's bill."""

from pathlib import Path

from farthing.bench.law import billed_by_id, differing, read_fold
from farthing.proof.read import verified
from farthing.spend import store
from farthing.spend.budget import Balance
from farthing.spend.runs import Fold
from farthing.storage.database import Database, sqlite_url

__all__ = ["billed_by_id", "differing", "kept_balances", "read_ledger"]


def read_ledger(path: Path) -> Fold:
    """Every call of a ledger's file, which must verify."""
    database = Database(sqlite_url(path))
    try:
        assert verified(database).findings == []
        return read_fold(database)
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
