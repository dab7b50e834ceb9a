"""Indicators and strategies of others: installed distributions and a person's own folder.

Two doors lead in. A distribution names modules under the entry points ``quantservice.indicators`` and ``quantservice.strategies``;
the plugin folder (setting ``plugins_dir``) holds ``.py`` files and packages. Either is simply imported: ``@indicator`` registers as
it does for the built-in ones, and strategies are found in the module. A plugin that fails leaves nothing behind and does not stop
the rest.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec

from quantservice.app.places import plugins_folder
from quantservice.core.errors import UserError
from quantservice.quant.indicators import REGISTRY
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.registry import STRATEGIES

__all__ = ["GROUPS", "PluginFault", "load_plugins", "plugins_folder"]

GROUPS: Final = ("quantservice.indicators", "quantservice.strategies")
_PACKAGE: Final = "quantservice_plugins"

#: Where it came from -> digest of the file as it was read, so that an unchanged one is not read twice in a process.
_loaded: dict[str, str] = {}


class PluginFault(msgspec.Struct, frozen=True):
    """Why a plugin was left out: the file or entry point, and what went wrong."""

    source: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.source} was left out: {self.reason}"


def load_plugins(folder: str | Path | None = None) -> tuple[PluginFault, ...]:
    """Load the installed plugins and those of ``folder``; return what could not be loaded, a sentence each.

    May be called again: what did not change is not read again, a changed file replaces what it registered.
    """
    faults = [_installed(point) for group in GROUPS for point in sorted(entry_points(group=group), key=str)]
    if folder is not None:
        faults += [_from_file(file) for file in _files(Path(folder).expanduser())]
    return tuple(fault for fault in faults if fault is not None)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [item for item in folder.iterdir() if item.name[0] not in "._"]
    modules = [item for item in found if item.suffix == ".py"]
    packages = [item / "__init__.py" for item in found if (item / "__init__.py").is_file()]
    return sorted(modules + packages)


def _installed(point: EntryPoint) -> PluginFault | None:
    source = f"{point.name} ({point.value})"
    if source in _loaded:
        return None
    _loaded[source] = ""

    def read() -> None:
        found = point.load()
        if isinstance(found, ModuleType):
            _take(found, source)
        elif isinstance(found, type) and issubclass(found, Strategy):
            STRATEGIES.add(found, source, replace=True)

    return _guarded(source, point.module, read)


def _from_file(file: Path) -> PluginFault | None:
    source = str(file.resolve())
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        return PluginFault(source, f"it cannot be read: {error.strerror}")
    if _loaded.get(source) == digest:
        return None
    _loaded[source] = digest
    stem = file.parent.name if file.name == "__init__.py" else file.stem
    name = f"{_PACKAGE}.{re.sub(r'[^A-Za-z0-9_]', '_', stem)}"
    REGISTRY.discard(name)

    def read() -> None:
        spec = importlib.util.spec_from_file_location(
            name, file, submodule_search_locations=[str(file.parent)] if file.name == "__init__.py" else None
        )
        if spec is None or spec.loader is None:
            raise UserError("it is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        _take(module, source)

    return _guarded(source, name, read)


def _take(module: ModuleType, source: str) -> None:
    """Register the strategies that a module defines, if any; its indicators did so themselves."""
    own = (value for name, value in vars(module).items() if isinstance(value, type) and name[0] != "_")
    if any(issubclass(value, Strategy) and value.__module__ == module.__name__ for value in own):
        STRATEGIES.add_module(module, source, replace=True)


def _guarded(source: str, module: str, read: Callable[[], None]) -> PluginFault | None:
    """Read a plugin; what it registered is taken out again when it fails."""
    try:
        read()
    except Exception as error:  # noqa: BLE001 - a stranger's file may raise anything, and the rest must go on
        REGISTRY.discard(module)
        return PluginFault(source, _reason(error))
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    if isinstance(error, UserError):
        return str(error)
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
