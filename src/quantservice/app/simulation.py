"""The exchange simulator as the commands use it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from quantservice.app.cli.console import note
from quantservice.app.loop import loop_factory
from quantservice.core.errors import UnknownName
from quantservice.simulator.config import ReplayConfig, SimulatorConfig, SymbolSpec
from quantservice.simulator.faces import lines_of
from quantservice.simulator.markets.catalog import default_symbols
from quantservice.simulator.server import Simulator


class SimulatorTime:
    """The platform's clock while it trades against a simulator: the market's time, the machine's durations.

    At the end of replayed files the market's time stands still. Ours goes on for ``hold_ms`` more, so that the last bars pass
    the time that a late one is waited for, and a bar that the streams missed is fetched like any other.
    """

    def __init__(self, simulator: Simulator, *, hold_ms: int = 0) -> None:
        self._simulator = simulator
        self._hold_ms = hold_ms
        self._ended: float | None = None

    def now_ns(self) -> int:
        """Market time, UTC nanoseconds."""
        return self.now_ms() * 1_000_000

    def now_ms(self) -> int:
        """Market time, UTC milliseconds."""
        now_ms = self._simulator.clock.now_ms()
        if not self._hold_ms or not self._simulator.finished.is_set():
            return now_ms
        if self._ended is None:
            self._ended = time.monotonic()
        beyond_ms = int((time.monotonic() - self._ended) * 1000 * self._simulator.clock.speed)
        return now_ms + min(beyond_ms, self._hold_ms)

    def monotonic(self) -> float:
        """Seconds of the machine, whatever the market's speed."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait seconds of the machine."""
        await asyncio.sleep(seconds)


def simulator_config(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    speed: float = 1.0,
    seed: int = 1,
    symbols: Sequence[str] = (),
    files: Sequence[Path] = (),
    market: str | None = None,
) -> SimulatorConfig:
    """Turn a command's flags into a simulator's configuration; an unknown symbol names the known ones."""
    config = SimulatorConfig(host=host, port=port, speed=speed, seed=seed)
    if files:
        return msgspec.structs.replace(
            config, replay=msgspec.convert({"files": [str(file) for file in files], "market": market}, ReplayConfig)
        )
    if symbols:
        catalogue = default_symbols()
        known = {spec.symbol for specs in catalogue.values() for spec in specs}
        for symbol in symbols:
            if symbol not in known:
                raise UnknownName("symbol", symbol, sorted(known))
        chosen: dict[str, tuple[SymbolSpec, ...]] = {
            market: tuple(spec for spec in specs if spec.symbol in symbols) for market, specs in catalogue.items()
        }
        return msgspec.structs.replace(config, symbols=chosen)
    return config


def serve_simulator(
    *,
    host: str,
    port: int,
    speed: float,
    seed: int,
    symbols: Sequence[str],
    files: Sequence[Path],
    trading: bool = False,
    okx: bool = False,
) -> None:
    """Serve the simulator until Ctrl-C; with ``trading`` its private endpoints too, with that or ``okx`` OKX beside the others."""
    config = simulator_config(host=host, port=port, speed=speed, seed=seed, symbols=symbols, files=files).with_faces(
        trading=trading, okx=okx
    )

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        simulator = Simulator(config)
        await simulator.start()
        for line in lines_of(simulator):
            note(line)
        with contextlib.suppress(asyncio.CancelledError):
            await stop.wait()
        await simulator.stop()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run())
