"""What a notebook and the command line backtest with: a strategy, bars, assumptions, and one report."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.quant.backtest import Assumptions, FeeRates, RunResult, Slippage
from quantservice.quant.backtest.data import MarketData
from quantservice.quant.backtest.events import flags_of, run_events
from quantservice.quant.backtest.targets import run_targets
from quantservice.quant.bars import COLUMNS, Bars
from quantservice.quant.honesty import code_hash, family_hash
from quantservice.quant.honesty.lookahead import check_strategy
from quantservice.quant.honesty.verdict import Verdict
from quantservice.quant.metrics import Confidence
from quantservice.quant.reports import About, Gate, Report
from quantservice.quant.reports.story import State
from quantservice.quant.reports.table import Table
from quantservice.quant.strategies.base import Strategy, is_event_driven, is_vectorised, parameters_of_class
from quantservice.quant.strategies.feed import bars_view, feeds_of
from quantservice.quant.strategies.parameters import Value
from quantservice.quant.strategies.registry import STRATEGIES
from quantservice.quant.strategies.targets import targets_of
from quantservice.version import __version__

if TYPE_CHECKING:
    from quantservice.quant.optimize.grid import Sweep
    from quantservice.quant.optimize.market import Market

Fees: TypeAlias = str | float | tuple[float, float] | FeeRates | tuple[FeeRates, ...]
#: Verdicts of this process by :meth:`Backtest.verdict_key`, so that a run that is repeated is not judged again.
_judged: dict[str, Verdict] = {}
#: Code and family of classes that stand in a file.
_hashes: WeakKeyDictionary[type[Strategy], tuple[str, str]] = WeakKeyDictionary()


def fees_of(fees: Fees) -> str | FeeRates | tuple[FeeRates, ...]:
    """Read fees: a schedule's name, one rate for both sides of the book, ``(maker, taker)``, or the rates themselves."""
    if isinstance(fees, int | float):
        return FeeRates(maker=float(fees), taker=float(fees))
    if isinstance(fees, tuple) and len(fees) == 2 and all(isinstance(item, int | float) for item in fees):
        maker, taker = (float(item) for item in fees if isinstance(item, int | float))
        return FeeRates(maker=maker, taker=taker)
    if isinstance(fees, str):
        try:
            rate = float(fees)
        except ValueError:
            return fees
        return FeeRates(maker=rate, taker=rate)
    return fees  # type: ignore[return-value]


def slippage_of(slippage: Slippage | str | float) -> Slippage:
    """Read slippage: basis points, a model's name, or ``model:number`` (``fixed:2``, ``sqrt_impact:0.8``)."""
    if isinstance(slippage, Slippage):
        return slippage
    if isinstance(slippage, int | float):
        return Slippage(model="fixed", bps=float(slippage))
    model, mark, text = slippage.partition(":")
    try:
        number = float(text) if mark else None
    except ValueError:
        raise InvalidValue("slippage", f"{text!r} is not a number; write fixed:2 or sqrt_impact:0.8") from None
    models = ("none", "fixed", "spread", "volume_share", "sqrt_impact", "book")
    if model not in models:
        try:
            return Slippage(model="fixed", bps=float(slippage))
        except ValueError:
            raise UnknownName("slippage", model, models) from None
    given: dict[str, Any] = {"model": model}
    if number is not None:
        given["coefficient" if model in {"volume_share", "sqrt_impact"} else "bps"] = number
    return Slippage(**given)


def strategy_class(strategy: type[Strategy] | Strategy | str) -> tuple[type[Strategy], dict[str, Value]]:
    """Return the class and the parameters that were set: of a class, an instance, or a registered name."""
    if isinstance(strategy, str):
        return STRATEGIES[strategy].cls, {}
    cls = type(strategy) if isinstance(strategy, Strategy) else strategy
    if not isinstance(cls, type) or not issubclass(cls, Strategy):
        raise InvalidValue("strategy", f"{strategy!r} is neither a Strategy nor the name of one")
    if not is_event_driven(cls) and not is_vectorised(cls):
        raise InvalidValue(cls.__name__, "has neither on_kline nor on_bars; write one")
    return cls, dict(strategy.parameters) if isinstance(strategy, Strategy) else {}


def run_strategy(strategy: Strategy, data: MarketData, assumptions: Assumptions) -> RunResult:
    """Run a strategy in the engine that suits it: whole arrays where it has ``on_bars``, else kline by kline."""
    if is_vectorised(strategy):
        return run_whole(strategy, data, assumptions)
    return run_events(data, strategy, assumptions)


def run_whole(strategy: Strategy, data: MarketData, assumptions: Assumptions) -> RunResult:
    """Run ``on_bars`` in the compiled engine."""
    feeds = feeds_of(strategy, tables_of_data(data), settlements_of(data))
    result = run_targets(data, targets_of(strategy, bars_view(feeds), start=False, copy=False), assumptions)
    told = flags_of(strategy, feeds)
    return replace(result, flags=(*result.flags, *told)) if told else result


def tables_of_data(data: MarketData) -> list[Bars]:
    """Return the klines of market data as bars, one table per instrument."""
    return [
        Bars(str(item.instrument), item.period, {name: np.asarray(item.columns[name]).view() for name in COLUMNS})
        for item in data.series
    ]


def settlements_of(data: MarketData) -> dict[str, Any]:
    """Return the funding of market data by full name."""
    return {str(name): table for name, table in data.funding.items()}


class Backtest:
    """A strategy over bars under assumptions.

    ``strategy`` is a class, an instance, or a registered name. ``bars`` are :class:`Bars` (as ``load_bars`` gives them), a list of
    them, a pandas, polars or Arrow table (name it with ``instrument``), or a mapping of full names to tables. ``fees`` and
    ``slippage`` may be short: ``"binance_um:vip0"``, ``0.0005``, ``(0.0002, 0.0005)``; ``2`` basis points, ``"sqrt_impact:0.8"``.
    ``funding`` (settlements) and ``instruments`` (rules) are as :meth:`MarketData.of` takes them, and so is what ``market`` names
    beside (``brackets``, ``detail``, ``spread``, ``books``, ``fx`` …); bars of ``load_bars`` bring their own funding,
    rules and stored margin tiers.
    ``benchmark`` is a price or equity per bar; by default the instruments are bought in equal parts and held. Every other keyword
    is a field of :class:`Assumptions` or a parameter of the strategy.
    """

    def __init__(  # noqa: PLR0913 - everything that may be said of a run, by name
        self,
        strategy: type[Strategy] | Strategy | str,
        bars: Any,
        *,
        parameters: Mapping[str, Any] | None = None,
        fees: Fees | None = None,
        slippage: Slippage | str | float | None = None,
        assumptions: Assumptions | None = None,
        instrument: InstrumentId | str | None = None,
        period: str = "",
        funding: Any = None,
        instruments: Sequence[Instrument] = (),
        benchmark: Any = None,
        market: Mapping[str, Any] | None = None,
        **words: Any,
    ) -> None:
        self.strategy, given = strategy_class(strategy)
        own, assumed = self._split(words)
        if fees is not None:
            assumed["fees"] = fees_of(fees)
        if slippage is not None:
            assumed["slippage"] = slippage_of(slippage)
        self.assumptions = (assumptions or Assumptions()).replace(**assumed)
        self.parameters: dict[str, Any] = {**given, **(parameters or {}), **own}
        self.strategy(**self.parameters)  # a wrong parameter is told now
        self.data = (
            bars if isinstance(bars, MarketData) else _market_data(bars, instrument, period, funding, instruments, market or {})
        )
        self._known: dict[str, Any] = {} if benchmark is None else {"benchmark": _curve(benchmark, len(self.data))}

    def _split(self, words: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Tell parameters of the strategy from fields of the assumptions."""
        known, fields = parameters_of_class(self.strategy), Assumptions.__struct_fields__
        own: dict[str, Any] = {}
        assumed: dict[str, Any] = {}
        for name, value in words.items():
            if name in known and name in fields:
                raise InvalidValue(name, f"names a parameter of {self.strategy.__name__} and an assumption; give parameters={{…}}")
            if name not in known and name not in fields:
                raise UnknownName("parameter or assumption", name, (*known, *fields, *_ARGUMENTS))
            (own if name in known else assumed)[name] = value
        return own, assumed

    def simulate(self, **parameters: Any) -> RunResult:
        """Run and return the engine's result, without figures; ``parameters`` replace those of this backtest."""
        return run_strategy(self.strategy(**{**self.parameters, **parameters}), self.data, self.assumptions)

    def run(self, *, gate_seconds: float = 1.0, confidence: Confidence | None = None, **parameters: Any) -> BacktestReport:
        """Run, measure and judge.

        ``gate_seconds`` bounds the look-ahead gate (0: it is left out, and the report says so). ``confidence`` carries what only
        the outside knows of this strategy's family: how often it was tried, and how the trials did.
        """
        result = self.simulate(**parameters)
        verdict = self.check(seconds=gate_seconds, **parameters) if gate_seconds > 0 else None
        strategy = self.strategy(**{**self.parameters, **parameters})
        report = BacktestReport.of(
            result,
            self.data,
            about=about_of(strategy),
            gates=() if verdict is None else (gate_of(verdict),),
            confidence=confidence,
            **self._known,
        )
        return replace(cast(BacktestReport, report), backtest=self, strategy=strategy, verdict=verdict)

    def sweep(
        self,
        *,
        objective: str = "sharpe",
        sample: int | None = None,
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
        **space: Any,
    ) -> Sweep:
        """Try every combination: ``sweep(fast=range(5, 60), slow=range(20, 200, 5))``, or a random ``sample`` of them.

        Values are ranges, lists, ``{"low", "high", "step"}``, or ``"*"`` for the declared grid; the other parameters stay as they
        are. An interrupt keeps what was done. Strategies with ``on_bars`` run on all processors, in threads; a large search is a
        job (``qs sweep``), which uses processes and can be resumed.
        """
        from quantservice.quant.optimize.grid import sweep  # noqa: PLC0415 - it stands on this module

        return sweep(self, self.market, space, objective=objective, sample=sample, seed=seed, progress=progress)

    @property
    def market(self) -> Market:
        """The bars with their rules and settlements, as a search cuts them."""
        from quantservice.quant.optimize.market import Market  # noqa: PLC0415 - only a search needs it

        rules = tuple(rule for versions in self.data.versions.values() for rule in versions)
        tiers = {str(name): dated for name, dated in self.data.brackets.items()}
        market = Market(tuple(tables_of_data(self.data)), rules, settlements_of(self.data), brackets=tiers)
        vars(market)["data"] = self.data  # what is made already, with whatever else is known of these bars
        return market

    def why(self, *, start: str | None = None, end: str | None = None, **parameters: Any) -> Table:
        """Say for every bar and instrument what the strategy said and, where that made no trade, the gate that said no.

        ``start`` (inclusive) and ``end`` (exclusive) are ISO times, UTC. Columns: ``time``, ``instrument``, ``said``, ``gate``.
        """
        from quantservice.quant.why import why_no_trade  # noqa: PLC0415 - asked for now and then

        table = why_no_trade(self.strategy(**{**self.parameters, **parameters}), self.data, self.assumptions)
        time = table["time"]
        wanted = np.ones(len(time), dtype=bool)
        if start is not None:
            wanted &= time >= np.datetime64(start)
        if end is not None:
            wanted &= time < np.datetime64(end)
        return Table(table.name, {name: values[wanted] for name, values in table.columns.items()})

    def check(self, *, seconds: float = 120.0, **parameters: Any) -> Verdict:
        """Judge whether the strategy looks ahead on these bars, within about ``seconds``."""
        key = self.verdict_key(**parameters)
        known = _judged.get(key)
        if known is None or (known.exact_bars < known.bars and seconds > 1.0):
            given, funding = {**self.parameters, **parameters}, settlements_of(self.data)
            known = check_strategy(self.strategy, tables_of_data(self.data), parameters=given, funding=funding, budget_s=seconds)
            _judged[key] = known
        return known

    def verdict_key(self, **parameters: Any) -> str:
        """Return the hash of what a verdict is about: the code, its parameters, the bars."""
        values = self.strategy(**{**self.parameters, **parameters}).parameters
        text = f"{code_hash(self.strategy)} {sorted(values.items())!r} {self.data.fingerprint}"
        return hashlib.sha256(text.encode()).hexdigest()

    def remember(self, verdict: Verdict, **parameters: Any) -> None:
        """Take a verdict of an earlier process, kept under :meth:`verdict_key`."""
        _judged[self.verdict_key(**parameters)] = verdict

    def __repr__(self) -> str:
        return f"Backtest({self.strategy(**self.parameters)!r}, {self.data!r})"


_ARGUMENTS = (
    "fees",
    "slippage",
    "assumptions",
    "instrument",
    "period",
    "funding",
    "instruments",
    "benchmark",
    "market",
    "parameters",
)


def _market_data(
    bars: Any,
    instrument: InstrumentId | str | None,
    period: str,
    funding: Any,
    instruments: Sequence[Instrument],
    market: Mapping[str, Any],
) -> MarketData:
    """Put bars on one clock, with the rules, margin tiers and settlements that came with them where none were given."""
    tables = [bars] if isinstance(bars, Bars) else list(bars) if isinstance(bars, list | tuple) else []
    own = [table for table in tables if isinstance(table, Bars)]
    if funding is None and own:
        funding = {table.instrument: (table.funding.time, table.funding.rate) for table in own if table.funding is not None} or None
    rules = tuple(instruments) or tuple(rule for table in own for rule in table.rules)
    tiers = {table.instrument: table.brackets for table in own if table.brackets} or None
    known = {"brackets": tiers, **market}
    return MarketData.of(bars, instrument=instrument, period=period, funding=funding, instruments=rules, **known)


def _curve(benchmark: Any, bars: int) -> npt.NDArray[np.float64]:
    curve = np.asarray(benchmark["close"] if isinstance(benchmark, Bars) else benchmark, dtype=np.float64)
    if curve.shape != (bars,):
        raise InvalidValue("benchmark", f"has the shape {curve.shape}; one value per bar is wanted, ({bars},)")
    return curve


def _hashes_of(cls: type[Strategy]) -> tuple[str, str]:
    """Return code and family of a class. Kept for a class of a module's file; in a notebook its helpers may change under it."""
    known = _hashes.get(cls)
    if known is None:
        known = code_hash(cls), family_hash(cls)
        if getattr(sys.modules.get(cls.__module__), "__file__", None):
            _hashes[cls] = known
    return known


def about_of(strategy: Strategy) -> About:
    """Return who a strategy is, for a report."""
    cls = type(strategy)
    code, family = _hashes_of(cls)
    return About(
        strategy=strategy.name(),
        description=(cls.__doc__ or "").strip().partition("\n")[0],
        parameters=strategy.parameters,
        code_hash=code,
        family=family,
        created_ms=time.time_ns() // 1_000_000,
        version=__version__,
    )


def gate_of(verdict: Verdict) -> Gate:
    """Return the look-ahead gate's verdict as a report shows it: passed only when every bar was judged, and nothing read beside."""
    every = verdict.exact_bars == verdict.bars
    state: State = "failed" if not verdict.passed else "passed" if every and not verdict.reads else "warning"
    bars = f"{verdict.exact_bars:,}" if every else f"{verdict.exact_bars:,} / {verdict.bars:,}"
    unseen = f";策略自行读取的数据({', '.join(verdict.reads)})无法检查" if verdict.reads else ""
    chinese = f"逐根检查 {bars} 根 K 线,未见未来数据{unseen}" if verdict.passed else "未通过:结果依赖未来数据"
    return Gate(name="look_ahead", state=state, text=verdict.mark, chinese=chinese)


@dataclass(frozen=True, eq=False, repr=False)
class BacktestReport(Report):
    """A :class:`Report` that knows what was run: ``backtest``, the ``strategy`` with its parameters, and the gate's ``verdict``."""

    backtest: Backtest | None = None
    strategy: Strategy | None = None
    verdict: Verdict | None = None

    def sweep(self, **space: Any) -> Sweep:
        """Try other parameters of the same backtest: see :meth:`Backtest.sweep`."""
        if self.backtest is None:
            raise InvalidValue("sweep", "this report was not made by a Backtest")
        return self.backtest.sweep(**space)

    def why(self, *, start: str | None = None, end: str | None = None) -> Table:
        """Why was there no trade: see :meth:`Backtest.why`."""
        if self.backtest is None or self.strategy is None:
            raise InvalidValue("why", "this report was not made by a Backtest")
        return self.backtest.why(start=start, end=end, **self.strategy.parameters)

    @property
    def data_fingerprint(self) -> str:
        """The fingerprint of the bars and settlements."""
        return self.backtest.data.fingerprint if self.backtest is not None else self.result.data_fingerprint

    @property
    def mark(self) -> str:
        """What the look-ahead gate says, in one line."""
        return self.verdict.mark if self.verdict is not None else "look-ahead gate was not run"
