"""A worker process for tests: it does what its task says."""

from __future__ import annotations

import argparse
import os
import signal
import threading

import msgspec

from quantservice.adapters.compute.worker_loop import Advance, AskOwner, WorkerLoop
from quantservice.core.errors import InvalidValue


def work(task: bytes, advance: Advance, ask: AskOwner) -> bytes:
    """Do what the task says."""
    what, *arguments = msgspec.json.decode(task)
    if what == "echo":
        print("a strategy prints what it likes")
        advance(1.0)
        return msgspec.json.encode([os.getpid(), os.nice(0), *arguments])
    if what == "refuse":
        raise InvalidValue("fast", "must be at least 2")
    if what == "raise":
        return bytes([arguments[0] // 0])
    if what == "die":
        print("so long", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "ask":
        return ask(arguments[0], b"question")
    if what == "hang":
        advance(1.0)
        threading.Event().wait()
    return b"x" * int(arguments[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--nice", type=int, default=0)
    os.nice(parser.parse_args().nice)
    WorkerLoop(work).run()
