"""The venue's words: orders as clients ask for them, statuses and types as the venue names them, refusals with its codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from quantservice.core.positions import PositionSide
from quantservice.simulator.config import MarketName
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.trading import Kind, Reject, SimOrder, Status, Ticket
from quantservice.simulator.trading.values import SelfTrade, TimeInForce

Params = Mapping[str, str]
_CLIENT_ID: Final = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
FUTURES_KINDS: Final = {
    "LIMIT": Kind.LIMIT,
    "MARKET": Kind.MARKET,
    "STOP": Kind.STOP,
    "STOP_MARKET": Kind.STOP_MARKET,
    "TAKE_PROFIT": Kind.TAKE_PROFIT,
    "TAKE_PROFIT_MARKET": Kind.TAKE_PROFIT_MARKET,
    "TRAILING_STOP_MARKET": Kind.TRAILING_STOP_MARKET,
}
SPOT_KINDS: Final = {
    "LIMIT": Kind.LIMIT,
    "LIMIT_MAKER": Kind.LIMIT,
    "MARKET": Kind.MARKET,
    "STOP_LOSS": Kind.STOP_MARKET,
    "STOP_LOSS_LIMIT": Kind.STOP,
    "TAKE_PROFIT": Kind.TAKE_PROFIT_MARKET,
    "TAKE_PROFIT_LIMIT": Kind.TAKE_PROFIT,
}
_FUTURES_WORDS: Final = {kind: word for word, kind in FUTURES_KINDS.items()}
_SPOT_WORDS: Final = {kind: word for word, kind in SPOT_KINDS.items() if word != "LIMIT_MAKER"}
_SIDES: Final[dict[str, PositionSide]] = {"BOTH": "both", "LONG": "long", "SHORT": "short"}
_AFTER_TRIGGER: Final = {
    Kind.STOP: "LIMIT",
    Kind.TAKE_PROFIT: "LIMIT",
    Kind.STOP_MARKET: "MARKET",
    Kind.TAKE_PROFIT_MARKET: "MARKET",
    Kind.TRAILING_STOP_MARKET: "MARKET",
}

#: A GTD order of um names an instant between these; the coin-margined market knows no such orders.
_GTD_LEAST_MS: Final = 600_000
_GTD_END_MS: Final = 253_402_300_799_000

#: reason: (code, message) on spot, and on the futures markets
_REFUSALS: Final[dict[str, tuple[tuple[int, str], tuple[int, str]]]] = {
    "duplicate_client_id": ((-2010, "Duplicate order sent."), (-4116, "ClientOrderId is duplicated.")),
    "unknown_symbol": ((-1121, "Invalid symbol."), (-1121, "Invalid symbol.")),
    "market_closed": ((-1013, "Market is closed."), (-4140, "Invalid symbol status for opening position.")),
    "not_permitted": (
        (-2010, "This action is disabled on this account."),
        (-2015, "Invalid API-key, IP, or permissions for action"),
    ),
    "unknown_parameter": ((-1106, "A parameter was sent when not required."), (-1106, "A parameter was sent when not required.")),
    "position_side_mismatch": ((-1106, ""), (-4061, "Order's position side does not match user's setting.")),
    "reduce_only_in_hedge": ((-1106, ""), (-1106, "Parameter 'reduceonly' sent when not required.")),
    "price_not_positive": ((-1013, "Filter failure: PRICE_FILTER"), (-4001, "Price less than 0.")),
    "price_tick": ((-1013, "Filter failure: PRICE_FILTER"), (-4014, "Price not increased by tick size.")),
    "price_band": ((-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), (-4016, "Limit price can't be higher than the band.")),
    "no_market": (
        (-2010, "Market order without liquidity."),
        (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
    ),
    "quantity_not_positive": ((-1013, "Filter failure: LOT_SIZE"), (-4003, "Quantity less than or equal to zero.")),
    "quantity_lot": (
        (-1013, "Filter failure: LOT_SIZE"),
        (-1111, "Precision is over the maximum defined for this asset."),
    ),
    "quantity_range": ((-1013, "Filter failure: LOT_SIZE"), (-4005, "Quantity greater than max quantity.")),
    "min_notional": (
        (-1013, "Filter failure: NOTIONAL"),
        (-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only)."),
    ),
    "too_many_orders": ((-1013, "Filter failure: MAX_NUM_ORDERS"), (-2025, "Reach max open order limit.")),
    "insufficient_balance": (
        (-2010, "Account has insufficient balance for requested action."),
        (-2018, "Balance is insufficient."),
    ),
    "insufficient_margin": ((-2010, "Account has insufficient balance for requested action."), (-2019, "Margin is insufficient.")),
    "reduce_only_rejected": ((-1013, ""), (-2022, "ReduceOnly Order is rejected.")),
    "would_trigger": ((-2010, "Stop price would trigger immediately."), (-2021, "Order would immediately trigger.")),
    "post_only": (
        (-2010, "Order would immediately match and take."),
        (
            -5022,
            "Due to the order could not be executed as maker, the Post Only order will be rejected. "
            "The order will not be recorded in the order history",
        ),
    ),
}


def refusal(market: MarketName, reject: Reject, *, query: bool = False) -> VenueRefusal:
    """Return the venue's answer to what the engine refused."""
    if reject.reason == "unknown_order":
        return VenueRefusal(-2013, "Order does not exist.") if query else VenueRefusal(-2011, "Unknown order sent.")
    if reject.reason == "missing_parameter":
        return VenueRefusal(-1102, f"Mandatory parameter '{reject.detail}' was not sent, was empty/null, or malformed.")
    spot, futures = _REFUSALS[reject.reason]
    return VenueRefusal(*(spot if market == "spot" else futures))


def needed(params: Params, name: str) -> str:
    """Return a mandatory parameter."""
    value = params.get(name, "")
    if not value:
        raise VenueRefusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def number(params: Params, name: str) -> Decimal | None:
    """Return a decimal parameter, or nothing; text that is no plain number is refused."""
    text = params.get(name, "")
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or len(text) > 40 or not re.fullmatch(r"-?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,2})?", text):
        raise VenueRefusal(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '^([0-9]{{1,20}})(\\.[0-9]{{1,20}})?$'."
        )
    return value


def integer(params: Params, name: str, default: int | None = None) -> int | None:
    """Return a whole parameter, or the default."""
    text = params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise VenueRefusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text[:19])


def flag(params: Params, name: str) -> bool:
    """Return a parameter that is true or false."""
    text = params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise VenueRefusal(-1130, f"Data sent for parameter '{name}' is not valid.")
    return text == "true"


def word(params: Params, name: str, allowed: Mapping[str, object]) -> str:
    """Return a mandatory parameter that is one of some words."""
    value = needed(params, name).upper()
    if value not in allowed:
        codes = {
            "side": (-1117, "Invalid side."),
            "type": (-1116, "Invalid orderType."),
            "timeInForce": (-1115, "Invalid timeInForce."),
        }
        raise VenueRefusal(*codes.get(name, (-1130, f"Data sent for parameter '{name}' is not valid.")))
    return value


def client_id(params: Params, name: str, fallback: str) -> str:
    """Return the client's id of an order, or one that the venue makes."""
    sent = params.get(name, "")
    if sent and not _CLIENT_ID.match(sent):
        raise VenueRefusal(
            -1100, f"Illegal characters found in parameter '{name}'; legal range is '^[\\.A-Z\\:/a-z0-9_-]{{1,36}}$'."
        )
    return sent or fallback


def futures_ticket(params: Params, fallback_id: str, *, trigger: str = "stopPrice", id_name: str = "newClientOrderId") -> Ticket:
    """Return the order that a futures client asks for."""
    kind = FUTURES_KINDS[word(params, "type", FUTURES_KINDS)]
    if kind in (Kind.LIMIT, Kind.STOP, Kind.TAKE_PROFIT) and (kind is Kind.LIMIT or "timeInForce" in params):
        tif = word(params, "timeInForce", dict.fromkeys(("GTC", "IOC", "FOK", "GTX", "GTD")))
    else:
        tif = "GTC"
    callback = number(params, "callbackRate")
    if callback is not None and not Decimal("0.1") <= callback <= 10:
        raise VenueRefusal(-2007, "Invalid callBack rate.")
    return Ticket(
        symbol=needed(params, "symbol"),
        side="buy" if word(params, "side", {"BUY": 1, "SELL": 1}) == "BUY" else "sell",
        kind=kind,
        quantity=number(params, "quantity"),
        price=number(params, "price") if kind in (Kind.LIMIT, Kind.STOP, Kind.TAKE_PROFIT) else None,
        stop_price=number(params, trigger) if kind not in (Kind.LIMIT, Kind.MARKET, Kind.TRAILING_STOP_MARKET) else None,
        callback=callback / 100 if callback is not None else None,
        activation=number(params, "activationPrice") or number(params, "activatePrice"),
        tif=_tif(tif),
        expire_ms=integer(params, "goodTillDate", 0) or 0,
        post_only=tif == "GTX",
        reduce_only=flag(params, "reduceOnly"),
        close_all=flag(params, "closePosition"),
        position_side=_SIDES[word({"positionSide": params.get("positionSide", "BOTH")}, "positionSide", _SIDES)],
        client_id=client_id(params, id_name, fallback_id),
        self_trade=_self_trade(params),
    )


def check_good_till(market: MarketName, ticket: Ticket, now_ms: int) -> None:
    """Refuse an order with an end that the venue does not keep."""
    if ticket.tif != "GTD" or not ticket.expire_ms:
        return
    if market == "cm":
        raise VenueRefusal(-1115, "Invalid timeInForce.")
    if not now_ms + _GTD_LEAST_MS < ticket.expire_ms < _GTD_END_MS:
        raise VenueRefusal(
            -5040,
            "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than 253402300799000",
        )


def spot_ticket(params: Params, fallback_id: str) -> Ticket:
    """Return the order that a spot client asks for."""
    named = word(params, "type", SPOT_KINDS)
    kind = SPOT_KINDS[named]
    limits = named in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
    tif = word(params, "timeInForce", dict.fromkeys(("GTC", "IOC", "FOK"))) if limits else "GTC"
    if not limits and params.get("timeInForce"):
        raise VenueRefusal(-1106, "Parameter 'timeInForce' sent when not required.")
    if kind is Kind.MARKET and params.get("price"):
        raise VenueRefusal(-1106, "Parameter 'price' sent when not required.")
    return Ticket(
        symbol=needed(params, "symbol"),
        side="buy" if word(params, "side", {"BUY": 1, "SELL": 1}) == "BUY" else "sell",
        kind=kind,
        quantity=number(params, "quantity"),
        quote_quantity=number(params, "quoteOrderQty") if kind is Kind.MARKET else None,
        price=number(params, "price"),
        stop_price=number(params, "stopPrice"),
        tif=_tif(tif),
        post_only=named == "LIMIT_MAKER",
        client_id=client_id(params, "newClientOrderId", fallback_id),
        self_trade=_self_trade(params),
    )


def _tif(text: str) -> TimeInForce:
    known: dict[str, TimeInForce] = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK", "GTX": "GTX", "GTD": "GTD"}
    return known[text]


def _self_trade(params: Params) -> SelfTrade:
    known: dict[str, SelfTrade] = {
        "NONE": "NONE",
        "EXPIRE_MAKER": "EXPIRE_MAKER",
        "EXPIRE_TAKER": "EXPIRE_TAKER",
        "EXPIRE_BOTH": "EXPIRE_BOTH",
    }
    sent = params.get("selfTradePreventionMode", "EXPIRE_MAKER")
    if sent not in known:
        raise VenueRefusal(-1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.")
    return known[sent]


def status_word(order: SimOrder) -> str:
    """Return the venue's name of an order's status."""
    return "NEW" if order.status is Status.WAITING else order.status.value.upper()


def type_word(market: MarketName, order: SimOrder, *, original: bool = False) -> str:
    """Return the venue's name of an order's type; once triggered, of what it became, unless the original is asked for."""
    if market == "spot":
        return "LIMIT_MAKER" if order.ticket.post_only else _SPOT_WORDS[order.ticket.kind]
    if order.triggered and not original:
        return _AFTER_TRIGGER[order.ticket.kind]
    return _FUTURES_WORDS[order.ticket.kind]
