"""Brings an older database to the newest schema. Alembic is imported only when there is something to do."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def upgrade(engine: sa.Engine, *, to: str = "head") -> None:
    """Runs the missing migrations, each in a transaction. Raises what Alembic or the database raises."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, to)
