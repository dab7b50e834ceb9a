"""Workers on a Ray cluster: a local one that is started for the job, or the one at an address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import structlog

from quantservice.adapters.compute import frames, worker_loop
from quantservice.core.errors import EnvironmentFault, QuantServiceError
from quantservice.ports import Advance, Answer, TaskResult

_log = structlog.get_logger(__name__)
_NO_RAY: Final = (
    "the engine ray is not installed; install quantservice[ray], or leave --engine away to use processes of this machine"
)


class RayCluster:
    """Makes crews of Ray actors. ``target`` is ``module:function`` with the signature of ``worker_loop.Work``.

    ``address`` is a cluster's (``auto``, ``ray://head:10001``); empty starts one on this machine for each job. The nodes of a
    cluster need the same version of this package installed, and the strategy's file in the same place.
    """

    name = "ray"

    def __init__(self, target: str, *, address: str = "", nice: int = 10) -> None:
        self._target = target
        self._address = address
        self._nice = nice

    @contextlib.asynccontextmanager
    async def crew(self, *, workers: int, files: Sequence[Path] = (), answer: Answer | None = None) -> AsyncIterator[RayCrew]:
        """Open a crew of ``workers`` actors; ``files`` go into the cluster's object store, once."""
        try:
            ray: Any = import_module("ray")
        except ImportError:
            raise EnvironmentFault(_NO_RAY) from None
        own = not ray.is_initialized()
        if own:
            await asyncio.to_thread(self._connect, ray, workers)
        crew = RayCrew(ray, self._target, workers=max(workers, 1), nice=self._nice)
        answering: asyncio.Task[None] | None = None
        try:
            await asyncio.to_thread(crew.share, files)
            answering = asyncio.create_task(crew.answer_questions(answer), name="ray:questions")
            yield crew
        finally:
            if answering is not None:
                answering.cancel()
                await asyncio.wait((answering,))
            crew.close()
            if own:
                await asyncio.to_thread(ray.shutdown)

    def _connect(self, ray: Any, workers: int) -> None:
        # Its figures and its usage report are nobody's business here; its start messages would run into our output.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        arguments: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self._address:
            arguments["address"] = self._address
        else:
            arguments |= {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(**arguments)
        except (ConnectionError, RuntimeError, OSError, ValueError) as error:
            where = f"at {self._address}" if self._address else "on this machine"
            raise EnvironmentFault(f"the Ray cluster {where} does not start ({' '.join(str(error).split())[:200]})") from None


class RayCrew:
    """The actors of one job."""

    def __init__(self, ray: Any, target: str, *, workers: int, nice: int) -> None:
        self._ray = ray
        self._target = target
        self._nice = nice
        self._shared: dict[str, Any] = {}
        self._places = asyncio.Semaphore(workers)
        self._idle: list[Any] = []
        self._all: list[Any] = []
        self._mailbox = ray.remote(num_cpus=0)(_Mailbox).remote()
        self._pids: set[str] = set()

    def share(self, files: Sequence[Path]) -> None:
        """Put what the tasks read into the object store; actors on this machine map the files themselves."""
        import numpy as np  # noqa: PLC0415 - only this engine needs it here

        for path in files:
            self._shared[str(path)] = self._ray.put(np.fromfile(path, dtype=np.uint8))

    async def answer_questions(self, answer: Answer | None) -> None:
        """Answer what actors ask, one question after the other, until cancelled."""
        while True:
            number, name, content = await asyncio.wrap_future(self._mailbox.take.remote().future())
            found = await frames.answered(frames.Ask(name, content), answer)
            self._mailbox.give.remote(number, found.content, found.fault)

    async def run(self, task: bytes, *, advance: Advance | None = None) -> TaskResult:
        """Have a free actor do a task; progress comes with its end. A cancelled call ends the actor that had it."""
        del advance
        async with self._places:
            actor = self._idle.pop() if self._idle else self._start()
            reference = actor.run.remote(task)
            try:
                worker, state, content, detail = await asyncio.wrap_future(reference.future())
            except self._ray.exceptions.RayActorError as error:
                self._drop(actor)
                return TaskResult(state="lost", detail=f"a worker of the Ray cluster is gone: {str(error).splitlines()[0]}")
            except BaseException:
                self._drop(actor)
                raise
            self._idle.append(actor)
            self._pids.add(worker)
            return TaskResult(state=state, content=content, detail=detail, worker=worker)

    def stats(self) -> Mapping[str, Any]:
        """Actors alive and the process ids seen."""
        return {"workers": len(self._all), "pids": sorted(self._pids)}

    def close(self) -> None:
        """End every actor."""
        for actor in tuple(self._all):
            self._drop(actor)
        self._ray.kill(self._mailbox)

    def _start(self) -> Any:
        actor = self._ray.remote(num_cpus=1, max_restarts=0)(_Actor).remote(self._target, self._nice, self._shared, self._mailbox)
        self._all.append(actor)
        return actor

    def _drop(self, actor: Any) -> None:
        if actor in self._all:
            self._all.remove(actor)
            self._ray.kill(actor)


class _Actor:
    """Runs in the cluster."""

    def __init__(self, target: str, nice: int, shared: Mapping[str, Any], mailbox: Any) -> None:
        os.nice(nice)
        self._mailbox = mailbox
        module, _, name = target.partition(":")
        self._work: worker_loop.Work = getattr(import_module(module), name)
        for path, reference in shared.items():
            if not Path(path).exists():
                _fetch(path, reference)

    def run(self, task: bytes) -> tuple[str, str, bytes, str]:
        ended = worker_loop.ended(lambda: self._work(task, _silent, self._ask))
        return str(os.getpid()), ended.state, ended.content, ended.detail

    def _ask(self, name: str, content: bytes) -> bytes:
        answer, fault = import_module("ray").get(self._mailbox.ask.remote(name, content))
        if fault:
            raise QuantServiceError(fault)
        return bytes(answer)


def _fetch(path: str, reference: Any) -> None:
    """Write a shared file to the same place on a node that does not have it; atomically, as others may do so too."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f"{place.name}.{os.getpid()}")
    import_module("ray").get(reference).tofile(temporary)
    temporary.replace(place)


class _Mailbox:
    """Carries questions of actors on any node to the process that opened the crew, and the answers back."""

    def __init__(self) -> None:
        self._questions: asyncio.Queue[tuple[int, str, bytes]] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[tuple[bytes, str]]] = {}
        self._count = 0

    async def ask(self, name: str, content: bytes) -> tuple[bytes, str]:
        """Actor: put a question and wait for its answer and fault."""
        self._count += 1
        number = self._count
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._questions.put((number, name, content))
        try:
            return await self._answers[number]
        finally:
            del self._answers[number]

    async def take(self) -> tuple[int, str, bytes]:
        """Owner: wait for the next question."""
        return await self._questions.get()

    async def give(self, number: int, content: bytes, fault: str) -> None:
        """Owner: answer a question."""
        self._answers[number].set_result((content, fault))


def _silent(_done: float) -> None:
    pass
