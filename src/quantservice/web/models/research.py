"""Strategies and indicators: what there is, and values over stored klines."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from quantservice.web.models.common import Answer, Millis, PeriodName


class StrategyRow(Answer):
    """A registered strategy. ``parameters`` is a JSON Schema of its parameters: the page makes its form of it."""

    name: str = Field(examples=["ma_cross"])
    title: str = Field(examples=["MaCross"])
    doc: str = Field(examples=["Long while the fast average is above the slow one."])
    source: str = Field(description="built-in, a distribution's name, or a file.", examples=["built-in"])
    style: str = Field(description="on_kline, on_bars or both.", examples=["both"])
    parameters: dict[str, Any] = Field(examples=[{"type": "object", "properties": {"fast": {"type": "integer", "default": 10}}}])


class StrategyList(Answer):
    """The registered strategies."""

    data: list[StrategyRow]


class MetricRow(Answer):
    """A figure that a backtest can have."""

    name: str = Field(examples=["sharpe"])
    label: str = Field(examples=["Sharpe"])
    chinese: str = Field(examples=["夏普比率"])
    group: str = Field(examples=["risk"])
    unit: str = Field(description="fraction, ratio, quote, count, days …", examples=["ratio"])
    formula: str = Field(examples=["mean(r) / std(r)"])
    sampling: str = Field(description="What one observation is.", examples=["UTC day"])
    swept: bool = Field(description="Whether the combinations of a sweep have it.", examples=[True])


class MetricList(Answer):
    """The figures, in the order of reports."""

    data: list[MetricRow]


class IndicatorParameter(Answer):
    """A parameter of an indicator; a bound that is null is none."""

    name: str = Field(examples=["length"])
    kind: str = Field(examples=["int"])
    default: float = Field(examples=[20])
    low: float | None = Field(examples=[2])
    high: float | None = Field(examples=[100000])
    doc: str = Field(examples=["bars averaged"])


class IndicatorRow(Answer):
    """A registered indicator."""

    name: str = Field(examples=["sma"])
    group: str = Field(examples=["overlap"])
    doc: str = Field(examples=["Simple moving average."])
    inputs: list[str] = Field(examples=[["close"]])
    parameters: list[IndicatorParameter]
    outputs: list[str] = Field(examples=[["sma"]])
    warm_up: int = Field(description="Bars without a value at the default parameters.", examples=[29])
    recursive: bool = Field(description="Whether a value depends on all bars before it.", examples=[False])
    source: str = Field(description="Where the formula is from.", examples=["TA-Lib"])
    origin: str = Field(description="built-in, or the module of a plugin.", examples=["built-in"])


class IndicatorList(Answer):
    """The registered indicators."""

    data: list[IndicatorRow]


class IndicatorSeries(Answer):
    """An indicator over stored klines, oldest first; null in the warm-up."""

    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    period: PeriodName
    indicator: str = Field(description="The canonical key.", examples=["sma(20)"])
    open_times: list[Millis]
    outputs: dict[str, list[float | None]] = Field(examples=[{"sma": [67123.1]}])
    note: str = Field(description="How many bars it needs, where there are fewer; empty: there are enough.", examples=[""])
