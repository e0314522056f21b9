"""The journal of a run as it is read: its pages, and what is known of a run that goes on.

Decides nothing about who does the work; where new steps go is an argument.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from farthing.errors import SwarmError
from farthing.result import Attempt, TaskResult
from farthing.spend import store
from farthing.spend.runs import Call, fold
from farthing.spend.step import StepDone
from farthing.storage.database import Database
from farthing.swarm import runs
from farthing.swarm.journal import ToolResult
from farthing.swarm.resuming import PieceEnd, decode_piece_end, decode_result, interrupted, priced_again
from farthing.swarm.runs import StepRow
from farthing.task import StepKey

log = logging.getLogger("farthing.swarm")

_decode_tools = msgspec.json.Decoder(tuple[ToolResult, ...]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a journal has of a run that goes on."""

    steps: Mapping[str, Mapping[int, StepRow]]
    calls: Mapping[str, Call]
    failed: Mapping[str, PieceEnd]
    """Pieces whose failure stands, because others were begun after it."""
    pieces: int
    interrupted: tuple[Attempt, ...]


NOTHING_KNOWN = Known(steps={}, calls={}, failed={}, pieces=0, interrupted=())


class KeptPages:
    """The pages of one piece: what is journalled is given back, what is new goes to the ledger's writer."""

    def __init__(
        self,
        key: StepKey,
        rows: Mapping[int, StepRow],
        calls: Mapping[str, Call],
        *,
        record: Callable[[StepDone], None] | None,
        now_us: Callable[[], int],
    ) -> None:
        """`record` None: nothing is added, and the end of the journal is an error."""
        self._key, self._rows, self._calls = key, rows, calls
        self._record, self._now_us = record, now_us

    def key(self, number: int) -> StepKey | None:
        return msgspec.structs.replace(self._key, number=number)

    def answer(self, number: int) -> TaskResult | None:
        row = self._row(number, "model")
        return None if row is None else priced_again(decode_result(row.body), self._calls)

    def tool_results(self, number: int) -> Sequence[ToolResult] | None:
        row = self._row(number, "tools")
        return None if row is None else _decode_tools(row.body)

    def keep_tool_results(self, number: int, results: Sequence[ToolResult]) -> None:
        if self._record is None:
            return
        try:
            body = msgspec.json.encode(tuple(results)).decode()
        except ValueError:  # text that is no UTF-8
            log.exception("the tools' results of step %s of %s cannot be journalled", number, self._key.piece)
            return
        key = msgspec.structs.replace(self._key, number=number)
        self._record(StepDone(key=key, kind="tools", at_us=self._now_us(), body=body))

    def _row(self, number: int, kind: str) -> StepRow | None:
        row = self._rows.get(number)
        where = f"step {number} of {self._key.piece} in {self._key.run_id}"
        if row is None:
            if self._record is None:
                raise SwarmError(f"the journal ends at {where}", hint="nothing is asked of a model here")
            return None
        if row.kind != kind:
            raise SwarmError(
                f"{where} was {row.kind} when it was journalled, and is {kind} now",
                hint="the agents, their tools or the caps have changed since; begin a new run",
            )
        return row


def read_known(database: Database, run_id: str, *, resumes: bool) -> Known:
    """A run's journal. `resumes`: failures after which nothing was begun are tried again."""
    with database.read() as connection:
        steps = runs.read_steps(connection, run_id)
        pieces = runs.read_pieces(connection, run_id)
        book = fold(store.read_rows(connection, run_id=run_id))
    by_piece: dict[str, dict[int, StepRow]] = {}
    for row in steps:
        by_piece.setdefault(row.piece, {})[row.number] = row
    ends = {row.piece: decode_piece_end(row.result) for row in pieces if row.state == "done" and row.result}
    failed = {name: end for name, end in ends.items() if end.error}
    if resumes:
        again = [name for name, end in failed.items() if end.pieces >= len(pieces)]
        runs.try_again(database, run_id, again)
        failed = {name: end for name, end in failed.items() if name not in again}
    journalled = {one.call_id for end in failed.values() for one in end.attempts}
    for row in steps:
        if row.kind == "model":
            journalled.update(one.call_id for one in decode_result(row.body).attempts)
    return Known(
        steps=by_piece,
        calls=book.calls,
        failed=failed,
        pieces=len(pieces),
        interrupted=interrupted(book, journalled),
    )


def read_piece_pages(
    database: Database, run_id: str, name: str
) -> tuple[dict[int, StepRow], dict[str, Call]]:
    """What is journalled of one piece, and the calls of its run as the ledger has them."""
    with database.read() as connection:
        steps = {row.number: row for row in runs.read_steps(connection, run_id, name=name)}
        calls = fold(store.read_rows(connection, run_id=run_id)).calls if steps else {}
    return steps, calls
