"""From a closed kline's frame to the order's bytes: the whole platform in one process, at an exchange simulator in another.

    ./qs bench --only reaction

A strategy on 1-minute klines of Binance um changes its target at every close; the market's time runs 20 times as fast, so that
there is a close every three seconds. The clock starts when the frame that closes the kline is taken from the socket and stops when
the order's bytes are handed to the socket: in between it is decoded, taken by the bus, answered by the strategy in its own process,
sized, checked by risk control, and made durable (fsync). The simulator's limits of orders are lifted for this run. There is no
peer: no other project of this field makes an order durable before it is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

from benchmarks.processes import fetch, free_port, simulator
from benchmarks.results import Plan, Result
from quantservice.adapters.venues.transport.feed import VenueFeed
from quantservice.adapters.venues.transport.private import once
from quantservice.app.loop import loop_factory, settle_memory
from quantservice.app.platform import Platform
from quantservice.app.settings import load_settings
from quantservice.ports import VenueSecret
from quantservice.simulator.config import SimulatorConfig
from quantservice.simulator.private.config import DEFAULT_KEY, DEFAULT_SECRET, OrderLimits, TradingConfig

ASKED_P50_MS: Final = 3.0
ASKED_P99_MS: Final = 10.0
PAIR: Final = "binance:um:BTC-USDT-PERP"
SPEED: Final = 20.0
ROLES: Final = ("outbox", "recorder", "trading", "strategies", "collector")
STRATEGY: Final = '''
"""Changes its target at every close."""

from quantservice import Signal, Strategy


class Alternate(Strategy):
    """In at even minutes, out at odd ones."""

    def on_kline(self, kline, view):
        return Signal(kline.instrument, 0.5 if kline.open_time // 60_000 % 2 else 0.0)
'''
_CLOSED: Final = re.compile(rb'"t":(\d+).*"i":"1m".*"x":true')


class MarketClock:
    """The simulator's time, read once: it runs at a known speed."""

    def __init__(self, port: int) -> None:
        self._at = time.monotonic()
        self._market_ms = fetch(f"http://127.0.0.1:{port}/_referee")["market_time_ms"]

    def now_ms(self) -> int:
        """Market time, UTC milliseconds."""
        return int(self._market_ms + (time.monotonic() - self._at) * 1_000 * SPEED)

    def now_ns(self) -> int:
        """Market time, UTC nanoseconds."""
        return self.now_ms() * 1_000_000

    def monotonic(self) -> float:
        """Seconds of the machine."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait seconds of the machine."""
        await asyncio.sleep(seconds)


class Stamps:
    """When frames came and orders left, on one clock."""

    def __init__(self) -> None:
        self.received: list[float] = []
        self.left: list[float] = []
        self._another = asyncio.Event()

    async def enough(self, orders: int) -> None:
        """Wait until so many orders left."""
        while len(self.left) < orders:
            self._another.clear()
            await self._another.wait()

    def leave(self) -> None:
        """Note that an order's bytes are handed over now."""
        self.left.append(time.perf_counter())
        self._another.set()

    def took_ms(self) -> list[float]:
        """Milliseconds from each frame to the first order after it."""
        found, place = [], 0
        for came, following in zip(self.received, [*self.received[1:], float("inf")], strict=True):
            while place < len(self.left) and self.left[place] < came:
                place += 1
            if place < len(self.left) and self.left[place] < following:
                found.append((self.left[place] - came) * 1_000)
        return found


@contextlib.contextmanager
def stamped(stamps: Stamps) -> Iterator[None]:
    """Note the two instants where they happen."""
    on_message, tracing = VenueFeed.on_message, once._tracing

    def received(self: VenueFeed, socket: Any, payload: bytes, recv_ns: int) -> None:
        if _CLOSED.search(payload):
            stamps.received.append(time.perf_counter())
        on_message(self, socket, payload, recv_ns)

    def traced() -> Any:
        config = tracing()

        async def left(_session: Any, _context: Any, parameters: Any) -> None:
            if parameters.method == "POST" and parameters.url.path.endswith("/order"):
                stamps.leave()

        config.on_request_headers_sent.append(left)
        return config

    VenueFeed.on_message, once._tracing = received, traced  # type: ignore[method-assign]
    try:
        yield
    finally:
        VenueFeed.on_message, once._tracing = on_message, tracing  # type: ignore[method-assign]


async def trade(folder: Path, port: int, orders: int) -> Stamps:
    """Run the platform until so many orders left."""
    plugins = folder / "plugins"
    plugins.mkdir()
    (plugins / "alternate.py").write_text(STRATEGY, encoding="utf-8")
    flags: dict[str, Any] = {"data_dir": str(folder / "data"), "plugins_dir": str(plugins), "log.level": "ERROR"}
    flags |= {f"binance.{market}.enabled": market == "um" for market in ("spot", "um", "cm")}
    flags |= {"binance.um.rest_url": f"http://127.0.0.1:{port}", "binance.um.ws_url": f"ws://127.0.0.1:{port}/um"}
    stamps = Stamps()
    with stamped(stamps):
        async with Platform.open(
            load_settings(None, flags=flags, environ={}), roles=ROLES, clock=MarketClock(port), speed=SPEED
        ) as platform:
            await platform.load_instruments()
            await platform.pairs.register(PAIR, periods=("1m",), kinds=("kline",))
            await platform.accounts.add("main", venue="binance", market="um", mode="live")
            await platform.accounts.add_key("main", VenueSecret(key=DEFAULT_KEY, secret=DEFAULT_SECRET))
            settle_memory()  # as the command does it
            async with platform.runner.running():
                made = await platform.deployments.create(
                    name="alternate", strategy="alternate", instruments=[PAIR], period="1m", account="main", allocation="1000"
                )
                await platform.deployments.say(made.id, "start")
                async with asyncio.timeout(60 + orders * 8):
                    await stamps.enough(orders)
    return stamps


def results(plan: Plan) -> list[Result]:
    """The row."""
    orders = 20 if plan.quick else 100
    port = free_port()
    limits = {market: OrderLimits(per_10s=100_000, per_span=1_000_000) for market in ("spot", "um", "cm")}
    config = SimulatorConfig(port=port, speed=SPEED, trading=TradingConfig(order_limits=dict(limits)))
    with tempfile.TemporaryDirectory() as folder, simulator(config), asyncio.Runner(loop_factory=loop_factory()) as runner:
        took = runner.run(trade(Path(folder), port, orders)).took_ms()
    cuts = quantiles(took, n=100)
    p50, p99 = cuts[49], cuts[98]
    return [
        Result(
            what="closed kline frame received to order bytes written: decoded, decided, sized, checked, durable; one process",
            asked=f"p50 < {ASKED_P50_MS:g} ms, p99 < {ASKED_P99_MS:g} ms",
            measured=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(took)} orders",
            ok=p50 < ASKED_P50_MS and p99 < ASKED_P99_MS,
            figures={"p50_ms": p50, "p99_ms": p99, "orders": len(took)},
            note="the simulator's limits of orders are lifted for this run",
        )
    ]
