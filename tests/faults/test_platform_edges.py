"""Faults at the platform's edges, one after the other in one running platform: 51 symbols, 3 markets, 2 periods.

MD11 changed listings, MD12 a venue that refuses, answers 404 and has no address, MD13 a burst, ST4 a store that goes away,
BU6 slow consumers, IN1 hostile names, IN4 hostile clients. The judge speaks at the end.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psutil
import pytest
from tests.support.platform_faults import Run, exchange, judge, obeyed, platform_run, play, say, symbols, until

from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.core.errors import StoreUnavailable
from quantservice.core.events import StreamId
from quantservice.core.messages import Overflow, Topic
from quantservice.simulator.server import Simulator

_KINDS = dict.fromkeys(("SP0USDT", "UM0USDT", "CM0USD_PERP"), ("kline", "trade", "quote"))
HOSTILE = (
    'x"; DROP TABLE klines; --',
    "..%2f..%2fetc%2fpasswd",
    "BTC\x00USDT",
    "\u202eTDSU",
    "ВТСUSDT",  # Cyrillic letters that look like Latin ones
    "A" * 200,
    "测试\r\nSet-Cookie: x=1",
    "`kline`) UNION SELECT 1 --",
    "=cmd|' /C calc'!A0",
)


@pytest.mark.timeout(300)
def test_a_platform_outlives_faults_at_its_edges(tmp_path: Path) -> None:
    answer = play(__name__, "edges_story", tmp_path)
    assert answer["streams"] >= 100


async def edges_story(folder: Path) -> dict[str, Any]:
    """One platform, all faults of its edges, one judgement."""
    async with exchange(per_market=18) as simulator:
        flags: dict[str, Any] = {"collect__instruments_refresh_minutes": 0.08}
        endpoints = _with_a_dead_host(simulator)
        async with platform_run(folder / "data", simulator, kinds=_KINDS, endpoints=endpoints, **flags) as run:
            await run.ready()
            gone = await _listings(run)
            await _refused(run)
            await _store_away(run)
            await _burst(run)
            await _slow_consumers(run)
            await _hostile_clients(run)
            await _hostile_names(run)
            simulator.faults.clear()
            spans = await run.complete([stream for stream in await run.streams() if stream.instrument.symbol not in gone])
            verdict = await judge(run, spans)
            assert run.platform.runner.healthy, run.platform.runner.states()
        obeyed(simulator)
    say(f"{verdict.rows} klines of {verdict.streams} streams equal the venue's, sources {verdict.sources}")
    return {"streams": verdict.streams, "rows": verdict.rows}


def _with_a_dead_host(simulator: Simulator) -> BinanceEndpoints:
    """Addresses of which cm's first WebSocket host has no address (MD12)."""
    made = BinanceEndpoints.simulator(simulator.rest_url, {str(market): url for market, url in simulator.ws_urls.items()})
    return BinanceEndpoints(rest=made.rest, ws={**made.ws, "cm": ("ws://no-such-host.invalid/cm", *made.ws["cm"])})


async def _listings(run: Run) -> set[str]:
    """MD11: a new Chinese symbol, a rename, a delisting, another tick, a break. Return who is gone from the venue."""
    down = [status for status in run.witness.statuses if status.market == "cm" and status.state == "down"]
    assert any("cannot be resolved" in status.detail for status in down), "the cause is named: the host has no address"
    spec = msgspec.structs.replace(symbols(2)["um"][0], symbol="新币USDT", base="新币")
    run.fault("new_symbol", market="um", spec=msgspec.to_builtins(spec))
    run.fault("rename", market="um", symbol="UM4USDT", to="UM4XUSDT")
    run.fault("delist", market="spot", symbol="SP3USDT")
    run.fault("tick_size", market="spot", symbol="SP5USDT", ticks=5)
    run.fault("status", market="cm", symbol="CM2USD_PERP", to="BREAK")
    book = run.platform.book
    await until(lambda: any(item.venue_symbol == "新币USDT" for item in book()), "the new symbol is known")
    await until(lambda: not any(item.venue_symbol in ("SP3USDT", "UM4USDT") for item in book()), "the old ones are gone")
    await until(lambda: book().resolve("CM2USD_PERP", market="cm").status == "break", "the break is known")
    start = run.now_ms // 300_000 * 300_000
    await run.platform.pairs.register("新币USDT", market="um", periods=("1m", "5m"), history_start_ms=start)
    fresh = [stream for stream in await run.streams() if stream.instrument.symbol == "新币-USDT-PERP"]
    assert len(fresh) == 2
    await until(lambda: any(stream in run.witness.newest for stream in fresh), "the new symbol is collected")
    (renamed,) = [item.id for item in book() if item.venue_symbol == "UM4XUSDT"]
    stream = StreamId.kline(renamed, "1m")
    seen = run.witness.newest[stream]
    await until(lambda: run.witness.newest[stream] > seen + 60_000, "the renamed symbol is collected under its new name")
    run.fault("status", market="cm", symbol="CM2USD_PERP", to="TRADING")
    await until(lambda: book().resolve("CM2USD_PERP", market="cm").status == "trading", "the break is over")
    return {"SP3-USDT", "UM4-USDT-PERP", "新币-USDT-PERP"}


async def _refused(run: Run) -> None:
    """MD12: connects are refused, REST answers 503, the address is retired; said once, obeyed, and found again."""
    before, began = len(run.witness.statuses), time.monotonic()
    run.fault("refuse_connect", market="spot", for_s=1.5)
    run.fault("not_found", market="um", path="/um/market", for_s=1.5)
    run.fault("http_error", market="um", path="/fapi", status=503, for_s=1.5)
    run.fault("cut", market="spot")
    run.fault("cut", market="um", path="/um/market")
    for market in ("spot", "um"):
        await _lost_and_back(run, market, before)
    details = {status.detail for status in run.witness.statuses[before:] if status.state == "down"}
    assert any("404" in detail for detail in details), details
    say(f"MD12: both markets live again {time.monotonic() - began:.2f} s after the fault began (it lasted 1.5 s)")


async def _lost_and_back(run: Run, market: str, before: int) -> None:
    def lost() -> bool:
        return any(status.state == "down" and status.market == market for status in run.witness.statuses[before:])

    await until(lost, f"{market} is lost")
    await until(lambda: _all_live(run, market), f"{market} is back")


def _all_live(run: Run, market: str) -> bool:
    links = run.platform.venues["binance", market].feed.stats()["connections"]
    return all(link["state"] == "live" for link in links)


async def _store_away(run: Run) -> None:
    """ST4: the engine answers nothing for a while, and once an insert is applied whose answer is lost."""
    store, session = run.platform.market_store, run.platform.market_store.session
    works, append = session.run, store.append
    before, began = run.stats("recorder"), time.monotonic()

    async def away(_call: Any) -> Any:
        raise StoreUnavailable("the market store does not answer: taken away by the test")

    setattr(session, "run", away)  # noqa: B010 - the one seam through which everything of the engine goes
    await run.bars(3)
    await until(lambda: run.stats("recorder")["spilled_rows"] > before["spilled_rows"], "rows go to the disk file")
    assert run.stats("recorder")["store_away"] == 1
    setattr(session, "run", works)  # noqa: B010
    await until(
        lambda: not run.stats("recorder")["store_away"] and not run.stats("recorder")["spill_bytes"], "the file drains by itself"
    )
    say(f"ST4: {run.stats('recorder')['drained_rows']} rows drained, {time.monotonic() - began:.2f} s after the loss")
    alarms = [alarm.name for alarm in run.witness.alarms]
    assert alarms.count("recorder.store_lost") == alarms.count("recorder.store_returned") == 1, "said once each"

    async def applied_and_lost(events: Any) -> Any:
        setattr(store, "append", append)  # noqa: B010
        await append(events)
        raise StoreUnavailable("the answer was lost")

    setattr(store, "append", applied_and_lost)  # noqa: B010
    await run.bars(2)
    await until(lambda: not run.stats("recorder")["spill_bytes"], "what was applied is not applied twice")
    # What the lost answer would have announced is stored; the witness cannot have heard of it as new twice.


async def _burst(run: Run) -> None:
    """MD13: every frame fifty times; doubles are absorbed, memory is bounded, the platform is soon current again."""
    memory = psutil.Process()
    before, began = memory.memory_info().rss, time.monotonic()
    run.fault("burst", factor=50, for_s=2.0)
    most = before
    while time.monotonic() - began < 2.0:
        await asyncio.sleep(0.1)
        most = max(most, memory.memory_info().rss)
    await run.bars(1)
    await until(
        lambda: all(venue.feed.stats()["waiting"] < 5_000 for venue in run.platform.venues.values()), "the queues are short"
    )
    say(f"MD13: burst of 50x for 2 s, RSS +{(most - before) / 1e6:.0f} MB, current {time.monotonic() - began - 2:.2f} s after it")
    assert most - before < 400_000_000, "a burst must not fill the memory"


async def _slow_consumers(run: Run) -> None:
    """BU6: two consumers a hundred times too slow; their queues are bounded, what they lose is counted, nobody else notices."""
    bus = run.platform.bus

    async def crawl(overflow: Overflow) -> tuple[int, int]:
        topics = [Topic.MARKET_LIVE]
        deepest = 0
        async with bus.subscribe(topics, group=f"slow-{overflow}", overflow=overflow, capacity=200) as slow:
            async for _ in slow:
                deepest = max(deepest, slow.stats.depth)
                await asyncio.sleep(0.5)
                await slow.commit()
                if slow.stats.dropped + slow.stats.conflated > 100 or deepest > 400:
                    return deepest, slow.stats.dropped + slow.stats.conflated
        return deepest, 0

    tasks = [asyncio.create_task(crawl(overflow)) for overflow in (Overflow.DROP_OLDEST, Overflow.CONFLATE)]
    await run.bars(3)
    for task in tasks:
        deepest, lost = await asyncio.wait_for(task, 30)
        assert deepest <= 400, "the queue stays bounded"
        assert lost > 100, "what it lost is counted"


async def _hostile_clients(run: Run) -> None:
    """IN4: a thousand subscriptions too many, one that never reads, a slow loris; a well-behaved client gets every closed bar."""
    url = run.platform.client_url
    port = int(url.rsplit(":", 1)[1])
    loris = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(20)]
    for one in loris:
        one.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nX-")
    async with aiohttp.ClientSession() as session:
        good, greedy, deaf = [await session.ws_connect(url, max_msg_size=0) for _ in range(3)]
        wanted: dict[str, Any] = {"action": "subscribe", "symbol": "UM1USDT", "market": "um", "period": "1m"}
        await good.send_json(wanted)
        await deaf.send_json(wanted)
        for number in range(1_500):
            await greedy.send_json({**wanted, "symbol": f"SP{number % 17}USDT", "market": "spot", "period": "1m", "id": number})
        for one in loris:
            one.sendall(b"a")
        closed: list[int] = []
        async with asyncio.timeout(30):
            while len(closed) < 4:
                message = json.loads((await good.receive(timeout=20)).data)
                rows = message.get("data")
                closed += [row["open_time"] for row in rows if row.get("closed")] if isinstance(rows, list) else []
        assert closed == sorted(set(closed)), closed
        assert {after - before for before, after in itertools.pairwise(closed)} == {60_000}, "no closed bar is left out"
    for one in loris:
        one.close()


async def _hostile_names(run: Run) -> None:
    """IN1: names that are not names, at every door; each is refused with a sentence, and the tables are what they were."""
    platform = run.platform
    before = dict(await platform.market_store.statistics())
    headers = {"Authorization": f"Bearer {platform.owner_token}"}
    async with aiohttp.ClientSession(base_url=platform.page_url, headers=headers) as session:
        for name in HOSTILE:
            for path, field in (
                ("/api/v1/klines", "symbol"),
                ("/api/v1/trades", "symbol"),
                ("/udf/symbols", "symbol"),
                ("/udf/history", "symbol"),
            ):
                params = {field: name, "market": "um", "period": "1m"} if path.startswith("/api") else {field: name}
                async with session.get(path, params=params) as response:
                    text = await response.text()
                    assert response.status < 500, (path, name, text)
                    assert response.status >= 400 or '"s":"error"' in text.replace(" ", "") or "no_data" in text, (path, name, text)
                    assert "\r\nSet-Cookie: x" not in str(response.headers)
            for body in (
                {"symbol": name, "market": "um"},
                {"symbol": "UM1USDT", "market": name},
                {"symbol": "UM1USDT", "market": "um", "periods": [name]},
            ):
                async with session.post("/api/v1/pairs", json=body) as response:
                    assert 400 <= response.status < 500, (body, response.status, await response.text())
        async with session.get("/health/live") as response:
            assert response.status == 200
    assert await platform.market_store.check_schema() == []
    assert dict(await platform.market_store.statistics()).keys() == before.keys()
    command = ("backfill-gap", f"--symbol={HOSTILE[0]}", "--market=um", "--period=1m", "--start_ms=0", "--end_ms=60000")
    await _refused_by_the_command_line(run, command)
    await _refused_by_the_command_line(run, ("pairs", "add", HOSTILE[3]))


async def _refused_by_the_command_line(run: Run, command: tuple[str, ...]) -> None:
    from tests.support.commands import qs

    folder = run.platform.places.root
    done = await asyncio.to_thread(qs, *command, f"--data-dir={folder}", cwd=folder.parent)
    said = done.stdout + done.stderr
    assert done.returncode != 0, (command, said)
    assert "Traceback" not in said, said
