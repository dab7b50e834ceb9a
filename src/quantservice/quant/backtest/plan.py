"""What a run begins with: market data and assumptions laid out as the kernel's tables, once for all runs over them."""

from __future__ import annotations

import numpy as np

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.backtest import calendar_rows
from quantservice.quant.backtest.assumptions import Assumptions
from quantservice.quant.backtest.data import AT_PAR, MarketData
from quantservice.quant.backtest.kernel import layout as at
from quantservice.quant.backtest.results import Flag
from quantservice.quant.backtest.tables import F64


class Plan:
    """The constant tables of runs, and the first state of those that change: settings ``c``, ``cur``, ``inst``."""

    def __init__(self, data: MarketData, assumptions: Assumptions) -> None:
        self.data, self.assumptions = data, assumptions
        self.sides = 2 if assumptions.position_mode == "hedge" else 1
        self.flags: list[Flag] = list(data.flags)
        self.currency, self.currencies = self._currencies()
        rows = calendar_rows.build(data, assumptions, self.flags)
        self.tab, self.aux = rows.table, rows.aux
        self.c = self._settings(rows)
        self.cur = self._wallets()
        self.inst = self._instruments()
        self.c[at.C_CONVERTS] = float(np.any(self.cur[:, at.W_SOURCE] >= 0))
        single = len(data.series) == data.rows.shape[1] == self.sides == 1 and len(data.row_time) == len(data.time)
        simple = self.c[at.C_ALWAYS] == self.c[at.C_CONVERTS] == 0.0
        self.c[at.C_PLAIN] = float(single and simple and not data.contracts[0].inverse)
        self.units = {"execute", "apply_due", "run_row"}
        if self.c[at.C_SLIPPAGE] != 0.0:
            self.units.add("slip")
        if self.c[at.C_MARGIN] != 0.0:
            self.units.add("liquidate_cross" if assumptions.margin_mode == "cross" else "liquidate_isolated")
        if self.c[at.C_MARGIN] != 0.0 or bool(np.any(data.rows & at.LAST)):
            self.units.add("force_out")

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
            return source, float(data.prices[0][first, source])
        if {code, reporting} <= AT_PAR:
            self.flags.append(Flag("at_par", f"{code} is taken at par with {reporting}: no rate is given"))
            return -1, 1.0
        raise InvalidValue("fx", f"no klines convert {code} into {reporting}; give fx={{{code!r}: bars}} or another currency")

    def _instruments(self) -> F64:
        data, assumptions = self.data, self.assumptions
        inst = np.zeros((data.rows.shape[1], at.I_COLUMNS))
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

    def _settings(self, rows: calendar_rows.Rows) -> F64:
        assumptions, data = self.assumptions, self.data
        if assumptions.volume_share_cap > 0.0 or assumptions.slippage.model == "volume_share":
            for item in data.series:
                if not item.has_volume:
                    raise InvalidValue("volume_share_cap", f"the klines of {item.instrument} have no volume")
        unfit = (0 if assumptions.fill_on_synthetic else at.SYNTHETIC) | (0 if assumptions.fill_on_stale else at.STALE)
        c = np.zeros(at.C_SIZE)
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
        c[at.C_END_EVENT] = float(rows.end)
        return c
