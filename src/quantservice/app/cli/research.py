"""``qs strategy …`` and ``qs backtest``: what strategies there are, whether they look ahead, and what they would have done."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantservice.app.cli import assumed as terms
from quantservice.app.cli import options
from quantservice.app.cli.console import note, progress, show, show_one, write
from quantservice.core.errors import InvalidValue, UserError

if TYPE_CHECKING:
    from quantservice.app.client import PlatformClient
    from quantservice.app.notebook import Where
    from quantservice.ports import Trial
    from quantservice.quant.honesty.market import Market
    from quantservice.quant.research import Backtest, BacktestReport
    from quantservice.quant.strategies.base import Strategy
    from quantservice.quant.strategies.registry import StrategyEntry

Param = Annotated[list[str] | None, typer.Option("--param", help="name=value; again for the next one")]
Symbols = Annotated[
    list[str] | None, typer.Option("--symbol", help="instrument; again for the next one (venue:market:SYMBOL for other markets)")
]
Start = Annotated[str | None, typer.Option("--start", help="from: ISO date-time (UTC) or milliseconds")]
End = Annotated[str | None, typer.Option("--end", help="until, exclusive: ISO date-time (UTC) or milliseconds")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    strategy = typer.Typer(help="Strategies: list, new, check.", no_args_is_help=True, rich_markup_mode=None)
    strategy.command("list", help="List the strategies: built-in, installed, your own.")(list_strategies)
    strategy.command("new", help="Write a strategy of your own to start from.")(new_strategy)
    strategy.command("check", help="Judge whether a strategy looks ahead, at every bar.")(check)
    app.add_typer(strategy, name="strategy")
    app.command("backtest", help="Run a strategy over stored bars and report.")(backtest)


def load_registry(loaded: Any) -> None:
    """Load plugins; those that fail are told and left out."""
    from quantservice.app.plugins import load_plugins, plugins_folder

    for fault in load_plugins(plugins_folder(loaded.settings)):
        note(f"qs: {fault}")


def find_strategy(name: str, loaded: Any) -> StrategyEntry:
    """Return a strategy by name, or the one of a file."""
    from quantservice.quant.strategies.registry import STRATEGIES

    load_registry(loaded)
    if name.endswith(".py"):
        from quantservice.app.plugins import load_plugins

        file = Path(name).resolve()
        if not file.is_file():
            raise InvalidValue("strategy", f"{file} is no file")
        faults = [fault for fault in load_plugins(file.parent) if fault.source == str(file)]
        if faults:
            raise UserError(str(faults[0]))
        own = [entry for entry in STRATEGIES.values() if entry.source == str(file)]
        if len(own) != 1:
            names = ", ".join(entry.name for entry in own) or "none"
            raise InvalidValue("strategy", f"{file.name} holds {len(own)} strategies ({names}); name one")
        return own[0]
    return STRATEGIES[name]


def list_strategies(config: options.ConfigFile = None, json: options.Json = False) -> None:
    """List the strategies."""
    from quantservice.quant.strategies.base import parameters_of_class
    from quantservice.quant.strategies.registry import STRATEGIES

    load_registry(options.load(config))
    if json:
        show([entry.describe() for entry in STRATEGIES.values()], json=True)
        return
    rows = [
        {
            "name": entry.name,
            "parameters": " ".join(f"{name}={spec.default}" for name, spec in parameters_of_class(entry.cls).items()),
            "form": entry.style,
            "what": entry.doc,
            "from": Path(entry.source).name if entry.source.endswith(".py") else entry.source,
        }
        for entry in STRATEGIES.values()
    ]
    show(rows, json=False)


def new_strategy(
    name: Annotated[str, typer.Argument(help="its name: lower case, words joined by _")],
    folder: Annotated[Path | None, typer.Option("--dir", help="where (default: the folder of your own plugins)")] = None,
    config: options.ConfigFile = None,
) -> None:
    """Write a strategy to start from; overwrites nothing."""
    from quantservice.app.plugins import plugins_folder
    from quantservice.app.scaffolds import OWN_STRATEGY
    from quantservice.quant.strategies.registry import STRATEGIES

    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", name):
        raise InvalidValue("name", f"{name!r} must be lower case letters, digits and _, starting with a letter")
    if name in STRATEGIES:
        raise InvalidValue("name", f"{name!r} is a built-in strategy; choose another name")
    file = (folder or plugins_folder(options.load(config).settings)) / f"{name}.py"
    if file.exists():
        raise InvalidValue("name", f"{file} exists already; choose another name")
    title = "".join(word.capitalize() for word in name.split("_"))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(OWN_STRATEGY.replace("__name__", name).replace("__Title__", title), encoding="utf-8")
    write(str(file))
    called = name if folder is None else str(file)
    note(f"check it with qs strategy check {called}, run it with qs backtest {called} --symbol BTC-USDT --market um --period 1h")


@options.takes_where
def check(
    name: Annotated[str, typer.Argument(help="strategy, or a .py file with one")],
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1h",
    start: Start = None,
    end: End = None,
    param: Param = None,
    bars: Annotated[int, typer.Option("--bars", min=10, help="bars of the made-up market that is used without --symbol")] = 1_500,
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, help="time it may take; what does not fit is said")] = 120.0,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Judge a strategy; leaves with 1 when it looks ahead."""
    from quantservice.quant.honesty.example import example_market
    from quantservice.quant.honesty.lookahead import check_strategy
    from quantservice.quant.strategies.base import parameters_of_class

    loaded = where.load()
    entry = find_strategy(name, loaded)
    given = parameters_of_class(entry.cls).parse(param or [])
    if symbol:
        span: Where = {"market": market, "venue": venue, "period": period, "start": start, "end": end}
        judged = stored_market(symbol, span, loaded)
    else:
        judged = example_market(entry.cls, parameters=given, rows=bars, period=period)
    with progress(f"checking {entry.name}", enabled=not json) as told:
        verdict = check_strategy(
            entry.cls,
            judged.tables,
            parameters=given,
            funding=judged.funding,
            budget_s=seconds,
            progress=lambda done, total: told(done, total, ""),
        )
    if json:
        from msgspec.structs import asdict

        fault = None if verdict.fault is None else {**asdict(verdict.fault), "sentence": str(verdict.fault)}
        show_one({**asdict(verdict), "fault": fault, "passed": verdict.passed, "mark": verdict.mark}, json=True)
    else:
        write(str(verdict))
        for text in verdict.notes:
            write(f"note: {text}")
        if not symbol:
            note("on a made-up market; --symbol … checks it on stored bars")
    if not verdict.passed:
        raise typer.Exit(1)


@options.takes_where
def backtest(
    name: Annotated[str, typer.Argument(help="strategy, or a .py file with one (qs strategy list)")],
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1h",
    start: Start = None,
    end: End = None,
    param: Param = None,
    fees: terms.Fees = None,
    slippage: terms.Slippage = None,
    equity: terms.Equity = None,
    leverage: terms.Leverage = None,
    assume: terms.Assume = None,
    margin_tiers: terms.MarginTiers = None,
    gate: Annotated[float, typer.Option("--gate", min=0.0, help="seconds for the look-ahead gate; 0 leaves it out")] = 1.0,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="keep the result with the stored backtests")] = True,
    html: Annotated[Path | None, typer.Option("--html", help="write the report to this file")] = None,
    why: Annotated[
        Path | None, typer.Option("--why", help="write what was said at each bar and the gate that said no (.csv)")
    ] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Run a strategy over stored bars and report."""
    loaded = where.load()
    entry = find_strategy(name, loaded)
    if not symbol:
        raise InvalidValue("symbol", "name at least one instrument, such as --symbol BTC-USDT --market um")
    from quantservice.quant.strategies.base import parameters_of_class

    given = parameters_of_class(entry.cls).parse(param or [])
    given_terms, tiers = terms.assumed(fees, slippage, equity, leverage, assume), terms.tiers_of_file(margin_tiers)
    span: Where = {"market": market, "venue": venue, "period": period, "start": start, "end": end}
    from quantservice.app.client import platform_client
    from quantservice.app.notebook import bars_by
    from quantservice.app.trials import count_by

    with ExitStack() as opened:
        with compiling(entry.cls):
            client = opened.enter_context(platform_client(loaded))
            tables = [bars_by(client, item, span, tiers) for item in symbol]
        from quantservice.app.cli.results import print_report, report_row
        from quantservice.quant.optimize.requests import assumptions_of
        from quantservice.quant.research import Backtest

        run = Backtest(entry.cls, tables, parameters=given, assumptions=assumptions_of(given_terms))
        report, trial = run_judged(run, gate, client)
        kept = ""
        if keep:
            from quantservice.app.cli.jobs import data_of
            from quantservice.app.keeping import keep_by
            from quantservice.core.margin_tiers import rows_of

            used = {table.instrument: rows_of(table.brackets) for table in tables if table.brackets}
            data = terms.with_tiers(data_of(symbol, market, venue, period, start, end), used)
            kept = keep_by(client, report, trial, data=data)
        else:
            count_by(client, [trial])
    if json:
        show_one(report_row(report) | {"id": kept}, json=True)
    else:
        print_report(report)
        if kept:
            note(f"kept as {kept}: the page draws it under Backtests; --no-keep leaves that out")
    if html is not None:
        report.html(html)
        note(f"report written to {html}")
    if why is not None:
        write_why(run, why, quiet=json)


def write_why(run: Backtest, file: Path, *, quiet: bool) -> None:
    """Write for each bar what the strategy said and the gate that said no; print how often each did."""
    from quantservice.quant.reports.csvs import csv_of
    from quantservice.quant.reports.files import write_whole
    from quantservice.quant.why import summary_of

    table = run.why()
    write_whole(file, csv_of(table))
    for gate, count in () if quiet else summary_of(table).items():
        write(f"no trade at {count:,} bars: {gate}")
    note(f"{len(table):,} rows written to {file}")


def run_judged(run: Backtest, gate: float, client: PlatformClient) -> tuple[BacktestReport, Trial]:
    """Run and judge; returns the report and the run's row for the ledger of trials, whose number deflates the Sharpe ratio.

    A verdict over every bar is kept, so that the same code on the same bars is judged once.
    """
    import msgspec

    from quantservice.app.trials import TOLD, summary_by, trial_of
    from quantservice.quant.honesty import family_hash
    from quantservice.quant.honesty.verdict import Verdict
    from quantservice.quant.jit import cache_folder
    from quantservice.quant.metrics import Confidence
    from quantservice.quant.reports.report import DRAWS

    folder = cache_folder() / "verdicts"  # another version of the platform has another folder
    file = folder / f"{run.verdict_key()}.json"
    with suppress(OSError, msgspec.DecodeError):
        run.remember(msgspec.json.decode(file.read_bytes(), type=Verdict))
    before = summary_by(client, family_hash(run.strategy))
    confidence = Confidence(draws=DRAWS, trials=before.runs + 1, variance=before.sharpe_variance)  # this run included
    report = run.run(gate_seconds=gate, confidence=confidence)
    figures = {name: report.metrics.number(name) for name in TOLD}
    strategy = run.strategy(**run.parameters)
    trial = trial_of(strategy, figures, data_fingerprint=report.data_fingerprint, source="command")
    verdict = report.verdict
    if verdict is not None and verdict.passed and verdict.exact_bars == verdict.bars and not file.is_file():
        with suppress(OSError):  # a cache that cannot be written is no reason to fail
            folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_bytes(msgspec.json.encode(verdict))
            part.replace(file)
    return report, trial


@contextmanager
def compiling(strategy: type[Strategy]) -> Iterator[None]:
    """Make the machine code while the body runs, where it was never made; say why the first run takes longer."""
    from quantservice.app import compiling as machine_code
    from quantservice.quant.strategies.base import is_vectorised

    if machine_code.is_cold():
        note(machine_code.FIRST_TIME)
        with machine_code.beside(kline_by_kline=not is_vectorised(strategy)):
            yield
        machine_code.note_warm()
    else:
        yield


def stored_market(symbols: list[str], where: Where, loaded: Any) -> Market:
    """Load stored bars, with their funding where it is stored."""
    from quantservice.app.client import platform_client
    from quantservice.app.notebook import bars_by
    from quantservice.quant.honesty.market import Market

    with platform_client(loaded) as client:
        tables = [bars_by(client, item, where) for item in symbols]
    return Market(tuple(tables), {table.instrument: table.funding for table in tables if table.funding is not None})
