"""What an attempt asks leave for, what it took of it, and what it means that no leave was given.

Who waits how long is decided in `limits/`; nothing is waited for here.
"""

from farthing.limits.permits import NoTurn, Permits, Wish
from farthing.prompt.tokens import estimate_conversation
from farthing.routing.fallback import Ending
from farthing.spend.budget import Denied
from farthing.spend.reservation import Unbounded
from farthing.task import Completion, Task
from farthing.upstream.failure import Failure, FailureKind


def wish_of(task: Task, model: str, *, permits: Permits, output_tokens: int) -> Wish:
    """Leave for one request, and for the tokens it is expected to take where those are limited."""
    tokens = 0
    if permits.counts_tokens:
        tokens = estimate_conversation(task.conversation, task.tools) + output_tokens
    return Wish(
        model=model,
        tokens=tokens,
        flow=task.agent_id or task.run_id or task.key or "",
        priority=task.priority,
    )


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
