"""Wakes workers that wait for their rows to become durable, as soon as the recorder says so."""

from __future__ import annotations

import asyncio

from quantservice.core.events import StreamId
from quantservice.core.messages import StoredBatch


class StoredHints:
    """One event per stream somebody waits for. A hint only shortens a wait; the store itself is always asked."""

    def __init__(self) -> None:
        self._waiting: dict[StreamId, list[asyncio.Future[None]]] = {}

    def stored(self, batch: StoredBatch) -> None:
        """Wake those who wait for a stream of this batch."""
        if not self._waiting:
            return
        streams = {kline.stream for kline in batch.new} | {kline.stream for kline, _ in batch.revised}
        for stream in streams & self._waiting.keys():
            for future in self._waiting.pop(stream):
                if not future.done():
                    future.set_result(None)

    async def wait(self, stream: StreamId, timeout_s: float) -> None:
        """Return after the next stored rows of ``stream``, or after the timeout."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(stream, []).append(future)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            return
        finally:
            futures = self._waiting.get(stream)
            if futures is not None and future in futures:
                futures.remove(future)
                if not futures:
                    del self._waiting[stream]
