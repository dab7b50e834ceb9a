"""Past data of one market over REST: newest page first, as the venue itself pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import structlog

from quantservice.adapters.venues.okx.catalog import Catalog, Known
from quantservice.adapters.venues.okx.decode_instruments import decode_instruments
from quantservice.adapters.venues.okx.decode_ws import kline_of, ticker_of
from quantservice.adapters.venues.okx.spec import BARS, VENUE, Endpoint, OkxRow
from quantservice.adapters.venues.okx.wire import decimal_of, envelope_of
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.diagnosis import unreadable
from quantservice.adapters.venues.transport.http import Answer, RestClient
from quantservice.adapters.venues.transport.market import HistorySettings, VenueHistory
from quantservice.adapters.venues.transport.pages import newest_first, windows_of
from quantservice.core.errors import MalformedFrame, Refused, UnknownName
from quantservice.core.events import FundingRate, Kind, Kline, OpenInterest, Source, StreamId, Ticker
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.periods import DAY_MS, FIXED_MS, floor_open
from quantservice.core.spans import Span
from quantservice.ports import Clock

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
_RECENT_ROWS: Final = 1_200  # the endpoint of the newest candles reaches 1,440 back
_LONGEST_MS: Final = 31 * DAY_MS
_LISTING_TRIES: Final = 6
_REST_KINDS: Final = {Kind.KLINE: "candles", Kind.FUNDING: "funding", Kind.OPEN_INTEREST: "open_interest", Kind.TICKER: "tickers"}


class OkxHistory(VenueHistory):
    """Implements ``ports.History`` for one market. ``clients``: one per endpoint, because the venue limits each by itself."""

    def __init__(
        self,
        row: OkxRow,
        clients: Mapping[str, RestClient],
        catalog: Catalog,
        *,
        clock: Clock,
        settings: HistorySettings | None = None,
    ) -> None:
        self._settings = settings or HistorySettings()
        super().__init__(VENUE, row.market, catalog, clock=clock, clock_age_s=self._settings.clock_age_s)
        self._row = row
        self._clients = clients
        self._catalog = catalog

    def supports(self, kind: Kind) -> bool:
        """Say whether past data of ``kind`` can be had here."""
        return _REST_KINDS.get(kind) in self._row.endpoints

    async def klines(self, stream: StreamId, span: Span) -> AsyncIterator[Sequence[Kline]]:
        """Yield pages of closed klines, newest page first, each oldest first."""
        known, bar = await self._known(stream.instrument), _bar(stream.period)
        now_ms = await self._venue_now_ms(span.end_ms)
        length = FIXED_MS.get(stream.period, _LONGEST_MS)
        border = floor_open(stream.period, now_ms) - _RECENT_ROWS * length
        windows: list[Span] = []
        if span.end_ms > border:
            recent = Span(max(span.start_ms, border), span.end_ms)
            windows += windows_of(stream.period, recent, now_ms, self._endpoint("candles").rows)
        if span.start_ms < border:
            old = Span(span.start_ms, min(span.end_ms, border))
            windows += windows_of(stream.period, old, now_ms, self._endpoint("history_candles").rows)
        pages = newest_first(
            windows,
            lambda window: self._page(stream, known, bar, window, "candles" if window.start_ms >= border else "history_candles"),
            lambda: self.first_kline_ms(stream),
            ahead=self._settings.pages_ahead,
        )
        async with contextlib.aclosing(pages):
            async for page in pages:
                yield page

    async def instruments(self) -> list[Instrument]:
        """Fetch the full list; our names and the decoders follow it."""
        answer = await self._get("instruments", {"instType": self._row.inst_type}, Lane.LIVE)
        seen_ms = answer.recv_ns // 1_000_000 + self.offset_ms
        try:
            listed = await asyncio.to_thread(decode_instruments, answer.body, self._row, seen_ms=seen_ms)
        except MalformedFrame as error:
            raise unreadable(VENUE, error.reason) from None
        if listed.refused:
            log.warning(
                "instruments.refused", venue=VENUE, market=self._row.market, rows=len(listed.refused), first=listed.refused[0]
            )
        self._catalog.replace(listed)
        return self._catalog.instruments

    async def server_time_ms(self) -> int:
        """Ask the venue's clock."""
        answer = await self._get("time", {}, Lane.LIVE)
        rows = _rows(answer)
        server_ms = _read(lambda: int(rows[0]["ts"]))
        return self._told_time(server_ms, sent_ns=answer.sent_ns, recv_ns=answer.recv_ns)

    async def funding(self, instrument: InstrumentId, span: Span) -> list[FundingRate]:
        """Fetch the settlements in ``span``, oldest first."""
        known = await self._known(instrument)
        stream = StreamId(instrument, Kind.FUNDING)
        found: dict[int, FundingRate] = {}
        after = span.end_ms
        while after > span.start_ms:
            query = {"instId": known.instrument.venue_symbol, "after": str(after), "limit": "100"}
            answer = await self._get("funding", query, Lane.HISTORY)
            page = _read(lambda got=answer: [_rate(row, stream, got.recv_ns) for row in _rows(got)])  # type: ignore[misc]  # bound now
            found |= {rate.time: rate for rate in page if span.contains(rate.time)}
            oldest = min((rate.time for rate in page), default=0)
            if len(page) < self._endpoint("funding").rows or oldest >= after:
                break
            after = oldest
        return [found[time] for time in sorted(found)]

    async def open_interest(self, instrument: InstrumentId) -> OpenInterest | None:
        """Fetch the open interest now, or None where there is none (spot)."""
        if not self.supports(Kind.OPEN_INTEREST):
            return None
        known = await self._known(instrument)
        query = {"instType": self._row.inst_type, "instId": known.instrument.venue_symbol}
        answer = await self._get("open_interest", query, Lane.HISTORY)
        rows = _rows(answer)
        if not rows:
            return None
        return _read(
            lambda: OpenInterest(
                stream=StreamId(instrument, Kind.OPEN_INTEREST),
                time=int(rows[0]["ts"]),
                open_interest=decimal_of(rows[0]["oiCcy"]),
                recv_ns=answer.recv_ns,
            )
        )

    async def tickers(self) -> list[Ticker]:
        """Fetch the 24-hour statistics of every instrument; one that cannot be read is left out and counted."""
        await self.load()
        answer = await self._get("tickers", {"instType": self._row.inst_type}, Lane.HISTORY)
        found: list[Ticker] = []
        for row in _rows(answer):
            known = self._catalog.named(str(row.get("instId")))
            if known is None:
                continue
            stream = StreamId(known.instrument.id, Kind.TICKER)
            try:
                found.append(ticker_of(row, known, stream, source=Source.REST, recv_ns=answer.recv_ns))
            except (MalformedFrame, KeyError, TypeError, ValueError, ArithmeticError):
                self.refused_rows += 1
        return found

    async def first_kline_ms(self, stream: StreamId) -> int | None:
        """Return the open time of the venue's first kline of the stream, or None when it has none.

        The venue pages from the newest only, so it is looked for from the day of listing on, in windows that grow.
        """
        known, bar = await self._known(stream.instrument), _bar(stream.period)
        rows, length = self._endpoint("history_candles").rows, FIXED_MS.get(stream.period, _LONGEST_MS)
        start_ms, width = floor_open(stream.period, known.instrument.listed_ms or 0), rows * length
        now_ms = self._clock.now_ms() + self.offset_ms
        for _ in range(_LISTING_TRIES):
            span = Span(start_ms, start_ms + width)
            page = await self._oldest(stream, known, bar, span)
            if page:
                return page
            start_ms += width
            width *= 8
            if start_ms > now_ms:
                break
        return None

    async def close(self) -> None:
        """Close the clients' connections."""
        for client in self._clients.values():
            await client.close()

    # --- inside ---

    async def _oldest(self, stream: StreamId, known: Known, bar: str, span: Span) -> int | None:
        """Return the first open time in a span that may be wider than a page, by halving what lies before the oldest known."""
        most, length = self._endpoint("history_candles").rows, FIXED_MS.get(stream.period, _LONGEST_MS)
        page = await self._page(stream, known, bar, span, "history_candles")
        if not page:
            return None
        low, best, full = span.start_ms, page[0].open_time, len(page) >= most
        while full and best > low:
            middle = max(floor_open(stream.period, (low + best) // 2), low + length)
            page = await self._page(stream, known, bar, Span(low, middle), "history_candles")
            if page:
                best, full = page[0].open_time, len(page) >= most
            elif best - middle <= most * length:
                page = await self._page(stream, known, bar, Span(middle, best), "history_candles") if best > middle else []
                return page[0].open_time if page else best
            else:
                low = middle  # nothing lies before it
        return best

    async def _page(self, stream: StreamId, known: Known, bar: str, window: Span, endpoint: str) -> list[Kline]:
        query = {
            "instId": known.instrument.venue_symbol,
            "bar": bar,
            "after": str(window.end_ms),
            "before": str(window.start_ms - 1),
            "limit": str(self._endpoint(endpoint).rows),
        }
        answer = await self._get(endpoint, query, Lane.HISTORY)
        # The instant of sending: a kline that closed while the answer was under way may not be final in it.
        server_ms = answer.sent_ns // 1_000_000 + self.offset_ms
        found: list[Kline] = []
        for row in _rows(answer):
            try:
                kline = kline_of(row, known, stream, source=Source.REST, recv_ns=answer.recv_ns)
            except (MalformedFrame, IndexError, TypeError, ValueError, ArithmeticError) as error:
                self.refused_rows += 1
                log.warning("history.row_refused", stream=str(stream), reason=str(error)[:80])
                continue
            if kline.closed and kline.close_time < server_ms and window.contains(kline.open_time):
                found.append(kline)
        return sorted(found, key=lambda kline: kline.open_time)

    def _endpoint(self, name: str) -> Endpoint:
        return self._row.endpoints[name]

    async def _get(self, name: str, query: Mapping[str, str], lane: Lane) -> Answer:
        return await self._clients[name].get(self._endpoint(name).path, query, weight=1, lane=lane)

    async def _known(self, instrument: InstrumentId) -> Known:
        await self._load_for(instrument)
        found = self._catalog.find(instrument)
        if found is None:
            raise self._not_listed(instrument, (item.id for item in self._catalog.instruments))
        return found


def _bar(period: str) -> str:
    found = BARS.get(period)
    if found is None:
        raise UnknownName("period", period, BARS, hint="okx does not serve it")
    return found


def _rate(row: Mapping[str, Any], stream: StreamId, recv_ns: int) -> FundingRate:
    rate = Decimal(row.get("realizedRate") or row["fundingRate"])
    if not -1 <= rate <= 1:
        raise ValueError("a rate that cannot be")
    return FundingRate(stream=stream, time=int(row["fundingTime"]), rate=rate, recv_ns=recv_ns)


def _rows(answer: Answer) -> list[Any]:
    """Return an answer's rows; Refused where the venue says no by its own code."""
    found = envelope_of(answer.body)
    if found is None:
        raise unreadable(VENUE, "not_json")
    if found.code != "0":
        raise Refused(f"{VENUE} declined: {found.msg[:300]} (code {found.code})", code=found.number, status=200, venue=VENUE)
    return found.data


def _read(read: Callable[[], _T]) -> _T:
    """Read an answer; one that cannot be read says nothing, like none at all."""
    try:
        return read()
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError):
        raise unreadable(VENUE, "bad_value") from None
