"""Trading: accounts and keys, intents, orders, fills, positions, journal, balances, quotas, risk, runs, gateway leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = (
    "accounts",
    "venue_key",
    "intent",
    "orders",
    "fills",
    "positions",
    "journal",
    "balances",
    "strategy_quotas",
    "risk_state",
    "risk_decision",
    "run_event",
    "gateway_lease",
)


def upgrade() -> None:
    """Create the tables of trading, and the view that the original designs call the table of strategies."""
    _keys()
    _orders()
    _books()
    _risk()
    op.execute(
        "CREATE VIEW strategies AS SELECT id, name, strategy, account, allocation, state, reason, version, created_ms, updated_ms "
        "FROM deployment"
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP VIEW strategies")
    for table in _TABLES:
        op.drop_table(table)


def _keys() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("venue", sa.Text, nullable=False),
        sa.Column("market", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "venue_key",
        sa.Column("id", _RowId, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("permissions", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("checked_ms", sa.BigInteger, nullable=False),
        sa.Column("rotated_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_venue_key_account", "venue_key", ["account"])


def _orders() -> None:
    op.create_table(
        "intent",
        sa.Column("intent_id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_ns", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("ix_intent_decided_ns", "intent", ["decided_ns"])
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Text, primary_key=True),
        sa.Column("intent_id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("venue_order_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("ix_orders_intent_id", "orders", ["intent_id"])
    op.create_index("ix_orders_created_ns", "orders", ["created_ns"])
    op.create_index(
        "orders_open", "orders", ["account", "created_ns"], sqlite_where=sa.text("final = 0"), postgresql_where=sa.text("NOT final")
    )
    op.create_index("orders_venue_id", "orders", ["account", "venue_order_id"])
    op.create_table(
        "fills",
        sa.Column("id", _RowId, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("ix_fills_order_id", "fills", ["order_id"])
    op.create_index("fills_time", "fills", ["account", "time_ms"])


def _books() -> None:
    op.create_table(
        "positions",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("deployment", sa.Text, primary_key=True),
        sa.Column("instrument", sa.Text, primary_key=True),
        sa.Column("side", sa.Text, primary_key=True),
        sa.Column("quantity", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("sequence", _RowId, primary_key=True),
        sa.Column("entry_id", sa.Text, nullable=False, unique=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("postings", sa.Text, nullable=False),
    )
    op.create_index("ix_journal_account", "journal", ["account"])
    op.create_table(
        "balances",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("deployment", sa.Text, primary_key=True),
        sa.Column("ledger_account", sa.Text, primary_key=True),
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("amount", sa.Text, nullable=False),
    )
    op.create_table(
        "strategy_quotas",
        sa.Column("deployment", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("allocation", sa.Text, nullable=False),
        sa.Column("max_position", sa.Text, nullable=False),
        sa.Column("orders_per_day", sa.Integer, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )


def _risk() -> None:
    op.create_table(
        "risk_state",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "risk_decision",
        sa.Column("id", _RowId, primary_key=True),
        sa.Column("intent_id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("instrument", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("limit", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_risk_decision_time_ns", "risk_decision", ["time_ns"])
    op.create_table(
        "run_event",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_table(
        "gateway_lease",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
