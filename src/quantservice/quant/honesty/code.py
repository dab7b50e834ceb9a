"""A strategy's own code: the classes and functions that it is made of, and the hash that names one exact text of them."""

from __future__ import annotations

import hashlib
import inspect
import sys
import sysconfig
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from quantservice.quant.strategies.base import Strategy

_LIBRARIES: Final = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_PLATFORM: Final = "quantservice."
_TEMPLATES: Final = "quantservice.quant.strategies.templates."


def is_own_module(name: str) -> bool:
    """Say whether a module is strategies' own (a person's, a plugin's, a template), not of Python, a library or the platform."""
    if name.startswith(_PLATFORM):
        return name.startswith(_TEMPLATES)
    if name.partition(".")[0] in sys.stdlib_module_names:
        return False
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return name != "builtins"  # a notebook's __main__, or a file that was run without being kept as a module
    return not str(Path(file).resolve()).startswith(_LIBRARIES)


def belongs(module: str, cls: type[Strategy]) -> bool:
    """Say whether a module is part of what a strategy is: somebody's own, or of the same distribution as the strategy."""
    home = cls.__module__.partition(".")[0]
    return is_own_module(module) or (module.partition(".")[0] == home != _PLATFORM.rstrip("."))


def own_classes(cls: type[Strategy]) -> tuple[type, ...]:
    """Return the class and those of its bases that are strategies' code, nearest first."""
    return tuple(base for base in cls.__mro__ if base not in {Strategy, object} and (base is cls or belongs(base.__module__, cls)))


def plain_function(value: Any) -> types.FunctionType | None:
    """Return the Python function behind a method, property, cached or compiled function; None for anything else."""
    for attribute in ("__func__", "fget", "py_func", "__wrapped__", "func"):
        if not isinstance(value, types.FunctionType | type):
            inner = getattr(value, attribute, None)
            if isinstance(inner, types.FunctionType):
                return inner
    return value if isinstance(value, types.FunctionType) else None


def functions_of(cls: type) -> dict[str, types.FunctionType]:
    """Return the functions that a class itself defines."""
    found = {name: plain_function(value) for name, value in vars(cls).items()}
    return {name: function for name, function in found.items() if function is not None}


def names_in(code: types.CodeType) -> set[str]:
    """Return the global and attribute names that a function's code mentions, those of functions inside it too."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= names_in(constant)
    return names


def own_functions(cls: type[Strategy]) -> Iterator[types.FunctionType]:
    """Yield every function that a strategy runs of its own: methods, helpers beside it, helpers of own modules it imports."""
    waiting: list[Any] = [function for base in own_classes(cls) for function in functions_of(base).values()]
    seen: set[int] = set()
    while waiting:
        function = waiting.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        yield function
        space = {**function.__globals__, **cells_of(function)}
        for name in sorted(names_in(function.__code__)):
            waiting.extend(_reached(space.get(name), cls))


def cells_of(function: types.FunctionType) -> dict[str, Any]:
    """Return what a function took along from around it, by name."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return found


def _reached(value: Any, cls: type[Strategy]) -> list[types.FunctionType]:
    if isinstance(value, types.ModuleType):
        if not belongs(value.__name__, cls):
            return []
        return [f for item in vars(value).values() if (f := plain_function(item)) is not None and f.__module__ == value.__name__]
    if isinstance(value, type):
        return list(functions_of(value).values()) if belongs(value.__module__, cls) else []
    function = plain_function(value)
    return [function] if function is not None and belongs(function.__module__, cls) else []


def source_of(thing: Any) -> str | None:
    """Return the source text of a class or function, or None where Python does not know it."""
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        return None


def code_hash(cls: type[Strategy]) -> str:
    """Return a sha256 of the text of a strategy: its class, its own bases and the helpers that it calls.

    Any change of the text changes it. Where no text is known (typed into a bare interpreter) the compiled code is taken.
    """
    parts = [text if (text := source_of(base)) is not None else compiled_text(base) for base in own_classes(cls)]
    inside = {id(function) for base in own_classes(cls) for function in functions_of(base).values()}
    helpers = []
    for function in own_functions(cls):
        if id(function) not in inside:
            text = source_of(function)
            helpers.append(text if text is not None else code_text(function.__code__))
    return hashlib.sha256("\0".join([*parts, *sorted(helpers)]).encode()).hexdigest()


def compiled_text(cls: type) -> str:
    """Return what stands for a class whose source is not known."""
    functions = "".join(f"{name}\0{code_text(function.__code__)}" for name, function in sorted(functions_of(cls).items()))
    values = sorted((name, value) for name, value in vars(cls).items() if isinstance(value, int | float | str) and name[0] != "_")
    return f"{cls.__name__}\0{values!r}\0{functions}"


def code_text(code: types.CodeType, *, constants: bool = True) -> str:
    """Return compiled code as text; without constants what is left is blind to numbers and words."""
    inner = [code_text(item, constants=constants) for item in code.co_consts if isinstance(item, types.CodeType)]
    plain = [repr(item) for item in code.co_consts if not isinstance(item, types.CodeType)] if constants else []
    return "|".join([code.co_code.hex(), *code.co_names, *plain, *inner])
