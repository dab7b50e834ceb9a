"""History in pages, newest first: how a span is cut, and how pages are fetched ahead until the listing is reached."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

from quantservice.core.events import Kline
from quantservice.core.periods import FIXED_MS, ceil_open, next_open, opens_between
from quantservice.core.spans import Span


def windows_of(period: str, span: Span, now_ms: int, rows: int) -> list[Span]:
    """Cut ``span`` into pages of ``rows``, newest first; nothing that has not closed by ``now_ms`` is asked for."""
    start_ms = ceil_open(period, span.start_ms)
    end_ms = min(span.end_ms, now_ms)
    length = FIXED_MS.get(period)
    if length is None:
        opens = list(opens_between(period, start_ms, end_ms))
        cuts = [opens[max(0, index - rows) : index] for index in range(len(opens), 0, -rows)]
        return [Span(cut[0], next_open(period, cut[-1])) for cut in cuts]
    end_ms = ceil_open(period, end_ms)
    return [Span(max(start_ms, end - rows * length), end) for end in range(end_ms, start_ms, -rows * length)]


async def newest_first(
    windows: Sequence[Span],
    page: Callable[[Span], Coroutine[Any, Any, list[Kline]]],
    first_open: Callable[[], Awaitable[int | None]],
    *,
    ahead: int,
) -> AsyncGenerator[Sequence[Kline], None]:
    """Yield the pages of ``windows`` in their order, ``ahead`` of them fetched at once; ends where the listing begins."""
    left = deque(windows)
    tasks: deque[tuple[Span, asyncio.Task[list[Kline]]]] = deque()
    first_ms: int | None = None
    try:
        while left or tasks:
            while left and len(tasks) < ahead:
                window = left.popleft()
                tasks.append((window, asyncio.get_running_loop().create_task(page(window))))
            window, task = tasks.popleft()
            rows = await task
            if rows:
                yield rows
                continue
            if first_ms is None and left:
                first_ms = await first_open()
            if first_ms is None or first_ms >= window.start_ms:
                return  # everything older lies before the listing
    finally:
        for _, task in tasks:
            task.cancel()
        await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)
