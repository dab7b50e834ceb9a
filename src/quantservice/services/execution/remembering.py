"""What one process remembers of an account's orders and fills: it is their only writer while it holds the lease.

The store stays the truth: what is not remembered is asked of it, and nothing is remembered before its commit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import Order

#: Orders that have ended, and fills, that are remembered.
_ENDED: Final = 4_096
_FILLS: Final = 20_000


class Memory:
    """Orders by their id and by the venue's, and fills and movements that are booked. Changes count from :meth:`keep` on."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._open: dict[str, None] = {}
        self._ended: dict[str, None] = {}
        self._unbooked: dict[str, None] = {}
        self._by_venue: dict[tuple[InstrumentId, str], str] = {}
        self._booked: dict[str, None] = {}
        self._fresh: dict[str, Order] = {}
        self._fresh_booked: list[str] = []
        #: Instrument -> when an order of it last changed (ns).
        self.touched: dict[InstrumentId, int] = {}
        #: Instrument -> fills booked since the start.
        self.fills: dict[InstrumentId, int] = {}
        self.loaded = False

    # --- reading -------------------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> Order | None:
        """Return an order, also as the commit under way makes it."""
        found = self._fresh.get(order_id)
        return self._orders.get(order_id) if found is None else found

    def of_venue(self, instrument: InstrumentId, venue_order_id: str) -> Order | None:
        """Return the order that the venue knows by an id."""
        for order in self._fresh.values():
            if order.venue_order_id == venue_order_id and order.terms.instrument == instrument:
                return order
        order_id = self._by_venue.get((instrument, venue_order_id))
        return None if order_id is None else self.order(order_id)

    def committed(self, order_id: str) -> bool:
        """Say whether an order is surely in the store."""
        return order_id in self._orders

    def is_booked(self, key: str) -> bool:
        """Say whether a fill or movement is booked; False where that is not remembered."""
        return key in self._booked

    def open(self) -> list[Order]:
        """Return the orders that have not ended, oldest first."""
        return sorted((self._orders[order_id] for order_id in self._open), key=lambda order: order.created_ns)

    def unbooked(self) -> list[Order]:
        """Return the orders that have ended and whose fills are not all booked: they will still change a position."""
        return [self._orders[order_id] for order_id in self._unbooked]

    # --- changing ------------------------------------------------------------------------------------------------------

    def load(self, orders: Iterable[Order]) -> None:
        """Begin anew with orders of the store; what the commit under way makes still counts at its end."""
        for known in (
            self._orders,
            self._open,
            self._ended,
            self._unbooked,
            self._by_venue,
            self._booked,
            self.touched,
            self.fills,
        ):
            known.clear()
        for order in orders:
            self._take(order)
        self.loaded = True

    def put(self, order: Order) -> None:
        """Take an order as the commit under way makes it."""
        self._fresh.pop(order.order_id, None)  # what changed last is told last
        self._fresh[order.order_id] = order

    def book(self, key: str) -> None:
        """Take a fill or movement that the commit under way books."""
        self._fresh_booked.append(key)

    def keep(self) -> list[Order]:
        """The commit is durable: return the orders that it changed, as they are now."""
        changed = list(self._fresh.values())
        for order in changed:
            self._take(order)
        self._booked.update(dict.fromkeys(self._fresh_booked))
        self.lose()
        while len(self._ended) > _ENDED:
            self._forget(next(iter(self._ended)))
        while len(self._booked) > _FILLS:
            del self._booked[next(iter(self._booked))]
        return changed

    def _take(self, order: Order) -> None:
        order_id, instrument = order.order_id, order.terms.instrument
        self._orders[order_id] = order
        if order.venue_order_id:
            self._by_venue[instrument, order.venue_order_id] = order_id
        self.touched[instrument] = max(order.updated_ns, self.touched.get(instrument, 0))
        self._ended.pop(order_id, None)
        self._open.pop(order_id, None)
        self._unbooked.pop(order_id, None)
        if order.final and order.unbooked > 0:
            self._unbooked[order_id] = None
        (self._ended if order.final else self._open)[order_id] = None

    def lose(self) -> None:
        """The commit did not happen."""
        self._fresh.clear()
        self._fresh_booked.clear()

    def _forget(self, order_id: str) -> None:
        del self._ended[order_id]
        self._unbooked.pop(order_id, None)
        order = self._orders.pop(order_id, None)
        if order is not None and order.venue_order_id:
            self._by_venue.pop((order.terms.instrument, order.venue_order_id), None)
