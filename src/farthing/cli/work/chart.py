"""Plots for people who would rather look than read. Needs the extra `plot`; decides nothing."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from farthing.cli.work import show
from farthing.errors import FarthingError
from farthing.spend.projection import Costs

_OURS, _MODEL, _BASELINE = "#1b7f5c", "#9db8ae", "#b5543c"


def draw_costs(rivals: Sequence[Costs], path: Path, *, profiles: Collection[str], asked: str) -> None:
    """A bar for each rival in the given order, and one for the baseline; `asked` is drawn bold.

    `profiles` names the rivals that are no single models. `path` ends in `.png` or `.svg`. Raises
    `FarthingError` when the extra is not installed or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import Patch
    except ImportError:
        hint = "in the clone: .venv/bin/pip install '.[plot]'"
        raise FarthingError("plots need matplotlib", hint=hint) from None
    first = rivals[0]
    names = [*(one.profile for one in rivals), first.baseline_model]
    values = [*(float(one.total) for one in rivals), float(first.baseline)]
    height = 1.7 + 0.34 * len(names)
    figure: Any = Figure(figsize=(9.5, height), layout="constrained")  # its keywords have no types
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = range(len(names))  # a name may stand twice: a baseline is also one of the models
    colours = [*(_OURS if one.profile in profiles else _MODEL for one in rivals), _BASELINE]
    drawn = axes.barh(places, values, color=colours)
    axes.bar_label(drawn, labels=[*(_label(one) for one in rivals), _dollars(first)], fontsize=9)
    axes.set_yticks(places, names)
    for name, text in zip(names, axes.get_yticklabels(), strict=True):
        text.set_fontweight("bold" if name == asked else "normal")
    axes.margins(x=0.34, y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("US dollars a month")
    axes.set_title(_title(first), fontsize=11, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    shown = [("profile", _OURS), ("one model for everything", _MODEL), ("baseline", _BASELINE)]
    patches = [Patch(color=colour, label=label) for label, colour in shown]
    figure.legend(handles=patches, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise FarthingError(f"{path} cannot be written: {error.strerror}", hint="name another file") from None


def _label(one: Costs) -> str:
    saved = one.savings_percent
    if saved is None:
        return f" {show.usd(one.total)}"
    told = f"saves {show.percent(saved)}" if saved >= 0 else f"costs {show.percent(-saved)} more"
    return f" {show.usd(one.total)}, {told}"


def _dollars(one: Costs) -> str:
    return f" {show.usd(one.baseline)}"


def _title(one: Costs) -> str:
    usage = one.usage
    sampled = usage.baseline_sample * 100
    sample = f", {sampled:.4g} % of it also to the baseline" if sampled else ""
    volume = f"{usage.input_tokens_per_month:,} tokens in and {usage.output_tokens_per_month:,} out a month"
    return f"{volume}{sample}\nprices: {one.price_book}"
