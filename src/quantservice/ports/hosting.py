"""Where strategies run: each in a place of its own, so that one that raises, blocks or leaks takes nobody along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec

from quantservice.core.errors import QuantServiceError
from quantservice.core.instruments import Instrument, Side
from quantservice.core.positions import PositionSide
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, OrderType, OrderUpdate, Signal

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


class HostedRate(msgspec.Struct, frozen=True, array_like=True):
    """A settled funding rate: when (ms UTC) and how much, a fraction of the position's value."""

    instrument: str
    time: int
    rate: float


class HostedTicker(msgspec.Struct, frozen=True, array_like=True):
    """The market between klines, in the order of a strategy's MarketTicker; None where nothing came yet."""

    instrument: str
    time: int
    price: float
    bid: float | None = None
    ask: float | None = None
    volume_24h: float | None = None


#: Scope of the kept values (by deployment) of :attr:`HostedWants.window_bars`.
WINDOW_SCOPE: Final = "window_bars"


class HostedWants(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy asks for beside klines: to hear of its orders, tickers, the funding rates of instruments.

    ``acts``: its memory holds what cannot be made again from klines (orders it placed, what it heard), so it is never replayed.
    ``window_bars``: on how many of the newest bars its answers rest, as far as is known (0: not).
    """

    order_updates: bool = False
    tickers: bool = False
    funding: tuple[str, ...] = ()
    acts: bool = False
    window_bars: int = 0


class HostedGiven(msgspec.Struct, frozen=True, array_like=True):
    """What a run's strategy was asked at a close: the order updates it was told first, and the tickers that followed the kline."""

    open_time: int
    account: HostedAccount | None = None
    updates: tuple[OrderUpdate, ...] = ()
    tickers: tuple[tuple[HostedTicker, HostedAccount | None], ...] = ()


class HostedSent(msgspec.Struct, frozen=True, array_like=True):
    """An order that was sent: its id, the open time of the kline whose close decided it, and what was asked for."""

    order_id: str
    open_time: int
    request: OrderRequest


class HostedReplay(msgspec.Struct, frozen=True, kw_only=True):
    """A run to be done again by the backtester: klines and funding rates, what was given at each close, the orders that were sent.

    ``accounts``: open times, rising, and what the account was from there on. ``given``: the closes that were answered, rising. From
    ``acts_from`` on (None: never) the strategy was asked at those alone. ``rules`` are the instruments' (any version by date).
    ``slippage_bps`` is what the fill model takes for a taker's; ``fees`` are the account's as maker and taker, None: the venue's.
    """

    tables: tuple[HostedBars, ...]
    rates: tuple[HostedRate, ...] = ()
    accounts: tuple[tuple[int, HostedAccount | None], ...] = ()
    given: tuple[HostedGiven, ...] = ()
    acts_from: int | None = None
    sent: tuple[HostedSent, ...] = ()
    rules: tuple[Instrument, ...] = ()
    slippage_bps: float = 0.0
    fees: tuple[float, float] | None = None


class HostedFill(msgspec.Struct, frozen=True, array_like=True):
    """What the fill model made of a sent order: average price, quantity, fee, and how it ended."""

    order_id: str
    price: float
    quantity: float
    fee: float
    state: str


class HostedReplayed(msgspec.Struct, frozen=True):
    """What the backtester did: (open time, decision) in order, and the modelled fills."""

    decisions: list[tuple[int, Signal | OrderRequest | CancelOrders]] = []
    fills: list[HostedFill] = []


class StrategyProcess(Protocol):
    """One hosted strategy. Every call raises StrategyFault when the strategy was ended; it is not started again by itself."""

    @property
    def pid(self) -> int: ...

    @property
    def wants(self) -> HostedWants:
        """What the strategy asks for beside klines, as it is known after the last answer."""
        ...

    async def warm_up(
        self, tables: Sequence[HostedBars], state: Mapping[str, Any] | None = None, *, rates: Sequence[HostedRate] = ()
    ) -> int:
        """Take past klines silently, going on from ``state`` where it is given; return how many."""
        ...

    async def feed(
        self,
        bars: Sequence[HostedBar],
        account: HostedAccount | None = None,
        *,
        updates: Sequence[OrderUpdate] = (),
        rates: Sequence[HostedRate] = (),
        muted: bool = False,
    ) -> tuple[Decision, ...]:
        """Take klines that closed together; return what the strategy decided.

        ``rates`` were settled since the last close, ``updates`` are told before the klines. ``muted``: nothing will be done.
        """
        ...

    async def ticker(self, ticker: HostedTicker, account: HostedAccount | None = None) -> tuple[Decision, ...]:
        """Give the market between klines; return what the strategy decided."""
        ...

    async def rebuild(self, tables: Sequence[HostedBars], *, rates: Sequence[HostedRate] = ()) -> int:
        """Begin again silently from healed or revised klines; return how many."""
        ...

    async def replay(self, replay: HostedReplay) -> HostedReplayed:
        """Do a run again by the backtester, with a fresh strategy of the same parameters."""
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
