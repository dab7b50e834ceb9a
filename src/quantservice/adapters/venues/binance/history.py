"""Past data of one market of Binance over REST: newest page first, as many rows per weight as the venue gives."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias

import msgspec
import structlog

from quantservice.adapters.venues.binance.catalog import Catalog
from quantservice.adapters.venues.binance.decode_instruments import decode_exchange_info
from quantservice.adapters.venues.binance.decode_rest import (
    decode_depth,
    decode_funding,
    decode_klines,
    decode_open_interest,
    decode_server_time,
    decode_tickers,
)
from quantservice.adapters.venues.binance.spec import VENUE, Endpoint, MarketSpec
from quantservice.adapters.venues.transport import market
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.http import RestClient
from quantservice.adapters.venues.transport.pages import newest_first, windows_of
from quantservice.core.events import BookSnapshot, FundingRate, Kind, Kline, OpenInterest, StreamId, Ticker
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.periods import DAY_MS, FIXED_MS, opens_between
from quantservice.core.spans import Span
from quantservice.ports import Clock

log = structlog.get_logger(__name__)

_DATE_AGREES_MS: Final = 5_000
_LONGEST_MONTH_MS: Final = 31 * DAY_MS

Query: TypeAlias = dict[str, str | int]

_REST_KINDS: Final = {
    Kind.KLINE: "klines",
    Kind.FUNDING: "funding",
    Kind.OPEN_INTEREST: "open_interest",
    Kind.TICKER: "ticker_24h",
}


class HistorySettings(market.HistorySettings, frozen=True, kw_only=True):
    """Bounds of history. ``depth_limit``: levels of a book's snapshot."""

    depth_limit: int = 500


class Limits(msgspec.Struct):
    """Whom to tell what the venue says of its clock and its limits."""

    set_time: Callable[[int], None]
    set_limit: Callable[[int], None]


class BinanceHistory(market.VenueHistory):
    """Implements ``ports.History`` for one market."""

    def __init__(
        self,
        spec: MarketSpec,
        client: RestClient,
        catalog: Catalog,
        *,
        clock: Clock,
        limits: Limits,
        settings: HistorySettings | None = None,
    ) -> None:
        self._settings = settings or HistorySettings()
        super().__init__(VENUE, spec.market, catalog, clock=clock, clock_age_s=self._settings.clock_age_s)
        self._spec = spec
        self._client = client
        self._catalog = catalog
        self._limits = limits

    def supports(self, kind: Kind) -> bool:
        """Say whether past data of ``kind`` can be had here."""
        name = _REST_KINDS.get(kind)
        return name is not None and name in self._spec.endpoints

    async def klines(self, stream: StreamId, span: Span) -> AsyncIterator[Sequence[Kline]]:
        """Yield pages of closed klines, newest page first, each oldest first."""
        symbol = await self._symbol(stream.instrument)
        endpoint = self._spec.endpoint("klines")
        interval = self._spec.venue_period(stream.period)
        now_ms = await self._venue_now_ms(span.end_ms)
        windows = kline_windows(endpoint, stream.period, span, now_ms)
        pages = newest_first(
            windows,
            lambda window: self._page(stream, symbol, interval, window),
            lambda: self.first_kline_ms(stream),
            ahead=self._settings.pages_ahead,
        )
        async with contextlib.aclosing(pages):
            async for page in pages:
                yield page

    async def instruments(self) -> list[Instrument]:
        """Fetch the full list; our names, the decoders and the weight limit follow it."""
        endpoint = self._spec.endpoint("exchange_info")
        answer = await self._client.get(endpoint.path, weight=endpoint.weight(), lane=Lane.LIVE)
        info = await asyncio.to_thread(
            decode_exchange_info, answer.body, self._spec.market, seen_ms=answer.recv_ns // 1_000_000 + self.offset_ms
        )
        limit = info.weight_per_minute()
        if limit:
            self._limits.set_limit(limit)
        self._catalog.replace(info.instruments)
        return list(info.instruments)

    async def server_time_ms(self) -> int:
        """Ask the venue's clock; the budget's windows follow it."""
        endpoint = self._spec.endpoint("time")
        answer = await self._client.get(endpoint.path, weight=endpoint.weight(), lane=Lane.LIVE)
        server_ms = decode_server_time(answer.body)
        now_ms = self._told_time(server_ms, sent_ns=answer.sent_ns, recv_ns=answer.recv_ns)
        half_ms = (answer.recv_ns - answer.sent_ns) // 2_000_000
        self._limits.set_time(venue_wall_ms(server_ms + half_ms, answer.headers.get("Date"), time.time_ns() // 1_000_000))
        return now_ms

    async def funding(self, instrument: InstrumentId, span: Span) -> list[FundingRate]:
        """Fetch the settlements in ``span``, oldest first."""
        endpoint = self._spec.endpoint("funding")
        symbol = await self._symbol(instrument)
        found: dict[int, FundingRate] = {}
        start_ms = span.start_ms
        while start_ms < span.end_ms:
            query: Query = {"symbol": symbol, "startTime": start_ms, "endTime": span.end_ms - 1, "limit": endpoint.max_limit}
            answer = await self._client.get(endpoint.path, query, weight=endpoint.weight(endpoint.max_limit), lane=Lane.HISTORY)
            page = decode_funding(answer.body, self._catalog.registry, recv_ns=answer.recv_ns)
            fresh = [rate for rate in page if rate.time >= start_ms]
            found.update((rate.time, rate) for rate in fresh if span.contains(rate.time))
            if len(page) < endpoint.max_limit or not fresh:
                break
            start_ms = max(rate.time for rate in fresh) + 1
        return [found[time] for time in sorted(found)]

    async def open_interest(self, instrument: InstrumentId) -> OpenInterest | None:
        """Fetch the open interest now, or None where there is none (spot)."""
        if not self.supports(Kind.OPEN_INTEREST):
            return None
        endpoint = self._spec.endpoint("open_interest")
        query: Query = {"symbol": await self._symbol(instrument)}
        answer = await self._client.get(endpoint.path, query, weight=endpoint.weight(), lane=Lane.HISTORY)
        return decode_open_interest(answer.body, self._catalog.registry, recv_ns=answer.recv_ns)

    async def tickers(self) -> list[Ticker]:
        """Fetch the 24-hour statistics of every instrument."""
        await self.load()
        endpoint = self._spec.endpoint("ticker_24h")
        answer = await self._client.get(endpoint.path, weight=endpoint.weight(all_symbols=True), lane=Lane.HISTORY)
        return decode_tickers(answer.body, self._catalog.registry, recv_ns=answer.recv_ns)

    async def first_kline_ms(self, stream: StreamId) -> int | None:
        """Return the open time of the venue's first kline of the stream, or None when it has none."""
        endpoint = self._spec.endpoint("klines")
        query: Query = {
            "symbol": await self._symbol(stream.instrument),
            "interval": self._spec.venue_period(stream.period),
            "startTime": 0,
            "limit": 1,
        }
        answer = await self._client.get(endpoint.path, query, weight=endpoint.weight(1), lane=Lane.HISTORY)
        page = decode_klines(answer.body, stream, server_time_ms=1 << 62, recv_ns=answer.recv_ns)
        return page.klines[0].open_time if page.klines else None

    async def book_snapshot(self, stream: StreamId) -> BookSnapshot:
        """Fetch the snapshot that a book starts from."""
        endpoint = self._spec.endpoint("depth")
        limit = min(self._settings.depth_limit, endpoint.max_limit)
        query: Query = {"symbol": await self._symbol(stream.instrument), "limit": limit}
        answer = await self._client.get(endpoint.path, query, weight=endpoint.weight(limit), lane=Lane.LIVE, tries=2)
        return decode_depth(answer.body, stream, recv_ns=answer.recv_ns)

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.close()

    async def _page(self, stream: StreamId, symbol: str, interval: str, window: Span) -> list[Kline]:
        endpoint = self._spec.endpoint("klines")
        limit = len(opens_between(stream.period, window.start_ms, window.end_ms))
        query: Query = {
            "symbol": symbol,
            "interval": interval,
            "startTime": window.start_ms,
            "endTime": window.end_ms - 1,
            "limit": limit,
        }
        answer = await self._client.get(endpoint.path, query, weight=endpoint.weight(limit), lane=Lane.HISTORY)
        # The instant of sending: a kline that closed while the answer was under way may not be final in it.
        server_ms = answer.sent_ns // 1_000_000 + self.offset_ms
        page = decode_klines(answer.body, stream, server_time_ms=server_ms, recv_ns=answer.recv_ns)
        if page.refused:
            self.refused_rows += len(page.refused)
            log.warning("history.rows_refused", stream=str(stream), rows=len(page.refused), first=page.refused[0])
        return [kline for kline in page.klines if kline.closed and window.contains(kline.open_time)]

    async def _symbol(self, instrument: InstrumentId) -> str:
        await self._load_for(instrument)
        if self._catalog.find(instrument) is None:
            raise self._not_listed(instrument, (item.id for item in self._catalog.instruments))
        return self._catalog.venue_symbol(instrument)


def venue_wall_ms(server_ms: int, date: str | None, wall_ms: int) -> int:
    """Return what the clock shows that the venue counts weight by.

    That is its server time, unless its ``Date`` header contradicts: a venue that replays the past tells the market's
    time there, but counts its limits in real time, which is this machine's where that agrees with the header.
    """
    try:
        date_ms = int(parsedate_to_datetime(date).timestamp() * 1000) + 500 if date else server_ms  # its unit is the second
    except ValueError:
        date_ms = server_ms
    if abs(server_ms - date_ms) <= _DATE_AGREES_MS:
        return server_ms
    return wall_ms if abs(wall_ms - date_ms) <= 1_500 else date_ms


def best_rows(endpoint: Endpoint) -> int:
    """Return the page length that gives the most rows per weight; of equals the longest."""
    steps = [(min(upper, endpoint.max_limit), weight) for upper, weight in endpoint.weights]
    return max(steps, key=lambda step: (step[0] / step[1], step[0]))[0]


def kline_windows(endpoint: Endpoint, period: str, span: Span, now_ms: int) -> list[Span]:
    """Cut ``span`` into pages, newest first; nothing that has not closed by ``now_ms`` is asked for."""
    rows = best_rows(endpoint)
    if endpoint.max_range_ms:
        rows = max(1, min(rows, endpoint.max_range_ms // FIXED_MS.get(period, _LONGEST_MONTH_MS)))
    return windows_of(period, span, now_ms, rows)
