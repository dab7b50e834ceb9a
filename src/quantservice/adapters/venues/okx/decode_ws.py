"""Frames of the public channels -> events. Sizes of swaps are contracts there and base currency here.

A book's changes are one line: each names the number before it. The venue repeats a number when nothing changed (and sends no
levels), and may begin its numbers anew (a smaller one that names the last as the one before it): both are no gaps. So that the
rest of the house needs not know this, changes leave here under numbers of our own that rise by one, and skip one where a change
was missed. The ``checksum`` is void since 2026-06-23 and is not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.okx.catalog import Catalog, Known
from quantservice.adapters.venues.okx.spec import BARS, VENUE, OkxRow
from quantservice.adapters.venues.okx.wire import decimal_of
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame
from quantservice.core.events import (
    BookDelta,
    BookSnapshot,
    Kind,
    Kline,
    Level,
    MarketEvent,
    MarkPrice,
    Quote,
    Source,
    StreamId,
    Ticker,
    Trade,
)
from quantservice.core.money import ZERO, exact
from quantservice.core.periods import close_of
from quantservice.core.validation import MAX_VALUE, book_fault, kline_fault, quote_fault, ticker_fault, trade_fault

OUR_PERIODS: Final[Mapping[str, str]] = {bar: period for period, bar in BARS.items()}
_KEPT_UNKNOWN: Final = 100


class _Arg(msgspec.Struct):
    channel: str
    instId: str = ""  # noqa: N815  the venue's own word


class _Frame(msgspec.Struct):
    event: str = ""
    arg: _Arg | None = None
    action: str = ""
    data: msgspec.Raw = msgspec.Raw()
    id: str = ""
    code: str = ""
    msg: str = ""


class Line(msgspec.Struct):
    """Where a book's changes stand: the venue's number, and ours."""

    sequence: int = 0
    ours: int = 0


_FRAME: Final = msgspec.json.Decoder(_Frame)
_CANDLES: Final = msgspec.json.Decoder(list[list[str]])
_ROWS: Final = msgspec.json.Decoder(list[dict[str, Any]])
Read = Callable[[Known, StreamId, _Frame, int], MarketEvent | tuple[MarketEvent, ...] | None]


class Decoder:
    """The frames of one market."""

    def __init__(self, row: OkxRow, catalog: Catalog) -> None:
        self.unknown: Counter[str] = Counter()
        self._catalog = catalog
        self._lines: dict[StreamId, Line] = {}
        names = {row.channels[kind].name: kind for kind in row.channels}
        self._kinds: dict[str, tuple[Kind, str]] = {name: (kind, "") for name, kind in names.items() if kind is not Kind.KLINE} | {
            f"candle{bar}": (Kind.KLINE, period) for bar, period in OUR_PERIODS.items()
        }
        self._read: dict[Kind, Read] = {
            Kind.KLINE: _kline,
            Kind.TRADE: _trade,
            Kind.QUOTE: _quote,
            Kind.BOOK: self._book,
            Kind.TICKER: _ticker,
            Kind.MARK_PRICE: _mark_price,
        }

    def decode(self, payload: bytes, recv_ns: int) -> MarketEvent | tuple[MarketEvent, ...] | ControlMessage | None:
        """Return what a frame says; None for one that says nothing (a heartbeat, a channel of no known instrument)."""
        if payload == b"pong":
            return None
        try:
            frame = _FRAME.decode(payload)
            if frame.event:
                return _control(frame)
            if frame.arg is None:
                raise MalformedFrame("wrong_shape", venue=VENUE)
            known, kind = self._catalog.named(frame.arg.instId), self._kinds.get(frame.arg.channel)
            if known is None or kind is None:
                if len(self.unknown) < _KEPT_UNKNOWN:
                    self.unknown[f"{frame.arg.channel[:40]}:{frame.arg.instId[:40]}"] += 1
                return None
            stream = StreamId(known.instrument.id, kind[0], kind[1])
            return self._read[kind[0]](known, stream, frame, recv_ns)
        except MalformedFrame:
            raise
        except RecursionError:
            raise MalformedFrame("too_deep", venue=VENUE) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            reason = "wrong_shape" if isinstance(error, msgspec.ValidationError) else "not_json"
            raise MalformedFrame(reason, venue=VENUE) from None
        except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError):
            raise MalformedFrame("bad_value", venue=VENUE) from None

    def _book(self, known: Known, stream: StreamId, frame: _Frame, recv_ns: int) -> MarketEvent | None:
        row = _one(known, frame)
        bids, asks = (_levels(row[side], known.contract) for side in ("bids", "asks"))
        sequence, before, time_ms = int(row["seqId"]), int(row["prevSeqId"]), int(row["ts"])
        line = self._lines.setdefault(stream, Line())
        event: BookSnapshot | BookDelta
        if frame.action == "snapshot":
            line.sequence, line.ours = sequence, line.ours + 1
            event = BookSnapshot(
                stream=stream, update_id=line.ours, bids=bids, asks=asks, time=time_ms, source=Source.WS, recv_ns=recv_ns
            )
        else:
            if not self._moves(line, sequence, before):
                return None
            event = BookDelta(
                stream=stream,
                first_id=line.ours,
                last_id=line.ours,
                prev_id=line.ours - 1,
                bids=bids,
                asks=asks,
                time=time_ms,
                recv_ns=recv_ns,
            )
        _check(book_fault(event))
        return event

    @staticmethod
    def _moves(line: Line, sequence: int, before: int) -> bool:
        """Take a change's numbers; false for one that says nothing new."""
        if sequence == line.sequence or (sequence < line.sequence and before != line.sequence):
            return False  # a sign of life, or what another connection brought already
        line.ours += 1 if before <= line.sequence else 2  # a number that is skipped is a change that was missed
        line.sequence = sequence
        return True


def _control(frame: _Frame) -> ControlMessage | None:
    if frame.event == "notice" and frame.code == "64008":
        return ControlMessage(name="shutdown", message=frame.msg)
    place = f"{frame.arg.channel}:{frame.arg.instId}" if frame.arg is not None else frame.id
    if frame.event in ("subscribe", "unsubscribe"):
        return ControlMessage(name="answer", id=place)
    if frame.event == "error":
        return ControlMessage(name="error", id=frame.id or None, code=int(frame.code or 0), message=frame.msg)
    return None


def _rows_of(known: Known, frame: _Frame) -> list[dict[str, Any]]:
    """The rows of a frame, each of the instrument that its subscription names."""
    rows = _ROWS.decode(frame.data)
    if not rows:
        raise MalformedFrame("no_data", venue=VENUE)
    for row in rows:
        if row.get("instId", known.instrument.venue_symbol) != known.instrument.venue_symbol:
            raise MalformedFrame("stream_mismatch", venue=VENUE)
    return rows


def _one(known: Known, frame: _Frame) -> dict[str, Any]:
    return _rows_of(known, frame)[-1]


def _check(fault: str | None) -> None:
    if fault is not None:
        raise MalformedFrame(fault, venue=VENUE)


def kline_of(row: list[str], known: Known, stream: StreamId, *, source: Source, recv_ns: int) -> Kline:
    """Return a candle; the venue counts no trades and tells no taker's part. Raises MalformedFrame."""
    opened = int(row[0])
    o, high, low, close = (Decimal(text) for text in row[1:5])
    swap = known.instrument.id.market != "spot"
    kline = Kline(
        stream=stream,
        open_time=opened,
        close_time=close_of(stream.period, opened),
        open=o,
        high=high,
        low=low,
        close=close,
        volume=decimal_of(row[6] if swap else row[5]),
        quote_volume=decimal_of(row[7]),
        count=0,
        taker_buy_base_volume=ZERO,
        taker_buy_quote_volume=ZERO,
        closed=row[8] == "1",
        source=source,
        event_time=recv_ns // 1_000_000 if source is Source.WS else 0,
        recv_ns=recv_ns,
    )
    _check(kline_fault(kline))
    return kline


def _kline(known: Known, stream: StreamId, frame: _Frame, recv_ns: int) -> tuple[Kline, ...]:
    rows = _CANDLES.decode(frame.data)
    return tuple(kline_of(row, known, stream, source=Source.WS, recv_ns=recv_ns) for row in rows)


@exact
def _trade(known: Known, stream: StreamId, frame: _Frame, recv_ns: int) -> tuple[Trade, ...]:
    return tuple(_trade_of(row, known, stream, recv_ns) for row in _rows_of(known, frame))


def _trade_of(row: Mapping[str, Any], known: Known, stream: StreamId, recv_ns: int) -> Trade:
    trade = Trade(
        stream=stream,
        trade_id=int(row["tradeId"]),
        price=Decimal(row["px"]),
        quantity=Decimal(row["sz"]) * known.contract,
        time=int(row["ts"]),
        buyer_is_maker=_side(row["side"]) == "sell",
        recv_ns=recv_ns,
    )
    _check(trade_fault(trade))
    return trade


def _side(word: str) -> str:
    if word not in ("buy", "sell"):
        raise ValueError("no side")
    return word


@exact
def _quote(known: Known, stream: StreamId, frame: _Frame, recv_ns: int) -> Quote | None:
    row = _one(known, frame)
    if not row["bids"] or not row["asks"]:
        return None  # one side is empty: there is no best price to tell
    (bid, bid_size), (ask, ask_size) = row["bids"][0][:2], row["asks"][0][:2]
    quote = Quote(
        stream=stream,
        update_id=int(row.get("seqId") or row["ts"]),
        bid_price=Decimal(bid),
        bid_quantity=Decimal(bid_size) * known.contract,
        ask_price=Decimal(ask),
        ask_quantity=Decimal(ask_size) * known.contract,
        time=int(row["ts"]),
        recv_ns=recv_ns,
    )
    _check(quote_fault(quote))
    return quote


def _ticker(known: Known, stream: StreamId, frame: _Frame, recv_ns: int) -> Ticker:
    return ticker_of(_one(known, frame), known, stream, source=Source.WS, recv_ns=recv_ns)


def ticker_of(row: Mapping[str, Any], known: Known, stream: StreamId, *, source: Source, recv_ns: int) -> Ticker:
    """Return a ticker; of swaps the venue does not tell the volume in quote currency (0)."""
    swap = known.instrument.id.market != "spot"
    ticker = Ticker(
        stream=stream,
        time=int(row["ts"]),
        last_price=Decimal(row["last"]),
        open_price=Decimal(row["open24h"]),
        high_price=Decimal(row["high24h"]),
        low_price=Decimal(row["low24h"]),
        volume=decimal_of(row["volCcy24h"] if swap else row["vol24h"]),
        quote_volume=ZERO if swap else decimal_of(row["volCcy24h"]),
        source=source,
        recv_ns=recv_ns,
    )
    _check(ticker_fault(ticker))
    return ticker


def _mark_price(known: Known, stream: StreamId, frame: _Frame, recv_ns: int) -> MarkPrice:
    row = _one(known, frame)
    price = Decimal(row["markPx"])
    if not ZERO < price < MAX_VALUE:
        raise MalformedFrame("price_not_positive", venue=VENUE)
    return MarkPrice(stream=stream, time=int(row["ts"]), mark_price=price, recv_ns=recv_ns)


@exact
def _levels(rows: list[list[str]], contract: Decimal) -> tuple[Level, ...]:
    return tuple((Decimal(row[0]), Decimal(row[1]) * contract) for row in rows)
