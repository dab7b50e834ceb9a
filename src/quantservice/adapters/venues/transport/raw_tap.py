"""The raw tap: what `qs record` writes and `tests/golden` replays. It never slows a feed: a full queue drops and counts.

One gzip text file per venue's market, each line ``receive_ns json``, as the recordings of the wider world have it:

- a frame as it came: ``1723161254036059768 {"stream":"btcusdt@bookTicker","data":{…}}``
- a connection: ``… {"connection":{"name":"market-0","url":"wss://…","streams":["btcusdt@kline_1m"]}}``
- a REST answer: ``… {"rest":{"path":"/api/v3/klines","query":{…},"status":200,"body":…}}``
"""

from __future__ import annotations

import asyncio
import gzip
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault

log = structlog.get_logger(__name__)


class RawTap:
    """A bounded queue in front of a gzip file; :meth:`run` writes until cancelled and then writes the rest."""

    def __init__(self, path: Path, *, capacity: int = 100_000, flush_s: float = 0.5) -> None:
        self.path = path
        self.dropped = 0
        self.written = 0
        self._capacity = capacity
        self._flush_s = flush_s
        self._queue: deque[bytes] = deque()

    def frame(self, payload: bytes, recv_ns: int) -> None:
        """Take one WebSocket message."""
        if b"\n" in payload or b"\r" in payload:  # one message is one line; a malformed one is kept as a JSON string
            payload = msgspec.json.encode({"malformed": payload.decode("utf-8", "backslashreplace")})
        self._put(b"%d %b\n" % (recv_ns, payload))

    def connection(self, name: str, url: str, streams: Sequence[str], recv_ns: int) -> None:
        """Take the opening of a connection."""
        self._put_json(recv_ns, {"connection": {"name": name, "url": url, "streams": list(streams)}})

    def answer(self, path: str, query: Mapping[str, str], status: int, body: bytes, recv_ns: int) -> None:
        """Take one REST answer. A body that is no JSON is kept as text."""
        try:
            msgspec.json.decode(body)
            kept: Any = msgspec.Raw(body.replace(b"\r", b" ").replace(b"\n", b" "))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            kept = body[:4096].decode("utf-8", "backslashreplace")
        self._put_json(recv_ns, {"rest": {"path": path, "query": dict(query), "status": status, "body": kept}})

    async def run(self) -> None:
        """Write what arrives until cancelled; raises :class:`EnvironmentFault` when the file cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = await asyncio.to_thread(gzip.open, self.path, "ab", 6)
        except OSError as error:
            raise EnvironmentFault(f"cannot write the recording {self.path}: {error.strerror}; choose another --out") from error
        try:
            while True:
                await asyncio.sleep(self._flush_s)
                await self._write(file)
        finally:
            await self._write(file)
            await asyncio.to_thread(file.close)
            log.info("raw_tap.closed", path=str(self.path), written=self.written, dropped=self.dropped)

    def stats(self) -> Mapping[str, Any]:
        """Figures now."""
        return {"written": self.written, "dropped": self.dropped, "queued": len(self._queue)}

    async def _write(self, file: Any) -> None:
        if not self._queue:
            return
        lines, self._queue = self._queue, deque()
        writing = asyncio.ensure_future(asyncio.to_thread(file.write, b"".join(lines)))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing  # the thread cannot be stopped; the file must not be closed under it
            self.written += len(lines)
            raise
        except OSError as error:
            raise EnvironmentFault(f"cannot write the recording {self.path}: {error.strerror}") from error
        self.written += len(lines)

    def _put(self, line: bytes) -> None:
        if len(self._queue) >= self._capacity:
            self.dropped += 1
            return
        self._queue.append(line)

    def _put_json(self, recv_ns: int, value: Any) -> None:
        self._put(b"%d %b\n" % (recv_ns, msgspec.json.encode(value)))
