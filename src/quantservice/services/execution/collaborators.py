"""What the gateway needs of others, as it needs it: services never import each other, the composition root brings them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from quantservice.core.intents import Approved, Denied, Intent
from quantservice.core.orders import Order, VenueFill
from quantservice.ports import RiskDecision, UnitOfWork
from quantservice.ports.trading import AccountMovement, AccountSnapshot


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

    def check(self, intent: Intent, now_ns: int) -> Verdict:
        """Approve (and reserve) or deny."""
        ...

    def apply_order(self, order: Order) -> None:
        """Take an order as it is now into the exposure."""
        ...


class Books(Protocol):
    """The bookkeeper: called inside the transaction that applies the event. Returns what changed, to be told."""

    async def open(self, work: UnitOfWork, snapshot: AccountSnapshot) -> list[Any]:
        """Open the books with what the venue shows; nothing where they are open."""
        ...

    async def book(self, work: UnitOfWork, fill: VenueFill, *, deployment: str = "") -> list[Any]:
        """Book a fill."""
        ...

    async def move(self, work: UnitOfWork, movement: AccountMovement) -> list[Any]:
        """Book money that moved without a trade."""
        ...


#: Tells others of a fact within the transaction that made it true (the outbox).
Told: TypeAlias = Callable[[UnitOfWork, Any], Awaitable[None]]
