"""An outside watchdog hears from us while we are well, and only then; its address is a secret."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.support.clock import ManualClock
from tests.support.commands import free_port

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.notify.nowhere import Nowhere
from quantservice.adapters.notify.ping import HttpPing
from quantservice.app.roles import make_watchdog
from quantservice.app.settings.loader import mask
from quantservice.core.errors import EnvironmentFault, SettingsError, StoreUnavailable
from quantservice.services.notify import NotifyService
from quantservice.services.notify.watchdog import Watchdog

pytestmark = pytest.mark.asyncio
TOKEN = "s3cret-t0ken"


class Receiver(HTTPServer):
    """A watchdog that keeps the paths it was called by; ``status`` is its answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[str] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{TOKEN}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        self.server.got.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


class Platform(SimpleNamespace):
    """What the watchdog asks of a platform: a store that answers, services that run."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock, state_store=self, runner=SimpleNamespace(healthy=True), values=self)
        self.away = False

    def transaction(self) -> Platform:
        return self

    async def __aenter__(self) -> Platform:
        if self.away:
            raise StoreUnavailable("the store is away")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to commit."""

    async def get(self, *_: str) -> None:
        return None


async def until(there: Any) -> None:
    async with asyncio.timeout(10.0):
        while not there():  # noqa: ASYNC110  # the receiver works in a thread
            await asyncio.sleep(0.01)


async def test_it_is_called_at_the_interval_while_all_is_well(receiver: Receiver) -> None:
    clock = ManualClock()
    platform: Any = Platform(clock)
    watchdog = make_watchdog(platform, receiver.url, 60.0)
    assert watchdog is not None
    service = NotifyService(MemoryBus(), clock, Nowhere(), watchdog=watchdog)
    task = asyncio.create_task(service.run())
    for count in (1, 2, 3):
        await until(lambda count=count: len(receiver.got) == count and clock.sleepers)
        await clock.advance(59.0)
        assert len(receiver.got) == count
        await clock.advance(1.0)
    await until(lambda: len(receiver.got) == 4 and clock.sleepers)
    assert set(receiver.got) == {f"/{TOKEN}"}
    assert service.stats()["pings"] == 4
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_hears_nothing_while_a_service_or_the_store_is_down(receiver: Receiver) -> None:
    platform: Any = Platform(ManualClock())
    watchdog = make_watchdog(platform, receiver.url, 60.0)
    assert watchdog is not None
    with capture_logs() as logs:
        platform.runner.healthy = False
        await watchdog.look()
        await watchdog.look()
        platform.runner.healthy, platform.away = True, True
        await watchdog.look()
        assert receiver.got == []
        platform.away = False
        await watchdog.look()
    assert len(receiver.got) == 1
    assert [entry["event"] for entry in logs] == ["watchdog.silent", "watchdog.silent", "watchdog.again"], "said once each"
    assert dict(watchdog.stats()) == {"pings": 1, "silences": 3}


async def test_a_watchdog_that_is_away_ends_nothing_and_no_log_names_it(receiver: Receiver) -> None:
    async def well() -> bool:
        return True

    gone = f"http://127.0.0.1:{free_port()}/{TOKEN}"
    with capture_logs() as logs:
        for url in (gone, receiver.url):
            receiver.status = 503
            with pytest.raises(EnvironmentFault, match="watchdog") as caught:
                await HttpPing(url).ping()
            assert TOKEN not in str(caught.value)
            await Watchdog(HttpPing(url).ping, well, ManualClock(), every_s=60.0).look()
    assert len(logs) == 2
    assert TOKEN not in str(logs)
    assert TOKEN not in str(mask("alerts.watchdog_url", receiver.url))


async def test_an_address_that_is_none_is_said_at_once() -> None:
    platform: Any = Platform(ManualClock())
    for url in ("ftp://host/x", "no address", "http://"):
        with pytest.raises(SettingsError, match="watchdog_url"):
            make_watchdog(platform, url, 60.0)
    assert make_watchdog(platform, "", 60.0) is None
