"""Orders as a person asks for them: place, cancel, cancel all; and what is known of orders, fills and positions."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.core.errors import EnvironmentFault, InvalidValue, UnknownName
from quantservice.core.instruments import Instrument, InstrumentId, Side
from quantservice.core.intents import Denied, Intent, OrderTerms, intent_id
from quantservice.core.messages import new_event_id
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Order, VenueFill
from quantservice.core.signals import OrderType, TimeInForce
from quantservice.ports import Clock, HeldPosition, StateStore
from quantservice.quant.risk_rules import RiskRule
from quantservice.services.execution.gateway import Gateway

_VALID_NS: Final = 30_000_000_000
_PATIENCE_S: Final = 5.0
_FILLS_S: Final = 2.0


class OrderFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a person or a program says of an order besides what it is of."""

    account: str
    side: Side
    quantity: Decimal
    type: OrderType = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = "GTC"
    post_only: bool = False
    reduce_only: bool = False


class OrderWish(OrderFields, frozen=True, kw_only=True):
    """An order as a person types it; prices and quantities are put on the instrument's steps, never to more than was asked."""

    instrument: Instrument


class Orders:
    """The registry of orders. ``gateway_of`` raises UnknownName for an account that is not traded here."""

    def __init__(self, state: StateStore, clock: Clock, gateway_of: Callable[[str], Gateway]) -> None:
        self._state, self._clock, self._gateway_of = state, clock, gateway_of

    async def place(self, wish: OrderWish, *, idempotency_key: str = "", also: Sequence[RiskRule] = ()) -> Order | Denied:
        """Send an order through risk control. The same key again returns what came of the first; it is never sent twice."""
        (made,) = await self.place_all([wish], idempotency_key=idempotency_key, also=also)
        return made

    async def place_all(
        self, wishes: Sequence[OrderWish], *, idempotency_key: str = "", also: Sequence[RiskRule] = ()
    ) -> builtins.list[Order | Denied]:
        """Send orders of one account, decided in one commit, each counting those before it; ``also``: rules asked of them besides.

        Returns what came of each in their order. The same key again returns what came of the first, and sends nothing.
        """
        accounts = {wish.account for wish in wishes}
        if len(accounts) != 1:
            raise InvalidValue("account", "orders that are placed together are of one account")
        cause = f"key:{idempotency_key}" if idempotency_key else f"asked:{new_event_id()}"
        causes = [cause if len(wishes) == 1 else f"{cause}:{number}" for number in range(len(wishes))]
        intents = [self._intent(wish, of) for wish, of in zip(wishes, causes, strict=True)]
        (account,) = accounts
        gateway = await self._gateway(account)
        if not gateway.ready:
            raise EnvironmentFault(f"account {account} is not reconciled with its venue yet; nothing is sent before that")
        outcomes = await gateway.submit(intents, also=also)
        for outcome, intent in zip(outcomes, intents, strict=True):
            if isinstance(outcome, Order) and outcome.terms != intent.terms:
                raise InvalidValue("Idempotency-Key", "it was used for another order; take a new one")
        return [await self._with_fills(item) if isinstance(item, Order) else item for item in outcomes]

    def _intent(self, wish: OrderWish, cause: str) -> Intent:
        instrument, now_ns = wish.instrument, self._clock.now_ns()
        quantity = instrument.round_quantity(wish.quantity)
        if quantity <= 0:
            raise InvalidValue("quantity", f"{wish.quantity} is less than one lot of {instrument.id}, {instrument.lot_size}")
        terms = OrderTerms(
            account=wish.account,
            instrument=instrument.id,
            side=wish.side,
            quantity=quantity,
            type=wish.type,
            limit_price=None if wish.limit_price is None else instrument.round_price(wish.limit_price, wish.side),
            stop_price=None if wish.stop_price is None else instrument.round_price(wish.stop_price),
            time_in_force=wish.time_in_force,
            post_only=wish.post_only,
            reduce_only=wish.reduce_only,
        )
        return Intent(
            intent_id=intent_id(wish.account, "", cause),
            terms=terms,
            purpose="manual",
            created_ns=now_ns,
            valid_until_ns=now_ns + _VALID_NS,
            correlation_id=cause,
        )

    async def _with_fills(self, order: Order) -> Order:
        """Wait a moment for the fills that the venue reports: a person wants to see the price."""
        until = self._clock.monotonic() + _FILLS_S
        while order.fills_missing and self._clock.monotonic() < until:
            await self._clock.sleep(0.02)
            order = await self.get(order.order_id)
        return order

    async def _gateway(self, account: str) -> Gateway:
        """Return the gateway of an account; one that was added just now is waited for a little, until it is reconciled.

        The gateway says itself what is wrong with one that stays away.
        """
        until = self._clock.monotonic() + _PATIENCE_S
        while True:
            try:
                gateway = self._gateway_of(account)
            except UnknownName:
                async with self._state.transaction() as work:
                    known = await work.accounts.get(account)
                if known is None or not known.enabled or self._clock.monotonic() >= until:
                    raise
            else:
                if gateway.ready or self._clock.monotonic() >= until:
                    return gateway
            await self._clock.sleep(0.05)

    async def cancel(self, order_id: str) -> Order:
        """Ask for a cancel; it is asked for again until the order has ended."""
        order = await self.get(order_id)
        return await (await self._gateway(order.terms.account)).cancel(order_id)

    async def cancel_all(self, account: str, instrument: InstrumentId | None = None) -> builtins.list[Order]:
        """Ask for the cancel of every open order of an account, or of one instrument there."""
        return await (await self._gateway(account)).cancel_all(instrument)

    async def close_all(self, account: str, instrument: InstrumentId | None = None) -> builtins.list[Order | Denied]:
        """Send market orders against everything that an account holds, or against one instrument there.

        Each deployment's share is closed as its own, so that its books are flat too.
        """
        gateway = await self._gateway(account)
        async with self._state.transaction() as work:
            held = await work.books.positions(account=account)
        legs = [item for item in _shares(held) if instrument is None or item.position.instrument == instrument]
        if not legs:
            return []
        if not gateway.ready:
            raise EnvironmentFault(f"account {account} is not reconciled with its venue yet; nothing is sent before that")
        cause, now_ns = f"close:{new_event_id()}", self._clock.now_ns()
        one_way = {item.position.instrument: set[bool]() for item in legs}
        for item in legs:
            one_way[item.position.instrument].add(item.position.quantity > 0)
        intents = [
            _closing(item, f"{cause}:{number}", now_ns, reduce_only=len(one_way[item.position.instrument]) == 1)
            for number, item in enumerate(legs)
        ]
        made = await gateway.submit(intents)
        return [await self._with_fills(item) if isinstance(item, Order) else item for item in made]

    async def get(self, order_id: str) -> Order:
        """Return an order; UnknownName where there is none."""
        async with self._state.transaction() as work:
            found = await work.orders.get(order_id)
        if found is None:
            raise UnknownName("order", order_id[:80], (), hint="qs orders list shows the orders")
        return found

    async def list(self, *, account: str | None = None, open_only: bool = False, limit: int = 200) -> builtins.list[Order]:
        """Return orders, newest first."""
        async with self._state.transaction() as work:
            if open_only:
                return list(reversed(await work.orders.open(account)))[:limit]
            return await work.orders.list(account=account, limit=limit)

    async def fills(self, *, account: str | None = None, limit: int = 200) -> builtins.list[tuple[VenueFill, str, str]]:
        """Return fills with order and deployment, newest first."""
        async with self._state.transaction() as work:
            return await work.fills.list(account=account, limit=limit)

    async def positions(self, *, account: str | None = None) -> builtins.list[HeldPosition]:
        """Return what accounts and deployments hold; flat ones are left out."""
        async with self._state.transaction() as work:
            return [item for item in await work.books.positions(account=account) if item.position.quantity]

    async def balances(self, account: str) -> dict[str, Decimal]:
        """Return the wallet of an account by its books, per currency."""
        async with self._state.transaction() as work:
            sums = await work.books.balances(account=account)
        return {currency: amount for (_, ledger, currency), amount in sums.items() if ledger == "wallet"}

    async def denials(self, *, account: str | None = None, limit: int = 200) -> builtins.list[Any]:
        """Return what risk control denied, newest first."""
        async with self._state.transaction() as work:
            return list(await work.risk.decisions(account=account, limit=limit))


@exact
def _shares(held: builtins.list[HeldPosition]) -> builtins.list[HeldPosition]:
    """Return what is held by deployments, and what of the account's own belongs to none of them."""
    shares = [item for item in held if item.deployment and item.position.quantity]
    for item in held:
        if item.deployment:
            continue
        leg = (item.position.instrument, item.position.side)
        of_others = sum(
            (share.position.quantity for share in shares if (share.position.instrument, share.position.side) == leg), ZERO
        )
        rest = item.position.quantity - of_others
        if rest:
            shares.append(msgspec.structs.replace(item, position=msgspec.structs.replace(item.position, quantity=rest)))
    return shares


def _closing(held: HeldPosition, cause: str, now_ns: int, *, reduce_only: bool) -> Intent:
    position = held.position
    terms = OrderTerms(
        account=held.account,
        instrument=position.instrument,
        side="sell" if position.quantity > 0 else "buy",
        quantity=abs(position.quantity),
        # spot knows no reduce-only, and where deployments hold against each other the account's own position is smaller
        reduce_only=reduce_only and position.instrument.market != "spot" and position.side == "both",
        position_side=position.side,
    )
    return Intent(
        intent_id=intent_id(held.account, held.deployment, cause),
        terms=terms,
        purpose="flatten",
        deployment=held.deployment,
        created_ns=now_ns,
        valid_until_ns=now_ns + _VALID_NS,
        correlation_id=cause,
    )
