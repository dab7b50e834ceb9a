"""Our orders in the venue's words, and its words for types, states and kinds of movement in ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from quantservice.adapters.venues.okx.spec import VENUE, OkxRow
from quantservice.core.instruments import Side
from quantservice.core.intents import OrderTerms
from quantservice.core.money import exact
from quantservice.core.orders import OrderState
from quantservice.core.positions import PositionSide
from quantservice.core.signals import OrderType
from quantservice.ports.trading import NotSent

_CALLBACK_STEP: Final = Decimal("0.001")  # the venue's own page trails in tenths of a percent
_TYPES: Final[Mapping[str, OrderType]] = {"market": "market", "optimal_limit_ioc": "market"}
_TIMES: Final = {"GTC": "limit", "IOC": "ioc", "FOK": "fok"}
#: why an order was cancelled, where it lapsed by its own terms: FOK, IOC, post-only, self-trade prevention, nothing to reduce
_LAPSED: Final = frozenset({"2", "13", "14", "15", "31", "32"})
_SIDES: Final[Mapping[str, PositionSide]] = {"long": "long", "short": "short"}
_KINDS: Final[Mapping[str, str]] = {"1": "transfer", "8": "funding", "7": "fee", "13": "insurance", "12": "rebate"}
_LIQUIDATIONS: Final = frozenset({"100", "101", "102", "103", "104", "105", "106", "107"})
_DELEVERAGED: Final = frozenset({"125", "126", "127", "128", "131", "132"})
#: bills of these types belong to fills, which tell the money themselves: trade, delivery, liquidation, deleveraging
OF_FILLS: Final = frozenset({"2", "3", "5", "9"})
#: an order without an id of the client's is called by the venue's number
_NUMBERED: Final = re.compile(r"o([0-9]{6,24})")


def decimal_text(value: Decimal) -> str:
    """Write a number without an exponent and without empty digits."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def external_id(venue_order_id: str) -> str:
    """Return the id by which we call an order that was placed without one."""
    return f"o{venue_order_id}"


def ids_of(client_id: str) -> dict[str, str]:
    """Return the parameters that name an order."""
    found = _NUMBERED.fullmatch(client_id)
    return {"ordId": found[1]} if found else {"clOrdId": client_id}


def side_of(word: str) -> Side:
    """Return buy or sell."""
    return "buy" if word == "buy" else "sell"


def leg_of(word: str) -> PositionSide:
    """Return the leg."""
    return _SIDES.get(word, "both")


def type_of(word: str) -> OrderType:
    """Return our type of an order; an unknown one is told as a limit order, of which nothing is assumed."""
    return _TYPES.get(word, "limit")


def algo_type(row: Mapping[str, Any]) -> OrderType:
    """Return our type of a conditional order."""
    if row.get("ordType") == "move_order_stop":
        return "trailing_stop"
    if row.get("tpTriggerPx"):
        return "take_profit"
    price = row.get("slOrdPx") or row.get("ordPx") or "-1"
    return "stop" if price == "-1" else "stop_limit"


def state_of(row: Mapping[str, Any]) -> OrderState:
    """Return our state; a word that the venue has not documented ends nothing: the order stays open until it says more."""
    word = row.get("state")
    if word == "filled":
        return OrderState.FILLED
    if word in ("canceled", "mmp_canceled"):
        return OrderState.EXPIRED if str(row.get("cancelSource", "")) in _LAPSED else OrderState.CANCELLED
    return OrderState.OPEN


def algo_state(word: str) -> OrderState:
    """Return our state of a conditional order that has not become an order."""
    if word == "canceled":
        return OrderState.CANCELLED
    return OrderState.EXPIRED if word in ("order_failed", "partially_failed") else OrderState.OPEN


def fill_kind(row: Mapping[str, Any]) -> str:
    """Say whose trade a fill is: one of ours or by hand, or the venue's own closing of a position."""
    category, sub_type = str(row.get("category", "")), str(row.get("subType", ""))
    if category in ("full_liquidation", "partial_liquidation") or sub_type in _LIQUIDATIONS:
        return "liquidation"
    return "adl" if category == "adl" or sub_type in _DELEVERAGED else "trade"


def movement_kind(word: str) -> str:
    """Return our kind of a movement of money."""
    return _KINDS.get(word, "other")


@exact
def submit_parameters(
    row: OkxRow, terms: OrderTerms, inst_id: str, contract: Decimal, client_id: str
) -> tuple[str, dict[str, Any]]:
    """Return which call places the order (submit, algo_submit) and its parameters; NotSent where the market cannot hold it."""
    parameters: dict[str, Any] = {
        "instId": inst_id,
        "tdMode": row.trade_mode,
        "side": terms.side,
        "sz": decimal_text(terms.quantity / contract),
    }
    parameters |= _position(row, terms)
    if not row.positions and terms.side == "buy" and terms.type not in ("limit", "stop_limit"):
        parameters["tgtCcy"] = "base_ccy"
    if terms.type in ("market", "limit"):
        return "submit", parameters | {"clOrdId": client_id} | _plain(row, terms)
    return "algo_submit", parameters | {"algoClOrdId": client_id} | _conditional(row, terms)


def _plain(row: OkxRow, terms: OrderTerms) -> dict[str, Any]:
    if terms.type == "market":
        return {"ordType": "market"}
    if terms.limit_price is None:
        raise unsupported(row, "has no limit orders without a price")
    price = {"px": decimal_text(terms.limit_price)}
    if terms.post_only:
        return price | {"ordType": "post_only"}
    return price | {"ordType": _TIMES[terms.time_at_venue(_TIMES)]}


def _conditional(row: OkxRow, terms: OrderTerms) -> dict[str, Any]:
    if terms.type == "trailing_stop":
        trail = terms.trail or Decimal(0)
        if trail % _CALLBACK_STEP or not _CALLBACK_STEP <= trail <= 1:
            raise unsupported(row, f"trails by 0.1 % to 100 % in steps of 0.1 %, not by {decimal_text(trail * 100)} %")
        return {"ordType": "move_order_stop", "callbackRatio": decimal_text(trail)}
    if terms.stop_price is None:
        raise unsupported(row, f"has no {terms.type} orders without a trigger price")
    if terms.limit_price is not None and terms.time_at_venue(_TIMES) != "GTC":
        raise unsupported(row, f"has no {terms.time_in_force} conditional orders")
    price = decimal_text(terms.limit_price) if terms.limit_price is not None else "-1"
    name = "tp" if terms.type == "take_profit" else "sl"
    return {
        "ordType": "conditional",
        f"{name}TriggerPx": decimal_text(terms.stop_price),
        f"{name}OrdPx": price,
        f"{name}TriggerPxType": "last",
    }


def _position(row: OkxRow, terms: OrderTerms) -> dict[str, Any]:
    if not row.positions:
        if terms.position_side != "both":
            raise unsupported(row, "has no positions, so no long or short leg of one")
        return {}  # reduce-only needs no word here: what is not owned cannot be sold
    if terms.position_side != "both":
        return {"posSide": terms.position_side}
    return {"reduceOnly": True} if terms.reduce_only else {}


def unsupported(row: OkxRow, sentence: str) -> NotSent:
    """Return the error of something that the market does not have; nothing was sent."""
    return NotSent(f"{VENUE} {row.market} {sentence}; nothing was sent", code="unsupported", venue=VENUE, market=row.market)
