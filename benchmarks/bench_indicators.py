"""All templates' indicators on 1,500 symbols whose minute closes together: from the klines on the bus to the values on the bus.

    ./qs bench --only indicators

The production path: :class:`IndicatorService` over the memory bus, its states filled from (seeded) history first. The clock runs
from the publication of the closed klines, in batches as sockets bring them, until a subscriber has the last value.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
from tests.support.fakes import FakeStateStore

from benchmarks.results import Plan, Result
from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.core.events import Kline, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import MarketBatch, Message, Overflow, Topic
from quantservice.core.spans import Span
from quantservice.ports import IndicatorExtent, IndicatorValues, TradingPair
from quantservice.quant.indicators import call_of
from quantservice.quant.strategies.registry import STRATEGIES
from quantservice.services.indicators import IndicatorConfig, IndicatorService

SYMBOLS = 1_500
BARS = 600
ASKED_MS = 60.0
MINUTE = 60_000
START = 1_700_000_040_000 // MINUTE * MINUTE
BATCH = 100  # klines of one socket read
COLUMNS = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_base_volume", "taker_buy_quote_volume")


def template_calls() -> tuple[str, ...]:
    """Every indicator that a template asks for with its default parameters, once."""
    found: dict[str, None] = {}
    for entry in STRATEGIES.values():
        if entry.name == "funding_carry":  # asks for funding rates, which are no indicator of klines
            continue
        for wanted in entry.cls().indicators().values():
            found[str(call_of(wanted))] = None
    return tuple(found)


class History:
    """Seeded bars of every stream; keeps what is written by counting it."""

    def __init__(self) -> None:
        noise = np.random.default_rng(5).normal(0.0, 0.001, BARS)
        close = 100.0 * np.exp(noise.cumsum())
        self._bars: dict[str, Any] = {name: np.full(BARS, 10.0) for name in COLUMNS}
        self._bars |= {"close": close, "open": np.roll(close, 1), "high": close * 1.002, "low": close * 0.998}
        self._bars["open"][0] = close[0]
        self._bars["count"] = np.full(BARS, 5.0)
        self._bars["open_time"] = START + np.arange(BARS, dtype=np.int64) * MINUTE
        self._bars["close_time"] = self._bars["open_time"] + MINUTE - 1
        self.rows = 0

    async def read(self, stream: StreamId, span: Span) -> Any:
        """All bars."""
        del stream, span
        return self._bars

    async def indicator_extents(self, stream: StreamId) -> dict[str, IndicatorExtent]:
        """Nothing is stored yet."""
        del stream
        return {}

    async def put_indicators(self, batch: Sequence[IndicatorValues]) -> int:
        """Count the rows."""
        rows = sum(len(part.open_times) for part in batch)
        self.rows += rows
        return rows


def closing(pairs: Sequence[TradingPair], number: int) -> list[list[Kline]]:
    """The closed klines of a minute, as sockets bring them."""
    price, one = Decimal("100.5"), Decimal(10)
    klines = [
        Kline(
            stream=StreamId.kline(pair.instrument, "1m"),
            open_time=START + number * MINUTE,
            close_time=START + (number + 1) * MINUTE - 1,
            open=price,
            high=price + 1,
            low=price - 1,
            close=price + Decimal(place % 7) / 10,
            volume=one,
            quote_volume=one,
            count=5,
            taker_buy_base_volume=Decimal(4),
            taker_buy_quote_volume=Decimal(4),
        )
        for place, pair in enumerate(pairs)
    ]
    return [klines[start : start + BATCH] for start in range(0, len(klines), BATCH)]


async def measure(rounds: int, symbols: int) -> dict[str, Any]:
    """Milliseconds per minute that closed."""
    pairs = [
        TradingPair(venue="binance", market="um", symbol=f"S{number}-USDT-PERP", venue_symbol=f"S{number}USDT", periods=("1m",))
        for number in range(symbols)
    ]
    assert InstrumentId.parse(str(pairs[0].instrument)) == pairs[0].instrument
    bus, history, keys = MemoryBus(), History(), template_calls()
    config = IndicatorConfig(keys=keys, settle_s=0.01, load_after_s=0.0, write_every_s=3600.0)
    service = IndicatorService(history, FakeStateStore(pairs), bus, SystemClock(), config)  # type: ignore[arg-type]  # small stand-ins
    running = asyncio.ensure_future(service.run())
    taken_ms: list[float] = []
    async with bus.subscribe([Topic.INDICATOR], group="bench", overflow=Overflow.BLOCK, capacity=1_000_000) as inbox:
        values = aiter(inbox)
        async with asyncio.timeout(600):
            while service.stats().get("fills", 0) < symbols:  # noqa: ASYNC110 - the service tells by its figures only
                await asyncio.sleep(0.05)
        while True:
            try:
                async with asyncio.timeout(0.5):
                    await anext(values)
            except TimeoutError:
                break
        values = aiter(inbox)
        for number in range(BARS, BARS + rounds + 2):
            batches = [Message(topic=Topic.MARKET_LIVE, data=MarketBatch(part)) for part in closing(pairs, number)]
            gc.collect()
            started = time.perf_counter()
            await bus.publish(batches)
            got = 0
            while got < symbols:
                for message in await anext(values):
                    got += len(message.data.updates)
            taken_ms.append((time.perf_counter() - started) * 1e3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return {"ms": taken_ms[2:], "indicators": len(keys), "symbols": symbols, "outputs": service.stats()["updates"]}


def results(plan: Plan) -> list[Result]:
    """The row of the table."""
    report = asyncio.run(measure(plan.rounds(15), SYMBOLS))
    median = statistics.median(report["ms"])
    return [
        Result(
            what=f"all templates' indicators ({report['indicators']}) on {SYMBOLS:,} symbols that close together, to published",
            asked=f"< {ASKED_MS:g} ms",
            measured=f"{median:.1f} ms (worst {max(report['ms']):.1f} ms)",
            ok=median < ASKED_MS,
            figures=msgspec.to_builtins(report),
        )
    ]
