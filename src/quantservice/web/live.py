"""The page's WebSocket: topics, sequence numbers, resume after a cut, and a bounded queue per client.

Changes are gathered for a tenth of a second and each message is encoded once for all. An open kline replaces the one of the
same stream that still waits (conflation); what a slow client cannot take is dropped from its oldest end and counted; nobody
waits for it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psutil
from starlette.websockets import WebSocket, WebSocketDisconnect

from quantservice.core.errors import EnvironmentFault, InvalidValue, UnknownName, UserError
from quantservice.core.events import FeedStatus, Kline, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.messages import JobChange, SystemEvent
from quantservice.web import figures
from quantservice.web.context import WebContext
from quantservice.web.projections import GapLife

PLAIN_TOPICS = ("tickers", "feed", "gaps", "revisions", "system", "status", "jobs")
_TICK_S = 0.1
_STATUS_S = 1.0
_HEARTBEAT_S = 15.0
_STATES_TIMEOUT_S = 5.0
_SEND_TIMEOUT_S = 10.0
_RING = 4_096
_LINGER_S = 60.0
_MOST_TOPICS = 200
_MOST_PENDING = 2_000
_MOST_FRAME = 64 * 1024


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """What a client says; see :class:`quantservice.web.models.LiveRequest`."""

    action: str
    topics: list[str] = []
    session: str | None = None
    last_seq: int | None = None
    id: str | int | None = None


@dataclass(eq=False)
class Client:
    """One page: what it wants and what waits for it."""

    capacity: int
    topics: set[str] = field(default_factory=set)
    waiting: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    dropped: int = 0

    def offer(self, key: str, frame: bytes) -> int:
        """Queue a frame; one of the same key that still waits is replaced. Returns how many had to go."""
        self.waiting.pop(key, None)
        self.waiting[key] = frame
        self.wake.set()
        lost = 0
        while len(self.waiting) > self.capacity:
            self.waiting.popitem(last=False)
            lost += 1
        self.dropped += lost
        return lost


class LiveHub:
    """Gathers changes and hands them to the clients that want them. A service; told by the projections."""

    name = "live"
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._process = psutil.Process()
        self.session = secrets.token_hex(6)
        self.seq = 0
        self.sent = 0
        self.dropped = 0
        self._clients: set[Client] = set()
        self._ring: deque[tuple[int, str, bytes]] = deque(maxlen=_RING)
        self._wanted: dict[str, float] = {}  # topic -> until when it is kept for a client that may come back
        self._streams: dict[StreamId, str] = {}
        self._open: dict[StreamId, Kline] = {}
        self._prices: set[InstrumentId] = set()
        self._events: deque[tuple[str, Any]] = deque(maxlen=_MOST_PENDING)
        context.projections.watch(self)

    # --- told by the projections ---

    def kline_changed(self, kline: Kline) -> None:
        """Keep the newest open kline of a wanted stream; a closed one is a fact of its own."""
        topic = self._streams.get(kline.stream)
        if topic is None:
            return
        if kline.closed:
            self._open.pop(kline.stream, None)
            self._events.append((topic, figures.kline_row(kline)))
        else:
            self._open[kline.stream] = kline

    def price_changed(self, instrument: InstrumentId) -> None:
        """Remember that an instrument's price moved."""
        self._prices.add(instrument)

    def feed_changed(self, status: FeedStatus) -> None:
        """Announce a connection."""
        self._events.append(("feed", figures.connection_row(status)))

    def gap_changed(self, gap: GapLife) -> None:
        """Announce a gap."""
        self._events.append(("gaps", figures.gap_row(self._context, gap)))

    def klines_revised(self, revised: Iterable[tuple[Kline, int]]) -> None:
        """Announce restated klines."""
        rows = [figures.revision_row(self._context, kline, revision) for kline, revision in list(revised)[:100]]
        self._events.append(("revisions", rows))

    def system_changed(self, event: tuple[int, SystemEvent]) -> None:
        """Announce a system event."""
        self._events.append(("system", figures.event_row(event)))

    def job_changed(self, change: JobChange) -> None:
        """Announce how far a job is."""
        self._events.append(("jobs", msgspec.to_builtins(change)))

    # --- the loop ---

    async def run(self) -> None:
        """Flush what was gathered, ten times a second; beside it look who may trade."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_at_states())
            await self._flush_again_and_again()

    async def _look_at_states(self) -> None:
        """Keep who is held back true: read each second, so that it holds whichever process set it.

        What was read last holds while the store is away.
        """
        while self._context.trading is not None:
            with suppress(EnvironmentFault, TimeoutError):
                async with asyncio.timeout(_STATES_TIMEOUT_S):
                    states = await self._context.trading.risk.states()
                self._context.projections.held_back = [state for state in states if state.state != "ACTIVE"]
            await self._context.clock.sleep(_STATUS_S)

    async def _flush_again_and_again(self) -> None:
        clock = self._context.clock
        status_at = heartbeat_at = clock.monotonic()
        while True:
            await clock.sleep(_TICK_S)
            self.flush()
            now = clock.monotonic()
            if now >= status_at:
                status_at = now + _STATUS_S
                self.flush_figures(now)
            if now >= heartbeat_at:
                heartbeat_at = now + _HEARTBEAT_S
                self._heartbeat()

    def flush(self) -> None:
        """Send what changed since the last flush."""
        while self._events:
            topic, data = self._events.popleft()
            self._send(topic, data)
        changed, self._open = self._open, {}
        for stream, kline in changed.items():
            name = self._streams.get(stream)
            if name is not None:
                self._send(name, figures.kline_row(kline), key=name)

    def flush_figures(self, now: float) -> None:
        """Send the once-a-second topics, and forget topics that nobody came back for."""
        moved, self._prices = self._prices, set()
        if moved and self._is_wanted("tickers"):
            prices = self._context.projections.prices
            self._send("tickers", [figures.ticker_row(item, prices[item]) for item in sorted(moved)])
        if self._is_wanted("status"):
            self._send("status", figures.live_status(self._context, self._process), key="status", keep=False)
        held = {topic for client in self._clients for topic in client.topics}
        for topic, until in list(self._wanted.items()):
            if topic in held:
                self._wanted[topic] = now + _LINGER_S
            elif until < now:
                del self._wanted[topic]
                self._streams = {stream: name for stream, name in self._streams.items() if name != topic}

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return {
            "clients": len(self._clients),
            "sent": self.sent,
            "dropped": self.dropped,
            "waiting": sum(len(client.waiting) for client in self._clients),
            "topics": len(self._wanted),
        }

    def _is_wanted(self, topic: str) -> bool:
        return topic in self._wanted

    def _send(self, topic: str, data: Any, *, key: str = "", keep: bool = True) -> None:
        if not self._is_wanted(topic):
            return
        self.seq += 1
        frame = self._frame(topic, data, self.seq)
        if keep:
            self._ring.append((self.seq, topic, frame))
        for client in self._clients:
            if topic in client.topics:
                self.dropped += client.offer(key or f"#{self.seq}", frame)

    def _frame(self, topic: str, data: Any, seq: int) -> bytes:
        return msgspec.json.encode(
            {"type": "event", "topic": topic, "seq": seq, "time_ms": self._context.clock.now_ms(), "data": data}
        )

    def _heartbeat(self) -> None:
        for client in self._clients:
            beat = {"type": "heartbeat", "seq": self.seq, "time_ms": self._context.clock.now_ms(), "dropped": client.dropped}
            client.offer("heartbeat", msgspec.json.encode(beat))

    # --- a client ---

    async def serve(self, socket: WebSocket) -> None:
        """Talk with one page until it leaves."""
        if len(self._clients) >= self._context.config.live_clients:
            await socket.close(1013, "too many pages are open")
            return
        client = Client(self._context.config.live_queue)
        self._clients.add(client)
        try:
            await socket.accept()
            self._say(client, type="welcome", session=self.session, seq=self.seq)
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(socket, client))
                try:
                    await self._read(socket, client)
                finally:
                    writer.cancel()
        except* (WebSocketDisconnect, TimeoutError, OSError, RuntimeError):
            pass  # the page has gone, or was too slow for ten seconds: it comes back and resumes
        finally:
            self._clients.discard(client)

    async def _write(self, socket: WebSocket, client: Client) -> None:
        while True:
            await client.wake.wait()
            client.wake.clear()
            while client.waiting:
                _key, frame = client.waiting.popitem(last=False)
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    await socket.send_text(frame.decode())
                self.sent += 1

    async def _read(self, socket: WebSocket, client: Client) -> None:
        while True:
            message = await socket.receive()  # ends with the connection; liveness is the server's own ping
            if message["type"] == "websocket.disconnect":
                return
            raw = message.get("text") or message.get("bytes") or b""
            request_id: str | int | None = None
            try:
                if len(raw) > _MOST_FRAME:
                    raise InvalidValue("frame", f"may have {_MOST_FRAME} characters")
                request = msgspec.json.decode(raw, type=Request)
                request_id = request.id
                self._obey(client, request)
            except msgspec.MsgspecError as error:
                self._refuse(client, request_id, "invalid_request", str(error))
            except UserError as error:
                self._refuse(client, request_id, "invalid_argument", str(error))

    def _obey(self, client: Client, request: Request) -> None:
        match request.action:
            case "ping":
                self._say(client, type="pong", id=request.id, time_ms=self._context.clock.now_ms(), seq=self.seq)
            case "subscribe":
                topics = self._add(client, request.topics)
                self._say(client, type="subscribed", topics=topics, id=request.id, seq=self.seq)
                for topic in topics:
                    self._snapshot(client, topic)
            case "unsubscribe":
                client.topics.difference_update(request.topics)
                self._say(client, type="unsubscribed", topics=sorted(client.topics), id=request.id, seq=self.seq)
            case "resume":
                self._resume(client, request)
            case _:
                raise UnknownName("action", request.action, ("subscribe", "unsubscribe", "resume", "ping"))

    def _resume(self, client: Client, request: Request) -> None:
        lapsed = [topic for topic in request.topics if topic not in self._wanted]
        topics = self._add(client, request.topics)
        last = request.last_seq if request.last_seq is not None else -1
        first = self._ring[0][0] if self._ring else self.seq + 1
        if request.session != self.session or lapsed or last > self.seq or (last < first - 1 and len(self._ring) == _RING):
            self._say(client, type="reset", session=self.session, topics=topics, id=request.id, seq=self.seq)
            for topic in topics:
                self._snapshot(client, topic)
            return
        missed = [(seq, frame) for seq, topic, frame in self._ring if seq > last and topic in client.topics]
        if len(missed) >= client.capacity:
            self._say(client, type="reset", session=self.session, topics=topics, id=request.id, seq=self.seq)
            for topic in topics:
                self._snapshot(client, topic)
            return
        self._say(client, type="resumed", session=self.session, topics=topics, id=request.id, seq=self.seq)
        for seq, frame in missed:
            self.dropped += client.offer(f"#{seq}", frame)

    def _add(self, client: Client, topics: list[str]) -> list[str]:
        checked = [(topic, self._check(topic)) for topic in topics]
        if len(client.topics | set(topics)) > _MOST_TOPICS:
            raise InvalidValue("topics", f"a page may hold {_MOST_TOPICS} topics")
        until = self._context.clock.monotonic() + _LINGER_S
        for topic, stream in checked:
            client.topics.add(topic)
            self._wanted[topic] = until
            if stream is not None:
                self._streams[stream] = topic
        return [topic for topic, _stream in checked]

    def _check(self, topic: str) -> StreamId | None:
        if topic in PLAIN_TOPICS:
            return None
        head, _, rest = topic.partition(":")
        name, _, period = rest.rpartition(":")
        if head != "kline" or not name:
            raise UnknownName("topic", topic[:120], PLAIN_TOPICS, hint="klines: kline:<venue>:<market>:<symbol>:<period>")
        instrument = InstrumentId.parse(name)
        if self._context.instruments().get(instrument) is None:
            raise UnknownName("symbol", name, (str(item.id) for item in self._context.instruments()))
        return StreamId.kline(instrument, period)

    def _snapshot(self, client: Client, topic: str) -> None:
        """Send a topic's state as it stands, so that no page begins empty."""
        projections = self._context.projections
        data: Any = None
        if topic.startswith("kline:"):
            stream = self._check(topic)
            kline = projections.latest.get(stream) if stream is not None else None
            data = figures.kline_row(kline) if kline is not None else None
        elif topic == "tickers" and projections.prices:
            data = [figures.ticker_row(name, price) for name, price in sorted(projections.prices.items())]
        elif topic == "status":
            data = figures.live_status(self._context, self._process)
        elif topic == "feed":
            for status in projections.feeds.values():
                self.dropped += client.offer(
                    f"feed:{status.connection}", self._frame("feed", figures.connection_row(status), self.seq)
                )
        if data is not None:
            self.dropped += client.offer(topic, self._frame(topic, data, self.seq))

    def _say(self, client: Client, **parts: Any) -> None:
        frame = msgspec.json.encode({key: value for key, value in parts.items() if value is not None})
        self.dropped += client.offer(f"!{secrets.token_hex(4)}", frame)

    def _refuse(self, client: Client, request_id: str | int | None, code: str, message: str) -> None:
        self._say(client, type="error", id=request_id, error={"code": code, "message": message})
