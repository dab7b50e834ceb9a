"""The backtester's side of parity: what a strategy decides with a given account, and what the fill model makes of sent orders."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.strategies import BTC, ETH, START_MS, random_bars

from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.positions import PositionSide
from quantservice.core.signals import Decision, OrderRequest, OrderUpdate, Signal
from quantservice.quant.backtest import Assumptions, FeeRates, MarketData, Slippage
from quantservice.quant.backtest.replay import SentOrder, model_fills, replay_decisions
from quantservice.quant.bars import Bars
from quantservice.quant.strategies import Bar, Strategy, View
from quantservice.quant.strategies.bar import MarketTicker, bars_table
from quantservice.quant.strategies.feed import BarsView
from quantservice.quant.strategies.runner import StrategyRunner
from quantservice.quant.strategies.view import OpenOrder

HOUR = 3_600_000
TABLES = [random_bars(40, seed=1), random_bars(40, seed=2, instrument=ETH, absent=(7, 8))]
DATA = MarketData.of(TABLES)


class Past:
    """An account that held as many contracts as the hour says."""

    now = 0.0
    equity = 5.0
    cash = 4.0

    def go_to(self, open_time: int) -> None:
        self.now = float((open_time - START_MS) // HOUR)

    def asked(self) -> bool:
        return True

    def updates(self) -> list[OrderUpdate]:
        return []

    def tickers(self) -> list[MarketTicker]:
        return []

    def position(self, instrument: InstrumentId, side: PositionSide) -> float:
        return self.now

    def entry_price(self, instrument: InstrumentId, side: PositionSide) -> float:
        return 2.0 * self.now

    def open_orders(self, instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        return ()


class Asking(Strategy):
    """States what it sees of its account, and an average."""

    def indicators(self) -> dict[str, tuple[str, int]]:
        return {"mean": ("sma", 3)}

    def on_kline(self, kline: Bar, view: View) -> list[Decision] | None:
        if view.row < 3:
            return None
        target = view.position() + view.entry_price() + view.equity + view.cash + view["mean"] / 1e6
        return [Signal(kline.instrument, target), Signal(kline.instrument, target)]


class Whole(Strategy):
    """Wants the sign of the last change, of the first instrument only at even rows."""

    def on_bars(self, bars: BarsView) -> npt.NDArray[np.float64]:
        wanted = np.sign(np.diff(bars["close"], axis=0, prepend=np.nan))
        wanted[1::2, 0] = np.nan
        return wanted


def fed(strategy: Strategy, tables: Sequence[Bars], account: Past | None = None) -> list[tuple[int, Decision]]:
    """Return what the live runner answers, the account set before each close."""
    runner = StrategyRunner(strategy, (BTC, ETH), "1h", account)
    found: list[tuple[int, Decision]] = []
    for hour in range(40):
        bars = [bar for table in tables for bar in bars_table(table) if bar.open_time == START_MS + hour * HOUR]
        if account is not None:
            account.go_to(START_MS + hour * HOUR)
        found += [(START_MS + hour * HOUR, item) for item in runner.feed(bars)]
    return found


def test_the_replay_states_what_the_live_runner_answers_with_the_same_account() -> None:
    replayed = replay_decisions(DATA, Asking(), Past())
    assert replayed == fed(Asking(), TABLES, Past())
    assert len(replayed) == 2 * (37 + 35)
    assert len({item for _, item in replayed}) > 60  # the account was another at each close


def test_a_strategy_on_whole_arrays_states_every_number_at_every_close() -> None:
    data = MarketData.of([TABLES[0], random_bars(40, seed=2, instrument=ETH)])
    replayed = replay_decisions(data, Whole(), Past())
    changes = {name: np.sign(np.diff(data.column("close")[:, place])) for place, name in enumerate((BTC, ETH))}
    for time, item in replayed:
        row = (time - START_MS) // HOUR
        assert isinstance(item, Signal)
        assert item.target == changes[item.instrument][row - 1]
    assert {(time - START_MS) // HOUR % 2 for time, item in replayed if item.instrument == BTC} == {0}
    assert len(replayed) == 19 + 39  # the first row has no change; of one instrument every other row is left out


RULES = Instrument(
    id=BTC, venue_symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT", tick_size=Decimal("0.1"), lot_size=Decimal("0.001")
)


def order(row: int, *, side: str = "buy", **terms: object) -> SentOrder:
    asked = OrderRequest(instrument=BTC, side=side, quantity=2.0, **terms)  # type: ignore[arg-type]
    return SentOrder(f"o{row}{side}", START_MS + row * HOUR, asked)


def test_sent_orders_are_filled_by_the_model_at_the_next_open() -> None:
    data = MarketData.of(TABLES[:1], instruments=[RULES])
    assumptions = Assumptions(fees=FeeRates(maker=0.0, taker=0.001), slippage=Slippage(model="fixed", bps=10.0), initial_equity=1.0)
    sent = [order(3), order(5, side="sell"), order(39), order(50), order(6, type="limit", limit_price=1.0)]
    fills = {fill.key: fill for fill in model_fills(data, sent, assumptions)}
    assert set(fills) == {"o3buy", "o5sell", "o6buy"}  # nothing follows the last, and no kline decided the one after it
    opens = TABLES[0].columns["open"]
    for key, row, sign, rounding in (("o3buy", 4, 1, np.ceil), ("o5sell", 6, -1, np.floor)):
        expected = rounding(opens[row] * (1 + sign * 0.001) * 10) / 10
        assert fills[key].price == pytest.approx(expected, abs=1e-9)
        assert (fills[key].quantity, fills[key].state) == (2.0, "filled")
        assert fills[key].fee == pytest.approx(2.0 * expected * 0.001)
    assert fills["o6buy"].quantity == 0.0
    assert model_fills(data, [order(39)], assumptions) == []
