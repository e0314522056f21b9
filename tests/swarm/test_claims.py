"""Pieces are claimed by one process each, and a dead one's by the next: on both databases."""

import asyncio
import sys
from pathlib import Path

import sqlalchemy as sa

from farthing.spend import store
from farthing.storage.database import Database
from farthing.storage.tables import piece, run
from farthing.swarm import claims
from farthing.swarm.claims import ClaimedPiece, NewPiece, Standing

CLAIMER = Path(__file__).with_name("claimer.py")


def epoch_of(database: Database) -> int:
    with database.write() as connection:
        return store.open_epoch(connection, label="a test", lease_until=9e9)


def die(database: Database, epoch: int) -> None:
    with database.write() as connection:
        store.close_epoch(connection, epoch=epoch, state="expired")


def test_a_piece_is_put_once_claimed_once_and_finished_by_its_claimer(database: Database) -> None:
    ours, theirs = epoch_of(database), epoch_of(database)
    assert claims.put(database, "run-1", [NewPiece("a", '{"n":1}'), NewPiece("b")]) == 2
    assert claims.put(database, "run-1", [NewPiece("a"), NewPiece("c")]) == 1
    first = claims.claim(database, ours, 2)
    assert first == [ClaimedPiece("run-1", "a", 1, '{"n":1}'), ClaimedPiece("run-1", "b", 1, "{}")]
    assert [one.name for one in claims.claim(database, theirs, 9)] == ["c"]
    assert claims.claim(database, theirs, 9) == []
    assert not claims.finish(database, "run-1", "a", theirs, "{}")
    assert claims.finish(database, "run-1", "a", ours, '{"done":1}')
    assert not claims.finish(database, "run-1", "a", ours, "{}")
    assert claims.counts(database, "run-1") == {"done": 1, "claimed": 2}


def test_what_a_dead_process_claimed_is_claimed_again_and_what_it_finishes_late_is_refused(
    database: Database,
) -> None:
    dead, ours = epoch_of(database), epoch_of(database)
    claims.put(database, "run-1", [NewPiece("a"), NewPiece("b")])
    claims.claim(database, dead, 1)
    assert [one.name for one in claims.claim(database, ours, 9)] == ["b"]
    die(database, dead)
    assert claims.claim(database, dead, 9) == []
    assert claims.claim(database, ours, 9) == [ClaimedPiece("run-1", "a", 2, "{}")]
    assert not claims.finish(database, "run-1", "a", dead, "{}")
    assert claims.finish(database, "run-1", "a", ours, "{}")


def test_what_is_given_back_is_ready_and_an_ended_run_has_no_work(database: Database) -> None:
    ours, theirs = epoch_of(database), epoch_of(database)
    claims.put(database, "run-1", [NewPiece("a")])
    claims.put(database, "run-2", [NewPiece("a")])
    assert len(claims.claim(database, ours, 9)) == 2
    assert claims.give_back(database, ours, "run-1") == 1
    assert [one.run_id for one in claims.claim(database, theirs, 9, "run-1")] == ["run-1"]
    assert claims.give_back(database, ours) == 1
    with database.write() as connection:
        ended = {"run_id": "run-2", "state": "cancelled", "epoch": 0, "began_us": 1, "body": "{}"}
        connection.execute(run.insert(), ended)
    assert claims.claim(database, ours, 9) == []


def test_named_pieces_are_claimed_at_once_where_they_are_free(database: Database) -> None:
    ours, theirs = epoch_of(database), epoch_of(database)
    claims.put(database, "run-1", [NewPiece("done"), NewPiece("held")])
    claims.claim(database, theirs, 9)
    claims.finish(database, "run-1", "done", theirs, '"r"')
    asked = [NewPiece(name) for name in ("new", "held", "done")]
    assert claims.claim_named(database, "run-1", asked, epoch=ours) == {
        "done": Standing("done", "done", theirs, 1, '"r"'),
        "held": Standing("held", "claimed", theirs, 1, None),
        "new": Standing("new", "claimed", ours, 1, None),
    }
    die(database, theirs)
    again = claims.claim_named(database, "run-1", asked, epoch=ours)
    assert again["held"] == Standing("held", "claimed", ours, 2, None)
    assert again["new"].claims == 1


async def test_several_processes_share_all_pieces_and_no_piece_is_done_twice(
    url: str, database: Database
) -> None:
    names = [f"piece-{number:03}" for number in range(120)]
    claims.put(database, "run-1", map(NewPiece, names))
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(CLAIMER), url, str(epoch_of(database)), stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    told = [(await worker.communicate())[0].decode().split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert sorted(name for one in told for name in one) == names
    with database.read() as connection:
        assert connection.execute(sa.select(piece.c.state, piece.c.claims).distinct()).all() == [("done", 1)]
