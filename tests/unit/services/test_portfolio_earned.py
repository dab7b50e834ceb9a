"""What was earned is what the journal says: by deployment, instrument and day; openings, transfers and spot exchanges are not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.clock import ManualClock
from tests.support.state import sqlite_store

from quantservice.core.ledger import Entry, Posting
from quantservice.core.periods import DAY_MS
from quantservice.ports import JournalRow, TradingAccount
from quantservice.services.portfolio.reading import Earned, Portfolio, Sums

D = Decimal
BTC = "binance:um:BTC-USDT-PERP"


def row(entry_id: str, moves: dict[str, str], *, day: int = 0, deployment: str = "", currency: str = "USDT") -> JournalRow:
    """An entry that moves amounts into the wallet, each against its counter account."""
    postings = tuple(
        Posting(account=account, currency=currency, amount=amount)
        for counter, moved in moves.items()
        for account, amount in (("wallet", D(moved)), (counter, -D(moved)))
    )
    entry = Entry(entry_id=entry_id, postings=postings, time=day * DAY_MS + 5, reason="x")
    return JournalRow(account="main", deployment=deployment, entry=entry)


def earned_of(rows: list[JournalRow]) -> list[Earned]:
    sums = Sums()
    for item in rows:
        sums.add(item)
    return sums.rows()


def test_fills_funding_and_fees_are_summed_by_their_keys() -> None:
    found = earned_of(
        [
            row("opening:main", {"opening": "100000"}),
            row(f"fill:main|{BTC}|1", {"fee": "-1.5"}, deployment="d1"),
            row(f"fill:main|{BTC}|2", {"realised": "10", "fee": "-1.5"}, deployment="d1"),
            row(f"fill:main|{BTC}|3", {"realised": "-4", "fee": "-1"}, day=1, deployment="d1"),
            row(f"fill:main|{BTC}|4", {"realised": "2.00000001"}, day=1),
            row("movement:main:7", {"funding": "-0.25"}, day=1),
            row("movement:main:8", {"transfer": "500"}, day=1),
        ]
    )
    shown = [
        (item.day_ms // DAY_MS, item.deployment, item.instrument, item.realised, item.fees, item.funding, item.trades)
        for item in found
    ]
    assert shown == [
        (1, "", "", D(0), D(0), D("-0.25"), 0),
        (1, "", BTC, D("2.00000001"), D(0), D(0), 1),
        (1, "d1", BTC, D(-4), D(-1), D(0), 1),
        (0, "d1", BTC, D(10), D(-3), D(0), 2),
    ]
    assert sum(item.total for item in found) == D("3.75000001")


def test_what_spot_exchanges_is_no_profit() -> None:
    bought = row("fill:main|binance:spot:BTC-USDT|1", {"market": "0.1"}, currency="BTC")
    paid = row("fill:main|binance:spot:BTC-USDT|2", {"market": "-5000", "fee": "-5"})
    (only,) = earned_of([bought, paid])
    assert (only.currency, only.total, only.trades) == ("USDT", D(-5), 1)


async def test_an_entry_is_read_and_summed_once_however_often_one_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quantservice.services.portfolio.reading._PAGE", 2)
    async with sqlite_store(tmp_path) as store:
        portfolio = Portfolio(store, ManualClock())

        async def book(*numbers: int) -> None:
            async with store.transaction() as work:
                for number in numbers:
                    await work.books.post(row(f"fill:main|{BTC}|{number}", {"realised": "1"}))

        async with store.transaction() as work:
            await work.accounts.put(TradingAccount(name="main", venue="binance", market="um"))
        assert await portfolio.earned() == []
        await book(1, 2, 3, 4, 5)
        for _ in range(3):
            (only,) = await portfolio.earned(account="main")
            assert (only.total, only.trades) == (D(5), 5)
        await book(6)
        (only,) = await portfolio.earned()
        assert (only.total, only.trades) == (D(6), 6)
        assert await portfolio.earned(account="other") == []
