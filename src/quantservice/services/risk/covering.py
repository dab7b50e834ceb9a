"""Whether an account's own position covers what a deployment wants to reduce. Pure.

Deployments share an account in one-way mode: where another one holds the opposite, the account's position is smaller than the
deployment's part of it, or on the other side, and a venue refuses an order that may only reduce. Such an order is sent as a plain
one, and only where all that the deployment has in flight against its part, this order too, is no more than that part: it cannot
turn the part over, whatever fills first. What rests stays an order that may only reduce: a plain one would be left behind, and open
something, when the part is closed otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from quantservice.core.intents import Intent, OrderTerms
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Order

if TYPE_CHECKING:
    from quantservice.services.risk.exposure import Exposed


def as_the_venue_takes_it(intent: Intent, account: Exposed, share_of: Callable[[str], Exposed | None]) -> Intent:
    """Return an intent whose order may only reduce where the account's position covers it, everything in flight counted.

    A person's order stays as it was typed, and one that is more than its deployment's part too: the venue holds it back.
    """
    terms = intent.terms
    if not uncovered(intent, account, share_of) or not closes(terms, share_of(intent.deployment)):
        return intent
    return msgspec.structs.replace(intent, terms=msgspec.structs.replace(terms, reduce_only=False))


@exact
def uncovered(intent: Intent, account: Exposed, share_of: Callable[[str], Exposed | None]) -> bool:
    """Say whether an order that only reduces a deployment's part, and ends at once, is more than the account's position covers."""
    terms = intent.terms
    at_once = terms.type == "market" or terms.time_in_force in ("IOC", "FOK")
    return bool(terms.reduce_only and at_once and intent.deployment) and not _covered(intent, account, share_of)


@exact
def closes(terms: OrderTerms, share: Exposed | None) -> bool:
    """Say whether an order only makes a share smaller, also when all that is in flight of it is filled first."""
    held = ZERO if share is None else held_against(share, terms)
    return share is not None and held > 0 and share.left(terms.side, leg=terms.position_side) + terms.quantity <= held


def held_against(found: Exposed, terms: OrderTerms) -> Decimal:
    """Return how much an order of a side can reduce of its leg."""
    held = found.legs.get(terms.position_side, ZERO)
    return max(ZERO, held if terms.side == "sell" else -held)


def _covered(intent: Intent, account: Exposed, share_of: Callable[[str], Exposed | None]) -> bool:
    terms = intent.terms
    held = held_against(account, terms)
    if account.left(terms.side, leg=terms.position_side) + terms.quantity <= held:
        return True
    # stop and target of one part rest beside each other: together they take no more than the part
    wanted = {intent.deployment: terms.quantity}
    plain = ZERO
    for order in _same_way(terms, account.flying.values()):
        if order.terms.reduce_only:
            wanted[order.deployment] = wanted.get(order.deployment, ZERO) + order.unbooked
        else:
            plain += order.unbooked
    for name, quantity in wanted.items():
        share = share_of(name) if name else None
        plain += quantity if share is None else min(quantity, held_against(share, terms))
    return plain <= held


def _same_way(terms: OrderTerms, orders: Iterable[Order]) -> Iterable[Order]:
    return (item for item in orders if (item.terms.side, item.terms.position_side) == (terms.side, terms.position_side))
