"""Jobs and the tables that they leave."""

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
    """A job to put into the queue. What `request` holds depends on the kind; docs/optimisation.md lists it."""

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


class TableRows(Answer):
    """Rows of a table; a value that is not defined is null."""

    columns: list[str] = Field(examples=[["number", "p_fast", "sharpe"]])
    rows: int = Field(description="All rows of the table.", examples=[444])
    data: list[dict[str, Any]] = Field(examples=[[{"number": 0, "p_fast": 5, "sharpe": 0.4}]])
