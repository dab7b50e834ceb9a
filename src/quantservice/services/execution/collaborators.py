"""What the gateway needs of others, as it needs it: services never import each other, the composition root brings them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved, Denied, Intent
from quantservice.core.orders import Order, VenueFill
from quantservice.ports import HeldPosition, RiskDecision, UnitOfWork
from quantservice.ports.trading import AccountMovement, AccountSnapshot
from quantservice.quant.risk_rules import RiskRule


class Verdict(Protocol):
    """Risk control's answer, and what of it is kept."""

    @property
    def answer(self) -> Approved | Denied:
        """Yes or no."""
        ...

    @property
    def decisions(self) -> tuple[RiskDecision, ...]:
        """The denials as they are kept, those of rules on trial too."""
        ...


class Check(Protocol):
    """Risk control."""

    def check(self, intent: Intent, now_ns: int, also: Sequence[RiskRule] = ()) -> Verdict:
        """Approve (and reserve) or deny; ``also``: rules of this order alone, asked after those in force."""
        ...

    def uncovered(self, intent: Intent) -> bool:
        """Say whether an order that only reduces a deployment's part, and ends at once, is more than the account covers."""
        ...

    def apply_order(self, order: Order) -> None:
        """Take an order as it is now into the exposure."""
        ...

    def reload(self, account: str, held: Sequence[HeldPosition]) -> None:
        """Forget an account's orders and positions, and take these positions: another process may have traded meanwhile."""
        ...

    async def recall(self, work: UnitOfWork, account: str, now_ns: int) -> Any:
        """Read what it must know of the time before this process."""
        ...

    def resume(self, account: str, held: Sequence[HeldPosition], recalled: Any) -> None:
        """Go on with what :meth:`recall` read, once positions and open orders are taken."""
        ...

    def barred(self, approved: Approved) -> str:
        """Say why an approved order may not be sent any more (a state that changed since), or nothing."""
        ...


class Gap(Protocol):
    """A leg of which the venue holds another quantity than the books."""

    @property
    def instrument(self) -> InstrumentId:
        """What is held."""
        ...

    @property
    def booked(self) -> Decimal:
        """By the books."""
        ...

    @property
    def venue(self) -> Decimal:
        """By the venue."""
        ...


class Statement(Protocol):
    """The books beside the venue's own statement."""

    @property
    def positions(self) -> Sequence[Gap]:
        """Legs that differ."""
        ...

    @property
    def unexplained(self) -> Mapping[str, Decimal]:
        """Per currency what the venue owes beyond the books."""
        ...


class Books(Protocol):
    """The bookkeeper: called inside the transaction that applies the event. Returns what changed, to be told."""

    async def open(self, work: UnitOfWork, snapshot: AccountSnapshot) -> list[Any]:
        """Open the books with what the venue shows; nothing where they are open."""
        ...

    async def opened_ms(self, work: UnitOfWork) -> int | None:
        """When the books were opened; None where they are not."""
        ...

    async def book(self, work: UnitOfWork, fill: VenueFill, *, deployment: str = "") -> list[Any]:
        """Book a fill."""
        ...

    async def move(self, work: UnitOfWork, movement: AccountMovement) -> list[Any]:
        """Book money that moved without a trade."""
        ...

    async def held(self, work: UnitOfWork) -> set[InstrumentId]:
        """Return what the account holds by the books."""
        ...

    async def compare(self, work: UnitOfWork, snapshot: AccountSnapshot) -> Statement:
        """Compare the books with what the venue shows."""
        ...

    async def note(self, work: UnitOfWork, statement: Any) -> None:
        """Keep a comparison as its day's last."""
        ...


#: Tells others of a fact within the transaction that made it true (the outbox).
Told: TypeAlias = Callable[[UnitOfWork, Any], Awaitable[None]]
