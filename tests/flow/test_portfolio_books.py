"""The books beside the venue's own ledger: random trading on spot, linear and inverse contracts, to the last digit."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import IntegrityError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.messages import BalanceChanged, PositionChanged
from quantservice.core.orders import VenueFill
from quantservice.ports import HeldPosition, TradingAccount
from quantservice.ports.trading import AccountMovement, AccountSnapshot, VenueBalance, VenuePosition
from quantservice.services.portfolio import Bookkeeper, Statement, compare
from quantservice.services.portfolio.books import wallet_of
from quantservice.simulator.trading import Engine, FillEvent, Kind, Reject, Symbol, Ticket

D = Decimal
UM = Symbol(name="BTCUSDT", base="BTC", quote="USDT", settle="USDT", tick=D("0.1"), lot=D("0.001"))
SPOT = Symbol(name="ETHUSDT", base="ETH", quote="USDT", settle="USDT", tick=D("0.01"), lot=D("0.0001"), spot=True)
CM = Symbol(name="BTCUSD_PERP", base="BTC", quote="USD", settle="BTC", tick=D("0.1"), lot=D(1), contract_size=D(100), inverse=True)
IDS = {
    "BTCUSDT": InstrumentId("binance", "um", "BTC-USDT-PERP"),
    "ETHUSDT": InstrumentId("binance", "spot", "ETH-USDT"),
    "BTCUSD_PERP": InstrumentId("binance", "cm", "BTC-USD-PERP"),
}
INSTRUMENTS = {
    IDS[symbol.name]: Instrument(
        id=IDS[symbol.name],
        venue_symbol=symbol.name,
        base=symbol.base,
        quote=symbol.quote,
        settle=symbol.settle,
        tick_size=symbol.tick,
        lot_size=symbol.lot,
        contract_size=symbol.contract_size,
        inverse=symbol.inverse,
    )
    for symbol in (UM, SPOT, CM)
}
ACCOUNT = TradingAccount(name="main", venue="binance", market="um", mode="paper")


class Venue:
    """The engine with a market that walks, and one account that trades on it."""

    def __init__(self, seed: int, *, hedge: bool = False) -> None:
        self.random, self.engine, self.now = random.Random(seed), Engine(), 1_000
        self.fills: list[FillEvent] = []
        for symbol in (UM, SPOT, CM):
            self.engine.list_symbol(symbol)
        self.engine.listen(lambda event: self.fills.append(event) if type(event) is FillEvent and event.account == "main" else None)
        self.engine.account("main").hedge = hedge
        for currency, amount in (("USDT", D(1_000_000)), ("ETH", D(50)), ("BTC", D(20))):
            self.engine.transfer("main", currency, amount, self.now)
        self.hedge = hedge
        self.mid = {"BTCUSDT": D(50_000), "ETHUSDT": D(2_000), "BTCUSD_PERP": D(50_000)}
        for name in self.mid:
            self.walk(name)

    def walk(self, name: str) -> None:
        self.mid[name] = round(self.mid[name] * D(str(self.random.uniform(0.995, 1.005))), 1)
        size = D(1_000) if name == "BTCUSD_PERP" else D(5)
        half = D("0.5")
        self.engine.show(name, [(self.mid[name] - half, size)], [(self.mid[name] + half, size)], self.now)
        self.engine.set_mark(name, self.mid[name], self.now)

    def trade(self) -> None:
        self.now += self.random.randrange(1, 60_000)
        name = self.random.choice(list(self.mid))
        self.walk(name)
        side = self.random.choice(("buy", "sell"))
        lots = self.random.randrange(1, 3_000)
        quantity = {"BTCUSDT": D(lots) / 1_000, "ETHUSDT": D(lots) / 10_000, "BTCUSD_PERP": D(lots)}[name]
        leg = self.random.choice(("long", "short")) if self.hedge and name != "ETHUSDT" else "both"
        ticket = Ticket(symbol=name, side=side, kind=Kind.MARKET, quantity=quantity, position_side=leg)  # type: ignore[arg-type]
        try:
            self.engine.submit("main", ticket, self.now)
        except Reject:
            return

    def snapshot(self) -> AccountSnapshot:
        account = self.engine.account("main")
        return AccountSnapshot(
            account="main",
            balances=tuple(VenueBalance(currency=name, total=amount, free=amount) for name, amount in account.wallets.items()),
            positions=tuple(
                VenuePosition(
                    instrument=IDS[name], side=side, quantity=position.quantity, entry_price=position.average_entry or D(0)
                )
                for (name, side), position in account.positions.items()
                if position.quantity
            ),
            orders=(),
            time_ms=self.now,
        )


def told(event: FillEvent, *, realised: bool = True) -> VenueFill:
    return VenueFill(
        account="main",
        instrument=IDS[event.order.symbol],
        trade_id=str(event.trade_id),
        side=event.order.side,
        price=event.price,
        quantity=event.quantity,
        fee=event.fee,
        fee_currency=event.fee_currency,
        maker=event.maker,
        realised=event.realised if realised else None,
        position_side=event.order.ticket.position_side,
        kind=event.kind,
        time_ms=event.time_ms,
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        yield made


@pytest.fixture
def books() -> Bookkeeper:
    return Bookkeeper(ACCOUNT, INSTRUMENTS.get, ManualClock())


async def statement(store: SqlStateStore, venue: Venue) -> Statement:
    async with store.transaction() as work:
        wallet = wallet_of(await work.books.balances(account="main"))
        return compare(venue.snapshot(), wallet, await work.books.positions(account="main"))


@pytest.mark.parametrize(("seed", "hedge", "realised"), [(1, False, True), (2, True, True), (3, False, False), (4, True, False)])
async def test_random_trading_is_booked_to_the_last_digit(
    store: SqlStateStore, books: Bookkeeper, seed: int, *, hedge: bool, realised: bool
) -> None:
    venue = Venue(seed, hedge=hedge)
    async with store.transaction() as work:
        await books.open(work, venue.snapshot())
    for _ in range(150):
        venue.trade()
    assert len(venue.fills) > 60
    assert len({event.order.symbol for event in venue.fills}) == 3
    for number, event in enumerate(venue.fills):
        owner = len(event.order.symbol + event.order.ticket.position_side) if hedge else number  # a leg is closed by who opened it
        async with store.transaction() as work:
            changes = await books.book(work, told(event, realised=realised), deployment=("", "one", "two")[owner % 3])
            assert isinstance(changes[-1], BalanceChanged)
            again = await books.book(work, told(event), deployment="one")
            assert again == [], "a fill that is told twice is booked once"
    assert (await statement(store, venue)).balanced
    async with store.transaction() as work:
        sums: dict[str, Decimal] = {}
        for (_, _, currency), amount in (await work.books.balances(account="main")).items():
            sums[currency] = sums.get(currency, D(0)) + amount
        assert set(sums.values()) == {D(0)}, "the postings of each currency sum to zero"
        held = await work.books.positions(account="main")
        rest = await books.unassigned(work)
    for item in held:
        if not item.deployment:
            leg = (item.position.instrument, item.position.side)
            own = sum((part.position.quantity for part in held if part.deployment and leg == leg_of(part)), D(0))
            assert own + rest.get(leg, D(0)) == item.position.quantity


def leg_of(held: HeldPosition) -> tuple[InstrumentId, str]:
    return held.position.instrument, held.position.side


async def test_a_crash_between_leaves_neither_entry_nor_position(store: SqlStateStore, books: Bookkeeper) -> None:
    venue = Venue(7)
    async with store.transaction() as work:
        await books.open(work, venue.snapshot())
    while not venue.fills:
        venue.trade()
    with pytest.raises(ZeroDivisionError):
        await _booked_and_lost(store, books, told(venue.fills[0]))
    async with store.transaction() as work:
        assert await work.books.positions(account="main") == []
        assert len(await work.books.journal(account="main")) == 1
        assert await books.book(work, told(venue.fills[0]))


async def _booked_and_lost(store: SqlStateStore, books: Bookkeeper, fill: VenueFill) -> None:
    async with store.transaction() as work:
        await books.book(work, fill)
        raise ZeroDivisionError


async def test_one_unit_of_the_last_digit_is_unexplained(store: SqlStateStore, books: Bookkeeper) -> None:
    venue = Venue(5)
    async with store.transaction() as work:
        await books.open(work, venue.snapshot())
    venue.engine.transfer("main", "USDT", D("0.00000001"), venue.now)
    found = await statement(store, venue)
    assert (found.balanced, found.unexplained) == (False, {"USDT": D("0.00000001")})
    movement = AccountMovement(account="main", movement_id="t1", kind="transfer", currency="USDT", amount=D("0.00000001"))
    async with store.transaction() as work:
        assert await books.move(work, movement)
        assert await books.move(work, movement) == []
    assert (await statement(store, venue)).balanced


async def test_books_open_with_what_is_held_already(store: SqlStateStore, books: Bookkeeper) -> None:
    venue = Venue(6)
    for _ in range(30):
        venue.trade()
    known = len(venue.fills)
    async with store.transaction() as work:
        changes = await books.open(work, venue.snapshot())
        assert {type(change) for change in changes} == {PositionChanged, BalanceChanged}
        assert await books.open(work, venue.snapshot()) == []
    for _ in range(30):
        venue.trade()
    for event in venue.fills[known:]:
        async with store.transaction() as work:
            await books.book(work, told(event))
    assert (await statement(store, venue)).balanced


async def test_a_leg_that_differs_is_named(store: SqlStateStore, books: Bookkeeper) -> None:
    venue = Venue(8)
    async with store.transaction() as work:
        await books.open(work, venue.snapshot())
    while not any(event.order.symbol == "BTCUSDT" for event in venue.fills):
        venue.trade()
    (gap, *_) = [item for item in (await statement(store, venue)).positions if item.instrument.market == "um"]
    assert (gap.booked, gap.side) == (D(0), "both")
    assert gap.venue == venue.engine.account("main").position(UM).quantity


async def test_a_fill_of_an_unknown_instrument_is_no_silent_loss(store: SqlStateStore, books: Bookkeeper) -> None:
    venue = Venue(9)
    while not venue.fills:
        venue.trade()
    fill = msgspec.structs.replace(told(venue.fills[0]), instrument=InstrumentId("binance", "um", "XYZ-USDT-PERP"))
    async with store.transaction() as work:
        with pytest.raises(IntegrityError, match="XYZ-USDT-PERP has no known rules"):
            await books.book(work, fill)
