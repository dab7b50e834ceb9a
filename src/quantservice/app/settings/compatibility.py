"""Keys and environment names of the original designs, and what they are here.

A row maps an old dotted key to a path of today's tree, or to ``None`` where the thing is decided otherwise now (the key is
accepted and the reason is shown by ``qs settings``).
"""

from __future__ import annotations

from typing import Final

#: Old key -> path of the tree. The four ``clickhouse.*`` parts are composed into one URL by the loader.
KEYS: Final[dict[str, str]] = {
    "binance.heartbeat_timeout_ms": "collect.heartbeat_timeout_ms",
    "binance.initial_backoff_ms": "collect.initial_backoff_ms",
    "binance.max_backoff_ms": "collect.max_backoff_ms",
    "ws.heartbeat_timeout_ms": "collect.heartbeat_timeout_ms",
    "ws.initial_backoff_ms": "collect.initial_backoff_ms",
    "ws.max_backoff_ms": "collect.max_backoff_ms",
    "client_server.host": "clientserver.host",
    "client_server.port": "clientserver.port",
    "client_server.qps": "clientserver.qps",
    "client_server.hot_hours": "clientserver.hot_hours",
    "client_server.cache_ttl_s": "clientserver.cache_ttl_s",
    "buffer.batch_size": "recorder.batch_rows",
    "buffer.flush_interval_ms": "recorder.flush_ms",
    "gap_heal.interval_1m_s": "backfill.scan_1m_s",
    "gap_heal.interval_1h_s": "backfill.scan_1h_s",
    "logging.level": "log.level",
}

#: Parts of the designs' ``app.clickhouse`` block.
CLICKHOUSE_PARTS: Final = ("host", "port", "database", "username", "password")

#: Environment names of the designs -> path of the tree.
ENVIRONMENT: Final[dict[str, str]] = {
    "DATABASE_URL": "stores.state_url",
    "REDIS_URL": "stores.cache_url",
    "KAFKA_BROKER": "stores.bus_url",
    "CLICKHOUSE_URL": "stores.market_url",
    "LOG_LEVEL": "log.level",
}

#: The designs' environment words -> ours.
ENVIRONMENT_WORDS: Final[dict[str, str]] = {"prod": "live", "production": "live", "dev": "live", "test": "live"}

#: Passwords that ship in examples everywhere; a store with one of them is refused.
DEFAULT_SECRETS: Final = frozenset({"password", "pass", "changeme", "secret", "admin", "123456", "default", "postgres", "root"})
