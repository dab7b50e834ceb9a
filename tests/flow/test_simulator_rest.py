"""The simulator's REST answers: paging as on the venue, and the same truth as its streams."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.support.simulator import START_MS, collect, running, until

from quantservice.core.periods import HOUR_MS, MINUTE_MS
from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.markets.catalog import many_symbols

MARKETS = [
    ("spot", "/api/v3", "BTCUSDT", "/spot/stream", 1_000),
    ("um", "/fapi/v1", "测试USDT", "/um/market/stream", 1_500),
    ("cm", "/dapi/v1", "BTCUSD_PERP", "/cm/stream", 1_500),
]
NOW_MINUTE = START_MS // MINUTE_MS * MINUTE_MS


@pytest.mark.parametrize(("market", "rest", "symbol", "path", "most"), MARKETS)
async def test_klines_page_as_on_the_venue(market: str, rest: str, symbol: str, path: str, most: int) -> None:
    async with running(SimulatorConfig(start_ms=START_MS)) as client:

        async def opens(**params: Any) -> list[int]:
            rows = await client.get(f"{rest}/klines", symbol=symbol, interval="1m", **params)
            return [row[0] for row in rows]

        newest = await opens()
        assert len(newest) == 500
        assert newest[-1] == NOW_MINUTE
        assert newest == list(range(newest[0], newest[-1] + 1, MINUTE_MS))
        assert len(await opens(limit=5_000)) == most
        start = NOW_MINUTE - HOUR_MS
        assert await opens(startTime=start, limit=3) == [start, start + MINUTE_MS, start + 2 * MINUTE_MS]
        assert (await opens(startTime=start + 1, limit=1)) == [start + MINUTE_MS]
        assert await opens(endTime=start, limit=2) == [start - MINUTE_MS, start]
        assert await opens(startTime=start, endTime=start + MINUTE_MS) == [start, start + MINUTE_MS]
        assert await opens(startTime=start, endTime=start + HOUR_MS * 2, limit=2) == [start, start + MINUTE_MS]
        assert await opens(startTime=NOW_MINUTE + HOUR_MS) == []
        listed = next(iter(client.simulator.markets[market].listings.values())).history.first_ms  # type: ignore[index]  # a name from the table
        assert await opens(startTime=0, limit=1) == [listed]
        assert client.violations == {}


@pytest.mark.parametrize(("market", "rest", "symbol", "path", "most"), MARKETS)
async def test_rest_returns_what_the_stream_closed(market: str, rest: str, symbol: str, path: str, most: int) -> None:
    async with running(SimulatorConfig(start_ms=START_MS, speed=300)) as client:
        streams = [f"{symbol.lower()}@kline_{period}" for period in ("1m", "3m", "1h")]
        socket = await client.subscribe(path, *streams)
        messages = await collect(
            socket, lambda got: sum(message["data"]["k"]["x"] for message in got if message["stream"].endswith("_3m")) == 3
        )
        shown = [message["data"]["k"] for message in messages if message["data"]["k"]["x"]]
        assert {kline["i"] for kline in shown} >= {"1m", "3m"}
        for kline in shown:
            (row,) = await client.get(f"{rest}/klines", symbol=symbol, interval=kline["i"], startTime=kline["t"], limit=1)
            assert row[:11] == [kline[key] for key in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")]
        # every closed bar was seen moving before
        for kline in shown:
            moving = [
                m
                for m in messages
                if not m["data"]["k"]["x"] and (m["data"]["k"]["i"], m["data"]["k"]["t"]) == (kline["i"], kline["t"])
            ]
            assert moving
        access = (await client.get("/_referee/access", via="ws"))["rows"]
        delivered = [(row["interval"], row["start"]) for row in access if row["who"] == f"{market}-ws-1"]
        assert delivered[: len(shown)] == [(kline["i"], kline["t"]) for kline in shown]


async def test_streamed_trades_add_up_to_the_streamed_klines() -> None:
    async with running(SimulatorConfig(start_ms=START_MS, speed=120)) as client:
        socket = await client.subscribe("/spot/stream", "ethusdt@trade", "ethusdt@kline_1m")
        await until(socket, lambda message: "k" in message["data"] and message["data"]["k"]["x"])
        messages = await collect(socket, lambda got: sum("k" in m["data"] and m["data"]["k"]["x"] for m in got) == 2)
        klines = [m["data"]["k"] for m in messages if "k" in m["data"] and m["data"]["k"]["x"]]
        trades = [m["data"] for m in messages if m["data"]["e"] == "trade"]
        for kline in klines[1:]:
            own = [trade for trade in trades if kline["t"] <= trade["T"] <= kline["T"]]
            prices = [Decimal(trade["p"]) for trade in own]
            assert (prices[0], max(prices), min(prices), prices[-1]) == tuple(Decimal(kline[key]) for key in "ohlc")
            assert sum(Decimal(trade["q"]) for trade in own) == Decimal(kline["v"])
            assert sum(Decimal(trade["q"]) * Decimal(trade["p"]) for trade in own) == Decimal(kline["q"])
            assert sum(Decimal(trade["q"]) for trade in own if not trade["m"]) == Decimal(kline["V"])
            assert [trade["t"] for trade in own] == list(range(kline["f"], kline["L"] + 1))
            assert len(own) == kline["n"]


@pytest.mark.parametrize(
    ("rest", "path", "symbol"),
    [
        ("/api/v3", "/spot/stream", "BTCUSDT"),
        ("/fapi/v1", "/um/public/stream", "BTCUSDT"),
        ("/dapi/v1", "/cm/stream", "BTCUSD_PERP"),
    ],
)
async def test_a_book_built_by_the_venues_rules_equals_the_next_snapshot(rest: str, path: str, symbol: str) -> None:
    async with running(SimulatorConfig(start_ms=START_MS, speed=30)) as client:
        stream, touch = f"{symbol.lower()}@depth@100ms", f"{symbol.lower()}@bookTicker"
        socket = await client.subscribe(path, stream, touch)
        await until(socket, lambda message: message["stream"] == stream)
        snapshot = await client.get(f"{rest}/depth", symbol=symbol, limit=1000)
        sides: list[dict[str, str]] = [dict(snapshot[name]) for name in ("bids", "asks")]
        reached, applied = snapshot["lastUpdateId"], 0
        later = None
        async for message in _messages(socket):
            if message["stream"] != stream:
                quote = message["data"]
                assert Decimal(quote["b"]) < Decimal(quote["a"])
                continue
            change = message["data"]
            if change["u"] <= reached:
                continue
            assert change["U"] <= reached + 1, "an update is missing"
            for side, name in zip(sides, "ba", strict=True):
                side.update(change[name])
            reached, applied = change["u"], applied + 1
            assert max(Decimal(p) for p, s in sides[0].items() if Decimal(s)) < min(
                Decimal(p) for p, s in sides[1].items() if Decimal(s)
            )
            if later is not None and reached >= later["lastUpdateId"]:
                break
            if applied == 10:
                later = await client.get(f"{rest}/depth", symbol=symbol, limit=1000)
        assert applied >= 10


async def _messages(socket: Any) -> Any:
    while True:
        message = await socket.receive_json(timeout=10)
        if "stream" in message:
            yield message


async def test_an_accelerated_market_skips_no_bar_of_fifty_symbols() -> None:
    symbols = many_symbols(50)
    config = SimulatorConfig(start_ms=START_MS, speed=600, symbols={"um": symbols})
    async with running(config) as client:
        names = [spec.symbol.lower() for spec in symbols]
        socket = await client.subscribe("/um/market/stream", *(f"{name}@kline_1m" for name in names))
        times: dict[str, list[int]] = {name: [] for name in names}
        async for message in _messages(socket):
            if message["data"]["k"]["x"]:
                times[message["stream"].partition("@")[0]].append(message["data"]["k"]["t"])
                if min(map(len, times.values())) >= 10:
                    break
        for opens in times.values():
            assert opens == list(range(opens[0], opens[-1] + 1, MINUTE_MS))


async def test_funding_and_open_interest_page_forward_and_back() -> None:
    async with running(SimulatorConfig(start_ms=START_MS)) as client:
        newest = await client.get("/fapi/v1/fundingRate", symbol="BTCUSDT", limit=5)
        assert [rate["fundingTime"] % (8 * HOUR_MS) for rate in newest] == [0] * 5
        again = await client.get("/fapi/v1/fundingRate", symbol="BTCUSDT", startTime=newest[1]["fundingTime"], limit=2)
        assert again == newest[1:3]
        assert await client.get("/dapi/v1/fundingRate", symbol="BTCUSD_261225") == []
        points = await client.get("/futures/data/openInterestHist", symbol="BTCUSDT", period="5m", limit=4)
        assert (
            await client.get(
                "/futures/data/openInterestHist", symbol="BTCUSDT", period="5m", startTime=points[2]["timestamp"], limit=2
            )
            == points[2:]
        )


async def test_two_simulators_with_one_seed_tell_the_same_history() -> None:
    asked = {"symbol": "ETHUSDT", "interval": "1h", "startTime": START_MS - 50 * HOUR_MS, "limit": 40}
    async with running(SimulatorConfig(start_ms=START_MS)) as one, running(SimulatorConfig(start_ms=START_MS + 5 * HOUR_MS)) as two:
        assert await one.get("/fapi/v1/klines", **asked) == await two.get("/fapi/v1/klines", **asked)
