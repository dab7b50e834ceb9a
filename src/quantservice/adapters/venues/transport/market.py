"""What ``ports.Venue`` and ``ports.History`` are at every venue alike; what a venue says by its own words is in its own folder."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sized
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from quantservice.adapters.venues.transport.budget import WeightBudget
from quantservice.adapters.venues.transport.proxies import ProxyPool
from quantservice.adapters.venues.transport.reachability import Reachability
from quantservice.adapters.venues.transport.ws import Dialer
from quantservice.core.errors import InvalidValue, QuantServiceError, UnknownName, VenueUnreachable
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.ports import Clock, ProxyRecord


class HistorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of history.

    ``pages_ahead``: pages fetched at once per stream. ``clock_age_s``: the venue's clock is not asked for anew more often.
    """

    pages_ahead: int = 4
    clock_age_s: float = 1.0


class VenueHistory(ABC):
    """Past data of one market: the venue's clock, and the list of instruments that everything else needs first."""

    def __init__(self, venue: str, market: str, catalog: Sized, *, clock: Clock, clock_age_s: float) -> None:
        self.offset_ms = 0
        self.refused_rows = 0
        self._venue = venue
        self._market = market
        self._listed = catalog
        self._clock = clock
        self._clock_age_s = clock_age_s
        self._loading = asyncio.Lock()
        self._asked_at = float("-inf")

    @abstractmethod
    async def server_time_ms(self) -> int:
        """Ask the venue's clock."""

    @abstractmethod
    async def instruments(self) -> list[Instrument]:
        """Fetch the full list; our names and the decoders follow it."""

    async def load(self) -> None:
        """Make sure that the clock offset and the list of instruments are known."""
        async with self._loading:
            if not len(self._listed):
                await self.server_time_ms()
                await self.instruments()

    def _told_time(self, server_ms: int, *, sent_ns: int, recv_ns: int) -> int:
        """Take what the venue's clock showed in the middle of a wait; return what it shows now."""
        self.offset_ms = server_ms - (sent_ns + recv_ns) // 2 // 1_000_000
        self._asked_at = self._clock.monotonic()
        return self._clock.now_ms() + self.offset_ms

    async def _venue_now_ms(self, wanted_ms: int) -> int:
        """Estimate the venue's clock; ask again where ``wanted_ms`` lies beyond the estimate and that may be why."""
        now_ms = self._clock.now_ms() + self.offset_ms
        if wanted_ms > now_ms and self._clock.monotonic() - self._asked_at >= self._clock_age_s:
            now_ms = await self.server_time_ms()
        return now_ms

    async def _load_for(self, instrument: InstrumentId) -> None:
        """Know the list before an instrument is looked up on it; InvalidValue for one of another market."""
        if instrument.venue != self._venue or instrument.market != self._market:
            raise InvalidValue("symbol", f"{instrument} is not an instrument of {self._venue} {self._market}")
        await self.load()

    @staticmethod
    def _not_listed(instrument: InstrumentId, listed: Iterable[InstrumentId]) -> UnknownName:
        return UnknownName("symbol", str(instrument), (str(item) for item in listed))


class _Feed(Protocol):
    def stats(self) -> Mapping[str, Any]: ...

    async def close(self) -> None: ...


class _History(Protocol):
    offset_ms: int
    refused_rows: int

    async def server_time_ms(self) -> int: ...

    async def close(self) -> None: ...


_FeedT = TypeVar("_FeedT", bound=_Feed)
_HistoryT = TypeVar("_HistoryT", bound=_History)


class VenueMarket(ABC, Generic[_FeedT, _HistoryT]):
    """One market of a venue: its feed and its history over one pool of egresses and their budgets."""

    def __init__(
        self,
        venue: str,
        market: str,
        *,
        pool: ProxyPool,
        budgets: dict[str, WeightBudget],
        feed: _FeedT,
        history: _HistoryT,
        dialer: Dialer | None = None,
    ) -> None:
        self.pool = pool
        self._venue = venue
        self._market = market
        self._budgets = budgets
        self._feed = feed
        self._history = history
        self._dialer = dialer

    @property
    def name(self) -> str:
        """The venue's name."""
        return self._venue

    @property
    def market(self) -> str:
        """The market's name."""
        return self._market

    @property
    def feed(self) -> _FeedT:
        """Live data."""
        return self._feed

    @property
    def history(self) -> _HistoryT:
        """Past data."""
        return self._history

    @abstractmethod
    def _base(self) -> str:
        """The URL that is asked, as it is shown."""

    @abstractmethod
    def _requests(self) -> Mapping[str, Any]:
        """How many requests were sent, where to, and what became of them."""

    def _reached(self) -> str:
        """What is said when the venue answered."""
        return f"{self._venue} {self._market} answers at {self._base()}"

    def set_proxies(self, proxies: Iterable[ProxyRecord]) -> None:
        """Take the registry's proxies as they are now."""
        self.pool.replace(proxies)

    async def check_reachable(self) -> Reachability:
        """Ask the venue for its time once and say in a sentence how that went."""
        base = self._base()
        try:
            await self._history.server_time_ms()
        except VenueUnreachable as error:
            return Reachability(False, error.cause, str(error), base)
        except QuantServiceError as error:
            return Reachability(False, "refused", str(error), base)
        return Reachability(True, "", self._reached(), self._base())

    def usage(self) -> Mapping[str, Any]:
        """Requests made and allowed, connections, quarantined frames."""
        dialled = {} if self._dialer is None else {"connect_attempts": self._dialer.attempts}
        return {
            "venue": self._venue,
            "market": self._market,
            "rest": self._requests(),
            "budgets": {name: dict(budget.stats()) for name, budget in self._budgets.items()},
            "egresses": self.pool.stats(),
            "feed": self._feed.stats(),
            **dialled,
            "clock_offset_ms": self._history.offset_ms,
            "refused_rows": self._history.refused_rows,
        }

    async def close(self) -> None:
        """End the feed and all connections."""
        await self._feed.close()
        await self._history.close()
