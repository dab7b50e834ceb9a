"""``qs demo``: the whole platform in one process against the built-in exchange simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from quantservice.adapters.venues.binance.spec import BinanceEndpoints
from quantservice.app.cli.console import note, progress
from quantservice.app.logs import LogTail, configure_logs
from quantservice.app.places import Places
from quantservice.app.platform import Platform
from quantservice.app.ports_in_use import free_port, port_is_free
from quantservice.app.process import find_running
from quantservice.app.replay import ReplayJudge
from quantservice.app.settings import LoadedSettings
from quantservice.app.simulation import SimulatorTime, simulator_config
from quantservice.app.up import banner, run_loop, serve
from quantservice.core.errors import EnvironmentFault
from quantservice.core.periods import MINUTE_MS
from quantservice.simulator.private.config import TradingConfig
from quantservice.simulator.server import Simulator, SimulatorThread

log = structlog.get_logger(__name__)

#: What the demo collects of every market: enough to look alive, little enough for a laptop.
_SYMBOLS: Final = {"spot": 4, "um": 5, "cm": 2}
_DEMO_DAYS: Final = 3.0
_HOLE_MINUTES: Final = (180, 150)
_HOLE_LASTS_S: Final = 15.0
_ACCOUNT: Final = "demo"
#: What trades on paper, quick to act: a symbol of um each.
_STRATEGIES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("trend", "ma_cross", {"fast": 3, "slow": 8, "short": True}),
    ("reversion", "rsi_reversion", {"length": 5, "low": 40.0, "middle": 50.0, "high": 60.0, "short": True}),
    ("chance", "random", {"chance": 0.3}),
)
_ASK_AGAIN_S: Final = 20.0  # after the hole: asked while it lasts, it would look like maintenance


class DemoOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The demo's flags."""

    files: tuple[Path, ...] = ()
    speed: float = 1.0
    symbols: tuple[str, ...] = ()
    seed: int = 1
    run_for_s: float | None = None
    market: str | None = None


def run_demo(loaded: LoadedSettings, options: DemoOptions) -> int:
    """Run the demo until Ctrl-C or for the given seconds; returns the exit code."""
    places = Places.of(loaded.settings)
    places.prepare()
    running = find_running(places)
    if running is not None:
        raise EnvironmentFault(
            f"process {running.pid} (qs {running.command}) is using {places.root}; end it first, or choose another --data-dir"
        )
    tail = configure_logs(loaded.settings.log, places.logs, quiet=True)
    config = simulator_config(
        speed=options.speed, seed=options.seed, symbols=options.symbols, files=options.files, market=options.market
    )
    config = msgspec.structs.replace(config, trading=TradingConfig())  # a live account can be rehearsed against it
    thread = SimulatorThread(config)
    simulator = thread.start()
    try:
        return run_loop(_demo(loaded, options, thread, simulator, tail))
    finally:
        thread.stop()


async def _demo(loaded: LoadedSettings, options: DemoOptions, thread: SimulatorThread, simulator: Simulator, tail: LogTail) -> int:
    endpoints = BinanceEndpoints.simulator(simulator.rest_url, {str(market): url for market, url in simulator.ws_urls.items()})
    settings = _demo_settings(loaded, simulator, options)
    clock = SimulatorTime(simulator, hold_ms=int(settings.settings.backfill.grace_s * options.speed * 1000))
    async with Platform.open(
        settings, endpoints=endpoints, clock=clock, speed=options.speed, tail=tail, command="demo"
    ) as platform:
        banner(platform, headline="QuantService demo: a simulated exchange, nothing leaves this machine")
        judge = ReplayJudge(platform, simulator, options.files) if options.files else None
        await _register(platform, simulator, options)
        if judge is None:
            _script_gap(platform, thread, simulator)
        besides = [lambda: _show_history(platform)]
        # asked before the page opens: an account that a person makes while the history loads does not take the demo's place
        if judge is None and not await platform.accounts.list() and not await platform.deployments.list():
            besides.append(lambda: _trade(platform, simulator))
        if judge is not None:
            besides.append(judge.run)
        await serve(platform, options.run_for_s, *besides)
        return judge.exit_code if judge is not None else 0


def _demo_settings(loaded: LoadedSettings, simulator: Simulator, options: DemoOptions) -> LoadedSettings:
    """Fit the settings to the demo: short history, quick scans, no browser where nobody looks."""
    settings = loaded.settings
    markets = {market: bool(simulator.markets[market].listings) for market in ("spot", "um", "cm")}
    binance = msgspec.structs.replace(
        settings.binance,
        **{
            market: msgspec.structs.replace(getattr(settings.binance, market), enabled=enabled)
            for market, enabled in markets.items()
        },
    )
    collect = settings.collect
    if "collect.history_days" not in loaded.sources:
        collect = msgspec.structs.replace(collect, history_days=_DEMO_DAYS)
    if options.files and "collect.periods" not in loaded.sources:
        collect = msgspec.structs.replace(collect, periods=("1m",))
    backfill = settings.backfill
    if "backfill.scan_1m_s" not in loaded.sources:
        backfill = msgspec.structs.replace(backfill, scan_1m_s=5.0, ask_again_s=_ASK_AGAIN_S)
    client = settings.clientserver
    if "clientserver.port" not in loaded.sources and not port_is_free(client.host, client.port):
        client = msgspec.structs.replace(client, port=free_port(client.host))
    changed = msgspec.structs.replace(settings, binance=binance, collect=collect, backfill=backfill, clientserver=client)
    return msgspec.structs.replace(loaded, settings=changed)


async def _register(platform: Platform, simulator: Simulator, options: DemoOptions) -> None:
    await platform.load_instruments()
    known = {pair.instrument for pair in await platform.pairs.list()}
    for market in ("spot", "um", "cm"):
        for number, symbol in enumerate(_chosen(simulator, market, options)):
            instrument = platform.book().resolve(symbol, venue="binance", market=market)
            if instrument.id in known:
                continue
            kinds = ("kline", "ticker") if options.files else _kinds(market, first=number == 0)
            start_ms = simulator.markets[market].listings[symbol].history.first_ms if options.files else None
            await platform.pairs.register(
                str(instrument.id), periods=platform.settings.collect.periods, kinds=kinds, history_start_ms=start_ms
            )


def _chosen(simulator: Simulator, market: str, options: DemoOptions) -> list[str]:
    listed = list(simulator.markets[market].listings)  # type: ignore[index]  # the three market names
    if options.files or options.symbols:
        return listed
    return listed[: _SYMBOLS[market]]


def _kinds(market: str, *, first: bool) -> Sequence[str]:
    kinds = ["kline", "ticker"]
    if market != "spot":
        kinds += ["funding", "mark_price", "open_interest"]
    return [*kinds, "trade", "quote", "book"] if first else kinds


def _script_gap(platform: Platform, thread: SimulatorThread, simulator: Simulator) -> None:
    """Make a gap on purpose: the venue withholds half an hour of one symbol, then gives it; and it skips a closed kline live."""
    listed = list(simulator.markets["um"].listings)
    if not listed:
        return
    symbol = listed[min(1, len(listed) - 1)]
    now_ms = platform.clock.now_ms()
    start, end = (now_ms - minutes * MINUTE_MS for minutes in _HOLE_MINUTES)
    thread.add_fault(
        {
            "kind": "rest_hole",
            "market": "um",
            "symbol": symbol,
            "interval": "1m",
            "start_ms": start,
            "end_ms": end,
            "for_s": _HOLE_LASTS_S,
        }
    )
    thread.add_fault({"kind": "drop_closed", "market": "um", "symbol": symbol, "interval": "1m", "count": 2})
    note(f"  on purpose   a gap of {(end - start) // MINUTE_MS} minutes in {symbol} (um, 1m): watch Data quality find and heal it")


async def _trade(platform: Platform, simulator: Simulator) -> None:
    """Let strategies trade on paper, once the history is there: what a person sees first is the market."""
    while not platform.history().get("done"):  # noqa: ASYNC110  # a figure of another part
        await asyncio.sleep(0.5)
    listed = list(simulator.markets["um"].listings)[: len(_STRATEGIES)]
    if not listed:
        return
    await platform.accounts.add(_ACCOUNT, "binance", "um")
    for symbol, (name, strategy, parameters) in zip(listed, _STRATEGIES, strict=False):
        instrument = platform.book().resolve(symbol, venue="binance", market="um")
        made = await platform.deployments.create(
            name=f"{name} {instrument.base}",
            strategy=strategy,
            parameters=parameters,
            instruments=[str(instrument.id)],
            period="1m",
            account=_ACCOUNT,
            allocation="20000",
        )
        await platform.deployments.say(made.id, "start")
    note(f"  trading      {len(listed)} strategies trade on paper: qs orders list --demo, qs orders positions --demo")


async def _show_history(platform: Platform) -> None:
    """Show the history filling in, then say that it is there."""
    with progress("history", total=None) as update:
        while True:
            figures = platform.history()
            if figures and figures["wanted"]:
                update(figures["stored"], figures["wanted"], f"{figures['rows_per_s']:,.0f} klines/s")
                if figures["done"]:
                    break
            await asyncio.sleep(0.25)
    note(f"  history      {platform.history()['stored']:,} klines are there; live ones follow")
