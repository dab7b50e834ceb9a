"""Orders from a program: a payload as the API takes it, and limits of the order's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from quantservice.core.errors import EnvironmentFault, InvalidNumber, InvalidValue
from quantservice.core.instruments import AmbiguousSymbol, Instrument
from quantservice.core.intents import Denied
from quantservice.core.money import POSITIVE, amount_of
from quantservice.core.orders import Order
from quantservice.quant.risk_rules import RiskRule, rule_of
from quantservice.services.execution.algorithms import MOST_PARTS, Algorithm
from quantservice.services.execution.commands import AlgorithmFields, AmendWish, OrderFields, Orders, OrderWish
from quantservice.services.execution.places import at_place
from quantservice.services.execution.routed import Router
from quantservice.services.execution.routing import Offer, same_thing

_MOST_MINUTES: Final = 7 * 24 * 60
_AMOUNTS: Final = ("quantity", "limit_price", "stop_price")


class OrderPayload(OrderFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order as ``POST /api/v1/orders`` takes it; amounts are exact decimals as text."""

    symbol: str
    market: str | None = None


class AmendPayload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of an open limit order as ``PUT /api/v1/orders/{order_id}`` takes it; what is not given stays."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None


_P = TypeVar("_P", OrderPayload, AmendPayload)


class TradingService:
    """The programmatic face. ``find`` resolves a symbol, with a market or without; it raises UnknownName naming the nearest."""

    def __init__(self, orders: Orders, find: Callable[[str, str | None], Instrument], router: Router | None = None) -> None:
        self._orders, self._find, self._router = orders, find, router

    async def place_order_with_risk(
        self,
        payload: Mapping[str, Any],
        risk_cfg: Mapping[str, Mapping[str, Any]] | None = None,
        idempotency_key: str = "",
    ) -> Order | Denied:
        """Place an order through risk control; return it as it is then, or the denial with rule, limit and value.

        ``risk_cfg``: rule name -> its parameters, such as ``{"max_order_value": {"limit": "1000"}}``: asked of this order besides
        the rules in force, so it can only make them stricter. The same key again sends nothing new. Raises InvalidValue or
        UnknownName naming the field of a payload or rule that makes no sense.
        """
        (made,) = await self.place_orders_with_risk([payload], risk_cfg, idempotency_key)
        return made

    async def place_orders_with_risk(
        self,
        payloads: Sequence[Mapping[str, Any]],
        risk_cfg: Mapping[str, Mapping[str, Any]] | None = None,
        idempotency_key: str = "",
    ) -> list[Order | Denied]:
        """Place orders of one account, decided in one commit; return what came of each in their order."""
        wishes: list[OrderWish] = []
        for place, payload in enumerate(payloads):
            with at_place(place, of=len(payloads)):
                wishes.append(await self._wish(payload))
        return await self._orders.place_all(wishes, idempotency_key=idempotency_key, also=rules_of(risk_cfg or {}))

    async def place_routed(
        self,
        payload: Mapping[str, Any],
        risk_cfg: Mapping[str, Mapping[str, Any]] | None = None,
        idempotency_key: str = "",
        *,
        among: Sequence[str] = (),
    ) -> tuple[Order | Denied, list[Offer]]:
        """Place an order at the account that takes it at the least cost, of all or of those named; return it and the comparison.

        The payload names no account. The same key again returns the first order, at its account, without a comparison.
        """
        router, wish = self._routed(payload)
        return await router.place(wish, among=among, idempotency_key=idempotency_key, also=rules_of(risk_cfg or {}))

    async def quote_routes(self, payload: Mapping[str, Any], *, among: Sequence[str] = ()) -> list[Offer]:
        """Return what an order would cost at each account, or at those named, cheapest first. Nothing is sent."""
        router, wish = self._routed(payload)
        return await router.quote(wish, among=among)

    def _routed(self, payload: Mapping[str, Any]) -> tuple[Router, OrderWish]:
        if self._router is None:
            raise EnvironmentFault("no orders are routed here")
        asked = _read({**payload, "account": ""}, OrderPayload)
        fields = {name: getattr(asked, name) for name in OrderFields.__struct_fields__}
        return self._router, OrderWish(instrument=self._thing(asked.symbol, asked.market), **fields)

    def _thing(self, symbol: str, market: str | None) -> Instrument:
        """Return an instrument that a symbol means, at any venue: where it is the same thing everywhere."""
        try:
            return self._find(symbol, market)
        except AmbiguousSymbol as error:
            found = [self._find(str(name), None) for name in error.candidates]
            if all(same_thing(found[0], item) for item in found):
                return found[0]
            raise

    async def amend_order_with_risk(
        self,
        order_id: str,
        payload: Mapping[str, Any],
        risk_cfg: Mapping[str, Mapping[str, Any]] | None = None,
        idempotency_key: str = "",
    ) -> Order | Denied:
        """Change an open limit order through risk control; return it as it is then, or the denial.

        What the venue refused stands in the order's ``amendment``. The same key again asks nothing new.
        """
        asked = _read(payload, AmendPayload)
        if asked.quantity is None and asked.limit_price is None:
            raise InvalidValue("payload", "give a quantity, a limit price, or both")
        order = await self._orders.get(order_id)
        instrument = self._find(str(order.terms.instrument), None)
        wish = AmendWish(instrument=instrument, quantity=asked.quantity, limit_price=asked.limit_price)
        return await self._orders.amend(order_id, wish, idempotency_key=idempotency_key, also=rules_of(risk_cfg or {}))

    async def start_algorithm(self, payload: Mapping[str, Any], idempotency_key: str = "") -> Algorithm:
        """Take an order that is worked off in parts: the fields of an order, and those of :class:`AlgorithmFields`."""
        names = AlgorithmFields.__struct_fields__
        try:
            given = {name: value for name, value in payload.items() if name in names}
            if given.get("shown") is not None:
                given["shown"] = _amount("shown", given["shown"])
            how = msgspec.convert(given, AlgorithmFields, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidValue("payload", str(error)) from None
        if not (math.isfinite(how.minutes) and 0 <= how.minutes <= _MOST_MINUTES):
            raise InvalidNumber("minutes", f"from 0 to {_MOST_MINUTES}", how.minutes)
        if not 0 <= how.slices <= MOST_PARTS or len(how.profile) > MOST_PARTS:
            raise InvalidValue("slices", f"at most {MOST_PARTS} parts are possible")
        wish = await self._wish({name: value for name, value in payload.items() if name not in names})
        return await self._orders.start_algorithm(wish, how, idempotency_key=idempotency_key)

    async def _wish(self, payload: Mapping[str, Any]) -> OrderWish:
        asked = _read(payload, OrderPayload)
        fields = {name: getattr(asked, name) for name in OrderFields.__struct_fields__}
        return OrderWish(instrument=await self._traded(asked.symbol, asked.market, asked.account), **fields)

    async def _traded(self, symbol: str, market: str | None, account: str) -> Instrument:
        """Return an instrument; what a short name means at several venues is the one that the account trades."""
        try:
            return self._find(symbol, market)
        except AmbiguousSymbol as error:
            owner = await self._orders.account_of(account)
            if owner is None:
                raise
            mine = [name for name in error.candidates if (name.venue, name.market) == (owner.venue, owner.market)]
            if len(mine) != 1:
                raise
            return self._find(str(mine[0]), None)


def _read(payload: Mapping[str, Any], kind: type[_P]) -> _P:
    """Return a payload as what it is; InvalidValue naming the field that makes no sense."""
    amounts = {name: _amount(name, payload[name]) for name in _AMOUNTS if payload.get(name) is not None}
    try:
        return msgspec.convert({**payload, **amounts}, kind)
    except msgspec.ValidationError as error:
        raise InvalidValue("payload", str(error)) from None


def _amount(name: str, given: object) -> Decimal:
    """Return an amount of a payload: exact text, or what a program has instead of it."""
    if isinstance(given, Decimal | int | float) and not isinstance(given, bool):
        return amount_of(name, f"{Decimal(str(given)):f}")
    if not isinstance(given, str):
        raise InvalidNumber(name, POSITIVE, given)
    return amount_of(name, given)


def rules_of(config: Mapping[str, Mapping[str, Any]]) -> tuple[RiskRule, ...]:
    """Return rules of orders by their names and parameters."""
    made = [rule_of(name, parameters) for name, parameters in config.items()]
    for rule in made:
        if not isinstance(rule, RiskRule):
            raise InvalidValue(rule.name, "it watches positions and is asked of no order")
    return tuple(rule for rule in made if isinstance(rule, RiskRule))
