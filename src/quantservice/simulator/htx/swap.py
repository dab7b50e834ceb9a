"""The USDT-margined swap's orders, cross margin: in contracts, under client ids that are numbers and never come twice."""

from __future__ import annotations

import itertools
from typing import Any, Final

from quantservice.core.money import ZERO
from quantservice.core.positions import PositionSide
from quantservice.simulator.exchange import Listing
from quantservice.simulator.htx.requests import Endpoint, HtxCall
from quantservice.simulator.htx.rest import Endpoints
from quantservice.simulator.htx.swap_rows import SwapRows, fill_of
from quantservice.simulator.htx.wording import Refusal, contract_code, contract_size, needed, number, swap_refusal, whole
from quantservice.simulator.private.calls import Reads
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.trading import Kind, Reject, SimOrder, Ticket

_LARGEST_ID: Final = 9_223_372_036_854_775_807
_TWO_DAYS_MS: Final = 48 * 3_600_000
_PAGE: Final = 50
#: word: kind, time in force, post-only. The market's own names for "at the market" take so many levels, or all there are.
_TYPES: Final[dict[str, tuple[Kind, str, bool]]] = {
    "limit": (Kind.LIMIT, "GTC", False),
    "post_only": (Kind.LIMIT, "GTC", True),
    "ioc": (Kind.LIMIT, "IOC", False),
    "fok": (Kind.LIMIT, "FOK", False),
    **dict.fromkeys(("market", "opponent", "opponent_ioc", "optimal_5", "optimal_10", "optimal_20"), (Kind.MARKET, "GTC", False)),
    **dict.fromkeys(("optimal_5_ioc", "optimal_10_ioc", "optimal_20_ioc", "lightning_ioc"), (Kind.MARKET, "GTC", False)),
}


class SwapOrders:
    """The endpoints of orders."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reads = Reads(desk)
        self._rows = SwapRows(desk)
        self._made = itertools.count(1)

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        one, three = "/linear-swap-api/v1", "/linear-swap-api/v3"
        trade, read = "swap_trade", "swap_read"
        return {
            ("POST", f"{one}/swap_cross_order"): Endpoint(self.place, "trade", "swap", trade),
            ("POST", f"{one}/swap_cross_batchorder"): Endpoint(self.place_batch, "trade", "swap", trade),
            ("POST", f"{one}/swap_cross_cancel"): Endpoint(self.cancel, "trade", "swap", trade),
            ("POST", f"{one}/swap_cross_cancelall"): Endpoint(self.cancel_all, "trade", "swap", trade),
            ("POST", f"{one}/swap_cross_order_info"): Endpoint(self.query, "read", "swap", read),
            ("POST", f"{one}/swap_cross_order_detail"): Endpoint(self.detail, "read", "swap", read),
            ("POST", f"{one}/swap_cross_openorders"): Endpoint(self.open_orders, "read", "swap", read),
            ("POST", f"{three}/swap_cross_hisorders"): Endpoint(self.past, "read", "swap3", read),
            ("POST", f"{three}/swap_cross_matchresults"): Endpoint(self.fills, "read", "swap3", read),
        }

    # --- acting ----------------------------------------------------------------------------------------------------------

    def place(self, call: HtxCall) -> dict[str, Any]:
        """Place an order; the answer is its number and the client's."""
        order = self._place(call, call.body)
        answer: dict[str, Any] = {"order_id": order.order_id, "order_id_str": str(order.order_id)}
        return answer | ({"client_order_id": int(order.ticket.client_id)} if order.ticket.client_id.isdigit() else {})

    def place_batch(self, call: HtxCall) -> dict[str, Any]:
        """Place up to ten orders, each answered for itself."""
        items = call.body.get("orders_data") if isinstance(call.body, dict) else None
        if not isinstance(items, list) or len(items) > 10:
            raise Refusal(1030, "Input error: orders_data")
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for index, item in enumerate(items, 1):
            try:
                order = self._place(call, item)
                good.append({"index": index, "order_id": order.order_id, "order_id_str": str(order.order_id)})
            except Refusal as refused:
                bad.append({"index": index, "err_code": refused.code, "err_msg": str(refused)})
        return {"errors": bad, "success": good}

    def _place(self, call: HtxCall, asked: Any) -> SimOrder:
        if not isinstance(asked, dict):
            raise Refusal(1030, "Input error")
        listing = self.listing(asked)
        ticket = self._ticket(call, asked, listing)
        symbol = self._desk.symbol(listing.spec.symbol)
        engine = self._desk.engine
        self._lever(call, symbol.name, asked)
        try:
            if ticket.kind is Kind.MARKET and not engine.state.books[symbol.name].available(ticket.side, None):
                raise Reject("no_market")
            return engine.submit(call.account, ticket, self._desk.now_ms())
        except Reject as reject:
            raise swap_refusal(reject) from None

    def _ticket(self, call: HtxCall, asked: dict[str, Any], listing: Listing) -> Ticket:
        side, offset = needed(asked, "direction", "swap"), str(asked.get("offset") or "both")
        if side not in ("buy", "sell") or offset not in ("open", "close", "both"):
            raise Refusal(1030, "Input error: direction, offset")
        word = needed(asked, "order_price_type", "swap")
        if word not in _TYPES:
            raise Refusal(1034, "Incorrect field of order price type.")
        kind, tif, post_only = _TYPES[word]
        named = whole(asked.get("client_order_id"), "client_order_id", "swap")
        if named is not None and not 0 < named <= _LARGEST_ID:
            raise Refusal(1067, "The client_order_id field is invalid. Please re-enter.")
        contracts = number(needed(asked, "volume", "swap"), "volume", "swap") or ZERO
        if contracts != contracts.to_integral_value() or contracts <= 0:
            raise Refusal(1040, "Invalid amount. Please modify and order again.")
        leg: PositionSide = "both"
        if offset != "both":
            leg = "long" if (side == "buy") == (offset == "open") else "short"
        return Ticket(
            symbol=listing.spec.symbol,
            side="buy" if side == "buy" else "sell",
            kind=kind,
            quantity=contracts * contract_size(listing),
            price=None if kind is Kind.MARKET else number(needed(asked, "price", "swap"), "price", "swap"),
            tif=tif,  # type: ignore[arg-type]  # the table's words
            post_only=post_only,
            reduce_only=str(asked.get("reduce_only", 0)) == "1",
            position_side=leg,
            client_id=str(named) if named is not None else f"web_{self._desk.now_ms()}_{next(self._made)}",
        )

    def _lever(self, call: HtxCall, symbol: str, asked: dict[str, Any]) -> None:
        """An order names the leverage; another one than is set is taken only where nothing is held and nothing open."""
        rate = whole(asked.get("lever_rate"), "lever_rate", "swap")
        if rate is None:
            raise Refusal(1094, "The leverage cannot be empty, please switch the leverage or contact customer service")
        holder = self._reads.account(call)
        if rate == holder.leverage(symbol):
            return
        busy = any(name == symbol and position.quantity for (name, _side), position in holder.positions.items())
        if busy or next(iter(self._desk.engine.state.live(call.account, symbol)), None) is not None or not 1 <= rate <= 125:
            raise Refusal(1037, "The leverage is invalid: it is not that of the open orders and positions.")
        holder.leverages[symbol] = rate

    def cancel(self, call: HtxCall) -> dict[str, Any]:
        """Cancel orders by the venue's numbers or the client's; each that cannot be is named with its code."""
        listing = self.listing(call.body)
        done: list[str] = []
        errors: list[dict[str, Any]] = []
        texts = [(str(text), "") for text in _split(call.body.get("order_id"))]
        texts += [("", str(text)) for text in _split(call.body.get("client_order_id"))]
        if not texts:
            raise Refusal(1030, "Input error: order_id or client_order_id")
        for number_, name in texts[:10]:
            try:
                order = self._find(call, listing, number_, name)
                if not order.live:
                    ended = order.filled == order.quantity
                    raise Refusal(*((1063, "The order has been executed.") if ended else (1071, "Repeated cancel.")))
                self._desk.engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
                done.append(number_ or name)
            except Refusal as refused:
                code = 1061 if refused.code == 1017 else refused.code
                errors.append({"order_id": number_ or name, "err_code": code, "err_msg": str(refused)})
        return {"errors": errors, "successes": ",".join(done)}

    def cancel_all(self, call: HtxCall) -> dict[str, Any]:
        """Cancel every open order of a contract."""
        listing = self.listing(call.body)
        found = self._desk.engine.cancel_all(call.account, self._desk.now_ms(), symbol=listing.spec.symbol)
        if not found:
            raise Refusal(1051, "No orders to cancel.")
        return {"errors": [], "successes": ",".join(str(order.order_id) for order in found)}

    # --- asking ----------------------------------------------------------------------------------------------------------

    def query(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return orders by the venue's numbers or the client's."""
        listing = self.listing(call.body)
        texts = [(str(text), "") for text in _split(call.body.get("order_id"))]
        texts += [("", str(text)) for text in _split(call.body.get("client_order_id"))]
        found: list[dict[str, Any]] = []
        for number_, name in texts[:50]:
            try:
                seen = self._reads.seen(call, self._find(call, listing, number_, name))
            except Refusal:
                seen = None
            if seen is not None:
                found.append(self._rows.order(seen))
        if not found:
            raise Refusal(1017, "Order doesnt exist.")
        return found

    def detail(self, call: HtxCall) -> dict[str, Any]:
        """Return one order with its fills."""
        listing = self.listing(call.body)
        order = self._find(call, listing, needed(call.body, "order_id", "swap"), "")
        fills = [fill_of(fill, contract_size(listing)) for fill in self._desk.fills_of.get(order.order_id, ())]
        return self._rows.order(order) | {"trades": fills, "total_page": 1, "current_page": 1, "total_size": len(fills)}

    def open_orders(self, call: HtxCall) -> dict[str, Any]:
        """Return the open orders, newest first, page by page."""
        body = call.body if isinstance(call.body, dict) else {}
        named = body.get("contract_code") or body.get("pair")
        found = self._reads.live(call, self.listing(body).spec.symbol if named else "")
        found.sort(key=lambda order: order.order_id, reverse=True)
        size = min(whole(body.get("page_size"), "page_size", "swap") or 20, _PAGE)
        page = max(1, whole(body.get("page_index"), "page_index", "swap") or 1)
        shown = found[(page - 1) * size : page * size]
        return {
            "orders": [self._rows.order(order) for order in shown],
            "total_page": max(1, -(-len(found) // size)),
            "current_page": page,
            "total_size": len(found),
        }

    def past(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return orders that ended, of a span of 48 hours, newest first."""
        listing = self.listing(call.body, name="contract")
        start, end = self._span(call)
        found = [
            order for order in self._reads.orders(call, listing.spec.symbol) if not order.live and start <= order.created_ms <= end
        ]
        return [self._rows.order(order) | {"query_id": order.order_id} for order in reversed(found[-_PAGE:])]

    def fills(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return fills of a span of 48 hours: ``direct`` next is oldest first from ``from_id`` on, else newest first."""
        listing = self.listing(call.body, name="contract")
        start, end = self._span(call)
        first, ahead = whole(call.body.get("from_id"), "from_id", "swap"), call.body.get("direct") == "next"
        desk = self._desk
        found = [
            fill
            for fill, seen_s in zip(desk.engine.state.fills, desk.fills_seen, strict=True)
            if fill.account == call.account
            and fill.order.symbol == listing.spec.symbol
            and start <= fill.time_ms <= end
            and (call.as_of_s is None or seen_s <= call.as_of_s)
            and (first is None or (fill.trade_id >= first if ahead else fill.trade_id <= first))
        ]
        rows = found if ahead else found[::-1]
        return [self._rows.matched(fill) for fill in rows[:_PAGE]]

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _span(self, call: HtxCall) -> tuple[int, int]:
        end = whole(call.body.get("end_time"), "end_time", "swap") or self._desk.now_ms() + 1
        start = whole(call.body.get("start_time"), "start_time", "swap")
        start = end - _TWO_DAYS_MS if start is None else start
        if end - start > _TWO_DAYS_MS:
            raise Refusal(1030, "Input error: the span of start_time and end_time is 48 hours at most")
        return start, end

    def _find(self, call: HtxCall, listing: Listing, number_: str, client_id: str) -> SimOrder:
        order_id = whole(number_, "order_id", "swap") if number_ else None
        try:
            return self._desk.engine.find(call.account, order_id=order_id, client_id=client_id, symbol=listing.spec.symbol)
        except Reject as reject:
            raise swap_refusal(reject) from None

    def listing(self, asked: Any, *, name: str = "contract_code") -> Listing:
        """Return the contract that a request names."""
        fields = asked if isinstance(asked, dict) else {}
        code = str(fields.get(name) or fields.get("pair") or "").upper()
        if not code:
            raise Refusal(1066, "The symbol field cannot be empty. Please re-enter.")
        found = self._desk.exchange.find(code.replace("-", ""))
        if found is None or contract_code(found) != code:
            raise Refusal(1013, "This contract symbol doesnt exist.")
        return found


def _split(value: Any) -> list[str]:
    return [text for text in str(value if value is not None else "").split(",") if text]
