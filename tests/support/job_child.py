"""A worker process for tests of the queue: each item writes its number into a folder, and does what the request says of it."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from pathlib import Path
from typing import Any

from quantservice.adapters.compute.worker_loop import Advance, AskOwner, WorkerLoop
from quantservice.core.errors import InvalidValue
from quantservice.ports import BacktestRecord, Trial
from quantservice.services.jobs.exports import map_table, read_manifest
from quantservice.services.jobs.work import Done, Finished, Item, Plan, StoredRun, Task, pack, unpack


def work(content: bytes, advance: Advance, _ask: AskOwner) -> bytes:
    """Do one task."""
    task = unpack(content, Task)
    if task.operation == "plan":
        if task.request.get("refuse"):
            raise InvalidValue("fast", "must be at least 2")
        return pack(Plan(items=[Item(str(n).encode(), 2.0) for n in range(task.request["items"])], unit="items"))
    if task.operation == "work":
        return pack(_item(task, advance))
    record = BacktestRecord(id=f"b-{task.job_id}", strategy="count", created_ms=0)
    summary: dict[str, Any] = {"sum": sum(int(part) for part in task.parts)}
    if task.manifest:
        summary["closes"] = _closes(task.manifest)
    return pack(Finished(summary=summary, tables={"rows": b"arrow"}, backtests=[StoredRun(record=record, parts={"trades": b"t"})]))


def _item(task: Task, advance: Advance) -> Done:
    folder, number = Path(task.request["folder"]), task.number
    (folder / f"{number}.{task.attempt}.{os.getpid()}").touch()
    advance(1.0)
    if number == task.request.get("hang"):
        threading.Event().wait()
    if number == task.request.get("die") and task.attempt <= task.request.get("die_times", 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if number == task.request.get("raise"):
        raise ZeroDivisionError(number)
    trial = Trial(family="f", parameter_hash=f"p{number}", run_id="", number=number, sharpe_daily=0.1, created_ms=0)
    return Done(content=task.item, trials=[trial])


def _closes(manifest: str) -> list[float]:
    export = read_manifest(Path(manifest))
    return [float(map_table(Path(manifest).parent, table)["close"].sum()) for table in export.tables if table.kind == "kline"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--nice", type=int, default=0)
    os.nice(parser.parse_args().nice)
    WorkerLoop(work).run()
