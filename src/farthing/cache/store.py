"""Answers in the database, shared by its processes; and who of them asks for one that several want.

Thin: each function runs in the caller's transaction and does one thing. What may be kept is `answer.py`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from farthing.cache.answer import Asked, CachedAnswer, decode, encode
from farthing.cache.memory import Only
from farthing.storage.database import Database
from farthing.storage.tables import answer, flight, writer

_TOUCH_US = 60_000_000
"""An answer's last use is written down at most so often."""


class Region(NamedTuple):
    """What is kept of one task type for one tenant."""

    task_type: str
    tenant: str
    answers: int
    oldest_us: int
    newest_us: int


def find(connection: sa.Connection, keys: Iterable[str], *, now_us: int) -> dict[str, CachedAnswer]:
    """The answers under these keys that are young enough; their use is noted."""
    wanted = list(keys)
    rows = connection.execute(
        sa.select(answer.c.key, answer.c.body, answer.c.used_us).where(
            answer.c.key.in_(wanted), answer.c.until_us > now_us
        )
    ).all()
    worn = [row.key for row in rows if row.used_us <= now_us - _TOUCH_US]
    if worn:
        connection.execute(answer.update().where(answer.c.key.in_(worn)).values(used_us=now_us))
    return {row.key: decode(row.body) for row in rows}


def keep(
    connection: sa.Connection,
    database: Database,
    landed: Sequence[tuple[Asked, CachedAnswer]],
    *,
    now_us: int,
) -> None:
    """Keeps answers, and lets go what is too old or was used longest ago in a region that is full."""
    for asked, kept in landed:
        row = {
            "key": asked.key,
            "region": asked.region,
            "tenant": asked.tenant,
            "task_type": asked.task_type,
            "made_us": kept.made_us,
            "until_us": kept.until_us,
            "used_us": now_us,
            "body": encode(kept),
        }
        database.replace(connection, answer, row)
    for region, most in {asked.region: asked.max_size for asked, _ in landed}.items():
        _evict(connection, region, most, now_us=now_us)


def _evict(connection: sa.Connection, region: str, most: int, *, now_us: int) -> None:
    connection.execute(answer.delete().where(answer.c.region == region, answer.c.until_us <= now_us))
    beyond = (
        sa.select(answer.c.key)
        .where(answer.c.region == region)
        .order_by(answer.c.used_us.desc(), answer.c.key)
        .offset(most)
    )
    if connection.dialect.name == "sqlite":
        beyond = beyond.limit(-1)  # SQLite knows no offset without a limit
    surplus = list(connection.execute(beyond).scalars())
    if surplus:
        connection.execute(answer.delete().where(answer.c.key.in_(surplus)))


def clear(connection: sa.Connection, only: Only) -> int:
    """Deletes the answers that are meant; how many there were."""
    statement = answer.delete()
    if only.task_type is not None:
        statement = statement.where(answer.c.task_type == only.task_type)
    if only.tenant is not None:
        statement = statement.where(answer.c.tenant == only.tenant)
    return connection.execute(statement).rowcount


def regions(connection: sa.Connection) -> list[Region]:
    """What is kept, by task type and tenant."""
    query = (
        sa.select(
            answer.c.task_type,
            answer.c.tenant,
            sa.func.count(),
            sa.func.min(answer.c.made_us),
            sa.func.max(answer.c.made_us),
        )
        .group_by(answer.c.task_type, answer.c.tenant)
        .order_by(answer.c.task_type, answer.c.tenant)
    )
    return [Region(*row) for row in connection.execute(query)]


def claim(
    connection: sa.Connection, database: Database, keys: Iterable[str], *, epoch: int
) -> Mapping[str, bool]:
    """Whether each key is this epoch's to ask for. One whose epoch has ended is taken over."""
    now = database.now(connection)
    # In one order everywhere, so that two processes never wait for each other crosswise.
    return {key: _claim(connection, database, key, epoch=epoch, now=now) for key in sorted(keys)}


def _claim(connection: sa.Connection, database: Database, key: str, *, epoch: int, now: float) -> bool:
    if database.add_missing(connection, flight, [{"key": key, "epoch": epoch}]):
        return True
    mine_or_nobodys = sa.or_(flight.c.epoch == epoch, _is_nobodys(now))
    taken = flight.update().where(flight.c.key == key, mine_or_nobodys).values(epoch=epoch)
    return connection.execute(taken).rowcount == 1


def _is_nobodys(now: float) -> sa.ColumnElement[bool]:
    lives = sa.and_(writer.c.epoch == flight.c.epoch, writer.c.state == "live", writer.c.lease_until >= now)
    return ~sa.exists().where(lives)


def release_of_the_dead(connection: sa.Connection, database: Database) -> None:
    """Forgets who asked in processes that have ended."""
    connection.execute(flight.delete().where(_is_nobodys(database.now(connection))))


def release(connection: sa.Connection, keys: Iterable[str], *, epoch: int) -> None:
    """Nobody asks for these any more, as far as this epoch did."""
    connection.execute(flight.delete().where(flight.c.key.in_(sorted(keys)), flight.c.epoch == epoch))
