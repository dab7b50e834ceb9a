"""Forecasts of the next bar from a model that is fitted anew to the last bars at every bar."""

from __future__ import annotations

import math

from quantservice.quant.indicators.kernel import Array
from quantservice.quant.indicators.primitives import window_get, window_push
from quantservice.quant.indicators.spec import Parameter, indicator
from quantservice.quant.jit import jit


def _long_order(ar: int, ma: int, length: int) -> int:
    return max(ar + ma, math.isqrt(length)) if ma else 0


def _arima(length: int, ar: int, difference: int, ma: int) -> tuple[float, ...]:
    return float(length), float(ar), float(difference), float(ma), float(_long_order(ar, ma, length))


def _arima_state(length: int, ar: int, difference: int, ma: int) -> int:
    terms = 1 + max(_long_order(ar, ma, length), ar + ma)
    return (2 + length) + 2 * length + terms * (terms + 1)


@jit
def _term(series: Array, shocks: Array, ar: int, t: int, j: int) -> float:
    """Return the regressor ``j`` of the value at ``t``: 1, then past values, then past shocks."""
    if j == 0:
        return 1.0
    return float(series[t - j] if j <= ar else shocks[t - (j - ar)])


@jit
def _fit(series: Array, shocks: Array, ar: int, ma: int, begin: int, end: int, system: Array) -> None:
    """Regress values on a constant, ``ar`` past values and ``ma`` past shocks; the coefficients end in the last column.

    ``system`` is the matrix of normal equations, row after row. A term that adds nothing to those before it has coefficient 0.
    """
    terms = 1 + ar + ma
    wide = terms + 1
    for i in range(terms * wide):
        system[i] = 0.0
    for t in range(begin, end):
        for row in range(terms):
            left = _term(series, shocks, ar, t, row)
            for column in range(terms):
                system[row * wide + column] += left * _term(series, shocks, ar, t, column)
            system[row * wide + terms] += left * series[t]
    for row in range(terms):
        pivot = system[row * wide + row]
        if pivot <= 1e-12 * (end - begin):
            for column in range(wide):
                system[row * wide + column] = 0.0
            for other in range(terms):
                system[other * wide + row] = 0.0
            continue
        for column in range(row, wide):
            system[row * wide + column] /= pivot
        for other in range(terms):
            factor = system[other * wide + row]
            if other != row and factor != 0.0:
                for column in range(row, wide):
                    system[other * wide + column] -= factor * system[row * wide + column]


@jit
def _fitted(series: Array, shocks: Array, ar: int, ma: int, t: int, system: Array) -> float:
    """Return what the fitted model says of the value at ``t``."""
    terms, total = 1 + ar + ma, 0.0
    for j in range(terms):
        total += system[j * (terms + 1) + terms] * _term(series, shocks, ar, t, j)
    return total


@indicator(
    inputs=("close",),
    outputs=("forecast",),
    parameters={
        "length": Parameter(50, 20, 1_000, "bars that the model is fitted to"),
        "ar": Parameter(1, 1, 4, "past values (p)"),
        "difference": Parameter(0, 0, 2, "times the prices are differenced (d)"),
        "ma": Parameter(1, 0, 3, "past shocks (q)"),
    },
    warm_up=lambda length, ar, difference, ma: length - 1,
    state=_arima_state,
    prepare=_arima,
    group="statistics",
    source="E. J. Hannan and J. Rissanen, Recursive estimation of mixed autoregressive-moving average order, Biometrika 69 (1982)",
)
def arima_forecast(state: Array, p: Array, x: Array, out: Array) -> None:
    """ARIMA forecast of the next bar: shocks from a long autoregression, then one regression on past values and shocks."""
    n, ar, differences, ma, long_order = int(p[0]), int(p[1]), int(p[2]), int(p[3]), int(p[4])
    window_push(state, 0, n, x[0])
    if int(state[0]) < n:
        out[0] = math.nan
        return
    series, shocks, system = state[2 + n : 2 + 2 * n], state[2 + 2 * n : 2 + 3 * n], state[2 + 3 * n :]
    for i in range(n):
        series[i] = window_get(state, 0, n, n - 1 - i) / x[0]
        shocks[i] = 0.0
    level, count = 0.0, n
    for _turn in range(differences):
        level += series[count - 1]
        count -= 1
        for i in range(count):
            series[i] = series[i + 1] - series[i]
    mean = 0.0
    for i in range(count):
        mean += series[i] / count
    for i in range(count):
        series[i] -= mean
    if ma > 0:
        _fit(series, shocks, long_order, 0, long_order, count, system)
        for t in range(long_order, count):
            shocks[t] = series[t] - _fitted(series, shocks, long_order, 0, t, system)
    _fit(series, shocks, ar, ma, long_order + max(ar, ma), count, system)
    out[0] = x[0] * (level + mean + _fitted(series, shocks, ar, ma, count, system))
