"""Equity over time: written down every minute and after every change of the books, read back as a curve with its falls."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, InvalidValue
from quantservice.core.ledger import PAID_IN
from quantservice.core.money import ZERO, exact, round_to_digits
from quantservice.core.periods import DAY_MS
from quantservice.ports import EQUITY_STEPS, Clock, EquityPoint, StateStore

_log = structlog.get_logger(__name__)
_MINUTE_MS: Final = 60_000
#: Points of a curve at most: more than a screen has columns for.
_MOST: Final = 3_000
_DIGITS: Final = 6  # of a fall


class EquityLog:
    """Writes one account's equity down: at the first figure of a minute, and at the first after something was booked."""

    def __init__(self, account: str, state: StateStore, clock: Clock) -> None:
        self._account, self._state, self._clock = account, state, clock
        self._low: Decimal | None = None
        self._high: Decimal | None = None
        self._paid_in = ZERO
        self._minute = -1
        self._touched = True

    def touch(self) -> None:
        """Take that something was booked."""
        self._touched = True

    async def take(self, equity: Decimal, paid_in: Decimal) -> None:
        """Take equity as marked now; where the store is away lowest and highest wait for the next time."""
        now_ms = self._clock.now_ms()
        low, high = self._low, self._high = self._range(equity, paid_in)
        if now_ms // _MINUTE_MS == self._minute and not self._touched:
            return
        point = EquityPoint(account=self._account, time_ms=now_ms, equity=equity, low=low, high=high, paid_in=paid_in)
        self._touched = False  # before the wait: what is booked meanwhile is another change
        try:
            async with self._state.transaction() as work:
                await work.equity.record(point)
        except EnvironmentFault as error:
            self._touched = True
            _log.warning("portfolio.equity_not_written", account=self._account, reason=str(error))
            return
        self._minute, self._low, self._high = now_ms // _MINUTE_MS, None, None

    @exact
    def _range(self, equity: Decimal, paid_in: Decimal) -> tuple[Decimal, Decimal]:
        """Return lowest and highest by now; what was paid in or out meanwhile moves them: it is neither a gain nor a fall."""
        moved, self._paid_in = paid_in - self._paid_in, paid_in
        low = equity if self._low is None else min(self._low + moved, equity)
        high = equity if self._high is None else max(self._high + moved, equity)
        return low, high


class EquityStep(msgspec.Struct, frozen=True, kw_only=True):
    """A point of the curve. ``fall`` is the share by which its lowest figure is below the highest before it, transfers left out."""

    point: EquityPoint
    profit: Decimal
    fall: Decimal


class EquityCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Equity in a range, as fine as it is kept for all of it."""

    step_ms: int
    steps: tuple[EquityStep, ...]

    @property
    def deepest(self) -> Decimal:
        """The deepest fall."""
        return max((step.fall for step in self.steps), default=ZERO)


class EquityHistory:
    """Reads equity over time."""

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self._state, self._clock = state, clock

    async def curve(self, account: str, *, start_ms: int | None = None, end_ms: int | None = None) -> EquityCurve:
        """Return an account's curve; of the last day where no range is given."""
        now_ms = self._clock.now_ms()
        end = now_ms + 1 if end_ms is None else end_ms
        start = max(0, end - DAY_MS) if start_ms is None else start_ms
        if start >= end:
            raise InvalidValue("start_ms", f"{start} is not before the end {end}")
        async with self._state.transaction() as work:
            oldest_ms = await work.equity.first_ms(account, max(EQUITY_STEPS))
            step = _step_for(oldest_ms or 0, start, end, now_ms)
            points = await work.equity.list(account, step, start_ms=start - start % step, end_ms=end)
        return EquityCurve(step_ms=step, steps=steps_of(points[-_MOST:]))


def _step_for(oldest_ms: int, start_ms: int, end_ms: int, now_ms: int) -> int:
    """Return the finest step that is kept for all of a range since the account's first day, in few enough points."""
    begin = max(start_ms, oldest_ms)
    for step, kept_ms in sorted(EQUITY_STEPS.items()):
        if begin >= now_ms - kept_ms and (end_ms - begin) // step <= _MOST:
            return step
    return max(EQUITY_STEPS)


@exact
def steps_of(points: list[EquityPoint]) -> tuple[EquityStep, ...]:
    """Return points with what was earned by then and how far each is below the highest before it."""
    made: list[EquityStep] = []
    peak: Decimal | None = None
    for point in points:
        moved = point.paid_in - points[0].paid_in  # money that came or went is neither won nor lost
        low, high, last = point.low - moved, point.high - moved, point.equity - moved
        above = last if peak is None else peak
        fall = max(ZERO, round_to_digits(1 - low / above, _DIGITS)) if above > 0 else ZERO
        made.append(EquityStep(point=point, profit=point.equity - point.paid_in, fall=fall))
        peak = max(above, high)
    return tuple(made)


@exact
def paid_in(balances: Mapping[tuple[str, str, str], Decimal]) -> dict[str, Decimal]:
    """Return per currency what was there at the opening plus transfers, from the sums of the journal."""
    sums: dict[str, Decimal] = {}
    for (_, name, currency), amount in balances.items():
        if name in PAID_IN:
            sums[currency] = sums.get(currency, ZERO) - amount
    return sums
