"""Answers to queries: from the hot cache where they are recent, else from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

from quantservice.core.errors import StoreUnavailable
from quantservice.core.events import Kline, StreamId
from quantservice.core.instruments import Instrument
from quantservice.core.periods import ceil_open, check_period, floor_open, next_open, period_ms
from quantservice.core.spans import Span
from quantservice.ports import Clock, MarketStore
from quantservice.web.clientserver.config import ClientServerConfig
from quantservice.web.clientserver.hot import HotCache, encode_rows
from quantservice.web.clientserver.protocol import ProtocolError, Request, rows_field

#: Symbol, market and venue as typed -> the one instrument; raises UnknownName or AmbiguousSymbol.
Resolve: TypeAlias = Callable[[str, str, str | None], Instrument]


class Queries:
    """Reads klines for clients."""

    def __init__(self, market_store: MarketStore, clock: Clock, resolve: Resolve, config: ClientServerConfig) -> None:
        self._market_store = market_store
        self._clock = clock
        self._resolve = resolve
        self._config = config
        self._slots = asyncio.Semaphore(config.queries_at_once)
        self.hot = HotCache(hours=config.hot_hours, ttl_s=config.cache_ttl_s, most=config.hot_streams, monotonic=clock.monotonic)

    def stream_of(self, request: Request) -> tuple[StreamId, Instrument]:
        """Return which klines a request is about."""
        if not request.symbol:
            raise ProtocolError("bad_request", "symbol: say which, for example ETHUSDT")
        if not request.market:
            raise ProtocolError("bad_request", "market: say spot, um or cm")
        period = check_period("1mo" if request.period == "1M" else request.period)
        instrument = self._resolve(request.symbol, request.market, request.venue or self._config.default_venue)
        return StreamId.kline(instrument.id, period), instrument

    async def answer(self, request: Request) -> dict[str, Any]:
        """Return the members of a query's answer."""
        limit = self._config.default_limit if request.limit is None else request.limit
        if not 1 <= limit <= self._config.max_limit:
            raise ProtocolError("bad_request", f"limit: must be between 1 and {self._config.max_limit}")
        start_ms, end_ms = request.start_ms, request.end_ms
        if start_ms is not None and end_ms is not None and end_ms <= start_ms:
            raise ProtocolError("bad_request", "end_ms: must lie after start_ms")
        stream, _ = self.stream_of(request)
        rows, more = await self._rows(stream, start_ms, end_ms, limit)
        return {"data": rows_field(rows), "total": len(rows), "has_more": more}

    async def _rows(self, stream: StreamId, start_ms: int | None, end_ms: int | None, limit: int) -> tuple[list[bytes], bool]:
        """Return up to ``limit`` rows and whether there are more: from ``start_ms`` on, or without one the newest."""
        now_ms = self._clock.now_ms()
        end = min(end_ms if end_ms is not None else now_ms + period_ms(stream.period), next_open(stream.period, now_ms))
        if start_ms is not None:
            start = ceil_open(stream.period, start_ms)
            if start >= end:
                return [], False
            kept = await self.hot.rows(stream, start, end, now_ms, lambda span: self._read(stream, span))
            if kept is None:
                kept = await encode_rows(await self._read(stream, Span(start, end), limit=limit + 1))
            return kept[:limit], len(kept) > limit
        if end <= 0:
            return [], False
        # The newest: if the hot hours hold them all there is nothing older to look for, short of an unstored stretch.
        hot_start = max(self.hot.start_of(stream, now_ms), 0)
        wanted = floor_open(stream.period, end - 1) - limit * period_ms(stream.period)
        if wanted >= hot_start:
            kept = await self.hot.rows(stream, hot_start, end, now_ms, lambda span: self._read(stream, span)) or []
            if len(kept) > limit:
                return kept[-limit:], True
        kept = await encode_rows(await self._read(stream, Span(0, end), limit=limit + 1, newest=True))
        return kept[-limit:], len(kept) > limit

    async def _read(self, stream: StreamId, span: Span, *, limit: int | None = None, newest: bool = False) -> list[Kline]:
        try:
            async with asyncio.timeout(self._config.query_timeout_s), self._slots:
                return await self._market_store.read_klines(stream, span, limit=limit, newest=newest)
        except TimeoutError:
            raise StoreUnavailable(f"the store did not answer within {self._config.query_timeout_s:g} s") from None
