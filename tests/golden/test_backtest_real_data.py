"""Backtests over real klines, real funding and the venue's own margin tiers, checked by arithmetic beside the engine."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import feather
from tests.support.small_market import flat, market, order

from quantservice.core.instruments import InstrumentId
from quantservice.core.margin import Bracket, BracketTable, liquidation_price
from quantservice.quant.backtest import Assumptions, MarketData, OrderTable, RunResult, run_targets
from quantservice.quant.backtest.kernel import layout as at
from quantservice.quant.backtest.machine import Machine
from quantservice.quant.backtest.plan import Plan

pytestmark = pytest.mark.data


def um(base: str) -> InstrumentId:
    return InstrumentId("binance", "um", f"{base}-USDT-PERP")


def crossing(close: np.ndarray, fast: int, slow: int) -> np.ndarray:
    means = [np.convolve(close, np.ones(n) / n)[: len(close)] for n in (fast, slow)]
    targets = np.where(means[0] > means[1], 1.0, -1.0)
    targets[:slow] = np.nan
    return targets


def money(result: RunResult) -> float:
    fills = result.fills
    open_profit = result.trades["gross"].sum() - fills["realised"].sum()
    return float(
        result.initial_equity + fills["realised"].sum() - fills["fee"].sum() + result.funding["amount"].sum() + open_profit
    )


def test_real_funding_is_paid_to_the_cent_and_its_end_is_told(data_dir: Path) -> None:
    """Bitcoin by the minute, May and June 2025; the funding file ends on 3 June."""
    bars = feather.read_table(data_dir / "klines/binance_um_1m_2025/BTC_USDT_USDT-1m-futures.feather")
    rates = feather.read_table(data_dir / "funding/binance_um_2025/BTC_USDT_USDT-8h-funding_rate.feather")
    data = MarketData.of(bars, instrument=um("BTC"), funding=rates)
    result = run_targets(data, crossing(data.column("close")[:, 0], 600, 2_400), Assumptions(fees="binance_um:vip0"))
    assert len(result.trades) > 15
    assert money(result) == pytest.approx(result.final_equity, rel=1e-9)
    known = {int(time) // 60_000 * 60_000: rate for time, rate in zip(_ms(rates["date"]), rates["open"].to_pylist(), strict=True)}
    held = np.concatenate(([0.0], result.positions[:-1, 0]))  # before the fills of a row
    for row in result.funding:
        place = int(np.searchsorted(data.time, row["time"]))
        assert row["quantity"] == pytest.approx(held[place], rel=1e-12)
        if not row["missing"]:
            opened = data.px[place, 0, 0]
            assert row["amount"] == pytest.approx(-held[place] * opened * known[int(row["time"])], rel=1e-12)
    flag = result.flag("funding_missing")
    assert flag is not None
    assert str(np.datetime64(flag.first_time, "ms")) == "2025-06-03T08:00:00.000"
    assert flag.count == result.funding["missing"].sum()


def _ms(column: Any) -> list[int]:
    return np.asarray(column.to_numpy()).astype("datetime64[ms]").astype(np.int64).tolist()  # type: ignore[no-any-return]


def test_late_listings_in_a_portfolio(data_dir: Path) -> None:
    names = ("BTC", "ETH", "LTC", "SUI", "1000PEPE")
    folder = data_dir / "klines/binance_um"
    tables = {str(um(name)): feather.read_table(folder / f"{name}_USDT_USDT-1h-futures.feather") for name in names}
    data = MarketData.of(tables)
    first = [int(data.places[place][0]) for place in range(5)]
    assert first[3] > 0
    assert first[4] > 0
    targets = np.full((len(data), 5), np.nan)
    targets[::168] = 0.2
    always = Assumptions(fees="binance_um:vip0", rebalance="always", funding=False, volume_share_cap=0.01)
    result = run_targets(data, targets, always)
    assert money(result) == pytest.approx(result.final_equity, rel=1e-9)
    for place in range(5):
        own = result.fills["bar"][result.fills["instrument"] == place]
        assert own.min() > first[place]
    assert result.flag("not_trading") is not None
    assert result.final_equity > 10_000.0  # the market of 2023


def test_real_gaps_are_counted(data_dir: Path) -> None:
    bars = feather.read_table(data_dir / "klines/binance_spot/BTC_USDT-1h.feather")
    data = MarketData.of(bars, instrument="binance:spot:BTC-USDT")
    gaps = next(flag for flag in data.flags if flag.name == "gaps")
    assert gaps.count == 128  # hours, in 28 maintenance windows
    held = run_targets(data, np.ones(len(data)), Assumptions(fees="none"))
    assert held.final_equity == pytest.approx(10_000.0 / data.px[1, 0, 0] * data.px[-1, 0, 3], rel=1e-3)


def test_minutes_inside_hours_fill_stops_where_the_minutes_do(data_dir: Path) -> None:
    minutes = feather.read_table(data_dir / "klines/binance_um_1m_2025/ETH_USDT_USDT-1m-futures.feather").slice(27, 60 * 24 * 20)
    fine = MarketData.of(minutes, instrument=um("ETH"))  # from a whole hour on
    rows = fine.px[:, 0].reshape(-1, 60, 5)
    parts = (rows[:, 0, 0], rows[:, :, 1].max(axis=1), rows[:, :, 2].min(axis=1), rows[:, -1, 3], rows[:, :, 4].sum(axis=1))
    hours = dict(zip(("open", "high", "low", "close", "volume"), parts, strict=True)) | {"open_time": fine.time[::60]}
    detailed = MarketData.of(hours, instrument=um("ETH"), detail=minutes)
    assert len(detailed.row_time) == len(fine)

    def placed(step: int) -> OrderTable:
        orders = OrderTable()
        for hour in range(10, 470, 12):
            price, bar = float(hours["close"][hour]), (hour + 1) * step - 1
            exits: dict[str, Any] = {"name": um("ETH"), "reduce_only": True, "group": "exit"}
            orders.add(bar, order("buy", name=um("ETH")))
            orders.add(bar, order("sell", "stop", stop_price=price * 0.985, **exits))
            orders.add(bar, order("sell", "take_profit", stop_price=price * 1.01, **exits))
        return orders

    assumptions = Assumptions(fees="binance_um:vip0", funding=False, leverage=5.0)
    by_hours = run_targets(detailed, orders=placed(1), assumptions=assumptions)
    by_minutes = run_targets(fine, orders=placed(60), assumptions=assumptions)
    assert by_hours.fills["price"].tolist() == by_minutes.fills["price"].tolist()
    assert by_hours.fills["time"].tolist() == by_minutes.fills["time"].tolist()
    assert by_hours.equity.tolist() == by_minutes.equity[59::60].tolist()


def test_liquidation_prices_of_the_venues_own_tiers(data_dir: Path) -> None:
    """The compiled price equals the core's for every fifth of Binance's 528 instruments, at three leverages, both ways."""
    with gzip.open(data_dir / "rest_messages/binance_leverage_tiers.json.gz") as file:
        listed: dict[str, list[dict[str, Any]]] = json.load(file)
    generator = np.random.default_rng(5)
    checked = 0
    for symbol in sorted(listed)[::5]:
        tiers = _tiers(listed[symbol])
        for leverage in (2.0, 10.0, 20.0):
            allowed = [tier for tier in tiers.brackets if tier.max_leverage >= leverage]
            if not allowed:
                continue
            direction = int(generator.choice([-1, 1]))
            quantity = round(float(allowed[-1].cap) * float(generator.uniform(0.05, 0.9)) / 100.0, 3)
            wallet = quantity * 100.0 * 2.0
            assumptions = Assumptions(fees="none", funding=False, leverage=leverage, initial_equity=wallet)
            orders = OrderTable()
            orders.add(0, order("buy" if direction > 0 else "sell", quantity=quantity))
            data = market(flat(100.0, 100.0), brackets=tiers)
            requests, _tags = orders.requests(data, assumptions)
            machine = Machine(Plan(data, assumptions), requests=requests)
            machine.advance(1)
            held, margin = machine.legs[0, at.L_QUANTITY], machine.legs[0, at.L_MARGIN]
            assert held == direction * quantity
            wanted = liquidation_price(Decimal(100), Decimal(repr(float(held))), Decimal(repr(float(margin))), tiers)
            assert machine.legs[0, at.L_LIQUIDATION] == pytest.approx(float(wanted or "nan"), rel=1e-9, nan_ok=True)
            checked += 1
    assert checked > 250


def _tiers(rows: list[dict[str, Any]]) -> BracketTable:
    found = []
    for row in rows:
        info = row["info"]
        numbers = {"floor": "notionalFloor", "cap": "notionalCap", "maintenance_rate": "maintMarginRatio"}
        numbers |= {"max_leverage": "initialLeverage", "cum": "cum"}
        found.append(Bracket(**{name: Decimal(info[key]) for name, key in numbers.items()}))
    return BracketTable(tuple(found))
