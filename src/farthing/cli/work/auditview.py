"""An audit on a terminal and as JSON: tables, the advice, and all that weakens it. Adds nothing up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from farthing.cli.work import show, tables
from farthing.cli.work.exports import Exports, FileRead
from farthing.money import percent_saved
from farthing.spend.audit import MONTH_DAYS, Audited, ModelCost, ProfileCost, Recommendation
from farthing.task import TaskType, Usage
from farthing.usage.record import NO_MODEL

SHOWN_BAD_ROWS = 10
_FEW_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All that an audit says. `baseline` and `costs` are US dollars a month, `mixes` by profile."""

    found: Audited
    exports: Exports
    days_stated: bool
    book: str
    baseline: Decimal
    baseline_model: str | None
    """None is what is used today."""
    costs: tuple[ProfileCost, ...]
    unpriced: tuple[str, ...]
    """Profiles with models that the book has no price for."""
    mixes: Mapping[str, Mapping[TaskType, float]]
    mix_source: str
    advice: Recommendation


def show_verdict(out: Console, told: Verdict, *, kept: bool) -> None:
    """The audit for people. `kept`: a migration's status will know of it."""
    out.print(show.facts(_facts(told)))
    out.print(_models(told.found))
    out.print(_profiles(told))
    _show_advice(out, told.advice)
    for caution in cautions(told):
        out.print(f"note: {show.plain(caution)}", style="yellow", soft_wrap=True)
    _show_bad(out, told.exports)
    if kept:
        out.print("kept for: farthing migrate status", style="dim")


def cautions(told: Verdict) -> tuple[str, ...]:
    """What makes the figures weaker than they look."""
    return (
        *_column_cautions(told.exports),
        *_period_cautions(told),
        *why_nothing(told.found),
        *_price_cautions(told),
    )


def why_nothing(found: Audited) -> Iterable[str]:
    """The models that are in neither side, each with what would bring it in, and charges for no tokens."""
    for one in found.left_out:
        count = f"{one.use.usage.total_tokens:,} tokens"
        if one.use.model == NO_MODEL:
            yield (
                f"{count} are in neither side: their rows name no model; export grouped by model, or "
                f"--map '{NO_MODEL}=MODEL' prices them as one"
            )
            continue
        tokens = f"{count} of {one.use.model}"
        if one.known is not None:
            yield f"{tokens} are in neither side: no price book has a price for it, no export states a cost"
            continue
        near = f" (nearest known: {one.nearest})" if one.nearest else ""
        yield (
            f"{tokens} are in neither side: no cost is stated and the model is not known{near}; "
            f"--map '{one.use.model}={one.nearest or 'MODEL'}' prices them as another"
        )
    for one in found.models:
        if not one.use.usage.total_tokens and one.use.cost:
            cost = show.usd(one.use.cost)
            yield f"{cost} for {one.use.model} are in neither side: they come without tokens"
    if found.other_charges:
        yield f"{show.usd(found.other_charges)} of charges for no model (searches, code) are in neither side"


def _period_cautions(told: Verdict) -> Iterable[str]:
    found = told.found
    undated = told.exports.tally.undated_tokens
    if found.period is None and not told.days_stated:
        yield f"no row has a day: all rows are taken for {MONTH_DAYS} days; --days says how many they cover"
    elif undated and found.period is not None:
        yield f"{undated:,} tokens of rows without a day are counted in"
    if found.days < _FEW_DAYS and found.period is not None:
        yield f"a month is extrapolated from {show.counted(found.days, 'day')}"
    for start, end in () if found.period is None else found.period.gaps:
        yield f"nothing was used from {start} to {end}: those days are not counted"


def _price_cautions(told: Verdict) -> Iterable[str]:
    found = told.found
    if told.unpriced:
        yield f"{told.book} does not price the models of {', '.join(told.unpriced)}"
    if len({tuple(sorted(told.mixes[one.profile].items())) for one in told.costs}) > 1:
        yield "each profile is reckoned for the mix of work that is typical of it; --mix gives all the same"
    for one in found.models:
        yield from _model_cautions(one, told.book)
    if found.marked.get("batch"):
        tokens = f"{found.marked['batch']:,} tokens went through a batch API"
        yield f"{tokens}, which costs half; where no cost is stated they are computed in full"
    if found.marked.get("own_cache"):
        tokens = f"{found.marked['own_cache']:,} tokens were answered from a gateway's own cache"
        yield f"{tokens} and cost nothing; the profiles pay for them"
    if found.marked.get("one_hour_cache"):
        yield "writes to a one-hour cache are computed at the rate of a five-minute one, which is lower"
    if found.usage.cached_tokens:
        yield f"the profiles pay in full for the {found.usage.cached_tokens:,} tokens that came from a cache"


def _model_cautions(one: ModelCost, book: str) -> Iterable[str]:
    if one.use.idle_cost:
        yield f"{show.usd(one.use.idle_cost)} for {one.use.model} are left out: of days without tokens"
    if one.basis == "exported" and one.use.uncosted_tokens:
        yield f"the exported cost of {one.use.model} leaves out {one.use.uncosted_tokens:,} of its tokens"
    elif one.basis == "computed" and one.use.cost is not None:
        yield f"{one.use.model} has a cost for a part of its tokens only; all are computed"
    if one.basis == "computed" and one.book != book:
        yield f"{one.use.model} has no price in {book}; that of {one.book} is used"


def _column_cautions(exports: Exports) -> Iterable[str]:
    for file in exports.files:
        if file.problem is not None:
            yield f"{file.file}: {file.problem}"
        for layout in file.layouts:
            for column, name in layout.guessed.items():
                yield f"{file.file}: the column {name!r} is read as {column}, by the likeness of its name"


def _facts(told: Verdict) -> list[tuple[str, str]]:
    found, month = told.found, told.found.monthly_usage
    cached = f", {month.cached_tokens:,} of the input from a cache" if month.cached_tokens else ""
    on = told.baseline_model or "the models used today"
    without = ", without what is left out below" if found.left_out else ""
    return [
        *(("read", _file(file)) for file in told.exports.files if file.rows),
        ("period", _period(told)),
        ("a month", f"{month.input_tokens:,} tokens in, {month.output_tokens:,} out{cached}"),
        ("today", f"{show.usd(found.monthly_cost)} a month{without}"),
        ("baseline", f"{show.usd(told.baseline)} a month on {on}"),
        ("prices", told.book),
        ("task types", told.mix_source),
    ]


def _file(file: FileRead) -> str:
    titles = ", ".join(layout.title for layout in file.layouts)
    bad = f", {file.bad:,} not counted" if file.bad else ""
    return f"{file.file}: {titles}, {show.counted(file.rows, 'row')}{bad}"


def _period(told: Verdict) -> str:
    found = told.found
    if found.period is None:
        return f"{show.counted(found.days, 'day')}, {'as stated' if told.days_stated else 'assumed'}"
    dates = f"{found.period.first} to {found.period.last}"
    return f"{dates}, {show.counted(found.days, 'day')}; a month is {MONTH_DAYS}"


def _models(found: Audited) -> Table:
    columns = ("model", "requests", "tokens in", "cached", "tokens out", "exported", "computed")
    rows = [
        (
            one.use.model,
            f"{one.use.requests:,}" if one.use.requests else "—",
            f"{one.use.usage.input_tokens:,}",
            f"{one.use.usage.cached_tokens:,}",
            f"{one.use.usage.output_tokens:,}",
            "—" if one.use.cost is None else show.usd(one.use.cost),
            "unknown" if one.computed is None and one.use.usage.total_tokens else _or_dash(one.computed),
        )
        for one in found.models
    ]
    return show.table(columns, rows, title="In the period", right=columns[1:])


def _or_dash(amount: Decimal | None) -> str:
    return "—" if amount is None else show.usd(amount)


def _profiles(told: Verdict) -> Table:
    columns = ("profile", "a month", "saved", "%", "saved a year", "limit a month")
    rows = [
        (
            one.profile,
            show.usd(one.total),
            show.usd(told.baseline - one.total),
            show.percent(percent_saved(one.total, told.baseline)),
            show.usd((told.baseline - one.total) * 12),
            "none" if one.limit is None else show.usd(one.limit),
        )
        for one in told.costs
    ]
    return show.table(columns, rows, title="The same tokens on", right=columns[1:])


def _show_advice(out: Console, advice: Recommendation) -> None:
    out.print(f"Recommended: {advice.profile or 'stay with what you have'}", style="bold")
    for reason in advice.reasons:
        out.print(f"  because {reason}" if reason is advice.reasons[0] else f"  {reason}", soft_wrap=True)
    out.print("What no export tells:")
    for unknown in advice.unknown:
        out.print(f"  {unknown}", soft_wrap=True)


def _show_bad(out: Console, exports: Exports) -> None:
    if not exports.bad_count:
        return
    out.print(f"{show.counted(exports.bad_count, 'row')} not counted:", style="yellow")
    for bad in exports.bad[:SHOWN_BAD_ROWS]:
        out.print(f"  {bad.file}:{bad.line}: {show.plain(bad.reason)}", soft_wrap=True)
    if exports.bad_count > SHOWN_BAD_ROWS:
        out.print(f"  and {exports.bad_count - SHOWN_BAD_ROWS:,} more; --json has them all")


def as_json(told: Verdict) -> dict[str, object]:
    """The audit for machines: amounts are decimal text, percentages 0–100."""
    found, advice = told.found, told.advice
    return {
        "files": [_file_json(file) for file in told.exports.files],
        "bad_rows": told.exports.bad,
        "bad_row_count": told.exports.bad_count,
        "period": {
            "first": None if found.period is None else found.period.first.isoformat(),
            "last": None if found.period is None else found.period.last.isoformat(),
            "days": found.days,
            "month_days": MONTH_DAYS,
        },
        "models": [_model_json(one) for one in found.models],
        "left_out": [one.use.model for one in found.left_out],
        "other_charges": found.other_charges,
        "days": {day.isoformat(): _tokens(usage) for day, usage in told.exports.tally.by_day().items()},
        "month": {**_tokens(found.monthly_usage), "cost": round(found.monthly_cost, 9)},
        "baseline": {"model": told.baseline_model, "cost": round(told.baseline, 9)},
        "price_book": told.book,
        "mixes": told.mixes,
        "mix_source": told.mix_source,
        "profiles": [_profile_json(one, told.baseline) for one in told.costs],
        "recommended": advice.profile,
        "reasons": advice.reasons,
        "unknown": advice.unknown,
        "cautions": cautions(told),
    }


def _file_json(file: FileRead) -> dict[str, object]:
    return {
        "file": file.file,
        "formats": sorted({layout.format for layout in file.layouts}),
        "shapes": [layout.title for layout in file.layouts],
        "rows": file.rows,
        "bad_rows": file.bad,
        "problem": file.problem,
    }


def _model_json(one: ModelCost) -> dict[str, object]:
    use = one.use
    return {
        "model": use.model,
        "names": one.names,
        "known_as": one.known,
        "nearest": one.nearest,
        "rows": use.rows,
        "requests": use.requests,
        **_tokens(use.usage),
        "exported_cost": use.cost,
        "computed_cost": one.computed,
        "price_book": one.book,
        "cost": one.cost,
        "basis": one.basis,
    }


def _tokens(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _profile_json(one: ProfileCost, baseline: Decimal) -> dict[str, object]:
    return {
        "profile": one.profile,
        "cost": round(one.total, 9),
        "savings": round(baseline - one.total, 9),
        "savings_percent": tables.rounded(percent_saved(one.total, baseline)),
        "annual_savings": round((baseline - one.total) * 12, 9),
        "monthly_limit": one.limit,
    }
