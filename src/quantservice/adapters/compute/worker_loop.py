"""The worker's side: one task after the other, at low priority, until the owner is gone.

The owner may be killed at any instant; its end of the pipe closes then, and the worker ends at once, whatever it computes.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final, TypeAlias

from quantservice.adapters.compute import frames
from quantservice.core.errors import QuantServiceError, UserError

#: Tells progress: units done since the last call.
Advance: TypeAlias = Callable[[float], None]
#: Asks the owner: name and content -> answer.
AskOwner: TypeAlias = Callable[[str, bytes], bytes]
#: The work: task, advance, ask -> result.
Work: TypeAlias = Callable[[bytes, Advance, AskOwner], bytes]

_TELL_EVERY_S: Final = 0.2


class WorkerLoop:
    """Serves one owner over the standard pipes."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[frames.Answer] = queue.SimpleQueue()
        self._out = os.dup(1)
        os.dup2(2, 1)  # what a strategy prints must not run into the frames
        self._unsaid = 0.0
        self._said_at = 0.0

    def run(self) -> None:
        """Work until the pipe closes."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the owner decides
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            frames.write_to(self._out, self._do(self._tasks.get()))

    def _listen(self) -> None:
        while True:
            frame = frames.read_frame_from(0)
            if isinstance(frame, frames.Task):
                self._tasks.put(frame.content)
            elif isinstance(frame, frames.Answer):
                self._answers.put(frame)
            else:
                os._exit(0)  # the owner is gone: there is nobody to tidy up for, and a kernel may be in the middle of its loop

    def _do(self, content: bytes) -> frames.Ended:
        self._unsaid, self._said_at = 0.0, 0.0
        return ended(lambda: self._work(content, self._advance, self._ask))

    def _advance(self, done: float) -> None:
        self._unsaid += done
        now = time.monotonic()
        if now - self._said_at >= _TELL_EVERY_S:
            frames.write_to(self._out, frames.Progress(self._unsaid))
            self._unsaid, self._said_at = 0.0, now

    def _ask(self, name: str, content: bytes) -> bytes:
        frames.write_to(self._out, frames.Ask(name, content))
        answer = self._answers.get()
        if answer.fault:
            raise QuantServiceError(answer.fault)
        return answer.content


def ended(work: Callable[[], bytes]) -> frames.Ended:
    """Do the work; say how it ended."""
    try:
        return frames.Ended("done", work())
    except UserError as error:
        return frames.Ended("refused", detail=str(error))
    except QuantServiceError as error:
        return frames.Ended("crashed", detail=str(error))
    except MemoryError:
        return frames.Ended("crashed", detail="the memory of this machine is used up; use fewer workers or a shorter range")
    except Exception as error:  # noqa: BLE001 - the edge: a strategy of a person's own may raise anything, and one sentence names it
        traceback.print_exc()
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return frames.Ended(
            "crashed",
            detail=f"{type(error).__name__}: {error} (in {frame.name}, {os.path.basename(frame.filename)}:{frame.lineno})",
        )
