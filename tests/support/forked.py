"""Processes that are forked from one that has imported everything: each is real, and killed for real, without seconds of imports.

The server (:func:`serve`) has neither threads nor a loop. For each request it forks; the child takes the two pipes that came with
it as its standard output and error. A child is reaped only when that is asked for, so that until then its number is no one else's.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final

_LENGTH: Final = struct.Struct("!q")
_WAIT_S: Final = 60.0


class Forked:
    """A child, read and killed as asyncio's own processes are."""

    def __init__(self, server: ForkServer, pid: int, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        self.pid, self.stdout, self.stderr = pid, stdout, stderr
        self.returncode: int | None = None
        self._server = server

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        if self.returncode is None:
            os.kill(self.pid, number)

    async def end(self) -> int:
        """Kill it, if it still runs, and return its status; negative: the signal that ended it."""
        if self.returncode is None:
            self.send_signal(signal.SIGKILL)
            self.returncode = await self._server.ask({"reap": self.pid})
            await asyncio.gather(self.stdout.read(), self.stderr.read())
        return self.returncode


class ForkServer:
    """The process that forks the children of ``module``; started at the first one, ended with this process."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._socket: socket.socket | None = None
        self._turn = threading.Lock()

    async def fork(self, argument: str, *, limit: int) -> Forked:
        """Begin a child with ``argument``. ``limit``: bytes of a line that may be read of it."""
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        try:
            pid = await self.ask({"fork": argument}, out_end, err_end)
        finally:
            os.close(out_end)
            os.close(err_end)
        return Forked(self, pid, await _reader(out, limit), await _reader(err, limit))

    async def ask(self, request: dict[str, Any], *ends: int) -> int:
        """Send a request with ends of pipes; return the number that is answered."""
        return await asyncio.wait_for(asyncio.to_thread(self._exchange, request, list(ends)), _WAIT_S)

    def _exchange(self, request: dict[str, Any], ends: list[int]) -> int:
        body = json.dumps(request).encode()
        with self._turn:
            if self._socket is None:
                self._socket = self._started()
            socket.send_fds(self._socket, [_LENGTH.pack(len(body)) + body], ends)
            (answer,) = _LENGTH.unpack(_exactly(self._socket, _LENGTH.size)[0])
        return int(answer)

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-m", self._module, "--serve", str(number)]
            process = subprocess.Popen(command, pass_fds=[number], stdin=subprocess.DEVNULL)
        atexit.register(_let_go, ours, process)
        return ours


def serve(run: Callable[[str], None], number: int) -> None:
    """Fork a child that does ``run`` for each request at the socket ``number``, until its other end is closed."""
    gc.collect()
    gc.freeze()  # or the first collection of a child would copy all of it
    with socket.socket(fileno=number) as asked:
        while True:
            head, ends = _exactly(asked, _LENGTH.size)
            if not head:
                return
            body, _ = _exactly(asked, _LENGTH.unpack(head)[0])
            request = json.loads(body)
            if "reap" in request:
                answer = os.waitstatus_to_exitcode(os.waitpid(request["reap"], 0)[1])
            else:
                answer = os.fork()
                if not answer:
                    asked.close()
                    _be_child(run, request["fork"], ends)
            for end in ends:
                os.close(end)
            asked.sendall(_LENGTH.pack(answer))


def _be_child(run: Callable[[str], None], argument: str, ends: list[int]) -> None:
    status = 1
    try:
        for place, end in enumerate(ends, 1):
            os.dup2(end, place)
            os.close(end)
        random.seed()
        run(argument)
        status = 0
    except BaseException:  # noqa: BLE001  # its last words, as of any program
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _exactly(of: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Read ``size`` bytes and the ends that came with them; nothing where the other side is gone."""
    got, ends = b"", list[int]()
    while len(got) < size:
        part, more, _, _ = socket.recv_fds(of, size - len(got), 2)
        if not part:
            return b"", ends
        got, ends = got + part, ends + list(more)
    return got, ends


async def _reader(end: int, limit: int) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(end, "rb", buffering=0))
    return reader


def _let_go(ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
    ours.close()
    process.wait(timeout=_WAIT_S)
