"""Market events: frozen values, one struct per kind, with two clocks each.

Times ending in ``_time`` are the venue's, UTC milliseconds; ``recv_ns`` is ours, UTC nanoseconds, taken when the
bytes arrived. Prices and quantities are exact :class:`~decimal.Decimal` as the venue wrote them.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import check_period
from quantservice.core.spans import Span


class Kind(StrEnum):
    """The kinds of market data that are collected, stored and served."""

    KLINE = "kline"
    TRADE = "trade"
    QUOTE = "quote"
    BOOK = "book"
    TICKER = "ticker"
    FUNDING = "funding"
    MARK_PRICE = "mark_price"
    OPEN_INTEREST = "open_interest"


class Source(StrEnum):
    """Where a value came from. Only ``derived`` may be synthetic."""

    WS = "ws"
    REST = "rest"
    ARCHIVE = "archive"
    IMPORT = "import"
    DERIVED = "derived"


class StreamId(msgspec.Struct, frozen=True, order=True, cache_hash=True):
    """One series of events: an instrument, a kind and, for klines, a period. ``str()`` is its bus key."""

    instrument: InstrumentId
    kind: Kind
    period: str = ""

    def __str__(self) -> str:
        tail = f":{self.period}" if self.period else ""
        return f"{self.instrument}:{self.kind}{tail}"

    @classmethod
    def kline(cls, instrument: InstrumentId, period: str) -> StreamId:
        """Name the klines of ``instrument`` in ``period``."""
        return cls(instrument, Kind.KLINE, check_period(period))

    @classmethod
    def parse(cls, text: str) -> StreamId:
        """Read what ``str()`` wrote."""
        parts = text.split(":")
        if len(parts) not in (4, 5):
            raise InvalidValue("stream", f"{text[:120]!r} is not venue:market:SYMBOL:kind[:period]")
        instrument = InstrumentId.parse(":".join(parts[:3]))
        try:
            kind = Kind(parts[3])
        except ValueError:
            raise UnknownName("kind", parts[3], [item.value for item in Kind]) from None
        if kind is Kind.KLINE:
            return cls.kline(instrument, parts[4] if len(parts) == 5 else "")
        if len(parts) == 5:
            raise InvalidValue("stream", f"{kind} has no period, only klines have")
        return cls(instrument, kind)


class Kline(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One OHLCV row of one period. ``closed`` is false while the bar can still change."""

    kind: ClassVar[Kind] = Kind.KLINE

    stream: StreamId
    open_time: int
    close_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    count: int
    taker_buy_base_volume: Decimal
    taker_buy_quote_volume: Decimal
    closed: bool = True
    source: Source = Source.WS
    synthetic: bool = False
    event_time: int = 0
    recv_ns: int = 0

    @property
    def instrument(self) -> InstrumentId:
        """The instrument's full name."""
        return self.stream.instrument

    @property
    def values(self) -> tuple[Decimal | int, ...]:
        """The values that make two klines of one open time equal or different."""
        return (
            self.close_time,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.quote_volume,
            self.count,
            self.taker_buy_base_volume,
            self.taker_buy_quote_volume,
        )


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade, or the venue's aggregate of trades (then ``first_id`` and ``last_id`` bound its parts)."""

    kind: ClassVar[Kind] = Kind.TRADE

    stream: StreamId
    trade_id: int
    price: Decimal
    quantity: Decimal
    time: int
    buyer_is_maker: bool
    first_id: int = 0
    last_id: int = 0
    aggregate: bool = False
    source: Source = Source.WS
    event_time: int = 0
    recv_ns: int = 0


class Quote(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Best bid and ask. ``time`` is 0 where the venue gives none (Binance spot)."""

    kind: ClassVar[Kind] = Kind.QUOTE

    stream: StreamId
    update_id: int
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal
    time: int = 0
    source: Source = Source.WS
    recv_ns: int = 0


Level: TypeAlias = tuple[Decimal, Decimal]


class BookSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The whole visible book: levels are (price, quantity), best first."""

    kind: ClassVar[Kind] = Kind.BOOK

    stream: StreamId
    update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    time: int = 0
    source: Source = Source.WS
    recv_ns: int = 0


class BookDelta(msgspec.Struct, frozen=True, kw_only=True):
    """Changed levels; quantity 0 removes one. ``prev_id`` is the id the book must stand at before (0: not given)."""

    kind: ClassVar[Kind] = Kind.BOOK

    stream: StreamId
    first_id: int
    last_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    prev_id: int = 0
    time: int = 0
    source: Source = Source.WS
    recv_ns: int = 0


class Ticker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Rolling 24-hour statistics. Volumes are in base and quote."""

    kind: ClassVar[Kind] = Kind.TICKER

    stream: StreamId
    time: int
    last_price: Decimal
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    volume: Decimal
    quote_volume: Decimal
    count: int = 0
    source: Source = Source.REST
    recv_ns: int = 0


class FundingRate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A funding settlement: the rate paid at ``time``. ``mark_price`` is None where the venue left it out."""

    kind: ClassVar[Kind] = Kind.FUNDING

    stream: StreamId
    time: int
    rate: Decimal
    mark_price: Decimal | None = None
    source: Source = Source.REST
    recv_ns: int = 0


class MarkPrice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Mark and index price with the funding rate expected at ``next_funding_time`` (0: none, dated futures)."""

    kind: ClassVar[Kind] = Kind.MARK_PRICE

    stream: StreamId
    time: int
    mark_price: Decimal
    index_price: Decimal | None = None
    funding_rate: Decimal | None = None
    next_funding_time: int = 0
    source: Source = Source.WS
    recv_ns: int = 0


class OpenInterest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Open interest in base units (um) or contracts (cm)."""

    kind: ClassVar[Kind] = Kind.OPEN_INTEREST

    stream: StreamId
    time: int
    open_interest: Decimal
    source: Source = Source.REST
    recv_ns: int = 0


MarketEvent: TypeAlias = Kline | Trade | Quote | BookSnapshot | BookDelta | Ticker | FundingRate | MarkPrice | OpenInterest


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed says of itself, in line with its events.

    ``state``: connecting, live, stale (no frame for too long), down (connection lost), stopped. ``detail`` is a sentence.
    """

    venue: str
    market: str
    connection: str
    state: str
    time_ns: int
    streams: tuple[StreamId, ...] = ()
    detail: str = ""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Klines that should exist and do not. ``found_ns`` is when it was seen, ``reason`` why it was looked for."""

    stream: StreamId
    span: Span
    missing: int
    found_ns: int
    reason: str = "scan"


FEED_STATES: Final = ("connecting", "live", "stale", "down", "stopped")
