"""Orders over REST: placing, amending, cancelling, asking for them; one request or a batch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from quantservice.core.money import ZERO
from quantservice.core.positions import PositionSide
from quantservice.simulator.okx import shapes
from quantservice.simulator.okx.config import OkxMarketName
from quantservice.simulator.okx.counter import Call, Endpoint, Endpoints
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.okx.words import (
    OkxRefusal,
    Params,
    client_id,
    flag,
    integer,
    item_refusal,
    limit,
    number,
    refusal,
    text,
    word,
)
from quantservice.simulator.trading import FillEvent, Kind, Reject, SimOrder, Ticket
from quantservice.simulator.trading.values import SelfTrade, TimeInForce

Row = dict[str, Any]
Markets = Mapping[OkxMarketName, OkxMarket]
LEGS: Final[dict[str, PositionSide]] = {"": "both", "net": "both", "long": "long", "short": "short"}
_TYPES: Final = ("market", "limit", "post_only", "fok", "ioc", "optimal_limit_ioc")
_STP: Final[dict[str, SelfTrade]] = {
    "": "EXPIRE_MAKER",
    "cancel_maker": "EXPIRE_MAKER",
    "cancel_taker": "EXPIRE_TAKER",
    "cancel_both": "EXPIRE_BOTH",
}
_TIFS: Final[dict[str, TimeInForce]] = {"fok": "FOK", "ioc": "IOC", "optimal_limit_ioc": "IOC"}
_BATCH: Final = 20


def market_of(markets: Markets, params: Params) -> OkxMarket:
    """Return the market of the instrument that a request names."""
    inst_id = text(params, "instId")
    for market in markets.values():
        if market.state.find(inst_id) is not None:
            market.desk.symbol(inst_id)  # fed from now on
            return market
    raise item_refusal("51001", "Instrument ID does not exist.")


def base_size(market: OkxMarket, params: Params) -> Decimal | None:
    """Return an order's size in base currency, from contracts on swaps."""
    size = number(params, "sz")
    return market.base_of(text(params, "instId"), size) if size is not None else None


def check_mode(market: OkxMarket, params: Params) -> None:
    """Refuse a trade mode that the market has not: cash on spot, cross or isolated on swaps."""
    mode = word(params, "tdMode", ("cash", "cross", "isolated"))
    if (mode == "cash") == market.swap:
        raise item_refusal("51000", "Parameter tdMode error")


class TradeApi:
    """The order endpoints of both markets."""

    def __init__(self, markets: Markets, wall_s: Callable[[], float]) -> None:
        self._markets = markets
        self._wall_s = wall_s
        self._countdowns: dict[str, float] = {}
        self._made = itertools.count(1)

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        base = "/api/v5/trade"
        one = {"by_instrument": True}
        return {
            ("POST", f"{base}/order"): Endpoint(self.place, "trade", 60, orders=True, **one),
            ("POST", f"{base}/batch-orders"): Endpoint(self._each(self.place), "trade", 300, orders=True, **one),
            ("POST", f"{base}/amend-order"): Endpoint(self.amend, "trade", 60, orders=True, **one),
            ("POST", f"{base}/amend-batch-orders"): Endpoint(self._each(self.amend), "trade", 300, orders=True, **one),
            ("POST", f"{base}/cancel-order"): Endpoint(self.cancel, "trade", 60, **one),
            ("POST", f"{base}/cancel-batch-orders"): Endpoint(self._each(self.cancel), "trade", 300, **one),
            ("POST", f"{base}/cancel-all-after"): Endpoint(self.cancel_all_after, "trade", 1, 1.0),
            ("POST", f"{base}/close-position"): Endpoint(self.close_position, "trade", 20, **one),
            ("GET", f"{base}/order"): Endpoint(self.query, "read", 60, **one),
            ("GET", f"{base}/orders-pending"): Endpoint(self.pending, "read", 60),
            ("GET", f"{base}/orders-history"): Endpoint(self.history, "read", 40),
            ("GET", f"{base}/orders-history-archive"): Endpoint(self.history, "read", 20),
            ("GET", f"{base}/fills"): Endpoint(self.fills, "read", 60),
            ("GET", f"{base}/fills-history"): Endpoint(self.fills, "read", 10),
        }

    # --- acting --------------------------------------------------------------------------------------------------------

    def place(self, call: Call) -> list[Row]:
        """Place an order; the answer says that it was taken in, not that it stands in the book."""
        market = market_of(self._markets, call.params)
        try:
            order = market.desk.engine.submit(call.account, self._ticket(market, call), market.desk.now_ms())
        except Reject as reject:
            raise refusal(reject) from None
        return [done(order)]

    def amend(self, call: Call) -> list[Row]:
        """Change size and price of an order that rests."""
        market = market_of(self._markets, call.params)
        inst_id, engine = text(call.params, "instId"), market.desk.engine
        size, price = number(call.params, "newSz"), number(call.params, "newPx")
        if size is None and price is None:
            raise item_refusal("51500", "You must enter either order price, amount or attached TP/SL parameters.")
        try:
            order = self._find(market, call)
            if not order.live:
                raise item_refusal("51510" if order.left == 0 else "51509", "Modification failed as the order has ended.")
            order = engine.amend(
                call.account,
                order.order_id,
                market.desk.now_ms(),
                price=price if price is not None else order.price or ZERO,
                quantity=market.base_of(inst_id, size) if size is not None else order.quantity,
            )
        except Reject as reject:
            if reject.reason == "unknown_order":
                raise item_refusal("51503", "Your order has already been filled, canceled or does not exist.") from None
            raise refusal(reject) from None
        return [done(order) | {"reqId": text(call.params, "reqId", "")}]

    def cancel(self, call: Call) -> list[Row]:
        """Cancel an order."""
        market = market_of(self._markets, call.params)
        try:
            order = self._find(market, call)
            if shapes.waits(order):
                raise Reject("unknown_order")
            order = market.desk.engine.cancel(call.account, market.desk.now_ms(), order_id=order.order_id)
        except Reject:
            raise item_refusal(
                "51400", "Order cancellation failed as the order has been filled, canceled or does not exist."
            ) from None
        return [done(order)]

    def close_position(self, call: Call) -> list[Row]:
        """Close a position at the market."""
        market = market_of(self._markets, call.params)
        inst_id, engine = text(call.params, "instId"), market.desk.engine
        leg = LEGS[word(call.params, "posSide", LEGS, "net")]
        held = engine.account(call.account).position(engine.state.symbols[inst_id], leg).quantity
        if not held:
            raise item_refusal("51023", "Position does not exist.")
        ticket = Ticket(
            symbol=inst_id,
            side="sell" if held > 0 else "buy",
            kind=Kind.MARKET,
            quantity=abs(held),
            reduce_only=leg == "both",
            position_side=leg,
            client_id=client_id(call.params, "clOrdId"),
        )
        engine.submit(call.account, ticket, market.desk.now_ms())
        return [{"instId": inst_id, "posSide": text(call.params, "posSide", "net"), "clOrdId": ticket.client_id, "tag": ""}]

    def cancel_all_after(self, call: Call) -> list[Row]:
        """Set, renew or (with zero) stop the timer that cancels every order of the account: 10 to 120 seconds."""
        span = integer(call.params, "timeOut", 0) or 0
        if span and not 10 <= span <= 120:
            raise OkxRefusal("51000", "Parameter timeOut error", status=400)
        server_ms = next(iter(self._markets.values())).state.clock.server_ms()
        if span:
            self._countdowns[call.account] = self._wall_s() + span
        else:
            self._countdowns.pop(call.account, None)
        return [{"triggerTime": str(server_ms + span * 1_000) if span else "0", "tag": "", "ts": str(server_ms)}]

    def tick(self) -> None:
        """Cancel where a timer ran out; conditional orders that wait stay."""
        now = self._wall_s()
        for account, due in list(self._countdowns.items()):
            if now >= due:
                del self._countdowns[account]
                self._run_out(account)

    def _run_out(self, account: str) -> None:
        desk = next(iter(self._markets.values())).desk
        for order in list(desk.engine.state.live(account)):
            if not shapes.waits(order):
                desk.engine.cancel_one(order, desk.now_ms(), reason="countdown")

    # --- asking --------------------------------------------------------------------------------------------------------

    def query(self, call: Call) -> list[Row]:
        """Return one order, by its number or by the client's id (of several: the latest)."""
        market = market_of(self._markets, call.params)
        try:
            found = self._seen(market, call, self._find(market, call))
        except Reject:
            found = None
        if found is None or shapes.waits(found):
            raise OkxRefusal("51603", "Order does not exist")
        return [shapes.order(market, found)]

    def pending(self, call: Call) -> list[Row]:
        """Return open orders, newest first."""
        found = [item for item in self._orders(call) if item[1].live and not shapes.waits(item[1])]
        return self._page(call, found)

    def history(self, call: Call) -> list[Row]:
        """Return orders that ended, newest first."""
        if not text(call.params, "instType", ""):
            raise OkxRefusal("50014", "Parameter instType cannot be empty.", status=400)
        begin, end = integer(call.params, "begin"), integer(call.params, "end")
        found = [
            (market, order)
            for market, order in self._orders(call)
            if not order.live
            and not shapes.waits(order)
            and (begin is None or order.created_ms >= begin)
            and (end is None or order.created_ms <= end)
        ]
        return self._page(call, found)

    def fills(self, call: Call) -> list[Row]:
        """Return fills, newest first: ``after`` and ``before`` are bill ids, ``begin`` and ``end`` times."""
        begin, end = integer(call.params, "begin"), integer(call.params, "end")
        after, before = integer(call.params, "after"), integer(call.params, "before")
        inst_id, order_id = text(call.params, "instId", ""), text(call.params, "ordId", "")
        found = [
            (market, fill)
            for market, fill in self._fills(call)
            if inst_id in ("", fill.order.symbol)
            and order_id in ("", str(fill.order.order_id))
            and (begin is None or fill.time_ms >= begin)
            and (end is None or fill.time_ms <= end)
            and (after is None or fill.sequence * 10 < after)
            and (before is None or fill.sequence * 10 > before)
        ]
        return [shapes.fill_row(market, fill) for market, fill in found[::-1][: limit(call.params, 100, 100)]]

    # --- inside --------------------------------------------------------------------------------------------------------

    def _each(self, one: Callable[[Call], list[Row]]) -> Callable[[Call], list[Row]]:
        def run(call: Call) -> list[Row]:
            if not call.items:
                raise OkxRefusal("50000", "Body for POST request cannot be empty.", status=400)
            if len(call.items) > _BATCH:
                raise OkxRefusal("50025", f"Parameter count exceeds the limit {_BATCH}.", status=400)
            rows: list[Row] = []
            for item in call.items:
                try:
                    rows += one(Call(item, (), call.key, call.as_of_s))
                except OkxRefusal as refused:
                    rows.append(
                        {
                            "ordId": str(item.get("ordId", "")),
                            "clOrdId": str(item.get("clOrdId", "")),
                            "sCode": refused.code,
                            "sMsg": str(refused),
                        }
                    )
            return rows

        return run

    def _ticket(self, market: OkxMarket, call: Call) -> Ticket:
        params = call.params
        check_mode(market, params)
        side, kind = word(params, "side", ("buy", "sell")), word(params, "ordType", _TYPES)
        text(params, "sz")
        size, quote_size = base_size(market, params), None
        at_market = kind in ("market", "optimal_limit_ioc")
        in_quote = word(params, "tgtCcy", ("base_ccy", "quote_ccy"), "quote_ccy" if side == "buy" else "base_ccy")
        if not market.swap and kind == "market" and in_quote == "quote_ccy":
            size, quote_size = None, size
        price = number(params, "px")
        if price is None and not at_market:
            raise item_refusal("51000", "Parameter px error")
        return Ticket(
            symbol=text(params, "instId"),
            side="buy" if side == "buy" else "sell",
            kind=Kind.MARKET if at_market else Kind.LIMIT,
            quantity=size,
            quote_quantity=quote_size,
            price=None if at_market else price,
            tif=_TIFS.get(kind, "GTC"),
            post_only=kind == "post_only",
            reduce_only=market.swap and flag(params, "reduceOnly"),
            position_side=LEGS[word(params, "posSide", LEGS, "")] if market.swap else "both",
            client_id=client_id(params, "clOrdId"),
            self_trade=_STP[word(params, "stpMode", _STP, "")],
        )

    def _find(self, market: OkxMarket, call: Call) -> SimOrder:
        name, given = text(call.params, "ordId", ""), text(call.params, "clOrdId", "")
        if not name and not given:
            raise OkxRefusal("51003", "Either client order ID or order ID is required.", status=400)
        if name and not (name.isascii() and name.isdigit()):
            raise Reject("unknown_order")
        found = market.desk.engine.find(
            call.account,
            order_id=int(name[:19]) if name else None,
            client_id="" if name else given,
            symbol=text(call.params, "instId"),
        )
        if given and not name and shapes.is_algo(found):
            raise Reject("unknown_order")  # its id is that of the service of conditional orders
        return found

    @staticmethod
    def _seen(market: OkxMarket, call: Call, order: SimOrder) -> SimOrder | None:
        return order if call.as_of_s is None else market.desk.order_as_seen(order, call.as_of_s)

    def _orders(self, call: Call) -> list[tuple[OkxMarket, SimOrder]]:
        """The account's orders as this read sees them, newest first."""
        inst_type, inst_id = text(call.params, "instType", ""), text(call.params, "instId", "")
        kind = text(call.params, "ordType", "")
        found: list[tuple[OkxMarket, SimOrder]] = []
        for market in self._markets.values():
            if inst_type not in ("", market.inst_type):
                continue
            for order in market.desk.engine.state.orders.values():
                if order.account != call.account or not market.owns(order) or inst_id not in ("", order.symbol):
                    continue
                seen = self._seen(market, call, order)
                if seen is not None and (not kind or shapes.order_type(seen) in kind.split(",")):
                    found.append((market, seen))
        return sorted(found, key=lambda item: item[1].order_id, reverse=True)

    @staticmethod
    def _page(call: Call, found: list[tuple[OkxMarket, SimOrder]]) -> list[Row]:
        """Of orders, newest first: older than the number ``after``, newer than the number ``before``."""
        after, before = integer(call.params, "after"), integer(call.params, "before")
        rows = [
            shapes.order(market, order)
            for market, order in found
            if (after is None or order.order_id < after) and (before is None or order.order_id > before)
        ]
        return rows[: limit(call.params, 100, 100)]

    def _fills(self, call: Call) -> list[tuple[OkxMarket, FillEvent]]:
        inst_type = text(call.params, "instType", "")
        desk, found = next(iter(self._markets.values())).desk, []
        for fill, seen_s in zip(desk.engine.state.fills, desk.fills_seen, strict=True):
            if fill.account != call.account or (call.as_of_s is not None and seen_s > call.as_of_s):
                continue
            market = next(item for item in self._markets.values() if item.owns(fill.order))
            if inst_type in ("", market.inst_type):
                found.append((market, fill))
        return found


def done(order: SimOrder) -> Row:
    """The answer for one order that was taken in."""
    return {
        "ordId": str(order.order_id),
        "clOrdId": order.ticket.client_id,
        "tag": "",
        "ts": str(order.seen_ms),
        "sCode": "0",
        "sMsg": "",
    }
