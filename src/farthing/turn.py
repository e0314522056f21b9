"""An attempt's turn: what it means to be given none, and what one took of a limit on tokens. Pure.

Who may go when is `limits/permits.py`'s.
"""

from farthing.limits.permits import NoTurn
from farthing.routing.fallback import Ending
from farthing.spend.budget import Denied
from farthing.spend.reservation import Unbounded
from farthing.task import Completion
from farthing.upstream.failure import Failure, FailureKind


def without_turn(refused: NoTurn) -> Failure:
    """What it means for the task that no leave was given: nothing was sent."""
    kinds = {
        "late": FailureKind.queue_timeout,
        "full": FailureKind.queue_full,
        "spent": FailureKind.rate_limited,
    }
    return Failure(
        kind=kinds[refused.why], message=refused.text, retry_after_s=refused.wait_s, rejected=True, sent=False
    )


def tokens_of(ending: Ending | None) -> int | None:
    """What an attempt took of a limit on tokens, where that is known."""
    if isinstance(ending, Denied | Unbounded):
        return 0
    if not isinstance(ending, Completion | Failure):
        return None
    if ending.usage is not None:
        return ending.usage.total_tokens
    return 0 if isinstance(ending, Failure) and (ending.rejected or not ending.sent) else None
