"""The referee: counts each broken rule, remembers the first offender, and keeps the log of what was served."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

import msgspec


class Violation(msgspec.Struct):
    """One rule's count, and who broke it first."""

    count: int = 0
    first_offender: str = ""
    first_time_ms: int = 0
    detail: str = ""


class Access(msgspec.Struct, frozen=True, omit_defaults=True):
    """One delivery: kline rows by a request (``via`` rest) or a closed kline on a stream (``via`` ws)."""

    via: str
    who: str
    market: str
    symbol: str
    interval: str
    start: int
    end: int
    count: int


class Referee:
    """Judge of everybody who talks to the simulator."""

    def __init__(self, *, log_size: int) -> None:
        self._log_size = log_size
        self.violations: dict[str, Violation] = {}
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.weights: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.access: deque[Access] = deque(maxlen=log_size)
        self.dropped_access = 0

    def broke(self, rule: str, offender: str, detail: str = "") -> None:
        """Record that ``offender`` broke ``rule``."""
        violation = self.violations.get(rule)
        if violation is None:
            violation = self.violations[rule] = Violation(0, offender, time.time_ns() // 1_000_000, detail)
        violation.count += 1

    def served(self, access: Access) -> None:
        """Record a delivery of klines."""
        if len(self.access) == self._log_size:
            self.dropped_access += 1
        self.access.append(access)

    def reset(self) -> None:
        """Forget everything."""
        log_size = self._log_size
        self.__init__(log_size=log_size)  # type: ignore[misc]  # the one way to forget every field alike

    def report(self) -> dict[str, Any]:
        """Return the judgement as plain values."""
        return {
            "violations": {rule: msgspec.to_builtins(violation) for rule, violation in self.violations.items()},
            "total_violations": sum(violation.count for violation in self.violations.values()),
            "requests": dict(self.requests),
            "statuses": dict(self.statuses),
            "weights": dict(self.weights),
            "counts": dict(self.counts),
            "access_rows": len(self.access),
            "access_dropped": self.dropped_access,
        }
