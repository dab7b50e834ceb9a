"""Pairs, proxies, access keys, subscriptions, weight leases, small facts, outbox and applied events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _row_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table of the first schema."""
    _registries()
    _weights_and_facts()
    _messages()


def downgrade() -> None:
    """Drop every table of the first schema."""
    for table in (
        "event_applied",
        "outbox",
        "key_value",
        "weight_block",
        "weight_lease",
        "subscriptions",
        "api_keys",
        "proxy_config",
        "trading_pair_config",
    ):
        op.drop_table(table)


def _registries() -> None:
    op.create_table(
        "trading_pair_config",
        sa.Column("id", _row_id(), primary_key=True),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("market", sa.Text, nullable=False),
        sa.Column("symbol", sa.Text, nullable=False),
        sa.Column("venue_symbol", sa.Text, nullable=False),
        sa.Column("periods", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("history_start_ms", sa.BigInteger),
        sa.UniqueConstraint("venue", "market", "symbol", name="trading_pair_config_instrument"),
    )
    op.create_table(
        "proxy_config",
        sa.Column("id", _row_id(), primary_key=True),
        sa.Column("scheme", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("password_sealed", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("cooldown_until_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("scheme", "host", "port", "username", name="proxy_config_address"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", _row_id(), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("key_hash", sa.Text, nullable=False, unique=True),
        sa.Column("qps_limit", sa.Integer, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )


def _weights_and_facts() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("venue", sa.Text, primary_key=True),
        sa.Column("market", sa.Text, primary_key=True),
        sa.Column("connection", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("stream", sa.Text, nullable=False),
    )
    op.create_table(
        "weight_lease",
        sa.Column("bucket", sa.Text, primary_key=True),
        sa.Column("window", sa.BigInteger, primary_key=True),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "weight_block",
        sa.Column("bucket", sa.Text, primary_key=True),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "key_value",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _messages() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _row_id(), primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("causation_id", sa.Text, nullable=False),
        sa.Column("timestamp_ns", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("data_type", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("published_ns", sa.BigInteger),
    )
    unpublished = sa.text("published_ns IS NULL")
    op.create_index("outbox_unpublished", "outbox", ["id"], sqlite_where=unpublished, postgresql_where=unpublished)
    op.create_table(
        "event_applied",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("applied_ns", sa.BigInteger, nullable=False),
    )
