"""The strategy's process: answers its owner's requests one by one, and ends when the owner is gone."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from quantservice.adapters.strategy_host import frames
from quantservice.adapters.strategy_host.given import GivenAccount, rates_of, table_of, ticker_of
from quantservice.adapters.strategy_host.replaying import replayed
from quantservice.core.errors import UserError
from quantservice.core.instruments import InstrumentId
from quantservice.core.signals import Decision
from quantservice.ports import HostedBar, HostedWants
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Strategy, hears_of_orders, hears_the_market
from quantservice.quant.strategies.runner import StrategyRunner

_NICE: Final = 5
_TRACE_LINES: Final = 40
#: Name and parameters -> a strategy.
MakeStrategy = Callable[[str, Mapping[str, Any]], Strategy]


def serve(channel: socket.socket, make: MakeStrategy) -> None:
    """Answer requests until the channel closes. ``make`` gives a strategy of a registered name."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the owner ends us, also where a signal went to the whole group
    os.nice(_NICE)
    threading.Thread(target=_watch_owner, args=(os.getppid(),), daemon=True).start()
    channel.setblocking(True)
    place = _Place(make)
    with channel:
        while (content := _receive(channel)) is not None:
            reply = place.answer(content)
            channel.sendall(frames.encode(reply))
            if reply.fault:
                return


class _Place:
    def __init__(self, make: MakeStrategy) -> None:
        self._make = make
        self._runner: StrategyRunner | None = None
        self._account = GivenAccount()

    def answer(self, content: bytes) -> frames.Reply:
        request = frames.decode_request(content)
        try:
            reply = self._open(request) if isinstance(request, frames.Open) else self._do(request)
            runner = self._runner
            return reply if runner is None else msgspec.structs.replace(reply, acts=runner.acts, window_bars=runner.window_bars)
        except UserError as error:
            own = _is_own(error)
            return frames.Reply(fault="refused" if own else "raised", sentence=str(error), trace=_trace(error))
        except Exception as error:  # noqa: BLE001 - a strategy may raise anything; the sentence goes to its owner
            sentence = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return frames.Reply(fault="raised", sentence=sentence, trace=_trace(error))

    def _open(self, request: frames.Open) -> frames.Reply:
        hosted = request.hosted
        strategy = self._make(hosted.strategy, hosted.parameters)
        instruments = [InstrumentId.parse(name) for name in hosted.instruments]
        self._runner = runner = StrategyRunner(strategy, instruments, hosted.period, self._account)
        wants = HostedWants(
            order_updates=hears_of_orders(strategy),
            tickers=hears_the_market(strategy),
            funding=tuple(map(str, runner.funding_of)),
            acts=runner.acts,
        )
        return frames.Reply(wants=wants)

    def _do(self, request: frames.Request) -> frames.Reply:
        runner = self._runner
        if runner is None:
            return frames.Reply(fault="refused", sentence="no strategy was opened in this process")
        if isinstance(request, frames.WarmUp):
            if request.state is not None:
                runner.load_state(request.state)
            return frames.Reply(count=runner.warm_up([table_of(item) for item in request.tables], rates_of(request.rates)))
        if isinstance(request, frames.Feed):
            return self._feed(runner, request)
        if isinstance(request, frames.Ticked):
            self._account.now = request.account
            return _decided(runner.ticker(ticker_of(request.ticker)))
        if isinstance(request, frames.Rebuild):
            tables = [table_of(item) for item in request.tables]
            runner.rebuild(tables, rates_of(request.rates))
            return frames.Reply(count=sum(len(table) for table in tables))
        if isinstance(request, frames.Replay):
            fresh = type(runner.strategy)(**runner.strategy.parameters)
            return frames.Reply(replayed=replayed(fresh, request.replay))
        return frames.Reply(state=runner.save_state())

    def _feed(self, runner: StrategyRunner, request: frames.Feed) -> frames.Reply:
        self._account.now = request.account
        for rate in request.rates:
            runner.funding(InstrumentId.parse(rate.instrument), rate.rate)
        bars = [_bar(item, runner.period) for item in request.bars]
        return _decided(runner.feed_muted(bars) if request.muted else runner.feed(bars, request.updates))


def _bar(item: HostedBar, period: str) -> Bar:
    return Bar(
        InstrumentId.parse(item.instrument),
        period,
        item.open_time,
        item.close_time,
        item.open,
        item.high,
        item.low,
        item.close,
        item.volume,
        item.quote_volume,
        item.count,
        item.taker_buy_base_volume,
        item.taker_buy_quote_volume,
    )


def _decided(decisions: Sequence[Decision]) -> frames.Reply:
    return frames.Reply(decisions=list(decisions))


def _is_own(error: BaseException) -> bool:
    """Say whether the platform refused something, rather than the strategy's own code raising one of our errors."""
    frame = error.__traceback__
    files: list[str] = []
    while frame is not None:
        files.append(frame.tb_frame.f_globals.get("__name__", ""))
        frame = frame.tb_next
    return all(name.startswith("quantservice.") for name in files)


def _trace(error: BaseException) -> str:
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(lines[-_TRACE_LINES:])


def _receive(channel: socket.socket) -> bytes | None:
    head = _exactly(channel, frames.LENGTH_BYTES)
    return None if head is None else _exactly(channel, int.from_bytes(head, "big"))


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    parts: list[bytes] = []
    while count:
        try:
            part = channel.recv(min(count, 1 << 20))
        except ConnectionError:
            return None
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _watch_owner(parent: int) -> None:
    """End when the process that started us is gone: a strategy that is busy would never read that the channel closed."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)
