"""``qs parity``: a run that happened against the backtester's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import show, show_one, utc, write


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("parity", help="Replay a deployment's run through the backtester: what is the same, what differs, and why.")(parity)


@options.takes_where
def parity(
    run: Annotated[str, typer.Option("--run", help="name or id of the deployment (qs deployments list)")],
    slippage_bps: Annotated[float, typer.Option("--slippage-bps", min=0, max=1_000, help="what the fill model takes")] = 1.0,
    tolerance_bps: Annotated[
        float, typer.Option("--tolerance-bps", min=0, max=1_000, help="fills that are off by no more are no divergence")
    ] = 1.0,
    every: Annotated[bool, typer.Option("--all", help="list the divergences, up to a hundred")] = False,
    where: options.Where = options.HERE,
    json: options.Json = False,
) -> None:
    """Compare a run with its backtest."""
    with where.client() as client:
        query = {"slippage_bps": slippage_bps, "tolerance_bps": tolerance_bps}
        report = client.get(f"/api/v1/deployments/{quote(run, safe='')}/parity", query)
    show_one(report if json else _summary(report), json=json)
    if not json and every and report["divergences"]:
        write("")
        show([_row(item) for item in report["divergences"]], json=False)


def _summary(report: Mapping[str, Any]) -> dict[str, Any]:
    share, error = report["share"], report["fill_error"]
    shown = {
        "run": f"{report['name']} ({report['strategy']})",
        "from": utc(report["first_open"]),
        "to": utc(report["last_open"]),
        "asked": f"{report['closes']:,} closes, {report['restarts']} restarts",
        "identical decisions": "none were made"
        if share is None
        else f"{_percent(report['identical'], report['decisions'])} ({report['identical']:,} of {report['decisions']:,})",
        "missed": report["missed"],
        "orders": f"{report['orders']:,} with {report['fills']:,} fills",
        "fill model's error": f"{error['mean_bps']:+.2f} bp on average, {error['mean_abs_bps']:.2f} without its sign, "
        f"{error['worst_bps']:+.2f} at worst, over {error['compared']:,} orders",
        "fee model's error": f"{error['fee_mean_bps']:+.3f} bp of the notional",
        "causes": ", ".join(f"{_words(cause)} {count:,}" for cause, count in report["causes"].items()) or "nothing diverged",
        "first divergence": _sentence(report["first"]),
    }
    if report["first_decision"] and report["first_decision"] != report["first"]:
        shown["first in a decision"] = _sentence(report["first_decision"])
    if report["code_changed"]:
        shown["note"] = "the strategy's code is not what it was when this ran"
    return shown


def _percent(part: int, whole: int) -> str:
    """Write a share that is 100 % only where nothing is missing."""
    return "100 %" if part == whole else f"{min(99.99, 100 * part / whole):.2f} %"


def _sentence(item: Mapping[str, Any] | None) -> str:
    if item is None:
        return "none"
    return f"{utc(item['close_time'])} {_words(item['cause'])}: live {item['live']}, backtest {item['backtest']}; {item['detail']}"


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "at": utc(item["close_time"]),
        "kind": item["kind"],
        "cause": _words(item["cause"]),
        "live": item["live"],
        "backtest": item["backtest"],
        "why": item["detail"],
    }


def _words(cause: str) -> str:
    return cause.replace("_", " ")
