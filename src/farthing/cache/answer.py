"""An answer that may be given again, and the rules of which answers may. Pure.

Where answers lie is `store.py`'s and `memory.py`'s; who asks while others wait is `flight.py`'s.
"""

import msgspec

from farthing.config.optimizing import Caching
from farthing.task import Completion, FinishReason, Purpose, Task, TaskType, ToolCall, Usage

_ASKED_ANEW: frozenset[Purpose] = frozenset({"judge", "recheck", "rewrite"})
"""Purposes whose answers are wanted fresh: they measure."""


class CachedAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A finished, validated answer with where it came from. Amounts are nano-dollars."""

    text: str
    finish_reason: FinishReason
    model: str
    call_id: str
    """The call it is the answer of, as the ledger has it."""
    upstream: str
    made_us: int
    until_us: int
    """It is given again until then; microseconds since 1970."""
    cost: int = 0
    """What that call cost; 0 where it is uncertain."""
    baseline: int = 0
    usage: Usage = Usage()
    tool_calls: tuple[ToolCall, ...] = ()
    provider: str | None = None
    simulated: bool = False
    emulated_tools: bool = False
    repaired: bool = False

    @property
    def completion(self) -> Completion:
        """The answer as a model gave it, without an id: no bill is to be found by it."""
        return Completion(
            generation_id=None,
            model=self.model,
            provider=self.provider,
            text=self.text,
            tool_calls=self.tool_calls,
            finish_reason=self.finish_reason,
            usage=self.usage,
        )


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task as the cache sees it."""

    key: str
    tenant: str
    task_type: TaskType
    region: str
    """Answers of one region share `max_size`: the task type, or nothing where types are not kept apart."""
    lifetime_s: int
    max_size: int
    shared: bool
    """Whether the answer may lie in the database."""
    flies: bool
    """Whether equal tasks at the same time are sent once."""


def asked_for(task: Task, task_type: TaskType, key: str, settings: Caching) -> Asked:
    by_type = settings.cache_by_task_type
    return Asked(
        key=key,
        tenant=task.key or "",
        task_type=task_type,
        region=task_type if by_type else "",
        lifetime_s=settings.ttl_by_task_type.get(task_type, settings.ttl) if by_type else settings.ttl,
        max_size=settings.max_size,
        shared=settings.persist,
        flies=settings.single_flight,
    )


def may_be_given(task: Task, settings: Caching) -> bool:
    """Whether an earlier answer may be given to this task."""
    return settings.enabled and task.cache and task.purpose not in _ASKED_ANEW


def may_be_kept(completion: Completion, *, clamped: bool) -> bool:
    """Only whole answers: one that a budget clamped or a limit cut is nobody else's (money.md, law 5)."""
    return completion.finish_reason in ("stop", "tool_calls") and not clamped


def decode(body: str) -> CachedAnswer:
    """Raises `msgspec.ValidationError` for a body that no version of Farthing wrote."""
    return _decoder.decode(body)


def encode(answer: CachedAnswer) -> str:
    return _encode(answer).decode()


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(CachedAnswer)
