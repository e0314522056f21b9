"""What the demo's tokens would cost by other prices."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from farthing.cli.work.demo import expected_today
from farthing.cli.work.ledger import RunReport, opened, read_run
from farthing.config.load import load_catalog
from farthing.task import Task
from farthing.testing import ScriptedUpstream, answer, deployment_on

NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def a_run(folder: Path, model: str) -> RunReport:
    """A run of one attempt of 1,000 tokens in and 100 out."""
    script = [answer("ok", input_tokens=1000, output_tokens=100)]
    async with deployment_on(ScriptedUpstream(script), folder) as deployment:
        await deployment.execute_task(Task(description="x", model=model, run_id="run-1"))
    with opened(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        assert ledger is not None
        found = read_run(ledger, "run-1", baseline_model="x", now=NOW)
    assert found is not None
    return found


async def test_the_same_tokens_by_a_books_prices(tmp_path: Path) -> None:
    run = await a_run(tmp_path, "meta-llama/llama-3.3-70b-instruct")
    tutorial = Decimal("0.0000001") * 1000 + Decimal("0.0000004") * 100
    assert expected_today(run, load_catalog("tutorial"), now=NOW) == tutorial
    assert expected_today(run, load_catalog("snapshot"), now=NOW) != tutorial
