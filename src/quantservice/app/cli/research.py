"""``qs strategy …`` and ``qs backtest``: what strategies there are, whether they look ahead, and what they would have done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import note, progress, show, write
from quantservice.core.errors import InvalidValue, UserError

if TYPE_CHECKING:
    from quantservice.quant.honesty.market import Market
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
    note(f"check it with qs strategy check {name}, run it with qs backtest {name} --symbol BTC-USDT --market um --period 1h")


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
    config: options.ConfigFile = None,
    data_dir: options.DataDir = None,
    demo: options.Demo = False,
    json: options.Json = False,
) -> None:
    """Judge a strategy; leaves with 1 when it looks ahead."""
    from quantservice.quant.honesty.example import example_market
    from quantservice.quant.honesty.lookahead import check_strategy
    from quantservice.quant.strategies.base import parameters_of_class

    loaded = options.load(config, data_dir, demo=demo)
    entry = find_strategy(name, loaded)
    given = parameters_of_class(entry.cls).parse(param or [])
    if symbol:
        place = {"config": config, "data_dir": data_dir, "demo": demo}
        judged = stored_market(symbol, market=market, venue=venue, period=period, start=start, end=end, place=place)
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
        show([{**asdict(verdict), "fault": fault, "passed": verdict.passed, "mark": verdict.mark}], json=True)
    else:
        write(str(verdict))
        for text in verdict.notes:
            write(f"note: {text}")
        if not symbol:
            note("on a made-up market; --symbol … checks it on stored bars")
    if not verdict.passed:
        raise typer.Exit(1)


def stored_market(
    symbols: list[str],
    *,
    market: str | None,
    venue: str,
    period: str,
    start: str | None,
    end: str | None,
    place: dict[str, Any],
) -> Market:
    """Load stored bars, with their funding where it is stored."""
    from quantservice.app.notebook import load_bars
    from quantservice.quant.honesty.market import Market

    tables = [
        load_bars(item, market=None if item.count(":") == 2 else market, venue=venue, period=period, start=start, end=end, **place)
        for item in symbols
    ]
    return Market(tuple(tables), {table.instrument: table.funding for table in tables if table.funding is not None})
