"""HTX's words: names of symbols, types of orders, states, refusals with their codes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

import msgspec

from quantservice.simulator.exchange import Listing
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.trading import Kind, Reject, SimOrder, Status

Style = Literal["v1", "v2", "swap", "swap3"]


class Refusal(Exception):  # it is the venue's answer, not our error
    """An answer that says no. ``code`` is a word on spot's first version, a number elsewhere; HTTP says 200 all the same."""

    def __init__(self, code: str | int, message: str, *, status: int = 200) -> None:
        self.code = code
        self.status = status
        super().__init__(message)

    def body(self, style: Style, ts: int) -> bytes:
        """The answer's JSON as this family of endpoints words it."""
        if style == "v1":
            return to_json({"status": "error", "err-code": str(self.code), "err-msg": str(self), "data": None, "ts": ts})
        number = self.code if isinstance(self.code, int) else 2002
        if style == "v2":
            return to_json({"code": number, "message": str(self), "ok": False})
        if style == "swap":
            return to_json({"status": "error", "err_code": number, "err_msg": str(self), "ts": ts})
        return to_json({"code": number, "msg": str(self), "data": None, "ts": ts})


def wrapped(style: Style, data: Any, ts: int) -> bytes:
    """A good answer's JSON."""
    if style == "v1":
        return to_json({"status": "ok", "data": data})
    if style == "v2":
        return to_json({"code": 200, "message": "success", "data": data, "ok": True})
    if style == "swap":
        return to_json({"status": "ok", "data": data, "ts": ts})
    return to_json({"code": 200, "msg": "", "data": data, "ts": ts})


def key_refusal(style: Style, why: str) -> Refusal:
    """The one answer to a bad key, signature, stamp or right: only its text tells which."""
    if style == "v1":
        return Refusal("api-signature-not-valid", f"Signature not valid: {why}")
    return Refusal(1003 if style == "v2" else 403, why)


# --- names -------------------------------------------------------------------------------------------------------------


def spot_name(listing: Listing) -> str:
    """``btcusdt``."""
    return listing.spec.symbol.lower()


def contract_code(listing: Listing) -> str:
    """``BTC-USDT``."""
    return f"{listing.spec.base}-{listing.spec.quote}"


def contract_size(listing: Listing) -> Decimal:
    """Coins in one contract: the market's lot, so that a contract is the least that can be traded."""
    return Decimal(1).scaleb(-listing.spec.lot_decimals)


def account_number(account: str) -> int:
    """The number of a user's account: a function of its name."""
    return 1_000_000 + zlib.crc32(account.encode()) % 90_000_000


# --- numbers -----------------------------------------------------------------------------------------------------------


def raw(value: Decimal | str) -> msgspec.Raw:
    """A number as JSON, digit by digit."""
    return msgspec.Raw((f"{value:f}" if isinstance(value, Decimal) else value).encode())


def plain(value: Decimal) -> str:
    """A number as text."""
    return f"{value:f}"


def number(value: Any, name: str, style: Style) -> Decimal | None:
    """Read a number that came as text or as JSON's own; nothing where there is none."""
    if value in (None, ""):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or isinstance(value, bool):
        raise field_refusal(style, name)
    return found


def whole(value: Any, name: str, style: Style) -> int | None:
    """Read a whole number."""
    found = number(value, name, style)
    if found is None:
        return None
    if found != found.to_integral_value():
        raise field_refusal(style, name)
    return int(found)


def needed(values: Mapping[str, Any], name: str, style: Style) -> str:
    """Read a field that must be there."""
    value = values.get(name)
    if value in (None, ""):
        if style == "v1":
            raise Refusal("validation-constraints-required", f"Field is missing: {name}.")
        raise field_refusal(style, name)
    return str(value)


def field_refusal(style: Style, name: str) -> Refusal:
    """The answer to a field that cannot be read."""
    if style == "v1":
        return Refusal("validation-format-error", f"Format Error: {name}.")
    return Refusal(2002, f"invalid field value in `{name}`") if style == "v2" else Refusal(1030, f"Input error: {name}")


# --- spot's orders -----------------------------------------------------------------------------------------------------

#: what follows ``buy-`` or ``sell-``: kind, time in force, post-only
SPOT_TYPES: Final[dict[str, tuple[Kind, str, bool]]] = {
    "market": (Kind.MARKET, "GTC", False),
    "limit": (Kind.LIMIT, "GTC", False),
    "ioc": (Kind.LIMIT, "IOC", False),
    "limit-maker": (Kind.LIMIT, "GTC", True),
    "limit-fok": (Kind.LIMIT, "FOK", False),
    "stop-limit": (Kind.STOP, "GTC", False),
    "stop-limit-fok": (Kind.STOP, "FOK", False),
}
#: numbers that answers to a cancel name states by
STATE_NUMBERS: Final = {
    "submitted": 3,
    "partial-filled": 4,
    "partial-canceled": 5,
    "filled": 6,
    "canceled": 7,
    "created": 1,
}


def spot_type(order: SimOrder) -> str:
    """``buy-limit`` and its kin."""
    ticket = order.ticket
    if ticket.kind is Kind.MARKET:
        word = "market"
    elif ticket.kind in (Kind.STOP, Kind.TAKE_PROFIT):
        word = "stop-limit-fok" if ticket.tif == "FOK" else "stop-limit"
    elif ticket.post_only:
        word = "limit-maker"
    else:
        word = {"IOC": "ioc", "FOK": "limit-fok"}.get(ticket.tif, "limit")
    return f"{order.side}-{word}"


def spot_state(order: SimOrder) -> str:
    """An order's state."""
    match order.status:
        case Status.WAITING:
            return "created"
        case Status.NEW:
            return "submitted"
        case Status.PARTIALLY_FILLED:
            return "partial-filled"
        case Status.FILLED:
            return "filled"
        case _:
            return "partial-canceled" if order.filled else "canceled"


def swap_state(order: SimOrder) -> int:
    """An order's state on the swap: 3 waits, 4 in part, 5 in part and ended, 6 whole, 7 ended."""
    match order.status:
        case Status.NEW | Status.WAITING:
            return 3
        case Status.PARTIALLY_FILLED:
            return 4
        case Status.FILLED:
            return 6
        case _:
            return 5 if order.filled else 7


_SPOT_REFUSALS: Final[dict[str, tuple[str, str]]] = {
    "unknown_symbol": ("base-symbol-error", "The symbol is invalid"),
    "market_closed": ("base-symbol-trade-disabled", "Trading is disabled for this symbol"),
    "not_permitted": ("base-operation-forbidden", "operation is forbidden"),
    "unknown_parameter": ("bad-request", "invalid parameter"),
    "price_not_positive": ("order-invalid-price", "invalid price"),
    "price_tick": ("order-orderprice-precision-error", "order price precision error"),
    "price_band": ("order-limitorder-price-max-error", "limit order price error"),
    "no_market": ("order-marketorder-no-depth", "no depth for a market order"),
    "quantity_not_positive": ("invalid-amount", "Paramemter `amount` is invalid."),
    "quantity_lot": ("order-orderamount-precision-error", "order amount precision error"),
    "quantity_range": ("order-limitorder-amount-min-error", "limit order amount error"),
    "min_notional": ("order-value-min-error", "Order total cannot be lower than: `5`"),
    "too_many_orders": ("order-holding-limit-failed", "too many open orders"),
    "insufficient_balance": (
        "account-frozen-balance-insufficient-error",
        "trade account balance is not enough",
    ),
    "would_trigger": ("order-stop-order-hit-trigger", "Orders that hit the trigger at once are not taken"),
}
_SWAP_REFUSALS: Final[dict[str, tuple[int, str]]] = {
    "duplicate_client_id": (1050, "Customized order No. is repeated. Please try again later."),
    "unknown_symbol": (1013, "This contract symbol doesnt exist."),
    "market_closed": (1056, "Unable to place an order: the contract is not in trading."),
    "not_permitted": (1220, "You don't have access permission as you have not opened contracts trading."),
    "position_side_mismatch": (1490, "Wrong offset for the position mode."),
    "reduce_only_in_hedge": (1491, "reduce_only is not for this position mode."),
    "price_not_positive": (1030, "Input error."),
    "price_tick": (1038, "The precision of the order price is over the limit."),
    "price_band": (1039, "Buy price must be lower than the limit. Sell price must exceed the limit."),
    "no_market": (1101, "Order failed: no counterparty."),
    "quantity_not_positive": (1040, "Invalid amount. Please modify and order again."),
    "quantity_lot": (1040, "Invalid amount. Please modify and order again."),
    "quantity_range": (1041, "The order amount exceeds the limit, please modify and order again."),
    "min_notional": (1040, "Invalid amount. Please modify and order again."),
    "too_many_orders": (1035, "Number of working orders exceeds the limit."),
    "insufficient_margin": (1047, "Insufficient margin available."),
    "reduce_only_rejected": (1048, "Insufficient close amount available."),
    "would_trigger": (1408, "The trigger price is reached already."),
}


def spot_refusal(reject: Reject) -> Refusal:
    """The venue's answer to what the engine refused."""
    if reject.reason == "unknown_order":
        return Refusal("base-record-invalid", "record invalid")
    if reject.reason == "missing_parameter":
        return Refusal("validation-constraints-required", f"Field is missing: {reject.detail}.")
    return Refusal(*_SPOT_REFUSALS[reject.reason])


def swap_refusal(reject: Reject) -> Refusal:
    """The venue's answer to what the engine refused."""
    if reject.reason == "unknown_order":
        return Refusal(1017, "Order doesnt exist.")
    if reject.reason in ("missing_parameter", "unknown_parameter"):
        return Refusal(1030, f"Input error: {reject.detail}")
    return Refusal(*_SWAP_REFUSALS[reject.reason])
