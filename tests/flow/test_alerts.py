"""Alerts leave the house: to a real receiver, not again and again, not in a flood; what is over is told; addresses are secrets."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.support.clock import ManualClock
from tests.support.commands import free_port
from tests.support.state import sqlite_store

from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.notify.apprise import AppriseNotifier
from quantservice.app.settings.loader import mask
from quantservice.core.errors import EnvironmentFault, SettingsError
from quantservice.core.messages import TEST_ALERT, Alert, Message, Topic
from quantservice.services.notify import NotifyConfig, NotifyService
from quantservice.services.notify.store_watch import StoreWatch
from quantservice.services.risk.commands import RiskControl

pytestmark = pytest.mark.asyncio
TOKEN = "s3cret-t0ken"


class Receiver(HTTPServer):
    """A webhook that keeps what it was sent; ``refuse`` of the next requests are answered with 500."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict[str, Any]] = []
        self.refuse = 0

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/{TOKEN}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        refused = self.server.refuse > 0
        self.server.refuse -= refused
        if not refused:
            self.server.got.append(body)
        self.send_response(500 if refused else 200)
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


class Told:
    """A place that keeps what it was told."""

    targets = 1

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, str]] = []

    async def send(self, title: str, body: str, *, level: str) -> None:
        self.messages.append((title, body, level))


def alert(name: str = "position_differs", **more: Any) -> Alert:
    return Alert(**({"name": name, "level": "critical", "account": "main", "sentence": f"{name} happened"} | more))


async def test_a_webhook_gets_the_alert_and_its_end(receiver: Receiver) -> None:
    service = NotifyService(MemoryBus(), SystemClock(), AppriseNotifier([receiver.url]))
    await service.take(alert(instrument="binance:um:BTC-USDT-PERP"))
    await service.take(alert(instrument="binance:um:BTC-USDT-PERP", cleared=True, sentence="they agree again"))
    first, second = receiver.got
    assert first["title"] == "QuantService: position_differs"
    assert first["message"].split("\n") == ["position_differs happened", "account: main", "instrument: binance:um:BTC-USDT-PERP"]
    assert (first["type"], second["type"]) == ("failure", "info")
    assert second["title"].endswith("is over")
    assert service.stats() == {"places": 1, "sent": 2, "held_back": 0, "failed": 0}


async def test_a_receiver_that_is_slow_holds_up_nothing_that_the_bus_carries() -> None:
    class Slow(Told):
        async def send(self, title: str, body: str, *, level: str) -> None:
            await asyncio.Event().wait()

    bus = MemoryBus()
    service = NotifyService(bus, SystemClock(), Slow())
    task = asyncio.create_task(service.run())
    try:
        async with asyncio.timeout(10):
            while not bus.stats():  # noqa: ASYNC110  # it subscribes meanwhile
                await asyncio.sleep(0.01)
            for number in range(5):
                await bus.publish([Message(topic=Topic.ALERT, data=alert(f"a{number}"), event_type="a")])
            while bus.stats()[0].delivered < 5:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_store_that_is_away_is_told_once_and_its_end_too() -> None:
    clock, told, away = ManualClock(), Told(), True

    async def ask() -> None:
        if away:
            raise EnvironmentFault("the state store does not answer")

    bus = MemoryBus()
    service = NotifyService(bus, clock, told, store=StoreWatch(ask, clock))
    with capture_logs() as logs:
        task = asyncio.create_task(service.run())
        try:
            async with asyncio.timeout(10):
                for _ in range(10):
                    await clock.advance(1.0)
                while not told.messages:  # noqa: ASYNC110  # it is delivered meanwhile
                    await asyncio.sleep(0.01)
                away = False
                while len(told.messages) < 2:
                    await clock.advance(1.0)
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    (first, words, level), (second, again, _) = told.messages
    assert (first, level) == ("QuantService: store_away", "critical")
    assert words.startswith("the state store does not answer; nothing new is sent")
    assert (second, "answers again; it was away for" in again) == ("QuantService: store_away is over", True)
    assert len([entry for entry in logs if entry["event"] == "alert"]) == 2, "each is logged once"


async def test_a_store_that_is_away_for_a_moment_is_no_alarm() -> None:
    clock, away = ManualClock(), True

    async def ask() -> None:
        if away:
            raise EnvironmentFault("the state store does not answer")

    watch = StoreWatch(ask, clock)
    assert await watch.look() is None
    await clock.advance(2.0)
    assert await watch.look() is None
    away = False
    assert await watch.look() is None
    away = True
    await clock.advance(2.0)
    assert await watch.look() is None, "it is counted anew"


async def test_a_receiver_that_fails_is_tried_again_and_its_address_is_shown_nowhere(receiver: Receiver) -> None:
    receiver.refuse = 2
    config = NotifyConfig(back_off_s=0.0)
    service = NotifyService(MemoryBus(), SystemClock(), AppriseNotifier([receiver.url]), config)
    with capture_logs() as logs:
        await service.take(alert())
        receiver.refuse = 9
        await service.take(alert("other"))
    assert len(receiver.got) == 1
    assert (service.stats()["sent"], service.stats()["failed"]) == (1, 1)
    assert TOKEN not in str(logs)
    assert TOKEN not in str(mask("alerts.urls", (receiver.url,)))


async def test_one_place_that_is_away_keeps_no_other_from_hearing(receiver: Receiver) -> None:
    away = f"json://127.0.0.1:{free_port()}/{TOKEN}"
    with pytest.raises(EnvironmentFault, match=r"address 1 of alerts\.urls") as caught:
        await AppriseNotifier([away, receiver.url]).send("title", "body", level="warning")
    assert len(receiver.got) == 1
    assert TOKEN not in str(caught.value)


async def test_an_address_that_apprise_does_not_know_is_named_by_its_place() -> None:
    with pytest.raises(SettingsError, match="address 2") as caught:
        AppriseNotifier(["json://127.0.0.1/x", f"nosuch://{TOKEN}"])
    assert TOKEN not in str(caught.value)


async def test_the_same_again_and_a_flood_are_held_back_and_counted() -> None:
    clock, told = ManualClock(), Told()
    config = NotifyConfig(again_after_s=600.0, most_per_minute=3)
    service = NotifyService(MemoryBus(), clock, told, config)
    for _ in range(5):
        await service.take(alert())
    assert len(told.messages) == 1
    await service.take(alert(account="second"))
    assert told.messages[-1][1].endswith("4 more alerts were held back")
    await service.take(alert("third"))
    await service.take(alert("fourth"))
    assert [title for title, _, _ in told.messages] == ["QuantService: position_differs"] * 2 + ["QuantService: third"]
    await clock.advance(61.0)
    await service.take(alert("fifth"))
    assert told.messages[-1][1].endswith("1 more alerts were held back")
    await clock.advance(600.0)
    await service.take(alert())
    assert told.messages[-1][0] == "QuantService: position_differs"
    await service.take(alert(cleared=True))
    await service.take(alert(cleared=True))
    assert [level for _, _, level in told.messages][-2:] == ["critical", "info"], "its end is told once"


async def test_a_test_is_sent_each_time_it_is_asked_for() -> None:
    told = Told()
    service = NotifyService(MemoryBus(), ManualClock(), told)
    for _ in range(2):
        await service.take(alert(TEST_ALERT, account=""))
    assert [body for _, body, _ in told.messages] == ["test happened"] * 2


async def test_below_the_level_nothing_is_sent() -> None:
    told = Told()
    service = NotifyService(MemoryBus(), ManualClock(), told, NotifyConfig(level="critical"))
    await service.take(alert(level="warning"))
    assert told.messages == []


async def test_a_state_that_is_set_becomes_an_alert_within_its_commit(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        risk = RiskControl(store, SystemClock())
        await risk.set_state("system", "", "HALTED", reason="a test")
        await risk.set_state("system", "", "ACTIVE")
        async with store.transaction() as work:
            rows = await work.outbox.pending(limit=20)
        alerts = [row.data for row in rows if isinstance(row.data, Alert)]
        assert [(item.level, item.cleared) for item in alerts] == [("critical", False), ("warning", True)]
        assert {item.name for item in alerts} == {"risk_state"}
        assert "a test" in alerts[0].sentence
