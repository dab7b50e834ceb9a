"""What was earned is what the journal says: by deployment, instrument and day; openings, transfers and spot exchanges are not."""

from __future__ import annotations

from decimal import Decimal

from quantservice.core.ledger import Entry, Posting
from quantservice.core.periods import DAY_MS
from quantservice.ports import JournalRow
from quantservice.services.portfolio.reading import earned_of

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
