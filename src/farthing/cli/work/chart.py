"""Plots for people who would rather look than read. Needs the extra `plot`; decides nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from farthing.errors import FarthingError
from farthing.spend.projection import Costs

_OURS, _MODEL, _BASELINE = "#1b7f5c", "#9db8ae", "#b5543c"
_PROFILES = ("budget", "balanced", "premium")


def draw_costs(rivals: Sequence[Costs], path: Path) -> None:
    """A bar for each profile and model, and one for the baseline, cheapest first.

    `path` ends in `.png` or `.svg`. Raises `FarthingError` when the extra is not installed or the file
    cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise FarthingError("plots need matplotlib", hint="pip install 'farthing[plot]'") from None
    bars = [(one.profile, float(one.total), _colour(one.profile)) for one in rivals]
    bars.append((rivals[0].baseline_model, float(rivals[0].baseline), _BASELINE))
    names, values, colours = zip(*bars, strict=True)
    figure: Any = Figure(
        figsize=(9, 1.2 + 0.38 * len(bars)), layout="constrained"
    )  # its keywords have no types
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    drawn = axes.barh(names, values, color=colours)
    axes.bar_label(drawn, labels=[f" ${value:,.2f}" for value in values], fontsize=9)
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.set_xlabel("US dollars a month")
    axes.set_title(f"The same month on each, prices of {rivals[0].price_book}", fontsize=11, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise FarthingError(f"{path} cannot be written: {error.strerror}", hint="name another file") from None


def _colour(name: str) -> str:
    return _OURS if name.removesuffix("-2026") in _PROFILES else _MODEL
