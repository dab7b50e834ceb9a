"""The library itself: loaded when a venue of it is asked for, and named in one sentence where it is missing."""

from __future__ import annotations

import importlib
from typing import Any, Final

from quantservice.core.errors import EnvironmentFault, UnknownName

#: what our names of its venues begin with: ``ccxtkraken``
PREFIX: Final = "ccxt"
MARKETS: Final = ("spot", "um", "cm")


def load() -> Any:
    """Return the library's asynchronous half."""
    try:
        return importlib.import_module("ccxt.async_support")
    except ImportError:
        raise EnvironmentFault(
            "venues named ccxt… need the library ccxt, which is not installed: pip install 'quantservice[ccxt]'"
        ) from None


def venue_name(exchange_id: str) -> str:
    """Return our name of one of its exchanges."""
    return PREFIX + exchange_id


def exchange_id(venue: str) -> str:
    """Return the library's name of one of our venues."""
    return venue.removeprefix(PREFIX)


def exchange_class(exchange: str) -> Any:
    """Return the class of an exchange; UnknownName with the nearest ones where the library has none of that name."""
    library = load()
    if exchange not in library.exchanges:
        raise UnknownName("ccxt exchange", exchange, library.exchanges)
    return getattr(library, exchange)
