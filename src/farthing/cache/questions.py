"""What the semantic cache has in the database: questions beside their answers, and the standing of each type.

Thin: each function runs in the caller's transaction. What is kept is the question's text, read anew by who
loads it: a reading that another version made must not be compared with one of this.
"""

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from farthing.cache.reading import Reading, read
from farthing.cache.recheck import Counted, Standing, exceeds
from farthing.storage.database import Database
from farthing.storage.tables import answer, semantic_standing
from farthing.task import TaskType


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The column `question`."""

    text: str


def encode(text: str) -> str:
    return msgspec.json.encode(Kept(text=text)).decode()


def load(
    connection: sa.Connection, setting: str, task_type: TaskType, *, since_us: int, now_us: int, most: int
) -> list[tuple[str, Reading]]:
    """The keys and readings of the newest questions with a young answer, oldest first."""
    rows = connection.execute(
        sa.select(answer.c.key, answer.c.question)
        .where(
            answer.c.setting == setting,
            answer.c.task_type == task_type,
            answer.c.question.is_not(None),
            answer.c.made_us >= since_us,
            answer.c.until_us > now_us,
        )
        .order_by(answer.c.made_us.desc(), answer.c.key)
        .limit(most)
    ).all()
    return [(row.key, read(msgspec.json.decode(row.question, type=Kept).text)) for row in reversed(rows)]


def standings(connection: sa.Connection) -> dict[TaskType, Standing]:
    rows = connection.execute(sa.select(semantic_standing))
    found = [
        Standing(
            task_type=row.task_type,
            hits=row.hits,
            rechecks=row.rechecks,
            false_hits=row.false_hits,
            off=row.off,
        )
        for row in rows
    ]
    return {standing.task_type: standing for standing in found}


def add(connection: sa.Connection, database: Database, counted: Mapping[TaskType, Counted]) -> None:
    """Adds to what all processes counted, and switches off the types that their sum speaks against."""
    table = semantic_standing
    for task_type in sorted(counted):  # in one order everywhere: no two processes wait crosswise
        more = counted[task_type]
        empty = {"task_type": task_type, "hits": 0, "rechecks": 0, "false_hits": 0, "off": False}
        database.add_missing(connection, table, [empty])
        sums = connection.execute(
            table.update()
            .where(table.c.task_type == task_type)
            .values(
                hits=table.c.hits + more.hits,
                rechecks=table.c.rechecks + more.rechecks,
                false_hits=table.c.false_hits + more.false_hits,
            )
            .returning(table.c.rechecks, table.c.false_hits)
        ).one()
        if more.rechecks and exceeds(sums.false_hits, sums.rechecks, more.rate):
            connection.execute(table.update().where(table.c.task_type == task_type).values(off=True))


def shared_of(database: Database) -> Mapping[TaskType, Standing]:
    """All standings, in a transaction of its own."""
    with database.read() as connection:
        return standings(connection)


def added(database: Database, counted: Mapping[TaskType, Counted]) -> Mapping[TaskType, Standing]:
    """All standings after `add`, in a transaction of its own."""
    with database.write() as connection:
        add(connection, database, counted)
        return standings(connection)
