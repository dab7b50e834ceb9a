"""The ledger beside its own sums: order, repeats, currencies and remainders change nothing that they should not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantservice.core.errors import InvalidValue
from quantservice.core.ledger import Entry, Ledger, Posting, spot_trade, transfer

D = Decimal


def paid(name: str, amount: str, currency: str = "USDT", *, time: int = 0) -> Entry:
    return transfer(name, currency, D(amount), source="bank", target="me", time=time, reason="deposit")


def test_one_that_counted_before_does_not_stop_the_next() -> None:
    ledger = Ledger().apply([paid("a", "5")]).apply([paid("a", "5"), paid("b", "7")])
    assert ledger.balance("me", "USDT") == D(12)
    assert ledger.balance("bank", "USDT") == D(-12)
    assert ledger.applied == {"a", "b"}
    assert ledger.balance("me", "BTC") == 0


def test_an_account_with_nothing_left_is_not_kept_and_one_with_something_is() -> None:
    back = transfer("b", "USDT", D(5), source="me", target="bank")
    assert Ledger().apply([paid("a", "5"), back]).balances == {}
    assert Ledger().apply([paid("a", "1")]).balances == {("bank", "USDT"): D(-1), ("me", "USDT"): D(1)}


def test_totals_are_sums_per_currency() -> None:
    ledger = Ledger().apply([paid("a", "5"), paid("b", "3", "BTC")])
    assert ledger.totals() == {"USDT": D(0), "BTC": D(0)}
    leaking = Ledger({("me", "USDT"): D(5), ("you", "USDT"): D(2), ("me", "BTC"): D(-1)})
    assert leaking.totals() == {"USDT": D(7), "BTC": D(-1)}


def test_entries_carry_their_cause_and_no_time_that_nobody_gave() -> None:
    entry = paid("a", "5", time=9)
    assert (entry.time, entry.reason) == (9, "deposit")
    assert entry.postings == (
        Posting(account="bank", currency="USDT", amount=D(-5)),
        Posting(account="me", currency="USDT", amount=D(5)),
    )
    assert transfer("b", "USDT", D(5), source="bank", target="me").time == 0
    assert Entry(entry_id="c", postings=()).time == 0


def trade(**more: object) -> Entry:
    fields = {"account": "me", "venue": "binance", "base": "BTC", "quote": "USDT", "quantity": D("0.5"), "price": D(20_000)}
    return spot_trade("f1", **(fields | more))  # type: ignore[arg-type]


def test_a_spot_trade_is_base_against_quote_and_the_fee() -> None:
    assert {(p.account, p.currency): p.amount for p in trade().postings} == {
        ("me", "BTC"): D("0.5"),
        ("binance:market", "BTC"): D("-0.5"),
        ("me", "USDT"): D(-10_000),
        ("binance:market", "USDT"): D(10_000),
    }
    with_fee = trade(fee=D("0.1"), fee_currency="BNB", time=4)
    assert {(p.account, p.currency): p.amount for p in with_fee.postings if p.currency == "BNB"} == {
        ("me", "BNB"): D("-0.1"),
        ("binance:fees", "BNB"): D("0.1"),
    }
    assert (with_fee.time, with_fee.reason, trade().time) == (4, "trade", 0)


def test_each_currency_must_balance_for_itself() -> None:
    over = (Posting(account="a", currency="USDT", amount=D(1)), Posting(account="b", currency="BTC", amount=D(-1)))
    with pytest.raises(InvalidValue, match="must sum to zero"):
        Entry(entry_id="e", postings=over)
    for account, currency in (("", "USDT"), ("a", "")):
        with pytest.raises(InvalidValue, match="names an account and a currency"):
            Posting(account=account, currency=currency, amount=D(1))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-(10**12), 10**12), st.sampled_from(["USDT", "BTC"])), max_size=30))
def test_the_fold_is_the_plain_sum_over_what_is_new_and_nothing_leaks(moves: list[tuple[int, int, str]]) -> None:
    entries = [paid(f"e{name}", str(D(amount) / 10**8), currency) for name, amount, currency in moves]
    first: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry.entry_id, entry)
    ledger = Ledger()
    for at in range(0, len(entries), 3):
        ledger = ledger.apply(entries[at : at + 3])
    for currency in ("USDT", "BTC"):
        wanted = sum((entry.postings[1].amount for entry in first.values() if entry.postings[1].currency == currency), D(0))
        assert ledger.balance("me", currency) == wanted
    assert ledger.applied == set(first)
    assert not any(ledger.totals().values())
    assert 0 not in ledger.balances.values()
