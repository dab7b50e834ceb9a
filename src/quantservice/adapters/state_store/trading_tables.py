"""The tables of trading as the newest migration leaves them. Money is exact decimal text, as everywhere outside arrays."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from quantservice.adapters.state_store.tables import metadata

_RowId: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVE: Final = sa.text("final = 0")
_LIVE_PG: Final = sa.text("NOT final")

accounts: Final = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("venue", sa.Text, nullable=False),
    sa.Column("market", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

venue_key: Final = sa.Table(
    "venue_key",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
    sa.Column("account", sa.Text, nullable=False, index=True),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("permissions", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("checked_ms", sa.BigInteger, nullable=False),
    sa.Column("rotated_ms", sa.BigInteger, nullable=False),
)

intent: Final = sa.Table(
    "intent",
    metadata,
    sa.Column("intent_id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("decided_ns", sa.BigInteger, nullable=False, index=True),
    sa.Column("data", sa.Text, nullable=False),
)

orders: Final = sa.Table(
    "orders",
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("intent_id", sa.Text, nullable=False, index=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("instrument", sa.Text, nullable=False),
    sa.Column("venue_order_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("created_ns", sa.BigInteger, nullable=False, index=True),
    sa.Column("data", sa.Text, nullable=False),
    # Few orders are open, and they are asked for again and again.
    sa.Index("orders_open", "account", "created_ns", sqlite_where=_LIVE, postgresql_where=_LIVE_PG),
    sa.Index("orders_venue_id", "account", "venue_order_id"),
)

fills: Final = sa.Table(
    "fills",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("order_id", sa.Text, nullable=False, index=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("instrument", sa.Text, nullable=False),
    sa.Column("time_ms", sa.BigInteger, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Index("fills_time", "account", "time_ms"),
)

positions: Final = sa.Table(
    "positions",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("deployment", sa.Text, primary_key=True),
    sa.Column("instrument", sa.Text, primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("quantity", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
)

journal: Final = sa.Table(
    "journal",
    metadata,
    sa.Column("sequence", _RowId, primary_key=True),
    sa.Column("entry_id", sa.Text, nullable=False, unique=True),
    sa.Column("account", sa.Text, nullable=False, index=True),
    sa.Column("deployment", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("time_ms", sa.BigInteger, nullable=False),
    sa.Column("postings", sa.Text, nullable=False),
)

balances: Final = sa.Table(
    "balances",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("deployment", sa.Text, primary_key=True),
    sa.Column("ledger_account", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("amount", sa.Text, nullable=False),
)

strategy_quotas: Final = sa.Table(
    "strategy_quotas",
    metadata,
    sa.Column("deployment", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("allocation", sa.Text, nullable=False),
    sa.Column("max_position", sa.Text, nullable=False),
    sa.Column("orders_per_day", sa.Integer, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
)

risk_state: Final = sa.Table(
    "risk_state",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
)

risk_decision: Final = sa.Table(
    "risk_decision",
    metadata,
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
    sa.Column("time_ns", sa.BigInteger, nullable=False, index=True),
)

run_event: Final = sa.Table(
    "run_event",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("time_ns", sa.BigInteger, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

gateway_lease: Final = sa.Table(
    "gateway_lease",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
)

#: Name -> columns of the view on deployments that the original designs call the table ``strategies``.
STRATEGIES_VIEW: Final = "strategies"
equity_point: Final = sa.Table(
    "equity_point",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("step_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("time_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("equity", sa.Text, nullable=False),
    sa.Column("low", sa.Text, nullable=False),
    sa.Column("high", sa.Text, nullable=False),
    sa.Column("paid_in", sa.Text, nullable=False),
)

statements: Final = sa.Table(
    "statements",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("day_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("differed_ms", sa.BigInteger, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

TRADING_TABLES: Final = (
    accounts,
    venue_key,
    intent,
    orders,
    fills,
    positions,
    journal,
    balances,
    strategy_quotas,
    risk_state,
    risk_decision,
    run_event,
    gateway_lease,
    equity_point,
    statements,
)
