"""Does `farthing estimate`: the calculator's answer as tables, JSON or a plot."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec
from rich.console import Console

from farthing.cli.work import show
from farthing.config.answers import volume_from, workload_from
from farthing.errors import ConfigError, ConfigFault, InvalidTaskError
from farthing.spend.calculator import CostCalculator, Costs, UsageProfile
from farthing.spend.levers import expected
from farthing.spend.projection import CREDIT_FEE, CostPart
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
    baseline: str
    prices: str
    investment: Decimal | None


def tell_estimate(asked: Asked, *, compare: bool, plot: Path | None, as_json: bool) -> None:
    """Prints the estimate. Raises `ConfigError` or `InvalidTaskError` for what cannot be reckoned."""
    if plot is not None:
        _check_plot(plot)
    calculator = CostCalculator(asked.prices, baseline=asked.baseline)
    usage = _usage(asked)
    costs = (
        calculator.calculate_cost(usage, profile=asked.profile or "balanced")
        if asked.model is None
        else calculator.calculate_model_cost(usage, asked.model)
    )
    rivals = calculator.compare(usage) if compare or plot is not None else ()
    paid_back = None if asked.investment is None else roi(asked.investment, costs.savings - costs.credit_fee)
    if plot is not None:
        from farthing.cli.work.chart import draw_costs

        draw_costs(rivals, plot)
        show.note(f"drawn to {plot}")
    if as_json:
        show.write_json(_json(costs, rivals if compare else (), paid_back))
        return
    out = show.console()
    _show(out, costs, paid_back)
    if compare:
        _show_rivals(out, rivals)


def _usage(asked: Asked) -> UsageProfile:
    usual = typical(asked.profile or "balanced")
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


def _show(out: Console, costs: Costs, paid_back: Roi | None) -> None:
    usage = costs.usage
    out.print(show.facts(_facts(costs)))
    columns = ("model", "for", "share", "tokens in", "tokens out", "cost")
    rows = [_part_row(part) for part in costs.breakdown]
    out.print(show.table(columns, rows, title="A month", right=columns[2:]))
    if usage.agent_count > 1:
        out.print(_agents(costs))
    if costs.total:
        _show_levers(out, costs)
    if paid_back is not None:
        _show_roi(out, paid_back)


def _facts(costs: Costs) -> list[tuple[str, str]]:
    limit = costs.monthly_limit
    over = "" if costs.within_limit else ": the month does not fit, raise it or lower the volume"
    return [
        ("profile", costs.profile),
        ("prices", costs.price_book),
        ("a month", f"{show.usd(costs.total)}, {show.usd(costs.annual_total)} a year"),
        ("baseline", f"{show.usd(costs.baseline)} on {costs.baseline_model}"),
        (
            "saved",
            f"{show.percent(costs.savings_percent)}: {show.usd(costs.savings)} a month,"
            f" {show.usd(costs.annual_savings)} a year",
        ),
        (
            "credit fee",
            f"{show.usd(costs.credit_fee)} on top, {CREDIT_FEE:.1%} when credits are bought by card",
        ),
        *([("limit", f"{show.usd(limit)} a month, hard{over}")] if limit is not None else []),
        *(("note", note) for note in costs.notes),
    ]


def _part_row(part: CostPart) -> tuple[str, ...]:
    purpose = "comparison sample" if part.kind == "baseline_sample" else ", ".join(part.task_types)
    share = f"{part.share * 100:.2f}".rstrip("0").rstrip(".") + " %"
    return (
        part.model,
        purpose,
        share,
        f"{part.input_tokens:,.0f}",
        f"{part.output_tokens:,.0f}",
        show.usd(part.cost),
    )


def _agents(costs: Costs) -> str:
    count = costs.usage.agent_count
    told = f"{count} agents: {show.usd(costs.per_agent)} each, {100 / count:.1f} % of the month."
    if costs.carries_agents is None:
        return told
    verb = "carries" if costs.carries_agents else "is made for fewer:"
    return f"{told} The profile {verb} {costs.target_agents} at once."


def _show_levers(out: Console, costs: Costs) -> None:
    columns = ("lever", "saves, $ a month", "leaves, $ a month", "source")
    rows = [
        (
            one.lever,
            f"{show.usd(one.least)} to {show.usd(one.most)}",
            f"{show.usd(one.left_at_least)} to {show.usd(one.left_at_most)}",
            one.source,
        )
        for one in expected(costs.breakdown)
    ]
    title = "Expected of levers, one after another (the tutorial's ranges, not measured here)"
    out.print(show.table(columns, rows, title=title, right=columns[1:3]))


def _show_roi(out: Console, found: Roi) -> None:
    when = "never" if found.break_even_months is None else show.counted(found.break_even_months, "month")
    out.print(f"Paid back: {when}, at {show.usd(found.monthly_savings)} a month net of the credit fee.")
    columns = ("after", "saved", "net", "return")
    rows = [
        (f"{one.months} months", show.usd(one.savings), show.usd(one.net), show.percent(one.roi_percent))
        for one in found.after
    ]
    out.print(show.table(columns, rows, title=f"On {show.usd(found.investment)}", right=columns[1:]))


def _show_rivals(out: Console, rivals: Sequence[Costs]) -> None:
    columns = ("profile or model", "a month", "a year", "saved")
    rows = [
        (one.profile, show.usd(one.total), show.usd(one.annual_total), show.percent(one.savings_percent))
        for one in rivals
    ]
    title = f"The same month, cheapest first; {rivals[0].baseline_model}: {show.usd(rivals[0].baseline)}"
    out.print(show.table(columns, rows, title=title, right=columns[1:]))


def _json(costs: Costs, rivals: Sequence[Costs], paid_back: Roi | None) -> dict[str, object]:
    return {
        **costs_json(costs),
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
