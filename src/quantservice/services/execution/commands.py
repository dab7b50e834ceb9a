"""Orders as a person asks for them: place, cancel, cancel all; and what is known of orders, fills and positions."""

from __future__ import annotations

import builtins
import math
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from quantservice.core.errors import EnvironmentFault, InvalidNumber, InvalidValue, UnknownName
from quantservice.core.instruments import Instrument, InstrumentId, Side
from quantservice.core.intents import Denied, Intent, OrderTerms, intent_id
from quantservice.core.messages import new_event_id
from quantservice.core.orders import Order, VenueFill
from quantservice.core.signals import OrderType, TimeInForce
from quantservice.ports import Clock, HeldPosition, StateStore, TradingAccount
from quantservice.quant.risk_rules import RiskRule
from quantservice.services.execution.algorithms import MOST_PARTS, Algorithm, AlgorithmKind, Algorithms, algorithms_of
from quantservice.services.execution.fitting import check_account, check_prices, check_resting, check_steps, out_of_reach
from quantservice.services.execution.gateway import Gateway
from quantservice.services.execution.places import at_place
from quantservice.services.execution.shares import leg_of, one_way, shares_of

#: Volume of each part of a time as it usually is: (instrument, start in ms, duration in ms, parts).
ProfileOf: TypeAlias = Callable[[InstrumentId, int, int, int], Awaitable[tuple[Decimal, ...]]]
#: Last price of an instrument at an account; None where none is known.
PriceOf: TypeAlias = Callable[[str, InstrumentId], Decimal | None]
_VALID_NS: Final = 30_000_000_000
_MS_NS: Final = 1_000_000
_LONGEST_S: Final = 30 * 86_400
_PATIENCE_S: Final = 5.0
_FILLS_S: Final = 2.0


class OrderFields(msgspec.Struct, frozen=True, kw_only=True):
    """What a person or a program says of an order besides what it is of.

    ``deadline_s``: so many seconds after it was asked for, what is left of it is cancelled by the platform (None: never).
    """

    account: str
    side: Side
    quantity: Decimal
    type: OrderType = "market"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = "GTC"
    post_only: bool = False
    reduce_only: bool = False
    deadline_s: float | None = None


class OrderWish(OrderFields, frozen=True, kw_only=True):
    """An order as a person types it; one whose prices and quantity are not on the instrument's steps is refused."""

    instrument: Instrument


class AlgorithmFields(msgspec.Struct, frozen=True, kw_only=True):
    """How an order is worked off. ``minutes``: its time, after which nothing of it is open (0: no end).

    ``slices`` and ``profile``: parts of that time, and their shares of the volume; ``shown``: of an iceberg.
    """

    algorithm: AlgorithmKind
    minutes: float = 0.0
    slices: int = 0
    shown: Decimal | None = None
    profile: tuple[Decimal, ...] = ()


class AmendWish(msgspec.Struct, frozen=True, kw_only=True):
    """What an open limit order shall become; what is None stays. ``quantity`` is the whole one, what is filled included."""

    instrument: Instrument
    quantity: Decimal | None = None
    limit_price: Decimal | None = None


def cause_of(idempotency_key: str) -> str:
    """Return what a person's order is caused by: its key, or else this one time."""
    return f"key:{idempotency_key}" if idempotency_key else f"asked:{new_event_id()}"


def expires_ms(wish: OrderWish, now_ns: int) -> int | None:
    """Return when the rest of an order is cancelled; InvalidValue where that makes no sense."""
    if wish.deadline_s is None:
        return None
    if not (math.isfinite(wish.deadline_s) and 0 < wish.deadline_s <= _LONGEST_S):
        raise InvalidNumber("deadline_s", f"a number of seconds above 0 and at most {_LONGEST_S}", wish.deadline_s)
    if wish.type == "market" or wish.time_in_force != "GTC":
        what = "a market order" if wish.type == "market" else f"an order that is {wish.time_in_force}"
        raise InvalidValue("deadline_s", f"{what} ends at once; a deadline is for what rests")
    return now_ns // _MS_NS + max(1, round(wish.deadline_s * 1_000))


def _no_price(_account: str, _instrument: InstrumentId) -> None:
    return None


def _asked(intent: Intent) -> tuple[OrderTerms, int | None]:
    """Return what was asked for, with the time to its deadline in the place of the deadline."""
    terms = intent.terms
    left_ms = None if terms.expire_ms is None else terms.expire_ms - intent.created_ns // _MS_NS
    return msgspec.structs.replace(terms, expire_ms=None), left_ms


class Orders:
    """The registry of orders. ``gateway_of`` raises UnknownName for an account that is not traded here."""

    def __init__(
        self,
        state: StateStore,
        clock: Clock,
        gateway_of: Callable[[str], Gateway],
        algorithms_of: Callable[[str], Algorithms] | None = None,
        profile_of: ProfileOf | None = None,
        price_of: PriceOf = _no_price,
    ) -> None:
        self._state, self._clock, self._gateway_of, self._price_of = state, clock, gateway_of, price_of
        self._algorithms_of, self._profile_of = algorithms_of, profile_of

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
        cause = cause_of(idempotency_key)
        causes = [cause if len(wishes) == 1 else f"{cause}:{number}" for number in range(len(wishes))]
        (account,) = accounts
        known = await self.account_of(account)
        intents: list[Intent] = []
        for place, (wish, of) in enumerate(zip(wishes, causes, strict=True)):
            with at_place(place, of=len(wishes)):
                check_prices(wish.type, wish.limit_price, wish.stop_price)
                check_resting(post_only=wish.post_only, time_in_force=wish.time_in_force)
                intents.append(self._intent(wish, of))
                if known is not None:
                    check_account(known, wish.instrument)
        gateway = await self._gateway(account)  # waits for an account that was added just now: its prices are asked for next
        await self._check_market(account, list(zip(wishes, intents, strict=True)))
        if gateway.closed:
            raise EnvironmentFault(gateway.closed)
        outcomes = await gateway.submit(intents, also=also)
        for outcome, intent in zip(outcomes, intents, strict=True):
            if not await self._same(outcome, intent):
                raise InvalidValue("Idempotency-Key", "it was used for another order; take a new one")
        return [await self._with_fills(item) if isinstance(item, Order) else item for item in outcomes]

    async def account_of(self, name: str) -> TradingAccount | None:
        """Return an account as it was added; None where there is none."""
        async with self._state.transaction() as work:
            return await work.accounts.get(name)

    async def _check_market(self, name: str, wanted: Sequence[tuple[OrderWish, Intent]]) -> None:
        """Refuse what the venue would refuse, before anything is sent. What was asked before has its answer already."""
        for place, (wish, intent) in enumerate(wanted):
            price = wish.limit_price or wish.stop_price or self._price_of(name, wish.instrument.id)
            refused = out_of_reach(wish.instrument, wish.quantity, price, reduce_only=wish.reduce_only)
            if refused is not None:
                async with self._state.transaction() as work:
                    known = await work.intents.get(intent.intent_id)
                if known is None:
                    with at_place(place, of=len(wanted)):
                        raise refused

    async def _same(self, outcome: Order | Denied, intent: Intent) -> bool:
        """Say whether what came of an order was asked for as ``intent`` asks: the same terms, and as long to its deadline."""
        if isinstance(outcome, Order) and outcome.intent_id != intent.intent_id:
            return False
        async with self._state.transaction() as work:
            record = await work.intents.get(intent.intent_id)
        return record is not None and _asked(record.intent) == _asked(intent)

    async def start_algorithm(self, wish: OrderWish, how: AlgorithmFields, *, idempotency_key: str = "") -> Algorithm:
        """Take an order that is worked off in parts. The same key again returns it as it is then."""
        if self._algorithms_of is None:
            raise EnvironmentFault("no algorithms run here")
        if wish.deadline_s is not None:
            raise InvalidValue("deadline_s", "an order in parts has minutes: nothing of it is open after them")
        account = await self.account_of(wish.account)
        if account is not None:
            check_account(account, wish.instrument)
        await self._gateway(wish.account)
        cause = f"algorithm:{f'key:{idempotency_key}' if idempotency_key else f'asked:{new_event_id()}'}"
        parent = msgspec.structs.replace(self._intent(wish, cause), purpose="algorithm", valid_until_ns=0)
        now_ns = self._clock.now_ns()
        weights: tuple[Decimal, ...] = ()
        if how.algorithm in ("twap", "vwap"):
            slices = how.slices or max(1, min(round(how.minutes), MOST_PARTS))
            if how.algorithm == "vwap" and not how.profile and self._profile_of is not None:
                duration_ms = round(how.minutes * 60_000)
                weights = await self._profile_of(wish.instrument.id, now_ns // 1_000_000, duration_ms, slices)
            else:
                weights = tuple(how.profile) or (Decimal(1),) * slices
        made = Algorithm(
            parent=parent,
            kind=how.algorithm,
            start_ns=now_ns,
            end_ns=now_ns + round(how.minutes * 60 * 1_000_000_000) if how.minutes else 0,
            weights=weights,
            shown=None if how.shown is None else wish.instrument.round_quantity(how.shown),
            post_only=wish.post_only,
        )
        return await self._algorithms_of(wish.account).place(made)

    async def cancel_algorithm(self, name: str) -> Algorithm:
        """Let an algorithm send no more parts, and cancel the open one."""
        found = next((item for item in await self.algorithms(limit=100_000) if item.name == name), None)
        if found is None or self._algorithms_of is None:
            raise UnknownName("algorithm", name[:80], (), hint="qs orders algorithms shows them")
        return await self._algorithms_of(found.parent.terms.account).cancel(name)

    async def algorithms(self, *, account: str | None = None, limit: int = 200) -> builtins.list[Algorithm]:
        """Return orders that are or were worked off in parts, newest first."""
        return await algorithms_of(self._state, account=account, limit=limit)

    def _intent(self, wish: OrderWish, cause: str) -> Intent:
        instrument, now_ns = wish.instrument, self._clock.now_ns()
        check_steps(instrument, quantity=wish.quantity, limit_price=wish.limit_price, stop_price=wish.stop_price)
        expire_ms = expires_ms(wish, now_ns)
        terms = OrderTerms(
            account=wish.account,
            instrument=instrument.id,
            side=wish.side,
            quantity=wish.quantity,
            type=wish.type,
            limit_price=wish.limit_price,
            stop_price=wish.stop_price,
            time_in_force=wish.time_in_force,
            expire_ms=expire_ms,
            post_only=wish.post_only,
            reduce_only=wish.reduce_only,
        )
        return Intent(
            intent_id=intent_id(wish.account, "", cause),
            terms=terms,
            purpose="manual",
            created_ns=now_ns,
            valid_until_ns=min(now_ns + _VALID_NS, expire_ms * _MS_NS) if expire_ms is not None else now_ns + _VALID_NS,
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
                known = await self.account_of(account)
                if known is None:
                    raise
                if not known.enabled:
                    raise EnvironmentFault(f"account {account} is switched off; nothing of it is sent") from None
                if self._clock.monotonic() >= until:
                    raise EnvironmentFault(f"account {account} is not traded yet; ask again in a moment") from None
            else:
                if gateway.ready or self._clock.monotonic() >= until:
                    return gateway
            await self._clock.sleep(0.05)

    async def amend(
        self, order_id: str, wish: AmendWish, *, idempotency_key: str = "", also: Sequence[RiskRule] = ()
    ) -> Order | Denied:
        """Change an open limit order through risk control; what is not given stays. The same key again asks nothing new.

        What the venue refused stands in the order's ``amendment``.
        """
        order, now_ns = await self.get(order_id), self._clock.now_ns()
        check_steps(wish.instrument, quantity=wish.quantity, limit_price=wish.limit_price)
        terms = order.terms
        quantity = terms.quantity if wish.quantity is None else wish.quantity
        limit = terms.limit_price if wish.limit_price is None else wish.limit_price
        cause = f"amend:{order_id}:{idempotency_key or new_event_id()}"
        intent = Intent(
            intent_id=intent_id(terms.account, order.deployment, cause),
            terms=msgspec.structs.replace(terms, quantity=quantity, limit_price=limit),
            purpose=order.purpose,
            deployment=order.deployment,
            tag=order.tag,
            parent=order.parent,
            amends=order_id,
            created_ns=now_ns,
            valid_until_ns=now_ns + _VALID_NS,
            correlation_id=cause,
            causation_id=order.intent_id,
        )
        gateway = await self._gateway(terms.account)
        if gateway.closed:
            raise EnvironmentFault(gateway.closed)
        return await gateway.amend(intent, also=also)

    async def cancel(self, order_id: str) -> Order:
        """Ask for a cancel; it is asked for again until the order has ended."""
        order = await self.get(order_id)
        return await (await self._gateway(order.terms.account)).cancel(order_id)

    async def cancel_all(self, account: str, instrument: InstrumentId | None = None) -> builtins.list[Order]:
        """Ask for the cancel of every open order of an account, or of one instrument there; algorithms send no more parts."""
        gateway = await self._gateway(account)
        if self._algorithms_of is not None:
            await self._algorithms_of(account).cancel_all(instrument)
        return await gateway.cancel_all(instrument)

    async def close_all(self, account: str, instrument: InstrumentId | None = None) -> builtins.list[Order | Denied]:
        """Send market orders against everything that an account holds, or against one instrument there.

        Each deployment's share is closed as its own, so that its books are flat too.
        """
        gateway = await self._gateway(account)
        async with self._state.transaction() as work:
            held = await work.books.positions(account=account)
        legs = [item for item in shares_of(held) if instrument is None or item.position.instrument == instrument]
        if not legs:
            return []
        if gateway.closed:
            raise EnvironmentFault(gateway.closed)
        cause, now_ns = f"close:{new_event_id()}", self._clock.now_ns()
        reducible = one_way(legs)
        intents = [
            _closing(item, f"{cause}:{number}", now_ns, reduce_only=leg_of(item) in reducible) for number, item in enumerate(legs)
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
