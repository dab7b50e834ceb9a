"""Strategies, indicators and deployments over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.support import market
from tests.support.clock import ManualClock
from tests.support.market import START_MS, instrument, kline
from tests.support.web import OWNER, MemoryMarketStore, client, web_context

from quantservice.app.hosting import inspector
from quantservice.app.research_face import ResearchFace
from quantservice.ports import TradingAccount, TradingPair
from quantservice.services.strategies.commands import Deployments
from quantservice.web.context import WebContext

MINUTE = 60_000
UM = {"symbol": "BTCUSDT", "market": "um"}
CLOSES = [100 + number % 9 for number in range(200)]
WANTED = {"name": "trend", "strategy": "ma_cross", "instruments": ["BTC-USDT-PERP"], "period": "1m", "parameters": {"fast": 3}}


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[WebContext]:
    store = MemoryMarketStore()
    await store.append([kline(number, close=str(close)) for number, close in enumerate(CLOSES)])
    folder = tmp_path / "plugins"
    async with web_context(tmp_path, store=store, research=ResearchFace(folder)) as made:
        deployments = Deployments(made.state_store, ManualClock(), market.book, inspector(folder))
        object.__setattr__(made, "deployments", deployments)
        id_ = instrument("BTC").id
        await made.pairs.add(TradingPair(venue="binance", market="um", symbol=id_.symbol, venue_symbol="BTCUSDT", periods=("1m",)))
        yield made


@pytest.fixture
async def http(context: WebContext) -> AsyncIterator[httpx.AsyncClient]:
    async with client(context) as made:
        made.headers.update(OWNER)
        yield made


async def test_the_registries_are_listed_with_their_declarations(http: httpx.AsyncClient) -> None:
    strategies = (await http.get("/api/v1/strategies")).json()["data"]
    cross = next(row for row in strategies if row["name"] == "ma_cross")
    assert cross["parameters"]["properties"]["fast"]["default"] == 10
    indicators = (await http.get("/api/v1/indicators", params={"group": "overlap"})).json()["data"]
    sma = next(row for row in indicators if row["name"] == "sma")
    assert (sma["outputs"], sma["parameters"][0]["name"]) == (["sma"], "length")
    assert {row["group"] for row in indicators} == {"overlap"}
    unknown = await http.get("/api/v1/strategies/ma_cros")
    assert (unknown.status_code, unknown.json()["error"]["valid"][0]) == (404, "ma_cross")


async def test_values_are_those_of_the_bars_with_their_run_in(http: httpx.AsyncClient) -> None:
    long = (await http.get("/api/v1/indicators/values", params={**UM, "indicator": "sma(9999)", "limit": 5})).json()
    assert long["note"].startswith("sma(9999) needs 9,999 bars, ")
    assert long["outputs"]["sma"] == [None] * 5
    answer = (await http.get("/api/v1/indicators/values", params={**UM, "indicator": "sma(20)", "limit": 5})).json()
    assert answer["note"] == ""
    assert answer["indicator"] == "sma(20)"
    assert answer["open_times"] == [START_MS + number * MINUTE for number in range(195, 200)]
    np.testing.assert_allclose(answer["outputs"]["sma"], [np.mean(CLOSES[number - 19 : number + 1]) for number in range(195, 200)])
    ranged: dict[str, str | int] = {
        **UM,
        "indicator": "sma(3)",
        "start_ms": START_MS + 50 * MINUTE,
        "end_ms": START_MS + 52 * MINUTE,
    }
    answer = (await http.get("/api/v1/indicators/values", params=ranged)).json()
    np.testing.assert_allclose(answer["outputs"]["sma"], [np.mean(CLOSES[48:51]), np.mean(CLOSES[49:52])])
    first: dict[str, str | int] = {**UM, "indicator": "sma(3)", "start_ms": START_MS, "limit": 3}
    assert (await http.get("/api/v1/indicators/values", params=first)).json()["outputs"]["sma"][:2] == [None, None]


@pytest.mark.parametrize(
    ("indicator", "status", "sentence"),
    [("smaa(3)", 404, "did you mean: "), ("sma(0)", 422, "outside 1"), ("sma(x)", 422, "'x' in"), ("sma(3", 422, "open bracket")],
)
async def test_a_wrong_indicator_is_named(http: httpx.AsyncClient, indicator: str, status: int, sentence: str) -> None:
    answer = await http.get("/api/v1/indicators/values", params={**UM, "indicator": indicator})
    assert answer.status_code == status
    assert sentence in answer.json()["error"]["message"]


async def test_a_deployment_is_created_started_changed_and_removed(http: httpx.AsyncClient) -> None:
    made = await http.post("/api/v1/deployments", json=WANTED)
    assert made.status_code == 201
    row = made.json()
    assert (row["state"], row["parameters"]["fast"], row["parameters"]["slow"]) == ("created", 3, 50)
    assert row["instruments"] == ["binance:um:BTC-USDT-PERP"]
    assert (await http.post("/api/v1/deployments/trend/start")).json()["state"] == "running"
    refused = await http.post("/api/v1/deployments/trend/configure", json={"parameters": {"fast": 5}})
    assert (refused.status_code, "stop it before" in refused.json()["error"]["message"]) == (400, True)
    await http.post("/api/v1/deployments/trend/stop")
    changed = (await http.post("/api/v1/deployments/trend/configure", json={"parameters": {"fast": 5}, "note": "slower"})).json()
    assert changed["parameters"]["fast"] == 5
    back = (await http.post("/api/v1/deployments/trend/rollback", json={"version": 1})).json()
    assert back["parameters"]["fast"] == 3
    history = (await http.get("/api/v1/deployments/trend/history")).json()["data"]
    assert [item["what"] for item in history] == ["rolled_back", "configured", "stopped", "started", "created"]
    assert (await http.delete("/api/v1/deployments/trend")).json() == {"removed": "trend"}
    assert (await http.get("/api/v1/deployments")).json() == {"data": []}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"strategy": "ma_cros"}, 404, "strategy"),
        ({"parameters": {"fsat": 3}}, 404, None),
        ({"parameters": {"fast": -1}}, 422, None),
        ({"instruments": ["NOPE"]}, 404, "symbol"),
        ({"period": "7m"}, 404, "period"),
        ({"allocation": "much"}, 422, "allocation"),
        ({"allocation": "1e30"}, 422, "allocation"),
        ({"allocation": "-1"}, 422, "allocation"),
        ({"account": "nobody"}, 404, "account"),
        ({"nmae": "x"}, 422, None),
    ],
)
async def test_a_deployment_that_cannot_be_is_refused_by_field(
    http: httpx.AsyncClient, change: dict[str, object], status: int, field: str | None
) -> None:
    answer = await http.post("/api/v1/deployments", json=WANTED | change)
    assert answer.status_code == status, answer.text
    if field is not None:
        assert answer.json()["error"]["field"] == field
    assert (await http.get("/api/v1/deployments")).json()["data"] == []


async def test_a_deployment_is_of_what_its_account_trades(http: httpx.AsyncClient, context: WebContext) -> None:
    """It would signal for ever and never trade."""
    async with context.state_store.transaction() as work:
        for name, venue, market in (("main", "binance", "um"), ("spot", "binance", "spot"), ("elsewhere", "okx", "um")):
            await work.accounts.put(TradingAccount(name=name, venue=venue, market=market))
    for name, venue, market in (("spot", "binance", "spot"), ("elsewhere", "okx", "um")):
        answer = (await http.post("/api/v1/deployments", json=WANTED | {"account": name})).json()["error"]
        assert answer["field"] == "account"
        assert answer["message"] == f"account: {name} trades {venue} {market}, and binance:um:BTC-USDT-PERP is not of it"
    assert (await http.post("/api/v1/deployments", json=WANTED | {"account": "main"})).status_code == 201
    answer = (await http.post("/api/v1/deployments/trend/configure", json={"account": "elsewhere"})).json()["error"]
    assert answer["field"] == "account"
    async with context.state_store.transaction() as work:
        await work.accounts.remove("main")
    gone = await http.post("/api/v1/deployments/trend/start")
    assert (gone.status_code, gone.json()["error"]["field"]) == (404, "account")


async def test_changes_are_the_owners(context: WebContext) -> None:
    async with client(context) as stranger:
        assert (await stranger.post("/api/v1/deployments", json=WANTED)).status_code == 401
        assert (await stranger.get("/api/v1/deployments")).status_code == 200
