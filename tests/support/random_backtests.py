"""Random markets, assumptions and decisions, each from one seed, for every engine alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.margin import Bracket, BracketTable, maintenance_amounts
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, Signal
from quantservice.quant.backtest import Assumptions, FeeRates, MarketData, OrderTable, Slippage
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Answer, Strategy
from quantservice.quant.strategies.view import View
from tests.support.reference_engine import Reference
from tests.support.reference_types import Market, Row

HOUR = 3_600_000
START = 1_700_006_400_000  # midnight, UTC
TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop", "take_profit")
_FLOORS, _RATES, _LEVERAGES = (0, 5_000, 20_000, 100_000), ("0.01", "0.025", "0.05", "0.1"), (100, 50, 20, 5)


@dataclass
class Case:
    """One random backtest."""

    data: MarketData
    assumptions: Assumptions
    decisions: dict[int, list[Decision]]
    markets: list[Market]

    @property
    def orders(self) -> OrderTable:
        table = OrderTable()
        for bar, decisions in self.decisions.items():
            table.add(bar, *decisions)
        return table

    def reference(self) -> Reference:
        return Reference(self.markets, self.decisions, self.assumptions, HOUR).run()


class Replay(Strategy):
    """Answers what was decided beforehand. ``looks``: it looks at its account each time, so that the engine goes bar by bar."""

    looks: bool = False

    def plan(self, case: Case) -> Replay:
        self.decisions = case.decisions
        self.places = {int(time): bar for bar, time in enumerate(case.data.time)}
        last = {bar: max(s for s, times in enumerate(case.data.places) if bar in times) for bar in range(len(case.data.time))}
        self.speakers = {bar: case.data.instruments[s] for bar, s in last.items()}
        return self

    def on_kline(self, kline: Bar, view: View) -> Answer:
        bar = self.places[kline.open_time]
        if self.looks and view.equity != view.equity:
            raise ValueError("the equity is not a number")
        return tuple(self.decisions.get(bar, ())) if self.speakers[bar] == kline.instrument else None


def brackets(unit: float) -> BracketTable:
    floors = [Decimal(floor) / Decimal(unit) for floor in _FLOORS]
    rates = [Decimal(rate) for rate in _RATES]
    amounts = maintenance_amounts(list(zip(floors, rates, strict=True)))
    rows = zip(floors, [*floors[1:], Decimal(10**12)], rates, map(Decimal, _LEVERAGES), amounts, strict=True)
    names = ("floor", "cap", "maintenance_rate", "max_leverage", "cum")
    return BracketTable(tuple(Bracket(**dict(zip(names, row, strict=True))) for row in rows))


def make_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    bars, count = int(rng.integers(12, 60)), int(rng.choice([1, 1, 2, 3]))
    kind = str(rng.choice(["spot", "um", "cm", "mixed"]))
    assumptions = _assumptions(rng, hedge=kind != "spot" and rng.random() < 0.3)
    names, tables, instruments, tiers, funding = [], {}, [], {}, {}
    for place in range(count):
        market = kind if kind != "mixed" else ("spot", "um")[place % 2]
        base = ("BTC", "ETH", "SOL")[place]
        symbol = {"cm": f"{base}-USD-PERP", "um": f"{base}-USDT-PERP", "spot": f"{base}-USDT"}[market]
        name = InstrumentId("binance", market, symbol)
        names.append(name)
        tables[str(name)] = _table(rng, bars, first=place == 0)
        instruments.append(_instrument(name, base, rng))
        if market != "spot":
            tiers[str(name)] = brackets(100.0 if market == "cm" else 1.0)
            times = np.arange(START, START + bars * HOUR, 8 * HOUR)
            funding[str(name)] = (times, np.round(rng.normal(0, 0.002, len(times)), 6))
    data = MarketData.of(tables, instruments=instruments, brackets=tiers, funding=funding or None)
    decisions = _decisions(rng, data, assumptions, bars)
    return Case(data, assumptions, decisions, _markets(data, assumptions, instruments, tiers))


def _assumptions(rng: np.random.Generator, *, hedge: bool) -> Assumptions:
    leverage = float(rng.choice([1.0, 1.0, 3.0, 10.0, 40.0]))
    return Assumptions(
        fees=FeeRates(maker=float(rng.choice([0.0, 0.0002, -0.0001])), taker=float(rng.choice([0.0, 0.0005, 0.002]))),
        slippage=Slippage(model="fixed", bps=float(rng.choice([1.0, 25.0]))) if rng.random() < 0.5 else Slippage(),
        fill="close" if rng.random() < 0.15 else "next_open",
        latency_ms=int(rng.choice([0, 0, 300, 1_234_567, 2 * HOUR + 10])),
        volume_share_cap=float(rng.choice([0.0, 0.0, 0.05, 0.3])),
        limit_fill=str(rng.choice(["through", "touch"])),  # type: ignore[arg-type]
        sizing=str(rng.choice(["decision", "fill"])),  # type: ignore[arg-type]
        rebalance=str(rng.choice(["change", "always"])),  # type: ignore[arg-type]
        drift_tolerance=float(rng.choice([0.0, 0.02])),
        margin_mode=str(rng.choice(["isolated", "cross"])),  # type: ignore[arg-type]
        leverage=leverage,
        position_mode="hedge" if hedge else "one_way",
        enforce_rules=bool(rng.random() < 0.8),
        currency="USDT",
    )


def _table(rng: np.random.Generator, bars: int, *, first: bool) -> dict[str, Any]:
    close = np.maximum(np.round(100.0 * np.exp(np.cumsum(rng.normal(0, rng.choice([0.004, 0.03]), bars))), 1), 5.0)
    opened = np.round(np.r_[100.0, close[:-1]] * np.exp(rng.normal(0, 0.01, bars) * (rng.random(bars) < 0.3)), 1)
    high = np.round(np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 0.01, bars))), 1)
    low = np.round(np.minimum(opened, close) * (1 - np.abs(rng.normal(0, 0.01, bars))), 1)
    volume = np.round(rng.uniform(1, 400, bars), 3)
    made = rng.random(bars) < 0.05
    for column in (opened, high, low):
        column[made] = close[made]
    volume[made] = 0.0
    table = {"open_time": START + HOUR * np.arange(bars), "open": opened, "high": high, "low": low, "close": close}
    table["volume"] = volume
    keep = np.ones(bars, dtype=bool)
    if not first:
        keep = rng.random(bars) > 0.05
        keep[: int(rng.choice([0, 3]))] = False
        keep[bars - int(rng.choice([0, 0, 4])) :] = False
        keep[5:7] = True
    return {key: values[keep] for key, values in table.items()}


def _instrument(name: InstrumentId, base: str, rng: np.random.Generator) -> Instrument:
    inverse = name.market == "cm"
    return Instrument(
        id=name,
        venue_symbol=name.symbol,
        base=base,
        quote="USD" if inverse else "USDT",
        settle=base if inverse else "USDT",
        tick_size=Decimal("0.1"),
        lot_size=Decimal(1) if inverse else Decimal("0.001"),
        min_quantity=Decimal(1) if inverse else Decimal(str(rng.choice(["0.001", "2"]))),
        min_notional=Decimal(0) if inverse else Decimal(str(rng.choice(["5", "200"]))),
        contract_size=Decimal(10) if inverse else Decimal(1),
        inverse=inverse,
    )


def _decisions(rng: np.random.Generator, data: MarketData, assumptions: Assumptions, bars: int) -> dict[int, list[Decision]]:
    found: dict[int, list[Decision]] = {}
    style = rng.choice(["signals", "orders", "both"])
    for bar in range(bars):
        if bar >= len(data.time) or rng.random() > 0.5:
            continue
        made: list[Decision] = []
        for _ in range(int(rng.choice([1, 1, 2, 3]))):
            name = data.instruments[int(rng.integers(len(data.instruments)))]
            side = str(rng.choice(["long", "short"])) if assumptions.position_mode == "hedge" else "both"
            if style == "signals" or (style == "both" and rng.random() < 0.5):
                target = float(rng.choice([0.0, 0.3, 1.0, -0.5, -1.0, 2.0]))
                made.append(Signal(name, target, side))  # type: ignore[arg-type]
            elif rng.random() < 0.1:
                made.append(CancelOrders(instrument=name, tag=str(rng.choice(["", "a"]))))
            else:
                made.append(_order(rng, data, bar, name, side))
        found[bar] = made
    return found


def _order(rng: np.random.Generator, data: MarketData, bar: int, name: InstrumentId, side: str) -> OrderRequest:
    kind = str(rng.choice(TYPES))
    close = data.px[: bar + 1, data.instruments.index(name), 3]
    last = float(close[close > 0][-1]) if np.any(close > 0) else 100.0

    def away() -> float:
        return round(last * (1 + float(rng.normal(0, 0.015))), 2)

    by_fraction = rng.random() < 0.3
    force = str(rng.choice(["GTC", "GTC", "GTC", "IOC", "FOK", "GTD"]))
    quantity = round(float(rng.uniform(1, 150)), 3) if name.market != "cm" else float(rng.integers(1, 900))
    return OrderRequest(
        instrument=name,
        side=str(rng.choice(["buy", "sell"])),  # type: ignore[arg-type]
        type=kind,  # type: ignore[arg-type]
        quantity=None if by_fraction else quantity,
        fraction=float(rng.choice([0.1, 0.5, 1.0])) if by_fraction else None,
        limit_price=away() if kind in {"limit", "stop_limit"} else None,
        stop_price=away() if kind in {"stop", "stop_limit", "take_profit"} else None,
        trail=float(rng.choice([0.01, 0.03])) if kind == "trailing_stop" else None,
        post_only=bool(kind == "limit" and rng.random() < 0.3),
        reduce_only=bool(rng.random() < 0.3),
        time_in_force=force,  # type: ignore[arg-type]
        expire_ms=int(data.time[bar]) + HOUR * int(rng.integers(1, 9)) + 7 if force == "GTD" else None,
        group=str(rng.choice(["", "", "g"])),
        tag=str(rng.choice(["", "a"])),
        position_side=side,  # type: ignore[arg-type]
    )


def _markets(
    data: MarketData, assumptions: Assumptions, rules: Sequence[Instrument], tiers: dict[str, BracketTable]
) -> list[Market]:
    fees, out = assumptions.fees, []
    assert isinstance(fees, FeeRates)
    none = dict.fromkeys(("tick_size", "lot_size", "min_quantity", "min_notional"), Decimal(0))
    for place, known in enumerate(rules):
        item = known if assumptions.enforce_rules else msgspec.structs.replace(known, **none)
        rows: list[Row | None] = []
        for time, state, values in zip(data.time, data.rows[:, place], data.px[:, place], strict=True):
            opened, high, low, close, volume = (Decimal(repr(float(value))) for value in values)
            rows.append(Row(int(time), opened, high, low, close, volume, not int(state) & 6) if state else None)
        leverage = Decimal(1) if item.id.market == "spot" else Decimal(repr(assumptions.leverage))
        held = data.funding.get(item.id)
        paid = [] if held is None else [(int(t), Decimal(repr(float(r)))) for t, r in zip(held.time, held.rate, strict=True)]
        maker, taker = Decimal(repr(fees.maker)), Decimal(repr(fees.taker))
        out.append(Market(item, rows, maker, taker, leverage, tiers.get(str(item.id)), paid))
    return out
