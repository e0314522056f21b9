"""An earlier answer in place of a new one: asked of the cache before the first attempt, kept after the last.

What makes tasks the same and who asks first is `cache/`'s. A reused answer costs nothing, is given when a
budget is spent, and has a ledger row that names the call it was paid with (money.md, law 16).
"""

from decimal import Decimal

from farthing.attempt import Call, Means
from farthing.cache.answer import Asked, CachedAnswer, asked_for, may_be_given, may_be_kept
from farthing.cache.flight import Hit, Lead
from farthing.cache.key import PolicyMemo, key_of
from farthing.journey import Journey
from farthing.money import from_nano, nano_half_even
from farthing.result import Metrics, Reused, TaskResult
from farthing.routing.fallback import Invalid
from farthing.routing.validate import validate
from farthing.spend.ledger import Reuse, ReuseBody
from farthing.task import Completion, Usage


def asked_of(means: Means, journey: Journey, policies: PolicyMemo) -> Asked | None:
    """The task as the cache sees it; None where an earlier answer must not be given."""
    task, settings = journey.task, means.config.optimization.caching
    if not may_be_given(task, settings):
        return None
    try:
        key = key_of(task, policy=policies.of(means.config))
    except (TypeError, ValueError):  # it is refused where it is encoded, with the reason
        return None
    return asked_for(task, journey.route.task_type, key, settings)


def result_of(means: Means, journey: Journey, hit: Hit, *, reuse_id: str) -> TaskResult | None:
    """The task's result, with its row in the ledger; None for an answer that does not fit the task's type."""
    task, answer = journey.task, hit.answer
    found = validate(answer.completion, task.response_format, task.output_type)
    if isinstance(found, Invalid):
        return None
    age_s = max(means.clock.now_us() - answer.made_us, 0) / 1_000_000
    means.ledger.record(_reuse(means, journey, hit, reuse_id=reuse_id, age_s=round(age_s)))
    return TaskResult(
        task_id=journey.task_id,
        output=answer.text,
        model=answer.model,
        route=journey.route,
        metrics=_metrics(means, journey, answer),
        attempts=tuple(journey.attempts),
        finish_reason=answer.finish_reason,
        tool_calls=answer.tool_calls,
        cached=True,
        reused=Reused(how=hit.how, call_id=answer.call_id, age_s=age_s, saved=from_nano(answer.cost)),
        emulated_tools=answer.emulated_tools,
        simulated=answer.simulated,
        data=found.data,
        repaired=answer.repaired,
    )


def land(means: Means, lead: Lead, call: Call, completion: Completion, *, cut: Call | None = None) -> None:
    """Keeps the answer that an attempt brought, if others may have it. `cut`: the one it went on from."""
    if not may_be_kept(completion, clamped=call.clamped):
        return
    answered, now_us = call.answered, means.clock.now_us()
    parts = [call] if cut is None else [cut, call]
    is_known = all(part.basis != "uncertain" for part in parts)
    lead.land(
        CachedAnswer(
            text=completion.text,
            finish_reason=completion.finish_reason,
            model=completion.model,
            call_id=call.call_id,
            upstream=call.key.host,
            made_us=now_us,
            until_us=now_us + lead.asked.lifetime_s * 1_000_000,
            cost=sum(nano_half_even(part.cost) for part in parts) if is_known else 0,
            baseline=sum(part.baseline or 0 for part in parts),
            usage=completion.usage or Usage(),
            tool_calls=completion.tool_calls,
            provider=completion.provider,
            simulated=answered is not None and answered.simulated,
            emulated_tools=call.emulates_tools,
            repaired=call.repaired,
        )
    )


def _metrics(means: Means, journey: Journey, answer: CachedAnswer) -> Metrics:
    """No tokens were used; what the baseline model would have cost is what it would have for the first."""
    return Metrics(
        cost=Decimal(0),
        cost_basis="reported",
        baseline_cost=None if means.baseline is None else from_nano(answer.baseline),
        baseline_model=means.config.baseline.model,
        tokens=Usage(),
        latency_ms=round((means.clock.monotonic() - journey.started) * 1000, 3),
        first_token_ms=None,
    )


def _reuse(means: Means, journey: Journey, hit: Hit, *, reuse_id: str, age_s: int) -> Reuse:
    task, answer = journey.task, hit.answer
    return Reuse(
        call_id=reuse_id,
        at_us=means.clock.now_us(),
        run_id=task.run_id,
        body=ReuseBody(
            task_id=journey.task_id,
            source=answer.call_id,
            how=hit.how,
            model=answer.model,
            upstream=answer.upstream,
            task_type=journey.route.task_type,
            purpose=task.purpose,
            saved=answer.cost,
            baseline=answer.baseline,
            baseline_model=means.config.baseline.model,
            age_s=age_s,
            input_tokens=answer.usage.input_tokens,
            output_tokens=answer.usage.output_tokens,
            agent_id=task.agent_id,
            role=task.role or "",
            key=task.key,
            tags=task.tags,
            metadata=task.metadata,
        ),
    )
