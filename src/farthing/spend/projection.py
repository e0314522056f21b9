"""What a month would cost on a profile, and on the baseline: exact sums over dated prices. Pure.

Each task type goes to the first candidate of its route, decided as at run time. Prices are the usual rates
of one book: tiers for long prompts, off-peak windows and cache discounts are left out. What a failed attempt
costs is not foreseen. The baseline answers the same tokens; the sample is sent to both.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from farthing.catalog.models import Catalog
from farthing.catalog.pricing import Price
from farthing.config.schema import DeploymentConfig
from farthing.errors import NoCandidateError
from farthing.money import percent_saved
from farthing.routing.classify import Features
from farthing.routing.route import NoRoute, decide_route
from farthing.spend.workload import UsageProfile, shares_of, typical
from farthing.task import Task, TaskType

CREDIT_FEE = Decimal("0.055")
"""OpenRouter's fee for buying credits by card, a fraction; as it has published since June 2025."""

CREDIT_FEE_LEAST = Decimal("0.80")
"""The least that one purchase by card is charged, in dollars. `Costs.credit_fee` does not know how often
credits are bought, and leaves it out."""

_CALL_INPUT, _CALL_OUTPUT = 1000, 200
"""Tokens of the one call whose route stands for a month of its type."""


class CostPart(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a month: the work of one model, or the sample on the baseline model. US dollars."""

    kind: Literal["model", "baseline_sample"]
    model: str
    task_types: tuple[TaskType, ...]
    share: Decimal
    """Of the traffic, a fraction; the sample's comes on top of the whole."""
    input_tokens: Decimal
    output_tokens: Decimal
    input_cost: Decimal
    output_cost: Decimal

    @property
    def cost(self) -> Decimal:
        return self.input_cost + self.output_cost


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """A month on one profile or model, and on the baseline. US dollars; `breakdown` adds up to `total`."""

    profile: str
    price_book: str
    baseline_model: str
    baseline_book: str
    """Where the baseline's price stands: another book than `price_book` for a model that is gone."""
    usage: UsageProfile
    total: Decimal
    baseline: Decimal
    breakdown: tuple[CostPart, ...]
    target_agents: int | None
    """How many agents the profile is made for; None where it does not say."""
    monthly_limit: Decimal | None
    notes: tuple[str, ...] = ()

    @property
    def savings(self) -> Decimal:
        return self.baseline - self.total

    @property
    def savings_percent(self) -> Decimal | None:
        """0–100; None where the baseline costs nothing."""
        return percent_saved(self.total, self.baseline)

    @property
    def annual_total(self) -> Decimal:
        return self.total * 12

    @property
    def annual_savings(self) -> Decimal:
        return self.savings * 12

    @property
    def credit_fee(self) -> Decimal:
        """What buying the month's credits by card costs on top of `total`; the baseline has no such fee."""
        return self.total * CREDIT_FEE

    @property
    def per_agent(self) -> Decimal:
        return self.total / self.usage.agent_count

    @property
    def carries_agents(self) -> bool | None:
        """Whether the profile is made for as many agents; None where it does not say."""
        return None if self.target_agents is None else self.usage.agent_count <= self.target_agents

    @property
    def within_limit(self) -> bool:
        return self.monthly_limit is None or self.total <= self.monthly_limit


def project(
    usage: UsageProfile, config: DeploymentConfig, catalog: Catalog, baseline: Price, *, now: datetime
) -> Costs:
    """The month of `usage` under `config`. Raises `NoCandidateError` where a type has no priced candidate."""
    shares = shares_of(usage.task_distribution or typical(config.name).mix)
    models, notes = _models(shares, config, catalog, now)
    parts = [_part(model, kinds, shares, usage, catalog) for model, kinds in models.items()]
    whole = sum((part.cost for part in _on(baseline, usage)), Decimal(0))
    if usage.baseline_sample:
        parts += _on(baseline, usage, sample=Decimal(str(usage.baseline_sample)))
    return Costs(
        profile=config.name or "custom",
        price_book=catalog.prices.id,
        baseline_model=baseline.model,
        baseline_book=baseline.book,
        usage=usage,
        total=sum((part.cost for part in parts), Decimal(0)),
        baseline=whole,
        breakdown=tuple(parts),
        target_agents=config.scaling.target_concurrent_agents,
        monthly_limit=config.budget.monthly_limit,
        notes=notes,
    )


def _models(
    shares: Iterable[TaskType], config: DeploymentConfig, catalog: Catalog, now: datetime
) -> tuple[dict[str, list[TaskType]], tuple[str, ...]]:
    """Which model each type goes to, and what a person should know of it."""
    models: dict[str, list[TaskType]] = {}
    notes: dict[str, None] = {}
    for kind in shares:
        features = Features(
            task_type=kind,
            complexity="medium",
            confidence=1.0,
            input_tokens=_CALL_INPUT,
            needs_tools=False,
            needs_schema=False,
        )
        route = decide_route(
            features,
            Task(description=kind, max_tokens=_CALL_OUTPUT),
            config=config,
            catalog=catalog,
            health={},
            now=now,
            clock_s=0.0,
            remaining_usd=None,
        )
        if isinstance(route, NoRoute):
            raise NoCandidateError(route.message, reasons=dict(route.reasons), hint=route.hint)
        models.setdefault(route.candidates[0].model, []).append(kind)
        notes |= {
            f"{left.model}: {left.reason}": None for left in route.excluded if "stands in" in left.reason
        }
    return models, tuple(notes)


def _part(
    model: str,
    kinds: list[TaskType],
    shares: Mapping[TaskType, Decimal],
    usage: UsageProfile,
    catalog: Catalog,
) -> CostPart:
    price = catalog.price(model)
    if price is None:
        raise NoCandidateError(
            f"{model} has no price in {catalog.prices.id}",
            reasons={model: "unpriced"},
            hint="name another book",
        )
    share = sum((shares[kind] for kind in kinds), Decimal(0))
    inward, outward = usage.input_tokens_per_month * share, usage.output_tokens_per_month * share
    return CostPart(
        kind="model",
        model=model,
        task_types=tuple(kinds),
        share=share,
        input_tokens=inward,
        output_tokens=outward,
        input_cost=inward * price.rates.prompt,
        output_cost=outward * price.rates.completion,
    )


def _on(baseline: Price, usage: UsageProfile, *, sample: Decimal = Decimal(1)) -> list[CostPart]:
    inward, outward = usage.input_tokens_per_month * sample, usage.output_tokens_per_month * sample
    return [
        CostPart(
            kind="baseline_sample",
            model=baseline.model,
            task_types=(),
            share=sample,
            input_tokens=inward,
            output_tokens=outward,
            input_cost=inward * baseline.rates.prompt,
            output_cost=outward * baseline.rates.completion,
        )
    ]
