"""What a row of the catalogue says."""

from __future__ import annotations

from typing import Final

import msgspec

#: Group -> its heading in English and Chinese, in the order of a report.
GROUPS: Final = {
    "run": ("Run", "回测概况"),
    "return": ("Return", "收益"),
    "risk": ("Risk-adjusted", "风险调整收益"),
    "drawdown": ("Drawdown", "回撤"),
    "tail": ("Tail", "尾部风险"),
    "trades": ("Trades", "交易"),
    "capital": ("Capital and cost", "资金与成本"),
    "execution": ("Execution", "执行"),
    "credibility": ("Credibility", "可信度"),
}

#: What one observation is.
BAR: Final = "bar"
DAY: Final = "UTC day"
WEEK: Final = "ISO week (UTC)"
MONTH: Final = "UTC month"
YEAR: Final = "UTC year"
TRADE: Final = "closed trade"
FILL: Final = "fill"
ORDER: Final = "order"
RUN: Final = "run"

_ANNUALISATION: Final = {
    "": "none",
    "sqrt": "× √{0:g}",
    "linear": "× {0:g}",
    "compound": "^({0:g} / n)",
    "calendar": "calendar years of 365.25 d",
    "mixed": "× {0:g} above, × √{0:g} below",
}


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: ``formula_id`` changes with its arithmetic, never otherwise.

    ``annual`` is how it is annualised: empty (not at all), sqrt, linear, compound, calendar or mixed.
    """

    group: str
    name: str
    label: str
    chinese: str
    unit: str
    sampling: str
    formula: str
    source: str = ""
    annual: str = ""
    version: int = 1

    @property
    def formula_id(self) -> str:
        """Name and version of the arithmetic, as in ``sharpe.v1``."""
        return f"{self.name}.v{self.version}"

    def annualisation(self, periods: float) -> str:
        """Return the factor applied, in words, for this many samples per year."""
        return _ANNUALISATION[self.annual].format(periods)


def rows(group: str, *lines: tuple[str, ...]) -> tuple[Definition, ...]:
    """Make definitions of (name, label, chinese, unit, sampling, formula[, source[, annual]])."""
    names = ("name", "label", "chinese", "unit", "sampling", "formula", "source", "annual")
    return tuple(msgspec.convert({"group": group, **dict(zip(names, line, strict=False))}, Definition) for line in lines)
