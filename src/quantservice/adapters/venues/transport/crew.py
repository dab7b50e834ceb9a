"""The background tasks of one adapter: owned, named, ended together; a crash is kept for the owner to raise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Crew:
    """Tasks that live as long as their owner. ``on_crash`` is called once with the first unexpected error."""

    def __init__(self, on_crash: Callable[[BaseException], None]) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._on_crash = on_crash

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Start a task under a name that is free."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))

    def has(self, name: str) -> bool:
        """Whether a task of that name runs."""
        return name in self._tasks

    async def stop(self, name: str) -> None:
        """End one task and wait for it."""
        task = self._tasks.get(name)
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=10)

    async def close(self) -> None:
        """End all tasks and wait for them."""
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=10)

    def _ended(self, name: str, task: asyncio.Task[Any]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_crash(error)
