"""The simulator's frames and answers have the keys and value types of the recorded real ones."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.simulator import START_MS, Client, collect, running

from quantservice.simulator.config import SimulatorConfig

pytestmark = pytest.mark.data

#: Keys the recordings lack or have in excess, with the reason. ``+`` is more than recorded, ``-`` is less.
ALLOWED: dict[str, dict[str, str]] = {
    "spot exchangeInfo": {
        "+symbols.[].otoAllowed": "added by the venue after the 2021 recording",
        "+symbols.[].allowTrailingStop": "added by the venue after the 2021 recording",
        "+symbols.[].cancelReplaceAllowed": "added by the venue after the 2021 recording",
        "+symbols.[].permissionSets": "replaced permissions after the 2021 recording",
        "+symbols.[].permissionSets.[]": "replaced permissions after the 2021 recording",
        "+symbols.[].permissionSets.[].[]": "replaced permissions after the 2021 recording",
        "-symbols.[].permissions.[]": "permissions is an empty list since permissionSets came",
        "+symbols.[].defaultSelfTradePreventionMode": "added by the venue after the 2021 recording",
        "+symbols.[].allowedSelfTradePreventionModes": "added by the venue after the 2021 recording",
        "+symbols.[].allowedSelfTradePreventionModes.[]": "added by the venue after the 2021 recording",
        "-symbols.[].filters.[PERCENT_PRICE]": "replaced by PERCENT_PRICE_BY_SIDE",
        "+symbols.[].filters.[PERCENT_PRICE_BY_SIDE]": "replaced PERCENT_PRICE",
        "-symbols.[].filters.[MIN_NOTIONAL]": "replaced by NOTIONAL",
        "+symbols.[].filters.[NOTIONAL]": "replaced MIN_NOTIONAL",
        "-symbols.[].filters.[MAX_POSITION]": "only a few of the recorded symbols have it",
    },
    "um exchangeInfo": {"-symbols.[].underlyingSubType.[]": "an empty list here; most recorded symbols name a sector"},
    "cm exchangeInfo": {"-symbols.[].underlyingSubType.[]": "an empty list here; most recorded symbols name a sector"},
}


def shape(value: Any, path: str = "") -> set[str]:
    """Return the paths and value types of a JSON value; filters are told apart by their type."""
    kind = "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    found = {f"{path}={kind}"}
    if isinstance(value, dict):
        for key, item in value.items():
            found |= shape(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            name = f"[{item['filterType']}]" if isinstance(item, dict) and "filterType" in item else "[]"
            found |= shape(item, f"{path}.{name}" if path else name)
    return found


def differences(kind: str, ours: set[str], theirs: set[str]) -> list[str]:
    """Return what differs and is not allowed."""
    allowed = ALLOWED.get(kind, {})
    found = [f"+{item}" for item in sorted(ours - theirs)] + [f"-{item}" for item in sorted(theirs - ours)]
    return [item for item in found if not any(item.split("=")[0] == name or item.startswith(f"{name}.") for name in allowed)]


def frames(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt") as lines:
        for line in lines:
            start = line.find("{")
            if start >= 0 and '"' in line[start : start + 2]:
                yield json.loads(line[start:])


def stream_kind(message: dict[str, Any]) -> str:
    if "stream" in message:
        return re.sub(r"_\d?\w+$|@\d+ms$", "", message["stream"].split("@", 1)[1]).split("@")[0]
    return "depth snapshot" if "lastUpdateId" in message else "other"


def recorded_streams(data_dir: Path) -> dict[tuple[str, str], set[str]]:
    """Return the shape of each recorded (market, stream kind)."""
    shapes: dict[tuple[str, str], set[str]] = {}
    files = {
        "spot": ["orderbook/binance_raw_feed/spot_btcusdt_20240808.gz", "ws_messages/cryptofeed/BINANCE.ws.1.0.gz"],
        "um": ["orderbook/binance_raw_feed/usdm_btcusdt_20240808.gz", "ws_messages/cryptofeed/BINANCE_FUTURES.ws.1.0.gz"],
        "cm": ["orderbook/binance_raw_feed/cm_btcusd_perp_20240808.gz", "ws_messages/cryptofeed/BINANCE_DELIVERY.ws.1.0.gz"],
    }
    for market, names in files.items():
        for name in names:
            seen: Counter[str] = Counter()
            for message in frames(data_dir / name):
                kind = stream_kind(message)
                seen[kind] += 1
                # every frame of a kind is alike; some hundreds show what is optional
                if kind != "other" and seen[kind] <= 300:
                    shapes.setdefault((market, kind), set()).update(shape(message))
    return shapes


async def our_streams(client: Client) -> dict[tuple[str, str], set[str]]:
    """Return the shape of what the simulator streams."""
    shapes: dict[tuple[str, str], set[str]] = {}
    wanted = {
        ("spot", "/spot/stream"): ("btcusdt", ("kline_1m", "trade", "aggTrade", "bookTicker", "depth@100ms")),
        ("um", "/um/market/stream"): ("btcusdt", ("kline_1m", "trade", "aggTrade")),
        ("um", "/um/public/stream"): ("btcusdt", ("bookTicker", "depth@100ms")),
        ("cm", "/cm/stream"): ("btcusd_perp", ("kline_1m", "trade", "aggTrade", "bookTicker", "depth@100ms")),
    }
    for (market, path), (symbol, kinds) in wanted.items():
        streams = [f"{symbol}@{kind}" for kind in kinds]
        socket = await client.subscribe(path, *streams)
        messages = await collect(socket, lambda got, need=set(streams): {m["stream"] for m in got} >= need)  # type: ignore[misc]
        messages += await collect(socket, lambda got: len(got) >= 15)
        for message in messages:
            shapes.setdefault((market, stream_kind(message)), set()).update(shape(message))
        await socket.close()
    return shapes


async def test_streams_have_the_recorded_keys_and_types(data_dir: Path) -> None:
    theirs = recorded_streams(data_dir)
    async with running(SimulatorConfig(start_ms=START_MS, speed=60)) as client:
        ours = await our_streams(client)
        for market, path, symbol in (
            ("spot", "/api/v3", "BTCUSDT"),
            ("um", "/fapi/v1", "BTCUSDT"),
            ("cm", "/dapi/v1", "BTCUSD_PERP"),
        ):
            ours[market, "depth snapshot"] = shape(await client.get(f"{path}/depth", symbol=symbol, limit=100))
    compared = ours.keys() & theirs.keys()
    assert {kind for _, kind in compared} >= {"kline", "trade", "aggTrade", "bookTicker", "depth", "depth snapshot"}
    assert len(compared) == 18
    found = {
        f"{market} {kind}": differences(f"{market} {kind}", ours[market, kind], theirs[market, kind]) for market, kind in compared
    }
    assert not {kind: items for kind, items in found.items() if items}


@pytest.mark.parametrize(
    ("market", "path", "recording"),
    [
        ("spot", "/api/v3/exchangeInfo", "BINANCE.0.gz"),
        ("um", "/fapi/v1/exchangeInfo", "BINANCE_FUTURES.0.gz"),
        ("cm", "/dapi/v1/exchangeInfo", "BINANCE_DELIVERY.0.gz"),
    ],
)
async def test_exchange_info_has_the_recorded_keys_and_types(data_dir: Path, market: str, path: str, recording: str) -> None:
    recorded = next(iter(frames(data_dir / "rest_messages" / "cryptofeed" / recording)))
    async with running() as client:
        ours = await client.get(path)
    assert differences(f"{market} exchangeInfo", shape(ours), shape(recorded)) == []


SAMPLES = [
    ("Spot/ExchangeData/GetKlines", {"symbol": "BTCUSDT", "interval": "1m"}),
    ("Spot/ExchangeData/GetAggregatedTradeHistory", {"symbol": "BTCUSDT"}),
    ("Spot/ExchangeData/GetRecentTrades", {"symbol": "BTCUSDT"}),
    ("Spot/ExchangeData/GetBookPrice", {"symbol": "BTCUSDT"}),
    ("Spot/ExchangeData/GetTicker", {"symbol": "BTCUSDT"}),
    ("Spot/ExchangeData/GetPrice", {"symbol": "BTCUSDT"}),
    ("Spot/ExchangeData/GetAvgPrice", {"symbol": "BTCUSDT"}),
    ("Spot/ExchangeData/GetServerTime", {}),
    ("UsdFutures/ExchangeData/GetKlines", {"symbol": "BTCUSDT", "interval": "1m"}),
    ("UsdFutures/ExchangeData/GetAggregatedTradeHistory", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetRecentTrades", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetBookPrice", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetTicker", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetPrice", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetFundingRates", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetFundingInfo", {}),
    ("UsdFutures/ExchangeData/GetMarkPrice", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetOpenInterest", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetOrderBook", {"symbol": "BTCUSDT"}),
    ("UsdFutures/ExchangeData/GetServerTime", {}),
    ("CoinFutures/ExchangeData/GetKlines", {"symbol": "BTCUSD_PERP", "interval": "1m"}),
    ("CoinFutures/ExchangeData/GetAggregatedTradeHistory", {"symbol": "BTCUSD_PERP"}),
    ("CoinFutures/ExchangeData/GetRecentTrades", {"symbol": "BTCUSD_PERP"}),
    ("CoinFutures/ExchangeData/GetBookPrices", {}),
    ("CoinFutures/ExchangeData/GetTickers", {}),
    ("CoinFutures/ExchangeData/GetPrices", {}),
    ("CoinFutures/ExchangeData/GetFundingRates", {"symbol": "BTCUSD_PERP"}),
    ("CoinFutures/ExchangeData/GetMarkPrices", {}),
    ("CoinFutures/ExchangeData/GetOpenInterest", {"symbol": "BTCUSD_PERP"}),
    ("CoinFutures/ExchangeData/GetOpenInterestHistory", {"pair": "BTCUSD", "contractType": "PERPETUAL", "period": "5m"}),
    ("CoinFutures/ExchangeData/GetOrderBook", {"symbol": "BTCUSD_PERP"}),
]


async def test_answers_have_the_documented_keys_and_types(data_dir: Path) -> None:
    found: dict[str, list[str]] = {}
    async with running() as client:
        with zipfile.ZipFile(data_dir / "rest_messages" / "jkorf_binance_net_samples.zip") as archive:
            for name, params in SAMPLES:
                _, path, _, body = archive.read(f"Endpoints/{name}.txt").decode().lstrip("﻿").split("\n", 3)
                ours = await client.get(path.strip(), **params)
                wrong = differences(name, shape(ours), shape(json.loads(body)))
                if wrong:
                    found[name] = wrong
    assert not found


async def test_errors_carry_the_documented_codes(data_dir: Path) -> None:
    codes = (data_dir / "rest_messages" / "binance_spot_error_codes.csv").read_text()
    async with running() as client:
        asked = {
            -1121: {"symbol": "NOPE", "interval": "1m"},
            -1120: {"symbol": "BTCUSDT", "interval": "7m"},
            -1102: {"symbol": "BTCUSDT"},
            -1100: {"symbol": "BTCUSDT", "interval": "1m", "startTime": "yesterday"},
            -1130: {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"},
        }
        for code, params in asked.items():
            status, body, _ = await client.status("/api/v3/klines", **params)
            assert (status, body["code"]) == (400, code)
            assert set(body) == {"code", "msg"}
            assert str(code) in codes


SUBSCRIPTIONS = [
    ("Spot/ExchangeData/Ticker", "/spot/stream", "btcusdt@ticker"),
    ("Spot/ExchangeData/MiniTicker", "/spot/stream", "btcusdt@miniTicker"),
    ("Spot/ExchangeData/PartialBook", "/spot/stream", "btcusdt@depth5@100ms"),
    ("UsdFutures/MarkPrice", "/um/market/stream", "btcusdt@markPrice@1s"),
    ("UsdFutures/Ticker", "/um/market/stream", "btcusdt@ticker"),
    ("UsdFutures/MiniTicker", "/um/market/stream", "btcusdt@miniTicker"),
    ("UsdFutures/PartialBook", "/um/public/stream", "btcusdt@depth5@100ms"),
]


async def test_streams_without_a_recording_have_the_documented_keys_and_types(data_dir: Path) -> None:
    found: dict[str, list[str]] = {}
    async with running(SimulatorConfig(start_ms=START_MS, speed=60)) as client:
        with zipfile.ZipFile(data_dir / "rest_messages" / "jkorf_binance_net_samples.zip") as archive:
            for name, path, stream in SUBSCRIPTIONS:
                sample = archive.read(f"Subscriptions/{name}.txt").decode().partition("\n=")[2]
                socket = await client.subscribe(path, stream)
                (message,) = await collect(socket, lambda got: len(got) == 1)
                await socket.close()
                wrong = differences(name, shape(message), shape(json.loads(sample)))
                if wrong:
                    found[name] = wrong
    assert not found
