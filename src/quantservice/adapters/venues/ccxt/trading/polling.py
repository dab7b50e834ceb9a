"""What happens to an account, asked again and again: the library's REST calls push nothing.

A round asks for the open orders of the instruments in play, for each order that is no longer among them, and for new fills; now and
then for everything. What changed since the last round is told. A round that fails ends the stream, as a lost connection would: the
next good one begins with a snapshot. Rounds are made when their reader asks for more, so nothing piles up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec
import structlog

from quantservice.adapters.venues.ccxt.trading.decode import Decoder
from quantservice.adapters.venues.ccxt.trading.queries import Queries
from quantservice.core.errors import VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import OrderState
from quantservice.ports import Clock
from quantservice.ports.trading import (
    AccountEvent,
    AccountSnapshot,
    BalanceReport,
    OrderReport,
    StreamState,
    VenueBalance,
    VenuePosition,
)

log = structlog.get_logger(__name__)

_OVERLAP_MS: Final = 60_000  # fills may turn up in the lists so long after they happened
_KEPT: Final = 20_000
_ZERO: Final = Decimal(0)
_LATE_S: Final = 15.0
_EACH: Final = 5  # so many instruments are asked for one by one; more of them all at once


class PollSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds. ``every_s``: between two rounds; ``whole_s``: between two that ask for everything.

    ``soon_s``: after an order or a cancel of ours the next round comes so soon.
    """

    every_s: float = 2.0
    whole_s: float = 30.0
    soon_s: float = 0.2
    back_off_s: float = 0.5
    back_off_most_s: float = 30.0


class Polling:
    """One reader's rounds."""

    def __init__(self, account: str, queries: Queries, decoder: Decoder, *, clock: Clock, settings: PollSettings) -> None:
        self._account = account
        self._queries = queries
        self._decoder = decoder
        self._clock = clock
        self._settings = settings
        self._open: dict[str, OrderReport] = {}
        self._told_fills: dict[str, None] = {}
        self._since_ms = 0
        self._balances: dict[str, VenueBalance] = {}
        self._positions: dict[tuple[InstrumentId, str], VenuePosition] = {}
        self._whole_at = 0.0
        self._woken = asyncio.Event()
        self._ours: dict[str, InstrumentId] = {}
        self._looked_at: dict[InstrumentId, float] = {}
        self._closed = False

    # --- from the adapter ------------------------------------------------------------------------------------------------

    def sent(self, instrument: InstrumentId, client_id: str) -> None:
        """Follow an order that may have reached the exchange."""
        self._ours[client_id] = instrument
        while len(self._ours) > _KEPT:
            del self._ours[next(iter(self._ours))]
        self._woken.set()

    def wake(self) -> None:
        """Ask soon: something was changed from here."""
        self._woken.set()

    async def close(self) -> None:
        """End."""
        self._closed = True
        self._woken.set()

    # --- the reader ------------------------------------------------------------------------------------------------------

    async def batches(self) -> AsyncIterator[Sequence[AccountEvent]]:
        """Yield a snapshot, then what changed; after trouble a snapshot again. Ends when closed."""
        failures, live = 0, False
        while not self._closed:
            try:
                events = await self._round() if live else await self._begin()
            except VenueError as error:
                if self._closed:
                    return
                wait_s = min(self._settings.back_off_most_s, self._settings.back_off_s * 2 ** min(failures, 10))
                failures += 1
                if live:
                    live = False
                    where = {"venue": error.venue, "market": error.market}
                    log.warning("trading.stream_lost", **where, account=self._account, reason=str(error))
                    yield [StreamState(account=self._account, state="down", detail=str(error), time_ns=self._clock.now_ns())]
                await self._pause(wait_s, patient=True)
                continue
            failures, live = 0, True
            if events:
                yield events
            await self._pause(self._settings.every_s)

    async def _pause(self, seconds: float, *, patient: bool = False) -> None:
        """Wait for the next round; sooner where something was sent from here."""
        if self._closed:
            return
        waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._woken.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()
        if self._woken.is_set() and not self._closed:
            self._woken.clear()
            await self._clock.sleep(min(seconds, self._settings.back_off_s if patient else self._settings.soon_s))

    # --- rounds ----------------------------------------------------------------------------------------------------------

    async def _begin(self) -> list[AccountEvent]:
        """Ask for everything. What ended or was filled since the last good round is told beside it."""
        before = dict(self._open)
        snapshot = await self._queries.snapshot()
        self._since_ms = self._since_ms or snapshot.time_ms
        self._open = {report.client_id: report for report in snapshot.orders}
        self._take(snapshot)
        events: list[AccountEvent] = [snapshot, StreamState(account=self._account, state="live", time_ns=self._clock.now_ns())]
        events += await self._ended({**before, **self._unseen()})
        events += await self._fills(None)
        return events

    async def _round(self) -> list[AccountEvent]:
        whole = self._clock.monotonic() - self._whole_at >= self._settings.whole_s
        stirred = self._stirred()
        reports = await self._queries.open_orders(None if whole or len(stirred) > _EACH else stirred)
        before, self._open = self._open, {report.client_id: report for report in reports}
        events: list[AccountEvent] = [report for report in reports if _changed(before.get(report.client_id), report)]
        gone = {name: report for name, report in before.items() if name not in self._open}
        events += await self._ended({**gone, **self._unseen()})
        self._stir(event.instrument for event in events if isinstance(event, OrderReport))
        events += await self._fills(None if whole else self._stirred())
        if whole or events:
            events += await self._account_changes(whole=whole)
        return events

    def _unseen(self) -> dict[str, OrderReport | None]:
        """Our orders that no list has shown yet: one that filled at once never stood in the book."""
        return {name: None for name in self._ours if name not in self._open}

    async def _ended(self, gone: Mapping[str, OrderReport | None]) -> list[AccountEvent]:
        """Ask for orders that are not open: one that is not found, or still said to be open, is asked for again next time."""
        events: list[AccountEvent] = []
        for client_id, last in gone.items():
            if client_id in self._open:
                continue
            instrument = last.instrument if last is not None else self._ours[client_id]
            found = await self._queries.find(instrument, client_id, self._since_ms)
            if found is None:
                if last is not None:
                    self._open[client_id] = last
                continue
            if _changed(last, found):
                events.append(found)
            if found.state is OrderState.OPEN:
                self._open[client_id] = found
            self._ours.pop(client_id, None)
        for client_id in self._open:
            self._ours.pop(client_id, None)
        return events

    def _stir(self, instruments: Iterable[InstrumentId]) -> None:
        """Look at instruments for a while: fills turn up in the lists later than what they filled."""
        self._looked_at |= dict.fromkeys(instruments, self._clock.monotonic() + _LATE_S)

    def _stirred(self) -> tuple[InstrumentId, ...]:
        """The instruments at which something may happen by orders that are known."""
        self._stir((*(report.instrument for report in self._open.values()), *self._ours.values()))
        now = self._clock.monotonic()
        self._looked_at = {name: until for name, until in self._looked_at.items() if until > now}
        return tuple(self._looked_at)

    async def _fills(self, instruments: Sequence[InstrumentId] | None) -> list[AccountEvent]:
        """Ask for new fills of ``instruments``; of all that the account trades where None."""
        watched = tuple(self._queries.watched if instruments is None else instruments)
        fills = await self._queries.fills_since(watched, max(0, self._since_ms - _OVERLAP_MS)) if watched else []
        fresh = [fill for fill in fills if fill.key not in self._told_fills]
        self._told_fills |= dict.fromkeys(fill.key for fill in fresh)
        while len(self._told_fills) > _KEPT:
            del self._told_fills[next(iter(self._told_fills))]
        self._since_ms = max([self._since_ms, *(fill.time_ms for fill in fresh)])
        return list[AccountEvent](fresh)

    async def _account_changes(self, *, whole: bool) -> list[AccountEvent]:
        """Ask for balances and positions, and tell those that are not as they were."""
        snapshot = await self._queries.holdings()
        if whole:
            self._whole_at = self._clock.monotonic()
        balances = {item.currency: item for item in snapshot.balances}
        positions = {(item.instrument, item.side): item for item in snapshot.positions}
        changed = [item for name, item in balances.items() if self._balances.get(name) != item]
        emptied = [VenueBalance(currency=name, total=_ZERO, free=_ZERO) for name in self._balances if name not in balances]
        moved = [item for key, item in positions.items() if _held(self._positions.get(key)) != _held(item)]
        closed = [msgspec.structs.replace(item, quantity=_ZERO) for key, item in self._positions.items() if key not in positions]
        self._take(snapshot)
        if not (changed or emptied or moved or closed):
            return []
        report = BalanceReport(
            account=self._account, balances=(*changed, *emptied), positions=(*moved, *closed), time_ms=snapshot.time_ms
        )
        return [report]

    def _take(self, snapshot: AccountSnapshot) -> None:
        self._balances = {item.currency: item for item in snapshot.balances}
        self._positions = {(item.instrument, item.side): item for item in snapshot.positions}
        self._queries.watch(item.instrument for item in snapshot.positions)


def _changed(before: OrderReport | None, now: OrderReport) -> bool:
    """Say whether an order is not as it was told last."""
    if before is None:
        return True
    return (before.state, before.filled, before.quantity, before.limit_price) != (
        now.state,
        now.filled,
        now.quantity,
        now.limit_price,
    )


def _held(item: VenuePosition | None) -> tuple[Decimal, Decimal] | None:
    """What of a position is news: its mark moves all the time."""
    return None if item is None else (item.quantity, item.entry_price)
