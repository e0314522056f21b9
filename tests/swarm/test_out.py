"""Files of a run: whole, apart from other runs, and with sums that agree."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from tests.swarm.scripted import Say, result_of

from farthing.errors import TaskFailedError
from farthing.result import Attempt, CostBasis
from farthing.swarm.out import run_json, write_run
from farthing.swarm.results import SwarmResult, WorkResult, summed, totals_of, weakest

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
BASES: list[CostBasis] = ["reported", "computed", "uncertain"]
MONEY = st.decimals("0", "100", places=9)


def attempt(cost: Decimal, basis: CostBasis = "reported") -> Attempt:
    return Attempt(
        call_id="c", model="m", status="accepted", reason="ok", cost=cost, cost_basis=basis, latency_ms=1.0
    )


def piece(
    agent_id: str = "coder-1",
    *,
    cost: Decimal = Decimal("0.000000001"),
    basis: CostBasis = "reported",
    baseline: Decimal | None = Decimal("0.01"),
    failed: bool = False,
) -> WorkResult:
    tried = attempt(cost, basis)
    say = Say(text=f"text of {agent_id}", cost=cost, basis=basis, baseline=baseline)
    return WorkResult(
        agent_id=agent_id,
        role="coder",
        stage=1,
        title="the main path",
        result=None if failed else result_of(say, "task-1", tried),
        error=TaskFailedError("all candidates failed") if failed else None,
        attempts=(tried,),
    )


def run_of(*pieces: WorkResult, stopped: str | None = None, run_id: str = "run-1") -> SwarmResult:
    return SwarmResult(
        run_id=run_id,
        goal="a clock",
        output="" if stopped else "the answer",
        results=pieces,
        stopped=stopped,
        started_at=AT,
        finished_at=AT,
    )


PIECES = st.lists(
    st.builds(
        piece,
        cost=MONEY,
        basis=st.sampled_from(BASES),
        baseline=st.none() | MONEY,
        failed=st.booleans(),
    ),
    max_size=6,
)


@given(pieces=PIECES)
def test_totals_are_the_sums_of_the_tasks_to_the_last_digit(pieces: list[WorkResult]) -> None:
    told = json.loads(json.dumps(run_json(run_of(*pieces))))
    totals, tasks = told["totals"], told["tasks"]
    assert Decimal(totals["cost"]) == sum((Decimal(task["cost"]) for task in tasks), Decimal(0))
    assert Decimal(totals["cost"]) == sum((one.cost for one in pieces), Decimal(0))
    assert "E" not in totals["cost"].upper()
    assert totals["cost_basis"] == weakest(one.cost_basis for one in pieces)
    baselines = [task["baseline_cost"] for task in tasks if task["ok"]]
    if None in baselines:
        assert totals["baseline_cost"] is totals["net_savings"] is None
    else:
        assert Decimal(totals["baseline_cost"]) == sum(map(Decimal, baselines), Decimal(0))
        assert Decimal(totals["net_savings"]) == Decimal(totals["baseline_cost"]) - Decimal(totals["cost"])
    assert totals["tokens"]["input"] == sum(task["tokens"]["input"] for task in tasks if task["ok"])
    assert totals["attempts"] == sum(len(task["attempts"]) for task in tasks)
    assert (totals["finished"], totals["failed"]) == (
        sum(task["ok"] for task in tasks),
        sum(not task["ok"] for task in tasks),
    )


@given(bases=st.lists(st.sampled_from(BASES)))
def test_a_sum_is_as_certain_as_its_weakest_part(bases: list[CostBasis]) -> None:
    expected = next((basis for basis in reversed(BASES) if basis in bases), "reported")
    assert weakest(bases) == expected


def test_one_step_is_its_own_sum() -> None:
    one = piece().result
    assert one is not None
    assert summed([one]) is one
    assert summed([one, structs.replace(one, clamped=True)]).clamped


def test_net_savings_count_failures_against_us() -> None:
    totals = totals_of([piece(cost=Decimal("0.002")), piece(cost=Decimal("0.003"), failed=True)])
    assert totals.net_savings == Decimal("0.005")
    assert totals.savings_percent == Decimal(50)


def test_a_run_is_a_folder_of_its_own(tmp_path: Path) -> None:
    run = run_of(piece(), piece("coder-2", failed=True))
    folder = write_run(run, tmp_path / "deep" / "out")
    assert folder == tmp_path / "deep" / "out" / "run-1"
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == ["agents/coder-1.md", "agents/coder-2.md", "result.md", "run.json"]
    assert "the answer" in (folder / "result.md").read_text()
    assert "text of coder-1" in (folder / "agents/coder-1.md").read_text()
    assert "all candidates failed" in (folder / "agents/coder-2.md").read_text()
    told = cast("dict[str, object]", json.loads((folder / "run.json").read_text()))
    assert (told["run_id"], told["simulated"], told["stopped"]) == ("run-1", True, None)


def test_what_is_simulated_says_so_everywhere(tmp_path: Path) -> None:
    folder = write_run(run_of(piece()), tmp_path)
    assert all("imulated" in path.read_text() for path in folder.rglob("*") if path.is_file())


def test_a_stopped_run_says_why(tmp_path: Path) -> None:
    folder = write_run(run_of(piece(), stopped="the budget is exhausted"), tmp_path)
    assert "**Stopped before the end:** the budget is exhausted" in (folder / "result.md").read_text()


def test_no_file_of_another_run_is_touched(tmp_path: Path) -> None:
    first = write_run(run_of(piece()), tmp_path)
    before = (first / "run.json").read_text()
    second = write_run(run_of(piece("other-1")), tmp_path)
    assert (first.name, second.name) == ("run-1", "run-1-2")
    assert (first / "run.json").read_text() == before
    assert not (first / "agents" / "other-1.md").exists()


@pytest.mark.parametrize("name", ["../../etc", "/abs", "a/b", "..", ""])
def test_a_name_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    folder = write_run(run_of(piece(name), run_id=name or "r"), out)
    assert folder.parent == out
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(list((folder / "agents").iterdir())) == 1


def test_a_full_disk_leaves_no_half_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_run(run_of(piece()), tmp_path)
    assert list(tmp_path.iterdir()) == []
