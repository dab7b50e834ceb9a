"""The market store against a model that is a dict: whatever is appended in whatever order, both say the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.clock import ManualClock
from tests.support.market import START_MS, kline, kline_stream
from tests.support.market_store import empty, reload

from quantservice.adapters.market_store.clickhouse import ClickHouseStore
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.periods import DAY_MS, MINUTE_MS
from quantservice.core.spans import Span

WHOLE = Span(START_MS, START_MS + DAY_MS)
RANK = {Source.DERIVED: 0, Source.WS: 1, Source.REST: 2, Source.ARCHIVE: 2, Source.IMPORT: 2}


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, loop: asyncio.AbstractEventLoop) -> Iterator[ClickHouseStore]:
    made = ClickHouseStore(f"chdb://{tmp_path_factory.mktemp('model')}", clock=ManualClock(), database="qs_model")
    loop.run_until_complete(made.open())
    yield made
    loop.run_until_complete(made.close())


class Model:
    """Every revision of every kline, as rules and not as a store."""

    def __init__(self) -> None:
        self.revisions: dict[tuple[StreamId, int], list[Kline]] = {}

    def append(self, bars: list[Kline]) -> tuple[int, int, int]:
        new = revised = unchanged = 0
        for bar in bars:
            held = self.revisions.setdefault((bar.stream, bar.open_time), [])
            if not held:
                new += 1
            elif not self.restates(bar, held[-1]):
                unchanged += 1
                continue
            else:
                revised += 1
            held.append(bar)
        return new, revised, unchanged

    @staticmethod
    def restates(bar: Kline, held: Kline) -> bool:
        if held.synthetic and not bar.synthetic:
            return True
        return bar.values != held.values and RANK[bar.source] >= RANK[held.source]


def make(base: str, index: int, close: int, source: Source) -> Kline:
    bar = kline(index, base=base, close=str(close))
    return msgspec.structs.replace(bar, source=source, synthetic=source is Source.DERIVED, volume=Decimal(close))


bars = st.builds(make, st.sampled_from(["BTC", "ETH"]), st.integers(0, 9), st.integers(1, 3), st.sampled_from(list(Source)))
appends = st.lists(st.lists(bars, max_size=8), max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=appends, restart_at=st.integers(0, 6))
def test_the_store_and_a_dict_agree(
    store: ClickHouseStore, loop: asyncio.AbstractEventLoop, batches: list[list[Kline]], restart_at: int
) -> None:
    loop.run_until_complete(_compare(store, batches, restart_at))


async def _compare(store: ClickHouseStore, batches: list[list[Kline]], restart_at: int) -> None:
    await empty(store)
    model = Model()
    for number, batch in enumerate(batches):
        if number == restart_at:
            await reload(store)
        result = await store.append(batch)
        assert (len(result.new), len(result.revised), result.unchanged) == model.append(batch)
    for base in ("BTC", "ETH"):
        stream = kline_stream(base)
        expected = {at: held for (its, at), held in sorted(model.revisions.items()) if its == stream}
        current = await store.read_klines(stream, WHOLE)
        assert {bar.open_time: bar.values for bar in current} == {at: held[-1].values for at, held in expected.items()}
        kept = [(row["open_time"], row["revision"], row["close"]) for row in await store.revisions(stream, WHOLE)]
        assert kept == [(at, index, str(bar.close)) for at, held in expected.items() for index, bar in enumerate(held)]
        covered = await store.coverage(stream, WHOLE)
        assert sum(span.length_ms for span in covered) == len(expected) * MINUTE_MS
        lacking = (await store.missing([(stream, WHOLE)])).get(stream, [])
        assert sum(span.length_ms for span in lacking) == DAY_MS - len(expected) * MINUTE_MS
