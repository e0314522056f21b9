"""Questions beside their answers, and what the rechecks of answers to reworded ones came to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("answer", sa.Column("setting", sa.String(64)))
    op.add_column("answer", sa.Column("question", sa.Text))
    op.create_index("answer_setting", "answer", ["setting", "made_us"])
    op.create_table(
        "semantic_standing",
        sa.Column("task_type", sa.String(20), primary_key=True),
        sa.Column("hits", sa.BigInteger, nullable=False),
        sa.Column("rechecks", sa.BigInteger, nullable=False),
        sa.Column("false_hits", sa.BigInteger, nullable=False),
        sa.Column("off", sa.Boolean, nullable=False),
    )
