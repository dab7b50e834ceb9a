"""How a span becomes pages, and whose clock the weight windows follow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantservice.adapters.venues.binance.history import best_rows, kline_windows, venue_wall_ms
from quantservice.adapters.venues.binance.spec import spec_of
from quantservice.core.periods import DAY_MS, PERIODS, opens_between
from quantservice.core.spans import Span

NOW = 1_740_787_230_000


def test_the_page_with_the_most_rows_per_weight() -> None:
    assert [best_rows(spec_of(market).endpoint("klines")) for market in ("spot", "um", "cm")] == [1000, 499, 499]


@given(
    st.sampled_from(["spot", "um", "cm"]),
    st.sampled_from(PERIODS),
    st.integers(0, 3000),
    st.integers(-5, 2000),
    st.integers(0, 59_999),
)
@settings(deadline=None)
def test_pages_cover_every_bar_once_newest_first(market: str, period: str, back: int, length: int, offset: int) -> None:
    spec = spec_of(market)
    endpoint = spec.endpoint("klines")
    step = 60_000 if period in ("1s", "1m") else DAY_MS
    start = max(0, NOW - back * step + offset)
    span = Span(start, start + max(1, length * step))
    windows = kline_windows(endpoint, period, span, NOW)
    opens = [list(opens_between(period, item.start_ms, item.end_ms)) for item in windows]
    wanted = list(opens_between(period, span.start_ms, min(span.end_ms, NOW))) if min(span.end_ms, NOW) > span.start_ms else []
    assert [item for page in reversed(opens) for item in page] == wanted
    rows = best_rows(endpoint)
    assert all(0 < len(page) <= rows for page in opens)
    if endpoint.max_range_ms:
        assert all(item.length_ms <= max(endpoint.max_range_ms, 31 * DAY_MS) for item in windows)


DATE = "Thu, 07 Nov 2024 17:20:00 GMT"
AT = 1_731_000_000_000


@pytest.mark.parametrize(
    ("server", "date", "wall", "real"),
    [
        (AT + 250, None, AT, AT + 250),
        (AT + 250, "not a date", AT, AT + 250),
        (AT + 400, DATE, AT - 60_000, AT + 400),
        # the venue replays the past: its server time is the market's, its Date is real
        (1_600_000_000_000, DATE, AT + 300, AT + 300),
        # and this machine's clock is a minute late
        (1_600_000_000_000, DATE, AT - 60_000, AT + 500),
    ],
)
def test_weight_windows_follow_the_venues_real_clock(server: int, date: str | None, wall: int, real: int) -> None:
    assert venue_wall_ms(server, date, wall) == real
