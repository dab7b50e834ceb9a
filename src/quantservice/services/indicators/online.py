"""The online form: one bank of states per indicator and period, in which every stream has a row.

Pure: klines in, updates out. A kline that does not follow the last one of its stream is not computed here; its stream is named
in :attr:`OnlineIndicators.behind`, and the service builds its states again from the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from quantservice.core.events import Kline, StreamId
from quantservice.core.messages import IndicatorUpdate
from quantservice.core.periods import next_open
from quantservice.quant.indicators import Bank, IndicatorCall
from quantservice.quant.indicators.calls import price

_FIRST_ROWS: Final = 64
_FLOATS: Final = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_base_volume", "taker_buy_quote_volume")


def keys_of(call: IndicatorCall) -> tuple[str, ...]:
    """Return the names under which a call's outputs are announced: the call, with ``.output`` where it has several."""
    outputs = call.spec.outputs
    return (str(call),) if len(outputs) == 1 else tuple(f"{call}.{name}" for name in outputs)


class OnlineIndicators:
    """The indicators of many streams of one period, a bar at a time."""

    def __init__(self, period: str, calls: Sequence[IndicatorCall]) -> None:
        self.period = period
        self.calls = tuple(calls)
        self.behind: set[StreamId] = set()
        self._rows: dict[StreamId, int] = {}
        self._last: list[int] = []
        self._size = _FIRST_ROWS
        self._banks = [Bank(call, self._size) for call in self.calls]
        self._keys = [keys_of(call) for call in self.calls]

    def __len__(self) -> int:
        return len(self._rows)

    def last_open(self, stream: StreamId) -> int | None:
        """Return the open time of the last kline computed, or None."""
        row = self._rows.get(stream)
        return None if row is None else self._last[row]

    def install(self, stream: StreamId, states: Sequence[npt.NDArray[np.float64]], last_open: int) -> None:
        """Put in the states that a computation over stored bars ended with (one per call)."""
        row = self._rows.get(stream)
        if row is None:
            row = self._rows[stream] = len(self._rows)
            self._last.append(0)
            if row >= self._size:
                self._grow()
        for bank, state in zip(self._banks, states, strict=True):
            bank.load(row, state)
        self._last[row] = last_open
        self.behind.discard(stream)

    def forget(self, stream: StreamId) -> None:
        """Take a stream as not computed: its next kline asks for a rebuild."""
        row = self._rows.get(stream)
        if row is not None:
            self._last[row] = 0

    def advance(self, klines: Iterable[Kline]) -> list[IndicatorUpdate]:
        """Take closed klines; return the updates of those that followed their stream's last one."""
        updates: list[IndicatorUpdate] = []
        waiting = list(klines)
        while waiting:
            chosen: dict[int, Kline] = {}
            later: list[Kline] = []
            for kline in waiting:
                row = self._rows.get(kline.stream)
                if row is None or not self._last[row]:
                    self.behind.add(kline.stream)
                elif row in chosen:
                    later.append(kline)
                elif kline.open_time == next_open(self.period, self._last[row]):
                    chosen[row] = kline
                elif kline.open_time > self._last[row]:
                    self.behind.add(kline.stream)
            if not chosen:
                break
            updates += self._step(chosen)
            waiting = later
        return updates

    def _step(self, chosen: Mapping[int, Kline]) -> list[IndicatorUpdate]:
        rows = np.fromiter(chosen, dtype=np.int64, count=len(chosen))
        klines = list(chosen.values())
        columns = _columns(klines)
        ready = np.zeros(self._size, dtype=np.bool_)
        ready[rows] = True
        values: list[dict[str, float]] = [{} for _ in klines]
        for bank, keys in zip(self._banks, self._keys, strict=True):
            x = np.zeros((self._size, len(bank.inputs)))
            for place, name in enumerate(bank.inputs):
                x[rows, place] = price(columns, name)
            out = bank.update(x, ready)[rows]
            for place, key in enumerate(keys):
                for of_kline, value in zip(values, out[:, place].tolist(), strict=True):
                    of_kline[key] = value
        for row, kline in chosen.items():
            self._last[row] = kline.open_time
        return [
            IndicatorUpdate(stream=kline.stream, open_time=kline.open_time, values=of_kline)
            for kline, of_kline in zip(klines, values, strict=True)
        ]

    def _grow(self) -> None:
        grown = self._size * 2
        self._banks = [bank.grown(grown) for bank in self._banks]
        self._size = grown


def _columns(klines: Sequence[Kline]) -> dict[str, npt.NDArray[Any]]:
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.array([float(getattr(kline, name)) for kline in klines], dtype=np.float64) for name in _FLOATS
    }
    columns["count"] = np.array([kline.count for kline in klines], dtype=np.float64)
    columns["open_time"] = np.array([kline.open_time for kline in klines], dtype=np.float64)
    return columns
