"""Whose share of an account's position is whose. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantservice.core.instruments import InstrumentId
from quantservice.core.money import ZERO, exact
from quantservice.core.positions import PositionSide
from quantservice.ports import HeldPosition


@exact
def shares_of(held: Sequence[HeldPosition]) -> list[HeldPosition]:
    """Return what is held by deployments, and what of the account's own belongs to none of them."""
    shares = [item for item in held if item.deployment and item.position.quantity]
    for item in held:
        if item.deployment:
            continue
        leg = leg_of(item)
        of_others = sum((share.position.quantity for share in shares if leg_of(share) == leg), ZERO)
        rest = item.position.quantity - of_others
        if rest:
            shares.append(msgspec.structs.replace(item, position=msgspec.structs.replace(item.position, quantity=rest)))
    return shares


def leg_of(item: HeldPosition) -> tuple[InstrumentId, PositionSide]:
    """Return the leg that a share is of."""
    return item.position.instrument, item.position.side


def one_way(shares: Sequence[HeldPosition]) -> set[tuple[InstrumentId, PositionSide]]:
    """Return the legs whose shares have one sign: an order against a share there can only reduce the account's position."""
    signs: dict[tuple[InstrumentId, PositionSide], set[bool]] = {}
    for item in shares:
        signs.setdefault(leg_of(item), set()).add(item.position.quantity > 0)
    return {leg for leg, found in signs.items() if len(found) == 1}


@exact
def covers(shares: Sequence[HeldPosition]) -> list[Decimal]:
    """Return how much of each share the account's own position covers: together no more than it, the largest shares first.

    Where all shares of a leg have one sign it covers them whole; what is on the other side it covers not at all.
    """
    left: dict[tuple[InstrumentId, PositionSide], Decimal] = {}
    for item in shares:
        left[leg_of(item)] = left.get(leg_of(item), ZERO) + item.position.quantity
    found = [ZERO] * len(shares)
    for place in sorted(range(len(shares)), key=lambda place: (-abs(shares[place].position.quantity), shares[place].deployment)):
        item, net = shares[place], left[leg_of(shares[place])]
        if net and (net > 0) == (item.position.quantity > 0):
            taken = min(abs(item.position.quantity), abs(net))
            found[place] = taken
            left[leg_of(item)] = net - taken if net > 0 else net + taken
    return found
