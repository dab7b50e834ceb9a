"""``qs indicators …``: what indicators there are, and their values over stored klines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import note, parse_time, show, utc
from quantservice.core.errors import InvalidValue, UserError

if TYPE_CHECKING:
    from quantservice.quant.bars import Bars
    from quantservice.quant.indicators import IndicatorCall
    from quantservice.quant.indicators.catalog import IndicatorInfo

_SUFFIXES = (".csv", ".parquet", ".arrow")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    indicators = typer.Typer(help="Indicators: list, compute.", no_args_is_help=True, rich_markup_mode=None)
    indicators.command("list", help="List the indicators with their parameters and outputs.")(list_indicators)
    indicators.command("compute", help="Compute indicators over stored klines.")(compute_indicators)
    app.add_typer(indicators, name="indicators")


def list_indicators(
    name: Annotated[str | None, typer.Argument(help="only this one, with the meaning of its parameters")] = None,
    group: Annotated[str | None, typer.Option("--group", help="only this group: overlap, momentum, volume, candles …")] = None,
    config: options.ConfigFile = None,
    json: options.Json = False,
) -> None:
    """List the indicators: built-in, installed, your own."""
    import msgspec

    from quantservice.quant.indicators.catalog import catalog, describe

    _load_plugins(config)
    if name is not None:
        found = describe(name)
        show([msgspec.to_builtins(found)], json=True) if json else _show_one(found)
        return
    listed = catalog(group)
    if json:
        show([msgspec.to_builtins(info) for info in listed], json=True)
        return
    rows = [
        {
            "name": info.name,
            "group": info.group,
            "parameters": _signature(info),
            "outputs": " ".join(info.outputs),
            "what": info.doc,
        }
        for info in listed
    ]
    show(rows, json=False, empty="there are none")


def _show_one(info: IndicatorInfo) -> None:
    from quantservice.app.cli.console import show_one

    show_one(
        {
            "name": info.name,
            "what": info.doc,
            "group": info.group,
            "reads": ", ".join(info.inputs),
            "outputs": ", ".join(info.outputs),
            "warm-up": f"{info.warm_up} bars at the default parameters",
            "recursive": info.recursive,
            "source": info.source,
            "origin": info.origin,
        },
        json=False,
    )
    rows = [
        {
            "parameter": parameter.name,
            "default": f"{parameter.default:g}",
            "from": "" if parameter.low is None else f"{parameter.low:g}",
            "to": "" if parameter.high is None else f"{parameter.high:g}",
            "meaning": parameter.doc,
        }
        for parameter in info.parameters
    ]
    if rows:
        show(rows, json=False)


def _signature(info: IndicatorInfo) -> str:
    return " ".join(f"{parameter.name}={parameter.default:g}" for parameter in info.parameters)


def compute_indicators(
    indicators: Annotated[list[str], typer.Argument(help='such as rsi "sma(20)" "macd(12,26,9).hist" "sma(10)/(rsi(14))"')],
    symbol: options.Symbol,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1h",
    start: Annotated[str | None, typer.Option("--start", help="first row: ISO date-time (UTC) or milliseconds")] = None,
    end: Annotated[str | None, typer.Option("--end", help="until, exclusive: ISO date-time (UTC) or milliseconds")] = None,
    benchmark: Annotated[str | None, typer.Option("--benchmark", help="second instrument, for those that read one")] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="rows printed, the last ones")] = 20,
    output: Annotated[Path | None, typer.Option("--output", help="write all rows to a file: .csv, .parquet, .arrow")] = None,
    config: options.ConfigFile = None,
    data_dir: options.DataDir = None,
    demo: options.Demo = False,
    json: options.Json = False,
) -> None:
    """Compute indicators over stored klines; bars before --start are read for their warm-up, as far as they are stored."""
    from quantservice.app.notebook import load_bars
    from quantservice.core.periods import check_period, period_ms
    from quantservice.quant.indicators import call_of

    if output is not None and output.suffix not in _SUFFIXES:
        raise InvalidValue("output", f"{output.name}: the suffix must be {', '.join(_SUFFIXES)}")
    check_period(period)
    _load_plugins(config)
    calls = [call_of(text) for text in indicators]
    for call in calls:
        if call.period or call.instrument:
            raise InvalidValue("indicators", f"{call} is of another period or instrument; say so by --period and --symbol")
    first = parse_time("start", start)
    earlier = None if first is None else max(0, first - max(call.warm_up for call in calls) * period_ms(period))

    def bars_of(name: str) -> Bars:
        place = {"market": market, "venue": venue, "data_dir": data_dir, "demo": demo, "config": config}
        return load_bars(name, period=period, start=earlier, end=end, **place)  # type: ignore[arg-type]

    columns = dict(bars_of(symbol))
    if any("benchmark" in _columns(call) for call in calls):
        if benchmark is None:
            raise InvalidValue("benchmark", "an indicator reads a second instrument; name it by --benchmark")
        columns = _joined(columns, bars_of(benchmark))
    for call in calls:
        if call.warm_up >= len(columns["open_time"]):
            note(f"{call} needs {call.warm_up + 1:,} bars, {len(columns['open_time']):,} given: it has no value at any of them")
    table = _computed(calls, columns, first)
    if not len(table["open_time"]):
        raise UserError(f"no {period} klines of {symbol} are stored from {start} on")
    if output is not None:
        _write(table, output)
    else:
        _print(table, rows, json=json)


def _columns(call: IndicatorCall) -> tuple[str, ...]:
    from quantservice.quant.indicators.calls import columns_of

    return columns_of(call)


def _joined(columns: dict[str, Any], other: Bars) -> dict[str, Any]:
    """Return the rows that both instruments have, the other's close as ``benchmark``."""
    import numpy as np

    _times, here, there = np.intersect1d(columns["open_time"], other["open_time"], return_indices=True)
    joined = {name: values[here] for name, values in columns.items()}
    return joined | {"benchmark": other["close"][there]}


def _computed(calls: list[IndicatorCall], columns: dict[str, Any], first: int | None) -> dict[str, Any]:
    """Return open time, close and one column per output, from ``first`` on."""
    from quantservice.quant.indicators import compute

    table = {"open_time": columns["open_time"], "close": columns["close"]}
    for call in calls:
        values = compute(call, columns)
        for name, column in values.items():
            table[str(call) if len(values) == 1 else f"{call}.{name}"] = column
    keep = slice(0 if first is None else int(columns["open_time"].searchsorted(first)), None)
    return {name: column[keep] for name, column in table.items()}


def _write(table: dict[str, Any], output: Path) -> None:
    import pyarrow as pa

    from quantservice.app.export import write_klines

    times = pa.array(table["open_time"]).cast(pa.timestamp("ms", tz="UTC"))
    written = write_klines(pa.table(table | {"open_time": times}), output)
    note(f"{written:,} rows written to {output}")


def _print(table: dict[str, Any], rows: int, *, json: bool) -> None:
    last = {name: column[-rows:].tolist() for name, column in table.items()}
    names = list(last)
    found = [dict(zip(names, row, strict=True)) for row in zip(*last.values(), strict=True)]
    if json:
        show([{name: None if value != value else value for name, value in row.items()} for row in found], json=True)  # noqa: PLR0124 - NaN
        return
    show(
        [
            {"open": utc(row.pop("open_time"))} | {name: "" if value != value else f"{value:.8g}" for name, value in row.items()}  # noqa: PLR0124
            for row in found
        ],
        json=False,
    )


def _load_plugins(config: Path | None) -> None:
    from quantservice.app.plugins import load_plugins, plugins_folder

    for fault in load_plugins(plugins_folder(options.load(config).settings)):
        note(f"qs: {fault}")
