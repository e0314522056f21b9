"""Answers that may be given again, who asks for one, and what giving them again saved."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("rollup", "rollup_by"):
        for name in ("reused", "saved"):
            op.add_column(table, sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "answer",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("region", sa.String(20), nullable=False),
        sa.Column("tenant", sa.String(60), nullable=False),
        sa.Column("task_type", sa.String(20), nullable=False),
        sa.Column("made_us", sa.BigInteger, nullable=False),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sa.Column("used_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("answer_used", "answer", ["region", "used_us"])
    op.create_table(
        "flight",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
    )
