"""The engine's memory made from market data and assumptions, moved forward, and read out as a result."""

from __future__ import annotations

from typing import Final

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.backtest import calendar_rows
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import AT_PAR, MarketData
from quantservice.quant.backtest.kernel import layout as at
from quantservice.quant.backtest.kernel.entry import run
from quantservice.quant.backtest.kernel.memory import book_of
from quantservice.quant.backtest.kernel.units import UNITS, address_of
from quantservice.quant.backtest.results import Flag
from quantservice.quant.backtest.tables import F64
from quantservice.quant.metrics.summary import new_daily, new_sums

_FIRST_ROWS: Final = 4_096


class Machine:
    """One run's state. ``advance`` moves it, ``journal`` is what it wrote down."""

    def __init__(
        self,
        data: MarketData,
        assumptions: Assumptions,
        *,
        targets: F64 | None = None,
        requests: F64 | None = None,
        record: bool = True,
        curve: bool = True,
        sums: bool = False,
        tell: bool = False,
    ) -> None:
        self.data, self.assumptions = data, assumptions
        self.sides = 2 if assumptions.position_mode == "hedge" else 1
        self.flags: list[Flag] = list(data.flags)
        self.currency, self.currencies = self._currencies()
        rows = calendar_rows.build(data, assumptions, self.flags)
        self.tab, self.aux = rows.table, rows.aux
        count = len(data.series)
        self.c = self._settings(rows, targets is not None, record, tell)
        self.n = np.zeros(at.N_SIZE, dtype=np.int64)
        self.n[at.N_BAR] = -1
        self.n[at.N_EVENT] = rows.first
        self.n[at.N_DAY] = int(data.row_time[0]) // 86_400_000
        self.stats = np.zeros(at.S_SIZE)
        self.sums, self.daily = new_sums(), new_daily(int(data.time[0]), int(data.close_time[-1]))
        self.cur = self._wallets()
        self.c[at.C_CURVE], self.c[at.C_SUMS] = float(curve), float(sums)
        self.c[at.C_CONVERTS] = float(np.any(self.cur[:, at.W_SOURCE] >= 0))
        self.inst = self._instruments()
        single = count == 1 and data.px.shape[1] == 1 and self.sides == 1 and len(data.row_time) == len(data.time)
        simple = self.c[at.C_ALWAYS] == self.c[at.C_CROSS] == self.c[at.C_CONVERTS] == 0.0
        self.c[at.C_PLAIN] = float(single and simple and not data.contracts[0].inverse)
        self.legs = np.zeros((count * self.sides, at.L_COLUMNS))
        self.legs[:, [at.L_WANTED, at.L_LIQUIDATION]] = np.nan
        self.orders = np.zeros((64, at.O_COLUMNS))
        self.targets = np.zeros(1) if targets is None else targets
        self.requests = np.zeros((1, at.R_COLUMNS))
        self.curve = np.empty((len(data.time) if curve else 1, at.V_COLUMNS))
        self.journal = np.zeros((_FIRST_ROWS if record else 1, at.J_COLUMNS))
        self._units = {"execute", "apply_due"}
        margined = self.c[at.C_MARGIN] != 0.0
        if margined:
            self._units.add("liquidate_cross" if assumptions.margin_mode == "cross" else "liquidate_isolated")
        if margined or bool(np.any(data.rows & at.LAST)):
            self._units.add("force_out")
        if requests is not None:
            self.ask(requests)
        self._bind()

    def _bind(self) -> None:
        self.n[at.N_JOURNAL_END] = len(self.journal)
        self.n[at.N_ORDERS_END] = len(self.orders)
        data = self.data
        tables = (
            self.c, self.n, self.stats, self.cur, self.inst, self.legs, self.orders, self.requests, self.targets, self.journal,
            self.tab, data.row_time, data.starts, data.px, data.rows, self.aux, self.curve, data.close_time, self.sums, self.daily,
        )  # fmt: skip
        self._tables = tables
        heights = (len(self.cur), len(data.series), data.px.shape[1], self.sides, len(self.daily))
        needed = self._needed()
        self._book = book_of(tables, (*heights, *(address_of(name) if name in needed else 0 for name in UNITS)))

    def _needed(self) -> set[str]:
        """Return the units that this run can come to; the others are not compiled for it."""
        kinds = self.requests[: self.n[at.N_ASKED], at.R_KIND]
        if self.c[at.C_TARGETS] != 0.0 or np.any(kinds == at.ASK_SIGNAL):
            self._units |= {"decide", "fill_targets"}
        if np.any(kinds != at.ASK_SIGNAL):
            self._units |= {"submit", "meet_orders"}
        return self._units

    def ask(self, requests: F64) -> None:
        """Give it more requests (rows of :mod:`.kernel.layout`), sorted by bar; those that were taken are forgotten."""
        left = self.requests[self.n[at.N_REQUEST] : self.n[at.N_ASKED]]
        self.requests = np.ascontiguousarray(np.concatenate((left, requests)) if len(left) else requests)
        self.n[at.N_REQUEST] = 0
        self.n[at.N_ASKED] = len(self.requests)
        if hasattr(self, "_book"):
            self._bind()

    def advance(self, until: int) -> None:
        """Take bars up to and with ``until``, giving tables room as they fill."""
        while not run(self._book, until, False):
            self._grow()

    def _grow(self) -> None:
        if self.c[at.C_RECORD] != 0.0:
            self.journal = np.concatenate((self.journal, np.zeros((max(2 * len(self.journal), _FIRST_ROWS), at.J_COLUMNS))))
        asked = int(self.n[at.N_ASKED] - self.n[at.N_REQUEST])
        room = int(self.n[at.N_OPEN]) + min(asked, 1_024) + 64
        self.orders = np.concatenate((self.orders, np.zeros((max(room, len(self.orders)), at.O_COLUMNS))))
        self._bind()

    def conclude(self) -> None:
        """Take the last decisions and write down what is still open."""
        asked = int(self.n[at.N_ASKED] - self.n[at.N_REQUEST])
        need = 16 * (len(self.legs) + len(self.orders) + asked) + 64
        if self.c[at.C_RECORD] != 0.0 and self.n[at.N_JOURNAL] + need > len(self.journal):
            self.journal = np.concatenate((self.journal, np.zeros((need, at.J_COLUMNS))))
        if self.n[at.N_OPEN] + asked > len(self.orders):
            self.orders = np.concatenate((self.orders, np.zeros((asked, at.O_COLUMNS))))
        self._bind()
        run(self._book, int(self.n[at.N_BAR]), True)

    def _currencies(self) -> tuple[str, list[str]]:
        data, asked = self.data, self.assumptions.currency
        settles = list(dict.fromkeys(item.settle for item in data.contracts))
        return asked or data.contracts[0].quote or data.contracts[0].settle, settles

    def _wallets(self) -> F64:
        """Return the currency table: opening balances and where their rates come from."""
        assumptions = self.assumptions
        cur = np.zeros((len(self.currencies), at.W_COLUMNS))
        unknown = [code for code in assumptions.wallets if code not in self.currencies]
        if unknown:
            raise UnknownName("settlement currency", unknown[0], self.currencies)
        for place, code in enumerate(self.currencies):
            source, rate = self._rate_source(code)
            share = assumptions.wallets.get(code, 0.0) if assumptions.wallets else 1.0 / len(self.currencies)
            cur[place, at.W_SOURCE] = source
            cur[place, at.W_RATE] = rate
            cur[place, at.W_BALANCE] = assumptions.initial_equity * share / rate
        return cur

    def _rate_source(self, code: str) -> tuple[int, float]:
        """Return the price column that converts a currency, and its first rate."""
        data, reporting = self.data, self.currency
        if code == reporting:
            return -1, 1.0
        source = data.rates.get(code, -1)
        if source < 0:
            for place, item in enumerate(data.contracts):
                same = item.quote == reporting or {item.quote, reporting} <= AT_PAR
                if item.base == code and same:
                    source = place
                    break
        if source >= 0:
            first = int(np.flatnonzero(data.rows[:, source])[0])
            return source, float(data.px[first, source, 0])
        if {code, reporting} <= AT_PAR:
            self.flags.append(Flag("at_par", f"{code} is taken at par with {reporting}: no rate is given"))
            return -1, 1.0
        raise InvalidValue("fx", f"no klines convert {code} into {reporting}; give fx={{{code!r}: bars}} or another currency")

    def _instruments(self) -> F64:
        data, assumptions = self.data, self.assumptions
        inst = np.zeros((data.px.shape[1], at.I_COLUMNS))
        inst[:, at.I_STATUS] = 1.0
        inst[:, at.I_LEFT] = np.inf
        inst[:, at.I_ROW] = -1.0
        inst[:, at.I_SIZE] = 1.0
        inst[:, at.I_LEVERAGE] = 1.0
        for place, contract in enumerate(data.contracts):
            name = data.instruments[place]
            row = inst[place]
            row[at.I_SIZE] = contract.size
            row[at.I_INVERSE] = float(contract.inverse)
            row[at.I_SPOT] = float(contract.spot)
            row[at.I_CURRENCY] = self.currencies.index(contract.settle)
            if not contract.spot:
                own = assumptions.leverages.get(str(name), assumptions.leverages.get(name.symbol, assumptions.leverage))
                row[at.I_LEVERAGE] = own
        known = {str(name) for name in data.instruments} | {name.symbol for name in data.instruments}
        for name_ in assumptions.leverages:
            if name_ not in known:
                raise UnknownName("instrument of leverages", name_, sorted(known))
        return inst

    def _settings(self, rows: calendar_rows.Rows, has_targets: bool, record: bool, tell: bool) -> F64:
        assumptions, data = self.assumptions, self.data
        if assumptions.volume_share_cap > 0.0 or assumptions.slippage.model == "volume_share":
            for item in data.series:
                if not item.has_volume:
                    raise InvalidValue("volume_share_cap", f"the klines of {item.instrument} have no volume")
        unfit = (0 if assumptions.fill_on_synthetic else at.SYNTHETIC) | (0 if assumptions.fill_on_stale else at.STALE)
        c = np.zeros(at.C_SIZE)
        c[at.C_TARGETS] = float(has_targets)
        c[at.C_TIERED] = float(rows.tiered)
        c[at.C_FILL_SIZING] = float(assumptions.sizing == "fill")
        c[at.C_ALWAYS] = float(assumptions.rebalance == "always")
        c[at.C_DRIFT] = assumptions.drift_tolerance
        margined = any(not item.spot for item in data.contracts)
        c[at.C_MARGIN] = float(margined)
        c[at.C_CROSS] = float(margined and assumptions.margin_mode == "cross")
        c[at.C_LATENCY] = float(assumptions.latency_ms)
        c[at.C_ROW_MS] = float(data.row_ms)
        c[at.C_CAP] = assumptions.volume_share_cap
        c[at.C_THROUGH] = float(assumptions.limit_fill == "through")
        c[at.C_LIQUIDATION_FEE] = assumptions.liquidation_fee
        c[at.C_RULES] = float(assumptions.enforce_rules)
        c[at.C_UNFIT] = float(unfit)
        c[at.C_CLOSE_FILL] = float(assumptions.fill == "close")
        c[at.C_SLIPPAGE] = float(at.SLIPPAGE_MODELS.index(assumptions.slippage.model))
        c[at.C_BPS] = assumptions.slippage.bps if assumptions.slippage.model not in {"none", "volume_share"} else 0.0
        c[at.C_COEFFICIENT] = assumptions.slippage.coefficient
        c[at.C_RECORD] = float(record)
        c[at.C_END_EVENT] = float(rows.end)
        c[at.C_TELL] = float(tell)
        return c
