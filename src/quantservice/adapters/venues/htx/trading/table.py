"""What differs between trading at HTX spot and at the USDT-margined swap, as rows of one frozen table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from quantservice.adapters.venues.htx.spec import check_market
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.core.signals import OrderType, TimeInForce

#: limits of requests per user: name, most, seconds
PACES: Final[Mapping[str, tuple[int, float]]] = {
    "place": (100, 2.0),
    "batch": (50, 2.0),
    "query": (50, 2.0),
    "swap_trade": (36, 3.0),
    "swap_read": (36, 3.0),
}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request. ``acts``: it changes something, so that its outcome may stay unknown; ``pace``: the limit it counts against."""

    method: str
    path: str
    pace: str = ""
    lane: Lane = Lane.LIVE
    acts: bool = False
    signed: bool = True
    host: Literal["market", "wallet"] = "market"


class TradingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One market: its requests, the order types and times that can be had there, its private socket."""

    market: str
    calls: Mapping[str, Call]
    types: frozenset[OrderType]
    times: frozenset[TimeInForce]
    positions: bool
    socket_path: str
    ping_s: float  # how often the private socket speaks at least
    topics: tuple[str, ...]


def _act(path: str, pace: str) -> Call:
    return Call(method="POST", path=path, pace=pace, lane=Lane.ORDER, acts=True)


def _cancel(path: str, pace: str) -> Call:
    return Call(method="POST", path=path, pace=pace, lane=Lane.CANCEL, acts=True)


_RIGHTS: Final = {
    "uid": Call(method="GET", path="/v2/user/uid", pace="query", host="wallet"),
    "rights": Call(method="GET", path="/v2/user/api-key", pace="query", host="wallet"),
}
_SPOT: Final = TradingRow(
    market="spot",
    calls={
        "time": Call(method="GET", path="/v1/common/timestamp", signed=False, lane=Lane.CANCEL),
        "instruments": Call(method="GET", path="/v1/settings/common/market-symbols", signed=False),
        "merged": Call(method="GET", path="/market/detail/merged", signed=False, lane=Lane.ORDER),
        "accounts": Call(method="GET", path="/v1/account/accounts", pace="query"),
        "balance": Call(method="GET", path="/v1/account/accounts/{account}/balance", pace="query"),
        "movements": Call(method="GET", path="/v1/account/history", pace="query"),
        "submit": _act("/v1/order/orders/place", "place"),
        "cancel": _cancel("/v1/order/orders/submitCancelClientOrder", "place"),
        "cancel_id": _cancel("/v1/order/orders/{order}/submitcancel", "place"),
        "cancel_all": _cancel("/v1/order/orders/batchCancelOpenOrders", "batch"),
        "order": Call(method="GET", path="/v1/order/orders/getClientOrder", pace="query"),
        "order_id": Call(method="GET", path="/v1/order/orders/{order}", pace="query"),
        "past": Call(method="GET", path="/v1/order/orders", pace="query"),
        "open": Call(method="GET", path="/v1/order/openOrders", pace="query"),
        "fills": Call(method="GET", path="/v1/order/matchresults", pace="query"),
        "fees": Call(method="GET", path="/v2/reference/transact-fee-rate", pace="query"),
        **_RIGHTS,
    },
    types=frozenset({"market", "limit", "stop_limit"}),
    times=frozenset({"GTC", "IOC", "FOK"}),
    positions=False,
    socket_path="/ws/v2",
    ping_s=20.0,
    topics=("orders#*", "trade.clearing#*#0", "accounts.update#2"),
)
_ONE: Final = "/linear-swap-api/v1"
_THREE: Final = "/linear-swap-api/v3"


def _read(path: str) -> Call:
    return Call(method="POST", path=path, pace="swap_read")


_UM: Final = TradingRow(
    market="um",
    calls={
        "time": Call(method="GET", path="/api/v1/timestamp", signed=False, lane=Lane.CANCEL),
        "instruments": Call(method="GET", path=f"{_ONE}/swap_contract_info", signed=False),
        "submit": _act(f"{_ONE}/swap_cross_order", "swap_trade"),
        "cancel": _cancel(f"{_ONE}/swap_cross_cancel", "swap_trade"),
        "cancel_all": _cancel(f"{_ONE}/swap_cross_cancelall", "swap_trade"),
        "order": _read(f"{_ONE}/swap_cross_order_info"),
        "open": _read(f"{_ONE}/swap_cross_openorders"),
        "past": _read(f"{_THREE}/swap_cross_hisorders"),
        "fills": _read(f"{_THREE}/swap_cross_matchresults"),
        "account": _read(f"{_ONE}/swap_cross_account_info"),
        "positions": _read(f"{_ONE}/swap_cross_position_info"),
        "movements": _read(f"{_THREE}/swap_financial_record"),
        "fees": _read(f"{_ONE}/swap_fee"),
        "mode": Call(method="GET", path=f"{_ONE}/swap_cross_position_side", pace="swap_read"),
        "leverage": _act(f"{_ONE}/swap_cross_switch_lever_rate", "swap_trade"),
        **_RIGHTS,
    },
    # Its conditional orders carry no client id: one whose answer was lost could not be found again.
    types=frozenset({"market", "limit"}),
    times=frozenset({"GTC", "IOC", "FOK"}),
    positions=True,
    socket_path="/linear-swap-notification",
    ping_s=5.0,
    topics=("orders_cross.*", "accounts_cross.*", "positions_cross.*"),
)
ROWS: Final[Mapping[str, TradingRow]] = {"spot": _SPOT, "um": _UM}


def row_of(market: str) -> TradingRow:
    """Return the row of ``market``; raise UnknownName for one that HTX has not."""
    return ROWS[check_market(market)]
