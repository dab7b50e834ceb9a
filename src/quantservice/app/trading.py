"""The trading role: every enabled account with its gateway, books and risk desk; signals become orders.

Prices come from the bus; a signal is sized by the books of its deployment and goes through risk control like any other order.
A live account trades with its key; one without a key, or whose venue is away at the start, is said so and looked at again.
An account that fails begins anew by the path of a start, alone; one that fails again and again is parked, and says why.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict, deque
from collections.abc import Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import structlog

from quantservice.adapters.venues.paper import PaperConfig, PaperTrading
from quantservice.app.following import Within
from quantservice.app.kill_switch import KillSwitch
from quantservice.app.leverage import Leverages
from quantservice.app.runner import RunnerConfig, is_ours, sentence_of
from quantservice.app.trading_desk import AccountDesk
from quantservice.core.errors import EnvironmentFault, IntegrityError, UnknownName, UserError, VenueError
from quantservice.core.events import FundingRate, Kline, Quote
from quantservice.core.fees import FeeSchedule
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import Alert, Command, GapChange, MarketBatch, Message, Overflow, StrategySignal, Topic
from quantservice.ports import Deployment, TradingAccount
from quantservice.ports.trading_store import CHANGES
from quantservice.services.accounts.commands import CHANGED
from quantservice.services.execution.commands import Orders
from quantservice.services.risk import DataTrust, RiskDesk
from quantservice.services.risk.commands import CHANGED as RISK_CHANGED

if TYPE_CHECKING:
    from quantservice.app.parts import Parts

log = structlog.get_logger(__name__)
_CAPACITY: Final = 20_000
_END_S: Final = 10.0
_ACTED: Final = 10_000
_LATE_MS: Final = 30_000  # how long after the next close a signal may still come
_FEES_EVERY_S: Final = 6 * 3_600.0
_FEES_AGAIN_S: Final = 300.0
_FEES_LOOK_S: Final = 2.0
#: The first tier as venues publish it, the same as a backtest takes; a paper account pays it where no live one is there to ask.
PUBLISHED_FEES: Final[Mapping[tuple[str, str], FeeSchedule]] = {
    ("binance", "spot"): FeeSchedule(maker=Decimal("0.001"), taker=Decimal("0.001")),
    ("binance", "um"): FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0005")),
    ("binance", "cm"): FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0005")),
    ("okx", "spot"): FeeSchedule(maker=Decimal("0.0008"), taker=Decimal("0.001")),
    ("okx", "um"): FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0005")),
    ("htx", "spot"): FeeSchedule(maker=Decimal("0.002"), taker=Decimal("0.002")),
    ("htx", "um"): FeeSchedule(maker=Decimal("0.0002"), taker=Decimal("0.0006")),
}
UNKNOWN_FEES: Final = FeeSchedule(maker=Decimal("0.001"), taker=Decimal("0.001"))
_CRASHES: Final = RunnerConfig()  # an account in a crash loop is parked as a service is
_PARKED: Final = "account_parked"
_FRESH_NS: Final = 60_000_000_000  # the rule ``fresh_data`` denies by its own limit
_CHANGES_EVERY_S: Final = 2.0
_ACCOUNT: Final = "account:"  # begins the names of changes of accounts
_DATA_EVERY_S: Final = 5.0
_DATA_AGAIN_S: Final = 0.5  # after a gap was told
_BALANCES: Final = {"um": {"USDT": Decimal(100_000)}, "spot": {"USDT": Decimal(100_000)}, "cm": {"BTC": Decimal(2)}}


class TradingRole:
    """Runs the accounts; see the module."""

    name = "trading"
    consumes: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.SIGNAL, Topic.COMMAND, Topic.GAP)
    produces: tuple[str, ...] = ()

    def __init__(self, platform: Parts, *, speed: float = 1.0) -> None:
        self._platform = platform
        self._speed = speed  # of the clock: what is bounded in the machine's seconds lasts so much longer by it
        self.risk = RiskDesk()
        self.desks: dict[str, AccountDesk] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._problems: dict[str, str] = {}  # of accounts: why it does not trade
        self._parked: set[str] = set()
        self._changes: dict[str, Any] = {}  # what was changed last of risk control and each account, as far as it is followed here
        self._signals = 0
        self._acted: OrderedDict[str, None] = OrderedDict()  # signals that were followed and are not back from the bus yet
        #: the last klines and when they came, so that an account that is added now knows prices at once
        self._last: dict[InstrumentId, tuple[Kline, int]] = {}
        self._quoted: dict[InstrumentId, tuple[Quote, int]] = {}

    async def run(self) -> None:
        """Trade until cancelled; works a second time on the same object."""
        self._changes = await self._kept_changes()
        await self.reload_risk()
        try:
            async with self._platform.risk.followed(self.reload_risk), asyncio.TaskGroup() as tasks:
                await self._look(tasks)
                tasks.create_task(self._prices())
                tasks.create_task(self._orders())
                tasks.create_task(self._changed(tasks))
                tasks.create_task(self._fees())
                tasks.create_task(self._data())
                tasks.create_task(self._kill_switch().watch(self._platform.places.root, self._platform.clock))
        finally:
            for desk in self.desks.values():
                await desk.trading.close()
            self.desks.clear()
            self._running.clear()
            self._parked.clear()

    async def reload_risk(self) -> None:
        """Take the risk states and rules as they are kept now."""
        await self._platform.risk.apply(self.risk)
        for desk in self.desks.values():
            desk.guard.touch()

    def _kill_switch(self) -> KillSwitch:
        orders = Orders(
            self._platform.state_store,
            self._platform.clock,
            lambda name: self.desk(name).gateway,
            lambda name: self.desk(name).algorithms,
        )
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
            if account in self._problems:
                raise EnvironmentFault(f"account {account} does not trade: {self._problems[account]}")
            raise UnknownName("account", account, sorted(self.desks), hint="qs accounts add makes a paper account")
        return found

    def problem(self, account: str) -> str:
        """Return why an account does not trade here; empty where nothing is known to stand in its way."""
        desk = self.desks.get(account)
        if desk is not None and desk.gateway.ready:
            return ""
        return self._problems.get(account, "") or (desk.gateway.elsewhere if desk is not None else "")

    # --- accounts ------------------------------------------------------------------------------------------------------

    async def _accounts(self, told: asyncio.Event) -> None:
        async with self._platform.bus.subscribe(
            [Topic.COMMAND], group=f"{self.name}:accounts", overflow=Overflow.DROP_OLDEST, capacity=100
        ) as commands:
            async for messages in commands:
                if any(isinstance(item.data, Command) and item.data.name in {CHANGED, RISK_CHANGED} for item in messages):
                    told.set()
                await commands.commit()

    async def _changed(self, tasks: asyncio.TaskGroup) -> None:
        """Follow what was changed of accounts and risk control.

        What this process changed is told at once; what another one on the same store did, a standby say, is looked for.
        """
        told = asyncio.Event()
        tasks.create_task(self._accounts(told))
        while True:
            told.clear()  # before the look: what is told meanwhile is looked at again
            try:
                await self._take_changes(tasks)
            except EnvironmentFault as error:
                log.info("trading.changes_not_read", reason=str(error))
            await _first(told.wait(), self._platform.clock.sleep(_CHANGES_EVERY_S))

    async def _take_changes(self, tasks: asyncio.TaskGroup) -> None:
        now = await self._kept_changes()
        changed = {key for key, mark in now.items() if self._changes.get(key) != mark}
        accounts = {key.removeprefix(_ACCOUNT) for key in changed if key.startswith(_ACCOUNT)}
        if accounts:
            await self._begin_again(accounts)
            await self._look(tasks)
        if changed - {f"{_ACCOUNT}{name}" for name in accounts}:
            await self.reload_risk()
        self._changes = now

    async def _kept_changes(self) -> dict[str, Any]:
        async with self._platform.state_store.transaction() as work:
            return dict(await work.values.items(CHANGES))

    async def _begin_again(self, accounts: set[str]) -> None:
        """End the desks of live accounts that changed: with another key they start anew, by the same path as after a crash.

        A parked account that was changed is tried again.
        """
        for name in accounts & self._parked:
            self._parked.discard(name)
            await self._tell_parked(name, "it was changed and begins anew", cleared=True)
        for name in accounts & set(self.desks):
            if self.desks[name].account.mode == "live":
                await self._end(name)

    async def _end(self, name: str) -> None:
        task = self._running.pop(name)
        task.cancel()
        await asyncio.wait({task}, timeout=_END_S)
        self._parked.discard(name)
        self._problems.pop(name, None)
        desk = self.desks.pop(name, None)
        if desk is not None:
            await desk.trading.close()

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        """Start what is new, end what is gone or disabled."""
        async with self._platform.state_store.transaction() as work:
            wanted = {account.name: account for account in await work.accounts.list() if account.enabled}
        for name, account in wanted.items():
            running = self._running.get(name)
            if name in self._parked or (running is not None and not running.done()):
                continue
            desk = await self._open(account)
            if desk is not None:
                self._running[name] = tasks.create_task(self._keep(account, desk))
        for name in [name for name in self._running if name not in wanted]:
            await self._end(name)

    async def _open(self, account: TradingAccount) -> AccountDesk | None:
        desk = await self._make(account)
        if desk is not None:
            desk.gateway.led = self.reload_risk  # another process may have halted it while we waited
            fresh_ns = self._platform.clock.now_ns() - _FRESH_NS
            for event, came_ns in (*self._last.values(), *self._quoted.values()):
                if came_ns >= fresh_ns:  # how old it is stays said: the rules ask
                    await self._bring(desk, [event], came_ns)
            self.desks[account.name] = desk
            self._problems.pop(account.name, None)
        return desk

    async def _keep(self, account: TradingAccount, desk: AccountDesk | None) -> None:
        """Run an account until cancelled. Where it fails the others go on; it begins anew, or is parked after the last of many."""
        crashes, clock = deque[float](maxlen=_CRASHES.crash_limit), self._platform.clock
        backoff_s = _CRASHES.initial_backoff_s
        while True:
            began = clock.monotonic()
            try:
                desk = desk or await self._open(account)
                if desk is None:
                    return  # it waits for its key, and is looked at again when it has one
                await desk.run()
                reason, passes = "it ended by itself", False
            except Exception as error:
                reason, passes = sentence_of(error), _only_environment(error)
                stack = None if is_ours(error) else error
                log.error("trading.account_crashed", account=account.name, reason=reason, exc_info=stack)
            self._problems[account.name] = reason
            if self.desks.pop(account.name, None) is not None and desk is not None:
                await desk.trading.close()
            desk, now = None, clock.monotonic()
            if now - began >= _CRASHES.crash_window_s:
                backoff_s = _CRASHES.initial_backoff_s
            if not passes:  # a store or a venue that is away comes back, however often it is asked
                crashes.append(now)
            if len(crashes) == _CRASHES.crash_limit and crashes[-1] - crashes[0] <= _CRASHES.crash_window_s:
                self._parked.add(account.name)
                log.critical("trading.account_parked", account=account.name, crashes=len(crashes), reason=reason)
                await self._tell_parked(account.name, reason)
                return
            await clock.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - out of step with others; no secret
            backoff_s = min(backoff_s * 2, _CRASHES.max_backoff_s)

    async def _tell_parked(self, name: str, reason: str, *, cleared: bool = False) -> None:
        sentence = f"account {name} is parked: {reason}" if not cleared else f"account {name} is parked no more: {reason}"
        alert = Alert(
            name=_PARKED, level="critical", account=name, sentence=sentence, cleared=cleared, time_ms=self._platform.clock.now_ms()
        )
        try:
            async with self._platform.state_store.transaction() as work:
                await work.outbox.add(Message(topic=Topic.ALERT, data=alert, event_type=alert.name, key=name))
        except EnvironmentFault as error:
            log.warning("trading.alert_not_kept", account=name, reason=str(error))

    async def _make(self, account: TradingAccount) -> AccountDesk | None:
        platform = self._platform
        if account.mode == "live":
            try:
                live = platform.live.adapter(account, await platform.accounts.secret_of(account.name))
            except (UserError, IntegrityError, EnvironmentFault) as error:
                self._problems[account.name] = str(error)
                log.warning("trading.account_waits", account=account.name, reason=str(error))
                return None
            return AccountDesk(account, live, platform, self.risk, speed=self._speed)
        given = {str(name): Decimal(str(amount)) for name, amount in dict(account.settings.get("balances", {})).items()}
        trading = PaperTrading(
            account.name,
            account.market,
            state=platform.state_store,
            clock=platform.clock,
            instrument_of=lambda name: platform.book().get(name),
            config=PaperConfig(
                balances=given or _BALANCES.get(account.market, {"USDT": Decimal(100_000)}), fees=await self._paper_fees(account)
            ),
            venue=account.venue,
        )
        leverage = trading.leverage
        return AccountDesk(account, trading, platform, self.risk, takes_market=trading, usual_leverage=leverage, speed=self._speed)

    async def _paper_fees(self, account: TradingAccount) -> FeeSchedule:
        """Return what a paper account pays: what a live one at its venue's market does, or else the published first tier."""
        found = await self._platform.accounts.fees_at(account.venue, account.market)
        if found is not None:
            return FeeSchedule(maker=found.maker, taker=found.taker)
        return PUBLISHED_FEES.get((account.venue, account.market), UNKNOWN_FEES)

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
                    elif isinstance(event, Quote):
                        self._quoted[event.stream.instrument] = (event, self._platform.clock.now_ns())
                for desk in tuple(self.desks.values()):
                    await self._bring(desk, events)
                await market.commit()

    async def _bring(self, desk: AccountDesk, events: Sequence[Any], came_ns: int = 0) -> None:
        for event in events:
            name = event.stream.instrument
            if name.venue != desk.account.venue or name.market != desk.account.market:
                continue
            try:
                if isinstance(event, Kline) and event.stream.period == "1m":
                    await desk.price(event, came_ns)
                elif isinstance(event, Quote):
                    await desk.quote(event, came_ns)
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

    async def act(self, deployment: Deployment, message: Message, within: Within) -> bool:
        """Follow a signal before it is on the bus; True when it is durable with its orders, False where it goes the usual way."""
        signal, desk = message.data, self.desks.get(deployment.account)
        if desk is None:
            return False
        allocation = Decimal(deployment.allocation or "0")
        self._acted[message.event_id] = None  # first: it may be back from the bus before we are
        while len(self._acted) > _ACTED:
            self._acted.popitem(last=False)
        try:
            followed = await desk.follower.act(signal, message.event_id, allocation, within)
        except EnvironmentFault:
            self._acted.pop(message.event_id, None)
            raise
        if followed:
            self._signals += 1
        else:
            self._acted.pop(message.event_id, None)
        return followed

    async def _follow(self, signal: StrategySignal, event_id: str) -> None:
        if self._acted.pop(event_id, event_id) is None:
            return
        follower = self.desks[signal.account].follower
        now_ms, period_ms = self._platform.clock.now_ms(), signal.close_time + 1 - signal.open_time
        try:
            if now_ms > signal.close_time + period_ms + _LATE_MS:
                raise UserError("it was announced more than a period ago: too old to act on")
            deployment = await self._platform.deployments.get(signal.deployment)
            await follower.follow(signal, event_id, Decimal(deployment.allocation or "0"))
        except (VenueError, EnvironmentFault, UserError) as error:
            follower.not_followed(signal, error)
        self._signals += 1  # at the end: one that is counted has its orders

    async def _fees(self) -> None:
        """Read every account's fees from its venue, some times a day, and the leverage of what it trades."""
        due: dict[str, float] = {}
        leverages = Leverages(self._platform.clock)
        while True:
            try:
                await leverages.look(self.desks, await self._platform.deployments.list())
            except (EnvironmentFault, VenueError) as error:
                log.info("trading.leverage_not_read", fault=type(error).__name__)
            now = self._platform.clock.monotonic()
            for name, desk in tuple(self.desks.items()):
                if desk.gateway.ready and due.get(name, now) <= now:
                    due[name] = now + (_FEES_EVERY_S if await self._read_fees(desk) else _FEES_AGAIN_S)
            await self._platform.clock.sleep(_FEES_LOOK_S)

    async def _read_fees(self, desk: AccountDesk) -> bool:
        try:
            async with asyncio.timeout(_END_S):
                found = await desk.fees()
            if found is not None:
                await self._platform.accounts.note_fees(found)
        except (TimeoutError, VenueError, EnvironmentFault, UserError) as error:
            log.info("trading.fees_not_read", account=desk.account.name, fault=type(error).__name__)  # a venue may echo a key
            return False
        return found is not None

    async def _data(self) -> None:
        """Keep what is said of the data that deployments use true: every few seconds, and soon after a gap was found or healed."""
        platform = self._platform
        trust = DataTrust(self.risk.data_faults, platform.market_store.missing, platform.state_store, platform.clock)
        told = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._gaps(told))
            while True:
                told.clear()  # before the look: what is told meanwhile is looked at again
                try:
                    mine = [item for item in await platform.deployments.list() if item.account in self.desks]
                    await trust.look(mine)
                except EnvironmentFault as error:
                    log.warning("trading.data_not_asked", reason=str(error))
                await platform.clock.sleep(_DATA_AGAIN_S)
                await _first(told.wait(), platform.clock.sleep(_DATA_EVERY_S))

    async def _gaps(self, told: asyncio.Event) -> None:
        async with self._platform.bus.subscribe(
            [Topic.GAP], group=f"{self.name}:gaps", overflow=Overflow.DROP_OLDEST, capacity=100
        ) as gaps:
            async for messages in gaps:
                if any(isinstance(item.data, GapChange) and item.data.state != "healing" for item in messages):
                    told.set()
                await gaps.commit()


async def _first(*works: Coroutine[Any, Any, Any]) -> None:
    """Wait until the first of some works is done; the others end with it."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _only_environment(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only_environment(item) for item in error.exceptions)
    return isinstance(error, EnvironmentFault)
