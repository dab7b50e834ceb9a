"""HTX's market sockets: ``/ws`` and ``/feed`` of spot, ``/linear-swap-ws`` of the swap: topics, and the past on request."""

from __future__ import annotations

import time
from typing import Any, Final

from quantservice.simulator.exchange import Listing
from quantservice.simulator.htx.market import PERIODS, Quotes
from quantservice.simulator.htx.public import PublicApi
from quantservice.simulator.htx.sockets import Door, Peer
from quantservice.simulator.markets.bars import Bar
from quantservice.simulator.markets.book import Book
from quantservice.simulator.markets.figures import can_serve
from quantservice.simulator.markets.live import LiveSymbol
from quantservice.simulator.protocol.text import OPCODE_TEXT, to_json
from quantservice.simulator.rules.referee import Access

_MOST_ROWS: Final = 300


class Topic:
    """One subscription: ``market.btcusdt.kline.1min`` taken apart."""

    def __init__(self, text: str, listing: Listing, kind: str, rest: str) -> None:
        self.text = text
        self.listing = listing
        self.kind = kind
        self.rest = rest
        self.due = 0.0
        self.last = 0  # of the book: the number that the last message ended at
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}


class _Symbol:
    """A symbol that somebody listens to: its own walk along the market's trades, and a book of its own."""

    def __init__(self, listing: Listing, door: MarketDoor) -> None:
        state = door.quotes.state
        now_ms = state.clock.now_ms()
        self.listing = listing
        self.live = LiveSymbol(listing.history, now_ms=now_ms)
        top = state.book_of(listing.spec.symbol).top()
        self.book = Book(listing.spec, seed=state.seed, first_update=now_ms * 1_000)
        self.book.quote(top[0], top[2], 1, sell=True)
        self.book.breathe(60)
        self.book.clear()


class MarketDoor(Door):
    """One market's public sockets."""

    def serve(self, quotes: Quotes, api: PublicApi) -> None:
        """Say what is told here."""
        self.quotes = quotes
        self.api = api
        self._symbols: dict[str, _Symbol] = {}

    # --- the door ------------------------------------------------------------------------------------------------------------

    def ping(self, number: int) -> bytes:
        """The door's ping."""
        return to_json({"ping": number})

    def take(self, peer: Peer, message: dict[str, Any]) -> None:
        """Subscribe, answer a question about the past, or take a pong."""
        if "pong" in message:
            self.ponged(peer, message["pong"])
        elif "sub" in message:
            self._subscribe(peer, str(message["sub"]), message)
        elif "unsub" in message:
            peer.topics.pop(str(message["unsub"]), None)
            peer.say(to_json({"id": message.get("id"), "status": "ok", "unsubbed": message["unsub"], "ts": self.clock.server_ms()}))
        elif "req" in message:
            self._request(peer, str(message["req"]), message)

    def left(self, peer: Peer) -> None:
        """A client is gone; symbols that nobody hears are let go."""
        heard = {topic.listing.spec.symbol for other in self.peers.values() for topic in other.topics.values()}
        for gone in self._symbols.keys() - heard:
            del self._symbols[gone]

    def _parse(self, text: str) -> Topic | None:
        parts = text.split(".")
        if len(parts) < 3 or parts[0] != "market":
            return None
        listing, kind, rest = self.quotes.find(parts[1]), parts[2], ".".join(parts[3:])
        if listing is None:
            return None
        good = {
            "kline": rest in PERIODS and can_serve(listing.history, PERIODS[rest]),
            "trade": rest == "detail",
            "depth": rest.startswith(("step", "size_")),
            "mbp": rest.removeprefix("refresh.").isdigit() and not self.quotes.swap,
            "bbo": not rest,
            "detail": not rest,
            "ticker": not rest,
        }.get(kind, False)
        return Topic(text, listing, kind, rest) if good else None

    def _subscribe(self, peer: Peer, text: str, message: dict[str, Any]) -> None:
        topic, number = self._parse(text), message.get("id")
        if topic is None:
            told = {"status": "error", "id": number, "err-code": "bad-request", "err-msg": f"invalid topic {text}"}
            peer.say(to_json(told | {"ts": self.clock.server_ms()}))
            return
        peer.say(to_json({"id": number, "status": "ok", "subbed": text, "ts": self.clock.server_ms()}))
        symbol = self._follow(topic.listing)
        if topic.kind == "kline":
            symbol.live.follow(PERIODS[topic.rest])
        topic.last = symbol.book.update_id
        peer.topics[text] = topic
        if self.faults.silences(self.market, text):
            peer.connection.silent.add(text)
        if topic.kind == "depth" and "high_freq" in topic.rest:
            self._send(peer, topic, self._changes(topic, symbol, snapshot=True))

    def _follow(self, listing: Listing) -> _Symbol:
        found = self._symbols.get(listing.spec.symbol)
        if found is None:
            found = self._symbols[listing.spec.symbol] = _Symbol(listing, self)
        return found

    def _request(self, peer: Peer, text: str, message: dict[str, Any]) -> None:
        now, topic, number = time.monotonic(), self._parse(text), message.get("id")
        if now - peer.asked_s < self.config.request_gap_s:
            self.referee.broke(f"{self.market}.requests", peer.connection.name, f"{now - peer.asked_s:.3f} s after the last")
            peer.say(to_json({"status": "error", "id": number, "err-code": "bad-request", "err-msg": "429 too many request"}))
            return
        peer.asked_s = now
        data: Any = None
        if topic is not None and topic.kind == "kline":
            end = int(message.get("to") or self.clock.now_ms() // 1_000)
            data = self.api.span(topic.listing, topic.rest, int(message.get("from") or 0), end)[:_MOST_ROWS]
        elif topic is not None and topic.kind == "mbp":
            book = self._follow(topic.listing).book
            bids, asks = book.snapshot(int(topic.rest))
            listing = topic.listing
            levels = {"bids": self.quotes.levels(listing, bids), "asks": self.quotes.levels(listing, asks)}
            data = {"seqNum": book.update_id} | levels
        elif topic is not None and topic.kind == "trade":
            data = [row for group in self.quotes.trades(topic.listing, _MOST_ROWS) for row in group["data"]]
        if data is None:
            peer.say(to_json({"status": "error", "id": number, "err-code": "bad-request", "err-msg": f"invalid topic {text}"}))
        else:
            peer.say(to_json({"id": number, "rep": text, "status": "ok", "ts": self.clock.server_ms(), "data": data}))

    # --- telling -------------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Tell everything that is due."""
        wall, now_ms = time.monotonic(), self.clock.now_ms()
        heard: dict[str, list[tuple[Peer, Topic]]] = {}
        for peer in self.peers.values():
            for topic in peer.topics.values():
                heard.setdefault(topic.listing.spec.symbol, []).append((peer, topic))
        for name, listeners in heard.items():
            symbol = self._follow(self.quotes.state.listings[name])
            if symbol.listing.status == "TRADING" and not symbol.listing.delisted:
                self._tell(symbol, listeners, now_ms, wall)

    def _tell(self, symbol: _Symbol, listeners: list[tuple[Peer, Topic]], now_ms: int, wall: float) -> None:
        step = symbol.live.advance(now_ms)
        for trades, at in step.trades:
            quantity, sells = trades.quantities[at], trades.sells[at]
            symbol.book.quote(trades.bids[at], trades.asks[at], quantity, sell=sells)
            symbol.book.take(quantity, sell=sells)
            row = self.quotes.trade(
                symbol.listing, (trades.ids[at], trades.prices[at], quantity, trades.times[at], sells), pushed=True
            )
            tick = {"id": trades.ids[at], "ts": trades.times[at], "data": [row]}
            for peer, topic in listeners:
                if topic.kind == "trade":
                    self._send(peer, topic, tick)
        symbol.book.breathe()
        bids, asks = symbol.book.watch()
        for period, bar, _after in step.closed:
            self._closed(symbol, listeners, period, bar)
        for peer, topic in listeners:
            topic.bids.update(bids)
            topic.asks.update(asks)
            if wall >= topic.due:
                every = {"kline": self.config.kline_ms, "mbp": self.config.depth_ms, "bbo": self.config.depth_ms}.get(
                    topic.kind, 1_000
                )
                fast = topic.kind == "depth" and "high_freq" in topic.rest
                topic.due = wall + (self.config.depth_ms if fast else every) / 1_000
                self._due(peer, topic, symbol)
        symbol.book.clear()

    def _closed(self, symbol: _Symbol, listeners: list[tuple[Peer, Topic]], period: str, bar: Bar) -> None:
        """The last word on a bar; nothing in it says that it is the last."""
        tick = self.quotes.kline(symbol.listing, bar)
        name = self.quotes.name(symbol.listing)
        for peer, topic in listeners:
            if topic.kind != "kline" or PERIODS[topic.rest] != period:
                continue
            if self.faults.passes_closed(self.market, name, topic.rest, bar):
                self._send(peer, topic, tick)
                access = Access("ws", peer.connection.name, self.market, name, topic.rest, bar.open_time, bar.open_time, 1)
                self.referee.served(access)

    def _due(self, peer: Peer, topic: Topic, symbol: _Symbol) -> None:
        listing, quotes = topic.listing, self.quotes
        match topic.kind:
            case "kline":
                bar = self._current(symbol, PERIODS[topic.rest])
                if bar is not None:
                    self._send(peer, topic, quotes.kline(listing, bar))
            case "mbp" if topic.rest.startswith("refresh."):
                bids, asks = symbol.book.snapshot(int(topic.rest.removeprefix("refresh.")))
                levels = {"bids": quotes.levels(listing, bids), "asks": quotes.levels(listing, asks)}
                self._send(peer, topic, {"seqNum": symbol.book.update_id} | levels)
            case "mbp":
                if symbol.book.update_id != topic.last:
                    before = topic.last
                    tick = {"seqNum": symbol.book.update_id, "prevSeqNum": before} | self._taken(topic)
                    topic.last = symbol.book.update_id
                    if not self.faults.drops_depth(self.market, quotes.name(listing)):
                        self._send(peer, topic, tick)
            case "depth" if "high_freq" in topic.rest:
                if topic.bids or topic.asks:
                    tick = self._changes(topic, symbol, snapshot=False)
                    if not self.faults.drops_depth(self.market, quotes.name(listing)):
                        self._send(peer, topic, tick)
            case "depth":
                bids, asks = symbol.book.snapshot(20)
                levels = {"bids": quotes.levels(listing, bids), "asks": quotes.levels(listing, asks)}
                self._send(peer, topic, levels | {"version": symbol.book.update_id, "ts": self.clock.now_ms()})
            case "bbo":
                self._send(peer, topic, self._best(symbol))
            case "detail" | "ticker":
                tick = quotes.ticker(listing)
                tick.pop("symbol", None)
                self._send(peer, topic, tick | {"id": self.clock.now_ms() // 1_000})

    def _current(self, symbol: _Symbol, period: str) -> Bar | None:
        if period in ("1d", "1w", "1mo"):
            rows = self.quotes.newest(symbol.listing, period, 1)
            return Bar.of(rows[-1]) if len(rows) else None
        return symbol.live.current(period)

    def _best(self, symbol: _Symbol) -> dict[str, Any]:
        bid, bid_size, ask, ask_size = symbol.book.top()
        listing, now = symbol.listing, self.clock.now_ms()
        [best_bid], [best_ask] = self.quotes.levels(listing, [(bid, bid_size)]), self.quotes.levels(listing, [(ask, ask_size)])
        number = symbol.book.update_id
        if self.quotes.swap:
            return {"mrid": number, "id": now // 1_000, "bid": best_bid, "ask": best_ask, "ts": now, "version": number}
        tick = {"seqId": number, "quoteTime": now, "symbol": self.quotes.name(listing)}
        return tick | {"bid": best_bid[0], "bidSize": best_bid[1], "ask": best_ask[0], "askSize": best_ask[1]}

    def _taken(self, topic: Topic) -> dict[str, Any]:
        """The changes since the last message; they are told once."""
        listing = topic.listing
        bids = self.quotes.levels(listing, sorted(topic.bids.items(), reverse=True))
        asks = self.quotes.levels(listing, sorted(topic.asks.items()))
        topic.bids, topic.asks = {}, {}
        return {"bids": bids, "asks": asks}

    def _changes(self, topic: Topic, symbol: _Symbol, *, snapshot: bool) -> dict[str, Any]:
        """The swap's book: whole first, then changes whose versions follow each other by one."""
        now = self.clock.now_ms()
        if snapshot:
            bids, asks = symbol.book.snapshot(150)
            levels = {"bids": self.quotes.levels(topic.listing, bids), "asks": self.quotes.levels(topic.listing, asks)}
            topic.bids, topic.asks = {}, {}
            topic.last = 1_000
        else:
            levels = self._taken(topic)
            topic.last += 1
        event = "snapshot" if snapshot else "update"
        return levels | {
            "event": event,
            "mrid": symbol.book.update_id,
            "id": symbol.book.update_id,
            "ts": now,
            "version": topic.last,
        }

    def _send(self, peer: Peer, topic: Topic, tick: dict[str, Any]) -> None:
        if topic.text in peer.connection.silent or peer.connection.muted:
            return
        message = to_json({"ch": topic.text, "ts": self.clock.server_ms(), "tick": tick})
        if not self.faults.touches_frames:
            peer.say(message)
            return
        for _name, data, _access, opcode in self.faults.change(self.market, topic.text, message, None):
            if opcode == OPCODE_TEXT:
                peer.say(data)
            else:
                peer.garbage(data)
