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
    return (2 + length) + 2 * length + (terms + 1) * (terms + 1)


@jit
def _terms(state: Array, series: int, shocks: int, ar: int, ma: int, t: int, row: int) -> None:
    """Write the regressors of the value at ``t`` from ``row`` on: 1, then past values, then past shocks."""
    state[row] = 1.0
    for j in range(1, ar + 1):
        state[row + j] = state[series + t - j]
    for j in range(1, ma + 1):
        state[row + ar + j] = state[shocks + t - j]


@jit
def _fit(state: Array, series: int, shocks: int, ar: int, ma: int, begin: int, end: int, row: int) -> None:
    """Regress values on a constant, ``ar`` past values and ``ma`` past shocks; the coefficients end in the last column.

    ``row`` is where one row of regressors is put; the matrix of normal equations follows it, row after row. A term that adds
    nothing to those before it has coefficient 0.
    """
    terms = 1 + ar + ma
    wide, system = terms + 1, row + terms + 1
    for i in range(terms * wide):
        state[system + i] = 0.0
    for t in range(begin, end):
        _terms(state, series, shocks, ar, ma, t, row)
        state[row + terms] = state[series + t]
        for i in range(terms):
            left = state[row + i]
            for j in range(i, wide):
                state[system + i * wide + j] += left * state[row + j]
    for i in range(terms):
        for j in range(i):
            state[system + i * wide + j] = state[system + j * wide + i]
    for i in range(terms):
        pivot = state[system + i * wide + i]
        if pivot <= 1e-12 * (end - begin):
            for j in range(wide):
                state[system + i * wide + j] = 0.0
            for other in range(terms):
                state[system + other * wide + i] = 0.0
            continue
        for j in range(i, wide):
            state[system + i * wide + j] /= pivot
        for other in range(terms):
            factor = state[system + other * wide + i]
            if other != i and factor != 0.0:
                for j in range(i, wide):
                    state[system + other * wide + j] -= factor * state[system + i * wide + j]


@jit
def _fitted(state: Array, series: int, shocks: int, ar: int, ma: int, t: int, row: int) -> float:
    """Return what the fitted model says of the value at ``t``."""
    terms, total = 1 + ar + ma, 0.0
    _terms(state, series, shocks, ar, ma, t, row)
    for i in range(terms):
        total += state[row + terms + 1 + i * (terms + 1) + terms] * state[row + i]
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
    series, shocks, row = 2 + n, 2 + 2 * n, 2 + 3 * n
    for i in range(n):
        state[series + i] = window_get(state, 0, n, n - 1 - i) / x[0]
        state[shocks + i] = 0.0
    level, count = 0.0, n
    for _turn in range(differences):
        level += state[series + count - 1]
        count -= 1
        for i in range(count):
            state[series + i] = state[series + i + 1] - state[series + i]
    mean = 0.0
    for i in range(count):
        mean += state[series + i] / count
    for i in range(count):
        state[series + i] -= mean
    if ma > 0:
        _fit(state, series, shocks, long_order, 0, long_order, count, row)
        for t in range(long_order, count):
            state[shocks + t] = state[series + t] - _fitted(state, series, shocks, long_order, 0, t, row)
    _fit(state, series, shocks, ar, ma, long_order + max(ar, ma), count, row)
    out[0] = x[0] * (level + mean + _fitted(state, series, shocks, ar, ma, count, row))
