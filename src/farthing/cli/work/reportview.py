"""A period's report for people: sums, groups, levers, overhead, latency. Adds nothing up."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from rich.console import Console

from farthing.cli.work import tables
from farthing.cli.work.reportperiod import Details, Period
from farthing.cli.work.show import counted, facts, percent, table, usd
from farthing.spend.forecast import Forecast
from farthing.spend.latency import ERROR_PERCENT
from farthing.spend.report import CostLine, CostReport
from farthing.spend.reprice import Repricing
from farthing.spend.shortening import Shortened
from farthing.spend.targets import Quantiles

_SPARKS = "▁▂▃▄▅▆▇█"
_BAR = 30
_ZERO = Decimal(0)


def show_period(out: Console, period: Period) -> None:
    """Everything of a period, or the one group that was asked for with its sums."""
    costs, asked = period.costs, period.asked
    title = f"{costs.scope}, {costs.period}"
    out.print(title, style="bold")
    out.print(facts(period_sums(period)))
    if asked.by == "day":
        show_days(out, costs, asked.span.days())
    elif period.group is not None:
        _show_group(out, asked.by or "", period.group)
    else:
        for name, lines in tables.groups_of(costs).items():
            if lines:
                out.print(tables.group_table(tables.GROUPS[name], lines))
        _show_parts(out, costs)
    if period.details is not None and asked.by is None:
        _show_details(out, period.details, costs)
    for remark in remarks(period):
        out.print(remark, style="dim", soft_wrap=True)
    if costs.simulated:
        out.print(tables.SIMULATED_SENTENCE, style="yellow")


def period_sums(period: Period) -> Iterable[tuple[str, str]]:
    """The sums as names and values; only the running month has a limit, a projection and a forecast."""
    costs = period.costs
    yield from tables.sums(costs, is_run=not period.asked.to_date or bool(period.asked.only))
    if costs.forecast is not None:
        yield "forecast", forecast_in_words(costs.forecast)


def forecast_in_words(found: Forecast) -> str:
    if found.high is None:
        return f"{usd(found.expected)} this month; {found.basis}"
    band = f"{usd(found.low)} to {usd(found.high)}"
    return f"{usd(found.expected)} this month, 8 times in 10 within {band}; {found.basis}"


def remarks(period: Period) -> Iterable[str]:
    """What a reader should know of how the figures were come by."""
    if period.asked.by == "tag":
        yield "A call with several tags counts under each; calls without a tag are not among them."
    if period.asked.only:
        yield "Read from the rows of the calls: limits and what is left are the deployment's, and left out."
        if period.pruned:
            yield "Old rows were pruned; calls in them are not counted here."
    if period.details is None and period.asked.by is None:
        yield f"Levers and latency: --details reads all {period.costs.calls:,} calls."


def show_days(out: Console, costs: CostReport, days: Sequence[str]) -> None:
    """Every day of the period with a bar, and all of them in one line above."""
    spent = [_spent(costs.by_day.get(day)) for day in days]
    most = max(spent, default=_ZERO)
    out.print(f"{sparkline(spent)}  at most {usd(most)} a day")
    rows = [
        _day_row(day, costs.by_day.get(day), round(amount * _BAR / most) if most else 0)
        for day, amount in zip(days, spent, strict=True)
    ]
    right = ["spent", "calls", "failed", "saved"]
    out.print(table(["day", "spent", "", "calls", "failed", "saved"], rows, right=right))


def sparkline(amounts: Sequence[Decimal]) -> str:
    """One block a value, the largest full; a dot for nothing."""
    most = max(amounts, default=_ZERO)
    last = len(_SPARKS) - 1
    return "".join(_SPARKS[min(last, int(one * len(_SPARKS) / most))] if one else "·" for one in amounts)


def show_repricing(out: Console, found: Repricing, costs: CostReport) -> None:
    """By model what was paid and what the other book asks for the same tokens."""
    out.print(f"{costs.scope}, {costs.period}, by the prices of {found.book}", style="bold")
    rows = [
        [
            one.model,
            f"{one.calls:,}",
            usd(one.cost),
            usd(one.repriced),
            usd(one.difference),
            percent(one.difference_percent),
        ]
        for one in found.models
    ]
    made = table(_REPRICED, rows, right=_REPRICED[1:])
    total = found.total
    made.add_section()
    sums = (usd(total.cost), usd(total.repriced), usd(total.difference), percent(total.difference_percent))
    made.add_row("total", f"{total.calls:,}", *sums, style="bold")
    out.print(made)
    if found.left_out:
        left = [[one.model, one.why, f"{one.calls:,}", usd(one.cost)] for one in found.left_out]
        columns = ["model", "why not", "calls", "cost"]
        out.print(table(columns, left, title="Left out of both sides", right=columns[2:]))
    if costs.simulated:
        out.print(tables.SIMULATED_SENTENCE, style="yellow")


_REPRICED = ["model", "calls", "cost", "by that book", "difference", "of the cost"]


def _spent(line: CostLine | None) -> Decimal:
    return _ZERO if line is None else line.cost + line.uncertain


def _day_row(day: str, line: CostLine | None, blocks: int) -> list[str]:
    if line is None:
        return [day, usd(_ZERO), "", "0", "0", ""]
    bar = "█" * blocks or ("▏" if _spent(line) else "")
    return [day, usd(_spent(line)), bar, f"{line.calls:,}", f"{line.failed:,}", percent(line.savings_percent)]


def _show_group(out: Console, by: str, lines: Mapping[str, CostLine]) -> None:
    if lines:
        out.print(tables.group_table(by.replace("-", " "), lines))
    else:
        out.print(f"No call of this period has a {by.replace('-', ' ')}.")


def _show_parts(out: Console, costs: CostReport) -> None:
    """Where the money went: answers, and what was paid beside them."""
    rows = [[part.name, usd(part.cost), percent(part.percent)] for part in costs.parts]
    overhead = [part for part in costs.parts if part.is_overhead]
    if not overhead:
        return
    made = table(["spent on", "cost", "of spend"], rows, right=["cost", "of spend"])
    made.add_section()
    share = sum((part.percent or _ZERO for part in overhead), _ZERO)
    made.add_row("overhead", usd(sum((part.cost for part in overhead), _ZERO)), percent(share), style="bold")
    out.print(made)


def _show_details(out: Console, details: Details, costs: CostReport) -> None:
    rows = [[one.lever, usd(one.saved), f"{one.calls:,}", one.against] for one in details.levers]
    made = table(["lever", "saved", "calls", "against"], rows, right=["saved", "calls"])
    made.add_section()
    made.add_row("net", usd(costs.savings), "", "the report's savings", style="bold")
    out.print(made)
    if costs.shortened is not None:
        out.print(shortened_in_words(costs.shortened), soft_wrap=True)
    if details.latency:
        _show_latency(out, details)


def shortened_in_words(found: Shortened) -> str:
    unpriced = f" ({found.unpriced_tokens:,} of them without a price)" if found.unpriced_tokens else ""
    where = f"{found.tokens:,} tokens{unpriced} in {counted(found.calls, 'call')}"
    told = f"Beside these: prompts shortened by some {where}"
    return f"{told}, about {usd(found.saved)} less than {found.against}."


def _show_latency(out: Console, details: Details) -> None:
    columns = ["model", "task type", "calls", "p50", "p95", "p99", "first token p50", "p95 ", "p99 "]
    rows = [
        [one.model, one.task_type, f"{one.calls:,}", *_three(one.latency), *_three(one.first_token)]
        for one in details.latency
    ]
    title = f"Accepted answers; quantiles within {ERROR_PERCENT} %"
    out.print(table(columns, rows, title=title, right=columns[2:]))
    if details.levels:
        levels = [
            [one.of, one.name, _level(one.of, one.target), _level(one.of, one.measured), one.verdict]
            for one in details.levels
        ]
        columns = ["target of", "", "target", "measured", "verdict"]
        out.print(table(columns, levels, right=["target", "measured"]))


def _three(found: Quantiles) -> list[str]:
    return [_ms(value) for value in (found.p50, found.p95, found.p99)]


def _ms(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f} ms"


def _level(of: str, value: float | None) -> str:
    if of == "scaling":
        return "—" if value is None else f"{value:,.0f}"
    return _ms(value)
