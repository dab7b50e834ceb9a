"""The strategies by name. Those that come with the platform enter by the same door as plugins and a person's own files."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.strategies.base import Strategy, is_event_driven, is_vectorised, parameters_of_class
from quantservice.quant.strategies.templates import TEMPLATES


@dataclass(frozen=True)
class StrategyEntry:
    """A registered strategy: its class and where it came from (``built-in``, a distribution's name, or a file)."""

    name: str
    cls: type[Strategy]
    source: str

    @property
    def doc(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.cls) or "").partition("\n")[0]

    @property
    def style(self) -> str:
        """Which of the two forms it has: ``on_kline``, ``on_bars`` or ``both``."""
        event, whole = is_event_driven(self.cls), is_vectorised(self.cls)
        return "both" if event and whole else "on_kline" if event else "on_bars"

    def describe(self) -> dict[str, Any]:
        """Return what a list, a form and the command line show of it."""
        return {
            "name": self.name,
            "title": self.cls.__name__,
            "doc": self.doc,
            "source": self.source,
            "style": self.style,
            "parameters": parameters_of_class(self.cls).schema(),
        }


class StrategyRegistry(Mapping[str, StrategyEntry]):
    """Strategies by name; an unknown name is answered with the nearest ones."""

    def __init__(self) -> None:
        self._entries: dict[str, StrategyEntry] = {}

    def add(self, cls: type[Strategy], source: str, *, replace: bool = False) -> StrategyEntry:
        """Register a class under its :meth:`Strategy.name`; a name is taken once, unless its own file is read again.

        Raises InvalidValue for what is no runnable strategy, naming it.
        """
        if not (isinstance(cls, type) and issubclass(cls, Strategy)) or cls is Strategy:
            raise InvalidValue("strategy", f"{cls!r} of {source} is not a subclass of Strategy")
        if not is_event_driven(cls) and not is_vectorised(cls):
            raise InvalidValue("strategy", f"{cls.__name__} of {source} has neither on_kline nor on_bars; write one")
        parameters_of_class(cls)
        name = cls.name()
        taken = self._entries.get(name)
        if taken is not None and not (replace and taken.source == source):
            raise InvalidValue(
                "strategy", f"{name!r} of {source} is already registered by {taken.source}; give the class another name"
            )
        entry = self._entries[name] = StrategyEntry(name, cls, source)
        return entry

    def add_module(self, module: ModuleType, source: str, *, replace: bool = False) -> tuple[StrategyEntry, ...]:
        """Register every strategy that a module itself defines (those whose name begins with an underscore are helpers)."""
        found = [
            value
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__ and name[0] != "_"
        ]
        runnable = [cls for cls in found if is_event_driven(cls) or is_vectorised(cls)]
        if not runnable:
            raise InvalidValue("strategy", f"{source} defines no strategy: no subclass of Strategy with on_kline or on_bars")
        return tuple(self.add(cls, source, replace=replace) for cls in runnable)

    def __getitem__(self, name: str) -> StrategyEntry:
        found = self._entries.get(name)
        if found is None:
            by_class = {entry.cls.__name__: entry for entry in self._entries.values()}
            found = by_class.get(name)
        if found is None:
            raise UnknownName("strategy", str(name), self._entries, hint="qs strategy list shows them all")
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


STRATEGIES: Final = StrategyRegistry()
for _module in TEMPLATES:
    STRATEGIES.add_module(_module, "built-in")
