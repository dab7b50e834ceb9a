"""What the bookkeeper tells and keeps, event by event: openings of every kind of contract, deployments, movements, comparisons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.support.clock import START_MS, ManualClock
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import IntegrityError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.messages import BalanceChanged, PositionChanged
from quantservice.core.orders import VenueFill
from quantservice.core.positions import Position
from quantservice.ports import HeldPosition, TradingAccount
from quantservice.ports.trading import AccountMovement, AccountSnapshot, VenueBalance, VenuePosition
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import unassigned
from quantservice.services.portfolio.entries import booked, fill_entry, movement_entry, opening_entry

pytestmark = pytest.mark.asyncio
D = Decimal
UM = InstrumentId("binance", "um", "BTC-USDT-PERP")
CM = InstrumentId("binance", "cm", "BTC-USD-PERP")
SPOT = InstrumentId("binance", "spot", "ETH-USDT")
RULES = {
    UM: Instrument(id=UM, venue_symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT", tick_size=D("0.1"), lot_size=D("0.001")),
    CM: Instrument(
        id=CM,
        venue_symbol="BTCUSD_PERP",
        base="BTC",
        quote="USD",
        settle="BTC",
        tick_size=D("0.1"),
        lot_size=D(1),
        contract_size=D(100),
        inverse=True,
    ),
    SPOT: Instrument(
        id=SPOT, venue_symbol="ETHUSDT", base="ETH", quote="USDT", settle="USDT", tick_size=D("0.01"), lot_size=D("0.0001")
    ),
}


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        yield made


def keeper(name: str = "main") -> Bookkeeper:
    return Bookkeeper(TradingAccount(name=name, venue="binance", market="um"), RULES.get, ManualClock())


def snapshot(*positions: VenuePosition, usdt: str = "1000", account: str = "main", time_ms: int = 7) -> AccountSnapshot:
    balances = (VenueBalance(currency="USDT", total=D(usdt), free=D(0)),) if usdt else ()
    return AccountSnapshot(account=account, balances=balances, positions=positions, orders=(), time_ms=time_ms)


def fill(number: int, side: str = "buy", quantity: str = "1", price: str = "100", **more: Any) -> VenueFill:
    fields: dict[str, Any] = {"account": "main", "instrument": UM, "trade_id": str(number), "side": side}
    return VenueFill(**(fields | {"price": D(price), "quantity": D(quantity), "time_ms": 9} | more))


async def test_books_open_once_with_the_venue_s_time_and_money(store: SqlStateStore) -> None:
    books = keeper()
    async with store.transaction() as work:
        assert await books.opened_ms(work) is None
        changes = await books.open(work, snapshot(time_ms=7))
        assert changes == [BalanceChanged(account="main", wallet={"USDT": D(1_000)}, time_ms=START_MS)]
        assert await books.opened_ms(work) == 7
        assert await books.open(work, snapshot(usdt="5", time_ms=8)) == []
        assert await books.opened_ms(work) == 7
        balances = await work.books.balances(account="main")
    assert {key[1:]: amount for key, amount in balances.items()} == {("wallet", "USDT"): D(1_000), ("opening", "USDT"): D(-1_000)}


async def test_an_empty_account_opens_with_an_empty_book(store: SqlStateStore) -> None:
    async with store.transaction() as work:
        assert await keeper().open(work, snapshot(usdt="")) == [BalanceChanged(account="main", wallet={}, time_ms=START_MS)]
        assert await work.books.balances(account="main") == {}


@pytest.mark.parametrize(
    ("instrument", "quantity", "entry", "cost"),
    [(UM, "2", "50000.5", "100001"), (UM, "-0.003", "50000", "-150"), (CM, "10", "20000", "0.05"), (CM, "-4", "8000", "-0.05")],
)
async def test_what_is_held_already_costs_what_it_cost_the_venue(
    store: SqlStateStore, instrument: InstrumentId, quantity: str, entry: str, cost: str
) -> None:
    books = keeper()
    async with store.transaction() as work:
        held = VenuePosition(instrument=instrument, quantity=D(quantity), entry_price=D(entry))
        changed, balance = await books.open(work, snapshot(held))
        assert isinstance(changed, PositionChanged)
        assert isinstance(balance, BalanceChanged)
        position = changed.position
        assert (position.quantity, position.cost, position.side) == (D(quantity), D(cost), "both")
        assert (position.contract_size, position.inverse) == (RULES[instrument].contract_size, RULES[instrument].inverse)
        assert position.average_entry == D(entry)
        assert changed.deployment == ""
        kept = await work.books.position("main", str(instrument))
        assert kept is not None
        assert (kept.position, kept.updated_ms) == (position, START_MS)
        assert await books.held(work) == {instrument}


async def test_held_is_what_the_account_holds_now(store: SqlStateStore) -> None:
    books = keeper()
    async with store.transaction() as work:
        await books.open(work, snapshot())
        await books.book(work, fill(1), deployment="d1")
        assert await books.held(work) == {UM}
        await books.book(work, fill(2, "sell"))
        assert await books.held(work) == set(), "the deployment's own leg is no position of the account"


async def test_a_fill_is_told_for_the_account_and_for_its_deployment(store: SqlStateStore) -> None:
    books = keeper()
    async with store.transaction() as work:
        await books.open(work, snapshot())
        assert [type(item) for item in await books.book(work, fill(1))] == [PositionChanged, BalanceChanged]
        changes = await books.book(work, fill(2, "buy", "2", "130", fee=D("0.5"), fee_currency="USDT"), deployment="d1")
        assert [(item.deployment, item.position.quantity) for item in changes if isinstance(item, PositionChanged)] == [
            ("", D(3)),
            ("d1", D(2)),
        ]
        assert isinstance(changes[-1], BalanceChanged)
        assert changes[-1].wallet == {"USDT": D("999.5")}
        assert await books.unassigned(work) == {(UM, "both"): D(1)}
        assert await books.book(work, fill(2, "buy", "2", "130"), deployment="d1") == [], "told twice, booked once"
        own = await work.books.position("main", str(UM), deployment="d1")
        assert own is not None
        assert own.position.average_entry == D(130)


async def test_profit_is_the_venue_s_figure_or_else_rounded_as_it_rounds(store: SqlStateStore) -> None:
    books = keeper()
    async with store.transaction() as work:
        await books.open(work, snapshot())
        await books.book(work, fill(1, "buy", "3", "100"))
        await books.book(work, fill(2, "sell", "1", "110", realised=D("9.99")))
        changes = await books.book(work, fill(3, "sell", "1", "100.000000015"))
        assert isinstance(changes[-1], BalanceChanged)
        assert changes[-1].wallet == {"USDT": D("1009.99000002")}
    assert booked(D("0.000000025")) == D("0.00000002")
    assert booked(D("0.000000035")) == D("0.00000004")


async def test_a_movement_is_booked_once_under_its_kind(store: SqlStateStore) -> None:
    books = keeper()

    def moved(kind: str, amount: str = "2", name: str = "") -> AccountMovement:
        return AccountMovement(account="main", movement_id=name or kind, kind=kind, currency="USDT", amount=D(amount), time_ms=11)

    async with store.transaction() as work:
        await books.open(work, snapshot())
        for kind in ("funding", "transfer", "rebate", "fee", "insurance", "gift"):
            (change,) = await books.move(work, moved(kind))
            assert isinstance(change, BalanceChanged)
            assert await books.move(work, moved(kind)) == []
        assert await books.move(work, moved("funding", "0", "nothing")) == []
        balances = {key[1]: amount for key, amount in (await work.books.balances(account="main")).items()}
    counters = dict.fromkeys(("funding", "transfer", "rebate", "fee", "insurance", "other"), D(-2))
    assert balances == {"wallet": D(1_012), "opening": D(-1_000)} | counters
    entry = movement_entry(moved("funding"))
    assert (entry.entry_id, entry.time, entry.reason) == ("movement:main:funding", 11, "funding")


async def test_entries_name_their_cause_and_balance() -> None:
    opening = opening_entry("main", snapshot().balances, time_ms=7)
    assert (opening.entry_id, opening.time, opening.reason) == ("opening:main", 7, "opening")
    bought = fill_entry(
        fill(1, "buy", "0.5", "2000", instrument=SPOT, fee=D("0.001"), fee_currency="ETH"), RULES[SPOT], realised=D(77)
    )
    assert {(item.account, item.currency, item.amount) for item in bought.postings} == {
        ("wallet", "ETH", D("0.5")),
        ("market", "ETH", D("-0.5")),
        ("wallet", "USDT", D(-1_000)),
        ("market", "USDT", D(1_000)),
        ("wallet", "ETH", D("-0.001")),
        ("fee", "ETH", D("0.001")),
    }
    assert (bought.time, bought.reason) == (9, "trade")
    sold = fill_entry(fill(2, "sell", "0.5", "2000", instrument=SPOT), RULES[SPOT], realised=D(0))
    assert sum(item.amount for item in sold.postings if (item.account, item.currency) == ("wallet", "USDT")) == D(1_000)
    coin = fill_entry(fill(3, instrument=CM, fee=D("0.0001"), kind="liquidation"), RULES[CM], realised=D("-0.02"))
    assert {(item.account, item.currency, item.amount) for item in coin.postings if item.account != "wallet"} == {
        ("realised", "BTC", D("0.02")),
        ("fee", "BTC", D("0.0001")),
    }
    assert coin.reason == "liquidation"


async def test_the_comparison_is_of_the_account_alone_and_to_the_last_digit(store: SqlStateStore) -> None:
    books, other = keeper(), keeper("other")
    async with store.transaction() as work:
        await books.open(work, snapshot())
        await other.open(work, snapshot(usdt="55", account="other"))
        await books.book(work, fill(1), deployment="d1")
        await books.book(work, fill(2, instrument=SPOT, price="10"))
        told = VenuePosition(instrument=UM, quantity=D(1))
        coin = VenueBalance(currency="ETH", total=D(1), free=D(1))
        usdt = VenueBalance(currency="USDT", total=D("990.00000001"), free=D(0))
        dust = VenueBalance(currency="BNB", total=D(0), free=D(0))
        shown = AccountSnapshot(account="main", balances=(coin, usdt, dust), positions=(told,), orders=(), time_ms=12)
        statement = await books.compare(work, shown)
        assert (statement.account, statement.time_ms, statement.balanced) == ("main", 12, False)
        assert statement.unexplained == {"USDT": D("0.00000001")}
        assert statement.booked == {"USDT": D(990), "ETH": D(1)}
        assert statement.venue == {"USDT": D("990.00000001"), "ETH": D(1)}
        assert statement.positions == ()
        more = VenuePosition(instrument=CM, quantity=D(-3))
        statement = await books.compare(work, snapshot(more, usdt="990", time_ms=13))
        assert {(gap.instrument, gap.side, gap.booked, gap.venue) for gap in statement.positions} == {
            (UM, "both", D(1), D(0)),
            (CM, "both", D(0), D(-3)),
        }
        assert statement.unexplained == {"ETH": D(-1)}
        right = AccountSnapshot(
            account="main",
            balances=(coin, VenueBalance(currency="USDT", total=D(990), free=D(0))),
            positions=(told,),
            orders=(),
        )
        assert (await books.compare(work, right)).balanced
        assert not (await books.compare(work, snapshot(more, usdt="990"))).balanced


async def test_a_leg_of_one_side_is_not_one_of_the_other(store: SqlStateStore) -> None:
    books = keeper()
    async with store.transaction() as work:
        await books.open(work, snapshot())
        await books.book(work, fill(1, "buy", position_side="long"))
        await books.book(work, fill(2, "sell", "2", position_side="short"))
        legs = {(item.position.side, item.position.quantity) for item in await work.books.positions(account="main")}
        assert legs == {("long", D(1)), ("short", D(-2))}
        statement = await books.compare(work, snapshot(VenuePosition(instrument=UM, side="long", quantity=D(1))))
        assert [(gap.side, gap.booked, gap.venue) for gap in statement.positions] == [("short", D(-2), D(0))]
        assert await books.unassigned(work) == {(UM, "long"): D(1), (UM, "short"): D(-2)}


async def test_what_deployments_hold_is_taken_from_the_account_s() -> None:
    def held(quantity: str, deployment: str = "") -> HeldPosition:
        return HeldPosition(
            account="main", deployment=deployment, position=Position(instrument=UM, quantity=D(quantity)), updated_ms=0
        )

    assert unassigned([held("5"), held("2", "d1"), held("3", "d2")]) == {}
    assert unassigned([held("5"), held("-2", "d1")]) == {(UM, "both"): D(7)}


async def test_what_has_no_rules_is_not_booked(store: SqlStateStore) -> None:
    unknown = InstrumentId("binance", "um", "DOGE-USDT-PERP")
    async with store.transaction() as work:
        with pytest.raises(IntegrityError, match="no known rules"):
            await keeper().book(work, fill(1, instrument=unknown))
        with pytest.raises(IntegrityError, match="no known rules"):
            await keeper().open(work, snapshot(VenuePosition(instrument=unknown, quantity=D(1))))
