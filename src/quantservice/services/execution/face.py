"""Orders from a program: a payload as the API takes it, and limits of the order's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import Instrument
from quantservice.core.intents import Denied
from quantservice.core.orders import Order
from quantservice.quant.risk_rules import RiskRule, rule_of
from quantservice.services.execution.commands import OrderFields, Orders, OrderWish


class OrderPayload(OrderFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order as ``POST /api/v1/orders`` takes it; amounts are exact decimals as text."""

    symbol: str
    market: str | None = None


class TradingService:
    """The programmatic face. ``find`` resolves a symbol, with a market or without; it raises UnknownName naming the nearest."""

    def __init__(self, orders: Orders, find: Callable[[str, str | None], Instrument]) -> None:
        self._orders, self._find = orders, find

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
        wishes = [self._wish(payload) for payload in payloads]
        return await self._orders.place_all(wishes, idempotency_key=idempotency_key, also=rules_of(risk_cfg or {}))

    def _wish(self, payload: Mapping[str, Any]) -> OrderWish:
        try:
            asked = msgspec.convert(dict(payload), OrderPayload)
        except msgspec.ValidationError as error:
            raise InvalidValue("payload", str(error)) from None
        for name in ("quantity", "limit_price", "stop_price"):
            amount = getattr(asked, name)
            if amount is not None and not (amount.is_finite() and amount > 0):
                raise InvalidValue(name, f"{amount} is not a number above 0")
        fields = {name: getattr(asked, name) for name in OrderFields.__struct_fields__}
        return OrderWish(instrument=self._find(asked.symbol, asked.market), **fields)


def rules_of(config: Mapping[str, Mapping[str, Any]]) -> tuple[RiskRule, ...]:
    """Return rules of orders by their names and parameters."""
    made = [rule_of(name, parameters) for name, parameters in config.items()]
    for rule in made:
        if not isinstance(rule, RiskRule):
            raise InvalidValue(rule.name, "it watches positions and is asked of no order")
    return tuple(rule for rule in made if isinstance(rule, RiskRule))
