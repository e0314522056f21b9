"""Rate limits that the processes of one database share: what each is granted is counted there.

One row of `meta` for each limit, locked while it is asked. What a minute holds is `limits/minute.py`'s.
"""

import asyncio
import logging
from hashlib import blake2s

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from farthing.limits.minute import Ask, Minute, Told, answered, as_text, of_text
from farthing.limits.shared import Exchange
from farthing.storage.database import Database
from farthing.storage.tables import meta

log = logging.getLogger("farthing.limits")


def sharing_through(database: Database) -> Exchange | None:
    """How limits are asked for; None where they are counted in each process: on SQLite, whose every commit
    would hold up the ledger's."""
    if database.is_sqlite:
        return None

    async def exchange(name: str, ask: Ask) -> Told | None:
        try:
            return await asyncio.to_thread(ask_once, database, name, ask)
        except DBAPIError as error:
            log.warning("the limit %s cannot be asked for, nothing is sent under it: %s", name, error.orig)
            return None

    return exchange


def ask_once(database: Database, name: str, ask: Ask) -> Told:
    """One transaction: counts what is granted, and corrects what was counted."""
    key = f"rate:{blake2s(name.encode(), digest_size=12).hexdigest()}"
    query = sa.select(meta.c.value).where(meta.c.key == key).with_for_update()
    with database.write() as connection:
        found = connection.execute(query).scalar_one_or_none()
        if found is None:
            database.add_missing(connection, meta, [{"key": key, "value": as_text(Minute())}])
            found = connection.execute(query).scalar_one()
        minute, told = answered(of_text(found), ask, database.now(connection))
        connection.execute(meta.update().where(meta.c.key == key).values(value=as_text(minute)))
    return told
