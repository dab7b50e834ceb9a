"""Flags that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from quantservice.app.settings import LoadedSettings

ConfigFile = Annotated[Path | None, typer.Option("--config", help="settings file (default config/app.yaml when it is there)")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="where embedded stores, keys and logs live")]
Demo = Annotated[bool, typer.Option("--demo", help="work on the demo's data, not on the live data")]
Json = Annotated[bool, typer.Option("--json", help="print JSON for scripts")]
Symbol = Annotated[str, typer.Option("--symbol", help="BTCUSDT, BTC-USDT or the full name binance:um:BTC-USDT-PERP")]
Market = Annotated[str | None, typer.Option("--market", help="spot | um | cm")]
Venue = Annotated[str, typer.Option("--venue", help="venue of the instrument")]
Period = Annotated[str, typer.Option("--period", help="1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1mo")]


def load(
    config: Path | None, data_dir: Path | None = None, *, demo: bool = False, flags: dict[str, Any] | None = None
) -> LoadedSettings:
    """Read the settings with a command's flags on top."""
    from quantservice.app.settings import load_settings

    given: dict[str, Any] = dict(flags or {})
    if data_dir is not None:
        given["data_dir"] = str(data_dir)
    if demo:
        given["environment"] = "demo"
    return load_settings(config, flags=given)
