"""``ports.trading.Trading`` on paper. The account is one record of the state store, written before anything is told of it.

So a killed process finds the account as it was told last, and the gateway reconciles with it as with any venue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.adapters.venues.paper.matching import Happened, InstrumentOf, PaperVenue
from quantservice.adapters.venues.paper.state import PaperConfig, PaperOrder, PaperState
from quantservice.core.errors import Refused
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved
from quantservice.core.orders import Evidence, VenueFill
from quantservice.ports import Clock, StateStore
from quantservice.ports.trading import (
    AccountEvent,
    AccountModes,
    AccountMovement,
    AccountSnapshot,
    KeyPermissions,
    NotSent,
    OrderReport,
    StreamState,
    VenueBalance,
    VenueMargin,
    VenuePosition,
)

_SCOPE: Final = "paper"
_WAITING: Final = 1_000


class PaperTrading:
    """One paper account. :meth:`mark` and :meth:`settle_funding` bring it the market."""

    def __init__(
        self,
        account: str,
        market: str,
        *,
        state: StateStore,
        clock: Clock,
        instrument_of: InstrumentOf,
        config: PaperConfig | None = None,
        venue: str = "binance",
    ) -> None:
        self._account, self._market, self._named = account, market, venue
        self._store, self._clock, self._instrument_of = state, clock, instrument_of
        self._config = config or PaperConfig()
        self._engine: PaperVenue | None = None
        self._prices: dict[str, tuple[Decimal, int]] = {}  # seen before the account had to be read again
        self._lock = asyncio.Lock()
        self._listeners: set[asyncio.Queue[Sequence[AccountEvent] | None]] = set()

    @property
    def account(self) -> str:
        """The account's name."""
        return self._account

    @property
    def venue(self) -> str:
        """The venue whose prices it trades at."""
        return self._named

    @property
    def market(self) -> str:
        """The market's name."""
        return self._market

    @property
    def leverage(self) -> Decimal:
        """What bounds its positions in derivatives; 1 on spot."""
        return Decimal(1) if self._market == "spot" else self._config.leverage

    @property
    def window_ms(self) -> int:
        """It answers at once, or the process is gone and took nothing."""
        return 1_000

    @property
    def dead_man(self) -> bool:
        """What is on paper goes with this process."""
        return False

    @property
    def stops(self) -> bool:
        """As the venue whose market it is: spot has no reduce-only stops."""
        return self._market != "spot"

    # --- the market ----------------------------------------------------------------------------------------------------

    async def mark(self, instrument: InstrumentId, last: Decimal, *, bar: tuple[int, Decimal, Decimal] | None = None) -> None:
        """Take a trade price, and the open time, low and high of a bar that closed with it."""
        if self._engine is not None and not self._engine.state.orders and not self._holds(instrument):
            self._engine.state.prices[str(instrument)] = (last, self._clock.now_ms())  # nobody waits for it
            return
        await self._do(lambda engine: engine.mark(instrument, last, self._clock.now_ms(), bar=bar), quiet=True)

    async def settle_funding(self, instrument: InstrumentId, rate: Decimal, price: Decimal, time_ms: int) -> None:
        """Pay or receive funding on what is held."""
        await self._do(lambda engine: engine.settle_funding(instrument, rate, price, time_ms), quiet=True)

    def _holds(self, instrument: InstrumentId) -> bool:
        positions = self._engine.state.positions.values() if self._engine is not None else ()
        return any(position.instrument == instrument and position.quantity for position in positions)

    # --- ports.Trading -------------------------------------------------------------------------------------------------

    async def updates(self) -> AsyncIterator[Sequence[AccountEvent]]:
        """Yield what happens, after a snapshot."""
        queue: asyncio.Queue[Sequence[AccountEvent] | None] = asyncio.Queue(_WAITING)
        self._listeners.add(queue)
        try:
            yield [StreamState(account=self._account, state="live", time_ns=self._clock.now_ns()), await self.snapshot()]
            while (events := await queue.get()) is not None:
                yield events
        finally:
            self._listeners.discard(queue)

    async def submit(self, order: Approved) -> OrderReport:
        """Take an order."""
        if order.intent.terms.account != self._account:
            raise NotSent(
                f"the order is of account {order.intent.terms.account}, not of {self._account}", code="account", venue=_SCOPE
            )
        await self._do(lambda engine: engine.submit(order, self._clock.now_ms()))
        return self._answer(order.intent.client_id, await self._opened())

    def _answer(self, client_id: str, engine: PaperVenue) -> OrderReport:
        found = engine.known(client_id)
        if found is None:  # pragma: no cover - it was taken just now
            raise Refused("the order is not there", code="lost", status=500, venue=_SCOPE)
        return self._report(found, "answer")

    async def amend(self, instrument: InstrumentId, client_id: str, *, quantity: Decimal, limit_price: Decimal) -> OrderReport:
        """Change an open limit order."""
        await self._do(lambda engine: engine.amend(client_id, quantity, limit_price, self._clock.now_ms()))
        return self._answer(client_id, await self._opened())

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        """End an open order."""
        (ended,) = await self._do(lambda engine: engine.cancel(client_id, self._clock.now_ms()))
        return self._report(ended, "answer") if isinstance(ended, PaperOrder) else None

    async def cancel_all(self, instrument: InstrumentId) -> None:
        """End every open order of an instrument."""

        def all_of(engine: PaperVenue) -> list[Happened]:
            names = [name for name, order in engine.state.orders.items() if order.terms.instrument == instrument]
            return [item for name in names for item in engine.cancel(name, self._clock.now_ms())]

        await self._do(all_of)

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        """There is no timer: without us nothing fills either."""
        return False

    async def snapshot(self) -> AccountSnapshot:
        """Return balances, positions and open orders."""
        engine = await self._opened()
        state = engine.state
        return AccountSnapshot(
            account=self._account,
            balances=tuple(
                VenueBalance(currency=currency, total=total, free=engine.free(currency)) for currency, total in state.wallet.items()
            ),
            positions=tuple(
                VenuePosition(
                    instrument=position.instrument,
                    side=position.side,
                    quantity=position.quantity,
                    entry_price=position.average_entry or Decimal(0),
                    mark_price=state.prices.get(str(position.instrument), (Decimal(0), 0))[0],
                    leverage=self._config.leverage,
                )
                for position in state.positions.values()
                if position.quantity
            ),
            orders=tuple(self._report(order, "open_orders") for order in state.orders.values()),
            time_ms=self._clock.now_ms(),
            margins=self._margins(engine),
        )

    def _margins(self, engine: PaperVenue) -> tuple[VenueMargin, ...]:
        found = {currency: engine.maintenance(currency) for currency in engine.state.wallet} if self._market != "spot" else {}
        return tuple(
            VenueMargin(currency=currency, maintenance=needed, balance=engine.margin(currency))
            for currency, needed in found.items()
        )

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:
        """Return an order by its client id."""
        found = (await self._opened()).known(client_id)
        return None if found is None else self._report(found, "query")

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Return fills, oldest first."""
        fills = (await self._opened()).state.fills
        return [fill for fill in fills if fill.time_ms >= since_ms and fill.instrument in instruments]

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Return funding."""
        return [item for item in (await self._opened()).state.movements if item.time_ms >= since_ms]

    async def permissions(self) -> KeyPermissions:
        """There is no key."""
        return KeyPermissions(read=True, trade=True, withdraw=False, detail="a paper account needs no key")

    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes:
        """Return how the account is set."""
        fees = self._config.fees
        leverage = {str(instrument): self._config.leverage for instrument in instruments}
        return AccountModes(leverage=leverage, maker_fee=fees.rate(maker=True), taker_fee=fees.rate(maker=False))

    async def set_leverage(self, instrument: InstrumentId, leverage: int) -> None:
        """It is set in the account's settings."""
        raise NotSent("the leverage of a paper account is in its settings", code="leverage", venue=_SCOPE)

    async def close(self) -> None:
        """End the streams."""
        for queue in tuple(self._listeners):
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    # --- within --------------------------------------------------------------------------------------------------------

    async def _opened(self) -> PaperVenue:
        if self._engine is not None:
            return self._engine
        async with self._lock:
            return await self._load()

    async def _load(self) -> PaperVenue:
        if self._engine is None:
            async with self._store.transaction() as work:
                kept = await work.values.get(_SCOPE, self._account)
            if kept is None:
                state = PaperState(wallet=dict(self._config.balances), opened_ms=self._clock.now_ms())
            else:
                state = msgspec.json.decode(kept, type=PaperState)
            state.prices.update(self._prices)
            self._engine = PaperVenue(self._account, state, self._config, self._instrument_of)
        return self._engine

    async def _do(self, work: Callable[[PaperVenue], list[Happened]], *, quiet: bool = False) -> list[Happened]:
        """Change the account: kept first, told after. A change that cannot be kept did not happen.

        ``quiet``: where nothing happened nothing is written; prices alone are not worth it.
        """
        async with self._lock:
            engine = await self._load()
            happened = work(engine)  # what it refuses it refuses before it changes anything
            if happened or not quiet:
                try:
                    async with self._store.transaction() as unit:
                        await unit.values.put(_SCOPE, self._account, msgspec.json.encode(engine.state).decode())
                except BaseException:  # also a cancellation: what is kept is the truth, and is read again
                    self._prices, self._engine = engine.state.prices, None
                    raise
            events = [self._event(item) for item in happened]
            if events:
                self._tell(events)
        return happened

    def _tell(self, events: Sequence[AccountEvent]) -> None:
        for queue in self._listeners:
            if queue.full():  # who does not listen is told that something was missed; a reconciliation finds what
                queue.get_nowait()
            queue.put_nowait(events)

    def _event(self, item: Happened) -> AccountEvent:
        return self._report(item, "push") if isinstance(item, PaperOrder) else item

    def _report(self, order: PaperOrder, source: str) -> OrderReport:
        terms = order.terms
        return OrderReport(
            account=self._account,
            instrument=terms.instrument,
            client_id=order.client_id,
            venue_order_id=order.order_id,
            side=terms.side,
            type=terms.type,
            quantity=terms.quantity,
            state=order.state,
            filled=order.filled,
            limit_price=terms.limit_price,
            stop_price=terms.stop_price,
            reduce_only=terms.reduce_only,
            position_side=terms.position_side,
            reason=order.reason,
            time_ms=order.updated_ms,
            evidence=Evidence(source=source, reference=order.order_id, time_ns=self._clock.now_ns()),
        )
