"""What an endpoint is: a request that was let in, what it costs, who may ask; and the limits of orders."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from quantservice.simulator.config import MarketName
from quantservice.simulator.private.config import KeySpec, OrderLimits, limit_rows
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.keys import Need
from quantservice.simulator.private.wording import Params, integer
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.trading import Account, FillEvent, SimOrder


class Call(msgspec.Struct, frozen=True):
    """A request that passed the door. ``as_of_s``: reads see the world as it was then, on the wall clock; None: as it is."""

    params: Params
    key: KeySpec
    as_of_s: float | None = None

    @property
    def account(self) -> str:
        """Name of the account that asks."""
        return self.key.account


class Endpoint(NamedTuple):
    """One private endpoint. ``orders`` is what it counts against the order limits; ``weight`` may depend on the parameters."""

    run: Callable[[Call], Any]
    need: Need
    weight: int | Callable[[Params], int] = 1
    orders: int | Callable[[Params], int] = 0

    def costs(self, params: Params) -> tuple[int, int]:
        """Return the request's weight and its number of orders."""
        weight = self.weight if isinstance(self.weight, int) else self.weight(params)
        orders = self.orders if isinstance(self.orders, int) else self.orders(params)
        return weight, orders


Endpoints = Mapping[tuple[str, str], Endpoint]


def by_symbol(one: int, many: int) -> Callable[[Params], int]:
    """Return a weight that depends on whether a symbol is named."""
    return lambda params: one if params.get("symbol") else many


class OrderGate:
    """One market's limits of orders per account, in wall-clock time."""

    def __init__(
        self, market: MarketName, limits: OrderLimits, referee: Referee, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._market = market
        self.limits = limits
        self._referee = referee
        self._now_s = now_s
        self._placed: dict[str, deque[float]] = {}

    def counts(self, account: str) -> tuple[int, int]:
        """Return how many orders the account placed in the last ten seconds, and in the longer span."""
        now = self._now_s()
        placed = self._placed.setdefault(account, deque())
        while placed and placed[0] <= now - self.limits.span_s:
            placed.popleft()
        recent = 0
        for stamp in reversed(placed):
            if stamp <= now - 10.0:
                break
            recent += 1
        return recent, len(placed)

    def ask(self, account: str, orders: int) -> None:
        """Count orders, or refuse them; the venue names no time to wait."""
        recent, spanned = self.counts(account)
        limits = self.limits
        for used, most, span in (
            (recent, limits.per_10s, "10 SECOND"),
            (spanned, limits.per_span, "1 DAY" if limits.span_s > 3_600 else "1 MINUTE"),
        ):
            if most > 0 and used + orders > most:
                self._referee.broke(f"{self._market}.order_count", account, f"{used} + {orders} of {most} in {span}")
                message = f"Too many new orders; current limit is {most} orders per {span}."
                raise VenueRefusal(-1015, message, status=429)
        self._placed[account].extend([self._now_s()] * orders)

    def headers(self, account: str) -> dict[str, str]:
        """Return the counts as the venue's headers."""
        recent, spanned = self.counts(account)
        long = "1D" if self.limits.span_s > 3_600 else "1M"
        return {"X-MBX-ORDER-COUNT-10S": str(recent), f"X-MBX-ORDER-COUNT-{long}": str(spanned)}

    def rows(self, account: str, *, counted: bool = True) -> list[dict[str, Any]]:
        """Return the limits as the venue lists them."""
        listed = limit_rows(self.limits)
        used = [
            count for count, most in zip(self.counts(account), (self.limits.per_10s, self.limits.per_span), strict=True) if most > 0
        ]
        return [row | {"count": count} for row, count in zip(listed, used, strict=True)] if counted else listed


def order_ids(params: Params, *, id_name: str = "orderId", client_name: str = "origClientOrderId") -> tuple[int | None, str]:
    """Return which order is meant, by the venue's id or the client's; refused when neither is named."""
    order_id, client_id = integer(params, id_name), params.get(client_name, "")
    if order_id is None and not client_id:
        raise VenueRefusal(-1102, f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!")
    return order_id, client_id


class Reads:
    """What reads see of orders and fills: the present, or the past where a fault makes reads stale."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def account(self, call: Call) -> Account:
        """The account that asks."""
        return self._desk.engine.account(call.account)

    def seen(self, call: Call, order: SimOrder) -> SimOrder | None:
        """An order as this read sees it."""
        return order if call.as_of_s is None else self._desk.order_as_seen(order, call.as_of_s)

    def orders(self, call: Call, symbol: str = "") -> list[SimOrder]:
        """The account's orders as this read sees them, oldest first."""
        found = (
            self.seen(call, order)
            for order in self._desk.engine.state.orders.values()
            if order.account == call.account and (not symbol or order.symbol == symbol)
        )
        return [order for order in found if order is not None]

    def live(self, call: Call, symbol: str = "") -> list[SimOrder]:
        """The account's open orders as this read sees them, oldest first."""
        if call.as_of_s is None:
            return sorted(self._desk.engine.state.live(call.account, symbol or None), key=lambda order: order.order_id)
        return [order for order in self.orders(call, symbol) if order.live]

    def history(self, call: Call, symbol: str, *, most: int = 1_000) -> list[SimOrder]:
        """The orders that startTime, endTime, orderId and limit ask for."""
        start, end = integer(call.params, "startTime"), integer(call.params, "endTime")
        first, limit = integer(call.params, "orderId"), min(integer(call.params, "limit", 500) or 500, most)
        found = [
            order
            for order in self.orders(call, symbol)
            if (first is None or order.order_id >= first)
            and (start is None or order.created_ms >= start)
            and (end is None or order.created_ms <= end)
        ]
        return found[:limit] if start is not None or first is not None else found[-limit:]

    def fills(self, call: Call, symbol: str) -> list[FillEvent]:
        """The fills that startTime, endTime, fromId, orderId and limit ask for."""
        start, end = integer(call.params, "startTime"), integer(call.params, "endTime")
        first, order_id = integer(call.params, "fromId"), integer(call.params, "orderId")
        limit, before = min(integer(call.params, "limit", 500) or 500, 1_000), call.as_of_s
        desk = self._desk
        found = [
            fill
            for fill, seen_s in zip(desk.engine.state.fills, desk.fills_seen, strict=True)
            if fill.account == call.account
            and (not symbol or fill.order.symbol == symbol)
            and (first is None or fill.trade_id >= first)
            and (order_id is None or fill.order.order_id == order_id)
            and (start is None or fill.time_ms >= start)
            and (end is None or fill.time_ms <= end)
            and (before is None or seen_s <= before)
        ]
        return found[:limit] if start is not None or first is not None else found[-limit:]
