"""Shared memory: namespaces, their entries, and the index that they are searched by."""

import sqlalchemy as sa
from alembic import op

from farthing.storage.words import word_index

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _spaces()
    _entries()
    _indexes()
    for statement in word_index(op.get_bind()):
        op.execute(statement)


def _spaces() -> None:
    op.create_table(
        "memory_space",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String(60), nullable=False),
        sa.Column("namespace", sa.String(120), nullable=False),
        sa.Column("changes", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("forgotten", sa.BigInteger, nullable=False),
    )
    op.create_index("memory_space_name", "memory_space", ["tenant", "namespace"], unique=True)


def _entries() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    key = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
    op.create_table(
        "memory",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("space", sa.Integer, nullable=False),
        sa.Column("key", key, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("gone", sa.String(10), nullable=False),
        sa.Column("until_us", sa.BigInteger),
        sa.Column("changed_us", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.String(120), nullable=False),
        sa.Column("holder", sa.String(120)),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("held_until_us", sa.BigInteger),
    )


def _indexes() -> None:
    op.create_index("memory_key", "memory", ["space", "key"], unique=True)
    op.create_index("memory_version", "memory", ["space", "version"])
    for name, column, condition in (
        ("memory_until", "until_us", "until_us IS NOT NULL"),
        ("memory_gone", "changed_us", "value IS NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, "memory", ["space", column], sqlite_where=where, postgresql_where=where)
