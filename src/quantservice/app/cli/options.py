"""Flags that many commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from quantservice.core.errors import InvalidValue

if TYPE_CHECKING:
    from quantservice.app.client import PlatformClient
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


class Where(NamedTuple):
    """Which platform a command asks: what ``--config``, ``--data-dir`` and ``--demo`` say."""

    config: Path | None = None
    data_dir: Path | None = None
    demo: bool = False

    def load(self) -> LoadedSettings:
        """Read its settings."""
        return load(self.config, self.data_dir, demo=self.demo)

    @contextmanager
    def client(self, *, working: bool = False) -> Iterator[PlatformClient]:
        """Ask the running platform. ``working``: where none runs, jobs are worked off by the command itself."""
        from quantservice.app.client import platform_client

        with platform_client(self.load(), working=working) as client:
            yield client


HERE: Final = Where()
_FLAGS: Final = {"config": (ConfigFile, None), "data_dir": (DataDir, None), "demo": (Demo, False)}


def takes_where(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command with a parameter ``where: Where`` the flags that say it: typer knows no group of flags."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    flags = [inspect.Parameter(name, keyword, default=default, annotation=kind) for name, (kind, default) in _FLAGS.items()]
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        parameters += flags if parameter.name == "where" else [parameter.replace(kind=keyword)]

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        where = Where(**{name: given.pop(name, default) for name, (_, default) in _FLAGS.items()})
        command(where=where, **given)

    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def named_texts(flag: str, pairs: list[str] | None) -> dict[str, str]:
    """Read ``name=value`` texts; InvalidValue names the flag and the one that is none."""
    found: dict[str, str] = {}
    for pair in pairs or []:
        name, mark, text = pair.partition("=")
        if not mark or not name.strip():
            raise InvalidValue(flag, f"{pair!r} is not of the form name=value")
        found[name.strip()] = text.strip()
    return found


def named_values(flag: str, pairs: list[str] | None) -> dict[str, Any]:
    """Read ``name=value`` texts: numbers, true, false and JSON as what they are, anything else as a word."""
    import msgspec

    found: dict[str, Any] = {}
    for name, text in named_texts(flag, pairs).items():
        try:
            found[name] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            found[name] = text
    return found
