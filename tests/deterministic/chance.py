"""What goes wrong, and when: drawn from the seed, counted by kind, and written into the trace."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from typing import Final

#: Everything that can go wrong. Each occurs in at least one seed of twenty (see the tests).
KINDS: Final = (
    "request_lost",
    "answer_lost",
    "request_held",
    "answer_slow",
    "outcome_unknown",
    "unavailable",
    "rate_limited",
    "push_lost",
    "push_late",
    "push_twice",
    "push_reordered",
    "stream_cut",
    "stream_silent",
    "read_stale",
    "read_failed",
    "venue_away",
    "store_away",
    "crash",
    "crash_before_commit",
    "crash_after_commit",
    "freeze",
    "manual_order",
    "transfer",
    "funding",
    "venue_close",
)


class Chance:
    """The seed's dice, the faults that came of them, and the trace of all that happened."""

    def __init__(self, seed: int, *, lines: bool = False) -> None:
        self.seed = seed
        self.dice = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.calm = False  # from then on nothing goes wrong any more
        self.lines: list[str] | None = [] if lines else None
        self._hash = hashlib.blake2b(digest_size=16)
        self.events = 0

    def strikes(self, kind: str, probability: float) -> bool:
        """Say whether a fault happens now. The dice are thrown in calm too, so that the history before it stays as it is."""
        if self.dice.random() >= probability or self.calm:
            return False
        self.happened(kind)
        return True

    def happened(self, kind: str) -> None:
        """Count a fault."""
        if kind not in KINDS:
            raise ValueError(f"{kind} is no kind of fault")
        self.faults[kind] += 1
        self.note("fault", kind)

    def between(self, low: float, high: float) -> float:
        """Draw a duration in seconds, on the microsecond."""
        return round(self.dice.uniform(low, high), 6)

    def note(self, *fields: object) -> None:
        """Write an event into the trace."""
        text = "|".join(map(str, fields))
        self.events += 1
        self._hash.update(text.encode())
        self._hash.update(b"\n")
        if self.lines is not None:
            self.lines.append(text)

    @property
    def digest(self) -> str:
        """The trace so far, as a hash."""
        return self._hash.hexdigest()
