"""What the engine's events are called on the futures markets' user data streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from quantservice.core.money import ZERO
from quantservice.simulator.private.answers_futures import ALGO_BASE, algo_order, writer
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.text import average, money, plain
from quantservice.simulator.private.wording import status_word, type_word
from quantservice.simulator.trading import AccountEvent, BalanceEvent, FillEvent, Kind, OrderEvent, PositionEvent, SimOrder
from quantservice.simulator.trading.values import CONDITIONAL

Message = tuple[str, dict[str, Any]]
_EXECUTIONS: Final = {"new": "NEW", "canceled": "CANCELED", "expired": "EXPIRED", "amended": "AMENDMENT", "triggered": "NEW"}
_REASONS: Final = {
    "order": "ORDER",
    "funding": "FUNDING_FEE",
    "insurance": "INSURANCE_CLEAR",
    "fee": "ADJUSTMENT",
    "trade": "ORDER",
    "liquidation": "ORDER",
    "adl": "ORDER",
}


class FuturesEvents:
    """One futures market's words. Money and position of a fill are told in one ACCOUNT_UPDATE, in front of the fill."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._money: dict[str, list[BalanceEvent]] = {}
        self._legs: dict[str, list[PositionEvent]] = {}

    def messages(self, event: AccountEvent) -> Iterator[Message]:
        """Return the messages of one event, with the name that faults know each by."""
        match event:
            case OrderEvent():
                yield from self._order(event)
            case FillEvent():
                yield self._account(event.account, "ORDER", event.time_ms)
                yield self._trade(event)
                if self._is_algo(event.order) and not event.order.live:
                    yield self._algo(event.order, event.time_ms)
            case PositionEvent():
                self._legs.setdefault(event.account, []).append(event)
            case BalanceEvent():
                self._money.setdefault(event.account, []).append(event)
                if event.reason != "order":
                    reason = _REASONS.get(event.reason, "DEPOSIT" if event.amount > 0 else "WITHDRAW")
                    yield self._account(event.account, reason, event.time_ms)

    def _is_algo(self, order: SimOrder) -> bool:
        return self._desk.market == "um" and order.ticket.kind in CONDITIONAL

    def _order(self, event: OrderEvent) -> Iterator[Message]:
        order = event.order
        if self._is_algo(order):
            yield self._algo(order, event.time_ms)
            if not order.triggered:
                return
        execution = _EXECUTIONS[event.what]
        yield f"ORDER_TRADE_UPDATE.{execution}", self._update(order, execution, event.time_ms)

    def _trade(self, event: FillEvent) -> Message:
        order, write = event.order, writer(self._desk, event.order.symbol)
        execution = "CALCULATED" if event.kind == "liquidation" else "TRADE"
        message = self._update(order, execution, event.time_ms)
        message["o"] |= {
            "l": write.quantity(event.quantity),
            "L": write.price(event.price),
            "N": event.fee_currency,
            "n": money(event.fee),
            "t": event.trade_id,
            "m": event.maker,
            "rp": money(event.realised),
        }
        return f"ORDER_TRADE_UPDATE.{execution}", message

    def _update(self, order: SimOrder, execution: str, time_ms: int) -> dict[str, Any]:
        ticket, write, market = order.ticket, writer(self._desk, order.symbol), self._desk.market
        symbol = self._desk.engine.state.symbols[order.symbol]
        body: dict[str, Any] = {
            "s": order.symbol,
            "c": ticket.client_id,
            "S": order.side.upper(),
            "o": "LIQUIDATION" if order.reason == "liquidation" else type_word(market, order),
            "f": ticket.tif,
            "q": write.quantity(order.quantity),
            "p": write.price(order.price),
            "ap": write.average(average(order)),
            "sp": write.price(order.stop_price),
            "x": execution,
            "X": status_word(order),
            "i": order.order_id,
            "l": write.quantity(ZERO),
            "z": write.quantity(order.filled),
            "L": write.price(ZERO),
            "N": symbol.settle,
            "n": "0",
            "T": time_ms,
            "t": 0,
            "b": "0",
            "a": "0",
            "m": False,
            "R": ticket.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": type_word(market, order, original=True),
            "ps": ticket.position_side.upper(),
            "cp": ticket.close_all,
            "rp": "0",
            "pP": False,
            "si": 0,
            "ss": 0,
        }
        if ticket.kind is Kind.TRAILING_STOP_MARKET:
            body |= {"AP": write.price(ticket.activation), "cr": plain((ticket.callback or ZERO) * 100)}
        body |= {"ma": symbol.settle} if market == "cm" else {"V": ticket.self_trade, "pm": "NONE", "gtd": ticket.expire_ms}
        return {"e": "ORDER_TRADE_UPDATE", "E": self._desk.exchange.clock.server_ms(), "T": time_ms, "o": body}

    def _account(self, account: str, reason: str, time_ms: int) -> Message:
        """Tell what changed since the last telling."""
        desk, holder = self._desk, self._desk.engine.account(account)
        balances = {
            event.currency: {
                "a": event.currency,
                "wb": money(holder.wallet(event.currency)),
                "cw": money(holder.wallet(event.currency)),
                # the venue leaves profit and fees out of this change
                "bc": money(ZERO if event.reason == "order" else event.amount),
            }
            for event in self._money.pop(account, [])
        }
        legs = []
        for event in self._legs.pop(account, []):
            write, symbol = writer(desk, event.symbol), desk.engine.state.symbols[event.symbol]
            held = holder.position(symbol, event.side)
            legs.append(
                {
                    "s": event.symbol,
                    "pa": write.quantity(event.quantity),
                    "ep": write.average(event.entry_price),
                    "bep": write.average(event.entry_price),
                    "cr": money(held.realised),
                    "up": money(held.unrealised(desk.mark(event.symbol)) if held.quantity else ZERO),
                    "mt": "isolated" if holder.isolated.get(event.symbol, False) else "cross",
                    "iw": "0",
                    "ps": event.side.upper(),
                }
            )
        message = {
            "e": "ACCOUNT_UPDATE",
            "E": desk.exchange.clock.server_ms(),
            "T": time_ms,
            "a": {"m": reason, "B": list(balances.values()), "P": legs},
        }
        return f"ACCOUNT_UPDATE.{reason}", message

    def _algo(self, order: SimOrder, time_ms: int) -> Message:
        shown, write = algo_order(self._desk, order, placed=False), writer(self._desk, order.symbol)
        body = {
            "caid": order.ticket.client_id,
            "aid": ALGO_BASE + order.order_id,
            "at": "CONDITIONAL",
            "o": shown["orderType"],
            "s": order.symbol,
            "S": order.side.upper(),
            "ps": order.ticket.position_side.upper(),
            "f": order.ticket.tif,
            "q": write.quantity(order.quantity),
            "X": shown["algoStatus"],
            "ai": shown["actualOrderId"],
            "ap": shown["actualPrice"],
            "aq": shown["actualQty"],
            "act": shown["actualType"] or "0",
            "tp": write.price(order.stop_price),
            "p": write.price(order.price),
            "V": order.ticket.self_trade,
            "wt": "CONTRACT_PRICE",
            "pm": "NONE",
            "cp": order.ticket.close_all,
            "pP": False,
            "R": order.ticket.reduce_only,
            "tt": shown["triggerTime"],
            "gtd": order.ticket.expire_ms,
        }
        return f"ALGO_UPDATE.{shown['algoStatus']}", {
            "e": "ALGO_UPDATE",
            "T": time_ms,
            "E": self._desk.exchange.clock.server_ms(),
            "o": body,
        }
