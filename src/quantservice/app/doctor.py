"""``qs doctor``: look at everything that a start needs and say what to do about what is wrong."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from quantservice.app.places import Places
from quantservice.app.settings import LoadedSettings
from quantservice.core.errors import QuantServiceError

_LOW_DISK_BYTES: Final = 2_000_000_000
_LIBRARIES: Final = ("chdb", "clickhouse_connect", "sqlalchemy", "picows", "msgspec", "fastapi", "pyarrow", "numpy", "uvloop")


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at. ``state`` is ok, warn or fail; ``advice`` says what to do."""

    name: str
    state: str
    found: str
    advice: str = ""


def run_checks(loaded: LoadedSettings, *, venues: bool) -> list[Check]:
    """Run every check; none of them changes anything."""
    places = Places.of(loaded.settings)
    checks = [_python(), _libraries(), *_folder(places.root), *_ports(loaded, places), *_stores(loaded, places)]
    if venues:
        checks.extend(asyncio.run(_venues(loaded)))
    return checks


def _python() -> Check:
    return Check("python", "ok", ".".join(str(part) for part in sys.version_info[:3]))


def _libraries() -> Check:
    broken = []
    for name in _LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            broken.append(f"{name} ({error})")
    if broken:
        return Check("libraries", "fail", "; ".join(broken), "delete .venv and run ./qs again")
    return Check("libraries", "ok", f"{len(_LIBRARIES)} load")


def _folder(root: Path) -> Iterator[Check]:
    home = root
    while not home.exists():
        home = home.parent
    usage = shutil.disk_usage(home)
    free = f"{usage.free / 1e9:.1f} GB free at {root}"
    if usage.free < _LOW_DISK_BYTES:
        yield Check("disk", "warn", free, "free some space, or set data_dir (--data-dir) to a larger disk")
    else:
        yield Check("disk", "ok", free)
    probe = home / ".qs-doctor"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        yield Check("data directory", "fail", f"{home}: {error.strerror}", "make it writable, or set data_dir (--data-dir)")
    else:
        yield Check("data directory", "ok", str(root) if root.exists() else f"{root} (made at the first start)")


def _ports(loaded: LoadedSettings, places: Places) -> Iterator[Check]:
    from quantservice.app.process import find_running

    running = find_running(places)
    settings = loaded.settings
    for name, host, port in (
        ("page port", settings.web.host, settings.web.port),
        ("client port", settings.clientserver.host, settings.clientserver.port),
    ):
        if port == 0:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if running is not None:
                    yield Check(name, "ok", f"{port} is used by the running QuantService (pid {running.pid})")
                else:
                    key = "web.port" if name == "page port" else "clientserver.port"
                    yield Check(
                        name, "fail", f"{host}:{port}: {error.strerror}", f"end what uses it, or set {key} (0 takes a free one)"
                    )
            else:
                yield Check(name, "ok", f"{host}:{port} is free")


def _stores(loaded: LoadedSettings, places: Places) -> Iterator[Check]:
    from quantservice.app.cli.console import no_progress
    from quantservice.app.client import platform_client
    from quantservice.app.process import find_running

    running = find_running(places)
    if running is not None:
        yield Check("running process", "ok", f"pid {running.pid}, {running.api_url or 'starting'}")
    if not places.root.exists():
        yield Check("stores", "ok", "made at the first start")
        return
    try:
        with platform_client(loaded) as client:
            rows = client.get("/api/v1/coverage")["total"]
            differences = client.stream("/api/v1/maintenance/schema", {}, no_progress)["differences"]
    except QuantServiceError as error:
        yield Check("stores", "fail", str(error), "mend what the sentence names, then run qs doctor again")
        return
    yield Check("stores", "ok", f"{rows} streams stored")
    if differences:
        yield Check("schema", "fail", "; ".join(differences[:3]), "restore a backup, or start with a new data directory")
    else:
        yield Check("schema", "ok", "as expected")


async def _venues(loaded: LoadedSettings) -> list[Check]:
    from quantservice.app.wiring import diagnose_venues

    found = []
    for name, fault, skew_ms in await diagnose_venues(loaded.settings):
        if fault:
            found.append(Check(name, "fail", fault.found, fault.advice))
        elif abs(skew_ms) > 1_000:
            found.append(Check(name, "warn", f"reachable; this clock is {skew_ms} ms off the venue's", "let NTP set the clock"))
        else:
            found.append(Check(name, "ok", f"reachable; clock within {abs(skew_ms)} ms"))
    return found
