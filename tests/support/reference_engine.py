"""A third backtest engine: plain Python, exact decimals, one bar after the other, nothing clever. What the compiled one must equal.

It follows docs/backtesting.md and takes fees, funding, liquidation prices and position folding from the core. It knows no detail
bars, no fee tiers by volume and no impact models.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

from quantservice.core.fees import funding_payment, notional, trade_fee
from quantservice.core.margin import liquidation_price
from quantservice.core.money import money_context
from quantservice.core.positions import Fill, Position
from quantservice.core.signals import CancelOrders, Decision, OrderRequest, Signal
from quantservice.quant.backtest import Assumptions
from tests.support.reference_types import NEVER, ONE, ZERO, Leg, Market, Order, Row, exactly

HUGE = Decimal("1e40")
STOPS, AT_ONCE = ("stop", "stop_limit", "trailing_stop"), ("IOC", "FOK")


class Reference:
    """Runs decisions (by bar) over markets; then ``equity``, ``worst`` and ``fills`` tell what happened."""

    def __init__(self, markets: list[Market], decisions: dict[int, list[Decision]], a: Assumptions, period: int) -> None:
        self.markets, self.decisions, self.a, self.period = markets, decisions, a, period
        for m in markets:
            for side in ("long", "short") if a.position_mode == "hedge" else ("both",):
                m.legs[side] = Leg(m, side, Position(instrument=m.rules.id, side=side, **m.kind))
        self.legs = [leg for m in markets for leg in m.legs.values()]
        self.orders: list[Order] = []
        self.fills: list[tuple[int, str, str, Decimal, Decimal, Decimal, Decimal]] = []
        self.equity: list[Decimal] = []
        self.worst: list[Decimal] = []
        self.busy: Order | None = None

    def run(self) -> Reference:
        with localcontext(money_context()):
            codes = list(dict.fromkeys(m.currency for m in self.markets))
            self.balance = {code: exactly(self.a.initial_equity) / len(codes) / self.rate(code) for code in codes}
            for t in range(len(self.markets[0].rows)):
                self.bar(t)
        return self

    def rate(self, code: str, scene: str = "") -> Decimal:
        if code == "USDT":
            return ONE
        m = next(m for m in self.markets if m.currency == code)
        return (self.price(m, scene) if scene else m.mark) or next(row.open for row in m.rows if row)

    def price(self, m: Market, scene: str) -> Decimal:
        row = m.rows[self.t]
        return getattr(row, scene) if row and scene else m.mark

    def total(self, scene: str = "") -> Decimal:
        out = sum((amount * self.rate(code, scene) for code, amount in self.balance.items()), ZERO)
        return out + sum(leg.profit(self.price(leg.market, scene)) * self.rate(leg.market.currency, scene) for leg in self.legs)

    def bar(self, t: int) -> None:
        self.t, share = t, exactly(self.a.volume_share_cap)
        self.now = next(row.time for row in (m.rows[t] for m in self.markets) if row)
        for m in self.markets:
            row = m.rows[t]
            m.mark, m.left = (row.open, row.volume * share if share else HUGE) if row else (m.mark, ZERO)
            self.settle(m)
        self.liquidate("open")
        self.fill_targets(at_close=False)
        for order in list(self.orders):
            self.at_open(order)
        for leg in self.legs:
            leg.held = abs(leg.position.quantity)
        self.touch_stops()
        for order, row in self.resting():
            if not order.ask.reduce_only and not self.reducible(order):
                self.enter(order, row)
        self.touch_stops()
        self.liquidate("low")
        self.liquidate("high")
        low_water = min(self.total("low"), self.total("high"))
        for order, row in self.resting():
            self.leave(order, row)
        for m in self.markets:
            m.mark = self.price(m, "close")
            if m.rows[t] and t + 2 < len(m.rows) and not any(m.rows[t + 1 :]):
                m.gone = True
                for leg in m.legs.values():
                    self.force_out(leg, m.mark, None)
        self.decide(t)
        self.equity.append(self.total())
        self.worst.append(min(low_water, self.equity[-1]))

    def settle(self, m: Market) -> None:
        while m.funding and m.funding[0][0] <= self.now:
            rate = m.funding.pop(0)[1]
            for leg in (leg for leg in m.legs.values() if leg.position.quantity):
                self.balance[m.currency] += funding_payment(m.mark, leg.position.quantity, rate, **m.kind)

    # --- fills -------------------------------------------------------------------------------------------------------------
    def book(self, leg: Leg, change: Decimal, price: Decimal, fee_rate: Decimal) -> None:
        m, before, fee = leg.market, leg.position, trade_fee(price, change, fee_rate, **leg.market.kind)
        words: Any = {"side": "buy" if change > 0 else "sell", "position_side": leg.side}
        leg.position = before.apply(Fill(fill_id="", instrument=m.rules.id, price=price, quantity=abs(change), **words))
        realised = leg.position.realised - before.realised
        self.balance[m.currency] += realised - fee
        if before.quantity * change < 0:
            leg.margin *= ONE - abs(change) / abs(before.quantity)
            leg.held = max(ZERO, leg.held - abs(change))
        elif not m.spot:
            leg.margin += abs(change) * m.value(price) / m.leverage
        self.fills.append((self.t, m.rules.id.symbol, leg.side, change, price, fee, realised))
        if before.quantity and not leg.position.quantity:
            for order in [o for o in self.orders if o.ask.reduce_only and o.leg is leg and o is not self.busy]:
                self.end(order, "cancelled")

    def affordable(self, m: Market, price: Decimal, fee_rate: Decimal) -> Decimal:
        free = self.balance[m.currency]
        for leg in (leg for leg in self.legs if leg.market.currency == m.currency):
            other = leg.market
            if other.spot or self.a.margin_mode == "isolated":
                free -= leg.position.cost if other.spot else leg.margin
            elif leg.position.quantity:
                free += leg.profit(other.mark) - abs(leg.position.quantity) * other.value(other.mark) / other.leverage
        return max(ZERO, free) / (m.value(price) * (ONE / m.leverage + max(ZERO, fee_rate)))

    def execute(self, order: Order, quantity: Decimal, price: Decimal, maker: bool, limit: Decimal, part: str) -> bool:
        """Fill what can be filled at once; return whether something but the row's volume stood against it."""
        leg, m, side, done, refused = order.leg, order.leg.market, order.side, ZERO, False
        amount = quantity if quantity <= m.left else m.lots(m.left)
        if amount <= quantity / 10**9:
            return False
        share = exactly(self.a.slippage.bps) / 10_000 if self.a.slippage.model == "fixed" and not maker else ZERO
        if share:
            price = max(m.rules.round_price(price * (ONE + side * share), "sell" if side > 0 else "buy"), m.rules.tick_size)
        price = ((min if side > 0 else max)(price, limit)) if limit else price
        held, rate, self.busy = leg.position.quantity, (m.maker if maker else m.taker), order
        closing = min(amount, abs(held)) if held * side < 0 else ZERO
        rest = ZERO if order.ask.reduce_only or part == "reduce" else amount - closing
        if closing and part != "open":
            if m.spot and closing >= m.rules.min_quantity and m.small(closing, price):
                return True
            self.book(leg, side * closing, price, rate)
            done += closing
        if rest:
            opened = self.opening(order, rest, price, rate)
            done, refused = done + opened, opened < rest
            if opened:
                self.book(leg, side * opened, price, rate)
        m.left, order.filled, order.left, self.busy = m.left - done, order.filled + done, order.left - done, None
        return refused

    def opening(self, order: Order, wanted: Decimal, price: Decimal, rate: Decimal) -> Decimal:
        leg, m, amount = order.leg, order.leg.market, wanted
        if (leg.side != "both" and (order.side > 0) != (leg.side == "long")) or (m.spot and order.side < 0):
            return ZERO
        caps = [tier.cap for tier in m.brackets.brackets if tier.max_leverage >= m.leverage] if m.brackets else [HUGE]
        largest = max(ZERO, (caps or [ZERO])[-1] / m.value(price) - abs(leg.position.quantity))
        for border in (HUGE if m.spot else largest, self.affordable(m, price, rate)):
            amount = amount if amount <= border else border if order.ask.fraction is not None else ZERO
        if amount < wanted:
            amount = m.lots(amount)
            amount = ZERO if amount < wanted / 10**9 or m.small(amount, price) else amount
        return amount

    # --- liquidation -------------------------------------------------------------------------------------------------------
    def force_out(self, leg: Leg, price: Decimal, margin: Decimal | None) -> None:
        m, before = leg.market, self.balance[leg.market.currency]
        if leg.position.quantity:
            self.book(leg, -leg.position.quantity, price, m.taker if margin is None else exactly(self.a.liquidation_fee))
            self.balance[m.currency] += max(ZERO, before - self.balance[m.currency] - margin) if margin is not None else ZERO
        for order in [*self.orders, *(leg.order for leg in m.legs.values() if leg.order)]:
            if order.leg.market is m:
                self.end(order, "cancelled")

    def border(self, leg: Leg, wallet: Decimal) -> Decimal | None:
        entry, brackets = leg.position.average_entry or ONE, leg.market.brackets
        return liquidation_price(entry, leg.position.quantity, wallet, brackets, **leg.market.kind) if brackets else None

    def liquidate(self, scene: str) -> None:
        for code in self.balance if self.a.margin_mode == "cross" else ():
            self.liquidate_cross(code, scene)
        for leg in self.legs if self.a.margin_mode == "isolated" else ():
            row, quantity, border = leg.market.rows[self.t], leg.position.quantity, self.border(leg, leg.margin)
            if row and border is not None and quantity and (scene == "open" or (scene == "low") == (quantity > 0)):
                price, opened = getattr(row, scene), row.open
                if price <= border if quantity > 0 else price >= border:
                    self.force_out(leg, min(opened, border) if quantity > 0 else max(opened, border), leg.margin)

    def backing(self, code: str) -> Decimal:
        spent = [leg.position.cost for leg in self.legs if leg.market.spot and leg.market.currency == code]
        return self.balance[code] - sum(spent, ZERO)

    def cushion(self, code: str, scene: str, mine: list[Leg]) -> Decimal:
        left = self.backing(code)
        for leg in mine:
            price = self.price(leg.market, scene)
            value = notional(price, leg.position.quantity, **leg.market.kind)
            left += leg.profit(price) - leg.market.brackets.maintenance_margin(value) if leg.market.brackets else ZERO
        return left

    def liquidate_cross(self, code: str, scene: str) -> None:
        mine = [leg for leg in self.legs if leg.market.currency == code and not leg.market.spot and leg.position.quantity]
        if not mine or (bad := self.cushion(code, scene, mine)) > 0:
            return
        good, backing = self.cushion(code, "open", mine), self.backing(code)
        way = good / (good - bad) if good > 0 else ZERO
        for leg in mine:
            start, end = self.price(leg.market, "open"), self.price(leg.market, scene)
            exact = self.border(leg, backing) if len(mine) == 1 and way > 0 else None
            price = start + way * (end - start) if exact is None else exact
            self.force_out(leg, price, max(ZERO, self.backing(code)) if len(mine) == 1 else HUGE)
        self.balance[code] += max(ZERO, -self.backing(code))

    # --- targets -----------------------------------------------------------------------------------------------------------
    def sized(self, leg: Leg, target: float, price: Decimal) -> tuple[Decimal, bool]:
        """Return the change that brings a leg to a target, and whether the venue refuses it."""
        m, held = leg.market, leg.position.quantity
        wanted = m.lots(exactly(abs(target)) * max(ZERO, self.total()) / (m.value(price) * self.rate(m.currency)))
        change = (wanted if target > 0 else -wanted if target else ZERO) - held
        least = max(m.rules.lot_size / 2, abs(held) / 10**12)
        change = ZERO if target and abs(change) < least else change
        reduces = held * change < 0 and abs(change) <= abs(held)
        return change, (m.spot or not reduces) and m.small(abs(change), price)

    def state_target(self, m: Market, signal: Signal, arrival: int) -> None:
        leg, target = m.legs[signal.side], float(signal.target)
        target = max(0.0, target) if signal.side == "long" else -abs(target) if signal.side == "short" else target
        target = 0.0 if m.spot and target < 0 else target
        if (self.a.rebalance == "change" and target == leg.wanted) or not m.mark or m.gone:
            return
        (change, refused), leg.wanted = self.sized(leg, target, m.mark), target
        worth = abs(change) * m.value(m.mark) * self.rate(m.currency)
        if self.a.rebalance == "always" and target and worth <= exactly(self.a.drift_tolerance) * self.total():
            change = ZERO
        if leg.order:
            self.end(leg.order, "cancelled")
        if change and not (self.a.sizing == "decision" and refused):
            ask = OrderRequest(instrument=m.rules.id, side="buy", fraction=1.0)
            leg.order = Order(leg, ask, 1 if change > 0 else -1, abs(change), arrival)

    def fill_targets(self, at_close: bool) -> None:
        for part, leg in ((part, leg) for part in ("size", "reduce", "open") for leg in self.legs):
            order, m, row, held = leg.order, leg.market, leg.market.rows[self.t], leg.position.quantity
            if not order or not row or not row.fit or m.gone or not (at_close or order.arrival < row.time + self.period):
                continue
            if part == "size" and self.a.sizing == "fill" and order.status == "travelling":
                order.side, order.status = (1 if (leg.wanted or 0) > 0 or held < 0 else -1), "resting"
                change, refused = self.sized(leg, leg.wanted or 0.0, m.mark if at_close else self.arrival_price(order, row))
                order.side, order.left = (1 if change > 0 else -1), abs(change)
                if not change or refused:
                    self.end(order, "rejected")
            elif part == "open" or (part == "reduce" and held * order.side < 0):
                price, most = m.mark if at_close else self.arrival_price(order, row), abs(held) if part == "reduce" else HUGE
                if self.execute(order, min(order.left, most), price, False, ZERO, part) or order.left <= 0:
                    self.end(order, "filled")

    # --- the strategy's own orders -----------------------------------------------------------------------------------------
    def resting(self) -> Iterator[tuple[Order, Row]]:
        for order in list(self.orders):
            row = order.leg.market.rows[self.t]
            if row and row.fit and order.status in {"resting", "limited"}:
                yield order, row

    def arrival_price(self, order: Order, row: Row) -> Decimal:
        late = min(ONE, max(ZERO, Decimal(order.arrival - row.time) / self.period))
        return row.open + late * ((row.high if order.side > 0 else row.low) - row.open)

    def end(self, order: Order, state: str) -> None:
        order.status, self.orders = state, [other for other in self.orders if other is not order]
        order.leg.order = None if order.leg.order is order else order.leg.order

    def reducible(self, order: Order) -> Decimal:
        held = order.leg.position.quantity
        return abs(held) if held * order.side < 0 else ZERO

    def waits(self, order: Order) -> bool:
        return order.ask.reduce_only and not self.reducible(order)

    def fill_order(self, order: Order, price: Decimal, maker: bool, limit: Decimal = ZERO, most: Decimal = HUGE) -> None:
        before, only, ask = order.filled, order.ask.reduce_only, order.ask
        refused = self.execute(order, min(order.left, most, self.reducible(order) if only else HUGE), price, maker, limit, "")
        if order.filled > before and ask.group:
            for other in [
                o for o in self.orders if (o.ask.group, o.leg.market) == (ask.group, order.leg.market) and o is not order
            ]:
                self.end(other, "cancelled")
        if order.left <= 0 or refused or (only and order.filled > before and not self.reducible(order)):
            self.end(order, "filled")

    def take(self, order: Order, price: Decimal, limit: Decimal = ZERO) -> None:
        at_once = order.ask.time_in_force in AT_ONCE
        unfillable = order.ask.time_in_force == "FOK" and order.left > order.leg.market.left
        if not self.waits(order) and not unfillable:
            self.fill_order(order, price, False, limit)
        elif order.ask.type == "market" or unfillable:
            self.end(order, "expired")
        if at_once and order in self.orders:
            self.end(order, "expired")

    def reached(self, order: Order, price: Decimal) -> bool:
        up = (order.side > 0) != (order.ask.type == "take_profit")
        return price >= self.level(order) if up else price <= self.level(order)

    def level(self, order: Order) -> Decimal:
        trailing = order.ask.type == "trailing_stop"
        return order.best * (ONE + order.side * exactly(order.ask.trail)) if trailing else order.stop

    def passes(self, order: Order, price: Decimal) -> bool:
        beyond = price < order.limit if order.side > 0 else price > order.limit
        return beyond or (price == order.limit and self.a.limit_fill == "touch")

    def touches(self, order: Order, row: Row) -> bool:
        limited = (order.ask.type == "limit" or order.status == "limited") and order.skip != self.t
        in_time = (order.ask.expire_ms or NEVER) >= row.time + self.period
        return limited and in_time and self.passes(order, row.low if order.side > 0 else row.high)

    def trigger(self, order: Order, price: Decimal) -> None:
        order.status, order.skip = "limited" if order.ask.type == "stop_limit" else "market", self.t
        if order.status == "market" or (price <= order.limit if order.side > 0 else price >= order.limit):
            self.take(order, price, order.limit)
        elif order.ask.time_in_force in AT_ONCE:
            self.end(order, "expired")

    def at_open(self, order: Order) -> None:
        row = order.leg.market.rows[self.t]
        if order in self.orders and min(order.cancel, order.ask.expire_ms or NEVER) <= self.now:
            self.end(order, "cancelled")
        elif order not in self.orders or row is None or not row.fit:
            return
        elif order.status == "travelling":
            if order.arrival < row.time + self.period:
                self.arrive(order, self.arrival_price(order, row))
        elif order.status == "market":
            self.take(order, row.open)
        elif order.ask.type == "limit" or order.status == "limited":
            if self.passes(order, row.open) and not self.waits(order):
                self.fill_order(order, order.limit, True)
        elif self.reached(order, row.open) and not self.waits(order):
            self.trigger(order, row.open)

    def arrive(self, order: Order, price: Decimal) -> None:
        order.best, order.status = price, "market" if order.ask.type == "market" else "resting"
        crosses = price <= order.limit if order.side > 0 else price >= order.limit
        if order.ask.type == "market" or (order.ask.type == "limit" and crosses and not order.ask.post_only):
            self.take(order, price, order.limit)
        elif order.ask.type == "limit" and (crosses or order.ask.time_in_force in AT_ONCE):
            self.end(order, "rejected" if crosses else "expired")
        elif order.ask.type != "limit" and self.reached(order, price) and not self.waits(order):
            self.trigger(order, price)

    def touch_stops(self) -> None:
        for order, row in self.resting():
            near = order.status == "resting" and order.ask.type in STOPS and not self.waits(order)
            if near and self.reached(order, row.high if order.side > 0 else row.low):
                self.trigger(order, (max if order.side > 0 else min)(self.level(order), row.open))

    def enter(self, order: Order, row: Row) -> None:
        if self.touches(order, row):
            self.fill_order(order, order.limit, True)
        elif order.ask.type == "take_profit" and self.reached(order, row.low if order.side > 0 else row.high):
            self.trigger(order, order.stop)

    def leave(self, order: Order, row: Row) -> None:
        allowed, reducible, far = order.leg.held, self.reducible(order), row.low if order.side > 0 else row.high
        if order.ask.type == "trailing_stop":
            order.best = (min if order.side > 0 else max)(order.best, far)
            if self.reached(order, row.close) and not self.waits(order):
                self.trigger(order, self.level(order))
        elif reducible and allowed > 0:
            if order.ask.type == "take_profit" and self.reached(order, far):
                self.trigger(order, order.stop)
            elif order.ask.type != "take_profit" and self.touches(order, row):
                self.fill_order(order, order.limit, True, most=HUGE if reducible <= allowed else allowed)

    # --- decisions ---------------------------------------------------------------------------------------------------------
    def decide(self, t: int) -> None:
        arrival = self.now + self.period + self.a.latency_ms
        for decision in self.decisions.get(t, []):
            m = next(m for m in self.markets if m.rules.id == decision.instrument)
            if isinstance(decision, Signal):
                self.state_target(m, decision, arrival)
            elif isinstance(decision, CancelOrders):
                for order in [o for o in self.orders if o.leg.market is m and decision.tag in {"", o.ask.tag}]:
                    order.cancel = min(order.cancel, arrival)
            else:
                self.place(m, decision, arrival)
        if self.a.fill == "close":
            self.fill_targets(at_close=True)

    def place(self, m: Market, ask: OrderRequest, arrival: int) -> None:
        side, quantity = 1 if ask.side == "buy" else -1, exactly(ask.quantity)
        limit, stop = m.rules.round_price(exactly(ask.limit_price), ask.side), m.rules.round_price(exactly(ask.stop_price))
        price, exempt = limit or stop or m.mark, ask.reduce_only and not m.spot
        if ask.fraction is not None and m.mark:
            quantity = exactly(ask.fraction) * max(ZERO, self.total()) / (m.value(price) * self.rate(m.currency))
        quantity = m.lots(quantity)
        if m.mark and not m.gone and quantity > 0 and (exempt or not m.small(quantity, limit or m.mark)):
            self.orders.append(Order(m.legs[ask.position_side], ask, side, quantity, arrival, limit, stop))
