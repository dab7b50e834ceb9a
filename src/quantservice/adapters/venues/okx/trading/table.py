"""The private requests, with the venue's limits of each: per account, some per instrument too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from quantservice.adapters.venues.transport.budget_state import Lane


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request. ``acts``: it changes something, so that its outcome may stay unknown; ``orders``: it counts as a new order.

    ``expires``: it is not carried out after the instant in its header. ``aged``: the venue heeds no such header here, but refuses
    what is older than 30 s: it is stamped so much earlier that it ends at the same instant.
    """

    method: str
    path: str
    most: int
    span_s: float = 2.0
    by_instrument: bool = False
    lane: Lane = Lane.LIVE
    acts: bool = False
    orders: bool = False
    expires: bool = False
    aged: bool = False
    signed: bool = True


def _read(path: str, most: int, *, span_s: float = 2.0, by_instrument: bool = False) -> Call:
    return Call(method="GET", path=f"/api/v5/{path}", most=most, span_s=span_s, by_instrument=by_instrument)


def _act(path: str, most: int, *, by_instrument: bool = True, orders: bool = False, expires: bool = False) -> Call:
    return Call(
        method="POST",
        path=f"/api/v5/{path}",
        most=most,
        by_instrument=by_instrument,
        lane=Lane.ORDER,
        acts=True,
        orders=orders,
        expires=expires,
    )


def _cancel(path: str, most: int, *, span_s: float = 2.0, by_instrument: bool = True) -> Call:
    return Call(
        method="POST",
        path=f"/api/v5/{path}",
        most=most,
        span_s=span_s,
        by_instrument=by_instrument,
        lane=Lane.CANCEL,
        acts=True,
    )


CALLS: Final[Mapping[str, Call]] = {
    "time": msgspec.structs.replace(_read("public/time", 10), signed=False, lane=Lane.CANCEL),
    "instruments": msgspec.structs.replace(_read("public/instruments", 20), signed=False),
    "submit": _act("trade/order", 60, orders=True, expires=True),
    "amend": _act("trade/amend-order", 60, orders=True, expires=True),
    "cancel": _cancel("trade/cancel-order", 60),
    "cancel_batch": _cancel("trade/cancel-batch-orders", 300),
    "algo_submit": msgspec.structs.replace(_act("trade/order-algo", 20), aged=True),
    "algo_cancel": _cancel("trade/cancel-algos", 20, by_instrument=False),
    "dead_man": _cancel("trade/cancel-all-after", 1, span_s=1.0, by_instrument=False),
    "leverage": _act("account/set-leverage", 20, by_instrument=False),
    "order": _read("trade/order", 60, by_instrument=True),
    "open": _read("trade/orders-pending", 60),
    "algo_order": _read("trade/order-algo", 20),
    "algo_open": _read("trade/orders-algo-pending", 20),
    "fills": _read("trade/fills", 60),
    "fills_history": _read("trade/fills-history", 10),
    "balance": _read("account/balance", 10),
    "positions": _read("account/positions", 10),
    "config": _read("account/config", 5),
    "leverage_of": _read("account/leverage-info", 20),
    "fees": _read("account/trade-fee", 5),
    "bills": _read("account/bills", 5, span_s=1.0),
    "bills_archive": _read("account/bills-archive", 5),
}
#: new and amended orders of an account, in two seconds
ORDERS_MOST: Final = 1_000
ORDERS_SPAN_S: Final = 2.0
