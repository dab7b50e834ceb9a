"""Commands about the installation itself: settings, version, topology, doctor, tests, the simulator, raw recording."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from quantservice.app.cli import options
from quantservice.app.cli.console import note, show, show_one, write
from quantservice.app.cli.run import check_speed
from quantservice.core.errors import EnvironmentFault, InvalidValue

#: Everything, a file per process at a time, on all processors.
_ALL_TESTS = ["-q", "-n", "auto", "--dist", "loadfile"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("version", help="Print the version.")(version)
    app.command("settings", help="Print every setting with its value, its source and what it means.")(settings)
    app.command("doctor", help="Check everything and say what to do.")(doctor)
    app.command("topology", help="Draw which service feeds which.")(topology)
    app.command(
        "test",
        help="Run the tests (arguments go to pytest).",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(test)
    app.command(
        "bench",
        help="Run the benchmarks: every measured figure of the README, beside peers (--quick, --only NAME, --json FILE).",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )(bench)
    simulator = typer.Typer(help="The exchange simulator.", no_args_is_help=True, rich_markup_mode=None)
    simulator.command("serve", help="Serve simulated Binance, OKX and HTX over HTTP and WebSocket.")(simulator_serve)
    app.add_typer(simulator, name="simulator")


def version(json: options.Json = False) -> None:
    """Print the version."""
    import platform

    from quantservice.version import __version__

    if json:
        show_one({"version": __version__, "python": platform.python_version()}, json=True)
    else:
        write(f"QuantService {__version__} (Python {platform.python_version()})")


def settings(config: options.ConfigFile = None, data_dir: options.DataDir = None, json: options.Json = False) -> None:
    """Print every setting with its value, its source and what it means."""
    rows = options.load(config, data_dir).rows()
    show(
        [{"setting": row.path, "value": row.value, "source": row.source, "meaning": row.doc} for row in rows]
        if not json
        else [
            {"setting": row.path, "value": row.value, "source": row.source, "doc": row.doc, "env": row.environment_name}
            for row in rows
        ],
        json=json,
    )


def doctor(
    config: options.ConfigFile = None,
    data_dir: options.DataDir = None,
    json: options.Json = False,
    offline: Annotated[bool, typer.Option("--offline", help="leave the venues out")] = False,
) -> None:
    """Check everything and say what to do."""
    from quantservice.app.doctor import run_checks

    loaded = options.load(config, data_dir)
    checks = run_checks(loaded, venues=not offline)
    show([{"check": item.name, "state": item.state, "found": item.found, "do": item.advice} for item in checks], json=json)
    if any(item.state == "fail" for item in checks):
        raise typer.Exit(1)


def topology(json: options.Json = False) -> None:
    """Draw which service feeds which."""
    from quantservice.app.topology import topology_rows, topology_text

    if json:
        show(topology_rows(), json=True)
    else:
        write(topology_text())


def test(context: typer.Context) -> None:
    """Run the tests of this checkout."""
    root = Path(__file__).resolve().parents[4]
    if not (root / "tests").is_dir():
        raise EnvironmentFault("the tests live in the source checkout; this is an installed package without them")
    try:
        import pytest  # noqa: F401 - only asked whether it is there
    except ImportError:
        raise EnvironmentFault("the test tools are not installed: run ./qs test in the checkout, it installs them") from None
    command = [sys.executable, "-m", "pytest", *(context.args or _ALL_TESTS)]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    raise typer.Exit(subprocess.call(command, cwd=root, env=environment))  # noqa: S603 - the person's own pytest arguments


def bench(context: typer.Context) -> None:
    """Run the benchmarks of this checkout."""
    root = Path(__file__).resolve().parents[4]
    if not (root / "benchmarks").is_dir():
        raise EnvironmentFault("the benchmarks live in the source checkout; this is an installed package without them")
    try:
        import websockets  # noqa: F401 - one of the peers stands for all: they are installed together
    except ImportError:
        raise EnvironmentFault("the peers are not installed: run ./qs bench in the checkout, it installs them") from None
    command = [sys.executable, "-m", "benchmarks.run", *(context.args or [])]
    raise typer.Exit(subprocess.call(command, cwd=root))  # noqa: S603 - the person's own arguments


def simulator_serve(
    host: Annotated[str, typer.Option(help="address to bind")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port; 0 takes a free one")] = 8990,
    speed: Annotated[float, typer.Option(help="1 is real time")] = 1.0,
    seed: Annotated[int, typer.Option(help="seed of the generated markets")] = 1,
    symbols: Annotated[str, typer.Option(help="symbols per market, comma separated; empty: the default set")] = "",
    replay: Annotated[list[Path] | None, typer.Option("--replay", help="files to replay instead of generated markets")] = None,
    trading: Annotated[
        bool, typer.Option("--trading", help="take orders too: private sides of Binance, OKX and HTX, and ledgers")
    ] = False,
    okx: Annotated[bool, typer.Option("--okx", help="OKX beside Binance and HTX; --trading brings it too")] = False,
) -> None:
    """Serve simulated Binance, OKX and HTX until Ctrl-C."""
    check_speed(speed)
    from quantservice.app.simulation import serve_simulator

    if speed <= 0:
        raise InvalidValue("speed", "must be positive")
    note("Ctrl-C ends it")
    serve_simulator(
        host=host,
        port=port,
        speed=speed,
        seed=seed,
        symbols=[item for item in symbols.split(",") if item],
        files=replay or [],
        trading=trading,
        okx=okx,
    )
