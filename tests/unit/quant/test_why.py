"""Why was there no trade: for each bar and instrument the gate that said no."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from tests.support.strategies import BTC, ETH, START_MS, random_bars

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.signals import CancelOrders, OrderRequest, OrderUpdate, Signal
from quantservice.quant.reports import Report
from quantservice.quant.research import Backtest
from quantservice.quant.strategies import Bar, Strategy, View
from quantservice.quant.strategies.feed import BarsView
from quantservice.quant.why import TRADED, summary_of

HOUR = 3_600_000
SPOT = InstrumentId("binance", "spot", "BTC-USDT")
_SAME = "the same target as before"


class Scripted(Strategy):
    """Says what a table says, by bar."""

    def on_kline(self, kline: Bar, view: View) -> Any:
        return SCRIPT.get((kline.open_time - START_MS) // HOUR)


SCRIPT: dict[int, Any] = {}


def rules(**more: Any) -> Instrument:
    given: dict[str, Any] = {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.001"), **more}
    return Instrument(id=BTC, venue_symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT", **given)


def gates(script: Mapping[int, Any], monkeypatch: pytest.MonkeyPatch, bars: Any = None, **given: Any) -> list[str]:
    for bar, answer in script.items():
        monkeypatch.setitem(SCRIPT, bar, answer)
    table = Backtest(Scripted, random_bars(12) if bars is None else bars, fees="none", **given).why()
    found: list[str] = table["gate"].tolist()
    return found


def test_what_was_said_and_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    script = {
        1: Signal(BTC, 1.0),
        2: Signal(BTC, 1.0),
        3: OrderRequest(instrument=BTC, side="buy", type="limit", quantity=1.0, limit_price=1.0),
        4: CancelOrders(instrument=BTC),
        5: OrderRequest(instrument=BTC, side="buy", quantity=1e9),
        6: Signal(BTC, 0.0),
        7: [],
    }
    found = gates(script, monkeypatch)
    silent = "the strategy said nothing"
    assert found[:3] == [silent, TRADED, _SAME]
    assert found[3:5] == ["cancelled: cancelled by the strategy", "the strategy only cancelled"]
    assert found[5].startswith("rejected: ")
    assert found[6:] == [TRADED, silent, silent, silent, silent, silent]


def test_what_rounds_to_nothing_and_what_is_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = rules(lot_size=Decimal(1000))
    script = {1: Signal(BTC, 1.0), 2: Signal(BTC, 0.5)}
    found = gates(script, monkeypatch, instruments=[coarse])
    assert found[1] == found[2] == "the position has it already, or is off by less than one step of quantity"
    assert gates(script, monkeypatch, instruments=[rules(min_notional=Decimal(10**9))])[1] == (
        "rejected: less than the smallest notional"
    )


def test_an_instrument_that_is_not_trading(monkeypatch: pytest.MonkeyPatch) -> None:
    script = {bar: Signal(BTC, 1.0) for bar in range(12)}
    listed = rules(listed_ms=START_MS + 3 * HOUR)
    assert gates(script, monkeypatch, instruments=[listed])[:5] == ["the instrument is not trading"] * 3 + [TRADED, _SAME]
    halted = [rules(status="break"), rules(valid_from_ms=START_MS + 2 * HOUR)]
    assert gates(script, monkeypatch, instruments=halted)[:4] == ["the instrument is not trading"] * 2 + [TRADED, _SAME]
    gone = rules(delisted_ms=START_MS + 9 * HOUR)
    assert gates(script, monkeypatch, instruments=[gone])[9:] == ["the instrument is not trading"] * 3


def test_shorts_on_spot(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = random_bars(12, instrument=SPOT)
    found = gates({1: Signal(SPOT, -1.0), 2: Signal(SPOT, 1.0), 3: Signal(SPOT, -1.0)}, monkeypatch, bars)
    assert found[1:4] == ["a spot account cannot sell what it does not hold", TRADED, TRADED]


def test_holes_and_several_instruments(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = [random_bars(12, absent=[2]), random_bars(12, instrument=ETH, seed=2)]
    for bar in range(12):
        monkeypatch.setitem(SCRIPT, bar, [])
    table = Backtest(Scripted, bars, fees="none").why()
    assert len(table) == 24
    assert table["gate"][4:6].tolist() == ["no kline of the instrument at this bar", "the strategy said nothing"]
    assert table["instrument"][:2].tolist() == [str(BTC), str(ETH)]


class Both(Strategy):
    """Above an average, on whole arrays; says nothing in its warm-up."""

    def indicators(self) -> Any:
        return {"mean": ("sma", 5), "bands": ("minmax", 3)}

    def on_bars(self, bars: BarsView) -> Any:
        return np.where(np.isnan(bars["mean"]), np.nan, np.where(bars["close"] > bars["mean"], 1.0, 0.0))


class Hearing(Strategy):
    """Answers a fill with the way out."""

    def on_kline(self, kline: Bar, view: View) -> Any:
        return OrderRequest(instrument=kline.instrument, side="buy", fraction=0.5) if view.bars == 1 else None

    def on_order_update(self, update: OrderUpdate, view: View) -> Any:
        return Signal(update.instrument, 0.0) if update.state == "filled" and update.side == "buy" else None


def test_arrays_and_their_warm_up() -> None:
    report = Backtest(Both, random_bars(60), fees="none").run(gate_seconds=0)
    table = report.why()
    silent = "the strategy said nothing; warm-up: no value yet of "
    assert table["gate"][:4].tolist() == [f"{silent}mean and bands"] * 2 + [f"{silent}mean"] * 2
    changes = {int(bar) for bar in report.result.orders["bar"]}
    assert {row for row, gate in enumerate(table["gate"]) if gate == TRADED} == changes
    assert set(table["gate"][4:].tolist()) == {TRADED, _SAME}
    assert summary_of(table) == {_SAME: 56 - len(changes), f"{silent}mean and bands": 2, f"{silent}mean": 2}
    few = report.why(start="2023-11-13T04:00", end="2023-11-13T06:00")
    assert few["time"].astype("datetime64[h]").astype(str).tolist() == ["2023-11-13T04", "2023-11-13T05"]
    assert few["said"].tolist() == table["said"][4:6].tolist()
    with pytest.raises(InvalidValue, match="was not made by a Backtest"):
        Backtest(Both, random_bars(60)).run(gate_seconds=0).__class__(report.result).why()
    assert isinstance(report, Report)


def test_answers_to_updates_belong_to_their_bar() -> None:
    table = Backtest(Hearing, random_bars(8), fees="none").why()
    assert table["said"][:3].tolist() == ["buy market 0.5 of the equity", "target 0", ""]
    assert table["gate"][0] == TRADED
