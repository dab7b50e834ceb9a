"""``qs up`` and the single roles over real venues."""

from __future__ import annotations

import asyncio
import contextlib
import webbrowser
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from quantservice.app.cli.console import note, write
from quantservice.app.lean import spare_pandas
from quantservice.app.logs import LogTail, configure_logs
from quantservice.app.loop import loop_factory, settle_memory
from quantservice.app.places import Places
from quantservice.app.platform import Platform
from quantservice.app.process import find_running
from quantservice.app.settings import LoadedSettings
from quantservice.app.venues import Making, addresses_of, make_venues, rows_of
from quantservice.core.errors import EnvironmentFault, UnknownName
from quantservice.core.events import FeedStatus, Kind, Kline, MarketEvent, StreamId

if TYPE_CHECKING:
    from quantservice.adapters.venues.transport.raw_tap import RawTap

log = structlog.get_logger(__name__)


def run_up(loaded: LoadedSettings, *, roles: Sequence[str], run_for_s: float | None) -> int:
    """Run the platform against the configured venues until Ctrl-C; returns the exit code."""
    places = Places.of(loaded.settings)
    places.prepare()
    tail = configure_logs(loaded.settings.log, places.logs)
    return run_loop(_up(loaded, tuple(roles) or None, run_for_s, tail))


def run_loop(work: Coroutine[Any, Any, int]) -> int:
    """Run a command's coroutine on the fast loop."""
    spare_pandas()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


async def _up(loaded: LoadedSettings, roles: tuple[str, ...] | None, run_for_s: float | None, tail: LogTail) -> int:
    async with Platform.open(loaded, roles=roles, tail=tail, command="up") as platform:
        faults = await reachability(platform)
        if faults and len(faults) == len(platform.venues):
            raise EnvironmentFault(f"no venue can be reached. {faults[0]}")
        for sentence in faults:
            log.error("venue.unreachable", reason=sentence)
        await platform.register_first_pairs(platform.settings.collect.pairs)
        banner(platform)
        await serve(platform, run_for_s)
    return 0


async def reachability(platform: Platform) -> list[str]:
    """Ask every venue once; return a sentence for each that cannot be reached."""
    answers = await asyncio.gather(*(venue.check_reachable() for venue in platform.venues.values()))
    return [answer.sentence for answer in answers if not answer.ok]


async def serve(platform: Platform, run_for_s: float | None, *besides: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the services, and ``besides`` beside them, until a signal or until the time is over."""
    helpers = [asyncio.create_task(work()) for work in besides]
    settle_memory()
    try:
        await platform.run(seconds=run_for_s)
    finally:
        for helper in helpers:
            helper.cancel()
        for helper in helpers:
            with contextlib.suppress(asyncio.CancelledError):
                await helper
    note("stopped cleanly")


def banner(platform: Platform, *, headline: str = "") -> None:
    """Say where everything is, and open the browser if wanted."""
    if headline:
        note(headline)
    if platform.page_url:
        note(f"  page         {platform.page_url}")
        note(
            f"  owner link   {platform.page_url}/login?token={platform.owner_token}   (open it once to be allowed to change things)"
        )
    if platform.client_url:
        note(f"  clients      {platform.client_url}")
    note(f"  data         {platform.places.root}")
    note("  Ctrl-C ends it; the next start goes on where this one ended")
    if platform.settings.web.open_browser and platform.page_url:
        asyncio.get_running_loop().call_later(1.0, _open_browser, f"{platform.page_url}/login?token={platform.owner_token}")


def _open_browser(url: str) -> None:
    with contextlib.suppress(webbrowser.Error):
        asyncio.get_running_loop().run_in_executor(None, webbrowser.open, url)


def run_client_server(loaded: LoadedSettings, *, run_for_s: float | None) -> int:
    """Run only the client server over this data directory's stores."""
    places = Places.of(loaded.settings)
    places.prepare()
    running = find_running(places)
    if running is not None and running.client_url:
        raise EnvironmentFault(
            f"process {running.pid} already serves clients of this data directory at {running.client_url};"
            " set clientserver.host and clientserver.port for it instead"
        )
    configure_logs(loaded.settings.log, places.logs)

    async def run() -> int:
        async with Platform.open(loaded, roles=("clientserver",), venues=False, command="clientserver") as platform:
            banner(platform)
            await serve(platform, run_for_s)
        return 0

    return run_loop(run())


def run_stream(
    loaded: LoadedSettings, *, symbol: str, market: str | None, venue: str, period: str, run_for_s: float | None, json: bool
) -> int:
    """Print one live kline stream; nothing is stored."""
    configure_logs(loaded.settings.log, None, quiet=True)
    return run_loop(_stream(loaded, symbol, market, venue, period, run_for_s, json=json))


async def _stream(
    loaded: LoadedSettings, symbol: str, market: str | None, venue: str, period: str, run_for_s: float | None, *, json: bool
) -> int:
    async with _bare_venue(loaded, market, venue) as adapter:
        instrument = await _resolve(adapter, symbol, venue)
        stream = StreamId.kline(instrument.id, period)
        await adapter.feed.update([stream])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(run_for_s):
                async for batch in adapter.feed.events():
                    _print_events(batch, json=json)
    return 0


def _print_events(batch: Sequence[MarketEvent | FeedStatus], *, json: bool) -> None:
    for event in batch:
        if isinstance(event, Kline):
            _print_kline(event, json=json)
        elif isinstance(event, FeedStatus) and event.state != "live":
            note(f"{event.connection}: {event.detail or event.state}")


def _print_kline(kline: Kline, *, json: bool) -> None:
    if json:
        write(msgspec.json.encode(kline, enc_hook=str).decode())
        return
    mark = "closed" if kline.closed else "open"
    write(f"{kline.open_time} {mark:6} O {kline.open} H {kline.high} L {kline.low} C {kline.close} V {kline.volume}")


def run_recording(
    loaded: LoadedSettings, *, symbol: str, market: str | None, kinds: Sequence[str], output: Path, run_for_s: float | None
) -> int:
    """Write the raw frames of one instrument to a file."""
    for kind in kinds:
        if kind not in set(Kind):
            raise UnknownName("kind", kind, [item.value for item in Kind])
    configure_logs(loaded.settings.log, None, quiet=True)
    return run_loop(_record(loaded, symbol, market, tuple(kinds), output, run_for_s))


async def _record(
    loaded: LoadedSettings, symbol: str, market: str | None, kinds: Sequence[str], output: Path, run_for_s: float | None
) -> int:
    from quantservice.adapters.venues.transport.raw_tap import RawTap

    tap = RawTap(output)
    events = 0
    async with _writing(tap), _bare_venue(loaded, market, "binance", tap=tap) as adapter:
        instrument = await _resolve(adapter, symbol, "binance")
        streams = [StreamId(instrument.id, Kind(kind), "1m" if kind == "kline" else "") for kind in kinds]
        await adapter.feed.update(streams)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(run_for_s):
                async for batch in adapter.feed.events():
                    events += sum(not isinstance(event, FeedStatus) for event in batch)
    note(f"{events:,} events of {instrument.id}; {tap.written:,} lines in {output}, {tap.dropped:,} dropped")
    return 0


@contextlib.asynccontextmanager
async def _writing(tap: RawTap) -> AsyncIterator[None]:
    """Write what the tap takes until the block ends, also by Ctrl-C; a file that cannot be written ends the block at once."""
    try:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(tap.run())
            yield
            writer.cancel()
    except* EnvironmentFault as faults:
        raise faults.exceptions[0] from None


@contextlib.asynccontextmanager
async def _bare_venue(loaded: LoadedSettings, market: str | None, venue: str, *, tap: Any = None) -> Any:
    from quantservice.adapters.clock.system import SystemClock

    known = rows_of(loaded.settings)
    if venue not in known:
        raise UnknownName("venue", venue, known)
    wanted = market or "spot"
    making = Making(
        settings=loaded.settings, addresses=addresses_of(loaded.settings), clock=SystemClock(), state_store=None, tap=tap
    )
    venues = make_venues(making)
    if (venue, wanted) not in venues:
        raise UnknownName("market", wanted, [name for of, name in venues if of == venue], hint=f"{venue} {wanted} is not enabled")
    adapter = venues[venue, wanted]
    try:
        yield adapter
    finally:
        await asyncio.gather(*(item.close() for item in venues.values()))


async def _resolve(adapter: Any, symbol: str, venue: str) -> Any:
    from quantservice.core.instruments import InstrumentBook

    return InstrumentBook(await adapter.history.instruments()).resolve(symbol, venue=venue, market=adapter.market)
