"""kill -9 of the platform at random moments, and the judgement of what is left.

The exchange lives in the caller's process and goes on; the platform is a process of its own that is killed and started
again over one data directory. At the end it runs undisturbed until nothing is missing, is judged row by row, sealed and
audited, and compared with a platform that was never killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from quantservice.core.events import StreamId
from quantservice.core.spans import Span
from quantservice.services.ledger import LedgerConfig, LedgerService, commands
from quantservice.services.ledger.sealing import SealRules
from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.server import Simulator, SimulatorThread
from tests.support import platform_faults
from tests.support.commands import environment, wait_for
from tests.support.platform_faults import Run, judge, platform_run, play, until

#: Fifty minutes into a day, so that the history holds the end of the day before and the ledger has something to seal.
START_MS: Final = 1_780_447_800_000 // 86_400_000 * 86_400_000 + 3_000_000
_ROLES: Final = ("projections", "outbox", "recorder", "backfill", "collector", "polling", "retention")
_EVERY_S: Final = 0.3


class Killed(msgspec.Struct, kw_only=True):
    """What a series of kills came to."""

    kills: int
    streams: int
    rows: int
    seals: int
    sources: dict[str, int]
    digest: str
    clean_digest: str


class FarExchange:
    """A simulator in another process, as much of it as a run needs: its clock, which all processes of a machine share."""

    def __init__(self, card: Mapping[str, Any]) -> None:
        self.rest_url = str(card["rest_url"])
        self.ws_urls = dict(card["ws_urls"])
        self.clock = SimulatorClock(speed=float(card["speed"]), start_ms=int(card["start_ms"]))
        self.clock._started = float(card["started"])
        self.markets: Mapping[str, Any] = {market: _Listed(names) for market, names in card["symbols"].items()}


class _Listed:
    def __init__(self, names: list[str]) -> None:
        self.listings = names


def card_of(simulator: Simulator) -> dict[str, Any]:
    """What another process must know of an exchange."""
    clock = simulator.clock
    return {
        "rest_url": simulator.rest_url,
        "ws_urls": simulator.ws_urls,
        "speed": clock.speed,
        "start_ms": clock._start_ms,
        "started": clock._started,
        "symbols": {market: list(state.listings) for market, state in simulator.markets.items()},
    }


def kill_many(
    folder: Path,
    *,
    kills: int,
    seed: int,
    longest_s: float = 2.5,
    patience_s: float = 200.0,
    told: Callable[[str], None] | None = None,
) -> Killed:
    """Kill ``kills`` times, then judge; the referee's word is asserted too."""
    chance = random.Random(seed)
    config = platform_faults.exchange_config(start_ms=START_MS)
    thread = SimulatorThread(config)
    simulator = thread.start()
    try:
        card = card_of(simulator)
        for number in range(kills):
            after_s = chance.uniform(0.0, longest_s)
            _run_and_kill(folder, card, after_s, number)
            if told is not None:
                told(f"kill {number + 1}: {after_s:.2f} s after its services ran")
        options = {"card": card, "patience_s": patience_s * 0.8}
        answer = play(__name__, "judged_story", folder, timeout_s=patience_s, options=options)
        spans = answer.pop("spans")
        clean = play(__name__, "clean_story", folder, timeout_s=patience_s, options={"card": card, "spans": spans})
        platform_faults.obeyed(simulator)
        return Killed(kills=kills, clean_digest=clean["digest"], **answer)
    finally:
        thread.stop()


def _run_and_kill(folder: Path, card: Mapping[str, Any], after_s: float, number: int) -> None:
    """Start the platform, wait until its services run, and kill it ``after_s`` later."""
    sign, said = folder / f"running-{number}", folder / f"killed-{number}.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder), str(sign), json.dumps(card)],
            env={**environment(), "PYTHONPATH": f"{platform_faults.PROJECT / 'src'}:{platform_faults.PROJECT}"},
            cwd=platform_faults.PROJECT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(lambda: sign.exists() or process.poll() is not None, "the platform's services run")
            assert process.poll() is None, f"the platform ended after kill {number}: {said.read_text()[-6_000:]}"
            time.sleep(after_s)
            assert process.poll() is None, f"the platform ended by itself: {said.read_text()[-6_000:]}"
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(30)


# --- in the platform's process ---------------------------------------------------------------------------------------


async def _victim(folder: Path, sign: Path, card: Mapping[str, Any]) -> None:
    """Collect, fetch and seal until killed."""
    far = cast(Simulator, FarExchange(card))
    async with platform_run(folder / "data", far, roles=_ROLES) as run, asyncio.TaskGroup() as group:
        group.create_task(_ledger(run).run())
        await asyncio.to_thread(sign.touch)
        await asyncio.Event().wait()


def _ledger(run: Run) -> LedgerService:
    """A ledger that seals again and again, also what is still growing: the more it does, the more a kill can break."""
    platform = run.platform
    config = LedgerConfig(seal_every_s=_EVERY_S, whole_every=1, settle_s=0.0, quiet_s=0.0)
    return LedgerService(platform.market_store, platform.state_store, platform.bus, platform.clock, config)


async def judged_story(folder: Path, card: Mapping[str, Any], patience_s: float) -> dict[str, Any]:
    """Run to completeness over what the kills left; compare with the truth, seal and audit."""
    async with platform_run(folder / "data", cast(Simulator, FarExchange(card)), roles=_ROLES) as run:
        ledger = _ledger(run)
        task = asyncio.create_task(ledger.run())
        await run.ready(patience_s=patience_s)
        spans = await run.complete(patience_s=patience_s)
        await until(lambda: ledger.stats()["passes"] >= 1, "the ledger can go on sealing")
        assert not ledger.stats()["trouble"], ledger.stats()
        task.cancel()
        await asyncio.wait({task})
        verdict = await judge(run, spans)
        platform = run.platform
        rules = SealRules(settle_s=0.0, quiet_s=0.0)
        sealed = await commands.seal(platform.market_store, platform.state_store, platform.clock, rules=rules)
        assert not sealed["refused"], sealed
        report = await commands.audit(platform.market_store, platform.state_store, platform.clock)
        assert report["state"] == "sound", report
        assert report["checked_days"] >= len(spans), "every stream has a sealed day"
    return {
        "streams": verdict.streams,
        "rows": verdict.rows,
        "seals": report["sealed_days"],
        "sources": verdict.sources,
        "digest": verdict.digest,
        "spans": {str(stream): [span.start_ms, span.end_ms] for stream, span in spans.items()},
    }


async def clean_story(folder: Path, card: Mapping[str, Any], spans: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """The same spans by a platform that nothing happened to."""
    async with platform_run(folder / "clean", cast(Simulator, FarExchange(card)), roles=_ROLES) as run:
        await run.ready()
        await run.complete()
        wanted = {StreamId.parse(name): Span(*span) for name, span in spans.items()}
        verdict = await judge(run, wanted)
    return {"digest": verdict.digest}


def main() -> None:
    """Run the platform that will be killed."""
    folder, sign, card = sys.argv[1:4]
    os.setpgid(0, 0)
    asyncio.run(_victim(Path(folder), Path(sign), json.loads(card)))


if __name__ == "__main__":
    main()
