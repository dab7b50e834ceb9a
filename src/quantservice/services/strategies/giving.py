"""What a strategy is given beside klines: settled funding rates, what became of its orders, the market between klines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from quantservice.core.events import Kind, Kline, MarketEvent, Quote, StreamId, Ticker
from quantservice.core.instruments import InstrumentId
from quantservice.core.periods import MINUTE_MS
from quantservice.core.signals import OrderUpdate
from quantservice.core.spans import Span
from quantservice.ports import Columns, Deployment, HostedRate, HostedTicker, HostedWants, RunTold, StateStore, fact_of

#: Least time between two tickers of one instrument, ms.
TICKER_EVERY_MS: Final = 1_000


class MarketSource(Protocol):
    """What of the market store is needed."""

    async def read(self, stream: StreamId, span: Span, *, limit: int | None = None, newest: bool = False) -> Columns:
        """Current klines as float64 columns."""
        ...

    async def read_rows(self, stream: StreamId, span: Span) -> Sequence[Mapping[str, Any]]:
        """Stored events of another kind, oldest first."""
        ...


class FundingRates:
    """Settled funding rates of instruments, each given once."""

    def __init__(self, source: MarketSource, names: Sequence[str] = ()) -> None:
        self.names = names
        self.given: dict[str, int] = {}  # per instrument the newest settlement that was given
        self._source = source

    async def until(self, first_ms: int, until_ms: int) -> list[HostedRate]:
        """Return the rates settled from ``first_ms`` to ``until_ms`` and not given yet, oldest first; they count as given.

        Times are taken down to the minute, as a backtest takes them: venues stamp a settlement some milliseconds late.
        """
        found: list[HostedRate] = []
        for name in self.names:
            if first_ms:
                self.given.setdefault(name, first_ms - MINUTE_MS)
            start = max(first_ms, self.given.get(name, -1) + MINUTE_MS)
            if start > until_ms:
                continue
            stream = StreamId(InstrumentId.parse(name), Kind.FUNDING)
            rows = await self._source.read_rows(stream, Span(max(start, 0), until_ms + 1))
            settled = [HostedRate(name, int(row["time"]) // MINUTE_MS * MINUTE_MS, float(row["rate"])) for row in rows]
            found += [rate for rate in settled if start <= rate.time <= until_ms]
        self.note(found)
        return sorted(found, key=lambda rate: rate.time)

    def note(self, rates: Sequence[HostedRate]) -> None:
        """Count rates as given."""
        for rate in rates:
            self.given[rate.instrument] = max(rate.time, self.given.get(rate.instrument, -1))


class Beside:
    """Keeps how far a strategy was given each of these. ``wants`` says which it asks for: nothing else is read."""

    def __init__(self, deployment: Deployment, source: MarketSource, state: StateStore) -> None:
        self._run, self._state = deployment.id, state
        self.wants = HostedWants()
        self.heard = 0  # the place in the run's log up to which it was told of its orders
        self._funding = FundingRates(source)
        self._market: dict[InstrumentId, HostedTicker] = {}
        self._given: dict[InstrumentId, tuple[int, HostedTicker]] = {}

    @property
    def funding(self) -> FundingRates:
        """The settled rates of the instruments that it asks for."""
        self._funding.names = self.wants.funding
        return self._funding

    # --- orders ------------------------------------------------------------------------------------------------------

    async def updates(self, until: int | None = None) -> tuple[list[OrderUpdate], int]:
        """Return what became of its orders since it last heard, in order, and the place in the log up to which this reaches."""
        if not self.wants.order_updates:
            return [], self.heard
        async with self._state.transaction() as work:
            events = await work.runs.read(self._run, after=self.heard, kind="told")
        events = [event for event in events if until is None or event.sequence <= until]
        told = [fact.update for event in events if isinstance(fact := fact_of(event.data), RunTold)]
        return told, events[-1].sequence if events else self.heard

    # --- the market between klines -----------------------------------------------------------------------------------

    def note(self, event: MarketEvent) -> None:
        """Take what the market says: the newest price, best bid and ask, and the volume of a day."""
        name = event.stream.instrument
        known = self._market.get(name)
        if isinstance(event, Kline):
            known = _changed(known, name, event.recv_ns // 1_000_000, price=float(event.close))
        elif isinstance(event, Ticker):
            known = _changed(known, name, event.time, price=float(event.last_price), volume_24h=float(event.volume))
        elif isinstance(event, Quote) and known is not None:
            known = _changed(known, name, event.time, bid=float(event.bid_price), ask=float(event.ask_price))
        if known is not None:
            self._market[name] = known

    def due(self, now_ms: int) -> list[HostedTicker]:
        """Return the tickers to give now: one per instrument that changed, at most one a second; they count as given."""
        found = []
        for name, ticker in self._market.items():
            at_ms, given = self._given.get(name, (-TICKER_EVERY_MS, None))
            if ticker != given and now_ms - at_ms >= TICKER_EVERY_MS:
                self._given[name] = (now_ms, ticker)
                found.append(ticker)
        return found


def _changed(known: HostedTicker | None, name: InstrumentId, time_ms: int, **values: float) -> HostedTicker:
    if known is None:
        return HostedTicker(str(name), time_ms, **values)
    return msgspec.structs.replace(known, time=max(time_ms, known.time), **values)
