"""The SQL of kept prompts and answers. Each function runs in the caller's transaction and does one thing.

What may stand in a text is decided before it comes here (`redact.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from farthing.storage.database import Database
from farthing.storage.tables import content


class Kept(NamedTuple):
    """What one call was asked and answered, redacted. `at_us` is microseconds since 1970, UTC."""

    call_id: str
    at_us: int
    prompt: str
    answer: str


def read_content(connection: sa.Connection, call_id: str) -> Kept | None:
    """What was kept of a call; None where nothing was, or where its days are over."""
    row = connection.execute(sa.select(content).where(content.c.call_id == call_id)).one_or_none()
    return None if row is None else Kept(row.call_id, row.at_us, row.prompt, row.answer)


def keep(connection: sa.Connection, database: Database, entries: Sequence[Kept]) -> None:
    """Writes the entries; a call that has one already keeps it."""
    database.add_missing(connection, content, [entry._asdict() for entry in entries])


def delete_older(connection: sa.Connection, *, before_us: int) -> int:
    """Deletes what was kept before that moment; returns how many calls' texts went."""
    return connection.execute(content.delete().where(content.c.at_us < before_us)).rowcount
