"""The sheet on which figures are written: every one with its definition, none undefined without a reason."""

from __future__ import annotations

import math
from collections.abc import Callable

from quantservice.quant.metrics.catalogue import CATALOGUE
from quantservice.quant.metrics.value import INFINITE, NAN, NO_FINITE_RESULT, Metric, Settings


class Sheet:
    """Collects figures; ``days`` of run decide whether annualised ones may be said."""

    def __init__(self, settings: Settings, days: float) -> None:
        self.settings = settings
        self.days = days
        self.figures: dict[str, Metric] = {}

    @property
    def too_short(self) -> str:
        """Why no annualised figure is said; empty if it may be."""
        if self.days >= self.settings.min_days:
            return ""
        return f"the run has {self.days:.1f} days; annualised figures need {self.settings.min_days:g}"

    def put(self, name: str, value: float | str, reason: str = "") -> None:
        """Write one figure. ``reason`` says why it is NaN or infinite, or what the reader must know of it."""
        row = CATALOGUE[name]
        if row.annual and self.too_short:
            value, reason = NAN, self.too_short
        if isinstance(value, float) and math.isnan(value) and not reason:
            reason = NO_FINITE_RESULT
        self.figures[name] = Metric(
            name=name,
            value=value if isinstance(value, str) else float(value),
            unit=row.unit,
            formula=row.formula_id,
            sampling=row.sampling,
            annualisation=row.annualisation(self.settings.periods) if row.annual else "",
            reason=reason,
        )

    def ratio(self, name: str, value: float, *, undefined: str, infinite: str = "") -> None:
        """Write a figure whose reasons for being NaN or infinite are known beforehand."""
        self.put(name, value, undefined if math.isnan(value) else infinite if value == INFINITE else "")

    def none(self, reason: str, *names: str) -> None:
        """Write figures that have no value, all for one reason."""
        for name in names:
            self.put(name, NAN, reason)

    def guarded(self, reason: str, figures: dict[str, Callable[[], float]]) -> None:
        """Write figures, or all of them as undefined if ``reason`` is not empty."""
        for name, make in figures.items():
            self.put(name, NAN if reason else make(), reason)
