"""The tables as the newest migration leaves them. Times are UTC: ``_ms`` milliseconds, ``_ns`` nanoseconds."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

metadata: Final = sa.MetaData()

# SQLite numbers rows by itself only for a column declared exactly INTEGER PRIMARY KEY.
_RowId: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

trading_pair_config: Final = sa.Table(
    "trading_pair_config",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
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

proxy_config: Final = sa.Table(
    "proxy_config",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
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

api_keys: Final = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("key_hash", sa.Text, nullable=False, unique=True),
    sa.Column("qps_limit", sa.Integer, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)

subscriptions: Final = sa.Table(
    "subscriptions",
    metadata,
    sa.Column("venue", sa.Text, primary_key=True),
    sa.Column("market", sa.Text, primary_key=True),
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("stream", sa.Text, nullable=False),
)

weight_lease: Final = sa.Table(
    "weight_lease",
    metadata,
    sa.Column("bucket", sa.Text, primary_key=True),
    sa.Column("window", sa.BigInteger, primary_key=True),
    sa.Column("used", sa.BigInteger, nullable=False),
)

weight_block: Final = sa.Table(
    "weight_block",
    metadata,
    sa.Column("bucket", sa.Text, primary_key=True),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
)

key_value: Final = sa.Table(
    "key_value",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

_UNPUBLISHED: Final = sa.text("published_ns IS NULL")

outbox: Final = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
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
    # The relay asks for unpublished rows only; the index holds nothing else and stays tiny.
    sa.Index("outbox_unpublished", "id", sqlite_where=_UNPUBLISHED, postgresql_where=_UNPUBLISHED),
)

event_applied: Final = sa.Table(
    "event_applied",
    metadata,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("applied_ns", sa.BigInteger, nullable=False),
)

job: Final = sa.Table(
    "job",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("lease_until_ms", sa.BigInteger, nullable=False),
    sa.Column("cancel", sa.Boolean, nullable=False),
    sa.Column("done", sa.Double, nullable=False),
    sa.Column("total", sa.Double, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("finished_ms", sa.BigInteger, nullable=False),
    sa.Index("job_state", "state"),
)

job_chunk: Final = sa.Table(
    "job_chunk",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

backtest_results: Final = sa.Table(
    "backtest_results",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, nullable=False, index=True),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("code_hash", sa.Text, nullable=False),
    sa.Column("family", sa.Text, nullable=False, index=True),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("data_fingerprint", sa.Text, nullable=False),
    sa.Column("assumptions", sa.Text, nullable=False),
    sa.Column("metrics", sa.Text, nullable=False),
    sa.Column("run_fingerprint", sa.Text, nullable=False),
    sa.Column("gates", sa.Text, nullable=False),
    sa.Column("versions", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False, index=True),
)

backtest_part: Final = sa.Table(
    "backtest_part",
    metadata,
    sa.Column("result_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

trial: Final = sa.Table(
    "trial",
    metadata,
    sa.Column("id", _RowId, primary_key=True),
    sa.Column("family", sa.Text, nullable=False),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("code_hash", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("parameter_hash", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("data_fingerprint", sa.Text, nullable=False),
    sa.Column("days", sa.Integer, nullable=False),
    sa.Column("sharpe_daily", sa.Double),
    sa.Column("skew", sa.Double),
    sa.Column("kurtosis", sa.Double),
    sa.Column("result_id", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("deleted_ms", sa.BigInteger),
    sa.UniqueConstraint("run_id", "number", name="trial_run"),
    sa.Index("trial_family", "family", "parameter_hash"),
    sa.Index("trial_result", "result_id"),
)

deployment: Final = sa.Table(
    "deployment",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("code_hash", sa.Text, nullable=False),
    sa.Column("family", sa.Text, nullable=False),
    sa.Column("instruments", sa.Text, nullable=False),
    sa.Column("period", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("allocation", sa.Text, nullable=False),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
)

deployment_history: Final = sa.Table(
    "deployment_history",
    metadata,
    sa.Column("deployment_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("after", sa.Text, nullable=False),
)

deployment_state: Final = sa.Table(
    "deployment_state",
    metadata,
    sa.Column("deployment_id", sa.Text, primary_key=True),
    sa.Column("saved_ms", sa.BigInteger, primary_key=True),
    sa.Column("code_hash", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)

study_journal: Final = sa.Table(
    "study_journal",
    metadata,
    sa.Column("study", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("line", sa.Text, nullable=False),
)
