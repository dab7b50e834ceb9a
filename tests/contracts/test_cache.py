"""What every Cache must do. One suite, run over each adapter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest
from tests.support.clock import ManualClock

from quantservice.adapters.cache.memory import MemoryCache
from quantservice.core.errors import InvalidValue
from quantservice.ports import Cache

MakeCache: TypeAlias = Callable[[ManualClock], Cache]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=[lambda clock: MemoryCache(clock, max_bytes=1_000)], ids=["memory"])
def cache(request: pytest.FixtureRequest, clock: ManualClock) -> Cache:
    make: MakeCache = request.param
    return make(clock)


async def test_a_value_is_there_until_its_time_is_over(cache: Cache, clock: ManualClock) -> None:
    assert await cache.get("k") is None
    await cache.set("k", b"one", ttl_s=5)
    assert await cache.get("k") == b"one"
    await clock.advance(4.9)
    assert await cache.get("k") == b"one", "reading does not end it"
    await clock.advance(0.2)
    assert await cache.get("k") is None, "reading does not prolong it"


async def test_setting_replaces_value_and_time(cache: Cache, clock: ManualClock) -> None:
    await cache.set("k", b"one", ttl_s=1)
    await cache.set("k", b"two", ttl_s=10)
    await clock.advance(5)
    assert await cache.get("k") == b"two"


async def test_deleting_forgets(cache: Cache) -> None:
    await cache.set("k", b"one", ttl_s=1)
    await cache.delete("k")
    await cache.delete("k")
    assert await cache.get("k") is None


async def test_an_empty_value_is_a_value(cache: Cache) -> None:
    await cache.set("k", b"", ttl_s=1)
    assert await cache.get("k") == b""


async def test_a_value_without_a_life_is_refused(cache: Cache) -> None:
    with pytest.raises(InvalidValue):
        await cache.set("k", b"one", ttl_s=0)


async def test_it_satisfies_the_port(cache: Cache) -> None:
    assert isinstance(cache, Cache)


async def test_the_least_recently_used_goes_first_when_room_is_needed(clock: ManualClock) -> None:
    cache = MemoryCache(clock, max_bytes=34)
    for key in "abc":
        await cache.set(key, bytes(10), ttl_s=10)
    assert await cache.get("a") is not None
    await cache.set("d", bytes(10), ttl_s=10)
    assert [await cache.get(key) is not None for key in "abcd"] == [True, False, True, True]
    stats = cache.stats()
    assert (stats["entries"], stats["bytes"], stats["evicted"]) == (3, 33, 1)


async def test_a_value_larger_than_the_cache_is_not_kept_and_evicts_nothing(clock: ManualClock) -> None:
    cache = MemoryCache(clock, max_bytes=20)
    await cache.set("a", bytes(10), ttl_s=10)
    await cache.set("b", bytes(20), ttl_s=10)
    assert await cache.get("b") is None
    assert await cache.get("a") == bytes(10)


async def test_bytes_are_given_back(clock: ManualClock) -> None:
    cache = MemoryCache(clock, max_bytes=1_000)
    for _ in range(100):
        await cache.set("k", bytes(500), ttl_s=1)
    assert cache.stats()["bytes"] == 501
    await clock.advance(2)
    await cache.get("k")
    assert cache.stats()["bytes"] == 0
    with pytest.raises(InvalidValue):
        MemoryCache(clock, max_bytes=0)
