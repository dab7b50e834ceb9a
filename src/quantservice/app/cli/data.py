"""``qs data …`` and ``qs backfill-gap``: what is stored, what is missing, what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quantservice.app.cli import margin_tiers, options
from quantservice.app.cli.console import no_progress as quiet
from quantservice.app.cli.console import note, parse_time, progress, show, show_one, utc
from quantservice.core.errors import InvalidValue

Start = Annotated[str | None, typer.Option("--start", help="from: ISO date-time (UTC) or milliseconds")]
End = Annotated[str | None, typer.Option("--end", help="until, exclusive: ISO date-time (UTC) or milliseconds")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    data = typer.Typer(help="Stored market data: list, import, export, gaps, audit.", no_args_is_help=True, rich_markup_mode=None)
    data.command("list", help="List the stored streams and their extent.")(list_streams)
    data.command("coverage", help="Show how complete each stream is.")(coverage)
    data.command("gaps", help="Show what is missing now.")(gaps)
    data.command("heal", help="Fetch a range again, or every gap of a stream.")(heal)
    data.command("import", help="Import kline files (CSV, zip, xz, gz, Parquet, Feather, JSON, npy; freqtrade's and Jesse's too).")(
        import_files
    )
    data.command("fetch", help="Download a range from the venue's bulk archive and import it.")(fetch)
    data.command("export", help="Write klines to a CSV, Arrow or Parquet file.")(export)
    data.command("audit", help="Verify the digest chain and cross-check periods.")(audit)
    data.command("digest", help="Seal complete days and print the chain's head.")(digest)
    margin_tiers.register(data)
    app.add_typer(data, name="data")
    app.command("backfill-gap", help="Fetch one range of klines and store it.")(backfill_gap)


@options.takes_where
def list_streams(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """List the stored streams and their extent."""
    with where.client() as client:
        rows = client.get("/api/v1/coverage")["data"]
    shown = [
        {
            "stream": row["stream"],
            "rows": row["rows"],
            "first": utc(row["first_ms"]),
            "last": utc(row["last_ms"]),
            "revised": row["revised_rows"],
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="nothing is stored yet; start collecting with qs up (or qs demo)")


@options.takes_where
def coverage(
    symbol: Annotated[str | None, typer.Option("--symbol", help="only this instrument")] = None,
    market: options.Market = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show how complete each stream is."""
    with where.client() as client:
        rows = client.get("/api/v1/coverage", {"symbol": symbol, "market": market})["data"]
    shown = [
        {
            "stream": row["stream"],
            "rows": row["rows"],
            "expected": row["expected"],
            "covered %": row["coverage_percent"],
            "first": utc(row["first_ms"]),
            "last": utc(row["last_ms"]),
            "revised": row["revised_rows"],
            "synthetic": row["synthetic_rows"],
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="nothing is stored yet")


@options.takes_where
def gaps(
    symbol: Annotated[str | None, typer.Option("--symbol", help="only this instrument")] = None,
    market: options.Market = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show what is missing now."""
    with where.client() as client:
        rows = client.stream("/api/v1/maintenance/gaps", {"symbol": symbol, "market": market}, quiet)["data"]
    shown = [
        {
            "stream": row["stream"],
            "from": utc(row["start_ms"]),
            "until": utc(row["end_ms"]),
            "missing": row["missing"],
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="no gap: every kline between the first and the last stored one is there")


@options.takes_where
def heal(
    symbol: options.Symbol,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1m",
    start: Start = None,
    end: End = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Fetch a range again; without a range, every gap of the stream."""
    start_ms, end_ms = parse_time("start", start), parse_time("end", end)
    if (start_ms is None) != (end_ms is None):
        raise InvalidValue("start" if start_ms is None else "end", "give both --start and --end, or neither to heal every gap")
    _heal(where.load(), _target(symbol, market, venue, period), start_ms, end_ms, json=json)


@options.takes_where
def backfill_gap(
    symbol: options.Symbol,
    start_ms: Annotated[int, typer.Option("--start_ms", "--start-ms", help="first open time, milliseconds UTC")],
    end_ms: Annotated[int, typer.Option("--end_ms", "--end-ms", help="end, exclusive, milliseconds UTC")],
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1m",
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Fetch one range of klines and store it."""
    _heal(where.load(), _target(symbol, market, venue, period), start_ms, end_ms, json=json)


def _target(symbol: str, market: str | None, venue: str, period: str) -> dict[str, Any]:
    return {"symbol": symbol, "market": market, "venue": venue, "period": period}


def _heal(loaded: Any, target: dict[str, Any], start_ms: int | None, end_ms: int | None, *, json: bool) -> None:
    from quantservice.app.client import platform_client

    with platform_client(loaded, venues=True, healing=True) as client:
        if start_ms is None or end_ms is None:
            found = client.stream("/api/v1/maintenance/gaps", target, quiet)["data"]
            ranges = [(row["start_ms"], row["end_ms"]) for row in found]
        else:
            ranges = [(start_ms, end_ms)]
        results = []
        with progress(f"healing {target['symbol']} {target['period']}", total=len(ranges) or 1) as update:
            for number, (begin, finish) in enumerate(ranges, 1):
                answer = client.heal({**target, "start_ms": begin, "end_ms": finish})
                update(number, None, f"{answer['rows']} rows")
                results.append(answer)
    if json:
        show(results, json=True)
    elif not results:
        note("no gap: nothing to heal")
    else:
        for answer in results:
            span = f"{utc(answer['start_ms'])} – {utc(answer['end_ms'])}"
            note(f"{answer['stream']} {span}: {answer['state']}, {answer['rows']} rows {answer['detail']}".rstrip())
    if any(answer["state"] not in ("healed", "closed") for answer in results):
        raise typer.Exit(1)


@options.takes_where
def import_files(
    files: Annotated[list[Path], typer.Argument(help="files to import")],
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="BTCUSDT, BTC-USDT or the full name; else as the file's name says")
    ] = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: Annotated[str | None, typer.Option("--period", help="kline period; else as the file's name says, else 1m")] = None,
    flag: Annotated[
        bool, typer.Option("--flag", help="store the good rows and report the bad ones, instead of refusing the file")
    ] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Import kline files; a file with a bad row is refused whole unless --flag is given."""
    from quantservice.app.client import platform_client

    for file in files:
        if not file.is_file():
            raise InvalidValue("files", f"{file} is not a file")
    reports: list[dict[str, Any]] = []
    with (
        platform_client(where.load(), venues=True) as client,
        progress("importing", total=len(files)) as update,
    ):
        for number, file in enumerate(files, 1):
            body = {**_named(file, symbol, market, venue, period), "file": str(file.resolve()), "flag_bad_rows": flag}
            reports.append(client.stream("/api/v1/maintenance/import", body, quiet))
            update(number, None, file.name)
    if json:
        show(reports, json=True)
    else:
        for report in reports:
            note(report["summary"])
            for row in report["refused_rows"][:10]:
                note(f"  line {row['line']}: {row['reason']}")
    if any(not report["accepted"] for report in reports):
        raise typer.Exit(1)


def _named(file: Path, symbol: str | None, market: str | None, venue: str, period: str | None) -> dict[str, Any]:
    """Return what a file is of: as the options say, else as its name does (freqtrade's names, those of Binance's archive)."""
    from quantservice.adapters.files.names import read_name

    said = read_name(file.name)
    if said is not None and said.kind != "klines":
        raise InvalidValue("files", f"{file.name} holds {said.kind}, not klines of trades")
    if symbol is None and said is None:
        raise InvalidValue("symbol", f"the name {file.name} does not say what it is of; give --symbol and --period")
    return _target(
        symbol or (said.symbol if said else ""),
        market or ((said.market or None) if said else None),
        venue,
        period or (said.period if said else "1m"),
    )


@options.takes_where
def fetch(
    symbol: options.Symbol,
    start: Annotated[str, typer.Option("--start", help="from: ISO date-time (UTC) or milliseconds")],
    end: Annotated[str, typer.Option("--end", help="until, exclusive: ISO date-time (UTC) or milliseconds")],
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1m",
    trades: Annotated[bool, typer.Option("--trades", help="aggregate trades instead of klines")] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Download a range from the venue's bulk archive (setting binance.archive_url), check it and import it."""
    from quantservice.app.client import platform_client

    body = {**_target(symbol, market, venue, period), "kind": "trade" if trades else "kline"}
    body |= {"start_ms": parse_time("start", start), "end_ms": parse_time("end", end)}
    with (
        platform_client(where.load(), venues=True) as client,
        progress("fetching the archive") as update,
    ):
        result = client.stream("/api/v1/maintenance/fetch", body, update)
    if json:
        show_one(result, json=True)
    else:
        for report in result["reports"]:
            note(report["summary"])
        for name in result["absent"]:
            note(f"{name}: the archive does not have it")
        note(f"{result['files']} files, {result['stored']:,} rows stored")
    if not result["accepted"] or not result["files"]:
        raise typer.Exit(1)


@options.takes_where
def export(
    symbol: options.Symbol,
    output: Annotated[Path, typer.Argument(help="file to write: .csv, .parquet, .arrow")],
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1m",
    start: Start = None,
    end: End = None,
    where: options.Where = options.HERE,
) -> None:
    """Write klines to a file; the suffix chooses the format."""
    from quantservice.app.export import write_klines

    if output.suffix not in (".csv", ".parquet", ".arrow"):
        raise InvalidValue("output", f"{output.name}: the suffix must be .csv, .parquet or .arrow")
    query = {**_target(symbol, market, venue, period), "start_ms": parse_time("start", start), "end_ms": parse_time("end", end)}
    with where.client() as client:
        table = client.arrow("/api/v1/klines", query)
    rows = write_klines(table, output)
    note(f"{rows:,} klines written to {output}")


@options.takes_where
def audit(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """Verify the digest chain and cross-check periods; exit 1 when anything is wrong."""
    with where.client() as client:
        report = client.audit()
    if json:
        show_one(report, json=True)
    else:
        extent = f"{report['checked_days']} sealed stream days, {report['checked_rows']:,} rows"
        note(f"audit: {report['state']}; {extent}. {report['detail']}".rstrip())
        show(report["findings"], json=False, empty="no finding")
    if report["state"] != "sound":
        raise typer.Exit(1)


@options.takes_where
def digest(where: options.Where = options.HERE, json: options.Json = False) -> None:
    """Seal complete days and print the chain's head."""
    with where.client() as client, progress("sealing") as update:
        result = client.stream("/api/v1/maintenance/digest", {}, update)
    show_one(result, json=json)
