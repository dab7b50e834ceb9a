"""Orders of the futures markets: placing, amending, cancelling, querying; conditional orders of um go to the algo service."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import msgspec

from quantservice.core.money import ZERO
from quantservice.simulator.private import answers_futures as answers
from quantservice.simulator.private.calls import Call, Endpoint, Endpoints, OrderGate, Reads, by_symbol, order_ids
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.wording import Params, check_good_till, futures_ticket, integer, needed, number, refusal
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.trading import Reject, SimOrder, Status, Ticket
from quantservice.simulator.trading.values import CONDITIONAL

_DONE = {"code": 200, "msg": "The operation of cancel all open order is done."}


class FuturesOrders:
    """The order endpoints of um or cm."""

    def __init__(self, desk: Desk, gate: OrderGate, *, wall_s: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._gate = gate
        self._reads = Reads(desk)
        self._wall_s = wall_s
        self._made = itertools.count(1)
        self._countdowns: dict[tuple[str, str], float] = {}

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        base = "/fapi/v1" if self._desk.market == "um" else "/dapi/v1"
        found = {
            ("POST", f"{base}/order"): Endpoint(self.place, "trade", 0, 1),
            ("POST", f"{base}/order/test"): Endpoint(self.test, "trade", 0),
            ("PUT", f"{base}/order"): Endpoint(self.amend, "trade", 1, 1),
            ("DELETE", f"{base}/order"): Endpoint(self.cancel, "trade", 1),
            ("GET", f"{base}/order"): Endpoint(self.query, "read", 1),
            ("GET", f"{base}/openOrder"): Endpoint(self.query_open, "read", 1),
            ("GET", f"{base}/openOrders"): Endpoint(self.open_orders, "read", by_symbol(1, 40)),
            ("GET", f"{base}/allOrders"): Endpoint(self.all_orders, "read", 5 if self._desk.market == "um" else 20),
            ("DELETE", f"{base}/allOpenOrders"): Endpoint(self.cancel_all, "trade", 1),
            ("POST", f"{base}/batchOrders"): Endpoint(self.place_batch, "trade", 5, _batch_size),
            ("PUT", f"{base}/batchOrders"): Endpoint(self.amend_batch, "trade", 5, _batch_size),
            ("DELETE", f"{base}/batchOrders"): Endpoint(self.cancel_batch, "trade", 1),
            ("GET", f"{base}/userTrades"): Endpoint(self.user_trades, "read", 5 if self._desk.market == "um" else 20),
            ("GET", f"{base}/forceOrders"): Endpoint(self.forced, "read", by_symbol(20, 50)),
            ("POST", f"{base}/countdownCancelAll"): Endpoint(self.countdown, "trade", 10),
        }
        if self._desk.market == "um":
            found |= {
                ("POST", f"{base}/algoOrder"): Endpoint(self.place_algo, "trade", 0, 1),
                ("DELETE", f"{base}/algoOrder"): Endpoint(self.cancel_algo, "trade", 1),
                ("GET", f"{base}/algoOrder"): Endpoint(self.query_algo, "read", 1),
                ("GET", f"{base}/openAlgoOrders"): Endpoint(self.open_algo, "read", by_symbol(1, 40)),
                ("GET", f"{base}/allAlgoOrders"): Endpoint(self.all_algo, "read", 5),
                ("DELETE", f"{base}/algoOpenOrders"): Endpoint(self.cancel_all_algo, "trade", 1),
            }
        return found

    # --- placing -------------------------------------------------------------------------------------------------------

    def place(self, call: Call) -> dict[str, Any]:
        """Place an order; the answer is ACK (as it came in) unless RESULT is asked for."""
        ticket = futures_ticket(call.params, self._client_id())
        if self._desk.market == "um" and ticket.kind in CONDITIONAL:
            raise VenueRefusal(
                -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
            )
        return self._shown(self._submit(call, ticket), result=call.params.get("newOrderRespType") == "RESULT")

    def test(self, call: Call) -> dict[str, Any]:
        """Check an order without placing it."""
        ticket = futures_ticket(call.params, self._client_id())
        self._desk.symbol(ticket.symbol)
        check_good_till(self._desk.market, ticket, self._desk.now_ms())
        try:
            self._desk.engine.test(call.account, ticket)
        except Reject as reject:
            raise refusal(self._desk.market, reject) from None
        return {}

    def place_batch(self, call: Call) -> list[dict[str, Any]]:
        """Place up to five orders; each is answered for itself."""
        return [self._each(self.place, call, item) for item in _batch(call.params, "batchOrders")]

    def amend(self, call: Call) -> dict[str, Any]:
        """Change price and quantity of an open limit order."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        order_id, client_id = order_ids(call.params)
        price, quantity = number(call.params, "price"), number(call.params, "quantity")
        engine = self._desk.engine
        try:
            order = engine.find(call.account, order_id=order_id, client_id=client_id, symbol=symbol.name)
            if not order.live:
                raise VenueRefusal(-2013, "Order does not exist.")
            if price in (None, order.price) and quantity in (None, order.quantity):
                raise VenueRefusal(-5027, "No need to modify the order.")
            order = engine.amend(
                call.account,
                order.order_id,
                self._desk.now_ms(),
                price=price if price is not None else order.price or ZERO,
                quantity=quantity if quantity is not None else order.quantity,
            )
        except Reject as reject:
            raise refusal(self._desk.market, reject, query=True) from None
        return answers.order(self._desk, order, shape="amended")

    def amend_batch(self, call: Call) -> list[dict[str, Any]]:
        """Change up to five orders."""
        return [self._each(self.amend, call, item) for item in _batch(call.params, "batchOrders")]

    def place_algo(self, call: Call) -> dict[str, Any]:
        """Place a conditional order with the algo service."""
        if needed(call.params, "algoType") != "CONDITIONAL":
            raise VenueRefusal(-1130, "Data sent for parameter 'algoType' is not valid.")
        ticket = futures_ticket(call.params, self._client_id(), trigger="triggerPrice", id_name="clientAlgoId")
        if ticket.kind not in CONDITIONAL:
            raise VenueRefusal(-1116, "Invalid orderType.")
        return answers.algo_order(self._desk, self._submit(call, ticket), placed=True)

    def _submit(self, call: Call, ticket: Ticket) -> SimOrder:
        symbol = self._desk.symbol(ticket.symbol)
        engine, market = self._desk.engine, self._desk.market
        check_good_till(market, ticket, self._desk.now_ms())
        book = engine.state.books[symbol.name]
        try:
            if ticket.post_only and ticket.price is not None and book.available(ticket.side, ticket.price) > 0:
                engine.test(call.account, ticket)
                raise Reject("post_only")
            return engine.submit(call.account, ticket, self._desk.now_ms())
        except Reject as reject:
            if reject.reason == "price_band" and ticket.side == "sell":
                raise VenueRefusal(-4024, "Limit price can't be lower than the band.") from None
            raise refusal(market, reject) from None

    def _shown(self, order: SimOrder, *, result: bool) -> dict[str, Any]:
        if not result:
            order = msgspec.structs.replace(
                order, filled=ZERO, cost=ZERO, status=Status.NEW, triggered=False, seen_ms=order.created_ms
            )
        return answers.order(self._desk, order, shape="placed")

    # --- cancelling ----------------------------------------------------------------------------------------------------

    def cancel(self, call: Call) -> dict[str, Any]:
        """Cancel an order."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        order_id, client_id = order_ids(call.params)
        return answers.order(self._desk, self._cancel(call, symbol.name, order_id, client_id, algo=False), shape="cancelled")

    def cancel_algo(self, call: Call) -> dict[str, Any]:
        """Cancel a conditional order that waits."""
        number_, client_id = order_ids(call.params, id_name="algoId", client_name="clientAlgoId")
        order_id = number_ - answers.ALGO_BASE if number_ is not None else None
        order = self._cancel(call, "", order_id, client_id, algo=True)
        return {
            "algoId": answers.ALGO_BASE + order.order_id,
            "clientAlgoId": order.ticket.client_id,
            "code": "200",
            "msg": "success",
        }

    def _cancel(self, call: Call, symbol: str, order_id: int | None, client_id: str, *, algo: bool) -> SimOrder:
        engine = self._desk.engine
        try:
            order = engine.find(call.account, order_id=order_id, client_id=client_id, symbol=symbol)
            if self._is_algo(order) != algo:
                raise Reject("unknown_order")
            return engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
        except Reject as reject:
            raise refusal(self._desk.market, reject) from None

    def cancel_all(self, call: Call) -> dict[str, Any]:
        """Cancel every open order of a symbol."""
        return self._cancel_all(call, algo=False)

    def cancel_all_algo(self, call: Call) -> dict[str, Any]:
        """Cancel every conditional order of a symbol that waits."""
        return self._cancel_all(call, algo=True)

    def _cancel_all(self, call: Call, *, algo: bool) -> dict[str, Any]:
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        for order in list(self._desk.engine.state.live(call.account, symbol.name)):
            if self._is_algo(order) == algo:
                self._desk.engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
        return dict(_DONE)

    def cancel_batch(self, call: Call) -> list[dict[str, Any]]:
        """Cancel up to ten orders by their ids."""
        symbol = needed(call.params, "symbol")
        wanted: list[dict[str, str]] = []
        for name, field in (("orderIdList", "orderId"), ("origClientOrderIdList", "origClientOrderId")):
            if call.params.get(name):
                wanted += [{"symbol": symbol, field: str(item)} for item in _list(call.params[name], name)]
        return [self._each(self.cancel, call, item) for item in wanted[:10]]

    def countdown(self, call: Call) -> dict[str, Any]:
        """Set, renew or (with zero) stop the timer that cancels a symbol's orders."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        span = integer({"countdownTime": needed(call.params, "countdownTime")}, "countdownTime") or 0
        if span:
            self._countdowns[call.account, symbol.name] = self._wall_s() + span / 1_000
        else:
            self._countdowns.pop((call.account, symbol.name), None)
        return {"symbol": symbol.name, "countdownTime": str(span)}

    def tick(self) -> None:
        """Cancel where a countdown ran out."""
        now = self._wall_s()
        for (account, symbol), due in list(self._countdowns.items()):
            if now >= due:
                del self._countdowns[account, symbol]
                self._desk.engine.cancel_all(account, self._desk.now_ms(), symbol=symbol, reason="countdown")

    # --- queries -------------------------------------------------------------------------------------------------------

    def query(self, call: Call) -> dict[str, Any]:
        """Return one order."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        order = self._find(call, symbol.name, *order_ids(call.params), algo=False)
        return answers.order(self._desk, order, shape="queried")

    def query_open(self, call: Call) -> dict[str, Any]:
        """Return one order that is open."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        order = self._find(call, symbol.name, *order_ids(call.params), algo=False)
        if not order.live:
            raise VenueRefusal(-2013, "Order does not exist.")
        return answers.order(self._desk, order, shape="queried")

    def open_orders(self, call: Call) -> list[dict[str, Any]]:
        """Return the open orders, of one symbol or all."""
        found = self._reads.live(call, self._optional_symbol(call))
        return [answers.order(self._desk, item, shape="queried") for item in found if not self._is_algo(item)]

    def all_orders(self, call: Call) -> list[dict[str, Any]]:
        """Return orders of a symbol, ended ones too."""
        symbol = self._optional_symbol(call) if self._desk.market == "cm" else self._desk.symbol(needed(call.params, "symbol")).name
        found = self._reads.history(call, symbol)
        return [answers.order(self._desk, item, shape="queried") for item in found if not self._is_algo(item)]

    def user_trades(self, call: Call) -> list[dict[str, Any]]:
        """Return fills."""
        if self._desk.market == "um":
            needed(call.params, "symbol")
        return [answers.trade(self._desk, fill) for fill in self._reads.fills(call, self._optional_symbol(call))]

    def forced(self, call: Call) -> list[dict[str, Any]]:
        """Return the venue's own closing orders: liquidations and deleveraging."""
        found = [order for order in self._reads.orders(call, self._optional_symbol(call)) if order.reason in ("liquidation", "adl")]
        return [answers.order(self._desk, item, shape="queried") for item in found if item.ticket.client_id.find("autoclose") >= 0]

    def query_algo(self, call: Call) -> dict[str, Any]:
        """Return one conditional order, triggered or not."""
        number_, client_id = order_ids(call.params, id_name="algoId", client_name="clientAlgoId")
        order = self._find(call, "", number_ - answers.ALGO_BASE if number_ is not None else None, client_id, algo=True)
        return answers.algo_order(self._desk, order, placed=False)

    def open_algo(self, call: Call) -> list[dict[str, Any]]:
        """Return the conditional orders that wait."""
        found = self._reads.live(call, self._optional_symbol(call))
        return [answers.algo_order(self._desk, item, placed=False) for item in found if self._is_algo(item)]

    def all_algo(self, call: Call) -> list[dict[str, Any]]:
        """Return conditional orders, ended ones too."""
        found = self._reads.history(call, self._desk.symbol(needed(call.params, "symbol")).name)
        return [answers.algo_order(self._desk, item, placed=False) for item in found if item.ticket.kind in CONDITIONAL]

    def _find(self, call: Call, symbol: str, order_id: int | None, client_id: str, *, algo: bool) -> SimOrder:
        try:
            found = self._desk.engine.find(call.account, order_id=order_id, client_id=client_id, symbol=symbol)
        except Reject as reject:
            raise refusal(self._desk.market, reject, query=True) from None
        seen = self._reads.seen(call, found)
        if seen is None or (found.ticket.kind not in CONDITIONAL if algo else self._is_algo(seen)):
            raise VenueRefusal(-2013, "Order does not exist.")
        return seen

    def _optional_symbol(self, call: Call) -> str:
        name = call.params.get("symbol", "")
        return self._desk.symbol(name).name if name else ""

    def _is_algo(self, order: SimOrder) -> bool:
        """Tell whether an order is with the algo service still: um's conditional orders until they are triggered."""
        return self._desk.market == "um" and order.ticket.kind in CONDITIONAL and not order.triggered

    def _client_id(self) -> str:
        return f"web{self._desk.now_ms()}x{next(self._made)}"

    @staticmethod
    def _each(run: Callable[[Call], dict[str, Any]], call: Call, params: Params) -> dict[str, Any]:
        try:
            return run(msgspec.structs.replace(call, params=params))
        except VenueRefusal as refused:
            return {"code": refused.code, "msg": str(refused)}


def _list(text: str, name: str) -> list[Any]:
    try:
        return msgspec.json.decode(text.encode(), type=list[Any])
    except msgspec.DecodeError:
        raise VenueRefusal(-1130, f"Data sent for parameter '{name}' is not valid.") from None


def _batch(params: Params, name: str) -> list[dict[str, str]]:
    items = _list(needed(params, name), name)
    if not 0 < len(items) <= 5 or not all(isinstance(item, dict) for item in items):
        raise VenueRefusal(-4082, "Invalid number of batch place orders.")
    return [{key: _text(value) for key, value in item.items()} for item in items]


def _batch_size(params: Params) -> int:
    try:
        return len(_batch(params, "batchOrders"))
    except VenueRefusal:
        return 1


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
