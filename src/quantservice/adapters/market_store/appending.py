"""The write path: which klines are new, which restate, which are already there; and the other kinds.

Each stream's extent (first and last stored open time) is kept in memory. A kline outside its stream's extent is new
without asking the engine; only klines inside it are looked up, all with one query. An extent is widened before the
insert: if an insert is cut after it was applied, the retry is looked up and found.
"""

# Identifiers in SQL come from schema.py, every value is a parameter:
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import structlog

from quantservice.adapters.market_store.codec import ToText, event_table, kline_of, kline_table, plain, sound, text_select
from quantservice.adapters.market_store.schema import KLINE, TABLE_OF
from quantservice.adapters.market_store.session import Session
from quantservice.core.events import BookDelta, Kind, Kline, MarketEvent, Quote, Source, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.ports import AppendResult

_log = structlog.get_logger(__name__)

#: A restatement wins over what is stored only from a source of the same or a higher rank (REST restates WS, not the reverse).
_RANK: Final = {Source.DERIVED: 0, Source.WS: 1, Source.REST: 2, Source.ARCHIVE: 2, Source.IMPORT: 2}
_LOOKUP_KEYS: Final = 2_000
_QUOTE_REPLAY_MS: Final = 60_000


@dataclass(slots=True)
class Extent:
    """What is known of one kline stream without asking."""

    first_ms: int
    last_ms: int


@dataclass(slots=True)
class AppendFigures:
    """Counters since the store was opened."""

    rows: int = 0
    new: int = 0
    revised: int = 0
    unchanged: int = 0
    ignored_late: int = 0
    refused: int = 0
    looked_up: int = 0


@dataclass(slots=True)
class _Plan:
    """What one append will do."""

    fresh: list[Kline] = field(default_factory=list)
    overlapping: list[Kline] = field(default_factory=list)
    revised: list[tuple[Kline, int]] = field(default_factory=list)
    unchanged: int = 0


@dataclass(slots=True)
class _Known:
    """The current revision of one stored kline."""

    kline: Kline
    revision: int


class Appender:
    """Writes events. Everything here runs in the store's one thread."""

    def __init__(self, session: Session, database: str) -> None:
        self._session = session
        self._database = database
        self._extents: dict[StreamId, Extent] = {}
        self._with_revisions: set[StreamId] = set()
        self._last_seen_ns = 0
        self._last_quote: dict[StreamId, tuple[int, int]] = {}
        self._told_late: set[StreamId] = set()
        self.figures = AppendFigures()

    def load(self) -> None:
        """Learn the extent of every stored stream: one query."""
        self._extents.clear()
        self._with_revisions.clear()
        self._last_seen_ns = 0
        found = self._session.rows(
            "SELECT venue, market, symbol, period, min(open_time) AS first_ms, max(open_time) AS last_ms, "
            f"max(revision) AS top, max(first_seen_ns) AS seen FROM `{self._database}`.kline GROUP BY venue, market, symbol, period"
        )
        for row in found:
            stream = StreamId(InstrumentId(row["venue"], row["market"], row["symbol"]), Kind.KLINE, row["period"])
            self._extents[stream] = Extent(row["first_ms"], row["last_ms"])
            self._last_seen_ns = max(self._last_seen_ns, row["seen"])
            if row["top"]:
                self._with_revisions.add(stream)

    @property
    def last_seen_ns(self) -> int:
        """The newest ``first_seen``."""
        return self._last_seen_ns

    def may_hold_revisions(self, stream: StreamId) -> bool:
        """Say whether ``stream`` can hold more than one row per open time."""
        return not self._session.embedded or stream in self._with_revisions

    def append(self, events: Sequence[MarketEvent], now_ns: int) -> AppendResult:
        """Write ``events``; see :meth:`quantservice.ports.MarketStore.append`.

        ``first_seen`` is the instant of the append and never steps back, whatever the clock does: a seal that covers all
        rows up to an instant can therefore never be joined by a later row.
        """
        seen_ns = self._last_seen_ns = max(now_ns, self._last_seen_ns + 1)
        by_kind: dict[Kind, list[Any]] = {}
        refused: list[tuple[MarketEvent, str]] = []
        klines: list[Kline] = []
        for event in events:
            if type(event) is Kline:
                if event.closed:
                    klines.append(event)
                else:
                    refused.append((event, "closed: a kline that can still change is not stored"))
            elif type(event) is BookDelta:
                refused.append((event, "kind: changes of a book are not stored, its snapshots are"))
            else:
                by_kind.setdefault(event.kind, []).append(event)
        result = self._append_klines(klines, seen_ns, refused)
        for kind, others in by_kind.items():
            rows, unchanged = self._append_others(kind, others, refused)
            result.rows += rows
            result.unchanged += unchanged
        result.refused = refused
        self._count(result)
        return result

    # --- klines ------------------------------------------------------------------------------------------------------

    def _append_klines(self, klines: Sequence[Kline], seen_ns: int, refused: list[tuple[MarketEvent, str]]) -> AppendResult:
        if not klines:
            return AppendResult()
        plan = self._plan(klines)
        if plan.overlapping:
            self._settle(plan)
        if not plan.fresh and not plan.revised:
            return AppendResult(unchanged=plan.unchanged)
        try:
            table = _kline_rows(plan, seen_ns)
        except pa.ArrowInvalid:
            self._refuse(plan, refused)
            if not plan.fresh and not plan.revised:
                return AppendResult(unchanged=plan.unchanged)
            table = _kline_rows(plan, seen_ns, text=plain)
        self._with_revisions.update(kline.stream for kline, _ in plan.revised)
        self._session.insert(self._database, KLINE.name, table)
        return AppendResult(new=plan.fresh, revised=plan.revised, rows=table.num_rows, unchanged=plan.unchanged)

    def _plan(self, klines: Sequence[Kline]) -> _Plan:
        plan = _Plan()
        extents = self._extents
        for kline in klines:
            extent = extents.get(kline.stream)
            open_time = kline.open_time
            if extent is None:
                extents[kline.stream] = Extent(open_time, open_time)
                plan.fresh.append(kline)
            elif open_time > extent.last_ms:
                extent.last_ms = open_time
                plan.fresh.append(kline)
            elif open_time < extent.first_ms:
                extent.first_ms = open_time
                plan.fresh.append(kline)
            else:
                plan.overlapping.append(kline)
        return plan

    def _settle(self, plan: _Plan) -> None:
        """Decide each overlapping kline against what is stored and what this very append writes before it."""
        known = self._look_up({(kline.stream, kline.open_time) for kline in plan.overlapping})
        for kline in plan.fresh:
            known[kline.stream, kline.open_time] = _Known(kline, 0)
        for kline in plan.overlapping:
            key = (kline.stream, kline.open_time)
            stored = known.get(key)
            if stored is None:
                plan.fresh.append(kline)
                known[key] = _Known(kline, 0)
            elif not self._restates(kline, stored.kline):
                plan.unchanged += 1
            else:
                revision = stored.revision + 1
                plan.revised.append((kline, revision))
                known[key] = _Known(kline, revision)

    def _restates(self, kline: Kline, stored: Kline) -> bool:
        if stored.synthetic and not kline.synthetic:
            return True
        if kline.values == stored.values:
            return False
        if _RANK[kline.source] >= _RANK[stored.source]:
            return True
        self.figures.ignored_late += 1
        if kline.stream not in self._told_late:
            self._told_late.add(kline.stream)
            _log.info(
                "store.late_restatement_ignored",
                stream=str(kline.stream),
                open_time=kline.open_time,
                source=str(kline.source),
                stored_source=str(stored.source),
            )
        return False

    def _look_up(self, keys: Iterable[tuple[StreamId, int]]) -> dict[tuple[StreamId, int], _Known]:
        wanted = sorted(keys)
        found: dict[tuple[StreamId, int], _Known] = {}
        columns = text_select(KLINE, hidden=())
        sql = (
            f"SELECT {columns} FROM `{self._database}`.kline WHERE (venue, market, symbol, period, open_time) IN "
            "(SELECT wanted.1, wanted.2, wanted.3, wanted.4, wanted.5 FROM (SELECT arrayJoin(arrayZip({venues:Array(String)}, "
            "{markets:Array(String)}, {symbols:Array(String)}, {periods:Array(String)}, {times:Array(Int64)})) AS wanted)) "
            "ORDER BY venue, market, symbol, period, open_time, revision"
        )
        for start in range(0, len(wanted), _LOOKUP_KEYS):
            part = wanted[start : start + _LOOKUP_KEYS]
            streams = {(*_names(stream.instrument), stream.period): stream for stream, _ in part}
            parameters = {
                "venues": [stream.instrument.venue for stream, _ in part],
                "markets": [stream.instrument.market for stream, _ in part],
                "symbols": [stream.instrument.symbol for stream, _ in part],
                "periods": [stream.period for stream, _ in part],
                "times": [time for _, time in part],
            }
            for row in self._session.rows(sql, parameters):
                stream = streams[row["venue"], row["market"], row["symbol"], row["period"]]
                found[stream, row["open_time"]] = _Known(kline_of(stream, row), row["revision"])
        self.figures.looked_up += len(wanted)
        return found

    @staticmethod
    def _refuse(plan: _Plan, refused: list[tuple[MarketEvent, str]]) -> None:
        good, bad = sound(plan.fresh)
        plan.fresh = [event for event in good if isinstance(event, Kline)]
        refused.extend(bad)
        faults = {id(event): reason for event, reason in sound([kline for kline, _ in plan.revised])[1]}
        refused.extend((kline, faults[id(kline)]) for kline, _ in plan.revised if id(kline) in faults)
        plan.revised = [item for item in plan.revised if id(item[0]) not in faults]

    # --- all other kinds ---------------------------------------------------------------------------------------------

    def _append_others(self, kind: Kind, events: list[Any], refused: list[tuple[MarketEvent, str]]) -> tuple[int, int]:
        total = len(events)
        last_quotes: dict[StreamId, tuple[int, int]] = {}
        if kind is Kind.QUOTE:
            events, last_quotes = self._unseen_quotes(events)
        unchanged = total - len(events)
        if not events:
            return 0, unchanged
        try:
            table = event_table(kind, events)
        except pa.ArrowInvalid:
            good, bad = sound(events)
            refused.extend(bad)
            if not good:
                return 0, unchanged
            table = event_table(kind, good, text=plain)
        self._session.insert(self._database, TABLE_OF[kind].name, table)
        self._last_quote.update(last_quotes)
        return table.num_rows, unchanged

    def _unseen_quotes(self, quotes: Sequence[Quote]) -> tuple[list[Quote], dict[StreamId, tuple[int, int]]]:
        """Drop quotes that two overlapping connections both brought: spot quotes carry no venue time to tell them apart."""
        kept = []
        last: dict[StreamId, tuple[int, int]] = {}
        for quote in quotes:
            now_ms = quote.time or quote.recv_ns // 1_000_000
            last_id, last_ms = last.get(quote.stream) or self._last_quote.get(quote.stream, (-1, 0))
            if quote.update_id <= last_id and abs(now_ms - last_ms) < _QUOTE_REPLAY_MS:
                continue
            last[quote.stream] = (quote.update_id, now_ms)
            kept.append(quote)
        return kept, last

    def _count(self, result: AppendResult) -> None:
        figures = self.figures
        figures.rows += result.rows
        figures.new += len(result.new)
        figures.revised += len(result.revised)
        figures.unchanged += result.unchanged
        if result.refused:
            figures.refused += len(result.refused)
            event, reason = result.refused[0]
            _log.warning("store.rows_refused", rows=len(result.refused), stream=str(event.stream), reason=reason)


def _names(instrument: InstrumentId) -> tuple[str, str, str]:
    return instrument.venue, instrument.market, instrument.symbol


def _kline_rows(plan: _Plan, seen_ns: int, *, text: ToText = str) -> pa.Table:
    rows = plan.fresh if not plan.revised else [*plan.fresh, *(kline for kline, _ in plan.revised)]
    revisions = [0] * len(plan.fresh) + [revision for _, revision in plan.revised]
    return kline_table(rows, revisions, seen_ns, text=text)
