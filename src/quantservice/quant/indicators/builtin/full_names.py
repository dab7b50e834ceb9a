"""Full names for what TA-Lib abbreviates beyond guessing: the same indicators, with the same parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from quantservice.quant.indicators.builtin import bands, differences, momentum, prices, volatility, volume
from quantservice.quant.indicators.spec import REGISTRY

_FULL: Final = {
    "chaikin_volatility": volatility.cvi,
    "efficiency_ratio": momentum.er,
    "elder_ray": differences.eri,
    "force_index": volume.efi,
    "heikin_ashi": prices.ha,
    "keltner": bands.kc,
    "mass_index": volatility.massi,
    "relative_volatility": volatility.rvi,
    "relative_volume": volume.rvol,
    "williams_r": momentum.willr,
}

for _name, _step in _FULL.items():
    REGISTRY.add(replace(REGISTRY[_step.__name__], name=_name))
