"""What faults do to klines: rows restated after their stream showed them, and rows REST withholds."""

from __future__ import annotations

import math
import time

import msgspec

from quantservice.simulator.markets.bars import Bar

_Key = tuple[str, str, str]


class Hole(msgspec.Struct, frozen=True):
    """A range of open times ``[start_ms, end_ms)`` that REST withholds until the hole is lifted.

    ``begins`` and ``ends`` bound it in seconds of the monotonic clock.
    """

    start_ms: int
    end_ms: int
    begins: float = 0.0
    ends: float = math.inf

    def hides(self, open_time: int, now: float) -> bool:
        """Tell whether a bar is withheld now."""
        return self.start_ms <= open_time < self.end_ms and self.begins <= now < self.ends


class KlineOverlay:
    """Differences between the market's truth and what REST says of it."""

    def __init__(self) -> None:
        self._restated: dict[_Key, dict[int, int]] = {}
        self._holes: dict[_Key, list[Hole]] = {}

    def restate(self, market: str, symbol: str, interval: str, open_time: int, *, ticks: int) -> None:
        """From now on REST shows this kline's close, and if need be its extremes, moved by ``ticks`` units."""
        self._restated.setdefault((market, symbol, interval), {})[open_time] = ticks

    def dig(self, market: str, symbol: str, interval: str, hole: Hole) -> None:
        """Withhold a range; an empty interval means every one."""
        self._holes.setdefault((market, symbol, interval), []).append(hole)

    def lift(self, market: str, symbol: str, interval: str) -> None:
        """Give every withheld range of a series back."""
        self._holes.pop((market, symbol, interval), None)

    def rest(self, market: str, symbol: str, interval: str, bar: Bar) -> Bar | None:
        """Return the bar as REST shows it: itself, a restated copy, or nothing."""
        key = (market, symbol, interval)
        holes = (*self._holes.get(key, ()), *self._holes.get((market, symbol, ""), ()))
        if holes:
            now = time.monotonic()
            if any(hole.hides(bar.open_time, now) for hole in holes):
                return None
        ticks = self._restated.get(key, {}).get(bar.open_time)
        if ticks is None:
            return bar
        close = max(1, bar.close + ticks)
        return msgspec.structs.replace(bar, close=close, high=max(bar.high, close), low=min(bar.low, close), volume=bar.volume + 1)
