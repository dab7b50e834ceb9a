"""Our orders in HTX's words, and its words for types, states and kinds of movement in ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.htx.spec import VENUE
from quantservice.adapters.venues.htx.trading.table import TradingRow
from quantservice.core.instruments import Instrument
from quantservice.core.intents import OrderTerms
from quantservice.core.money import exact
from quantservice.core.orders import OrderState
from quantservice.core.positions import PositionSide
from quantservice.core.signals import OrderType
from quantservice.ports.trading import NotSent

_LIMIT_WORDS: Final = {"GTC": "limit", "IOC": "ioc", "FOK": "limit-fok"}
_SWAP_WORDS: Final = {"GTC": "limit", "IOC": "ioc", "FOK": "fok"}
#: at the market: the best twenty levels, the rest lapses
AT_MARKET: Final = "optimal_20_ioc"
_SPOT_STATES: Final[Mapping[str, OrderState]] = {
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "partial-canceled": OrderState.CANCELLED,
    "rejected": OrderState.REJECTED,
}
_SWAP_STATES: Final[Mapping[int, OrderState]] = {6: OrderState.FILLED, 5: OrderState.CANCELLED, 7: OrderState.CANCELLED}
_MOVEMENTS: Final[Mapping[int, str]] = {
    14: "transfer",
    15: "transfer",
    34: "transfer",
    35: "transfer",
    36: "transfer",
    37: "transfer",
    38: "transfer",
    39: "transfer",
    19: "insurance",
    29: "rebate",
    30: "funding",
    31: "funding",
}
#: Financial records of these kinds belong to fills, which tell it themselves.
OF_FILLS: Final = frozenset({3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17})


def decimal_text(value: Decimal) -> str:
    """Write a number without an exponent and without empty digits."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: Decimal) -> msgspec.Raw:
    return msgspec.Raw(decimal_text(value).encode())


def check(row: TradingRow, terms: OrderTerms) -> None:
    """Raise NotSent where the market has no such order."""
    if terms.type not in row.types:
        why = "" if row.market == "spot" else " that carry a client id, by which one whose answer was lost could be found"
        raise unsupported(row, f"has no {terms.type} orders{why}")
    if terms.time_at_venue(row.times) not in row.times:
        raise unsupported(row, f"has no {terms.time_in_force} orders; it takes {', '.join(sorted(row.times))}")
    if not row.positions and terms.position_side != "both":
        raise unsupported(row, "has no positions, so no long or short leg of one")
    if terms.type == "stop_limit" and terms.time_in_force == "IOC":
        raise unsupported(row, "has no stop orders that lapse at once")


def spot_order(terms: OrderTerms, listed: Instrument, client_id: str, account: str, *, at_most: Decimal | None) -> dict[str, str]:
    """Return the fields of an order. ``at_most``: the price that a market order to buy may reach.

    The venue takes the value of a market order to buy, not its quantity; so that the quantity is the one that was approved, it
    is sent as a limit order that lapses at once.
    """
    price = terms.limit_price
    if terms.type == "market":
        word = "market"
        if at_most is not None:
            word, price = "ioc", at_most
    elif terms.type == "stop_limit":
        word = "stop-limit-fok" if terms.time_in_force == "FOK" else "stop-limit"
    else:
        word = "limit-maker" if terms.post_only else _LIMIT_WORDS[terms.time_at_venue(_LIMIT_WORDS)]
    fields = {
        "account-id": account,
        "symbol": listed.venue_symbol,
        "type": f"{terms.side}-{word}",
        "amount": decimal_text(terms.quantity),
        "source": "spot-api",
        "client-order-id": client_id,
    }
    if price is not None:
        fields["price"] = decimal_text(price)
    if terms.stop_price is not None and terms.type == "stop_limit":
        fields |= {"stop-price": decimal_text(terms.stop_price), "operator": "gte" if terms.side == "buy" else "lte"}
    return fields


@exact
def swap_order(terms: OrderTerms, listed: Instrument, number: int, leverage: int) -> dict[str, Any]:
    """Return the fields of an order: its volume in contracts."""
    fields: dict[str, Any] = {
        "contract_code": listed.venue_symbol,
        "client_order_id": number,
        "volume": _number(terms.quantity / listed.lot_size),
        "direction": terms.side,
        "lever_rate": leverage,
    }
    if terms.type == "market":
        fields["order_price_type"] = AT_MARKET
    else:
        fields["order_price_type"] = "post_only" if terms.post_only else _SWAP_WORDS[terms.time_at_venue(_SWAP_WORDS)]
        fields["price"] = _number(terms.limit_price or Decimal(0))
    if terms.position_side == "both":
        fields |= {"offset": "both", "reduce_only": int(terms.reduce_only)}
    else:
        fields["offset"] = "open" if (terms.position_side == "long") == (terms.side == "buy") else "close"
    return fields


def spot_type(word: str) -> OrderType:
    """Return our type of an order; an unknown one is told as a limit order, of which nothing is assumed."""
    kind = word.partition("-")[2]
    if kind == "market":
        return "market"
    return "stop_limit" if kind.startswith("stop-limit") else "limit"


def swap_type(word: str | int) -> OrderType:
    """Return our type of an order: the words that name levels and no price are orders at the market."""
    if word in ("market", "opponent") or str(word).startswith(("optimal", "lightning", "opponent")):
        return "market"
    return "limit"


def spot_state(word: str, type_word: str) -> OrderState:
    """Return our state; what lapses at once was not cancelled by anybody. An unknown word ends nothing."""
    state = _SPOT_STATES.get(word, OrderState.OPEN)
    lapses = type_word.endswith(("-ioc", "-fok", "-market"))
    return OrderState.EXPIRED if state is OrderState.CANCELLED and lapses else state


def swap_state(number: int, type_word: str) -> OrderState:
    """The same of the swap's numbers."""
    state = _SWAP_STATES.get(number, OrderState.OPEN)
    lapses = type_word.endswith(("ioc", "fok")) or swap_type(type_word) == "market"
    return OrderState.EXPIRED if state is OrderState.CANCELLED and lapses else state


def leg_of(direction: str, offset: str) -> PositionSide:
    """Return the leg that an order is of."""
    if offset not in ("open", "close"):
        return "both"
    return "long" if (direction == "buy") == (offset == "open") else "short"


def fill_kind(source: str, liquidation: str) -> str:
    """Say whose trade a fill is: one of ours or by hand, or the venue's own closing of a position."""
    if source != "risk" and liquidation in ("", "0"):
        return "trade"
    return "adl" if liquidation == "2" else "liquidation"


def movement_kind(number: int) -> str:
    """Return our kind of a movement of money."""
    return _MOVEMENTS.get(number, "other")


def unsupported(row: TradingRow, sentence: str) -> NotSent:
    """Return the error of something that the market does not have; nothing was sent."""
    return NotSent(f"{VENUE} {row.market} {sentence}; nothing was sent", code="unsupported", venue=VENUE, market=row.market)
