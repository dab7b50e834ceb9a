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
from quantservice.adapters.venues.transport.private.stream import StreamSettings
from quantservice.core.instruments import Instrument, Side
from quantservice.core.intents import Approved
from quantservice.simulator.config import MarketName, SimulatorConfig, SymbolSpec, venue_limits
from quantservice.simulator.faults.script import Fault
from quantservice.simulator.private.config import KeySpec, OrderLimits, TradingConfig
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.judge import ForcedClose, ManualOrder, MarketTrade, OutsideTransfer
from quantservice.simulator.private.plane import TradingPlane
from quantservice.simulator.server import Simulator
from tests.support.feeds import QUICK
from tests.support.trader import PREFIX, QUANTITY, SYMBOL
from tests.support.trading_harness import Codes, Harness, Means, Relay, Truth

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


class BinanceHarness(Harness):
    """One market of Binance."""

    codes = Codes(least=-9_999, most=-1, unknown_key=-2015, too_many_orders=-1015)

    def __init__(self, made: Bench, market: MarketName) -> None:
        self.bench = made
        self.market: MarketName = market
        self.means = MEANS[market]
        self.name = f"case{next(_numbers)}"
        self.keys = {right: f"{right.title()}Key{self.name}".ljust(64, "0") for right in ("trade", "read", "withdraw", "unknown")}
        self.secret = f"Secret{self.name}".ljust(64, "7")
        self.symbol = SYMBOL[market]
        self.quantity = Decimal(QUANTITY[market])
        self.relays: list[Relay] = []
        self.made: list[BinanceTrading] = []
        for right in ("trade", "read", "withdraw"):
            may = right != "read"
            spec = KeySpec(
                key=self.keys[right], secret=self.secret, account=self.name, spot=may, futures=may, withdraw=right == "withdraw"
            )
            made.plane.judge.issue(spec)

    async def open(self) -> BinanceHarness:
        """Make the adapter."""
        self.trading = await self.another()
        listed = self.bench.listed[self.market][self.symbol]
        self.instrument, self.tick, self.lot = listed.id, listed.tick_size, listed.lot_size
        self.desk.symbol(self.symbol)
        await self.touch(await self.price())  # the case before may have left the last price anywhere
        return self

    async def close(self) -> None:
        """Close every adapter and relay, and take the faults back."""
        for adapter in self.made:
            await adapter.close()
        for relay in self.relays:
            await relay.close()
        await self.calm()
        self.desk.engine.cancel_all(self.name, self.desk.now_ms())

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
        stream = StreamSettings(back_off_s=0.05, back_off_most_s=0.2, steady_s=5.0)
        adapter = BinanceTrading(
            self.name,
            VenueCredentials(self.keys[key], self.secret),
            venue=await self.bench.venue(self.market, own=own),
            clock=self.bench.clock,
            endpoints=TradingEndpoints.simulator(f"http://127.0.0.1:{port}"),
            settings=TradingSettings(calls=CallSettings(**calls), stream=msgspec.structs.replace(stream, **settings), ws=QUICK.ws),
        )
        self.made.append(adapter)
        return adapter

    async def relay(self) -> Relay:
        """A way to the venue that can be closed."""
        made = await Relay(self.bench.simulator.port).open()
        self.relays.append(made)
        return made

    # --- the venue -----------------------------------------------------------------------------------------------------

    async def price(self, factor: str = "1") -> Decimal:
        """The middle of the book times a factor, on the tick."""
        book = self.desk.engine.state.books[self.symbol]
        middle = (book.bids[0][0] + book.asks[0][0]) / 2
        return (middle * Decimal(factor) / self.tick).quantize(Decimal(1)) * self.tick

    async def serve(self, order: Approved, quantity: Decimal) -> None:
        """Let the market fill so much of a resting order."""
        terms = order.intent.terms
        assert terms.limit_price is not None
        self.bench.plane.judge.trade(
            MarketTrade(
                market=self.market,
                symbol=self.symbol,
                price=terms.limit_price,
                quantity=quantity,
                buyer_is_maker=terms.side == "buy",
            )
        )

    async def touch(self, price: Decimal) -> None:
        """Let the market trade once, of the smallest size and with nobody's resting order."""
        engine = self.desk.engine
        engine.state.books[self.symbol].last = price
        engine.trade(self.symbol, price, self.lot, buyer_is_maker=False, now_ms=self.desk.now_ms())

    async def truth(self) -> Truth:
        """The ledger of the account."""
        found = self.bench.plane.judge.ledger(market=self.market, account=self.name)
        assert found["audit"] == [], found["audit"]
        rows = found["markets"][self.market]
        return Truth(
            orders=rows["orders"],
            fills=rows["fills"],
            wallets={currency: Decimal(amount) for currency, amount in rows["wallets"].get(self.name, {}).items()},
            positions={
                row["side"]: Decimal(row["quantity"])
                for row in rows["positions"].get(self.name, ())
                if row["symbol"] == self.symbol
            },
        )

    async def fault(self, kind: str, *, on: str = "", count: int = 1, **fault: Any) -> None:
        """Put a fault in force on this market."""
        asked: dict[str, Any] = {"kind": kind, "market": self.market, "count": count} | fault
        if on in _REQUESTS:
            method, path = _REQUESTS[on]
            asked |= {"method": method, "path": path}
        elif on:
            asked["stream"] = _EVENTS[on][self.means.positions]
        self.bench.simulator.add_fault(msgspec.convert(asked, Fault))

    async def calm(self) -> None:
        """Take every fault back, and what the venue held against us because of them."""
        self.bench.simulator.faults.clear()
        self.bench.simulator.gates[self.market].reset()

    def received(self, on: str) -> int:
        """How many requests of a kind the venue took in so far."""
        method, path = _REQUESTS[on]
        start = f"{self.market}.{method} {PREFIX[self.market]}/{path}"
        return sum(count for name, count in self.bench.simulator.referee.requests.items() if name.startswith(start))

    async def manual(self, side: Side, quantity: Decimal, *, price: Decimal | None = None) -> str:
        """Place an order by hand."""
        asked = ManualOrder(market=self.market, symbol=self.symbol, side=side, quantity=quantity, price=price, account=self.name)
        return str(self.bench.plane.judge.manual(asked)["client_id"])

    async def transfer(self, amount: Decimal) -> str:
        """Bring money in."""
        currency = "BTC" if self.market == "cm" else "USDT"
        self.bench.plane.judge.transfer(OutsideTransfer(market=self.market, currency=currency, amount=amount, account=self.name))
        return currency

    async def close_by_venue(self, how: str) -> None:
        """Let the venue close the position."""
        self.bench.plane.judge.close(ForcedClose(market=self.market, symbol=self.symbol, account=self.name), kind=how)

    async def pay_funding(self, rate: Decimal) -> None:
        """Settle funding now."""
        self.desk.engine.settle_funding(self.symbol, rate, self.desk.now_ms())

    async def hedge_mode(self) -> None:
        """Put the account into hedge mode."""
        self.desk.engine.account(self.name).hedge = True

    def lose_stream(self) -> None:
        """Cut every private connection of the market."""
        for connection in list(self.bench.plane.hubs[self.market].connections.values()):
            connection.cut()

    def small_pages(self, size: int) -> None:
        """Let questions ask for so many rows at once."""
        queries._PAGE = size  # type: ignore[misc]  # a bound of the venue's, made small to be reached
