"""The rules by name, and how they are read from configuration."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, get_type_hints

import msgspec

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.quant.risk_rules import conditions, exposure, orders, positions
from quantservice.quant.risk_rules.base import PositionRule, RiskRule

RULES: Final[dict[str, type[RiskRule]]] = {
    rule.name: rule
    for rule in (
        orders.MaxOrderValue,
        orders.MaxOrderShare,
        orders.PriceBand,
        orders.OrderRate,
        orders.MaxOpenOrders,
        orders.FreeMargin,
        orders.RejectsInRow,
        orders.AbnormalTrading,
        exposure.MaxPosition,
        exposure.MaxExposure,
        exposure.Concentration,
        exposure.MaxLeverage,
        exposure.MarginRatio,
        exposure.MaxDrawdown,
        exposure.DailyLoss,
        exposure.ConsecutiveLosses,
        exposure.Cooldown,
        exposure.StrategyQuota,
        conditions.FreshData,
        conditions.TrustedData,
        conditions.BlockedVenues,
        conditions.BlockedInstruments,
        conditions.TradingHours,
    )
}
POSITION_RULES: Final[dict[str, type[PositionRule]]] = {
    rule.name: rule for rule in (positions.StopLoss, positions.TakeProfit, positions.TrailingStop, positions.ForcedReduction)
}
#: What is asked where nothing is configured, cheap questions first.
DEFAULT_RULES: Final[tuple[RiskRule, ...]] = (
    conditions.BlockedVenues(),
    conditions.BlockedInstruments(),
    conditions.FreshData(),
    conditions.TrustedData(),
    orders.OrderRate(),
    orders.MaxOpenOrders(),
    orders.RejectsInRow(),
    orders.AbnormalTrading(),
    orders.PriceBand(),
    orders.MaxOrderValue(),
    orders.MaxOrderShare(),
    exposure.StrategyQuota(),
    exposure.MaxPosition(),
    exposure.Concentration(),
    exposure.MaxExposure(),
    exposure.MaxLeverage(),
    exposure.MarginRatio(),
    exposure.MaxDrawdown(),
    exposure.DailyLoss(),
    orders.FreeMargin(),
)


def rule_of(name: str, parameters: Mapping[str, Any] | None = None) -> RiskRule | PositionRule:
    """Make a rule of its name and parameters; UnknownName or InvalidValue say what is wrong."""
    cls = RULES.get(name) or POSITION_RULES.get(name)
    if cls is None:
        raise UnknownName("rule", name, (*RULES, *POSITION_RULES))
    given = dict(parameters or {})
    known = cls.__struct_fields__
    for field in given:
        if field not in known:
            raise UnknownName(f"parameter of {name}", field, known)
    try:
        made = msgspec.convert(given, cls, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidValue(name, str(error)) from None
    for field in known:
        value = getattr(made, field)
        if isinstance(value, Decimal) and not (value.is_finite() and value >= 0):
            raise InvalidValue(f"{name}.{field}", f"{value} is not a number from 0 on")
    return made


def describe_rules() -> list[dict[str, Any]]:
    """Return name, kind, doc and parameters (with defaults) of every rule: for the page and the documentation."""
    rows: list[dict[str, Any]] = []
    for kind, rules in (("order", RULES), ("position", POSITION_RULES)):
        for name, cls in rules.items():
            made, hints = cls(), get_type_hints(cls, include_extras=True)
            fields = {
                field: {"default": msgspec.to_builtins(getattr(made, field)), "doc": _doc(hints.get(field))}
                for field in cls.__struct_fields__
            }
            rows.append({"name": name, "kind": kind, "doc": cls.doc, "parameters": fields})
    return rows


def _doc(hint: Any) -> str:
    return next(
        (meta.description for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, msgspec.Meta) and meta.description), ""
    )
