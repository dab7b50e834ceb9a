"""Rules about one order: its size, its price, how many there are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, ClassVar

from msgspec import Meta

from quantservice.core.money import ZERO
from quantservice.quant.risk_rules.base import Breach, RiskRule, RiskView, percent, percents, plain, plains, without_equity

Amount = Annotated[Decimal, Meta(description="in the account's currency")]
Share = Annotated[Decimal, Meta(description="a fraction: 0.05 is 5 %")]
_SECOND_NS = 1_000_000_000


class MaxOrderValue(RiskRule, frozen=True, kw_only=True, tag="max_order_value"):
    """No order is worth more."""

    name: ClassVar[str] = "max_order_value"
    doc: ClassVar[str] = "No order is worth more than this."
    limit: Amount = Decimal(100_000)

    def check(self, view: RiskView) -> Breach | None:
        """Compare the order's value."""
        if view.order_value <= self.limit or view.reduces:
            return None
        limit, value = plains(self.limit, view.order_value)
        return Breach(limit, value, f"the order is worth {value}, more than the {limit} allowed")


class MaxOrderShare(RiskRule, frozen=True, kw_only=True, tag="max_order_share"):
    """No order is worth a larger share of equity."""

    name: ClassVar[str] = "max_order_share"
    doc: ClassVar[str] = "No order is worth more than this share of the account's equity."
    limit: Share = Decimal("0.5")

    def check(self, view: RiskView) -> Breach | None:
        """Compare the order's value with equity."""
        if view.reduces or view.order_value <= self.limit * view.equity:
            return None
        if view.equity <= 0:
            return without_equity(percent(self.limit))
        share = view.order_value / view.equity
        limit, value = percents(self.limit, share)
        return Breach(limit, value, f"the order is worth {value} of equity, more than the {limit} allowed")


class PriceBand(RiskRule, frozen=True, kw_only=True, tag="price_band"):
    """An order's price is near the market: a slip of the finger is caught."""

    name: ClassVar[str] = "price_band"
    doc: ClassVar[str] = "A limit or stop price may be so far from the market."
    limit: Share = Decimal("0.1")

    def check(self, view: RiskView) -> Breach | None:
        """Compare the order's price with the reference."""
        reference = view.reference_price
        if view.terms.reduce_only and view.terms.type in ("stop", "take_profit", "trailing_stop"):
            return None  # it waits far from the market on purpose, and can only make a position smaller
        if reference <= 0:
            return Breach(percent(self.limit), "no price", "no market price is known to compare the order's price with")
        distance = abs(view.order_price - reference)
        if distance <= self.limit * reference:
            return None
        limit, value = percents(self.limit, distance / reference)
        said = f"the price {plain(view.order_price)} is {value} away from {plain(reference)}, more than {limit}"
        return Breach(limit, value, said)


class OrderRate(RiskRule, frozen=True, kw_only=True, tag="order_rate"):
    """So many orders in a window, and no more: a strategy that loops is stopped before the venue stops the account.

    One deployment gets less than the account (0: as much), so that one that loops is stopped alone and the others trade on.
    """

    name: ClassVar[str] = "order_rate"
    doc: ClassVar[str] = "Most orders of an account, and of one deployment in it, in a window of seconds."
    limit: Annotated[int, Meta(ge=1)] = 30
    window_s: Annotated[int, Meta(ge=1)] = 60
    deployment_limit: Annotated[int, Meta(ge=0)] = 20

    def check(self, view: RiskView) -> Breach | None:
        """Count the orders of the window."""
        if view.reduces:
            return None
        own = self._over(view.deployment_order_times_ns, self.deployment_limit, view.now_ns) if view.deployment else 0
        if own:
            said = f"the deployment sent {own} orders in the last {self.window_s} s; {self.deployment_limit} are allowed to one"
            return Breach(str(self.deployment_limit), str(own + 1), said)
        count = self._over(view.order_times_ns, self.limit, view.now_ns)
        if not count:
            return None
        said = f"{count} orders were sent in the last {self.window_s} s; {self.limit} are allowed"
        return Breach(str(self.limit), str(count + 1), said)

    def _over(self, times: Sequence[int], limit: int, now_ns: int) -> int:
        """Return how many orders the window holds where that is the limit already, else 0."""
        if not limit or len(times) < limit:
            return 0
        begin = now_ns - self.window_s * _SECOND_NS
        count = sum(time > begin for time in times)
        return count if count >= limit else 0


class MaxOpenOrders(RiskRule, frozen=True, kw_only=True, tag="max_open_orders"):
    """So many orders of an instrument rest at the venue, and no more."""

    name: ClassVar[str] = "max_open_orders"
    doc: ClassVar[str] = "Most open orders of an account on one instrument."
    limit: Annotated[int, Meta(ge=1)] = 20

    def check(self, view: RiskView) -> Breach | None:
        """Count the open orders."""
        if view.open_orders < self.limit or view.reduces:
            return None
        said = f"{view.open_orders} orders of {view.terms.instrument.symbol} are open; {self.limit} are allowed"
        return Breach(str(self.limit), str(view.open_orders + 1), said)


class FreeMargin(RiskRule, frozen=True, kw_only=True, tag="free_margin"):
    """What the order needs is there, with a reserve."""

    name: ClassVar[str] = "free_margin"
    doc: ClassVar[str] = "The account can pay or margin the order, and this share of its equity stays free."
    reserve: Share = Decimal("0.02")

    def check(self, view: RiskView) -> Breach | None:
        """Compare what the order needs with what is free."""
        if view.reduces:
            return None
        leverage = view.leverage if view.leverage > 0 else Decimal(1)
        needed, free = view.order_value / leverage, view.free_margin - self.reserve * view.equity
        if needed <= free:
            return None
        limit, value = plains(max(free, ZERO), needed)
        return Breach(limit, value, f"the order needs {value}; {limit} are free")


class RejectsInRow(RiskRule, frozen=True, kw_only=True, tag="rejects_in_row"):
    """A venue that refuses again and again is not asked for ever."""

    name: ClassVar[str] = "rejects_in_row"
    doc: ClassVar[str] = "After so many refusals of the venue in a row only reducing orders are sent."
    limit: Annotated[int, Meta(ge=1)] = 5

    def check(self, view: RiskView) -> Breach | None:
        """Count the refusals."""
        if view.rejects_in_row < self.limit or view.reduces:
            return None
        said = f"the venue refused {view.rejects_in_row} orders in a row; {self.limit} are the limit until a person looks"
        return Breach(str(self.limit), str(view.rejects_in_row), said)


class AbnormalTrading(RiskRule, frozen=True, kw_only=True, tag="abnormal_trading"):
    """Buying and selling the same thing to and fro is a fault, not a strategy."""

    name: ClassVar[str] = "abnormal_trading"
    doc: ClassVar[str] = "Most changes of side on one instrument in a window of seconds."
    limit: Annotated[int, Meta(ge=1)] = 6
    window_s: Annotated[int, Meta(ge=1)] = 60

    def check(self, view: RiskView) -> Breach | None:
        """Count the changes of side, this order's with them."""
        if view.reduces or len(view.sides_lately) < self.limit:
            return None
        begin = view.now_ns - self.window_s * _SECOND_NS
        sides = [side for time, side in view.sides_lately if time > begin]
        sides.append(view.terms.side)
        turns = sum(before != after for before, after in itertools.pairwise(sides))
        if turns <= self.limit:
            return None
        said = f"{view.terms.instrument.symbol} changed sides {turns} times in {self.window_s} s; {self.limit} are the limit"
        return Breach(str(self.limit), str(turns), said)
