"""A period's report for machines: as JSON, as CSV, as charges of FOCUS. Adds nothing up."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from farthing.cli.work import tables
from farthing.cli.work.reportperiod import Details, Period
from farthing.cli.work.tables import Json
from farthing.errors import FarthingError
from farthing.spend import focus
from farthing.spend.forecast import Forecast
from farthing.spend.report import CostLine, CostReport
from farthing.spend.reprice import Repriced, Repricing
from farthing.spend.targets import Quantiles

_MONTH_COLUMNS = ("group", "name", "calls", "failed", "settled_usd", "uncertain_usd", "baseline_usd")
_TOKENS = ("input_tokens", "output_tokens", "simulated")
_PLACES = 9


def period_json(period: Period) -> Json:
    """A period as JSON values; `details` are null where the rows were not read."""
    costs, asked = period.costs, period.asked
    told = tables.costs_json(costs, is_run=not asked.to_date)
    told |= {
        "scope": costs.scope,
        "period": costs.period,
        "since": asked.span.first.isoformat(),
        "until": asked.span.last.isoformat(),
        "by_day": {day: tables.line_json(line) for day, line in costs.by_day.items()},
        "spent_on": {
            part.name: {"cost": part.cost, "percent": tables.rounded(part.percent)} for part in costs.parts
        },
    }
    if asked.to_date:
        told["forecast"] = None if costs.forecast is None else _forecast_json(costs.forecast)
    told["shortened"] = costs.shortened
    if period.group is not None:
        told["by"] = asked.by
        told["group"] = {name: tables.line_json(line) for name, line in period.group.items()}
    told["details"] = None if period.details is None else _details_json(period.details)
    return told


def repricing_json(found: Repricing, costs: CostReport) -> Json:
    return {
        "simulated": costs.simulated,
        "scope": costs.scope,
        "period": costs.period,
        "book": found.book,
        "total": _repriced_json(found.total),
        "models": {one.model: _repriced_json(one) for one in found.models},
        "left_out": list(found.left_out),
    }


def period_rows(period: Period) -> Iterable[Sequence[object]]:
    """The total and each line of the groups, or of the one that was asked for."""
    costs = period.costs
    yield (*_MONTH_COLUMNS, *_TOKENS)
    sums = (costs.calls, costs.failed_calls, costs.total_spend, costs.uncertain, costs.baseline_cost)
    yield ("total", costs.period, *sums, costs.input_tokens, costs.output_tokens, costs.simulated)
    if period.group is not None:
        name = str(period.asked.by).replace("-", "_")
        yield from _group_rows(name, period.group.items(), costs)
        return
    for group, lines in tables.groups_of(costs).items():
        yield from _group_rows(group.removeprefix("by_"), lines.items(), costs)


def repricing_rows(found: Repricing, costs: CostReport) -> Iterable[Sequence[object]]:
    yield (
        *("model", "calls", "input_tokens", "output_tokens", "cost_usd", "repriced_usd", "difference_usd"),
        *("difference_percent", "left_out", "book", "simulated"),
    )
    for one in (*found.models, found.total):
        yield (
            *(one.model, one.calls, one.input_tokens, one.output_tokens, one.cost, one.repriced),
            *(one.difference, tables.rounded(one.difference_percent), "", found.book, costs.simulated),
        )
    for left in found.left_out:
        empty = ("", "", left.cost, "", "", "")
        yield (left.model, left.calls, *empty, left.why, found.book, costs.simulated)


def write_charges(path: Path, rows: Callable[[], Iterable[Sequence[str]]]) -> int:
    """Writes charges with the columns of FOCUS, whole or not at all, and says how many.

    Raises `FarthingError` where the file cannot be written.
    """
    written = 0
    try:
        handle, half = tempfile.mkstemp(dir=path.parent, suffix=".half")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(focus.COLUMNS)
                for row in rows():
                    writer.writerow(row)
                    written += 1
            Path(half).replace(path)
        finally:
            Path(half).unlink(missing_ok=True)
    except OSError as error:
        raise FarthingError(f"{path} cannot be written: {error.strerror}", hint="name another file") from None
    return written


def _group_rows(
    group: str, lines: Iterable[tuple[str, CostLine]], costs: CostReport
) -> Iterable[Sequence[object]]:
    for name, line in lines:
        sums = (line.calls, line.failed, line.cost, line.uncertain, line.baseline)
        yield (group, name, *sums, line.input_tokens, line.output_tokens, costs.simulated)


def _forecast_json(found: Forecast) -> Json:
    return {
        "expected": round(found.expected, _PLACES),
        "low": round(found.low, _PLACES),
        "high": None if found.high is None else round(found.high, _PLACES),
        "band_percent": 80,
        "spent": found.spent,
        "days": found.days,
        "days_left": found.days_left,
        "by_weekday": found.by_weekday,
        "basis": found.basis,
    }


def _details_json(details: Details) -> Json:
    return {
        "levers": list(details.levers),
        "latency": [
            {
                "model": one.model,
                "task_type": one.task_type,
                "calls": one.calls,
                "latency_ms": _quantiles_json(one.latency),
                "first_token_ms": _quantiles_json(one.first_token),
            }
            for one in details.latency
        ],
        "targets": list(details.levels),
        "peak_calls": details.peak_calls,
    }


def _quantiles_json(found: Quantiles) -> Json:
    return {
        name: None if value is None else round(value, 3)
        for name, value in (("mean", found.mean), ("p50", found.p50), ("p95", found.p95), ("p99", found.p99))
    }


def _repriced_json(one: Repriced) -> Json:
    return {
        "calls": one.calls,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "cost": one.cost,
        "repriced": one.repriced,
        "difference": one.difference,
        "difference_percent": tables.rounded(one.difference_percent),
    }
