"""From the engine's journal to a result: rows into records, and what a reader must know into flags."""

from __future__ import annotations

from typing import Final

import numpy as np

from quantservice.core.errors import InvalidValue
from quantservice.quant.backtest.kernel import layout as at
from quantservice.quant.backtest.machine import Machine
from quantservice.quant.backtest.records import FILL, FUNDING, LIQUIDATION, ORDER, ORDER_REASONS, TRADE
from quantservice.quant.backtest.results import Array, Flag, RunResult
from quantservice.quant.backtest.tables import F64, when
from quantservice.quant.backtest.walks import by_kind

_RECORDS: Final = {
    at.J_FILL: FILL,
    at.J_TRADE: TRADE,
    at.J_FUNDING: FUNDING,
    at.J_LIQUIDATION: LIQUIDATION,
    at.J_ORDER: ORDER,
}
_WIDTHS: Final = np.array([len(_RECORDS[kind].names or ()) if kind in _RECORDS else 0 for kind in range(int(at.J_ACCEPTED) + 1)])


def records(journal: F64) -> dict[float, Array]:
    """Return the journal's rows as structured arrays, by their kind."""
    laid, counts = by_kind(journal, _WIDTHS)
    found: dict[float, Array] = {}
    end = 0
    for kind, (width, count) in enumerate(zip(_WIDTHS, counts.tolist(), strict=True)):
        first, end = end, end + width * count
        dtype = _RECORDS.get(kind)
        if dtype is not None:
            out = found[kind] = np.zeros(count, dtype=dtype)
            for name, values in zip(dtype.names or (), laid[first:end].reshape(width, count), strict=True):
                out[name] = values
    return found


def result_of(machine: Machine, tags: tuple[str, ...] = ("",)) -> RunResult:
    """Read a concluded run."""
    data, curve = machine.data, machine.curve
    journal = machine.journal[: machine.n[at.N_JOURNAL]]
    found = records(journal)
    orders, funding, trades, liquidations = found[at.J_ORDER], found[at.J_FUNDING], found[at.J_TRADE], found[at.J_LIQUIDATION]
    _flag_funding(machine, funding)
    _flag_orders(machine, orders)
    if len(liquidations):
        times = liquidations["time"]
        text = f"{len(liquidations)} positions were liquidated, the first at {when(times[0])}"
        machine.flags.append(Flag("liquidations", text, len(liquidations), int(times[0]), int(times[-1])))
    gone = trades["exit_reason"] == at.DELISTED
    for place in np.unique(trades["instrument"][gone]):
        time = int(trades["exit_time"][gone & (trades["instrument"] == place)][0])
        text = f"{data.instruments[place]} has no klines after {when(time)}: its position was closed at the last price"
        machine.flags.append(Flag("delisted", text, 1, time, time))
    if machine.n[at.N_SHORTS]:
        count = int(machine.n[at.N_SHORTS])
        machine.flags.append(Flag("short_on_spot", f"{count} short targets on spot were taken as flat", count))
    if machine.n[at.N_IDLE]:
        count = int(machine.n[at.N_IDLE])
        text = f"{count} targets were stated for instruments that were not trading, and ignored"
        machine.flags.append(Flag("not_trading", text, count))
    if curve[at.V_EQUITY].min() <= 0.0:
        row = int(np.argmax(curve[at.V_EQUITY] <= 0.0))
        time = int(data.close_time[row])
        machine.flags.append(Flag("bankrupt", f"the equity was used up at {when(time)}", 1, time, time))
    return RunResult(
        instruments=data.instruments,
        period=data.period,
        currency=machine.plan.currency,
        assumptions=machine.assumptions,
        time=data.time,
        close_time=data.close_time,
        initial_equity=machine.assumptions.initial_equity,
        equity=curve[at.V_EQUITY],
        worst_equity=curve[at.V_WORST],
        cash=curve[at.V_CASH],
        gross_exposure=curve[at.V_GROSS],
        net_exposure=curve[at.V_NET],
        margin_used=curve[at.V_MARGIN],
        fills=found[at.J_FILL],
        orders=orders,
        trades=trades,
        funding=funding,
        liquidations=liquidations,
        tags=tags,
        flags=tuple(machine.flags),
        data_fingerprint=data.fingerprint,
        details={"settlement_currencies": tuple(machine.plan.currencies), "insured": float(machine.cur[:, at.W_INSURED].sum())},
    )


def _flag_funding(machine: Machine, funding: Array) -> None:
    missing = funding[funding["missing"]]
    if not len(missing):
        return
    first, last = int(missing["time"][0]), int(missing["time"][-1])
    name = machine.data.instruments[int(missing["instrument"][0])]
    text = (
        f"{len(missing)} funding settlements of open positions are not known, the first of {name} at {when(first)}: "
        "the result leaves them out"
    )
    if machine.assumptions.missing_funding == "refuse":
        raise InvalidValue("funding", text)
    machine.flags.append(Flag("funding_missing", text, len(missing), first, last))


def _flag_orders(machine: Machine, orders: Array) -> None:
    rejected = orders[orders["state"] == at.REJECTED]
    for why in np.unique(rejected["reason"]):
        times = rejected["time"][rejected["reason"] == why]
        text = f"{len(times)} orders were rejected: {ORDER_REASONS[why]}"
        machine.flags.append(Flag("orders_rejected", text, len(times), int(times[0]), int(times[-1])))
