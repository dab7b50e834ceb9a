"""HTX's market data, rows and frames -> events. A kline has no closed flag: it is final when the next one of its topic appears.

What was seen of a bar before a subscription began anew says nothing of its end: such a bar is left to history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from quantservice.adapters.venues.htx.spec import PERIODS, VENUE
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame, QuantServiceError
from quantservice.core.events import (
    BookDelta,
    BookSnapshot,
    Kind,
    Kline,
    Level,
    MarketEvent,
    Quote,
    Source,
    StreamId,
    Ticker,
    Trade,
)
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.money import ZERO, exact
from quantservice.core.periods import close_of
from quantservice.core.validation import book_fault, kline_fault, quote_fault, ticker_fault, trade_fault

_JSON: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_OURS: Final[Mapping[str, str]] = {word: period for period, word in PERIODS.items()}
_KEPT_UNKNOWN: Final = 100
Row = Mapping[str, Any]
_T = TypeVar("_T")


class Catalog:
    """The instruments of one market, as of the last full list."""

    def __init__(self) -> None:
        self._by_id: dict[InstrumentId, Instrument] = {}
        self._by_name: dict[str, Instrument] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def instruments(self) -> list[Instrument]:
        """All that are listed."""
        return list(self._by_id.values())

    def replace(self, listed: Iterable[Instrument]) -> None:
        """Take a whole new list."""
        self._by_id = {item.id: item for item in listed}
        self._by_name = {item.venue_symbol.lower(): item for item in self._by_id.values()}

    def find(self, instrument: InstrumentId) -> Instrument | None:
        """Return what is listed under our name, or None."""
        return self._by_id.get(instrument)

    def named(self, name: str) -> Instrument | None:
        """Return what the venue calls so, in whatever case."""
        return self._by_name.get(name.lower())


def read(payload: bytes) -> dict[str, Any]:
    """Return a frame's or an answer's JSON, its fractions exact; raises MalformedFrame."""
    try:
        return _JSON.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
        raise MalformedFrame("not_json", venue=VENUE) from None


@exact
def kline_of(row: Row, listed: Instrument, period: str, *, closed: bool, source: Source, recv_ns: int) -> Kline:
    """Return a kline; MalformedFrame where it cannot be. Who took is not told, so the taker's parts are zero."""
    open_ms = int(row["id"]) * 1_000
    kline = Kline(
        stream=StreamId.kline(listed.id, period),
        open_time=open_ms,
        close_time=close_of(period, open_ms),
        open=Decimal(row["open"]),
        high=Decimal(row["high"]),
        low=Decimal(row["low"]),
        close=Decimal(row["close"]),
        volume=Decimal(row["amount"]),
        quote_volume=Decimal(row["trade_turnover"] if "trade_turnover" in row else row["vol"]),
        count=int(row["count"]),
        taker_buy_base_volume=ZERO,
        taker_buy_quote_volume=ZERO,
        closed=closed,
        source=source,
        event_time=recv_ns // 1_000_000,
        recv_ns=recv_ns,
    )
    return _sound(kline, kline_fault(kline))


def ticker_of(row: Row, listed: Instrument, time_ms: int, *, source: Source, recv_ns: int) -> Ticker:
    """Return the last 24 hours; MalformedFrame where they cannot be."""
    ticker = Ticker(
        stream=StreamId(listed.id, Kind.TICKER),
        time=time_ms,
        last_price=Decimal(row["close"]),
        open_price=Decimal(row["open"]),
        high_price=Decimal(row["high"]),
        low_price=Decimal(row["low"]),
        volume=Decimal(row["amount"]),
        quote_volume=Decimal(row["trade_turnover"] if "trade_turnover" in row else row["vol"]),
        count=int(row["count"]),
        source=source,
        recv_ns=recv_ns,
    )
    return _sound(ticker, ticker_fault(ticker))


@exact
def levels_of(rows: Sequence[Any], size: Decimal) -> tuple[Level, ...]:
    """Return levels; ``size``: coins of a contract."""
    return tuple((Decimal(price), Decimal(quantity) * size) for price, quantity in rows)


class Decoder:
    """The frames of one market's sockets."""

    def __init__(self, market: str, catalog: Catalog) -> None:
        self.unknown: Counter[str] = Counter()
        self._swap = market == "um"
        self._catalog = catalog
        self._bars: dict[str, Row] = {}  # by topic: the bar as last seen

    def forget(self, topics: Iterable[str]) -> None:
        """These are subscribed anew: what was seen of their bars may have missed their ends."""
        for topic in topics:
            self._bars.pop(topic, None)

    def decode(self, payload: bytes, recv_ns: int) -> MarketEvent | tuple[MarketEvent, ...] | ControlMessage | None:
        """Return what a frame says; raises MalformedFrame."""
        message = read(payload)
        try:
            if "ping" in message:
                return ControlMessage(name="ping", message=msgspec.json.encode({"pong": int(message["ping"])}).decode())
            if "subbed" in message or "unsubbed" in message or "err-code" in message:
                return _answer(message)
            return self._data(message, recv_ns) if "ch" in message else None
        except QuantServiceError:
            raise
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            raise MalformedFrame("bad_value", venue=VENUE) from None

    def _data(self, message: Row, recv_ns: int) -> MarketEvent | tuple[MarketEvent, ...] | None:
        topic = str(message["ch"])
        parts, tick = topic.split("."), message["tick"]
        listed = self._catalog.named(parts[1]) if len(parts) > 2 else None
        if listed is None:
            if len(self.unknown) < _KEPT_UNKNOWN:
                self.unknown[topic[:80]] += 1
            return None
        match parts[2]:
            case "kline":
                return self._kline(topic, tick, listed, _OURS[parts[3]], recv_ns)
            case "trade":
                return tuple(self._trade(row, listed, recv_ns) for row in tick["data"])
            case "bbo":
                return self._quote(tick, listed, recv_ns)
            case "mbp":
                return self._delta(tick, listed, recv_ns)
            case "depth":
                return self._book(tick, listed, recv_ns)
            case "detail":
                return ticker_of(tick, listed, int(message["ts"]), source=Source.WS, recv_ns=recv_ns)
        return None

    def _kline(self, topic: str, tick: Row, listed: Instrument, period: str, recv_ns: int) -> tuple[MarketEvent, ...]:
        now = kline_of(tick, listed, period, closed=False, source=Source.WS, recv_ns=recv_ns)
        before = self._bars.get(topic)
        if before is not None and int(before["id"]) > int(tick["id"]):
            return ()  # late: its bar was closed by the one that we know
        self._bars[topic] = tick
        if before is None or before["id"] == tick["id"]:
            return (now,)
        return kline_of(before, listed, period, closed=True, source=Source.WS, recv_ns=recv_ns), now

    @exact
    def _trade(self, row: Row, listed: Instrument, recv_ns: int) -> Trade:
        trade = Trade(
            stream=StreamId(listed.id, Kind.TRADE),
            trade_id=int(row["id"] if self._swap else row["tradeId"]),
            price=Decimal(row["price"]),
            quantity=Decimal(row["amount"]) * self._size(listed),
            time=int(row["ts"]),
            buyer_is_maker=row["direction"] == "sell",
            event_time=int(row["ts"]),
            recv_ns=recv_ns,
        )
        return _sound(trade, trade_fault(trade))

    @exact
    def _quote(self, tick: Row, listed: Instrument, recv_ns: int) -> Quote:
        size = self._size(listed)
        bid = tick["bid"] if self._swap else (tick["bid"], tick["bidSize"])
        ask = tick["ask"] if self._swap else (tick["ask"], tick["askSize"])
        quote = Quote(
            stream=StreamId(listed.id, Kind.QUOTE),
            update_id=int(tick["version"] if self._swap else tick["seqId"]),
            bid_price=Decimal(bid[0]),
            bid_quantity=Decimal(bid[1]) * size,
            ask_price=Decimal(ask[0]),
            ask_quantity=Decimal(ask[1]) * size,
            time=int(tick["ts"] if self._swap else tick["quoteTime"]),
            recv_ns=recv_ns,
        )
        return _sound(quote, quote_fault(quote))

    def _delta(self, tick: Row, listed: Instrument, recv_ns: int) -> BookDelta:
        """A change of spot's book: it says which number it follows."""
        delta = BookDelta(
            stream=StreamId(listed.id, Kind.BOOK),
            first_id=int(tick["prevSeqNum"]) + 1,
            last_id=int(tick["seqNum"]),
            prev_id=int(tick["prevSeqNum"]),
            bids=levels_of(tick.get("bids") or (), Decimal(1)),
            asks=levels_of(tick.get("asks") or (), Decimal(1)),
            recv_ns=recv_ns,
        )
        return _sound(delta, book_fault(delta))

    def _book(self, tick: Row, listed: Instrument, recv_ns: int) -> BookSnapshot | BookDelta:
        """A book as a whole, and of the swap its changes, whose versions rise by one."""
        stream, size, version = StreamId(listed.id, Kind.BOOK), self._size(listed), int(tick["version"])
        bids, asks, time_ms = levels_of(tick["bids"], size), levels_of(tick["asks"], size), int(tick["ts"])
        if tick.get("event", "snapshot") == "snapshot":
            book = BookSnapshot(stream=stream, update_id=version, bids=bids, asks=asks, time=time_ms, recv_ns=recv_ns)
            return _sound(book, book_fault(book))
        delta = BookDelta(
            stream=stream,
            first_id=version,
            last_id=version,
            prev_id=version - 1,
            bids=bids,
            asks=asks,
            time=time_ms,
            recv_ns=recv_ns,
        )
        return _sound(delta, book_fault(delta))

    def _size(self, listed: Instrument) -> Decimal:
        return listed.lot_size if self._swap else Decimal(1)


def _answer(message: Row) -> ControlMessage:
    number = str(message.get("id") or "")
    good = message.get("status") == "ok"
    return ControlMessage(
        name="answer" if good else "error",
        id=int(number) if number.isdigit() else None,
        message="" if good else f"{message.get('err-code')}: {message.get('err-msg')}"[:200],
    )


def _sound(event: _T, fault: str | None) -> _T:
    if fault is not None:
        raise MalformedFrame(fault, venue=VENUE)
    return event
