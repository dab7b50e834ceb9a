"""All that the engine knows, and how it tells of it: what the modules beside it work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from quantservice.core.money import ZERO
from quantservice.simulator.trading.accounts import Account
from quantservice.simulator.trading.book import SymbolBook
from quantservice.simulator.trading.values import (
    AccountEvent,
    BalanceEvent,
    ClientIdRule,
    FillEvent,
    OrderEvent,
    PositionEvent,
    Reject,
    SimOrder,
    Symbol,
)

Sink = Callable[[AccountEvent], None]


class State:
    """Symbols, books, accounts, orders, fills. Nothing is ever forgotten: the referee and the tests read it."""

    def __init__(self, *, client_ids: ClientIdRule, first_order_id: int) -> None:
        self.client_ids: ClientIdRule = client_ids
        self.symbols: dict[str, Symbol] = {}
        self.books: dict[str, SymbolBook] = {}
        self.accounts: dict[str, Account] = {}
        self.orders: dict[int, SimOrder] = {}
        self.by_client: dict[tuple[str, str], list[int]] = {}
        self.fills: list[FillEvent] = []
        self.movements: list[BalanceEvent] = []
        self.sinks: list[Sink] = []
        self._next_order = first_order_id
        self._next_trade = first_order_id * 10
        self._sequence = 0
        self._priority = 0

    def next_order(self) -> int:
        """A new order id."""
        self._next_order += 1
        return self._next_order

    def next_trade(self) -> int:
        """A new trade id."""
        self._next_trade += 1
        return self._next_trade

    def next_priority(self) -> int:
        """The place in time of an order that comes to the book now."""
        self._priority += 1
        return self._priority

    def symbol(self, name: str) -> Symbol:
        """A symbol that is listed; Reject otherwise."""
        found = self.symbols.get(name)
        if found is None:
            raise Reject("unknown_symbol", name)
        return found

    def account(self, name: str) -> Account:
        """The account, made at its first use."""
        found = self.accounts.get(name)
        if found is None:
            found = self.accounts[name] = Account(name)
        return found

    def live(self, account: str, symbol: str | None = None) -> Iterator[SimOrder]:
        """Live orders of an account, oldest first."""
        for book_name, book in self.books.items():
            if symbol is None or book_name == symbol:
                yield from (
                    order for order in (*book.resting.values(), *book.waiting.values()) if order.account == account and order.live
                )

    def marks(self) -> dict[str, Decimal]:
        """The price that positions are valued at, per symbol."""
        return {name: self.mark(name) for name in self.symbols}

    def mark(self, symbol: str) -> Decimal:
        """Mark price: as set, else the last trade, else the middle of what the market shows."""
        book = self.books[symbol]
        if book.mark is not None:
            return book.mark
        if book.last is not None:
            return book.last
        if book.bids and book.asks:
            return (book.bids[0][0] + book.asks[0][0]) / 2
        return ZERO

    # --- telling -----------------------------------------------------------------------------------------------------

    def tell_order(self, order: SimOrder, what: str, now_ms: int) -> None:
        """Tell that an order changed."""
        order.seen_ms = now_ms
        self._tell(
            OrderEvent(
                account=order.account, what=what, order=msgspec.structs.replace(order), time_ms=now_ms, sequence=self._count()
            )
        )

    def tell_fill(self, event: FillEvent) -> None:
        """Tell a fill and keep it."""
        self.fills.append(event)
        self._tell(event)

    def tell_balance(self, account: Account, *, reason: str, currency: str, amount: Decimal, symbol: str, now_ms: int) -> None:
        """Tell that a wallet changed and keep it."""
        event = BalanceEvent(
            account=account.name,
            balances={currency: account.wallet(currency)},
            reason=reason,
            amount=amount,
            currency=currency,
            symbol=symbol,
            time_ms=now_ms,
            sequence=self._count(),
        )
        self.movements.append(event)
        self._tell(event)

    def tell_position(self, account: Account, symbol: Symbol, side: str, reason: str, now_ms: int) -> None:
        """Tell a position as it is now."""
        position = account.position(symbol, side)  # type: ignore[arg-type]
        self._tell(
            PositionEvent(
                account=account.name,
                symbol=symbol.name,
                side=position.side,
                quantity=position.quantity,
                entry_price=position.average_entry or ZERO,
                reason=reason,
                time_ms=now_ms,
                sequence=self._count(),
            )
        )

    def sequence(self) -> int:
        """The next event's number."""
        return self._count()

    def _count(self) -> int:
        self._sequence += 1
        return self._sequence

    def _tell(self, event: AccountEvent) -> None:
        for sink in self.sinks:
            sink(event)
