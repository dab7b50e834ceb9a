"""The queue put together: engines, exports, who holds a lease, and the check of a request before it waits."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from quantservice.app.places import plugins_folder
from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.services.jobs.commands import CheckRequest

if TYPE_CHECKING:
    from quantservice.app.parts import Parts
    from quantservice.services.jobs import JobsService

#: The kinds of jobs; what each request holds is said in quant/optimize/requests.py, which is heavy to import.
KINDS: Final = ("backtest", "sweep", "optimize", "walkforward", "crossvalidate", "montecarlo")
_WORKER: Final = "quantservice.app.worker"


def make_jobs_service(platform: Parts) -> JobsService:
    """Make the service that works off the queue."""
    from quantservice.adapters.compute.process_pool import ProcessPool
    from quantservice.adapters.compute.ray_cluster import RayCluster
    from quantservice.services.backtests.margin_tiers import MarginTiers
    from quantservice.services.jobs import JobsConfig, JobsService
    from quantservice.services.jobs.exports import Exporter

    tiers = MarginTiers(platform.state_store, platform.book)
    settings = platform.settings.jobs
    folder = str(plugins_folder(platform.settings))
    kept_s = settings.keep_exports_hours * 3_600
    return JobsService(
        platform.state_store,
        platform.bus,
        platform.clock,
        exporter=Exporter(platform.market_store, platform.places.exports, platform.book, keep_s=kept_s, margin_tiers=tiers.of),
        engines={
            "processes": ProcessPool((sys.executable, "-m", _WORKER), nice=settings.nice),
            "ray": RayCluster(f"{_WORKER}:work", address=settings.ray_address, nice=settings.nice),
        },
        holder=this_process(),
        is_alive=is_alive,
        folders=lambda: (folder,),
        config=JobsConfig(workers=settings.workers or os.cpu_count() or 1, concurrent=settings.concurrent),
    )


def checks(plugins_dir: Path) -> Mapping[str, CheckRequest]:
    """Return for each kind of job what checks its request."""

    def check_of(kind: str) -> CheckRequest:
        return lambda fields: _bounded(kind, fields, plugins_dir)

    return {kind: check_of(kind) for kind in KINDS}


def _bounded(kind: str, fields: Mapping[str, Any], plugins_dir: Path) -> tuple[dict[str, Any], str]:
    """Check a request; JSON has integers that no number of ours holds."""
    try:
        return check_request(kind, fields, plugins_dir)
    except OverflowError:
        raise InvalidValue("request", "holds a number that is too large") from None


def check_request(kind: str, fields: Mapping[str, Any], plugins_dir: Path) -> tuple[dict[str, Any], str]:
    """Return a request complete, with the title that lists show; raises UserError naming what cannot be done. Blocks."""
    import msgspec

    from quantservice.app.plugins import load_plugins
    from quantservice.quant.optimize.requests import read_request
    from quantservice.quant.optimize.space import Space
    from quantservice.quant.strategies.base import parameters_of_class
    from quantservice.quant.strategies.registry import STRATEGIES
    from quantservice.services.jobs.running import read_data_request

    request = read_request(kind, fields)
    faults = [str(fault) for fault in load_plugins(plugins_dir)]
    try:
        entry = STRATEGIES[request.strategy]
    except UnknownName as error:
        raise UserError("; ".join([str(error), *faults])) from None
    parameters_of_class(entry.cls).bind(request.parameters)
    shown = [entry.name]
    space = getattr(request, "space", None)
    if space is not None:
        searched = Space.of(entry.cls, space)
        shown.append(" x ".join(f"{name} {count}" for name, count in zip(searched.names, searched.shape, strict=True)))
    data = read_data_request(request.data)
    shown.append(f"{', '.join(data.symbols[:3])}{' …' if len(data.symbols) > 3 else ''} {data.period}")
    complete: dict[str, Any] = msgspec.to_builtins(request)
    complete["strategy"] = entry.name
    complete["data"] = msgspec.to_builtins(data)
    return complete, request.title or ", ".join(shown)


@cache
def this_process() -> str:
    """Return the name under which this process holds jobs: host, process id, and when it started (ms)."""
    return f"{socket.gethostname()}:{os.getpid()}:{int(psutil.Process().create_time() * 1000)}"


def is_alive(holder: str) -> bool:
    """Say whether a holder may still be at work; of another host that is not known, and its lease decides."""
    host, _, rest = holder.rpartition(":")[0].rpartition(":")
    started = holder.rpartition(":")[2]
    if host != socket.gethostname() or not rest.isdigit() or not started.isdigit():
        return True
    try:
        return abs(psutil.Process(int(rest)).create_time() * 1000 - int(started)) < 1_000
    except psutil.NoSuchProcess:
        return False
