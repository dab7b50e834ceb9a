"""The words of the matching engine: symbols with their filters, orders, and what it tells of them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from quantservice.core.margin import BracketTable
from quantservice.core.money import ONE, ZERO
from quantservice.core.positions import PositionSide

Side: TypeAlias = Literal["buy", "sell"]
TimeInForce: TypeAlias = Literal["GTC", "IOC", "FOK", "GTX", "GTD"]
SelfTrade: TypeAlias = Literal["NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"]
#: Which client ids are refused: one that an open order has (Binance, OKX), one that any order had, or none (HTX spot).
ClientIdRule: TypeAlias = Literal["unique_open", "unique_ever", "not_checked"]


class Kind(StrEnum):
    """Order types, by what they do."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"  # a limit order once the stop price is reached
    STOP_MARKET = "stop_market"
    TAKE_PROFIT = "take_profit"  # a limit order once the price is reached from the other side
    TAKE_PROFIT_MARKET = "take_profit_market"
    TRAILING_STOP_MARKET = "trailing_stop_market"


CONDITIONAL = frozenset({Kind.STOP, Kind.STOP_MARKET, Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_MARKET, Kind.TRAILING_STOP_MARKET})
AT_MARKET = frozenset({Kind.MARKET, Kind.STOP_MARKET, Kind.TAKE_PROFIT_MARKET, Kind.TRAILING_STOP_MARKET})


class Status(StrEnum):
    """Where an order stands at the venue."""

    WAITING = "waiting"  # conditional, not triggered yet
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


LIVE = frozenset({Status.WAITING, Status.NEW, Status.PARTIALLY_FILLED})


class Reject(Exception):
    """The engine takes an order, a cancel or an amendment not at all. ``reason`` is a word that a protocol turns into its code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class Symbol(msgspec.Struct, kw_only=True):
    """A tradable symbol and its filters. ``contract_size`` and ``inverse`` as in core's instruments; fees are fractions."""

    name: str
    base: str
    quote: str
    settle: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal = ZERO
    max_quantity: Decimal = Decimal(10**9)
    min_notional: Decimal = ZERO
    price_band: Decimal = Decimal("0.5")  # a limit price may be so far from the mark, as a fraction
    band_both_sides: bool = True  # else only the side that would trade badly is bound: buys above, sells below
    contract_size: Decimal = ONE
    inverse: bool = False
    spot: bool = False
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")
    brackets: BracketTable | None = None
    status: str = "TRADING"
    most_orders: int = 200


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for.

    ``quote_quantity`` stands in place of ``quantity`` for a spot market order; ``close_all`` takes whatever is held.
    """

    symbol: str
    side: Side
    kind: Kind
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    callback: Decimal | None = None  # fraction, for trailing stops
    activation: Decimal | None = None
    tif: TimeInForce = "GTC"
    expire_ms: int = 0
    post_only: bool = False
    reduce_only: bool = False
    close_all: bool = False
    position_side: PositionSide = "both"
    client_id: str = ""
    self_trade: SelfTrade = "EXPIRE_MAKER"


class SimOrder(msgspec.Struct, kw_only=True):
    """An order at the venue. ``cost`` is the sum of price times quantity of its fills; ``seen_ms`` when it last changed."""

    order_id: int
    account: str
    ticket: Ticket
    quantity: Decimal
    status: Status = Status.NEW
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    price: Decimal | None = None
    stop_price: Decimal | None = None
    ahead: Decimal = ZERO  # of the market's own quantity at its price that is served first
    best: Decimal | None = None  # of the trailing stop
    triggered: bool = False
    reason: str = ""
    created_ms: int = 0
    seen_ms: int = 0
    priority: int = 0

    @property
    def symbol(self) -> str:
        """The symbol's name."""
        return self.ticket.symbol

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return self.ticket.side

    @property
    def left(self) -> Decimal:
        """What is not filled."""
        return self.quantity - self.filled

    @property
    def live(self) -> bool:
        """Whether it can still be filled."""
        return self.status in LIVE

    @property
    def resting(self) -> bool:
        """Whether it stands in the book."""
        return self.status in (Status.NEW, Status.PARTIALLY_FILLED)


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An order changed: ``what`` is new, trade, canceled, expired, amended, triggered. ``order`` is a copy as it was then."""

    account: str
    what: str
    order: SimOrder
    time_ms: int
    sequence: int


class FillEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of one account's order. ``realised`` is its profit in the settlement currency (derivatives)."""

    account: str
    trade_id: int
    order: SimOrder
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    realised: Decimal
    kind: str  # trade | liquidation | adl
    time_ms: int
    sequence: int


class BalanceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Wallet balances after a change. ``reason``: order, funding, transfer, fee, insurance."""

    account: str
    balances: dict[str, Decimal]
    reason: str
    amount: Decimal
    currency: str
    symbol: str
    time_ms: int
    sequence: int


class PositionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A position after a change."""

    account: str
    symbol: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    reason: str
    time_ms: int
    sequence: int


AccountEvent: TypeAlias = OrderEvent | FillEvent | BalanceEvent | PositionEvent
