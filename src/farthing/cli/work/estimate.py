"""Does `farthing estimate`: the calculator's answer as JSON or a plot; `estimateview.py` has the tables."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from farthing.cli.work import show
from farthing.cli.work.estimateview import show_estimate, show_rivals
from farthing.config.answers import volume_from, workload_from
from farthing.config.environment import read_environment
from farthing.config.load import DEFAULT_PROFILE, profile_names
from farthing.config.schema import DeploymentConfig
from farthing.errors import ConfigError, ConfigFault, InvalidTaskError
from farthing.spend.calculator import CostCalculator, Costs, UsageProfile, read_profile
from farthing.spend.levers import Routed, expected, routed
from farthing.spend.projection import CostPart
from farthing.spend.roi import Roi, roi
from farthing.spend.workload import typical


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The command's options as they were given; money in US dollars."""

    profile: str | None
    volume: str
    mix: str
    sample: str | None
    agents: int
    model: str | None
    baseline: str | None
    prices: str
    investment: Decimal | None


def tell_estimate(asked: Asked, *, compare: bool, plot: Path | None, as_json: bool) -> None:
    """Prints the estimate. Raises `ConfigError` or `InvalidTaskError` for what cannot be reckoned."""
    if plot is not None:
        _check_plot(plot)
    source = asked.profile or read_environment().deployment_config or DEFAULT_PROFILE
    config = read_profile(source)
    calculator = CostCalculator(asked.prices, baseline=asked.baseline or config.baseline.model)
    costs = _costs(calculator, asked, config, source)
    parts = routed(costs, _alone(calculator, costs))
    rivals = _rivals(calculator, costs) if compare or plot is not None else ()
    paid_back = None if asked.investment is None else roi(asked.investment, costs.savings - costs.credit_fee)
    if plot is not None:
        from farthing.cli.work.chart import draw_costs

        ours = [*profile_names(), *([costs.profile] if asked.model is None else [])]
        draw_costs(rivals, plot, profiles=ours, asked=costs.profile)
        show.note(f"drawn to {plot}")
    if as_json:
        show.write_json(_json(costs, parts, rivals if compare else (), paid_back))
        return
    out = show.console()
    show_estimate(out, costs, parts, paid_back)
    if compare:
        show_rivals(out, rivals)


def _costs(calculator: CostCalculator, asked: Asked, config: DeploymentConfig, source: str) -> Costs:
    """The month of what was asked about, under the name by which it was asked."""
    usage = _usage(asked, config)
    if asked.model is not None:
        return calculator.calculate_model_cost(usage, asked.model)
    costs = calculator.calculate_cost(usage, profile=config)
    return costs if source in profile_names() else msgspec.structs.replace(costs, profile=source)


def _alone(calculator: CostCalculator, costs: Costs) -> list[Costs]:
    models = [part.model for part in costs.breakdown if part.kind == "model"]
    return [calculator.calculate_model_cost(costs.usage, model) for model in models]


def _rivals(calculator: CostCalculator, costs: Costs) -> list[Costs]:
    """All that the calculator compares, and what was asked about, which need not be among them."""
    others = [one for one in calculator.compare(costs.usage) if one.profile != costs.profile]
    return sorted([*others, costs], key=lambda one: (one.total, one.profile))


def _usage(asked: Asked, config: DeploymentConfig) -> UsageProfile:
    usual = typical(config.name)
    try:
        volume, mix = volume_from(asked.volume), workload_from(asked.mix)
        sample = _fraction(asked.sample) if asked.sample is not None else None
    except ValueError as error:
        raise InvalidTaskError(str(error)) from None
    if sample is None:
        sample = usual.baseline_sample if volume is None and asked.model is None else 0.0
    return UsageProfile(
        input_tokens_per_month=usual.input_tokens if volume is None else volume.input_tokens,
        output_tokens_per_month=usual.output_tokens if volume is None else volume.output_tokens,
        agent_count=asked.agents,
        task_distribution=usual.mix if mix is None else mix,
        baseline_sample=sample,
    )


def _fraction(text: str) -> float:
    try:
        number = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        raise ValueError(f"{text!r} is no part of the traffic; give it as 10% or .1") from None
    part = number / 100 if text.endswith("%") else number
    if not (part.is_finite() and 0 <= part <= 1):
        raise ValueError(f"{text} is not from 0 to 1; give it as 10% or .1")
    return float(part)


def _check_plot(path: Path) -> None:
    if path.suffix.lower() not in (".png", ".svg"):
        fault = ConfigFault(path="--plot", value=str(path), problem="it can be drawn as .png or .svg")
        raise ConfigError("the plot", [fault])


def _json(
    costs: Costs, parts: Sequence[Routed], rivals: Sequence[Costs], paid_back: Roi | None
) -> dict[str, object]:
    return {
        **costs_json(costs),
        "routing": parts,
        "levers": expected(costs.breakdown),
        **({"roi": paid_back} if paid_back is not None else {}),
        **({"compared": [costs_json(one) for one in rivals]} if rivals else {}),
    }


def costs_json(costs: Costs) -> dict[str, object]:
    """The stated and the computed figures; money as decimal text."""
    return {
        "profile": costs.profile,
        "price_book": costs.price_book,
        "total": costs.total,
        "annual_total": costs.annual_total,
        "baseline_model": costs.baseline_model,
        "baseline_book": costs.baseline_book,
        "baseline": costs.baseline,
        "savings": costs.savings,
        "savings_percent": costs.savings_percent,
        "annual_savings": costs.annual_savings,
        "credit_fee": costs.credit_fee,
        "monthly_limit": costs.monthly_limit,
        "within_limit": costs.within_limit,
        "agents": costs.usage.agent_count,
        "per_agent": costs.per_agent,
        "target_agents": costs.target_agents,
        "carries_agents": costs.carries_agents,
        "usage": costs.usage,
        "breakdown": [{**_struct(part), "cost": part.cost} for part in costs.breakdown],
        "notes": costs.notes,
    }


def _struct(part: CostPart) -> dict[str, object]:
    return {name: getattr(part, name) for name in part.__struct_fields__}
