"""Past data of one market of HTX: the swap's over REST, spot's klines over a socket, for REST tells its newest 2,000 only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import structlog

from quantservice.adapters.venues.htx.decode_market import Catalog, kline_of, levels_of, read, ticker_of
from quantservice.adapters.venues.htx.instruments import decode_instruments
from quantservice.adapters.venues.htx.past import Asker
from quantservice.adapters.venues.htx.spec import PERIODS, VENUE
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.diagnosis import unreadable
from quantservice.adapters.venues.transport.http import Answer, RestClient
from quantservice.adapters.venues.transport.market import HistorySettings, VenueHistory
from quantservice.adapters.venues.transport.pages import newest_first, windows_of
from quantservice.core.errors import MalformedFrame, Refused, UnknownName
from quantservice.core.events import BookSnapshot, FundingRate, Kind, Kline, OpenInterest, Source, StreamId, Ticker
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.periods import FIXED_MS, floor_open
from quantservice.core.spans import Span
from quantservice.ports import Clock

log = structlog.get_logger(__name__)

_ROWS: Final = {"spot": 300, "um": 2_000}
_LISTING_TRIES: Final = 6
_FUNDING_PAGE: Final = 50
_SPOT_OPENED_MS: Final = 1_501_174_800_000  # the venue's first klines
_PATHS: Final[Mapping[str, Mapping[str, str]]] = {
    "spot": {
        "time": "/v1/common/timestamp",
        "instruments": "/v1/settings/common/market-symbols",
        "listing": "/v2/settings/common/symbols",
        "tickers": "/market/tickers",
    },
    "um": {
        "time": "/api/v1/timestamp",
        "instruments": "/linear-swap-api/v1/swap_contract_info",
        "klines": "/linear-swap-ex/market/history/kline",
        "tickers": "/v2/linear-swap-ex/market/detail/batch_merged",
        "funding": "/linear-swap-api/v1/swap_historical_funding_rate",
        "interest": "/linear-swap-api/v1/swap_open_interest",
    },
}


class HtxHistory(VenueHistory):
    """Implements ``ports.History`` for one market. ``asker``: spot's way to older klines; ``books``: to its whole book."""

    def __init__(
        self,
        market: str,
        client: RestClient,
        catalog: Catalog,
        *,
        asker: Asker,
        books: Asker,
        clock: Clock,
        settings: HistorySettings | None = None,
    ) -> None:
        self._settings = settings or HistorySettings()
        super().__init__(VENUE, market, catalog, clock=clock, clock_age_s=self._settings.clock_age_s)
        self._swap = market == "um"
        self._client = client
        self._catalog = catalog
        self._asker = asker
        self._books = books

    def supports(self, kind: Kind) -> bool:
        """Say whether past data of ``kind`` can be had here."""
        return kind in (Kind.KLINE, Kind.TICKER) or (self._swap and kind in (Kind.FUNDING, Kind.OPEN_INTEREST))

    async def klines(self, stream: StreamId, span: Span) -> AsyncIterator[Sequence[Kline]]:
        """Yield pages of closed klines, newest page first, each oldest first."""
        listed = await self._known(stream.instrument)
        word_of(stream.period)
        now_ms = await self._venue_now_ms(span.end_ms)
        pages = newest_first(
            windows_of(stream.period, span, now_ms, _ROWS[self._market]),
            lambda window: self._page(listed, stream.period, window),
            lambda: self.first_kline_ms(stream),
            ahead=self._settings.pages_ahead,
        )
        async with contextlib.aclosing(pages):
            async for page in pages:
                yield page

    async def instruments(self) -> list[Instrument]:
        """Fetch the full list; our names and the decoders follow it."""
        answer = await self._get("instruments", {}, Lane.LIVE)
        seen_ms = answer.recv_ns // 1_000_000 + self.offset_ms
        try:
            listed = await asyncio.to_thread(decode_instruments, answer.body, self._market, seen_ms=seen_ms)
        except MalformedFrame as error:
            raise unreadable(VENUE, error.reason) from None
        if not self._swap:
            listed = await self._with_listing_days(listed)
        self._catalog.replace(listed)
        return self._catalog.instruments

    async def _with_listing_days(self, listed: list[Instrument]) -> list[Instrument]:
        """Spot's rules of trading do not tell since when a symbol is listed; another list does."""
        rows = _data(await self._get("listing", {}, Lane.LIVE))
        days = {str(row["sc"]): int(row["toa"]) for row in rows if row.get("toa")}
        return [msgspec.structs.replace(item, listed_ms=days.get(item.venue_symbol)) for item in listed]

    async def server_time_ms(self) -> int:
        """Ask the venue's clock."""
        answer = await self._get("time", {}, Lane.LIVE)
        told = read(answer.body)
        server_ms = int(told.get("data") or told.get("ts") or 0)
        return self._told_time(server_ms, sent_ns=answer.sent_ns, recv_ns=answer.recv_ns)

    async def funding(self, instrument: InstrumentId, span: Span) -> list[FundingRate]:
        """Fetch the settlements in ``span``, oldest first; the venue pages from the newest."""
        listed = await self._known(instrument)
        found: dict[int, FundingRate] = {}
        page = 1
        while True:
            query: dict[str, str | int] = {
                "contract_code": listed.venue_symbol,
                "page_index": page,
                "page_size": _FUNDING_PAGE,
            }
            answer = await self._get("funding", query, Lane.HISTORY)
            rows = _data(answer)["data"]
            for row in rows:
                time_ms, rate = int(row["funding_time"]), Decimal(row.get("realized_rate") or row["funding_rate"])
                if span.contains(time_ms):
                    stream = StreamId(instrument, Kind.FUNDING)
                    found[time_ms] = FundingRate(stream=stream, time=time_ms, rate=rate, recv_ns=answer.recv_ns)
            if len(rows) < _FUNDING_PAGE or int(rows[-1]["funding_time"]) <= span.start_ms:
                return [found[time_ms] for time_ms in sorted(found)]
            page += 1

    async def open_interest(self, instrument: InstrumentId) -> OpenInterest | None:
        """Fetch the open interest now, or None where there is none (spot)."""
        if not self._swap:
            return None
        listed = await self._known(instrument)
        answer = await self._get("interest", {"contract_code": listed.venue_symbol}, Lane.HISTORY)
        rows = _data(answer)
        if not rows:
            return None
        stream, time_ms = StreamId(instrument, Kind.OPEN_INTEREST), answer.recv_ns // 1_000_000 + self.offset_ms
        return OpenInterest(stream=stream, time=time_ms, open_interest=Decimal(rows[0]["amount"]), recv_ns=answer.recv_ns)

    async def tickers(self) -> list[Ticker]:
        """Fetch the 24-hour statistics of every instrument; one that cannot be read is left out and counted."""
        await self.load()
        answer = await self._get("tickers", {}, Lane.HISTORY)
        told = read(answer.body)
        found: list[Ticker] = []
        for row in told.get("ticks" if self._swap else "data") or ():
            listed = self._catalog.named(str(row.get("contract_code" if self._swap else "symbol")))
            if listed is None:
                continue
            try:
                found.append(ticker_of(row, listed, int(told["ts"]), source=Source.REST, recv_ns=answer.recv_ns))
            except (MalformedFrame, KeyError, TypeError, ValueError, ArithmeticError):
                self.refused_rows += 1
        return found

    async def first_kline_ms(self, stream: StreamId) -> int | None:
        """Return the open time of the venue's first kline of the stream, or None when it has none.

        It is looked for from the day of listing on, in windows that grow; within a page the venue tells the oldest first.
        """
        listed, period = await self._known(stream.instrument), stream.period
        length = FIXED_MS[period]
        start_ms = floor_open(period, max(listed.listed_ms or 0, 0 if self._swap else _SPOT_OPENED_MS))
        width, now_ms = _ROWS[self._market] * length, await self._venue_now_ms(0)
        for _ in range(_LISTING_TRIES):
            page = await self._page(listed, period, Span(start_ms, start_ms + width))
            if page:
                return page[0].open_time
            start_ms += width
            if start_ms > now_ms:
                break
        return None

    async def book_snapshot(self, stream: StreamId) -> BookSnapshot:
        """Fetch the book that spot's changes join: under the numbers that they bear, which REST does not tell."""
        listed = await self._known(stream.instrument)
        data = await self._books.ask(f"market.{listed.venue_symbol}.mbp.150")
        try:
            return BookSnapshot(
                stream=stream,
                update_id=int(data["seqNum"]),
                bids=levels_of(data["bids"], Decimal(1)),
                asks=levels_of(data["asks"], Decimal(1)),
                source=Source.WS,
                recv_ns=self._clock.now_ns(),
            )
        except (KeyError, TypeError, ValueError, ArithmeticError):
            raise unreadable(VENUE, "bad_value") from None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
        await self._asker.close()
        await self._books.close()

    # --- inside ---

    async def _page(self, listed: Instrument, period: str, window: Span) -> list[Kline]:
        word, sent_ns = word_of(period), self._clock.now_ns()
        first, last = window.start_ms // 1_000, (window.end_ms - 1) // 1_000
        if self._swap:
            query: dict[str, str | int] = {"contract_code": listed.venue_symbol, "period": word, "from": first, "to": last}
            answer = await self._get("klines", query, Lane.HISTORY)
            rows, recv_ns = _data(answer), answer.recv_ns
        else:
            rows = await self._asker.ask(f"market.{listed.venue_symbol}.kline.{word}", {"from": first, "to": last})
            recv_ns = self._clock.now_ns()
        # The instant of sending: a kline that closed while the answer was under way may not be final in it.
        server_ms = sent_ns // 1_000_000 + self.offset_ms
        found: list[Kline] = []
        for row in rows or ():
            try:
                kline = kline_of(row, listed, period, closed=True, source=Source.REST, recv_ns=recv_ns)
            except (MalformedFrame, KeyError, TypeError, ValueError, ArithmeticError) as error:
                self.refused_rows += 1
                log.warning("history.row_refused", venue=VENUE, symbol=listed.venue_symbol, reason=str(error)[:80])
                continue
            if kline.close_time < server_ms and window.contains(kline.open_time):
                found.append(kline)
        return sorted(found, key=lambda kline: kline.open_time)

    async def _get(self, name: str, query: Mapping[str, str | int], lane: Lane) -> Answer:
        return await self._client.get(_PATHS[self._market][name], query, weight=1, lane=lane)

    async def _known(self, instrument: InstrumentId) -> Instrument:
        await self._load_for(instrument)
        found = self._catalog.find(instrument)
        if found is None:
            raise self._not_listed(instrument, (item.id for item in self._catalog.instruments))
        return found


def word_of(period: str) -> str:
    """Return the venue's word for a period; UnknownName where it has none that opens when ours does."""
    found = PERIODS.get(period)
    if found is None:
        raise UnknownName("period", period, PERIODS, hint="htx does not serve it, or opens it at 00:00 UTC+8")
    return found


def _data(answer: Answer) -> Any:
    """Return an answer's data; Refused where the venue says no in it."""
    try:
        told = read(answer.body)
    except MalformedFrame as error:
        raise unreadable(VENUE, error.reason) from None
    if told.get("status") != "ok":
        code = told.get("err-code") or told.get("err_code") or ""
        said = str(told.get("err-msg") or told.get("err_msg") or "")[:300]
        raise Refused(f"{VENUE} declined: {said} (code {code})", code=code, status=200, venue=VENUE)
    return told.get("data")
