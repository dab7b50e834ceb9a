"""Generated markets: any minute of any symbol from the seed alone, without walking there.

Time is cut into blocks of four hours. The log price at block borders is a Brownian motion built by midpoint
displacement, so that any border is found in some sixteen steps from the seed; inside a block the trades run along a
bridge between its two borders with clustered volatility. Bars are the aggregation of those trades, in whole numbers.
Every block has the same number of trades, so trade ids are consecutive over the whole history.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.core.periods import DAY_MS, HOUR_MS, MINUTE_MS
from quantservice.simulator.config import MarketName, SymbolSpec
from quantservice.simulator.markets.bars import CLOSE, COLUMNS, IntTable, Trades, aggregate

BLOCK_MINUTES: Final = 240
BLOCK_MS: Final = BLOCK_MINUTES * MINUTE_MS
_LEVELS: Final = 17  # 2**17 blocks of four hours: some sixty years from the epoch
_ANCHOR_BLOCK: Final = 1_767_225_600_000 // BLOCK_MS  # 2026-01-01: where prices are at their typical level
_SQUASH: Final = 0.6  # the log price stays within this of its level, however far one looks
_CM_QUOTE_SCALE: Final = 10**8
_FloatArray = npt.NDArray[np.float64]


class _Block(msgspec.Struct, frozen=True):
    rows: IntTable
    times: IntTable
    prices: IntTable
    quantities: IntTable
    quotes: IntTable
    sells: npt.NDArray[np.bool_]
    bids: IntTable


class GeneratedHistory:
    """One symbol's whole past and future, a pure function of (seed, market, symbol)."""

    base_ms = MINUTE_MS

    def __init__(self, spec: SymbolSpec, market: MarketName, *, seed: int, first_ms: int, cached_blocks: int = 24) -> None:
        self.spec = spec
        self.market = market
        self.first_ms = -(-first_ms // MINUTE_MS) * MINUTE_MS
        self.end_ms: int | None = None
        self._key = hashlib.blake2b(f"{seed}:{market}:{spec.symbol}".encode(), digest_size=8).digest()
        # one asset moves as one: the border path is seeded by the base alone, so spot, um and cm go together
        self._asset_key = hashlib.blake2b(f"{seed}:{spec.base}".encode(), digest_size=8).digest()
        self._rows: OrderedDict[int, IntTable] = OrderedDict()
        self._hours: dict[int, IntTable] = {}
        self._last: OrderedDict[int, _Block] = OrderedDict()
        self._cached_blocks = cached_blocks
        self._anchor = self._walk(_ANCHOR_BLOCK)
        self._per_block = spec.minute_trades * BLOCK_MINUTES
        self._spread_ticks = max(1, round(spec.level * 0.000002 * 10**spec.price_decimals / spec.tick))

    def rows(self, start_ms: int, end_ms: int) -> IntTable:
        """Return the minute bars that open in ``[start_ms, end_ms)``."""
        start = max(-(-start_ms // MINUTE_MS) * MINUTE_MS, self.first_ms)
        end = -(-end_ms // MINUTE_MS) * MINUTE_MS
        if start >= end:
            return np.empty((0, COLUMNS), dtype=np.int64)
        first, last = start // BLOCK_MS, (end - 1) // BLOCK_MS
        table = np.concatenate([self._block_rows(block) for block in range(first, last + 1)])
        offset = (start - first * BLOCK_MS) // MINUTE_MS
        return table[offset : offset + (end - start) // MINUTE_MS]

    def coarse_rows(self, start_ms: int, end_ms: int) -> IntTable:
        """Return the hour bars of a span between full hours; hours are small enough to be kept for good."""
        start = max(start_ms, -(-self.first_ms // HOUR_MS) * HOUR_MS)
        # the hour the symbol was listed in may be incomplete and so is made of minutes
        head = self.rows(start_ms, min(start, end_ms))
        if start >= end_ms:
            return head
        first, last = start // BLOCK_MS, (end_ms - 1) // BLOCK_MS
        table = np.concatenate([self._hours_of(block) for block in range(first, last + 1)])
        offset = (start - first * BLOCK_MS) // HOUR_MS
        return np.concatenate([head, table[offset : offset + (end_ms - start) // HOUR_MS]])

    async def warm(self, start_ms: int, end_ms: int) -> None:
        """Make the hours of a long span, letting others run in between."""
        for block in range(max(start_ms, self.first_ms) // BLOCK_MS, (end_ms - 1) // BLOCK_MS + 1):
            if block not in self._hours:
                self._hours_of(block)
                await asyncio.sleep(0)

    def _hours_of(self, block: int) -> IntTable:
        hours = self._hours.get(block)
        if hours is None:
            hours = self._hours[block] = aggregate(self._block_rows(block), "1h")
        return hours

    def price_before(self, time_ms: int) -> int:
        """Return the mid price at a block's border, which needs no trades made; else the close of the minute before."""
        if time_ms <= self.first_ms:
            return 0
        if time_ms % BLOCK_MS:
            return int(self.rows(time_ms - MINUTE_MS, time_ms)[-1][CLOSE])
        mid = self.spec.level * math.exp(self._border(time_ms // BLOCK_MS))
        unit: float = 10**self.spec.price_decimals / self.spec.tick
        return max(1, round(mid * unit)) * self.spec.tick

    def trades(self, start_ms: int, end_ms: int) -> Trades:
        """Return the trades with ``start_ms <= time < end_ms``; one block at most is kept ready."""
        found = [self._trades_of(block, start_ms, end_ms) for block in range(start_ms // BLOCK_MS, (end_ms - 1) // BLOCK_MS + 1)]
        if len(found) == 1:
            return found[0]
        columns = ([value for part in found for value in getattr(part, name)] for name in Trades.__struct_fields__)
        return Trades(*columns)

    def block_end(self, time_ms: int) -> int:
        """Return the end of the block that contains ``time_ms``."""
        return (time_ms // BLOCK_MS + 1) * BLOCK_MS

    def exact_text(self, period: str, open_ms: int) -> tuple[str, ...] | None:
        """Return nothing: a generated bar has no text of its own."""
        return None

    def _trades_of(self, block: int, start_ms: int, end_ms: int) -> Trades:
        made = self._last.get(block)
        if made is None:
            made = self._make(block)
            self._remember(block, made.rows)
            self._last[block] = made
            while len(self._last) > 1:
                self._last.popitem(last=False)
        low = int(np.searchsorted(made.times, max(start_ms, self.first_ms)))
        high = int(np.searchsorted(made.times, end_ms))
        base = block * self._per_block
        ids = list(range(base + low, base + high))
        bids = made.bids[low:high]
        return Trades(
            times=made.times[low:high].tolist(),
            prices=made.prices[low:high].tolist(),
            quantities=made.quantities[low:high].tolist(),
            quotes=made.quotes[low:high].tolist(),
            sells=made.sells[low:high].tolist(),
            ids=ids,
            first_ids=ids,
            bids=bids.tolist(),
            asks=(bids + self._spread_ticks * self.spec.tick).tolist(),
        )

    def _block_rows(self, block: int) -> IntTable:
        rows = self._rows.get(block)
        if rows is None:
            rows = self._make(block).rows
            self._remember(block, rows)
        return rows

    def _remember(self, block: int, rows: IntTable) -> None:
        self._rows[block] = rows
        while len(self._rows) > self._cached_blocks:
            self._rows.popitem(last=False)

    def _make(self, block: int) -> _Block:
        spec = self.spec
        generator = np.random.Generator(
            np.random.SFC64(int.from_bytes(self._key, "big") ^ (block * 0x9E3779B97F4A7C15 & (2**64 - 1)))
        )
        volatility = self._volatility(block, generator)
        counts = self._counts(block, volatility, generator)
        starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        minute_of = np.repeat(np.arange(BLOCK_MINUTES), counts)
        mid = self._path(block, volatility, counts, minute_of, generator)
        unit = 10**spec.price_decimals / spec.tick
        bid_ticks = np.maximum(np.floor(mid * unit - self._spread_ticks / 2).astype(np.int64), 1)
        sells = generator.random(len(mid)) < 0.5
        bids = bid_ticks * spec.tick
        prices = np.where(sells, bids, bids + self._spread_ticks * spec.tick)
        mean = spec.minute_volume / spec.minute_trades * 10**spec.lot_decimals
        sizes = generator.exponential(1.0, len(mid)) * (mean * volatility[minute_of])
        quantities = np.maximum(sizes.astype(np.int64), 1)
        times = block * BLOCK_MS + self._times(minute_of, len(mid), generator)
        quotes = self._quotes(prices, quantities)
        rows = self._aggregate(block, starts, counts, prices, quantities, quotes, sells)
        return _Block(rows, times, prices, quantities, quotes, sells, bids)

    def _aggregate(
        self,
        block: int,
        starts: IntTable,
        counts: IntTable,
        prices: IntTable,
        quantities: IntTable,
        quotes: IntTable,
        sells: npt.NDArray[np.bool_],
    ) -> IntTable:
        bought = np.where(sells, 0, quantities)
        bought_quote = np.where(sells, 0, quotes)
        columns = (
            block * BLOCK_MS + np.arange(BLOCK_MINUTES, dtype=np.int64) * MINUTE_MS,
            prices[starts],
            np.maximum.reduceat(prices, starts),
            np.minimum.reduceat(prices, starts),
            prices[starts + counts - 1],
            np.add.reduceat(quantities, starts),
            np.add.reduceat(quotes, starts),
            counts,
            np.add.reduceat(bought, starts),
            np.add.reduceat(bought_quote, starts),
            block * self._per_block + starts,
        )
        table = np.empty((BLOCK_MINUTES, COLUMNS), dtype=np.int64)
        for index, column in enumerate(columns):
            table[:, index] = column
        return table

    def _quotes(self, prices: IntTable, quantities: IntTable) -> IntTable:
        if self.market != "cm":
            return prices * quantities
        scale = self.spec.contract_size * _CM_QUOTE_SCALE * 10**self.spec.price_decimals
        quotes: IntTable = quantities * scale // prices
        return quotes

    def _volatility(self, block: int, generator: np.random.Generator) -> _FloatArray:
        """Return the relative volatility of each minute: a slow part between borders, a clustered part inside."""
        here, there = self._normal(block, 1), self._normal(block + 1, 1)
        slow = np.linspace(here, there, BLOCK_MINUTES) * 0.35
        noise = generator.standard_normal(BLOCK_MINUTES)
        weights = 0.93 ** np.arange(40)
        clustered = np.convolve(noise, weights)[:BLOCK_MINUTES] * 0.12
        return np.clip(np.exp(slow + clustered), 0.15, 6.0)

    def _counts(self, block: int, volatility: _FloatArray, generator: np.random.Generator) -> IntTable:
        """Share the block's trades over its minutes: at least one each, more when it is busy."""
        minute = (block * BLOCK_MINUTES + np.arange(BLOCK_MINUTES)) % 1440
        shape = 1.0 + 0.45 * np.sin((minute - 480) / 1440 * 2 * math.pi) + 0.5 * np.exp(-(((minute - 870) / 90.0) ** 2))
        busy = volatility * shape * (0.6 + 0.8 * generator.random(BLOCK_MINUTES))
        spare = self._per_block - BLOCK_MINUTES
        borders = np.rint(np.cumsum(busy) / busy.sum() * spare).astype(np.int64)
        counts: IntTable = 1 + np.diff(borders, prepend=0)
        return counts

    def _path(
        self,
        block: int,
        volatility: _FloatArray,
        counts: IntTable,
        minute_of: IntTable,
        generator: np.random.Generator,
    ) -> _FloatArray:
        """Return the mid price at each trade: a bridge between the block's two border prices."""
        deviation = self.spec.daily_volatility * math.sqrt(1 / 1440) * 0.8
        scale = (volatility * deviation / np.sqrt(counts))[minute_of]
        steps = generator.standard_t(5, len(minute_of)) * scale
        walk = np.cumsum(steps)
        share = np.arange(1, len(walk) + 1) / len(walk)
        start, end = self._border(block), self._border(block + 1)
        bridge = start + (walk - share * walk[-1]) + share * (end - start)
        prices: _FloatArray = self.spec.level * np.exp(bridge)
        return prices

    def _times(self, minute_of: IntTable, count: int, generator: np.random.Generator) -> IntTable:
        """Return the trades' times inside the block, in order; none on a minute's very last 50 ms."""
        offsets = np.sort(minute_of + generator.random(count) * 0.999)
        whole = np.floor(offsets)
        times: IntTable = (whole * MINUTE_MS + np.floor((offsets - whole) * MINUTE_MS)).astype(np.int64)
        return times

    def _border(self, block: int) -> float:
        step = self.spec.daily_volatility * math.sqrt(BLOCK_MS / DAY_MS)
        value = (self._walk(block) - self._anchor) * step
        return _SQUASH * math.tanh(value / _SQUASH)

    def _walk(self, block: int) -> float:
        """Return a standard Brownian motion at ``block`` by midpoint displacement."""
        low, high = 0, 1 << _LEVELS
        at_low, at_high = 0.0, self._normal(high, 0) * math.sqrt(high)
        while True:
            if block == low:
                return at_low
            middle = (low + high) // 2
            at_middle = (at_low + at_high) / 2 + self._normal(middle, 0) * math.sqrt((high - low) / 4)
            if block == middle:
                return at_middle
            if block < middle:
                high, at_high = middle, at_middle
            else:
                low, at_low = middle, at_middle

    def _normal(self, index: int, channel: int) -> float:
        """Return a standard normal number that depends on the seed, the asset and the index alone."""
        digest = hashlib.blake2b(
            index.to_bytes(8, "big", signed=True) + bytes([channel]), key=self._asset_key, digest_size=16
        ).digest()
        first = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 1)
        second = int.from_bytes(digest[8:], "big") / 2**64
        return math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)
