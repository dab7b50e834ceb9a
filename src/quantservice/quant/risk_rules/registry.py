"""The rules by name, and how they are read from configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, get_args, get_type_hints

import msgspec

from quantservice.core.errors import InvalidNumber, InvalidValue, UnknownName
from quantservice.core.money import NOT_NEGATIVE, amount_of
from quantservice.quant.risk_rules import conditions, exposure, orders, positions
from quantservice.quant.risk_rules.base import PositionRule, RiskRule

_WHOLE: Final = re.compile(r"[0-9]{1,15}")
_MOST: Final = 10**15
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
#: Rules that one account or deployment may have of its own, in the place of the system's.
OWN_RULES: Final[frozenset[str]] = frozenset({*POSITION_RULES, exposure.Cooldown.name})
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


#: What watches positions where nothing is configured: near liquidation the venue would take all.
DEFAULT_PROTECTION: Final[tuple[PositionRule, ...]] = (positions.ForcedReduction(),)


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
    hints = get_type_hints(cls, include_extras=True)
    for field, value in given.items():
        given[field] = _value(f"{name}.{field}", hints[field], value)
    try:
        return msgspec.convert(given, cls, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidValue(name, str(error)) from None


def _value(field: str, hint: Any, given: Any) -> Any:
    """Return a parameter as what it is; InvalidNumber says what it must be."""
    kind, *more = get_args(hint) or (hint,)
    if kind is Decimal:
        if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
            raise InvalidNumber(field, NOT_NEGATIVE, given)
        return amount_of(field, given if isinstance(given, str) else f"{Decimal(str(given)):f}", zero=True)
    if kind is not int:
        return given
    low, high = next(((meta.ge or 0, meta.le) for meta in more if isinstance(meta, msgspec.Meta)), (0, None))
    wanted = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
    text = str(given).strip()
    if isinstance(given, bool) or _WHOLE.fullmatch(text) is None or not low <= int(text) <= (_MOST if high is None else high):
        raise InvalidNumber(field, wanted, given)
    return int(text)


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
            rows.append({"name": name, "kind": kind, "doc": cls.doc, "own": name in OWN_RULES, "parameters": fields})
    return rows


def _doc(hint: Any) -> str:
    return next(
        (meta.description for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, msgspec.Meta) and meta.description), ""
    )
