"""What is wrong with one order of several names its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import AmbiguousSymbol


@contextmanager
def at_place(place: int, *, of: int) -> Iterator[None]:
    """Let a fault within say which order of ``of`` it is about, as the API names places: ``orders.0`` is the first."""
    try:
        yield
    except (InvalidValue, UnknownName, AmbiguousSymbol) as error:
        if of > 1:
            named = isinstance(error, InvalidValue)  # its sentence begins with the field
            error.args = (f"orders.{place}{'.' if named else ': '}{error}",)
            if not isinstance(error, AmbiguousSymbol):
                error.field = f"orders.{place}.{error.field}"
        raise
