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
from quantservice.adapters.venues.transport.private.stream import StreamSettings
from quantservice.adapters.venues.transport.proxies import ProxyPool, ProxySettings
from quantservice.core.instruments import Instrument, Side
from quantservice.core.intents import Approved
from quantservice.core.money import exact
from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.faults.script import Fault
from quantservice.simulator.okx import public
from quantservice.simulator.okx.config import OkxConfig, OkxKey, OkxMarketName
from quantservice.simulator.okx.exchange import OkxExchange
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.okx.trade import market_of
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.judge import ForcedClose, ManualOrder, MarketTrade, OutsideTransfer
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.server import Simulator
from tests.support.feeds import QUICK
from tests.support.trading_harness import Codes, Harness, Means, Relay, Truth

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


class OkxHarness(Harness):
    """One market of OKX."""

    codes = Codes(least=50_000, most=59_999, unknown_key=50_119, too_many_orders=50_061)

    def __init__(self, made: Bench, market: OkxMarketName) -> None:
        self.bench = made
        self.market: OkxMarketName = market
        self.means = MEANS[market]
        self.name = f"okxcase{next(_numbers)}"
        self.keys = {right: f"{right}-key-{self.name}".ljust(36, "0") for right in ("trade", "read", "withdraw", "unknown")}
        self.secret, self.passphrase = f"SECRET{self.name}".upper().ljust(32, "7"), f"Pass-phrase-{self.name}"
        self.symbol = INSTRUMENTS[market]
        self.quantity = Decimal("0.01")
        self.relays: list[Relay] = []
        self.made: list[OkxTrading] = []
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

    async def open(self) -> OkxHarness:
        """Make the adapter."""
        self.trading = await self.another()
        listed = self.bench.listed[self.market][self.symbol]
        self.instrument, self.tick, self.lot = listed.id, listed.tick_size, listed.lot_size
        market_of(self.bench.exchange.markets, {"instId": self.symbol})
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
        stream = StreamSettings(back_off_s=0.05, back_off_most_s=0.2, steady_s=5.0)
        adapter = OkxTrading(
            self.name,
            OkxCredentials(self.keys[key], self.secret, self.passphrase),
            market=self.market,
            pool=self.bench.pool,
            clock=self.bench.clock,
            endpoints=OkxEndpoints.simulator(f"http://127.0.0.1:{port}"),
            settings=TradingSettings(calls=calls, stream=msgspec.structs.replace(stream, **settings), ws=QUICK.ws, connects=1_000),
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
        self.bench.exchange.judge.trade(
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

    @exact
    def _truth(self) -> Truth:
        found = self.bench.exchange.judge.ledger(market=self.market, account=self.name)
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

    async def truth(self) -> Truth:
        """The ledger of the account; quantities are in base currency."""
        return self._truth()

    async def fault(self, kind: str, *, on: str = "", count: int = 1, **fault: Any) -> None:
        """Put a fault in force on this market."""
        asked: dict[str, Any] = {"kind": kind, "market": self.venue_market.fault_name, "count": count} | fault
        if on in _REQUESTS:
            method, path = _REQUESTS[on]
            asked |= {"method": method, "path": path}
        elif on:
            asked["stream"] = _EVENTS[on]
        self.bench.simulator.add_fault(msgspec.convert(asked, Fault))

    async def calm(self) -> None:
        """Take every fault back, and what the venue held against us because of them."""
        self.bench.simulator.faults.clear()
        self.bench.exchange.limits.reset()

    def received(self, on: str) -> int:
        """How many requests of a kind the venue took in so far."""
        method, path = _REQUESTS[on]
        start = f"{self.venue_market.fault_name}.{method} "
        counts = self.bench.simulator.referee.requests.items()
        return sum(count for name, count in counts if name.startswith(start) and path in name)

    async def manual(self, side: Side, quantity: Decimal, *, price: Decimal | None = None) -> str:
        """Place an order by hand; the venue's page gives it no client id, so it is called by its number."""
        asked = ManualOrder(market=self.market, symbol=self.symbol, side=side, quantity=quantity, price=price, account=self.name)
        return f"o{self.bench.exchange.judge.manual(asked)['order_id']}"

    async def transfer(self, amount: Decimal) -> str:
        """Bring money in."""
        self.bench.exchange.judge.transfer(OutsideTransfer(market=self.market, currency="USDT", amount=amount, account=self.name))
        return "USDT"

    async def close_by_venue(self, how: str) -> None:
        """Let the venue close the position."""
        self.bench.exchange.judge.close(ForcedClose(market=self.market, symbol=self.symbol, account=self.name), kind=how)

    async def pay_funding(self, rate: Decimal) -> None:
        """Settle funding now."""
        self.desk.engine.settle_funding(self.symbol, rate, self.desk.now_ms())

    async def hedge_mode(self) -> None:
        """Put the account into hedge mode."""
        self.desk.engine.account(self.name).hedge = True

    def lose_stream(self) -> None:
        """Cut every private connection of the account."""
        for connection in self.bench.exchange.sockets.connections():
            if connection.account == self.name:
                connection.cut()

    def small_pages(self, size: int) -> None:
        """Let questions ask for so many rows at once."""
        queries._PAGE = size  # type: ignore[misc]  # a bound of the venue's, made small to be reached
