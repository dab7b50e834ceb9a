"""What a backtest came to: figures, tables and pages of one run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from quantservice.core.errors import UnknownName
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.results import RunResult
from quantservice.quant.metrics import Confidence, Metrics, RunArrays, Settings, arrays_of, measure
from quantservice.quant.metrics.conventions import Printed, as_printed
from quantservice.quant.metrics.value import F64
from quantservice.quant.reports import csvs, excel, page_html, payload, pdf, views
from quantservice.quant.reports.files import write_whole
from quantservice.quant.reports.gates import gates_of
from quantservice.quant.reports.notebook import notebook_html
from quantservice.quant.reports.story import About, Candles, Gate, buy_and_hold, candles_of, market_change
from quantservice.quant.reports.table import Table

#: Bootstrap resamples behind the intervals of a report.
DRAWS = 1_000

TABLES = (
    "trades",
    "equity",
    "daily",
    "monthly",
    "rolling",
    "fills",
    "orders",
    "funding",
    "liquidations",
    "instruments",
    "exit_reasons",
    "tags",
    "hours",
    "costs",
    "hard_times",
    "rejections",
    "drawdowns",
    "conventions",
)


@dataclass(frozen=True, eq=False)
class Report:
    """One run with everything that is said of it; figures and tables are made when they are asked for.

    Make it with `Report.of`. ``benchmark`` (T,) is a value on the run's clock, 1 at its start; ``gates`` what was checked;
    ``known`` are fields of `RunArrays` that the result does not carry. ``report.metrics["sharpe"]`` is a figure,
    ``report.trades`` and the other `TABLES` are tables (``.to_pandas()``, ``.to_polars()``, ``.to_arrow()``).
    """

    result: RunResult
    about: About = field(default_factory=About)
    candles: tuple[Candles, ...] = ()
    benchmark: F64 | None = None
    gates: tuple[Gate, ...] = ()
    settings: Settings = field(default_factory=Settings)
    confidence: Confidence = field(default_factory=lambda: Confidence(draws=DRAWS))
    known: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        result: RunResult,
        data: MarketData | None = None,
        *,
        about: About | None = None,
        gates: tuple[Gate, ...] = (),
        settings: Settings | None = None,
        confidence: Confidence | None = None,
        **known: Any,
    ) -> Report:
        """Make the report of a result.

        With the ``data`` it ran on there are candles, a benchmark (equal parts of its instruments bought at their first open
        and held, fees paid), the market's change, the capacity and the share of synthetic bars.
        """
        settings = settings or Settings()
        benchmark = None
        candles: tuple[Candles, ...] = ()
        if data is not None:
            candles, benchmark = candles_of(data), buy_and_hold(data, result.close_time)
            fills = _of_fills(result, data)
            fee = _fee_rate(result, fills["notional"])
            given = {"benchmark_start": 1.0, "benchmark_fee": fee, "market_change": market_change(data)}
            known = {**given, **_qualities(candles, len(result)), **fills, **known}
            if not settings.benchmark:
                shown = " + ".join(str(item).rsplit(":", maxsplit=1)[-1] for item in data.instruments[:3])
                more = f" + {len(data.instruments) - 3} more" if len(data.instruments) > 3 else ""
                settings = msgspec.structs.replace(settings, benchmark=f"buy & hold {shown}{more}, fees paid")
        return cls(result, about or About(), candles, benchmark, gates, settings, confidence or Confidence(draws=DRAWS), known)

    @cached_property
    def arrays(self) -> RunArrays:
        """The run as it is measured."""
        return arrays_of(self.result, self.benchmark, **self.known)

    @cached_property
    def metrics(self) -> Metrics:
        """Every figure of the catalogue."""
        return measure(self.arrays, self.settings, self.confidence)

    @cached_property
    def checked(self) -> tuple[Gate, ...]:
        """What speaks for and against believing it: the gates given with it and those that its own figures make."""
        return gates_of(self)

    @cached_property
    def printed(self) -> tuple[Printed, ...]:
        """The run in the conventions of other tools."""
        return as_printed(self.arrays)

    @cached_property
    def drawdown(self) -> F64:
        """Fall below the highest close before, at each bar, its worst inside."""
        return views.drawdown_of(*self.arrays.clean, self.result.initial_equity)

    @property
    def trades(self) -> Table:
        """Round trips, open ones too."""
        return self.table("trades")

    @property
    def equity(self) -> Table:
        """Equity, drawdown, exposure and benchmark at each close."""
        return self.table("equity")

    def table(self, name: str) -> Table:
        """Return one of `TABLES`."""
        if name not in TABLES:
            raise UnknownName("table", name, TABLES)
        if name in {"trades", "fills", "orders", "funding", "liquidations"}:
            return Table(name, self.result.columns(name))
        made: Table = getattr(self, f"_{name}")()
        return made

    def to_pandas(self, name: str = "trades") -> Any:
        """Return one of `TABLES` as a pandas table."""
        return self.table(name).to_pandas()

    def to_polars(self, name: str = "trades") -> Any:
        """Return one of `TABLES` as a polars table."""
        return self.table(name).to_polars()

    def to_arrow(self, name: str = "trades") -> Any:
        """Return one of `TABLES` as a ``pyarrow.Table``."""
        return self.table(name).to_arrow()

    def to_dict(self) -> dict[str, Any]:
        """Return the whole report as plain JSON values; long curves are thinned to what can be seen."""
        return payload.report_payload(self)

    def html(self, path: str | os.PathLike[str], *, language: str = "en") -> Path:
        """Write one self-contained page: no network, light and dark, English and Chinese (``language`` is the first shown)."""
        return write_whole(path, page_html.page(self, language).encode())

    def json(self, path: str | os.PathLike[str]) -> Path:
        """Write figures and tables as JSON (undefined is null, infinity the text ``inf``, times milliseconds UTC)."""
        return write_whole(path, msgspec.json.format(msgspec.json.encode(payload.exchange(self)), indent=1))

    def csv(self, path: str | os.PathLike[str], table: str = "trades") -> Path:
        """Write one table (``.csv``), or all of them and the figures into a ``.zip`` or a folder."""
        return csvs.write(self, Path(path), table)

    def excel(self, path: str | os.PathLike[str]) -> Path:
        """Write a workbook: summary, metrics, trades, equity, monthly, costs."""
        return write_whole(path, excel.workbook(self))

    def pdf(self, path: str | os.PathLike[str]) -> Path:
        """Write some A4 pages."""
        return write_whole(path, pdf.document(self))

    def __repr__(self) -> str:
        figures = self.metrics
        heads = (("", "total_return"), ("Sharpe ", "sharpe"), ("max drawdown ", "max_drawdown"), ("trades ", "trades"))
        shown = ", ".join(f"{word}{figures[name].text}" for word, name in heads)
        return f"Report({self.about.strategy or 'run'}, {_instruments(self.result)} {self.result.period}: {shown})"

    def _repr_html_(self) -> str:
        return notebook_html(self)

    def _equity(self) -> Table:
        result = self.result
        columns: dict[str, Any] = {
            "time": views.times_of(result.close_time),
            "equity": result.equity,
            "drawdown": self.drawdown,
        }
        for name in ("worst_equity", "cash", "gross_exposure", "net_exposure", "margin_used"):
            values = getattr(result, name)
            if len(values):
                columns[name] = values
        if self.benchmark is not None:
            columns["benchmark"] = self.benchmark * result.initial_equity
        return Table("equity", columns)

    def _daily(self) -> Table:
        daily = self.metrics.daily
        columns = {"day": daily.day[1:].astype("datetime64[D]").astype("datetime64[ms]"), "equity": daily.equity[1:]}
        columns["return"] = daily.returns
        return Table("daily", columns)

    def _monthly(self) -> Table:
        return views.monthly(self.metrics.daily)

    def _rolling(self) -> Table:
        daily = self.metrics.daily
        return views.rolling(daily, self.arrays.daily_benchmark, views.longest_window(len(daily.returns)), self.settings.periods)

    def _instruments(self) -> Table:
        return views.grouped(self.trades, self.trades["instrument"], "instrument")

    def _exit_reasons(self) -> Table:
        return views.grouped(self.trades, self.trades["exit_reason"], "exit_reason")

    def _tags(self) -> Table:
        return views.grouped(self.trades, self.trades["entry_tag"], "entry_tag")

    def _hours(self) -> Table:
        return views.by_hour(self.trades)

    def _costs(self) -> Table:
        return views.costs(self.result, self.metrics)

    def _hard_times(self) -> Table:
        return views.hard_times(self.metrics.daily, self.arrays.daily_benchmark)

    def _rejections(self) -> Table:
        return views.rejections(self.result)

    def _drawdowns(self) -> Table:
        falls = self.metrics.drawdowns
        columns: dict[str, Any] = {
            name: views.times_of(np.array([getattr(fall, f"{name}_time") for fall in falls], np.int64))
            for name in ("peak", "valley")
        }
        ends = np.array([np.iinfo(np.int64).min if f.recovery_time is None else f.recovery_time for f in falls], np.int64)
        columns["recovery"] = views.times_of(ends)  # not recovered: not a time
        for name in ("depth", "loss", "days"):
            columns[name] = np.array([getattr(fall, name) for fall in falls], np.float64)
        return Table("drawdowns", columns)

    def _conventions(self) -> Table:
        names = Printed.__struct_fields__
        return Table(
            "conventions",
            {
                name: np.array([getattr(row, name) for row in self.printed], object if name in {"tool", "convention"} else float)
                for name in names
            },
        )


def _instruments(result: RunResult) -> str:
    return str(result.instruments[0]) if len(result.instruments) == 1 else f"{len(result.instruments)} instruments"


def _fee_rate(result: RunResult, notional: F64) -> float:
    """What the run's own taker fills paid on average, as a fraction: the benchmark pays the same."""
    taken = ~result.fills["maker"]
    value = float(notional[taken].sum())
    paid = float((result.fills["fee"] * result.fills["rate"])[taken].sum())
    return paid / value if value > 0.0 and paid > 0.0 else 0.0


def _qualities(candles: tuple[Candles, ...], bars: int) -> dict[str, int]:
    """Bars on which some instrument's kline was made up or repeated, at most all."""
    odd = [item.state for item in candles if item.state.any()]
    return {
        "synthetic": min(bars, sum(int(np.count_nonzero(state & 2)) for state in odd)),
        "stale": min(bars, sum(int(np.count_nonzero(state & 4)) for state in odd)),
    }


def _of_fills(result: RunResult, data: MarketData) -> dict[str, F64]:
    """Traded notional of each fill in the reporting currency, and the notional that its bar traded (NaN where not known)."""
    fills = result.fills
    notional, volume = np.zeros(len(fills)), np.full(len(fills), np.nan)
    for place, (item, contract) in enumerate(zip(data.series, data.contracts, strict=True)):
        mine = fills["instrument"] == place
        price = fills["price"][mine]
        # One unit is worth size / price of an inverse contract's coin, size × price of any other's quote currency.
        worth = (contract.size / price if contract.inverse else contract.size * price) * fills["rate"][mine]
        notional[mine] = fills["quantity"][mine] * worth
        row = fills["bar"][mine]
        known = np.ones(len(row), dtype=np.bool_)
        if len(item.times) != len(data.time):
            row = np.minimum(np.searchsorted(data.places[place], row), len(item.times) - 1)
            known = data.places[place][row] == fills["bar"][mine]
        volume[mine] = np.where(known, item.columns["volume"][row] * worth, np.nan)
    return {"notional": notional, "volume": volume}
