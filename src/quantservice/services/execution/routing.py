"""Which account takes an order at the least cost. Pure: the same candidates give the same choice, whatever order they come in.

Every figure is a share of the order's value, against one reference: the best middle price among those that can take it. So a venue
with a higher price is dearer by the difference, and fees, half the spread and what a large order moves stand beside it. What is not
known is assumed to our disadvantage, and said: no quote, no sizes, no fees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.core.instruments import Instrument, InstrumentId, Side
from quantservice.core.money import ONE, ZERO, exact, round_to_digits
from quantservice.core.signals import OrderType

#: What is assumed for half the spread, and for what it moves, where there is a last price and no quote.
NO_QUOTE: Final = Decimal("0.001")
#: What is assumed for fees that were never read: above the first tier of the venues that we know, both sides.
UNKNOWN_FEE: Final = Decimal("0.002")
_TWO: Final = Decimal(2)
_DIGITS: Final = 12  # of a share
_MONEY_DIGITS: Final = 8


class RouteWish(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be traded, wherever: as of :class:`OrderWish` what decides the cost."""

    side: Side
    quantity: Decimal
    type: OrderType = "market"
    limit_price: Decimal | None = None
    post_only: bool = False


class Touch(msgspec.Struct, frozen=True, kw_only=True):
    """Best bid and ask with the quantities that rest there."""

    bid: Decimal
    ask: Decimal
    bid_quantity: Decimal = ZERO
    ask_quantity: Decimal = ZERO


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An account with its own instrument of the same thing.

    ``free``: what it may spend, of the quote or settlement currency (of the base, for a spot sale). ``touch`` and ``last``: None
    where nothing came lately.
    """

    account: str
    instrument: Instrument
    enabled: bool = True
    ready: bool = True
    free: Decimal | None = None
    maker: Decimal | None = None
    taker: Decimal | None = None
    touch: Touch | None = None
    last: Decimal | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What an order costs at one account, as shares of its value; or, in ``refusal``, why it cannot take it.

    ``price``: by how much its middle price is worse than the best one's. ``cost`` is the sum, ``amount`` the same as money of
    ``currency``. ``notes`` say what was assumed.
    """

    account: str
    instrument: InstrumentId
    refusal: str = ""
    price: Decimal = ZERO
    spread: Decimal = ZERO
    impact: Decimal = ZERO
    fee: Decimal = ZERO
    cost: Decimal = ZERO
    amount: Decimal = ZERO
    currency: str = ""
    notes: tuple[str, ...] = ()

    @property
    def takes(self) -> bool:
        """Whether it can take the order."""
        return not self.refusal


@exact
def rank(wish: RouteWish, candidates: Iterable[Candidate]) -> list[Offer]:
    """Return an offer per candidate: those that can take the order, cheapest first and by name where equal, then the others."""
    found = sorted(candidates, key=lambda item: item.account)
    refused = [
        Offer(account=item.account, instrument=item.instrument.id, refusal=why) for item in found if (why := refusal(wish, item))
    ]
    able = [item for item in found if not refusal(wish, item)]
    if not able:
        return refused
    middles = [middle for item in able if (middle := _middle(item)) is not None]
    reference = min(middles) if wish.side == "buy" else max(middles)
    offers = [_offer(wish, item, reference) for item in able]
    return [*sorted(offers, key=lambda offer: (offer.cost, offer.account)), *refused]


def same_thing(one: Instrument, other: Instrument) -> bool:
    """Say whether two instruments are the same thing at different venues: an order of one can be an order of the other."""
    return (one.id.market, one.base, one.quote, one.settle, one.inverse, one.contract_size, _term(one)) == (
        other.id.market,
        other.base,
        other.quote,
        other.settle,
        other.inverse,
        other.contract_size,
        _term(other),
    )


def _term(instrument: Instrument) -> str:
    """Return what follows base and quote in a symbol: PERP, or the day on which it ends."""
    return instrument.id.symbol.partition("-")[2].partition("-")[2]


@exact
def refusal(wish: RouteWish, item: Candidate) -> str:
    """Return why an account cannot take an order, as its venue's rules and its money say; empty where it can."""
    rules = item.instrument
    if not item.enabled:
        return "it is switched off"
    if not item.ready:
        return "it is not reconciled with its venue, or not traded here"
    if rules.status != "trading":
        return f"{rules.id} is {rules.status} there"
    middle = _middle(item)
    if middle is None:
        return f"no price of {rules.id} is known"
    if rules.round_quantity(wish.quantity) != wish.quantity:
        return f"{_plain(wish.quantity)} is no multiple of its lot, {_plain(rules.lot_size)}"
    if wish.limit_price is not None and rules.round_price(wish.limit_price) != wish.limit_price:
        return f"{_plain(wish.limit_price)} is no multiple of its tick, {_plain(rules.tick_size)}"
    if wish.quantity < rules.min_quantity:
        return f"{_plain(wish.quantity)} is less than its least quantity, {_plain(rules.min_quantity)}"
    at = wish.limit_price or _paid(wish, item) or middle
    value = rules.notional(at, wish.quantity)
    if value < rules.min_notional:
        return f"the value {_plain(value)} is less than its least, {_plain(rules.min_notional)}"
    if wish.post_only and _crosses(wish, item):
        return "it would not rest there, and it may only rest"
    return _too_poor(wish, item, value)


def _too_poor(wish: RouteWish, item: Candidate, value: Decimal) -> str:
    rules = item.instrument
    sells = rules.id.market == "spot" and wish.side == "sell"
    currency = rules.base if sells else rules.quote if rules.id.market == "spot" else rules.settle
    needed = wish.quantity if sells else value * (ONE + max(ZERO, _rate(wish, item)[0]))
    if item.free is None:
        return f"what it has of {currency} is not known"
    if item.free < needed:
        return f"it has {_plain(item.free)} {currency} free and needs {_plain(needed)}, without leverage"
    return ""


def _offer(wish: RouteWish, item: Candidate, reference: Decimal) -> Offer:
    rules, notes = item.instrument, []
    middle = _middle(item)
    assert middle is not None  # noqa: S101 - whoever has no price was refused
    rate, assumed = _rate(wish, item)
    if assumed:
        notes.append(f"its fees were never read: {_percent(rate)} is assumed")
    price = spread = impact = ZERO
    if _takes_now(wish, item):
        price = (middle - reference if wish.side == "buy" else reference - middle) / reference
        if item.touch is None:
            spread = NO_QUOTE
            notes.append(f"no quote came lately: its last price and {_percent(NO_QUOTE)} are assumed")
        else:
            spread = (item.touch.ask - item.touch.bid) / _TWO / reference
            impact, known = _impact(wish, item.touch, rules)
            impact /= reference
            if not known:
                notes.append("what rests at its best price is not known: half the spread is assumed once more")
    else:
        notes.append("it rests at its limit: the fee alone counts")
    price, spread, impact = (round_to_digits(share, _DIGITS) for share in (price, spread, impact))
    cost = price + spread + impact + rate
    value = rules.notional(wish.limit_price or reference, wish.quantity)
    return Offer(
        account=item.account,
        instrument=rules.id,
        price=price,
        spread=spread,
        impact=impact,
        fee=rate,
        cost=cost,
        amount=round_to_digits(cost * value, _MONEY_DIGITS),
        currency=rules.quote if rules.id.market == "spot" else rules.settle,
        notes=tuple(notes),
    )


def _impact(wish: RouteWish, touch: Touch, rules: Instrument) -> tuple[Decimal, bool]:
    """Return by how much the average price is worse than the best, and whether the sizes are known.

    Behind the best price as much rests at each further step of a spread (a tick at least): a thin book costs more than it may.
    """
    there = touch.ask_quantity if wish.side == "buy" else touch.bid_quantity
    step = max(touch.ask - touch.bid, rules.tick_size)
    if there <= 0:
        return step / _TWO, False
    return max(ZERO, wish.quantity / there - ONE) / _TWO * step, True


def _middle(item: Candidate) -> Decimal | None:
    return item.last if item.touch is None else (item.touch.bid + item.touch.ask) / _TWO


def _paid(wish: RouteWish, item: Candidate) -> Decimal | None:
    if item.touch is None:
        return None
    return item.touch.ask if wish.side == "buy" else item.touch.bid


def _crosses(wish: RouteWish, item: Candidate) -> bool:
    """Say whether a limit order would trade at once, by the best price of the other side or else the last one."""
    paid = _paid(wish, item) or item.last
    if wish.limit_price is None or paid is None:
        return True
    return wish.limit_price >= paid if wish.side == "buy" else wish.limit_price <= paid


def _takes_now(wish: RouteWish, item: Candidate) -> bool:
    return wish.type == "market" or _crosses(wish, item)


def _rate(wish: RouteWish, item: Candidate) -> tuple[Decimal, bool]:
    """Return the fee's share of the value, and whether it is assumed."""
    rate = item.taker if _takes_now(wish, item) else item.maker
    return (UNKNOWN_FEE, True) if rate is None else (rate, False)


def nothing_takes(offers: Sequence[Offer]) -> str:
    """Return the sentence for an order that no account can take."""
    if not offers:
        return "no account trades this; qs accounts list shows the accounts"
    return "no account can take it: " + "; ".join(f"{offer.account}: {offer.refusal}" for offer in offers)


def sentence_of(offer: Offer) -> str:
    """Return why an account costs what it does."""
    if offer.refusal:
        return offer.refusal
    parts = [("fee", offer.fee), ("half the spread", offer.spread), ("its size", offer.impact), ("a worse price", offer.price)]
    said = ", ".join(f"{name} {_percent(share)}" for name, share in parts if share)
    return "; ".join([f"{_percent(offer.cost)} in all ({said or 'nothing'})", *offer.notes])


def _percent(share: Decimal) -> str:
    return f"{_plain(round(share * 100, 4))} %"


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
