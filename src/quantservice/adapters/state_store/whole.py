"""Statements that a cancellation cannot cut.

A task may be cancelled at any await. Between the begin and the commit of a database that leaves a transaction open which nobody
ends. Here whatever was sent to the database runs to its end before the cancellation is felt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

from quantservice.adapters.state_store.prepared import Prepared, Row

Outcome = TypeVar("Outcome")


async def whole(work: Awaitable[Outcome]) -> Outcome:
    """Run ``work`` to its end; a cancellation meanwhile is raised after it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # looked at: the cancellation is what the caller learns
        raise


class WholeConnection(AsyncConnection):
    """A connection whose statements are run whole."""

    async def execute(self, *arguments: Any, **options: Any) -> CursorResult[*tuple[Any, ...]]:
        """Execute a statement and return its buffered result."""
        return await whole(super().execute(*arguments, **options))

    async def fetch(self, prepared: Prepared, parameters: Mapping[str, Any]) -> list[Row]:
        """Return the rows of a prepared SELECT."""
        return list((await self.execute(prepared.statement(self.dialect.name), dict(parameters))).all())

    async def change(self, prepared: Prepared, parameters: Mapping[str, Any]) -> int:
        """Execute a prepared statement that writes; return how many rows it wrote."""
        return (await self.execute(prepared.statement(self.dialect.name), dict(parameters))).rowcount
