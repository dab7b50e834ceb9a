"""Refusals, odd answers and the bounds of what REST answers are taken for."""

from __future__ import annotations

from typing import Final

import pytest
from tests.support.binance import btc, stream_of

from quantservice.adapters.venues.binance import decode_rest
from quantservice.adapters.venues.binance.decode_instruments import canonical_symbol, decode_exchange_info
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
from quantservice.adapters.venues.binance.decode_ws import StreamRegistry
from quantservice.core.errors import MalformedFrame, RateLimited, Refused, VenueUnreachable
from quantservice.core.events import Kind

NOW_NS: Final = 1_723_161_256_000_000_000
SECOND_NS: Final = 1_000_000_000


@pytest.mark.parametrize(
    ("status", "body", "headers", "wait_s", "banned"),
    [
        (429, b'{"code":-1003,"msg":"Too many requests."}', {"retry-after": "7"}, 7, False),
        (429, b"", {}, 60, False),
        (418, b"", {}, 120, True),
        (418, b'{"code":-1003,"msg":"IP banned until 1723161257000."}', {"retry-after": "5"}, 1, True),
        (418, b'{"code":-1003,"msg":"IP banned until 1000000000000."}', {}, 0, True),
        (400, b'{"code":-1003,"msg":"Too much"}', {"retry-after": "soon"}, 60, False),
        (429, b"", {"retry-after": "9" * 30}, 60, False),
    ],
)
def test_being_asked_to_wait(status: int, body: bytes, headers: dict[str, str], wait_s: int, banned: bool) -> None:
    error = decode_error(status, body, headers, market="um", now_ns=NOW_NS)
    assert isinstance(error, RateLimited)
    assert (error.retry_at_ns, error.banned) == (NOW_NS + wait_s * SECOND_NS, banned)
    assert (error.venue, error.market) == ("binance", "um")


@pytest.mark.parametrize(("status", "cause"), [(403, "blocked"), (451, "blocked"), (404, "not_found")])
def test_being_kept_out(status: int, cause: str) -> None:
    error = decode_error(status, b"<html>no</html>", {}, market="spot", now_ns=NOW_NS)
    assert isinstance(error, VenueUnreachable)
    assert error.cause == cause


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"code":-1121,"msg":"Invalid symbol."}', -1121),
        (404, b'{"code":-2013,"msg":"Order does not exist."}', -2013),
        (403, b'{"code":-1002,"msg":"You are not authorized."}', -1002),
        (502, b"Bad Gateway", 0),
        (500, b'{"code":"text"}', 0),
        (500, b"[" * 10_000, 0),
    ],
)
def test_being_declined(status: int, body: bytes, code: int) -> None:
    error = decode_error(status, body, {}, market="spot", now_ns=NOW_NS)
    assert isinstance(error, Refused)
    assert (error.status, error.code) == (status, code)


def row(**changes: str) -> bytes:
    cells = {
        "t": "1735689600000",
        "o": '"2"',
        "h": '"4"',
        "l": '"1"',
        "c": '"3"',
        "v": '"9"',
        "T": "1735689659999",
        "q": '"8"',
        "n": "1",
        "V": '"1"',
        "Q": '"1"',
    }
    return ("[" + ",".join((cells | changes).values()) + ',"0"]').encode()


def test_a_bad_row_does_not_spoil_its_page() -> None:
    body = b"[" + b",".join([row(), row(h='"0.5"'), row(t="1735689660000", T="1735689719999"), row(q='"NaN"')]) + b"]"
    page = decode_klines(body, stream_of("spot", Kind.KLINE, "1m"), server_time_ms=1_735_689_700_000, recv_ns=3)
    assert [(kline.open_time, kline.closed) for kline in page.klines] == [(1_735_689_600_000, True), (1_735_689_660_000, False)]
    assert page.refused == ((1_735_689_600_000, "open_or_close_outside_low_high"), (1_735_689_600_000, "not_finite"))
    assert decode_klines(b"[]", stream_of("spot", Kind.KLINE, "1m"), server_time_ms=0, recv_ns=0).klines == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"{}", "wrong_shape"),
        (b"[[1,2]]", "wrong_shape"),
        (b"[" + row(t="5" * 5000) + b"]", "wrong_shape"),
        (b"[" + row(o='"two"') + b"]", "wrong_shape"),
        (b"[" + row()[:-1], "not_json"),
        (b"[" + row()[:-4] + b"[" * 100_000, "nested_too_deep"),
        (b'{"code":-1,"msg":"x"}', "wrong_shape"),
    ],
)
def test_a_page_that_is_none(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedFrame) as caught:
        decode_klines(body, stream_of("spot", Kind.KLINE, "1m"), server_time_ms=0, recv_ns=0)
    assert caught.value.reason == reason


def test_impossible_values_are_refused() -> None:
    um, book = StreamRegistry("um", [btc("um")]), stream_of("um", Kind.BOOK)
    with pytest.raises(MalformedFrame, match="bid_not_below_ask"):
        decode_depth(b'{"lastUpdateId":1,"bids":[["2","1"]],"asks":[["2","1"]]}', book, recv_ns=1)
    with pytest.raises(MalformedFrame, match="price_not_positive"):
        decode_agg_trades(b'[{"a":1,"p":"0","q":"1","f":1,"l":1,"T":1,"m":true}]', stream_of("um", Kind.TRADE), recv_ns=1)
    for rate in ("NaN", "11", "-11"):
        with pytest.raises(MalformedFrame, match="bad_value"):
            decode_funding(b'[{"symbol":"BTCUSDT","fundingTime":1,"fundingRate":"%s"}]' % rate.encode(), um, recv_ns=1)
    for interest in ("-1", "Infinity", "1e21"):
        body = interest.encode()
        with pytest.raises(MalformedFrame, match="bad_value"):
            decode_open_interest(b'{"symbol":"BTCUSDT","openInterest":"%s","time":1}' % body, um, recv_ns=1)
        with pytest.raises(MalformedFrame, match="bad_value"):
            decode_open_interest_history(b'[{"sumOpenInterest":"%s","timestamp":1}]' % body, book, recv_ns=1)
    with pytest.raises(MalformedFrame, match="bad_value"):
        decode_open_interest_history(b'[{"sumOpenInterest":"1","timestamp":"1e3"}]', book, recv_ns=1)
    with pytest.raises(MalformedFrame, match="wrong_shape"):
        decode_server_time(b'{"serverTime":-1}')
    for mark in ("0", "NaN"):
        assert decode_mark_prices(b'{"symbol":"BTCUSDT","markPrice":"%s","time":1}' % mark.encode(), um, recv_ns=1) == []


def test_symbols_that_are_not_known_are_left_out() -> None:
    nobody = StreamRegistry("um")
    ticker = (
        b'{"symbol":"BTCUSDT","lastPrice":"2","openPrice":"2","highPrice":"3","lowPrice":"1","volume":"1","quoteVolume":"1",'
        b'"closeTime":5,"count":1}'
    )
    assert len(decode_tickers(ticker, StreamRegistry("um", [btc("um")]), recv_ns=1)) == 1
    assert decode_tickers(b" [" + ticker + b"]", nobody, recv_ns=1) == []
    assert decode_funding(b'[{"symbol":"BTCUSDT","fundingTime":1,"fundingRate":"0"}]', nobody, recv_ns=1) == []
    assert decode_mark_prices(b'{"symbol":"BTCUSDT","markPrice":"1","time":1}', nobody, recv_ns=1) == []


def test_a_body_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_rest, "MAX_BODY_BYTES", 10)
    with pytest.raises(MalformedFrame, match="oversized"):
        decode_server_time(b'{"serverTime":1499827319559}')


SYMBOL: Final = (
    '{"symbol":"%s","status":"%s","contractType":"%s","baseAsset":"%s","quoteAsset":"USDT","deliveryDate":%d,"onboardDate":7,'
    '"filters":[{"filterType":"PRICE_FILTER","tickSize":"%s"},{"filterType":"LOT_SIZE","stepSize":"1.000","minQty":"1"}]}'
)


def info(*symbols: str) -> bytes:
    return ('{"symbols":[' + ",".join(symbols) + "]}").encode()


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("TRADING", "trading"),
        ("PENDING_TRADING", "pre_trading"),
        ("PRE_SETTLE", "delivering"),
        ("SETTLING", "delivering"),
        ("CLOSE", "delisted"),
        ("BREAK", "break"),
        ("SOMETHING_NEW", "break"),
    ],
)
def test_statuses(status: str, ours: str) -> None:
    body = info(SYMBOL % ("BTCUSDT", status, "PERPETUAL", "BTC", 4_133_404_800_000, "0.10"))
    found = decode_exchange_info(body, "um", seen_ms=1).instruments[0]
    assert found.status == ours
    assert (str(found.tick_size), str(found.lot_size)) == ("0.1", "1")
    assert found.delisted_ms is None


@pytest.mark.parametrize(
    ("symbol", "contract", "market", "name"),
    [
        ("BTCUSDT", "PERPETUAL", "um", "BTC-USDT-PERP"),
        ("BTCUSDT_250328", "CURRENT_QUARTER", "um", "BTC-USDT-250328"),
        ("BTCUSDT_250328", "CURRENT_QUARTER DELIVERING", "um", "BTC-USDT-250328"),
        ("BTCUSD_PERP", "PERPETUAL", "cm", "BTC-USDT-PERP"),
        ("TSLAUSDT", "TRADIFI_PERPETUAL", "um", "BTC-USDT-PERP"),
        ("BTCUSDT", "", "um", "BTC-USDT-PERP"),
        ("BTCUSDT", "", "spot", "BTC-USDT"),
    ],
)
def test_names_of_contracts(symbol: str, contract: str, market: str, name: str) -> None:
    assert canonical_symbol(symbol, "BTC", "USDT", market, contract) == name


def test_one_bad_symbol_does_not_spoil_the_list() -> None:
    good = SYMBOL % ("测试USDT", "TRADING", "PERPETUAL", "测试", 4_133_404_800_000, "0.1")
    delisting = SYMBOL % ("XUSDT", "SETTLING", "PERPETUAL", "X", 1_723_161_256_000, "0.1")
    bad = [
        SYMBOL % ("AUSDT", "TRADING", "PERPETUAL", "A", 1, "0"),
        SYMBOL % ("BUSDT", "TRADING", "PERPETUAL", "B", 1, "NaN"),
        SYMBOL % ("CUSDT", "TRADING", "PERPETUAL", "C", 1, "1e999"),
        SYMBOL % ("D:USDT", "TRADING", "PERPETUAL", "D:", 1, "1"),
        '{"symbol":"EUSDT"}',
        "7",
        good.replace("测试USDT", "测试2USDT"),
    ]
    found = decode_exchange_info(info(good, delisting, *bad), "um", seen_ms=1)
    assert [str(item.id) for item in found.instruments] == ["binance:um:测试-USDT-PERP", "binance:um:X-USDT-PERP"]
    assert found.instruments[1].delisted_ms == 1_723_161_256_000
    assert [name for name, _ in found.refused] == ["AUSDT", "BUSDT", "CUSDT", "D:USDT", "EUSDT", "", "测试2USDT"]
    assert found.weight_per_minute() is None
    limits = b'{"symbols":[],"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000},{}]}'
    assert decode_exchange_info(limits, "um", seen_ms=1).weight_per_minute() == 6000
    with pytest.raises(MalformedFrame):
        decode_exchange_info(b'{"symbols":7}', "um", seen_ms=1)
