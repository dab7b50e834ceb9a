"""Risk control: states, rules, the kill switch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from quantservice.web.models.common import Answer, Body, Millis

State = Literal["ACTIVE", "REDUCING", "HALTED"]
Scope = Literal["system", "account", "deployment"]
Mode = Literal["enforced", "shadow", "off"]


class RiskStateRow(Answer):
    """A state that survives restarts. What has none is ACTIVE; of several the strictest counts."""

    scope: Scope
    key: str = Field(description="The account or deployment; empty for the system.", examples=["paper"])
    state: State
    reason: str = Field(examples=["a bad fill, looked at first"])
    who: str = Field(examples=["owner"])
    since_ms: Millis


class RiskParameter(Answer):
    """A rule's limit or window."""

    value: Any = Field(examples=["0.8"])
    default: Any = Field(examples=["0.8"])
    doc: str = Field(examples=["a share of equity"])


class RiskRuleRow(Answer):
    """A question asked of every order before it is sent."""

    name: str = Field(examples=["max_exposure"])
    doc: str = Field(examples=["Gross value of all positions, with everything in flight, as a share of equity."])
    mode: Mode = Field(description="enforced denies, shadow is only noted, off is not asked.")
    parameters: dict[str, RiskParameter]


class RiskAnswer(Answer):
    """States and rules as they are in force."""

    state: State = Field(description="Of the whole system.")
    states: list[RiskStateRow]
    rules: list[RiskRuleRow]


class RiskStateBody(Body):
    """A state to set."""

    scope: Scope = "system"
    key: str = Field(default="", max_length=200, examples=["paper"])
    state: State
    reason: str = Field(default="", max_length=200, examples=["a bad fill, looked at first"])


class RiskRuleBody(Body):
    """How a rule shall be asked; parameters that are not given stay."""

    mode: Mode = "enforced"
    parameters: dict[str, Any] = Field(default={}, max_length=20, examples=[{"limit": "0.5"}])


class AlertAnswer(Answer):
    """An alert that is on its way."""

    name: str = Field(examples=["test"])
    sentence: str = Field(examples=["a test: alerts of QuantService arrive here"])


class KillBody(Body):
    """Why, and whether what is held shall be closed too."""

    reason: str = Field(default="", max_length=200, examples=["something is wrong"])
    close: bool = Field(default=False, description="Also close every position, before the system is HALTED.")


class KillAnswer(Answer):
    """What was done."""

    state: State
    cancelled: int = Field(description="Open orders that have ended.", examples=[3])
    closing: int = Field(description="Orders sent to close what was held.", examples=[2])
    faults: list[str] = Field(description="What did not go.", examples=[[]])
