"""What is known at each account of a thing that shall be traded somewhere: its rules, fees, money and the market there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from quantservice.app.trading_desk import AccountDesk
from quantservice.core.instruments import Instrument, InstrumentBook, Side
from quantservice.core.money import ZERO, exact
from quantservice.ports import StateStore, TradingAccount
from quantservice.services.accounts.commands import Accounts
from quantservice.services.execution.commands import OrderWish
from quantservice.services.execution.routing import Candidate, Touch, same_thing
from quantservice.services.portfolio.books import wallet_of


class Candidates:
    """Reads it. ``desks`` are the accounts that are traded in this process."""

    def __init__(
        self,
        state: StateStore,
        accounts: Accounts,
        book: Callable[[], InstrumentBook],
        desks: Callable[[], Mapping[str, AccountDesk]],
    ) -> None:
        self._state, self._accounts, self._book, self._desks = state, accounts, book, desks

    async def of(self, wish: OrderWish) -> list[Candidate]:
        """Return every account whose venue lists the same thing."""
        fees, desks, found = await self._accounts.fees(), self._desks(), []
        for account in await self._accounts.list():
            rules = self._listed(account, wish.instrument)
            if rules is None:
                continue
            desk, paid = desks.get(account.name), fees.get(account.name)
            quote = None if desk is None else desk.quoted(rules.id)
            found.append(
                Candidate(
                    account=account.name,
                    instrument=rules,
                    enabled=account.enabled,
                    ready=desk is not None and desk.gateway.ready,
                    free=None if desk is None else await self._free(account, desk, rules, wish.side),
                    maker=None if paid is None else paid.maker,
                    taker=None if paid is None else paid.taker,
                    touch=None
                    if quote is None
                    else Touch(
                        bid=quote.bid_price,
                        ask=quote.ask_price,
                        bid_quantity=quote.bid_quantity,
                        ask_quantity=quote.ask_quantity,
                    ),
                    last=None if desk is None else desk.prices.get(rules.id),
                )
            )
        return found

    def _listed(self, account: TradingAccount, thing: Instrument) -> Instrument | None:
        """Return the same thing at an account's venue."""
        return next((item for item in self._book() if item.id.venue == account.venue and _tradable(account, item, thing)), None)

    async def _free(self, account: TradingAccount, desk: AccountDesk, rules: Instrument, side: Side) -> Decimal | None:
        """Return what an account may spend without leverage, open orders at their worst; None where that is not known."""
        if rules.id.market != "spot":
            return _less(desk.exposure.equity.now, desk.exposure.gross()) if account.currency == rules.settle else None
        async with self._state.transaction() as work:
            wallet = wallet_of(await work.books.balances(account=account.name))
            orders = [order for order in await work.orders.open(account.name) if order.terms.side == side]
        currency, bound = (rules.quote if side == "buy" else rules.base), ZERO
        for order in orders:
            other = self._book().get(order.terms.instrument)
            if other is None or currency != (other.quote if side == "buy" else other.base):
                continue
            price = order.terms.limit_price or order.terms.stop_price or desk.prices.get(other.id)
            if side == "buy" and price is None:
                return None
            bound = _sum(bound, order.remaining if price is None or side == "sell" else other.notional(price, order.remaining))
        return _less(wallet.get(currency, ZERO), bound)


def _tradable(account: TradingAccount, item: Instrument, thing: Instrument) -> bool:
    return item.id.market == account.market and same_thing(item, thing)


@exact
def _less(amount: Decimal, taken: Decimal) -> Decimal:
    return amount - taken


@exact
def _sum(one: Decimal, other: Decimal) -> Decimal:
    return one + other
