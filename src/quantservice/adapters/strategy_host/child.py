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

import numpy as np

from quantservice.adapters.strategy_host import frames
from quantservice.core.errors import UserError
from quantservice.core.instruments import InstrumentId
from quantservice.core.positions import PositionSide
from quantservice.core.signals import Decision
from quantservice.ports import HostedAccount, HostedBar, HostedBars, HostedPosition
from quantservice.quant.bars import COLUMNS, Bars
from quantservice.quant.strategies.bar import Bar
from quantservice.quant.strategies.base import Strategy
from quantservice.quant.strategies.runner import StrategyRunner
from quantservice.quant.strategies.view import OpenOrder

_NICE: Final = 5
_TRACE_LINES: Final = 40
#: Name and parameters -> a strategy.
MakeStrategy = Callable[[str, Mapping[str, Any]], Strategy]


def serve(channel: socket.socket, make: MakeStrategy) -> None:
    """Answer requests until the channel closes. ``make`` gives a strategy of a registered name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the owner ends us
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
        self._account = _GivenAccount()

    def answer(self, content: bytes) -> frames.Reply:
        request = frames.decode_request(content)
        try:
            return self._do(request)
        except UserError as error:
            own = _is_own(error)
            return frames.Reply(fault="refused" if own else "raised", sentence=str(error), trace=_trace(error))
        except Exception as error:  # noqa: BLE001 - a strategy may raise anything; the sentence goes to its owner
            sentence = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return frames.Reply(fault="raised", sentence=sentence, trace=_trace(error))

    def _do(self, request: frames.Request) -> frames.Reply:
        if isinstance(request, frames.Open):
            hosted = request.hosted
            strategy = self._make(hosted.strategy, hosted.parameters)
            instruments = [InstrumentId.parse(name) for name in hosted.instruments]
            self._runner = StrategyRunner(strategy, instruments, hosted.period, self._account)
            return frames.Reply()
        runner = self._runner
        if runner is None:
            return frames.Reply(fault="refused", sentence="no strategy was opened in this process")
        if isinstance(request, frames.WarmUp):
            if request.state is not None:
                runner.load_state(request.state)
            return frames.Reply(count=runner.warm_up([_table(item) for item in request.tables]))
        if isinstance(request, frames.Feed):
            self._account.now = request.account
            return _decided(runner.feed([_bar(item, runner.period) for item in request.bars]))
        if isinstance(request, frames.Told):
            self._account.now = request.account
            return _decided(runner.order_update(request.update))
        if isinstance(request, frames.Rebuild):
            tables = [_table(item) for item in request.tables]
            runner.rebuild(tables)
            return frames.Reply(count=sum(len(table) for table in tables))
        return frames.Reply(state=runner.save_state())


class _GivenAccount:
    """The account as the owner told it with the last klines."""

    now: HostedAccount | None = None

    def position(self, instrument: InstrumentId, side: PositionSide) -> float:
        return float(sum(item.quantity for item in self._positions(instrument, side)))

    def entry_price(self, instrument: InstrumentId, side: PositionSide) -> float:
        held = [item for item in self._positions(instrument, side) if item.quantity]
        return held[0].entry_price if held else float("nan")

    def open_orders(self, instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        orders = self.now.orders if self.now is not None else ()
        return [
            OpenOrder(
                InstrumentId.parse(item.instrument),
                item.order_id,
                item.side,
                item.type,
                item.quantity,
                item.limit_price,
                item.stop_price,
                item.tag,
                item.position_side,
            )
            for item in orders
            if instrument is None or item.instrument == str(instrument)
        ]

    @property
    def equity(self) -> float:
        return self.now.equity if self.now is not None else 0.0

    @property
    def cash(self) -> float:
        return self.now.cash if self.now is not None else 0.0

    def _positions(self, instrument: InstrumentId, side: PositionSide) -> Sequence[HostedPosition]:
        held = self.now.positions if self.now is not None else ()
        return [item for item in held if item.instrument == str(instrument) and item.side == side]


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


def _table(item: HostedBars) -> Bars:
    columns = {
        name: np.frombuffer(item.columns[name], dtype="<i8" if name == "open_time" else "<f8").astype(
            np.int64 if name == "open_time" else np.float64
        )
        for name in COLUMNS
    }
    return Bars(item.instrument, item.period, columns)


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
