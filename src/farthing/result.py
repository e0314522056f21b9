"""The words of a task's journey: the route it took, its attempts, its result, and the events on the way.

Frozen values; nothing here decides. Money is Decimal US dollars, times are milliseconds.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from farthing.task import Complexity, FinishReason, TaskType, ToolCall, Usage

CostBasis = Literal["reported", "computed", "uncertain"]
"""Where a cost comes from. `uncertain` is a worst case that is counted against the limits."""

ReuseKind = Literal["exact", "semantic", "flight"]
"""Whose answer a task was given: the same task's, one's in other words, or one's at the same time."""

AttemptStatus = Literal["accepted", "failed", "refused"]


class Reckoned(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an answer of one candidate is expected to take, and on how much that rests.

    By the formula of `routing/reckoning.py`. Shares are 0–1, costs US dollars, None for an unknown price.
    """

    usage: Usage
    accepted: float
    """Accepted answers for each attempt."""
    billed: float
    """The part of a failed attempt's cost that is billed."""
    extra: float
    """Repairs, continuations and hedges, as a share of the cost."""
    observations: int
    basis: Literal["model", "type", "default"]
    """Whether this model was observed at this type of task, others were, or nobody."""
    cost: Decimal | None = None
    """Of one call."""
    cost_per_answer: Decimal | None = None
    """Of an accepted answer: failures, repairs and the discount on cached prompts included."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One model in a route, with the reason it stands there and what it is expected to cost."""

    model: str
    slot: str
    reason: str
    expected_cost: Decimal | None
    quality: float | None
    native_tools: bool = True
    native_schema: bool = True
    reckoned: Reckoned | None = None


class Excluded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A model that was considered and left out."""

    model: str
    slot: str
    reason: str
    expected_cost: Decimal | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """The decision for one task: candidates in the order they are tried, and why."""

    task_type: TaskType
    complexity: Complexity
    confidence: float
    """0–1: how sure the local rules are of `task_type`; 1.0 when the caller named it."""
    strategy: str
    reason: str
    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...] = ()
    price_book: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP exchange with one candidate, as it ended."""

    call_id: str
    model: str
    status: AttemptStatus
    reason: str
    """`ok`, or what went wrong, e.g. `rate_limited: 429, retry after 2 s`."""
    cost: Decimal
    cost_basis: CostBasis
    latency_ms: float
    generation_id: str | None = None
    provider: str | None = None
    key: str = ""
    """The name of the variable that holds the key it was sent by; empty where none was needed."""


class Metrics(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the task cost in all its attempts, what the baseline would have cost, and how long it took."""

    cost: Decimal
    cost_basis: CostBasis
    """The weakest basis among the attempts: one uncertain attempt makes the total uncertain."""
    baseline_cost: Decimal | None
    baseline_model: str
    tokens: Usage
    latency_ms: float
    first_token_ms: float | None


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that was left out of a prompt or said shorter."""

    rule: str
    """The rule that did it, `politeness` or `superseded tool output`."""
    message: int
    """Which message of the task's conversation, counted from 0."""
    before: str
    after: str = ""


class Shortening(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of the prompt before it was sent, tokens by our estimate for the model."""

    tokens_before: int
    tokens_after: int
    changes: tuple[Change, ...] = ()

    @property
    def saved_tokens(self) -> int:
        return self.tokens_before - self.tokens_after


class OutputLimit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The bound on an answer, in output tokens, and where it comes from.

    `task`: the task set it. `default`, `learned`: a plain answer's, by the configuration or by the ledger.
    `configured`: the configuration's for an answer that must not be cut.
    """

    max_tokens: int
    basis: Literal["task", "default", "learned", "configured"]
    reason: str


class Deferral(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a task with a deadline was sent, and what the same tokens would have cost at once."""

    ways: tuple[str, ...]
    """Of `off_peak`, `free_pace`, `batch` and `flex`; none: it was sent at once in the usual way."""
    reason: str
    waited_s: float
    """Seconds before it was sent; `metrics.latency_ms` does not count them."""
    cost_at_once: Decimal | None
    """By the dated price when the task came, for the answer's tokens; None where no price is known."""


class Reused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The earlier answer that a task was given in place of one of its own."""

    how: ReuseKind
    call_id: str
    """The call whose answer it is, as the ledger has it."""
    age_s: float
    saved: Decimal
    """US dollars: what that call had cost."""


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """A finished task. `simulated` is True when the upstream said that it is a simulator."""

    task_id: str
    output: str
    model: str
    route: Route
    metrics: Metrics
    attempts: tuple[Attempt, ...]
    finish_reason: FinishReason
    tool_calls: tuple[ToolCall, ...] = ()
    cached: bool = False
    """True when the answer is an earlier one: `reused` tells which, and `metrics.cost` is $0."""
    reused: Reused | None = None
    clamped: bool = False
    emulated_tools: bool = False
    """True when a model without native tool calling was given its tools in the prompt."""
    simulated: bool = False
    continued: bool = False
    """True when the answer broke off in the caller's stream, or at its limit, and another attempt went on
    from it."""
    data: object = None
    """The parsed JSON when a `response_format` was asked for; with an `output_type` a value of that type."""
    shortening: Shortening | None = None
    """What was left out of the prompt; None where it was sent as it was given."""
    output_limit: OutputLimit | None = None
    """The limit of the first attempt at this answer, and why it was that; a model may allow less."""
    deferral: Deferral | None = None
    """How it was sent, for a task with a deadline."""
    repaired: bool = False
    """True when the JSON came faulty and `output` is that JSON put right; it fits what was asked for."""


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    task_id: str
    title: str
    route: Route


class AttemptStarted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    task_id: str
    call_id: str
    model: str
    number: int
    """1 for the first attempt of the task."""


class TokenReceived(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    task_id: str
    text: str


class Restarted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The text so far is void: the next attempt begins anew. Only where a schema makes text provisional."""

    task_id: str
    reason: str


class AttemptFinished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    task_id: str
    attempt: Attempt


class Waiting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The pipeline waits before the next attempt: a backoff, a Retry-After, or a cheaper hour."""

    task_id: str
    seconds: float
    reason: str


class TaskFinished(msgspec.Struct, frozen=True, kw_only=True):
    task_id: str
    result: TaskResult


TaskEvent = Routed | AttemptStarted | TokenReceived | Restarted | AttemptFinished | Waiting | TaskFinished


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person should know that is no error: a successor in place of a gone model, stale prices."""

    code: str
    text: str
    at: datetime | None = None
