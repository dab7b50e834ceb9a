"""The moving end of one symbol's market: trades folded into bars up to the clock's now."""

from __future__ import annotations

import zlib

from quantservice.core.periods import HOUR_MS, MINUTE_MS, floor_open, next_open
from quantservice.simulator.markets.bars import Bar, History, Trades, aggregate, rows_for
from quantservice.simulator.markets.book import Book

_NO_TRADES = Trades([], [], [], [], [], [], [], [], [])


class Step:
    """What happened to one symbol between two ticks: new trades, and closed bars with the number of trades before each."""

    __slots__ = ("closed", "trades")

    def __init__(self) -> None:
        self.closed: list[tuple[str, Bar, int]] = []
        self.trades: list[tuple[Trades, int]] = []


class LiveSymbol:
    """One symbol from the moment somebody listens to it."""

    def __init__(self, history: History, *, now_ms: int) -> None:
        self.history = history
        self.spec = history.spec
        self.last_price = 0
        self.book: Book | None = None
        self._periods: dict[str, Bar | None] = {}
        self._base_ms = history.base_ms
        self._bar_open = now_ms // self._base_ms * self._base_ms
        self._bar: Bar | None = None
        self._trades = _NO_TRADES
        self._index = 0
        self._fetched_to = self._bar_open
        self._ahead: Trades | None = None
        # a thousand symbols reach the end of their blocks together; each prepares its next one at a moment of its own
        self._ahead_ms = 1_000 + zlib.crc32(self.spec.symbol.encode()) % MINUTE_MS
        self._fold_until(now_ms, Step())

    @property
    def followed(self) -> set[str]:
        """The periods whose bars are kept."""
        return set(self._periods)

    def follow(self, period: str) -> None:
        """Begin to keep the bar of ``period``."""
        if period in self._periods:
            return
        start = floor_open(period, self._bar_open)
        rows = aggregate(rows_for(self.history, period, start, self._bar_open), period)
        self._periods[period] = Bar.of(rows[-1]) if len(rows) else None

    def unfollow(self, period: str) -> None:
        """Stop keeping the bar of ``period``."""
        self._periods.pop(period, None)

    def advance(self, now_ms: int) -> Step:
        """Take in everything up to ``now_ms``."""
        step = Step()
        while self._bar_open + self._base_ms <= now_ms:
            end = self._bar_open + self._base_ms
            self._fold_until(end - 1, step)
            self._close(end, step)
        self._fold_until(now_ms, step)
        return step

    @property
    def unclosed(self) -> Bar | None:
        """The base bar as it stands, or nothing before its first trade."""
        return self._bar

    def current(self, period: str) -> Bar | None:
        """Return the bar of ``period`` as it stands, or nothing before its first trade."""
        held = self._periods.get(period)
        if self._bar is None:
            return _copy(held) if held is not None else None
        if held is None:
            bar = _copy(self._bar)
            bar.open_time = floor_open(period, self._bar_open)
            return bar
        bar = _copy(held)
        bar.fold(self._bar)
        return bar

    def _close(self, end_ms: int, step: Step) -> None:
        rows = self.history.rows(self._bar_open, end_ms)
        final = Bar.of(rows[0]) if len(rows) else None
        for period, held in self._periods.items():
            bar = held
            if final is not None:
                if bar is None:
                    bar = _copy(final)
                    bar.open_time = floor_open(period, self._bar_open)
                else:
                    bar.fold(final)
            if next_open(period, self._bar_open) == end_ms:
                if bar is not None:
                    step.closed.append((period, bar, len(step.trades)))
                bar = None
            self._periods[period] = bar
        self._bar_open, self._bar = end_ms, None

    def _fold_until(self, now_ms: int, step: Step) -> None:
        """Fold the trades with ``time <= now_ms`` into the base bar."""
        while True:
            trades, index = self._trades, self._index
            times, count = trades.times, len(trades.times)
            while index < count and times[index] <= now_ms:
                self._fold(trades, index)
                step.trades.append((trades, index))
                index += 1
            self._index = index
            if index < count or self._fetched_to > now_ms:
                self._prepare(now_ms)
                return
            end = self.history.block_end(self._fetched_to)
            self._trades = self._ahead or self.history.trades(self._fetched_to, end)
            self._ahead, self._index, self._fetched_to = None, 0, end

    def _prepare(self, now_ms: int) -> None:
        """Fetch the next block shortly before it is needed, where blocks are long."""
        if self._ahead is None and 0 < self._fetched_to - now_ms < self._ahead_ms:
            end = self.history.block_end(self._fetched_to)
            if end - self._fetched_to > HOUR_MS:
                self._ahead = self.history.trades(self._fetched_to, end)

    def _fold(self, trades: Trades, index: int) -> None:
        price, quantity, quote = trades.prices[index], trades.quantities[index], trades.quotes[index]
        number = trades.ids[index] - trades.first_ids[index] + 1
        bar = self._bar
        if bar is None:
            bar = self._bar = Bar(self._bar_open, price, price, price, price, first_id=trades.first_ids[index])
        elif price > bar.high:
            bar.high = price
        elif price < bar.low:
            bar.low = price
        bar.close = self.last_price = price
        bar.volume += quantity
        bar.quote += quote
        bar.count += number
        if not trades.sells[index]:
            bar.taker_volume += quantity
            bar.taker_quote += quote


def _copy(bar: Bar) -> Bar:
    return Bar(
        bar.open_time,
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.quote,
        bar.count,
        bar.taker_volume,
        bar.taker_quote,
        bar.first_id,
    )
