"""Alerts that know who delivers them; roll-ups by agent, swarm, key, tag; kept content."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _widen_alerts()
    keys = {"day": 10, "upstream": 80, "dimension": 10, "name": 120}
    sums = ("calls", "failed", "settled", "uncertain", "computed", "baseline", "wasted")
    op.create_table(
        "rollup_by",
        *(sa.Column(name, sa.String(width), primary_key=True) for name, width in keys.items()),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in (*sums, "input_tokens", "output_tokens")
        ),
    )
    op.create_table(
        "content",
        sa.Column("call_id", sa.String(40), primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
    )
    op.create_index("content_at", "content", ["at_us"])


def _widen_alerts() -> None:
    """Made anew, as SQLite cannot change a primary key. What was sent before counts as delivered."""
    connection = op.get_bind()
    columns = ("scope", "period", "level", "base", "at_us", "committed")
    rows = connection.execute(sa.text(f"SELECT {', '.join(columns)} FROM alert")).all()  # noqa: S608 - names
    op.drop_table("alert")
    alert = op.create_table(
        "alert",
        sa.Column("scope", sa.String(80), primary_key=True),
        sa.Column("period", sa.String(20), primary_key=True),
        sa.Column("level", sa.String(20), primary_key=True),
        sa.Column("base", sa.BigInteger, primary_key=True),
        sa.Column("subject", sa.String(80), primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("committed", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("delivered", sa.Boolean, nullable=False),
    )
    new = {"subject": "", "detail": "", "epoch": 0, "tries": 1, "delivered": True}
    op.bulk_insert(alert, [{**dict(zip(columns, row, strict=True)), **new} for row in rows])
