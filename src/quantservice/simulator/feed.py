"""The publisher of one market: at each tick, what happened since the last one, to whoever listens."""

from __future__ import annotations

import time
import zlib

from quantservice.core.periods import close_of
from quantservice.simulator.config import PushRates
from quantservice.simulator.exchange import Listing, MarketState
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.hub import Hub
from quantservice.simulator.markets import figures
from quantservice.simulator.markets.bars import Bar, Trades
from quantservice.simulator.markets.live import LiveSymbol
from quantservice.simulator.protocol import frames, tickers
from quantservice.simulator.protocol.streams import VENUE_PERIODS, StreamName
from quantservice.simulator.rules.referee import Access


class _Wanted:
    """The streams of one symbol that somebody listens to."""

    __slots__ = ("agg", "book", "depths", "klines", "plain", "symbol", "trade")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.klines: dict[str, tuple[StreamName, str]] = {}
        self.trade = ""
        self.agg = ""
        self.book: list[str] = []
        self.depths: list[StreamName] = []
        self.plain: list[StreamName] = []


class _DepthReader:
    """One depth stream's own record of changes since its last message."""

    __slots__ = ("asks", "bids", "last")

    def __init__(self, last: int) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.last = last


class Feed:
    """Publishes one market."""

    def __init__(self, state: MarketState, hub: Hub, rates: PushRates, faults: FaultScript) -> None:
        self._state = state
        self._market = state.market
        self._hub = hub
        self._rates = rates
        self._faults = faults
        self._version = -1
        self._wanted: dict[str, _Wanted] = {}
        self._due: dict[str, float] = {}
        self._readers: dict[str, _DepthReader] = {}
        self._shown: dict[str, tuple[int, int, int]] = {}

    def tick(self) -> None:
        """Publish everything that is due."""
        if self._hub.version != self._version:
            self._refresh()
        if self._wanted:
            now_ms = self._state.clock.now_ms()
            wall = time.monotonic()
            for wanted in self._wanted.values():
                listing = self._state.listings[wanted.symbol]
                if not listing.delisted and listing.status in ("TRADING", "PENDING_TRADING"):
                    self._symbol(wanted, listing, now_ms, wall)
        self._faults.release(self._hub)
        self._hub.flush()

    def _refresh(self) -> None:
        """Look again at who listens to what."""
        self._version = self._hub.version
        wanted: dict[str, _Wanted] = {}
        for name in self._hub.names.values():
            symbols = [name.symbol] if name.symbol else [s for s, listing in self._state.listings.items() if not listing.delisted]
            for symbol in symbols:
                listing = self._state.listings.get(symbol)
                if listing is not None:
                    self._want(wanted.setdefault(symbol, _Wanted(symbol)), name, listing)
        self._wanted = wanted
        for symbol in list(self._state.live):
            if symbol not in wanted:
                del self._state.live[symbol]
                continue
            live = self._state.live[symbol]
            for period in live.followed - {VENUE_PERIODS[name] for name in wanted[symbol].klines}:
                live.unfollow(period)
        alive = self._hub.names.keys()
        for gone in self._readers.keys() - alive:
            del self._readers[gone]

    def _want(self, wanted: _Wanted, name: StreamName, listing: Listing) -> None:
        if name.kind == "kline":
            period = VENUE_PERIODS[name.period]
            if figures.can_serve(listing.history, period):
                wanted.klines[name.period] = (name, period)
                self._state.live_of(wanted.symbol).follow(period)
        elif name.kind == "trade":
            wanted.trade = name.text
        elif name.kind == "aggTrade":
            wanted.agg = name.text
        elif name.kind == "bookTicker":
            wanted.book.append(name.text)
        elif name.kind == "depth":
            wanted.depths.append(name)
        else:
            wanted.plain.append(name)

    def _symbol(self, wanted: _Wanted, listing: Listing, now_ms: int, wall: float) -> None:
        live = self._state.live_of(wanted.symbol)
        step = live.advance(now_ms)
        needs_trades = bool(wanted.trade or wanted.agg or wanted.book or wanted.depths or live.book is not None)
        done = 0
        for period, bar, after in step.closed:
            if needs_trades:
                self._trades(wanted, listing, step.trades[done:after])
                done = after
            for name, own in wanted.klines.values():
                if own == period:
                    self._closed(name, listing, period, bar)
        if needs_trades:
            self._trades(wanted, listing, step.trades[done:])
        if live.book is not None:
            live.book.breathe()
        if wanted.klines and self._is_due(f"{wanted.symbol}@kline", self._rates.kline_ms, wall):
            for name, period in wanted.klines.values():
                self._partial(name, listing, live, period, now_ms)
        for name in wanted.depths:
            every = name.every_ms if name.every_ms >= 0 else self._rates.depth_ms
            self._depth(name, listing, now_ms, due=self._is_due(name.text, every, wall))
        if live.book is not None:
            live.book.clear()
        for name in wanted.plain:
            self._plain(name, listing, now_ms, wall)

    def _is_due(self, key: str, every_ms: int, wall: float) -> bool:
        due = self._due.get(key)
        every = every_ms / 1000
        if due is None:
            # spread the first pushes, so that a thousand streams do not speak in one tick
            self._due[key] = wall + zlib.crc32(key.encode()) % max(1, every_ms) / 1000
            return False
        if wall < due:
            return False
        self._due[key] = max(due + every, wall - every)
        return True

    def _closed(self, name: StreamName, listing: Listing, period: str, bar: Bar) -> None:
        if not self._faults.passes_closed(self._market, name.symbol, name.period, bar):
            return
        values = listing.history.exact_text(period, bar.open_time) or frames.kline_values(listing.text, bar)
        closes = close_of(period, bar.open_time)
        if self._shown.get(name.text, (0,))[0] != bar.open_time:
            # however fast the clock, a bar is seen moving before it is seen closed
            self._send(name.text, frames.kline(name.symbol, name.period, (closes - 5, bar.open_time, closes), values, closed=False))
        payload = frames.kline(name.symbol, name.period, (closes + 5, bar.open_time, closes), values, closed=True)
        access = Access("ws", "", self._market, name.symbol, name.period, bar.open_time, bar.open_time, 1)
        self._send(name.text, payload, access)

    def _partial(self, name: StreamName, listing: Listing, live: LiveSymbol, period: str, now_ms: int) -> None:
        bar = live.current(period)
        if bar is None:
            return
        shown = (bar.open_time, bar.count, bar.volume)
        if not self._rates.unchanged_klines and self._shown.get(name.text) == shown:
            return
        self._shown[name.text] = shown
        values = frames.kline_values(listing.text, bar)
        times = (now_ms, bar.open_time, close_of(period, bar.open_time))
        self._send(name.text, frames.kline(name.symbol, name.period, times, values, closed=False))

    def _trades(self, wanted: _Wanted, listing: Listing, batch: list[tuple[Trades, int]]) -> None:
        text, spec, market = listing.text, listing.spec, self._market
        live = self._state.live_of(wanted.symbol)
        book = self._state.book_of(wanted.symbol) if wanted.book or wanted.depths or live.book is not None else None
        for trades, index in batch:
            sell, quantity, time_ms = trades.sells[index], trades.quantities[index], trades.times[index]
            if book is not None and book.quote(trades.bids[index], trades.asks[index], quantity, sell=sell):
                self._book_ticker(wanted, listing, time_ms)
            fields = (trades.ids[index], text.price(trades.prices[index]), text.quantity(quantity), time_ms, sell)
            if wanted.trade:
                self._send(wanted.trade, frames.trade(market, spec.symbol, time_ms + 1, fields))
            if wanted.agg:
                self._send(wanted.agg, frames.agg_trade(market, spec.symbol, time_ms + 1, fields, trades.first_ids[index]))
            if book is not None:
                book.take(quantity, sell=sell)
                self._book_ticker(wanted, listing, time_ms)

    def _book_ticker(self, wanted: _Wanted, listing: Listing, time_ms: int) -> None:
        if not wanted.book:
            return
        book, text = self._state.book_of(wanted.symbol), listing.text
        bid, bid_size, ask, ask_size = book.top()
        top = (text.price(bid), text.quantity(bid_size), text.price(ask), text.quantity(ask_size))
        names = (listing.spec.symbol, listing.spec.pair)
        payload = frames.book_ticker(self._market, names, (time_ms + 1, time_ms), book.update_id, top)
        for stream in wanted.book:
            self._send(stream, payload)

    def _depth(self, name: StreamName, listing: Listing, now_ms: int, *, due: bool) -> None:
        book, text = self._state.book_of(name.symbol), listing.text
        reader = self._readers.get(name.text)
        if reader is None:
            # changes of this very tick came before the stream opened
            self._readers[name.text] = _DepthReader(book.update_id)
            return
        bids, asks = book.watch()
        reader.bids.update(bids)
        reader.asks.update(asks)
        if not due or book.update_id == reader.last:
            return
        write = [
            frames.levels([(text.price(price), text.quantity(size)) for price, size in sorted(side.items(), reverse=reverse)])
            for side, reverse in ((reader.bids, True), (reader.asks, False))
        ]
        ids = (reader.last + 1, book.update_id, reader.last)
        self._readers[name.text] = _DepthReader(book.update_id)
        if self._faults.drops_depth(self._market, name.symbol):
            return
        names = (listing.spec.symbol, listing.spec.pair)
        self._send(name.text, frames.depth(self._market, names, (now_ms, now_ms - 1), ids, (write[0], write[1])))

    def _plain(self, name: StreamName, listing: Listing, now_ms: int, wall: float) -> None:
        symbol = listing.spec.symbol
        every = {"markPrice": name.every_ms, "depthN": name.every_ms if name.every_ms > 0 else 250}.get(
            name.kind, self._rates.ticker_ms
        )
        if not self._is_due(f"{symbol}:{name.text}", every, wall):
            return
        if name.kind == "markPrice":
            if self._market != "spot":
                payload = frames.mark_price(self._market, symbol, now_ms, figures.mark_price(self._state, listing))
                self._send(name.text, payload if name.symbol else b"[" + payload + b"]")
        elif name.kind == "depthN":
            bids, asks = self._state.book_of(symbol).snapshot(name.levels)
            update = self._state.book_of(symbol).update_id
            self._send(name.text, tickers.partial_depth(self._market, listing, now_ms, update, (bids, asks)))
        else:
            write = tickers.ticker if name.kind == "ticker" else tickers.mini_ticker
            payload = write(self._state, listing, now_ms)
            self._send(name.text, payload if name.symbol else b"[" + payload + b"]")

    def _send(self, stream: str, payload: bytes, access: Access | None = None) -> None:
        if self._faults.touches_frames:
            for name, data, kept, opcode in self._faults.change(self._market, stream, payload, access):
                self._hub.publish(name, data, kept, opcode=opcode)
        else:
            self._hub.publish(stream, payload, access)
