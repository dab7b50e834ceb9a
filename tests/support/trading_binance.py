"""The Binance adapters on the bench: one simulator for all cases of a module, an account of its own for each case."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.adapters.venues.binance.trading import queries
from quantservice.adapters.venues.binance.trading.adapter import BinanceTrading, TradingSettings
from quantservice.adapters.venues.binance.trading.caller import CallSettings
from quantservice.adapters.venues.binance.trading.signer import VenueCredentials
from quantservice.adapters.venues.binance.trading.table import TradingEndpoints
from quantservice.adapters.venues.binance.venue import BinanceVenue
from quantservice.core.instruments import Instrument, Side
from quantservice.simulator.config import MarketName, SimulatorConfig, SymbolSpec, venue_limits
from quantservice.simulator.private.config import KeySpec, OrderLimits, TradingConfig
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.judge import Judge
from quantservice.simulator.private.plane import TradingPlane
from quantservice.simulator.server import Simulator
from tests.support.feeds import QUICK
from tests.support.trader import PREFIX, QUANTITY, SYMBOL
from tests.support.trading_harness import Codes, Means
from tests.support.trading_simulated import STREAM, SimulatedHarness

_FUTURES_TYPES: Final = frozenset({"market", "limit", "stop", "stop_limit", "take_profit", "trailing_stop"})
MEANS: Final[dict[MarketName, Means]] = {
    "spot": Means(
        types=_FUTURES_TYPES - {"trailing_stop"},
        times=frozenset({"GTC", "IOC", "FOK"}),
        positions=False,
        amends="smaller",
        dead_man=False,
        says_all_failed=False,
    ),
    "um": Means(
        types=_FUTURES_TYPES,
        times=frozenset({"GTC", "IOC", "FOK", "GTD"}),
        positions=True,
        amends="any",
        dead_man=True,
        listen_key=True,
        lists_movements=True,
    ),
    "cm": Means(
        types=_FUTURES_TYPES,
        times=frozenset({"GTC", "IOC", "FOK"}),
        positions=True,
        amends="any",
        dead_man=True,
        listen_key=True,
        lists_movements=True,
        smallest=False,
    ),
}
#: request: HTTP method and the end of its path
_REQUESTS: Final[dict[str, tuple[str, str]]] = {
    "submit": ("POST", "order"),
    "amend": ("PUT", "order"),
    "cancel": ("DELETE", "order"),
    "query": ("GET", "order"),
}
_EVENTS: Final = {
    "new": ("executionReport.NEW", "ORDER_TRADE_UPDATE.NEW"),
    "fill": ("executionReport.TRADE", "ORDER_TRADE_UPDATE.TRADE"),
}
_numbers = itertools.count(1)


class Bench:
    """A simulator with limits out of the way, and what all adapters of a market share."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.clock = SystemClock()
        self.listed: dict[str, dict[str, Instrument]] = {}
        self._venues: dict[str, BinanceVenue] = {}

    @property
    def plane(self) -> TradingPlane:
        """The simulator's trading side."""
        assert self.simulator.trading is not None
        return self.simulator.trading

    async def venue(self, market: MarketName, *, own: bool = False) -> BinanceVenue:
        """The market's data adapter; ``own``: one that nobody else's limits reach."""
        found = None if own else self._venues.get(market)
        if found is None:
            endpoints = BinanceEndpoints.simulator(self.simulator.rest_url, {str(k): v for k, v in self.simulator.ws_urls.items()})
            found = BinanceVenue(market, endpoints, clock=self.clock, environment={}, settings=QUICK)
            self._venues[f"{market}{next(_numbers)}" if own else market] = found
            listed = await found.history.instruments()  # the budget learns the simulator's own limits
            self.listed[market] = {item.venue_symbol: item for item in listed}
        return found

    async def close(self) -> None:
        """Close what was made."""
        for venue in self._venues.values():
            await venue.close()


@asynccontextmanager
async def bench(
    *, start_ms: int | None = 1_780_000_215_000, symbols: Mapping[MarketName, tuple[SymbolSpec, ...]] | None = None
) -> AsyncIterator[Bench]:
    """Run a simulator for many cases; its clock begins at ``start_ms``, or is the real one. ``symbols``: None lists the usual."""
    limits = {
        market: msgspec.structs.replace(own, weight_per_minute=10_000_000, connections_per_5m=100_000)
        for market, own in venue_limits().items()
    }
    orders = {market: OrderLimits(per_10s=100_000, per_span=1_000_000) for market in ("spot", "um", "cm")}
    config = SimulatorConfig(start_ms=start_ms, tick_ms=10, limits=limits, trading=TradingConfig(order_limits=dict(orders)))
    if symbols is not None:
        config = msgspec.structs.replace(config, symbols=dict(symbols))
    simulator = Simulator(config)
    await simulator.start()
    made = Bench(simulator)
    try:
        yield made
    finally:
        await made.close()
        await simulator.stop()


class BinanceHarness(SimulatedHarness[Any]):
    """One market of Binance."""

    codes = Codes(least=-9_999, most=-1, unknown_key=-2015, too_many_orders=-1015)

    def __init__(self, made: Bench, market: MarketName) -> None:
        super().__init__(made.simulator, f"case{next(_numbers)}")
        self.bench = made
        self.market: MarketName = market
        self.sim_market, self.sim_symbol = market, SYMBOL[market]
        self.means = MEANS[market]
        self.keys = {right: f"{right.title()}Key{self.name}".ljust(64, "0") for right in ("trade", "read", "withdraw", "unknown")}
        self.secret = f"Secret{self.name}".ljust(64, "7")
        self.quantity = Decimal(QUANTITY[market])
        for right in ("trade", "read", "withdraw"):
            may = right != "read"
            spec = KeySpec(
                key=self.keys[right], secret=self.secret, account=self.name, spot=may, futures=may, withdraw=right == "withdraw"
            )
            made.plane.judge.issue(spec)

    async def look_up(self) -> None:
        """Learn the instrument, its tick and its lot."""
        listed = self.bench.listed[self.market][self.sim_symbol]
        self.instrument, self.tick, self.lot = listed.id, listed.tick_size, listed.lot_size

    @property
    def judge(self) -> Judge:
        """The simulator's judge."""
        return self.bench.plane.judge

    @property
    def desk(self) -> Desk:
        """The simulator's desk of this market."""
        return self.bench.plane.desks[self.market]

    @property
    def secrets(self) -> Sequence[str]:
        """What no text may show."""
        return (self.secret, self.keys["trade"])

    async def another(self, key: str = "trade", **settings: Any) -> BinanceTrading:
        """A second adapter on the same account."""
        own = settings.pop("own", False)
        port = settings.pop("port", self.bench.simulator.port)
        calls = {"total_timeout_s": settings.pop("timeout_s", 10.0)}
        adapter = BinanceTrading(
            self.name,
            VenueCredentials(self.keys[key], self.secret),
            venue=await self.bench.venue(self.market, own=own),
            clock=self.bench.clock,
            endpoints=TradingEndpoints.simulator(f"http://127.0.0.1:{port}"),
            settings=TradingSettings(calls=CallSettings(**calls), stream=msgspec.structs.replace(STREAM, **settings), ws=QUICK.ws),
        )
        self.made.append(adapter)
        return adapter

    # --- the venue -----------------------------------------------------------------------------------------------------

    def request(self, on: str) -> tuple[str, str] | None:
        """The HTTP method and the end of the path of a request."""
        return _REQUESTS.get(on)

    def event(self, on: str) -> str:
        """The pattern of an event that is pushed."""
        return _EVENTS[on][self.means.positions]

    def forgive(self) -> None:
        """Let the venue forget what it counted against us."""
        self.simulator.gates[self.market].reset()

    def received(self, on: str) -> int:
        """How many requests of a kind the venue took in so far."""
        method, path = _REQUESTS[on]
        start = f"{self.market}.{method} {PREFIX[self.market]}/{path}"
        return sum(count for name, count in self.bench.simulator.referee.requests.items() if name.startswith(start))

    async def manual(self, side: Side, quantity: Decimal, *, price: Decimal | None = None) -> str:
        """Place an order by hand."""
        return str(self.by_hand(side, quantity, price)["client_id"])

    def settled_in(self) -> str:
        """The currency of the market's money."""
        return "BTC" if self.market == "cm" else "USDT"

    def lose_stream(self) -> None:
        """Cut every private connection of the market."""
        for connection in list(self.bench.plane.hubs[self.market].connections.values()):
            connection.cut()

    def small_pages(self, size: int) -> None:
        """Let questions ask for so many rows at once."""
        queries._PAGE = size  # type: ignore[misc]  # a bound of the venue's, made small to be reached
