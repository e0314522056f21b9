"""One attempt: fit the request, take a permit, reserve, send, settle, judge whether the answer can be used.

Thin: bounds are `spend/reservation.py`'s, admission is the ledger's, costs are `spend/settlement.py`'s,
whether an answer can be used is `verdict.py`'s. Whatever happens to the caller, what was sent is settled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from functools import partial
from random import Random
from typing import assert_never

import msgspec
from msgspec import structs

from farthing.cache.flight import Cache
from farthing.cache.semantic import Semantic
from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price
from farthing.clock import Clock
from farthing.config.schema import DeploymentConfig, LatencyTarget
from farthing.fit import PLAIN, Fitted, Way, clamped, fit
from farthing.levels import ServiceLevels
from farthing.limits.permits import Permits
from farthing.money import from_nano
from farthing.prompt.seam import Seam
from farthing.result import Attempt, Candidate, CostBasis, OutputLimit, Route, Shortening
from farthing.routing.experience import Experience, Subject
from farthing.routing.fallback import Ending, why
from farthing.routing.lengths import TEACHING
from farthing.routing.output import limit_of
from farthing.routing.patience import patience
from farthing.spend.batch import Seen
from farthing.spend.budget import Denied
from farthing.spend.claims import claims_for
from farthing.spend.ledger import Intent, Outcome
from farthing.spend.reservation import ProviderMemo, Unbounded
from farthing.spend.settlement import Ask, Known, Unknown, baseline_nano, settled, settlement_of
from farthing.spend.step import StepDone
from farthing.spend.writer import LedgerWriter
from farthing.task import Completion, Purpose, Task, Usage
from farthing.turn import tokens_of, wish_of, without_turn
from farthing.underway import UnderWay
from farthing.upstream.bill import bill_of
from farthing.upstream.call import Answered
from farthing.upstream.deadline import Deadlines
from farthing.upstream.failure import Failure, FailureKind
from farthing.upstream.keyring import Key, KeyRing
from farthing.verdict import judge


class Means(msgspec.Struct, kw_only=True):
    """What every attempt of a deployment works with. Config and catalogue may be replaced while it runs."""

    config: DeploymentConfig
    catalog: Catalog
    keys: KeyRing
    ledger: LedgerWriter
    permits: Permits
    levels: ServiceLevels
    clock: Clock
    baseline: Price | None
    """The dated price that savings are measured against; None when it is not known."""
    under_way: UnderWay
    """What closing waits for: callers inside an attempt, and tasks that outlive them."""
    targets: Mapping[str, LatencyTarget] = msgspec.field(default_factory=dict[str, LatencyTarget])
    """Latency targets by the ids that calls are sent to."""
    answers: Cache
    semantic: Semantic = msgspec.field(default_factory=Semantic)
    experience: Experience = Experience()
    """What the ledger teaches of the models, where the configuration makes use of it."""
    preferences: ProviderMemo = msgspec.field(default_factory=ProviderMemo)
    rng: Random = msgspec.field(default_factory=Random)
    """For the jitter of backoffs."""


class Call(msgspec.Struct, kw_only=True):
    """One attempt as it goes: filled in from reservation to settlement."""

    call_id: str
    task: Task
    task_id: str
    route: Route
    candidate: Candidate
    reason: str
    deadline: float
    way: Way = PLAIN
    key: Key
    """What it is sent by; chosen anew when its turn has come."""
    another: bool = False
    """Whether another model could be asked after this one, so that it must leave time for it."""
    hedges: bool = False
    """Whether it was sent beside another that is late."""
    overtaken: bool = False
    """Whether another attempt at the same answer was sooner."""
    shortening: Shortening | None = None
    """What was left out of the prompt."""
    deferral: str = ""
    """How a task with a deadline is sent; see `Intent`."""
    waited_s: float = 0.0
    started: float = 0.0
    limit: OutputLimit | None = None
    max_tokens: int = 0
    granted: int = 0
    clamped: bool = False
    sent: bool = False
    generation_id: str | None = None
    answered: Answered | None = None
    data: object = None
    repaired: bool = False
    """Whether the answer was JSON only after a repair."""
    ending: Ending | None = None
    journal: "Callable[[Call], StepDone | None] | None" = None
    """What is written of a run with this settlement; None where its task is of none."""
    cost: Decimal = Decimal(0)
    basis: CostBasis = "computed"
    baseline: int | None = None
    """What the baseline model would have cost for an accepted answer's tokens, nano-dollars."""

    @property
    def emulates_tools(self) -> bool:
        return bool(self.task.tools) and not self.candidate.native_tools

    @property
    def withholds_text(self) -> bool:
        """Text that may turn out to be a tool call is not shown before it is validated."""
        return self.emulates_tools

    @property
    def purpose(self) -> Purpose:
        if self.way.repair is not None:
            return "repair"
        if self.hedges:
            return "hedge"
        return "continuation" if self.way.continues else self.task.purpose


OVERHEAD: frozenset[Purpose] = frozenset({"judge", "summary", "rewrite"})
"""Asked for Farthing's own sake: the baseline model would not have been asked, so nothing is saved."""

OnText = Callable[[str], Awaitable[None]]


async def perform(means: Means, call: Call, on_text: OnText | None = None) -> Ending:
    """Runs one attempt to its end and settles it. `on_text` receives the answer's text as it comes.

    Cancelling closes the exchange at once; the settlement goes on without the caller.
    """
    call.started, call.limit = means.clock.monotonic(), _limit(means, call)
    most = call.limit.max_tokens
    wish = wish_of(call.task, call.candidate.model, permits=means.permits, output_tokens=most)
    refused = await means.permits.enter(wish, within_s=max(call.deadline - call.started, 0.0))
    if refused is not None:
        ending = call.ending = without_turn(refused)
        return ending
    call.key = means.keys.choose(call.key.upstream, means.clock.monotonic())
    means.keys.begin(call.key)
    means.levels.begin(call.task.agent_id or "")
    try:
        body = await reserve(means, call)
        ending = body if isinstance(body, Denied | Unbounded) else await _send(means, call, body, on_text)
        call.ending = ending
    finally:
        failure = call.ending if isinstance(call.ending, Failure) else None
        means.keys.end(call.key, failure, means.clock.monotonic())
        means.levels.end(call.task.agent_id or "")
        means.permits.leave(wish, tokens=tokens_of(call.ending))
    return ending


def _limit(means: Means, call: Call) -> OutputLimit:
    """What goes on from an answer is not held to what whole answers need."""
    needed = means.experience.needs.get(Subject(call.route.task_type, call.candidate.model))
    draw = 1.0 if needed is None else means.rng.random()
    known = None if call.way.continues else needed
    return limit_of(call.task, means.config.optimization, needed=known, draw=draw)


def record_of(call: Call, means: Means) -> Attempt:
    """The attempt as the caller sees it."""
    ending = call.ending
    provider = ending.provider if isinstance(ending, Completion | Failure) else None
    refused = isinstance(ending, Denied | Unbounded)
    return Attempt(
        call_id=call.call_id,
        model=call.candidate.model,
        status="accepted" if isinstance(ending, Completion) else "refused" if refused else "failed",
        reason=_reason(call),
        cost=call.cost,
        cost_basis=call.basis,
        latency_ms=_elapsed_ms(means, call),
        generation_id=call.generation_id,
        provider=provider,
        key=call.key.name,
    )


def _reason(call: Call) -> str:
    if call.overtaken:
        return "overtaken"
    return why(call.ending) if call.ending is not None else "cancelled"


async def reserve(means: Means, call: Call) -> bytes | Denied | Unbounded:
    """The request as it may be sent: bounded, admitted, durably intended."""
    fitted = fit(
        call.task,
        call.candidate,
        call.way,
        config=means.config,
        catalog=means.catalog,
        preferences=means.preferences,
        most_tokens=call.limit.max_tokens if call.limit else None,
    )
    if isinstance(fitted, Unbounded):
        return fitted
    intent = _intent(means, call, fitted)
    decision = await means.ledger.reserve(intent, deadline=call.deadline)
    if isinstance(decision, Denied):
        return decision
    call.granted = decision.granted
    call.clamped = decision.granted < fitted.worst.worst
    call.max_tokens, body = clamped(fitted, decision.granted)
    return body


def _intent(means: Means, call: Call, fitted: Fitted) -> Intent:
    return Intent(
        call_id=call.call_id,
        at_us=means.clock.now_us(),
        task_id=call.task_id,
        model=call.candidate.model,
        upstream=call.key.host,
        price_book=call.route.price_book,
        worst=fitted.worst.worst,
        floor=fitted.worst.floor,
        claims=claims_for(means.config, call.task, task_id=call.task_id, at=means.clock.now()),
        task_type=call.route.task_type,
        purpose=call.purpose,
        run_id=call.task.run_id,
        agent_id=call.task.agent_id,
        role=call.task.role or "",
        reason=call.reason,
        key=call.task.key,
        tags=call.task.tags,
        metadata=call.task.metadata,
        baseline_model=means.config.baseline.model,
        shortened_tokens=0 if call.shortening is None else call.shortening.saved_tokens,
        deferral=call.deferral,
        waited_s=call.waited_s,
        epoch=call.task.step.epoch if call.task.step else 0,
    )


async def _send(means: Means, call: Call, body: bytes, on_text: OnText | None) -> Ending:
    def note_id(generation_id: str) -> None:
        if not call.key.has_bills:
            return  # an id that no bill is found by is none
        call.generation_id = generation_id
        means.ledger.record(Seen(call.call_id, means.clock.now_us(), generation_id))

    def note_sent() -> None:
        call.sent = True

    told = None if call.withholds_text else on_text
    seam = Seam(call.way.continues) if told is not None and call.way.continues else None
    try:
        answer = await call.key.client.chat(
            body,
            stream=means.config.upstream.stream,
            deadlines=_deadlines(means, call),
            on_text=told if seam is None or told is None else partial(_past, seam, told),
            on_generation_id=note_id,
            on_sent=note_sent,
        )
        if seam is not None and told is not None and (rest := seam.rest()):
            await told(rest)
    except asyncio.CancelledError:
        cancelled = Failure(
            kind=FailureKind.cancelled,
            message="the caller gave up",
            sent=call.sent,
            generation_id=call.generation_id,
        )
        call.ending = cancelled
        settle(means, call, cancelled, accepted=False, reason=_reason(call))
        raise
    return close(means, call, answer)


async def _past(seam: Seam, on_text: OnText, piece: str) -> None:
    """Hands on what is more than a repetition of what the caller has."""
    if text := seam.take(piece):
        await on_text(text)


def close(means: Means, call: Call, answer: Answered | Failure) -> Ending:
    """Judges an answer and settles the attempt."""
    if isinstance(answer, Failure):
        call.ending, call.generation_id = answer, _id_of(call, answer.generation_id)
        settle(means, call, answer, accepted=False, reason=why(answer))
        return answer
    call.answered = answer
    call.generation_id = _id_of(call, answer.completion.generation_id)
    verdict = judge(call.task, call.candidate, call.way, answer.completion, salt=call.call_id)
    call.data, call.repaired, ending = verdict.data, verdict.repaired, verdict.ending
    call.ending = ending
    accepted = isinstance(ending, Completion)
    if accepted and not call.way.batch:
        means.levels.answered(call.candidate.model, _elapsed_ms(means, call), answer.first_token_ms)
    settle(means, call, answer.completion, accepted=accepted, reason=why(ending))
    return ending


def _id_of(call: Call, told: str | None) -> str | None:
    return (told or call.generation_id) if call.key.has_bills else None


def settle(means: Means, call: Call, answer: Completion | Failure, *, accepted: bool, reason: str) -> None:
    """Books what is known now; what must be asked for is asked for in a task of the deployment's."""
    price = means.catalog.price(call.candidate.model)
    now = means.clock.now()
    settlement = settlement_of(answer, price=price, at=now, has_bills=call.key.has_bills)
    call.baseline = (
        baseline_nano(means.baseline, answer.usage, at=now, extends=call.way.extends)
        if accepted and call.purpose not in OVERHEAD
        else None
    )
    outcome = Outcome(
        call_id=call.call_id,
        at_us=means.clock.now_us(),
        cost=None,
        basis="uncertain",
        accepted=accepted,
        reason=reason,
        generation_id=call.generation_id,
        provider=answer.provider,
        usage=answer.usage or Usage(),
        baseline=call.baseline or 0,
        latency_ms=_elapsed_ms(means, call),
        first_token_ms=call.answered.first_token_ms if call.answered else None,
        finish=answer.finish_reason if isinstance(answer, Completion) else "",
        limit=call.limit.basis if call.limit and call.limit.basis in TEACHING else "",
    )
    match settlement:
        case Known():
            call.cost, call.basis = from_nano(settlement.nano), settlement.basis
            means.ledger.record(settled(_with_step(call, outcome), settlement))
        case Ask(estimate=estimate):
            call.cost = from_nano(estimate.nano if estimate else call.granted)
            call.basis = "computed" if estimate else "uncertain"
            if (step := _step(call)) is not None:  # now: what was answered is not asked again for its bill
                means.ledger.record(step)
            means.under_way.own(asyncio.ensure_future(_ask_bill(means, call, outcome, settlement)))
        case Unknown():
            call.cost, call.basis = from_nano(call.granted), "uncertain"
            means.ledger.record(_with_step(call, outcome))
        case _:
            assert_never(settlement)


def _step(call: Call) -> StepDone | None:
    return None if call.journal is None else call.journal(call)


def _with_step(call: Call, outcome: Outcome) -> Outcome:
    step = _step(call)
    return outcome if step is None else structs.replace(outcome, step=step)


async def _ask_bill(means: Means, call: Call, outcome: Outcome, ask: Ask) -> None:
    """Asks `/generation` until it answers; then the bill is booked, else the worst case stays uncertain."""
    known: Known | None = None
    try:
        known = await bill_of(call.key.client, ask.generation_id, clock=means.clock)
    finally:
        means.ledger.record(outcome if known is None else settled(outcome, known))


def _deadlines(means: Means, call: Call) -> Deadlines:
    allowed = patience(
        means.config.upstream,
        means.targets.get(call.candidate.model),
        left_s=call.deadline - means.clock.monotonic(),
        another=call.another,
    )
    return Deadlines(
        connect_s=allowed.connect_s,
        first_token_s=allowed.first_token_s,
        between_tokens_s=allowed.between_tokens_s,
        total_s=allowed.total_s,
    )


def _elapsed_ms(means: Means, call: Call) -> float:
    """A batch's hours say nothing about how quick its model is."""
    return 0.0 if call.way.batch else round((means.clock.monotonic() - call.started) * 1000, 3)
