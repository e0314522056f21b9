"""What the ledger's writer holds while it works: requests that wait for a decision, and committed groups.

Values and their refusals; when they are decided is `writer.py`'s.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from farthing.errors import LedgerUnavailableError
from farthing.spend.alerts import Alert
from farthing.spend.batch import Event, Plan
from farthing.spend.budget import Admitted, Decision
from farthing.spend.ledger import Intent


class Request(NamedTuple):
    """An intent that waits for its decision; `deadline` and `since` are on the monotonic clock."""

    intent: Intent
    answer: asyncio.Future[Decision]
    deadline: float
    since: float


class Group(NamedTuple):
    """One group commit: its plan, what it answers, and the alerts it raises (True: ours to deliver)."""

    plan: Plan
    requests: Sequence[Request]
    events: Sequence[Event]
    alerts: list[tuple[Alert, bool]]


def was_admitted(answer: asyncio.Future[Decision]) -> bool:
    """Whether a decision to admit lies in the future, though perhaps nobody has read it."""
    return (
        answer.done()
        and not answer.cancelled()
        and answer.exception() is None
        and isinstance(answer.result(), Admitted)
    )


def refuse(answer: asyncio.Future[Decision], error: LedgerUnavailableError) -> None:
    """For the event loop's thread."""
    if not answer.done():
        answer.set_exception(error)


def lost_claim() -> LedgerUnavailableError:
    """For a request whose epoch is lost, with all the pieces of work that it had claimed."""
    return LedgerUnavailableError(
        "this process did not renew its lease in time, so its run may be gone on with elsewhere",
        hint="nothing was sent; `farthing runs show RUN` tells who has it now",
    )


def unavailable(error: object) -> LedgerUnavailableError:
    return LedgerUnavailableError(
        f"no durable intent could be written: {error}",
        hint="nothing was sent; check the database and its disk",
    )
