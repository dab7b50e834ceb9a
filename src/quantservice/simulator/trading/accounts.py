"""The venue's accounts: wallets, holds of open orders, positions, margin; every movement of money is a balanced entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias

import msgspec

from quantservice.core.fees import notional
from quantservice.core.instruments import InstrumentId
from quantservice.core.ledger import Entry, Ledger, Posting
from quantservice.core.margin import maintenance_margin
from quantservice.core.money import ZERO, exact
from quantservice.core.positions import Fill, Position, PositionSide
from quantservice.simulator.trading.values import Side, SimOrder, Symbol

PositionKey: TypeAlias = tuple[str, PositionSide]


class Hold(msgspec.Struct, frozen=True):
    """What an open order keeps back: an amount of a currency."""

    currency: str
    amount: Decimal


class Account:
    """One client's money at the venue. ``journal`` is the venue's own ledger of it: nothing changes a wallet but an entry."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.hedge = False
        self.can_withdraw = False
        self.can_trade = True
        self.journal: list[Entry] = []
        self.positions: dict[PositionKey, Position] = {}
        self.leverages: dict[str, int] = {}
        self.isolated: dict[str, bool] = {}
        self.isolated_margin: dict[PositionKey, Decimal] = {}
        self._wallets: dict[str, Decimal] = {}

    # --- money -------------------------------------------------------------------------------------------------------

    @property
    def wallets(self) -> Mapping[str, Decimal]:
        """Wallet balance per currency."""
        return self._wallets

    def wallet(self, currency: str) -> Decimal:
        """Wallet balance of one currency."""
        return self._wallets.get(currency, ZERO)

    @exact
    def post(self, entry_id: str, movements: Iterable[tuple[str, str, Decimal]], *, time_ms: int, reason: str) -> None:
        """Enter movements (counter account, currency, amount into the wallet) as one balanced entry."""
        postings: list[Posting] = []
        for counter, currency, amount in movements:
            if amount == 0:
                continue
            postings.append(Posting(account="wallet", currency=currency, amount=amount))
            postings.append(Posting(account=counter, currency=currency, amount=-amount))
            self._wallets[currency] = self.wallet(currency) + amount
        if postings:
            self.journal.append(Entry(entry_id=entry_id, postings=tuple(postings), time=time_ms, reason=reason))

    def audit(self) -> list[str]:
        """Fold the journal again: sentences where the wallets are not its sum."""
        folded = Ledger().apply(self.journal).balances
        wrong = []
        for currency in {*self._wallets, *(currency for account, currency in folded if account == "wallet")}:
            booked = folded.get(("wallet", currency), ZERO)
            if booked != self.wallet(currency):
                wrong.append(f"{self.name}: wallet {currency} is {self.wallet(currency)}, its journal says {booked}")
        return wrong

    # --- positions ---------------------------------------------------------------------------------------------------

    def leverage(self, symbol: str) -> int:
        """Leverage set for a symbol."""
        return self.leverages.get(symbol, 20)

    def position(self, symbol: Symbol, side: PositionSide = "both") -> Position:
        """The position of one leg, flat when nothing is held."""
        found = self.positions.get((symbol.name, side))
        if found is not None:
            return found
        return Position(instrument=name_of(symbol), side=side, contract_size=symbol.contract_size, inverse=symbol.inverse)

    def held(self, symbol: Symbol, side: PositionSide, order_side: Side) -> Decimal:
        """How much an order of ``order_side`` can reduce of a leg."""
        quantity = self.position(symbol, side).quantity
        if order_side == "sell":
            return max(ZERO, quantity)
        return max(ZERO, -quantity)

    def fill_position(self, symbol: Symbol, side: PositionSide, fill: Fill) -> Decimal:
        """Fold a fill into a leg; return what it realised."""
        before = self.position(symbol, side)
        after = before.apply(fill)
        self.positions[symbol.name, side] = after
        return after.realised - before.realised

    # --- what may be used --------------------------------------------------------------------------------------------

    def held_back(self, orders: Iterable[SimOrder], symbols: Mapping[str, Symbol]) -> dict[str, Decimal]:
        """What open spot orders keep back, per currency."""
        kept: dict[str, Decimal] = {}
        for order in orders:
            hold = spot_hold(order, symbols[order.symbol])
            if hold is not None:
                kept[hold.currency] = kept.get(hold.currency, ZERO) + hold.amount
        return kept

    @exact
    def margin_used(
        self, currency: str, orders: Iterable[SimOrder], symbols: Mapping[str, Symbol], marks: Mapping[str, Decimal]
    ) -> Decimal:
        """Initial margin of positions and open orders settled in ``currency``: per symbol the worse of its two sides."""
        sides: dict[str, list[Decimal]] = {}
        for order in orders:
            symbol = symbols[order.symbol]
            if symbol.settle == currency and not order.ticket.reduce_only and not order.ticket.close_all:
                both = sides.setdefault(symbol.name, [ZERO, ZERO])
                value = notional(
                    order.price or order.stop_price or marks[symbol.name],
                    order.left,
                    contract_size=symbol.contract_size,
                    inverse=symbol.inverse,
                )
                both[0 if order.side == "buy" else 1] += value
        used = ZERO
        names = {name for name, _side in self.positions} | set(sides)
        for name in names:
            symbol = symbols[name]
            if symbol.settle != currency or symbol.spot:
                continue
            bids, asks = sides.get(name, [ZERO, ZERO])
            long = short = ZERO
            for side in ("both", "long", "short"):
                quantity = self.position(symbol, side).quantity
                if quantity:
                    value = notional(marks[name], quantity, contract_size=symbol.contract_size, inverse=symbol.inverse)
                    long, short = (long + value, short) if quantity > 0 else (long, short + value)
            worst = long + bids + short + asks if self.hedge else max(abs(long - short + bids), abs(long - short - asks))
            used += worst / self.leverage(name)
        return used

    @exact
    def equity(self, currency: str, symbols: Mapping[str, Symbol], marks: Mapping[str, Decimal]) -> Decimal:
        """Wallet plus what open positions would realise at the mark."""
        total = self.wallet(currency)
        for (name, _side), position in self.positions.items():
            if position.quantity and symbols[name].settle == currency:
                total += position.unrealised(marks[name])
        return total

    @exact
    def maintenance(self, currency: str, symbols: Mapping[str, Symbol], marks: Mapping[str, Decimal]) -> Decimal:
        """Maintenance margin of all positions settled in a currency."""
        total = ZERO
        for (name, _side), position in self.positions.items():
            symbol = symbols[name]
            if position.quantity and symbol.settle == currency and symbol.brackets is not None:
                total += maintenance_margin(
                    marks[name], position.quantity, symbol.brackets, contract_size=symbol.contract_size, inverse=symbol.inverse
                )
        return total


@exact
def spot_hold(order: SimOrder, symbol: Symbol) -> Hold | None:
    """What an open spot order keeps back; None for derivatives."""
    if not symbol.spot or not order.live:
        return None
    if order.side == "sell":
        return Hold(symbol.base, order.left)
    price = order.price or order.stop_price or ZERO
    return Hold(symbol.quote, order.left * price)


def name_of(symbol: Symbol) -> InstrumentId:
    """A full name for core's positions."""
    return InstrumentId("sim", "spot" if symbol.spot else "cm" if symbol.inverse else "um", symbol.name)
