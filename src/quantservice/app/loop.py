"""The event loop, uvloop where it exists, and what may hold it up."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the maker of uvloop's loops, or None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop  # type: ignore[no-any-return]  # uvloop is imported without types


def settle_memory() -> None:
    """Take what is loaded by now out of the garbage collector's rounds: it lives as long as the process.

    A whole round over a platform's million objects stops the loop for a third of a second, and an order that is to go out with it.
    """
    gc.collect()
    gc.freeze()
