"""How `farthing estimate` looks: a month, its parts, what levers and an investment do, and the rivals."""

from collections.abc import Iterable, Sequence

from rich.console import Console

from farthing.cli.work import show
from farthing.cli.work.tables import short
from farthing.money import format_usd
from farthing.spend.levers import Routed, expected
from farthing.spend.projection import CREDIT_FEE, CREDIT_FEE_LEAST, CostPart, Costs
from farthing.spend.roi import Roi

_FREE = (
    "Free models answer at most 20 requests a minute and 50 a day (1,000 once 10 credits were bought), "
    "over all keys of an account."
)


def show_estimate(out: Console, costs: Costs, parts: Sequence[Routed], paid_back: Roi | None) -> None:
    """The month for people. `parts` is the same work on each of its models alone."""
    out.print(show.facts(_facts(costs)))
    columns = ("model", "for", "share", "tokens in", "tokens out", "cost")
    rows = [_part_row(part) for part in costs.breakdown]
    out.print(show.table(columns, rows, title="A month", right=columns[2:]))
    if costs.usage.agent_count > 1:
        out.print(_agents(costs))
    if costs.total:
        _show_levers(out, costs)
    if parts:
        out.print(_routing(parts) + "\n")
    if _has_free_work([costs]):
        out.print(_FREE)
    if paid_back is not None:
        _show_roi(out, paid_back)


def show_rivals(out: Console, rivals: Sequence[Costs]) -> None:
    """The same month on each, in the given order."""
    columns = ("profile or model", "a month", "a year", "saved")
    rows = [
        (one.profile, show.usd(one.total), show.usd(one.annual_total), show.percent(one.savings_percent))
        for one in rivals
    ]
    first = rivals[0]
    sample = ", each with the same sample" if first.usage.baseline_sample else ""
    title = f"The same month, cheapest first{sample}; {first.baseline_model}: {show.usd(first.baseline)}"
    out.print(show.table(columns, rows, title=title, right=columns[1:]))
    if _has_free_work(rivals):
        out.print(_FREE)


def _has_free_work(months: Iterable[Costs]) -> bool:
    parts = (part for one in months for part in one.breakdown)
    return any(part.model.endswith(":free") and part.kind == "model" for part in parts)


def _facts(costs: Costs) -> list[tuple[str, str]]:
    limit = costs.monthly_limit
    over = "" if costs.within_limit else ": the month does not fit, raise it or lower the volume"
    dated = "" if costs.baseline_book == costs.price_book else f", by {costs.baseline_book}"
    return [
        ("profile", costs.profile),
        ("prices", costs.price_book),
        ("a month", f"{show.usd(costs.total)}, {show.usd(costs.annual_total)} a year"),
        ("baseline", f"{show.usd(costs.baseline)} on {costs.baseline_model}{dated}"),
        (
            "saved",
            f"{show.percent(costs.savings_percent)}: {show.usd(costs.savings)} a month,"
            f" {show.usd(costs.annual_savings)} a year",
        ),
        (
            "credit fee",
            f"{show.usd(costs.credit_fee)} on top: {show.percent(CREDIT_FEE * 100)} of credits bought by"
            f" card, {format_usd(CREDIT_FEE_LEAST, places=2)} a purchase at least",
        ),
        *([("limit", f"{show.usd(limit)} a month, hard{over}")] if limit is not None else []),
        *(("note", note) for note in costs.notes),
    ]


def _part_row(part: CostPart) -> tuple[str, ...]:
    purpose = "comparison sample" if part.kind == "baseline_sample" else ", ".join(part.task_types)
    share = f"{part.share * 100:.2f}".rstrip("0").rstrip(".") + " %"
    return (
        short(part.model),
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
    columns = ("lever", "takes off by itself", "leaves, after those above", "the tutorial expects")
    found = expected(costs.breakdown)
    rows = [
        (
            one.lever,
            f"{show.usd(one.least)} to {show.usd(one.most)}",
            f"{show.usd(one.left_at_least)} to {show.usd(one.left_at_most)}",
            one.source,
        )
        for one in found
    ]
    title = "Expected of levers, dollars a month (the tutorial's ranges, not measured here)"
    out.print(show.table(columns, rows, title=title, right=columns[1:3]))
    least, most = costs.total - found[-1].left_at_most, costs.total - found[-1].left_at_least
    part = f"{least / costs.total * 100:.0f} to {most / costs.total * 100:.0f} % of the month"
    out.print(
        f"Together {show.usd(least)} to {show.usd(most)}, {part}; each takes its part of what is left.\n"
    )


def _routing(parts: Sequence[Routed]) -> str:
    """What routing does by these prices, against each of the month's models alone."""
    told = [f"  {show.usd(one.total)} on {short(one.model)}: {_against(one)}" for one in parts]
    first = "Routing is in the month already (the tutorial expects 15–25 % of it). On one model for all:"
    return "\n".join([first, *told])


def _against(one: Routed) -> str:
    if one.saved_percent is None:
        return "it is free"
    if one.saved_percent >= 0:
        return f"routing saves {show.percent(one.saved_percent)}"
    return f"routing costs {show.percent(-one.saved_percent)} more"


def _show_roi(out: Console, found: Roi) -> None:
    when = "never" if found.break_even_months is None else show.counted(found.break_even_months, "month")
    out.print(f"Paid back: {when}, at {show.usd(found.monthly_savings)} a month net of the credit fee.")
    columns = ("after", "saved", "net", "return")
    rows = [
        (f"{one.months} months", show.usd(one.savings), show.usd(one.net), show.percent(one.roi_percent))
        for one in found.after
    ]
    out.print(show.table(columns, rows, title=f"On {show.usd(found.investment)}", right=columns[1:]))
