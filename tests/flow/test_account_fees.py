"""What an account pays is read from its venue, kept with it, and taken by paper accounts of the same market."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.flow.test_trading_role import eventually, platform_of, trading, wish
from tests.support.execution_rig import BTC
from tests.support.market import instrument
from tests.support.state import sqlite_store
from tests.support.strategies import random_bars

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.adapters.strategy_host.replaying import replayed
from quantservice.app.leverage import Leverages
from quantservice.app.parity import Parity
from quantservice.app.trading import PUBLISHED_FEES, UNKNOWN_FEES
from quantservice.core.errors import VenueUnreachable
from quantservice.core.events import StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import Order
from quantservice.core.signals import OrderRequest
from quantservice.ports import AccountFees, HostedReplay, HostedSent, TradingAccount
from quantservice.ports.trading import AccountModes
from quantservice.quant.backtest.fee_tiers import SCHEDULES, rates_for
from quantservice.quant.strategies.registry import STRATEGIES
from quantservice.services.execution.commands import Orders
from quantservice.services.strategies.seen import hosted_bars

D = Decimal


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as made:
        async with made.transaction() as work:
            await work.accounts.put(TradingAccount(name="paper", venue="binance", market="um"))
        yield made


def paid(account: str, maker: str, taker: str, *, market: str = "um", read_ms: int = 5) -> AccountFees:
    return AccountFees(
        account=account, venue="binance", market=market, instrument=str(BTC), maker=D(maker), taker=D(taker), read_ms=read_ms
    )


async def test_what_an_account_pays_is_read_and_kept(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform):

        async def read() -> Any:
            return (await platform.accounts.fees()).get("paper")

        await eventually(read)
        found = await read()
        assert (found.maker, found.taker, found.instrument) == (D("0.0002"), D("0.0005"), str(BTC))
    await platform.accounts.remove("paper")
    assert await platform.accounts.fees() == {}


async def test_leverage_is_asked_for_by_the_running_accounts(store: SqlStateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[set[str]] = []

    async def look(_self: Leverages, desks: Mapping[str, Any], _deployments: Any) -> None:
        looked.append(set(desks))

    monkeypatch.setattr(Leverages, "look", look)
    async with trading(platform_of(store)):

        async def asked() -> bool:
            return {"paper"} in looked

        await eventually(asked)


async def test_a_paper_account_pays_what_a_live_one_of_its_market_does(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with store.transaction() as work:
        for name, mode in (("main", "live"), ("second", "live"), ("other", "paper")):
            account = TradingAccount(name=name, venue="binance", market="um", mode=mode, enabled=False)  # type: ignore[arg-type]
            await work.accounts.put(account)
    for fees in (
        paid("main", "0.0001", "0.0003"),
        paid("second", "0.0009", "0.0009", read_ms=4),
        paid("other", "0", "0", read_ms=9),
        paid("gone", "0", "0", read_ms=9),
    ):
        await platform.accounts.note_fees(fees)
    assert await platform.accounts.fees_at("binance", "spot") is None
    async with trading(platform) as role:
        orders = Orders(store, platform.clock, lambda name: role.desk(name).gateway)
        assert isinstance(await orders.place(wish()), Order)
        (fill,) = [fill for fill, _, _ in await orders.fills()]
        assert fill.fee == fill.price * fill.quantity * D("0.0003")


async def test_a_venue_that_does_not_answer_is_asked_again(store: SqlStateStore) -> None:
    platform = platform_of(store)
    async with trading(platform) as role:
        desk = role.desk("paper")

        async def away(_instruments: object) -> AccountModes:
            raise VenueUnreachable("away", cause="server", venue="binance")

        async def silent(_instruments: object) -> AccountModes:
            return AccountModes()

        answered = desk.trading.modes
        for answer, done in ((away, False), (silent, False), (answered, True)):
            desk.trading.modes = answer  # type: ignore[method-assign, assignment]
            assert await role._read_fees(desk) is done


def test_what_paper_pays_at_first_is_what_a_backtest_takes() -> None:
    assert {f"{venue}_{market}" for venue, market in PUBLISHED_FEES} <= set(SCHEDULES)
    for (venue, market), fees in PUBLISHED_FEES.items():
        (rates, *_), guessed = rates_for("venue", InstrumentId(venue, market, "BTC-USDT"))
        assert (float(fees.maker), float(fees.taker), guessed) == (rates.maker, rates.taker, False)
    (rates, *_), guessed = rates_for("venue", InstrumentId("nowhere", "spot", "BTC-USDT"))
    assert (float(UNKNOWN_FEES.maker), float(UNKNOWN_FEES.taker), guessed) == (rates.maker, rates.taker, True)


async def test_parity_models_fills_with_what_the_account_pays(store: SqlStateStore) -> None:
    platform = platform_of(store)
    parity = Parity(store, None, None, None, Path("never"))  # type: ignore[arg-type]  # it reads fees alone
    assert await parity._fees({"paper"}) is None
    await platform.accounts.note_fees(paid("paper", "-0.0001", "0.0004"))
    assert await parity._fees({"paper"}) == (-0.0001, 0.0004)
    assert await parity._fees(set()) is None
    assert await parity._fees({"paper", "other"}) is None
    bars = random_bars(20)
    request = OrderRequest(instrument=BTC, side="buy", quantity=1.0)
    sent = (HostedSent("taken", int(bars.columns["open_time"][3]), request),)
    tables = (hosted_bars(StreamId.kline(BTC, "1h"), bars.columns),)
    rules = (instrument("BTC"),)
    for fees, rate in ((None, 0.0005), ((-0.0001, 0.0004), 0.0004)):
        (fill,) = replayed(STRATEGIES["ma_cross"].cls(), HostedReplay(tables=tables, sent=sent, rules=rules, fees=fees)).fills
        assert fill.fee == pytest.approx(fill.price * fill.quantity * rate)
