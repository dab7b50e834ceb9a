"""Hosting as the platform uses it: what a strategy's process runs, and what the registry says of a strategy. Light to import."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from quantservice.services.strategies.commands import StrategyFacts

#: Modules that the server of processes loads once for all of them.
PRELOAD: Final = ("quantservice.app.hosted",)


def run_child(channel: socket.socket, plugins_dir: str) -> None:
    """Serve one strategy on ``channel``: the process's main."""
    from quantservice.app.hosted import serve

    serve(channel, plugins_dir)


def inspector(plugins_dir: Path) -> Callable[[str, Mapping[str, Any]], Awaitable[StrategyFacts]]:
    """Return what answers for a strategy's name and parameters; the arithmetic is loaded in a thread at the first question."""

    def look(strategy: str, parameters: Mapping[str, Any]) -> StrategyFacts:
        from quantservice.app.hosted import facts_of

        return facts_of(strategy, parameters, str(plugins_dir))

    async def inspect(strategy: str, parameters: Mapping[str, Any]) -> StrategyFacts:
        return await asyncio.to_thread(look, strategy, parameters)

    return inspect
