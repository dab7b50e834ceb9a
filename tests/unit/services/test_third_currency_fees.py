"""Fees in a currency of their own: the ledger's equation holds in each currency, the venue agrees, and P&L has their price."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.clock import START_MS, ManualClock
from tests.support.state import sqlite_store
from tests.unit.services.test_portfolio_bookkeeping import CM, RULES, SPOT, UM

from quantservice.core.fees import worth_of_fees
from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import VenueFill
from quantservice.ports import TradingAccount
from quantservice.ports.trading import AccountSnapshot, VenueBalance, VenuePosition
from quantservice.services.portfolio import Bookkeeper
from quantservice.services.portfolio.books import fees_of, wallet_of
from quantservice.services.portfolio.reading import Portfolio

D = Decimal
OPENING = {"USDT": D(10_000), "BNB": D(3), "BTC": D(1), "ETH": D(2)}


def fill_of(number: int, name: InstrumentId, side: str, quantity: str, price: str, fee: str, currency: str) -> VenueFill:
    return VenueFill(
        account="main",
        instrument=name,
        trade_id=f"{number}",
        side=side,  # type: ignore[arg-type]
        price=D(price),
        quantity=D(quantity),
        fee=D(fee),
        fee_currency=currency,
        time_ms=START_MS + number,
    )


def snapshot(wallet: dict[str, Decimal], positions: tuple[VenuePosition, ...] = ()) -> AccountSnapshot:
    balances = tuple(VenueBalance(currency=name, total=amount, free=amount) for name, amount in wallet.items())
    return AccountSnapshot(account="main", balances=balances, positions=positions, orders=(), time_ms=START_MS)


async def test_a_fee_in_bnb_is_taken_from_bnb_and_the_venue_agrees(tmp_path: Path) -> None:
    keeper = Bookkeeper(TradingAccount(name="main", venue="binance", market="um"), RULES.get, ManualClock())
    async with sqlite_store(tmp_path) as store, store.transaction() as work:
        await work.accounts.put(TradingAccount(name="main", venue="binance", market="um"))
        await keeper.open(work, snapshot(OPENING))
        await keeper.book(work, fill_of(1, UM, "buy", "0.1", "50000", "0.0052", "BNB"), deployment="d1")
        await keeper.book(work, fill_of(2, UM, "sell", "0.1", "51000", "0.0053", "BNB"), deployment="d1")
        await keeper.book(work, fill_of(3, SPOT, "buy", "0.5", "2000", "0.0011", "BNB"), deployment="d1")
        balances = await work.books.balances(account="main")
        wallet = wallet_of(balances)
        assert wallet == {"USDT": D(9_100), "BNB": D("2.9884"), "BTC": D(1), "ETH": D("2.5")}
        assert fees_of(balances) == {"BNB": D("0.0116")}
        assert fees_of(await work.books.balances(account="main", deployment="d1")) == {"BNB": D("0.0116")}
        held = (VenuePosition(instrument=SPOT, side="both", quantity=D("0.5"), entry_price=D(2_000)),)
        statement = await keeper.compare(work, snapshot(wallet, held))
        assert statement.unexplained == {}
        planted = await keeper.compare(work, snapshot(wallet | {"BNB": D("2.98840001")}, held))
        assert planted.unexplained == {"BNB": D("0.00000001")}
    async with sqlite_store(tmp_path) as store:
        earned = {(item.currency, item.instrument): item for item in await Portfolio(store, ManualClock()).earned(account="main")}
        assert (earned["USDT", str(UM)].realised, earned["USDT", str(UM)].fees) == (D(100), D(0))
        assert (earned["BNB", str(UM)].fees, earned["BNB", str(UM)].realised) == (D("-0.0105"), D(0))


FILLS = st.lists(
    st.tuples(
        st.sampled_from([UM, CM, SPOT]),
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 500),
        st.integers(10_000, 90_000),
        st.decimals("-0.01", "0.5", places=8),
        st.sampled_from(["USDT", "BNB", "BTC", "ETH"]),
        st.sampled_from(["", "d1", "d2"]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILLS)
def test_the_equation_holds_in_every_currency_whatever_fees_are_paid_in(steps: list[Any]) -> None:
    asyncio.run(_equation(steps))


async def _equation(steps: list[Any]) -> None:
    keeper = Bookkeeper(TradingAccount(name="main", venue="binance", market="um"), RULES.get, ManualClock())
    paid: dict[str, Decimal] = defaultdict(Decimal)
    with TemporaryDirectory() as folder:
        async with sqlite_store(Path(folder)) as store, store.transaction() as work:
            await keeper.open(work, snapshot(OPENING))
            for number, (name, side, quantity, price, fee, currency, deployment) in enumerate(steps, 1):
                fill = fill_of(number, name, side, f"{quantity}", f"{price}", f"{fee}", currency)
                await keeper.book(work, fill, deployment=deployment)
                paid[currency] += fee
            balances = await work.books.balances(account="main")
            sums: dict[str, Decimal] = defaultdict(Decimal)
            for (_, _, currency), amount in balances.items():
                sums[currency] += amount
            assert set(sums.values()) <= {D(0)}, "every currency's postings cancel out"
            assert fees_of(balances) == {currency: amount for currency, amount in paid.items() if amount}
            moved: dict[str, Decimal] = defaultdict(Decimal)
            for (_, account, currency), amount in balances.items():
                if account != "wallet":
                    moved[currency] -= amount
            assert wallet_of(balances) == {currency: amount for currency, amount in moved.items() if amount}


@pytest.mark.parametrize(
    ("paid", "worth"),
    [
        ({}, "0"),
        ({"USDT": "12"}, "0"),  # in the wallet already
        ({"BNB": "0.01"}, "6"),
        ({"BNB": "0.01", "BTC": "0.001", "USDT": "1"}, "56"),
        ({"BNB": "-0.01"}, "-6"),  # a rebate
        ({"HT": "5"}, "0"),  # no price is known yet
    ],
)
def test_fees_are_worth_what_their_currency_is(paid: dict[str, str], worth: str) -> None:
    rates = {("BNB", "USDT"): D(600), ("BTC", "USDT"): D(50_000), ("USDT", "HT"): D(9)}
    assert worth_of_fees({name: D(amount) for name, amount in paid.items()}, "USDT", rates) == D(worth)
