"""Map and reduce: every item once, a tree that depends on results alone, and bounded memory."""

import tracemalloc
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.swarm.patterned import form_of, run, said, swarm_of, told
from tests.swarm.scripted import Answer, Say, refused

from farthing.config.patterns import MapReduce
from farthing.errors import SwarmError, TaskFailedError
from farthing.swarm.agent import AgentSpec
from farthing.swarm.conducting.items import LONGEST_ITEM_CHARS, items_in
from farthing.task import Task

pytestmark = pytest.mark.usefixtures("no_task_left_behind")

MAPPERS = AgentSpec(type="analyst", count=3)


def item_of(task: Task) -> str:
    return told(task).rpartition("Item:\n")[2]


def maps(*failing: str, error: Exception | None = None):
    def script(task: Task) -> Answer:
        if task.role == "reducer":
            return Say(text="reduced " + " ".join(sorted(w for w in told(task).split() if w.startswith("<"))))
        return TaskFailedError("no") if item_of(task) in failing else Say(text=f"<{item_of(task)}>")

    return script


async def test_few_results_are_reduced_at_once() -> None:
    swarm, journey = swarm_of(maps(), MapReduce(items=("a", "b", "c", "d")), MAPPERS)
    result, _ = await run(swarm)
    assert result.output == "reduced <a> <b> <c> <d>"
    assert [task.agent_id for task in journey.tasks[:4]] == [
        "analyst-1",
        "analyst-2",
        "analyst-3",
        "analyst-1",
    ]
    assert journey.peak == 3
    assert len(journey.tasks) == 5


@settings(deadline=None, max_examples=30)
@given(items=st.integers(1, 90), fan_in=st.integers(2, 6), mappers=st.integers(1, 7))
async def test_each_item_reaches_the_answer_once_through_reductions_that_fit(
    items: int, fan_in: int, mappers: int
) -> None:
    names = tuple(f"i{number:03}" for number in range(items))
    pattern = MapReduce(items=names, fan_in=fan_in)
    swarm, journey = swarm_of(maps(), pattern, AgentSpec(type="analyst", count=mappers))
    result, _ = await run(swarm)
    assert result.output == "reduced " + " ".join(f"<{name}>" for name in names)
    for task in journey.tasks:
        if task.role == "reducer":
            assert told(task).count("\n## ") <= fan_in


async def test_without_items_a_splitter_makes_them() -> None:
    def script(task: Task) -> Answer:
        return said({"parts": ["one", " ", "two"]}) if form_of(task) == "parts" else maps()(task)

    swarm, journey = swarm_of(script, MapReduce(max_items=9), MAPPERS)
    result, _ = await run(swarm)
    assert result.output == "reduced <one> <two>"
    assert "at most 9 parts" in told(journey.tasks[0])


@pytest.mark.parametrize(
    ("answer", "stopped"),
    [
        (said({"parts": [""]}), "the splitter made no parts"),
        (TaskFailedError("no"), "the splitter failed: no"),
    ],
)
async def test_a_splitter_that_makes_nothing_stops_the_run(answer: Answer, stopped: str) -> None:
    result, _ = await run(swarm_of(lambda _: answer, MapReduce(), MAPPERS)[0])
    assert result.stopped == stopped


async def test_items_that_fail_are_told_to_the_reducer() -> None:
    swarm, journey = swarm_of(maps("b"), MapReduce(items=("a", "b", "c")), MAPPERS)
    result, _ = await run(swarm)
    assert result.output == "reduced <a> <c>"
    assert "1 of 3 items have no result." in told(journey.tasks[-1])


async def test_too_many_failures_stop_the_run_long_before_its_end() -> None:
    names = tuple(f"i{number}" for number in range(200))
    swarm, journey = swarm_of(maps(*names), MapReduce(items=names, quorum=0.9), MAPPERS)
    result, _ = await run(swarm)
    assert result.stopped == "only 0 of 24 items succeeded, and the quorum is 90%; analyst-1: no"
    assert len(journey.tasks) < 60


async def test_a_budget_that_is_met_stops_all_further_items() -> None:
    asked = count(1)

    def script(task: Task) -> Answer:
        return refused("swarm:run-1") if next(asked) > 30 else maps()(task)

    names = tuple(f"i{number}" for number in range(500))
    swarm, journey = swarm_of(script, MapReduce(items=names), MAPPERS)
    result, _ = await run(swarm)
    assert result.stopped == "the budget is exhausted: the limit of swarm:run-1 would be passed"
    assert result.totals.finished == 30
    assert len(journey.tasks) < 80


async def test_a_reduction_that_fails_is_made_up_for_by_a_digest() -> None:
    failing = count(1)

    def script(task: Task) -> Answer:
        if task.role == "reducer" and "Draw one text" in told(task) and next(failing) == 1:
            return TaskFailedError("no")
        return maps()(task)

    names = tuple(f"i{number}" for number in range(9))
    result, _ = await run(swarm_of(script, MapReduce(items=names, fan_in=3), MAPPERS)[0])
    assert result.stopped is None
    assert all(f"<{name}>" in result.output for name in names)


async def test_ten_times_the_items_pass_through_in_the_same_memory(tmp_path: Path) -> None:
    """Two runs, one ten times as long: what is held at most does not grow with the items."""

    def script(task: Task) -> Answer:
        return Say(text="reduced" if task.role == "reducer" else "x" * 500)

    peaks: list[int] = []
    for items in (400, 4_000):
        path = tmp_path / f"{items}.jsonl"
        path.write_text("".join(f'"item {number}"\n' for number in range(items)))
        swarm, journey = swarm_of(script, MapReduce(items_file=str(path)), MAPPERS)
        journey.forgets = True
        tracemalloc.start()
        async for _ in swarm.stream():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert swarm.totals.finished > items
        assert len(swarm.results) <= 1_000
    assert peaks[1] < 3 * peaks[0] + 4_000_000


def test_items_are_lines_of_json_or_text(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('"a text"\n\n{"id": 7}\n', encoding="utf-8")
    assert list(items_in(str(rows))) == ["a text", '{"id": 7}']
    lines = tmp_path / "lines.txt"
    lines.write_text('"a text"\n', encoding="utf-8")
    assert list(items_in(str(lines))) == ['"a text"']


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('"a"\nb\n', "line 2: is no JSON"),
        ("x" * (LONGEST_ITEM_CHARS + 1), "line 1: an item has at most 100,000"),
    ],
)
def test_a_line_that_is_no_item_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(SwarmError, match=problem):
        list(items_in(str(path)))


async def test_a_file_that_cannot_be_read_stops_the_run(tmp_path: Path) -> None:
    result, _ = await run(swarm_of(maps(), MapReduce(items_file=str(tmp_path / "no.jsonl")), MAPPERS)[0])
    assert result.stopped is not None
    assert "cannot be read" in result.stopped
