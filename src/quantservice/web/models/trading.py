"""Trading: accounts, orders, fills, positions, denials."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from quantservice.web.models.common import Answer, Body, DecimalText, MarketName, Millis

#: What a person may ask for: exact, not negative, of a size that any venue's money has.
Amount: TypeAlias = Annotated[
    str, Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,18})?$", description="Exact decimal as text.", examples=["0.05"])
]


#: Rules of one request alone.
RiskOfOrder: TypeAlias = Annotated[
    dict[str, dict[str, Any]],
    Field(
        default_factory=dict,
        max_length=20,
        description="Rules of this order alone, besides those in force: rule name to its parameters.",
        examples=[{"max_order_value": {"limit": "5000"}}],
    ),
]


class AccountRow(Answer):
    """An account, what it has by its books, and whether its orders may be sent."""

    name: str = Field(examples=["paper"])
    venue: str = Field(examples=["binance"])
    market: MarketName
    mode: Literal["paper", "live"]
    currency: str = Field(examples=["USDT"])
    enabled: bool
    ready: bool = Field(description="Reconciled with its venue, and ours.")
    balances: dict[str, DecimalText] = Field(description="The wallet by the books, per currency.", examples=[{"USDT": "100000"}])


class AccountList(Answer):
    """The accounts."""

    data: list[AccountRow]


class KeyRow(Answer):
    """A venue key as far as it is shown: its beginning and its rights."""

    account: str = Field(examples=["main"])
    prefix: str = Field(examples=["vmPUZE"])
    enabled: bool
    permissions: dict[str, Any] = Field(examples=[{"read": True, "trade": True, "withdraw": False}])
    created_ms: Millis
    checked_ms: Millis


class KeyList(Answer):
    """The keys."""

    data: list[KeyRow]


class KeyBody(Body):
    """A venue key. It is checked with the venue, refused when it can withdraw, and kept sealed; no answer shows it again."""

    key: str = Field(min_length=1, max_length=512)
    secret: str = Field(min_length=1, max_length=8_192)
    passphrase: str = Field(default="", max_length=512)


class AccountRequest(Body):
    """An account to add. ``balances`` are what a paper account begins with; without them its market's usual ones.

    A live account trades once it has a key.
    """

    name: str = Field(min_length=1, max_length=40, examples=["paper"])
    market: MarketName = "um"
    mode: Literal["paper", "live"] = "paper"
    venue: str = Field(default="binance", max_length=32, examples=["binance"])
    currency: str = Field(default="USDT", max_length=12, examples=["USDT"])
    balances: dict[str, Amount] = Field(default={}, max_length=20, examples=[{"USDT": "50000"}])


class OrderRow(Answer):
    """An order as it is known now. ``external``: not ours by origin."""

    order_id: str = Field(examples=["3XM5VA67E2UEYEG4NC3GJKXJMA"])
    account: str = Field(examples=["paper"])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    side: Literal["buy", "sell"]
    type: str = Field(examples=["limit"])
    quantity: DecimalText
    limit_price: DecimalText | None = None
    stop_price: DecimalText | None = None
    time_in_force: str = Field(examples=["GTC"])
    reduce_only: bool
    state: str = Field(
        description="submitting, unknown, open, filled, cancelled, expired, rejected, not_sent.", examples=["filled"]
    )
    filled: DecimalText
    average_price: DecimalText | None = None
    purpose: str = Field(examples=["manual"])
    deployment: str = Field(description="Empty for a person's own.", examples=[""])
    external: bool
    venue_order_id: str = Field(examples=["12"])
    evidence: str = Field(
        description="Where its state was read: answer, push, query, open_orders, fills, absence, local.", examples=["answer"]
    )
    reason: str = Field(examples=[""])
    created_ms: Millis


class OrderList(Answer):
    """Orders, newest first."""

    data: list[OrderRow]


class CloseAllAnswer(OrderList):
    """The orders that close what was held, and why others were denied."""

    denied: list[str] = Field(examples=[[]])


class OrderFields(Body):
    """An order to place."""

    account: str = Field(min_length=1, max_length=40, examples=["paper"])
    symbol: str = Field(min_length=1, max_length=200, examples=["BTCUSDT"])
    market: MarketName | None = None
    side: Literal["buy", "sell"] = Field(examples=["buy"])
    quantity: Amount
    type: Literal["market", "limit", "stop", "stop_limit", "take_profit"] = "market"
    limit_price: Amount | None = None
    stop_price: Amount | None = None
    time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC"
    post_only: bool = False
    reduce_only: bool = False


class OrderBody(OrderFields):
    """An order to place. What risk control denies is answered with its rule, limit and value, and nothing is sent."""

    risk: RiskOfOrder


class BatchBody(Body):
    """Orders of one account, and rules asked of all of them."""

    orders: list[OrderFields] = Field(min_length=1, max_length=50)
    risk: RiskOfOrder


class DeniedRow(Answer):
    """Why an order was not sent."""

    rule: str = Field(examples=["max_order_value"])
    limit: str = Field(examples=["10000"])
    value: str = Field(examples=["25000"])
    sentence: str = Field(examples=["the order's value 25000 is above the limit of 10000"])


class BatchRow(Answer):
    """What came of one order: the order, or the denial."""

    order: OrderRow | None
    denied: DeniedRow | None


class BatchAnswer(Answer):
    """What came of each, in their order."""

    data: list[BatchRow]


class CancelAllBody(Body):
    """Whose open orders shall be cancelled; ``symbol``: of one instrument only."""

    account: str = Field(min_length=1, max_length=40, examples=["paper"])
    symbol: str | None = Field(default=None, max_length=200, examples=["BTCUSDT"])


class FillRow(Answer):
    """One execution, booked once."""

    trade_id: str = Field(examples=["7"])
    order_id: str = Field(examples=["3XM5VA67E2UEYEG4NC3GJKXJMA"])
    account: str = Field(examples=["paper"])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    side: Literal["buy", "sell"]
    price: DecimalText
    quantity: DecimalText
    fee: DecimalText
    fee_currency: str = Field(examples=["USDT"])
    maker: bool
    realised: DecimalText | None = None
    deployment: str = Field(examples=[""])
    time_ms: Millis


class FillList(Answer):
    """Fills, newest first."""

    data: list[FillRow]


class PositionRow(Answer):
    """What is held: by an account, or of it by a deployment."""

    account: str = Field(examples=["paper"])
    deployment: str = Field(description="Empty for the account's own.", examples=[""])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    side: str = Field(examples=["both"])
    quantity: DecimalText
    average_entry: DecimalText | None = None
    realised: DecimalText
    updated_ms: Millis


class PositionList(Answer):
    """Positions that are not flat."""

    data: list[PositionRow]


class DenialRow(Answer):
    """An order that risk control denied, with the rule, its limit and the value that broke it."""

    account: str = Field(examples=["paper"])
    deployment: str = Field(examples=[""])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    rule: str = Field(examples=["max_order_value"])
    limit: str = Field(examples=["10000"])
    value: str = Field(examples=["25000"])
    sentence: str = Field(examples=["the order's value 25000 is above the limit of 10000"])
    shadow: bool
    time_ms: Millis


class DenialList(Answer):
    """Denials, newest first."""

    data: list[DenialRow]
