"""Search in the database: which entries of a namespace have any of the words, by the index that there is.

SQLite's FTS5 and PostgreSQL's GIN each propose entries, those that fit best by their own measure first where
there are very many; a SQLite without FTS5 reads the namespace through. The order that callers see is
`recall.py`'s. A query's words are letters and digits only, so nothing of them can be an operator.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from farthing.storage.database import Database
from farthing.storage.tables import memory
from farthing.storage.words import TABLE, VECTOR
from farthing.swarm.memory.edits import Row
from farthing.swarm.memory.entry import Place
from farthing.swarm.memory.recall import Score, finds_beginnings, score
from farthing.swarm.memory.store import COLUMNS, Space, find_space, rows_of

PROPOSED = 200
"""Entries that an index proposes; only among these is the order decided."""


class Fit(NamedTuple):
    """An entry, and how well it fits."""

    score: Score
    row: Row


def search_rows(
    connection: sa.Connection, database: Database, place: Place, words: Sequence[str], *, limit: int
) -> list[Fit]:
    """The entries that have any of the words and have not expired, the best first."""
    space = find_space(connection, place)
    if space is None or not words:
        return []
    now_us = round(database.now(connection) * 1e6)
    proposed = rows_of(connection, _proposing(connection, database, space, words, now_us))
    fits = [fit for fit in _scored(proposed, words) if fit.score.found]
    return sorted(fits, key=lambda fit: (fit.score[:3], fit.row.version), reverse=True)[:limit]


def _scored(rows: Iterable[Row], words: Sequence[str]) -> Iterable[Fit]:
    return (Fit(score(words, row.words), row) for row in rows)


def _proposing(
    connection: sa.Connection, database: Database, space: Space, words: Sequence[str], now_us: int
) -> sa.Select[tuple[object, ...]]:
    living = sa.select(*COLUMNS).where(
        memory.c.space == space.id,
        memory.c.value.is_not(None),
        sa.or_(memory.c.until_us.is_(None), memory.c.until_us > now_us),
    )
    if not database.is_sqlite:
        return _by_vector(living, words)
    return _by_fts5(living, space, words) if _has_index(connection) else living


def _by_fts5(
    living: sa.Select[tuple[object, ...]], space: Space, words: Sequence[str]
) -> sa.Select[tuple[object, ...]]:
    any_of = " OR ".join(f'"{word}"{" *" if finds_beginnings(word) else ""}' for word in words)
    match = f'space : "{space.id}" AND words : ({any_of})'
    # The index alone first: joined at once, every match would have its whole row read to be ordered. Rows
    # without a value have no words.
    index = sa.table(TABLE, sa.column("rowid"), sa.column(TABLE), sa.column("rank"))
    best = sa.select(index.c.rowid).where(index.c[TABLE].match(match))
    best = best.order_by(index.c.rank, index.c.rowid.desc()).limit(PROPOSED)
    best_rows = best.subquery()
    return living.join(best_rows, best_rows.c.rowid == memory.c.id)


def _by_vector(living: sa.Select[tuple[object, ...]], words: Sequence[str]) -> sa.Select[tuple[object, ...]]:
    any_of = " | ".join(f"'{word}'{':*' if finds_beginnings(word) else ''}" for word in words)
    vector = sa.literal_column(VECTOR, TSVECTOR())
    query = sa.cast(sa.literal(any_of), TSQUERY)
    return (
        living.where(vector.op("@@")(query))
        .order_by(sa.func.ts_rank(vector, query).desc(), memory.c.version.desc())
        .limit(PROPOSED)
    )


def _has_index(connection: sa.Connection) -> bool:
    return (
        connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,)).first() is not None
    )
