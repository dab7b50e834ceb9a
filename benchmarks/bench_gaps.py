"""Gap scans: a year of minutes, and the last day of 1,500 streams; beside the textbook's window function.

    ./qs bench --only gaps

The timed call is the production one, ``MarketStore.missing``. The peer finds the holes with ``lagInFrame`` over the same rows
in the same engine. Rows come from the engine itself: only scans are timed. Some rows are left out, and both must find them.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from benchmarks.bench_store import START_MS, opened
from benchmarks.results import Plan, Result
from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.core.events import StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import DAY_MS, MINUTE_MS
from quantservice.core.spans import Span

STREAMS = 1_500
YEARS = 4
ASKED_ROWS_PER_S = 10_000_000
ASKED_RESCAN_S = 0.2
_DAY = DAY_MS // MINUTE_MS
_LEFT_OUT = 100_003  # every so many rows one is missing
_COLUMNS = (
    "venue, market, symbol, period, open_time, close_time, open, high, low, close, volume, quote_volume, count, "
    "taker_buy_base_volume, taker_buy_quote_volume, source, revision, first_seen_ns, synthetic"
)


async def fill(store: ClickHouseStore, symbol: str, market: str, rows: int, per_symbol: int) -> None:
    """Make rows of ones inside the engine, without every ``_LEFT_OUT``-th."""
    ones = ", ".join(["1"] * 6)
    sql = (
        f"INSERT INTO `{store.database}`.kline ({_COLUMNS}) SELECT 'binance', '{market}', "
        f"concat('{symbol}', toString(intDiv(number, {per_symbol}))), '1m', {START_MS} + number % {per_symbol} * {MINUTE_MS}, 0, "
        f"{ones}, 1, 1, 1, 'rest', 0, 1, false FROM numbers({rows}) WHERE number % {_LEFT_OUT} != 50000"
    )
    await store.session.run(lambda: store.session.command(sql))


async def measure(plan: Plan) -> list[Result]:
    """Fill, then scan in turns."""
    day = Span(START_MS, START_MS + DAY_MS)
    rows = YEARS * 525_600
    long = Span(START_MS, START_MS + rows * MINUTE_MS)
    names = [(StreamId.kline(InstrumentId("binance", "spot", f"G{index}"), "1m"), day) for index in range(STREAMS)]
    one = StreamId.kline(InstrumentId("binance", "um", "Y0"), "1m")
    times: dict[str, list[float]] = {"rescan": [], "scan": [], "scan_cpu": [], "peer": []}
    async with opened() as store:
        await fill(store, "G", "spot", STREAMS * _DAY, _DAY)
        await fill(store, "Y", "um", rows, rows)
        lag = (
            f"SELECT previous, open_time FROM (SELECT open_time, lagInFrame(open_time, 1, open_time - {MINUTE_MS}) OVER "
            f"(ORDER BY open_time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous FROM `{store.database}`.kline "
            f"WHERE venue = 'binance' AND market = 'um' AND symbol = 'Y0' AND period = '1m' AND open_time >= {long.start_ms} "
            f"AND open_time < {long.end_ms}) WHERE open_time != previous + {MINUTE_MS}"
        )
        for _ in range(plan.rounds(9)):
            began = time.perf_counter()
            found = await store.missing(names)
            times["rescan"].append(time.perf_counter() - began)
            began, used = time.perf_counter(), time.process_time()
            holes = await store.missing([(one, long)])
            times["scan"].append(time.perf_counter() - began)
            times["scan_cpu"].append(time.process_time() - used)
            began = time.perf_counter()
            theirs = await store.session.run(lambda: store.session.rows(lag))
            times["peer"].append(time.perf_counter() - began)
            assert len(holes[one]) == len(theirs) == _left_out(rows), (len(holes[one]), len(theirs))
            assert sum(map(len, found.values())) == _left_out(STREAMS * _DAY)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    rate = rows / medians["scan"]
    return [
        Result(
            what=f"gap scan of {rows:,} rows",
            asked=f">= {ASKED_ROWS_PER_S / 1e6:.0f} M rows/s",
            measured=f"{rate / 1e6:.0f} M rows/s ({medians['scan'] * 1000:.0f} ms, processor {medians['scan_cpu'] * 1000:.0f} ms)",
            peer=f"{medians['peer'] / medians['scan']:.1f}x the window function ({rows / medians['peer'] / 1e6:.0f} M rows/s)",
            ok=rate >= ASKED_ROWS_PER_S,
            figures=medians,
        ),
        Result(
            what=f"re-scan of the last day of {STREAMS:,} streams",
            asked=f"< {ASKED_RESCAN_S * 1000:.0f} ms",
            measured=f"{medians['rescan'] * 1000:.0f} ms ({STREAMS * _DAY / medians['rescan'] / 1e6:.0f} M rows/s)",
            ok=medians["rescan"] < ASKED_RESCAN_S,
            figures=medians,
        ),
    ]


def _left_out(rows: int) -> int:
    return (rows - 50_000 + _LEFT_OUT - 1) // _LEFT_OUT


def results(plan: Plan) -> list[Result]:
    """The rows of the table."""
    return asyncio.run(measure(plan))
