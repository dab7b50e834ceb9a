"""Rules asked of a past stream of orders: what they would have denied, and what that would have saved and cost.

Every past order is judged by the account as it was when the order was made: positions, orders in flight, wallet, equity and the
rates are rebuilt from orders, fills, journal and one-minute closes, in their order. The money is that of :mod:`.attribution`:
what the blocked orders opened, closed first in, first out, the open rest at the last price; losses are saved, profits forgone
are the cost.

Limits. The past is taken as it happened: an order that would have been blocked is still there for the orders after it, and what
the strategy would have done instead is not known. An order that was amended is judged by its last terms. A blocked order that
only closed something has no money here. Between two closes a price is up to a minute old, so peak and day's loss are those of
closes and fills. What risk control had denied at the time never became an order and is not judged again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.fees import worth_of_fees
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Denied, Intent
from quantservice.core.ledger import FEE, PAID_IN, WALLET
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Order, OrderState, VenueFill
from quantservice.core.positions import Position, PositionSide
from quantservice.core.worth import worth_of
from quantservice.ports import HeldPosition, JournalRow, StrategyQuota, TradingAccount
from quantservice.quant.risk_rules import POSITION_RULES, RiskRule, RiskView
from quantservice.services.risk.attribution import Lots, Outcome
from quantservice.services.risk.desk import rehearse
from quantservice.services.risk.exposure import ExposureBook, InstrumentOf

_MS_NS: Final = 1_000_000
_CLOSES_NS: Final = 120_000 * _MS_NS  # as long as closes come, the price is the last close, as it is in trading
#: Rules that ask for something that is kept nowhere.
UNKEPT: Final[Mapping[str, str]] = {
    "fresh_data": "how old a price was when an order was made is not kept",
    "trusted_data": "which data was not to be trusted when an order was made is not kept",
    "margin_ratio": "the venue's margin ratio when an order was made is not kept",
    **dict.fromkeys(POSITION_RULES, "it watches positions, not orders; a backtest with stops shows what it does"),
}


class Mark(msgspec.Struct, frozen=True):
    """The close of a bar, known from ``time_ms`` on."""

    instrument: InstrumentId
    time_ms: int
    price: Decimal


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an account: orders, all fills (with order id and deployment), the journal, what is held now, closes."""

    account: TradingAccount
    orders: Sequence[Order] = ()
    fills: Sequence[tuple[VenueFill, str, str]] = ()
    entries: Sequence[JournalRow] = ()
    held: Sequence[HeldPosition] = ()
    marks: Sequence[Mark] = ()
    quotas: Mapping[str, StrategyQuota] = {}


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """What blocking orders would have saved (losses avoided) and cost (profits forgone), in one currency, after fees."""

    currency: str
    saved: Decimal = ZERO
    cost: Decimal = ZERO


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """An order that a rule would have denied, and what came of it. ``profit`` is None where it opened nothing."""

    order: Order
    denied: Denied
    outcome: Outcome | None = None


class RuleRehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's part, or (``name`` empty) that of all rules together, where an order counts once."""

    name: str
    parameters: Mapping[str, Any] = {}
    blocked: tuple[Blocked, ...] = ()
    money: tuple[Money, ...] = ()

    @property
    def closing(self) -> int:
        """How many of the blocked orders opened nothing, so that no money is counted for them."""
        return sum(item.outcome is None or not item.outcome.opened for item in self.blocked)


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What rules would have done. ``left_out``: orders of others, or of instruments whose rules are not known any more."""

    judged: int
    left_out: int
    rules: tuple[RuleRehearsal, ...]
    together: RuleRehearsal
    without_price: int = 0  # judged where no price was known yet: a market order is worth nothing then

    @property
    def sentence(self) -> str:
        """The whole in one line."""
        money = "; ".join(f"saved {_short(item.saved)}, cost {_short(item.cost)} {item.currency}" for item in self.together.money)
        blocked = len(self.together.blocked)
        return (
            f"would have blocked {blocked} of {self.judged} order{'' if self.judged == 1 else 's'}{f': {money}' if money else ''}"
        )


_Event: TypeAlias = tuple[int, int, int, Any]  # time (ns), rank among those of one instant, place, what happened
_MARK, _ENTRY, _FILL, _END, _ORDER = range(5)


def rehearse_orders(
    past: Past, rules: Sequence[RiskRule], instrument_of: InstrumentOf, *, start_ms: int, end_ms: int, deployment: str | None = None
) -> Rehearsal:
    """Ask rules of the orders made in ``[start_ms, end_ms)``, of one deployment where it is given; outcomes are followed to now."""
    for rule in rules:
        if rule.name in UNKEPT:
            raise InvalidValue("rule", f"{rule.name} cannot be asked of the past: {UNKEPT[rule.name]}")
    replay = _Replay(past, instrument_of, range(start_ms * _MS_NS, end_ms * _MS_NS), deployment)
    found = rehearse(rules, replay.views())
    outcomes = replay.lots.outcomes(replay.prices)
    made: list[RuleRehearsal] = []
    first: dict[str, Blocked] = {}
    for rule in rules:
        blocked = tuple(
            Blocked(order=replay.judged[item.intent.intent_id], denied=item, outcome=outcomes.get(item.intent.intent_id))
            for item in found[rule.name]
        )
        for item in blocked:
            first.setdefault(item.order.order_id, item)
        made.append(RuleRehearsal(name=rule.name, parameters=msgspec.to_builtins(rule), blocked=blocked, money=_money(blocked)))
    together = tuple(sorted(first.values(), key=lambda item: item.order.created_ns))
    return Rehearsal(
        judged=len(replay.judged),
        left_out=replay.left_out,
        rules=tuple(made),
        together=RuleRehearsal(name="", blocked=together, money=_money(together)),
        without_price=replay.without_price,
    )


class _Replay:
    """The account as it was, from one event to the next."""

    def __init__(self, past: Past, instrument_of: InstrumentOf, judging_ns: range, deployment: str | None) -> None:
        self._past, self._instrument_of = past, instrument_of
        self._judging_ns, self._deployment = judging_ns, deployment
        self._book = ExposureBook(past.account.name, instrument_of, past.account.currency)
        self._book.quotas.update(past.quotas)
        self._positions: dict[tuple[str, InstrumentId, PositionSide], Position] = {}
        self._orders: dict[str, Order] = {}
        self._wallet: dict[str, Decimal] = {}
        self._paid_in: dict[str, Decimal] = {}
        self._collateral = {past.account.currency}
        self._fees: dict[str, Decimal] = {}
        self._rates: dict[tuple[str, str], Decimal] = {}
        self._closed_ns: dict[InstrumentId, int] = {}
        self.prices: dict[InstrumentId, Decimal] = {}
        self.judged: dict[str, Order] = {}
        self.left_out = self.without_price = 0
        self.lots = Lots(lambda currency, into: self._rates.get((currency, into)))
        self._openings = _openings(past)

    def views(self) -> Iterator[tuple[Intent, RiskView]]:
        """Go through the past; give each order that is judged, in its surroundings."""
        for time_ns, kind, _, what in _timeline(self._past):
            if kind == _ORDER:
                yield from self._begin(what, time_ns)
            else:
                self._apply(kind, what, time_ns)

    def _apply(self, kind: int, what: Any, time_ns: int) -> None:
        if kind == _END:
            self._book.apply_order(what)
            return
        if kind == _MARK:
            self._closed_ns[what.instrument] = time_ns
            self._price(what.instrument, what.price, time_ns)
        elif kind == _ENTRY:
            for item in what.entry.postings:
                if item.account == WALLET:
                    _add(self._wallet, item.currency, item.amount)
                elif item.account in PAID_IN:
                    _add(self._paid_in, item.currency, -item.amount)
                elif item.account == FEE:
                    _add(self._fees, item.currency, item.amount)
        else:
            fill, order_id, deployment = what
            self._fill(fill, order_id, deployment, time_ns)
        self._value(time_ns)

    def _begin(self, order: Order, time_ns: int) -> Iterator[tuple[Intent, RiskView]]:
        """Take a new order: judge it where it is asked for, then let it fly."""
        terms = order.terms
        known = self._instrument_of(terms.instrument) is not None and not order.external
        wanted = order.created_ns in self._judging_ns and self._deployment in (None, order.deployment)
        self.left_out += wanted and not known
        if known:
            intent = Intent(
                intent_id=order.order_id, terms=terms, purpose=order.purpose, deployment=order.deployment, created_ns=time_ns
            )
            if wanted:
                self.judged[order.order_id] = order
                self.without_price += not self._book.price_of(terms.instrument)
                yield intent, self._book.view(intent, time_ns)
            self._book.note_sent(intent, time_ns)
        begun = msgspec.structs.replace(order, state=OrderState.APPROVED, filled=ZERO, reported=ZERO, cost=ZERO, amendment=None)
        self._orders[order.order_id] = begun
        self._book.apply_order(begun)

    def _fill(self, fill: VenueFill, order_id: str, deployment: str, time_ns: int) -> None:
        rules = self._instrument_of(fill.instrument)
        if rules is None:
            return
        if time_ns > self._closed_ns.get(fill.instrument, -_CLOSES_NS) + _CLOSES_NS:
            self._price(fill.instrument, fill.price, time_ns)
        order = self._orders.get(order_id)
        if order is not None:
            self._orders[order_id] = order = _filled(order, fill)
            self._book.apply_order(order)
        for name in ("", deployment) if deployment else ("",):
            key = (name, fill.instrument, fill.position_side)
            position = self._positions.get(key) or _flat(rules, fill.position_side)
            self._positions[key] = position = position.apply(fill.as_fill())
            self._book.apply_position(position, name, time_ns)
        self.lots.fill(rules, fill, order_id, deployment)

    def _price(self, instrument: InstrumentId, price: Decimal, time_ns: int) -> None:
        rules = self._instrument_of(instrument)
        if rules is None:
            return
        self.prices[instrument] = price
        self._rates[rules.base, rules.quote] = price
        if instrument.market != "spot":
            self._collateral.add(rules.settle)
        self._book.set_price(instrument, price, time_ns)
        for key in [key for key in self._openings if key[1] == instrument]:
            self._open(rules, key, self._openings.pop(key), price)

    def _open(self, rules: Instrument, key: tuple[str, InstrumentId, PositionSide], quantity: Decimal, price: Decimal) -> None:
        """Take what was held when the books were opened, at the first price that is known."""
        deployment, _, side = key
        self._positions[key] = position = _held(rules, side, quantity, price)
        self._book.apply_position(position, deployment)
        if not deployment:  # lots are of shares: the account's opening is nobody's
            self.lots.open_with(rules, side, "", quantity, price)

    def _value(self, time_ns: int) -> None:
        if self._wallet:
            worth = worth_of(
                self._wallet,
                self._paid_in,
                [position for (name, _, _), position in self._positions.items() if not name],
                self.prices,
                collateral=self._collateral,
                rules_of=self._instrument_of,
                rate_of=self._book.rate_of,
            )
            paid = {name: amount for name, amount in self._fees.items() if name not in self._collateral}
            fees = worth_of_fees(paid, self._past.account.currency, self._rates)
            equity = _sum([worth.equity, -fees])
            self._book.set_equity(
                equity, time_ns, free_margin=equity, paid_in=None if worth.unknown else worth.paid_in, sure=not worth.unknown
            )


def _timeline(past: Past) -> Iterable[_Event]:
    """Return everything in its order: of one instant first prices and money, then fills, ends and new orders."""
    created = {order.order_id: order.created_ns for order in past.orders}
    marks = ((mark.time_ms * _MS_NS, _MARK, place, mark) for place, mark in enumerate(past.marks))
    entries = ((row.entry.time * _MS_NS, _ENTRY, place, row) for place, row in enumerate(past.entries))
    fills = (
        (max(item[0].time_ms * _MS_NS, created.get(item[1], -1) + 1), _FILL, place, item)  # the venue's clock may be behind ours
        for place, item in enumerate(past.fills)
    )
    ends = (
        (max(order.updated_ns, order.created_ns + 1), _END, place, order) for place, order in enumerate(past.orders) if order.final
    )
    orders = ((order.created_ns, _ORDER, place, order) for place, order in enumerate(past.orders))
    return heapq.merge(*(sorted(events, key=lambda item: item[:3]) for events in (marks, entries, fills, ends, orders)), key=_place)


def _place(event: _Event) -> tuple[int, int, int]:
    return event[:3]


@exact
def _openings(past: Past) -> dict[tuple[str, InstrumentId, PositionSide], Decimal]:
    """Return per leg what was held before the first fill: what is held now less all fills; legs that begin flat are left out."""
    rest: dict[tuple[str, InstrumentId, PositionSide], Decimal] = {}
    for held in past.held:
        rest[held.deployment, held.position.instrument, held.position.side] = held.position.quantity
    for fill, _, deployment in past.fills:
        signed = fill.quantity if fill.side == "buy" else -fill.quantity
        for name in ("", deployment) if deployment else ("",):
            key = (name, fill.instrument, fill.position_side)
            rest[key] = rest.get(key, ZERO) - signed
    return {key: quantity for key, quantity in rest.items() if quantity}


def _flat(rules: Instrument, side: PositionSide) -> Position:
    return Position(instrument=rules.id, side=side, contract_size=rules.contract_size, inverse=rules.inverse)


@exact
def _held(rules: Instrument, side: PositionSide, quantity: Decimal, price: Decimal) -> Position:
    size = quantity * rules.contract_size
    return msgspec.structs.replace(_flat(rules, side), quantity=quantity, cost=size / price if rules.inverse else size * price)


@exact
def _filled(order: Order, fill: VenueFill) -> Order:
    filled = order.filled + fill.quantity
    return msgspec.structs.replace(order, state=OrderState.OPEN, filled=filled, reported=filled)


@exact
def _add(sums: dict[str, Decimal], currency: str, amount: Decimal) -> None:
    sums[currency] = sums.get(currency, ZERO) + amount


@exact
def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


@exact
def _money(blocked: Iterable[Blocked]) -> tuple[Money, ...]:
    sums: dict[str, list[Decimal]] = {}
    for item in blocked:
        if item.outcome is not None and item.outcome.opened:
            pair = sums.setdefault(item.outcome.currency, [ZERO, ZERO])
            pair[item.outcome.profit > 0] += abs(item.outcome.profit)
    return tuple(Money(currency=currency, saved=saved, cost=cost) for currency, (saved, cost) in sorted(sums.items()))


def _short(amount: Decimal) -> str:
    return f"{amount.quantize(Decimal('0.01')):f}"
