"""The values a strategy asks for, kept up as klines close: one incremental indicator per question, however many look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quantservice.core.errors import UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.quant.indicators.calls import IndicatorCall, Stepper
from quantservice.quant.indicators.spec import MADE_PRICES, PRICES
from quantservice.quant.strategies.alignment import Resampler
from quantservice.quant.strategies.bar import VALUE_COLUMNS, Bar
from quantservice.quant.strategies.wanted import FUNDING_RATE, Wanted

_NAN = float("nan")


@dataclass(eq=False)
class _Line:
    """One question about one source: an indicator or a plain price on the bars of one period."""

    source: InstrumentId
    period: str
    call: IndicatorCall | None
    price: str
    benchmark: InstrumentId | None = None
    stepper: Stepper | None = None
    latest: tuple[float, ...] = (_NAN,)

    @property
    def key(self) -> str:
        return f"{self.source}|{self.period}|{self.call if self.call is not None else self.price}"

    def take(self, bar: Mapping[str, float]) -> None:
        if self.stepper is None:
            self.latest = (made_price(bar, self.price),)
        else:
            self.latest = tuple(self.stepper.update(bar).values())


@dataclass(eq=False)
class _Source:
    """What comes of one instrument's bars: the lines on its own period and those on longer ones."""

    own: list[_Line] = field(default_factory=list)
    longer: dict[str, tuple[Resampler, list[_Line]]] = field(default_factory=dict)


class LiveValues:
    """Keeps the values of all of a strategy's instruments. Memory does not grow with the bars that were seen."""

    def __init__(self, wanted: Sequence[Wanted], instruments: Sequence[InstrumentId], period: str) -> None:
        self._instruments = tuple(instruments)
        self._period = period
        self._sources = {instrument: _Source() for instrument in self._instruments}
        self._lines: dict[str, _Line] = {}
        self._funding: dict[InstrumentId, float] = dict.fromkeys(self._instruments, _NAN)
        self._closes: dict[tuple[InstrumentId, str], float] = {}
        self._looks: dict[InstrumentId, list[tuple[_Line | None, InstrumentId, tuple[int, ...]]]] = {}
        self.names = tuple(name for item in wanted for name in item.outputs)
        for instrument in self._instruments:
            self._looks[instrument] = [self._look(item, instrument) for item in wanted]

    def _look(self, wanted: Wanted, instrument: InstrumentId) -> tuple[_Line | None, InstrumentId, tuple[int, ...]]:
        source = instrument if wanted.instrument is None or wanted.benchmark else wanted.instrument
        for name in {source, wanted.instrument or source}:
            if name not in self._sources:
                known = map(str, self._instruments)
                raise UnknownName("instrument of an indicator", str(name), known, hint="give its bars too")
        if wanted.price == FUNDING_RATE:
            return None, source, wanted.picks
        period = wanted.period or self._period
        benchmark = wanted.instrument if wanted.benchmark else None
        line = _Line(source, period, wanted.call, wanted.price, benchmark)
        found = self._lines.get(line.key)
        if found is None:
            found = self._lines[line.key] = line
            if line.call is not None:
                line.stepper = Stepper(line.call)
                line.latest = (_NAN,) * len(line.call.spec.outputs)
            self._attach(line)
            if benchmark is not None:
                self._closes[benchmark, period] = _NAN
                self._resampler(benchmark, period)
        return found, source, wanted.picks

    def _attach(self, line: _Line) -> None:
        lines = self._resampler(line.source, line.period)
        (self._sources[line.source].own if lines is None else lines).append(line)

    def _resampler(self, source: InstrumentId, period: str) -> list[_Line] | None:
        if period == self._period:
            return None
        longer = self._sources[source].longer
        if period not in longer:
            longer[period] = (Resampler(self._period, period), [])
        return longer[period][1]

    def funding(self, instrument: InstrumentId, rate: float) -> None:
        """Take a settled funding rate, before the bars that close at or after it."""
        self._funding[instrument] = rate

    def update(self, bars: Sequence[Bar]) -> None:
        """Take bars that closed together; ``row`` then gives the values at that close."""
        steps: list[tuple[_Line, dict[str, float]]] = []  # taken when every price is there, the benchmarks' too
        for bar in bars:
            source = self._sources[bar.instrument]
            columns: dict[str, float] = {name: getattr(bar, name) for name in VALUE_COLUMNS}
            columns["open_time"] = bar.open_time
            steps.extend((line, columns) for line in source.own)
            if (bar.instrument, self._period) in self._closes:
                self._closes[bar.instrument, self._period] = bar.close
            for period, (resampler, lines) in source.longer.items():
                done = resampler.update(columns, bar.open_time, bar.close_time)
                steps.extend((line, made) for made in done for line in lines)
                if done and (bar.instrument, period) in self._closes:
                    self._closes[bar.instrument, period] = done[-1]["close"]
        for line, columns in steps:
            if line.benchmark is not None:
                columns = {**columns, "benchmark": self._closes[line.benchmark, line.period]}  # noqa: PLW2901 - a copy of its own
            line.take(columns)

    def row(self, instrument: InstrumentId) -> list[float]:
        """Return an instrument's values, in the order of ``names``."""
        values: list[float] = []
        for line, source, picks in self._looks[instrument]:
            if line is None:
                values.append(self._funding[source])
            else:
                latest = line.latest
                values.extend(latest[pick] for pick in picks)
        return values

    def save_state(self) -> dict[str, Any]:
        """Return everything that must survive a restart; floats are written exactly."""
        return {
            "lines": {
                key: {"state": _texts(() if line.stepper is None else line.stepper.state.tolist()), "latest": _texts(line.latest)}
                for key, line in self._lines.items()
            },
            "longer": {
                f"{instrument}|{period}": resampler.state
                for instrument, source in self._sources.items()
                for period, (resampler, _lines) in source.longer.items()
            },
            "funding": {str(instrument): _text(rate) for instrument, rate in self._funding.items()},
            "closes": {f"{instrument}|{period}": _text(close) for (instrument, period), close in self._closes.items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`save_state` gave for the same questions."""
        for key, line in self._lines.items():
            saved = state["lines"][key]
            line.latest = tuple(map(_number, saved["latest"]))
            if line.stepper is not None:
                line.stepper = Stepper(line.call, np.array([_number(item) for item in saved["state"]]))
        for instrument, source in self._sources.items():
            for period, (_resampler, lines) in source.longer.items():
                source.longer[period] = (Resampler(self._period, period, state["longer"][f"{instrument}|{period}"]), lines)
        self._funding = {instrument: _number(state["funding"][str(instrument)]) for instrument in self._instruments}
        self._closes = {key: _number(state["closes"][f"{key[0]}|{key[1]}"]) for key in self._closes}


def made_price(bar: Mapping[str, float], name: str) -> float:
    """Return a column of one bar, or a price made of its columns, as :func:`~quantservice.quant.indicators.calls.price` does."""
    if name in PRICES:
        return float(bar[name])
    if name in MADE_PRICES:
        return float(_MADE[name](bar))
    raise UnknownName("price", name, PRICES + MADE_PRICES)


_MADE = {
    "hl2": lambda bar: (bar["high"] + bar["low"]) / 2.0,
    "hlc3": lambda bar: (bar["high"] + bar["low"] + bar["close"]) / 3.0,
    "ohlc4": lambda bar: (bar["open"] + bar["high"] + bar["low"] + bar["close"]) / 4.0,
    "hlcc4": lambda bar: (bar["high"] + bar["low"] + bar["close"] * 2.0) / 4.0,
    "open_time": lambda bar: bar["open_time"],
}


def _text(value: float) -> float | str:
    return float(value) if np.isfinite(value) else repr(float(value))


def _texts(values: Sequence[float]) -> list[float | str]:
    return [_text(value) for value in values]


def _number(value: float | str) -> float:
    return float(value)
