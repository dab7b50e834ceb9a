"""Every recorded frame of Binance, decoded and compared field by field with a plain reading of the same JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.binance import btc, captured_frames, exact, make_instrument, plain, raw_feed, symbols_in

from quantservice.adapters.venues.binance.decode_ws import Decoder, StreamRegistry
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame
from quantservice.core.events import Kind, Source, StreamId
from quantservice.core.instruments import InstrumentId

pytestmark = pytest.mark.data

Expected = dict[str, Any]


def _kline(data: Any) -> Expected:
    bar = data["k"]
    return {
        "open_time": bar["t"],
        "close_time": bar["T"],
        "open": exact(bar["o"]),
        "high": exact(bar["h"]),
        "low": exact(bar["l"]),
        "close": exact(bar["c"]),
        "volume": exact(bar["v"]),
        "quote_volume": exact(bar["q"]),
        "count": bar["n"],
        "taker_buy_base_volume": exact(bar["V"]),
        "taker_buy_quote_volume": exact(bar["Q"]),
        "closed": bar["x"],
        "source": Source.WS,
        "synthetic": False,
        "event_time": data["E"],
    }


def _trade(data: Any) -> Expected:
    aggregate = data["e"] == "aggTrade"
    return {
        "trade_id": data["a"] if aggregate else data["t"],
        "price": exact(data["p"]),
        "quantity": exact(data["q"]),
        "time": data["T"],
        "buyer_is_maker": data["m"],
        "first_id": data["f"] if aggregate else data["t"],
        "last_id": data["l"] if aggregate else data["t"],
        "aggregate": aggregate,
        "source": Source.WS,
        "event_time": data["E"],
    }


def _quote(data: Any) -> Expected:
    return {
        "update_id": data["u"],
        "bid_price": exact(data["b"]),
        "bid_quantity": exact(data["B"]),
        "ask_price": exact(data["a"]),
        "ask_quantity": exact(data["A"]),
        "time": data.get("T", 0),
        "source": Source.WS,
    }


def _depth(data: Any) -> Expected:
    return {
        "first_id": data["U"],
        "last_id": data["u"],
        "prev_id": data.get("pu", 0),
        "bids": tuple((exact(price), exact(size)) for price, size in data["b"]),
        "asks": tuple((exact(price), exact(size)) for price, size in data["a"]),
        "time": data.get("T", data["E"]),
        "source": Source.WS,
    }


READERS: Final[dict[str, tuple[Kind, Callable[[Any], Expected]]]] = {
    "kline": (Kind.KLINE, _kline),
    "trade": (Kind.TRADE, _trade),
    "aggTrade": (Kind.TRADE, _trade),
    "bookTicker": (Kind.QUOTE, _quote),
    "depthUpdate": (Kind.BOOK, _depth),
}


def _check(decoder: Decoder, registry: StreamRegistry, frame: bytes, received: int) -> str:
    """Decode one frame, compare every field with the plain reading, return the event type."""
    data = plain(frame)["data"]
    name: str = data.get("e", "bookTicker")
    kind, read = READERS[name]
    instrument = registry.instrument(data["s"])
    assert instrument is not None
    period = data["k"]["i"] if kind is Kind.KLINE else ""
    expected = read(data) | {"stream": StreamId(instrument, kind, period), "recv_ns": received}
    event = decoder.decode(frame, received)
    assert event is not None
    assert not isinstance(event, ControlMessage)
    got = {field: getattr(event, field) for field in event.__struct_fields__}
    assert got == expected, frame
    for field, value in expected.items():  # 1.10 == 1.1 for Decimal; the digits must be the venue's too
        assert str(getattr(event, field)) == str(value), (field, frame)
    return name


@pytest.mark.parametrize(
    ("market", "counts"),
    [
        ("spot", {"bookTicker": 28_040, "depthUpdate": 3_451, "trade": 9_757}),
        ("um", {"bookTicker": 66_089, "depthUpdate": 6_551, "trade": 21_313}),
        ("cm", {"bookTicker": 19_136, "depthUpdate": 26_847, "trade": 2_286}),
    ],
)
def test_every_frame_of_the_raw_feed(data_dir: Path, market: str, counts: dict[str, int]) -> None:
    registry = StreamRegistry(market, [btc(market)])
    decoder = Decoder(market, registry)
    seen: Counter[str] = Counter()
    for received, frame in raw_feed(data_dir, market):
        if frame.startswith(b'{"stream"'):
            seen[_check(decoder, registry, frame, received)] += 1
    assert seen == counts
    assert decoder.unknown == {}


@pytest.mark.parametrize(
    ("market", "counts"),
    [
        ("spot", {"depthUpdate": 177, "bookTicker": 84, "aggTrade": 2, "kline": 2}),
        ("um", {"depthUpdate": 764, "bookTicker": 613, "aggTrade": 91, "kline": 67}),
        ("cm", {"depthUpdate": 2_047, "bookTicker": 2_240, "aggTrade": 51, "kline": 33}),
    ],
)
def test_every_captured_frame_of_many_symbols(data_dir: Path, market: str, counts: dict[str, int]) -> None:
    frames = captured_frames(data_dir, market)
    registry = StreamRegistry(market, [make_instrument(market, symbol) for symbol in symbols_in(frames)])
    decoder = Decoder(market, registry)
    seen = Counter(_check(decoder, registry, frame, index) for index, frame in enumerate(frames))
    assert seen == counts


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
def test_the_single_stream_form_gives_the_same_events(data_dir: Path, market: str) -> None:
    frames = captured_frames(data_dir, market)
    decoder = Decoder(market, StreamRegistry(market, [make_instrument(market, symbol) for symbol in symbols_in(frames)]))
    for frame in frames:
        bare = frame[frame.index(b'"data":') + 7 : -1]
        assert decoder.decode(bare, 5) == decoder.decode(frame, 5), bare


def test_frames_of_other_symbols_are_counted_and_not_decoded(data_dir: Path) -> None:
    decoder = Decoder("um", StreamRegistry("um", []))
    frames = captured_frames(data_dir, "um")
    assert all(decoder.decode(frame, 1) is None for frame in frames)
    assert sum(decoder.unknown.values()) == len(frames)
    with pytest.raises(MalformedFrame):
        decoder.decode(frames[0][:-1], 1)


def test_a_symbol_listed_later_is_decoded_from_then_on(data_dir: Path) -> None:
    frame = captured_frames(data_dir, "um")[0]
    registry = StreamRegistry("um", [])
    decoder = Decoder("um", registry)
    assert decoder.decode(frame, 1) is None
    registry.replace([make_instrument("um", symbol) for symbol in symbols_in([frame])])
    event = decoder.decode(frame, 1)
    assert event is not None
    assert not isinstance(event, ControlMessage)
    registry.replace([make_instrument("um", symbol, "RENAMED") for symbol in symbols_in([frame])])
    renamed = decoder.decode(frame, 1)
    assert renamed is not None
    assert not isinstance(renamed, ControlMessage)
    assert renamed.stream.instrument == InstrumentId("binance", "um", "RENAMED")
