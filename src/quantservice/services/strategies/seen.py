"""Which klines a strategy has seen, and the stored ones that it has not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from quantservice.core.events import Kline, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import next_open
from quantservice.core.spans import Span
from quantservice.ports import Deployment, HostedBar, HostedBars
from quantservice.services.strategies.giving import MarketSource

_LATEST: Final = 2**62
#: Columns of a kline that a strategy is given as floats, in the order of its bar.
KLINE_FLOATS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)


class Seen:
    """Per stream the open times of the first and the last kline that the strategy's memory rests on."""

    def __init__(self, deployment: Deployment, source: MarketSource) -> None:
        self.streams = tuple(StreamId.kline(InstrumentId.parse(name), deployment.period) for name in deployment.instruments)
        self.last: dict[StreamId, int] = {}
        self.began: dict[StreamId, int] = {}
        self._period, self._source = deployment.period, source

    def note(self, tables: Sequence[HostedBars]) -> None:
        """Take that past klines were given."""
        for table in tables:
            opens = np.frombuffer(table.columns["open_time"], dtype="<i8")
            if len(opens):
                self._note(table.instrument, int(opens[0]), int(opens[-1]))

    def note_bars(self, bars: Sequence[HostedBar]) -> None:
        """Take that klines that closed together were given."""
        for bar in bars:
            self._note(bar.instrument, bar.open_time, bar.open_time)

    def _note(self, instrument: str, first: int, last: int) -> None:
        stream = StreamId.kline(InstrumentId.parse(instrument), self._period)
        self.last[stream] = last
        self.began.setdefault(stream, first)

    async def read(self, stream: StreamId, start: int, *, end: int = _LATEST, limit: int | None = None) -> HostedBars:
        """Return stored klines from ``start`` on, before ``end``; the newest ``limit`` of them, or all."""
        columns = await self._source.read(stream, Span(max(start, 0), end), limit=limit, newest=limit is not None)
        return hosted_bars(stream, columns)

    async def newest(self, limit: int) -> list[HostedBars]:
        """Return the newest stored klines of every stream."""
        return [await self.read(stream, 0, limit=limit) for stream in self.streams]

    async def whole(self) -> list[HostedBars]:
        """Return all stored klines from those on with which the memory began."""
        return [await self.read(stream, self.began.get(stream, 0)) for stream in self.streams]

    async def unseen(self, *, before: int = _LATEST) -> list[HostedBars]:
        """Return stored klines that opened before an instant and were not given; streams without any are left out."""
        tables = []
        for stream in self.streams:
            last = self.last.get(stream)
            if last is not None and next_open(self._period, last) < before:
                tables.append(await self.read(stream, last + 1, end=before))
        return [table for table in tables if table.columns["open_time"]]


def hosted_bars(stream: StreamId, columns: Mapping[str, Any]) -> HostedBars:
    """Return the market store's columns as a strategy's process takes them."""
    made = {name: np.ascontiguousarray(columns[name], dtype="<f8").tobytes() for name in KLINE_FLOATS}
    made["open_time"] = np.ascontiguousarray(columns["open_time"], dtype="<i8").tobytes()
    return HostedBars(str(stream.instrument), stream.period, made)


def hosted_bar(kline: Kline) -> HostedBar:
    """Return a live kline as a strategy's process takes it."""
    return HostedBar(
        str(kline.instrument),
        kline.open_time,
        kline.close_time,
        float(kline.open),
        float(kline.high),
        float(kline.low),
        float(kline.close),
        float(kline.volume),
        float(kline.quote_volume),
        kline.count,
        float(kline.taker_buy_base_volume),
        float(kline.taker_buy_quote_volume),
    )


def length_of(table: HostedBars) -> int:
    """Return how many klines a table has."""
    return len(table.columns["open_time"]) // 8


def span_of(tables: Sequence[HostedBars]) -> tuple[int, int] | None:
    """Return the open times of the first and the last kline; None where there is none."""
    opens = [np.frombuffer(table.columns["open_time"], dtype="<i8") for table in tables if table.columns["open_time"]]
    return (int(min(item[0] for item in opens)), int(max(item[-1] for item in opens))) if opens else None
