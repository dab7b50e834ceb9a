"""The publisher of one market's public channels: at each tick, what happened since the last one, to whoever listens."""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec

from quantservice.core.periods import period_ms
from quantservice.simulator.exchange import Listing
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.hub import Hub
from quantservice.simulator.markets import figures
from quantservice.simulator.markets.bars import Bar, Trades
from quantservice.simulator.markets.live import LiveSymbol
from quantservice.simulator.okx import public
from quantservice.simulator.okx.config import OkxConfig
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.okx.sockets import OkxConnection, stream_name
from quantservice.simulator.protocol.streams import StreamName
from quantservice.simulator.protocol.text import frame, to_json
from quantservice.simulator.rules.referee import Access

_PLAIN: Final = {
    "tickers": public.ticker,
    "mark-price": public.mark,
    "funding-rate": public.funding,
    "open-interest": public.interest,
}
_EVERY_MS: Final = {"mark-price": 200, "funding-rate": 30_000, "open-interest": 3_000}
_DEPTH: Final = 400


class _Wanted:
    """The channels of one instrument that somebody listens to."""

    def __init__(self) -> None:
        self.klines: dict[str, tuple[StreamName, str]] = {}
        self.trades = ""
        self.books = False
        self.small: list[str] = []
        self.plain: list[StreamName] = []


class _BookLine(msgspec.Struct):
    """The one sequence of a book's changes that all its listeners hear."""

    sequence: int
    shown: int
    offset: int = 0  # taken off the numbers when the venue begins them anew
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    told: float = 0.0
    due: float = 0.0


class OkxFeed:
    """Publishes one market."""

    def __init__(self, market: OkxMarket, hub: Hub, config: OkxConfig, faults: FaultScript) -> None:
        self._market = market
        self._hub = hub
        self._config = config
        self._faults = faults
        self._version = -1
        self._wanted: dict[str, _Wanted] = {}
        self._due: dict[str, float] = {}
        self._lines: dict[str, _BookLine] = {}
        self._shown: dict[str, tuple[int, int, int]] = {}

    def tick(self) -> None:
        """Publish everything that is due."""
        if self._hub.version != self._version:
            self._refresh()
        if not self._wanted:
            return
        now_ms, wall = self._market.state.clock.now_ms(), time.monotonic()
        for inst_id, wanted in self._wanted.items():
            listing = self._market.state.listings[inst_id]
            if not listing.delisted and listing.status == "TRADING":
                self._symbol(inst_id, wanted, listing, now_ms, wall)

    def opened(self, connection: OkxConnection, arg: dict[str, str]) -> None:
        """Say what a new subscription begins with: a book's whole state, a figure as it is."""
        channel, inst_id = arg["channel"], arg.get("instId", "")
        listing = self._market.state.find(inst_id)
        if listing is None or stream_name(arg).text in connection.silent:
            return
        if channel == "books":
            self._snapshot(connection, arg, listing)
        elif channel in _PLAIN:
            self._direct(connection, {"arg": arg, "data": [_PLAIN[channel](self._market, listing)]})

    # --- who hears what --------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        self._version = self._hub.version
        wanted: dict[str, _Wanted] = {}
        state = self._market.state
        for name in self._hub.names.values():
            listing = state.listings.get(name.symbol)
            if listing is not None:
                self._want(wanted.setdefault(name.symbol, _Wanted()), name, listing)
        self._wanted = wanted
        for inst_id in list(state.live):
            if inst_id not in wanted:
                del state.live[inst_id]
                self._lines.pop(inst_id, None)
                continue
            for period in state.live[inst_id].followed - {own for _, own in wanted[inst_id].klines.values()}:
                state.live[inst_id].unfollow(period)

    def _want(self, wanted: _Wanted, name: StreamName, listing: Listing) -> None:
        channel = name.text.partition(":")[0]
        if name.kind == "kline":
            period = public.UTC_BARS.get(name.period, "")
            if period and figures.can_serve(listing.history, period):
                wanted.klines[name.period] = (name, period)
                self._market.state.live_of(name.symbol).follow(period)
        elif channel == "trades":
            wanted.trades = name.text
        elif channel == "books":
            wanted.books = True
        elif channel in ("books5", "bbo-tbt"):
            wanted.small.append(name.text)
        elif channel in _PLAIN and (self._market.swap or channel in ("tickers", "mark-price")):
            wanted.plain.append(name)

    # --- one instrument --------------------------------------------------------------------------------------------------

    def _symbol(self, inst_id: str, wanted: _Wanted, listing: Listing, now_ms: int, wall: float) -> None:
        live = self._market.state.live_of(inst_id)
        step = live.advance(now_ms)
        done = 0
        for period, bar, after in step.closed:
            self._trades(wanted, listing, step.trades[done:after])
            done = after
            for name, own in wanted.klines.values():
                if own == period:
                    self._closed(name, listing, period, bar)
        self._trades(wanted, listing, step.trades[done:])
        if live.book is not None:
            live.book.breathe()
        if wanted.klines and self._is_due(f"{inst_id}@candle", self._config.kline_ms, wall):
            for name, period in wanted.klines.values():
                self._partial(name, listing, live, period)
        if wanted.books:
            self._book(inst_id, listing, now_ms, wall)
        for text in wanted.small:
            if self._is_due(text, self._config.depth_ms, wall):
                self._small(text, listing, now_ms)
        if live.book is not None:
            live.book.clear()
        for name in wanted.plain:
            channel = name.text.partition(":")[0]
            if self._is_due(name.text, _EVERY_MS.get(channel, self._config.ticker_ms), wall):
                self._push(name.text, [_PLAIN[channel](self._market, listing)])

    def _trades(self, wanted: _Wanted, listing: Listing, batch: list[tuple[Trades, int]]) -> None:
        book = self._market.state.book_of(listing.spec.symbol) if wanted.books or wanted.small else None
        for trades, index in batch:
            if book is not None:
                sell, quantity = trades.sells[index], trades.quantities[index]
                book.quote(trades.bids[index], trades.asks[index], quantity, sell=sell)
                book.take(quantity, sell=sell)
            if wanted.trades:
                self._push(wanted.trades, [public.trade(self._market, listing, trades, index) | {"count": "1"}])

    # --- candles ---------------------------------------------------------------------------------------------------------

    def _closed(self, name: StreamName, listing: Listing, period: str, bar: Bar) -> None:
        market = self._market
        if not self._faults.passes_closed(market.fault_name, name.symbol, name.period, bar):
            return
        if self._shown.get(name.text, (0,))[0] != bar.open_time:
            # however fast the clock, a bar is seen moving before it is seen closed
            self._push(name.text, [public.candle(market, listing, bar, closed=False)])
        access = Access("ws", "", market.fault_name, name.symbol, name.period, bar.open_time, bar.open_time, 1)
        self._push(name.text, [public.candle(market, listing, bar, closed=True)], access)

    def _partial(self, name: StreamName, listing: Listing, live: LiveSymbol, period: str) -> None:
        bar = live.current(period)
        if bar is None or period_ms(period) <= 0:
            return
        self._shown[name.text] = (bar.open_time, bar.count, bar.volume)
        self._push(name.text, [public.candle(self._market, listing, bar, closed=False)])

    # --- books -----------------------------------------------------------------------------------------------------------

    def _line(self, inst_id: str) -> _BookLine:
        found = self._lines.get(inst_id)
        if found is None:
            book = self._market.state.book_of(inst_id)
            found = self._lines[inst_id] = _BookLine(book.update_id, book.update_id, bids={}, asks={}, told=time.monotonic())
        return found

    def _snapshot(self, connection: OkxConnection, arg: dict[str, str], listing: Listing) -> None:
        inst_id, market = arg["instId"], self._market
        market.state.live_of(inst_id)  # from now on the book is kept
        book, line = market.state.book_of(inst_id), self._line(inst_id)
        bids, asks = book.snapshot(_DEPTH)
        # what changed since the line's last push is in here and will come once more: setting a level twice is harmless
        data = {
            "asks": [public.level(market, listing, *row) for row in asks],
            "bids": [public.level(market, listing, *row) for row in bids],
            "ts": str(market.state.clock.server_ms()),
            "checksum": 0,
            "prevSeqId": -1,
            "seqId": line.sequence,
        }
        self._direct(connection, {"arg": arg, "action": "snapshot", "data": [data]})

    def _book(self, inst_id: str, listing: Listing, now_ms: int, wall: float) -> None:
        market, line = self._market, self._line(inst_id)
        book = market.state.book_of(inst_id)
        bids, asks = book.watch()
        line.bids.update(bids)
        line.asks.update(asks)
        if wall < line.due:
            return
        line.due = wall + self._config.depth_ms / 1_000
        changed = book.update_id != line.shown
        if not changed and wall - line.told < self._config.keep_alive_s:
            return
        if self._faults.faults and self._faults.find("sequence_reset", market.fault_name, symbol=inst_id):
            line.offset = book.update_id - 10
        before, line.sequence = line.sequence, (book.update_id - line.offset if changed else line.sequence)
        rows = {
            "asks": [public.level(market, listing, price, size) for price, size in sorted(line.asks.items())],
            "bids": [public.level(market, listing, price, size) for price, size in sorted(line.bids.items(), reverse=True)],
        }
        line.bids, line.asks, line.shown, line.told = {}, {}, book.update_id, wall
        if changed and self._faults.drops_depth(market.fault_name, inst_id):
            return
        data = rows | {"ts": str(now_ms), "checksum": 0, "prevSeqId": before, "seqId": line.sequence}
        self._push(f"books:{inst_id}", [data], action="update")

    def _small(self, text: str, listing: Listing, now_ms: int) -> None:
        channel, _, inst_id = text.partition(":")
        book = self._market.state.book_of(inst_id)
        bids, asks = book.snapshot(5 if channel == "books5" else 1)
        data: dict[str, Any] = {
            "asks": [public.level(self._market, listing, *row) for row in asks],
            "bids": [public.level(self._market, listing, *row) for row in bids],
            "ts": str(now_ms),
            "seqId": book.update_id,
        }
        self._push(text, [data | {"instId": inst_id} if channel == "books5" else data])

    # --- sending ---------------------------------------------------------------------------------------------------------

    def _is_due(self, key: str, every_ms: int, wall: float) -> bool:
        due = self._due.get(key)
        every = every_ms / 1_000
        if due is None:
            self._due[key] = wall
            return False
        if wall < due:
            return False
        self._due[key] = max(due + every, wall - every)
        return True

    def _push(self, text: str, data: list[Any], access: Access | None = None, *, action: str = "") -> None:
        channel, _, inst_id = text.partition(":")
        message: dict[str, Any] = {"arg": {"channel": channel, "instId": inst_id}}
        if action:
            message["action"] = action
        payload = to_json(message | {"data": data})
        if self._faults.touches_frames:
            for name, changed, kept, opcode in self._faults.change("okx", text, payload, access):
                self._hub.publish(name, changed, kept, opcode=opcode)
        else:
            self._hub.publish(text, payload, access)

    @staticmethod
    def _direct(connection: OkxConnection, message: dict[str, Any]) -> None:
        connection.queue(frame(to_json(message)))
        connection.flush()
