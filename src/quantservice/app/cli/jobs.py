"""``qs sweep``, ``qs optimize``, ``qs walkforward``, ``qs crossvalidate``, ``qs montecarlo`` and ``qs jobs …``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quantservice.app.cli import assumed as terms
from quantservice.app.cli import options
from quantservice.app.cli.console import note, parse_time, progress, show, show_one, utc
from quantservice.core.errors import InvalidValue, UserError

if TYPE_CHECKING:
    from quantservice.app.client import PlatformClient

Name = Annotated[str, typer.Argument(help="strategy (qs strategy list)")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="BTCUSDT, BTC-USDT or the full name; again for more")]
Start = Annotated[str | None, typer.Option("--start", help="from: ISO date-time (UTC) or milliseconds")]
End = Annotated[str | None, typer.Option("--end", help="until, exclusive: ISO date-time (UTC) or milliseconds")]
Period = Annotated[str, typer.Option("--period", help="1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1mo")]
Vary = Annotated[
    list[str] | None, typer.Option("--vary", help="name=5:60:5 | name=5,10,20 | name=* (the declared grid); again for the next")
]
Param = Annotated[list[str] | None, typer.Option("--param", help="name=value of a parameter that stays; again for the next")]
Sample = Annotated[int | None, typer.Option("--sample", min=1, help="only so many random combinations")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="seed of whatever is random")]
Objective = Annotated[str, typer.Option("--objective", help="figure to look for, such as sharpe_daily, calmar, max_drawdown")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="most processes at once (setting jobs.workers)")]
Engine = Annotated[str, typer.Option("--engine", help="processes | ray")]
Detach = Annotated[bool, typer.Option("--detach", help="submit and return; needs a running qs up")]
JobId = Annotated[str, typer.Argument(help="id of the job (qs jobs list), or latest")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sweep", help="Try every combination of parameters, or a sample.")(sweep)
    app.command("optimize", help="Look for parameters with a sampler that learns (Optuna).")(optimize)
    app.command("walkforward", help="Choose on the past, judge on what comes after, move on.")(walkforward)
    app.command("crossvalidate", help="Combinatorial purged cross-validation.")(crossvalidate)
    app.command("montecarlo", help="How much of a result is luck.")(montecarlo)
    jobs = typer.Typer(help="Heavy work: list, watch, cancel, delete.", no_args_is_help=True, rich_markup_mode=None)
    jobs.command("list", help="List the jobs, newest first.")(jobs_list)
    jobs.command("show", help="Show one job with its result.")(jobs_show)
    jobs.command("watch", help="Wait for a job; works the queue off itself where nobody does.")(jobs_watch)
    jobs.command("cancel", help="Cancel a job.")(jobs_cancel)
    jobs.command("delete", help="Delete a job and its tables; its trials stay counted.")(jobs_delete)
    jobs.command("table", help="Print or save a table of a finished job.")(jobs_table)
    app.add_typer(jobs, name="jobs")


@options.takes_where
def sweep(
    name: Name,
    vary: Vary = None,
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: Period = "1h",
    start: Start = None,
    end: End = None,
    param: Param = None,
    fees: terms.Fees = None,
    slippage: terms.Slippage = None,
    equity: terms.Equity = None,
    leverage: terms.Leverage = None,
    assume: terms.Assume = None,
    margin_tiers: terms.MarginTiers = None,
    sample: Sample = None,
    seed: Seed = 0,
    objective: Objective = "sharpe_daily",
    workers: Workers = None,
    engine: Engine = "processes",
    detach: Detach = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Try every combination of parameters, or a sample."""
    request = {
        **_run(name, symbol, market, venue, period, start, end, param, margin_tiers, workers, engine),
        "assumptions": terms.assumed(fees, slippage, equity, leverage, assume),
        "space": _space(vary),
        "sample": sample,
        "seed": seed,
        "objective": objective,
    }
    _do("sweep", request, where.load(), detach=detach, json=json)


@options.takes_where
def optimize(
    name: Name,
    vary: Vary = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="combinations to try")] = 100,
    sampler: Annotated[str, typer.Option("--sampler", help="tpe | cmaes | nsga2 | random")] = "tpe",
    pruner: Annotated[str, typer.Option("--pruner", help="none | median | hyperband")] = "none",
    objective: Annotated[list[str] | None, typer.Option("--objective", help="figure to look for; again for several")] = None,
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: Period = "1h",
    start: Start = None,
    end: End = None,
    param: Param = None,
    fees: terms.Fees = None,
    slippage: terms.Slippage = None,
    equity: terms.Equity = None,
    leverage: terms.Leverage = None,
    assume: terms.Assume = None,
    margin_tiers: terms.MarginTiers = None,
    seed: Seed = 0,
    workers: Workers = None,
    engine: Engine = "processes",
    detach: Detach = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Look for parameters with a sampler that learns."""
    request = {
        **_run(name, symbol, market, venue, period, start, end, param, margin_tiers, workers, engine),
        "assumptions": terms.assumed(fees, slippage, equity, leverage, assume),
        "space": _space(vary),
        "trials": trials,
        "sampler": sampler,
        "pruner": pruner,
        "objectives": objective or ["sharpe_daily"],
        "seed": seed,
    }
    _do("optimize", request, where.load(), detach=detach, json=json)


@options.takes_where
def walkforward(
    name: Name,
    train: Annotated[float, typer.Option("--train", help="days that choose")],
    test: Annotated[float, typer.Option("--test", help="days that judge, and by which it moves on")],
    vary: Vary = None,
    anchored: Annotated[bool, typer.Option("--anchored", help="always train from the first bar on")] = False,
    gap: Annotated[float, typer.Option("--gap", min=0.0, help="days left out between the two")] = 0.0,
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: Period = "1h",
    start: Start = None,
    end: End = None,
    param: Param = None,
    fees: terms.Fees = None,
    slippage: terms.Slippage = None,
    equity: terms.Equity = None,
    leverage: terms.Leverage = None,
    assume: terms.Assume = None,
    margin_tiers: terms.MarginTiers = None,
    sample: Sample = None,
    seed: Seed = 0,
    objective: Objective = "sharpe_daily",
    workers: Workers = None,
    engine: Engine = "processes",
    detach: Detach = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Choose on the past, judge on what comes after, move on."""
    request = {
        **_run(name, symbol, market, venue, period, start, end, param, margin_tiers, workers, engine),
        "assumptions": terms.assumed(fees, slippage, equity, leverage, assume),
        "space": _space(vary),
        "sample": sample,
        "seed": seed,
        "objective": objective,
        "train_days": train,
        "test_days": test,
        "anchored": anchored,
        "gap_days": gap,
    }
    _do("walkforward", request, where.load(), detach=detach, json=json)


@options.takes_where
def crossvalidate(
    name: Name,
    vary: Vary = None,
    groups: Annotated[int, typer.Option("--groups", help="parts into which the days are cut")] = 8,
    test_groups: Annotated[int, typer.Option("--test-groups", help="parts that test at a time")] = 2,
    purge: Annotated[int, typer.Option("--purge", help="days left out on both sides of a test")] = 1,
    embargo: Annotated[int, typer.Option("--embargo", help="days more left out after it")] = 1,
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: Period = "1h",
    start: Start = None,
    end: End = None,
    param: Param = None,
    fees: terms.Fees = None,
    slippage: terms.Slippage = None,
    equity: terms.Equity = None,
    leverage: terms.Leverage = None,
    assume: terms.Assume = None,
    margin_tiers: terms.MarginTiers = None,
    sample: Sample = None,
    seed: Seed = 0,
    objective: Objective = "sharpe_daily",
    workers: Workers = None,
    engine: Engine = "processes",
    detach: Detach = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Cross-validate the choice among combinations."""
    request = {
        **_run(name, symbol, market, venue, period, start, end, param, margin_tiers, workers, engine),
        "assumptions": terms.assumed(fees, slippage, equity, leverage, assume),
        "space": _space(vary),
        "sample": sample,
        "seed": seed,
        "objective": objective,
        "groups": groups,
        "test_groups": test_groups,
        "purge_days": purge,
        "embargo_days": embargo,
    }
    _do("crossvalidate", request, where.load(), detach=detach, json=json)


@options.takes_where
def montecarlo(
    name: Name,
    method: Annotated[str, typer.Option("--method", help="shuffle | resample | bootstrap | noise")] = "shuffle",
    runs: Annotated[int, typer.Option("--runs", min=1, help="how often")] = 1_000,
    block: Annotated[int, typer.Option("--block", min=1, help="mean bars of a block (bootstrap)")] = 48,
    noise: Annotated[float, typer.Option("--noise", help="size as a share of each bar's range (noise)")] = 0.1,
    symbol: Symbols = None,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: Period = "1h",
    start: Start = None,
    end: End = None,
    param: Param = None,
    fees: terms.Fees = None,
    slippage: terms.Slippage = None,
    equity: terms.Equity = None,
    leverage: terms.Leverage = None,
    assume: terms.Assume = None,
    margin_tiers: terms.MarginTiers = None,
    seed: Seed = 0,
    workers: Workers = None,
    engine: Engine = "processes",
    detach: Detach = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Say how much of a result is luck."""
    request = {
        **_run(name, symbol, market, venue, period, start, end, param, margin_tiers, workers, engine),
        "assumptions": terms.assumed(fees, slippage, equity, leverage, assume),
        "method": method,
        "runs": runs,
        "block_bars": block,
        "noise": noise,
        "seed": seed,
    }
    _do("montecarlo", request, where.load(), detach=detach, json=json)


@options.takes_where
def jobs_list(
    state: Annotated[str | None, typer.Option("--state", help="queued | running | done | failed | cancelled")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="sweep | optimize | walkforward | …")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000)] = 50,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """List the jobs, newest first."""
    with where.client() as client:
        rows = client.get("/api/v1/jobs", {"state": state, "kind": kind, "limit": limit})["data"]
    shown = [
        {
            "id": row["id"],
            "kind": row["kind"],
            "state": row["state"],
            "progress": f"{row['progress']:.0%}",
            "title": row["title"],
            "created": utc(row["created_ms"]),
            "error": row["error"],
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="no job yet; submit one: qs sweep ma_cross --symbol BTCUSDT --vary fast=5:60:5")


@options.takes_where
def jobs_show(
    job_id: JobId,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show one job with its result."""
    with where.client() as client:
        job = client.get(f"/api/v1/jobs/{_named(client, job_id)}")
    _print(job, json=json)


@options.takes_where
def jobs_watch(
    job_id: JobId,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Wait for a job; works the queue off itself where nobody does."""
    with where.client(working=True) as client:
        job_id = _named(client, job_id)
        client.get(f"/api/v1/jobs/{job_id}")
        _follow(client, job_id, json=json)


@options.takes_where
def jobs_cancel(
    job_id: JobId,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Cancel a job."""
    with where.client() as client:
        job = client.post(f"/api/v1/jobs/{_named(client, job_id)}/cancel", {})
    show_one(job if json else {"id": job["id"], "state": job["state"]}, json=json)


@options.takes_where
def jobs_delete(
    job_id: JobId,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Delete a job and its tables; its trials stay counted."""
    with where.client() as client:
        show_one(client.delete(f"/api/v1/jobs/{_named(client, job_id)}"), json=json)


@options.takes_where
def jobs_table(
    job_id: JobId,
    name: Annotated[str, typer.Argument(help="table, such as combinations, trials, days, paths, runs")],
    sort: Annotated[str | None, typer.Option("--sort", help="column to sort by, largest first")] = None,
    ascending: Annotated[bool, typer.Option("--ascending", help="smallest first")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=20_000, help="rows")] = 20,
    columns: Annotated[str | None, typer.Option("--columns", help="which to print, joined by commas; all for every one")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="write all rows to this .csv, .arrow or .parquet file")] = None,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Print or save a table of a finished job."""
    query = {"sort": sort, "descending": not ascending, "limit": 20_000 if output is not None else limit}
    with where.client() as client:
        path = f"/api/v1/jobs/{_named(client, job_id)}/tables/{name}"
        if output is None:
            from quantservice.app.cli.job_results import legible

            rows = client.get(path, query)["data"]
            show(rows if json else legible(rows, columns, sort), json=json)
            return
        table = client.table(path, query)
    from quantservice.app.export import write_klines

    write_klines(table, output)
    note(f"{table.num_rows:,} rows written to {output}")


# --- what the commands share ---


def _run(
    name: str,
    symbols: list[str] | None,
    market: str | None,
    venue: str,
    period: str,
    start: str | None,
    end: str | None,
    param: list[str] | None,
    margin_tiers: Path | None,
    workers: int | None,
    engine: str,
) -> dict[str, Any]:
    if not symbols:
        raise InvalidValue("symbol", "name at least one instrument, such as --symbol BTC-USDT --market um")
    return {
        "strategy": name,
        "parameters": options.named_values("param", param),
        "data": terms.with_tiers(data_of(symbols, market, venue, period, start, end), terms.tiers_of_file(margin_tiers)),
        "workers": workers,
        "engine": engine,
    }


def data_of(symbols: list[str], market: str | None, venue: str, period: str, start: str | None, end: str | None) -> dict[str, Any]:
    """Return which bars are meant, as a job's request names them."""
    return {
        "symbols": symbols,
        "market": market,
        "venue": venue,
        "period": period,
        "start_ms": parse_time("start", start),
        "end_ms": parse_time("end", end),
    }


def _space(vary: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in vary or []:
        name, mark, values = text.partition("=")
        if not mark or not name.strip() or not values.strip():
            raise InvalidValue("vary", f"{text!r} is not of the form name=values, such as fast=5:60:5 or fast=5,10,20")
        found[name.strip()] = values.strip()
    if not found:
        raise InvalidValue("vary", "there is nothing to search; name at least one parameter, such as --vary fast=5:60:5")
    return found


def _do(kind: str, request: Mapping[str, Any], loaded: Any, *, detach: bool, json: bool) -> None:
    """Submit a job and wait for it, beside a running process or alone."""
    from quantservice.app.client import platform_client
    from quantservice.app.places import Places
    from quantservice.app.process import find_running

    if detach and find_running(Places.of(loaded.settings)) is None:
        raise UserError("--detach needs a process that works the queue off; start qs up, or leave --detach away")
    with platform_client(loaded, working=True) as client:
        given = {key: item for key, item in request.items() if item is not None}
        job = client.post("/api/v1/jobs", {"kind": kind, "request": given})
        if detach:
            show_one(job if json else {"id": job["id"], "state": job["state"], "title": job["title"]}, json=json)
            return
        _follow(client, job["id"], json=json)


def _follow(client: PlatformClient, job_id: str, *, json: bool) -> None:
    with progress(f"job {job_id}") as update:
        try:
            job = client.follow_job(job_id, update)
        except KeyboardInterrupt:
            note(f"job {job_id} is not cancelled: qs jobs watch {job_id} goes on with it, qs jobs cancel {job_id} ends it")
            raise
    _print(job, json=json)
    if job["state"] != "done":
        raise typer.Exit(1)


def _print(job: Mapping[str, Any], *, json: bool) -> None:
    if json:
        show_one(job, json=True)
        return
    from quantservice.app.cli.job_results import print_job

    print_job(job)


def _named(client: PlatformClient, job_id: str) -> str:
    """Return a job's id; ``latest`` is that of the newest."""
    if job_id != "latest":
        return job_id
    newest = client.get("/api/v1/jobs", {"limit": 1})["data"]
    if not newest:
        raise UserError("there is no job yet; submit one: qs sweep ma_cross --symbol BTCUSDT --vary fast=5:60:5")
    return str(newest[0]["id"])
