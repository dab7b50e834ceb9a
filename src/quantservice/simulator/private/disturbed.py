"""What faults do to an account's events on their way out: lost, late, twice, in the wrong order, or the stream is dead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from quantservice.simulator.faults.script import FaultScript


class Disturbed:
    """The line of one market's account events; ``deliver`` takes account, name and message of what comes through."""

    def __init__(self, market: str, faults: FaultScript, deliver: Callable[[str, str, bytes], None]) -> None:
        self._market = market
        self._faults = faults
        self._deliver = deliver
        self._held: dict[str, tuple[str, bytes]] = {}

    def send(self, account: str, name: str, payload: bytes) -> None:
        """Send one event, whatever becomes of it."""
        faults, market = self._faults, self._market
        if faults.faults or self._held:
            if faults.find("dead_stream", market, stream=name) or faults.find("drop_event", market, stream=name):
                return
            late = faults.find("late_event", market, stream=name)
            if late is not None:
                asyncio.get_running_loop().call_later(late.delay_s, self._deliver, account, name, payload)
                return
            if account in self._held:
                held = self._held.pop(account)
                self._deliver(account, name, payload)
                self._deliver(account, *held)
                return
            if faults.find("reorder_event", market, stream=name) is not None:
                self._held[account] = (name, payload)
                return
            if faults.find("duplicate_event", market, stream=name) is not None:
                self._deliver(account, name, payload)
        self._deliver(account, name, payload)
