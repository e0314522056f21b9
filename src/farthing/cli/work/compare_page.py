"""The page of a comparison: one HTML file without scripts, answers side by side, everything escaped."""

from collections.abc import Sequence
from html import escape

from farthing.cli.work import show
from farthing.cli.work.sides import both_sides, sums_of
from farthing.cli.work.trials import SIDES, Result
from farthing.money import percent_saved

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --good: #1b7f5c; --bad: #b5543c; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { border-bottom: 1px solid var(--line); padding: .3rem .8rem; }
td:not(:first-child), th:not(:first-child) { text-align: right; }
article { border-top: 2px solid var(--line); margin-top: 2rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, monospace; }
.passed { color: var(--good); } .failed { color: var(--bad); } .told { opacity: .75; }
@media (max-width: 50rem) { .pair { grid-template-columns: 1fr; } }
"""


def page_of(results: Sequence[Result], profile: str, baseline: str) -> str:
    """The whole page."""
    lines = sorted(both_sides(results))
    by_line = {(one.line, one.side): one for one in results}
    ours, theirs = (sums_of(results, side, set(lines)) for side in SIDES)
    saved = show.percent(percent_saved(ours.cost, theirs.cost))
    rows = [
        ("cost", show.usd(ours.cost), show.usd(theirs.cost)),
        ("output tokens", f"{ours.output_tokens:,}", f"{theirs.output_tokens:,}"),
        ("passed all checks", f"{ours.passed} of {ours.checked}", f"{theirs.passed} of {theirs.checked}"),
    ]
    simulated = any(one.simulated for one in results)
    articles = "".join(_article(by_line[line, "profile"], by_line[line, "baseline"]) for line in lines)
    warning = (
        "<p><strong>Simulated</strong>: a simulator answered, no money was spent.</p>" if simulated else ""
    )
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", profile, baseline))
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    title = f"{profile} and {baseline} on {show.counted(len(lines), 'prompt')}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{warning}<p>{escape(saved)} of the baseline's cost saved.</p>"
        f"<table><tr>{head}</tr>{body}</table>{articles}</body></html>\n"
    )


def _article(ours: Result, theirs: Result) -> str:
    sides = "".join(_side(one) for one in (ours, theirs))
    return (
        f'<article><h2>Line {ours.line}: {escape(ours.title)}</h2><div class="pair">{sides}</div></article>'
    )


def _side(one: Result) -> str:
    checks = "".join(
        f'<li class="{"passed" if verdict.passed else "failed"}">{escape(verdict.kind)}: '
        f"{'passed' if verdict.passed else escape('failed, ' + verdict.reason)}</li>"
        for verdict in one.verdicts
    )
    told = f"{one.model} · {show.usd(one.cost)} · {one.latency_ms:,.0f} ms · {one.output_tokens:,} tokens"
    listed = f"<ul>{checks}</ul>" if checks else ""
    return f'<section><p class="told">{escape(told)}</p>{listed}<pre>{escape(one.answer)}</pre></section>'
