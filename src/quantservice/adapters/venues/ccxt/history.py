"""Past data of one market of an exchange, by the library's requests. Volumes are the library's; it tells no quote volume."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any, Final

import structlog

from quantservice.adapters.venues.ccxt.client import Client
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.pages import newest_first, windows_of
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import FundingRate, Kind, Kline, OpenInterest, Source, StreamId, Ticker
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.periods import FIXED_MS, MONTH, close_of, floor_open
from quantservice.core.spans import Span
from quantservice.core.validation import kline_fault

log = structlog.get_logger(__name__)

_ROWS: Final = 100  # of a page, where the library does not say how many an exchange gives
_MOST_ROWS: Final = 500
_PAGES_AHEAD: Final = 2
_CLOCK_AGE_S: Final = 1.0
_MOST_PAGES: Final = 200
_ZERO: Final = Decimal(0)
_FIRST_MS: Final = 1_262_304_000_000  # 2010: no exchange has older klines


class CcxtHistory:
    """Implements ``ports.History`` for one market."""

    def __init__(self, client: Client) -> None:
        self.offset_ms = 0
        self.refused_rows = 0
        self._client = client
        self._clock = client.access.clock
        self._by_id: dict[InstrumentId, Instrument] = {}
        self._by_name: dict[str, Instrument] = {}
        self._loading = asyncio.Lock()
        self._asked_at = float("-inf")

    def supports(self, kind: Kind) -> bool:
        """Say whether past data of ``kind`` can be had here."""
        swap = self._client.market != "spot"
        return {
            Kind.KLINE: self._client.has("fetchOHLCV"),
            Kind.TICKER: self._client.has("fetchTickers"),
            Kind.FUNDING: swap and self._client.has("fetchFundingRateHistory"),
            Kind.OPEN_INTEREST: swap and self._client.has("fetchOpenInterest"),
        }.get(kind, False)

    async def klines(self, stream: StreamId, span: Span) -> AsyncIterator[Sequence[Kline]]:
        """Yield pages of closed klines, newest page first, each oldest first."""
        listed = await self.listed(stream.instrument)
        self.word_of(stream.period)
        now_ms = await self._venue_now_ms(span.end_ms)
        pages = newest_first(
            windows_of(stream.period, span, now_ms, self._rows),
            lambda window: self._page(listed, stream, window),
            lambda: self.first_kline_ms(stream),
            ahead=_PAGES_AHEAD,
        )
        async with contextlib.aclosing(pages):
            async for page in pages:
                yield page

    async def instruments(self) -> list[Instrument]:
        """Fetch the full list."""
        found = await self._client.list_instruments()
        self._by_id = {item.id: item for item in found}
        self._by_name = {item.venue_symbol: item for item in found}
        return found

    async def server_time_ms(self) -> int:
        """Ask the exchange's clock; one that tells none is taken to have ours."""
        if self._client.exchange.has.get("fetchTime"):
            await self._client.sync()
            self.offset_ms = self._client.time.now_ms() - self._clock.now_ms()
        else:
            await self.load()
        self._asked_at = self._clock.monotonic()
        return self._clock.now_ms() + self.offset_ms

    async def funding(self, instrument: InstrumentId, span: Span) -> list[FundingRate]:
        """Fetch the settlements in ``span``, oldest first."""
        listed = await self.listed(instrument)
        stream = StreamId(instrument, Kind.FUNDING)
        found: dict[int, FundingRate] = {}
        low, high = span.start_ms, span.end_ms
        for _ in range(_MOST_PAGES):
            rows = await self._client.ask(
                lambda exchange, since=low, until=high: exchange.fetch_funding_rate_history(  # type: ignore[misc]  # bound now
                    listed.venue_symbol, since, _ROWS, {"until": until}
                ),
                lane=Lane.HISTORY,
            )
            times = [int(row["timestamp"]) for row in rows if row.get("timestamp")]
            fresh = [row for row in rows if row.get("timestamp") and int(row["timestamp"]) not in found]
            found |= {
                int(row["timestamp"]): FundingRate(
                    stream=stream, time=int(row["timestamp"]), rate=_number(row["fundingRate"]), recv_ns=self._clock.now_ns()
                )
                for row in fresh
            }
            if not fresh:
                break
            if min(times) > low + (high - low) // 2:
                high = min(times)  # the newest came first
            else:
                low = max(times)
        return [found[time_ms] for time_ms in sorted(found) if span.contains(time_ms)]

    async def open_interest(self, instrument: InstrumentId) -> OpenInterest | None:
        """Fetch the open interest now, or None where there is none."""
        if not self.supports(Kind.OPEN_INTEREST):
            return None
        listed = await self.listed(instrument)
        row = await self._client.ask(lambda exchange: exchange.fetch_open_interest(listed.venue_symbol), lane=Lane.HISTORY)
        amount = row.get("openInterestAmount") or row.get("baseVolume")
        if amount is None:
            return None
        time_ms = int(row.get("timestamp") or self._clock.now_ms() + self.offset_ms)
        stream = StreamId(instrument, Kind.OPEN_INTEREST)
        return OpenInterest(stream=stream, time=time_ms, open_interest=_number(amount), recv_ns=self._clock.now_ns())

    async def tickers(self) -> list[Ticker]:
        """Fetch the 24-hour statistics of every instrument; one that cannot be read is left out and counted."""
        if not self.supports(Kind.TICKER):
            return []
        await self.load()
        rows = await self._client.ask(lambda exchange: exchange.fetch_tickers(), lane=Lane.HISTORY)
        found: list[Ticker] = []
        for name, row in rows.items():
            listed = self._by_name.get(name)
            if listed is None:
                continue
            try:
                found.append(self._ticker(listed, row))
            except (KeyError, TypeError, ValueError, ArithmeticError):
                self.refused_rows += 1
        return found

    def _ticker(self, listed: Instrument, row: Any) -> Ticker:
        last = _number(row["last"])
        return Ticker(
            stream=StreamId(listed.id, Kind.TICKER),
            time=int(row.get("timestamp") or self._clock.now_ms() + self.offset_ms),
            last_price=last,
            open_price=_number(row.get("open") or last),
            high_price=_number(row.get("high") or last),
            low_price=_number(row.get("low") or last),
            volume=_number(row.get("baseVolume") or 0),
            quote_volume=_number(row.get("quoteVolume") or 0),
            recv_ns=self._clock.now_ns(),
        )

    async def first_kline_ms(self, stream: StreamId) -> int | None:
        """Return the open time of the first kline of the stream, as far as the exchange tells it when asked for the oldest."""
        listed = await self.listed(stream.instrument)
        since = floor_open(stream.period, listed.listed_ms or _FIRST_MS)
        rows = await self._rows_from(listed, stream.period, since, 1)
        return int(rows[0][0]) if rows else None

    # --- what the feed uses too ----------------------------------------------------------------------------------------

    def word_of(self, period: str) -> str:
        """Return the exchange's word for a period; UnknownName where it has none."""
        word = "1M" if period == MONTH else period
        served = self._client.exchange.timeframes or {}
        if word not in served:
            names = [MONTH if name == "1M" else name for name in served]
            raise UnknownName("period", period, [name for name in names if name in FIXED_MS or name == MONTH])
        return word

    async def listed(self, instrument: InstrumentId) -> Instrument:
        """Return what the list says of an instrument."""
        if (instrument.venue, instrument.market) != (self._client.venue, self._client.market):
            raise InvalidValue("symbol", f"{instrument} is not an instrument of {self._client.venue} {self._client.market}")
        await self.load()
        found = self._by_id.get(instrument)
        if found is None:
            raise UnknownName("symbol", str(instrument), (str(item) for item in self._by_id))
        return found

    async def load(self) -> None:
        """Make sure that the list of instruments is known."""
        async with self._loading:
            if not self._by_id:
                await self.instruments()

    async def latest(self, listed: Instrument, stream: StreamId, since_ms: int, *, margin_ms: int) -> list[Kline]:
        """Return the klines from an instant on, oldest first.

        One is closed ``margin_ms`` after its end, or once a later one is there.
        """
        sent_ms = self._clock.now_ms() + self.offset_ms
        rows = await self._rows_from(listed, stream.period, since_ms, _ROWS, lane=Lane.LIVE)
        final_ms = max([sent_ms - margin_ms, *(int(row[0]) for row in rows)])
        klines = [self._kline(stream, row, Source.WS, final_ms=final_ms) for row in rows]
        return [kline for kline in klines if kline is not None and kline.open_time >= since_ms]

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    # --- inside --------------------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> int:
        return min(_MOST_ROWS, int(self._client.feature("fetchOHLCV", "limit") or _ROWS))

    async def _page(self, listed: Instrument, stream: StreamId, window: Span) -> list[Kline]:
        """Fetch one page; an exchange that gave a part of it, its newest or its oldest rows, is asked for the rest."""
        sent_ms = self._clock.now_ms() + self.offset_ms
        inside: dict[int, Kline] = {}
        low, high = window.start_ms, window.end_ms
        while low < high:
            rows = await self._rows_from(listed, stream.period, low, self._rows, until_ms=high - 1)
            found = [self._kline(stream, row, Source.REST, final_ms=sent_ms) for row in rows]
            fresh = [
                item for item in found if item is not None and window.contains(item.open_time) and item.open_time not in inside
            ]
            if not fresh:
                break
            inside |= {item.open_time: item for item in fresh}
            first, last = fresh[0].open_time, fresh[-1].close_time + 1
            if first - low > high - last:
                high = first
            else:
                low = last
        return [inside[open_ms] for open_ms in sorted(inside) if inside[open_ms].closed]

    async def _rows_from(
        self, listed: Instrument, period: str, since_ms: int, limit: int, *, until_ms: int = 0, lane: Lane = Lane.HISTORY
    ) -> list[Any]:
        word, params = self.word_of(period), {"until": until_ms} if until_ms else {}
        rows = await self._client.ask(
            lambda exchange: exchange.fetch_ohlcv(listed.venue_symbol, word, since_ms, limit, params), lane=lane
        )
        return sorted(rows or (), key=lambda row: int(row[0]))

    def _kline(self, stream: StreamId, row: Sequence[Any], source: Source, *, final_ms: int) -> Kline | None:
        """Return a row as a kline; None, counted, where it cannot be one."""
        try:
            open_ms = int(row[0])
            close_ms = close_of(stream.period, open_ms)
            kline = Kline(
                stream=stream,
                open_time=open_ms,
                close_time=close_ms,
                open=_number(row[1]),
                high=_number(row[2]),
                low=_number(row[3]),
                close=_number(row[4]),
                volume=_number(row[5] or 0),
                quote_volume=_ZERO,
                count=0,
                taker_buy_base_volume=_ZERO,
                taker_buy_quote_volume=_ZERO,
                closed=close_ms < final_ms,
                source=source,
                recv_ns=self._clock.now_ns(),
            )
            fault = kline_fault(kline)
        except (IndexError, TypeError, ValueError, ArithmeticError):
            fault, kline = "bad_value", None
        if fault is not None:
            self.refused_rows += 1
            log.debug("history.row_refused", venue=self._client.venue, stream=str(stream), reason=fault)
            return None
        return kline

    async def _venue_now_ms(self, wanted_ms: int) -> int:
        """Estimate the exchange's clock; ask again where ``wanted_ms`` lies beyond the estimate and that may be why."""
        now_ms = self._clock.now_ms() + self.offset_ms
        if wanted_ms > now_ms and self._clock.monotonic() - self._asked_at >= _CLOCK_AGE_S:
            now_ms = await self.server_time_ms()
        return now_ms


def _number(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
