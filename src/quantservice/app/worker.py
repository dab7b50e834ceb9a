"""The worker's main: ``python -m quantservice.app.worker``. It reads exported files and opens no store."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from quantservice.adapters.compute.worker_loop import Advance, AskOwner, WorkerLoop
from quantservice.app.plugins import load_plugins
from quantservice.core.errors import UnknownName, UserError
from quantservice.core.margin_tiers import dated_tables
from quantservice.ports import TrialSummary
from quantservice.quant.bars import COLUMNS, Bars
from quantservice.quant.optimize.market import Market
from quantservice.quant.optimize.requests import read_request
from quantservice.quant.strategies.registry import STRATEGIES
from quantservice.services.jobs.exports import Export, ExportedTable, map_table, read_manifest
from quantservice.services.jobs.programs import PROGRAMS, Context
from quantservice.services.jobs.running import JournalRequest
from quantservice.services.jobs.work import Task, pack, unpack

#: The context of the job that this process works for: what was mapped and computed for one task serves the next.
_contexts: dict[tuple[str, str], Context] = {}
_MODULE: Final = "quantservice.app.worker"


def work(content: bytes, advance: Advance, ask: AskOwner) -> bytes:
    """Do one task of a job."""
    task = unpack(content, Task)

    def exchange(lines: list[str], after: int) -> list[str]:
        answer = ask("study", msgspec.msgpack.encode(JournalRequest(lines, after)))
        return msgspec.msgpack.decode(answer, type=list[str])

    def known_trials(family: str) -> TrialSummary:
        return msgspec.msgpack.decode(ask("trials", family.encode()), type=TrialSummary)

    key = (task.job_id, task.manifest)
    if key not in _contexts:
        _contexts.clear()
        _contexts[key] = make_context(task)
    context = _contexts[key]
    context.advance, context.exchange, context.attempt = advance, exchange, task.attempt
    context.known_trials = known_trials
    program = PROGRAMS[task.kind]
    if task.operation == "plan":
        return pack(program.plan(context))
    if task.operation == "work":
        return pack(program.work(context, task.number, task.item))
    return pack(program.finish(context, task.parts))


def make_context(task: Task) -> Context:
    """Load the strategy and map the market's files."""
    request = read_request(task.kind, task.request)
    faults = [str(fault) for folder in task.folders for fault in load_plugins(folder)]
    try:
        entry = STRATEGIES[request.strategy]
    except UnknownName as error:
        raise UserError("; ".join([str(error), *faults])) from None
    if not task.manifest:
        raise UserError("data: name the bars that the job reads, such as {'symbols': ['BTC-USDT'], 'period': '1h'}")
    manifest = Path(task.manifest)
    export = read_manifest(manifest)

    def silent(_done: float) -> None: ...

    return Context(
        job_id=task.job_id,
        name=entry.name,
        strategy=entry.cls,
        market=market_of(export, manifest.parent),
        request=request,
        data_fingerprint=export.fingerprint,
        advance=silent,
        exchange=lambda _lines, _after: [],
        workers=task.workers,
    )


def market_of(export: Export, folder: Path) -> Market:
    """Return the market of an export; its arrays lie in the mapped files."""
    klines = [table for table in export.tables if table.kind == "kline"]
    columns = {table.file: map_table(folder, table) for table in export.tables}
    return Market(
        bars=tuple(_bars(table, columns[table.file]) for table in klines),
        instruments=export.instruments,
        funding={
            str(table.instrument): {"time": found["open_time"], "rate": found["rate"], "mark_price": found["mark_price"]}
            for table in export.tables
            if table.kind == "funding" and table.rows
            for found in (columns[table.file],)
        },
        detail=tuple(_bars(table, columns[table.file]) for table in export.tables if table.kind == "detail"),
        brackets={name: dated_tables(tiers, name) for name, tiers in export.margin_tiers.items()},
        synthetic={str(table.instrument): np.asarray(columns[table.file]["synthetic"], dtype=bool) for table in klines},
    )


def _bars(table: ExportedTable, columns: dict[str, Any]) -> Bars:
    return Bars(str(table.instrument), table.period, {name: columns[name] for name in COLUMNS})


def main() -> None:
    """Lower the priority and serve the owner at the other end of the pipes."""
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}")
    parser.add_argument("--nice", type=int, default=0, help="added to the niceness of this process")
    os.nice(parser.parse_args().nice)
    WorkerLoop(work).run()


if __name__ == "__main__":
    main()
