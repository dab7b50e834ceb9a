"""The fault script: what goes wrong, for whom, from when and how often.

A fault is one JSON object, given in the configuration or sent to ``POST /_faults``:
``{"kind": "drop_closed", "market": "um", "symbol": "BTCUSDT", "interval": "1m", "count": 3}``. Empty fields match
everything; ``count`` 0 means without end (a ``cut`` or ``silent_stream`` strikes once then); ``after_s`` and ``for_s``
bound it in wall-clock seconds.
"""

from __future__ import annotations

import fnmatch
import math
import time
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from quantservice.simulator.config import SymbolSpec
from quantservice.simulator.faults.malformed import SORTS, spoil
from quantservice.simulator.faults.overlay import Hole, KlineOverlay
from quantservice.simulator.hub import Hub
from quantservice.simulator.markets.bars import Bar
from quantservice.simulator.protocol.text import OPCODE_BINARY, OPCODE_TEXT
from quantservice.simulator.rules.referee import Access

FaultKind = Literal[
    "mute",
    "cut",
    "refuse_connect",
    "http_error",
    "slow",
    "not_found",
    "rate_limit",
    "malformed",
    "duplicate",
    "reorder",
    "late",
    "drop_closed",
    "restate",
    "clock_skew",
    "silent_stream",
    "rest_hole",
    "drop_depth",
    "new_symbol",
    "rename",
    "delist",
    "status",
    "tick_size",
    "burst",
    "shutdown",
    "lost_request",
    "lost_answer",
    "held_request",
    "order_error",
    "stale_reads",
    "drop_event",
    "duplicate_event",
    "late_event",
    "reorder_event",
    "dead_stream",
    "expire_listen_key",
    "maintenance",
    "sequence_reset",
]
FRAME_KINDS: Final = frozenset({"malformed", "duplicate", "reorder", "late", "burst"})


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault. Which fields matter depends on ``kind``; see the table in the simulator's ROOM.md."""

    kind: FaultKind
    market: str = ""
    symbol: str = ""
    interval: str = ""
    stream: str = ""
    path: str = ""
    method: str = ""
    connection: str = ""
    count: int = 0
    after_s: float = 0.0
    for_s: float = 0.0
    status: int = 503
    delay_s: float = 1.0
    retry_after_s: int = 5
    every: int = 1
    sort: str = ""
    executed: bool = False
    ticks: int = 3
    skew_ms: int = 0
    factor: int = 50
    start_ms: int = 0
    end_ms: int = 0
    to: str = ""
    spec: SymbolSpec | None = None
    id: int = 0
    fired: int = 0
    begins: float = 0.0
    seen: int = 0

    def live(self, now: float) -> bool:
        """Tell whether the fault acts now."""
        if now < self.begins or (self.for_s and now >= self.begins + self.for_s):
            return False
        return not self.count or self.fired < self.count

    def is_for(self, market: str, *, symbol: str = "", interval: str = "", stream: str = "", path: str = "") -> bool:
        """Tell whether the fault means this market, symbol, interval, stream and path."""
        return (
            (not self.market or self.market == market)
            and (not self.symbol or self.symbol == symbol)
            and (not self.interval or self.interval == interval)
            and (not self.stream or fnmatch.fnmatchcase(stream, self.stream))
            and (not self.path or self.path in path)
        )


_Out = tuple[str, bytes, Access | None, int]


class FaultScript:
    """All faults in force, asked at each place where something can go wrong."""

    def __init__(self) -> None:
        self.overlay = KlineOverlay()
        self.faults: dict[int, Fault] = {}
        self.touches_frames = False
        self._next = 1
        self._muting: set[int] = set()
        self._late: list[tuple[float, str, _Out]] = []
        self._held: dict[tuple[int, str], _Out] = {}

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force, now or ``after_s`` from now."""
        if fault.kind in {"cut", "silent_stream"} and not fault.count:
            fault.count = 1
        if fault.kind == "malformed" and fault.sort and fault.sort not in SORTS:
            raise ValueError(f"unknown sort {fault.sort!r} of malformed frame; known are: {', '.join(SORTS)}")
        fault.id = self._next
        fault.begins = time.monotonic() + fault.after_s
        self._next += 1
        self.faults[fault.id] = fault
        if fault.kind == "rest_hole":
            ends = fault.begins + fault.for_s if fault.for_s else math.inf
            self.overlay.dig(
                fault.market, fault.symbol, fault.interval, Hole(fault.start_ms, fault.end_ms or 2**62, fault.begins, ends)
            )
        if fault.kind == "restate" and fault.start_ms:
            self.overlay.restate(fault.market, fault.symbol, fault.interval, fault.start_ms, ticks=fault.ticks)
            fault.fired, fault.count = 1, 1
        self._look()
        return fault

    def lift(self, number: int) -> bool:
        """Take a fault back; a withheld range is served again, a restated kline stays restated."""
        fault = self.faults.pop(number, None)
        if fault is None:
            return False
        if fault.kind == "rest_hole":
            self.overlay.lift(fault.market, fault.symbol, fault.interval)
        self._look()
        return True

    def clear(self) -> None:
        """Take every fault back."""
        for number in list(self.faults):
            self.lift(number)

    def find(
        self, kind: FaultKind, market: str, *, path: str = "", method: str = "", symbol: str = "", stream: str = ""
    ) -> Fault | None:
        """Return a live fault of ``kind`` for a request, connection or private event, and count it."""
        if not self.faults:
            return None
        now = time.monotonic()
        for fault in self.faults.values():
            meant = fault.kind == kind and (not fault.method or fault.method == method)
            if meant and fault.live(now) and fault.is_for(market, symbol=symbol, path=path, stream=stream):
                fault.fired += 1
                return fault
        return None

    def stands(self, kind: FaultKind, market: str) -> bool:
        """Say whether a fault of ``kind`` is in force at a market; nothing is counted: it is looked at, and meets nobody."""
        now = time.monotonic()
        return any(fault.kind == kind and fault.live(now) and fault.is_for(market) for fault in self.faults.values())

    def skew_ms(self) -> int:
        """Return how far the venue's clock is off."""
        now = time.monotonic()
        return sum(fault.skew_ms for fault in self.faults.values() if fault.kind == "clock_skew" and fault.live(now))

    def passes_closed(self, market: str, symbol: str, interval: str, bar: Bar) -> bool:
        """Tell whether a closed kline's frame goes out; restatements of future bars are decided here too."""
        if not self.faults:
            return True
        now = time.monotonic()
        passes = True
        for fault in self.faults.values():
            if not fault.live(now) or not fault.is_for(market, symbol=symbol, interval=interval):
                continue
            if fault.kind == "drop_closed":
                fault.fired += 1
                passes = False
            elif fault.kind == "restate":
                fault.fired += 1
                self.overlay.restate(market, symbol, interval, bar.open_time, ticks=fault.ticks)
        return passes

    def drops_depth(self, market: str, symbol: str) -> bool:
        """Tell whether this depth difference is lost."""
        now = time.monotonic()
        for fault in self.faults.values():
            if fault.kind == "drop_depth" and fault.live(now) and fault.is_for(market, symbol=symbol):
                fault.fired += 1
                return True
        return False

    def change(self, market: str, stream: str, payload: bytes, access: Access | None) -> Iterator[_Out]:
        """Return what goes out instead of one message: nothing, itself, itself several times, later, or spoilt."""
        now = time.monotonic()
        outs: list[_Out] = [(stream, payload, access, OPCODE_TEXT)]
        for fault in self.faults.values():
            if fault.kind not in FRAME_KINDS or not fault.live(now) or not fault.is_for(market, stream=stream):
                continue
            fault.seen += 1
            if fault.seen % max(1, fault.every):
                continue
            fault.fired += 1
            outs = self._apply(fault, market, stream, outs, now)
        yield from outs

    def _apply(self, fault: Fault, market: str, stream: str, outs: list[_Out], now: float) -> list[_Out]:
        match fault.kind:
            case "malformed":
                # in front of the good frame, so that nothing true is lost by it
                sort = fault.sort or SORTS[fault.fired % len(SORTS)]
                opcode = OPCODE_BINARY if sort == "binary" else OPCODE_TEXT
                return [(stream, spoil(sort, outs[0][1] if outs else b"{}"), None, opcode), *outs]
            case "duplicate":
                return [out for out in outs for _ in range(2)]
            case "burst":
                return [out for out in outs for _ in range(max(1, fault.factor))]
            case "late":
                self._late += [(now + fault.delay_s, market, out) for out in outs]
                return []
            case "reorder":
                held = self._held.pop((fault.id, stream), None)
                if held is None and outs:
                    self._held[fault.id, stream] = outs[0]
                    return outs[1:]
                return [*outs, held] if held is not None else outs
            case _:
                return outs

    def release(self, hub: Hub) -> None:
        """Send what was held back and is due; mute and cut connections whose time has come."""
        if self._late:
            now = time.monotonic()
            due = [item for item in self._late if item[0] <= now and item[1] == hub.market]
            self._late = [item for item in self._late if not (item[0] <= now and item[1] == hub.market)]
            for _, _, (stream, payload, access, opcode) in due:
                hub.publish(stream, payload, access, opcode=opcode)
        if self.faults or id(hub) in self._muting:
            self._mute(hub)
            self._cut(hub)

    def silences(self, market: str, stream: str) -> bool:
        """Tell whether this new subscription will be acknowledged and never served; each counts once."""
        now = time.monotonic()
        for fault in self.faults.values():
            if fault.kind == "silent_stream" and fault.live(now) and fault.is_for(market, stream=stream):
                fault.fired += 1
                return True
        return False

    def silence_existing(self, fault: Fault, hub: Hub) -> None:
        """Silence subscriptions that exist already, as many as the fault wants."""
        for stream, holders in hub.listeners.items():
            for connection in holders.values():
                if fault.is_for(hub.market, stream=stream) and fault.live(time.monotonic()):
                    connection.silent.add(stream)
                    fault.fired += 1

    def _mute(self, hub: Hub) -> None:
        """A mute fault mutes who is connected when it begins; new connections speak."""
        now = time.monotonic()
        mutes = [
            fault
            for fault in self.faults.values()
            if fault.kind == "mute" and fault.is_for(hub.market, path=fault.path) and fault.live(now)
        ]
        for connection in hub.connections.values():
            connection.muted = any(
                connection.opened <= fault.begins and _means(fault, connection.name, connection.path) for fault in mutes
            )
        if mutes:
            self._muting.add(id(hub))
        else:
            self._muting.discard(id(hub))

    def _cut(self, hub: Hub) -> None:
        now = time.monotonic()
        for fault in list(self.faults.values()):
            if fault.kind != "cut" or not fault.is_for(hub.market, path=fault.path):
                continue
            for connection in [c for c in hub.connections.values() if _means(fault, c.name, c.path)]:
                if fault.live(now):
                    fault.fired += 1
                    connection.cut()

    def _look(self) -> None:
        self.touches_frames = any(fault.kind in FRAME_KINDS for fault in self.faults.values())

    def report(self) -> list[dict[str, Any]]:
        """Return the faults as plain values."""
        return [msgspec.to_builtins(fault) for fault in self.faults.values()]


def _means(fault: Fault, name: str, path: str) -> bool:
    return (not fault.connection or fault.connection == name) and (not fault.path or fault.path in path)
