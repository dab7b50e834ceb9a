"""Risk control: states, rules, the kill switch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from quantservice.web.models.amounts import Amount
from quantservice.web.models.common import Answer, Body, DecimalText, Millis

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
    """A question asked of every order before it is sent, or of every open position whenever its price moves."""

    name: str = Field(examples=["max_exposure"])
    kind: Literal["order", "position"]
    doc: str = Field(examples=["Gross value of all positions, with everything in flight, as a share of equity."])
    own: bool = Field(description="Whether one account or deployment may have it of its own.", examples=[False])
    mode: Mode = Field(description="enforced denies, shadow is only noted, off is not asked.")
    parameters: dict[str, RiskParameter]
    denied: int = Field(description="Orders that it denied in the last 24 hours.", examples=[2])
    noted: int = Field(description="Orders that it would have denied in the last 24 hours, on trial.", examples=[14])
    unasked: str = Field(description="Why it cannot be asked of past orders; empty where it can.", examples=[""])


class ProtectionRow(Answer):
    """A rule as one account or deployment has it: a deployment's goes before its account's, and that before the system's."""

    scope: Literal["account", "deployment"]
    key: str = Field(description="The account or deployment.", examples=["paper"])
    name: str = Field(examples=["stop_loss"])
    mode: Literal["enforced", "off"]
    parameters: dict[str, Any] = Field(examples=[{"limit": "0.03"}])


class RiskAnswer(Answer):
    """States and rules as they are in force."""

    state: State = Field(description="Of the whole system.")
    states: list[RiskStateRow]
    rules: list[RiskRuleRow]
    protection: list[ProtectionRow] = Field(description="Rules that accounts and deployments have of their own.")


class RiskStateBody(Body):
    """A state to set."""

    scope: Scope = "system"
    key: str = Field(default="", max_length=200, examples=["paper"])
    state: State
    reason: str = Field(default="", max_length=200, examples=["a bad fill, looked at first"])


class RiskRuleBody(Body):
    """How a rule shall be asked; parameters that are not given stay.

    A rule of positions, and cooldown, may be set for one account or deployment (``scope`` and ``key``); there ``inherit`` forgets
    what was set.
    """

    mode: Literal["enforced", "shadow", "off", "inherit"] = "enforced"
    scope: Scope = "system"
    key: str = Field(default="", max_length=200, examples=["paper"])
    parameters: dict[str, Any] = Field(default={}, max_length=20, examples=[{"limit": "0.5"}])


class RehearsalMoney(Answer):
    """What blocking would have been worth in one currency, after fees."""

    currency: str = Field(examples=["USDT"])
    saved: DecimalText = Field(description="Losses that would have been avoided.")
    cost: DecimalText = Field(description="Profits that would have been forgone.")


class RehearsalRule(Answer):
    """One rule's part; of all rules together (empty name) an order counts once."""

    name: str = Field(examples=["max_position"])
    parameters: dict[str, Any] = Field(examples=[{"limit": "1000"}])
    blocked: int = Field(description="Orders that it would have denied.", examples=[14])
    closing: int = Field(description="Of these, those that opened nothing: no money is counted for them.", examples=[0])
    money: list[RehearsalMoney]


class BlockedRow(Answer):
    """A past order that a rule would have denied, and what came of it."""

    time_ms: Millis
    order_id: str = Field(examples=["3XM5VA67E2UEYEG4NC3GJKXJMA"])
    deployment: str = Field(description="Empty for a person's order.", examples=[""])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    side: Literal["buy", "sell"]
    quantity: DecimalText
    state: str = Field(examples=["filled"])
    rule: str = Field(examples=["max_position"])
    limit: str = Field(examples=["1000"])
    value: str = Field(examples=["1523.5"])
    sentence: str = Field(examples=["the position would be worth 1523.5, more than the 1000 allowed"])
    profit: DecimalText | None = Field(
        description="Of what it opened, realised and marked, after fees; null where it opened nothing."
    )
    currency: str = Field(examples=["USDT"])
    open: DecimalText = Field(description="Quantity of it that is still held.")
    unpriced_fees: dict[str, DecimalText] = Field(description="Fees in currencies of which no price is known: not in `profit`.")


class UnaskedRule(Answer):
    """A rule in force that cannot be asked of the past."""

    name: str = Field(examples=["fresh_data"])
    reason: str = Field(examples=["how old a price was when an order was made is not kept"])


class RehearsalAnswer(Answer):
    """What rules would have done to an account's past orders."""

    account: str = Field(examples=["paper"])
    start_ms: Millis
    end_ms: Millis
    judged: int = Field(description="Orders that the rules were asked of.", examples=[120])
    left_out: int = Field(description="Orders of others, or of instruments whose rules are not known any more.", examples=[0])
    without_price: int = Field(
        description="Judged where no price was known yet: a market order is worth nothing then.", examples=[0]
    )
    sentence: str = Field(examples=["would have blocked 14 of 120 orders: saved 12.30, cost 4.50 USDT"])
    together: RehearsalRule
    rules: list[RehearsalRule]
    blocked: list[BlockedRow] = Field(description="Newest first; once for every rule that blocks it.")
    unasked: list[UnaskedRule]


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


class AllocationRow(Answer):
    """What of an account is allotted to deployments; null where the account is not traded here."""

    account: str = Field(examples=["paper"])
    currency: str = Field(examples=["USDT"])
    allocated: DecimalText
    equity: DecimalText | None
    free: DecimalText | None = Field(description="Equity less what is allotted; negative where more is allotted than there is.")
    exposure: DecimalText | None = Field(description="Value of all positions, everything in flight counted at its worst.")


class QuotaRow(Answer):
    """What a deployment was allotted and may use (0: no limit), and what it uses now."""

    deployment: str = Field(description="Its id.", examples=["ABCDEFGHIJKLMNOPQRSTUVWXYZ"])
    name: str = Field(examples=["trend on BTC"])
    state: str = Field(examples=["running"])
    account: str = Field(examples=["paper"])
    currency: str = Field(examples=["USDT"])
    allocation: DecimalText
    gross: DecimalText = Field(description="Value of all its positions, everything in flight counted at its worst.")
    max_position: DecimalText = Field(description="Most that its position in any one instrument may be worth.")
    largest: DecimalText = Field(description="What its largest position is worth, counted the same way.")
    orders_per_day: int = Field(examples=[200])
    orders_today: int = Field(description="Since 00:00 UTC.", examples=[12])


class QuotaList(Answer):
    """Allocation by account, quotas and their use by deployment."""

    accounts: list[AllocationRow]
    data: list[QuotaRow]


class QuotaBody(Body):
    """What shall be different; what is left out stays. 0 is no limit."""

    max_position: Amount | None = Field(default=None, examples=["20000"])
    orders_per_day: int | None = Field(default=None, ge=0, le=1_000_000, strict=True, examples=[200])
