"""A year of minutes out of the store as arrays, beside the bare SQL; and what an append costs.

    ./qs bench --only read

The timed calls are the production ones (append with its ledger, read). The peer of the read is the same SQL sent to the same
engine without the store, its columns turned into arrays by Arrow, in turn in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

from benchmarks.results import Plan, Result
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.adapters.market_store.schema import KLINE_DECIMALS
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import MINUTE_MS
from quantservice.core.spans import Span

START_MS = 1_735_689_600_000
YEAR = 525_600
ASKED_RATIO = 1.2


def stream(name: str) -> StreamId:
    return StreamId.kline(InstrumentId("binance", "um", f"{name}-USDT-PERP"), "1m")


def bars(of: StreamId, first: int, count: int) -> list[Kline]:
    made = []
    for index in range(first, first + count):
        open_time = START_MS + index * MINUTE_MS
        price = Decimal(6_000_000 + index * 7919 % 100_000) / 100
        volume = Decimal(index * 104_729 % 10**9 + 1) / 1000
        made.append(
            Kline(
                stream=of,
                open_time=open_time,
                close_time=open_time + MINUTE_MS - 1,
                open=price,
                high=price + 5,
                low=price - 5,
                close=price + 1,
                volume=volume,
                quote_volume=volume * price,
                count=index % 5_000,
                taker_buy_base_volume=volume / 2,
                taker_buy_quote_volume=volume * price / 2,
                source=Source.REST,
            )
        )
    return made


@asynccontextmanager
async def opened() -> AsyncIterator[ClickHouseStore]:
    """A store in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = ClickHouseStore(f"chdb://{folder}/market", clock=SystemClock())
        await store.open()
        try:
            yield store
        finally:
            await store.close()


async def median(call: Callable[[], Awaitable[object]], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        await call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


async def append_rate(store: ClickHouseStore, seconds: int) -> float:
    """Klines per second of appends in the recorder's batches: 600 streams, new rows."""
    names = [stream(f"A{index}") for index in range(600)]
    made = [bar for minute in range(100 * seconds) for name in names for bar in bars(name, minute, 1)]
    started = time.perf_counter()
    for at in range(0, len(made), 5_000):
        await store.append(made[at : at + 5_000])
    return len(made) / (time.perf_counter() - started)


async def fill_year(store: ClickHouseStore, of: StreamId) -> None:
    """Append a year of minutes of one stream."""
    for first in range(0, YEAR, 43_800):
        await store.append(bars(of, first, 43_800))


async def read_times(store: ClickHouseStore, of: StreamId, rounds: int) -> tuple[float, float, float]:
    """Median seconds of our read, of the bare SQL that converts decimals, and of the bare SQL of the stored floats."""
    span = Span(START_MS, START_MS + YEAR * MINUTE_MS)
    where = (
        f"FROM `{store.database}`.kline WHERE venue = 'binance' AND market = 'um' AND symbol = '{of.instrument.symbol}' "
        f"AND period = '1m' AND open_time >= {span.start_ms} AND open_time < {span.end_ms} ORDER BY open_time"
    )
    decimals = ", ".join(f"toFloat64({name}) AS {name}_f" for name in KLINE_DECIMALS)
    bare = f"SELECT open_time, close_time, count, {decimals} {where}"
    stored = bare.replace("toFloat64(", "(").replace(") AS", "_float) AS")

    async def sql(text: str) -> None:
        table = await store.session.run(lambda: store.session.table(text))
        for column in table.columns:
            column.to_numpy()

    ours, rounded, same = [], [], []
    for _ in range(rounds):
        ours.append(await median(lambda: store.read(of, span), 1))
        rounded.append(await median(lambda: sql(bare), 1))
        same.append(await median(lambda: sql(stored), 1))
    return statistics.median(ours), statistics.median(rounded), statistics.median(same)


async def measure(plan: Plan) -> list[Result]:
    """Append, then read."""
    of = stream("READ")
    async with opened() as store:
        appended = await append_rate(store, 1 if plan.quick else 4)
        await fill_year(store, of)
        read, rounded, same = await read_times(store, of, plan.rounds(9))
    return [
        Result(
            what="525,600 klines out of the store as arrays",
            asked=f"<= {ASKED_RATIO}x the bare SQL",
            measured=f"{read * 1000:.0f} ms; append of new klines {appended:,.0f}/s",
            peer=(
                f"{read / same:.2f}x the bare SQL of the same columns ({same * 1000:.0f} ms), {read / rounded:.2f}x of toFloat64 "
                f"over the decimals ({rounded * 1000:.0f} ms, inexact)"
            ),
            ok=read / same <= ASKED_RATIO,
            figures={"read_s": read, "bare_same_s": same, "bare_tofloat_s": rounded, "append_per_s": appended},
        )
    ]


def results(plan: Plan) -> list[Result]:
    """The row of the table."""
    return asyncio.run(measure(plan))
