"""The simulator as one object: one port that serves three markets over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from aiohttp import web

from quantservice.core.errors import EnvironmentFault
from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.config import MARKET_NAMES, MarketName, SimulatorConfig, SymbolSpec
from quantservice.simulator.exchange import MarketState
from quantservice.simulator.faults.script import Fault, FaultScript
from quantservice.simulator.feed import Feed
from quantservice.simulator.firehose import Firehose
from quantservice.simulator.htx.venue import HtxVenue
from quantservice.simulator.hub import Hub
from quantservice.simulator.markets.catalog import default_symbols
from quantservice.simulator.markets.generator import GeneratedHistory
from quantservice.simulator.markets.replay import FileHistory, histories
from quantservice.simulator.okx.config import OkxConfig
from quantservice.simulator.okx.exchange import OkxExchange
from quantservice.simulator.private.config import TradingConfig, limit_rows
from quantservice.simulator.private.plane import TradingPlane
from quantservice.simulator.referee_routes import RefereeRoutes
from quantservice.simulator.rest import RestApi
from quantservice.simulator.routes import MarketRoutes
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.rules.weights import WeightGate
from quantservice.simulator.sockets import SocketDoor

_log = structlog.get_logger(__name__)


class Simulator:
    """An exchange in a box. Start it, point clients at :attr:`rest_url` and :attr:`ws_urls`, stop it."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self.config = config or SimulatorConfig()
        self.referee = Referee(log_size=self.config.access_log_size)
        self.faults = FaultScript()
        self.finished = asyncio.Event()
        self.clock = SimulatorClock(speed=self.config.speed, start_ms=self.config.start_ms)
        self.markets: dict[MarketName, MarketState] = {}
        self.hubs: dict[MarketName, Hub] = {}
        self.gates: dict[MarketName, WeightGate] = {}
        self.trading: TradingPlane | None = None
        self.okx: OkxExchange | None = None
        self.htx: HtxVenue | None = None
        self._feeds: list[Feed | Firehose] = []
        self._doors: dict[MarketName, SocketDoor] = {}
        self._runner: web.AppRunner | None = None
        self._task: asyncio.Task[None] | None = None
        self._replayed: list[FileHistory] = []
        self.port = 0

    @property
    def rest_url(self) -> str:
        """Base of the REST paths of all three markets."""
        return f"http://{self.config.host}:{self.port}"

    @property
    def ws_urls(self) -> dict[MarketName, str]:
        """Base of the WebSocket paths, per market."""
        return {market: f"ws://{self.config.host}:{self.port}/{market}" for market in MARKET_NAMES}

    async def start(self) -> None:
        """Open the port and let the market's time run."""
        self._list_symbols()
        self.clock.start(at_ms=self._live_from())
        application = web.Application(client_max_size=1 << 20)
        self._build(application)
        for fault in self.config.faults:
            self.add_fault(fault)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.config.host, self.config.port, backlog=4_096)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            where = f"{self.config.host}:{self.config.port}"
            raise EnvironmentFault(
                f"the simulator cannot listen on {where} ({error.strerror or error}); choose another port"
            ) from error
        self.port = int(self._runner.addresses[0][1])
        self.clock.start(at_ms=self._live_from())
        self._task = asyncio.get_running_loop().create_task(self._run(), name="simulator")
        _log.info("simulator.started", url=self.rest_url, speed=self.config.speed)

    async def stop(self) -> None:
        """Cut every client and close the port."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for hub in self.hubs.values():
            for connection in list(hub.connections.values()):
                connection.cut()
        if self.htx is not None:
            await self.htx.close()
        if self.trading is not None:
            await self.trading.close()
        if self.okx is not None:
            await self.okx.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        _log.info("simulator.stopped")

    def add_fault(self, fault: Fault | dict[str, object]) -> Fault:
        """Put a fault in force; symbol faults act at once."""
        made = fault if isinstance(fault, Fault) else msgspec.convert(fault, Fault)
        self.faults.add(made)
        self._act(made)
        return made

    def add_symbol(self, market: MarketName, spec: SymbolSpec) -> None:
        """List a new generated symbol from now on."""
        first = spec.listed_ms if spec.listed_ms is not None else self.clock.now_ms() // 60_000 * 60_000
        self.markets[market].add(GeneratedHistory(spec, market, seed=self.config.seed, first_ms=first))
        if market in self.hubs:
            self.hubs[market].version += 1

    def report(self) -> dict[str, Any]:
        """Return the referee's judgement with the open connections."""
        report = self.referee.report()
        report["market_time_ms"] = self.clock.now_ms()
        report["speed"] = self.clock.speed
        report["finished"] = self.finished.is_set()
        report["connections"] = {
            market: {connection.name: len(connection.streams) for connection in hub.connections.values()}
            for market, hub in self.hubs.items()
        }
        return report

    def _list_symbols(self) -> None:
        config = self.config
        catalogue = config.symbols if config.symbols is not None else default_symbols()
        if config.replay is not None:
            catalogue = {}
            self._replayed = histories(config.replay.files, config.replay.market)
        for market in MARKET_NAMES:
            self.markets[market] = MarketState(market, self.clock, seed=config.seed)
            for spec in catalogue.get(market, ()):
                first = spec.listed_ms if spec.listed_ms is not None else _year_start(self.clock.now_ms() - config.history_ms)
                self.markets[market].add(GeneratedHistory(spec, market, seed=config.seed, first_ms=first))
        for history in self._replayed:
            self.markets[history.market].add(history)

    def _live_from(self) -> int | None:
        """Return where a replay's live part begins, and set where its time ends."""
        replay = self.config.replay
        if replay is None:
            return None
        first = min(history.first_ms for history in self._replayed)
        end = max(history.end_ms or 0 for history in self._replayed)
        self.clock.end_ms = end
        if replay.live_from_ms is not None:
            return min(max(replay.live_from_ms, first), end)
        return max(first, end - int(replay.live_wall_s * 1000 * self.config.speed))

    def _build(self, application: web.Application) -> None:
        routes: dict[MarketName, MarketRoutes] = {}
        for market in MARKET_NAMES:
            self.gates[market] = WeightGate(market, self.config.limits[market], self.referee)
        if self.config.trading is not None:
            self.trading = TradingPlane(
                self.config.trading, self.clock, self.markets, self.gates, self.config.limits, self.faults, self.referee
            )
            self.trading.add_to(application)
        if self.config.okx is not None:
            self.okx = self._make_okx(self.config.okx)
            self.okx.add_to(application)
        self.htx = HtxVenue(self.config.htx, self.clock, self.markets, self.trading, self.faults, self.referee)
        self.htx.add_to(application)
        for market in MARKET_NAMES:
            state, limits = self.markets[market], self.config.limits[market]
            hub = self.hubs[market] = Hub(market, limits, self.referee)
            gate = self.gates[market]
            orders = limit_rows((self.config.trading or TradingConfig()).order_limits[market])
            api = RestApi(state, limits, orders, self.faults.overlay, self.referee)
            door = self._doors[market] = SocketDoor(state, hub, limits, self.referee, self.faults)
            firehose = self.config.firehose
            if firehose is not None and firehose.market == market:
                self._feeds.append(Firehose(state, hub, firehose, self.referee))
            else:
                self._feeds.append(Feed(state, hub, self.config.rates[market], self.faults))
            routes[market] = MarketRoutes(market, api, gate, door, self.referee, self.faults, private=self.trading)
            routes[market].add_to(application)

        async def futures_data(request: web.Request) -> web.StreamResponse:
            # two hosts of the venue share this path; coin-margined questions name a pair, the others a symbol
            asked: MarketName = "cm" if "pair" in request.query and "symbol" not in request.query else "um"
            return await routes[asked].rest(request)

        application.router.add_get("/futures/data/{endpoint:.+}", futures_data)
        RefereeRoutes(self).add_to(application)

    def _make_okx(self, config: OkxConfig) -> OkxExchange:
        first_ms = _year_start(self.clock.now_ms() - self.config.history_ms)
        return OkxExchange(config, self.clock, self.faults, self.referee, seed=self.config.seed, first_ms=first_ms)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self.config.tick_ms / 1000
        due = loop.time()
        while True:
            self.clock.skew_ms = self.faults.skew_ms()
            at_end = self.clock.end_ms is not None and self.clock.now_ms() >= self.clock.end_ms
            for feed in self._feeds:
                try:
                    feed.tick()
                except Exception:  # noqa: BLE001  # edge of the service: one market's fault must not stop the others
                    _log.exception("simulator.tick_failed")
            for door in self._doors.values():
                door.watch()
            if self.trading is not None:
                self.trading.tick()
            if self.okx is not None:
                self.okx.tick()
            if self.htx is not None:
                self.htx.tick()
            if at_end and not self.finished.is_set():
                self.finished.set()
                _log.info("simulator.replay_finished")
            due = max(due + pause, loop.time())
            await asyncio.sleep(due - loop.time())

    def _act(self, fault: Fault) -> None:
        """Do at once what a fault does at once."""
        if self.trading is not None:
            self.trading.strike(fault)
        if self.okx is not None and self.okx.strike(fault):
            return
        match fault.kind:
            case "new_symbol":
                if fault.spec is None:
                    raise ValueError("a new_symbol fault needs a spec: symbol, base, quote")
                self.add_symbol(_market(fault), fault.spec)
            case "silent_stream":
                for hub in self.hubs.values():
                    self.faults.silence_existing(fault, hub)
            case "shutdown":
                self._announce_shutdown(fault)
            case "delist" | "status" | "rename" | "tick_size":
                self._change_listing(fault)

    def _announce_shutdown(self, fault: Fault) -> None:
        for market, hub in self.hubs.items():
            if fault.is_for(market):
                for connection in list(hub.connections.values()):
                    self._doors[market].announce_shutdown(connection)

    def _change_listing(self, fault: Fault) -> None:
        market = _market(fault)
        listing = self.markets[market].find(fault.symbol)
        if listing is None:
            raise ValueError(f"the simulator does not list {fault.symbol!r} on {fault.market!r}")
        if fault.kind == "delist":
            listing.delisted = True
        elif fault.kind == "status":
            listing.status = fault.to or "BREAK"
        elif fault.kind == "rename":
            listing.delisted = True
            self.add_symbol(market, msgspec.structs.replace(listing.spec, symbol=fault.to))
        else:
            listing.spec = msgspec.structs.replace(listing.spec, tick=fault.ticks)
            listing.text.tick = listing.text.price(fault.ticks)
        self.hubs[market].version += 1


class SimulatorThread:
    """A simulator in a thread with a loop of its own: for the demo, and for tests of blocking clients."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        self._config = config or SimulatorConfig()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="simulator", daemon=True)
        self.simulator: Simulator | None = None

    def start(self, *, timeout_s: float = 20.0) -> Simulator:
        """Start, and return the running simulator."""
        self._thread.start()
        if not self._ready.wait(timeout_s) or self.simulator is None:
            raise self._error or EnvironmentFault(f"the simulator did not start within {timeout_s} s")
        return self.simulator

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Stop and wait for the thread."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout_s)

    def add_fault(self, fault: Fault | dict[str, object]) -> None:
        """Put a fault in force, from any thread."""
        if self._loop is not None and self.simulator is not None:
            self._loop.call_soon_threadsafe(self.simulator.add_fault, fault)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits in start()
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        simulator = Simulator(self._config)
        await simulator.start()
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.simulator = simulator
        self._ready.set()
        await self._stop.wait()
        await simulator.stop()


async def serve(config: SimulatorConfig, *, told: Callable[[Simulator], None] = lambda _: None) -> None:
    """Run a simulator until cancelled; ``told`` of it once it listens."""
    simulator = Simulator(config)
    await simulator.start()
    told(simulator)
    try:
        await asyncio.Event().wait()
    finally:
        await simulator.stop()


def _year_start(time_ms: int) -> int:
    """Return the start of a time's year: a listing day that is the same at the next start."""
    year = dt.datetime.fromtimestamp(time_ms / 1000, tz=dt.UTC).year
    return int(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp()) * 1000


def _market(fault: Fault) -> MarketName:
    for market in MARKET_NAMES:
        if fault.market == market:
            return market
    raise ValueError(f"market {fault.market!r} is unknown; known are: {', '.join(MARKET_NAMES)}")
