"""What a venue's account offers: orders, fills, balances, positions. Outcomes are evidence or they are unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextvars import ContextVar
from decimal import Decimal
from typing import Final, Protocol, TypeAlias

import msgspec

from quantservice.core.errors import VenueError
from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.intents import Approved
from quantservice.core.orders import Evidence, OrderState, VenueFill
from quantservice.core.positions import PositionSide
from quantservice.core.signals import OrderType

#: Until when (ns, UTC) what is asked of a venue may leave this process; 0: whenever. Execution sets it around each order and each
#: change of one, an adapter looks at it right before it signs: a process that was stopped in between has lost the account.
LEAVE_BY_NS: Final[ContextVar[int]] = ContextVar("leave_by_ns", default=0)


class Unknown(VenueError):
    """The request may or may not have reached the venue: ask by client id, never send again blindly.

    ``deadline_ns``: the instant after which the venue no longer takes the request; 0 where it names none.
    """

    def __init__(self, message: str, *, deadline_ns: int = 0, venue: str = "", market: str = "") -> None:
        self.deadline_ns = deadline_ns
        super().__init__(message, venue=venue, market=market)


class NotSent(VenueError):
    """Certain: no byte of the request reached the venue's engine, or it said itself that it took nothing.

    ``retry``: the venue's own rules allow the same request again (503 "Service Unavailable", -1008, 429).
    """

    def __init__(
        self, message: str, *, code: int | str = "", retry_at_ns: int = 0, retry: bool = False, venue: str = "", market: str = ""
    ) -> None:
        self.code = code
        self.retry = retry
        self.retry_at_ns = retry_at_ns
        super().__init__(message, venue=venue, market=market)


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says of one order: in an answer, a push or a list. ``filled`` is cumulative."""

    account: str
    instrument: InstrumentId
    client_id: str
    venue_order_id: str
    side: Side
    type: OrderType
    quantity: Decimal
    state: OrderState  # open, filled, cancelled, expired or rejected
    filled: Decimal = Decimal(0)
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    reduce_only: bool = False
    position_side: PositionSide = "both"
    reason: str = ""
    time_ms: int = 0
    evidence: Evidence


class VenueBalance(msgspec.Struct, frozen=True, kw_only=True):
    """One currency of an account. ``total`` is what the venue owes, ``free`` what orders may use."""

    currency: str
    total: Decimal
    free: Decimal


class VenuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """One open position (signed quantity, contracts for inverse)."""

    instrument: InstrumentId
    side: PositionSide = "both"
    quantity: Decimal
    entry_price: Decimal = Decimal(0)
    mark_price: Decimal = Decimal(0)
    leverage: Decimal = Decimal(1)
    isolated: bool = False
    liquidation_price: Decimal | None = None
    margin: Decimal = Decimal(0)


class VenueMargin(msgspec.Struct, frozen=True, kw_only=True):
    """What one margin account of a venue asks for and has, in its currency; at ``maintenance == balance`` it is liquidated.

    ``balance`` is the wallet with the open profit; a venue that values all currencies together tells one row, in ``USD``.
    """

    currency: str
    maintenance: Decimal
    balance: Decimal


class AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The account as the venue sees it at one instant. Comes first, and again after every reconnect."""

    account: str
    balances: tuple[VenueBalance, ...]
    positions: tuple[VenuePosition, ...]
    orders: tuple[OrderReport, ...]
    time_ms: int = 0
    margins: tuple[VenueMargin, ...] = ()  # empty on spot, and where the venue does not say


class AccountMovement(msgspec.Struct, frozen=True, kw_only=True):
    """Money that moved without a trade of ours: funding, transfer, rebate, fee. ``movement_id`` names it once."""

    account: str
    movement_id: str
    kind: str  # funding | transfer | rebate | fee | insurance | other
    currency: str
    amount: Decimal
    instrument: InstrumentId | None = None
    time_ms: int = 0


class BalanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """Balances and positions that the venue pushed; only what changed."""

    account: str
    balances: tuple[VenueBalance, ...] = ()
    positions: tuple[VenuePosition, ...] = ()
    reason: str = ""
    time_ms: int = 0


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """The private stream itself: live, down, stale. After a return a snapshot follows."""

    account: str
    state: str
    detail: str = ""
    time_ns: int = 0


AccountEvent: TypeAlias = AccountSnapshot | OrderReport | VenueFill | AccountMovement | BalanceReport | StreamState


class KeyPermissions(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue key may do. A key that can withdraw is refused. ``told``: whether the venue was asked and said so.

    ``uid``: the venue's number of the account that the key is of, where the venue tells it; one number, one wallet.
    """

    read: bool
    trade: bool
    withdraw: bool
    ip_bound: bool = False
    expires_ms: int | None = None
    detail: str = ""
    told: bool = True
    uid: str = ""


class AccountModes(msgspec.Struct, frozen=True, kw_only=True):
    """How the account is set: checked by preflight, changed on request only."""

    hedge: bool = False
    multi_asset: bool = False
    leverage: Mapping[str, Decimal] = {}
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None


class Trading(Protocol):
    """One account at one venue's market. Every method bounds its own wait."""

    @property
    def account(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def market(self) -> str: ...
    @property
    def window_ms(self) -> int:
        """After so long from its sending the venue takes a request no more; 0 where it names no such time."""
        ...

    @property
    def stops(self) -> bool:
        """Whether it holds reduce-only orders that wait for a price by themselves."""
        ...

    @property
    def dead_man(self) -> bool:
        """Whether it cancels orders by itself once nobody arms its timer any more."""
        ...

    def updates(self) -> AsyncIterator[Sequence[AccountEvent]]:
        """Yield batches: an AccountSnapshot first and after each reconnect; ends when closed."""
        ...

    async def submit(self, order: Approved) -> OrderReport:
        """Send one order, once. Raises Refused, NotSent or Unknown; never sends the same request again after Unknown."""
        ...

    async def amend(self, instrument: InstrumentId, client_id: str, *, quantity: Decimal, limit_price: Decimal) -> OrderReport:
        """Change a resting limit order. Raises Refused, NotSent or Unknown."""
        ...

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        """Ask for a cancel; the report where the answer is final, None where a push will say.

        Raises Refused, NotSent or Unknown.
        """
        ...

    async def cancel_all(self, instrument: InstrumentId) -> None:
        """Ask for the cancel of every open order of an instrument."""
        ...

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        """Let the venue cancel the orders unless armed again within ``seconds`` (0 disarms); False where it has no such timer."""
        ...

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders."""
        ...

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:
        """Return the order of a client id, or None when the venue does not know it (which is not yet proof of absence)."""
        ...

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Return the account's fills from an instant on, oldest first."""
        ...

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Return money moved without a trade: funding, transfers, rebates."""
        ...

    async def permissions(self) -> KeyPermissions: ...
    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes: ...
    async def set_leverage(self, instrument: InstrumentId, leverage: int) -> None: ...
    async def close(self) -> None: ...


class MarketTaker(Protocol):
    """Who must be brought the market, because no venue brings it: a paper account fills and pays funding by what it is told."""

    async def mark(self, instrument: InstrumentId, last: Decimal, *, bar: tuple[int, Decimal, Decimal] | None = None) -> None:
        """Take a trade price; ``bar``: open time (ms), low and high of the bar that closed with it."""
        ...

    async def settle_funding(self, instrument: InstrumentId, rate: Decimal, price: Decimal, time_ms: int) -> None:
        """Pay or receive funding on what is held, at the venue's mark price."""
        ...
