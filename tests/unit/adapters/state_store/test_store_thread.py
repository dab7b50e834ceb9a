"""The store's thread: in order, whole where its caller is cancelled, and what it raises reaches who asked."""

from __future__ import annotations

import asyncio
import threading

import pytest

from quantservice.adapters.state_store.thread import StoreThread


async def test_pieces_run_in_order_in_one_thread_and_return_what_they_made() -> None:
    thread, ran = StoreThread("store"), list[tuple[int, str]]()

    def piece(number: int) -> int:
        ran.append((number, threading.current_thread().name))
        return number * 2

    assert await asyncio.gather(*(thread.run(lambda n=n: piece(n)) for n in range(5))) == [0, 2, 4, 6, 8]  # type: ignore[misc]
    assert ran == [(number, "store") for number in range(5)]
    thread.end()
    with pytest.raises(RuntimeError, match="store has ended"):
        await thread.run(lambda: None)


async def test_what_a_piece_raises_is_its_callers_and_the_next_one_runs() -> None:
    thread = StoreThread("store")

    def fails() -> None:
        raise ValueError("of this one")

    with pytest.raises(ValueError, match="of this one"):
        await thread.run(fails)
    assert await thread.run(lambda: 7) == 7
    thread.end()


async def test_a_cancelled_caller_learns_it_at_the_end_of_the_work() -> None:
    thread, go, began, done = StoreThread("store"), threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        began.set()
        go.wait(10)
        done.append("whole")

    task = asyncio.create_task(thread.run(work))
    assert await asyncio.to_thread(began.wait, 10)
    task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["whole"]
    thread.end()


def test_a_loop_that_is_gone_stops_nothing() -> None:
    thread, go, done = StoreThread("store"), threading.Event(), threading.Event()

    def work() -> None:
        go.wait(10)

    async def ask() -> None:
        task = asyncio.ensure_future(thread.run(work))
        await asyncio.sleep(0)
        del task

    loop = asyncio.new_event_loop()
    loop.run_until_complete(ask())
    loop.close()
    go.set()

    async def again() -> None:
        await thread.run(done.set)

    asyncio.run(again())
    assert done.is_set()
    thread.end()
