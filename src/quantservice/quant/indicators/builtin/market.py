"""An instrument against its market: what of its returns is the benchmark's, and what is left."""

from __future__ import annotations

import math

from quantservice.quant.indicators.builtin.pairs import moments
from quantservice.quant.indicators.builtin.pieces import return_push
from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_push
from quantservice.quant.indicators.spec import Parameter, indicator


@indicator(
    inputs=("close", "benchmark"),
    outputs=("beta", "alpha"),
    parameters={
        "length": Parameter(60, 2, 100_000, "returns looked at"),
        "minimum": Parameter(0, 0, 100_000, "returns from which on a value is given; 0: all of length"),
    },
    warm_up=lambda length, minimum: min(max(minimum, 2), length) if minimum else length,
    state=lambda length, minimum: 2 * length + 8,
    group="pairs",
    source="William Sharpe, Capital Asset Prices, Journal of Finance 19 (1964); Michael Jensen (1968)",
)
def market_beta(state: Array, p: Array, x: Array, out: Array) -> None:
    """Beta and alpha of returns per bar against the benchmark's; beta is 0 while the benchmark does not move."""
    n = int(p[0])
    own, other = return_push(state, 0, x[0]), return_push(state, 2, x[1])
    out[:] = math.nan
    if math.isnan(own) or math.isnan(other):
        return
    window_push(state, 4, n, own)
    window_push(state, 6 + n, n, other)
    seen = int(state[4])
    if seen < (min(max(p[1], 2.0), n) if p[1] > 0.0 else n):
        return
    mean_own, mean_other, _own_square, square, product = moments(state, 4, 6 + n, seen)
    out[0] = product / square if square > 1e-24 else 0.0
    out[1] = mean_own - out[0] * mean_other
