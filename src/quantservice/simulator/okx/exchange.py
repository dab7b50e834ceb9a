"""The simulated OKX as one object: markets, account engine, REST, WebSocket, rules, and the judge's ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import cast

import structlog
from aiohttp import web

from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.config import MarketName
from quantservice.simulator.exchange import MarketState
from quantservice.simulator.faults.script import Fault, FaultScript
from quantservice.simulator.hub import Hub
from quantservice.simulator.markets.generator import GeneratedHistory
from quantservice.simulator.okx.account import AccountApi
from quantservice.simulator.okx.algos import AlgoApi
from quantservice.simulator.okx.config import OKX_MARKETS, OkxConfig, OkxMarketName, okx_instruments, okx_symbols
from quantservice.simulator.okx.counter import Counter, Limits
from quantservice.simulator.okx.door import OkxDoor
from quantservice.simulator.okx.events import OkxEvents
from quantservice.simulator.okx.feed import OkxFeed
from quantservice.simulator.okx.judge import OkxJudge
from quantservice.simulator.okx.keys import OkxKeys
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.okx.public import PublicApi
from quantservice.simulator.okx.sockets import Arg, OkxConnection, OkxSockets, hub_limits
from quantservice.simulator.okx.trade import TradeApi
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.trading import Engine

_log = structlog.get_logger(__name__)


class OkxExchange:
    """Everything of the venue. The simulator drives it: :meth:`tick` at each of its own ticks."""

    def __init__(
        self,
        config: OkxConfig,
        clock: SimulatorClock,
        faults: FaultScript,
        referee: Referee,
        *,
        seed: int,
        first_ms: int,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.clock = clock
        self.faults = faults
        self.referee = referee
        self.engine = Engine(first_order_id=config.first_order_id or clock.now_ms())
        self.limits = Limits(referee, config.limit_factor, wall_s)
        self.keys = OkxKeys(config.keys, clock, referee)
        self.markets: dict[OkxMarketName, OkxMarket] = self._list(seed, first_ms, wall_s)
        self.hub = Hub(cast(MarketName, "okx"), hub_limits(), referee)
        self.sockets = OkxSockets(
            self.hub,
            self.keys,
            self.limits,
            faults,
            referee,
            known=lambda inst_id: any(market.state.find(inst_id) is not None for market in self.markets.values()),
            opened=self._opened,
            idle_s=config.idle_s,
        )
        self.feeds = [OkxFeed(market, self.hub, config, faults) for market in self.markets.values()]
        self.events = OkxEvents(self.markets, self.sockets, faults)
        self.trade = TradeApi(self.markets, wall_s)
        account = AccountApi(self.markets, lambda name: (config.maker_fee[name], config.taker_fee[name]))
        public = PublicApi(self.markets, clock, faults.overlay)
        endpoints = {
            **public.endpoints(),
            **self.trade.endpoints(),
            **AlgoApi(self.markets).endpoints(),
            **account.endpoints(),
        }
        self.counter = Counter(endpoints, self.keys, self.limits, faults, referee, wall_s=wall_s)
        self.door = OkxDoor(self.counter, self._market_of)
        self.judge = OkxJudge(self)
        for name in self.keys.accounts:
            self.endow(name)

    def endow(self, account: str) -> None:
        """Give an account the money that accounts begin with."""
        for currency, amount in self.config.balances.items():
            self.engine.transfer(account, currency, Decimal(amount), self.clock.now_ms())

    @property
    def desks(self) -> dict[MarketName, Desk]:
        """The desks by market."""
        return {name: market.desk for name, market in self.markets.items()}

    @property
    def all_desks(self) -> dict[str, Desk]:
        """The same, as the judge looks at them."""
        return {str(name): desk for name, desk in self.desks.items()}

    def lifted(self) -> list[str]:
        """Say that the venue's limits are not in force, where it is so."""
        return [] if self.config.limit_factor == 1 else [f"okx: limits times {self.config.limit_factor:g}"]

    def add_to(self, application: web.Application) -> None:
        """Register the paths."""
        self.sockets.add_to(application)
        self.door.add_to(application)
        self.judge.add_to(application)

    def tick(self) -> None:
        """Bring the markets to now, push what happened, strike by the faults."""
        for market, feed in zip(self.markets.values(), self.feeds, strict=True):
            try:
                feed.tick()
                market.desk.tick()
            except Exception:  # noqa: BLE001  # edge of the service: one market's fault must not stop the others
                _log.exception("simulator.okx_failed", market=market.name)
        self.trade.tick()
        self.sockets.watch()
        self.faults.release(self.hub)
        if self.faults.faults and self.faults.stands("maintenance", "okx"):
            for connection in list(self.hub.connections.values()):
                connection.cut()
        self.hub.flush()

    def strike(self, fault: Fault) -> bool:
        """Do at once what a fault does at once; whether it was meant for this venue alone."""
        if fault.kind == "shutdown" and fault.is_for("okx"):
            self.sockets.announce_shutdown()
        elif fault.kind == "silent_stream":
            self.faults.silence_existing(fault, self.hub)
        elif fault.kind in ("delist", "status", "tick_size") and fault.market.startswith("okx-"):
            self._change(fault)
        return fault.market.startswith("okx")

    async def close(self) -> None:
        """Cut every client."""
        for connection in list(self.hub.connections.values()):
            connection.cut()
        await self.door.close()

    # --- inside --------------------------------------------------------------------------------------------------------

    def _list(self, seed: int, first_ms: int, wall_s: Callable[[], float]) -> dict[OkxMarketName, OkxMarket]:
        symbols = self.config.symbols if self.config.symbols is not None else okx_symbols()
        rules = self.config.instruments if self.config.instruments is not None else okx_instruments()
        made: dict[OkxMarketName, OkxMarket] = {}
        for name in OKX_MARKETS:
            state = MarketState(name, self.clock, seed=seed)
            for spec in symbols.get(name, ()):
                listed = spec.listed_ms if spec.listed_ms is not None else first_ms
                state.add(GeneratedHistory(spec, name, seed=seed, first_ms=listed))
            made[name] = OkxMarket(name, state, rules, config=self.config, engine=self.engine, wall_s=wall_s)
        return made

    def _market_of(self, inst_id: str, inst_type: str) -> str:
        for market in self.markets.values():
            if inst_id in market or (not inst_id and inst_type == market.inst_type):
                return market.fault_name
        return ""

    def _opened(self, connection: OkxConnection, arg: Arg) -> None:
        for feed in self.feeds:
            feed.opened(connection, arg)
        if connection.account:
            self.events.opened(connection, arg)

    def _change(self, fault: Fault) -> None:
        market = next((item for item in self.markets.values() if item.fault_name == fault.market), None)
        listing = market.state.find(fault.symbol) if market is not None else None
        if listing is None:
            raise ValueError(f"the simulator does not list {fault.symbol!r} on {fault.market!r}")
        if fault.kind == "delist":
            listing.delisted = True
        elif fault.kind == "status":
            listing.status = fault.to or "BREAK"
        self.hub.version += 1
