"""Damaged recordings: every frame is an event that can be, or MalformedFrame; good frames among them are untouched.

``QS_FUZZ_FRAMES`` sets how many damaged frames are tried (20,000; the long version, ``-m slow``, 1,000,000).
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.binance import (
    RECORDINGS,
    btc,
    captured_answers,
    captured_frames,
    make_instrument,
    raw_feed,
    stream_of,
    symbols_in,
)

from quantservice.adapters.venues.binance.decode_instruments import decode_exchange_info
from quantservice.adapters.venues.binance.decode_rest import decode_agg_trades, decode_depth, decode_klines, decode_tickers
from quantservice.adapters.venues.binance.decode_ws import Decoder, StreamRegistry
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame
from quantservice.core.events import BookDelta, BookSnapshot, Kind, Kline, MarketEvent, MarkPrice, Quote, Ticker, Trade
from quantservice.core.instruments import Instrument

MARKETS: Final = ("spot", "um", "cm")
TOKENS: Final = (
    *(b"NaN", b'"NaN"', b"Infinity", b'"-Infinity"', b"1e999", b'"1e999"', b"-1", b'"-1"', b"0", b'"0"', b"null", b"true"),
    *(b"{}", b"[]", b'""', b"\x00", b"\xff", b"\\u0000", b'"', b"9" * 400, b"[" * 2_000, b'{"e":' * 2_000, b'"sNaN"', b"1.5"),
)
#: Reasons are few, so that they can be counted.
MOST_REASONS: Final = 40

MARK: Final = (
    b'{"stream":"%s@markPrice@1s","data":{"e":"markPriceUpdate","E":1562305380000,"s":"%s","p":"11794.15000000",'
    b'"i":"11784.62659091","P":"11784.25641265","r":"0.00038167","T":1562306400000}}'
)
TICKER: Final = (
    b'{"stream":"%s@ticker","data":{"e":"24hrTicker","E":123456789,"s":"%s","p":"0.0015","P":"250.00","w":"0.0018","c":"0.0025",'
    b'"Q":"10","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18","O":0,"C":86400000,"F":0,"L":18150,"n":18151}}'
)


def damage(frame: bytes, chance: random.Random) -> bytes:
    """Return ``frame`` damaged in one to three ways."""
    spoiled = bytearray(frame)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(spoiled) + 1)
        to = min(len(spoiled), at + chance.randint(1, 12))
        way = chance.randrange(8)
        if way == 0 and at < len(spoiled):
            spoiled[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            del spoiled[at:]
        elif way == 2:
            del spoiled[at:to]
        elif way == 3:
            spoiled[at:at] = spoiled[at:to]
        elif way == 4:
            spoiled[at:to] = chance.choice(TOKENS)
        elif way == 5 and at < len(spoiled):
            spoiled[at] = chance.choice(b'0123456789.,:"{}[]-eE ')
        elif way == 6:
            _replace_value(spoiled, chance)
        else:
            spoiled[at:to] = chance.randbytes(to - at)
    return bytes(spoiled)


def _replace_value(spoiled: bytearray, chance: random.Random) -> None:
    colons = [index for index, byte in enumerate(spoiled) if byte == ord(":")]
    if not colons:
        return
    start = chance.choice(colons) + 1
    end = next((index for index in range(start, len(spoiled)) if spoiled[index] in b",}"), len(spoiled))
    spoiled[start:end] = chance.choice(TOKENS)


def assert_possible(event: MarketEvent) -> None:
    """Fail unless ``event`` could have happened: written here again, and not by asking the code under test."""
    numbers = [value for field in event.__struct_fields__ if isinstance(value := getattr(event, field), Decimal)]
    if isinstance(event, BookDelta | BookSnapshot):
        numbers += [number for level in (*event.bids, *event.asks) for number in level]
        assert all(price > 0 and size >= 0 for price, size in (*event.bids, *event.asks))
    assert all(number.is_finite() and abs(number) < 10**20 for number in numbers), event
    whole = [value for field in event.__struct_fields__ if type(value := getattr(event, field)) is int]
    assert all(0 <= value < 1 << 63 for value in whole), event
    if isinstance(event, Kline):
        assert 0 < event.low <= min(event.open, event.close) <= max(event.open, event.close) <= event.high
        assert 0 <= event.taker_buy_base_volume <= event.volume
        assert event.close_time == event.open_time + 59_999
        assert event.open_time % 60_000 == 0
    elif isinstance(event, Trade):
        assert event.price > 0
        assert event.quantity > 0
        assert event.first_id <= event.last_id
    elif isinstance(event, Quote):
        assert 0 <= event.bid_price < event.ask_price or event.ask_price == 0
    elif isinstance(event, BookDelta):
        assert event.first_id <= event.last_id
    elif isinstance(event, Ticker):
        assert 0 <= event.low_price <= event.high_price
    elif isinstance(event, MarkPrice):
        assert event.mark_price > 0


def _frames(data_dir: Path, market: str) -> list[bytes]:
    """Return a few hundred frames of every kind."""
    captured = captured_frames(data_dir, market)
    bars = [frame for frame in captured if b"@kline_" in frame or b"@aggTrade" in frame]
    recorded = [frame for _, frame in raw_feed(data_dir, market) if frame.startswith(b'{"stream"') and len(frame) < 2_000]
    symbol = btc(market).venue_symbol
    made = [sample % (symbol.lower().encode(), symbol.encode()) for sample in (MARK, TICKER)]
    return [*bars, *captured[:200], *recorded[:400], *made * 20]


def _instruments(market: str, frames: Sequence[bytes]) -> list[Instrument]:
    return [make_instrument(market, symbol) for symbol in symbols_in(frames)]


def _try_damaged(data_dir: Path, market: str, tries: int, seed: int) -> Counter[str]:
    chance = random.Random(seed)
    frames = _frames(data_dir, market)
    instruments = _instruments(market, frames)
    streams = {item.id for item in instruments}
    decoder = Decoder(market, StreamRegistry(market, instruments))
    sound = [decoder.decode(frame, 1) for frame in frames]
    assert all(event is not None and not isinstance(event, ControlMessage) for event in sound)
    outcomes: Counter[str] = Counter()
    for _ in range(tries):
        for _ in range(10):
            index = chance.randrange(len(frames))
            assert decoder.decode(frames[index], 1) == sound[index]
        try:
            event = decoder.decode(damage(chance.choice(frames), chance), 1)
        except MalformedFrame as error:
            outcomes[error.reason] += 1
            continue
        if event is not None and not isinstance(event, ControlMessage):
            assert_possible(event)
            assert event.stream.instrument in streams
        outcomes[type(event).__name__] += 1
    return outcomes


@pytest.mark.data
@pytest.mark.parametrize("market", MARKETS)
def test_damaged_frames(data_dir: Path, market: str) -> None:
    tries = int(os.environ.get("QS_FUZZ_FRAMES", "20000")) // len(MARKETS)
    outcomes = _try_damaged(data_dir, market, tries, seed=7)
    assert outcomes.total() == tries
    assert len(outcomes) < MOST_REASONS
    assert {"not_json", "wrong_shape"} < set(outcomes)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("market", MARKETS)
def test_a_million_damaged_frames(data_dir: Path, market: str) -> None:
    outcomes = _try_damaged(data_dir, market, int(os.environ.get("QS_FUZZ_FRAMES", "1000000")) // len(MARKETS), seed=11)
    assert len(outcomes) < MOST_REASONS


def _check_instruments(instruments: Sequence[Instrument]) -> list[MarketEvent]:
    for instrument in instruments:
        sizes = (instrument.tick_size, instrument.lot_size, instrument.min_quantity, instrument.contract_size)
        assert all(size.is_finite() and size >= 0 for size in sizes), instrument
        assert instrument.tick_size > 0
        assert instrument.lot_size > 0
        assert instrument.contract_size > 0
        assert 0 <= (instrument.listed_ms or 0) < 1 << 54
    return []


KLINES: Final = (
    b'[[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499040059999,"2434.19055334",308,'
    b'"1756.87402397","28.46694368","0"]]'
)
TRADES: Final = b'[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]'
TICKERS: Final = (
    b'[{"symbol":"BTCUSDT","lastPrice":"4.0","openPrice":"99.0","highPrice":"100.0","lowPrice":"0.1","volume":"8913.3",'
    b'"quoteVolume":"15.3","openTime":1499783499040,"closeTime":1499869899040,"firstId":28385,"lastId":28460,"count":76}]'
)


@pytest.mark.data
def test_damaged_answers(data_dir: Path) -> None:
    chance = random.Random(13)
    depth = min((body for _, body in captured_answers(data_dir, RECORDINGS["spot"][3])), key=len)
    depth = depth[:200] + b"]]" + depth[depth.index(b',"asks"') - 1 :]  # short, so that damage hits every part
    registry = StreamRegistry("spot", [btc("spot")])
    info = json.loads(next(body for url, body in captured_answers(data_dir, RECORDINGS["cm"][2]) if "exchangeInfo" in url))
    few = json.dumps(info | {"symbols": info["symbols"][:2]}).encode()
    readers: list[tuple[bytes, Any]] = [
        (KLINES, lambda body: decode_klines(body, stream_of("spot", Kind.KLINE, "1m"), server_time_ms=9, recv_ns=1).klines),
        (TRADES, lambda body: decode_agg_trades(body, stream_of("spot", Kind.TRADE), recv_ns=1)),
        (TICKERS, lambda body: decode_tickers(body, registry, recv_ns=1)),
        (depth, lambda body: [decode_depth(body, stream_of("spot", Kind.BOOK), recv_ns=1)]),
        (few, lambda body: _check_instruments(decode_exchange_info(body, "cm", seen_ms=1).instruments)),
    ]
    refused = 0
    for body, read in readers:
        for _ in range(1_500):
            try:
                events = read(damage(body, chance))
            except MalformedFrame:
                refused += 1
                continue
            for event in events:
                assert_possible(event)
    assert refused > 1_000
