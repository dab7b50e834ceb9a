"""The venue's REST answers as plain values, with the keys and types of the recorded ones."""

from __future__ import annotations

from typing import Any, Final

from quantservice.simulator.config import Limits, MarketName
from quantservice.simulator.exchange import Listing

_FUTURES_ORDERS: Final = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]
_SPOT_ORDERS: Final = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"]


def exchange_info(
    market: MarketName, listings: list[Listing], limits: Limits, order_limits: list[dict[str, Any]], server_ms: int
) -> dict[str, Any]:
    """Return the venue's description of a market; ``order_limits`` as the venue lists them."""
    rate_limits: list[dict[str, Any]] = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limits.weight_per_minute},
        *order_limits,
    ]
    if market == "spot":
        raw = {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": limits.raw_requests_per_5m}
        rate_limits.append(raw)
    head: dict[str, Any] = {"timezone": "UTC", "serverTime": server_ms}
    if market == "um":
        head["futuresType"] = "U_MARGINED"
    head |= {"rateLimits": rate_limits, "exchangeFilters": []}
    if market == "um":
        head["assets"] = [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}]
    describe = _spot_symbol if market == "spot" else _futures_symbol
    return head | {"symbols": [describe(market, listing) for listing in listings if not listing.delisted]}


def _spot_symbol(market: MarketName, listing: Listing) -> dict[str, Any]:  # one signature for both kinds
    spec, text = listing.spec, listing.text
    return {
        "symbol": spec.symbol,
        "status": listing.status,
        "baseAsset": spec.base,
        "baseAssetPrecision": 8,
        "quoteAsset": spec.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _SPOT_ORDERS,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": text.tick, "maxPrice": "1000000.00000000", "tickSize": text.tick},
            {"filterType": "LOT_SIZE", "minQty": text.step, "maxQty": "9000000.00000000", "stepSize": text.step},
            {"filterType": "ICEBERG_PARTS", "limit": 10},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "90000.00000000", "stepSize": "0.00000000"},
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": "5",
                "bidMultiplierDown": "0.2",
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _futures_symbol(market: MarketName, listing: Listing) -> dict[str, Any]:
    spec, text = listing.spec, listing.text
    coin = market == "cm"
    described: dict[str, Any] = {
        "symbol": spec.symbol,
        "pair": spec.pair,
        "contractType": spec.contract_type,
        "deliveryDate": spec.delivery_ms,
        "onboardDate": listing.history.first_ms,
        "contractStatus" if coin else "status": listing.status,
    }
    if coin:
        described["contractSize"] = spec.contract_size
    described |= {
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": spec.base,
        "quoteAsset": spec.quote,
        "marginAsset": spec.base if coin else spec.quote,
        "pricePrecision": spec.price_decimals,
        "quantityPrecision": spec.lot_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012000",
        "marketTakeBound": "0.30",
    }
    if coin:
        described |= {"equalQtyPrecision": 4, "maxMoveOrderLimit": 10_000}
    else:
        described["settlePlan"] = 0
    filters: list[dict[str, Any]] = [
        {"minPrice": text.tick, "maxPrice": "1000000", "filterType": "PRICE_FILTER", "tickSize": text.tick},
        {"stepSize": text.step, "filterType": "LOT_SIZE", "maxQty": "10000000", "minQty": text.step},
        {"stepSize": text.step, "filterType": "MARKET_LOT_SIZE", "maxQty": "100000", "minQty": text.step},
        {"limit": 200, "filterType": "MAX_NUM_ORDERS"},
        {"limit": 10, "filterType": "MAX_NUM_ALGO_ORDERS"},
    ]
    if not coin:
        filters.append({"notional": "5", "filterType": "MIN_NOTIONAL"})
    filters.append({"multiplierDown": "0.8500", "multiplierUp": "1.1500", "multiplierDecimal": "4", "filterType": "PERCENT_PRICE"})
    return described | {"filters": filters, "orderTypes": _FUTURES_ORDERS, "timeInForce": ["GTC", "IOC", "FOK", "GTX"]}
