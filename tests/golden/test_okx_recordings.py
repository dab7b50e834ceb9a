"""Every recorded frame of OKX that is of our markets, decoded and compared field by field with a plain reading of the same JSON."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantservice.adapters.venues.okx.catalog import Catalog
from quantservice.adapters.venues.okx.decode_instruments import decode_instruments
from quantservice.adapters.venues.okx.decode_ws import Decoder
from quantservice.adapters.venues.okx.spec import row_of
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame
from quantservice.core.events import BookDelta, BookSnapshot, Kline, MarkPrice, Quote, Ticker, Trade
from quantservice.core.instruments import InstrumentId

D = Decimal
#: The venue's documented shapes of today, by hand: candles and books of swaps, whose recordings are older than their fields.
CANDLE = {
    "arg": {"channel": "candle1m", "instId": "BTC-USDT-SWAP"},
    "data": [["1779999960000", "91000.1", "91010", "90990.5", "91000", "1234", "12.34", "1122940.5", "1"]],
}
BOOK = {
    "arg": {"channel": "books", "instId": "BTC-USDT-SWAP"},
    "action": "snapshot",
    "data": [
        {
            "asks": [["91000.2", "15", "0", "2"]],
            "bids": [["91000.1", "7.5", "0", "1"]],
            "ts": "1780000000000",
            "checksum": 0,
            "prevSeqId": -1,
            "seqId": 1000,
        }
    ],
}


def decoder(data_dir: Path, market: str) -> Decoder:
    """A decoder that knows the recorded list of instruments."""
    word = {"spot": "instType=SPOT", "um": "instType=SWAP"}[market]
    with gzip.open(data_dir / "rest_messages" / "cryptofeed" / "OKX.0.gz", "rt", encoding="utf-8") as file:
        body = next(line.split(": ", 1)[1] for line in file if word in line)
    catalog = Catalog()
    catalog.replace(decode_instruments(body.encode(), row_of(market), seen_ms=1))
    return Decoder(row_of(market), catalog)


def frames(data_dir: Path) -> Iterator[tuple[bytes, Any]]:
    """Recorded frames."""
    with gzip.open(data_dir / "ws_messages" / "cryptofeed" / "OKX.ws.1.0.gz", "rt", encoding="utf-8") as file:
        for line in file:
            head, _, text = line.rstrip("\n").partition(": ")
            if text.startswith("{") and "<-" not in head:
                yield text.encode(), json.loads(text)


@pytest.mark.data
def test_recorded_trades_and_tickers_are_read_to_the_last_digit(data_dir: Path) -> None:
    spot, seen = decoder(data_dir, "spot"), Counter[str]()
    for payload, plain in frames(data_dir):
        if plain.get("event") == "subscribe":
            control = spot.decode(payload, 1)
            assert isinstance(control, ControlMessage)
            assert control.id == f"{plain['arg']['channel']}:{plain['arg']['instId']}"
            seen["subscribe"] += 1
            continue
        channel, inst_id = plain["arg"]["channel"], plain["arg"]["instId"]
        if channel == "books":
            continue  # of 2022, when they had no numbers
        event = spot.decode(payload, 7)
        if inst_id != "BTC-USDT":
            assert event is None
            continue
        row = plain["data"][0]
        if channel == "trades":
            assert isinstance(event, tuple)
            (trade,) = event
            assert isinstance(trade, Trade)
            assert (trade.trade_id, trade.price, trade.quantity) == (int(row["tradeId"]), D(row["px"]), D(row["sz"]))
            assert (trade.buyer_is_maker, trade.time, trade.recv_ns) == (row["side"] == "sell", int(row["ts"]), 7)
        else:
            assert isinstance(event, Ticker)
            assert (event.last_price, event.open_price) == (D(row["last"]), D(row["open24h"]))
            assert (event.volume, event.quote_volume) == (D(row["vol24h"]), D(row["volCcy24h"]))
        seen[channel] += 1
    assert seen["trades"] > 60
    assert seen["tickers"] > 20
    assert seen["subscribe"] >= 9


@pytest.mark.data
def test_candles_and_books_of_swaps_are_in_base_currency(data_dir: Path) -> None:
    swaps = decoder(data_dir, "um")
    event = swaps.decode(json.dumps(CANDLE).encode(), 1)
    assert isinstance(event, tuple)
    (kline,) = event
    assert isinstance(kline, Kline)
    assert (kline.volume, kline.quote_volume, kline.closed) == (D("12.34"), D("1122940.5"), True)
    assert kline.instrument == InstrumentId("okx", "um", "BTC-USDT-PERP")
    book = swaps.decode(json.dumps(BOOK).encode(), 1)
    assert isinstance(book, BookSnapshot)
    assert (book.bids, book.asks) == (((D("91000.1"), D("0.075")),), ((D("91000.2"), D("0.15")),))


def update(decode: Decoder, before: int, sequence: int) -> Any:
    """One change of the book, between two of the venue's numbers."""
    row = BOOK["data"][0] | {"prevSeqId": before, "seqId": sequence, "bids": [], "asks": [["91000.2", "1", "0", "1"]]}  # type: ignore[index]  # a row
    return decode.decode(json.dumps({"arg": BOOK["arg"], "action": "update", "data": [row]}).encode(), 1)


@pytest.mark.data
def test_md4_the_venues_numbers_become_a_line(data_dir: Path) -> None:
    swaps = decoder(data_dir, "um")
    start = swaps.decode(json.dumps(BOOK).encode(), 1)
    assert isinstance(start, BookSnapshot)
    first = update(swaps, 1000, 1010)
    assert isinstance(first, BookDelta)
    assert (first.prev_id, first.last_id) == (start.update_id, start.update_id + 1)
    assert update(swaps, 1010, 1010) is None, "a sign of life"
    assert update(swaps, 1000, 1010) is None, "another connection's copy"
    anew = update(swaps, 1010, 3)
    assert (anew.prev_id, anew.last_id) == (first.last_id, first.last_id + 1), "the numbers began anew"
    assert update(swaps, 1010, 3) is None, "its copy"
    gap = update(swaps, 5, 6)
    assert gap.prev_id != anew.last_id, "a change was missed"


@pytest.mark.data
@pytest.mark.parametrize("market", ["spot", "um"])
def test_damaged_frames_are_events_that_can_be_or_malformed(data_dir: Path, market: str) -> None:
    decode, chance, outcomes = decoder(data_dir, market), random.Random(7), Counter[str]()
    good = [payload for payload, _ in frames(data_dir)]
    good += [json.dumps(CANDLE).encode(), json.dumps(BOOK).encode()] * 40
    tokens = (b"NaN", b'"NaN"', b"1e999", b'"-1"', b"null", b"[]", b"{}", b"\xff", b"[" * 3_000, b'"Infinity"', b"9" * 6_000)
    for _ in range(10_000):
        frame = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(frame) + 1)
            frame[at : at + chance.randint(0, 9)] = (
                chance.choice(tokens) if chance.random() < 0.6 else bytes([chance.randrange(256)])
            )
        try:
            event = decode.decode(bytes(frame), 1)
        except MalformedFrame as error:
            outcomes[error.reason] += 1
            continue
        for part in event if isinstance(event, tuple) else (event,):
            outcomes[type(part).__name__] += 1
            if isinstance(part, Kline | Trade | Quote | Ticker | MarkPrice):
                numbers = [
                    value for value in (getattr(part, name) for name in part.__struct_fields__) if isinstance(value, Decimal)
                ]
                assert all(number.is_finite() and number >= 0 for number in numbers)
    assert sum(outcomes.values()) >= 9_900
    assert len(outcomes) < 40
