"""A run's report from the ledger's rows: attempts in order, the weakest basis, what is still open."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from farthing.cli.work.ledger import RunReport, basis_of, opened, read_run
from farthing.errors import TaskFailedError
from farthing.spend.report import CostReport
from farthing.task import Task
from farthing.testing import Reply, ScriptedUpstream, VirtualClock, answer, cut, deployment_on, failure

NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def reported(folder: Path, *script: Reply) -> RunReport:
    """The report of a run of one task that met these replies."""
    async with deployment_on(ScriptedUpstream(script), folder, clock=VirtualClock()) as deployment:
        with suppress(TaskFailedError):
            await deployment.execute_task(Task(description="Write a function", run_id="run-1", role="coder"))
    with opened(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        assert ledger is not None
        found = read_run(ledger, "run-1", baseline_model="claude-3.5-sonnet", now=NOW)
    assert found is not None
    return found


def basis_and_costs(run: RunReport) -> tuple[str, CostReport]:
    return basis_of(run.costs), run.costs


async def test_attempts_stand_in_order_with_the_one_that_was_accepted(tmp_path: Path) -> None:
    run = await reported(tmp_path, failure(429, retry_after=1), answer("ok", cost="0.000004"))
    (task,) = run.tasks
    assert [call.status for call in task.attempts] == ["failed", "accepted"]
    assert (task.cost, task.basis, task.role) == (Decimal("0.000004"), "reported", "coder")
    assert task.answered is task.attempts[1]
    assert "fallback after rate_limited 429" in task.attempts[1].why
    assert [call.ended for _, call in run.survived] == ["rate_limited 429, retry after 1 s"]
    assert basis_and_costs(run)[0] == "reported"


async def test_a_cost_that_nobody_knows_is_uncertain_at_its_worst(tmp_path: Path) -> None:
    run = await reported(tmp_path, cut("half", generation_id=None), answer("ok", generation_id="gen-2"))
    basis, costs = basis_and_costs(run)
    (task,) = run.tasks
    assert (basis, task.basis) == ("uncertain", "uncertain")
    assert task.attempts[0].cost == costs.uncertain > 0
    assert task.cost == costs.total_spend + costs.uncertain


async def test_an_answer_without_a_bill_is_computed(tmp_path: Path) -> None:
    run = await reported(tmp_path, answer("ok", cost=None, generation_id=None))
    assert basis_and_costs(run)[0] == "computed"
    assert run.tasks[0].basis == "computed"


async def test_a_failed_task_survived_nothing(tmp_path: Path) -> None:
    run = await reported(tmp_path, failure(401))
    assert (run.survived, run.tasks[0].answered, run.costs.total_spend) == ((), None, Decimal(0))


async def test_a_run_that_the_ledger_does_not_know_is_none(tmp_path: Path) -> None:
    await reported(tmp_path, answer("ok"))
    with opened(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        assert ledger is not None
        assert read_run(ledger, "run-2", baseline_model="x", now=NOW) is None


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'no' / 'ledger.db'}") as ledger:
        assert ledger is None
    assert list(tmp_path.iterdir()) == []
