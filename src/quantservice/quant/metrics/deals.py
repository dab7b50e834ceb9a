"""Figures of closed trades. They stay trade statistics: no ratio of the curve is made from them."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from quantservice.quant.metrics import ratios
from quantservice.quant.metrics.arrays import Rows, RunArrays
from quantservice.quant.metrics.sheet import Sheet
from quantservice.quant.metrics.value import F64, INFINITE, NAN

NO_TRADES: Final = "no trade was closed"
NO_WINNERS: Final = "no winning trades"
NO_LOSERS: Final = "no losing trades"
#: SQN of more trades than this is said as of this many, so that runs can be compared (Tharp).
SQN_TRADES: Final = 100
HOUR_MS: Final = 3_600_000.0

_ALL: Final = (
    "win_rate",
    "break_even_trades",
    "long_win_rate",
    "short_win_rate",
    "long_profit",
    "short_profit",
    "profit_factor",
    "payoff_ratio",
    "expectancy",
    "expectancy_return",
    "expectancy_r",
    "expectancy_ratio",
    "avg_win",
    "avg_loss",
    "best_trade",
    "worst_trade",
    "avg_trade_duration",
    "max_trade_duration",
    "avg_winner_duration",
    "max_winner_duration",
    "avg_loser_duration",
    "max_loser_duration",
    "max_consecutive_wins",
    "max_consecutive_losses",
    "sqn",
    "kelly",
    "avg_mae",
    "avg_mfe",
    "worst_mae",
)


def put_trades(sheet: Sheet, run: RunArrays) -> None:
    """Write the group *Trades*, and the CPC index."""
    if run.trades is None:
        sheet.none("trades were not given", "trades", "trades_per_day", "long_trades", "short_trades", "open_trades", "open_profit")
        sheet.none("trades were not given", *_ALL, "cpc_index")
        return
    still = np.asarray(run.trades["open"], dtype=np.bool_)
    any_open = bool(still.any())
    rows = run.trades[~still] if any_open else run.trades
    risk = run.risk if run.risk is None or not any_open else run.risk[~still]
    sheet.put("trades", float(len(rows)))
    sheet.put(
        "trades_per_day", len(rows) / run.days if run.days > 0.0 else NAN, "" if run.days > 0.0 else "the run has no duration"
    )
    sheet.put("open_trades", float(still.sum()))
    sheet.put("open_profit", float(run.trades["net"][still].sum()))
    if not len(rows):
        sheet.put("long_trades", 0.0)
        sheet.put("short_trades", 0.0)
        sheet.none(NO_TRADES, *_ALL, "cpc_index")
        return
    net = np.ascontiguousarray(rows["net"], dtype=np.float64)
    _put_sides(sheet, rows, net)
    _put_results(sheet, rows, net)
    _put_ratios(sheet, net, risk)
    _put_durations(sheet, rows, net)
    _put_excursions(sheet, rows)


def _put_sides(sheet: Sheet, rows: Rows, net: F64) -> None:
    for word, chosen in (("long", rows["side"] > 0), ("short", rows["side"] < 0)):
        part = net[chosen]
        sheet.put(f"{word}_trades", float(len(part)))
        sheet.put(f"{word}_win_rate", float((part > 0.0).mean()) if len(part) else NAN, "" if len(part) else f"no {word} trades")
        sheet.put(f"{word}_profit", float(part.sum()))


def _put_results(sheet: Sheet, rows: Rows, net: F64) -> None:
    returns = rows["return"]
    sheet.put("break_even_trades", float((net == 0.0).sum()))
    sheet.put("expectancy", float(net.mean()))
    sheet.put("expectancy_return", float(returns.mean()))
    sheet.put("best_trade", float(returns.max()))
    sheet.put("worst_trade", float(returns.min()))
    exits = rows["exit_time"]
    in_order = net if bool((exits[1:] >= exits[:-1]).all()) else net[np.argsort(exits, kind="stable")]
    sheet.put("max_consecutive_wins", float(longest(in_order > 0.0)))
    sheet.put("max_consecutive_losses", float(longest(in_order < 0.0)))


def _put_ratios(sheet: Sheet, net: F64, risk: F64 | None) -> None:
    wins, losses = net[net > 0.0], net[net < 0.0]
    rate = len(wins) / len(net)
    won, lost = float(wins.sum()), float(-losses.sum())
    neither = f"{NO_WINNERS} and {NO_LOSERS}"
    sheet.put("win_rate", rate)
    factor = ratios.over(won, lost)
    sheet.ratio("profit_factor", factor, undefined=neither, infinite=NO_LOSERS)
    sheet.put("avg_win", won / len(wins) if len(wins) else NAN, "" if len(wins) else NO_WINNERS)
    sheet.put("avg_loss", -lost / len(losses) if len(losses) else NAN, "" if len(losses) else NO_LOSERS)
    payoff = payoff_of(wins, losses)
    sheet.ratio("payoff_ratio", payoff, undefined=neither if not len(wins) else NO_WINNERS, infinite=NO_LOSERS)
    ratio = (1.0 + payoff) * rate - 1.0 if not math.isnan(payoff) else NAN
    sheet.ratio("expectancy_ratio", ratio, undefined=neither, infinite=NO_LOSERS)
    kelly = rate - (1.0 - rate) / payoff if payoff > 0.0 else NAN
    sheet.ratio("kelly", kelly, undefined=NO_WINNERS)
    index = factor * rate * payoff if factor > 0.0 else NAN
    sheet.ratio("cpc_index", index, undefined=NO_WINNERS, infinite=NO_LOSERS)
    _put_multiples(sheet, net, risk)


def _put_multiples(sheet: Sheet, net: F64, risk: F64 | None) -> None:
    known = None if risk is None else np.isfinite(risk) & (risk > 0.0)
    multiples = None if risk is None or known is None or not known.any() else net[known] / risk[known]
    if multiples is None:
        sheet.none("no trade had an initial stop, so nothing is known of its risk", "expectancy_r")
    else:
        sheet.put("expectancy_r", float(multiples.mean()))
    values = net if multiples is None else multiples
    value = sqn(values)
    note = "net profit stands for R: no initial stops" if multiples is None else ""
    sheet.put("sqn", value, "trades do not vary or there is only one" if math.isnan(value) else note)


def payoff_of(wins: F64, losses: F64) -> float:
    """Return average win over average loss: infinity without losses, 0 without wins, NaN without either."""
    if not len(wins):
        return 0.0 if len(losses) else NAN
    return float(wins.mean() / -losses.mean()) if len(losses) else INFINITE


def sqn(multiples: F64) -> float:
    """Return √min(n, 100) × mean / standard deviation (ddof=1) of what trades brought per unit of risk."""
    spread = ratios.deviation(multiples)
    return math.sqrt(min(len(multiples), SQN_TRADES)) * float(multiples.mean()) / spread if spread > 0.0 else NAN


def longest(hits: npt.NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    misses = np.flatnonzero(~hits)
    return int(np.diff(np.concatenate([[-1], misses, [len(hits)]])).max() - 1)


def _put_durations(sheet: Sheet, rows: Rows, net: F64) -> None:
    hours = (rows["exit_time"] - rows["entry_time"]) / HOUR_MS
    for word, part, none in (
        ("trade", hours, NO_TRADES),
        ("winner", hours[net > 0.0], NO_WINNERS),
        ("loser", hours[net < 0.0], NO_LOSERS),
    ):
        reason = "" if len(part) else none
        sheet.put(f"avg_{word}_duration", float(part.mean()) if len(part) else NAN, reason)
        sheet.put(f"max_{word}_duration", float(part.max()) if len(part) else NAN, reason)


def _put_excursions(sheet: Sheet, rows: Rows) -> None:
    for name, values, pick in (("mae", rows["mae"], np.min), ("mfe", rows["mfe"], np.max)):
        known = values[np.isfinite(values)]
        reason = "" if len(known) else "prices inside the trades were not given"
        sheet.put(f"avg_{name}", float(known.mean()) if len(known) else NAN, reason)
        if name == "mae":
            sheet.put("worst_mae", float(pick(known)) if len(known) else NAN, reason)
