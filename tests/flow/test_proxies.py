"""REST and WebSocket through real proxy servers, with credentials, from the environment, and when one dies mid-way."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
import structlog
from tests.support.feeds import QUICK, quick, venue_on
from tests.support.proxies import PASSWORD, free_port, running_proxy
from tests.support.transport import Collected, fake_venue, kline_frame, um_stream, until

from quantservice.adapters.venues.binance.venue import BinanceSettings, BinanceVenue
from quantservice.adapters.venues.transport.proxies import ProxySettings
from quantservice.core.errors import VenueUnreachable
from quantservice.core.spans import Span

pytestmark = pytest.mark.server
KINDS = ["danted", "microsocks", "tinyproxy"]
MINUTE_MS = 60_000


def only_proxies(**changes: object) -> BinanceSettings:
    settings = ProxySettings(prefer="proxy_only", cooldown_s=0.2, cooldown_most_s=0.5)
    return msgspec.structs.replace(QUICK, proxies=settings, **changes)


def used(venue: BinanceVenue) -> dict[str, int]:
    return {str(item["egress"]): int(item["ok"]) for item in venue.pool.stats() if item["ok"]}


@pytest.mark.parametrize("kind", KINDS)
async def test_rest_and_websocket_go_through_the_proxy(kind: str, tmp_path: Path) -> None:
    async with fake_venue() as fake, running_proxy(kind, tmp_path) as proxy:
        settings = only_proxies(ws=msgspec.structs.replace(QUICK.ws, back_off_most_s=0.2))
        async with venue_on(fake, settings=settings, proxies=[proxy.record]) as venue, Collected(venue.feed) as got:
            assert (await venue.check_reachable()).ok
            await venue.feed.update([um_stream("AAA")])
            await until(fake.names, what="subscribed through the proxy")
            await fake.push(kline_frame("AAAUSDT", 1_700_000_040_000, closed=True))
            await until(got.klines, what="a kline through the proxy")
            assert list(used(venue)) == [f"{proxy.record.scheme}://127.0.0.1:{proxy.record.port}"]
            await proxy.stop()
            await until(lambda: "down" in got.states(), what="the stream went through it and ended with it")
            reached = await venue.check_reachable()
            assert (reached.ok, reached.cause) == (False, "proxy")
            assert PASSWORD not in f"{reached} {venue.usage()} {got.statuses}"


@pytest.mark.parametrize("kind", ["microsocks", "tinyproxy"])
async def test_a_wrong_password_is_named(kind: str, tmp_path: Path) -> None:
    async with fake_venue() as fake, running_proxy(kind, tmp_path) as proxy:
        wrong = msgspec.structs.replace(proxy.record, password="nonsense")
        async with venue_on(fake, settings=only_proxies(), proxies=[wrong]) as venue, Collected(venue.feed) as got:
            reached = await venue.check_reachable()
            assert (reached.ok, reached.cause) == (False, "proxy")
            assert "qs proxies" in reached.sentence
            assert not fake.requests
            with pytest.raises(VenueUnreachable):
                await venue.feed.update([um_stream("AAA")])
            assert got.events == []


@pytest.mark.parametrize(("kind", "variable"), [("danted", "ALL_PROXY"), ("tinyproxy", "http_proxy")])
async def test_the_environments_proxy_is_honoured(kind: str, variable: str, tmp_path: Path) -> None:
    async with fake_venue() as fake, running_proxy(kind, tmp_path) as proxy:
        record = proxy.record
        user = f"{record.username}:{record.password}@" if record.username else ""
        environment = {variable: f"{record.scheme}://{user}127.0.0.1:{record.port}"}
        async with venue_on(fake, environment=environment) as venue:
            assert (await venue.check_reachable()).ok
            assert list(used(venue)) == [f"{record.scheme}://127.0.0.1:{record.port}"]
            await proxy.stop()
            assert (await venue.check_reachable()).cause == "proxy"
        async with venue_on(fake, environment={**environment, "NO_PROXY": "127.0.0.1"}) as venue:
            assert (await venue.check_reachable()).ok
            assert list(used(venue)) == ["direct"]


async def test_a_proxy_that_dies_in_mid_backfill_is_replaced_and_no_row_is_lost(tmp_path: Path) -> None:
    async with (
        fake_venue() as fake,
        running_proxy("microsocks", tmp_path, number=1) as first,
        running_proxy("tinyproxy", tmp_path, number=2) as second,
    ):
        settings = msgspec.structs.replace(only_proxies(), proxies=ProxySettings(prefer="proxy_only", cooldown_s=60))
        async with venue_on(fake, settings=settings, proxies=[first.record, second.record]) as venue:
            now_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
            opens: list[int] = []
            async for page in venue.history.klines(um_stream("AAA"), Span(now_ms - 10_000 * MINUTE_MS, now_ms)):
                opens.extend(kline.open_time for kline in page)
                if len(opens) < 600:
                    await first.stop()
            assert sorted(opens) == list(range(now_ms - 10_000 * MINUTE_MS, now_ms, MINUTE_MS))
            assert set(used(venue)) == {
                f"socks5://127.0.0.1:{first.record.port}",
                f"http://127.0.0.1:{second.record.port}",
            }
            budgets = venue.usage()["budgets"]
            assert set(budgets) == set(used(venue)), "each address has its own weight budget"
            assert sum(item["granted"] for item in budgets.values()) >= 21 * 2


async def test_direct_comes_first_and_a_proxy_takes_over_when_it_fails(tmp_path: Path) -> None:
    async with (
        fake_venue() as fake,
        running_proxy("danted", tmp_path) as proxy,
        venue_on(fake, proxies=[proxy.record]) as venue,
    ):
        assert (await venue.check_reachable()).ok
        assert list(used(venue)) == ["direct"]
        venue.pool.failed(venue.pool.choose(f"http://127.0.0.1:{fake.port}"), "refused")
        assert (await venue.check_reachable()).ok
        assert set(used(venue)) == {"direct", f"socks5://127.0.0.1:{proxy.record.port}"}


async def test_a_loss_is_logged_once_and_the_return_once(tmp_path: Path) -> None:
    async with fake_venue() as fake:
        port = free_port()
        async with running_proxy("microsocks", tmp_path) as proxy:
            record = proxy.record
        assert port != record.port
        with structlog.testing.capture_logs() as logs:
            async with venue_on(
                fake, settings=quick(proxies={"prefer": "proxy_only", "cooldown_s": 0.01}), proxies=[record]
            ) as venue:
                for _ in range(3):
                    assert not (await venue.check_reachable()).ok
        lost = [entry for entry in logs if entry["event"] in ("rest.lost", "egress.lost")]
        assert sorted(entry["event"] for entry in lost) == ["egress.lost", "rest.lost"]
        assert PASSWORD not in str(logs)
