"""The HTX adapters on the bench: one simulator for all cases of a module, an account of its own for each case."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import aiohttp
import msgspec

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.htx.access import Access
from quantservice.adapters.venues.htx.instruments import decode_instruments
from quantservice.adapters.venues.htx.spec import HtxEndpoints
from quantservice.adapters.venues.htx.trading import queries
from quantservice.adapters.venues.htx.trading.adapter import HtxTrading, TradingSettings
from quantservice.adapters.venues.htx.trading.numbers import KnownIds, number_of
from quantservice.adapters.venues.htx.trading.signer import HtxCredentials
from quantservice.adapters.venues.transport.private.once import OnceSettings
from quantservice.core.instruments import Instrument, InstrumentId, Side
from quantservice.core.intents import Approved
from quantservice.core.orders import OrderState
from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.htx.config import HtxConfig, Pace
from quantservice.simulator.htx.venue import HtxVenue
from quantservice.simulator.private.config import KeySpec, TradingConfig
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.judge import Judge
from quantservice.simulator.server import Simulator
from tests.support.feeds import QUICK
from tests.support.trading_harness import Codes, Means
from tests.support.trading_simulated import STREAM, SimulatedHarness

SYMBOL: Final = "BTCUSDT"
INSTRUMENTS: Final = {"spot": InstrumentId("htx", "spot", "BTC-USDT"), "um": InstrumentId("htx", "um", "BTC-USDT-PERP")}
#: What spot truly lacks: amending, a timer, a deadline. Its conditional orders at the market (algo orders) are not spoken yet.
_SPOT: Final = Means(
    types=frozenset({"market", "limit", "stop_limit"}),
    times=frozenset({"GTC", "IOC", "FOK"}),
    positions=False,
    amends="",
    dead_man=False,
    lists_movements=True,
    says_all_failed=False,
    acknowledges=True,
    refuses_post_only=False,
    lapsed_post_only=OrderState.CANCELLED,
    deadline=False,
)
#: The swap's conditional orders carry no client id, so that one whose answer was lost could not be found: none are sent.
_UM: Final = msgspec.structs.replace(_SPOT, types=frozenset({"market", "limit"}), positions=True, smallest=False)
MEANS: Final = {"spot": _SPOT, "um": _UM}
#: request: HTTP method and a part of its path
_REQUESTS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "spot": {
        "submit": ("POST", "/v1/order/orders/place"),
        "cancel": ("POST", "/v1/order/orders/submitCancelClientOrder"),
        "query": ("GET", "/v1/order/orders/getClientOrder"),
    },
    "um": {
        "submit": ("POST", "/linear-swap-api/v1/swap_cross_order"),
        "cancel": ("POST", "/linear-swap-api/v1/swap_cross_cancel"),
        "query": ("POST", "/linear-swap-api/v1/swap_cross_order_info"),
    },
}
_EVENTS: Final = {"new": {"spot": "orders#*|creation", "um": "orders_cross.*|new"}, "fill": {"spot": "*|trade", "um": "*|trade"}}
_LIFTED: Final = Pace(0, 1.0)
_LISTS: Final = {"spot": "/v1/settings/common/market-symbols", "um": "/linear-swap-api/v1/swap_contract_info"}
_numbers = itertools.count(1)


class SpotCodes(Codes, frozen=True):
    """Spot's codes are words."""

    def has(self, code: int | str) -> bool:
        """Whether a code is one of the venue's."""
        return isinstance(code, str) and "-" in code


CODES: Final = {
    "spot": SpotCodes(least=0, most=0, unknown_key="api-signature-not-valid", too_many_orders="rate-too-many-requests"),
    "um": Codes(least=1_000, most=1_999, unknown_key=403, too_many_orders=1_032),
}


class Bench:
    """A simulator with limits out of the way, and what all adapters of it share."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.clock = SystemClock()
        self.access = {market: self.new_access(market) for market in MEANS}
        self.listed: dict[str, dict[str, Instrument]] = {}

    async def list(self) -> None:
        """Fetch what the venue lists."""
        async with aiohttp.ClientSession() as session:
            for market, path in _LISTS.items():
                async with session.get(self.simulator.rest_url + path) as answer:
                    found = decode_instruments(await answer.read(), market, seen_ms=1)
                self.listed[market] = {item.venue_symbol: item for item in found}

    def new_access(self, market: str) -> Access:
        """A way to the venue that nobody else's limits reach."""
        return Access(market, clock=self.clock, environment={})

    @property
    def judge(self) -> Judge:
        """The simulator's judge."""
        assert self.simulator.trading is not None
        return self.simulator.trading.judge

    @property
    def venue(self) -> HtxVenue:
        """The simulated venue."""
        assert self.simulator.htx is not None
        return self.simulator.htx


@asynccontextmanager
async def bench(*, start_ms: int | None = 1_780_000_215_000) -> AsyncIterator[Bench]:
    """Run a simulator for many cases; its clock begins at ``start_ms``, or is the real one."""
    paces = dict.fromkeys(("market", "place", "batch", "query", "swap_trade", "swap_read"), _LIFTED)
    htx = HtxConfig(connections_per_5m=100_000, **paces)  # type: ignore[arg-type]  # only limits of requests
    simulator = Simulator(SimulatorConfig(start_ms=start_ms, tick_ms=10, trading=TradingConfig(), htx=htx))
    await simulator.start()
    try:
        made = Bench(simulator)
        await made.list()
        yield made
    finally:
        await simulator.stop()


class HtxHarness(SimulatedHarness[Any]):
    """One market of HTX."""

    def __init__(self, made: Bench, market: str) -> None:
        super().__init__(made.simulator, f"htxcase{next(_numbers)}")
        self.bench = made
        self.market = market
        self.sim_market, self.sim_symbol = f"htx.{market}", SYMBOL
        self.means, self.codes = MEANS[market], CODES[market]
        self.keys = {right: f"{right}-key-{self.name}".ljust(40, "0") for right in ("trade", "read", "withdraw", "unknown")}
        self.secret = f"Secret{self.name}".ljust(40, "7")
        self.quantity = Decimal("0.01")
        self.instrument = INSTRUMENTS[market]
        self.sent: list[str] = []
        for right in ("trade", "read", "withdraw"):
            may = right != "read"
            key, secret = self.keys[right], self.secret
            made.judge.issue(
                KeySpec(key=key, secret=secret, account=self.name, spot=may, futures=may, withdraw=right == "withdraw")
            )

    async def look_up(self) -> None:
        """Learn the instrument, its tick and its lot."""
        symbol = self.desk.symbol(SYMBOL)
        self.tick, self.lot = symbol.tick, symbol.lot

    @property
    def judge(self) -> Judge:
        """The simulator's judge."""
        return self.bench.judge

    @property
    def desk(self) -> Desk:
        """The simulator's desk of this market."""
        return self.bench.venue.desks[self.sim_market]

    @property
    def secrets(self) -> Sequence[str]:
        """What no text may show."""
        return (self.secret, self.keys["trade"])

    async def another(self, key: str = "trade", **settings: Any) -> HtxTrading:
        """A second adapter on the same account; ``known``: what the store of orders knows."""
        known: KnownIds | None = settings.pop("known", None)
        own = settings.pop("own", False)
        port = settings.pop("port", self.bench.simulator.port)
        calls = OnceSettings(total_timeout_s=settings.pop("timeout_s", 10.0))
        adapter = HtxTrading(
            self.name,
            HtxCredentials(self.keys[key], self.secret),
            access=self.bench.new_access(self.market) if own else self.bench.access[self.market],
            clock=self.bench.clock,
            endpoints=HtxEndpoints.simulator(f"http://127.0.0.1:{port}"),
            settings=TradingSettings(calls=calls, stream=msgspec.structs.replace(STREAM, **settings), ws=QUICK.ws, pace=1_000.0),
            known=known,
        )
        self.made.append(adapter)
        return adapter

    # --- the venue -----------------------------------------------------------------------------------------------------

    def _ours(self) -> dict[str, str]:
        """Our ids by the integers that the swap knows them as."""
        return {str(number_of(name)): name for name in self.sent} if self.market == "um" else {}

    def orders_of(self, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """The ledger's orders by our names."""
        ours = self._ours()
        return [row | {"client_id": ours.get(row["client_id"], row["client_id"])} for row in rows]

    def fills_of(self, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """The ledger's fills by our names, and by the venue's: its trades are numbered by order."""
        leg = "-1" if self.market == "um" else ""
        return [row | {"trade_id": f"{row['trade_id']}-{row['order_id']}{leg}"} for row in self.orders_of(rows)]

    def order(self, side: Side = "buy", *, quantity: Decimal | None = None, **terms: Any) -> Approved:
        """The same as everywhere; its id is remembered, for the ledger knows integers on the swap."""
        made = super().order(side, quantity=quantity, **terms)
        self.note(made.intent.client_id)
        return made

    def note(self, client_id: str) -> None:
        """Hear of an id that is sent for this account."""
        self.sent.append(client_id)

    def request(self, on: str) -> tuple[str, str] | None:
        """The HTTP method and the end of the path of a request."""
        return _REQUESTS[self.market].get(on)

    def event(self, on: str) -> str:
        """The pattern of an event that is pushed."""
        return _EVENTS[on][self.market]

    def forgive(self) -> None:
        """Let the venue forget what it counted against us."""
        self.bench.venue.reset()

    def received(self, on: str) -> int:
        """How many requests of a kind the venue took in so far."""
        method, path = _REQUESTS[self.market].get(on, ("", ""))
        return self.bench.simulator.referee.requests[f"{self.sim_market}.{method} {path}"]

    async def manual(self, side: Side, quantity: Decimal, *, price: Decimal | None = None) -> str:
        """Place an order by hand."""
        made = self.by_hand(side, quantity, price)
        return str(made["client_id"]) if self.market == "spot" else f"htx-{made['order_id']}"

    def lose_stream(self) -> None:
        """Cut every private connection of the market."""
        for connection in list(self.bench.venue.hubs[f"{self.sim_market}.private"].connections.values()):
            connection.cut()

    def small_pages(self, size: int) -> None:
        """Let questions ask for so many rows at once."""
        queries._PAGES["um"] = queries._PAGES["spot"] = size
