"""What a strategy may answer: a level it wants (Signal), orders it places itself, and what it is told of them.

A strategy sees and says float64; a float becomes a price or a quantity only through the instrument's rounding.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from quantservice.core.instruments import InstrumentId, Side
from quantservice.core.positions import PositionSide

OrderType: TypeAlias = Literal["market", "limit", "stop", "stop_limit", "trailing_stop", "take_profit"]
TimeInForce: TypeAlias = Literal["GTC", "IOC", "FOK", "GTD"]
OrderState: TypeAlias = Literal["accepted", "partially_filled", "filled", "cancelled", "expired", "rejected"]


class Signal(msgspec.Struct, frozen=True, gc=False, tag_field="decision", tag="signal"):
    """What is wanted now: ``target`` is the position as a fraction of the allotted equity (1 long all, -1 short all, 0 flat).

    It is a level: stating it again changes nothing. ``side`` names the leg in hedge mode; ``tag`` is the reason shown in reports.
    """

    instrument: InstrumentId
    target: float
    side: PositionSide = "both"
    tag: str = ""


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, tag_field="decision", tag="order"):
    """An order the strategy places itself.

    Exactly one of ``quantity`` (base units or contracts) and ``fraction`` (of the allotted equity, at the order's price) is given.
    ``limit_price`` for limit and stop_limit; ``stop_price`` for stop, stop_limit and take_profit; ``trail`` (a fraction of the
    best price since) for trailing_stop. Orders of one instrument with one ``group`` cancel each other when one fills (OCO).
    ``tag`` names the order within the strategy: it comes back in updates and cancels by it.
    """

    instrument: InstrumentId
    side: Side
    type: OrderType = "market"
    quantity: float | None = None
    fraction: float | None = None
    limit_price: float | None = None
    stop_price: float | None = None
    trail: float | None = None
    post_only: bool = False
    reduce_only: bool = False
    time_in_force: TimeInForce = "GTC"
    expire_ms: int | None = None
    group: str = ""
    tag: str = ""
    position_side: PositionSide = "both"


class CancelOrders(msgspec.Struct, frozen=True, kw_only=True, tag_field="decision", tag="cancel"):
    """Cancel the strategy's open orders of an instrument: all, or those of a tag."""

    instrument: InstrumentId
    tag: str = ""


class OrderUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order: its state, and what the last fill added (0 where nothing was filled)."""

    instrument: InstrumentId
    order_id: int | str
    side: Side
    state: OrderState
    tag: str = ""
    filled_quantity: float = 0.0  # in all
    fill_price: float = 0.0  # of this fill
    fill_quantity: float = 0.0
    fee: float = 0.0
    maker: bool = False
    reason: str = ""  # why it was rejected, cancelled or expired
    time: int = 0
    position_side: PositionSide = "both"


Decision: TypeAlias = Signal | OrderRequest | CancelOrders
