"""What the HTTP face asks of research: the registries, and an indicator over bars. All is loaded at the first question."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec


class ResearchFace:
    """Blocking answers: call them in a thread."""

    def __init__(self, plugins_dir: Path) -> None:
        self._plugins_dir = str(plugins_dir)

    def strategies(self) -> list[dict[str, Any]]:
        """Every registered strategy with its parameters, by name."""
        from quantservice.quant.strategies.registry import STRATEGIES

        self._load()
        return [STRATEGIES[name].describe() for name in sorted(STRATEGIES)]

    def strategy(self, name: str) -> dict[str, Any]:
        """One strategy; UnknownName with the nearest ones."""
        from quantservice.quant.strategies.registry import STRATEGIES

        self._load()
        return STRATEGIES[name].describe()

    def metrics(self) -> list[dict[str, Any]]:
        """Every figure that a backtest can have, in the order of the catalogue; ``swept``: sweeps have it too."""
        from quantservice.quant.metrics import CATALOGUE
        from quantservice.quant.metrics.summary import FIELDS

        return [
            {
                "name": row.name,
                "label": row.label,
                "chinese": row.chinese,
                "group": row.group,
                "unit": row.unit,
                "formula": row.formula,
                "sampling": row.sampling,
                "swept": row.name in FIELDS,
            }
            for row in CATALOGUE.values()
        ]

    def indicators(self, group: str | None = None) -> list[dict[str, Any]]:
        """Every registered indicator, or those of a group."""
        from quantservice.quant.indicators.catalog import catalog

        self._load()
        return [dict(msgspec.to_builtins(item)) for item in catalog(group)]

    def warm_up(self, key: str) -> tuple[str, int]:
        """The canonical key of what a person wrote, and the bars before its first value."""
        from quantservice.quant.indicators.keys import parse_key

        self._load()
        call = parse_key(key)
        return str(call), call.warm_up

    def compute(self, key: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs of an indicator over columns of bars: name -> float64 array, NaN in the warm-up."""
        from quantservice.quant.indicators import compute
        from quantservice.quant.indicators.keys import parse_key

        return dict(compute(parse_key(key), columns))

    def _load(self) -> None:
        from quantservice.app.plugins import load_plugins

        load_plugins(self._plugins_dir)
