"""What a strategy's code keeps outside of its instances, put back before each run so that no run can know another.

A cache in the module, an attribute of the class, a mutable default argument: whatever of it the first run fills would make all
later runs agree with the first, and hide that the first looked ahead.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from quantservice.quant.honesty.code import belongs, names_in, own_classes, own_functions
from quantservice.quant.strategies.base import Strategy

_PLAIN: Final = (int, float, complex, str, bytes, bool, type(None), tuple, frozenset)
_CODE: Final = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    type,
    types.ModuleType,
    property,
    classmethod,
    staticmethod,
)


class OutsideState:
    """Remembers, when it is made, everything that a strategy's code could change outside of its instances."""

    def __init__(self, cls: type[Strategy]) -> None:
        self._cls = cls
        self._put_back: list[Callable[[], None]] = []
        self._seen: set[int] = set()
        for base in own_classes(cls):
            self._keep_class(base)
        for function in own_functions(cls):
            self._keep_function(function)

    def restore(self) -> None:
        """Put everything back as it was."""
        for put_back in self._put_back:
            put_back()

    def _keep_class(self, cls: type) -> None:
        if id(cls) in self._seen:
            return
        self._seen.add(id(cls))
        before = {name: value for name, value in vars(cls).items() if not name.startswith("__") and not isinstance(value, _CODE)}
        for value in before.values():
            self._keep_value(value)

        def put_back() -> None:
            for name, value in list(vars(cls).items()):
                if not name.startswith("__") and not isinstance(value, _CODE) and name not in before:
                    delattr(cls, name)
            for name, value in before.items():
                if vars(cls).get(name, before) is not value:
                    setattr(cls, name, value)

        self._put_back.append(put_back)

    def _keep_function(self, function: types.FunctionType) -> None:
        for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._keep_value(value)
        for cell in function.__closure__ or ():
            self._keep_cell(cell)
        own = vars(function)
        if own and id(function) not in self._seen:
            self._keep_names(own, set(own))
        self._keep_names(function.__globals__, names_in(function.__code__))

    def _keep_cell(self, cell: types.CellType) -> None:
        try:
            value = cell.cell_contents
        except ValueError:  # not filled yet
            return
        self._keep_value(value)

        def put_back() -> None:
            if cell.cell_contents is not value:
                cell.cell_contents = value

        self._put_back.append(put_back)

    def _keep_names(self, space: dict[str, Any], names: set[str]) -> None:
        """Keep what names stand for; a name that the code makes later is taken away again."""
        before = {name: space[name] for name in names if name in space}
        absent = names - set(before)
        for value in before.values():
            self._keep_value(value)

        def put_back() -> None:
            for name in absent:
                space.pop(name, None)
            for name, value in before.items():
                if space.get(name, before) is not value:
                    space[name] = value

        self._put_back.append(put_back)

    def _keep_value(self, value: Any) -> None:
        """Keep the inside of one value."""
        if isinstance(value, _PLAIN) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        clear = getattr(value, "cache_clear", None)
        if callable(clear):  # functools.cache and the like
            self._put_back.append(clear)
            return
        if isinstance(value, types.ModuleType):
            if belongs(value.__name__, self._cls):
                self._keep_names(vars(value), {name for name in vars(value) if not name.startswith("__")})
            return
        if isinstance(value, type):
            if belongs(value.__module__, self._cls):
                self._keep_class(value)
            return
        if isinstance(value, _CODE) or callable(value):
            return
        self._keep_inside(value)

    def _keep_inside(self, value: Any) -> None:
        try:
            kept = copy.deepcopy(value)
        except Exception:  # noqa: BLE001 - what refuses to be copied (a lock, a file) is left alone: nothing of it can be put back
            return
        if isinstance(value, np.ndarray):

            def put_back() -> None:
                if value.flags.writeable:
                    value[...] = kept

        elif isinstance(value, dict):

            def put_back() -> None:
                value.clear()
                value.update(copy.deepcopy(kept))

        elif isinstance(value, list | bytearray):

            def put_back() -> None:
                value[:] = copy.deepcopy(kept)

        elif isinstance(value, set):

            def put_back() -> None:
                value.clear()
                value.update(copy.deepcopy(kept))

        elif hasattr(value, "extend") and hasattr(value, "clear"):  # a deque

            def put_back() -> None:
                value.clear()
                value.extend(copy.deepcopy(kept))

        elif hasattr(value, "__dict__") and belongs(type(value).__module__, self._cls):

            def put_back() -> None:
                vars(value).clear()
                vars(value).update(vars(copy.deepcopy(kept)))

        else:
            return
        self._put_back.append(put_back)
