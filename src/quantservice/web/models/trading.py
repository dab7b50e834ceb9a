"""Trading: accounts, orders, fills, positions, denials."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from quantservice.services.portfolio.chain import Origin, StepClock, StepName
from quantservice.web.models.amounts import Amount, PositiveAmount
from quantservice.web.models.common import Answer, Body, DecimalText, MarketName, Millis

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


class AccountFeesRow(Answer):
    """What an account pays, as its venue said: fractions of the notional, a rebate negative."""

    maker: DecimalText
    taker: DecimalText
    instrument: str = Field(description="Of which the venue was asked.", examples=["binance:um:BTC-USDT-PERP"])
    read_ms: Millis


class AccountRow(Answer):
    """An account, what it has by its books, and whether its orders may be sent."""

    name: str = Field(examples=["paper"])
    venue: str = Field(examples=["binance"])
    market: MarketName
    mode: Literal["paper", "live"]
    currency: str = Field(examples=["USDT"])
    enabled: bool
    ready: bool = Field(description="Reconciled with its venue, and ours.")
    problem: str = Field(description="Why it does not trade: no key, a fault that parked it; empty while it does or comes up.")
    balances: dict[str, DecimalText] = Field(description="The wallet by the books, per currency.", examples=[{"USDT": "100000"}])
    fees: AccountFeesRow | None = Field(description="null until they were read.")


class AccountList(Answer):
    """The accounts."""

    data: list[AccountRow]


class PreflightFinding(Answer):
    """One thing that was looked at."""

    check: str = Field(examples=["clock"])
    outcome: Literal["ok", "warning", "failed"]
    sentence: str = Field(examples=["this machine's clock and the venue's are 12 ms apart"])


class PreflightReport(Answer):
    """What was found before an account trades for real; `outcome` is the worst of it."""

    account: str = Field(examples=["main"])
    mode: Literal["paper", "live"]
    outcome: Literal["ok", "warning", "failed"]
    findings: list[PreflightFinding]


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


class RotationAnswer(Answer):
    """What a rotation of the master key did."""

    version: int = Field(description="Version of the master key that is in use now.", examples=[2])
    rewrapped: int = Field(description="Venue keys that were sealed under it.", examples=[3])


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


class AmendmentRow(Answer):
    """The last change that was asked of an order: asked (its outcome is not known yet), made, or refused and why."""

    quantity: DecimalText
    limit_price: DecimalText
    state: Literal["asked", "made", "refused"]
    reason: str = Field(examples=[""])


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
    expire_ms: int | None = Field(
        default=None, description="When the platform cancels what is left, UTC milliseconds.", examples=[None]
    )
    reduce_only: bool
    state: str = Field(
        description="submitting, unknown, open, amending, filled, cancelled, expired, rejected, not_sent.", examples=["filled"]
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
    amendment: AmendmentRow | None = None
    created_ms: Millis


class OrderList(Answer):
    """Orders, newest first."""

    data: list[OrderRow]


class CloseAllAnswer(OrderList):
    """The orders that close what was held, and why others were denied."""

    denied: list[str] = Field(examples=[[]])


class OfferRow(Answer):
    """What an order costs at one account, as shares of its value, or why it cannot take it."""

    account: str = Field(examples=["paper"])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    takes: bool
    chosen: bool
    price: DecimalText = Field(description="By how much its middle price is worse than the best one's.")
    spread: DecimalText = Field(description="Half of it.")
    impact: DecimalText = Field(description="What its size moves.")
    fee: DecimalText
    cost: DecimalText = Field(description="The sum.")
    amount: DecimalText = Field(description="The sum as money of `currency`.")
    currency: str = Field(examples=["USDT"])
    sentence: str = Field(examples=["0.06 % in all (fee 0.05 %, half the spread 0.01 %)"])


class PlacedOrder(OrderRow):
    """The order that was placed; with `route` also what it would cost at each account, cheapest first."""

    route: list[OfferRow] | None = Field(default=None, description="null without `route`, and where the order was there already.")


class OrderTermsBody(Body):
    """What is wanted, without an account."""

    symbol: str = Field(min_length=1, max_length=200, examples=["BTCUSDT"])
    market: MarketName | None = None
    side: Literal["buy", "sell"] = Field(examples=["buy"])
    quantity: PositiveAmount
    type: Literal["market", "limit", "stop", "stop_limit", "take_profit"] = "market"
    limit_price: PositiveAmount | None = None
    stop_price: PositiveAmount | None = None
    time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC"
    post_only: bool = False
    reduce_only: bool = False


#: The time of one order.
Deadline: TypeAlias = Annotated[
    float | None,
    Field(
        default=None,
        gt=0,
        le=2_592_000,
        allow_inf_nan=False,
        description="So many seconds later the platform cancels what is left of an order that rests; null: never.",
        examples=[3600.0],
    ),
]


class OrderFields(OrderTermsBody):
    """An order to place."""

    account: str = Field(min_length=1, max_length=40, examples=["paper"])


class BatchOrder(OrderFields):
    """One order of several."""

    deadline_s: Deadline


class OrderBody(OrderTermsBody):
    """An order to place. What risk control denies is answered with its rule, limit and value, and nothing is sent.

    It names its account, or says `route`: then it goes to the account (of `accounts`, or of all) that takes it at the least cost.
    """

    account: str = Field(default="", max_length=40, examples=["paper"])
    deadline_s: Deadline
    route: bool = False
    accounts: list[str] = Field(default=[], max_length=50, description="With `route`: only among these.", examples=[[]])
    risk: RiskOfOrder


class RouteBody(OrderTermsBody):
    """An order whose cost is asked for; it is not placed."""

    accounts: list[str] = Field(default=[], max_length=50, description="Only among these; empty: all.", examples=[[]])


class RouteQuote(Answer):
    """What an order would cost at each account that could trade it: cheapest first, then those that cannot take it."""

    data: list[OfferRow]


class AlgorithmBody(OrderFields):
    """An order that is worked off in parts: twap and vwap over `minutes`, iceberg by what it shows, limit at the best price."""

    type: Literal["market", "limit"] = "market"
    algorithm: Literal["twap", "vwap", "iceberg", "limit"]
    minutes: float = Field(default=0.0, ge=0, le=10_080, description="Its time; nothing of it is open afterwards. 0: no end.")
    slices: int = Field(default=0, ge=0, le=500, description="Parts of its time; 0: one a minute.")
    shown: PositiveAmount | None = Field(default=None, description="What the market sees of an iceberg at once.")
    profile: list[Amount] = Field(
        default=[], max_length=500, description="Shares of volume of a vwap, one per part; empty: as on the days before."
    )


class AlgorithmRow(Answer):
    """An order that is worked off in parts, and how far it is."""

    algorithm_id: str = Field(examples=["3XM5VA67E2UEYEG4NC3GJKXJMA"])
    algorithm: Literal["twap", "vwap", "iceberg", "limit"]
    account: str = Field(examples=["paper"])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    side: Literal["buy", "sell"]
    quantity: DecimalText
    limit_price: DecimalText | None = None
    shown: DecimalText | None = None
    state: Literal["running", "cancelling", "done", "cancelled", "expired", "failed"]
    filled: DecimalText
    average_price: DecimalText | None = None
    parts: int = Field(description="Parts of its time, or parts that were sent.", examples=[30])
    reason: str = Field(examples=[""])
    start_ms: Millis
    end_ms: int = Field(description="UTC milliseconds; 0: no end.", examples=[0])


class AlgorithmList(Answer):
    """Algorithms, newest first."""

    data: list[AlgorithmRow]


class AmendBody(Body):
    """What an open limit order shall become; what is not given stays. ``quantity`` is the whole one, what is filled included."""

    quantity: PositiveAmount | None = None
    limit_price: PositiveAmount | None = None
    risk: RiskOfOrder


class BatchBody(Body):
    """Orders of one account, and rules asked of all of them."""

    orders: list[BatchOrder] = Field(min_length=1, max_length=50)
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


class ChainStep(Answer):
    """One thing that happened on an order's way."""

    step: StepName
    code: str = Field(description="Names what is said of it, for a reader's own words.", examples=["kline"])
    values: dict[str, str] = Field(description="What stands in that.", examples=[{"instrument": "binance:um:BTC-USDT-PERP"}])
    sentence: str = Field(examples=["its frame came from the exchange"])
    time_us: int | None = Field(description="UTC microseconds; null where nobody wrote it down.", examples=[1748736000012345])
    clock: StepClock = Field(description="Whose time it is; a gap between the two holds their difference.")
    gap_us: int | None = Field(description="Since the last step before it that has a time.", examples=[1834])
    facts: dict[str, str] = Field(description="What stands beside it, by name.", examples=[{"equity": "10000", "position": "0"}])


class ChainNote(Answer):
    """Something of an order's way that is not kept."""

    code: str = Field(examples=["intent"])
    sentence: str = Field(examples=["its intent is not kept"])


class OrderChain(Answer):
    """From the exchange's frame to the entry in the books: an order's steps, each with its time."""

    order_id: str = Field(examples=["3XM5VA67E2UEYEG4NC3GJKXJMA"])
    instrument: str = Field(examples=["binance:um:BTC-USDT-PERP"])
    origin: Origin
    strategy: str = Field(examples=["ma_cross"])
    deployment: str = Field(description="Its name; empty for a person's own.", examples=["trend"])
    state: str = Field(examples=["filled"])
    steps: list[ChainStep]
    missing: list[ChainNote] = Field(description="What of it is not kept.", examples=[[]])


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
