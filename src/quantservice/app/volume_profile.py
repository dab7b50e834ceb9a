"""How an instrument's volume usually is over a time of the day: what a VWAP follows where no profile is given."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Protocol

from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kline, StreamId
from quantservice.core.instruments import InstrumentId
from quantservice.core.money import ZERO, exact
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span

DAYS: Final = 5
_MINUTE_MS: Final = 60_000


class Klines(Protocol):
    """The part of the market store that is asked."""

    async def read_klines(self, stream: StreamId, span: Span) -> list[Kline]:
        """Return the klines of a span."""
        ...


async def volume_profile(
    store: Klines, instrument: InstrumentId, start_ms: int, duration_ms: int, slices: int
) -> tuple[Decimal, ...]:
    """Return the volume of each part of a time on the days before, added up; InvalidValue where none is stored."""
    sums = [ZERO] * slices
    for day in range(1, DAYS + 1):
        begin = start_ms - day * DAY_MS
        span = Span(begin // _MINUTE_MS * _MINUTE_MS, begin + max(duration_ms, _MINUTE_MS))
        _add(sums, await store.read_klines(StreamId.kline(instrument, "1m"), span), begin, duration_ms)
    if not any(sums):
        raise InvalidValue("profile", f"no 1m klines of {instrument} are stored for the last {DAYS} days; give one, or take a twap")
    return tuple(sums)


@exact
def _add(sums: list[Decimal], klines: list[Kline], begin: int, duration_ms: int) -> None:
    for kline in klines:
        place = (kline.open_time - begin) * len(sums) // max(duration_ms, 1)
        sums[min(max(place, 0), len(sums) - 1)] += kline.volume
