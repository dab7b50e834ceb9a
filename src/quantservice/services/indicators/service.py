"""The service: owner of the tables ``indicator`` and ``indicator_ma``.

The arithmetic (numba, TA-Lib's family) is loaded in a thread once the platform has started, so that its first kline does not wait
for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from quantservice.core.messages import Topic
from quantservice.ports import Clock, EventBus, StateStore
from quantservice.services.indicators.config import GROUP, IndicatorConfig

if TYPE_CHECKING:
    from quantservice.services.indicators.history import IndicatorSource
    from quantservice.services.indicators.line import IndicatorLine


class IndicatorService:
    """Computes the indicators of every registered pair and period as klines close; keeps their stored history whole."""

    name = GROUP
    consumes: tuple[str, ...] = (Topic.MARKET_LIVE, Topic.MARKET_STORED)
    produces: tuple[str, ...] = (Topic.INDICATOR,)

    def __init__(
        self,
        store: IndicatorSource,
        state: StateStore,
        bus: EventBus,
        clock: Clock,
        config: IndicatorConfig,
        *,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        """``prepare`` is called in the loading thread first: it registers the indicators of plugins."""
        self._store = store
        self._state = state
        self._bus = bus
        self._clock = clock
        self._config = config
        self._prepare = prepare
        self._line: IndicatorLine | None = None

    async def run(self) -> None:
        """Compute until cancelled."""
        await self._clock.sleep(self._config.load_after_s)
        make = await asyncio.to_thread(_load, self._prepare)
        self._line = make(self._store, self._state, self._bus, self._clock, self._config)
        await self._line.run()

    def stats(self) -> Mapping[str, Any]:
        """Counters since start and what waits."""
        return {} if self._line is None else self._line.stats()


def _load(prepare: Callable[[], object] | None) -> type[IndicatorLine]:
    from quantservice.services.indicators.line import IndicatorLine  # noqa: PLC0415 - heavy: numba

    if prepare is not None:
        prepare()
    return IndicatorLine
