"""The engine as one object: what clients and the market do to it, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from quantservice.core.fees import funding_payment
from quantservice.core.money import ZERO, exact
from quantservice.simulator.trading import matching
from quantservice.simulator.trading.accounts import Account
from quantservice.simulator.trading.book import Levels, SymbolBook
from quantservice.simulator.trading.checks import check_funds, check_ticket
from quantservice.simulator.trading.state import Sink, State
from quantservice.simulator.trading.values import (
    CONDITIONAL,
    ClientIdRule,
    Kind,
    Reject,
    SimOrder,
    Status,
    Symbol,
    Ticket,
)


class Engine:
    """A venue's market. Every call gives the venue's time in milliseconds; events go to the sinks in their order."""

    def __init__(self, *, client_ids: ClientIdRule = "unique_open", first_order_id: int = 1_000) -> None:
        self.state = State(client_ids=client_ids, first_order_id=first_order_id)

    def listen(self, sink: Sink) -> None:
        """Be told of every event from now on."""
        self.state.sinks.append(sink)

    def list_symbol(self, symbol: Symbol) -> None:
        """List a symbol, or change the filters and status of a listed one."""
        self.state.symbols[symbol.name] = symbol
        self.state.books.setdefault(symbol.name, SymbolBook())

    def account(self, name: str) -> Account:
        """The account, made at its first use."""
        return self.state.account(name)

    # --- the market --------------------------------------------------------------------------------------------------

    def show(self, symbol: str, bids: Levels, asks: Levels, now_ms: int) -> None:
        """The market shows its levels, best first. Resting orders that it crosses are filled at their own price."""
        book = self.state.books[symbol]
        book.show(bids, asks)
        for order in sorted(book.resting.values(), key=lambda item: item.priority):
            opposite = book.asks if order.side == "buy" else book.bids
            if order.price is not None and opposite and order.order_id in book.resting:
                crossed = opposite[0][0] < order.price if order.side == "buy" else opposite[0][0] > order.price
                if crossed:
                    matching.fill(self.state, order, order.price, order.left, maker=True, now_ms=now_ms)
        matching.trigger(self.state, symbol, now_ms)

    def trade(self, symbol: str, price: Decimal, quantity: Decimal, *, buyer_is_maker: bool, now_ms: int) -> None:
        """A trade of the market: serves resting orders and triggers conditional ones."""
        matching.serve(self.state, symbol, price, quantity, buyer_is_maker=buyer_is_maker, now_ms=now_ms)
        matching.trigger(self.state, symbol, now_ms)

    def set_mark(self, symbol: str, price: Decimal, now_ms: int) -> None:
        """Set the mark price; accounts that no longer hold their maintenance margin are liquidated."""
        self.set_marks({symbol: price}, now_ms)

    def set_marks(self, prices: Mapping[str, Decimal], now_ms: int) -> None:
        """Set several mark prices at once, then look at every account's margin once."""
        for symbol, price in prices.items():
            self.state.books[symbol].mark = price
        self.check_margin(now_ms)

    # --- clients -----------------------------------------------------------------------------------------------------

    def submit(self, account: str, ticket: Ticket, now_ms: int) -> SimOrder:
        """Take an order; it is matched at once. Raises Reject, and then nothing has changed."""
        state = self.state
        quantity = check_ticket(state, account, ticket)
        order = SimOrder(
            order_id=state.next_order(),
            account=account,
            ticket=ticket,
            quantity=quantity,
            price=ticket.price,
            stop_price=ticket.stop_price,
            created_ms=now_ms,
            seen_ms=now_ms,
        )
        if ticket.kind in CONDITIONAL:
            if ticket.kind is not Kind.TRAILING_STOP_MARKET and self._would_trigger(order):
                raise Reject("would_trigger")
            order.status = Status.WAITING
        else:
            check_funds(state, order)
        self._keep(order)
        state.tell_order(order, "new", now_ms)
        if order.status is Status.WAITING:
            state.books[order.symbol].waiting[order.order_id] = order
            matching.trigger(state, order.symbol, now_ms)
        else:
            matching.enter(state, order, now_ms)
        return order

    def test(self, account: str, ticket: Ticket) -> None:
        """Check an order without taking it."""
        quantity = check_ticket(self.state, account, ticket)
        if ticket.kind not in CONDITIONAL:
            check_funds(self.state, SimOrder(order_id=0, account=account, ticket=ticket, quantity=quantity, price=ticket.price))

    def find(self, account: str, *, order_id: int | None = None, client_id: str = "", symbol: str = "") -> SimOrder:
        """The order of an id, or the latest of a client id; Reject where there is none."""
        if order_id is None:
            ids = self.state.by_client.get((account, client_id), [])
            order_id = ids[-1] if ids else -1
        found = self.state.orders.get(order_id)
        if found is None or found.account != account or (symbol and found.symbol != symbol):
            raise Reject("unknown_order", client_id or str(order_id))
        return found

    def cancel(self, account: str, now_ms: int, *, order_id: int | None = None, client_id: str = "", symbol: str = "") -> SimOrder:
        """Cancel a live order; Reject where there is none (any more)."""
        order = self.find(account, order_id=order_id, client_id=client_id, symbol=symbol)
        matching.end(self.state, order, Status.CANCELED, "client", now_ms)
        return order

    def cancel_one(self, order: SimOrder, now_ms: int, *, reason: str) -> None:
        """End a live order for a reason of the venue's."""
        matching.end(self.state, order, Status.CANCELED, reason, now_ms)

    def cancel_all(self, account: str, now_ms: int, *, symbol: str | None = None, reason: str = "client") -> list[SimOrder]:
        """Cancel every live order of an account, or of one symbol."""
        orders = list(self.state.live(account, symbol))
        for order in orders:
            matching.end(self.state, order, Status.CANCELED, reason, now_ms)
        return orders

    def amend(self, account: str, order_id: int, now_ms: int, *, price: Decimal, quantity: Decimal) -> SimOrder:
        """Change a resting limit order; it loses its place in time. A quantity not above what is filled cancels it."""
        state = self.state
        order = self.find(account, order_id=order_id)
        if not order.resting or order.ticket.kind is not Kind.LIMIT:
            raise Reject("unknown_order", str(order_id))
        symbol = state.symbols[order.symbol]
        if price % symbol.tick or price <= 0:
            raise Reject("price_tick", str(price))
        if quantity % symbol.lot or quantity <= 0:
            raise Reject("quantity_lot", str(quantity))
        if quantity <= order.filled:
            matching.end(state, order, Status.CANCELED, "amended_below_filled", now_ms)
            return order
        before = order.price, order.quantity
        state.books[order.symbol].resting.pop(order.order_id, None)
        order.price, order.quantity = price, quantity
        try:
            check_funds(state, order)
        except Reject:
            order.price, order.quantity = before
            state.books[order.symbol].resting[order.order_id] = order
            raise
        state.tell_order(order, "amended", now_ms)
        matching.enter(state, order, now_ms)
        return order

    def shrink(self, account: str, order_id: int, now_ms: int, *, quantity: Decimal, client_id: str) -> SimOrder:
        """Make a resting order smaller, under a new client id; it keeps its place in time."""
        order = self.find(account, order_id=order_id)
        symbol = self.state.symbols[order.symbol]
        if not order.resting or not order.filled < quantity < order.quantity:
            raise Reject("unknown_order", str(order_id))
        if quantity % symbol.lot:
            raise Reject("quantity_lot", str(quantity))
        order.quantity = quantity
        order.ticket = msgspec.structs.replace(order.ticket, client_id=client_id)
        self._keep(order)
        self.state.tell_order(order, "amended", now_ms)
        return order

    def expire_due(self, now_ms: int) -> None:
        """End the GTD orders whose time has come."""
        for book in self.state.books.values():
            for order in [*book.resting.values(), *book.waiting.values()]:
                if order.ticket.tif == "GTD" and order.ticket.expire_ms <= now_ms:
                    matching.end(self.state, order, Status.EXPIRED, "gtd", now_ms)

    # --- money from outside ------------------------------------------------------------------------------------------

    def transfer(self, account: str, currency: str, amount: Decimal, now_ms: int) -> None:
        """Bring money in (negative: take it out)."""
        holder = self.account(account)
        sequence = self.state.sequence()
        holder.post(f"transfer-{sequence}", [("outside", currency, amount)], time_ms=now_ms, reason="transfer")
        self.state.tell_balance(holder, reason="transfer", currency=currency, amount=amount, symbol="", now_ms=now_ms)

    @exact
    def settle_funding(self, symbol_name: str, rate: Decimal, now_ms: int) -> None:
        """Pay funding on every open position of a symbol at the mark."""
        symbol, mark = self.state.symbols[symbol_name], self.state.mark(symbol_name)
        for account in self.state.accounts.values():
            for (name, side), position in account.positions.items():
                if name != symbol_name or not position.quantity:
                    continue
                paid = matching.printed(
                    funding_payment(mark, position.quantity, rate, contract_size=symbol.contract_size, inverse=symbol.inverse)
                )
                entry = f"funding-{symbol_name}-{side}-{now_ms}"
                account.post(entry, [("venue:funding", symbol.settle, paid)], time_ms=now_ms, reason="funding")
                self.state.tell_balance(
                    account, reason="funding", currency=symbol.settle, amount=paid, symbol=symbol_name, now_ms=now_ms
                )

    def check_margin(self, now_ms: int) -> None:
        """Liquidate accounts whose margin balance fell below their maintenance margin, currency by currency."""
        marks = self.state.marks()
        for account in list(self.state.accounts.values()):
            for currency in {self.state.symbols[name].settle for name, _side in account.positions}:
                needed = account.maintenance(currency, self.state.symbols, marks)
                if needed > 0 and account.equity(currency, self.state.symbols, marks) < needed:
                    self._liquidate(account, currency, now_ms)

    def close_by_venue(
        self, account: str, symbol_name: str, now_ms: int, *, side: str = "both", kind: str = "adl"
    ) -> SimOrder | None:
        """Close a position at the mark by the venue's own order (liquidation, adl); None when nothing is held."""
        state = self.state
        symbol, holder = state.symbols[symbol_name], self.account(account)
        quantity = holder.position(symbol, side).quantity  # type: ignore[arg-type]
        if not quantity:
            return None
        client_id = f"autoclose-{now_ms}-{state.sequence()}" if kind == "liquidation" else "adl_autoclose"
        ticket = Ticket(
            symbol=symbol_name,
            side="sell" if quantity > 0 else "buy",
            kind=Kind.LIMIT,
            quantity=abs(quantity),
            price=state.mark(symbol_name),
            client_id=client_id,
            position_side=side,  # type: ignore[arg-type]
        )
        order = SimOrder(
            order_id=state.next_order(),
            account=account,
            ticket=ticket,
            quantity=abs(quantity),
            price=ticket.price,
            created_ms=now_ms,
            seen_ms=now_ms,
            reason=kind,
        )
        self._keep(order)
        state.tell_order(order, "new", now_ms)
        matching.fill(state, order, state.mark(symbol_name), abs(quantity), maker=False, now_ms=now_ms, kind=kind)
        return order

    def _liquidate(self, account: Account, currency: str, now_ms: int) -> None:
        for order in list(self.state.live(account.name)):
            if self.state.symbols[order.symbol].settle == currency:
                matching.end(self.state, order, Status.CANCELED, "liquidation", now_ms)
        for (name, side), position in list(account.positions.items()):
            if position.quantity and self.state.symbols[name].settle == currency:
                self.close_by_venue(account.name, name, now_ms, side=side, kind="liquidation")
        short = account.wallet(currency)
        if short < 0:
            account.post(
                f"insurance-{currency}-{now_ms}", [("venue:insurance", currency, -short)], time_ms=now_ms, reason="insurance"
            )
            self.state.tell_balance(account, reason="insurance", currency=currency, amount=-short, symbol="", now_ms=now_ms)

    def audit(self) -> list[str]:
        """Sentences where the engine's own books do not agree with themselves."""
        wrong = [sentence for account in self.state.accounts.values() for sentence in account.audit()]
        filled: dict[int, Decimal] = {}
        for fill in self.state.fills:
            filled[fill.order.order_id] = filled.get(fill.order.order_id, ZERO) + fill.quantity
        wrong += [
            f"order {order_id} is filled {order.filled}, its fills say {filled.get(order_id, ZERO)}"
            for order_id, order in self.state.orders.items()
            if order.filled != filled.get(order_id, ZERO)
        ]
        return wrong

    def _would_trigger(self, order: SimOrder) -> bool:
        book = self.state.books[order.symbol]
        price = book.last if book.last is not None else self.state.mark(order.symbol)
        return bool(price) and matching.is_reached(order, price)

    def _keep(self, order: SimOrder) -> None:
        self.state.orders[order.order_id] = order
        if order.ticket.client_id:
            self.state.by_client.setdefault((order.account, order.ticket.client_id), []).append(order.order_id)
