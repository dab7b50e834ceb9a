"""``exchangeInfo`` -> instruments and rate limits."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec

from quantservice.adapters.venues.binance.decode_rest import decode_body
from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.wire import Whole
from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument, InstrumentId, InstrumentStatus
from quantservice.core.validation import MAX_VALUE

#: ``deliveryDate`` of a contract that never expires (2100-12-25).
NEVER_MS: Final = 4_133_404_800_000

#: Smaller sizes than this have no place in a price or quantity of 18 digits behind the point.
MIN_SIZE: Final = Decimal("1e-18")

_STATUS: Final[Mapping[str, InstrumentStatus]] = {
    "TRADING": "trading",
    "BREAK": "break",
    "HALT": "break",
    "END_OF_DAY": "break",
    "AUCTION_MATCH": "break",
    "POST_TRADING": "break",
    "PRE_TRADING": "pre_trading",
    "PENDING_TRADING": "pre_trading",
    "PRE_DELIVERING": "delivering",
    "DELIVERING": "delivering",
    "PRE_SETTLE": "delivering",
    "SETTLING": "delivering",
    "DELIVERED": "delisted",
    "CLOSE": "delisted",
}


class RateLimit(msgspec.Struct, frozen=True, rename="camel"):
    """``{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}``."""

    rate_limit_type: str
    interval: str
    interval_num: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)]

    @property
    def window_s(self) -> int:
        """Length of the window in seconds; 0 for an interval we do not know."""
        return {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}.get(self.interval, 0) * self.interval_num


class ExchangeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """All instruments of a market, its limits, and the symbols that could not be read: (symbol, reason)."""

    instruments: list[Instrument]
    rate_limits: tuple[RateLimit, ...] = ()
    server_time_ms: int = 0
    refused: tuple[tuple[str, str], ...] = ()

    def weight_per_minute(self) -> int | None:
        """Return the request weight allowed per minute, if the venue said so."""
        for limit in self.rate_limits:
            if limit.rate_limit_type == "REQUEST_WEIGHT" and limit.window_s == 60:
                return limit.limit
        return None


class _Symbol(msgspec.Struct, rename="camel"):
    """One of ``symbols``; ``contractStatus`` and ``contractSize`` are cm's, ``contractType`` um's and cm's."""

    symbol: str
    base_asset: str
    quote_asset: str
    filters: list[dict[str, Any]] = []
    status: str = ""
    contract_status: str = ""
    contract_type: str = ""
    contract_size: Decimal = Decimal(1)
    margin_asset: str = ""
    onboard_date: Whole = 0
    delivery_date: Whole = 0


class _Info(msgspec.Struct, rename="camel"):
    symbols: list[msgspec.Raw]
    rate_limits: list[msgspec.Raw] = []
    server_time: Whole = 0


_INFO: Final = msgspec.json.Decoder(_Info)
_SYMBOL: Final = msgspec.json.Decoder(_Symbol)
_RATE_LIMIT: Final = msgspec.json.Decoder(RateLimit)
_NAME: Final = msgspec.json.Decoder(dict[str, Any])


def decode_exchange_info(body: bytes, market: str, *, seen_ms: int) -> ExchangeInfo:
    """Decode ``exchangeInfo`` of ``market``; a symbol that cannot be read is refused, the others stay."""
    info = decode_body(_INFO, body)
    instruments: dict[InstrumentId, Instrument] = {}
    refused: list[tuple[str, str]] = []
    for raw in info.symbols:
        try:
            instrument = _instrument(_SYMBOL.decode(raw), market, seen_ms)
        except (msgspec.MsgspecError, InvalidValue, ValueError, ArithmeticError) as error:
            refused.append((_symbol_name(raw), str(error)[:200] or type(error).__name__))
            continue
        if instrument.id in instruments:
            refused.append((instrument.venue_symbol, f"has the same name as {instruments[instrument.id].venue_symbol}"))
            continue
        instruments[instrument.id] = instrument
    return ExchangeInfo(
        instruments=list(instruments.values()),
        rate_limits=_rate_limits(info.rate_limits),
        server_time_ms=info.server_time,
        refused=tuple(refused),
    )


def canonical_symbol(venue_symbol: str, base: str, quote: str, market: str, contract_type: str = "") -> str:
    """Return our symbol: ``BTC-USDT``, ``BTC-USDT-PERP``, ``BTC-USD-250328``."""
    pair = f"{base}-{quote}"
    if market == "spot":
        return pair
    expiry = venue_symbol.rpartition("_")[2]
    if "PERPETUAL" not in contract_type and len(expiry) == 6 and expiry.isdigit():
        return f"{pair}-{expiry}"
    return f"{pair}-PERP"


def _rate_limits(rows: list[msgspec.Raw]) -> tuple[RateLimit, ...]:
    """Read the limits that can be read; the spec's own figures stand in for the rest."""
    limits: list[RateLimit] = []
    for row in rows:
        with contextlib.suppress(msgspec.MsgspecError, ValueError):
            limits.append(_RATE_LIMIT.decode(row))
    return tuple(limits)


def _instrument(row: _Symbol, market: str, seen_ms: int) -> Instrument:
    filters = {str(item.get("filterType", "")): item for item in row.filters}
    symbol = canonical_symbol(row.symbol, row.base_asset, row.quote_asset, market, row.contract_type)
    InstrumentId.parse(f"{VENUE}:{market}:{symbol}")  # refuses names that could not be written down
    lot = filters.get("LOT_SIZE", {})
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    expires = 0 < row.delivery_date < NEVER_MS and not symbol.endswith("-PERP")
    status = _STATUS.get(row.status or row.contract_status, "break")
    ended = expires or (status in {"delivering", "delisted"} and 0 < row.delivery_date < NEVER_MS)
    return Instrument(
        id=InstrumentId(VENUE, market, symbol),
        venue_symbol=row.symbol,
        base=row.base_asset,
        quote=row.quote_asset,
        settle=row.margin_asset or row.quote_asset,
        tick_size=_step(filters.get("PRICE_FILTER", {}).get("tickSize")),
        lot_size=_step(lot.get("stepSize")),
        min_quantity=_number(lot.get("minQty")),
        min_notional=_number(notional.get("minNotional", notional.get("notional"))),
        contract_size=_step(row.contract_size),
        inverse=market == "cm",
        status=status,
        listed_ms=row.onboard_date or None,
        delisted_ms=row.delivery_date if ended else None,
        valid_from_ms=seen_ms,
    )


def _number(value: Any) -> Decimal:
    number = Decimal(str(value)) if value is not None else Decimal(0)
    if not number.is_finite() or not 0 <= number < MAX_VALUE or (number and number < MIN_SIZE):
        raise ValueError(f"{value!r} is not a size")
    return number


def _step(value: Any) -> Decimal:
    """Read a tick or lot size without its trailing zeros: ``0.01000000`` -> ``0.01``."""
    step = _number(value).normalize()
    if step <= 0:
        raise ValueError("a tick, lot or contract size is missing or 0")
    return step.quantize(Decimal(1)) if step == step.to_integral_value() else step


def _symbol_name(raw: msgspec.Raw) -> str:
    try:
        return str(_NAME.decode(raw).get("symbol", ""))[:64]
    except (msgspec.MsgspecError, ValueError):
        return ""
