"""A strategy that raises: one sentence that names its method, what it raised, and the line of its own code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quantservice.core.errors import InvalidValue, QuantServiceError


@contextmanager
def asking(strategy: Any, method: str) -> Iterator[None]:
    """Call a strategy's method inside; whatever it raises becomes the sentence. What the platform refused stays as it is."""
    try:
        yield
    except QuantServiceError:
        raise
    except Exception as error:
        raise raised_by(strategy, method, error) from error


def raised_by(strategy: Any, method: str, error: Exception, where: str = "") -> InvalidValue:
    """Return the sentence; ``where`` says at which kline."""
    line = _own_line(type(strategy).__module__, error)
    shown = " ".join(part for part in (f"raised {type(error).__name__}", where, line) if part)
    return InvalidValue(f"{type(strategy).__name__}.{method}", f"{shown}: {error}" if str(error) else shown)


def _own_line(module: str, error: Exception) -> str:
    """Return the deepest line of the strategy's module; nothing where the error comes from elsewhere alone."""
    found, frame = "", error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_globals.get("__name__") == module:
            found = f"in line {frame.tb_lineno} of {Path(frame.tb_frame.f_code.co_filename).name}"
        frame = frame.tb_next
    return found
