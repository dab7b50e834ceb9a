"""A small scripted venue for transport tests: REST and WebSocket in the venue's manner, every misbehaviour at a call."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.core.events import FeedStatus, Kline, StreamId
from quantservice.core.instruments import InstrumentId

MINUTE_MS = 60_000


class FastClock:
    """Real time, ``speed`` times as fast: a minute's window passes in a second."""

    def __init__(self, speed: float = 50.0) -> None:
        self.speed = speed
        self._start_ns = time.time_ns()
        self._start = time.monotonic()

    def now_ns(self) -> int:
        return self._start_ns + int((time.monotonic() - self._start) * self.speed * 1e9)

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000

    def monotonic(self) -> float:
        return (time.monotonic() - self._start) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


async def until(condition: Callable[[], Any], *, timeout_s: float = 10.0, what: str = "") -> None:
    """Poll a condition; fail with ``what`` when it does not come true."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110  the condition lies in someone else's state
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"did not happen in {timeout_s} s: {what or condition}") from None


def um_stream(symbol: str, period: str = "1m") -> StreamId:
    return StreamId.kline(InstrumentId("binance", "um", f"{symbol}-USDT-PERP"), period)


def kline_frame(symbol: str, open_ms: int, *, closed: bool, event_ms: int | None = None, close: str = "10.5") -> str:
    """A um kline frame as the venue sends it."""
    return json.dumps(
        {
            "stream": f"{symbol.lower()}@kline_1m",
            "data": {
                "e": "kline",
                "E": event_ms if event_ms is not None else open_ms + (MINUTE_MS if closed else 30_000),
                "s": symbol,
                "k": {
                    "t": open_ms, "T": open_ms + MINUTE_MS - 1, "s": symbol, "i": "1m", "f": 1, "L": 2, "o": "10.0", "c": close,
                    "h": "11.0", "l": "9.0", "v": "5.0", "n": 2, "x": closed, "q": "50.0", "V": "2.0", "Q": "20.0", "B": "0",
                },
            },
        },
        separators=(",", ":"),
    )  # fmt: skip


def trade_frame(symbol: str, trade_id: int, time_ms: int) -> str:
    """A um aggTrade frame as the venue sends it."""
    data = {
        "e": "aggTrade", "E": time_ms, "s": symbol, "a": trade_id, "p": "10.0", "q": "1.0", "f": trade_id, "l": trade_id,
        "T": time_ms, "m": True,
    }  # fmt: skip
    return json.dumps({"stream": f"{symbol.lower()}@aggTrade", "data": data}, separators=(",", ":"))


def depth_frame(symbol: str, first: int, last: int, previous: int, bids: list[list[str]], asks: list[list[str]]) -> str:
    """A um depth frame as the venue sends it."""
    data = {"e": "depthUpdate", "E": 1, "T": 1, "s": symbol, "U": first, "u": last, "pu": previous, "b": bids, "a": asks}
    return json.dumps({"stream": f"{symbol.lower()}@depth@100ms", "data": data}, separators=(",", ":"))


@dataclass
class Peer:
    """One client connection as the venue sees it."""

    socket: web.WebSocketResponse
    path: str
    names: set[str] = field(default_factory=set)
    messages: list[tuple[float, str]] = field(default_factory=list)
    answers: bool = True


class FakeVenue:
    """A um market on loopback. Set its fields to misbehave."""

    def __init__(self, symbols: tuple[str, ...] = ("AAA", "BBB", "CCC")) -> None:
        self.symbols = symbols
        self.weight_limit = 2400
        self.peers: list[Peer] = []
        self.connects: list[float] = []
        self.requests: list[tuple[float, str, dict[str, str]]] = []
        self.counts: Counter[str] = Counter()
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
        self.refuse_ws: Callable[[], web.Response | None] = lambda: None
        self.ignore_names: set[str] = set()  # silently not subscribed the first time
        self.first_open_ms = 0
        self.depth: dict[str, Any] = {"lastUpdateId": 100, "E": 1, "T": 1, "bids": [["9", "1"]], "asks": [["11", "1"]]}
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_get("/{route}/stream", self._stream)
        app.router.add_get("/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        assert self._runner.addresses
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for peer in list(self.peers):
            await peer.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def endpoints(self) -> BinanceEndpoints:
        return BinanceEndpoints().with_urls("um", rest_url=f"http://127.0.0.1:{self.port}", ws_url=f"ws://127.0.0.1:{self.port}")

    @property
    def open_peers(self) -> list[Peer]:
        return [peer for peer in self.peers if not peer.socket.closed]

    def names(self) -> set[str]:
        return {name for peer in self.open_peers for name in peer.names}

    async def push(self, frame: str, *, peer: Peer | None = None) -> int:
        """Send a frame to whoever subscribed its stream (or to one peer)."""
        name = json.loads(frame)["stream"] if frame.startswith('{"stream"') else ""
        targets = [peer] if peer is not None else [item for item in self.open_peers if name in item.names]
        for target in targets:
            await target.socket.send_str(frame)
        return len(targets)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.connects.append(time.monotonic())
        refused = self.refuse_ws()
        if refused is not None:
            return refused
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        peer = Peer(socket, request.path)
        self.peers.append(peer)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            peer.messages.append((time.monotonic(), message.data))
            if peer.answers:
                await self._request(peer, json.loads(message.data))
        return socket

    async def _request(self, peer: Peer, body: dict[str, Any]) -> None:
        names = set(body["params"])
        if body["method"] == "SUBSCRIBE":
            peer.names |= names - self.ignore_names
            self.ignore_names -= names
        else:
            peer.names -= names
        await peer.socket.send_json({"result": None, "id": body["id"]})

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((time.time(), request.path, dict(request.query)))
        self.counts[request.path.rsplit("/", 1)[-1]] += 1
        if self.answer is not None:
            special = await self.answer(request)
            if special is not None:
                return special
        name = request.path.rsplit("/", 1)[-1]
        makers: dict[str, Callable[[web.Request], Any]] = {
            "time": self._time,
            "exchangeInfo": self._info,
            "klines": self._klines,
            "depth": lambda _: self.depth,
        }
        make = makers.get(name)
        if make is None:
            return web.Response(status=404, text="<html>not found</html>")
        return web.json_response(make(request), headers={"X-MBX-USED-WEIGHT-1M": "1"})

    def _time(self, request: web.Request) -> Any:
        return {"serverTime": time.time_ns() // 1_000_000}

    def _info(self, request: web.Request) -> Any:
        limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.weight_limit}]
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01", "minPrice": "0.01", "maxPrice": "100000"},
            {"filterType": "LOT_SIZE", "stepSize": "0.1", "minQty": "0.1", "maxQty": "10000"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ]
        symbols = [
            {
                "symbol": f"{name}USDT", "pair": f"{name}USDT", "contractType": "PERPETUAL", "status": "TRADING",
                "baseAsset": name, "quoteAsset": "USDT", "marginAsset": "USDT", "onboardDate": 0,
                "deliveryDate": 4133404800000, "filters": filters,
            }
            for name in self.symbols
        ]  # fmt: skip
        return {"timezone": "UTC", "serverTime": 1, "rateLimits": limits, "symbols": symbols}

    def _klines(self, request: web.Request) -> Any:
        query = request.query
        start = max(int(query.get("startTime", "0")), self.first_open_ms)
        end = min(int(query.get("endTime", str(1 << 62))), time.time_ns() // 1_000_000)
        first = -(-start // MINUTE_MS) * MINUTE_MS
        opens = range(first, end + 1, MINUTE_MS)[: int(query.get("limit", "500"))]
        return [[t, "10.0", "11.0", "9.0", "10.5", "5.0", t + MINUTE_MS - 1, "50.0", 2, "2.0", "20.0", "0"] for t in opens]


@asynccontextmanager
async def fake_venue(**options: Any) -> AsyncIterator[FakeVenue]:
    """Run a :class:`FakeVenue` for the length of the block."""
    venue = FakeVenue(**options)
    await venue.start()
    try:
        yield venue
    finally:
        await venue.stop()


class Collected:
    """Drains a feed in the background and keeps what it said."""

    def __init__(self, feed: Any) -> None:
        self.events: list[Any] = []
        self.statuses: list[FeedStatus] = []
        self.batches = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self._feed = feed
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Collected:
        self._task = asyncio.create_task(self._drain())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def klines(self, *, closed: bool | None = None) -> list[Kline]:
        return [item for item in self.events if isinstance(item, Kline) and closed in (None, item.closed)]

    def states(self, connection: str | None = None) -> list[str]:
        return [item.state for item in self.statuses if connection in (None, item.connection)]

    async def _drain(self) -> None:
        async for batch in self._feed.events():
            self.batches += 1
            for item in batch:
                (self.statuses if isinstance(item, FeedStatus) else self.events).append(item)
            await self.hold.wait()
