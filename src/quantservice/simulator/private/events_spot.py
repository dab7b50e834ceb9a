"""What the engine's events are called on the spot market's user data stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from quantservice.core.money import ZERO
from quantservice.simulator.private.answers_spot import balances
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.text import money
from quantservice.simulator.private.wording import status_word, type_word
from quantservice.simulator.trading import AccountEvent, BalanceEvent, FillEvent, OrderEvent, SimOrder, Status

Message = tuple[str, dict[str, Any]]
_EXECUTIONS: Final = {"new": "NEW", "canceled": "CANCELED", "expired": "EXPIRED", "amended": "REPLACED", "triggered": "NEW"}


class SpotEvents:
    """The spot market's words."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._executions = 0

    def messages(self, event: AccountEvent) -> Iterator[Message]:
        """Return the messages of one event, with the name that faults know each by."""
        match event:
            case OrderEvent():
                execution = _EXECUTIONS[event.what]
                yield f"executionReport.{execution}", self._report(event.order, execution, event.time_ms)
                yield self._position(event.account, self._currencies(event.order), event.time_ms, event.order)
            case FillEvent():
                report = self._report(event.order, "TRADE", event.time_ms)
                report |= {
                    "l": money(event.quantity),
                    "L": money(event.price),
                    "Y": money(event.price * event.quantity),
                    "n": money(event.fee),
                    "N": event.fee_currency,
                    "t": event.trade_id,
                    "m": event.maker,
                    "M": True,
                    "w": event.order.live,
                }
                yield "executionReport.TRADE", report
                yield self._position(event.account, self._currencies(event.order), event.time_ms, event.order)
            case BalanceEvent() if event.reason == "transfer":
                update = {
                    "e": "balanceUpdate",
                    "E": self._desk.exchange.clock.server_ms(),
                    "a": event.currency,
                    "d": money(event.amount),
                    "T": event.time_ms,
                }
                yield "balanceUpdate", update
                yield self._position(event.account, (event.currency,), event.time_ms)
            case _:
                return

    def _currencies(self, order: SimOrder) -> tuple[str, str]:
        symbol = self._desk.engine.state.symbols[order.symbol]
        return symbol.base, symbol.quote

    def _position(self, account: str, currencies: Iterable[str], time_ms: int, coming: SimOrder | None = None) -> Message:
        rows = [
            {"a": row["asset"], "f": row["free"], "l": row["locked"]}
            for row in balances(self._desk, self._desk.engine.account(account), coming=coming)
            if row["asset"] in currencies
        ]
        server_ms = self._desk.exchange.clock.server_ms()
        return "outboundAccountPosition", {"e": "outboundAccountPosition", "E": server_ms, "u": time_ms, "B": rows}

    def _report(self, order: SimOrder, execution: str, time_ms: int) -> dict[str, Any]:
        self._executions += 1
        ticket = order.ticket
        waits, cancelled = order.status is Status.WAITING, execution == "CANCELED"
        report: dict[str, Any] = {
            "e": "executionReport",
            "E": self._desk.exchange.clock.server_ms(),
            "s": order.symbol,
            "c": self._desk.cancel_ids.get(order.order_id, f"web{order.order_id}") if cancelled else ticket.client_id,
            "S": order.side.upper(),
            "o": type_word("spot", order),
            "f": ticket.tif,
            "q": money(order.quantity),
            "p": money(order.price or ZERO),
            "P": money(order.stop_price or ZERO),
            "F": money(ZERO),
            "g": -1,
            "C": ticket.client_id if cancelled else "",
            "x": execution,
            "X": status_word(order),
            "r": "NONE",
            "i": order.order_id,
            "l": money(ZERO),
            "z": money(order.filled),
            "L": money(ZERO),
            "n": "0",
            "N": None,
            "T": time_ms,
            "t": -1,
            "v": 3,
            "I": order.order_id * 100 + self._executions,
            "w": order.resting,
            "m": False,
            "M": False,
            "O": order.created_ms,
            "Z": money(order.cost),
            "Y": money(ZERO),
            "Q": money(ticket.quote_quantity or ZERO),
            "V": ticket.self_trade,
        }
        return report if waits else report | {"W": order.created_ms}
