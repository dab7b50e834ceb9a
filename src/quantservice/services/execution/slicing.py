"""Large orders in parts: what goes now, and the child intents of a parent. Pure.

A child's id is a function of its parent and its place in the plan, so that a plan made again after a restart is the same plan and
nothing is sent twice. The parts add up to the parent's quantity to the last step, and none is below the venue's least.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument
from quantservice.core.intents import Intent, intent_id
from quantservice.core.money import ZERO, exact, round_to_step


@exact
def iceberg(parent: Intent, *, shown: Decimal, filled: Decimal, number: int, now_ns: int) -> Intent | None:
    """Return the next part of an iceberg once the one before is filled; None when the parent is complete.

    ``shown``: the quantity that the market sees at once; ``filled``: of all parts so far; ``number``: how many there were.
    """
    if shown <= 0:
        raise InvalidValue("shown", f"{shown} must be above zero")
    left = parent.terms.quantity - filled
    return None if left <= 0 else child(parent, number, min(shown, left), now_ns=now_ns, until_ns=parent.valid_until_ns)


def chase(
    parent: Intent, instrument: Instrument, *, touch: Decimal, limit: Decimal, number: int, left: Decimal, now_ns: int
) -> Intent | None:
    """Return the limit order that follows the touch price, never beyond ``limit``; None where it would have to go beyond."""
    buy = parent.terms.side == "buy"
    price = instrument.round_price(min(touch, limit) if buy else max(touch, limit), parent.terms.side)
    if left <= 0 or (touch > limit if buy else touch < limit):
        return None
    made = child(parent, number, left, now_ns=now_ns, until_ns=parent.valid_until_ns)
    terms = msgspec.structs.replace(made.terms, type="limit", limit_price=price, post_only=parent.terms.post_only)
    return msgspec.structs.replace(made, terms=terms)


def part_now(left: Decimal, instrument: Instrument, *, price: Decimal, weights: Sequence[Decimal]) -> Decimal:
    """Return how much of what is left goes now, where ``weights`` are the shares of this time and of those that follow.

    What was not filled in the times before is spread over these: nothing is made up for at once. 0 where it is too small yet.
    """
    if not any(weights):
        weights = [Decimal(1)]
    place, quantity = quantities(left, instrument, price=price, weights=weights)[0]
    return quantity if place == 0 else ZERO


@exact
def quantities(total: Decimal, instrument: Instrument, *, price: Decimal, weights: Sequence[Decimal]) -> list[tuple[int, Decimal]]:
    """Divide a quantity by weights: (place, quantity) of parts of which none is below the venue's least, adding up to it."""
    lot, least = instrument.lot_size, _least(instrument, price)
    whole = sum(weights, ZERO)
    parts: list[tuple[int, Decimal]] = []
    planned = carried = ZERO
    for place, weight in enumerate(weights):
        carried += total * weight / whole
        last = place == len(weights) - 1  # what rounding left is its own
        quantity = total - planned if last else round_to_step(carried, lot, "ROUND_FLOOR")
        rest = total - planned - quantity
        if quantity < least or (0 < rest < least):
            continue  # too small by itself, or it would leave too little: it goes with the next
        parts.append((place, quantity))
        planned += quantity
        carried -= quantity
    if planned < total:  # too small for a part of its own: it goes with the one before
        place, quantity = parts.pop() if parts else (len(weights) - 1, ZERO)
        parts.append((place, quantity + total - planned))
    return parts


def _least(instrument: Instrument, price: Decimal) -> Decimal:
    worth = instrument.notional(price, Decimal(1))
    by_value = round_to_step(instrument.min_notional / worth, instrument.lot_size, "ROUND_CEILING")
    return max(instrument.min_quantity, by_value, instrument.lot_size)


def child(parent: Intent, number: int, quantity: Decimal, *, now_ns: int, until_ns: int) -> Intent:
    """Return part ``number`` of a parent: its id is a function of both."""
    return msgspec.structs.replace(
        parent,
        intent_id=intent_id(parent.terms.account, parent.deployment, f"child:{parent.intent_id}", number),
        terms=msgspec.structs.replace(parent.terms, quantity=quantity),
        purpose="algorithm",
        parent=parent.intent_id,
        created_ns=now_ns,
        valid_until_ns=min(until_ns, parent.valid_until_ns) if parent.valid_until_ns else until_ns,
        causation_id=parent.intent_id,
    )
