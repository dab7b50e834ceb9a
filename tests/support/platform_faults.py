"""The whole platform against a simulator that misbehaves, and the judge that compares the store with the truth.

A process can own one embedded store, so each *story* runs in a process of its own: a test calls :func:`play`, which runs
the story's coroutine there and prints what it said. A story opens an :class:`Exchange` (a simulator with many symbols) and
then one or more :class:`Run` of the platform against it.

The judge asks the simulator's REST over a socket of its own address, reads the plain JSON, and shares nothing with the
adapter that is judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.adapters.venues.transport.feed import VenueFeed
from quantservice.app.loop import loop_factory
from quantservice.app.platform import Platform
from quantservice.app.settings import LoadedSettings, load_settings
from quantservice.app.simulation import SimulatorTime
from quantservice.core.events import FeedStatus, Kline, StreamId
from quantservice.core.messages import GapChange, MarketBatch, Message, Overflow, StoredBatch, SystemEvent, Topic
from quantservice.core.periods import floor_open, next_open
from quantservice.core.spans import Span
from quantservice.simulator.config import Limits, MarketName, PushRates, SimulatorConfig, SymbolSpec, venue_limits
from quantservice.simulator.markets.catalog import chinese_symbol
from quantservice.simulator.server import Simulator
from tests.support.commands import environment, free_port

PROJECT = Path(__file__).resolve().parent.parent.parent
MARKETS: Final[tuple[MarketName, ...]] = ("spot", "um", "cm")
PERIODS: Final = ("1m", "5m")
#: A Wednesday noon: no day ends during a run, and every 5m and 1h bar of the history is whole.
START_MS: Final = 1_780_488_000_000
HISTORY_MS: Final = 2 * 3_600_000
PATIENCE_S: Final = 60.0
_PATHS: Final = {"spot": "/api/v3/klines", "um": "/fapi/v1/klines", "cm": "/dapi/v1/klines"}
_FIELDS: Final = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_base_volume",
    "taker_buy_quote_volume",
)
_JUDGE_ADDRESS: Final = "127.0.0.9"
Values = tuple[Any, ...]


# --- the process of a story ------------------------------------------------------------------------------------------


def play(
    module: str,
    story: str,
    folder: Path,
    *,
    timeout_s: float = 220.0,
    options: Mapping[str, Any] | None = None,
    wrapper: Sequence[str] = (),
) -> dict[str, Any]:
    """Run ``module:story`` in a process of its own and return what it returned; its failure is the test's.

    ``wrapper`` is a command that runs the process (``unshare``).
    """
    result = folder / f"{story}.json"
    process = subprocess.Popen(
        [
            *wrapper,
            sys.executable,
            "-m",
            "tests.support.platform_faults",
            module,
            story,
            str(folder),
            str(result),
            json.dumps(options or {}),
        ],
        cwd=PROJECT,
        env={**environment(), "PYTHONPATH": f"{PROJECT / 'src'}:{PROJECT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        raise AssertionError(f"{story} did not end within {timeout_s:g} s:\n{said[-12_000:]}") from None
    print("\n".join(line for line in said.splitlines() if line.startswith("  ")))
    assert process.returncode == 0, f"{story} failed:\n{said[-12_000:]}"
    answer: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return answer


def say(sentence: str) -> None:
    """Tell a measured figure."""
    print(f"  {sentence}", flush=True)


def main() -> None:
    """Run one story (the process that :func:`play` starts)."""
    module, story, folder, result, options = sys.argv[1:6]
    work: Callable[..., Awaitable[Mapping[str, Any] | None]] = getattr(importlib.import_module(module), story)

    async def run() -> Mapping[str, Any] | None:
        return await work(Path(folder), **json.loads(options))

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        answer = runner.run(run()) or {}
    Path(result).write_text(json.dumps(answer, default=str), encoding="utf-8")


async def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Ask until something true comes back; fail naming what was waited for."""
    deadline = time.monotonic() + patience_s
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {patience_s:g} s: {what}")
        await asyncio.sleep(0.02)


# --- the exchange ----------------------------------------------------------------------------------------------------


def symbols(per_market: int) -> dict[MarketName, tuple[SymbolSpec, ...]]:
    """``per_market`` cheap symbols in each market; one of um's has a Chinese name."""

    def plain(base: str, suffix: str, quote: str, index: int, **more: Any) -> SymbolSpec:
        return SymbolSpec(
            symbol=f"{base}{suffix}",
            base=base,
            quote=quote,
            price_decimals=4,
            lot_decimals=0 if quote == "USD" else 1,
            level=1.0 + index * 3,
            minute_volume=2_000.0,
            minute_trades=6,
            **more,
        )

    spot = tuple(plain(f"SP{index}", "USDT", "USDT", index) for index in range(per_market))
    um = tuple(plain(f"UM{index}", "USDT", "USDT", index) for index in range(per_market - 1))
    cm = tuple(plain(f"CM{index}", "USD_PERP", "USD", index, contract_size=10) for index in range(per_market))
    chinese = msgspec.structs.replace(chinese_symbol(), minute_trades=6)
    return {"spot": spot, "um": (*um, chinese), "cm": cm}


def exchange_config(
    *,
    per_market: int = 17,
    speed: float = 60.0,
    kline_ms: int = 300,
    limits: Mapping[str, Any] | None = None,
    start_ms: int = START_MS,
    **options: Any,
) -> SimulatorConfig:
    """A simulator with ``3 * per_market`` symbols whose minute lasts ``60 / speed`` seconds."""
    rates = {market: PushRates(kline_ms=kline_ms, depth_ms=250, ticker_ms=2_000, mark_price_ms=2_000) for market in MARKETS}
    bounds: dict[MarketName, Limits] = {
        market: msgspec.structs.replace(limit, **(limits or {})) for market, limit in venue_limits().items()
    }
    return SimulatorConfig(
        speed=speed, rates=rates, limits=bounds, start_ms=start_ms, symbols=symbols(per_market), seed=11, **options
    )


@asynccontextmanager
async def exchange(**options: Any) -> AsyncIterator[Simulator]:
    """A running simulator made by :func:`exchange_config`."""
    simulator = Simulator(exchange_config(**options))
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


def settings_for(folder: Path, **flags: Any) -> LoadedSettings:
    """Settings of a quick platform in ``folder``: short patience, frequent scans, free ports."""
    chosen: dict[str, Any] = {
        "environment": "demo",
        "data_dir": str(folder),
        "web.port": 0,
        "web.open_browser": False,
        "clientserver.port": free_port(),
        "collect.stale_after_s": 2.5,
        "collect.heartbeat_timeout_ms": 2_500,
        "collect.initial_backoff_ms": 100,
        "collect.max_backoff_ms": 2_000,
        "backfill.scan_1m_s": 2.0,
        "backfill.scan_1h_s": 2.0,
        "backfill.grace_s": 2.5,
        "backfill.ask_again_s": 5.0,
        "log.level": "WARNING",
    }
    return load_settings(environ={}, flags=chosen | {name.replace("__", "."): value for name, value in flags.items()})


# --- the witness: what went over the bus -----------------------------------------------------------------------------


class Witness:
    """Hears everything on the bus and remembers what the judge needs."""

    def __init__(self) -> None:
        self.newest: dict[StreamId, int] = {}
        self.reopened: list[Kline] = []
        self.announced: Counter[tuple[StreamId, int]] = Counter()
        self.revised: list[tuple[Kline, int]] = []
        self.statuses: list[FeedStatus] = []
        self.gaps: list[GapChange] = []
        self.alarms: list[SystemEvent] = []
        self.closed_live = 0
        self.kinds: Counter[str] = Counter()
        self.dropped = 0
        self.changed = asyncio.Event()

    def hear(self, message: Message) -> None:
        data = message.data
        if isinstance(data, MarketBatch):
            if message.topic == Topic.MARKET_LIVE:
                for event in data.events:
                    self.kinds[event.kind.value] += 1
                    if type(event) is Kline:
                        self._kline(event)
        elif isinstance(data, StoredBatch):
            self.announced.update((kline.stream, kline.open_time) for kline in data.new)
            self.revised.extend(data.revised)
        elif isinstance(data, FeedStatus):
            self.statuses.append(data)
        elif isinstance(data, GapChange):
            self.gaps.append(data)
        elif isinstance(data, SystemEvent):
            self.alarms.append(data)

    def _kline(self, kline: Kline) -> None:
        newest = self.newest.get(kline.stream, -1)
        if kline.closed:
            self.closed_live += 1
            self.newest[kline.stream] = max(newest, kline.open_time)
        elif kline.open_time <= newest:
            self.reopened.append(kline)

    def states(self, market: str) -> list[str]:
        """The states that a market's connections went through."""
        return [status.state for status in self.statuses if status.market == market]


# --- a run of the platform -------------------------------------------------------------------------------------------


class Run:
    """A running platform with its witness."""

    def __init__(self, platform: Platform, simulator: Simulator, witness: Witness) -> None:
        self.platform = platform
        self.simulator = simulator
        self.witness = witness

    @property
    def now_ms(self) -> int:
        return self.simulator.clock.now_ms()

    def stats(self, service: str) -> Mapping[str, Any]:
        """A service's figures."""
        return self.platform.services[service].stats()

    def quarantined(self) -> int:
        """Frames in quarantine, over the markets."""
        feeds = [venue.feed for venue in self.platform.venues.values()]
        return sum(feed.quarantine.total for feed in feeds if isinstance(feed, VenueFeed))

    def fault(self, kind: str, **fields: Any) -> int:
        """Put a fault in force; return its number."""
        return self.simulator.add_fault({"kind": kind, **fields}).id

    async def streams(self) -> list[StreamId]:
        """The kline streams that are registered."""
        pairs = await self.platform.pairs.list()
        return [StreamId.kline(pair.instrument, period) for pair in pairs for period in pair.periods if "kline" in pair.kinds]

    async def bars(self, count: int, *, of: str = "1m") -> None:
        """Let ``count`` bars of every live stream of a period close."""
        length = next_open(of, 0)
        newest = self.witness.newest
        book = self.platform.book()  # a delisted symbol's stream is over and is not waited for
        before = {stream: at for stream, at in newest.items() if stream.period == of and book.get(stream.instrument) is not None}
        await until(
            lambda: all(self.witness.newest[stream] >= at + count * length for stream, at in before.items()),
            f"{count} more bars of {of} close on {len(before)} streams",
        )

    async def ready(self, *, patience_s: float = PATIENCE_S) -> None:
        """Wait until history is there and every stream has closed a bar live."""
        wanted = {stream for stream in await self.streams() if stream.period == "1m"}
        await until(lambda: wanted <= set(self.witness.newest), "every stream closes a bar live", patience_s)
        await self.complete(patience_s=patience_s)

    async def complete(self, streams: Sequence[StreamId] | None = None, *, patience_s: float = PATIENCE_S) -> dict[StreamId, Span]:
        """Wait until the store lacks nothing of what has closed up to now; return the spans."""
        wanted = list(streams if streams is not None else await self.streams())
        now = self.now_ms
        spans = {stream: Span(history_start_ms(self.simulator), floor_open(stream.period, now)) for stream in wanted}
        deadline = time.monotonic() + patience_s
        while missing := {s: m for s, m in (await self.platform.market_store.missing(list(spans.items()))).items() if m}:
            if time.monotonic() > deadline:
                shown = {
                    str(stream): [(span.start_ms - now, span.end_ms - now) for span in holes]
                    for stream, holes in list(missing.items())[:5]
                }
                raise AssertionError(
                    f"{len(missing)} of {len(wanted)} streams lack klines after {patience_s:g} s: {shown}; {self.progress()}"
                )
            await asyncio.sleep(0.1)
        return spans

    def progress(self) -> dict[str, Any]:
        """What the services say, for a failure's message."""
        recorder = self.stats("recorder")
        return {"backfill": self.platform.history(), "recorder": dict(recorder)}


@asynccontextmanager
async def platform_run(
    folder: Path,
    simulator: Simulator,
    *,
    roles: Sequence[str] | None = None,
    register: bool = True,
    kinds: Mapping[str, Sequence[str]] | None = None,
    prepare: Callable[[Platform], None] | None = None,
    endpoints: BinanceEndpoints | None = None,
    periods: Sequence[str] = PERIODS,
    **flags: Any,
) -> AsyncIterator[Run]:
    """The platform's services over the simulator, all symbols registered; ``prepare`` may change it before they run."""
    loaded = settings_for(folder, **flags)
    chosen = endpoints or BinanceEndpoints.simulator(simulator.rest_url, {str(m): url for m, url in simulator.ws_urls.items()})
    clock = SimulatorTime(simulator)
    async with Platform.open(
        loaded, endpoints=chosen, clock=clock, speed=simulator.clock.speed, roles=roles, command="demo"
    ) as platform:
        if register and not await platform.pairs.list():
            await register_all(platform, simulator, kinds or {}, periods)
        if prepare is not None:
            prepare(platform)
        run = Run(platform, simulator, Witness())
        topics = [Topic.MARKET_LIVE, Topic.MARKET_STORED, Topic.FEED_STATUS, Topic.GAP, Topic.SYSTEM]
        async with platform.bus.subscribe(topics, group="witness", overflow=Overflow.DROP_OLDEST, capacity=500_000) as subscription:

            async def listen() -> None:
                async for messages in subscription:
                    for message in messages:
                        run.witness.hear(message)
                    await subscription.commit()

            listening = asyncio.create_task(listen())
            try:
                async with platform.runner.running():
                    yield run
            finally:
                run.witness.dropped = subscription.stats.dropped
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening


async def register_all(
    platform: Platform, simulator: Simulator, kinds: Mapping[str, Sequence[str]], periods: Sequence[str]
) -> None:
    """Register every listed symbol from :data:`HISTORY_MS` before the simulator's start."""
    await platform.load_instruments()
    for market in MARKETS:
        for symbol in simulator.markets[market].listings:
            await platform.pairs.register(
                symbol,
                venue="binance",
                market=market,
                periods=periods,
                kinds=kinds.get(symbol, ("kline",)),
                history_start_ms=history_start_ms(simulator),
            )


def history_start_ms(simulator: Simulator) -> int:
    """Where the wanted history begins."""
    return simulator.clock._start_ms - HISTORY_MS


# --- the judge -------------------------------------------------------------------------------------------------------


class Verdict(msgspec.Struct, kw_only=True):
    """What the judge found."""

    streams: int = 0
    rows: int = 0
    missing: list[str] = []
    surplus: list[str] = []
    different: list[str] = []
    doubled: list[str] = []
    revisions: int = 0
    digest: str = ""
    sources: dict[str, int] = {}


async def truth(
    rest_url: str, market: str, symbol: str, period: str, span: Span, session: aiohttp.ClientSession
) -> dict[int, Values]:
    """The venue's own word on closed klines, from its REST, as exact values by open time."""
    rows: dict[int, Values] = {}
    start = span.start_ms
    while start < span.end_ms:
        params = {"symbol": symbol, "interval": period, "startTime": str(start), "endTime": str(span.end_ms - 1), "limit": "1000"}
        async with session.get(rest_url + _PATHS[market], params=params) as response:
            body = await response.read()
            assert response.status == 200, (response.status, body[:200])
        page = json.loads(body, parse_float=Decimal)
        if not page:
            break
        for row in page:
            rows[row[0]] = (row[0], *map(Decimal, row[1:6]), row[6], Decimal(row[7]), row[8], Decimal(row[9]), Decimal(row[10]))
        start = page[-1][6] + 1
    return rows


async def judge(run: Run, spans: Mapping[StreamId, Span], *, restated: bool = False) -> Verdict:
    """Compare the store value by value with the venue's truth; assert that nothing is missing, doubled, wrong or reopened."""
    platform = run.platform
    book = platform.book()
    verdict = Verdict(streams=len(spans))
    digest = hashlib.sha256()
    sources: Counter[str] = Counter()
    connector = aiohttp.TCPConnector(local_addr=(_JUDGE_ADDRESS, 0), limit=4)
    async with aiohttp.ClientSession(connector=connector) as session:
        for stream in sorted(spans):
            span, market = spans[stream], stream.instrument.market
            listed = book.get(stream.instrument)
            assert listed is not None, f"{stream} is judged and not listed"
            true = await truth(run.simulator.rest_url, market, listed.venue_symbol, stream.period, span, session)
            stored = await platform.market_store.read_klines(stream, span)
            revisions = Counter((row["open_time"], row["revision"]) for row in await platform.market_store.revisions(stream, span))
            verdict.doubled += [f"{stream} {key}" for key, times in revisions.items() if times > 1]
            verdict.revisions += sum(1 for _, revision in revisions if revision != min(r for _, r in revisions))
            ours = {kline.open_time: tuple(getattr(kline, name) for name in _FIELDS) for kline in stored}
            sources.update(kline.source.value for kline in stored)
            if len(ours) != len(stored):
                verdict.doubled.append(f"{stream}: {len(stored) - len(ours)} open times twice in the current view")
            verdict.missing += [f"{stream} {at}" for at in true.keys() - ours.keys()]
            verdict.surplus += [f"{stream} {at}" for at in ours.keys() - true.keys()]
            verdict.different += [
                f"{stream} {at}: {ours[at]} != {true[at]}" for at in true.keys() & ours.keys() if ours[at] != true[at]
            ]
            verdict.rows += len(stored)
            for at in sorted(ours):
                digest.update(f"{stream}|{ours[at]}\n".encode())
    verdict.digest, verdict.sources = digest.hexdigest(), dict(sources)
    _assert_sound(run, verdict, restated=restated)
    return verdict


def _assert_sound(run: Run, verdict: Verdict, *, restated: bool) -> None:
    assert not verdict.missing, f"{len(verdict.missing)} klines are missing: {verdict.missing[:5]}"
    assert not verdict.surplus, f"{len(verdict.surplus)} klines the venue never had: {verdict.surplus[:5]}"
    assert not verdict.different, f"{len(verdict.different)} klines differ from the venue's: {verdict.different[:3]}"
    assert not verdict.doubled, f"{len(verdict.doubled)} klines are stored twice: {verdict.doubled[:5]}"
    assert verdict.rows > 0, "nothing was judged"
    witness = run.witness
    assert not witness.reopened, f"{len(witness.reopened)} closed bars were opened again: {witness.reopened[:2]}"
    twice = [key for key, times in witness.announced.items() if times > 1]
    assert not twice, f"{len(twice)} klines were announced as new twice: {twice[:3]}"
    assert restated or not witness.revised, f"{len(witness.revised)} klines were revised, none was restated: {witness.revised[:2]}"
    assert witness.dropped == 0, "the witness lost messages: its word is worth nothing"


def obeyed(simulator: Simulator, *, but: Sequence[str] = ()) -> None:
    """Assert that nobody broke a rule of the venue and nobody was turned away (goal G11)."""
    report = simulator.report()
    broken = {rule: violation for rule, violation in report["violations"].items() if rule not in but}
    assert not broken, f"the referee caught: {broken}"
    turned_away = {name: count for name, count in report["statuses"].items() if name.endswith((".429", ".418"))}
    assert but or not turned_away, f"the venue had to turn requests away: {turned_away}"


if __name__ == "__main__":
    main()
