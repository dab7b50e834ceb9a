"""The market store: appends, a year of minutes as arrays beside the bare SQL, gap scans.

One command: python benchmarks/bench_store.py.

The timed calls are the production ones (append with its ledger, read, missing). The peer of each read is the same SQL
sent to the same engine without the store, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.adapters.market_store.schema import KLINE_DECIMALS
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import DAY_MS, MINUTE_MS
from quantservice.core.spans import Span

START_MS = 1_735_689_600_000
YEAR = 525_600


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


async def median(call: Callable[[], Awaitable[object]], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        await call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


async def bench_append(store: ClickHouseStore, seconds: int) -> None:
    names = [stream(f"A{index}") for index in range(600)]
    made = [bar for minute in range(100 * seconds) for name in names for bar in bars(name, minute, 1)]
    started = time.perf_counter()
    for at in range(0, len(made), 5_000):
        await store.append(made[at : at + 5_000])
    taken = time.perf_counter() - started
    print(f"append of new klines, 600 streams, batches of 5,000: {len(made) / taken:>12,.0f} klines/s")


async def bench_read(store: ClickHouseStore, rounds: int) -> None:
    of = stream("READ")
    for first in range(0, YEAR, 43_800):
        await store.append(bars(of, first, 43_800))
    span = Span(START_MS, START_MS + YEAR * MINUTE_MS)
    where = (
        f"FROM `{store.database}`.kline WHERE venue = 'binance' AND market = 'um' AND symbol = 'READ-USDT-PERP' "
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
    read, peer, twin = map(statistics.median, (ours, rounded, same))
    print(
        f"525,600 klines as arrays: store {read * 1000:.0f} ms; bare SQL toFloat64 {peer * 1000:.0f} ms ({read / peer:.2f}x, "
        f"its floats are inexact); bare SQL of the same columns {twin * 1000:.0f} ms ({read / twin:.2f}x)"
    )
    rows = await median(lambda: store.read_rows(of, span, limit=100_000), 3)
    print(f"100,000 klines as exact rows: {rows * 1000:.0f} ms")


async def bench_gaps(store: ClickHouseStore, streams: int, rounds: int) -> None:
    """Rows for the scan are made by the engine itself: only the scan is timed."""
    columns = (
        "venue, market, symbol, period, open_time, close_time, open, high, low, close, volume, quote_volume, count, "
        "taker_buy_base_volume, taker_buy_quote_volume, source, revision, first_seen_ns, synthetic"
    )
    ones = ", ".join(["1"] * 6)
    sql = (
        f"INSERT INTO `{store.database}`.kline ({columns}) SELECT 'binance', 'spot', concat('G', toString(intDiv(number, 1440))), "
        f"'1m', {START_MS} + number % 1440 * 60000, 0, {ones}, 1, 1, 1, 'rest', 0, 1, false FROM numbers({streams * 1440})"
    )
    await store.session.run(lambda: store.session.command(sql))
    names = [StreamId.kline(InstrumentId("binance", "spot", f"G{index}"), "1m") for index in range(streams)]
    day = Span(START_MS, START_MS + DAY_MS)
    taken = await median(lambda: store.missing([(name, day) for name in names]), rounds)
    rate = streams * 1440 / taken
    print(f"re-scan of the last day of {streams:,} streams: {taken * 1000:.0f} ms ({rate / 1e6:.1f} M rows/s)")
    one = stream("READ")
    year = Span(START_MS, START_MS + YEAR * MINUTE_MS)
    taken = await median(lambda: store.missing([(one, year)]), rounds)
    print(f"gap scan of one year of minutes: {taken * 1000:.1f} ms ({YEAR / taken / 1e6:.1f} M rows/s)")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="seconds' worth of 60,000 klines to append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=1_500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = ClickHouseStore(f"chdb://{folder}/market", clock=SystemClock())
        started = time.perf_counter()
        await store.open()
        print(f"open: {time.perf_counter() - started:.2f} s")
        try:
            await bench_append(store, given.seconds)
            await bench_read(store, given.rounds)
            await bench_gaps(store, given.streams, given.rounds)
        finally:
            await store.close()


if __name__ == "__main__":
    asyncio.run(main())
