"""Parameters and refusals in the venue's words: what a request asks for, and what the engine's Reject is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.trading import Reject

Params = Mapping[str, Any]
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")


class OkxRefusal(Exception):  # it is the venue's answer, not our error
    """An answer that says no. ``whole``: the request as such was refused; else it is the one item's ``sCode``."""

    def __init__(self, code: str, message: str, *, status: int = 200, whole: bool = True) -> None:
        self.code = code
        self.status = status
        self.whole = whole
        super().__init__(message)

    @property
    def body(self) -> bytes:
        """The answer's JSON."""
        return to_json({"code": self.code, "msg": str(self), "data": []})


def item_refusal(code: str, message: str) -> OkxRefusal:
    """Return the refusal of one order."""
    return OkxRefusal(code, message, whole=False)


_REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "duplicate_client_id": ("51016", "Client order ID already exists."),
    "insufficient_balance": ("51008", "Order failed. Insufficient balance in account."),
    "insufficient_margin": ("51008", "Order failed. Insufficient USDT margin in account."),
    "market_closed": ("51022", "Contract suspended."),
    "min_notional": ("51020", "Your order should meet or exceed the minimum order amount."),
    "no_market": ("51022", "No available market."),
    "not_permitted": ("50027", "The account is restricted from trading."),
    "position_side_mismatch": ("51000", "Parameter posSide error"),
    "price_band": ("51006", "Order price is not within the price limit."),
    "price_not_positive": ("51000", "Parameter px error"),
    "price_tick": ("51000", "Parameter px error"),
    "quantity_lot": ("51121", "Order quantity must be a multiple of the lot size."),
    "quantity_not_positive": ("51000", "Parameter sz error"),
    "quantity_range": ("51020", "Your order should meet or exceed the minimum order amount."),
    "reduce_only_in_hedge": ("51205", "Reduce Only is not available."),
    "reduce_only_rejected": ("51169", "Order failed because you don't have any positions in this direction to reduce or close."),
    "too_many_orders": ("51047", "The number of pending orders exceeds the limit."),
    "unknown_parameter": ("51000", "Parameter error"),
    "unknown_symbol": ("51001", "Instrument ID does not exist."),
}


def refusal(reject: Reject) -> OkxRefusal:
    """Return the venue's answer to what the engine refused."""
    if reject.reason == "missing_parameter":
        return item_refusal("51000", f"Parameter {reject.detail} error")
    return item_refusal(*_REASONS[reject.reason])


def text(params: Params, name: str, default: str | None = None) -> str:
    """Return a parameter; a mandatory one (no default) that is missing is refused."""
    value = params.get(name, "")
    if value in ("", None):
        if default is None:
            raise OkxRefusal("50014", f"Parameter {name} cannot be empty.", status=400)
        return default
    return str(value).lower() if isinstance(value, bool) else str(value)


def word(params: Params, name: str, allowed: Mapping[str, Any] | tuple[str, ...], default: str | None = None) -> str:
    """Return a parameter that is one of some words."""
    value = text(params, name, default)
    if value not in allowed:
        raise item_refusal("51000", f"Parameter {name} error")
    return value


def number(params: Params, name: str) -> Decimal | None:
    """Return a decimal parameter, or nothing; text that is no plain number is refused."""
    value = text(params, name, "")
    if not value:
        return None
    if not _NUMBER.fullmatch(value):
        raise item_refusal("51000", f"Parameter {name} error")
    try:
        return Decimal(value)
    except InvalidOperation:
        raise item_refusal("51000", f"Parameter {name} error") from None


def integer(params: Params, name: str, default: int | None = None) -> int | None:
    """Return a whole parameter, or the default."""
    value = text(params, name, "")
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        raise OkxRefusal("51000", f"Parameter {name} error", status=400)
    return int(value)


def limit(params: Params, default: int, most: int) -> int:
    """Return ``limit``; what is too large is cut."""
    value = integer(params, "limit", default) or default
    return min(value, most)


def flag(params: Params, name: str) -> bool:
    """Return a parameter that is true or false, as JSON or as text."""
    return word(params, name, ("true", "false"), "false") == "true"


def client_id(params: Params, name: str) -> str:
    """Return the client's id of an order, or nothing: at most 32 letters and digits."""
    value = text(params, name, "")
    if value and not _CLIENT_ID.fullmatch(value):
        raise item_refusal("51000", f"Parameter {name} error")
    return value
