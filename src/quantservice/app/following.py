"""Signals of deployments become orders of one account: sized by what the deployment has, and sent.

A signal that is announced in the same process is made durable by the very commit that makes its orders durable: from a closed kline
to the order's bytes the disk is waited for once. What a deployment has is read again after each change, so that it is there when
the next kline closes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, UserError, VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import StrategySignal
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Order
from quantservice.core.positions import PositionSide, equity_of
from quantservice.core.signals import OrderRequest
from quantservice.ports import (
    Clock,
    HeldPosition,
    HostedAccount,
    HostedOrder,
    HostedPosition,
    RunFact,
    RunSized,
    RunTold,
    StateStore,
    TradingAccount,
    UnitOfWork,
    kind_of,
)
from quantservice.services.execution import Gateway
from quantservice.services.execution.telling import refused_request
from quantservice.services.portfolio.books import wallet_of
from quantservice.services.portfolio.sizing import Holdings, Sizer, Sizing

log = structlog.get_logger(__name__)
_DEPLOYMENTS: Final = 200  # whose holdings are kept at hand
_AT_ONCE: Final = 200  # signals that are followed
_FRESHEN_S: Final = 0.05
_CONSUMER: Final = "trading:signals"
#: What else is made durable with a signal's orders; it may run twice.
Within: TypeAlias = Callable[[UnitOfWork], Awaitable[None]]


class _Followed(Exception):
    """A signal was followed before: the bus tells what the outbox holds at least once."""


class _Own(NamedTuple):
    """What a deployment has on the account, as of so many commits."""

    changes: int
    held: list[HeldPosition]
    earned: Mapping[str, Decimal]
    orders: tuple[Order, ...]


class Follower:
    """One account's signals. ``prices`` are the last ones, kept by its desk."""

    def __init__(
        self,
        account: TradingAccount,
        gateway: Gateway,
        state: StateStore,
        clock: Clock,
        *,
        sizer: Sizer,
        prices: Mapping[InstrumentId, Decimal],
    ) -> None:
        self._account, self._gateway, self._state, self._clock = account, gateway, state, clock
        self._sizer, self._prices = sizer, prices
        self._known: OrderedDict[str, _Own] = OrderedDict()
        self._following: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        gateway.watch(self._changed.set)

    async def run(self) -> None:
        """Read again what deployments have after each change, until cancelled."""
        try:
            while True:
                await self._changed.wait()
                await self._clock.sleep(_FRESHEN_S)  # first goes whoever waited for the change: an order is sent
                self._changed.clear()
                try:
                    for deployment in tuple(self._known):
                        await self._own(deployment)
                except EnvironmentFault as error:  # it is read when it is needed
                    log.debug("trading.holdings_not_read", account=self._account.name, reason=str(error))
        finally:
            for task in self._following:
                task.cancel()
            await asyncio.gather(*self._following, return_exceptions=True)

    # --- signals -----------------------------------------------------------------------------------------------------

    async def act(self, signal: StrategySignal, cause: str, allocation: Decimal, within: Within) -> bool:
        """Follow a signal at once; True when it is durable, together with its orders. They are sent after that.

        False where nothing was done: the account may not send now. Raises EnvironmentFault where the store does not take it.
        """
        if not self._gateway.ready or len(self._following) >= _AT_ONCE:
            return False
        durable: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._act(signal, cause, allocation, within, durable), name=f"follow:{signal.name}")
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        return await asyncio.shield(durable)

    async def _act(
        self, signal: StrategySignal, cause: str, allocation: Decimal, within: Within, durable: asyncio.Future[bool]
    ) -> None:
        def kept() -> None:
            if not durable.done():
                durable.set_result(True)

        try:
            await self.follow(signal, cause, allocation, within=within, kept=kept)
        except EnvironmentFault as error:
            if not durable.done():
                durable.set_exception(error)
            else:
                self.not_followed(signal, error)
        except (VenueError, UserError) as error:
            if durable.done():
                self.not_followed(signal, error)
        finally:
            if not durable.done():
                durable.set_result(False)

    def not_followed(self, signal: StrategySignal, error: Exception) -> None:
        """Say that a signal became no order."""
        log.warning("trading.signal_not_followed", account=signal.account, deployment=signal.name, reason=str(error))

    async def follow(
        self,
        signal: StrategySignal,
        cause: str,
        allocation: Decimal,
        *,
        within: Within | None = None,
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        """Size a signal by what its deployment has, and send what it asks for; one that is told again is left alone.

        That it was followed is made durable with its orders, or before its cancels where there are only such, and ``within`` too;
        ``kept`` is called then. A stop between cancels and orders leaves it unfollowed: it is told again, and a cancel may be too.
        """

        async def noted(work: UnitOfWork) -> None:
            if not await work.inbox.first_time(_CONSUMER, cause, now_ns=self._clock.now_ns()):
                raise _Followed(cause)
            if within is not None:
                await within(work)

        try:
            await self._follow(signal, cause, allocation, noted, kept)
        except _Followed:
            log.debug("trading.signal_told_again", deployment=signal.name, signal=cause)

    async def _follow(
        self, signal: StrategySignal, cause: str, allocation: Decimal, noted: Within, kept: Callable[[], None]
    ) -> None:
        holdings = await self._holdings(signal.deployment, allocation)
        sizing = self._sizer.size(signal, cause, holdings, self._clock.now_ns())
        for nothing in sizing.nothing:
            log.info("trading.no_trade", deployment=signal.name, instrument=str(nothing.instrument), reason=nothing.reason)
        if sizing.cancels and sizing.intents:  # told again, it would cancel what it placed
            async with self._state.transaction() as work:
                if await work.inbox.applied(_CONSUMER, cause):
                    raise _Followed(cause)
        if not sizing.intents:
            async with self._state.transaction() as work:
                await noted(work)
            kept()
        told_again = False
        try:
            for name in sizing.cancels:
                await self._gateway.cancel(name)
            if sizing.intents:
                await self._gateway.submit(sizing.intents, within=noted, decided=kept)
        except _Followed:
            told_again = True
            raise
        finally:  # after the orders are out: nothing waits for what only parity reads
            if not told_again:
                await self._write_down(signal, cause, holdings, sizing)

    async def _write_down(self, signal: StrategySignal, cause: str, holdings: Holdings, sizing: Sizing) -> None:
        """Keep what the signal was sized by, for parity, and tell the strategy of requests that became no order."""
        named = {decision.instrument for decision in signal.decisions}
        fact = RunSized(
            signal=cause,
            equity=dict(holdings.equity),
            held={f"{name}|{side}": held for (name, side), held in holdings.positions.items() if name in named},
            prices={str(name): price for name, price in holdings.prices.items() if name in named},
            intents=tuple(intent.intent_id for intent in sizing.intents),
            cancels=sizing.cancels,
            nothing=tuple((item.number, item.reason) for item in sizing.nothing),
        )
        refused = [
            refused_request(decision, f"{cause}:{item.number}", item.reason, self._clock.now_ms())
            for item in sizing.nothing
            if isinstance(decision := signal.decisions[item.number], OrderRequest)
        ]
        try:
            async with self._state.transaction() as work:
                await self.write(work, signal.deployment, fact)
                for update in refused:
                    await self.write(work, signal.deployment, RunTold(update=update))
        except EnvironmentFault as error:
            log.warning("trading.sizing_not_written", deployment=signal.name, reason=str(error))

    async def write(self, work: UnitOfWork, deployment: str, fact: RunFact) -> None:
        """Add to the log of a deployment's run."""
        await work.runs.append(deployment, kind_of(fact), msgspec.to_builtins(fact), time_ns=self._clock.now_ns())

    # --- what a deployment has ---------------------------------------------------------------------------------------

    async def seen_by(self, deployment: str, allocation: Decimal) -> HostedAccount:
        """Return the account as a deployment's strategy sees it: what it was allotted and made of it, its own legs and orders."""
        own = await self._own(deployment)
        cash = _sum(allocation, own.earned.get(self._account.currency, ZERO))
        legs = [item.position for item in own.held if item.position.quantity]
        return HostedAccount(
            equity=float(equity_of(cash, (item.position for item in own.held), self._prices)),
            cash=float(cash),
            positions=tuple(
                HostedPosition(str(leg.instrument), leg.side, float(leg.quantity), float(leg.average_entry or ZERO)) for leg in legs
            ),
            orders=tuple(_hosted(order) for order in own.orders if not order.final),
        )

    async def _holdings(self, deployment: str, allocation: Decimal) -> Holdings:
        own = await self._own(deployment)
        currency = self._account.currency
        cash = _sum(allocation, own.earned.get(currency, ZERO))
        positions: dict[tuple[InstrumentId, PositionSide], Decimal] = {
            (item.position.instrument, item.position.side): item.position.quantity for item in own.held
        }
        return Holdings(
            equity={currency: equity_of(cash, (item.position for item in own.held), self._prices)},
            positions=positions,
            orders=own.orders,
            prices=dict(self._prices),
        )

    async def _own(self, deployment: str) -> _Own:
        """Return a deployment's legs, the money that it made, and its open orders: as read since the last change, or anew."""
        found = self._known.get(deployment)
        if found is not None and found.changes == self._gateway.changes:
            self._known.move_to_end(deployment)
            return found
        changes = self._gateway.changes  # before the reading: what is committed meanwhile makes it stale
        at_hand = [order.order_id for order in (*await self._gateway.open(), *self._gateway.unbooked())]
        async with self._state.transaction() as work:
            held = await work.books.positions(account=self._account.name, deployment=deployment)
            earned = wallet_of(await work.books.balances(account=self._account.name, deployment=deployment))
            orders = {order.order_id: order for order in await work.orders.open(self._account.name)}
            for name in at_hand:  # of the same moment as the positions: an order may have ended, and its fills not be booked
                order = None if name in orders else await work.orders.get(name)
                if order is not None and order.unbooked > 0:
                    orders[name] = order
        mine = tuple(order for order in orders.values() if order.deployment == deployment)
        made = _Own(changes, held, earned, mine)
        self._known[deployment] = made
        self._known.move_to_end(deployment)
        while len(self._known) > _DEPLOYMENTS:
            self._known.popitem(last=False)
        return made


def _hosted(order: Order) -> HostedOrder:
    terms = order.terms
    return HostedOrder(
        str(terms.instrument),
        order.order_id,
        terms.side,
        terms.type,
        float(order.remaining),
        None if terms.limit_price is None else float(terms.limit_price),
        None if terms.stop_price is None else float(terms.stop_price),
        order.tag,
        terms.position_side,
    )


@exact
def _sum(allotted: Decimal, earned: Decimal) -> Decimal:
    return allotted + earned
