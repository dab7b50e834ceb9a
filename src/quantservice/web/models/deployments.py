"""Deployments: strategies that can be started, paused and stopped."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field

from quantservice.web.models.common import Answer, Body, DecimalText, Figures, Millis, PeriodName


class DeploymentRow(Answer):
    """A strategy with parameters, account and allocation, and how it does."""

    id: str = Field(examples=["ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
    name: str = Field(examples=["trend on BTC"])
    strategy: str = Field(examples=["ma_cross"])
    parameters: dict[str, Any] = Field(examples=[{"fast": 10, "slow": 50}])
    code_hash: str = Field(description="Of the strategy's code when it was created or configured.", examples=["3f1c"])
    family: str = Field(description="Of the code without its parameters.", examples=["91ab"])
    instruments: list[str] = Field(examples=[["binance:um:BTC-USDT-PERP"]])
    period: PeriodName
    account: str = Field(examples=["paper"])
    allocation: DecimalText
    settings: dict[str, Any] = Field(examples=[{}])
    state: Literal["created", "running", "paused", "stopped", "failed"]
    reason: str = Field(description="Why it failed, in a sentence.", examples=[""])
    version: int = Field(description="Grows with each change.", examples=[1])
    created_ms: Millis
    updated_ms: Millis
    running: Figures = Field(
        description="While it runs: klines, decisions, signals, rebuilds, late_ms, pid, memory_bytes.", examples=[{"signals": 12}]
    )


class DeploymentList(Answer):
    """The deployments."""

    data: list[DeploymentRow]


class DeploymentRequest(Body):
    """A deployment to create. It does not run until it is started."""

    name: str = Field(min_length=1, max_length=80, examples=["trend on BTC"])
    strategy: str = Field(min_length=1, max_length=100, examples=["ma_cross"])
    parameters: dict[str, Any] = Field(default={}, max_length=100, examples=[{"fast": 10, "slow": 50}])
    instruments: list[str] = Field(min_length=1, max_length=500, examples=[["binance:um:BTC-USDT-PERP"]])
    period: str = Field(max_length=8, examples=["1m"])
    account: str = Field(default="", max_length=100, examples=[""])
    allocation: str = Field(default="0", max_length=60, examples=["1000"])
    settings: dict[str, Any] = Field(default={}, max_length=100, examples=[{}])


class DeploymentChangeRequest(Body):
    """What shall be different; what is left out stays."""

    name: str | None = Field(default=None, min_length=1, max_length=80, examples=["trend on BTC"])
    parameters: dict[str, Any] | None = Field(default=None, max_length=100, examples=[{"fast": 12}])
    instruments: list[str] | None = Field(default=None, min_length=1, max_length=500, examples=[["binance:um:BTC-USDT-PERP"]])
    period: str | None = Field(default=None, max_length=8, examples=["1m"])
    account: str | None = Field(default=None, max_length=100, examples=[""])
    allocation: str | None = Field(default=None, max_length=60, examples=["1000"])
    settings: dict[str, Any] | None = Field(default=None, max_length=100, examples=[{}])
    note: str = Field(default="", max_length=500, examples=["faster"])


class RollBackRequest(Body):
    """The version that shall come back."""

    version: int = Field(ge=1, le=2**31 - 1, strict=True, examples=[1])


class DeploymentHistoryRow(Answer):
    """Who changed what; ``after`` is the deployment as it was then."""

    version: int = Field(examples=[2])
    at_ms: Millis
    who: str = Field(examples=["owner"])
    what: str = Field(examples=["configured"])
    note: str = Field(examples=[""])
    after: dict[str, Any] = Field(examples=[{}])


class DeploymentHistory(Answer):
    """A deployment's changes, newest first."""

    data: list[DeploymentHistoryRow]


DivergenceCause: TypeAlias = Literal[
    "late_kline", "revised_kline", "late_funding", "slippage", "reject", "downtime", "paused", "code_changed", "unexplained"
]


class ParityDivergence(Answer):
    """One place where a run and its backtest part."""

    kind: Literal["decision", "outcome"] = Field(description="What was decided, or what became of the same decision.")
    cause: DivergenceCause
    open_time: Millis
    close_time: Millis
    live: str = Field(description="What the run did.", examples=["BTC-USDT-PERP 1"])
    backtest: str = Field(description="What the backtester does.", examples=["BTC-USDT-PERP 0"])
    detail: str = Field(description="Why, in a sentence.", examples=["the strategy's process was away when it closed"])
    order_id: str = Field(description="The order, where one is meant.", examples=[""])


class ParityFillError(Answer):
    """How far fills were from the fill model's: basis points of the price, positive is worse; fees of the notional."""

    compared: int = Field(description="Orders that were filled by both.", examples=[120])
    unmodelled: int = Field(description="Filled live, without a modelled fill.", examples=[0])
    mean_bps: float = Field(examples=[0.4])
    mean_abs_bps: float = Field(examples=[0.9])
    worst_bps: float = Field(examples=[3.1])
    fee_mean_bps: float = Field(examples=[0.0])


class ParityReport(Answer):
    """A deployment's run against the backtester's, venue outcomes as they were."""

    run: str = Field(examples=["ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
    name: str = Field(examples=["trend on BTC"])
    strategy: str = Field(examples=["ma_cross"])
    closes: int = Field(description="Times that the strategy was asked live.", examples=[600])
    decisions: int = Field(description="Closes at which it, or the backtester, stated something.", examples=[560])
    identical: int = Field(description="Those at which both stated the same.", examples=[560])
    missed: int = Field(description="Those at which only the backtester was asked.", examples=[0])
    share: float | None = Field(description="identical / decisions; null where there are none.", examples=[1.0])
    first_open: Millis
    last_open: Millis
    memories: int = Field(description="Times that the strategy began anew.", examples=[1])
    restarts: int = Field(description="Times that it went on from its saved memory.", examples=[1])
    orders: int = Field(examples=[120])
    fills: int = Field(examples=[120])
    fill_error: ParityFillError
    causes: dict[str, int] = Field(description="Divergences by cause.", examples=[{"slippage": 2}])
    first: ParityDivergence | None = Field(description="The first divergence of either kind.")
    first_decision: ParityDivergence | None = Field(description="The first decision that is not the same.")
    divergences: list[ParityDivergence] = Field(description="The first hundred.")
    code_changed: bool = Field(description="The strategy's code is not what it was.", examples=[False])
