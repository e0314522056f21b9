"""Six faults that a ledger could have, put into the product one at a time: the machine must find each.

A mutant changes as little as the fault needs. Where the product is guarded twice, both guards are taken away.
"""

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence

import pytest
import sqlalchemy as sa
from msgspec import structs
from tests.spend.machine.stage import Stage

from farthing.spend import budget, lease, store
from farthing.spend.batch import Event, OpenCall
from farthing.spend.budget import Balance, Posting
from farthing.spend.epoch import Epoch
from farthing.spend.ledger import Outcome
from farthing.storage.tables import writer

Mutation = Callable[[pytest.MonkeyPatch, Stage], None]


def lost_hold(patch: pytest.MonkeyPatch, _stage: Stage) -> None:
    """An admission that does not post its hold."""

    def hold(_granted: int) -> Posting:
        return Posting()

    patch.setattr(budget, "hold", hold)


def shrunk_hold(patch: pytest.MonkeyPatch, _stage: Stage) -> None:
    """A hold that is less than what was granted."""

    def hold(granted: int) -> Posting:
        return Posting(held=granted - granted // 10)

    patch.setattr(budget, "hold", hold)


def double_settle(patch: pytest.MonkeyPatch, stage: Stage) -> None:
    """A settlement that is not idempotent: neither the open calls nor the index tells that it was done."""
    calls_of = Epoch._calls_of  # pyright: ignore[reportPrivateUsage]  (the guard taken away)

    def remembering(
        self: Epoch, connection: sa.Connection, events: Sequence[Event]
    ) -> Mapping[str, OpenCall]:
        known: dict[str, OpenCall] = self.__dict__.setdefault("known_calls", {})
        known.update(self.open_calls)
        return ChainMap(dict(calls_of(self, connection, events)), known)

    patch.setattr(Epoch, "_calls_of", remembering)
    stage.index_unique(False)


def stale_lease(patch: pytest.MonkeyPatch, _stage: Stage) -> None:
    """An epoch that goes on writing when its lease was taken from it."""

    def keep(connection: sa.Connection, *, epoch: int, head: str, lease_until: float) -> bool:
        mine = writer.update().where(writer.c.epoch == epoch)
        connection.execute(mine.values(lease_until=lease_until, head=head))
        return True

    patch.setattr(store, "keep_lease", keep)


def early_release(patch: pytest.MonkeyPatch, _stage: Stage) -> None:
    """An expired lease that gives the money back."""
    lost = lease.lost

    def freed(call_id: str, *, at_us: int, reason: str) -> Outcome:
        return structs.replace(lost(call_id, at_us=at_us, reason=reason), cost=0, basis="computed")

    patch.setattr(lease, "lost", freed)


def floating(patch: pytest.MonkeyPatch, _stage: Stage) -> None:
    """Money that is added up as a float of dollars."""

    def sum_of(old: int, change: int) -> int:
        return round((old / 1e9 + change / 1e9) * 1e9)

    def post(
        balances: dict[budget.AccountKey, Balance], keys: Sequence[budget.AccountKey], posting: Posting
    ) -> None:
        for key in keys:
            balances[key] = Balance(*map(sum_of, balances[key], posting))

    patch.setattr(budget, "post", post)


MUTANTS: Mapping[str, Mutation] = {
    "lost hold": lost_hold,
    "double settle": double_settle,
    "shrunk hold": shrunk_hold,
    "stale lease": stale_lease,
    "early release": early_release,
    "float": floating,
}
