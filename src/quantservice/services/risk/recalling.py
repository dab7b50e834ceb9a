"""What risk control must know of the time before this process: rates, refusals, losses in a row, peak and the day's start.

All of it is worked out of what is kept anyway (orders, fills, equity over time), except peak and day's start: they are a record of
their own, because equity over time grows coarse. Read in the transaction that reads an account's orders and positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from quantservice.core.instruments import InstrumentId
from quantservice.core.money import ZERO, exact, sign
from quantservice.core.orders import Order, VenueFill
from quantservice.core.periods import DAY_MS
from quantservice.core.positions import Position, PositionSide
from quantservice.ports import EquityPoint, HeldPosition, UnitOfWork
from quantservice.services.risk.exposure import Equity, ExposureBook, InstrumentOf

_SCOPE: Final = "risk_standing"
_ORDERS: Final = 512
_FILLS: Final = 2_000
_MS_NS: Final = 1_000_000
_DAY_NS: Final = DAY_MS * _MS_NS
_MINUTE_MS: Final = 60_000
_Leg: TypeAlias = tuple[str, InstrumentId, PositionSide]
#: Since when (ns) refusals and losses of a deployment count; "" is the account's own.
Since: TypeAlias = Callable[[str], int]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What equity is measured against, as it is kept over a restart; see :class:`.exposure.Equity`."""

    last: Decimal
    peak: Decimal
    day_start: Decimal
    day: int
    paid_in: Decimal


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of an account: its last orders and fills, oldest first, orders of today by deployment, its standing."""

    orders: Sequence[Order] = ()
    fills: Sequence[tuple[VenueFill, str]] = ()
    counts: Mapping[str, int] = {}
    standing: Standing | None = None
    now_ns: int = 0


async def recall(work: UnitOfWork, account: str, now_ns: int) -> Recalled:
    """Read it."""
    today_ns = now_ns - now_ns % _DAY_NS
    orders = await work.orders.list(account=account, limit=_ORDERS)
    fills = await work.fills.list(account=account, limit=_FILLS)
    kept = await work.values.get(_SCOPE, account)
    if kept is None:  # of an account that is older than the record
        now_ms = now_ns // _MS_NS
        points = await work.equity.list(account, _MINUTE_MS, start_ms=now_ms - 2 * DAY_MS, end_ms=now_ms + 1)
        standing = standing_of(points, now_ms)
    else:
        standing = msgspec.convert(kept, Standing)
    return Recalled(
        orders=orders[::-1],
        fills=[(fill, deployment) for fill, _, deployment in reversed(fills) if deployment],
        counts=await work.orders.counts(account, since_ns=today_ns),
        standing=standing,
        now_ns=now_ns,
    )


async def keep_standing(work: UnitOfWork, account: str, equity: Equity) -> None:
    """Keep what equity is measured against."""
    made = Standing(last=equity.now, peak=equity.peak, day_start=equity.day_start, day=equity.day, paid_in=equity.paid_in)
    await work.values.put(_SCOPE, account, msgspec.to_builtins(made))


def resume(book: ExposureBook, held: Iterable[HeldPosition], recalled: Recalled, since: Since) -> None:
    """Bring a book, which has positions already, to where the process before left it."""
    losses, opened = losses_of(held, recalled.fills, book.instrument_of, since)
    book.resume(orders=recalled.orders, counts=recalled.counts, losses=losses, now_ns=recalled.now_ns, since_ns=since(""))
    for (deployment, instrument, side), realised in opened.items():
        book.opened_with(deployment, instrument, side, realised)
    found, kept = recalled.standing, book.equity
    if found is not None:
        kept.now, kept.peak, kept.day_start, kept.day, kept.paid_in = (
            found.last,
            found.peak,
            found.day_start,
            found.day,
            found.paid_in,
        )


@exact
def losses_of(
    held: Iterable[HeldPosition], fills: Sequence[tuple[VenueFill, str]], instrument_of: InstrumentOf, since: Since
) -> tuple[dict[str, tuple[int, int]], dict[_Leg, Decimal]]:
    """Return per deployment its losses in a row and when the last was, and what each open leg had realised when it was opened.

    A leg that was open before the first fill that is known counts from when it was flat or turned over.
    """
    kept = {(item.deployment, item.position.instrument, item.position.side): item.position for item in held if item.deployment}
    begin = {leg: position.quantity for leg, position in kept.items()}
    for fill, deployment in fills:
        leg = (deployment, fill.instrument, fill.position_side)
        begin[leg] = begin.get(leg, ZERO) - fill.as_fill().signed
    trades = {leg: _Trade(quantity, leg[1], leg[2], instrument_of) for leg, quantity in begin.items()}
    losses: dict[str, tuple[int, int]] = {}
    for fill, deployment in fills:
        result = trades[deployment, fill.instrument, fill.position_side].take(fill)
        if result is None:
            continue
        in_row, last_ns = losses.get(deployment, (0, 0))
        time_ns = fill.time_ms * _MS_NS
        lost = result < 0
        counts = time_ns >= since(deployment)
        losses[deployment] = (in_row + counts, time_ns) if lost else (0, last_ns)
    opened = {
        leg: kept[leg].realised - trade.realised
        for leg, trade in trades.items()
        if leg in kept and kept[leg].quantity and trade.known
    }
    return losses, opened


class _Trade:
    """A deployment's leg, fill by fill. ``known``: since it was last flat or turned over its cost is exact."""

    def __init__(self, quantity: Decimal, instrument: InstrumentId, side: PositionSide, instrument_of: InstrumentOf) -> None:
        rules = instrument_of(instrument)
        self._size = rules.contract_size if rules is not None else Decimal(1)
        self._inverse = rules is not None and rules.inverse
        self.known = not quantity
        self.position = msgspec.structs.replace(self._flat(instrument, side), quantity=quantity)
        self.realised = ZERO  # since the trade that is open was opened

    def _flat(self, instrument: InstrumentId, side: PositionSide) -> Position:
        return Position(instrument=instrument, side=side, contract_size=self._size, inverse=self._inverse)

    def take(self, fill: VenueFill) -> Decimal | None:
        """Take a fill; the result of the trade that it closes, where that is known."""
        before, after = self.position, self.position.apply(fill.as_fill())
        self.position = after
        realised = self.realised + after.realised - before.realised
        if not before.quantity or sign(after.quantity) == sign(before.quantity):
            self.realised = realised
            return None
        known, self.known, self.realised = self.known, True, ZERO
        return realised if known else None


@exact
def standing_of(points: Sequence[EquityPoint], now_ms: int) -> Standing | None:
    """Return the standing of equity over time, minute by minute; None where nothing is known."""
    if not points:
        return None
    last, today = points[-1], now_ms // DAY_MS
    of_today = [point for point in points if point.time_ms // DAY_MS == today]
    first = of_today[0] if of_today else last
    return Standing(
        last=last.equity,
        peak=max(point.equity - point.paid_in for point in points) + last.paid_in,
        day_start=first.equity - first.paid_in + last.paid_in,
        day=last.time_ms // DAY_MS,
        paid_in=last.paid_in,
    )
