"""A backtest's result made by hand: a moving-average cross with fees and funding, plain enough to be checked, without an engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quantservice.core.instruments import InstrumentId
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.records import FILL, FUNDING, LIQUIDATION, ORDER, TRADE
from quantservice.quant.backtest.results import Flag, RunResult
from quantservice.quant.reports import Candles

HOUR = 3_600_000
START = 1_672_531_200_000  # 2023-01-01 00:00 UTC
FEE = 0.0005


def random_candles(bars: int, *, seed: int = 1, name: str = "binance:um:BTC-USDT", step: int = HOUR, start: int = START) -> Candles:
    """Klines of a random walk; three of them are synthetic."""
    generator = np.random.Generator(np.random.PCG64(seed))
    close = np.asarray(20_000.0 * np.exp(np.cumsum(generator.normal(0.00008, 0.006, bars))), dtype=np.float64)
    opened = np.concatenate([[20_000.0], close[:-1]])
    high = np.maximum(opened, close) * (1.0 + generator.random(bars) * 0.002)
    low = np.minimum(opened, close) * (1.0 - generator.random(bars) * 0.002)
    state = np.zeros(bars, np.uint8)
    state[:3] = 2
    time = start + step * np.arange(bars, dtype=np.int64)
    return Candles(name, time, opened, high, low, close, generator.gamma(2.0, 400.0, bars), state)


def cross(
    candles: Candles, place: int, fast: int = 12, slow: int = 48
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Long one unit of 1,000 while the fast average is above the slow one: trades, fills, and the profit (T,) so far."""
    close, opened = candles.close, candles.open

    def mean(n: int) -> npt.NDArray[np.float64]:
        return np.convolve(close, np.ones(n) / n, "full")[: len(close)]

    wanted = (mean(fast) > mean(slow)) & (np.arange(len(close)) >= slow)
    held = np.concatenate([[False], wanted[:-1]])  # filled at the next open
    starts = np.flatnonzero(held & ~np.concatenate([[False], held[:-1]]))
    ends = np.flatnonzero(~held & np.concatenate([[False], held[:-1]]))
    trades, fills, profit = [], [], np.zeros(len(close))
    for k, a in enumerate(starts):
        still_open = k >= len(ends)
        b = len(close) - 1 if still_open else int(ends[k])
        quantity = 1_000.0 / opened[a]
        leaving = close[b] if still_open else opened[b]
        gross = quantity * (leaving - opened[a])
        fees = 1_000.0 * FEE + (0.0 if still_open else quantity * leaving * FEE)
        inside = slice(a, b + still_open)
        row = np.zeros((), TRADE)
        values = {
            "entry_time": candles.time[a], "exit_time": candles.time[b], "entry_bar": a, "exit_bar": b, "instrument": place,
            "side": 1,
            "quantity": quantity, "entry_price": opened[a], "exit_price": leaving, "value": 1_000.0, "gross": gross, "fees": fees,
            "net": gross - fees, "return": (gross - fees) / 1_000.0, "bars": b - a,
            "mae": min(candles.low[inside].min() / opened[a] - 1.0, 0.0),
            "mfe": max(candles.high[inside].max() / opened[a] - 1.0, 0.0),
            "exit_reason": 9 if still_open else 0, "open": still_open,
        }  # fmt: skip
        for name, value in values.items():
            row[name] = value
        trades.append(row)
        for bar, side, price in ((a, 1, opened[a]), (b, -1, opened[b]))[: 1 if still_open else 2]:
            fill = np.zeros((), FILL)
            for name, value in {
                "time": candles.time[bar], "bar": bar, "instrument": place, "side": side, "price": price, "quantity": quantity,
                "fee": quantity * price * FEE, "maker": side < 0, "rate": 1.0,
            }.items():  # fmt: skip
                fill[name] = value
            fills.append(fill)
        profit[a:b] += quantity * (close[a:b] - opened[a]) - 1_000.0 * FEE
        profit[b:] += gross - fees
    return np.array(trades, TRADE), np.array(fills, FILL), profit


def sample_result(
    bars: int = 24 * 300, instruments: int = 1, *, seed: int = 1, step: int = HOUR
) -> tuple[RunResult, tuple[Candles, ...]]:
    """A result with its klines: one account of 10,000 trading each instrument, one settlement missing."""
    names = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT")[:instruments]
    candles = tuple(random_candles(bars, seed=seed + k, name=f"binance:um:{name}", step=step) for k, name in enumerate(names))
    parts = [cross(item, place) for place, item in enumerate(candles)]
    trades = np.concatenate([part[0] for part in parts])
    fills = np.concatenate([part[1] for part in parts])
    equity = 10_000.0 + np.sum([part[2] for part in parts], axis=0)
    gross = np.zeros(bars)
    for row in trades:
        last = row["exit_bar"] + int(row["open"])
        gross[row["entry_bar"] : last] += row["quantity"] * candles[row["instrument"]].close[row["entry_bar"] : last]
    orders = np.zeros(len(fills) + 1, ORDER)
    orders["quantity"], orders["filled"], orders["state"] = 1.0, 1.0, 2
    orders["filled"][-1], orders["state"][-1], orders["reason"][-1] = 0.0, 5, 1
    funding = np.zeros(3, FUNDING)
    funding["amount"], funding["rate"], funding["missing"] = [-2.0, 1.0, 0.0], 1.0, [False, False, True]
    equity[bars // 2 :] -= 1.0  # the two settlements that are known
    result = RunResult(
        instruments=tuple(InstrumentId.parse(item.instrument) for item in candles),
        period="1h",
        currency="USDT",
        assumptions=Assumptions(fees="binance_um:vip0"),
        time=candles[0].time,
        close_time=candles[0].time + step - 1,
        initial_equity=10_000.0,
        equity=equity,
        worst_equity=equity - 0.002 * gross,
        cash=equity - gross,
        gross_exposure=gross,
        net_exposure=gross,
        margin_used=gross,
        fills=fills,
        orders=orders,
        trades=trades[np.argsort(trades["exit_time"], kind="stable")],
        funding=funding,
        liquidations=np.zeros(0, LIQUIDATION),
        flags=(Flag("funding_missing", "1 funding settlement of an open position is not known", 1),),
        data_fingerprint="0123456789abcdef" * 4,
    )
    return result, candles
