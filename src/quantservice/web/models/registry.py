"""Pairs, proxies and access keys: state that a person asks for and changes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quantservice.web.models.common import Answer, Body, MarketName, Millis


class PairRow(Answer):
    """A registered pair: what is collected."""

    id: int = Field(examples=[1])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    venue: str = Field(examples=["binance"])
    market: MarketName
    symbol: str = Field(examples=["BTC-USDT-PERP"])
    venue_symbol: str = Field(examples=["BTCUSDT"])
    periods: list[str] = Field(examples=[["1m", "1h"]])
    kinds: list[str] = Field(examples=[["kline"]])
    enabled: bool = Field(examples=[True])
    history_start_ms: int | None = Field(description="How far back klines are wanted.", examples=[None])


class PairList(Answer):
    """The registered pairs."""

    data: list[PairRow]


class PairRequest(Body):
    """A pair to collect. An existing one is changed."""

    symbol: str = Field(min_length=1, max_length=200, examples=["BTCUSDT"])
    market: str | None = Field(default=None, max_length=16, examples=["um"])
    venue: str = Field(default="binance", max_length=32, examples=["binance"])
    periods: list[str] | None = Field(
        default=None, max_length=16, description="Default: the setting collect.periods.", examples=[["1m", "1h"]]
    )
    kinds: list[str] | None = Field(
        default=None, max_length=8, description="Default: the setting collect.kinds.", examples=[["kline"]]
    )
    enabled: bool = Field(default=True, strict=True, examples=[True])
    history_start_ms: int | None = Field(default=None, ge=0, le=4_102_444_800_000, strict=True, examples=[1748736000000])


class ProxyRow(Answer):
    """An egress proxy. Its password is never shown."""

    id: int = Field(examples=[1])
    scheme: str = Field(examples=["socks5"])
    host: str = Field(examples=["127.0.0.1"])
    port: int = Field(examples=[1080])
    username: str = Field(examples=[""])
    has_password: bool = Field(examples=[False])
    enabled: bool = Field(examples=[True])
    failures: int = Field(examples=[0])
    cooldown_until_ms: int = Field(description="0: none.", examples=[0])


class ProxyList(Answer):
    """The registered proxies."""

    data: list[ProxyRow]


class ProxyRequest(Body):
    """A proxy to use for REST and WebSocket."""

    scheme: Literal["socks5", "http"] = Field(examples=["socks5"])
    host: str = Field(min_length=1, max_length=253, examples=["127.0.0.1"])
    port: int = Field(ge=1, le=65535, strict=True, examples=[1080])
    username: str = Field(default="", max_length=200, examples=[""])
    password: str = Field(default="", max_length=200, examples=[""], json_schema_extra={"format": "password"})
    enabled: bool = Field(default=True, strict=True, examples=[True])


class AccessKeyRow(Answer):
    """A key that we gave to a client; only its prefix can be shown."""

    id: int = Field(examples=[1])
    name: str = Field(examples=["notebook"])
    prefix: str = Field(examples=["qs_4f2a"])
    qps_limit: int = Field(examples=[20])
    enabled: bool = Field(examples=[True])
    created_ms: Millis


class AccessKeyList(Answer):
    """The access keys."""

    data: list[AccessKeyRow]


class AccessKeyRequest(Body):
    """A key to make."""

    name: str = Field(min_length=1, max_length=64, examples=["notebook"])
    qps_limit: int = Field(default=20, ge=1, le=100_000, strict=True, examples=[20])


class AccessKeyCreated(Answer):
    """The new key; its clear text is shown this once."""

    key: str = Field(description="Keep it: it cannot be shown again.", examples=["qs_4f2a…"])
    access_key: AccessKeyRow


class Removed(Answer):
    """What was removed."""

    removed: str = Field(examples=["binance:um:BTC-USDT-PERP"])
