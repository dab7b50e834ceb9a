"""Captured and documented REST answers of Binance, compared field by field with a plain reading of the same JSON."""

from __future__ import annotations

import gzip
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.binance import RECORDINGS, captured_answers, exact, make_instrument, plain, stream_of

from quantservice.adapters.venues.binance.decode_instruments import NEVER_MS, decode_exchange_info
from quantservice.adapters.venues.binance.decode_rest import (
    decode_agg_trades,
    decode_depth,
    decode_error,
    decode_funding,
    decode_klines,
    decode_mark_prices,
    decode_open_interest,
    decode_open_interest_history,
    decode_server_time,
    decode_tickers,
)
from quantservice.adapters.venues.binance.decode_ws import Decoder, StreamRegistry
from quantservice.adapters.venues.transport.control import ControlMessage
from quantservice.core.errors import MalformedFrame, Refused
from quantservice.core.events import Kind, Kline, Source, StreamId
from quantservice.core.instruments import Instrument, InstrumentId

pytestmark = pytest.mark.data

SAMPLES: Final = "jkorf_binance_net_samples.zip"
FOLDERS: Final = {"spot": "Spot", "um": "UsdFutures", "cm": "CoinFutures"}
LATER_MS: Final = 4_000_000_000_000


def _sample(data_dir: Path, market: str, name: str) -> Any:
    """Return the JSON of a sample file: after the three lines that say the request."""
    with zipfile.ZipFile(data_dir / "rest_messages" / SAMPLES) as archive:
        text = archive.read(f"Endpoints/{FOLDERS[market]}/ExchangeData/{name}.txt").decode("utf-8-sig")
    return plain(text.split("\n", 3)[3])


def _body(value: Any) -> bytes:
    return json.dumps(value, default=str).encode()


def _documented(data_dir: Path, heading: str, doc: str = "rest-api.md") -> list[Any]:
    with gzip.open(data_dir / "rest_messages" / "binance_spot_docs_examples.jsonl.gz", "rt") as lines:
        rows = [plain(line) for line in lines]
    return [row["example"] for row in rows if row["doc"] == doc and row["heading"].endswith(heading)]


@pytest.mark.parametrize(("market", "count"), [("spot", 1695), ("um", 122), ("cm", 36)])
def test_every_symbol_of_the_captured_exchange_information(data_dir: Path, market: str, count: int) -> None:
    body = next(body for url, body in captured_answers(data_dir, RECORDINGS[market][2]) if "exchangeInfo" in url)
    answer = plain(body)
    info = decode_exchange_info(body, market, seen_ms=7)
    assert info.refused == ()
    assert len(info.instruments) == len(answer["symbols"]) == count
    assert info.server_time_ms == answer["serverTime"]
    assert info.weight_per_minute() == (1200 if market == "spot" else 2400)
    for instrument, row in zip(info.instruments, answer["symbols"], strict=True):
        _check_instrument(instrument, row, market)


def _check_instrument(instrument: Instrument, row: Any, market: str) -> None:
    filters = {item["filterType"]: item for item in row["filters"]}
    assert instrument.venue_symbol == row["symbol"]
    assert (instrument.base, instrument.quote) == (row["baseAsset"], row["quoteAsset"])
    assert instrument.settle == row.get("marginAsset", row["quoteAsset"])
    assert instrument.tick_size == exact(filters["PRICE_FILTER"]["tickSize"])
    assert instrument.lot_size == exact(filters["LOT_SIZE"]["stepSize"])
    assert instrument.min_quantity == exact(filters["LOT_SIZE"]["minQty"])
    smallest = filters.get("MIN_NOTIONAL", {})
    assert instrument.min_notional == exact(smallest.get("minNotional", smallest.get("notional", 0)))
    assert instrument.valid_from_ms == 7
    status = row.get("status") or row["contractStatus"]
    assert instrument.status == {"TRADING": "trading", "BREAK": "break", "PENDING_TRADING": "pre_trading"}[status]
    tail = "" if market == "spot" else "-PERP"
    if row.get("contractType", "").endswith("QUARTER"):
        tail = "-" + row["symbol"].split("_")[1]
        assert instrument.delisted_ms == row["deliveryDate"] < NEVER_MS
    else:
        assert instrument.delisted_ms is None
    assert instrument.id == InstrumentId("binance", market, f"{row['baseAsset']}-{row['quoteAsset']}{tail}")
    assert instrument.listed_ms == row.get("onboardDate")
    assert instrument.inverse == (market == "cm")
    assert instrument.contract_size == exact(row.get("contractSize", 1))


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
def test_every_captured_depth_answer(data_dir: Path, market: str) -> None:
    compared = 0
    for url, body in captured_answers(data_dir, RECORDINGS[market][3]):
        assert "depth" in url
        row = plain(body)
        book = decode_depth(body, stream_of(market, Kind.BOOK), recv_ns=3)
        assert book.update_id == row["lastUpdateId"]
        assert book.bids == tuple((exact(price), exact(size)) for price, size in row["bids"])
        assert book.asks == tuple((exact(price), exact(size)) for price, size in row["asks"])
        assert (book.time, book.source, book.recv_ns) == (row.get("T", 0), Source.REST, 3)
        compared += 1
    assert compared >= 4


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
def test_documented_klines(data_dir: Path, market: str) -> None:
    """The documents' bar lasts a week but is shown as any period's; it is sound where it is asked for as what it is."""
    rows = _sample(data_dir, market, "GetKlines")
    page = decode_klines(_body(rows), stream_of(market, Kind.KLINE, "5m"), server_time_ms=LATER_MS, recv_ns=9)
    assert page.klines == []
    assert [open_time for open_time, _ in page.refused] == [row[0] for row in rows]
    assert {reason for _, reason in page.refused} <= {"close_time_off_border", "open_time_off_border"}
    for row in rows:
        row[0], row[6] = 1_499_040_000_000, 1_499_040_059_999
        page = decode_klines(_body([row]), stream_of(market, Kind.KLINE, "1m"), server_time_ms=1_499_040_060_000, recv_ns=9)
        assert page.refused == ()
        assert page.klines == [
            Kline(
                stream=stream_of(market, Kind.KLINE, "1m"),
                open_time=row[0],
                close_time=row[6],
                open=exact(row[1]),
                high=exact(row[2]),
                low=exact(row[3]),
                close=exact(row[4]),
                volume=exact(row[5]),
                quote_volume=exact(row[7]),
                count=row[8],
                taker_buy_base_volume=exact(row[9]),
                taker_buy_quote_volume=exact(row[10]),
                closed=True,
                source=Source.REST,
                recv_ns=9,
            )
        ]
        unfinished = decode_klines(_body([row]), stream_of(market, Kind.KLINE, "1m"), server_time_ms=row[6], recv_ns=9)
        assert [kline.closed for kline in unfinished.klines] == [False]


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
def test_documented_aggregate_trades(data_dir: Path, market: str) -> None:
    rows = _sample(data_dir, market, "GetAggregatedTradeHistory")
    trades = decode_agg_trades(_body(rows), stream_of(market, Kind.TRADE), recv_ns=2)
    assert len(trades) == len(rows) > 0
    for trade, row in zip(trades, rows, strict=True):
        assert (trade.trade_id, trade.first_id, trade.last_id) == (row["a"], row["f"], row["l"])
        assert (trade.price, trade.quantity) == (exact(row["p"]), exact(row["q"]))
        assert (trade.time, trade.buyer_is_maker, trade.aggregate) == (row["T"], row["m"], True)


@pytest.mark.parametrize(("market", "name"), [("spot", "GetTicker"), ("um", "GetTicker"), ("cm", "GetTickers")])
def test_documented_tickers_single_and_as_a_list(data_dir: Path, market: str, name: str) -> None:
    answer = _sample(data_dir, market, name)
    for rows in (answer if isinstance(answer, list) else [answer], [answer] if isinstance(answer, dict) else answer):
        registry = StreamRegistry(market, [make_instrument(market, row["symbol"]) for row in rows])
        for body in (_body(rows), _body(rows[0])):
            tickers = decode_tickers(body, registry, recv_ns=2)
            assert len(tickers) == (len(rows) if body.startswith(b"[") else 1)
            for ticker, row in zip(tickers, rows, strict=False):
                assert ticker.stream.instrument.symbol == row["symbol"]
                assert (ticker.time, ticker.count) == (row["closeTime"], row["count"])
                assert ticker.last_price == exact(row["lastPrice"])
                assert (ticker.open_price, ticker.high_price) == (exact(row["openPrice"]), exact(row["highPrice"]))
                assert (ticker.low_price, ticker.volume) == (exact(row["lowPrice"]), exact(row["volume"]))
                assert ticker.quote_volume == exact(row.get("quoteVolume", row.get("baseVolume")))


@pytest.mark.parametrize("market", ["um", "cm"])
def test_documented_funding_marks_and_open_interest(data_dir: Path, market: str) -> None:
    rows = _sample(data_dir, market, "GetFundingRates")
    registry = StreamRegistry(market, [make_instrument(market, row["symbol"]) for row in rows])
    rates = decode_funding(_body(rows), registry, recv_ns=1)
    assert [(rate.time, rate.rate, rate.mark_price) for rate in rates] == [
        (row["fundingTime"], exact(row["fundingRate"]), exact(row["markPrice"]) if row.get("markPrice") else None) for row in rows
    ]
    answer = _sample(data_dir, market, "GetMarkPrice" if market == "um" else "GetMarkPrices")
    rows = answer if isinstance(answer, list) else [answer]
    registry = StreamRegistry(market, [make_instrument(market, row["symbol"]) for row in rows])
    for mark, row in zip(decode_mark_prices(_body(answer), registry, recv_ns=1), rows, strict=True):
        assert (mark.mark_price, mark.index_price) == (exact(row["markPrice"]), exact(row["indexPrice"]))
        assert mark.funding_rate == (exact(row["lastFundingRate"]) if row["lastFundingRate"] else None)
        assert (mark.time, mark.next_funding_time) == (row["time"], row["nextFundingTime"])
    row = _sample(data_dir, market, "GetOpenInterest")
    registry = StreamRegistry(market, [make_instrument(market, row["symbol"])])
    interest = decode_open_interest(_body(row), registry, recv_ns=1)
    assert interest is not None
    assert (interest.time, interest.open_interest) == (row["time"], exact(row["openInterest"]))
    assert decode_open_interest(_body(row), StreamRegistry(market), recv_ns=1) is None
    rows = _sample(data_dir, market, "GetOpenInterestHistory")
    found = decode_open_interest_history(_body(rows), stream_of(market, Kind.OPEN_INTEREST), recv_ns=1)
    assert [(item.time, item.open_interest) for item in found] == [
        (int(row["timestamp"]), exact(row["sumOpenInterest"])) for row in rows
    ]


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
def test_documented_exchange_information_depth_and_time(data_dir: Path, market: str) -> None:
    answer = _sample(data_dir, market, "GetExchangeInfo")
    info = decode_exchange_info(_body(answer), market, seen_ms=1)
    assert len(info.instruments) + len(info.refused) == len(answer["symbols"])
    assert [item.venue_symbol for item in info.instruments] + [name for name, _ in info.refused] == [
        row["symbol"] for row in answer["symbols"]
    ]
    assert [(limit.rate_limit_type, limit.limit) for limit in info.rate_limits] == [
        (row["rateLimitType"], row["limit"]) for row in answer["rateLimits"] if row
    ]
    assert decode_server_time(_body(_sample(data_dir, market, "GetServerTime"))) == 1499827319559


def test_examples_of_the_spot_documents(data_dir: Path) -> None:
    for example in _documented(data_dir, "> Order book"):
        book = decode_depth(_body(example), stream_of("spot", Kind.BOOK), recv_ns=1)
        assert book.bids == ((Decimal("4.00000000"), Decimal("431.00000000")),)
    for example in _documented(data_dir, "Compressed/Aggregate trades list"):
        trades = decode_agg_trades(_body(example), stream_of("spot", Kind.TRADE), recv_ns=1)
        assert [trade.quantity for trade in trades] == [Decimal("4.70443515")]
    for example in _documented(data_dir, "> Kline/Candlestick data"):
        page = decode_klines(_body(example), stream_of("spot", Kind.KLINE, "1w"), server_time_ms=LATER_MS, recv_ns=1)
        assert page.refused == ()  # from a Monday to the next: the documents' bar is a week's
        assert [kline.close for kline in page.klines] == [Decimal("0.01577100")]
    registry = StreamRegistry("spot", [make_instrument("spot", "BNBBTC")])
    full = _documented(data_dir, "24hr ticker price change statistics")
    assert len(full) == 4
    for example in full:
        tickers = decode_tickers(_body(example), registry, recv_ns=1)
        assert [ticker.low_price for ticker in tickers] == [Decimal("0.10000000")]


def test_every_documented_error_code_becomes_a_refusal_with_its_code(data_dir: Path) -> None:
    lines = (data_dir / "rest_messages" / "binance_spot_error_codes.csv").read_text().splitlines()[1:]
    codes = [int(line.split(",")[0].strip('"')) for line in lines]
    assert len(codes) > 20
    for code in codes:
        error = decode_error(400, _body({"code": code, "msg": "said"}), {}, market="spot", now_ns=0)
        if code != -1003:
            assert isinstance(error, Refused), code
            assert (error.code, error.status) == (code, 400)


def _samples_of_streams(data_dir: Path, market: str) -> list[tuple[str, Any]]:
    """Return (sample's name, its ``data``): the samples' stream names speak of other symbols than their data do."""
    folder = f"Subscriptions/{FOLDERS[market]}/" + ("ExchangeData/" if market == "spot" else "")
    found: list[tuple[str, Any]] = []
    with zipfile.ZipFile(data_dir / "rest_messages" / SAMPLES) as archive:
        for name in archive.namelist():
            if name.startswith(folder) and name.endswith(".txt") and "Concurrent" not in name:
                text = archive.read(name).decode("utf-8-sig")
                found.append((name.rpartition("/")[2][:-4], plain(text.split("\n=", 1)[1])["data"]))
    return found


#: What the documents' frames become; the others (account, liquidations, …) are not collected: None, counted.
DOCUMENTED_STREAMS: Final = {
    ("spot", "AggregatedTrades"): "Trade",
    ("spot", "BookTicker"): "Quote",
    ("spot", "Klines"): "open_or_close_outside_low_high",  # the documents' numbers are made up
    ("spot", "PartialBook"): "unknown_message",  # has no name outside the combined form
    ("spot", "Ticker"): "Ticker",
    ("spot", "Trades"): "Trade",
    ("um", "AggTrades"): "Trade",
    ("um", "AssetIndex"): "wrong_shape",  # an array of all symbols
    ("um", "Book"): "BookDelta",
    ("um", "BookTicker"): "Quote",
    ("um", "Klines"): "open_or_close_outside_low_high",
    ("um", "MarkPrice"): "MarkPrice",
    ("um", "PartialBook"): "BookDelta",  # told from a change by its stream's name alone
    ("um", "Ticker"): "Ticker",
}


@pytest.mark.parametrize("market", ["spot", "um"])
def test_documented_frames_of_every_stream(data_dir: Path, market: str) -> None:
    decoder = Decoder(market, StreamRegistry(market, [make_instrument(market, name) for name in ("BTCUSDT", "BNBUSDT", "BNBBTC")]))
    seen: dict[tuple[str, str], str] = {}
    for name, data in _samples_of_streams(data_dir, market):
        try:
            event = decoder.decode(_body(data), 1)
        except MalformedFrame as error:
            seen[market, name] = error.reason
            continue
        assert not isinstance(event, ControlMessage)
        if event is not None:
            seen[market, name] = type(event).__name__
            for price, sample in (("mark_price", "p"), ("last_price", "c"), ("price", "p"), ("bid_price", "b")):
                if hasattr(event, price):
                    assert getattr(event, price) == exact(data[sample]), name
        combined = _body({"stream": "nosuchsymbol@nothing", "data": data})
        assert decoder.decode(combined, 1) is None
    assert seen == {key: value for key, value in DOCUMENTED_STREAMS.items() if key[0] == market}
    assert decoder.unknown


def test_chinese_symbols_written_plainly_or_escaped() -> None:
    registry = StreamRegistry("um", [make_instrument("um", "测试USDT", "测试-USDT-PERP")])
    trade = '{"e":"aggTrade","E":1,"a":1,"s":"测试USDT","p":"1","q":"2","f":1,"l":1,"T":1,"m":true}'
    frame = '{"stream":"测试usdt@aggTrade","data":' + trade + "}"
    for text in (frame.encode(), frame.encode("ascii", "backslashreplace")):
        event = Decoder("um", registry).decode(text, 1)
        assert event is not None
        assert not isinstance(event, ControlMessage)
        assert event.stream == StreamId(InstrumentId("binance", "um", "测试-USDT-PERP"), Kind.TRADE)


def test_examples_of_the_spot_streams_document(data_dir: Path) -> None:
    decoder = Decoder("spot", StreamRegistry("spot", [make_instrument("spot", name) for name in ("BNBBTC", "BNBUSDT", "BTCUSDT")]))
    seen = []
    for example in _documented(data_dir, "", "web-socket-streams.md"):
        if "method" in example or example == [{}]:  # what we would send; an array of all symbols
            continue
        try:
            event = decoder.decode(_body(example), 1)
        except MalformedFrame as error:
            seen.append(error.reason)
            continue
        seen.append(event.name if isinstance(event, ControlMessage) else type(event).__name__)
    assert seen[:6] == ["shutdown", "shutdown", "answer", "answer", "answer", "answer"]
    assert seen[6:10] == ["answer", "NoneType", "Trade", "Trade"]
    bars = ["open_or_close_outside_low_high"] * 2
    known = ["Ticker", "Quote", "BookDelta", "unknown_message"]
    assert sorted(seen[10:]) == sorted([*bars, *known, *["NoneType"] * 4])
    listed = decoder.decode(b'{"result":["btcusdt@aggTrade"],"id":3}', 1)
    assert listed == ControlMessage(name="answer", id=3, result=("btcusdt@aggTrade",))
