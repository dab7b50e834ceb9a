"""The table of Binance's markets, its URLs, and what its errors mean."""

from __future__ import annotations

import pytest

from quantservice.adapters.venues.binance.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.binance.spec import (
    FROM_VENUE_PERIOD,
    MARKETS,
    TO_VENUE_PERIOD,
    BinanceEndpoints,
    rest_base,
    spec_of,
    ws_base,
)
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import PERIODS


def stream(market: str, kind: Kind, period: str = "") -> StreamId:
    return StreamId(InstrumentId("binance", market, "X"), kind, period)


def test_periods_map_both_ways_and_only_the_month_differs() -> None:
    assert {ours for ours, venue in TO_VENUE_PERIOD.items() if ours != venue} == {"1mo"}
    assert [FROM_VENUE_PERIOD[TO_VENUE_PERIOD[period]] for period in PERIODS] == list(PERIODS)
    assert spec_of("um").venue_period("1mo") == "1M"
    assert spec_of("spot").venue_period("1s") == "1s"
    with pytest.raises(UnknownName):
        spec_of("um").venue_period("1s")


@pytest.mark.parametrize(
    ("market", "limit", "weight"),
    [
        ("spot", 1, 2),
        ("spot", 1000, 2),
        ("um", 99, 1),
        ("um", 100, 2),
        ("um", 499, 2),
        ("um", 500, 5),
        ("um", 1000, 5),
        ("um", 1001, 10),
        ("cm", 1500, 10),
    ],
)
def test_weight_of_klines_by_limit(market: str, limit: int, weight: int) -> None:
    endpoint = spec_of(market).endpoint("klines")
    assert endpoint.weight(limit) == weight
    with pytest.raises(InvalidValue):
        endpoint.weight(endpoint.max_limit + 1)


def test_weight_of_depth_and_of_all_symbols() -> None:
    assert [spec_of("spot").endpoint("depth").weight(limit) for limit in (100, 101, 1000, 5000)] == [5, 25, 50, 250]
    assert [spec_of("um").endpoint("depth").weight(limit) for limit in (50, 100, 500, 1000)] == [2, 5, 10, 20]
    assert spec_of("spot").endpoint("ticker_24h").weight(all_symbols=True) == 80
    assert spec_of("um").endpoint("ticker_24h").weight() == 1
    assert spec_of("um").endpoint("time").weight(all_symbols=True) == 1
    with pytest.raises(UnknownName):
        spec_of("spot").endpoint("funding")


@pytest.mark.parametrize(
    ("market", "kind", "period", "name", "route"),
    [
        ("spot", Kind.KLINE, "1mo", "btcusdt@kline_1M", ""),
        ("spot", Kind.TRADE, "", "btcusdt@trade", ""),
        ("um", Kind.KLINE, "1m", "btcusdt@kline_1m", "market"),
        ("um", Kind.TRADE, "", "btcusdt@aggTrade", "market"),
        ("um", Kind.MARK_PRICE, "", "btcusdt@markPrice@1s", "market"),
        ("um", Kind.QUOTE, "", "btcusdt@bookTicker", "public"),
        ("um", Kind.BOOK, "", "btcusdt@depth@100ms", "public"),
        ("cm", Kind.TICKER, "", "btcusdt@ticker", ""),
    ],
)
def test_stream_names_and_routes(market: str, kind: Kind, period: str, name: str, route: str) -> None:
    spec = spec_of(market)
    assert spec.stream_name(stream(market, kind, period), "BTCUSDT") == name
    assert spec.route_of(stream(market, kind, period)) == route
    assert route in spec.routes


def test_what_has_no_stream_is_refused() -> None:
    for market, kind in (("spot", Kind.MARK_PRICE), ("um", Kind.FUNDING), ("cm", Kind.OPEN_INTEREST)):
        assert not spec_of(market).supports_stream(kind)
        with pytest.raises(UnknownName):
            spec_of(market).stream_name(stream(market, kind), "BTCUSDT")
    with pytest.raises(UnknownName):
        spec_of("dex")


def test_limits_of_a_connection() -> None:
    assert [spec_of(market).messages_per_second for market in MARKETS] == [5, 10, 10]
    assert {spec_of(market).streams_per_connection for market in MARKETS} == {1024}
    assert {(spec_of(market).connections_per_window, spec_of(market).connection_window_s) for market in MARKETS} == {(300, 300)}
    assert [spec_of(market).weight_per_minute for market in MARKETS] == [6000, 2400, 2400]


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://data-api.binance.vision/api/v3/klines", "https://data-api.binance.vision"),
        ("https://fapi.binance.com/fapi/v1/klines", "https://fapi.binance.com"),
        ("https://dapi.binance.com/", "https://dapi.binance.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/proxy/api/v3", "http://[::1]:8080/proxy"),
    ],
)
def test_rest_urls_are_cut_to_bases(given: str, base: str) -> None:
    assert rest_base(given) == base


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("wss://stream.binance.com:9443/ws/", "wss://stream.binance.com:9443"),
        ("wss://fstream.binance.com/ws/", "wss://fstream.binance.com"),
        ("wss://fstream.binance.com/market/stream?streams=a", "wss://fstream.binance.com"),
        ("ws://127.0.0.1:9000/um", "ws://127.0.0.1:9000/um"),
        ("ws://127.0.0.1:9000/spot/stream", "ws://127.0.0.1:9000/spot"),
    ],
)
def test_ws_urls_are_cut_to_bases(given: str, base: str) -> None:
    assert ws_base(given) == base


@pytest.mark.parametrize("given", ["", "fapi.binance.com", "ftp://x", "https://", "http://x:port", "http://[::1"])
def test_nonsense_is_not_a_url(given: str) -> None:
    with pytest.raises(InvalidValue, match="rest_url"):
        rest_base(given)
    with pytest.raises(InvalidValue, match="ws_url"):
        ws_base(given)


def test_endpoints_of_production_simulator_and_configuration() -> None:
    real = BinanceEndpoints()
    assert real.rest_bases("um") == ("https://fapi.binance.com",)
    assert len(real.rest_bases("spot")) > 1
    assert real.stream_url("um", "market", ["a@trade", "b@trade"]) == (
        "wss://fstream.binance.com/market/stream?streams=a@trade/b@trade"
    )
    assert real.stream_url("spot", "") == "wss://stream.binance.com:9443/stream"
    simulated = BinanceEndpoints.simulator("http://127.0.0.1:9", {market: f"ws://127.0.0.1:9/{market}" for market in MARKETS})
    assert simulated.rest_bases("cm") == ("http://127.0.0.1:9",)
    assert simulated.stream_url("um", "public") == "ws://127.0.0.1:9/um/public/stream"
    configured = real.with_urls("um", rest_url="https://host/fapi/v1/klines", ws_url="wss://host/ws/")
    assert (configured.rest_bases("um"), configured.ws_bases("um")) == (("https://host",), ("wss://host",))
    assert configured.rest_bases("cm") == real.rest_bases("cm")
    with pytest.raises(InvalidValue, match="no URL is configured"):
        BinanceEndpoints.simulator("http://x", {}).ws_bases("spot")


@pytest.mark.parametrize(
    ("market", "status", "code", "message", "outcome"),
    [
        ("spot", 400, -1121, "Invalid symbol.", Outcome.NOT_SENT),
        ("spot", 429, -1003, "Too many requests", Outcome.NOT_SENT),
        ("spot", 400, -1007, "Timeout", Outcome.UNKNOWN),
        ("spot", 500, 0, "", Outcome.UNKNOWN),
        ("spot", 503, 0, "Service Unavailable", Outcome.UNKNOWN),
        ("um", 503, 0, "Service Unavailable.", Outcome.NOT_SENT),
        ("um", 503, -1008, "Server is currently overloaded", Outcome.NOT_SENT),
        ("um", 503, 0, "Unknown error, please check your request or try again later.", Outcome.UNKNOWN),
        ("um", 502, 0, "", Outcome.UNKNOWN),
        ("um", 408, 0, "", Outcome.UNKNOWN),
        ("spot", 400, -2010, "Duplicate order sent.", Outcome.EXISTS),
        ("spot", 400, -2010, "Account has insufficient balance for requested action.", Outcome.NOT_SENT),
        ("um", 400, -4116, "ClientOrderId is duplicated.", Outcome.EXISTS),
        ("spot", 400, -2011, "Unknown order sent.", Outcome.GONE),
        ("spot", 400, -2013, "Order does not exist.", Outcome.GONE),
        ("spot", 409, -2021, "Order cancel-replace partially failed.", Outcome.PARTIAL),
        ("um", 409, 0, "", Outcome.PARTIAL),
    ],
)
def test_what_an_error_means_for_its_request(market: str, status: int, code: int, message: str, outcome: Outcome) -> None:
    assert outcome_of(market, status, code, message) is outcome
