"""Stream messages made of a day's figures: tickers, mini tickers, partial books."""

from __future__ import annotations

from typing import Any

from quantservice.simulator.config import MarketName
from quantservice.simulator.exchange import Listing, MarketState
from quantservice.simulator.markets import figures
from quantservice.simulator.protocol.text import to_json

_Sides = tuple[list[tuple[int, int]], list[tuple[int, int]]]


def ticker(state: MarketState, listing: Listing, event_ms: int) -> bytes:
    """Write the 24-hour ticker."""
    day = figures.day_ticker(state, listing)
    message: dict[str, Any] = {"e": "24hrTicker", "E": event_ms, "s": day["symbol"]}
    if state.market == "cm":
        message["ps"] = listing.spec.pair
    message |= {"p": day["priceChange"], "P": day["priceChangePercent"], "w": day["weightedAvgPrice"]}
    if state.market == "spot":
        message["x"] = day["prevClosePrice"]
    message |= {"c": day["lastPrice"], "Q": day["lastQty"]}
    if state.market == "spot":
        message |= {"b": day["bidPrice"], "B": day["bidQty"], "a": day["askPrice"], "A": day["askQty"]}
    message |= {
        "o": day["openPrice"],
        "h": day["highPrice"],
        "l": day["lowPrice"],
        "v": day["volume"],
        "q": day.get("quoteVolume", day.get("baseVolume")),
        "O": day["openTime"],
        "C": day["closeTime"],
        "F": day["firstId"],
        "L": day["lastId"],
        "n": day["count"],
    }
    return to_json(message)


def mini_ticker(state: MarketState, listing: Listing, event_ms: int) -> bytes:
    """Write the mini ticker."""
    day = figures.day_ticker(state, listing)
    message: dict[str, Any] = {"e": "24hrMiniTicker", "E": event_ms, "s": day["symbol"]}
    if state.market == "cm":
        message["ps"] = listing.spec.pair
    return to_json(
        message
        | {
            "c": day["lastPrice"],
            "o": day["openPrice"],
            "h": day["highPrice"],
            "l": day["lowPrice"],
            "v": day["volume"],
            "q": day.get("quoteVolume", day.get("baseVolume")),
        }
    )


def partial_depth(market: MarketName, listing: Listing, event_ms: int, update: int, sides: _Sides) -> bytes:
    """Write the best levels of a book."""
    text = listing.text
    bids, asks = ([[text.price(price), text.quantity(size)] for price, size in side] for side in sides)
    if market == "spot":
        return to_json({"lastUpdateId": update, "bids": bids, "asks": asks})
    message: dict[str, Any] = {"e": "depthUpdate", "E": event_ms, "T": event_ms - 1, "s": listing.spec.symbol}
    if market == "cm":
        message["ps"] = listing.spec.pair
    return to_json(message | {"U": update, "u": update, "pu": update - 1, "b": bids, "a": asks})
