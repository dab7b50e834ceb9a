"""Events of an account -> balanced journal entries. Pure; an entry's id is a function of its cause, so it counts once.

Every entry moves money between ``wallet`` and one counter account: ``opening``, ``realised``, ``market`` (what spot is exchanged
against), ``fee``, ``funding``, ``transfer``, ``rebate``, ``insurance``, ``other``. So the wallet of a currency is always what was
there at the opening plus the flows, and the sum over all accounts is zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from quantservice.core.instruments import Instrument
from quantservice.core.ledger import FEE, WALLET, Entry, Posting
from quantservice.core.money import exact, round_to_digits
from quantservice.core.orders import VenueFill
from quantservice.ports.trading import AccountMovement, VenueBalance

OPENING: Final = "opening"
_COUNTERS: Final = {"funding": "funding", "transfer": "transfer", "rebate": "rebate", "fee": FEE, "insurance": "insurance"}
#: Decimals to which venues book profit and fees of derivatives.
BOOKED_DIGITS: Final = 8


def opening_entry(account: str, balances: Iterable[VenueBalance], *, time_ms: int) -> Entry:
    """Return the entry that opens the books with what the venue owes."""
    moves = [(OPENING, balance.currency, balance.total) for balance in balances]
    return _entry(f"opening:{account}", moves, time_ms=time_ms, reason="opening")


def movement_entry(movement: AccountMovement) -> Entry:
    """Return the entry of money that moved without a trade."""
    counter = _COUNTERS.get(movement.kind, "other")
    entry_id = f"movement:{movement.account}:{movement.movement_id}"
    return _entry(entry_id, [(counter, movement.currency, movement.amount)], time_ms=movement.time_ms, reason=movement.kind)


def entry_id_of(fill: VenueFill) -> str:
    """Return the id of a fill's entry."""
    return f"fill:{fill.key}"


@exact
def fill_entry(fill: VenueFill, instrument: Instrument, *, realised: Decimal) -> Entry:
    """Return the entry of a fill: base against quote (spot), or its profit (derivatives); and the fee in its own currency."""
    sign = 1 if fill.side == "buy" else -1
    if fill.instrument.market == "spot":
        moves = [
            ("market", instrument.base, sign * fill.quantity),
            ("market", instrument.quote, -sign * fill.quantity * fill.price),
        ]
    else:
        moves = [("realised", instrument.settle, realised)]
    moves.append((FEE, fill.fee_currency or instrument.settle, -fill.fee))
    return _entry(entry_id_of(fill), moves, time_ms=fill.time_ms, reason=fill.kind)


def booked(amount: Decimal) -> Decimal:
    """Round as venues book profits: to eight decimals, ties to even."""
    return round_to_digits(amount, BOOKED_DIGITS)


def _entry(entry_id: str, moves: Iterable[tuple[str, str, Decimal]], *, time_ms: int, reason: str) -> Entry:
    postings = [
        Posting(account=account, currency=currency, amount=amount)
        for counter, currency, moved in moves
        if moved
        for account, amount in ((WALLET, moved), (counter, -moved))
    ]
    return Entry(entry_id=entry_id, postings=tuple(postings), time=time_ms, reason=reason)
