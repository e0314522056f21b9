"""What a ledger recommends beside models: caches, hedges, lengths, limits, and what it cannot know. Pure.

The models' part and the words are `advice.py`'s.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from farthing.catalog.models import Catalog
from farthing.config.schema import DeploymentConfig
from farthing.money import format_usd, from_nano
from farthing.spend.advice import (
    LEAST,
    Advice,
    Advised,
    Ground,
    Unsupported,
    catalogue_advice,
    mapping_advice,
    not_enough,
    strategy_advice,
    uses_of,
)
from farthing.spend.observed import Observed

TRUNCATED = 0.01
"""The share of cut answers from which a higher limit is advised."""
_CENT = Decimal("0.01")
_ZERO = Decimal(0)


def advise(observed: Observed, config: DeploymentConfig, catalog: Catalog, *, now: datetime) -> Advised:
    """Everything that these calls recommend for a configuration, by today's prices."""
    ground = Ground(
        observed=observed, experience=observed.experience(), config=config, catalog=catalog, now=now
    )
    uses, missing = uses_of(ground)
    found = [
        *mapping_advice(ground, uses),
        *strategy_advice(ground, uses),
        *_provider_order(ground),
        *_prompts(ground),
        *_hedging(ground),
        *_lengths(ground),
        *_free(ground),
        *_budget(ground),
    ]
    return Advised(
        month=ground.month,
        days=observed.days,
        calls=observed.calls,
        settings=_dearest(one for one in found if isinstance(one, Advice)),
        catalogue=_dearest(catalogue_advice(ground, uses)),
        unsupported=(*missing, *(one for one in found if isinstance(one, Unsupported)), *_unknowable(ground)),
    )


def _dearest(found: Iterable[Advice]) -> tuple[Advice, ...]:
    return tuple(sorted(found, key=lambda one: (-one.saves, one.lever, one.title)))


def _provider_order(ground: Ground) -> Iterable[Advice | Unsupported]:
    """What an order of providers costs in cached prompts: agents came back to their model in time."""
    if not ground.config.provider.order:
        return
    returns = ground.observed.returns
    calls = sum(one.calls for one in returns.values())
    if calls < LEAST:
        yield not_enough("provider order", "steps of agents that a provider could have cached", calls)
        return
    saves = _ZERO
    for model, one in returns.items():
        price = ground.catalog.price(model)
        if price is not None and price.rates.cache_read is not None:
            tokens = max(one.returned_tokens - one.cached_tokens, 0)
            saves += tokens * max(price.rates.prompt - price.rates.cache_read, _ZERO)
    if saves > 0:
        yield ground.advice(
            "provider order",
            "leave provider.order out, so that OpenRouter holds each conversation to one provider",
            {"provider": {"order": None}},
            saves=saves * ground.per_month,
            reckoned=f"{calls:,} steps of agents began as the step before, within five minutes; the tokens"
            " that were not read from a cache, at today's rate for cached ones: an upper bound",
            risk="another provider may serve; keep one out by provider.ignore, or to some by provider.only",
            observations=calls,
            seen=False,
        )


def _prompts(ground: Ground) -> Iterable[Advice | Unsupported]:
    """Shorter prompts, by what was left out where they were shortened."""
    seen = ground.observed
    if ground.config.optimization.prompt_optimization.enabled:
        return
    if seen.shortened_calls < LEAST:
        yield not_enough("prompt optimisation", "calls with a shortened prompt", seen.shortened_calls)
        return
    share = Decimal(seen.shortened_tokens) / (seen.shortened_tokens + seen.shortened_input)
    cost = _ZERO
    for subject, record in ground.experience.records.items():
        price = ground.catalog.price(subject.model)
        cost += record.input_tokens * price.rates.prompt if price is not None else _ZERO
    yield ground.advice(
        "prompt optimisation",
        "shorten prompts",
        {"optimization": {"promptOptimization": {"enabled": True}}},
        saves=min(cost, from_nano(seen.cost)) * share * ground.per_month,
        reckoned=f"{share:.0%} was left out of the {seen.shortened_calls:,} prompts that were shortened; the"
        " same share of the input's cost at today's prices",
        risk="a rule may take out what mattered: the result shows what was left out",
        observations=seen.shortened_calls,
        seen=False,
    )


def _hedging(ground: Ground) -> Iterable[Advice | Unsupported]:
    """What hedges cost that nobody read."""
    seen = ground.observed
    if not ground.config.hedging.enabled:
        return
    if seen.hedges < LEAST:
        yield not_enough("hedging", "hedges", seen.hedges)
    elif seen.hedge_cost:
        yield ground.advice(
            "hedging",
            "no hedging",
            {"hedging": {"enabled": False}},
            saves=from_nano(seen.hedge_cost) * ground.per_month,
            reckoned=f"{seen.hedges:,} hedges: what they and the attempts that they overtook cost unread",
            risk="late models are waited for: compare the first token's p95 in `farthing report --details`",
            observations=seen.hedges,
        )


def _lengths(ground: Ground) -> Iterable[Advice | Unsupported]:
    """Limits on answers. They save nothing by themselves: a call is billed for what it writes."""
    control = ground.config.optimization
    answered = sum(one.accepted + one.invalid for one in ground.experience.records.values())
    cut = sum(one.truncated for one in ground.experience.records.values())
    if answered < LEAST:
        yield not_enough("output limits", "answers", answered)
        return
    if cut > TRUNCATED * answered and not control.output_control.continue_truncated:
        yield ground.advice(
            "output limits",
            f"continue answers that were cut: {cut:,} of {answered:,} were",
            {"optimization": {"outputControl": {"continueTruncated": True}}},
            saves=_ZERO,
            reckoned="saves nothing: it pays for the rest of what is worth nothing cut",
            risk="each cut answer costs a second call",
            observations=answered,
        )
    short = {subject: n for subject, n in ground.experience.needs.items() if n < control.max_output_tokens}
    if short and not control.output_control.learned_limits:
        names = ", ".join(f"{one.task_type} at {one.model}: {n:,}" for one, n in sorted(short.items())[:4])
        yield ground.advice(
            "output limits",
            f"learn limits, where {control.max_output_tokens:,} tokens are reserved",
            {"optimization": {"outputControl": {"learnedLimits": True}}},
            saves=_ZERO,
            reckoned=f"saves nothing of the bill, and reserves less of the budgets; 99 % need ({names})",
            risk="fewer than 1 % of the answers are cut",
            observations=answered,
        )


def _free(ground: Ground) -> Iterable[Advice | Unsupported]:
    config = ground.config
    if config.environment == "development" and config.allow_paid and ground.observed.cost:
        yield ground.advice(
            "free tier",
            "free models only in development",
            {"allowPaid": False},
            saves=ground.month,
            reckoned="everything that development paid; free models cost nothing",
            risk="free models have daily limits (50, or 1,000 once credits were bought), other scores",
            observations=ground.observed.calls,
            seen=False,
        )


def _budget(ground: Ground) -> Iterable[Advice | Unsupported]:
    """A monthly limit far from what is spent protects from nothing, or stops the work."""
    limit = ground.config.budget.monthly_limit
    if limit is None or ground.observed.calls < LEAST or not ground.month:
        return
    near, far = ground.month > limit, limit > 5 * ground.month
    if near or far:
        wanted = (ground.month * (Decimal("1.25") if near else 2)).quantize(_CENT, rounding=ROUND_CEILING)
        why = "will be reached before the month ends" if near else "is more than five times what is spent"
        yield ground.advice(
            "budget",
            f"budget.monthlyLimit {format_usd(wanted)}: {format_usd(limit)} {why}",
            {"budget": {"monthlyLimit": str(wanted)}},
            saves=_ZERO,
            reckoned=f"{format_usd(ground.month)} a month at the rate of {ground.observed.days:.0f} days",
            risk="more may be spent" if near else "a month of more work is refused at the limit",
            observations=ground.observed.calls,
        )


def _unknowable(ground: Ground) -> Iterable[Unsupported]:
    """What the ledger keeps nothing of."""
    if not ground.config.optimization.caching.enabled:
        why = "the ledger keeps no prompts, so how often they repeat shows only where caching is on"
        yield Unsupported(lever="caching", why=why)
    yield Unsupported(lever="deferral", why="which tasks could wait for cheaper hours, no row tells")
