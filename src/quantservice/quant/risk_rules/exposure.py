"""Rules about what is held after the order: positions, exposure, concentration, leverage, margin, losses."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from msgspec import Meta

from quantservice.quant.risk_rules.base import Breach, RiskRule, RiskView, percent, percents, plain, plains, without_equity
from quantservice.quant.risk_rules.orders import Amount, Share

_SECOND_NS = 1_000_000_000
_TIMES_DIGITS = 2  # of a multiple of equity


class MaxPosition(RiskRule, frozen=True, kw_only=True, tag="max_position"):
    """No position of an instrument is worth more, counted with everything in flight."""

    name: ClassVar[str] = "max_position"
    doc: ClassVar[str] = "No position of one instrument is worth more than this."
    limit: Amount = Decimal(250_000)

    def check(self, view: RiskView) -> Breach | None:
        """Compare the position's value after the order."""
        if view.reduces or view.after_position_value <= self.limit:
            return None
        limit, value = plains(self.limit, view.after_position_value)
        return Breach(limit, value, f"the position would be worth {value}, more than the {limit} allowed")


class MaxExposure(RiskRule, frozen=True, kw_only=True, tag="max_exposure"):
    """The value of all positions together stays below a share of equity."""

    name: ClassVar[str] = "max_exposure"
    doc: ClassVar[str] = "Gross value of all positions, with everything in flight, as a share of equity."
    limit: Share = Decimal("0.8")

    def check(self, view: RiskView) -> Breach | None:
        """Compare gross exposure after the order with equity."""
        if view.reduces or view.after_gross_exposure <= self.limit * view.equity:
            return None
        if view.equity <= 0:
            return without_equity(percent(self.limit))
        share = view.after_gross_exposure / view.equity
        limit, value = percents(self.limit, share)
        return Breach(limit, value, f"exposure would be {value} of equity, more than the {limit} allowed")


class Concentration(RiskRule, frozen=True, kw_only=True, tag="concentration"):
    """No single instrument takes more than a share of equity."""

    name: ClassVar[str] = "concentration"
    doc: ClassVar[str] = "Value of the largest position as a share of equity."
    limit: Share = Decimal("0.5")

    def check(self, view: RiskView) -> Breach | None:
        """Compare the instrument's share after the order."""
        if view.reduces or view.after_position_value <= self.limit * view.equity:
            return None
        if view.equity <= 0:
            return without_equity(percent(self.limit))
        share = view.after_position_value / view.equity
        limit, value = percents(self.limit, share)
        said = f"{view.terms.instrument.symbol} would be {value} of equity, more than the {limit} allowed"
        return Breach(limit, value, said)


class MaxLeverage(RiskRule, frozen=True, kw_only=True, tag="max_leverage"):
    """The account is not geared higher than this, whatever the venue would lend."""

    name: ClassVar[str] = "max_leverage"
    doc: ClassVar[str] = "Gross exposure after the order as a multiple of equity."
    limit: Annotated[Decimal, Meta(description="a multiple of equity")] = Decimal(3)

    def check(self, view: RiskView) -> Breach | None:
        """Compare exposure with equity."""
        if view.reduces or view.after_gross_exposure <= self.limit * view.equity:
            return None
        if view.equity <= 0:
            return without_equity(plain(self.limit))
        times = view.after_gross_exposure / view.equity
        limit, value = plains(self.limit, times, digits=_TIMES_DIGITS)
        return Breach(limit, value, f"leverage would be {value}, more than {limit}")


class MarginRatio(RiskRule, frozen=True, kw_only=True, tag="margin_ratio"):
    """Near liquidation nothing is added."""

    name: ClassVar[str] = "margin_ratio"
    doc: ClassVar[str] = "Maintenance margin over margin balance, above which nothing is added (1 is liquidation)."
    limit: Share = Decimal("0.5")

    def check(self, view: RiskView) -> Breach | None:
        """Compare the ratio."""
        if view.reduces or view.margin_ratio <= self.limit:
            return None
        limit, value = percents(self.limit, view.margin_ratio)
        return Breach(limit, value, f"the margin ratio is {value}, above {limit}: nothing is added")


class MaxDrawdown(RiskRule, frozen=True, kw_only=True, tag="max_drawdown"):
    """After so large a fall from the peak nothing is added."""

    name: ClassVar[str] = "max_drawdown"
    doc: ClassVar[str] = "Fall of equity from its peak, from which on only reducing orders are sent."
    limit: Share = Decimal("0.2")

    def check(self, view: RiskView) -> Breach | None:
        """Compare the fall from the peak."""
        if view.reduces or view.peak_equity <= 0 or view.peak_equity - view.equity <= self.limit * view.peak_equity:
            return None
        limit, value = percents(self.limit, 1 - view.equity / view.peak_equity)
        return Breach(limit, value, f"equity is {value} below its peak, more than the {limit} allowed")


class DailyLoss(RiskRule, frozen=True, kw_only=True, tag="daily_loss"):
    """After so large a loss in a UTC day nothing is added until the next."""

    name: ClassVar[str] = "daily_loss"
    doc: ClassVar[str] = "Loss since 00:00 UTC, from which on only reducing orders are sent that day."
    limit: Share = Decimal("0.05")

    def check(self, view: RiskView) -> Breach | None:
        """Compare the day's loss."""
        begin = view.day_start_equity
        if view.reduces or begin <= 0 or begin - view.equity <= self.limit * begin:
            return None
        limit, value = percents(self.limit, 1 - view.equity / begin)
        return Breach(limit, value, f"{value} were lost today, more than the {limit} allowed")


class ConsecutiveLosses(RiskRule, frozen=True, kw_only=True, tag="consecutive_losses"):
    """After so many losing trades in a row a person looks."""

    name: ClassVar[str] = "consecutive_losses"
    doc: ClassVar[str] = "Losing trades in a row, after which only reducing orders are sent."
    limit: Annotated[int, Meta(ge=1)] = 8

    def check(self, view: RiskView) -> Breach | None:
        """Count the losses."""
        if view.reduces or view.closes or view.losses_in_row < self.limit:
            return None
        said = f"{view.losses_in_row} trades in a row lost; {self.limit} are the limit until a person looks"
        return Breach(str(self.limit), str(view.losses_in_row), said)


class Cooldown(RiskRule, frozen=True, kw_only=True, tag="cooldown"):
    """After a loss an instrument rests for a while."""

    name: ClassVar[str] = "cooldown"
    doc: ClassVar[str] = "Seconds after a losing trade before the deployment may add again."
    seconds: Annotated[int, Meta(ge=0)] = 60

    def check(self, view: RiskView) -> Breach | None:
        """Compare the time since the last loss."""
        if view.reduces or view.closes or not view.last_loss_ns:
            return None
        since_s = (view.now_ns - view.last_loss_ns) // _SECOND_NS
        if since_s >= self.seconds:
            return None
        return Breach(f"{self.seconds} s", f"{since_s} s", f"the last loss is {since_s} s ago; {self.seconds} s are waited")


class StrategyQuota(RiskRule, frozen=True, kw_only=True, tag="strategy_quota"):
    """A deployment keeps to its own quota."""

    name: ClassVar[str] = "strategy_quota"
    doc: ClassVar[str] = "Position value and orders per day that the deployment's quota allows."

    def check(self, view: RiskView) -> Breach | None:
        """Compare with the quota."""
        if view.reduces or view.closes:
            return None
        if view.quota_position > 0 and view.deployment_position_value > view.quota_position:
            limit, value = plains(view.quota_position, view.deployment_position_value)
            return Breach(limit, value, f"the deployment would hold {value}; its quota is {limit}")
        if view.quota_orders_per_day and view.deployment_orders_today >= view.quota_orders_per_day:
            limit, value = str(view.quota_orders_per_day), str(view.deployment_orders_today + 1)
            return Breach(limit, value, f"the deployment sent {view.deployment_orders_today} orders today; its quota is {limit}")
        return None
