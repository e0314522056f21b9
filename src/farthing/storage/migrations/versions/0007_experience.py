"""What the ledger teaches of models, by day."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experience",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("task_type", sa.String(20), primary_key=True),
        sa.Column("model", sa.String(120), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
