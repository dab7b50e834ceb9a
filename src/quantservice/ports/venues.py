"""What one venue's market offers: live data, history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from quantservice.core.events import FeedStatus, FundingRate, Kind, Kline, MarketEvent, OpenInterest, StreamId, Ticker
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.spans import Span


class MarketFeed(Protocol):
    """Live data of one venue's market. Connection changes arrive in line with the events."""

    async def update(self, streams: Sequence[StreamId]) -> None:
        """Set what is wanted; the feed subscribes and unsubscribes the difference within the venue's limits."""
        ...

    def events(self) -> AsyncIterator[Sequence[MarketEvent | FeedStatus]]:
        """Yield batches as they arrive; reconnects by itself; ends when closed."""
        ...

    async def close(self) -> None: ...


class History(Protocol):
    """Past data of one venue's market over REST."""

    def klines(self, stream: StreamId, span: Span) -> AsyncIterator[Sequence[Kline]]:
        """Yield pages of closed klines, newest page first."""
        ...

    async def instruments(self) -> list[Instrument]: ...
    async def server_time_ms(self) -> int: ...
    async def funding(self, instrument: InstrumentId, span: Span) -> list[FundingRate]: ...
    async def open_interest(self, instrument: InstrumentId) -> OpenInterest | None: ...
    async def tickers(self) -> list[Ticker]: ...
    async def first_kline_ms(self, stream: StreamId) -> int | None:
        """Open time of the venue's first kline of the stream (its listing), or None when it has none."""
        ...

    def supports(self, kind: Kind) -> bool: ...
    async def close(self) -> None: ...


class Venue(Protocol):
    """One venue's market: feed and history over one transport and one weight budget."""

    @property
    def name(self) -> str: ...
    @property
    def market(self) -> str: ...
    @property
    def feed(self) -> MarketFeed: ...
    @property
    def history(self) -> History: ...
    def usage(self) -> Mapping[str, Any]:
        """Weights used and allowed, requests, connections, quarantined frames; for status and metrics."""
        ...

    async def close(self) -> None: ...
