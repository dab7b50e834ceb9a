"""Small market values for tests that need some klines and do not care which."""

from __future__ import annotations

from decimal import Decimal

from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId
from quantservice.core.messages import MarketBatch, Message, Topic
from quantservice.core.periods import close_of, period_ms

START_MS = 1_740_787_200_000  # 2025-03-01 00:00 UTC


def instrument(base: str = "BTC", *, market: str = "um", venue: str = "binance") -> Instrument:
    """A perpetual (um) or spot pair of ``base`` against USDT."""
    tail = "-PERP" if market == "um" else ""
    return Instrument(
        id=InstrumentId(venue, market, f"{base}-USDT{tail}"),
        venue_symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        settle="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
    )


def book(*bases: str, markets: tuple[str, ...] = ("spot", "um")) -> InstrumentBook:
    """A book with each base on each market."""
    return InstrumentBook(instrument(base, market=market) for base in bases or ("BTC", "ETH") for market in markets)


def kline_stream(base: str = "BTC", *, market: str = "um", period: str = "1m") -> StreamId:
    """The stream of one base's klines."""
    return StreamId.kline(instrument(base, market=market).id, period)


def kline(
    index: int = 0, *, base: str = "BTC", market: str = "um", period: str = "1m", closed: bool = True, close: str = "100.5"
) -> Kline:
    """The ``index``-th bar after START_MS."""
    open_time = START_MS + index * period_ms(period)
    return Kline(
        stream=kline_stream(base, market=market, period=period),
        open_time=open_time,
        close_time=close_of(period, open_time),
        open=Decimal("100.10"),
        high=Decimal("110.00"),
        low=Decimal("90.00"),
        close=Decimal(close),
        volume=Decimal("12.5"),
        quote_volume=Decimal("1255.25"),
        count=89,
        taker_buy_base_volume=Decimal("6.25"),
        taker_buy_quote_volume=Decimal("627.00"),
        closed=closed,
        source=Source.WS,
    )


def batch(*events: Kline, topic: str = Topic.MARKET_LIVE, key: str = "binance:um") -> Message:
    """One message as a collector publishes it."""
    return Message(topic=topic, event_type="market.batch", key=key, data=MarketBatch(events))
