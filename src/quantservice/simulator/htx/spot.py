"""HTX spot's private endpoints: account, orders, fills. A repeated client id is taken, and a query tells its latest order."""

from __future__ import annotations

import itertools
import re
from typing import Any, Final

from quantservice.core.money import ZERO
from quantservice.simulator.exchange import Listing
from quantservice.simulator.htx.requests import Endpoint, HtxCall
from quantservice.simulator.htx.rest import Endpoints
from quantservice.simulator.htx.wording import (
    SPOT_TYPES,
    STATE_NUMBERS,
    Refusal,
    account_number,
    needed,
    number,
    plain,
    spot_name,
    spot_refusal,
    spot_state,
    spot_type,
    whole,
)
from quantservice.simulator.private.calls import Reads
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.trading import FillEvent, Kind, Reject, SimOrder, Ticket

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_CANCELS: Final = 100
_MOST_ROWS: Final = 500
_TWO_DAYS_MS: Final = 48 * 3_600_000
_KINDS: Final = {"transfer": "transfer", "fee": "fee-deduction"}


class SpotApi:
    """The spot account's endpoints."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reads = Reads(desk)
        self._made = itertools.count(1)

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        order = "/v1/order"
        return {
            ("GET", "/v1/account/accounts"): Endpoint(self.accounts, "read", "v1"),
            ("GET", "/v1/account/accounts/{account}/balance"): Endpoint(self.balance, "read", "v1"),
            ("GET", "/v1/account/history"): Endpoint(self.history, "read", "v1"),
            ("POST", f"{order}/orders/place"): Endpoint(self.place, "trade", "v1", "place"),
            ("POST", f"{order}/batch-orders"): Endpoint(self.place_batch, "trade", "v1", "batch"),
            ("POST", f"{order}/orders/submitCancelClientOrder"): Endpoint(self.cancel_client, "trade", "v1", "place"),
            ("POST", f"{order}/orders/batchCancelOpenOrders"): Endpoint(self.cancel_open, "trade", "v1", "batch"),
            ("POST", f"{order}/orders/batchcancel"): Endpoint(self.cancel_batch, "trade", "v1", "batch"),
            ("POST", order + "/orders/{order}/submitcancel"): Endpoint(self.cancel, "trade", "v1", "place"),
            ("GET", f"{order}/orders/getClientOrder"): Endpoint(self.query_client, "read", "v1"),
            ("GET", f"{order}/orders"): Endpoint(self.past, "read", "v1"),
            ("GET", f"{order}/history"): Endpoint(self.past, "read", "v1"),
            ("GET", order + "/orders/{order}"): Endpoint(self.query, "read", "v1"),
            ("GET", order + "/orders/{order}/matchresults"): Endpoint(self.fills_of, "read", "v1"),
            ("GET", f"{order}/openOrders"): Endpoint(self.open_orders, "read", "v1"),
            ("GET", f"{order}/matchresults"): Endpoint(self.fills, "read", "v1"),
            ("GET", "/v2/user/uid"): Endpoint(lambda call: account_number(call.account) + 500, "read", "v2"),
            ("GET", "/v2/user/api-key"): Endpoint(self.api_key, "read", "v2"),
            ("GET", "/v2/reference/transact-fee-rate"): Endpoint(self.fees, "read", "v2"),
        }

    # --- account ---------------------------------------------------------------------------------------------------------

    def accounts(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return the user's accounts."""
        return [{"id": account_number(call.account), "type": "spot", "subtype": "", "state": "working"}]

    def balance(self, call: HtxCall) -> dict[str, Any]:
        """Return what is free and what orders hold, currency by currency."""
        self._own(call, call.place["account"])
        holder = self._reads.account(call)
        state = self._desk.engine.state
        held = holder.held_back(state.live(call.account), state.symbols)
        rows: list[dict[str, Any]] = []
        for currency, total in sorted(holder.wallets.items()):
            kept = held.get(currency, ZERO)
            for kind, amount in (("trade", total - kept), ("frozen", kept)):
                rows.append({"currency": currency.lower(), "type": kind, "balance": plain(amount), "seq-num": "0"})
        return {"id": account_number(call.account), "type": "spot", "state": "working", "list": rows}

    def history(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return money that moved, oldest first; of the kinds that are asked for."""
        self._own(call, needed(call.params, "account-id", "v1"))
        wanted = {text for text in call.params.get("transact-types", "").split(",") if text}
        start, end = whole(call.params.get("start-time"), "start-time", "v1"), whole(call.params.get("end-time"), "end-time", "v1")
        size = min(whole(call.params.get("size"), "size", "v1") or 100, _MOST_ROWS)
        rows: list[dict[str, Any]] = []
        for at, moved in enumerate(self._desk.engine.state.movements):
            kind = _KINDS.get(moved.reason, "other-types")
            if moved.account != call.account or moved.reason == "order" or (wanted and kind not in wanted):
                continue
            if (start is not None and moved.time_ms < start) or (end is not None and moved.time_ms > end):
                continue
            rows.append(
                {
                    "account-id": account_number(call.account),
                    "currency": moved.currency.lower(),
                    "record-id": 359_000_000_000 + at,
                    "transact-amt": plain(moved.amount),
                    "transact-type": kind,
                    "avail-balance": plain(moved.balances[moved.currency]),
                    "acct-balance": plain(moved.balances[moved.currency]),
                    "transact-time": moved.time_ms,
                }
            )
        return rows[:size]

    def api_key(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return what the user's keys may do; those whose addresses are not bound die after ninety days."""
        key, words = call.key, ["readOnly"]
        words += ["trade"] if key.spot else []
        words += ["withdraw"] if key.withdraw else []
        row = {
            "accessKey": key.key,
            "status": "normal",
            "note": key.account,
            "permission": ",".join(words),
            "ipAddresses": ",".join(key.addresses),
            "validDays": -1 if key.addresses else 90,
            "createTime": key.created_ms,
            "updateTime": key.created_ms,
        }
        return [row]

    def fees(self, call: HtxCall) -> list[dict[str, str]]:
        """Return the user's fees of some symbols."""
        fees = self._desk.config.fees["spot"]
        names = needed(call.params, "symbols", "v2").split(",")
        return [
            {
                "symbol": spot_name(self._listing(name)),
                "makerFeeRate": fees.maker,
                "takerFeeRate": fees.taker,
                "actualMakerRate": fees.maker,
                "actualTakerRate": fees.taker,
            }
            for name in names
        ]

    # --- orders ----------------------------------------------------------------------------------------------------------

    def place(self, call: HtxCall) -> str:
        """Place an order; the answer is its number, and no more."""
        return str(self._place(call, call.body).order_id)

    def place_batch(self, call: HtxCall) -> list[dict[str, Any]]:
        """Place up to ten orders, each answered for itself."""
        if not isinstance(call.body, list) or len(call.body) > 10:
            raise Refusal("validation-format-error", "a list of ten orders at most")
        done: list[dict[str, Any]] = []
        for item in call.body:
            named = {"client-order-id": item.get("client-order-id", "")} if isinstance(item, dict) else {}
            try:
                done.append(named | {"order-id": self._place(call, item).order_id})
            except Refusal as refused:
                done.append(named | {"err-code": str(refused.code), "err-msg": str(refused)})
        return done

    def _place(self, call: HtxCall, asked: Any) -> SimOrder:
        if not isinstance(asked, dict):
            raise Refusal("validation-format-error", "an order is an object")
        self._own(call, needed(asked, "account-id", "v1"))
        listing = self._listing(needed(asked, "symbol", "v1"))
        ticket = _ticket(asked, listing, f"web-{self._desk.now_ms()}-{next(self._made)}")
        engine = self._desk.engine
        symbol = self._desk.symbol(listing.spec.symbol)
        try:
            if ticket.kind is Kind.MARKET and not engine.state.books[symbol.name].available(ticket.side, None):
                raise Reject("no_market")
            return engine.submit(call.account, ticket, self._desk.now_ms())
        except Reject as reject:
            raise spot_refusal(reject) from None

    def cancel(self, call: HtxCall) -> str:
        """Ask for a cancel by the venue's number."""
        order = self._find(call, call.place["order"], "")
        if not order.live:
            refused = Refusal("order-orderstate-error", "Incorrect order state")
            raise refused
        self._desk.engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
        return str(order.order_id)

    def cancel_client(self, call: HtxCall) -> int:
        """Ask for a cancel by the client's id: 10 says that it is under way, 0 that nobody knows it, others how it ended."""
        name = needed(call.body, "client-order-id", "v1")
        try:
            order = self._desk.engine.find(call.account, client_id=name)
        except Reject:
            return 0
        if not order.live:
            return STATE_NUMBERS[spot_state(order)]
        self._desk.engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
        return 10

    def cancel_batch(self, call: HtxCall) -> dict[str, Any]:
        """Cancel orders by their numbers or the client's ids."""
        good: list[str] = []
        bad: list[dict[str, Any]] = []
        asked = call.body if isinstance(call.body, dict) else {}
        wanted = [(str(item), "") for item in asked.get("order-ids") or ()]
        wanted += [("", str(item)) for item in asked.get("client-order-ids") or ()]
        for number_, name in wanted[:50]:
            try:
                order = self._find(call, number_, name)
                if not order.live:
                    raise Refusal("order-orderstate-error", "Incorrect order state")
                self._desk.engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
                good.append(number_ or name)
            except Refusal as refused:
                bad.append({"order-id": number_, "client-order-id": name, "err-code": str(refused.code), "err-msg": str(refused)})
        return {"success": good, "failed": bad}

    def cancel_open(self, call: HtxCall) -> dict[str, int]:
        """Cancel up to a hundred open orders, of one symbol or all."""
        asked = call.body if isinstance(call.body, dict) else {}
        names = [self._listing(text).spec.symbol for text in str(asked.get("symbol") or "").split(",") if text]
        found = [
            order
            for order in self._desk.engine.state.live(call.account)
            if (not names or order.symbol in names) and asked.get("side", order.side) == order.side
        ]
        found.sort(key=lambda order: order.order_id)
        for order in found[:_MOST_CANCELS]:
            self._desk.engine.cancel(call.account, self._desk.now_ms(), order_id=order.order_id)
        rest = found[_MOST_CANCELS:]
        return {"success-count": min(len(found), _MOST_CANCELS), "failed-count": 0, "next-id": rest[0].order_id if rest else -1}

    # --- queries ---------------------------------------------------------------------------------------------------------

    def query(self, call: HtxCall) -> dict[str, Any]:
        """Return one order by the venue's number."""
        return self._shown(call, self._find(call, call.place["order"], ""))

    def query_client(self, call: HtxCall) -> dict[str, Any]:
        """Return the latest order of a client id."""
        return self._shown(call, self._find(call, "", needed(call.params, "clientOrderId", "v1")))

    def open_orders(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return the open orders, of one symbol or all, newest first, page by page."""
        name = call.params.get("symbol", "")
        found = self._reads.live(call, self._listing(name).spec.symbol if name else "")
        size = min(whole(call.params.get("size"), "size", "v1") or 100, _MOST_ROWS)
        first = whole(call.params.get("from"), "from", "v1")
        ahead = call.params.get("direct") == "next"
        found.sort(key=lambda order: order.order_id, reverse=not ahead)
        if first is not None:
            found = [order for order in found if (order.order_id > first if ahead else order.order_id < first)]
        return [self._open_row(call, order) for order in found[:size]]

    def past(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return orders of a span of 48 hours, newest first."""
        name = call.params.get("symbol", "")
        symbol = self._listing(name).spec.symbol if name else ""
        states = {text for text in call.params.get("states", "").split(",") if text}
        end = whole(call.params.get("end-time"), "end-time", "v1") or self._desk.now_ms()
        start = whole(call.params.get("start-time"), "start-time", "v1")
        start = end - _TWO_DAYS_MS if start is None else start
        size = min(whole(call.params.get("size"), "size", "v1") or 100, 1_000)
        found = [
            order
            for order in self._reads.orders(call, symbol)
            if start <= order.created_ms <= end and (not states or spot_state(order) in states)
        ]
        return [_order(call, order) for order in reversed(found[-size:])]

    def fills_of(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return the fills of one order."""
        order = self._find(call, call.place["order"], "")
        return [_fill(fill) for fill in self._fills(call, "") if fill.order.order_id == order.order_id]

    def fills(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return fills of a span of 48 hours: newest first, or (``direct=next``) oldest first from an id on."""
        symbol = self._listing(needed(call.params, "symbol", "v1")).spec.symbol
        end = whole(call.params.get("end-time"), "end-time", "v1") or self._desk.now_ms() + 1
        start = whole(call.params.get("start-time"), "start-time", "v1")
        start = end - _TWO_DAYS_MS if start is None else start
        if end - start > _TWO_DAYS_MS:
            raise Refusal("validation-constraints-error", "the span of start-time and end-time is 48 hours at most")
        size = min(whole(call.params.get("size"), "size", "v1") or 100, _MOST_ROWS)
        first = whole(call.params.get("from"), "from", "v1")
        found = [fill for fill in self._fills(call, symbol) if start <= fill.time_ms <= end]
        if call.params.get("direct") == "next":
            found = [fill for fill in found if first is None or fill.trade_id >= first]
        else:
            found = [fill for fill in reversed(found) if first is None or fill.trade_id <= first]
        return [_fill(fill) for fill in found[:size]]

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _fills(self, call: HtxCall, symbol: str) -> list[FillEvent]:
        desk = self._desk
        return [
            fill
            for fill, seen_s in zip(desk.engine.state.fills, desk.fills_seen, strict=True)
            if fill.account == call.account
            and (not symbol or fill.order.symbol == symbol)
            and (call.as_of_s is None or seen_s <= call.as_of_s)
        ]

    def _find(self, call: HtxCall, number_: str, client_id: str) -> SimOrder:
        order_id = whole(number_, "order-id", "v1") if number_ else None
        try:
            return self._desk.engine.find(call.account, order_id=order_id, client_id=client_id)
        except Reject as reject:
            raise spot_refusal(reject) from None

    def _shown(self, call: HtxCall, order: SimOrder) -> dict[str, Any]:
        seen = self._reads.seen(call, order)
        if seen is None:
            raise Refusal("base-record-invalid", "record invalid")
        return _order(call, seen)

    def _open_row(self, call: HtxCall, order: SimOrder) -> dict[str, Any]:
        row = _order(call, order)
        for name in ("field-amount", "field-cash-amount", "field-fees"):
            row[name.replace("field", "filled")] = row.pop(name)
        return row

    def _listing(self, name: str) -> Listing:
        found = self._desk.exchange.find(name.upper()) if name == name.lower() else None
        if found is None:
            raise Refusal("base-symbol-error", "The symbol is invalid")
        return found

    @staticmethod
    def _own(call: HtxCall, account: str) -> None:
        if account != str(account_number(call.account)):
            raise Refusal("account-get-accounts-inexistent-error", "account for this id doesn't exist")


def _ticket(asked: dict[str, Any], listing: Listing, fallback_id: str) -> Ticket:
    side, _, word = needed(asked, "type", "v1").partition("-")
    if side not in ("buy", "sell") or word not in SPOT_TYPES:
        raise Refusal("invalid-type", "Paramemter `type` is invalid.")
    kind, tif, post_only = SPOT_TYPES[word]
    client_id = str(asked.get("client-order-id") or fallback_id)
    if not _CLIENT_ID.fullmatch(client_id):
        raise Refusal("invalid-client-order-id", "Paramemter `client-order-id` is invalid.")
    amount = number(needed(asked, "amount", "v1"), "amount", "v1") or ZERO
    stop = number(asked.get("stop-price"), "stop-price", "v1")
    if kind is Kind.STOP:
        operator = needed(asked, "operator", "v1")
        if operator not in ("gte", "lte"):
            raise Refusal("invalid-operator", "Paramemter `operator` is invalid.")
        # a stop waits for the price to go against the order's owner, a take profit for it to go with them
        kind = Kind.STOP if (operator == "gte") == (side == "buy") else Kind.TAKE_PROFIT
    at_market = kind is Kind.MARKET
    by_value = at_market and side == "buy"  # the venue takes the value of a market order to buy, not its size
    return Ticket(
        symbol=listing.spec.symbol,
        side="buy" if side == "buy" else "sell",
        kind=kind,
        quantity=None if by_value else amount,
        quote_quantity=amount if by_value else None,
        price=None if at_market else number(asked.get("price"), "price", "v1"),
        stop_price=stop,
        tif=tif,  # type: ignore[arg-type]  # the table's words
        post_only=post_only,
        client_id=client_id,
    )


def _order(call: HtxCall, order: SimOrder) -> dict[str, Any]:
    ended = 0 if order.live else order.seen_ms
    row = {
        "id": order.order_id,
        "symbol": order.symbol.lower(),
        "account-id": account_number(call.account),
        "client-order-id": order.ticket.client_id,
        "amount": plain(order.quantity),
        "price": plain(order.price or ZERO),
        "created-at": order.created_ms,
        "type": spot_type(order),
        "field-amount": plain(order.filled),
        "field-cash-amount": plain(order.cost),
        "field-fees": "0",
        "finished-at": ended,
        "source": "spot-api",
        "state": spot_state(order),
        "canceled-at": ended if "canceled" in spot_state(order) else 0,
    }
    if order.stop_price is not None:
        row |= {"stop-price": plain(order.stop_price), "operator": stop_operator(order)}
    return row


def stop_operator(order: SimOrder) -> str:
    """Which way the price must pass the stop price."""
    return "gte" if (order.ticket.kind is Kind.STOP) == (order.side == "buy") else "lte"


def _fill(fill: FillEvent) -> dict[str, Any]:
    return {
        "symbol": fill.order.symbol.lower(),
        "fee-currency": fill.fee_currency.lower(),
        "source": "spot-api",
        "price": plain(fill.price),
        "created-at": fill.time_ms,
        "role": "maker" if fill.maker else "taker",
        "order-id": fill.order.order_id,
        "match-id": fill.trade_id,
        "trade-id": fill.trade_id,
        "filled-amount": plain(fill.quantity),
        "filled-fees": plain(fill.fee),
        "filled-points": "0.0",
        "fee-deduct-currency": "",
        "fee-deduct-state": "done",
        "id": fill.trade_id,
        "type": spot_type(fill.order),
    }
