"""The page on what levers save has its figures in its place, of the workloads as they are now."""

import re
from datetime import UTC, datetime

import msgspec
import pytest
from scripts.record_costs import BEGIN, END, PAGE, with_figures

from farthing.bench.cost import Measured
from farthing.bench.machine import this_machine
from farthing.bench.saving.bootstrap import Saved
from farthing.bench.saving.compare import ALL, MEASURED, NOT_HERE, Row
from farthing.bench.saving.judge import Judged
from farthing.bench.saving.levers import Claim, Lever
from farthing.bench.saving.measure import Sums
from farthing.bench.workloads import WORKLOADS, shares_of

TEXT = PAGE.read_text(encoding="utf-8")
SUMS = Sums(
    cost=2_000_000_000,
    input_tokens=10,
    cached_tokens=0,
    output_tokens=5,
    calls=1,
    extra_calls=0,
    baseline=9,
    reserved=8,
)
JUDGED = Judged(tasks=10, hits=4, false_hits=0, checked=10, passed=10, cut=0, failed=0, reasons=())
CLAIM = Claim(least=30, most=50, of="cost", words="caching 30–50 %")


def measured() -> Measured:
    row = Row(
        lever="exact cache",
        workload="questions",
        status=MEASURED,
        against="without it",
        off=SUMS,
        on=msgspec.structs.replace(SUMS, cost=1_200_000_000),
        cost=Saved(percent=40.0, least=35.0, most=45.0),
        judged_off=JUDGED,
        judged_on=JUDGED,
    )
    other = Row(lever="semantic cache", workload=ALL, status=NOT_HERE, against="", why="not built")
    return Measured(
        at=datetime(2026, 11, 28, tzinfo=UTC),
        simulated=True,
        machine=this_machine(),
        profile="balanced",
        book="snapshot",
        baseline="claude-3.5-sonnet",
        seed=1,
        bootstrap_draws=1000,
        workloads=[{"name": "questions", "version": 1, "tasks": 10}],
        levers=[Lever(name="exact cache", on={}, claim=CLAIM)],
        rows=[row, other],
        herd=None,
        herd_missing=False,
    )


def test_figures_are_written_between_the_markers_and_nothing_else_changes() -> None:
    page = f"words before\n{BEGIN}\nformer figures\n{END}\nwords after"
    text = with_figures(page, measured())
    assert text.startswith("words before\n")
    assert text.endswith("\nwords after")
    assert "former figures" not in text
    assert "| caching 30–50 % | exact cache | questions | 40.0 [35.0, 45.0] | reached |" in text
    assert "| exact cache | $2.00 | $1.20 |" in text
    assert "*not here yet*: semantic cache." in text
    assert "simulated" in text
    assert with_figures(text, measured()) == text


@pytest.mark.parametrize("page", ["no marker", BEGIN])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="the page has no"):
        with_figures(page, measured())


def test_the_pages_figures_are_of_the_workloads_as_they_are() -> None:
    shown = dict(re.findall(r"([\w-]+) (\d+) \(\d+ tasks\)", TEXT))
    assert shown == {name: str(workload.version) for name, workload in WORKLOADS.items()}
    for name, workload in WORKLOADS.items():
        assert f"| `{name}` | {len(workload.works())} " in TEXT


def test_the_page_says_how_much_of_the_questions_repeats() -> None:
    shares = shares_of(WORKLOADS["questions"].works())
    assert f"{shares['exact']:.0%}".replace("%", " %") + " exact repeats" in TEXT
    assert f"{shares['paraphrased']:.0%}".replace("%", " %") + " in other words" in TEXT
