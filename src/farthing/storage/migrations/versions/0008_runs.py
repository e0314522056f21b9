"""Runs that can be gone on with: their pieces of work, the steps done, and what waits for approval."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _runs()
    _work()
    _approvals()


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("began_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
    )
    op.create_index("run_state", "run", ["state", "began_us"])


def _work() -> None:
    op.create_table(
        "piece",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("piece", sa.String(120), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("ready_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
    )
    op.create_index("piece_state", "piece", ["state", "ready_us"])
    op.create_table(
        "step",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("piece", sa.String(120), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("call_id", sa.String(40)),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def _approvals() -> None:
    op.create_table(
        "approval",
        sa.Column("run_id", sa.String(40), primary_key=True),
        sa.Column("piece", sa.String(120), primary_key=True),
        sa.Column("call_id", sa.String(80), primary_key=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("agent_id", sa.String(120), nullable=False),
        sa.Column("tool", sa.String(80), nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("asked_us", sa.BigInteger, nullable=False),
        sa.Column("decided_us", sa.BigInteger),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("approval_state", "approval", ["state", "asked_us"])
