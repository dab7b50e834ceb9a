"""Jobs, stored backtests and the ledger of trials."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from quantservice.web.models.common import Answer, Body, Figures, Millis


class JobRow(Answer):
    """A piece of heavy work and how far it is."""

    id: str = Field(examples=["19777e1c2003a1f"])
    kind: str = Field(examples=["sweep"])
    title: str = Field(examples=["ma_cross, fast 12 x slow 37, BTC-USDT 1h"])
    state: Literal["queued", "running", "cancelling", "done", "failed", "cancelled"]
    progress: float = Field(description="From 0 to 1.", examples=[0.42])
    done: float = Field(description="In the job's own units.", examples=[186])
    total: float = Field(description="0 while it is not known.", examples=[444])
    text: str = Field(description="What it does now, or what it counts.", examples=["combinations"])
    error: str = Field(description="Why it failed, in a sentence.", examples=[""])
    attempts: int = Field(description="Processes that have held it.", examples=[1])
    priority: int = Field(examples=[0])
    holder: str = Field(description="Who works on it: host, process id, start.", examples=["host:4711:1748736000000"])
    created_ms: Millis
    started_ms: Millis | None
    finished_ms: Millis | None
    request: dict[str, Any] = Field(examples=[{"strategy": "ma_cross"}])
    result: dict[str, Any] = Field(description="Summary; `tables` and `backtests` name the rest.", examples=[{"best": None}])


class JobList(Answer):
    """Jobs, newest first, and how many there are per state."""

    data: list[JobRow]
    counts: Figures = Field(examples=[{"queued": 1, "done": 3}])


class JobRequest(Body):
    """A job to put into the queue. What `request` holds depends on the kind; docs/jobs.md lists it."""

    kind: Literal["backtest", "sweep", "optimize", "walkforward", "crossvalidate", "montecarlo"]
    request: dict[str, Any] = Field(
        max_length=100,
        examples=[
            {
                "strategy": "ma_cross",
                "space": {"fast": "5:60:5", "slow": "20:200:5"},
                "data": {"symbols": ["BTCUSDT"], "market": "um", "period": "1h"},
            }
        ],
    )
    title: str = Field(default="", max_length=200, examples=[""])
    priority: int = Field(default=0, ge=-100, le=100, description="Higher goes first.", examples=[0])


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


class BacktestDetail(BacktestRow):
    """A stored backtest whole."""

    assumptions: dict[str, Any] = Field(examples=[{"initial_equity": 10000}])
    metrics: dict[str, Any] = Field(description="Every metric with formula, sampling and reason.", examples=[{}])
    gates: dict[str, Any] = Field(examples=[{}])
    versions: dict[str, str] = Field(examples=[{"quantservice": "0.1.0"}])
    tables: list[str] = Field(examples=[["equity", "trades"]])


class TableRows(Answer):
    """Rows of a table; a value that is not defined is null."""

    columns: list[str] = Field(examples=[["number", "p_fast", "sharpe"]])
    rows: int = Field(description="All rows of the table.", examples=[444])
    data: list[dict[str, Any]] = Field(examples=[[{"number": 0, "p_fast": 5, "sharpe": 0.4}]])


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


class TrialsRequest(Body):
    """Runs to be counted; one that is counted already (`run_id` and `number`) is not counted again."""

    trials: list[TrialBody] = Field(max_length=1_000)


class TrialsCounted(Answer):
    """How many runs were new."""

    counted: int = Field(examples=[1])
