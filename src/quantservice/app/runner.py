"""The runner: starts services in order, restarts those that crash, parks those that crash in a loop, drains at the end.

Services are given in the order of the data's flow turned round: consumers first, producers last. They are started in that
order, so that nobody publishes before somebody listens, and stopped in the opposite one, so that what was produced is still
consumed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
import structlog

from quantservice.core.errors import QuantServiceError
from quantservice.core.messages import Message, SystemEvent, Topic
from quantservice.ports import Clock, EventBus, Service

log = structlog.get_logger(__name__)

State = Literal["stopped", "starting", "running", "backing_off", "failed", "stopping"]


class RunnerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How services are restarted and stopped. Waits in seconds."""

    initial_backoff_s: float = 0.5
    max_backoff_s: float = 30.0
    crash_limit: int = 5  # so many crashes …
    crash_window_s: float = 300.0  # … within so long park the service
    stop_s: float = 9.0  # all services together; what drains longer is abandoned
    each_stop_s: float = 5.0
    ready_s: float = 1.0  # how long a starting service may take to subscribe before the next one starts all the same
    publish_s: float = 1.0  # an announcement never holds up the supervision


class ServiceState(msgspec.Struct):
    """One service as the status page shows it."""

    name: str
    consumes: tuple[str, ...]
    produces: tuple[str, ...]
    state: State = "stopped"
    restarts: int = 0
    since_ms: int | None = None
    detail: str = ""


class _Supervised:
    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = ServiceState(name=service.name, consumes=tuple(service.consumes), produces=tuple(service.produces))
        self.crashes: deque[float] = deque()
        self.task: asyncio.Task[None] | None = None


class Runner:
    """Supervises services on one event loop.

    ``services`` come consumers first (recorder, ledger, projections), producers last (collector).
    """

    def __init__(self, services: Sequence[Service], *, bus: EventBus, clock: Clock, config: RunnerConfig | None = None) -> None:
        self._config = config or RunnerConfig()
        self._bus = bus
        self._clock = clock
        self._supervised = [_Supervised(service) for service in services]
        self._stop_asked = asyncio.Event()
        names = [item.state.name for item in self._supervised]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two services share the name {', '.join(sorted(twice))}")

    # --- life ---

    async def start(self) -> None:
        """Start every service, consumers first; the next one starts when this one listens to what it consumes."""
        for item in self._supervised:
            before = self._listeners()
            self._set(item, "starting")
            item.task = asyncio.get_running_loop().create_task(self._supervise(item), name=f"service:{item.state.name}")
            await self._until_listening(item, before)

    async def stop(self) -> None:
        """Stop every service, producers first; each may drain. Returns within ``stop_s`` whatever they do."""
        self._stop_asked.set()
        deadline = asyncio.get_running_loop().time() + self._config.stop_s
        for item in reversed(self._supervised):
            task = item.task
            if task is None:
                continue
            self._set(item, "stopping", item.state.detail)
            task.cancel()
            wait_s = min(self._config.each_stop_s, max(deadline - asyncio.get_running_loop().time(), 0.05))
            await asyncio.wait([task], timeout=wait_s)
            if not task.done():
                log.error("runner.abandoned", service=item.state.name, waited_s=round(wait_s, 1))
                self._set(item, "failed", f"did not drain within {wait_s:.1f} s and was abandoned")
                continue
            self._set(item, "stopped")
            item.task = None

    async def run(self, stop: asyncio.Event | None = None, *, seconds: float | None = None) -> None:
        """Start, wait, and stop.

        Waits for ``stop`` where the caller has its own event (and its own signal handlers), otherwise for SIGINT, SIGTERM or
        :meth:`ask_stop`; in both cases no longer than ``seconds``.
        """
        wanted = stop or self._stop_asked
        with contextlib.nullcontext() if stop is not None else self._signals():
            await self.start()
            try:
                async with asyncio.timeout(seconds):
                    await wanted.wait()
            except TimeoutError:
                log.info("runner.time_is_up", seconds=seconds)
            finally:
                await self.stop()

    def ask_stop(self) -> None:
        """Make :meth:`run` return; safe to call from a signal handler."""
        self._stop_asked.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Runner]:
        """Run the services around a block."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    # --- what is seen from outside ---

    def snapshot(self) -> list[ServiceState]:
        """The services' states now, in the order they were given."""
        return [msgspec.structs.replace(item.state) for item in self._supervised]

    def states(self) -> list[dict[str, Any]]:
        """The services' states with their own figures, as plain mappings for the status page."""
        return [
            msgspec.structs.asdict(item.state)
            | {"consumes": list(item.state.consumes), "produces": list(item.state.produces)}
            | {"stats": dict(item.service.stats())}
            for item in self._supervised
        ]

    def probe(self) -> Mapping[str, Any]:
        """How many services are in which state, and restarts altogether."""
        states = [item.state.state for item in self._supervised]
        return {
            "services": len(states),
            "running": states.count("running"),
            "backing_off": states.count("backing_off"),
            "failed": states.count("failed"),
            "restarts": sum(item.state.restarts for item in self._supervised),
        }

    @property
    def healthy(self) -> bool:
        """Say whether no service is parked or waiting to be restarted."""
        return all(item.state.state in ("starting", "running") for item in self._supervised)

    # --- supervision ---

    def _listeners(self) -> Counter[str]:
        return Counter(topic for subscription in self._bus.stats() for topic in subscription.topics)

    async def _until_listening(self, item: _Supervised, before: Counter[str]) -> None:
        """Wait until a service has subscribed to all it consumes: a bus in memory keeps nothing for those who come late."""
        deadline = asyncio.get_running_loop().time() + self._config.ready_s
        await asyncio.sleep(0)
        while item.state.state in ("starting", "running") and asyncio.get_running_loop().time() < deadline:
            now = self._listeners()
            if all(now[topic] > before[topic] for topic in item.state.consumes):
                return
            await asyncio.sleep(0.002)

    async def _supervise(self, item: _Supervised) -> None:
        backoff = self._config.initial_backoff_s
        while True:
            self._set(item, "running")
            await self._announce(item, "service.started", "info")
            started = self._clock.monotonic()
            reason = await self._run_once(item.service)
            now = self._clock.monotonic()
            if now - started >= self._config.crash_window_s:
                backoff = self._config.initial_backoff_s
            item.crashes.append(now)
            while item.crashes and now - item.crashes[0] > self._config.crash_window_s:
                item.crashes.popleft()
            if len(item.crashes) >= self._config.crash_limit:
                self._set(item, "failed", reason)
                log.critical("runner.service_parked", service=item.state.name, crashes=len(item.crashes), reason=reason)
                await self._announce(item, "service.failed", "critical")
                return
            item.state.restarts += 1
            self._set(item, "backing_off", reason)
            await self._announce(item, "service.crashed", "warning")
            # Jitter keeps services that fell over one cause from getting up in step; nothing secret depends on it.
            await self._clock.sleep(backoff * random.uniform(0.5, 1.0))  # noqa: S311
            backoff = min(backoff * 2, self._config.max_backoff_s)

    async def _run_once(self, service: Service) -> str:
        """Run until it ends; return why, in a sentence."""
        try:
            await service.run()
        except Exception as error:
            reason = sentence_of(error)
            # Our own errors say in their sentence what is wrong; a stack would only bury it.
            log.error("runner.service_crashed", service=service.name, reason=reason, exc_info=None if is_ours(error) else error)
            return reason
        log.error("runner.service_ended", service=service.name)
        return "it ended by itself, which a service must not do"

    def _set(self, item: _Supervised, state: State, detail: str = "") -> None:
        item.state.state = state
        item.state.detail = detail
        item.state.since_ms = self._clock.now_ms()

    async def _announce(self, item: _Supervised, name: str, level: str) -> None:
        state = item.state
        event = SystemEvent(
            name=name,
            level=level,
            detail=f"{state.name}: {state.detail}" if state.detail else state.name,
            data={"service": state.name, "state": state.state, "restarts": state.restarts},
        )
        message = Message(topic=Topic.SYSTEM, event_type=f"system.{name}", key=state.name, data=event)
        try:
            async with asyncio.timeout(self._config.publish_s):
                await self._bus.publish((message,))
        except (TimeoutError, QuantServiceError) as error:
            log.warning("runner.not_announced", event_name=name, service=state.name, reason=str(error) or "the bus is full")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handled: list[signal.Signals] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            # A loop outside the main thread, or a platform without it, has no signal handlers: ask_stop remains.
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.ask_stop)
                handled.append(number)
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)


def is_ours(error: BaseException) -> bool:
    """Say whether an error is one of ours throughout: its sentence says what is wrong, a stack would bury it."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_ours(item) for item in error.exceptions)
    return isinstance(error, QuantServiceError)


def sentence_of(error: BaseException) -> str:
    """Return why something ended, in a sentence: of a group, its first reason."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return str(error) if isinstance(error, QuantServiceError) else f"{type(error).__name__}: {error}"
