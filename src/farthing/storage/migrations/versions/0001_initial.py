"""The first schema: writers, ledger, accounts, roll-ups, alerts, prices."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.String(40), primary_key=True),
        sa.Column("value", sa.String(200), nullable=False),
    )
    op.create_table(
        "writer",
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("lease_until", sa.Float, nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
    )
    _create_ledger()
    op.create_table(
        "account",
        sa.Column("scope", sa.String(80), primary_key=True),
        sa.Column("period", sa.String(20), primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("settled", "held", "uncertain")),
    )
    _create_rollup()
    op.create_table(
        "alert",
        sa.Column("scope", sa.String(80), primary_key=True),
        sa.Column("period", sa.String(20), primary_key=True),
        sa.Column("level", sa.String(10), primary_key=True),
        sa.Column("base", sa.BigInteger, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("committed", sa.BigInteger, nullable=False),
        sa.Column("delivered", sa.Boolean, nullable=False),
    )
    op.create_table(
        "price",
        sa.Column("book", sa.String(60), primary_key=True),
        sa.Column("model", sa.String(120), primary_key=True),
        sa.Column("rates", sa.Text, nullable=False),
    )


def _create_ledger() -> None:
    sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "ledger",
        sa.Column("seq", sequence, primary_key=True, autoincrement=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("call_id", sa.String(40), nullable=False),
        sa.Column("run_id", sa.String(40)),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("nano", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ledger_call", "ledger", ["call_id", "kind"], unique=True)
    has_run = sa.text("run_id IS NOT NULL")
    op.create_index("ledger_run", "ledger", ["run_id"], sqlite_where=has_run, postgresql_where=has_run)


def _create_rollup() -> None:
    keys = {"day": 10, "upstream": 80, "model": 120, "task_type": 20, "role": 40, "purpose": 20}
    sums = ("calls", "failed", "settled", "uncertain", "computed", "baseline", "wasted")
    op.create_table(
        "rollup",
        *(sa.Column(name, sa.String(width), primary_key=True) for name, width in keys.items()),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in (*sums, "input_tokens", "output_tokens")
        ),
    )
