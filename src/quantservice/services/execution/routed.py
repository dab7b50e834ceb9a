"""Orders that go to the cheapest account that can take them: chosen once, and the same order again under the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from weakref import WeakValueDictionary

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName, UserError
from quantservice.core.instruments import Instrument
from quantservice.core.intents import Denied, intent_id
from quantservice.core.orders import Order
from quantservice.ports import StateStore
from quantservice.quant.risk_rules import RiskRule
from quantservice.services.execution.commands import Orders, OrderWish, cause_of
from quantservice.services.execution.routing import Candidate, Offer, RouteWish, nothing_takes, rank

#: Every account at which the same thing is traded, with what is known there; those that cannot send now too.
CandidatesOf: TypeAlias = Callable[[OrderWish], Awaitable[Sequence[Candidate]]]


class Router:
    """Chooses and places. With an idempotency key the first durable intent is the choice: whoever comes again gets its order."""

    def __init__(self, state: StateStore, orders: Orders, candidates_of: CandidatesOf) -> None:
        self._state, self._orders, self._candidates_of = state, orders, candidates_of
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def place(
        self, wish: OrderWish, *, among: Sequence[str] = (), idempotency_key: str = "", also: Sequence[RiskRule] = ()
    ) -> tuple[Order | Denied, list[Offer]]:
        """Place an order at the cheapest account (of those named, if any are); return what came of it and the comparison.

        ``wish.account`` does not count. The comparison is empty where the order was there already. Raises UserError where no
        account can take it. What risk control denies is not tried elsewhere.
        """
        _check(wish)
        turn = self._turns.setdefault(idempotency_key or cause_of(""), asyncio.Lock())
        async with turn:  # until the choice is durable: who comes with the same key meanwhile finds it
            return await self._place(wish, among, idempotency_key, also)

    async def quote(self, wish: OrderWish, *, among: Sequence[str] = ()) -> list[Offer]:
        """Return what an order would cost at each account (of those named, if any are), cheapest first; nothing is sent or kept.

        Raises InvalidValue for an order that names its account by its nature, and UserError where nobody trades the thing.
        """
        _check(wish)
        offers = _offers(wish, await self._candidates_of(wish), among)
        if not offers:
            raise UserError(nothing_takes(offers))
        return offers

    async def _place(
        self, wish: OrderWish, among: Sequence[str], key: str, also: Sequence[RiskRule]
    ) -> tuple[Order | Denied, list[Offer]]:
        candidates = await self._candidates_of(wish)
        instruments = {item.account: item.instrument for item in candidates}
        known = await self._chosen(key) if key else None
        if known is not None:
            return await self._at(wish, known, instruments, key, also), []
        offers = _offers(wish, candidates, among)
        if not offers or not offers[0].takes:
            raise UserError(nothing_takes(offers))
        return await self._at(wish, offers[0].account, instruments, key, also), offers

    async def _at(
        self, wish: OrderWish, account: str, instruments: dict[str, Instrument], key: str, also: Sequence[RiskRule]
    ) -> Order | Denied:
        mine = msgspec.structs.replace(wish, account=account, instrument=instruments.get(account, wish.instrument))
        return await self._orders.place(mine, idempotency_key=key, also=also)

    async def _chosen(self, key: str) -> str | None:
        """Return the account at which an intent of this key is durable, whatever came of it."""
        async with self._state.transaction() as work:
            for account in await work.accounts.list():
                if await work.intents.get(intent_id(account.name, "", cause_of(key))) is not None:
                    return account.name
        return None


def _check(wish: OrderWish) -> None:
    """Raise InvalidValue for an order that is not routed by cost."""
    if wish.type not in ("market", "limit"):
        raise InvalidValue("type", f"a {wish.type} order names its account: only market and limit orders are routed by cost")
    if wish.reduce_only:
        raise InvalidValue("reduce_only", "what only reduces goes to the account that holds it: name that account")


def _offers(wish: OrderWish, candidates: Sequence[Candidate], among: Sequence[str]) -> list[Offer]:
    """Return the comparison of the accounts, or of those named; UnknownName for one that does not trade the thing."""
    known = sorted(item.account for item in candidates)
    for name in among:
        if name not in known:
            raise UnknownName("account", name[:80], known, hint=f"these trade {wish.instrument.id.symbol}")
    asked = RouteWish(
        side=wish.side, quantity=wish.quantity, type=wish.type, limit_price=wish.limit_price, post_only=wish.post_only
    )
    return rank(asked, [item for item in candidates if not among or item.account in among])
