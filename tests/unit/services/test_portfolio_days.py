"""Daily statements: a day is what its entries make it, the venue's word stands beside it, books that do not add up are told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

from quantservice.adapters.state_store import trading_tables as tables
from quantservice.core.errors import EnvironmentFault
from quantservice.core.instruments import InstrumentId
from quantservice.core.ledger import Entry, Posting
from quantservice.core.periods import DAY_MS
from quantservice.ports import DayComparison, JournalRow, PositionGap
from quantservice.services.portfolio.days import AccountStatements, DayStatement, DaySums
from quantservice.services.portfolio.reading import Portfolio

D = Decimal
BTC = InstrumentId.parse("binance:um:BTC-USDT-PERP")


def row(entry_id: str, moves: dict[str, str], *, day: int, currency: str = "USDT", at_ms: int = 5) -> JournalRow:
    postings = tuple(
        Posting(account=account, currency=currency, amount=amount)
        for counter, moved in moves.items()
        for account, amount in (("wallet", D(moved)), (counter, -D(moved)))
    )
    return JournalRow(account="main", entry=Entry(entry_id=entry_id, postings=postings, time=day * DAY_MS + at_ms, reason="x"))


ENTRIES = [
    row("opening:main", {"opening": "1000"}, day=0),
    row("fill:1", {"realised": "10.5", "fee": "-0.1"}, day=0, at_ms=DAY_MS - 1),
    row("fill:2", {"market": "-200"}, day=1, at_ms=0),
    row("fill:3", {"market": "0.004", "fee": "-0.000004"}, day=1, currency="BTC"),
    row("movement:4", {"transfer": "50"}, day=1),
    row("movement:5", {"funding": "-0.25"}, day=3),
    row("movement:6", {"rebate": "0.01", "insurance": "0.02", "adl": "0.03"}, day=3),
]


def summed(rows: list[JournalRow]) -> DaySums:
    sums = DaySums()
    for item in rows:
        sums.add(item)
    return sums


def told(day: int, booked: str, venue: str, *, differed_ms: int = 0, positions: tuple[PositionGap, ...] = ()) -> DayComparison:
    return DayComparison(
        account="main",
        time_ms=day * DAY_MS + 77,
        booked={"USDT": D(booked)},
        venue={"USDT": D(venue)},
        differed_ms=differed_ms,
        positions=positions,
    )


def test_a_day_begins_with_what_the_day_before_ended_with_and_every_reason_has_its_column() -> None:
    rows = summed(ENTRIES).statements("main", [], start_ms=0)
    shown = [(item.day_ms // DAY_MS, item.currency, item.opening, item.closing) for item in rows]
    assert shown == [
        (3, "BTC", D("0.003996"), D("0.003996")),
        (3, "USDT", D("860.4"), D("860.21")),
        (1, "BTC", D(0), D("0.003996")),
        (1, "USDT", D("1010.4"), D("860.4")),
        (0, "USDT", D(0), D("1010.4")),
    ]
    (third, bought, first, opened) = (rows[1], rows[2], rows[3], rows[4])
    assert (third.funding, third.other, third.fees, third.paid_in) == (D("-0.25"), D("0.06"), D(0), D(0))
    assert (bought.exchanged, bought.fees) == (D("0.004"), D("-0.000004"))
    assert (first.exchanged, first.paid_in, first.realised) == (D(-200), D(50), D(0))
    assert (opened.paid_in, opened.realised, opened.fees) == (D(1000), D("10.5"), D("-0.1"))
    assert [item.unbalanced for item in rows] == [D(0)] * 5
    assert {(item.account, item.compared_ms, item.venue, item.unexplained) for item in rows} == {("main", None, None, None)}


def test_days_before_the_first_asked_for_count_in_the_opening_alone() -> None:
    rows = summed(ENTRIES).statements("main", [], start_ms=3 * DAY_MS)
    assert [(item.day_ms // DAY_MS, item.currency, item.opening) for item in rows] == [
        (3, "BTC", D("0.003996")),
        (3, "USDT", D("860.4")),
    ]


def test_the_venues_word_stands_beside_the_books_as_they_were_then() -> None:
    gap = PositionGap(instrument=BTC, side="both", booked=D(1), venue=D(2))
    comparisons = [told(0, "1010.4", "1010.40000001", differed_ms=77, positions=(gap,)), told(2, "860.4", "860.4")]
    rows = summed(ENTRIES).statements("main", comparisons, start_ms=0)
    by = {(item.day_ms // DAY_MS, item.currency): item for item in rows}
    opened, quiet, uncompared = by[0, "USDT"], by[2, "USDT"], by[1, "USDT"]
    assert (opened.venue, opened.unexplained, opened.compared_ms) == (D("1010.40000001"), D("0.00000001"), 77)
    assert (opened.differed_ms, opened.positions) == (77, (gap,))
    assert (quiet.opening, quiet.closing, quiet.unexplained, quiet.differed_ms) == (D("860.4"), D("860.4"), D(0), 0)
    assert (by[2, "BTC"].venue, by[2, "BTC"].unexplained) == (D(0), D(0)), "held by the journal now, told by neither then"
    assert (uncompared.compared_ms, uncompared.venue, uncompared.unexplained) == (None, None, None)


def test_a_currency_that_only_one_of_both_knows_has_a_row() -> None:
    comparison = DayComparison(account="main", time_ms=77, booked={"ETH": D(2)}, venue={"BNB": D("0.5")})
    rows = summed([ENTRIES[0]]).statements("main", [comparison], start_ms=0)
    assert {item.currency: item.unexplained for item in rows} == {"BNB": D("0.5"), "ETH": D(-2), "USDT": D(0)}


def statement(**changes: object) -> DayStatement:
    fields = {"account": "main", "day_ms": 0, "currency": "USDT", "opening": D(0), "closing": D(0)}
    return DayStatement(**(fields | changes))  # type: ignore[arg-type]  # a test's fields


def balanced(*rows: DayStatement) -> bool:
    return AccountStatements(account="main", entries=1, rows=rows).balanced


def test_an_account_is_balanced_by_its_days_and_by_the_venues_last_word_alone() -> None:
    gap = PositionGap(instrument=BTC, side="both", booked=D(1), venue=D(2))
    right = statement(day_ms=DAY_MS, compared_ms=DAY_MS + 9, venue=D(0), unexplained=D(0))
    assert balanced(right, statement(compared_ms=9, venue=D(1), unexplained=D(1), positions=(gap,))), "it was explained since"
    assert balanced(statement(paid_in=D(5), closing=D(5)))
    assert not balanced(right, statement(compared_ms=9, paid_in=D(5), closing=D("5.00000001")))
    assert not balanced(statement(day_ms=2 * DAY_MS), statement(compared_ms=9, venue=D(1), unexplained=D(1)))
    assert not balanced(statement(compared_ms=9, venue=D(0), unexplained=D(0), positions=(gap,)))
    assert not balanced(right, statement(currency="BTC", compared_ms=DAY_MS + 9, venue=D(1), unexplained=D(1)))


async def test_the_whole_journal_is_added_up_and_a_balance_that_was_changed_by_hand_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantservice.services.portfolio.reading._PAGE", 2)
    async with sqlite_store(tmp_path) as store:
        portfolio = Portfolio(store, ManualClock(start_ms=3 * DAY_MS + 100))
        async with store.transaction() as work:
            for item in ENTRIES:
                await work.books.post(item)
            await work.statements.record(told(3, "860.21", "860.21"))
        found = await portfolio.statements("main", days=2)
        assert (found.entries, found.balanced, found.differences) == (len(ENTRIES), True, ())
        assert {item.day_ms // DAY_MS for item in found.rows} == {3}
        assert {item.day_ms // DAY_MS for item in (await portfolio.statements("main", days=3)).rows} == {1, 3}
        async with store.transaction() as work:
            balances = tables.balances
            that = (balances.c.ledger_account == "fee", balances.c.currency == "USDT")
            await work._connection.execute(sa.update(balances).where(*that).values(amount="0.10000001"))
        found = await portfolio.statements("main", days=2)
        (wrong,) = found.differences
        assert (wrong.ledger_account, wrong.currency, wrong.kept, wrong.summed) == ("fee", "USDT", D("0.10000001"), D("0.1"))
        assert not found.balanced


async def test_books_that_never_stand_still_are_said_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with sqlite_store(tmp_path) as store:
        portfolio = Portfolio(store, ManualClock())
        monkeypatch.setattr(portfolio, "_page", _always_another)
        monkeypatch.setattr(portfolio, "_catch_up", _nothing)
        with pytest.raises(EnvironmentFault, match="the books of main change faster than they can be added up"):
            await portfolio.statements("main", days=1)


async def _always_another(*_: object, **__: object) -> list[JournalRow]:
    return [ENTRIES[0]]


async def _nothing(_account: str) -> None:
    return None
