"""What happens to a spot account, as ``/ws/v2`` tells it: orders, trades after clearing, balances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quantservice.core.money import ZERO
from quantservice.simulator.htx.wording import account_number, plain, spot_state, spot_type
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.trading import AccountEvent, BalanceEvent, FillEvent, OrderEvent, SimOrder

Message = tuple[str, str, dict[str, Any]]
_KINDS = {"transfer": "transfer", "order": "order.match"}


class SpotEvents:
    """Makes the messages: topic, what it is (for faults), data."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def messages(self, event: AccountEvent) -> Iterator[Message]:
        """Return an event's messages."""
        if isinstance(event, OrderEvent):
            yield from self._order(event)
        elif isinstance(event, FillEvent):
            yield from self._fill(event)
        elif isinstance(event, BalanceEvent):
            yield from self._balance(event)

    def _order(self, event: OrderEvent) -> Iterator[Message]:
        order, symbol = event.order, event.order.symbol.lower()
        if event.what in ("new", "triggered"):
            data = _base(order, "creation") | {"orderCreateTime": order.created_ms, "accountId": account_number(order.account)}
            yield f"orders#{symbol}", "creation", data
        elif event.what in ("canceled", "expired"):
            ended = {"lastActTime": event.time_ms, "remainAmt": plain(order.left), "execAmt": plain(order.filled)}
            yield f"orders#{symbol}", "cancellation", _base(order, "cancellation") | ended
            cleared = {"eventType": "cancellation", "orderId": order.order_id, "clientOrderId": order.ticket.client_id}
            more = {"symbol": symbol, "orderSide": order.side, "orderStatus": spot_state(order), "remainAmt": plain(order.left)}
            yield f"trade.clearing#{symbol}", "cancellation", cleared | more | {"accountId": account_number(order.account)}

    def _fill(self, fill: FillEvent) -> Iterator[Message]:
        order, symbol = fill.order, fill.order.symbol.lower()
        trade = {
            "tradePrice": plain(fill.price),
            "tradeVolume": plain(fill.quantity),
            "tradeId": fill.trade_id,
            "tradeTime": fill.time_ms,
            "aggressor": not fill.maker,
        }
        yield (
            f"trade.clearing#{symbol}",
            "trade",
            trade
            | {
                "eventType": "trade",
                "symbol": symbol,
                "orderId": order.order_id,
                "orderSide": order.side,
                "orderType": spot_type(order),
                "transactFee": plain(fill.fee),
                "feeDeduct": "0",
                "feeDeductType": "",
                "feeCurrency": fill.fee_currency.lower(),
                "accountId": account_number(order.account),
                "source": "spot-api",
                "orderPrice": plain(order.price or ZERO),
                "orderSize": plain(order.quantity),
                "clientOrderId": order.ticket.client_id,
                "orderCreateTime": order.created_ms,
                "orderStatus": spot_state(order),
            },
        )
        yield (
            f"orders#{symbol}",
            "trade",
            _base(order, "trade") | trade | {"remainAmt": plain(order.left), "execAmt": plain(order.filled)},
        )

    def _balance(self, event: BalanceEvent) -> Iterator[Message]:
        state = self._desk.engine.state
        held = state.account(event.account).held_back(state.live(event.account), state.symbols)
        for currency, total in event.balances.items():
            data = {
                "currency": currency.lower(),
                "accountId": account_number(event.account),
                "balance": plain(total),
                "available": plain(total - held.get(currency, ZERO)),
                "changeType": _KINDS.get(event.reason, event.reason),
                "accountType": "trade",
                "seqNum": str(event.sequence),
                "changeTime": event.time_ms,
            }
            yield "accounts.update", "update", data


def _base(order: SimOrder, what: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "orderSize": plain(order.quantity),
        "orderPrice": plain(order.price or ZERO),
        "type": spot_type(order),
        "orderId": order.order_id,
        "clientOrderId": order.ticket.client_id,
        "orderSource": "spot-api",
        "orderStatus": spot_state(order),
        "symbol": order.symbol.lower(),
        "eventType": what,
    }
    return row | ({"stopPrice": plain(order.stop_price)} if order.stop_price is not None else {})
