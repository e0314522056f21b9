"""A model's answer of a run is journalled with its settlement, once, and by the claimer of its piece only."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from msgspec import structs

from farthing.errors import LedgerUnavailableError
from farthing.result import TaskResult
from farthing.spend import store
from farthing.storage.database import Database, sqlite_url
from farthing.storage.tables import ledger, step, writer
from farthing.swarm import claims
from farthing.swarm.claims import NewPiece
from farthing.task import StepKey, Task
from farthing.testing import Reply, ScriptedUpstream, answer, deployment_on, failure

KEY = StepKey(run_id="run-1", piece="coder-1", number=0)
GOES_ON = {"optimization.outputControl.continueTruncated": True}


def task_of(key: StepKey = KEY, **fields: object) -> Task:
    return structs.replace(Task(description="Say what you know", run_id="run-1", step=key), **fields)


def steps(folder: Path) -> list[sa.Row[tuple[object, ...]]]:
    database = Database(sqlite_url(folder / "ledger.db"))
    with database.read() as connection:
        found = list(connection.execute(sa.select(step).order_by(step.c.number)))
    database.close()
    return found


def result_in(row: sa.Row[tuple[object, ...]]) -> TaskResult:
    return msgspec.json.decode(row.body, type=TaskResult)


async def asked(folder: Path, script: list[Reply | str], task: Task, **overrides: object) -> TaskResult:
    async with deployment_on(ScriptedUpstream(script), folder, overrides=overrides) as deployment:
        return await deployment.execute_task(task)


async def test_the_result_is_journalled_with_its_attempts_and_its_call(tmp_path: Path) -> None:
    result = await asked(tmp_path, [failure(500), "It is so."], task_of())
    (row,) = steps(tmp_path)
    kept = result_in(row)
    assert (row.kind, row.number, row.call_id) == ("model", 0, result.attempts[-1].call_id)
    assert (kept.output, kept.tool_calls, kept.finish_reason) == ("It is so.", (), "stop")
    assert [one.call_id for one in kept.attempts] == [one.call_id for one in result.attempts]
    assert kept.metrics.cost == result.metrics.cost
    assert [one.model for one in kept.route.candidates] != []
    assert kept.route.excluded == ()


@contextmanager
def opened(folder: Path) -> Generator[Database]:
    database = Database(sqlite_url(folder / "ledger.db"))
    try:
        yield database
    finally:
        database.close()


async def test_a_step_and_its_settlement_are_one_transaction(tmp_path: Path) -> None:
    """A trigger sees the settlement in the step's transaction: were it a later one, it would be committed."""
    async with deployment_on(ScriptedUpstream(["It is so."]), tmp_path) as deployment:
        with opened(tmp_path) as database, database.write() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER refused BEFORE INSERT ON step "
                "WHEN (SELECT count(*) FROM ledger WHERE kind = 'settled') = 1 "
                "BEGIN SELECT RAISE(ROLLBACK, 'no step is written here'); END"
            )
        result = await deployment.execute_task(task_of())
        await deployment.cost_report()
        with opened(tmp_path) as database, database.read() as connection:
            (settled,) = connection.execute(
                sa.select(ledger.c.body).where(ledger.c.kind == "settled")
            ).scalars()
    # With the step its settlement was refused, too; it was written again, bare.
    assert "its details could not be written" in settled
    assert steps(tmp_path) == []
    assert result.output == "It is so."


async def test_an_answer_whose_bill_must_be_asked_for_is_journalled_at_once(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([answer("It is so.", generation_id="gen-7", cost=None)])
    async with deployment_on(upstream, tmp_path) as deployment:
        result = await deployment.execute_task(task_of())
        await deployment.cost_report()
        (row,) = steps(tmp_path)
        upstream.bills["gen-7"] = "0.000123"
    assert result_in(row).output == result.output
    assert row.call_id == result.attempts[0].call_id


async def test_an_answer_that_its_limit_cut_is_journalled_when_it_is_whole(tmp_path: Path) -> None:
    begun, rest = answer("It is", finish_reason="length"), answer(" so.", generation_id="gen-2")
    result = await asked(tmp_path, [begun, rest], task_of(), **GOES_ON)
    (row,) = steps(tmp_path)
    assert result_in(row).output == result.output
    assert len(result_in(row).attempts) == len(result.attempts) == 2


async def test_an_answer_that_stands_because_nothing_more_may_be_sent_is_journalled(tmp_path: Path) -> None:
    script: list[Reply | str] = [answer("It is", finish_reason="length"), *[failure(400) for _ in range(9)]]
    result = await asked(tmp_path, script, task_of(), **GOES_ON)
    (row,) = steps(tmp_path)
    assert result_in(row).output == result.output == "It is"
    assert len(result_in(row).attempts) == len(result.attempts) > 1


async def test_an_earlier_answer_is_journalled_beside_its_row(tmp_path: Path) -> None:
    async with deployment_on(ScriptedUpstream(["It is so."]), tmp_path) as deployment:
        deployment.enable_caching()
        await deployment.execute_task(task_of(structs.replace(KEY, number=0)))
        await deployment.execute_task(task_of(structs.replace(KEY, number=1)))
    first, second = steps(tmp_path)
    assert (result_in(first).cached, result_in(second).cached) == (False, True)
    assert second.call_id is None


async def test_a_task_of_no_run_and_one_that_failed_leave_no_step(tmp_path: Path) -> None:
    await asked(tmp_path, ["It is so."], Task(description="Say what you know"))
    assert steps(tmp_path) == []


async def test_who_lost_the_piece_pays_and_journals_nothing(tmp_path: Path) -> None:
    async with deployment_on(ScriptedUpstream(["Mine."]), tmp_path) as deployment:
        with opened(tmp_path) as database:
            with database.write() as connection:
                ours = connection.execute(sa.select(writer.c.epoch)).scalar_one()
                theirs = store.open_epoch(connection, label="another", lease_until=9e9)
            claims.claim_named(database, "run-1", [NewPiece("coder-1")], epoch=theirs)
        await deployment.execute_task(task_of(structs.replace(KEY, epoch=ours)))
        report = await deployment.cost_report()
    assert report.total_spend > 0
    assert steps(tmp_path) == []


async def test_nothing_is_sent_for_a_piece_that_a_lost_epoch_had_claimed(tmp_path: Path) -> None:
    upstream = ScriptedUpstream()
    async with deployment_on(upstream, tmp_path) as deployment:
        with pytest.raises(LedgerUnavailableError, match="may be gone on with elsewhere"):
            await deployment.execute_task(task_of(structs.replace(KEY, epoch=77)))
    assert upstream.requests == []
