"""A process that relays and applies commands until it kills itself with SIGKILL at a random step; see test_outbox_relay."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(PROJECT / "src"), str(PROJECT)]

from quantservice.adapters.bus.memory import MemoryBus  # noqa: E402 - the path is set first
from quantservice.adapters.clock.system import SystemClock  # noqa: E402 - the path is set first
from quantservice.core.messages import Message  # noqa: E402 - the path is set first
from quantservice.ports import StateStore  # noqa: E402 - the path is set first
from quantservice.services.outbox.relay import OutboxRelay, RelayConfig  # noqa: E402 - the path is set first
from tests.support.state import sqlite_store  # noqa: E402 - the path is set first


class ApplyingBus(MemoryBus):
    """A bus whose one consumer applies each message before publish returns, with a chance to die around every step."""

    def __init__(self, store: StateStore, steps: int) -> None:
        super().__init__()
        self._store = store
        self._steps = steps

    async def publish(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._step()
            async with self._store.transaction() as work:
                if await work.inbox.first_time("counter", message.event_id, now_ns=1):
                    self._step()
                    await work.values.put("counter", "value", (await work.values.get("counter", "value") or 0) + 1)
                    self._step()
        self._step()

    def _step(self) -> None:
        self._steps -= 1
        if self._steps <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: Path, seed: int) -> None:
    """Relay what waits, dying at the step that the seed draws; end well when nothing waits any more."""
    async with sqlite_store(folder) as store:
        bus = ApplyingBus(store, random.Random(seed).randrange(10, 60))
        relay = OutboxRelay(store, bus, SystemClock(), RelayConfig(batch=4))
        while await relay.publish_pending():
            pass


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
