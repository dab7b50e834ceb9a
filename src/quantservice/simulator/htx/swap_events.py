"""What happens to a swap account, as ``/linear-swap-notification`` tells it: orders with their fills, balances, positions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quantservice.core.money import exact
from quantservice.simulator.htx.swap_rows import SwapRows, fill_of
from quantservice.simulator.htx.wording import account_number, contract_code, raw
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.trading import AccountEvent, BalanceEvent, FillEvent, OrderEvent, PositionEvent, SimOrder

Message = tuple[str, str, dict[str, Any]]
_REASONS = {"order": "order.match", "transfer": "moneyin", "funding": "settlement", "insurance": "settlement"}


class SwapEvents:
    """Makes the messages: topic, what it is (for faults), the whole message."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rows = SwapRows(desk)

    def snapshot(self, account: str, topic: str) -> list[list[dict[str, Any]]]:
        """What is sent at once after a subscription."""
        holder = self._desk.engine.account(account)
        if topic == "accounts_cross":
            return [[self._rows.account(holder)]]
        return [self._rows.positions(holder)] if topic == "positions_cross" else []

    def messages(self, event: AccountEvent) -> Iterator[Message]:
        """Return an event's messages."""
        if isinstance(event, OrderEvent):
            yield self._order(event.order, event.what, None)
        elif isinstance(event, FillEvent):
            yield self._order(event.order, "trade", event)
        elif isinstance(event, BalanceEvent):
            holder = self._desk.engine.account(event.account)
            data = self._rows.account(holder) | {"contract_detail": []}
            yield self._told("accounts_cross.usdt", event.account, event.reason, [data])
        elif isinstance(event, PositionEvent):
            yield self._position(event)

    @exact
    def _order(self, order: SimOrder, what: str, fill: FillEvent | None) -> Message:
        code = contract_code(self._desk.listing(order.symbol)).lower()
        trade = [fill_of(fill, self._rows.size(order.symbol))] if fill is not None else []
        message = {
            "op": "notify",
            "topic": f"orders_cross.{code}",
            "ts": self._desk.exchange.clock.server_ms(),
            "uid": str(account_number(order.account)),
        }
        return f"orders_cross.{code}", what, message | self._rows.order(order) | {"trade": trade}

    def _position(self, event: PositionEvent) -> Message:
        holder = self._desk.engine.account(event.account)
        code = contract_code(self._desk.listing(event.symbol)).lower()
        rows = self._rows.positions(holder, event.symbol, event.side)
        if not rows:  # what was closed is told once more, with nothing left
            side = "sell" if event.side == "short" else "buy"
            gone = {"volume": raw("0"), "cost_open": raw("0"), "cost_hold": raw("0"), "direction": side, "margin_mode": "cross"}
            mode = {"position_mode": "dual_side" if holder.hedge else "single_side", "lever_rate": holder.leverage(event.symbol)}
            rows = [self._rows.names(event.symbol) | gone | mode]
        return self._told(f"positions_cross.{code}", event.account, event.reason, rows)

    def _told(self, topic: str, account: str, reason: str, data: list[dict[str, Any]]) -> Message:
        ts = self._desk.exchange.clock.server_ms()
        event = _REASONS.get(reason, "order.match")
        return (
            topic,
            "update",
            {
                "op": "notify",
                "topic": topic,
                "ts": ts,
                "event": event,
                "uid": str(account_number(account)),
                "data": data,
            },
        )
