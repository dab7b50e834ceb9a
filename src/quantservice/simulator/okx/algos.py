"""Conditional orders over REST: stop-loss, take-profit, trigger and trailing orders wait with a service of their own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from quantservice.simulator.okx import shapes
from quantservice.simulator.okx.counter import Call, Endpoint, Endpoints
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.okx.trade import LEGS, Markets, base_size, check_mode, market_of
from quantservice.simulator.okx.words import OkxRefusal, client_id, flag, item_refusal, limit, number, refusal, text, word
from quantservice.simulator.trading import Kind, Reject, SimOrder, Ticket

Row = dict[str, Any]
_AT_MARKET: Final = Decimal(-1)
#: a trigger that the last price has reached already: stop-loss or take-profit, and the order's side
_REACHED: Final = {
    (False, "buy"): ("51277", "TP trigger price cannot be higher than the last price"),
    (True, "buy"): ("51278", "SL trigger price cannot be lower than the last price"),
    (False, "sell"): ("51279", "TP trigger price cannot be lower than the last price"),
    (True, "sell"): ("51280", "SL trigger price cannot be higher than the last price"),
}
_STOPS: Final = (Kind.STOP, Kind.STOP_MARKET)


class AlgoApi:
    """The endpoints of conditional orders."""

    def __init__(self, markets: Markets) -> None:
        self._markets = markets

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        base = "/api/v5/trade"
        return {
            ("POST", f"{base}/order-algo"): Endpoint(self.place, "trade", 20, by_instrument=True),
            ("POST", f"{base}/cancel-algos"): Endpoint(self.cancel, "trade", 20),
            ("GET", f"{base}/order-algo"): Endpoint(self.query, "read", 20),
            ("GET", f"{base}/orders-algo-pending"): Endpoint(self.pending, "read", 20),
            ("GET", f"{base}/orders-algo-history"): Endpoint(self.history, "read", 20),
        }

    def place(self, call: Call) -> list[Row]:
        """Place a conditional order."""
        market = market_of(self._markets, call.params)
        ticket = self._ticket(market, call)
        try:
            order = market.desk.engine.submit(call.account, ticket, market.desk.now_ms())
        except Reject as reject:
            if reject.reason == "would_trigger":
                raise item_refusal(*_REACHED[ticket.kind in _STOPS, ticket.side]) from None
            if reject.reason == "duplicate_client_id":
                raise item_refusal("51065", "algoClOrdId already exists.") from None
            raise refusal(reject) from None
        return [_done(order)]

    def cancel(self, call: Call) -> list[Row]:
        """Cancel up to ten conditional orders that wait."""
        if not call.items or len(call.items) > 10:
            raise OkxRefusal("50025", "Parameter count exceeds the limit 10.", status=400)
        rows: list[Row] = []
        for item in call.items:
            algo_id, name = str(item.get("algoId", "")), str(item.get("algoClOrdId", ""))
            try:
                found = self._find(call.account, algo_id, name)
                if found is None or not shapes.waits(found[1]):
                    raise Reject("unknown_order")
                market, order = found
                rows.append(_done(market.desk.engine.cancel(call.account, market.desk.now_ms(), order_id=order.order_id)))
            except Reject:
                message = "Order cancellation failed as the order has been filled, canceled or does not exist."
                rows.append({"algoId": algo_id, "algoClOrdId": name, "sCode": "51400", "sMsg": message})
        return rows

    def query(self, call: Call) -> list[Row]:
        """Return one conditional order, triggered or not."""
        algo_id, name = text(call.params, "algoId", ""), text(call.params, "algoClOrdId", "")
        if not algo_id and not name:
            raise OkxRefusal("50015", "Either parameter algoId or algoClOrdId is required.", status=400)
        found = self._find(call.account, algo_id, name)
        seen = self._seen(call, *found) if found is not None else None
        if found is None or seen is None:
            raise OkxRefusal("51603", "Order does not exist")
        return [shapes.algo(found[0], seen)]

    def pending(self, call: Call) -> list[Row]:
        """Return the conditional orders that wait, newest first."""
        text(call.params, "ordType")
        return self._list(call, lambda order: order.live and shapes.waits(order))

    def history(self, call: Call) -> list[Row]:
        """Return conditional orders that were triggered or ended, newest first."""
        text(call.params, "ordType")
        return self._list(call, lambda order: order.triggered or not order.live)

    # --- inside --------------------------------------------------------------------------------------------------------

    def _list(self, call: Call, wanted: Callable[[SimOrder], bool]) -> list[Row]:
        inst_type, inst_id = text(call.params, "instType", ""), text(call.params, "instId", "")
        kinds, after = text(call.params, "ordType").split(","), text(call.params, "after", "")
        rows: list[Row] = []
        for market in self._markets.values():
            if inst_type not in ("", market.inst_type):
                continue
            for order in market.desk.engine.state.orders.values():
                mine = order.account == call.account and market.owns(order) and shapes.is_algo(order)
                if not mine or inst_id not in ("", order.symbol):
                    continue
                seen = self._seen(call, market, order)
                if seen is not None and wanted(seen):
                    rows.append(shapes.algo(market, seen))
        rows = [row for row in rows if row["ordType"] in kinds and (not after or int(row["algoId"]) < int(after))]
        return sorted(rows, key=lambda row: int(row["algoId"]), reverse=True)[: limit(call.params, 100, 100)]

    def _find(self, account: str, algo_id: str, name: str) -> tuple[OkxMarket, SimOrder] | None:
        if algo_id and not (algo_id.isascii() and algo_id.isdigit()):
            return None
        state = next(iter(self._markets.values())).desk.engine.state
        if algo_id:
            found = state.orders.get(int(algo_id[:19]) - shapes.ALGO_BASE)
        else:
            mine = [state.orders[number] for number in state.by_client.get((account, name), ())]
            found = next((order for order in reversed(mine) if shapes.is_algo(order)), None)
        if found is None or found.account != account or not shapes.is_algo(found):
            return None
        return next(market for market in self._markets.values() if market.owns(found)), found

    @staticmethod
    def _seen(call: Call, market: OkxMarket, order: SimOrder) -> SimOrder | None:
        return order if call.as_of_s is None else market.desk.order_as_seen(order, call.as_of_s)

    def _ticket(self, market: OkxMarket, call: Call) -> Ticket:
        params = call.params
        check_mode(market, params)
        side = word(params, "side", ("buy", "sell"))
        kind = word(params, "ordType", ("conditional", "trigger", "move_order_stop"))
        close_all = text(params, "closeFraction", "") == "1"
        stop, price, made = None, None, Kind.TRAILING_STOP_MARKET
        callback = number(params, "callbackRatio")
        if kind == "move_order_stop":
            if callback is None or not Decimal("0.001") <= callback <= 1:
                raise item_refusal("51000", "Parameter callbackRatio error")
        else:
            stop, price, made = self._trigger(market, call, kind, side)
        if not market.swap and side == "buy" and price is None and text(params, "tgtCcy", "quote_ccy") != "base_ccy":
            raise item_refusal("51000", "Parameter tgtCcy error")
        return Ticket(
            symbol=text(params, "instId"),
            side="buy" if side == "buy" else "sell",
            kind=made,
            quantity=None if close_all else base_size(market, params),
            price=price,
            stop_price=stop,
            callback=callback,
            activation=number(params, "activePx"),
            reduce_only=market.swap and flag(params, "reduceOnly") and not close_all,
            close_all=close_all,
            position_side=LEGS[word(params, "posSide", LEGS, "")] if market.swap else "both",
            client_id=client_id(params, "algoClOrdId"),
        )

    @staticmethod
    def _trigger(market: OkxMarket, call: Call, kind: str, side: str) -> tuple[Decimal, Decimal | None, Kind]:
        """Return trigger price, limit price (none: at the market) and what it does."""
        params = call.params
        if kind == "conditional":
            loss, profit = number(params, "slTriggerPx"), number(params, "tpTriggerPx")
            if (loss is None) == (profit is None):
                raise item_refusal("51000", "Parameter slTriggerPx error")
            stop, is_stop = (loss, True) if loss is not None else (profit, False)
            price = number(params, "slOrdPx" if is_stop else "tpOrdPx")
        else:
            stop, price = number(params, "triggerPx"), number(params, "orderPx")
            last = market.desk.engine.state.books[text(params, "instId")].last or market.desk.mark(text(params, "instId"))
            is_stop = stop is not None and (stop >= last) == (side == "buy")
        if stop is None or price is None:
            raise item_refusal("51000", "Parameter ordPx error")
        if price == _AT_MARKET:
            return stop, None, Kind.STOP_MARKET if is_stop else Kind.TAKE_PROFIT_MARKET
        return stop, price, Kind.STOP if is_stop else Kind.TAKE_PROFIT


def _done(order: SimOrder) -> Row:
    return {
        "algoId": str(shapes.ALGO_BASE + order.order_id),
        "algoClOrdId": order.ticket.client_id,
        "clOrdId": "",
        "tag": "",
        "sCode": "0",
        "sMsg": "",
    }
