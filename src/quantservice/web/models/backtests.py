"""Stored backtests and the ledger of trials."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from quantservice.web.models.common import Answer, Body, Millis


class BacktestRow(Answer):
    """A stored backtest as a list shows it."""

    id: str = Field(examples=["b3f1c9a0d2e4"])
    job_id: str = Field(examples=["19777e1c2003a1f"])
    strategy: str = Field(examples=["ma_cross"])
    title: str = Field(examples=[""])
    parameters: dict[str, Any] = Field(examples=[{"fast": 10, "slow": 50}])
    data: dict[str, Any] = Field(examples=[{"symbols": ["BTCUSDT"], "period": "1h"}])
    code_hash: str = Field(description="Of the strategy's text.", examples=["3f1c"])
    family: str = Field(description="Of its code without parameters.", examples=["91ab"])
    data_fingerprint: str = Field(description="Of the bars, their revisions and the rules.", examples=["c0ff"])
    run_fingerprint: str = Field(description="Of all that happened.", examples=["beef"])
    created_ms: Millis
    figures: dict[str, float | None] = Field(examples=[{"sharpe": 1.1}])


class BacktestList(Answer):
    """Stored backtests, newest first."""

    data: list[BacktestRow]


class GateRow(Answer):
    """What speaks for or against believing a run; `unknown`: nobody checked."""

    state: Literal["passed", "failed", "warning", "unknown"]
    text: str = Field(examples=["184 days"])
    chinese: str = Field(description="The same in Chinese; empty: as `text`.", examples=["184 天"])


class BacktestDetail(BacktestRow):
    """A stored backtest whole."""

    assumptions: dict[str, Any] = Field(examples=[{"initial_equity": 10000}])
    metrics: dict[str, Any] = Field(description="Every metric with formula, sampling and reason.", examples=[{}])
    gates: dict[str, GateRow] = Field(
        description="What was checked, by name.", examples=[{"look_ahead": {"state": "passed", "text": "every bar", "chinese": ""}}]
    )
    versions: dict[str, str] = Field(examples=[{"quantservice": "0.1.0"}])
    tables: list[str] = Field(examples=[["equity", "trades"]])


class BacktestReport(Answer):
    """What a report draws. Long arrays are base64, little-endian: float32 numbers, uint32 seconds, int32 words."""

    format: str = Field(examples=["quantservice.report.v1"])
    about: dict[str, Any] = Field(examples=[{"strategy": "ma_cross"}])
    run: dict[str, Any] = Field(examples=[{"instruments": ["binance:um:BTC-USDT-PERP"], "period": "1h", "bars": 8760}])
    assumptions: dict[str, Any] = Field(examples=[{"initial_equity": 10000}])
    settings: dict[str, Any] = Field(examples=[{"periods": 365}])
    gates: list[dict[str, Any]] = Field(examples=[[{"name": "look_ahead", "state": "passed", "text": "", "chinese": ""}]])
    flags: list[dict[str, Any]] = Field(description="What a reader must know.", examples=[[]])
    metrics: list[dict[str, Any]] = Field(examples=[[{"name": "sharpe", "label": "Sharpe", "value": 1.1, "unit": "ratio"}]])
    groups: dict[str, list[str]] = Field(
        description="English and Chinese of metrics' groups.", examples=[{"risk": ["Risk", "风险"]}]
    )
    equity: dict[str, Any] = Field(examples=[{}])
    rolling: dict[str, Any] = Field(examples=[{}])
    histogram: dict[str, Any] = Field(examples=[{}])
    trades: dict[str, Any] = Field(examples=[{}])
    trades_total: int = Field(examples=[115])
    candles: list[dict[str, Any]] = Field(examples=[[]])
    tables: dict[str, list[dict[str, Any]]] = Field(examples=[{"monthly": []}])


class WhyGate(Answer):
    """A gate that said no to trades."""

    gate: str = Field(description="In words; docs/backtesting.md lists them.", examples=["the same target as before"])
    rows: int = Field(description="At how many bars, of all instruments.", examples=[8121])
    first_ms: Millis = Field(description="Open time of the first.")
    last_ms: Millis = Field(description="Open time of the last.")


class WhyStretch(Answer):
    """Bars of one instrument on end at which the same gate said no."""

    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    gate: str = Field(examples=["rejected: below the least notional"])
    said: str = Field(description="What the strategy said at the first of them; empty: nothing.", examples=["target 1"])
    bars: int = Field(examples=[12])
    first_ms: Millis
    last_ms: Millis


class BacktestWhy(Answer):
    """Why a stored backtest did not trade."""

    format: str = Field(examples=["quantservice.why.v1"])
    rows: int = Field(description="Bars by instruments.", examples=[8760])
    traded: int = Field(description="Rows of which an order filled.", examples=[230])
    gates: list[WhyGate] = Field(description="The most frequent first.")
    stretches: list[WhyStretch] = Field(description="In order of time: rare gates whole, of the others the last ones.")
    stretches_total: int = Field(description="How many there were; at most 1,000 are kept.", examples=[467])
    note: str = Field(description="Why nothing is known; empty: it is.", examples=[""])


class ComparedMetric(Answer):
    """One figure of each compared backtest, in the order that was asked for."""

    name: str = Field(examples=["sharpe"])
    label: str = Field(examples=["Sharpe"])
    chinese: str = Field(examples=["夏普比率"])
    group: str = Field(examples=["risk"])
    unit: str = Field(examples=["ratio"])
    formula: str = Field(examples=["mean(r) / std(r)"])
    values: list[float | str | None] = Field(description="null: not defined; `inf`.", examples=[[1.1, None]])
    reasons: list[str] = Field(description="Why a figure is not defined.", examples=[["", "14 days; needs 90"]])


class Difference(Answer):
    """Something in which the compared backtests differ."""

    name: str = Field(examples=["parameters.fast"])
    values: list[Any] = Field(examples=[[10, 12]])


class BacktestComparison(Answer):
    """Stored backtests side by side."""

    data: list[BacktestRow]
    metrics: list[ComparedMetric]
    differences: list[Difference]
    days: list[Millis] = Field(description="Ends of UTC days on which at least one of them ran.")
    growth: list[list[float | None]] = Field(
        description="For each its equity at those ends over its equity at the start.", examples=[[[1.0, 1.01]]]
    )
    correlation: list[list[float | None]] = Field(description="Of returns on common days.", examples=[[[1.0, 0.4], [0.4, 1.0]]])


class TrialFamily(Answer):
    """How often a family of strategies was tried, for ever."""

    family: str = Field(examples=["91ab"])
    runs: int = Field(description="All runs.", examples=[512])
    distinct: int = Field(description="Distinct parameter sets.", examples=[444])
    deleted: int = Field(description="Runs whose results were deleted; they stay counted.", examples=[0])
    sharpe_mean: float | None = Field(description="Of daily Sharpe ratios, not annualised.", examples=[0.01])
    sharpe_variance: float | None = Field(examples=[0.0004])
    sharpe_best: float | None = Field(examples=[0.08])
    first_ms: Millis
    last_ms: Millis


class TrialFamilyList(Answer):
    """Families, the one tried last first."""

    data: list[TrialFamily]


class TrialBody(Body):
    """One run to be counted."""

    family: str = Field(min_length=1, max_length=128, examples=["91ab"])
    parameter_hash: str = Field(min_length=1, max_length=128, examples=["77aa"])
    run_id: str = Field(min_length=1, max_length=128, description="The session that ran it.", examples=["notebook-5f0c"])
    number: int = Field(ge=0, le=2**31 - 1, description="Which run of the session.", examples=[0])
    strategy: str = Field(default="", max_length=100, examples=["ma_cross"])
    code_hash: str = Field(default="", max_length=128, examples=["3f1c"])
    parameters: dict[str, Any] = Field(default={}, max_length=200, examples=[{"fast": 10}])
    source: str = Field(default="notebook", max_length=40, examples=["notebook"])
    data_fingerprint: str = Field(default="", max_length=128, examples=["c0ff"])
    days: int = Field(default=0, ge=0, le=1_000_000, examples=[365])
    sharpe_daily: float | None = Field(default=None, examples=[0.05])
    skew: float | None = Field(default=None, examples=[0.0])
    kurtosis: float | None = Field(default=None, examples=[3.0])


class BacktestBody(Body):
    """A backtest that was run elsewhere, whole."""

    strategy: str = Field(min_length=1, max_length=100, examples=["ma_cross"])
    title: str = Field(default="", max_length=200, examples=[""])
    parameters: dict[str, Any] = Field(default={}, max_length=200, examples=[{"fast": 10}])
    code_hash: str = Field(default="", max_length=128, examples=["3f1c"])
    family: str = Field(default="", max_length=128, examples=["91ab"])
    data: dict[str, Any] = Field(
        default={}, max_length=20, description="Which bars; empty: a table of its own.", examples=[{"symbols": ["BTCUSDT"]}]
    )
    data_fingerprint: str = Field(default="", max_length=160, examples=["bars:c0ff"])
    assumptions: dict[str, Any] = Field(default={}, max_length=100, examples=[{"initial_equity": 10000}])
    metrics: dict[str, Any] = Field(default={}, max_length=1_000, examples=[{}])
    run_fingerprint: str = Field(default="", max_length=128, examples=["beef"])
    gates: dict[str, GateRow] = Field(default={}, max_length=50, examples=[{}])
    versions: dict[str, str] = Field(default={}, max_length=20, examples=[{"quantservice": "0.1.0"}])
    parts: dict[str, str] = Field(
        default={}, max_length=20, description="Its tables: Arrow streams as base64, by name.", examples=[{}]
    )
    trial: TrialBody | None = Field(default=None, description="Counts the run in the same commit.")


class BacktestKept(Answer):
    """The id of a kept backtest."""

    id: str = Field(examples=["b3f1c9a0d2e4"])


class TrialsRequest(Body):
    """Runs to be counted; one that is counted already (`run_id` and `number`) is not counted again."""

    trials: list[TrialBody] = Field(max_length=1_000)


class TrialsCounted(Answer):
    """How many runs were new."""

    counted: int = Field(examples=[1])
