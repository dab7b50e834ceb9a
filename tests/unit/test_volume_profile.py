"""The usual volume of a time of the day, from the klines of the days before."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from tests.support.execution_rig import BTC
from tests.support.market import kline

from quantservice.app.volume_profile import volume_profile
from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kline, StreamId
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span

D = Decimal
START_MS = 20_000 * DAY_MS + 30_000  # half a minute past midnight
MINUTE_MS = 60_000


class Store:
    """Klines whose volume is their minute of the day plus one, on the days that it has."""

    def __init__(self, days: int) -> None:
        self.first_ms = START_MS // DAY_MS * DAY_MS - days * DAY_MS

    async def read_klines(self, stream: StreamId, span: Span) -> list[Kline]:
        assert stream == StreamId.kline(BTC, "1m")
        times = range(max(span.start_ms, self.first_ms), span.end_ms, MINUTE_MS)
        return [msgspec.structs.replace(kline(), open_time=time, volume=D(time % DAY_MS // MINUTE_MS + 1)) for time in times]


async def test_volumes_of_the_same_time_on_the_days_before_are_added_up() -> None:
    assert await volume_profile(Store(5), BTC, START_MS, 4 * MINUTE_MS, 2) == (D(5 * (1 + 2 + 3)), D(5 * (4 + 5)))
    assert await volume_profile(Store(1), BTC, START_MS, 4 * MINUTE_MS, 2) == (D(6), D(9))


async def test_without_klines_there_is_no_profile() -> None:
    with pytest.raises(InvalidValue, match="no 1m klines"):
        await volume_profile(Store(0), BTC, START_MS, MINUTE_MS, 2)
