"""The engine's memory over a plan, moved forward bar by bar or all at once."""

from __future__ import annotations

from typing import Final

import numpy as np

from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.kernel import layout as at
from quantservice.quant.backtest.kernel.entry import run
from quantservice.quant.backtest.kernel.memory import TABLE_OF, book_of, place_table
from quantservice.quant.backtest.kernel.units import UNITS, address_of
from quantservice.quant.backtest.plan import Plan
from quantservice.quant.backtest.results import Flag
from quantservice.quant.backtest.tables import F64
from quantservice.quant.metrics.scan import DAY_MS
from quantservice.quant.metrics.summary import SUMS, begin

_FIRST_ROWS: Final = 4_096


class Machine:
    """One run's state. ``advance`` moves it, ``journal`` is what it wrote down.

    ``record``: keep the journal; ``curve``: keep the account after each bar; ``sums``: keep the sums of a sweep; ``tell``: write
    down accepted orders too.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        targets: F64 | None = None,
        requests: F64 | None = None,
        record: bool = True,
        curve: bool = True,
        sums: bool = False,
        tell: bool = False,
    ) -> None:
        data = plan.data
        self.plan, self.data, self.assumptions, self.sides = plan, data, plan.assumptions, plan.sides
        self.flags: list[Flag] = list(plan.flags)
        self.c = plan.c.copy()
        for place, chosen in ((at.C_RECORD, record), (at.C_CURVE, curve), (at.C_SUMS, sums), (at.C_TELL, tell)):
            self.c[place] = float(chosen)
        self.n = np.zeros(at.N_SIZE, dtype=np.int64)
        self.stats = np.zeros(at.S_SIZE)
        self.sums, self.daily = np.zeros(SUMS), np.zeros(_days(data) if sums else 1)
        self.cur, self.inst = plan.cur.copy(), plan.inst.copy()
        self.legs = np.zeros((len(data.series) * self.sides, at.L_COLUMNS))
        self.orders = np.zeros((64, at.O_COLUMNS))
        self.targets = np.zeros(1)
        self.requests = np.zeros((1, at.R_COLUMNS))
        self.curve = np.empty((at.V_COLUMNS, len(data.time)) if curve else (at.HEAP, at.V_COLUMNS))
        first = max(_FIRST_ROWS, len(data.time) // 8) if record else 1  # what is not written to costs nothing
        self.journal = np.empty((first, at.J_COLUMNS))
        self._units = set(plan.units) | ({"add_up", "add_bars", "add_flat"} if sums else set())
        self.restart(targets)
        self._bind()
        if requests is not None:
            self.ask(requests)

    def restart(self, targets: F64 | None) -> None:
        """Go back to the state before the first bar, with other targets."""
        self.c[at.C_TARGETS] = float(targets is not None)
        self.n[:] = 0
        self.n[at.N_BAR] = -1
        self.n[at.N_DAY] = int(self.data.row_time[0]) // 86_400_000
        self.n[at.N_JOURNAL_END], self.n[at.N_ORDERS_END] = len(self.journal), len(self.orders)
        self.stats[:] = 0.0
        self.cur[:], self.inst[:], self.legs[:] = self.plan.cur, self.plan.inst, 0.0
        self.legs[:, [at.L_WANTED, at.L_LIQUIDATION]] = np.nan
        if self.c[at.C_SUMS] != 0.0:
            begin(self.sums, self.daily, int(self.data.time[0]), self.assumptions.initial_equity)
        if targets is not None:
            self.targets = targets
            self._need({"decide", "fill_targets"})
            if hasattr(self, "_book"):
                place_table(self._book, TABLE_OF["targets"], targets)

    def _need(self, names: set[str]) -> None:
        """See to it that units can be called; those that no run needs are not compiled."""
        if names - self._units:
            self._units |= names
            if hasattr(self, "_book"):
                self._bind()

    def _bind(self) -> None:
        self.n[at.N_JOURNAL_END], self.n[at.N_ORDERS_END] = len(self.journal), len(self.orders)
        data, plan = self.data, self.plan
        tables = (
            self.c, self.n, self.stats, self.cur, self.inst, self.legs, self.orders, self.requests, self.targets,
            self.journal, plan.tab, data.row_time, data.starts, *data.prices, data.rows, plan.aux, self.curve, data.close_time,
            self.sums, self.daily,
        )  # fmt: skip
        heights = (len(self.cur), len(data.series), data.rows.shape[1], self.sides, len(self.daily), len(data.time))
        addresses = (address_of(name) if name in self._units else 0 for name in UNITS)
        self._book = book_of(tables, (*heights, *addresses))

    def ask(self, requests: F64) -> None:
        """Give it more requests (rows of :mod:`.kernel.layout`), sorted by bar; those that were taken are forgotten."""
        kinds = requests[:, at.R_KIND]
        if np.any(kinds == at.ASK_SIGNAL):
            self._need({"decide", "fill_targets"})
        if np.any(kinds != at.ASK_SIGNAL):
            self._need({"submit", "meet_orders"})
        left = self.requests[self.n[at.N_REQUEST] : self.n[at.N_ASKED]]
        if len(left) + len(requests) <= len(self.requests):
            self.requests[: len(left)] = left.copy()
            self.requests[len(left) : len(left) + len(requests)] = requests
        else:
            self.requests = np.concatenate((left, requests, np.zeros((64, at.R_COLUMNS))))
            place_table(self._book, TABLE_OF["requests"], self.requests)
        self.n[at.N_REQUEST] = 0
        self.n[at.N_ASKED] = len(left) + len(requests)

    def advance(self, until: int) -> None:
        """Take bars up to and with ``until``, giving tables room as they fill."""
        while not run(self._book, until, False):
            self._grow()

    def _grow(self) -> None:
        if self.c[at.C_RECORD] != 0.0:
            self.journal = np.concatenate((self.journal, np.empty((max(2 * len(self.journal), _FIRST_ROWS), at.J_COLUMNS))))
        asked = int(self.n[at.N_ASKED] - self.n[at.N_REQUEST])
        room = int(self.n[at.N_OPEN]) + min(asked, 1_024) + 64
        self.orders = np.concatenate((self.orders, np.zeros((max(room, len(self.orders)), at.O_COLUMNS))))
        self._bind()

    def conclude(self) -> None:
        """Take the last decisions and write down what is still open."""
        asked = int(self.n[at.N_ASKED] - self.n[at.N_REQUEST])
        need = 16 * (len(self.legs) + len(self.orders) + asked) + 64
        if self.c[at.C_RECORD] != 0.0 and self.n[at.N_JOURNAL] + need > len(self.journal):
            self.journal = np.concatenate((self.journal, np.empty((need, at.J_COLUMNS))))
        if self.n[at.N_OPEN] + asked > len(self.orders):
            self.orders = np.concatenate((self.orders, np.zeros((asked, at.O_COLUMNS))))
        self._bind()
        run(self._book, int(self.n[at.N_BAR]), True)


def _days(data: MarketData) -> int:
    """Return how many daily samples a run has, the one before its first day included."""
    return int(data.close_time[-1] - 1) // DAY_MS - int(data.time[0]) // DAY_MS + 2
