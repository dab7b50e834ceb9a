"""Deployments: strategies that can be started, paused and stopped."""

from __future__ import annotations

from typing import Any, Literal

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
