"""Register, change and remove pairs. Each change and its ``pairs.changed`` command are one commit."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import Kind
from quantservice.core.instruments import InstrumentBook, InstrumentId
from quantservice.core.messages import Command, Message, Topic, new_event_id
from quantservice.core.periods import check_period
from quantservice.ports import StateStore, TradingPair

DEFAULT_PERIODS = ("1m", "1h")
DEFAULT_KINDS = (Kind.KLINE.value,)


class Pairs:
    """The registry of what is collected (table trading_pair_config)."""

    def __init__(self, state_store: StateStore, instruments: Callable[[], InstrumentBook]) -> None:
        self._state_store = state_store
        self._instruments = instruments

    async def list(self) -> builtins.list[TradingPair]:
        """Return all pairs, enabled or not."""
        async with self._state_store.transaction() as work:
            return await work.pairs.list()

    async def add(self, pair: TradingPair) -> TradingPair:
        """Register a pair or change the registered one; those who collect are told."""
        _check(pair)
        async with self._state_store.transaction() as work:
            kept = await work.pairs.put(pair)
            await work.outbox.add(_changed(kept.instrument, "added"))
        return kept

    async def register(
        self,
        symbol: str,
        *,
        market: str | None = None,
        venue: str | None = None,
        periods: Iterable[str] = DEFAULT_PERIODS,
        kinds: Iterable[str] = DEFAULT_KINDS,
        history_start_ms: int | None = None,
    ) -> TradingPair:
        """Register what a person typed, as :meth:`InstrumentBook.resolve` reads it."""
        instrument = self._instruments().resolve(symbol, venue=venue, market=market)
        return await self.add(
            TradingPair(
                venue=instrument.id.venue,
                market=instrument.id.market,
                symbol=instrument.id.symbol,
                venue_symbol=instrument.venue_symbol,
                periods=tuple(dict.fromkeys(periods)),
                kinds=tuple(dict.fromkeys(kinds)),
                history_start_ms=history_start_ms,
            )
        )

    async def enable(self, instrument: str, *, enabled: bool) -> TradingPair:
        """Pause or resume the collection of a registered pair."""
        async with self._state_store.transaction() as work:
            pair = _find(await work.pairs.list(), instrument)
            if pair.enabled is enabled:
                return pair
            kept = await work.pairs.put(msgspec.structs.replace(pair, enabled=enabled))
            await work.outbox.add(_changed(kept.instrument, "enabled" if enabled else "disabled"))
        return kept

    async def remove(self, instrument: str) -> bool:
        """Stop collecting an instrument (full name); say whether it was registered. What is stored stays."""
        name = InstrumentId.parse(instrument)
        async with self._state_store.transaction() as work:
            removed = await work.pairs.remove(name)
            if removed:
                await work.outbox.add(_changed(name, "removed"))
        return removed


def _check(pair: TradingPair) -> None:
    InstrumentId.parse(str(pair.instrument))
    if not pair.periods and Kind.KLINE in pair.kinds:
        raise InvalidValue("periods", "klines need at least one period")
    if not pair.kinds:
        raise InvalidValue("kinds", f"say what to collect: {' '.join(kind.value for kind in Kind)}")
    for period in pair.periods:
        check_period(period)
    for kind in pair.kinds:
        if kind not in set(Kind):
            raise UnknownName("kind", kind, [item.value for item in Kind])


def _find(pairs: Iterable[TradingPair], instrument: str) -> TradingPair:
    name = InstrumentId.parse(instrument)
    known = {pair.instrument: pair for pair in pairs}
    if name not in known:
        raise UnknownName("pair", instrument, (str(item) for item in known), hint="qs pairs list shows what is registered")
    return known[name]


def _changed(instrument: InstrumentId, change: str) -> Message:
    command = Command(id=new_event_id(), name="pairs.changed", arguments={"instrument": str(instrument), "change": change})
    return Message(topic=Topic.COMMAND, event_type="pairs.changed", key=str(instrument), data=command)
