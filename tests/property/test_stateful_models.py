"""G20: orders, ledger with positions, and the merger of candles against the simplest models that could be right.

The book has its machine in :mod:`tests.property.test_order_book_model`; how far they go: :mod:`tests.support.models`.
"""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.market import kline
from tests.support.models import profile

from quantservice.core.errors import IntegrityError
from quantservice.core.events import Kline
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.ledger import Entry, Ledger, Posting, transfer
from quantservice.core.orders import FINAL, IN_FLIGHT, Change, Evidence, Order, OrderEvent, OrderState, VenueFill, order_of
from quantservice.core.positions import Fill, Position
from quantservice.services.collector.filter import REMEMBERED_BARS, StreamFilter

BTC: Final = InstrumentId("binance", "um", "BTC-USDT-PERP")
LOTS: Final = st.integers(1, 5).map(lambda lots: Decimal(lots) / 1_000)
PRICES: Final = st.integers(1, 2_000).map(lambda ticks: Decimal(ticks) / 10)
PROOF: Final = Evidence(source="query", reference="1")

#: what the venue says of an order, and what it is then
SAID: Final = {
    Change.ACCEPT: "open",
    Change.FILL: "open",
    Change.COMPLETE: "filled",
    Change.CANCEL: "cancelled",
    Change.EXPIRE: "expired",
    Change.REFUSE: "rejected",
}
OURS: Final = {Change.SUBMIT, Change.DISCARD, Change.LOSE, Change.ABSENT}


class OrderMachine(RuleBasedStateMachine):
    """Everything that can be said of an order is said at any time, with and without proof; a few words tell what it may become."""

    @initialize()
    def start(self) -> None:
        terms = OrderTerms(account="main", instrument=BTC, side="buy", quantity=Decimal("0.020"))
        self.order: Order = order_of(Intent(intent_id="i", terms=terms), created_ns=1)
        self.where = "approved"
        self.fills: dict[str, tuple[Decimal, Decimal]] = {}
        self.reported = Decimal(0)

    def expected(self, change: Change, *, proof: bool) -> str | None:
        """What the model becomes, or None where it cannot be: the venue's word beats everything but an end that it said before."""
        where = self.where
        if change in SAID:
            if where == "approved" or (change is Change.REFUSE and where == "open"):
                return None  # nothing was sent, or it was taken before
            if where in ("filled", "rejected"):
                after = where
            elif where in ("cancelled", "expired"):
                after = "filled" if change is Change.COMPLETE else where
            else:
                after = SAID[change]
        elif change is Change.LOSE:
            after = {"submitting": "unknown", "approved": ""}.get(where, where)
        elif change is Change.SUBMIT:
            after = "submitting" if where == "approved" else ""
        elif change is Change.DISCARD:
            after = {"approved": "not_sent", "submitting": "not_sent", "unknown": "unknown", "not_sent": "not_sent"}.get(where, "")
        else:
            after = "not_sent" if where in ("unknown", "not_sent") else ""
        ends = after != where and OrderState(after) in FINAL if after else False
        return None if not after or (ends and not proof) else after

    @rule(change=st.sampled_from([*SAID, *OURS]), proof=st.booleans(), filled=st.one_of(st.none(), LOTS))
    def something_is_said(self, change: Change, proof: bool, filled: Decimal | None) -> None:
        event = OrderEvent(change=change, evidence=PROOF if proof else None, filled=filled, time_ns=2)
        expected, before = self.expected(change, proof=proof), self.order
        if expected is None:
            with pytest.raises(IntegrityError):
                self.order.apply(event)
            return
        self.order = before.apply(event)
        self.reported = max(self.reported, filled or Decimal(0))
        assert self.order.revived == (before.revived or (self.where == "not_sent" and expected != "not_sent"))
        self.where = expected

    @precondition(lambda self: len(self.fills) < 4)
    @rule(quantity=LOTS, price=PRICES)
    def it_is_filled(self, quantity: Decimal, price: Decimal) -> None:
        trade = str(len(self.fills))
        fill = VenueFill(account="main", instrument=BTC, trade_id=trade, side="buy", price=price, quantity=quantity)
        self.order = self.order.add_fill(fill)
        self.fills[trade] = (quantity, price)

    @rule()
    def a_fill_of_something_else_is_none(self) -> None:
        fill = VenueFill(account="main", instrument=BTC, trade_id="x", side="sell", price=Decimal(1), quantity=Decimal(1))
        with pytest.raises(IntegrityError):
            self.order.add_fill(fill)

    @invariant()
    def it_is_what_was_said(self) -> None:
        if not hasattr(self, "order"):
            return
        order = self.order
        filled = sum((quantity for quantity, _ in self.fills.values()), Decimal(0))
        assert (order.state.value, order.filled) == (self.where, filled)
        assert order.cost == sum((quantity * price for quantity, price in self.fills.values()), Decimal(0))
        assert order.reported == max(filled, self.reported)
        assert order.fills_missing == (self.reported > filled)
        assert (order.state in FINAL) != (order.state in IN_FLIGHT)
        assert order.state not in FINAL or order.evidence is not None
        assert order.remaining == (0 if order.final else max(Decimal(0), order.terms.quantity - max(filled, self.reported)))


class LedgerMachine(RuleBasedStateMachine):
    """Fills, fees and transfers, some twice: balances are sums of fractions, and money comes from nowhere."""

    @initialize()
    def start(self) -> None:
        self.ledger, self.position = Ledger(), Position(instrument=BTC)
        self.entries: dict[str, Entry] = {}
        self.sums: dict[tuple[str, str], Fraction] = {}
        self.cash, self.held = Fraction(0), Fraction(0)

    def enter(self, entry: Entry) -> None:
        self.ledger = self.ledger.apply([entry])
        if entry.entry_id not in self.entries:
            self.entries[entry.entry_id] = entry
            for posting in entry.postings:
                key = (posting.account, posting.currency)
                self.sums[key] = self.sums.get(key, Fraction(0)) + Fraction(posting.amount)

    @rule(side=st.sampled_from(["buy", "sell"]), quantity=LOTS, price=PRICES, fee=st.integers(-3, 9))
    def a_fill(self, side: Any, quantity: Decimal, price: Decimal, fee: int) -> None:
        paid = Decimal(fee) / 1_000
        before = self.position
        fill = Fill(
            fill_id=f"f{before.fills}", instrument=BTC, side=side, price=price, quantity=quantity, fee=paid, fee_currency="USDT"
        )
        self.position = before.apply(fill)
        change = Fraction(fill.signed)
        self.cash -= change * Fraction(price)
        self.held += change
        won = self.position.realised - before.realised
        for name, amount in (("profit", won), ("fee", -paid)):
            if amount:
                self.enter(transfer(f"{name}:{fill.fill_id}", "USDT", amount, source=name, target="wallet"))

    @rule(amount=st.integers(-(10**12), 10**12).filter(bool), currency=st.sampled_from(["USDT", "BTC"]))
    def money_moves(self, amount: int, currency: str) -> None:
        entry = transfer(f"t{len(self.entries)}", currency, Decimal(amount) / 10**8, source="outside", target="wallet")
        self.enter(entry)

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def an_entry_comes_again(self, data: st.DataObject) -> None:
        before = self.ledger
        self.enter(self.entries[data.draw(st.sampled_from(sorted(self.entries)))])
        assert self.ledger == before

    @rule()
    def one_leg_alone_is_no_entry(self) -> None:
        with pytest.raises(Exception, match="sum to zero"):
            Entry(entry_id="alone", postings=(Posting(account="wallet", currency="USDT", amount=Decimal(1)),))

    @invariant()
    def it_balances_to_the_last_digit(self) -> None:
        if not hasattr(self, "ledger"):
            return
        assert {key: Fraction(amount) for key, amount in self.ledger.balances.items()} == {
            key: amount for key, amount in self.sums.items() if amount
        }
        assert not any(self.ledger.totals().values())
        position = self.position
        assert Fraction(position.quantity) == self.held
        # what was won and what is open are, together, the money that came and went: at any price
        mark = Decimal("123.4")
        assert _near(Fraction(position.realised) + Fraction(position.unrealised(mark)), self.cash + self.held * Fraction(mark))
        assert position.quantity or not position.cost


def _near(one: Fraction, other: Fraction) -> bool:
    """The entry of a part is a division, which is rounded in its last digits."""
    return abs(one - other) < Fraction(1, 10**20)


class CandleMachine(RuleBasedStateMachine):
    """A venue's candles come open, closed, twice, late, restated, or not at all; what passes makes the venue's own table."""

    @initialize()
    def start(self) -> None:
        self.filter = StreamFilter()
        self.truth: dict[int, Kline] = {}  # the venue's closed bars, by number, as they are now
        self.table: dict[int, Kline] = {}  # what passed and was closed
        self.wanted: set[int] = set()  # of which we were told that they were skipped
        self.passed: list[tuple[int, str]] = []
        self.newest = -1  # the newest closed bar that passed
        self.now = 0

    def take(self, number: int, bar: Kline) -> bool:
        kept = self.filter.pass_on([bar])
        for stream, span in self.filter.take_holes():
            first = kline(0).open_time
            assert stream == bar.stream
            self.wanted |= set(range((span.start_ms - first) // 60_000, (span.end_ms - first) // 60_000))
        if not kept:
            return False
        assert list(kept) == [bar]
        if bar.closed:
            self.table[number] = bar
            self.passed.append((number, str(bar.close)))
            self.newest = max(self.newest, number)
        else:
            assert number > self.newest, "a bar that has closed came to life again"
        return True

    def close(self, number: int, price: int) -> Kline:
        self.now += 1
        bar = msgspec.structs.replace(kline(number, close=str(90 + price)), event_time=self.now)
        self.truth[number] = bar
        return bar

    @rule(price=st.integers(1, 19), lost=st.booleans())
    def a_bar_closes(self, price: int, lost: bool) -> None:
        number = len(self.truth)
        bar = self.close(number, price)
        if not lost:
            assert self.take(number, bar)

    @rule(price=st.integers(1, 19))
    def the_open_bar_moves(self, price: int) -> None:
        number = len(self.truth)
        assert self.take(number, kline(number, close=str(90 + price), closed=False)) is True

    @precondition(lambda self: self.passed)
    @rule(data=st.data())
    def a_bar_comes_again(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted({number for number, _ in self.passed})))
        assert not self.take(number, self.table[number])

    @precondition(lambda self: self.wanted)
    @rule(data=st.data())
    def a_skipped_bar_comes_late(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.wanted)))
        if self.take(number, self.truth[number]):  # or it is left to the history: so old is what a replay tells too
            self.wanted.discard(number)

    @precondition(lambda self: self.newest >= 0)
    @rule(back=st.integers(0, 3))
    def an_open_state_comes_late(self, back: int) -> None:
        number = max(0, self.newest - back)
        assert not self.take(number, kline(number, close="99", closed=False))

    @precondition(lambda self: self.newest >= 0)
    @rule(price=st.integers(1, 19))
    def the_newest_is_restated(self, price: int) -> None:
        before, bar = self.table[self.newest], self.close(self.newest, price)
        assert self.take(self.newest, bar) is (bar.values != before.values)

    @precondition(lambda self: self.newest >= 0)
    @rule()
    def the_history_heals(self) -> None:
        """The way of backfill: what was skipped is fetched, and the link's own hole at its end."""
        for number in self.wanted:
            self.table.setdefault(number, self.truth[number])
        self.wanted.clear()

    @invariant()
    def nothing_is_missing_that_was_not_told(self) -> None:
        if not hasattr(self, "filter") or self.newest < 0:
            return
        first = min(self.table)
        missing = {number for number in range(first, self.newest) if number not in self.table}
        assert missing <= self.wanted
        for number in range(max(first, self.newest - REMEMBERED_BARS + 1), self.newest + 1):
            if number in self.table and number not in self.wanted:
                assert self.table[number].values == self.truth[number].values
        lately = self.passed[-REMEMBERED_BARS:]
        assert all(one != other for one, other in itertools.pairwise(lately)), "the same word passed twice"
        assert self.filter.last_closed(kline(0).stream) == kline(self.newest).open_time


TestOrder = OrderMachine.TestCase
TestOrder.settings = profile()
TestLedger = LedgerMachine.TestCase
TestLedger.settings = profile()
TestCandles = CandleMachine.TestCase
TestCandles.settings = profile()
