"""The OKX adapters on the bench: one simulator for all cases of a module, an account of its own for each case."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.okx.decode_instruments import decode_instruments
from quantservice.adapters.venues.okx.spec import OkxEndpoints, row_of
from quantservice.adapters.venues.okx.trading import queries
from quantservice.adapters.venues.okx.trading.adapter import OkxTrading, TradingSettings
from quantservice.adapters.venues.okx.trading.caller import CallSettings
from quantservice.adapters.venues.okx.trading.signer import OkxCredentials
from quantservice.adapters.venues.transport.proxies import ProxyPool, ProxySettings
from quantservice.core.instruments import Instrument, Side
from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.okx import public
from quantservice.simulator.okx.config import OkxConfig, OkxKey, OkxMarketName
from quantservice.simulator.okx.exchange import OkxExchange
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.okx.trade import market_of
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.judge import Judge
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.server import Simulator
from tests.support.feeds import QUICK
from tests.support.trading_harness import Codes, Means
from tests.support.trading_simulated import STREAM, SimulatedHarness

INSTRUMENTS: Final = {"spot": "BTC-USDT", "um": "BTC-USDT-SWAP"}
_TYPES: Final = frozenset({"market", "limit", "stop", "stop_limit", "take_profit", "trailing_stop"})
_SPOT: Final = Means(
    types=_TYPES,
    times=frozenset({"GTC", "IOC", "FOK"}),
    positions=False,
    amends="any",
    dead_man=True,
    lists_movements=True,
    says_all_failed=False,
    acknowledges=True,
    refuses_post_only=False,
    limits_by_address=False,
)
MEANS: Final = {"spot": _SPOT, "um": msgspec.structs.replace(_SPOT, positions=True, smallest=False)}
#: request: HTTP method and a part of its path (orders and conditional ones alike)
_REQUESTS: Final[dict[str, tuple[str, str]]] = {
    "submit": ("POST", "trade/order"),
    "amend": ("POST", "trade/amend-order"),
    "cancel": ("POST", "trade/cancel-"),
    "query": ("GET", "trade/order"),
}
_EVENTS: Final = {"new": "orders.live", "fill": "orders.*filled"}
_numbers = itertools.count(1)


class Bench:
    """A simulator with limits out of the way, and what all adapters of it share."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.clock = SystemClock()
        self.pool = ProxyPool((), clock=self.clock, settings=ProxySettings(), environment={})
        self.listed: dict[str, dict[str, Instrument]] = {}
        for market in self.exchange.markets.values():
            rows = [public.instrument(market, listing) for listing in market.listings()]
            body = to_json({"code": "0", "msg": "", "data": rows})
            found = decode_instruments(body, row_of(market.name), seen_ms=1)
            self.listed[market.name] = {item.venue_symbol: item for item in found.instruments}

    @property
    def exchange(self) -> OkxExchange:
        """The simulated venue."""
        assert self.simulator.okx is not None
        return self.simulator.okx


@asynccontextmanager
async def bench(*, start_ms: int | None = 1_780_000_215_000) -> AsyncIterator[Bench]:
    """Run a simulator for many cases; its clock begins at ``start_ms``, or is the real one."""
    config = SimulatorConfig(start_ms=start_ms, tick_ms=10, symbols={}, okx=OkxConfig(limit_factor=100_000.0))
    simulator = Simulator(config)
    await simulator.start()
    try:
        yield Bench(simulator)
    finally:
        await simulator.stop()


class OkxHarness(SimulatedHarness[Any]):
    """One market of OKX."""

    codes = Codes(least=50_000, most=59_999, unknown_key=50_119, too_many_orders=50_061)

    def __init__(self, made: Bench, market: OkxMarketName) -> None:
        super().__init__(made.simulator, f"okxcase{next(_numbers)}")
        self.bench = made
        self.market: OkxMarketName = market
        self.sim_market, self.sim_symbol = market, INSTRUMENTS[market]
        self.means = MEANS[market]
        self.keys = {right: f"{right}-key-{self.name}".ljust(36, "0") for right in ("trade", "read", "withdraw", "unknown")}
        self.secret, self.passphrase = f"SECRET{self.name}".upper().ljust(32, "7"), f"Pass-phrase-{self.name}"
        self.quantity = Decimal("0.01")
        for right in ("trade", "read", "withdraw"):
            key = OkxKey(
                key=self.keys[right],
                secret=self.secret,
                passphrase=self.passphrase,
                account=self.name,
                trade=right != "read",
                withdraw=right == "withdraw",
            )
            made.exchange.judge.issue(key)

    async def look_up(self) -> None:
        """Learn the instrument, its tick and its lot."""
        listed = self.bench.listed[self.market][self.sim_symbol]
        self.instrument, self.tick, self.lot = listed.id, listed.tick_size, listed.lot_size
        market_of(self.bench.exchange.markets, {"instId": self.sim_symbol})

    @property
    def judge(self) -> Judge:
        """The simulator's judge."""
        return self.bench.exchange.judge

    @property
    def fault_market(self) -> str:
        """What faults call the market."""
        return self.venue_market.fault_name

    @property
    def venue_market(self) -> OkxMarket:
        """The simulator's side of this market."""
        return self.bench.exchange.markets[self.market]

    @property
    def desk(self) -> Desk:
        """The simulator's desk of this market."""
        return self.venue_market.desk

    @property
    def secrets(self) -> Sequence[str]:
        """What no text may show."""
        return (self.secret, self.passphrase, self.keys["trade"])

    async def another(self, key: str = "trade", **settings: Any) -> OkxTrading:
        """A second adapter on the same account."""
        settings.pop("own", False)
        port = settings.pop("port", self.bench.simulator.port)
        calls = CallSettings(
            total_timeout_s=settings.pop("timeout_s", 10.0), pace=1_000.0, window_ms=settings.pop("window_ms", 5_000)
        )
        adapter = OkxTrading(
            self.name,
            OkxCredentials(self.keys[key], self.secret, self.passphrase),
            market=self.market,
            pool=self.bench.pool,
            clock=self.bench.clock,
            endpoints=OkxEndpoints.simulator(f"http://127.0.0.1:{port}"),
            settings=TradingSettings(calls=calls, stream=msgspec.structs.replace(STREAM, **settings), ws=QUICK.ws, connects=1_000),
        )
        self.made.append(adapter)
        return adapter

    # --- the venue -----------------------------------------------------------------------------------------------------

    def request(self, on: str) -> tuple[str, str] | None:
        """The HTTP method and the end of the path of a request."""
        return _REQUESTS.get(on)

    def event(self, on: str) -> str:
        """The pattern of an event that is pushed."""
        return _EVENTS[on]

    def forgive(self) -> None:
        """Let the venue forget what it counted against us."""
        self.bench.exchange.limits.reset()

    def received(self, on: str) -> int:
        """How many requests of a kind the venue took in so far."""
        method, path = _REQUESTS[on]
        start = f"{self.venue_market.fault_name}.{method} "
        counts = self.bench.simulator.referee.requests.items()
        return sum(count for name, count in counts if name.startswith(start) and path in name)

    async def manual(self, side: Side, quantity: Decimal, *, price: Decimal | None = None) -> str:
        """Place an order by hand; the venue's page gives it no client id, so it is called by its number."""
        return f"o{self.by_hand(side, quantity, price)['order_id']}"

    def lose_stream(self) -> None:
        """Cut every private connection of the account."""
        for connection in self.bench.exchange.sockets.connections():
            if connection.account == self.name:
                connection.cut()

    def small_pages(self, size: int) -> None:
        """Let questions ask for so many rows at once."""
        queries._PAGE = size  # type: ignore[misc]  # a bound of the venue's, made small to be reached
