"""Where strategies run: each in a place of its own, so that one that raises, blocks or leaks takes nobody along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from quantservice.core.errors import QuantServiceError
from quantservice.core.instruments import Side
from quantservice.core.positions import PositionSide
from quantservice.core.signals import Decision, OrderType, OrderUpdate

#: raised: the strategy's own exception; blocked: no answer in time; leaked: more memory than allowed; died: its process ended.
FaultKind: TypeAlias = Literal["raised", "blocked", "leaked", "died"]


class StrategyFault(QuantServiceError):
    """A hosted strategy was ended. ``kind`` and the sentence say why; ``trace`` is the strategy's own traceback, if any."""

    def __init__(self, kind: FaultKind, sentence: str, *, trace: str = "") -> None:
        self.kind: FaultKind = kind
        self.trace = trace
        super().__init__(sentence)


class HostedStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """What is run: a strategy's registered name with parameters, on instruments (full names) of one period."""

    strategy: str
    parameters: dict[str, Any] = {}
    instruments: tuple[str, ...]
    period: str


class HostedBars(msgspec.Struct, frozen=True):
    """Past klines of one instrument as little-endian bytes: int64 open times, float64 columns by name."""

    instrument: str
    period: str
    columns: dict[str, bytes]


class HostedBar(msgspec.Struct, frozen=True, array_like=True):
    """One closed kline as floats, in the order of a strategy's Bar."""

    instrument: str
    open_time: int
    close_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    count: int
    taker_buy_base_volume: float
    taker_buy_quote_volume: float


class HostedPosition(msgspec.Struct, frozen=True, array_like=True):
    """A position as a strategy may ask for it: signed quantity (base units or contracts) and average entry price."""

    instrument: str
    side: str
    quantity: float
    entry_price: float


class HostedOrder(msgspec.Struct, frozen=True, array_like=True):
    """A working order as a strategy may ask for it; ``quantity`` is what is left of it."""

    instrument: str
    order_id: str
    side: Side
    type: OrderType
    quantity: float
    limit_price: float | None = None
    stop_price: float | None = None
    tag: str = ""
    position_side: PositionSide = "both"


class HostedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy may ask of its account, as it is when the klines are given."""

    equity: float = 0.0
    cash: float = 0.0
    positions: tuple[HostedPosition, ...] = ()
    orders: tuple[HostedOrder, ...] = ()


class StrategyProcess(Protocol):
    """One hosted strategy. Every call raises StrategyFault when the strategy was ended; it is not started again by itself."""

    @property
    def pid(self) -> int: ...

    async def warm_up(self, tables: Sequence[HostedBars], state: Mapping[str, Any] | None = None) -> int:
        """Take past klines silently, going on from ``state`` where it is given; return how many."""
        ...

    async def feed(self, bars: Sequence[HostedBar], account: HostedAccount | None = None) -> tuple[Decision, ...]:
        """Take klines that closed together; return what the strategy decided."""
        ...

    async def order_update(self, update: OrderUpdate, account: HostedAccount | None = None) -> tuple[Decision, ...]:
        """Tell what became of an order; return what the strategy decided."""
        ...

    async def rebuild(self, tables: Sequence[HostedBars]) -> int:
        """Begin again silently from healed or revised klines; return how many."""
        ...

    async def snapshot(self) -> dict[str, Any]:
        """Return what a restart needs."""
        ...

    def memory_bytes(self) -> int:
        """Memory of its own now."""
        ...

    async def check_memory(self) -> None:
        """End the strategy when it holds more than it may."""
        ...

    async def close(self) -> None: ...


class StrategyHost(Protocol):
    """Starts strategies in places of their own."""

    async def start(self, hosted: HostedStrategy) -> StrategyProcess:
        """Start one. Raises StrategyFault when it cannot be made, UserError when its name or parameters are wrong."""
        ...

    async def close(self) -> None: ...
