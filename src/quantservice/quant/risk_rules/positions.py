"""Rules that watch open positions and get out of them."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from quantservice.core.money import ONE, ZERO
from quantservice.quant.risk_rules.base import Exit, PositionRule, WatchedPosition, percent, plain
from quantservice.quant.risk_rules.orders import Share


class StopLoss(PositionRule, frozen=True, kw_only=True, tag="stop_loss"):
    """Out when the price went so far against the position."""

    name: ClassVar[str] = "stop_loss"
    doc: ClassVar[str] = "Fall from the entry price at which the position is closed."
    limit: Share = Decimal("0.05")

    def watch(self, position: WatchedPosition) -> Exit | None:
        """Compare the mark with the entry."""
        loss = -_gain(position.entry_price, position.mark_price, position.quantity)
        if loss < self.limit:
            return None
        return _exit(
            self.limit, loss, f"{position.instrument.symbol} is {percent(loss)} below its entry {plain(position.entry_price)}"
        )


class TakeProfit(PositionRule, frozen=True, kw_only=True, tag="take_profit"):
    """Out when the price went so far for the position."""

    name: ClassVar[str] = "take_profit"
    doc: ClassVar[str] = "Gain from the entry price at which the position is closed."
    limit: Share = Decimal("0.1")

    def watch(self, position: WatchedPosition) -> Exit | None:
        """Compare the mark with the entry."""
        gain = _gain(position.entry_price, position.mark_price, position.quantity)
        if gain < self.limit:
            return None
        return _exit(self.limit, gain, f"{position.instrument.symbol} gained {percent(gain)} since {plain(position.entry_price)}")


class TrailingStop(PositionRule, frozen=True, kw_only=True, tag="trailing_stop"):
    """Out when the price fell so far from its best since the entry."""

    name: ClassVar[str] = "trailing_stop"
    doc: ClassVar[str] = "Fall from the best price since the entry at which the position is closed."
    limit: Share = Decimal("0.05")

    def watch(self, position: WatchedPosition) -> Exit | None:
        """Compare the mark with the best."""
        back = -_gain(position.best_price, position.mark_price, position.quantity)
        if back < self.limit:
            return None
        return _exit(self.limit, back, f"{position.instrument.symbol} is {percent(back)} off its best {plain(position.best_price)}")


class ForcedReduction(PositionRule, frozen=True, kw_only=True, tag="forced_reduction"):
    """A part of the largest position out, then of the next largest, while the margin ratio is high: before the venue takes all."""

    name: ClassVar[str] = "forced_reduction"
    doc: ClassVar[str] = "Margin ratio from which on a share of the largest position is closed, again and again, until it is lower."
    limit: Share = Decimal("0.8")
    share: Share = Decimal("0.5")

    def watch(self, position: WatchedPosition) -> Exit | None:
        """Compare the margin ratio."""
        if position.margin_ratio < self.limit:
            return None
        said = f"the margin ratio is {percent(position.margin_ratio)}; {percent(self.share)} of {position.instrument.symbol} go"
        return Exit(self.share, percent(self.limit), percent(position.margin_ratio), said)


def _gain(start: Decimal, end: Decimal, quantity: Decimal) -> Decimal:
    if start <= 0 or not quantity:
        return ZERO
    change = (end - start) / start
    return change if quantity > 0 else -change


def _exit(limit: Decimal, value: Decimal, sentence: str) -> Exit:
    return Exit(ONE, percent(limit), percent(value), sentence)
