"""Private channels: what the engine's events become on the wire, and the faults that befall them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.okx import shapes
from quantservice.simulator.okx.account import position_rows, uid
from quantservice.simulator.okx.config import OkxMarketName
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.okx.sockets import Arg, OkxConnection, OkxSockets
from quantservice.simulator.protocol.text import frame, to_json
from quantservice.simulator.trading import (
    AccountEvent,
    BalanceEvent,
    FillEvent,
    OrderEvent,
    PositionEvent,
    SimOrder,
)

Row = dict[str, Any]
_EVENT_TYPES: Final = {"order": "filled", "funding": "funding_fee", "transfer": "transferred", "insurance": "claw_back"}
_FILL_TYPES: Final = {"liquidation": "liquidation", "adl": "adl"}


class OkxEvents:
    """Sends accounts what happens to them."""

    def __init__(self, markets: Mapping[OkxMarketName, OkxMarket], sockets: OkxSockets, faults: FaultScript) -> None:
        self._markets = markets
        self._sockets = sockets
        self._faults = faults
        self._held: dict[str, tuple[str, str, Row, Row]] = {}
        self._swaps = markets["um"]
        self._swaps.desk.engine.listen(self.on_event)

    def on_event(self, event: AccountEvent) -> None:
        """Turn an engine's event into messages and send them."""
        if isinstance(event, OrderEvent):
            self._order(event.order, event.what, None)
        elif isinstance(event, FillEvent):
            self._order(event.order, "trade", event)
            self._fill(event)
        elif isinstance(event, PositionEvent):
            self._positions(event)
        else:
            self._balance(event)

    def opened(self, connection: OkxConnection, arg: Arg) -> None:
        """Say what a private subscription begins with. Orders and fills begin with nothing."""
        channel, account = arg["channel"], connection.account
        holder = self._swaps.desk.engine.account(account)
        if channel == "account":
            self._to(connection, arg, account, [self._account_row(account, ())])
        elif channel == "positions":
            self._to(connection, arg, account, position_rows(self._swaps, holder))
        elif channel == "balance_and_position":
            row = {
                "pTime": self._now(),
                "eventType": "snapshot",
                "balData": [
                    {"ccy": item["ccy"], "cashBal": item["cashBal"], "uTime": item["uTime"]} for item in self._balances(account)
                ],
                "posData": position_rows(self._swaps, holder),
                "trades": [],
            }
            self._to(connection, arg, account, [row])

    # --- kinds ---------------------------------------------------------------------------------------------------------

    def _market(self, order: SimOrder) -> OkxMarket:
        return next(market for market in self._markets.values() if market.owns(order))

    def _order(self, order: SimOrder, what: str, fill: FillEvent | None) -> None:
        market = self._market(order)
        narrow = {"instType": market.inst_type, "instId": order.symbol}
        if shapes.is_algo(order) and (what == "triggered" or shapes.waits(order)):
            row = shapes.algo(market, order)
            channel = "algo-advance" if row["ordType"] == "move_order_stop" else "orders-algo"
            self._send(order.account, channel, f"{channel}.{row['state']}", narrow, row)
            if what != "triggered":
                return
        row = shapes.pushed(market, order, fill)
        self._send(order.account, "orders", f"orders.{row['state']}", narrow, row)

    def _fill(self, fill: FillEvent) -> None:
        market, order = self._market(fill.order), fill.order
        row = shapes.fill_row(market, fill)
        kept = ("instId", "tradeId", "ordId", "clOrdId", "fillSz", "fillPx", "side", "ts", "execType")
        told = {name: row[name] for name in kept} | {"count": "1"}
        self._send(order.account, "fills", "fills", {"instId": order.symbol}, told)

    def _positions(self, event: PositionEvent) -> None:
        holder = self._swaps.desk.engine.account(event.account)
        rows = position_rows(self._swaps, holder, event.symbol, flat=True)
        for row in rows:
            self._send(event.account, "positions", "positions", {"instType": "SWAP", "instId": event.symbol}, row)
        combined = {
            "pTime": self._now(),
            "eventType": _FILL_TYPES.get(event.reason, "filled"),
            "balData": [],
            "posData": rows,
            "trades": [],
        }
        self._send(event.account, "balance_and_position", "balance_and_position", {}, combined)

    def _balance(self, event: BalanceEvent) -> None:
        currencies = tuple(event.balances)
        self._send(event.account, "account", "account", {}, self._account_row(event.account, currencies))
        combined = {
            "pTime": str(event.time_ms),
            "eventType": _EVENT_TYPES.get(event.reason, "filled"),
            "balData": [
                {"ccy": row["ccy"], "cashBal": row["cashBal"], "uTime": str(event.time_ms)}
                for row in self._balances(event.account, currencies)
            ],
            "posData": [],
            "trades": [],
        }
        self._send(event.account, "balance_and_position", "balance_and_position", {}, combined)

    # --- sending -------------------------------------------------------------------------------------------------------

    def _now(self) -> str:
        return str(self._swaps.state.clock.server_ms())

    def _balances(self, account: str, only: tuple[str, ...] = ()) -> list[Row]:
        return shapes.balances(self._markets.values(), self._swaps.desk.engine.account(account), only=only)

    def _account_row(self, account: str, only: tuple[str, ...]) -> Row:
        return {"uTime": self._now(), "totalEq": "", "details": self._balances(account, only)}

    def _send(self, account: str, channel: str, name: str, narrow: Row, row: Row) -> None:
        """Send a row to whoever hears the channel, unless a fault loses, delays, doubles or swaps it."""
        faults = self._faults
        place = self._markets["spot" if narrow.get("instType") == "SPOT" else "um"].fault_name if narrow else "okx"
        if faults.faults or self._held:
            if self._finds("dead_stream", place, name) or self._finds("drop_event", place, name):
                return
            late = self._finds("late_event", place, name)
            if late is not None:
                asyncio.get_running_loop().call_later(late.delay_s, self._deliver, account, channel, narrow, row)
                return
            if account in self._held:
                held = self._held.pop(account)
                self._deliver(account, channel, narrow, row)
                self._deliver(held[0], held[1], held[2], held[3])
                return
            if self._finds("reorder_event", place, name) is not None:
                self._held[account] = (account, channel, narrow, row)
                return
            if self._finds("duplicate_event", place, name) is not None:
                self._deliver(account, channel, narrow, row)
        self._deliver(account, channel, narrow, row)

    def _finds(self, kind: Any, place: str, name: str) -> Any:
        places = ("okx", place) if place != "okx" else ("okx", "okx-spot", "okx-um")
        return next((found for market in places if (found := self._faults.find(kind, market, stream=name)) is not None), None)

    def _deliver(self, account: str, channel: str, narrow: Row, row: Row) -> None:
        for connection, arg in self._sockets.listeners(channel, account):
            wanted = arg.get("instType", "ANY")
            if wanted in ("ANY", narrow.get("instType", wanted)) and arg.get("instId", "") in ("", narrow.get("instId")):
                self._to(connection, arg, account, [row])

    @staticmethod
    def _to(connection: OkxConnection, arg: Arg, account: str, rows: list[Row]) -> None:
        connection.queue(frame(to_json({"arg": arg | {"uid": uid(account)}, "data": rows})))
        connection.flush()
