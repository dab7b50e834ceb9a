"""The spot market's private endpoints, and those of the wallet service that name a key's rights."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from quantservice.core.money import ZERO
from quantservice.simulator.config import MarketName
from quantservice.simulator.private import answers_spot as answers
from quantservice.simulator.private.calls import Call, Endpoint, Endpoints, OrderGate, Reads, by_symbol, order_ids
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.wording import client_id, flag, needed, number, refusal, spot_ticket
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.trading import Kind, Reject, SimOrder

_TRANSFERS: dict[str, tuple[MarketName, MarketName]] = {
    "MAIN_UMFUTURE": ("spot", "um"),
    "UMFUTURE_MAIN": ("um", "spot"),
    "MAIN_CMFUTURE": ("spot", "cm"),
    "CMFUTURE_MAIN": ("cm", "spot"),
}


class ReplaceRefusal(VenueRefusal):
    """A cancel-replace that failed in part or whole: the answer carries both legs."""

    def __init__(self, code: int, message: str, data: dict[str, Any], *, status: int) -> None:
        super().__init__(code, message, status=status)
        self.data = data

    @property
    def body(self) -> bytes:
        """The answer's JSON."""
        return to_json({"code": self.code, "msg": str(self), "data": self.data})


class SpotApi:
    """The spot endpoints. ``desks`` are those of all markets: transfers move money between them."""

    def __init__(self, desk: Desk, gate: OrderGate, desks: Mapping[MarketName, Desk]) -> None:
        self._desk = desk
        self._gate = gate
        self._desks = desks
        self._reads = Reads(desk)
        self._made = itertools.count(1)

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        base = "/api/v3"
        return {
            ("POST", f"{base}/order"): Endpoint(self.place, "trade", 1, 1),
            ("POST", f"{base}/order/test"): Endpoint(self.test, "trade", 1),
            ("DELETE", f"{base}/order"): Endpoint(self.cancel, "trade", 1),
            ("GET", f"{base}/order"): Endpoint(self.query, "read", 4),
            ("POST", f"{base}/order/cancelReplace"): Endpoint(self.replace, "trade", 1, 1),
            ("PUT", f"{base}/order/amend/keepPriority"): Endpoint(self.amend, "trade", 4),
            ("GET", f"{base}/openOrders"): Endpoint(self.open_orders, "read", by_symbol(6, 80)),
            ("DELETE", f"{base}/openOrders"): Endpoint(self.cancel_all, "trade", 1),
            ("GET", f"{base}/allOrders"): Endpoint(self.all_orders, "read", 20),
            ("GET", f"{base}/myTrades"): Endpoint(self.my_trades, "read", 20),
            ("GET", f"{base}/account"): Endpoint(self.account, "read", 20),
            ("GET", f"{base}/account/commission"): Endpoint(self.commission, "read", 20),
            ("GET", f"{base}/rateLimit/order"): Endpoint(lambda call: self._gate.rows(call.account), "read", 40),
            ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(self.restrictions, "read", 1),
            ("GET", "/sapi/v1/account/status"): Endpoint(lambda _: {"data": "Normal"}, "read", 1),
            ("GET", "/sapi/v1/asset/tradeFee"): Endpoint(self.trade_fee, "read", 1),
            ("POST", "/sapi/v1/asset/transfer"): Endpoint(self.transfer, "trade", 1),
        }

    # --- orders --------------------------------------------------------------------------------------------------------

    def place(self, call: Call) -> dict[str, Any]:
        """Place an order; LIMIT and MARKET are answered in full, others by an acknowledgement, unless asked otherwise."""
        order = self._submit(call)
        default = "FULL" if call.params.get("type") in ("LIMIT", "MARKET") else "ACK"
        shape = call.params.get("newOrderRespType", default)
        if shape not in ("ACK", "RESULT", "FULL"):
            raise VenueRefusal(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
        return answers.placed(self._desk, order, shape=shape)

    def test(self, call: Call) -> dict[str, Any]:
        """Check an order without placing it."""
        ticket = spot_ticket(call.params, self._client_id())
        self._desk.symbol(ticket.symbol)
        try:
            self._desk.engine.test(call.account, ticket)
        except Reject as reject:
            raise refusal("spot", reject) from None
        if not flag(call.params, "computeCommissionRates"):
            return {}
        fees = self._desk.config.fees["spot"]
        return {
            "standardCommissionForOrder": {"maker": fees.maker, "taker": fees.taker},
            "taxCommissionForOrder": {"maker": "0.00000000", "taker": "0.00000000"},
            "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": "0.75000000"},
        }

    def cancel(self, call: Call) -> dict[str, Any]:
        """Cancel an order."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        order_id, found_id = order_ids(call.params)
        cancel_id = client_id(call.params, "newClientOrderId", self._client_id())
        try:
            order = self._desk.engine.find(call.account, order_id=order_id, client_id=found_id, symbol=symbol.name)
            self._desk.cancel_ids[order.order_id] = cancel_id
            self._desk.engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
        except Reject as reject:
            raise refusal("spot", reject) from None
        return answers.cancelled(self._desk, order, cancel_id)

    def cancel_all(self, call: Call) -> list[dict[str, Any]]:
        """Cancel every open order of a symbol; refused where there is none."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        orders = list(self._desk.engine.state.live(call.account, symbol.name))
        if not orders:
            raise VenueRefusal(-2011, "Unknown order sent.")
        for order in orders:
            self._desk.cancel_ids[order.order_id] = self._client_id()
            self._desk.engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
        return [answers.cancelled(self._desk, order, self._desk.cancel_ids[order.order_id]) for order in orders]

    def replace(self, call: Call) -> dict[str, Any]:
        """Cancel an order and place another one."""
        mode = needed(call.params, "cancelReplaceMode")
        if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
            raise VenueRefusal(-1130, "Data sent for parameter 'cancelReplaceMode' is not valid.")
        asked = {"symbol": needed(call.params, "symbol")}
        for name, field in (
            ("cancelOrderId", "orderId"),
            ("cancelOrigClientOrderId", "origClientOrderId"),
            ("cancelNewClientOrderId", "newClientOrderId"),
        ):
            if call.params.get(name):
                asked[field] = call.params[name]
        data: dict[str, Any] = {
            "cancelResult": "SUCCESS",
            "newOrderResult": "NOT_ATTEMPTED",
            "cancelResponse": None,
            "newOrderResponse": None,
        }
        try:
            data["cancelResponse"] = self.cancel(msgspec.structs.replace(call, params=asked))
        except VenueRefusal as refused:
            data |= {"cancelResult": "FAILURE", "cancelResponse": {"code": refused.code, "msg": str(refused)}}
            if mode == "STOP_ON_FAILURE":
                raise ReplaceRefusal(-2022, "Order cancel-replace failed.", data, status=400) from None
        try:
            data |= {"newOrderResponse": self.place(call), "newOrderResult": "SUCCESS"}
        except VenueRefusal as refused:
            data |= {"newOrderResult": "FAILURE", "newOrderResponse": {"code": refused.code, "msg": str(refused)}}
        results = data["cancelResult"], data["newOrderResult"]
        if results == ("SUCCESS", "SUCCESS"):
            return data
        if "SUCCESS" in results:
            raise ReplaceRefusal(-2021, "Order cancel-replace partially failed.", data, status=409)
        raise ReplaceRefusal(-2022, "Order cancel-replace failed.", data, status=400)

    def amend(self, call: Call) -> dict[str, Any]:
        """Make an open order smaller; it keeps its place in time."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        order_id, found_id = order_ids(call.params)
        needed(call.params, "newQty")
        quantity = number(call.params, "newQty") or ZERO
        new_id = client_id(call.params, "newClientOrderId", self._client_id())
        engine, now_ms = self._desk.engine, self._desk.now_ms()
        try:
            order = engine.find(call.account, order_id=order_id, client_id=found_id, symbol=symbol.name)
            if not order.resting:
                raise VenueRefusal(-2013, "Order does not exist.")
            if not order.filled < quantity < order.quantity:
                raise VenueRefusal(
                    -2038, "Order amend rejected: the new quantity must be above what is filled and below the old one."
                )
            before = order.ticket.client_id
            engine.shrink(call.account, order.order_id, now_ms, quantity=quantity, client_id=new_id)
        except Reject as reject:
            raise refusal("spot", reject, query=True) from None
        return answers.amended(self._desk, order, before)

    def _submit(self, call: Call) -> SimOrder:
        ticket = spot_ticket(call.params, self._client_id())
        symbol = self._desk.symbol(ticket.symbol)
        engine, book = self._desk.engine, self._desk.engine.state.books[symbol.name]
        try:
            if ticket.post_only and ticket.price is not None and book.available(ticket.side, ticket.price) > 0:
                engine.test(call.account, ticket)
                raise Reject("post_only")
            if ticket.kind is Kind.MARKET and not book.available(ticket.side, None):
                raise Reject("no_market")
            return engine.submit(call.account, ticket, self._desk.now_ms())
        except Reject as reject:
            raise refusal("spot", reject) from None

    # --- queries -------------------------------------------------------------------------------------------------------

    def query(self, call: Call) -> dict[str, Any]:
        """Return one order."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        order_id, found_id = order_ids(call.params)
        try:
            order = self._desk.engine.find(call.account, order_id=order_id, client_id=found_id, symbol=symbol.name)
        except Reject as reject:
            raise refusal("spot", reject, query=True) from None
        seen = self._reads.seen(call, order)
        if seen is None:
            raise VenueRefusal(-2013, "Order does not exist.")
        return answers.queried(self._desk, seen)

    def open_orders(self, call: Call) -> list[dict[str, Any]]:
        """Return the open orders, of one symbol or all."""
        name = call.params.get("symbol", "")
        symbol = self._desk.symbol(name).name if name else ""
        return [answers.queried(self._desk, order) for order in self._reads.live(call, symbol)]

    def all_orders(self, call: Call) -> list[dict[str, Any]]:
        """Return a symbol's orders, ended ones too."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        return [answers.queried(self._desk, order) for order in self._reads.history(call, symbol.name)]

    def my_trades(self, call: Call) -> list[dict[str, Any]]:
        """Return a symbol's fills."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        return [answers.trade(self._desk, fill) for fill in self._reads.fills(call, symbol.name)]

    def account(self, call: Call) -> dict[str, Any]:
        """Return the account with its balances."""
        holder = self._desk.engine.account(call.account)
        omit = flag(call.params, "omitZeroBalances")
        return answers.account(self._desk, holder, can_withdraw=call.key.withdraw, omit_zero=omit)

    def commission(self, call: Call) -> dict[str, Any]:
        """Return the account's fees on a symbol."""
        symbol, fees = self._desk.symbol(needed(call.params, "symbol")), self._desk.config.fees["spot"]
        return answers.commission(symbol.name, fees.maker, fees.taker)

    def trade_fee(self, call: Call) -> list[dict[str, str]]:
        """Return the account's fees, symbol by symbol."""
        fees, name = self._desk.config.fees["spot"], call.params.get("symbol", "")
        names = [self._desk.symbol(name).name] if name else list(self._desk.exchange.listings)
        return [{"symbol": item, "makerCommission": fees.maker, "takerCommission": fees.taker} for item in names]

    def restrictions(self, call: Call) -> dict[str, Any]:
        """Return what the key may do."""
        key = call.key
        answer: dict[str, Any] = {
            "ipRestrict": bool(key.addresses),
            "createTime": key.created_ms,
            "enableReading": key.read,
            "enableSpotAndMarginTrading": key.spot,
            "enableFutures": key.futures,
            "enableWithdrawals": key.withdraw,
            "enableInternalTransfer": key.withdraw,
            "enableMargin": False,
            "permitsUniversalTransfer": key.withdraw,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enablePortfolioMarginTrading": False,
        }
        if key.expires_ms:
            answer["tradingAuthorityExpirationTime"] = key.expires_ms
        return answer

    def transfer(self, call: Call) -> dict[str, Any]:
        """Move money between the account's wallets."""
        route = _TRANSFERS.get(needed(call.params, "type"))
        if route is None:
            raise VenueRefusal(-1130, "Data sent for parameter 'type' is not valid.")
        asset, amount = needed(call.params, "asset"), number(call.params, "amount") or Decimal(0)
        source, target = (self._desks[market] for market in route)
        if amount <= 0 or amount > source.engine.account(call.account).wallet(asset):
            raise VenueRefusal(-5013, "Asset transfer failed: insufficient balance")
        now_ms = self._desk.now_ms()
        source.engine.transfer(call.account, asset, -amount, now_ms)
        target.engine.transfer(call.account, asset, amount, now_ms)
        return {"tranId": now_ms * 100 + next(self._made) % 100}

    def _client_id(self) -> str:
        return f"web{self._desk.now_ms()}x{next(self._made)}"
