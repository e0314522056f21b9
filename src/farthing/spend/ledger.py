"""What the ledger says: intents, outcomes, and the chained rows they become. Pure; money is nano-dollars.

A call is one attempt. Its rows: `intent` before the first byte; `seen` when its generation id is known
while it is still open; then `settled` with a cost, or `uncertain` with its worst case, which a later
`settled` row replaces. Rows are never changed. Each writer epoch has its own hash chain. A `reused` row is a
task that was given an earlier answer: it costs nothing, and names the call it reused. A `checkpoint` row
belongs to no call: it fixes what rows that were put away came to.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from farthing.result import CostBasis, ReuseKind
from farthing.spend.budget import AccountKey, Claim
from farthing.spend.step import StepDone
from farthing.task import Usage

SIMULATOR = "simulator"
"""What a row names the upstream of simulated money."""

RowKind = Literal["intent", "seen", "settled", "uncertain", "reused", "checkpoint"]


class Intent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call about to be sent. A msgspec struct, as are all of this module: they are made per call.

    `worst` is the most it may cost, `floor` the least worst case it may be clamped to.
    """

    call_id: str
    at_us: int
    task_id: str
    model: str
    upstream: str
    price_book: str
    worst: int
    floor: int
    claims: tuple[Claim, ...]
    task_type: str
    purpose: str
    run_id: str | None = None
    agent_id: str | None = None
    role: str = ""
    reason: str = ""
    """Why this model: the route's or the fallback's words, never the prompt's."""
    key: str | None = None
    """The virtual key or tenant that the call is charged to."""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = {}
    baseline_model: str = ""
    shortened_tokens: int = 0
    """Input tokens that were left out of the prompt, by our estimate."""
    deferral: str = ""
    """Ways of a task with a deadline: of `off_peak`, `flex` and `batch`, joined by `+`."""
    waited_s: float = 0.0
    """Seconds that a cheaper hour was waited for."""
    epoch: int = 0
    """The epoch that has claimed the piece of work it is for: no other one admits it. 0: any may."""

    def __post_init__(self) -> None:
        if not 0 <= self.floor <= self.worst:
            raise ValueError(f"a call of {self.worst} cannot be clamped to {self.floor} nano-dollars")

    @property
    def day(self) -> str:
        return day_of(self.at_us)


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a call ended. `cost` None: unknown, its hold becomes uncertain.

    `accepted` is whether its answer became the task's; `baseline` what the baseline would have cost for it.
    """

    call_id: str
    at_us: int
    cost: int | None
    basis: CostBasis
    accepted: bool
    reason: str
    literal: str | None = None
    generation_id: str | None = None
    provider: str | None = None
    usage: Usage = Usage()
    baseline: int = 0
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    finish: str = ""
    """How the answer ended, `stop` or `length`; empty where there was none."""
    limit: str = ""
    """Which bound a plain answer had where its task set none: `default` or `learned`."""
    step: StepDone | None = None
    """What is journalled in the same transaction: no part of the row."""


class Reuse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task that was given another's answer: nothing was sent and nothing is reserved (money.md, law 16)."""

    call_id: str
    """Of this reuse, as a call has one."""
    at_us: int
    run_id: str | None
    body: "ReuseBody"

    @property
    def day(self) -> str:
        return day_of(self.at_us)


class ReuseBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The facts of a `reused` row. Amounts are nano-dollars."""

    task_id: str
    source: str
    """The call whose answer it is."""
    how: ReuseKind
    model: str
    upstream: str
    task_type: str
    purpose: str
    saved: int
    """What that call had cost, where it is known: what asking again would have cost."""
    baseline: int = 0
    """What the baseline model would have cost for the same tokens."""
    baseline_model: str = ""
    age_s: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    agent_id: str | None = None
    role: str = ""
    key: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = {}


class IntentBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The facts of an `intent` row."""

    task_id: str
    model: str
    upstream: str
    price_book: str
    task_type: str
    purpose: str
    accounts: tuple[AccountKey, ...]
    agent_id: str | None = None
    role: str = ""
    reason: str = ""
    """Why this model: the route's or the fallback's words, never the prompt's."""
    limits: tuple[int | None, ...] = ()
    """The hard limit that each of `accounts` had at the admission, nano-dollars; None: none."""
    key: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = {}
    baseline_model: str = ""
    shortened_tokens: int = 0
    """Input tokens that were left out of the prompt, by our estimate."""
    deferral: str = ""
    waited_s: float = 0.0


class OutcomeBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The facts of a `settled` or `uncertain` row. `late`: it replaced an uncertain one."""

    basis: CostBasis
    accepted: bool
    reason: str
    literal: str | None = None
    generation_id: str | None = None
    provider: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    baseline: int = 0
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    overrun: bool = False
    late: bool = False
    finish: str = ""
    """How the answer ended, `stop` or `length`; empty where there was none, and in older rows."""
    limit: str = ""
    """Which bound a plain answer had where its task set none: `default` or `learned`."""


class SeenBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fact of a `seen` row."""

    generation_id: str


class CheckpointBody(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fact of a `checkpoint` row: the SHA-256 of what table `checkpoint` has under this number."""

    number: int
    sha256: str


Body = IntentBody | OutcomeBody | SeenBody | ReuseBody | CheckpointBody


class Row(NamedTuple):
    """One ledger row, in the order of the table's columns."""

    epoch: int
    kind: RowKind
    call_id: str
    run_id: str | None
    at_us: int
    nano: int
    body: str
    hash: str


def day_of(at_us: int) -> str:
    """The UTC day of a row, `2026-11-23`."""
    return _day(at_us // 86_400_000_000)


@lru_cache(maxsize=16)  # every call asks, and the answer changes once a day
def _day(since_1970: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=since_1970)).isoformat()


def genesis(epoch: int) -> str:
    """The hash before an epoch's first row."""
    return sha256(f"farthing epoch {epoch}".encode()).hexdigest()


def chained(
    head: str,
    *,
    epoch: int,
    kind: RowKind,
    call_id: str,
    run_id: str | None,
    at_us: int,
    nano: int,
    body: Body,
) -> Row:
    """The row that follows `head` in its epoch's chain: SHA-256 over the head, the columns and the body."""
    text = _encode(body).decode()
    digest = row_hash(head, epoch, kind, call_id, run_id, at_us, nano, text)
    return Row(epoch, kind, call_id, run_id, at_us, nano, text, digest)


def row_hash(
    head: str, epoch: int, kind: str, call_id: str, run_id: str | None, at_us: int, nano: int, body: str
) -> str:
    """The chain's hash of one row's columns. Lengths keep two rows from reading the same."""
    ids = f"{len(call_id)}|{call_id}|{-1 if run_id is None else len(run_id)}|{run_id}"
    return sha256(f"{head}|{epoch}|{kind}|{ids}|{at_us}|{nano}|{body}".encode()).hexdigest()


def intent_body(intent: Intent) -> IntentBody:
    limits = hard_limits(intent.claims)
    return IntentBody(
        task_id=intent.task_id,
        model=intent.model,
        upstream=intent.upstream,
        price_book=intent.price_book,
        task_type=intent.task_type,
        purpose=intent.purpose,
        accounts=tuple(limits),
        agent_id=intent.agent_id,
        role=intent.role,
        reason=intent.reason,
        limits=tuple(limits.values()),
        key=intent.key,
        tags=intent.tags,
        metadata=intent.metadata,
        baseline_model=intent.baseline_model,
        shortened_tokens=intent.shortened_tokens,
        deferral=intent.deferral,
        waited_s=intent.waited_s,
    )


def hard_limits(claims: Iterable[Claim]) -> dict[AccountKey, int | None]:
    """Each account once, with the least hard limit that is claimed for it."""
    limits: dict[AccountKey, int | None] = {}
    for key, limit, soft in claims:
        known = limits.get(key)
        hard = None if soft else limit
        limits[key] = hard if known is None else known if hard is None else min(known, hard)
    return limits


def outcome_body(outcome: Outcome, *, overrun: bool, late: bool) -> OutcomeBody:
    usage = outcome.usage
    return OutcomeBody(
        basis=outcome.basis,
        accepted=outcome.accepted,
        reason=outcome.reason,
        literal=outcome.literal,
        generation_id=outcome.generation_id,
        provider=outcome.provider,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        baseline=outcome.baseline,
        latency_ms=outcome.latency_ms,
        first_token_ms=outcome.first_token_ms,
        overrun=overrun,
        late=late,
        finish=outcome.finish,
        limit=outcome.limit,
    )


def decode_intent(body: str) -> IntentBody:
    """Raises `msgspec.ValidationError` for a body that no version of Farthing wrote."""
    return _intent_decoder.decode(body)


def decode_outcome(body: str) -> OutcomeBody:
    """Raises `msgspec.ValidationError` for a body that no version of Farthing wrote."""
    return _outcome_decoder.decode(body)


def decode_seen(body: str) -> SeenBody:
    """Raises `msgspec.ValidationError` for a body that no version of Farthing wrote."""
    return _seen_decoder.decode(body)


def decode_reuse(body: str) -> ReuseBody:
    """Raises `msgspec.ValidationError` for a body that no version of Farthing wrote."""
    return _reuse_decoder.decode(body)


def decode_checkpoint(body: str) -> CheckpointBody:
    """Raises `msgspec.ValidationError` for a body that no version of Farthing wrote."""
    return _checkpoint_decoder.decode(body)


_encode = msgspec.json.Encoder().encode
_intent_decoder = msgspec.json.Decoder(IntentBody)
_outcome_decoder = msgspec.json.Decoder(OutcomeBody)
_seen_decoder = msgspec.json.Decoder(SeenBody)
_reuse_decoder = msgspec.json.Decoder(ReuseBody)
_checkpoint_decoder = msgspec.json.Decoder(CheckpointBody)
