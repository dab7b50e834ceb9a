"""What a paper account is: money, positions, orders and what happened lately. One record, kept whole at each change."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.fees import FeeSchedule
from quantservice.core.intents import OrderTerms
from quantservice.core.margin import UNKNOWN_TIERS, BracketTable
from quantservice.core.money import ZERO
from quantservice.core.orders import OrderState, VenueFill
from quantservice.core.positions import Position
from quantservice.ports.trading import AccountMovement

#: Ended orders, fills and movements that are still told when asked; a gateway asks from its last reconciled instant on.
KEPT: Final = 500


class PaperConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``balances`` at the opening; ``fees`` of the account; ``slippage`` of what takes, a fraction of the price.

    ``leverage`` bounds new exposure in derivatives. ``tiers`` ask for maintenance margin: where what is left falls to that of all
    positions of a currency, they are closed one after the other. The default is what a backtest takes of tiers that are not known.
    """

    balances: dict[str, Decimal] = msgspec.field(default_factory=lambda: {"USDT": Decimal(100_000)})
    fees: FeeSchedule = FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0005"))
    slippage: Decimal = Decimal("0.0001")
    leverage: Decimal = Decimal(5)
    tiers: BracketTable = UNKNOWN_TIERS


class PaperOrder(msgspec.Struct, kw_only=True):
    """An order as the account has it. ``best`` is the best price since, of a trailing stop; ``woken``: its stop was reached."""

    client_id: str
    order_id: str
    terms: OrderTerms
    state: OrderState = OrderState.OPEN
    filled: Decimal = ZERO
    woken: bool = False
    best: Decimal | None = None
    reason: str = ""
    created_ms: int = 0
    updated_ms: int = 0


class PaperState(msgspec.Struct, kw_only=True):
    """The account. ``sequence`` names orders and fills; lists hold the newest last."""

    wallet: dict[str, Decimal]
    opened_ms: int
    sequence: int = 0
    positions: dict[str, Position] = {}  # by leg
    orders: dict[str, PaperOrder] = {}  # open ones, by client id
    ended: list[PaperOrder] = []
    fills: list[VenueFill] = []
    movements: list[AccountMovement] = []
    prices: dict[str, tuple[Decimal, int]] = {}  # last price and its time, by instrument

    def number(self) -> str:
        """Return the next name."""
        self.sequence += 1
        return str(self.sequence)

    def trim(self) -> None:
        """Forget what is old."""
        for kept in (self.ended, self.fills, self.movements):
            del kept[:-KEPT]
