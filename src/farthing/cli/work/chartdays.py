"""The days of a period as a plot: stacked by model, the baseline as a line, the forecast as a band.

Needs the extra `plot`; decides nothing.
"""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from farthing.cli.work import show
from farthing.cli.work.reportperiod import Period
from farthing.cli.work.tables import short
from farthing.errors import FarthingError
from farthing.money import from_nano
from farthing.spend.forecast import Forecast

_COLOURS = ("#1b7f5c", "#4c9fd1", "#d9a441", "#8d6bb1", "#c96a8b", "#6f7f8a", "#9db8ae")
_BASELINE, _BAND = "#b5543c", "#d8ded9"
_MOST_MODELS = 6
_ZERO = Decimal(0)


def draw_days(period: Period, path: Path) -> None:
    """Draws into a `.png` or `.svg` file. Raises `FarthingError` when it cannot."""
    if path.suffix not in (".png", ".svg"):
        raise FarthingError(f"{path} is no plot's name", hint="end it in .png or .svg")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        hint = "in the clone: .venv/bin/pip install '.[plot]'"
        raise FarthingError("plots need matplotlib", hint=hint) from None
    days = list(period.asked.span.days())
    figure: Any = Figure(figsize=(max(7.0, 2.5 + 0.28 * len(days)), 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    under = [0.0] * len(days)
    for (model, amounts), colour in zip(_by_model(period, days).items(), _COLOURS, strict=False):
        heights = [float(one) for one in amounts]
        axes.bar(range(len(days)), heights, bottom=under, color=colour, label=short(model))
        under = [a + b for a, b in zip(under, heights, strict=True)]
    baseline = [float(_baseline(period, day)) for day in days]
    axes.plot(range(len(days)), baseline, color=_BASELINE, marker=".", label="baseline")
    shown = _draw_forecast(axes, period, days)
    axes.set_xticks(range(len(shown)), [day[5:] for day in shown], rotation=60, fontsize=7)
    axes.set_ylabel("US dollars a day")
    if baseline and min(filter(None, baseline), default=0) > 20 * max(under, default=0):
        axes.set_yscale("symlog", linthresh=max(*under, 1e-9))
    axes.set_title(_title(period), fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise FarthingError(f"{path} cannot be written: {error.strerror}", hint="name another file") from None


def _draw_forecast(
    axes: Any, period: Period, days: list[str]
) -> list[str]:  # matplotlib's axes have no types
    """The days to come at their mean, within the band's; returns all days on the axis."""
    found = period.costs.forecast
    if found is None or not found.days_left or not days:
        return days
    first = date.fromisoformat(days[-1]) + timedelta(days=1)
    ahead = [(first + timedelta(days=at)).isoformat() for at in range(found.days_left)]
    places = range(len(days), len(days) + len(ahead))
    expected, low, high = _a_day(found)
    axes.plot(places, [expected] * len(ahead), color=_COLOURS[0], linestyle=":", label="expected a day")
    if high is not None:
        axes.fill_between(
            places, [low] * len(ahead), [high] * len(ahead), color=_BAND, label="80 % band of the mean"
        )
    return [*days, *ahead]


def _a_day(found: Forecast) -> tuple[float, float, float | None]:
    left = max(found.days_left, 1)
    high = None if found.high is None else float((found.high - found.spent) / left)
    return float((found.expected - found.spent) / left), float((found.low - found.spent) / left), high


def _by_model(period: Period, days: list[str]) -> dict[str, list[Decimal]]:
    """Spend by model and day, the dearest first; the rest together as `others`."""
    names = list(period.costs.by_model)[:_MOST_MODELS]
    rows = {name: [_ZERO] * len(days) for name in names}
    places = {day: at for at, day in enumerate(days)}
    for key, sums in period.rollups:
        row = rows.setdefault(key.model if key.model in names else "others", [_ZERO] * len(days))
        row[places[key.day]] += from_nano(sums.settled + sums.uncertain)
    return rows


def _baseline(period: Period, day: str) -> Decimal:
    line = period.costs.by_day.get(day)
    return _ZERO if line is None else line.baseline


def _title(period: Period) -> str:
    costs = period.costs
    money = "simulated dollars" if costs.simulated else "dollars"
    told = (
        f"{costs.scope}, {period.asked.span}: {show.usd(costs.total_spend + costs.uncertain)} spent ({money})"
    )
    if costs.forecast is not None and costs.forecast.high is not None:
        band = f"{show.usd(costs.forecast.low)} to {show.usd(costs.forecast.high)}"
        return f"{told}\nexpected this month {show.usd(costs.forecast.expected)}, 8 times in 10 within {band}"
    return told
