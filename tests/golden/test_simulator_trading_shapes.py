"""The trading side's answers have the keys and value types of the recorded and documented ones."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.flow.test_simulator_trading import events
from tests.support.trader import Trader, trading

from quantservice.simulator.config import MarketName

#: keys of older or newer answers that the other sample of the same endpoint does not have
_LOOSE = {
    "origQuoteOrderQty", "stopPrice", "positionSide", "activatePrice", "priceRate", "avgPrice", "pair", "fills", "workingTime",
    "notionalCoef", "cumBase", "cumQuote", "tradingAuthorityExpirationTime", "enableFixApiTrade", "enableFixReadOnly",
    "specialCommission", "AP", "cr", "si", "ss", "v", "W", "icebergQuantity",
    # v3 of the position list has both forms in the wild
    "leverage", "maxNotionalValue", "marginType", "isAutoAddMargin", "marginAsset", "initialMargin", "maintMargin", "adl",
    "positionInitialMargin", "openOrderInitialMargin", "bidNotional", "askNotional",
}  # fmt: skip

#: what an endpoint's one sample is too old to have
_NEWER = {
    "GetForcedOrders": ("priceProtect", "selfTradePreventionMode", "goodTillDate", "priceMatch"),
    "GetOpenConditionalOrders": ("actualQty", "actualType"),
}


def samples(data_dir: Path) -> dict[str, Any]:
    """Recorded answers by their file's name in the archive."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(data_dir / "rest_messages" / "jkorf_binance_net_samples.zip") as archive:
        for name in archive.namelist():
            text = archive.read(name).decode("utf-8-sig")
            start = re.search(r"^[=]?\s*[\[{]", text, re.MULTILINE) if name.startswith("Endpoints/") else re.search("(?m)^=", text)
            if start is None:
                continue
            body = text[start.start() :].lstrip("=").strip().replace('"|1|"', '"1"').replace("|1|", "1")
            try:
                found[name] = json.loads(body)
            except ValueError:
                continue
    return found


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Name keys that one side lacks, and values of another type."""
    if isinstance(theirs, list):
        if not isinstance(ours, list):
            return [f"{where}: not a list"]
        return differences(ours[0], theirs[0], f"{where}[]") if ours and theirs else []
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [f"{where}: not an object"]
        found = [f"{where}.{key}: {side}" for key, side in _sides(ours, theirs) if key not in _LOOSE]
        for key in ours.keys() & theirs.keys():
            found += differences(ours[key], theirs[key], f"{where}.{key}")
        return found
    numbers = (int, float)
    same = type(ours) is type(theirs) or (type(ours) in numbers and type(theirs) in numbers) or theirs is None or ours is None
    # documentation writes some ids once as a number and once as text
    return [] if same or where.endswith((".tranId", ".tradeId")) else [f"{where}: {ours!r} beside {theirs!r}"]


def _sides(ours: dict[str, Any], theirs: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, "is not ours") for key in theirs.keys() - ours.keys()] + [
        (key, "is not theirs") for key in ours.keys() - theirs.keys()
    ]


async def asked(trader: Trader) -> dict[str, Any]:
    """Ask every endpoint that a sample exists for."""
    symbol: dict[str, Any] = {"symbol": trader.symbol}
    got: dict[str, Any] = {"PlaceOrder": await trader.limit("shape-1")}
    got["GetOrder"] = await trader.good("GET", "order", **symbol, origClientOrderId="shape-1")
    got["GetOpenOrders"] = await trader.good("GET", "openOrders", **symbol)
    got["GetOrders"] = await trader.good("GET", "allOrders", **symbol)
    got["CancelOrder"] = await trader.good("DELETE", "order", **symbol, origClientOrderId="shape-1")
    await trader.market_order("shape-2")
    if trader.market == "spot":
        got["GetUserTrades"] = await trader.good("GET", "myTrades", **symbol)
        got["GetAccountInfo"] = await trader.good("GET", "account")
        got["GetAPIKeyPermissions"] = await trader.good("GET", "/sapi/v1/account/apiRestrictions")
        got["GetCommissionRates"] = await trader.good("GET", "account/commission", **symbol)
        got["GetTradeFee"] = await trader.good("GET", "/sapi/v1/asset/tradeFee")
        got["GetOrderRateLimitStatus"] = await trader.good("GET", "rateLimit/order")
        return got
    um = trader.market == "um"
    got["GetUserTrades"] = await trader.good("GET", "userTrades", **symbol)
    got["GetBalances"] = await trader.good("GET", "/fapi/v3/balance" if um else "balance")
    got["GetAccountInfo"] = await trader.good("GET", "/fapi/v2/account" if um else "account")
    got["GetPositionInformation"] = await trader.good("GET", "/fapi/v2/positionRisk" if um else "positionRisk", **symbol)
    got["GetIncomeHistory"] = await trader.good("GET", "income")
    got["GetUserCommissionRate"] = await trader.good("GET", "commissionRate", **symbol)
    got["ChangeInitialLeverage"] = await trader.good("POST", "leverage", **symbol, leverage=5)
    got["GetBrackets"] = await trader.good("GET", "leverageBracket" if um else "/dapi/v2/leverageBracket")
    got["CancelAllOrdersAfterTimeout"] = await trader.good("POST", "countdownCancelAll", **symbol, countdownTime=0)
    await trader.outside("liquidations", **symbol)
    got["GetForcedOrders"] = await trader.good("GET", "forceOrders")
    if um:
        await trader.market_order("shape-3")
        got["GetAccountInfoV3"] = await trader.good("GET", "/fapi/v3/account")
        got["GetPositions"] = await trader.good("GET", "/fapi/v3/positionRisk")
        got["GetAccountConfiguration"] = await trader.good("GET", "accountConfig")
        got["GetSymbolConfiguration"] = await trader.good("GET", "symbolConfig", **symbol)
        got["GetMultiAssetsMode"] = await trader.good("GET", "multiAssetsMargin")
        stop = {"type": "STOP_MARKET", "side": "SELL", "triggerPrice": await trader.price("0.9"), "quantity": "0.010"}
        got["PlaceConditionalOrder"] = await trader.good("POST", "algoOrder", algoType="CONDITIONAL", **symbol, **stop)
        got["GetOpenConditionalOrders"] = await trader.good("GET", "openAlgoOrders")
    return got


@pytest.mark.parametrize(("market", "folder"), [("spot", "Spot"), ("um", "UsdFutures"), ("cm", "CoinFutures")])
async def test_rest_answers_look_like_the_recorded_ones(market: MarketName, folder: str, data_dir: Path) -> None:
    recorded = samples(data_dir)
    async with trading(market) as trader:
        got = await asked(trader)
    wrong: dict[str, list[str]] = {}
    compared = 0
    for name, ours in got.items():
        for section in ("Trading", "Account"):
            theirs = recorded.get(f"Endpoints/{folder}/{section}/{name}.txt")
            if theirs is not None:
                compared += 1
                found = differences(ours, theirs)
                found = [text for text in found if not any(f".{key}:" in text for key in _NEWER.get(name, ()))]
                if found:
                    wrong[name] = found
    assert wrong == {}
    assert compared >= 10


async def test_stream_messages_look_like_the_recorded_ones(data_dir: Path) -> None:
    recorded = samples(data_dir)
    async with trading("um") as trader:
        socket = await trader.stream()
        await trader.market_order("shape-1")
        _before, account = await events(socket, "ACCOUNT_UPDATE.ORDER")
        _before, order = await events(socket, "ORDER_TRADE_UPDATE.TRADE")
    assert differences(order, recorded["Subscriptions/UsdFutures/OrderUpdate.txt"]["data"]) == []
    assert differences(account, recorded["Subscriptions/UsdFutures/AccountUpdate.txt"]["data"]) == []
    async with trading("spot") as trader:
        socket = await trader.stream()
        await trader.limit("shape-1")
        _before, report = await events(socket, "executionReport.NEW")
        _before, position = await events(socket, "outboundAccountPosition.")
    assert differences(report, recorded["Subscriptions/Spot/Account/Order.txt"]["event"]) == []
    assert differences(position, recorded["Subscriptions/Spot/Account/AccountPosition.txt"]["event"]) == []
