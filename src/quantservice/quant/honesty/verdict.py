"""What the look-ahead gate says of a strategy."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np

FaultKind: TypeAlias = Literal["look_ahead", "streaming", "two_forms", "outside_state", "not_deterministic", "foresight", "raised"]

_SENTENCES: dict[str, str] = {
    "look_ahead": "the result at a bar changes when later bars change",
    "streaming": "bar by bar it does not answer as it does on the whole history",
    "two_forms": "on_kline and on_bars do not want the same",
    "outside_state": "a run depends on the runs before it: something is kept outside of the instance",
    "not_deterministic": "two runs on the same bars differ",
    "foresight": "it knows prices that it was not given",
    "raised": "it raises",
}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """The first bar at which a law is broken.

    ``bar`` counts from 0 in the bars checked, ``time`` is its open time (ms UTC). ``whole`` is the answer given the whole history,
    ``alone`` the one without what comes later (or, by kind, of the other form or run).
    """

    kind: FaultKind
    bar: int
    time: int
    instrument: str
    whole: str
    alone: str
    detail: str = ""

    def __str__(self) -> str:
        moment = np.datetime_as_string(np.datetime64(self.time, "ms"), unit="m").replace("T", " ")
        where = f"first at bar {self.bar:,} ({moment} UTC, {self.instrument})" if self.bar >= 0 else ""
        shown = f"{self.whole} on the whole, {self.alone} without" if self.kind in {"look_ahead", "streaming"} else ""
        if self.kind in {"two_forms", "outside_state", "not_deterministic"}:
            shown = f"{self.whole} against {self.alone}"
        parts = ", ".join(part for part in (where, shown, self.detail) if part)
        return f"{_SENTENCES[self.kind]}{': ' if parts else ''}{parts}"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked of a strategy, over which bars, and what was found. ``fault`` is None when every law held."""

    strategy: str
    parameters: dict[str, int | float | bool | str]
    code_hash: str
    bars: int  # on the clock of the bars given
    exact_bars: int  # of these, bars whose result was computed without anything later
    first_time: int
    last_time: int
    fault: Fault | None = None
    notes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()  # what its code calls to read files or the network by itself

    @property
    def passed(self) -> bool:
        """Whether every law held."""
        return self.fault is None

    @property
    def mark(self) -> str:
        """One line for a report."""
        if self.fault is not None:
            return f"LOOK-AHEAD GATE FAILED: {self.fault}"
        unseen = f"; what it reads by itself ({', '.join(self.reads)}) cannot be judged" if self.reads else ""
        if self.exact_bars == self.bars:
            return f"look-ahead gate passed at every one of {self.bars:,} bars{unseen}"
        return f"look-ahead gate passed at every one of the last {self.exact_bars:,} of {self.bars:,} bars{unseen}"

    def __str__(self) -> str:
        return f"{self.strategy}: {self.mark}"
