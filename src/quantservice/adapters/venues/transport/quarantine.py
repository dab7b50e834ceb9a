"""Where malformed frames go: counted by reason, the newest kept for a person to look at, said at most once per while."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from quantservice.ports import Clock

log = structlog.get_logger(__name__)

MAX_REASONS = 64


class BadFrame(msgspec.Struct, frozen=True):
    """One quarantined frame, cut to a readable length."""

    reason: str
    recv_ns: int
    size: int
    head: str


class Quarantine:
    """The malformed frames of one feed."""

    def __init__(self, name: str, *, clock: Clock, kept: int = 100, head_bytes: int = 512, quiet_s: float = 60.0) -> None:
        self.total = 0
        self.reasons: Counter[str] = Counter()
        self.frames: deque[BadFrame] = deque(maxlen=kept)
        self._name = name
        self._clock = clock
        self._head_bytes = head_bytes
        self._quiet_s = quiet_s
        self._said: dict[str, float] = {}

    def add(self, reason: str, payload: bytes, recv_ns: int) -> None:
        """Take one frame out of the line."""
        if reason not in self.reasons and len(self.reasons) >= MAX_REASONS:
            reason = "other"
        self.total += 1
        self.reasons[reason] += 1
        head = payload[: self._head_bytes].decode("utf-8", "backslashreplace")
        self.frames.append(BadFrame(reason, recv_ns, len(payload), head))
        now = self._clock.monotonic()
        if now >= self._said.get(reason, float("-inf")) + self._quiet_s:
            self._said[reason] = now
            log.warning("feed.quarantined", feed=self._name, reason=reason, so_far=self.reasons[reason], head=repr(head[:80]))

    def stats(self) -> Mapping[str, Any]:
        """Figures now, and the newest frames."""
        return {
            "quarantined": self.total,
            "reasons": dict(self.reasons),
            "newest": [msgspec.to_builtins(frame) for frame in list(self.frames)[-5:]],
        }
