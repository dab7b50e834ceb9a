"""Keeping a run of this process: its record and its tables go to the owner of the store, and the run is counted in one commit."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from quantservice.app.trials import Client, trial_body
from quantservice.core.errors import InvalidValue
from quantservice.ports import Trial

if TYPE_CHECKING:
    from quantservice.quant.research import BacktestReport


def keep_by(client: Client, report: BacktestReport, trial: Trial, *, data: Mapping[str, Any], title: str = "") -> str:
    """Keep a run and count it; returns its id. ``data`` names its bars as a job does, so that the run can be repeated."""
    from quantservice.quant.reports.stored import parts_of
    from quantservice.quant.why_digest import WHY, digest_of_run, pack_why
    from quantservice.services.jobs.versions import BARS, versions

    if report.backtest is None or report.strategy is None:
        raise InvalidValue("report", "this report was not made by a Backtest")
    made = parts_of(report) | {WHY: pack_why(digest_of_run(report.backtest, report.strategy.parameters))}
    parts = {name: base64.b64encode(content).decode() for name, content in made.items()}
    body = {
        "strategy": report.strategy.name(),
        "title": title,
        "parameters": msgspec.to_builtins(report.strategy.parameters),
        "code_hash": trial.code_hash,
        "family": trial.family,
        "data": {**data, "end_ms": data.get("end_ms") or int(report.backtest.data.close_time[-1]) + 1},
        "data_fingerprint": BARS + report.data_fingerprint,
        "assumptions": msgspec.to_builtins(report.backtest.assumptions),
        "metrics": report.metrics.to_dict(),
        "run_fingerprint": report.result.fingerprint(),
        "gates": {gate.name: {"state": gate.state, "text": gate.text, "chinese": gate.chinese} for gate in report.checked},
        "versions": versions(),
        "parts": parts,
        "trial": trial_body(trial),
    }
    return str(client.post("/api/v1/backtests", body)["id"])
