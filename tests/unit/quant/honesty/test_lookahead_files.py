"""What a strategy reads by itself: the future in its own attributes is found; what is only used for a moment is told."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.support.strategies import START_MS, random_bars

from quantservice.core.instruments import InstrumentId
from quantservice.quant.bars import Funding
from quantservice.quant.honesty.lookahead import check_strategy
from quantservice.quant.honesty.reach import readers_in
from quantservice.quant.honesty.verdict import Verdict
from quantservice.quant.research import gate_of
from quantservice.quant.strategies import Bar, Signal, Strategy, View
from quantservice.quant.strategies.feed import BarsView

BARS = random_bars(600)
HOUR = 3_600_000
RATES = Funding(
    np.arange(START_MS, START_MS + 600 * HOUR, 8 * HOUR, dtype=np.int64),
    np.random.default_rng(5).normal(1e-4, 1e-4, 75),
)


class FromFile(Strategy):
    """Loads the very table on which it is judged, and looks for the next close."""

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        table = pd.read_csv(io.StringIO(FILE["text"]))
        self.closes = dict(zip(table["time"].tolist(), table["close"].tolist(), strict=True))

    def on_kline(self, kline: Bar, view: View) -> Signal:
        return Signal(kline.instrument, 1.0 if self.closes.get(kline.open_time + HOUR, 0.0) > kline.close else 0.0)


class FromFileWhole(Strategy):
    """The same for all bars at once."""

    def on_bars(self, bars: BarsView) -> Any:
        self.table = pd.read_csv(io.StringIO(FILE["text"]))
        return np.where(self.table["close"].shift(-1).to_numpy()[: len(bars)] > bars["close"], 1.0, 0.0)


class NextFunding(Strategy):
    """Knows the rate that will be settled next."""

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        self.times, self.rates = np.array(FILE["times"]), np.array([float(text) for text in FILE["rates"]])

    def on_kline(self, kline: Bar, view: View) -> Signal:
        row = int(np.searchsorted(self.times, kline.close_time + 1))
        return Signal(kline.instrument, -1.0 if row < len(self.rates) and self.rates[row] > 1e-4 else 0.0)


class Weights(Strategy):
    """Reads something, and nothing says what; ``kline.open`` is no file."""

    def on_kline(self, kline: Bar, view: View) -> Signal:
        weight = len(Path(__file__).read_text(encoding="utf-8")) > 0
        return Signal(kline.instrument, 1.0 if weight and kline.open > kline.close else 0.0)


class OwnPrices(Strategy):
    """Keeps what it was given, which everybody may."""

    def on_start(self, instruments: Sequence[InstrumentId], period: str) -> None:
        self.closes: list[float] = []

    def on_kline(self, kline: Bar, view: View) -> Signal:
        self.closes.append(kline.close)
        return Signal(kline.instrument, 1.0 if kline.close >= max(self.closes[-24:]) else 0.0)


FILE: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def the_file() -> None:
    """What lies on the disk; texts and lists of texts, so that no variable beside the code holds the numbers."""
    rows = zip(BARS["open_time"].tolist(), BARS["close"].tolist(), strict=True)
    FILE["text"] = "time,close\n" + "".join(f"{time},{close!r}\n" for time, close in rows)
    FILE["times"], FILE["rates"] = RATES.time, [str(rate) for rate in RATES.rate.tolist()]


def judge(cls: type[Strategy]) -> Verdict:
    return check_strategy(cls, BARS, funding={BARS.instrument: RATES}, budget_s=20)


@pytest.mark.parametrize(
    ("cls", "attribute"), [(FromFile, "self.closes"), (FromFileWhole, "self.table"), (NextFunding, "self.rates")]
)
def test_the_future_read_from_a_file_is_found_in_what_it_keeps(cls: type[Strategy], attribute: str) -> None:
    fault = judge(cls).fault
    assert fault is not None
    assert (fault.kind, attribute in fault.detail) == ("foresight", True), fault


def test_what_it_reads_by_itself_is_told_and_is_no_pass_without_a_word() -> None:
    verdict = judge(Weights)
    assert verdict.passed
    assert verdict.reads == ("read_text",)
    assert verdict.mark == "look-ahead gate passed at every one of 600 bars; what it reads by itself (read_text) cannot be judged"
    assert gate_of(verdict).state == "warning"
    assert "read_text" in gate_of(verdict).chinese


def test_own_memory_of_what_was_given_is_no_reading() -> None:
    verdict = judge(OwnPrices)
    assert verdict.passed, verdict
    assert verdict.reads == ()
    assert gate_of(verdict).state == "passed"


def test_files_arrays_and_the_network_are_told_apart_from_words_of_the_same_name() -> None:
    class Opens(Strategy):
        def on_bars(self, bars: BarsView) -> Any:
            with open(__file__, encoding="utf-8") as file:
                return np.full(len(bars), float(bool(file.read(1))))

    class LoadsArray(Strategy):
        def on_bars(self, bars: BarsView) -> Any:
            return np.load("targets.npy")

    class Harmless(Strategy):
        def load(self) -> float:
            return 1.0

        def on_kline(self, kline: Bar, view: View) -> Signal:
            return Signal(kline.instrument, self.load() if kline.open > 0.0 else 0.0)

    assert [readers_in(cls) for cls in (Opens, LoadsArray, Harmless)] == [("open",), ("np.load",), ()]
