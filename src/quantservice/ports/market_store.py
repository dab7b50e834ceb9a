"""The truth of market data and the digest log beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from quantservice.core.digest import Seal
from quantservice.core.events import Kline, MarketEvent, StreamId
from quantservice.core.instruments import Instrument
from quantservice.core.spans import Span

#: Column name -> one-dimensional numpy array (or Arrow array where ``exact=True``); all of one length.
Columns: TypeAlias = Mapping[str, Any]


class AppendResult(msgspec.Struct, kw_only=True):
    """What an append did: klines first seen, klines restated (with their new revision), all rows written, rows already there.

    ``refused`` holds what cannot be stored exactly, each with the reason; nothing is ever rounded to fit.
    """

    new: Sequence[Kline] = ()
    revised: Sequence[tuple[Kline, int]] = ()
    rows: int = 0
    unchanged: int = 0
    refused: Sequence[tuple[MarketEvent, str]] = ()


class StreamCoverage(msgspec.Struct, kw_only=True):
    """One stream's extent in the store."""

    stream: StreamId
    first_ms: int
    last_ms: int
    rows: int
    revised_rows: int = 0
    synthetic_rows: int = 0


class MarketStore(Protocol):
    """Append-only truth of market data; one owner process per embedded directory.

    Kline columns of :meth:`read`: open_time, close_time (int64 ms), open, high, low, close, volume, quote_volume (float64),
    count (int64), taker_buy_base_volume, taker_buy_quote_volume (float64), and with ``ledger=True`` also source (str),
    revision (int64), first_seen_ms (int64), synthetic (bool).
    """

    async def open(self) -> None:
        """Connect or open, create or check the schema; raises EnvironmentFault with a sentence when it cannot."""
        ...

    async def close(self) -> None:
        """Release the store."""
        ...

    async def append(self, events: Sequence[MarketEvent]) -> AppendResult:
        """Write closed klines and other events. Idempotent on the natural key; a differing kline becomes the next revision."""
        ...

    async def read(
        self,
        stream: StreamId,
        span: Span,
        *,
        limit: int | None = None,
        as_known_at_ns: int | None = None,
        ledger: bool = False,
        newest: bool = False,
    ) -> Columns:
        """Current rows of ``stream`` in ``span`` by time (``newest``: the last ``limit`` rows), as numpy arrays."""
        ...

    async def read_klines(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[Kline]:
        """Current klines with exact decimals."""
        ...

    async def read_rows(
        self, stream: StreamId, span: Span, *, limit: int | None = None, as_known_at_ns: int | None = None, newest: bool = False
    ) -> list[dict[str, Any]]:
        """Rows as JSON-ready dicts: times as int, decimals as plain strings. For every kind."""
        ...

    async def read_arrow(
        self,
        stream: StreamId,
        span: Span,
        *,
        limit: int | None = None,
        as_known_at_ns: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Any:
        """Rows as one ``pyarrow.Table`` (decimals exact where stored so): all columns, or those named, in that order."""
        ...

    async def revisions(self, stream: StreamId, span: Span) -> list[dict[str, Any]]:
        """Every stored revision, oldest first, with source, first_seen_ms, revision, synthetic."""
        ...

    async def coverage(self, stream: StreamId, span: Span) -> list[Span]:
        """Spans of ``span`` for which klines are stored, merged."""
        ...

    async def missing(self, streams: Sequence[tuple[StreamId, Span]]) -> dict[StreamId, list[Span]]:
        """For many streams at once: the parts of each span without klines. One scan, fast for 1,500 streams."""
        ...

    async def streams(self) -> list[StreamCoverage]:
        """Every stored stream with its extent."""
        ...

    async def day_counts(self, stream: StreamId, span: Span) -> dict[int, int]:
        """Rows per UTC day (key: day start ms): the coverage heat map."""
        ...

    async def put_instruments(self, venue: str, market: str, instruments: Sequence[Instrument], *, seen_ms: int) -> int:
        """Replace the whole list of a venue's market; changed rules become new versions, absent ones close. Returns changes."""
        ...

    async def instruments(
        self, venue: str | None = None, market: str | None = None, *, as_of_ms: int | None = None
    ) -> list[Instrument]:
        """The instruments known now, or as of an instant."""
        ...

    async def register_pair(self, instrument: Instrument, periods: Sequence[str]) -> None:
        """Create the views ``kline_{symbol}_{market}_{period}`` of a registered pair."""
        ...

    async def statistics(self) -> Mapping[str, Any]:
        """Rows, bytes, parts per table; for status and metrics."""
        ...


class UnsealedDay(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's day with rows that no seal covers: its klines and when the newest row was first seen."""

    stream: StreamId
    day_ms: int
    klines: int
    newest_ns: int


class SealLog(Protocol):
    """The digest log beside the klines: append-only; its head is kept in the state store."""

    async def append_seals(self, seals: Sequence[Seal]) -> None:
        """Add entries to the log."""
        ...

    async def read_seals(self, *, after: int = 0, limit: int = 200, stream: StreamId | None = None) -> list[Seal]:
        """Entries with a sequence above ``after``, in order."""
        ...

    async def last_seals(self) -> dict[tuple[StreamId, int], int]:
        """The sequence of the newest entry of each (stream, day)."""
        ...

    async def unsealed_days(self, *, since_ms: int, before_ms: int) -> list[UnsealedDay]:
        """Days that open in ``[since_ms, before_ms)`` and hold rows that no entry covers."""
        ...
