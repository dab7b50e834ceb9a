"""What the trading side is told at its start: keys, money, fees, limits."""

from __future__ import annotations

from typing import Any

import msgspec

#: the key every trading simulator knows, of the venue's own length; nothing secret
DEFAULT_KEY = "SimulatorTradingKey" + "0" * 45
DEFAULT_SECRET = "SimulatorTradingSecret" + "0" * 42  # the text is public by purpose
READ_ONLY_KEY = "SimulatorReadOnlyKey" + "0" * 44
WITHDRAWAL_KEY = "SimulatorWithdrawalKey" + "0" * 42


class KeySpec(msgspec.Struct, frozen=True, kw_only=True):
    """An API key of an account.

    ``public_key`` (the base64 text of a PEM's body) makes it an Ed25519 key, else requests are signed by HMAC-SHA256 with
    ``secret``. ``addresses`` binds it to IP addresses; ``expires_ms`` (market time) ends it, 0 never.
    """

    key: str
    secret: str = ""
    public_key: str = ""
    account: str = "main"
    read: bool = True
    spot: bool = True
    futures: bool = True
    withdraw: bool = False
    addresses: tuple[str, ...] = ()
    created_ms: int = 1_700_000_000_000
    expires_ms: int = 0


def default_keys() -> tuple[KeySpec, ...]:
    """Return a trading key, one that only reads, and one that may withdraw; all of the account ``main``."""
    return (
        KeySpec(key=DEFAULT_KEY, secret=DEFAULT_SECRET),
        KeySpec(key=READ_ONLY_KEY, secret=DEFAULT_SECRET, spot=False, futures=False),
        KeySpec(key=WITHDRAWAL_KEY, secret=DEFAULT_SECRET, withdraw=True),
    )


def default_balances() -> dict[str, dict[str, str]]:
    """Return what every account is given per market, currency by currency."""
    return {
        "spot": {"USDT": "100000", "BTC": "1", "ETH": "10", "BNB": "50"},
        "um": {"USDT": "100000"},
        "cm": {"BTC": "2", "ETH": "30"},
    }


class OrderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many orders an account may place, per ten seconds and per longer span; 0 lifts a limit."""

    per_10s: int = 300
    per_span: int = 1_200
    span_s: float = 60.0


def limit_rows(limits: OrderLimits) -> list[dict[str, Any]]:
    """Return the limits that are in force as the venue lists them."""
    long = ("DAY", 1) if limits.span_s > 3_600 else ("MINUTE", 1)
    return [
        {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": most}
        for (interval, number), most in ((("SECOND", 10), limits.per_10s), (long, limits.per_span))
        if most > 0
    ]


def venue_order_limits() -> dict[str, OrderLimits]:
    """Return the venue's published order limits."""
    return {
        "spot": OrderLimits(per_10s=100, per_span=200_000, span_s=86_400.0),
        "um": OrderLimits(),
        "cm": OrderLimits(per_10s=0),
    }


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """Fee fractions of one market."""

    maker: str = "0.0002"
    taker: str = "0.0005"


def venue_fees() -> dict[str, Fees]:
    """Return the venue's fees of the lowest tier."""
    return {"spot": Fees(maker="0.001", taker="0.001"), "um": Fees(), "cm": Fees(maker="0.0001", taker="0.0005")}


class TradingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The trading side. Times are wall-clock seconds; ``order_limits`` of zero are said in the ledger as lifted."""

    keys: tuple[KeySpec, ...] = msgspec.field(default_factory=default_keys)
    balances: dict[str, dict[str, str]] = msgspec.field(default_factory=default_balances)
    order_limits: dict[str, OrderLimits] = msgspec.field(default_factory=venue_order_limits)
    fees: dict[str, Fees] = msgspec.field(default_factory=venue_fees)
    listen_key_s: float = 3_600.0
    levels: int = 50
    first_order_id: int = 0


def lifted(config: TradingConfig) -> list[str]:
    """Name the order limits that are not in force."""
    return [
        f"{market}: no limit of orders per {span}"
        for market, limits in config.order_limits.items()
        for span, most in (("10 s", limits.per_10s), (f"{limits.span_s:.0f} s", limits.per_span))
        if most <= 0 and not (market == "cm" and span == "10 s")
    ]
