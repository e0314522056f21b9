"""What a comparison comes to: sums, latencies and passed checks of each side, as tables or JSON."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

from rich.console import Console

from farthing.cli.work import show
from farthing.cli.work.tables import SIMULATED_SENTENCE
from farthing.cli.work.trials import SIDES, Result, Side
from farthing.money import percent_saved

_SHORT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """One side. `low` and `high` are a 95 % interval of the share of answers that passed all checks."""

    answered: int
    cost: Decimal
    median_ms: float | None
    p95_ms: float | None
    output_tokens: int
    checked: int
    passed: int
    low: float | None
    high: float | None


def sums_of(results: Sequence[Result], side: Side, lines: set[int]) -> Sums:
    """The sums of a side over the given lines."""
    mine = [one for one in results if one.side == side and one.line in lines]
    times = sorted(one.latency_ms for one in mine)
    checked = [one for one in mine if one.verdicts]
    passed = sum(all(verdict.passed for verdict in one.verdicts) for one in checked)
    low, high = wilson(passed, len(checked)) if checked else (None, None)
    return Sums(
        answered=len(mine),
        cost=sum((one.cost for one in mine), Decimal(0)),
        median_ms=times[len(times) // 2] if times else None,
        p95_ms=times[min(len(times) - 1, int(len(times) * 0.95))] if times else None,
        output_tokens=sum(one.output_tokens for one in mine),
        checked=len(checked),
        passed=passed,
        low=low,
        high=high,
    )


def wilson(passed: int, count: int) -> tuple[float, float]:
    """The Wilson score interval of a share at 95 % (E. B. Wilson, 1927), fair for few trials."""
    z = 1.96
    share = passed / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def both_sides(results: Sequence[Result]) -> set[int]:
    """The lines that both sides have answered: only these are compared."""
    lines = [{one.line for one in results if one.side == side} for side in SIDES]
    return lines[0] & lines[1]


def comparison_json(results: Sequence[Result], profile: str, baseline: str) -> dict[str, object]:
    lines = both_sides(results)
    ours, theirs = (sums_of(results, side, lines) for side in SIDES)
    return {
        "profile": profile,
        "baseline": baseline,
        "baseline_models": sorted({one.model for one in results if one.side == "baseline"}),
        "compared": len(lines),
        "savings_percent": percent_saved(ours.cost, theirs.cost),
        "sides": {"profile": ours, "baseline": theirs},
        "simulated": any(one.simulated for one in results),
    }


def show_comparison(out: Console, results: Sequence[Result], profile: str, baseline: str) -> None:
    """Prompt by prompt, then the sums."""
    lines = both_sides(results)
    by_line = {(one.line, one.side): one for one in results}
    columns = ("line", "prompt", f"{profile}: model", "cost", "checks", f"{baseline}: cost", "checks ")
    rows: list[tuple[str, ...]] = []
    for line in sorted(lines):
        ours, theirs = (by_line[line, side] for side in SIDES)
        rows.append(
            (
                str(line),
                _short(ours.title),
                ours.model.rpartition("/")[2],
                show.usd(ours.cost),
                _passed(ours),
                show.usd(theirs.cost),
                _passed(theirs),
            )
        )
    out.print(show.table(columns, rows, right=("line", "cost", f"{baseline}: cost")))
    ours, theirs = (sums_of(results, side, lines) for side in SIDES)
    columns = ("", profile, baseline)
    rows = [(name, of(ours), of(theirs)) for name, of in _FIGURES]
    out.print(
        show.table(
            columns, rows, title=f"{show.counted(len(lines), 'prompt')} on both sides", right=columns[1:]
        )
    )
    saved = percent_saved(ours.cost, theirs.cost)
    out.print(f"saved: {show.percent(saved)} of the baseline's cost")
    others = sorted({one.model for one in results if one.side == "baseline"} - {baseline})
    others = [name for name in others if not name.endswith(f"/{baseline}")]
    if others:
        out.print(f"the baseline's answers came from {', '.join(others)}", soft_wrap=True)
    if any(one.simulated for one in results):
        out.print(SIMULATED_SENTENCE, style="yellow", soft_wrap=True)


def _share(sums: Sums) -> str:
    if sums.low is None or sums.high is None:
        return "—"
    return f"{sums.passed}/{sums.checked} ({sums.low:.0%}–{sums.high:.0%})"


def _ms(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f} ms"


_FIGURES: tuple[tuple[str, Callable[[Sums], str]], ...] = (
    ("cost", lambda sums: show.usd(sums.cost)),
    ("median latency", lambda sums: _ms(sums.median_ms)),
    ("95th percentile", lambda sums: _ms(sums.p95_ms)),
    ("output tokens", lambda sums: f"{sums.output_tokens:,}"),
    ("passed all checks (95 % interval)", _share),
)


def _passed(result: Result) -> str:
    if not result.verdicts:
        return "—"
    failed = [verdict.kind for verdict in result.verdicts if not verdict.passed]
    return f"failed: {', '.join(failed)}" if failed else "passed"


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
