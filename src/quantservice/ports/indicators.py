"""Computed indicator values: derived from klines, replaced when what they were computed from changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from quantservice.core.events import StreamId
from quantservice.core.spans import Span
from quantservice.ports.market_store import Columns


class IndicatorValues(msgspec.Struct, frozen=True):
    """Values of one indicator on one kline stream: ``values`` is float64, bars by outputs; ``open_times`` int64 ms."""

    stream: StreamId
    indicator: str  # the canonical key: sma(20)
    outputs: tuple[str, ...]
    open_times: Any
    values: Any


class IndicatorExtent(msgspec.Struct, frozen=True, kw_only=True):
    """First and last bar of what is stored of one indicator, and how many bars."""

    first_ms: int
    last_ms: int
    bars: int


class IndicatorStore(Protocol):
    """The market store's tables ``indicator`` and ``indicator_ma``."""

    async def put_indicators(self, rows: Sequence[IndicatorValues]) -> int:
        """Write values; a later value of one key replaces the earlier. Returns the rows written."""
        ...

    async def read_indicator(
        self, stream: StreamId, indicator: str, span: Span, *, limit: int | None = None, newest: bool = False
    ) -> Columns:
        """Stored values by time: ``open_time`` and one float64 column per output."""
        ...

    async def indicator_extents(self, stream: StreamId) -> dict[str, IndicatorExtent]:
        """What is stored of a stream, by the indicator's key."""
        ...
