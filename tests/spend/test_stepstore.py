"""The journal's rows: written once, by the claimer of their piece, and spooled with their settlement."""

from pathlib import Path

import sqlalchemy as sa
from tests.spend.calls import AT_US, outcome

from farthing.spend import stepstore, store
from farthing.spend.batch import Event, journalled
from farthing.spend.spool import Spool
from farthing.spend.step import PieceDone, StepDone
from farthing.storage.database import Database
from farthing.storage.tables import piece, step
from farthing.swarm import claims
from farthing.swarm.claims import NewPiece
from farthing.task import StepKey


def done(number: int, *, epoch: int = 1, body: str = "{}", name: str = "a") -> StepDone:
    key = StepKey(run_id="run-1", piece=name, number=number, epoch=epoch)
    return StepDone(key=key, kind="model", at_us=AT_US, body=body, call_id=f"call-{number}")


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.read() as connection:
        query = sa.select(step.c.piece, step.c.number, step.c.epoch, step.c.body).order_by(step.c.number)
        return [tuple(row) for row in connection.execute(query)]


def test_a_step_is_written_once(database: Database) -> None:
    with database.write() as connection:
        stepstore.write(connection, [done(0), done(1), done(0, body="again")])
        stepstore.write(connection, [done(1, body="again")])
    assert rows(database) == [("a", 0, 1, "{}"), ("a", 1, 1, "{}")]


def test_a_step_and_an_end_of_a_piece_that_another_has_claimed_are_not_written(database: Database) -> None:
    with database.write() as connection:
        mine, theirs = (store.open_epoch(connection, label="t", lease_until=9e9) for _ in range(2))
    claims.claim_named(database, "run-1", [NewPiece("a")], epoch=theirs)
    claims.claim_named(database, "run-1", [NewPiece("b")], epoch=mine)
    ends = [PieceDone(run_id="run-1", piece=name, epoch=mine, result="{}") for name in ("a", "b")]
    with database.write() as connection:
        stepstore.write(connection, [done(0, epoch=mine), done(1, epoch=mine, name="b"), *ends])
    assert rows(database) == [("b", 1, mine, "{}")]
    with database.read() as connection:
        states = {row.piece: row.state for row in connection.execute(sa.select(piece))}
    assert states == {"a": "claimed", "b": "done"}


def test_what_is_journalled_comes_alone_or_with_a_settlement() -> None:
    with_step = outcome("call-1", 5)
    events: list[Event] = [done(0), with_step, PieceDone(run_id="r", piece="p", epoch=1, result="{}")]
    assert len(journalled(events)) == 2


def test_the_spool_takes_steps_along(tmp_path: Path) -> None:
    from msgspec import structs

    spool = Spool(tmp_path / "spool")
    events: list[Event] = [
        structs.replace(outcome("call-1", 5), step=done(1)),
        done(2),
        PieceDone(run_id="run-1", piece="a", epoch=1, result='{"x":1}'),
    ]
    spool.append(events)
    with spool.claim() as found:
        assert list(found) == events
