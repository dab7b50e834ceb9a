"""What a strategy's process is given by its owner, in the forms that a strategy sees: its account and past klines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from quantservice.core.instruments import InstrumentId
from quantservice.core.positions import PositionSide
from quantservice.ports import HostedAccount, HostedBars, HostedPosition, HostedRate, HostedTicker
from quantservice.quant.bars import COLUMNS, Bars, Funding, Settlements
from quantservice.quant.strategies.bar import MarketTicker
from quantservice.quant.strategies.view import OpenOrder


class GivenAccount:
    """The account as the owner told it with the last klines."""

    now: HostedAccount | None = None

    def position(self, instrument: InstrumentId, side: PositionSide) -> float:
        """Return the signed quantity held."""
        return float(sum(item.quantity for item in self._positions(instrument, side)))

    def entry_price(self, instrument: InstrumentId, side: PositionSide) -> float:
        """Return the average entry price; NaN when flat."""
        held = [item for item in self._positions(instrument, side) if item.quantity]
        return held[0].entry_price if held else float("nan")

    def open_orders(self, instrument: InstrumentId | None) -> Sequence[OpenOrder]:
        """Return the working orders of one instrument, or all."""
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
        """Equity in the account's currency."""
        return self.now.equity if self.now is not None else 0.0

    @property
    def cash(self) -> float:
        """Cash in the account's currency."""
        return self.now.cash if self.now is not None else 0.0

    def _positions(self, instrument: InstrumentId, side: PositionSide) -> Sequence[HostedPosition]:
        held = self.now.positions if self.now is not None else ()
        return [item for item in held if item.instrument == str(instrument) and item.side == side]


def table_of(item: HostedBars) -> Bars:
    """Return past klines as a table."""
    columns = {
        name: np.frombuffer(item.columns[name], dtype="<i8" if name == "open_time" else "<f8").astype(
            np.int64 if name == "open_time" else np.float64
        )
        for name in COLUMNS
    }
    return Bars(item.instrument, item.period, columns)


def rates_of(rates: Sequence[HostedRate]) -> Mapping[str, Settlements]:
    """Return settled funding rates by instrument."""
    found: dict[str, list[HostedRate]] = defaultdict(list)
    for rate in rates:
        found[rate.instrument].append(rate)
    return {
        name: Funding(np.array([item.time for item in items], dtype=np.int64), np.array([item.rate for item in items]))
        for name, items in found.items()
    }


def ticker_of(item: HostedTicker) -> MarketTicker:
    """Return the market between klines as a strategy sees it; NaN for what is not known."""
    bid, ask, volume = (float("nan") if value is None else value for value in (item.bid, item.ask, item.volume_24h))
    return MarketTicker(InstrumentId.parse(item.instrument), item.time, item.price, bid, ask, volume)
