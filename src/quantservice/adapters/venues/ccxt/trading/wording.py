"""Our orders in the library's words, and what of them an exchange does not have: that is never sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.ccxt.client import Client, text_of
from quantservice.adapters.venues.ccxt.trading.decode import Decoder
from quantservice.adapters.venues.ccxt.trading.queries import Queries
from quantservice.core.errors import RateLimited, Refused, VenueUnreachable
from quantservice.core.intents import OrderTerms
from quantservice.core.money import exact
from quantservice.ports.trading import NotSent

_SLIP: Final = Decimal("1.05")  # a market order to buy at spot may reach so far above the best price
_TIMES: Final = ("GTC", "IOC", "FOK")
_BY_COST: Final = "createMarketBuyOrderRequiresPrice"


class Asked(msgspec.Struct, frozen=True):
    """What the library is given. ``amount`` counts the exchange's units."""

    kind: str
    amount: float | str
    price: float | str | None
    params: Mapping[str, Any]


class Words:
    """The wording of one market's orders."""

    def __init__(self, client: Client, queries: Queries, decoder: Decoder) -> None:
        self._client = client
        self._queries = queries
        self._decoder = decoder

    def check(self, terms: OrderTerms) -> None:
        """Raise NotSent where such an order is not spoken, whatever the exchange."""
        if terms.type not in ("market", "limit"):
            raise self.unsupported(f"has no {terms.type} orders by ccxt that could be found again if their answer were lost")
        if self._client.market == "spot" and terms.position_side != "both":
            raise self.unsupported("has no positions, so no long or short leg of one")

    def check_listed(self, terms: OrderTerms) -> None:
        """Raise NotSent where the library says that this exchange's market lacks it."""
        times = self._client.feature("createOrder", "timeInForce")
        wanted = "PO" if terms.post_only else terms.time_at_venue(_TIMES)
        if isinstance(times, dict) and times.get(wanted) is False:
            raise self.unsupported(f"has no {'post-only' if terms.post_only else wanted} orders")
        if terms.position_side != "both" and not self._client.lets_legs():
            raise self.unsupported("takes no orders for one leg of a position by ccxt")

    async def order(self, terms: OrderTerms, symbol: str) -> Asked:
        """Return an order's words; what must be asked for that and cannot be had means that nothing was sent."""
        params: dict[str, Any] = {}
        kind, price = terms.type, terms.limit_price
        if kind == "market" and terms.side == "buy" and self._client.market == "spot" and self._buys_by_cost:
            kind, price = "limit", await self._reach(terms, symbol)
            params["timeInForce"] = "IOC"
        elif terms.post_only:
            params["postOnly"] = True
        elif terms.type == "limit" and (time := terms.time_at_venue(_TIMES)) != "GTC":
            params["timeInForce"] = time
        if self._client.market != "spot":
            closes = terms.position_side != "both" and (terms.position_side == "long") == (terms.side == "sell")
            if terms.position_side != "both":
                params["hedged"] = True
            if terms.reduce_only or closes:
                params["reduceOnly"] = True
        amount = self._amount(terms.quantity, symbol)
        return Asked(kind, number_of(amount), number_of(price) if price is not None and kind == "limit" else None, params)

    @exact
    def _amount(self, quantity: Decimal, symbol: str) -> Decimal:
        return quantity / self._decoder.contract(symbol)

    @property
    def _buys_by_cost(self) -> bool:
        """Whether an order to buy at the market may be taken as money to spend: then the quantity would not be the approved one.

        So that it is, such an order is sent as one with a limit that lapses at once.
        """
        told = self._client.feature("createOrder", "marketBuyRequiresPrice")
        return told is not False or _BY_COST in self._client.exchange.options

    async def _reach(self, terms: OrderTerms, symbol: str) -> Decimal:
        """Return the price that a market order to buy may reach, on the tick."""
        try:
            told = await self._client.ask(lambda exchange: exchange.fetch_ticker(symbol))
        except (Refused, RateLimited, VenueUnreachable) as error:
            raise self._not_asked(str(error)) from None
        best = told.get("ask") or told.get("last")
        if not best:
            raise self._not_asked("the venue tells no price")
        return self._queries.rounded(terms.instrument, _times(Decimal(str(best)), _SLIP))

    def _not_asked(self, why: str) -> NotSent:
        sentence = f"what the order needs could not be asked for: {why}; nothing was sent"
        return NotSent(sentence, code="query", venue=self._client.venue, market=self._client.market)

    def unsupported(self, sentence: str) -> NotSent:
        """Return the error of something that the market does not have; nothing was sent."""
        venue, market = self._client.venue, self._client.market
        return NotSent(f"{venue} {market} {sentence}; nothing was sent", code="unsupported", venue=venue, market=market)


@exact
def _times(price: Decimal, factor: Decimal) -> Decimal:
    return price * factor


def number_of(value: Decimal) -> float | str:
    """Return a number for the library: a float where that is exact to the last digit, as its exchanges expect; else as text."""
    near = float(value)
    return near if Decimal(repr(near)) == value else text_of(value)
