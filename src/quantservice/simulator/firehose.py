"""Closed klines by the ten thousand a second, for measuring whoever listens.

Frames are made from templates in which only the three times change, so that the simulator costs little beside its
client. Values repeat; open times do not.
"""

from __future__ import annotations

import time
from typing import Final

from quantservice.core.periods import FIXED_MS
from quantservice.simulator.config import FirehoseConfig
from quantservice.simulator.exchange import MarketState
from quantservice.simulator.hub import Connection, Hub
from quantservice.simulator.markets.bars import Bar
from quantservice.simulator.protocol import frames
from quantservice.simulator.protocol.streams import VENUE_PERIODS, StreamName
from quantservice.simulator.protocol.text import frame
from quantservice.simulator.rules.referee import Referee

_MARK: Final = 1_111_111_111_111  # stands for a time in a template: all real ones have as many digits
_HIGH_WATER: Final = 4 * 1024 * 1024
_BURST_S: Final = 0.2  # what a late tick may catch up


class _Tap:
    """One connection's kline streams and the minute they have reached."""

    def __init__(self, connection: Connection, at_ms: int) -> None:
        self.connection = connection
        self.version = -1
        self.at_ms = at_ms
        self.place = 0
        self.templates: list[bytes] = []
        self.step_ms = FIXED_MS["1m"]


class Firehose:
    """A feed of closed klines at a rate."""

    def __init__(self, state: MarketState, hub: Hub, config: FirehoseConfig, referee: Referee) -> None:
        self._state = state
        self._hub = hub
        self._config = config
        self._referee = referee
        self._taps: dict[int, _Tap] = {}
        self._last = 0.0
        self._owed = 0.0
        self.sent = 0

    def tick(self) -> None:
        """Send what the rate owes since the last tick."""
        now = time.monotonic()
        if len(self._hub.names) < self._config.wait_streams:
            self._last = now
            return
        elapsed, self._last = min(_BURST_S, now - self._last), now
        taps = [self._tap(connection) for connection in self._hub.connections.values()]
        taps = [tap for tap in taps if tap.templates]
        if not taps:
            return
        total = sum(len(tap.templates) for tap in taps)
        self._owed += self._config.rate * elapsed
        for tap in taps:
            share = len(tap.templates) / total
            self._pour(tap, int(self._owed * share) if self._config.rate else 20_000)
        if self._config.rate:
            self._owed -= int(self._owed)
        self._referee.counts["firehose_frames"] = self.sent

    def _tap(self, connection: Connection) -> _Tap:
        tap = self._taps.get(connection.number)
        if tap is None:
            tap = self._taps[connection.number] = _Tap(connection, self._config.start_ms)
        if tap.version != self._hub.version:
            tap.version = self._hub.version
            names = [name for name in connection.streams.values() if name.kind == "kline" and name.symbol in self._state.listings]
            tap.templates = [self._template(name, combined=connection.combined) for name in names]
            if names:
                tap.step_ms = FIXED_MS.get(VENUE_PERIODS[names[0].period], FIXED_MS["1m"])
            tap.place = min(tap.place, max(0, len(names) - 1))
        return tap

    def _template(self, name: StreamName, *, combined: bool) -> bytes:
        listing = self._state.listings[name.symbol]
        price = round(listing.spec.level * 10**listing.spec.price_decimals)
        bar = Bar(_MARK, price, price + 7, price - 5, price + 3, 12_345, 12_345 * price, 57, 6_789, 6_789 * price, 1)
        values = frames.kline_values(listing.text, bar)
        payload = frames.kline(name.symbol, name.period, (_MARK, _MARK, _MARK), values, closed=True)
        if combined:
            payload = b'{"stream":"%b","data":%b}' % (name.text.encode(), payload)
        return frame(payload).replace(b"%", b"%%").replace(str(_MARK).encode(), b"%d")

    def _pour(self, tap: _Tap, count: int) -> None:
        transport = tap.connection.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() > _HIGH_WATER:
            return
        if self._config.frames:
            count = min(count, self._config.frames - self.sent)
        out: list[bytes] = []
        templates, place, open_ms, step = tap.templates, tap.place, tap.at_ms, tap.step_ms
        left = count
        while left > 0:
            part = templates[place : place + left]
            times = (open_ms + step + 4, open_ms, open_ms + step - 1)
            out += [template % times for template in part]
            left -= len(part)
            place += len(part)
            if place == len(templates):
                place, open_ms = 0, open_ms + step
        tap.place, tap.at_ms = place, open_ms
        transport.write(b"".join(out))
        self.sent += len(out)
