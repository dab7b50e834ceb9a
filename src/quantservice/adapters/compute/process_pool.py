"""Worker processes of this machine, at low priority: each job has a crew of its own, made as tasks come."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from quantservice.adapters.compute import frames
from quantservice.core.errors import EnvironmentFault
from quantservice.ports import Advance, Answer, TaskResult

_log = structlog.get_logger(__name__)
_END_S: Final = 5.0
_LAST_MOMENT_S: Final = 1.0
#: One worker is one core: libraries that would start threads of their own are told so.
_ONE_THREAD: Final = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "ARROW_NUM_THREADS",
)


class ProcessPool:
    """Makes crews. ``argv`` starts one worker; ``nice`` is added to its niceness (0 to 19, higher gives way)."""

    name = "processes"

    def __init__(self, argv: Sequence[str], *, nice: int = 10) -> None:
        self._argv = tuple(argv)
        self._nice = nice

    @contextlib.asynccontextmanager
    async def crew(self, *, workers: int, files: Sequence[Path] = (), answer: Answer | None = None) -> AsyncIterator[ProcessCrew]:
        """Open a crew of ``workers`` processes; they read ``files`` where they lie. Leaving ends them at once."""
        for path in files:
            if not path.is_file():
                raise EnvironmentFault(f"the file {path} that the work needs is gone; submit the job again")
        crew = ProcessCrew(self._argv, workers=workers, nice=self._nice, answer=answer)
        try:
            await crew.start()
            yield crew
        finally:
            await crew.close()


class ProcessCrew:
    """The processes of one job."""

    def __init__(self, argv: Sequence[str], *, workers: int, nice: int, answer: Answer | None) -> None:
        self._argv = tuple(argv)
        self._nice = nice
        self._answer = answer
        self._workers = max(workers, 1)
        self._places = asyncio.Semaphore(self._workers)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    async def start(self) -> None:
        """Start all processes at once: they load their libraries while the first task is being done."""
        while len(self._all) < self._workers:
            self._idle.append(await self._start())

    async def run(self, task: bytes, *, advance: Advance | None = None) -> TaskResult:
        """Have a free worker do a task; a cancelled call ends the worker that had it."""
        async with self._places:
            worker = self._idle.pop() if self._idle else await self._start()
            try:
                result = await worker.do(task, advance, self._answer)
            except BaseException:
                await self._drop(worker)
                raise
            if result.state == "lost":
                await self._drop(worker)
            else:
                self._idle.append(worker)
            return result

    def stats(self) -> Mapping[str, Any]:
        """Workers alive and their process ids."""
        return {"workers": len(self._all), "pids": sorted(worker.pid for worker in self._all)}

    async def close(self) -> None:
        """End every process."""
        await asyncio.gather(*(self._drop(worker) for worker in tuple(self._all)))

    async def _start(self) -> _Worker:
        environment = dict(os.environ) | dict.fromkeys(_ONE_THREAD, "1")
        nice = self._nice
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv, "--nice", str(nice), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
            )
        except OSError as error:
            raise EnvironmentFault(
                f"no worker process can be started ({error.strerror or error}); see the machine's limits"
            ) from None
        worker = _Worker(process)
        self._all.add(worker)
        return worker

    async def _drop(self, worker: _Worker) -> None:
        self._all.discard(worker)
        await worker.end()


class _Worker:
    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise EnvironmentFault("a worker process was started without its pipes")
        self.pid = process.pid
        self._process = process
        self._to, self._from = process.stdin, process.stdout
        self._last_words: deque[str] = deque(maxlen=20)
        self._errors = asyncio.create_task(self._listen(process.stderr), name=f"worker:{process.pid}")

    async def do(self, task: bytes, advance: Advance | None, answer: Answer | None) -> TaskResult:
        """Give the task and wait for its end; questions are answered meanwhile."""
        if not await self._send(frames.Task(task)):
            return await self._lost()
        while True:
            frame = await frames.read_frame(self._from)
            if isinstance(frame, frames.Progress):
                if advance is not None:
                    advance(frame.done)
            elif isinstance(frame, frames.Ask):
                if not await self._send(await frames.answered(frame, answer)):
                    return await self._lost()
            elif isinstance(frame, frames.Ended):
                return TaskResult(state=frame.state, content=frame.content, detail=frame.detail, worker=str(self.pid))
            else:
                return await self._lost()

    async def end(self) -> None:
        """End the process now and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._to.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        self._errors.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._errors

    async def _send(self, frame: frames.Frame) -> bool:
        try:
            self._to.write(frames.pack(frame))
            await self._to.drain()
        except ConnectionError:
            return False
        return True

    async def _lost(self) -> TaskResult:
        code = await self._exit_code()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await asyncio.wait([self._errors])
        words = self._last_words[-1] if self._last_words else ""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended by itself with code {code}"
        _log.warning("worker.lost", pid=self.pid, code=code, last_words=list(self._last_words))
        return TaskResult(state="lost", detail=f"worker {self.pid} {how}{f': {words}' if words else ''}", worker=str(self.pid))

    async def _exit_code(self) -> int:
        """How it ended; what no longer speaks is of no use and is ended if it still runs.

        It is given a moment first: its pipes close a little before it is gone. The signal goes past ``Process.kill``, which
        (Python 3.11) collects an ended child behind the back of asyncio's watcher, and the exit code is then lost (255).
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_MOMENT_S):
                return await self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return await self._process.wait()

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while part := await stream.read(4_096):
            *lines, rest = (rest + part).split(b"\n")
            rest = rest[-4_096:]
            self._last_words.extend(text for line in lines if (text := line.decode(errors="replace").strip()[:500]))
