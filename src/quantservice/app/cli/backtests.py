"""``qs backtests …``: the stored backtests."""

from __future__ import annotations

from typing import Annotated

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import show, show_one, utc

ResultId = Annotated[str, typer.Argument(help="id (qs backtests list), latest, or latest-1, the one before it")]
_PATH = "/api/v1/backtests"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Stored backtests: list, show, delete.", no_args_is_help=True, rich_markup_mode=None)
    group.command("list", help="List the stored backtests, newest first.")(list_backtests)
    group.command("show", help="Show a stored backtest with its figures.")(show_backtest)
    group.command("delete", help="Delete a stored backtest; its run stays counted.")(delete_backtest)
    app.add_typer(group, name="backtests")


@options.takes_where
def list_backtests(
    strategy: Annotated[str | None, typer.Option("--strategy", help="only those of this strategy")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000)] = 50,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """List the stored backtests, newest first."""
    with where.client() as client:
        rows = client.get(_PATH, {"strategy": strategy, "limit": limit})["data"]
    shown = [
        {
            "id": row["id"],
            "strategy": row["strategy"],
            "parameters": " ".join(f"{name}={value}" for name, value in row["parameters"].items()),
            "symbols": " ".join(row["data"].get("symbols", ())),
            "period": row["data"].get("period", ""),
            "return": _shown(row["figures"]["total_return"], percent=True),
            "sharpe": _shown(row["figures"]["sharpe"]),
            "drawdown": _shown(row["figures"]["max_drawdown"], percent=True),
            "trades": _shown(row["figures"]["trades"], digits=0),
            "created": utc(row["created_ms"]),
            "title": row["title"],
        }
        for row in rows
    ]
    show(rows if json else shown, json=json, empty="no backtest is stored yet; qs backtest keeps its runs")


@options.takes_where
def show_backtest(
    result_id: ResultId,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Show a stored backtest with its figures."""
    with where.client() as client:
        found = client.get(f"{_PATH}/{result_id}")
    if json:
        show_one(found, json=True)
        return
    heads = ("id", "strategy", "title", "job_id", "code_hash", "data_fingerprint", "run_fingerprint")
    figures = {name: "undefined" if value is None else f"{value:.6g}" for name, value in found["figures"].items()}
    gates = {f"gate {name}": f"{gate['state']}: {gate['text']}" for name, gate in found["gates"].items()}
    parameters = {f"parameter {name}": value for name, value in found["parameters"].items()}
    bars = {f"data {name}": value for name, value in found["data"].items() if value is not None and name != "margin_tiers"}
    told = {name: found[name] for name in heads if found[name]} | {"created": utc(found["created_ms"])}
    show_one(told | parameters | bars | figures | gates | {"tables": " ".join(found["tables"])}, json=False)


@options.takes_where
def delete_backtest(
    result_id: ResultId,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Delete a stored backtest; its run stays counted, without its parameters."""
    with where.client() as client:
        show_one(client.delete(f"{_PATH}/{result_id}"), json=json)


def _shown(value: float | None, *, percent: bool = False, digits: int = 2) -> str:
    if value is None:
        return ""
    return f"{value:.{digits}%}" if percent else f"{value:.{digits}f}"
