"""Rows of the state store that more than one room speaks of."""

from __future__ import annotations

import msgspec

from quantservice.core.instruments import InstrumentId


class TradingPair(msgspec.Struct, frozen=True, kw_only=True):
    """A registered pair: what is collected."""

    id: int = 0
    venue: str
    market: str
    symbol: str  # canonical: BTC-USDT-PERP
    venue_symbol: str  # the venue's own: BTCUSDT
    periods: tuple[str, ...] = ("1m",)
    kinds: tuple[str, ...] = ("kline",)
    enabled: bool = True
    history_start_ms: int | None = None  # how far back klines are wanted; None: the setting's default

    @property
    def instrument(self) -> InstrumentId:
        """Full name."""
        return InstrumentId(self.venue, self.market, self.symbol)


class ProxyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An egress proxy. ``password`` is clear here and sealed in the store; never logged."""

    id: int = 0
    scheme: str  # socks5 | http
    host: str
    port: int
    username: str = ""
    password: str = ""
    enabled: bool = True
    failures: int = 0
    cooldown_until_ms: int = 0

    def __repr__(self) -> str:
        return f"ProxyRecord({self.scheme}://{self.host}:{self.port}, id={self.id}, enabled={self.enabled})"


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key we gave to a client. Only its hash is stored; ``prefix`` is shown."""

    id: int = 0
    name: str
    prefix: str
    key_hash: str
    qps_limit: int
    enabled: bool = True
    created_ms: int = 0
