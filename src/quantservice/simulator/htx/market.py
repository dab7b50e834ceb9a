"""HTX's market data as values: klines by its own periods (days open at 00:00 UTC+8), tickers, books, trades."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from quantservice.core.periods import DAY_MS, HOUR_MS, MINUTE_MS, floor_open
from quantservice.simulator.exchange import Listing, MarketState
from quantservice.simulator.htx.wording import contract_code, raw, spot_name
from quantservice.simulator.markets import figures
from quantservice.simulator.markets.bars import TIME, Bar, IntTable, aggregate
from quantservice.simulator.protocol.text import decimal_writer

#: the venue's word: our period
PERIODS: Final = {
    "1min": "1m",
    "5min": "5m",
    "15min": "15m",
    "30min": "30m",
    "60min": "1h",
    "4hour": "4h",
    "1day": "1d",
    "1week": "1w",
    "1mon": "1mo",
}
_EAST: Final = frozenset({"1d", "1w", "1mo"})  # these open by the clock of UTC+8
_EIGHT_HOURS: Final = 8 * HOUR_MS
_LENGTHS: Final = {"1d": DAY_MS, "1w": 7 * DAY_MS, "1mo": 31 * DAY_MS}


class Quotes:
    """One market's data: spot, or (``swap``) the contracts with their volumes in contracts."""

    def __init__(self, state: MarketState, *, swap: bool) -> None:
        self.state = state
        self.swap = swap

    def name(self, listing: Listing) -> str:
        """The venue's name of a symbol."""
        return contract_code(listing) if self.swap else spot_name(listing)

    def find(self, name: str) -> Listing | None:
        """Return the listing of a name."""
        found = self.state.find(name.upper().replace("-", "") if self.swap else name.upper())
        good = found is not None and self.name(found).lower() == name.lower()
        return found if good else None

    def bars(self, listing: Listing, period: str, start_ms: int, end_ms: int) -> IntTable:
        """Return the bars of a period that open in ``[start_ms, end_ms)``, the current one as it stands."""
        if period not in _EAST:
            return self.state.bars(listing, period, floor_open(period, start_ms), end_ms)
        rows = self.state.bars(listing, "1h", floor_open(period, start_ms + _EIGHT_HOURS) - _EIGHT_HOURS, end_ms)
        shifted = np.array(rows)
        if len(shifted):
            shifted[:, TIME] += _EIGHT_HOURS
            shifted = aggregate(shifted, period)
            shifted[:, TIME] -= _EIGHT_HOURS
        return shifted

    def newest(self, listing: Listing, period: str, count: int) -> IntTable:
        """Return the newest bars."""
        now, length = self.state.clock.now_ms(), _length(period)
        return self.bars(listing, period, max(listing.history.first_ms, now - (count + 1) * length), now + 1)[-count:]

    def kline(self, listing: Listing, bar: Bar) -> dict[str, Any]:
        """One kline."""
        text = listing.text
        row: dict[str, Any] = {
            "id": bar.open_time // 1_000,
            "open": raw(text.price(bar.open)),
            "close": raw(text.price(bar.close)),
            "low": raw(text.price(bar.low)),
            "high": raw(text.price(bar.high)),
            "amount": raw(text.quantity(bar.volume)),
            "vol": bar.volume if self.swap else raw(text.quote(bar.quote)),
            "count": bar.count,
        }
        return row | ({"trade_turnover": raw(text.quote(bar.quote))} if self.swap else {})

    def day(self, listing: Listing) -> dict[str, Any]:
        """The last 24 hours."""
        now, history = self.state.clock.now_ms(), listing.history
        start = max((now - DAY_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS, history.first_ms)
        rows = history.rows(start, now // history.base_ms * history.base_ms)
        total = Bar(start, 1, 1, 1, 1)
        for index, row in enumerate(aggregate(rows, "1mo")):
            other = Bar.of(row)
            if index:
                total.fold(other)
            else:
                total = other
        return self.kline(listing, total)

    def ticker(self, listing: Listing) -> dict[str, Any]:
        """The last 24 hours with the best prices."""
        bid, bid_size, ask, ask_size = self.state.book_of(listing.spec.symbol).top()
        day, text = self.day(listing), listing.text
        if not self.swap:
            day.pop("id")
            sizes = {"bidSize": raw(text.quantity(bid_size)), "askSize": raw(text.quantity(ask_size))}
            return {"symbol": self.name(listing)} | day | {"bid": raw(text.price(bid)), "ask": raw(text.price(ask))} | sizes
        now = self.state.clock.now_ms()
        best = {"bid": [raw(text.price(bid)), bid_size], "ask": [raw(text.price(ask)), ask_size]}
        texts = {name: bytes(day[name]).decode() for name in ("open", "close", "low", "high", "amount", "trade_turnover")}
        more = {
            "contract_code": self.name(listing),
            "ts": now,
            "vol": str(day["vol"]),
            "count": day["count"],
            "business_type": "swap",
        }
        return {"id": now // 1_000} | best | texts | more | {"number_of": str(day["vol"])}

    def levels(self, listing: Listing, side: list[tuple[int, int]]) -> list[list[Any]]:
        """Levels as [price, size]; the swap's sizes are contracts."""
        text = listing.text
        if self.swap:
            return [[raw(text.price(price)), size] for price, size in side]
        return [[raw(text.price(price)), raw(text.quantity(size))] for price, size in side]

    def depth(self, listing: Listing, most: int) -> dict[str, Any]:
        """The book now."""
        book = self.state.book_of(listing.spec.symbol)
        bids, asks = book.snapshot(most)
        now = self.state.clock.now_ms()
        tick = {"ts": now, "version": book.update_id, "bids": self.levels(listing, bids), "asks": self.levels(listing, asks)}
        return tick | ({"mrid": book.update_id, "id": now // 1_000} if self.swap else {})

    def trade(self, listing: Listing, fields: tuple[int, int, int, int, bool], *, pushed: bool) -> dict[str, Any]:
        """One trade: id, price, quantity, time, whether the taker sold."""
        number, price, quantity, time_ms, sells = fields
        text = listing.text
        row: dict[str, Any] = {"ts": time_ms, "price": raw(text.price(price)), "direction": "sell" if sells else "buy"}
        if self.swap:
            turnover = raw(decimal_writer(listing.spec.price_decimals + listing.spec.lot_decimals)(price * quantity))
            return row | {"id": number, "amount": quantity, "quantity": raw(text.quantity(quantity)), "trade_turnover": turnover}
        # its own number is longer than any integer; the trade's is what names it
        long_id = raw(f"{number}{time_ms:013d}")
        return row | {"id": long_id, "tradeId" if pushed else "trade-id": number, "amount": raw(text.quantity(quantity))}

    def trades(self, listing: Listing, most: int) -> list[dict[str, Any]]:
        """The newest trades, newest first, each in a group of its own."""
        now, spec = self.state.clock.now_ms(), listing.spec
        reach = max(1, most // max(1, spec.minute_trades) + 2) * MINUTE_MS
        found = listing.history.trades(max(listing.history.first_ms, now - reach), now + 1)
        groups: list[dict[str, Any]] = []
        for at in range(len(found.times) - 1, max(-1, len(found.times) - 1 - most), -1):
            fields = (found.ids[at], found.prices[at], found.quantities[at], found.times[at], found.sells[at])
            groups.append({"id": found.ids[at], "ts": found.times[at], "data": [self.trade(listing, fields, pushed=False)]})
        return groups

    def funding(self, listing: Listing, start: int | None, end: int | None, most: int) -> list[dict[str, Any]]:
        """Settled funding rates, oldest first."""
        return figures.funding_rates(self.state, listing, start, end, most)


def _length(period: str) -> int:
    return _LENGTHS.get(period) or {"m": MINUTE_MS, "h": HOUR_MS}[period[-1]] * int(period[:-1])
