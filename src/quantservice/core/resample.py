"""Klines of a longer period from those of a shorter one, and klines from trades. Exact: no digit is rounded away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal, Inexact, Rounded, localcontext
from typing import Final

from quantservice.core.errors import InvalidValue
from quantservice.core.events import Kline, Source, StreamId, Trade
from quantservice.core.periods import DAY_MS, FIXED_MS, MONTH, check_period, close_of, count_opens, floor_open, next_open

#: Sums are made with room for every digit; one that would not fit raises instead of rounding.
_EXACT: Final = Context(prec=200, traps=[Inexact, Rounded])


def nests(fine: str, coarse: str) -> bool:
    """Say whether every border of ``coarse`` is one of ``fine``, so that bars of one are made of whole bars of the other."""
    check_period(fine)
    check_period(coarse)
    if fine == coarse:
        return True
    length = FIXED_MS.get(fine)
    if length is None:
        return False
    if coarse in {MONTH, "1w"}:
        return DAY_MS % length == 0
    return FIXED_MS[coarse] % length == 0 and FIXED_MS[coarse] > length


def resample(klines: Iterable[Kline], period: str, *, partial: bool = False) -> list[Kline]:
    """Make klines of ``period`` from those of a period that nests in it.

    A bar is made only when every one of its parts is there and closed; ``partial=True`` also returns the others, as not
    closed. Parts must be of one stream, in rising order. A bar made of synthetic parts is synthetic.
    """
    bars: list[Kline] = []
    parts: list[Kline] = []
    open_time = 0
    for kline in klines:
        start = floor_open(period, kline.open_time)
        if parts:
            _check_order(parts[-1], kline)
            if start != open_time:
                _finish(parts, period, open_time, bars, partial=partial)
                parts = []
        elif not nests(kline.stream.period, period):
            raise InvalidValue("period", f"{period} bars are not made of whole {kline.stream.period} bars")
        open_time = start
        parts.append(kline)
    if parts:
        _finish(parts, period, open_time, bars, partial=partial)
    return bars


def klines_from_trades(
    trades: Iterable[Trade],
    stream: StreamId,
    *,
    value: Callable[[Decimal, Decimal], Decimal] | None = None,
    end_ms: int | None = None,
) -> list[Kline]:
    """Make the klines of ``stream`` that ``trades`` (plain or aggregate, any order, repeats allowed) amount to.

    ``value`` gives a trade's quote volume from price and quantity (default: their product; inverse contracts give their
    own). A period without trades has no bar: none is invented. Bars that end after ``end_ms`` are marked as not closed.
    """
    period = check_period(stream.period)
    by_open: dict[int, dict[int, Trade]] = {}
    for trade in trades:
        by_open.setdefault(floor_open(period, trade.time), {})[trade.trade_id] = trade
    with localcontext(_EXACT) as context:
        if value is not None:  # a quotient cannot be exact; sums still are, to 200 digits
            context.traps[Inexact] = context.traps[Rounded] = False
        return [
            _bar([found[key] for key in sorted(found)], stream, open_time, value or _product, end_ms)
            for open_time, found in sorted(by_open.items())
        ]


def _bar(
    trades: Sequence[Trade], stream: StreamId, open_time: int, value: Callable[[Decimal, Decimal], Decimal], end_ms: int | None
) -> Kline:
    prices = [trade.price for trade in trades]
    volume = quote_volume = taker_base = taker_quote = Decimal(0)
    for trade in trades:
        worth = value(trade.price, trade.quantity)
        volume += trade.quantity
        quote_volume += worth
        if not trade.buyer_is_maker:
            taker_base += trade.quantity
            taker_quote += worth
    close_time = close_of(stream.period, open_time)
    return Kline(
        stream=stream,
        open_time=open_time,
        close_time=close_time,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=volume,
        quote_volume=quote_volume,
        count=sum(trade.last_id - trade.first_id + 1 for trade in trades),
        taker_buy_base_volume=taker_base,
        taker_buy_quote_volume=taker_quote,
        closed=end_ms is None or close_time < end_ms,
        source=Source.DERIVED,
        event_time=trades[-1].event_time,
        recv_ns=max(trade.recv_ns for trade in trades),
    )


def _check_order(before: Kline, after: Kline) -> None:
    if after.stream != before.stream:
        raise InvalidValue("klines", f"{after.stream} does not belong to {before.stream}")
    if after.open_time <= before.open_time:
        raise InvalidValue("klines", f"{after.open_time} comes after {before.open_time}; give them in rising order")


def _finish(parts: Sequence[Kline], period: str, open_time: int, bars: list[Kline], *, partial: bool) -> None:
    first, last = parts[0], parts[-1]
    end = next_open(period, open_time)
    complete = all(part.closed for part in parts) and len(parts) == count_opens(first.stream.period, open_time, end)
    if not complete and not partial:
        return
    with localcontext(_EXACT):
        bars.append(
            Kline(
                stream=StreamId.kline(first.stream.instrument, period),
                open_time=open_time,
                close_time=end - 1,
                open=first.open,
                high=max(part.high for part in parts),
                low=min(part.low for part in parts),
                close=last.close,
                volume=_total(part.volume for part in parts),
                quote_volume=_total(part.quote_volume for part in parts),
                count=sum(part.count for part in parts),
                taker_buy_base_volume=_total(part.taker_buy_base_volume for part in parts),
                taker_buy_quote_volume=_total(part.taker_buy_quote_volume for part in parts),
                closed=complete,
                source=Source.DERIVED,
                synthetic=any(part.synthetic for part in parts),
                event_time=max(part.event_time for part in parts),
                recv_ns=max(part.recv_ns for part in parts),
            )
        )


def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def _product(price: Decimal, quantity: Decimal) -> Decimal:
    return price * quantity
