"""``qs demo``, ``qs up`` and the single roles: ``clientserver``, ``ws-start``, ``record``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from quantservice.app.cli import options
from quantservice.core.errors import InvalidValue, UnknownName

PagePort = Annotated[int | None, typer.Option("--port", help="port of the page and the API (default 8080; 0 takes a free one)")]
PageHost = Annotated[str | None, typer.Option("--host", help="address to bind (default 127.0.0.1)")]
Seconds = Annotated[float | None, typer.Option("--for", help="end by itself after so many seconds")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="do not open the page in the browser")]
Insecure = Annotated[bool, typer.Option("--insecure", help="allow a non-loopback address without TLS")]


_FASTEST: Final = 100_000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("demo", help="Run the whole platform against the built-in exchange simulator, offline.")(demo)
    app.command("up", help="Run the platform against the venues of the configuration.")(up)
    app.command("clientserver", help="Run only the WebSocket server for client programs.")(clientserver)
    app.command("ws-start", help="Print one live kline stream of a venue, without storing it.")(ws_start)
    app.command("record", help="Write a venue's raw frames to a file that the golden tests replay.")(record)


def demo(
    port: PagePort = None,
    data_dir: options.DataDir = None,
    run_for: Seconds = None,
    no_browser: NoBrowser = False,
    replay: Annotated[list[Path] | None, typer.Option("--replay", help="replay these kline files (several may follow)")] = None,
    more_files: Annotated[list[Path] | None, typer.Argument(help="more files to replay", metavar="[FILE]...")] = None,
    speed: Annotated[float, typer.Option("--speed", help="1 is real time")] = 1.0,
    symbols: Annotated[str, typer.Option("--symbols", help="symbols to simulate, comma separated")] = "",
    seed: Annotated[int, typer.Option("--seed", help="seed of the generated markets")] = 1,
    market: Annotated[
        str | None, typer.Option("--market", help="market of the replayed files where their folder does not say it")
    ] = None,
    host: PageHost = None,
    config: options.ConfigFile = None,
) -> None:
    """Run the whole platform against the built-in exchange simulator, offline, without a key."""
    from quantservice.app.demo import DemoOptions, run_demo

    files = [*(replay or []), *(more_files or [])]
    if more_files and not replay:
        raise InvalidValue("replay", "write --replay before the files")
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise InvalidValue("replay", f"{missing[0]} is not a file")
    check_speed(speed)
    _check_seconds(run_for)
    if market is not None and market not in ("spot", "um", "cm"):
        raise UnknownName("market", market, ("spot", "um", "cm"))
    loaded = options.load(config, data_dir, demo=True, flags=_page_flags(port, host, no_browser=no_browser))
    wanted = tuple(item.strip().upper() for item in symbols.split(",") if item.strip())
    code = run_demo(
        loaded, DemoOptions(files=tuple(files), speed=speed, symbols=wanted, seed=seed, run_for_s=run_for, market=market)
    )
    raise typer.Exit(code)


def up(
    port: PagePort = None,
    data_dir: options.DataDir = None,
    run_for: Seconds = None,
    no_browser: NoBrowser = False,
    only: Annotated[str, typer.Option("--only", help="only these roles, comma separated (qs topology names them)")] = "",
    host: PageHost = None,
    insecure: Insecure = False,
    config: options.ConfigFile = None,
) -> None:
    """Run the platform against the venues of the configuration."""
    from quantservice.app.up import run_up

    flags = _page_flags(port, host, no_browser=no_browser)
    if insecure:
        flags["web.insecure"] = True
    _check_seconds(run_for)
    loaded = options.load(config, data_dir, flags=flags)
    roles = tuple(item.strip() for item in only.split(",") if item.strip())
    raise typer.Exit(run_up(loaded, roles=roles, run_for_s=run_for))


def clientserver(
    host: Annotated[str | None, typer.Option(help="address to bind (default 127.0.0.1)")] = None,
    port: Annotated[int | None, typer.Option(help="port (default 8765; 0 takes a free one)")] = None,
    qps: Annotated[float | None, typer.Option(help="queries per second of a client without an access key (default 20)")] = None,
    insecure: Insecure = False,
    data_dir: options.DataDir = None,
    demo_data: options.Demo = False,
    run_for: Seconds = None,
    config: options.ConfigFile = None,
) -> None:
    """Run only the WebSocket server for client programs, over the store or through the process that owns it."""
    from quantservice.app.up import run_client_server

    _check_seconds(run_for)
    flags: dict[str, Any] = {"clientserver.host": host, "clientserver.port": port, "clientserver.qps": qps}
    if insecure or host is not None:  # an address named on the command line is wanted; other machines still need an access key
        flags["clientserver.insecure"] = True
    loaded = options.load(config, data_dir, demo=demo_data, flags=flags)
    raise typer.Exit(run_client_server(loaded, run_for_s=run_for))


def ws_start(
    symbol: options.Symbol,
    market: options.Market = None,
    venue: options.Venue = "binance",
    period: options.Period = "1m",
    run_for: Seconds = None,
    json: options.Json = False,
    config: options.ConfigFile = None,
) -> None:
    """Print one live kline stream until Ctrl-C."""
    from quantservice.app.up import run_stream

    _check_seconds(run_for)
    raise typer.Exit(
        run_stream(options.load(config), symbol=symbol, market=market, venue=venue, period=period, run_for_s=run_for, json=json)
    )


def record(
    symbol: options.Symbol,
    output: Annotated[Path, typer.Argument(help="file to write, .gz")],
    market: options.Market = None,
    kinds: Annotated[str, typer.Option("--kinds", help="kline,trade,quote,book,mark_price")] = "kline,trade,quote,book",
    run_for: Seconds = 60.0,
    config: options.ConfigFile = None,
) -> None:
    """Write raw frames, each as ``receive_ns json``."""
    from quantservice.app.up import run_recording

    _check_seconds(run_for)
    wanted = tuple(item.strip() for item in kinds.split(",") if item.strip())
    raise typer.Exit(
        run_recording(options.load(config), symbol=symbol, market=market, kinds=wanted, output=output, run_for_s=run_for)
    )


def check_speed(speed: float) -> None:
    """Refuse a speed at which no clock runs; ``nan`` is one."""
    if not 0 < speed <= _FASTEST:
        raise InvalidValue("speed", f"must be more than 0 and at most {_FASTEST:,}")


def _check_seconds(seconds: float | None) -> None:
    if seconds is not None and not 0 < seconds < math.inf:
        raise InvalidValue("for", "must be a positive number of seconds")


def _page_flags(port: int | None, host: str | None, *, no_browser: bool) -> dict[str, Any]:
    flags: dict[str, Any] = {"web.port": port, "web.host": host}
    if no_browser:
        flags["web.open_browser"] = False
    return flags
