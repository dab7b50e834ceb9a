"""The owner's side: one process per strategy, forked from a server that has the arithmetic loaded, so that each costs little.

A request that is not answered in time ends the process: a strategy that blocks holds nobody else up.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from typing import Any, Final

import msgspec
import psutil
import structlog

from quantservice.adapters.strategy_host import frames
from quantservice.core.errors import EnvironmentFault, UserError
from quantservice.core.signals import Decision, OrderUpdate
from quantservice.ports import (
    HostedAccount,
    HostedBar,
    HostedBars,
    HostedRate,
    HostedReplay,
    HostedReplayed,
    HostedStrategy,
    HostedTicker,
    HostedWants,
    StrategyFault,
)

_log = structlog.get_logger(__name__)
_OUTLIVING: Final = "quantservice.adapters.strategy_host.outliving"
_START_S: Final = 60.0  # the first start loads the arithmetic
_WARM_UP_S: Final = 120.0
_REPLAY_S: Final = 120.0
_END_S: Final = 2.0

#: What the child runs: it is given its end of the channel.
ChildMain = Callable[..., None]


class ProcessStrategyHost:
    """Starts strategies. ``main(channel, *arguments)`` is imported by the child; ``preload`` are modules that all share."""

    def __init__(
        self,
        main: ChildMain,
        arguments: Sequence[Any] = (),
        *,
        preload: Sequence[str] = (),
        answer_s: float = 5.0,
        memory_bytes: int = 512 << 20,
    ) -> None:
        self._main = main
        self._arguments = tuple(arguments)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([_OUTLIVING, *preload])
        self._answer_s = answer_s
        self._memory_bytes = memory_bytes
        self._running: set[HostedProcess] = set()

    async def start(self, hosted: HostedStrategy) -> HostedProcess:
        """Start one; raises StrategyFault or UserError when it cannot be made."""
        ours, theirs = socket.socketpair()
        process = self._context.Process(target=self._main, args=(theirs, *self._arguments), daemon=True, name=hosted.strategy)
        try:
            await asyncio.to_thread(process.start)
        except OSError as error:
            ours.close()
            raise EnvironmentFault(f"no process can be started for {hosted.strategy} ({error.strerror or error})") from None
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        running = HostedProcess(process, reader, writer, answer_s=self._answer_s, memory_bytes=self._memory_bytes)
        self._running.add(running)
        running.on_close = self._running.discard
        await running.open(hosted)
        return running

    async def close(self) -> None:
        """End every strategy's process."""
        await asyncio.gather(*(process.close() for process in tuple(self._running)))


class HostedProcess:
    """One strategy's process."""

    def __init__(
        self,
        process: BaseProcess,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        answer_s: float,
        memory_bytes: int,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._answer_s = answer_s
        self._memory_bytes = memory_bytes
        self._turn = asyncio.Lock()
        self._ended: StrategyFault | None = None
        self._wants = HostedWants()
        self.on_close: Callable[[HostedProcess], None] = lambda _process: None

    @property
    def pid(self) -> int:
        """The process's id."""
        return int(self._process.pid or 0)

    @property
    def wants(self) -> HostedWants:
        """What the strategy asks for beside klines, as it is known after the last answer."""
        return self._wants

    async def open(self, hosted: HostedStrategy) -> None:
        """Make the strategy in its process."""
        self._wants = (await self._ask(frames.Open(hosted), _START_S)).wants or self._wants

    async def warm_up(
        self, tables: Sequence[HostedBars], state: Mapping[str, Any] | None = None, *, rates: Sequence[HostedRate] = ()
    ) -> int:
        """Take past klines silently."""
        request = frames.WarmUp(list(tables), None if state is None else dict(state), list(rates))
        return (await self._ask(request, _WARM_UP_S)).count

    async def feed(
        self,
        bars: Sequence[HostedBar],
        account: HostedAccount | None = None,
        *,
        updates: Sequence[OrderUpdate] = (),
        rates: Sequence[HostedRate] = (),
        muted: bool = False,
    ) -> tuple[Decision, ...]:
        """Take klines that closed together."""
        request = frames.Feed(list(bars), account, list(updates), list(rates), muted)
        return tuple((await self._ask(request, self._answer_s)).decisions)

    async def ticker(self, ticker: HostedTicker, account: HostedAccount | None = None) -> tuple[Decision, ...]:
        """Give the market between klines."""
        return tuple((await self._ask(frames.Ticked(ticker, account), self._answer_s)).decisions)

    async def rebuild(self, tables: Sequence[HostedBars], *, rates: Sequence[HostedRate] = ()) -> int:
        """Begin again silently from other klines."""
        return (await self._ask(frames.Rebuild(list(tables), list(rates)), _WARM_UP_S)).count

    async def replay(self, replay: HostedReplay) -> HostedReplayed:
        """Do a run again by the backtester."""
        return (await self._ask(frames.Replay(replay), _REPLAY_S)).replayed or HostedReplayed()

    async def snapshot(self) -> dict[str, Any]:
        """Return what a restart needs."""
        return (await self._ask(frames.Snapshot(), self._answer_s)).state or {}

    def memory_bytes(self) -> int:
        """Memory that is this process's alone."""
        try:
            return int(psutil.Process(self.pid).memory_full_info().uss)
        except psutil.Error:
            return 0

    async def check_memory(self) -> None:
        """End the strategy when it holds more than it may."""
        used = await asyncio.to_thread(self.memory_bytes)
        if used > self._memory_bytes and self._ended is None:
            await self._end(
                StrategyFault("leaked", f"it holds {used >> 20} MB of memory, more than the {self._memory_bytes >> 20} MB it may")
            )

    async def close(self) -> None:
        """End the process."""
        await self._end(StrategyFault("died", "it was stopped"))

    async def _ask(self, request: frames.Request, patience_s: float) -> frames.Reply:
        async with self._turn:
            if self._ended is not None:
                raise self._ended
            try:
                async with asyncio.timeout(patience_s):
                    self._writer.write(frames.encode(request))
                    await self._writer.drain()
                    head = await self._reader.readexactly(frames.LENGTH_BYTES)
                    reply = frames.decode_reply(await self._reader.readexactly(int.from_bytes(head, "big")))
            except TimeoutError:
                fault = StrategyFault("blocked", f"it did not answer within {patience_s:g} s")
                await self._end(fault)
                raise fault from None
            except (asyncio.IncompleteReadError, ConnectionError):
                if self._ended is not None:  # it was ended from outside while we waited
                    raise self._ended from None
                fault = StrategyFault("died", f"its process ended ({await self._exit_word()})")
                await self._end(fault)
                raise fault from None
            except asyncio.CancelledError:
                await self._end(StrategyFault("died", "it was stopped in the middle of an answer"))
                raise
        if reply.fault == "refused":
            await self._end(StrategyFault("raised", reply.sentence))
            raise UserError(reply.sentence)
        if reply.fault:
            fault = StrategyFault("raised", reply.sentence, trace=reply.trace)
            await self._end(fault)
            raise fault
        if (reply.acts, reply.window_bars) != (self._wants.acts, self._wants.window_bars):
            self._wants = msgspec.structs.replace(self._wants, acts=reply.acts, window_bars=reply.window_bars)
        return reply

    async def _exit_word(self) -> str:
        await asyncio.to_thread(self._process.join, _END_S)
        code = self._process.exitcode
        if code is None:
            return "it closed its channel"
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    async def _end(self, why: StrategyFault) -> None:
        if self._ended is not None:
            return
        self._ended = why
        self._writer.close()
        if self._process.is_alive():
            self._process.kill()
        await asyncio.to_thread(self._process.join, _END_S)
        self.on_close(self)
        _log.info("strategy.process_ended", pid=self.pid, kind=why.kind, reason=str(why))
