"""Fan-out: each live kline is encoded once, framed once, and its bytes are shared by every client that wants it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable

from quantservice.core.events import Kline, MarketEvent, StreamId
from quantservice.web.clientserver.frames import BINARY, frame
from quantservice.web.clientserver.protocol import compressed, live_row, push_payload
from quantservice.web.clientserver.session import Push, Session

GZIP = "gzip"
_CROWD = 50_000


class Audience:
    """Who listens to one stream, by the form they want it in."""

    __slots__ = ("head", "incrementals", "packed", "plain")

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.plain: dict[Session, Callable[[Push], None]] = {}
        self.packed: dict[Session, Callable[[Push], None]] = {}
        self.incrementals: dict[Session, Incremental] = {}

    @property
    def empty(self) -> bool:
        """Whether nobody listens any more."""
        return not (self.plain or self.packed or self.incrementals)


class Incremental:
    """One client's interest in what changed on a stream since the last interval."""

    __slots__ = ("alive", "compress", "interval_s", "rows", "session", "stream")

    def __init__(self, session: Session, stream: StreamId, *, interval_s: float, compress: str) -> None:
        self.session = session
        self.stream = stream
        self.interval_s = interval_s
        self.compress = compress
        self.rows: dict[int, bytes] = {}  # open time -> newest state
        self.alive = True


class Hub:
    """Which client listens to what, and the way of a kline to all of them."""

    def __init__(self) -> None:
        self._audiences: dict[StreamId, Audience] = {}
        self._dirty: set[Session] = set()
        self._due: list[tuple[float, int, Incremental]] = []
        self._order = itertools.count()
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._audiences)

    @property
    def crowded(self) -> bool:
        """Whether so much waits that it should be written before more is added."""
        return self._waiting >= _CROWD

    def wait_s(self, now: float, flush_s: float, idle_s: float) -> float:
        """Return how long nothing will have to be written unless a kline arrives."""
        if self._dirty:
            return flush_s
        return max(flush_s, min(idle_s, self._due[0][0] - now)) if self._due else idle_s

    def subscribe(self, session: Session, stream: StreamId, head: bytes, *, compress: str) -> None:
        """Push every update of the stream to the client; replaces what it had on this stream."""
        self.unsubscribe(session, stream)
        audience = self._audiences.setdefault(stream, Audience(head))
        session.streams[stream] = compress
        (audience.packed if compress == GZIP else audience.plain)[session] = session.pending.append

    def subscribe_incremental(
        self, session: Session, stream: StreamId, head: bytes, *, interval_s: float, compress: str, now: float
    ) -> None:
        """Send the client what changed on the stream once per interval; replaces what it had on this stream."""
        self.unsubscribe(session, stream)
        audience = self._audiences.setdefault(stream, Audience(head))
        incremental = Incremental(session, stream, interval_s=interval_s, compress=compress)
        session.incrementals[stream] = incremental
        audience.incrementals[session] = incremental
        heapq.heappush(self._due, (now + interval_s, next(self._order), incremental))

    def unsubscribe(self, session: Session, stream: StreamId) -> bool:
        """End a client's interest in a stream; say whether it had any."""
        incremental = session.incrementals.pop(stream, None)
        had = session.streams.pop(stream, None) is not None or incremental is not None
        if incremental is not None:
            incremental.alive = False  # its place in the heap goes when it is due
            incremental.rows.clear()
        audience = self._audiences.get(stream)
        if audience is not None:
            audience.plain.pop(session, None)
            audience.packed.pop(session, None)
            audience.incrementals.pop(session, None)
            if audience.empty:
                del self._audiences[stream]
        return had

    def forget(self, session: Session) -> None:
        """End all of a client's interests."""
        for stream in [*session.streams, *session.incrementals]:
            self.unsubscribe(session, stream)
        session.pending.clear()
        session.held.clear()
        self._dirty.discard(session)

    def publish(self, events: Iterable[MarketEvent]) -> None:
        """Hand the klines among ``events`` to those who listen; they are written at the next flush."""
        audiences = self._audiences
        if not audiences:
            return
        for event in events:
            if type(event) is Kline:
                audience = audiences.get(event.stream)
                if audience is not None:
                    self._publish(event, audience)

    def flush(self, now: float) -> None:
        """Write what waits for each client; a slow one stays on the list until it has taken it."""
        self._waiting = 0
        self._flush_incrementals(now)
        dirty, self._dirty = self._dirty, set()
        for session in dirty:
            session.flush(now)
            if session.held and not session.closed:
                self._dirty.add(session)

    def _publish(self, kline: Kline, audience: Audience) -> None:
        row = live_row(kline)
        key = (kline.stream, kline.open_time) if kline.closed else kline.stream
        payload = push_payload("kline_update", audience.head, (row,)) if audience.plain or audience.packed else b""
        if audience.plain:
            push = Push(key, kline.closed, frame(payload))
            for append in audience.plain.values():
                append(push)
            self._dirty.update(audience.plain)
            self._waiting += len(audience.plain)
        if audience.packed:
            push = Push(key, kline.closed, frame(compressed(payload), BINARY))
            for append in audience.packed.values():
                append(push)
            self._dirty.update(audience.packed)
            self._waiting += len(audience.packed)
        for incremental in audience.incrementals.values():
            incremental.rows[kline.open_time] = row

    def _flush_incrementals(self, now: float) -> None:
        ready: list[tuple[float, int, Incremental]] = []
        while self._due and self._due[0][0] <= now:
            ready.append(heapq.heappop(self._due))
        for due, _, incremental in ready:
            if not incremental.alive:
                continue
            # From the planned instant, so that intervals do not drift; after a stall from now, so that none are made up.
            following = max(due + incremental.interval_s, now)
            heapq.heappush(self._due, (following, next(self._order), incremental))
            self._send_changes(incremental, now)

    def _send_changes(self, incremental: Incremental, now: float) -> None:
        session = incremental.session
        rows = incremental.rows
        if not rows:
            return
        if session.slow_since is not None:
            session.flush(now)  # ask again whether it still is
        if session.slow_since is not None:
            # Keep the changes for the next interval: a later state replaces an earlier one by itself.
            if len(rows) > session.config.queue:
                session.drop("is too slow for the klines it asked for")
            return
        audience = self._audiences[incremental.stream]
        payload = push_payload("incremental_update", audience.head, (row for _, row in sorted(rows.items())))
        packed = incremental.compress == GZIP
        data = frame(compressed(payload), BINARY) if packed else frame(payload)
        # Its key is its own object: two intervals' changes never replace each other.
        session.pending.append(Push(object(), True, data))
        self._dirty.add(session)
        rows.clear()
