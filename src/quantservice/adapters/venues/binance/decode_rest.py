"""Bodies of REST answers -> values. Pure; every other body raises :class:`MalformedFrame`, every refusal becomes an error.

Rows that cannot be (a kline with high < low) do not spoil the page they came in: they are named in ``refused``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from quantservice.adapters.venues.binance.decode_ws import StreamRegistry, optional_decimal
from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.wire import Whole, WireLevel
from quantservice.core.errors import MalformedFrame, RateLimited, Refused, VenueError, VenueUnreachable
from quantservice.core.events import (
    BookSnapshot,
    FundingRate,
    Kind,
    Kline,
    MarkPrice,
    OpenInterest,
    Source,
    StreamId,
    Ticker,
    Trade,
)
from quantservice.core.validation import MAX_VALUE, book_fault, kline_fault, ticker_fault, trade_fault

MAX_BODY_BYTES: Final = 64 << 20
_T = TypeVar("_T")


class KlinePage(msgspec.Struct, frozen=True):
    """One answer's klines, oldest first, and the rows that cannot be: (open time, reason)."""

    klines: list[Kline]
    refused: tuple[tuple[int, str], ...] = ()


class _KlineRow(msgspec.Struct, array_like=True, gc=False):
    """``[1499040000000,"0.016","0.8","0.015","0.0157","148976.1",1499644799999,"2434.1",308,"1756.8","28.4","0"]``."""

    open_time: Whole
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time: Whole
    quote_volume: Decimal
    count: Whole
    taker_buy_base_volume: Decimal
    taker_buy_quote_volume: Decimal


class _Depth(msgspec.Struct):
    """``{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}``; um, cm: E, T."""

    lastUpdateId: Whole  # noqa: N815  the venue's own name
    bids: tuple[WireLevel, ...]
    asks: tuple[WireLevel, ...]
    T: Whole = 0


class _AggTrade(msgspec.Struct, gc=False):
    """``{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}``."""

    a: Whole
    p: Decimal
    q: Decimal
    f: Whole
    l: Whole  # noqa: E741  the venue's own name
    T: Whole
    m: bool


class _Ticker(msgspec.Struct, rename="camel", gc=False):
    """One row of ``ticker/24hr``; cm has ``baseVolume`` in place of ``quoteVolume``."""

    symbol: str
    last_price: Decimal
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    volume: Decimal
    close_time: Whole
    count: Whole = 0
    quote_volume: Decimal | None = None
    base_volume: Decimal | None = None


class _Funding(msgspec.Struct, rename="camel", gc=False):
    """``{"symbol":"BTCUSDT","fundingRate":"-0.03750000","fundingTime":1570608000000,"markPrice":"34287.54619963"}``."""

    symbol: str
    funding_time: Whole
    funding_rate: Decimal
    mark_price: str = ""


class _Premium(msgspec.Struct, rename="camel", gc=False):
    """``{"symbol":"BTCUSDT","markPrice":"11793.6","indexPrice":"11781.8","lastFundingRate":"0.00038","nextFundingTime":…,"time":…}``."""

    symbol: str
    mark_price: Decimal
    time: Whole
    index_price: str = ""
    last_funding_rate: str = ""
    next_funding_time: Whole = 0


class _OpenInterest(msgspec.Struct, rename="camel", gc=False):
    """``{"openInterest":"10659.509","symbol":"BTCUSDT","time":1589437530011}``."""

    symbol: str
    open_interest: Decimal
    time: Whole


class _OpenInterestRow(msgspec.Struct, rename="camel", gc=False):
    """``{"symbol":"BTCUSDT","sumOpenInterest":"20403.63700000","sumOpenInterestValue":"150570784.07809979","timestamp":1583127900000}``."""

    sum_open_interest: Decimal
    timestamp: Whole | str  # the documents show both


class _Time(msgspec.Struct):
    serverTime: Whole  # noqa: N815  the venue's own name


class _Error(msgspec.Struct):
    """``{"code":-1121,"msg":"Invalid symbol."}``."""

    code: int = 0
    msg: str = ""


_KLINES: Final = msgspec.json.Decoder(list[_KlineRow])
_DEPTH: Final = msgspec.json.Decoder(_Depth)
_AGG_TRADES: Final = msgspec.json.Decoder(list[_AggTrade])
_TICKERS: Final = msgspec.json.Decoder(list[_Ticker])
_TICKER: Final = msgspec.json.Decoder(_Ticker)
_FUNDING: Final = msgspec.json.Decoder(list[_Funding])
_PREMIUMS: Final = msgspec.json.Decoder(list[_Premium])
_PREMIUM: Final = msgspec.json.Decoder(_Premium)
_OPEN_INTEREST: Final = msgspec.json.Decoder(_OpenInterest)
_OPEN_INTEREST_ROWS: Final = msgspec.json.Decoder(list[_OpenInterestRow])
_TIME: Final = msgspec.json.Decoder(_Time)
_ERROR: Final = msgspec.json.Decoder(_Error)
_BANNED_UNTIL: Final = re.compile(r"until (\d{13})\b")


def decode_klines(body: bytes, stream: StreamId, *, server_time_ms: int, recv_ns: int) -> KlinePage:
    """Decode ``klines``. A kline is closed when its close time lies before ``server_time_ms``."""
    klines: list[Kline] = []
    refused: list[tuple[int, str]] = []
    for row in decode_body(_KLINES, body):
        kline = Kline(
            stream=stream,
            open_time=row.open_time,
            close_time=row.close_time,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            quote_volume=row.quote_volume,
            count=row.count,
            taker_buy_base_volume=row.taker_buy_base_volume,
            taker_buy_quote_volume=row.taker_buy_quote_volume,
            closed=row.close_time < server_time_ms,
            source=Source.REST,
            recv_ns=recv_ns,
        )
        fault = kline_fault(kline)
        if fault is None:
            klines.append(kline)
        else:
            refused.append((row.open_time, fault))
    return KlinePage(klines, tuple(refused))


def decode_depth(body: bytes, stream: StreamId, *, recv_ns: int) -> BookSnapshot:
    """Decode ``depth``: the snapshot that a book starts from."""
    row = decode_body(_DEPTH, body)
    book = BookSnapshot(
        stream=stream,
        update_id=row.lastUpdateId,
        bids=row.bids,
        asks=row.asks,
        time=row.T,
        source=Source.REST,
        recv_ns=recv_ns,
    )
    fault = book_fault(book)
    if fault is not None:
        raise _malformed(fault, stream)
    return book


def decode_agg_trades(body: bytes, stream: StreamId, *, recv_ns: int) -> list[Trade]:
    """Decode ``aggTrades``."""
    trades: list[Trade] = []
    for row in decode_body(_AGG_TRADES, body):
        trade = Trade(
            stream=stream,
            trade_id=row.a,
            price=row.p,
            quantity=row.q,
            time=row.T,
            buyer_is_maker=row.m,
            first_id=row.f,
            last_id=row.l,
            aggregate=True,
            source=Source.REST,
            recv_ns=recv_ns,
        )
        fault = trade_fault(trade)
        if fault is not None:
            raise _malformed(fault, stream)
        trades.append(trade)
    return trades


def decode_tickers(body: bytes, registry: StreamRegistry, *, recv_ns: int) -> list[Ticker]:
    """Decode ``ticker/24hr`` of one symbol or of all; unknown symbols and impossible rows are left out."""
    rows = decode_body(_TICKERS, body) if _is_array(body) else [decode_body(_TICKER, body)]
    tickers: list[Ticker] = []
    for row in rows:
        instrument = registry.instrument(row.symbol)
        quote_volume = row.quote_volume if row.quote_volume is not None else row.base_volume
        if instrument is None or quote_volume is None:
            continue
        ticker = Ticker(
            stream=StreamId(instrument, Kind.TICKER),
            time=row.close_time,
            last_price=row.last_price,
            open_price=row.open_price,
            high_price=row.high_price,
            low_price=row.low_price,
            volume=row.volume,
            quote_volume=quote_volume,
            count=row.count,
            recv_ns=recv_ns,
        )
        if ticker_fault(ticker) is None:
            tickers.append(ticker)
    return tickers


def decode_funding(body: bytes, registry: StreamRegistry, *, recv_ns: int) -> list[FundingRate]:
    """Decode ``fundingRate``: settlements, oldest first. An empty mark price (old rows) becomes None."""
    rates: list[FundingRate] = []
    for row in decode_body(_FUNDING, body):
        instrument = registry.instrument(row.symbol)
        if instrument is None:
            continue
        mark_price = _optional(row.mark_price)
        if not _within(row.funding_rate, Decimal(-10), Decimal(10)) or not _is_price(mark_price):
            raise MalformedFrame("bad_value", venue=VENUE, market=registry.market)
        rates.append(
            FundingRate(
                stream=StreamId(instrument, Kind.FUNDING),
                time=row.funding_time,
                rate=row.funding_rate,
                mark_price=mark_price or None,
                recv_ns=recv_ns,
            )
        )
    return rates


def decode_mark_prices(body: bytes, registry: StreamRegistry, *, recv_ns: int) -> list[MarkPrice]:
    """Decode ``premiumIndex`` of one symbol or of all; unknown symbols are left out."""
    rows = decode_body(_PREMIUMS, body) if _is_array(body) else [decode_body(_PREMIUM, body)]
    prices: list[MarkPrice] = []
    for row in rows:
        instrument = registry.instrument(row.symbol)
        index, rate = _optional(row.index_price), _optional(row.last_funding_rate)
        if instrument is None or not row.mark_price.is_finite() or row.mark_price <= 0 or not _is_price(index):
            continue
        prices.append(
            MarkPrice(
                stream=StreamId(instrument, Kind.MARK_PRICE),
                time=row.time,
                mark_price=row.mark_price,
                index_price=index or None,
                funding_rate=rate,
                next_funding_time=row.next_funding_time,
                source=Source.REST,
                recv_ns=recv_ns,
            )
        )
    return prices


def decode_open_interest(body: bytes, registry: StreamRegistry, *, recv_ns: int) -> OpenInterest | None:
    """Decode ``openInterest``; None for a symbol that is not known."""
    row = decode_body(_OPEN_INTEREST, body)
    instrument = registry.instrument(row.symbol)
    if instrument is None:
        return None
    if not _within(row.open_interest, Decimal(0), MAX_VALUE):
        raise MalformedFrame("bad_value", venue=VENUE, market=registry.market)
    return OpenInterest(
        stream=StreamId(instrument, Kind.OPEN_INTEREST), time=row.time, open_interest=row.open_interest, recv_ns=recv_ns
    )


def decode_open_interest_history(body: bytes, stream: StreamId, *, recv_ns: int) -> list[OpenInterest]:
    """Decode ``openInterestHist`` of one instrument."""
    found: list[OpenInterest] = []
    for row in decode_body(_OPEN_INTEREST_ROWS, body):
        if not _within(row.sum_open_interest, Decimal(0), MAX_VALUE):
            raise _malformed("bad_value", stream)
        found.append(OpenInterest(stream=stream, time=_whole(row.timestamp), open_interest=row.sum_open_interest, recv_ns=recv_ns))
    return found


def decode_server_time(body: bytes) -> int:
    """Decode ``time``: ``{"serverTime":1499827319559}``."""
    return decode_body(_TIME, body).serverTime


def decode_error(status: int, body: bytes, headers: Mapping[str, str], *, market: str, now_ns: int) -> VenueError:
    """Turn an answer that is not 200 into the error of :mod:`quantservice.core.errors` that says what to do.

    ``headers`` are looked up by lower-case name. A 429 without ``Retry-After`` asks for a minute, a 418 for two.
    """
    try:
        error = decode_body(_ERROR, body)
    except MalformedFrame:
        error = _Error()
    said = f": {error.msg[:300]}" if error.msg else ""
    if status in {418, 429} or error.code == -1003:
        retry_at_ns = _retry_at_ns(headers.get("retry-after", ""), error.msg, now_ns, 120 if status == 418 else 60)
        return RateLimited(
            f"binance {market} asks to wait (HTTP {status}){said}",
            retry_at_ns=retry_at_ns,
            banned=status == 418,
            venue=VENUE,
            market=market,
        )
    if status in {403, 451} and not error.code:
        return VenueUnreachable(
            f"binance {market} blocks this address (HTTP {status}){said}; use a proxy in a region it serves",
            cause="blocked",
            venue=VENUE,
            market=market,
        )
    if status == 404 and not error.code:
        return VenueUnreachable(
            f"binance {market} does not know this URL (HTTP 404); check rest_url", cause="not_found", venue=VENUE, market=market
        )
    return Refused(
        f"binance {market} declined (HTTP {status}, code {error.code}){said}",
        code=error.code,
        status=status,
        venue=VENUE,
        market=market,
    )


def decode_body(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    """Decode ``body``, with every failure told as :class:`MalformedFrame`."""
    if len(body) > MAX_BODY_BYTES:
        raise MalformedFrame("oversized", venue=VENUE)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise MalformedFrame("wrong_shape", venue=VENUE) from None
    except msgspec.DecodeError:
        raise MalformedFrame("not_json", venue=VENUE) from None
    except RecursionError:
        raise MalformedFrame("nested_too_deep", venue=VENUE) from None
    except (ValueError, ArithmeticError):
        raise MalformedFrame("bad_value", venue=VENUE) from None


def _retry_at_ns(retry_after: str, message: str, now_ns: int, otherwise_s: int) -> int:
    banned = _BANNED_UNTIL.search(message)
    if banned:
        return max(now_ns, int(banned.group(1)) * 1_000_000)
    wait_s = int(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 8 else otherwise_s
    return now_ns + wait_s * 1_000_000_000


def _is_array(body: bytes) -> bool:
    return body.lstrip()[:1] == b"["


def _optional(text: str) -> Decimal | None:
    try:
        return optional_decimal(text.strip())
    except ArithmeticError:
        raise MalformedFrame("bad_value", venue=VENUE) from None


def _whole(value: int | str) -> int:
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 16):
        raise MalformedFrame("bad_value", venue=VENUE)
    return int(value)


def _within(value: Decimal, low: Decimal, high: Decimal) -> bool:
    return value.is_finite() and low <= value <= high


def _is_price(value: Decimal | None) -> bool:
    return value is None or _within(value, Decimal(0), MAX_VALUE)


def _malformed(reason: str, stream: StreamId) -> MalformedFrame:
    return MalformedFrame(reason, venue=stream.instrument.venue, market=stream.instrument.market)
