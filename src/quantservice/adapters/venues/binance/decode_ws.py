"""Bytes of the market streams -> validated events. Pure: no clock, no I/O, no logging.

Every frame either becomes exactly one event, is a control message, is of no interest (None), or raises
:class:`MalformedFrame` with a short countable reason; nothing else leaves :meth:`Decoder.decode`. A combined frame names
its stream first (``{"stream":"btcusdt@kline_1m","data":``), so one dictionary look-up of those bytes finds the stream and
the function for its shape, without decoding twice. Frames of the single-stream form are wrapped into the combined form.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from quantservice.adapters.venues.binance.spec import FROM_VENUE_PERIOD, VENUE, spec_of
from quantservice.adapters.venues.binance.wire import (
    AggTradeFrame,
    BookTickerFrame,
    DepthFrame,
    KlineFrame,
    MarkPriceFrame,
    TickerFrame,
    TradeFrame,
    check_unique_keys,
)
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame
from quantservice.core.events import (
    BookDelta,
    Kind,
    Kline,
    MarketEvent,
    MarkPrice,
    Quote,
    Source,
    StreamId,
    Ticker,
    Trade,
)
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.validation import MAX_VALUE, book_fault, kline_fault, quote_fault, ticker_fault, trade_fault

MAX_FRAME_BYTES: Final = 1 << 20
MAX_NAMES: Final = 1_000  # unknown stream names remembered, so that a babbling peer cannot fill the memory
MAX_ROUTES: Final = 20_000  # more names than that are not subscriptions of ours
_PREFIX: Final = b'{"stream":"'
_PREFIX_BYTES: Final = len(_PREFIX)

Route: TypeAlias = Callable[[bytes, int], "MarketEvent | None"]


class _Header(msgspec.Struct):
    """The keys by which a frame outside the combined form is told apart."""

    e: str = ""
    s: str = ""
    E: int = 0
    u: int | None = None
    k: _KlineHeader | None = None
    id: int | str | None = None
    result: Any = msgspec.UNSET
    error: _WireError | None = None
    code: int | None = None
    msg: str = ""
    stream: str = ""
    data: Any = None


class _KlineHeader(msgspec.Struct):
    i: str = ""


class _WireError(msgspec.Struct):
    code: int = 0
    msg: str = ""


class StreamRegistry:
    """The venue's names -> our streams, for one market. Replaced as a whole when the instruments change."""

    def __init__(self, market: str, instruments: Iterable[Instrument] = ()) -> None:
        self.market: Final = spec_of(market).market
        self._ids: dict[str, InstrumentId] = {}
        self._decoders: Final[weakref.WeakSet[Decoder]] = weakref.WeakSet()
        self.replace(instruments)

    def __len__(self) -> int:
        return len(self._ids)

    def replace(self, instruments: Iterable[Instrument]) -> None:
        """Take the instruments of this market as the whole truth from now on."""
        self._ids = {item.venue_symbol: item.id for item in instruments if item.id.venue == VENUE and item.id.market == self.market}
        for decoder in self._decoders:
            decoder.forget()

    def on_change(self, decoder: Decoder) -> None:
        """Have ``decoder`` told when the instruments change, for as long as it lives."""
        self._decoders.add(decoder)

    def instrument(self, venue_symbol: str) -> InstrumentId | None:
        """Return our name of what the venue calls ``venue_symbol``."""
        return self._ids.get(venue_symbol)

    def find(self, stream_symbol: str) -> str | None:
        """Return the venue's symbol that a stream name writes in lower case."""
        upper = stream_symbol.upper()
        return upper if upper in self._ids else stream_symbol if stream_symbol in self._ids else None


class Decoder:
    """The decoder of one market's frames. Not thread safe; cheap to make, one per connection or one per market."""

    def __init__(self, market: str, registry: StreamRegistry) -> None:
        self.market: Final = spec_of(market).market
        self.unknown: dict[str, int] = {}  # stream or symbol -> frames of no interest
        self._registry: Final = registry
        self._routes: Final[dict[bytes, Route]] = {}
        registry.on_change(self)

    def decode(self, frame: bytes, recv_ns: int) -> MarketEvent | ControlMessage | None:
        """Turn one frame into an event; None when its symbol or kind is unknown (then counted in :attr:`unknown`)."""
        try:
            # Where a stream's name stands in a combined frame. If by some chance a known name stands there in another
            # frame, its route will find that the rest does not fit.
            route = self._routes.get(frame[11 : frame.find(b'"', 11)])
            return self._decode_rare(frame, recv_ns) if route is None else route(frame, recv_ns)
        except MalformedFrame as error:
            raise (error if error.venue else self._malformed(error.reason)) from None
        except msgspec.ValidationError:
            raise self._malformed("wrong_shape") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._malformed("not_json") from None
        except RecursionError:
            raise self._malformed("nested_too_deep") from None
        except (ValueError, ArithmeticError):
            raise self._malformed("bad_value") from None

    def forget(self) -> None:
        """Forget which stream a name stands for: the instruments have changed."""
        self._routes.clear()

    def _decode_rare(self, frame: bytes, recv_ns: int) -> MarketEvent | ControlMessage | None:
        """Frames whose route is not known yet, single-stream frames and control messages."""
        if len(frame) > MAX_FRAME_BYTES:
            raise self._malformed("oversized")
        if not frame:
            raise self._malformed("empty")
        if frame[:_PREFIX_BYTES] == _PREFIX:
            name = frame[_PREFIX_BYTES : frame.find(b'"', _PREFIX_BYTES)]
            route = self._routes.get(name) or self._add_route(name)
            return self._skip(frame, name.decode()) if route is None else route(frame, recv_ns)
        if frame[:1] not in (b"{", b"[", b" ", b"\n", b"\t", b"\r"):
            raise self._malformed("not_json")
        header = _HEADER.decode(frame)
        check_unique_keys(frame)
        if header.stream and header.data is not None:  # the combined form with its keys in another order, or spaced
            return self._decode_rare(_combined(header.stream, msgspec.json.encode(header.data)), recv_ns)
        if header.e == "serverShutdown":
            return ControlMessage(name="shutdown", time=header.E)
        if header.e or (header.s and header.u is not None):
            name_of = _EVENT_STREAMS.get(header.e)
            if name_of is None:
                self._count(header.e)
                return None
            return self._decode_rare(_combined(name_of(header), frame), recv_ns)
        return self._control(header)

    def _control(self, header: _Header) -> ControlMessage:
        if header.error is not None:
            return ControlMessage(name="error", id=header.id, code=header.error.code, message=header.error.msg[:500])
        if header.code is not None:
            return ControlMessage(name="error", id=header.id, code=header.code, message=header.msg[:500])
        if header.result is msgspec.UNSET:
            raise self._malformed("unknown_message")
        result = header.result if isinstance(header.result, list) else []
        return ControlMessage(name="answer", id=header.id, result=tuple(str(item) for item in result))

    def _add_route(self, name: bytes) -> Route | None:
        text = str(msgspec.json.decode(b'"' + name + b'"'))  # a symbol may come as \u escapes
        symbol, _, suffix = text.partition("@")
        head = suffix.partition("@")[0]
        period = ""
        if head.startswith("kline_"):
            period = FROM_VENUE_PERIOD.get(head[6:], "")
            head = "kline_"
        make = _ROUTES.get(head)
        venue_symbol = self._registry.find(symbol)
        if make is None or venue_symbol is None or (head == "kline_" and not period):
            return None
        instrument = self._registry.instrument(venue_symbol)
        if instrument is None:
            return None
        kind, build = make
        route = build(StreamId(instrument, kind, period), venue_symbol)
        if len(self._routes) >= MAX_ROUTES:
            self._routes.clear()
        self._routes[name] = route
        return route

    def _skip(self, frame: bytes, name: str) -> ControlMessage | None:
        """A combined frame of no interest must still be well-formed."""
        data = _COMBINED.decode(frame).data
        if isinstance(data, _Event) and data.e == "serverShutdown":
            return ControlMessage(name="shutdown", time=data.E)
        self._count(name)
        return None

    def _count(self, name: str) -> None:
        key = name[:64]
        if key in self.unknown or len(self.unknown) < MAX_NAMES:
            self.unknown[key] = self.unknown.get(key, 0) + 1

    def _malformed(self, reason: str) -> MalformedFrame:
        return MalformedFrame(reason, venue=VENUE, market=self.market)


class _Event(msgspec.Struct):
    e: str = ""
    E: int = 0


class _Combined(msgspec.Struct):
    data: _Event | list[Any]


_HEADER: Final = msgspec.json.Decoder(_Header)
_COMBINED: Final = msgspec.json.Decoder(_Combined)


def _combined(name: str, data: bytes) -> bytes:
    return b'{"stream":' + msgspec.json.encode(name) + b',"data":' + data + b"}"


def _named(suffix: str) -> Callable[[_Header], str]:
    return lambda header: f"{header.s.lower()}@{suffix}"


def _kline_name(header: _Header) -> str:
    return f"{header.s.lower()}@kline_{header.k.i if header.k else ''}"


#: Event type of a single-stream frame -> the stream name it would have in the combined form ("" is spot's bookTicker).
_EVENT_STREAMS: Final[Mapping[str, Callable[[_Header], str]]] = {
    "kline": _kline_name,
    "trade": _named("trade"),
    "aggTrade": _named("aggTrade"),
    "bookTicker": _named("bookTicker"),
    "": _named("bookTicker"),
    "depthUpdate": _named("depth"),
    "markPriceUpdate": _named("markPrice"),
    "24hrTicker": _named("ticker"),
}


def _fault(reason: str, stream: StreamId) -> MalformedFrame:
    return MalformedFrame(reason, venue=stream.instrument.venue, market=stream.instrument.market)


def _kline_route(stream: StreamId, venue_symbol: str) -> Route:
    decode = msgspec.json.Decoder(KlineFrame).decode
    interval = "1M" if stream.period == "1mo" else stream.period

    last_open = last_high = last_low = ""
    open_price = high_price = low_price = Decimal(0)

    def route(frame: bytes, recv_ns: int) -> Kline:
        nonlocal last_open, last_high, last_low, open_price, high_price, low_price
        data = decode(frame).data
        if frame.count(b":") != 23:
            check_unique_keys(frame)
        k = data.k
        if data.s != venue_symbol or k.i != interval or data.e != "kline":
            raise _fault("stream_mismatch", stream)
        if k.o != last_open:
            open_price, last_open = Decimal(k.o), k.o
        if k.h != last_high:
            high_price, last_high = Decimal(k.h), k.h
        if k.l != last_low:
            low_price, last_low = Decimal(k.l), k.l
        kline = Kline(
            stream=stream,
            open_time=k.t,
            close_time=k.T,
            open=open_price,
            high=high_price,
            low=low_price,
            close=k.c,
            volume=k.v,
            quote_volume=k.q,
            count=k.n,
            taker_buy_base_volume=k.V,
            taker_buy_quote_volume=k.Q,
            closed=k.x,
            event_time=data.E,
            recv_ns=recv_ns,
        )
        fault = kline_fault(kline)
        if fault is not None:
            raise _fault(fault, stream)
        return kline

    return route


def _trade_route(stream: StreamId, venue_symbol: str) -> Route:
    decode = msgspec.json.Decoder(TradeFrame).decode

    def route(frame: bytes, recv_ns: int) -> Trade | None:
        data = decode(frame).data
        if frame.count(b":") != 10 + (data.X is not None) + (data.M is not None):
            check_unique_keys(frame)
        if data.s != venue_symbol or data.e != "trade":
            raise _fault("stream_mismatch", stream)
        if data.X not in {None, "MARKET"} and not data.p:
            return None  # futures announce fund and settlement transfers here with price 0: not trades of the market
        trade = Trade(
            stream=stream,
            trade_id=data.t,
            price=data.p,
            quantity=data.q,
            time=data.T,
            buyer_is_maker=data.m,
            first_id=data.t,
            last_id=data.t,
            event_time=data.E,
            recv_ns=recv_ns,
        )
        fault = trade_fault(trade)
        if fault is not None:
            raise _fault(fault, stream)
        return trade

    return route


def _agg_trade_route(stream: StreamId, venue_symbol: str) -> Route:
    decode = msgspec.json.Decoder(AggTradeFrame).decode

    def route(frame: bytes, recv_ns: int) -> Trade:
        data = decode(frame).data
        check_unique_keys(frame, 12 + (data.M is not None) + (data.nq is not None))
        if data.s != venue_symbol or data.e != "aggTrade":
            raise _fault("stream_mismatch", stream)
        trade = Trade(
            stream=stream,
            trade_id=data.a,
            price=data.p,
            quantity=data.q,
            time=data.T,
            buyer_is_maker=data.m,
            first_id=data.f,
            last_id=data.l,
            aggregate=True,
            event_time=data.E,
            recv_ns=recv_ns,
        )
        fault = trade_fault(trade)
        if fault is not None:
            raise _fault(fault, stream)
        return trade

    return route


def _quote_route(stream: StreamId, venue_symbol: str) -> Route:
    decode = msgspec.json.Decoder(BookTickerFrame).decode

    def route(frame: bytes, recv_ns: int) -> Quote:
        data = decode(frame).data
        check_unique_keys(frame, 8 + (data.e is not None) + (data.E is not None) + (data.T is not None) + (data.ps is not None))
        if data.s != venue_symbol or data.e not in (None, "bookTicker"):
            raise _fault("stream_mismatch", stream)
        quote = Quote(
            stream=stream,
            update_id=data.u,
            bid_price=data.b,
            bid_quantity=data.B,
            ask_price=data.a,
            ask_quantity=data.A,
            time=data.T or 0,
            recv_ns=recv_ns,
        )
        fault = quote_fault(quote)
        if fault is not None:
            raise _fault(fault, stream)
        return quote

    return route


def _depth_route(stream: StreamId, venue_symbol: str) -> Route:
    decode = msgspec.json.Decoder(DepthFrame).decode

    def route(frame: bytes, recv_ns: int) -> BookDelta:
        if len(frame) > MAX_FRAME_BYTES:
            raise _fault("oversized", stream)
        data = decode(frame).data
        check_unique_keys(frame, 9 + (data.T is not None) + (data.pu is not None) + (data.ps is not None))
        if data.s != venue_symbol or data.e != "depthUpdate":
            raise _fault("stream_mismatch", stream)
        delta = BookDelta(
            stream=stream,
            first_id=data.U,
            last_id=data.u,
            prev_id=data.pu or 0,
            bids=data.b,
            asks=data.a,
            time=data.T or data.E,
            recv_ns=recv_ns,
        )
        fault = book_fault(delta)
        if fault is not None:
            raise _fault(fault, stream)
        return delta

    return route


def _mark_price_route(stream: StreamId, venue_symbol: str) -> Route:
    decode = msgspec.json.Decoder(MarkPriceFrame).decode

    def route(frame: bytes, recv_ns: int) -> MarkPrice:
        data = decode(frame).data
        check_unique_keys(frame)
        if data.s != venue_symbol or data.e != "markPriceUpdate":
            raise _fault("stream_mismatch", stream)
        index, rate = optional_decimal(data.i), optional_decimal(data.r)
        if not 0 < data.p < MAX_VALUE or (index is not None and not 0 <= index < MAX_VALUE):
            raise _fault("price_not_positive", stream)
        if rate is not None and not -1 <= rate <= 1:
            raise _fault("rate_out_of_range", stream)
        return MarkPrice(
            stream=stream,
            time=data.E,
            mark_price=data.p,
            index_price=index or None,
            funding_rate=rate,
            next_funding_time=data.T,
            recv_ns=recv_ns,
        )

    return route


def _ticker_route(stream: StreamId, venue_symbol: str) -> Route:
    decode = msgspec.json.Decoder(TickerFrame).decode

    def route(frame: bytes, recv_ns: int) -> Ticker:
        data = decode(frame).data
        check_unique_keys(frame)
        if data.s != venue_symbol or data.e != "24hrTicker":
            raise _fault("stream_mismatch", stream)
        ticker = Ticker(
            stream=stream,
            time=data.E,
            last_price=data.c,
            open_price=data.o,
            high_price=data.h,
            low_price=data.l,
            volume=data.v,
            quote_volume=data.q,
            count=data.n,
            source=Source.WS,
            recv_ns=recv_ns,
        )
        fault = ticker_fault(ticker)
        if fault is not None:
            raise _fault(fault, stream)
        return ticker

    return route


def optional_decimal(text: str | None) -> Decimal | None:
    """Read a number that the venue may leave out or empty (``""`` for dated futures)."""
    return Decimal(text) if text else None


#: Head of a stream's suffix -> its kind and how to make the function that decodes it.
_ROUTES: Final[Mapping[str, tuple[Kind, Callable[[StreamId, str], Route]]]] = {
    "kline_": (Kind.KLINE, _kline_route),
    "trade": (Kind.TRADE, _trade_route),
    "aggTrade": (Kind.TRADE, _agg_trade_route),
    "bookTicker": (Kind.QUOTE, _quote_route),
    "depth": (Kind.BOOK, _depth_route),
    "markPrice": (Kind.MARK_PRICE, _mark_price_route),
    "ticker": (Kind.TICKER, _ticker_route),
}
