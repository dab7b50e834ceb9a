"""The trading role: every enabled account with its gateway, books and risk desk; signals become orders.

Prices come from the bus; a signal is sized by the books of its deployment and goes through risk control like any other order.
A live account trades with its key; one without a key, or whose venue is away at the start, is said so and looked at again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import structlog

from quantservice.adapters.venues.paper import PaperConfig, PaperTrading
from quantservice.app.kill_switch import KillSwitch
from quantservice.app.trading_desk import AccountDesk
from quantservice.core.errors import EnvironmentFault, IntegrityError, UnknownName, UserError, VenueError
from quantservice.core.events import FundingRate, Kline
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Command, MarketBatch, Overflow, StrategySignal, Topic
from quantservice.ports import TradingAccount
from quantservice.services.accounts.commands import CHANGED
from quantservice.services.execution.commands import Orders
from quantservice.services.risk import RiskDesk
from quantservice.services.risk.commands import CHANGED as RISK_CHANGED

if TYPE_CHECKING:
    from quantservice.app.parts import Parts

log = structlog.get_logger(__name__)
_CAPACITY: Final = 20_000
_EQUITY_EVERY_S: Final = 1.0
_END_S: Final = 10.0
_FRESH_NS: Final = 10_000_000_000
_BALANCES: Final = {"um": {"USDT": Decimal(100_000)}, "spot": {"USDT": Decimal(100_000)}, "cm": {"BTC": Decimal(2)}}


class TradingRole:
    """Runs the accounts; see the module."""

    name = "trading"
    consumes: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.SIGNAL, Topic.COMMAND)
    produces: tuple[str, ...] = ()

    def __init__(self, platform: Parts, *, speed: float = 1.0) -> None:
        self._platform = platform
        self._speed = speed  # of the clock: what is bounded in the machine's seconds lasts so much longer by it
        self.risk = RiskDesk()
        self.desks: dict[str, AccountDesk] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._signals = 0
        #: the last klines and when they came, so that an account that is added now knows prices at once
        self._last: dict[InstrumentId, tuple[Kline, int]] = {}

    async def run(self) -> None:
        """Trade until cancelled; works a second time on the same object."""
        await self.reload_risk()
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._look(tasks)
                tasks.create_task(self._prices())
                tasks.create_task(self._orders())
                tasks.create_task(self._accounts(tasks))
                tasks.create_task(self._equity())
                tasks.create_task(self._kill_switch().watch(self._platform.places.root, self._platform.clock))
        finally:
            for desk in self.desks.values():
                await desk.trading.close()
            self.desks.clear()
            self._running.clear()

    async def reload_risk(self) -> None:
        """Take the risk states and rules as they are kept now."""
        await self._platform.risk.apply(self.risk)

    def _kill_switch(self) -> KillSwitch:
        orders = Orders(self._platform.state_store, self._platform.clock, lambda name: self.desk(name).gateway)
        return KillSwitch(self._platform.risk, orders, self._platform.accounts, self.reload_risk)

    def stats(self) -> Mapping[str, Any]:
        """Accounts, how many may send, and what was done."""
        return {
            "accounts": len(self.desks),
            "ready": sum(desk.gateway.ready for desk in self.desks.values()),
            "signals": self._signals,
        }

    def desk(self, account: str) -> AccountDesk:
        """Return the desk of an account; UnknownName where it is not traded here."""
        found = self.desks.get(account)
        if found is None:
            raise UnknownName("account", account, sorted(self.desks), hint="qs accounts add makes a paper account")
        return found

    # --- accounts ------------------------------------------------------------------------------------------------------

    async def _accounts(self, tasks: asyncio.TaskGroup) -> None:
        async with self._platform.bus.subscribe(
            [Topic.COMMAND], group=f"{self.name}:accounts", overflow=Overflow.DROP_OLDEST, capacity=100
        ) as commands:
            async for messages in commands:
                names = {item.data.name for item in messages if isinstance(item.data, Command)}
                if CHANGED in names:
                    await self._begin_again(
                        {str(item.data.arguments.get("account")) for item in messages if isinstance(item.data, Command)}
                    )
                    await self._look(tasks)
                if RISK_CHANGED in names:
                    await self.reload_risk()
                await commands.commit()

    async def _begin_again(self, accounts: set[str]) -> None:
        """End the desks of live accounts that changed: with another key they start anew, by the same path as after a crash."""
        for name in accounts & set(self.desks):
            if self.desks[name].account.mode == "live":
                await self._end(name)

    async def _end(self, name: str) -> None:
        task = self._running.pop(name)
        task.cancel()
        await asyncio.wait({task}, timeout=_END_S)
        await self.desks.pop(name).trading.close()

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        """Start what is new, end what is gone or disabled."""
        async with self._platform.state_store.transaction() as work:
            wanted = {account.name: account for account in await work.accounts.list() if account.enabled}
        for name, account in wanted.items():
            if name in self.desks:
                continue
            desk = await self._make(account)
            if desk is None:
                continue
            fresh_ns = self._platform.clock.now_ns() - _FRESH_NS
            await self._bring(desk, [kline for kline, came_ns in self._last.values() if came_ns >= fresh_ns])
            self.desks[name] = desk
            self._running[name] = tasks.create_task(desk.run())
        for name in [name for name in self.desks if name not in wanted]:
            await self._end(name)

    async def _make(self, account: TradingAccount) -> AccountDesk | None:
        platform = self._platform
        if account.mode == "live":
            try:
                live = platform.live.adapter(account, await platform.accounts.secret_of(account.name))
            except (UserError, IntegrityError, EnvironmentFault) as error:
                log.warning("trading.account_waits", account=account.name, reason=str(error))
                return None
            return AccountDesk(account, live, platform, self.risk)
        given = {str(name): Decimal(str(amount)) for name, amount in dict(account.settings.get("balances", {})).items()}
        trading = PaperTrading(
            account.name,
            account.market,
            state=platform.state_store,
            clock=platform.clock,
            instrument_of=lambda name: platform.book().get(name),
            config=PaperConfig(balances=given or _BALANCES.get(account.market, {"USDT": Decimal(100_000)})),
            venue=account.venue,
        )
        return AccountDesk(account, trading, platform, self.risk, speed=self._speed)

    # --- the market and the strategies -----------------------------------------------------------------------------------

    async def _prices(self) -> None:
        async with self._platform.bus.subscribe(
            [Topic.MARKET_LIVE], group=f"{self.name}:prices", overflow=Overflow.DROP_OLDEST, capacity=_CAPACITY
        ) as market:
            async for messages in market:
                events = [event for item in messages if isinstance(item.data, MarketBatch) for event in item.data.events]
                for event in events:
                    if isinstance(event, Kline) and event.stream.period == "1m":
                        self._last[event.stream.instrument] = (event, self._platform.clock.now_ns())
                for desk in tuple(self.desks.values()):
                    await self._bring(desk, events)
                await market.commit()

    async def _bring(self, desk: AccountDesk, events: Sequence[Any]) -> None:
        for event in events:
            name = event.stream.instrument
            if name.venue != desk.account.venue or name.market != desk.account.market:
                continue
            try:
                if isinstance(event, Kline) and event.stream.period == "1m":
                    await desk.price(event)
                elif isinstance(event, FundingRate):
                    await desk.funding(event)
            except EnvironmentFault as error:
                log.warning("trading.price_not_kept", account=desk.account.name, reason=str(error))

    async def _orders(self) -> None:
        async with self._platform.bus.subscribe(
            [Topic.SIGNAL], group=f"{self.name}:signals", overflow=Overflow.BLOCK, capacity=1_000
        ) as signals:
            async for messages in signals:
                for item in messages:
                    if isinstance(item.data, StrategySignal) and item.data.account in self.desks:
                        await self._follow(item.data, item.event_id)
                await signals.commit()

    async def _follow(self, signal: StrategySignal, event_id: str) -> None:
        self._signals += 1
        desk = self.desks[signal.account]
        try:
            deployment = await self._platform.deployments.get(signal.deployment)
            await desk.follow(signal, event_id, Decimal(deployment.allocation or "0"))
        except (VenueError, EnvironmentFault, UserError) as error:
            log.warning("trading.signal_not_followed", account=signal.account, deployment=signal.name, reason=str(error))

    async def _equity(self) -> None:
        while True:
            for desk in tuple(self.desks.values()):
                await desk.value()
            await self._platform.clock.sleep(_EQUITY_EVERY_S)
