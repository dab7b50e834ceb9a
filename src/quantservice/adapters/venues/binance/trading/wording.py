"""Our orders in the venue's words, and its words for types, states and kinds of movement in ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.trading.table import TradingRow
from quantservice.core.instruments import Side
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import OrderState
from quantservice.core.positions import PositionSide
from quantservice.core.signals import OrderType
from quantservice.ports.trading import NotSent

_LEAST_GTD_MS: Final = 610_000  # the venue takes a date that is more than 600 s ahead; a request is on its way for a while
_CALLBACK_STEP: Final = Decimal("0.1")  # percent
_TYPES: Final[Mapping[str, OrderType]] = {
    "LIMIT": "limit",
    "LIMIT_MAKER": "limit",
    "MARKET": "market",
    "STOP_LOSS": "stop",
    "STOP_LOSS_LIMIT": "stop_limit",
    "STOP_MARKET": "stop",
    "STOP": "stop_limit",
    "TAKE_PROFIT": "take_profit",
    "TAKE_PROFIT_LIMIT": "take_profit",
    "TAKE_PROFIT_MARKET": "take_profit",
    "TRAILING_STOP_MARKET": "trailing_stop",
    "LIQUIDATION": "limit",
}
_STATES: Final[Mapping[str, OrderState]] = {
    "NEW": OrderState.OPEN,
    "PENDING_NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.OPEN,
    "PENDING_CANCEL": OrderState.OPEN,
    "NEW_INSURANCE": OrderState.OPEN,
    "NEW_ADL": OrderState.OPEN,
    "TRIGGERING": OrderState.OPEN,
    "TRIGGERED": OrderState.OPEN,
    "FILLED": OrderState.FILLED,
    "FINISHED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELLED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
    "REJECTED": OrderState.REJECTED,
}
_SIDES: Final[Mapping[str, PositionSide]] = {"BOTH": "both", "LONG": "long", "SHORT": "short", "": "both"}
#: Income of these kinds belongs to fills, which tell it themselves.
OF_FILLS: Final = frozenset({"REALIZED_PNL", "COMMISSION"})


def type_of(word: str) -> OrderType:
    """Return our type of an order; an unknown one is told as a limit order, of which nothing is assumed."""
    return _TYPES.get(word, "limit")


def state_of(word: str) -> OrderState:
    """Return our state; a word that the venue has not documented ends nothing: the order stays open until it says more."""
    return _STATES.get(word, OrderState.OPEN)


def side_of(word: str) -> Side:
    """Return buy or sell."""
    return "buy" if word == "BUY" else "sell"


def position_side_of(word: str) -> PositionSide:
    """Return the leg."""
    return _SIDES.get(word, "both")


def movement_kind(word: str) -> str:
    """Return our kind of a movement of money."""
    if word == "FUNDING_FEE":
        return "funding"
    if word == "INSURANCE_CLEAR":
        return "insurance"
    if "TRANSFER" in word or word in ("DEPOSIT", "WITHDRAW"):
        return "transfer"
    if "REBATE" in word or "KICKBACK" in word:
        return "rebate"
    return "other"


def fill_kind(client_id: str, type_word: str = "") -> str:
    """Say whose trade a fill is: one of ours or by hand, or the venue's own closing of a position."""
    if client_id.startswith("autoclose-") or type_word == "LIQUIDATION":
        return "liquidation"
    return "adl" if client_id.startswith("adl_autoclose") else "trade"


def decimal_text(value: Decimal) -> str:
    """Write a number without an exponent and without empty digits, which some of the venue's filters refuse."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def venue_type(row: TradingRow, terms: OrderTerms) -> str:
    """Return the venue's type of an order; NotSent where the market has none."""
    if terms.post_only and row.post_only_type:
        return row.post_only_type
    at_market, with_limit = row.types.get(terms.type, ("", ""))
    word = with_limit if terms.limit_price is not None and with_limit else at_market
    if not word:
        raise unsupported(row, f"has no {terms.type} orders")
    return word


def submit_parameters(
    row: TradingRow, terms: OrderTerms, venue_symbol: str, client_id: str, *, now_ms: int
) -> tuple[str, dict[str, str]]:
    """Return which call places the order (submit, algo_submit) and its parameters; NotSent where the market cannot hold it."""
    word = venue_type(row, terms)
    algo = word in row.algo_types
    parameters = {
        "symbol": venue_symbol,
        "side": terms.side.upper(),
        "type": word,
        "quantity": decimal_text(terms.quantity),
        "clientAlgoId" if algo else "newClientOrderId": client_id,
    }
    if algo:
        parameters["algoType"] = "CONDITIONAL"
    else:
        parameters["newOrderRespType"] = row.response
    if terms.limit_price is not None and terms.type != "market":
        parameters["price"] = decimal_text(terms.limit_price)
        parameters |= _time(row, terms, now_ms)
    if terms.stop_price is not None:
        parameters["triggerPrice" if algo else "stopPrice"] = decimal_text(terms.stop_price)
    if terms.trail is not None:
        parameters["callbackRate"] = _callback(row, terms.trail)
    return "algo_submit" if algo else "submit", parameters | _position(row, terms)


def _time(row: TradingRow, terms: OrderTerms, now_ms: int) -> dict[str, str]:
    if terms.post_only:
        return {} if row.post_only_type else {"timeInForce": "GTX"}
    until_ms = (terms.expire_ms or 0) // 1_000 * 1_000  # the venue keeps whole seconds
    soon = until_ms < now_ms + _LEAST_GTD_MS
    word = terms.time_at_venue([time for time in row.times if time != "GTD" or not soon])
    if word not in row.times:
        raise unsupported(row, f"has no {word} orders; it takes {', '.join(row.times)}")
    return {"timeInForce": word, "goodTillDate": str(until_ms)} if word == "GTD" else {"timeInForce": word}


def _callback(row: TradingRow, trail: Decimal) -> str:
    percent = trail * 100
    if percent % _CALLBACK_STEP or not _CALLBACK_STEP <= percent <= 10:
        raise unsupported(row, f"trails by 0.1 % to 10 % in steps of 0.1 %, not by {decimal_text(percent)} %")
    return decimal_text(percent)


def _position(row: TradingRow, terms: OrderTerms) -> dict[str, str]:
    if not row.positions:
        if terms.position_side != "both":
            raise unsupported(row, "has no positions, so no long or short leg of one")
        return {}  # reduce-only needs no word here: what is not owned cannot be sold
    found: dict[str, str] = {}
    if terms.position_side != "both":
        found["positionSide"] = terms.position_side.upper()
    elif terms.reduce_only:
        found["reduceOnly"] = "true"
    return found


def unsupported(row: TradingRow, sentence: str) -> NotSent:
    """Return the error of something that the market does not have; nothing was sent."""
    return NotSent(f"{VENUE} {row.market} {sentence}; nothing was sent", code="unsupported", venue=VENUE, market=row.market)
