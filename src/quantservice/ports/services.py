"""What the runner and every loop agree on: time, figures, the service itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias


class Clock(Protocol):
    """The only source of time for services."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        ...

    def now_ms(self) -> int:
        """UTC milliseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back, for durations and deadlines."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellation ends it."""
        ...


#: A component's figures now: flat name -> number or short text; for /metrics, /api/v1/status and the System page.
Probe: TypeAlias = Callable[[], Mapping[str, Any]]


class Service(Protocol):
    """A loop that turns messages into messages and owns one kind of state; the runner supervises it.

    ``run`` lasts until cancelled and drains what it holds on the way out (at most 10 s); an exception from it is a crash,
    after which the runner starts it again with back-off.
    """

    name: str
    consumes: tuple[str, ...]
    produces: tuple[str, ...]

    async def run(self) -> None:
        """Work until cancelled."""
        ...

    def stats(self) -> Mapping[str, Any]:
        """Figures now (see :data:`Probe`)."""
        ...
