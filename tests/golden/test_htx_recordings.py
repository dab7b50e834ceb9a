"""Every recorded frame of HTX, decoded and compared field by field with a plain reading of the same JSON; and spoilt ones."""

from __future__ import annotations

import ast
import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantservice.adapters.venues.htx.decode_market import Catalog, Decoder
from quantservice.adapters.venues.htx.packed import unpack
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame
from quantservice.core.events import BookDelta, BookSnapshot, Kline, Trade
from quantservice.core.instruments import Instrument, InstrumentId

D = Decimal
#: The venue's documented shapes, by hand: what no recording has.
KLINE = {
    "ch": "market.BTC-USDT.kline.1min",
    "ts": 1_603_695_099_234,
    "tick": {
        "id": 1_603_695_060,
        "mrid": 131_471_527,
        "open": 13_076.8,
        "close": 13_077.5,
        "high": 13_078,
        "low": 13_076.1,
        "amount": 0.004,
        "vol": 4,
        "trade_turnover": 52.3072,
        "count": 1,
    },
}
DEPTH = {
    "ch": "market.BTC-USDT.depth.size_150.high_freq",
    "ts": 1_603_707_712_357,
    "tick": {
        "asks": [[13_081.9, 206], [13_099.7, 371]],
        "bids": [[13_071.9, 38], [13_060, 400]],
        "ch": "market.BTC-USDT.depth.size_150.high_freq",
        "event": "snapshot",
        "id": 131_597_620,
        "mrid": 131_597_620,
        "ts": 1_603_707_712_356,
        "version": 1_512_467,
    },
}


def instrument(name: str, market: str) -> Instrument:
    """An instrument of a venue's name; a contract is a thousandth."""
    base, _, quote = name.upper().partition("-")
    return Instrument(
        id=InstrumentId("htx", market, f"{base}-{quote or 'X'}"),
        venue_symbol=name,
        base=base,
        quote=quote,
        settle=quote,
        tick_size=D("0.1"),
        lot_size=D("0.001"),
    )


def decoder(names: set[str], market: str = "spot") -> Decoder:
    """A decoder that knows some names."""
    catalog = Catalog()
    catalog.replace(instrument(name, market) for name in names)
    return Decoder(market, catalog)


def frames(data_dir: Path) -> Iterator[bytes]:
    """Recorded frames, packed as they came."""
    with gzip.open(data_dir / "ws_messages" / "cryptofeed" / "HUOBI.ws.44.0.gz", "rt", encoding="utf-8") as file:
        for line in file:
            _, _, text = line.partition(": ")
            if text.startswith(("b'", 'b"')):
                yield ast.literal_eval(text.strip())


@pytest.mark.data
def test_every_recorded_frame(data_dir: Path) -> None:
    counts: Counter[str] = Counter()
    messages = [(frame, json.loads(unpack(frame), parse_float=D)) for frame in frames(data_dir)]
    read = decoder({message["ch"].split(".")[1] for _, message in messages if "ch" in message})
    for frame, message in messages:
        event = read.decode(unpack(frame), 7)
        if "ping" in message:
            assert isinstance(event, ControlMessage)
            assert json.loads(event.message) == {"pong": message["ping"]}
            counts["ping"] += 1
        elif "subbed" in message:
            assert isinstance(event, ControlMessage)
            assert (event.name, event.id) == ("answer", int(message["id"]))
            counts["answer"] += 1
        elif "trade" in message["ch"]:
            assert isinstance(event, tuple)
            for trade, row in zip(event, message["tick"]["data"], strict=True):
                assert isinstance(trade, Trade)
                assert (trade.price, trade.quantity, trade.time) == (D(row["price"]), D(row["amount"]), row["ts"])
                assert (trade.trade_id, trade.buyer_is_maker) == (row["tradeId"], row["direction"] == "sell")
                counts["trade"] += 1
        else:
            assert isinstance(event, BookSnapshot)
            tick = message["tick"]
            assert event.bids == tuple((D(price), D(size)) for price, size in tick["bids"])
            assert event.asks == tuple((D(price), D(size)) for price, size in tick["asks"])
            assert (event.update_id, event.time) == (tick["version"], tick["ts"])
            counts["book"] += 1
    assert counts["trade"] > 5
    assert counts["book"] > 200
    assert counts["ping"] > 0
    assert counts["answer"] == 20
    assert not read.unknown


def test_a_swaps_bar_is_closed_by_the_next_and_counts_coins() -> None:
    read = decoder({"BTC-USDT"}, "um")
    [first] = told(read, KLINE)
    assert (first.closed, first.volume, first.quote_volume, first.open_time) == (False, D("0.004"), D("52.3072"), 1_603_695_060_000)
    later = KLINE | {"tick": KLINE["tick"] | {"close": 13_076.9, "count": 2}}  # type: ignore[operator]  # a dict
    [second] = told(read, later)
    assert (second.closed, second.close) == (False, D("13076.9"))
    following = KLINE | {"tick": KLINE["tick"] | {"id": 1_603_695_120}}  # type: ignore[operator]  # a dict
    closed, opened = told(read, following)
    assert (closed.closed, closed.close, closed.count, closed.open_time) == (True, D("13076.9"), 2, 1_603_695_060_000)
    assert (opened.closed, opened.open_time) == (False, 1_603_695_120_000)
    assert told(read, later) == [], "a late frame opens nothing again"
    read.forget(["market.BTC-USDT.kline.1min"])
    after = KLINE | {"tick": KLINE["tick"] | {"id": 1_603_695_180}}  # type: ignore[operator]  # a dict
    assert [kline.closed for kline in told(read, after)] == [False], "subscribed anew: the bar before may have gone on"


def told(read: Decoder, frame: dict[str, Any]) -> list[Kline]:
    """The klines of a frame."""
    found = read.decode(json.dumps(frame).encode(), 7)
    assert isinstance(found, tuple)
    return [kline for kline in found if isinstance(kline, Kline)]


def test_a_swaps_book_is_whole_first_and_its_sizes_are_coins() -> None:
    read = decoder({"BTC-USDT"}, "um")
    book = read.decode(json.dumps(DEPTH).encode(), 7)
    assert isinstance(book, BookSnapshot)
    assert (book.update_id, book.bids[0], book.asks[0]) == (1_512_467, (D("13071.9"), D("0.038")), (D("13081.9"), D("0.206")))
    change = {"event": "update", "version": 1_512_468, "bids": [[13_071.9, 0]], "asks": []}
    delta = read.decode(json.dumps(DEPTH | {"tick": DEPTH["tick"] | change}).encode(), 8)  # type: ignore[operator]  # a dict
    assert isinstance(delta, BookDelta)
    assert (delta.prev_id, delta.last_id, delta.bids) == (1_512_467, 1_512_468, ((D("13071.9"), D(0)),))


def test_no_spoilt_frame_does_more_than_be_malformed() -> None:
    chance = random.Random(7)  # the same frames every time
    good = [json.dumps(KLINE).encode(), json.dumps(DEPTH).encode()]
    read, malformed = decoder({"BTC-USDT"}, "um"), 0
    for _ in range(20_000):
        frame = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(frame))
            frame[at : at + chance.randrange(3)] = bytes(chance.randrange(256) for _ in range(chance.randrange(3)))
        try:
            read.decode(bytes(frame), 7)
        except MalformedFrame:
            malformed += 1
    assert malformed > 6_000
    for text in (b'{"ch":"market.BTC-USDT.kline.1min","tick":{"id":NaN}}', b"[" * 100_000, b'{"ch":1e999}', b"9" * 5_000):
        with pytest.raises(MalformedFrame):
            read.decode(text, 7)
