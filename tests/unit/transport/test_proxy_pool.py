"""Which way out: order, environment, rest and return."""

from __future__ import annotations

import pytest
from tests.support.clock import ManualClock

from quantservice.adapters.venues.transport.proxies import ProxyPool, ProxySettings, environment_proxy, parse_proxy
from quantservice.core.errors import InvalidValue, VenueUnreachable
from quantservice.ports import ProxyRecord

FIRST = ProxyRecord(id=1, scheme="socks5", host="10.0.0.1", port=1080)
SECOND = ProxyRecord(id=2, scheme="http", host="10.0.0.2", port=3128, username="me", password="p@ss word")
URL = "https://api.example.com/x"


def names(pool: ProxyPool, url: str = URL) -> list[str]:
    return [egress.name for egress in pool.candidates(url)]


def pool_of(clock: ManualClock, *proxies: ProxyRecord, environment: dict[str, str] | None = None, **options: object) -> ProxyPool:
    settings = ProxySettings(**options)  # type: ignore[arg-type]  # the test's own keywords
    return ProxyPool(proxies, clock=clock, settings=settings, environment=environment or {})


def test_direct_comes_first_unless_configured() -> None:
    clock = ManualClock()
    assert names(pool_of(clock, FIRST, SECOND)) == ["direct", "socks5://10.0.0.1:1080", "http://10.0.0.2:3128"]
    assert names(pool_of(clock, FIRST, prefer="proxy")) == ["socks5://10.0.0.1:1080", "direct"]
    assert names(pool_of(clock, FIRST, prefer="proxy_only")) == ["socks5://10.0.0.1:1080"]


def test_proxies_only_without_a_proxy_says_what_to_do() -> None:
    with pytest.raises(VenueUnreachable, match="qs proxies add") as caught:
        pool_of(ManualClock(), prefer="proxy_only").choose(URL)
    assert caught.value.cause == "proxy"


async def test_a_failing_egress_rests_longer_each_time_and_returns() -> None:
    clock = ManualClock()
    pool = pool_of(clock, FIRST, cooldown_s=10, cooldown_most_s=30)
    direct = pool.choose(URL)
    rests = []
    for _ in range(4):
        pool.failed(direct, "refused")
        rests.append(direct.rests_until - clock.monotonic())
    assert [8 <= rests[0] <= 10, 16 <= rests[1] <= 20, 24 <= rests[2] <= 30, 24 <= rests[3] <= 30] == [True] * 4
    assert pool.choose(URL).proxy == FIRST
    await clock.advance(31)
    assert pool.choose(URL) is direct
    pool.succeeded(direct)
    pool.failed(direct, "refused")
    assert direct.rests_until - clock.monotonic() <= 10


def test_when_all_rest_the_one_that_is_up_soonest_is_tried() -> None:
    pool = pool_of(ManualClock(), FIRST)
    direct, proxy = pool.candidates(URL)
    for _ in range(3):
        pool.failed(direct, "refused")
    pool.failed(proxy, "refused")
    assert pool.choose(URL) is proxy


def test_registered_proxies_take_turns() -> None:
    pool = pool_of(ManualClock(), FIRST, SECOND, prefer="proxy_only")
    seen = set()
    for _ in range(2):
        seen.add(pool.choose(URL).name)
        pool.rotate()
    assert len(seen) == 2


def test_a_replaced_list_keeps_the_health_of_those_that_stay() -> None:
    pool = pool_of(ManualClock(), FIRST, SECOND, prefer="proxy_only")
    pool.failed(next(item for item in pool.egresses() if item.proxy == FIRST), "refused")
    pool.replace([FIRST])
    assert [item.failures for item in pool.egresses() if item.proxy == FIRST] == [1]
    pool.replace([ProxyRecord(id=1, scheme="socks5", host="10.0.0.1", port=1080, enabled=False)])
    assert [item.name for item in pool.egresses()] == ["direct"]


def test_credentials_are_in_the_url_only() -> None:
    pool = pool_of(ManualClock(), SECOND, prefer="proxy")
    egress = pool.choose(URL)
    assert egress.url == "http://me:p%40ss%20word@10.0.0.2:3128"
    pool.failed(egress, "refused")
    shown = f"{egress!r} {pool.stats()} {egress.proxy!r}"
    assert "p@ss" not in shown
    assert "p%40ss" not in shown


@pytest.mark.parametrize(
    ("url", "environment", "host"),
    [
        ("https://a.example.com/", {"HTTPS_PROXY": "http://p:1"}, "p"),
        ("wss://a.example.com/", {"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, "low"),
        ("http://a.example.com/", {"HTTPS_PROXY": "http://p:1"}, None),
        ("ws://a.example.com/", {"http_proxy": "p:8080"}, "p"),
        ("wss://a.example.com/", {"ALL_PROXY": "socks5h://s:1080"}, "s"),
        ("https://a.example.com/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "localhost, .example.com"}, None),
        ("https://example.com/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example.com"}, None),
        ("https://badexample.com/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.com"}, "p"),
        ("https://a.b:9443/", {"HTTPS_PROXY": "http://p:1", "no_proxy": "a.b:443"}, "p"),
        ("https://a.b:9443/", {"HTTPS_PROXY": "http://p:1", "no_proxy": "a.b:9443"}, None),
        ("https://a.b/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
    ],
)
def test_the_usual_environment_variables(url: str, environment: dict[str, str], host: str | None) -> None:
    found = environment_proxy(url, environment)
    assert (found.host if found else None) == host


def test_the_environments_proxy_takes_the_place_of_direct() -> None:
    pool = pool_of(ManualClock(), environment={"ALL_PROXY": "socks5://u:w@s:1080"})
    assert names(pool) == ["socks5://s:1080"]
    assert pool.choose(URL).url == "socks5://u:w@s:1080"
    assert names(pool_of(ManualClock(), environment={"ALL_PROXY": "socks5://s:1080"}, trust_environment=False)) == ["direct"]


@pytest.mark.parametrize("text", ["ftp://h:1", "socks5://", "http://h:99999", "socks4://h:1", ""])
def test_a_bad_proxy_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidValue, match="must be of the form"):
        parse_proxy(text)
