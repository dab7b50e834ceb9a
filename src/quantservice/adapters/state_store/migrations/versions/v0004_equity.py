"""Equity over time: a row per account, step and bucket."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "equity_point",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("step_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("equity", sa.Text, nullable=False),
        sa.Column("low", sa.Text, nullable=False),
        sa.Column("high", sa.Text, nullable=False),
        sa.Column("paid_in", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("equity_point")
