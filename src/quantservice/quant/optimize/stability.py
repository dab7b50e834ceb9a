"""The parameter-stability map: a good combination among bad ones is luck, a good one among good ones may be more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import UnknownName
from quantservice.quant.optimize.space import Space

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def grid_of(space: Space, numbers: I64, scores: F64) -> F64:
    """Return scores in the shape of the space; NaN where a combination was not run or its score is not defined."""
    grid = np.full(space.size, np.nan)
    grid[numbers] = np.where(np.isfinite(scores), scores, np.nan)
    return grid.reshape(space.shape)


def neighbourhood(space: Space, grid: F64) -> tuple[F64, F64, I64]:
    """Return mean and worst score of each cell with its neighbours one step away on every ordered axis, and how many they are.

    Axes without an order (words, truths) have no neighbours.
    """
    reach = [1 if axis.ordered else 0 for axis in space.axes]
    padded = np.pad(grid, [(step, step) for step in reach], constant_values=np.nan)
    shifts = np.stack([padded[place] for place in _windows(grid.shape, reach)])
    known = ~np.isnan(shifts)
    count = known.sum(axis=0)
    total = np.where(known, shifts, 0.0).sum(axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    worst = np.where(count > 0, np.where(known, shifts, np.inf).min(axis=0), np.nan)
    own = np.isnan(grid)
    return np.where(own, np.nan, mean), np.where(own, np.nan, worst), np.where(own, 0, count - 1)


def _windows(shape: tuple[int, ...], reach: list[int]) -> list[tuple[slice, ...]]:
    found: list[tuple[slice, ...]] = [()]
    for length, step in zip(shape, reach, strict=True):
        found = [(*place, slice(move, move + length)) for place in found for move in range(2 * step + 1)]
    return found


def stability(space: Space, numbers: I64, scores: F64) -> dict[str, Any]:
    """Return where the best and the most stable combinations lie, and how much of the best is left around it (plain JSON).

    ``scores`` are turned so that more is better. ``robustness`` is the mean score of the best one's neighbours over its own (1: a
    plateau, 0 or less: a needle); NaN where the best is not positive.
    """
    grid = grid_of(space, numbers, scores)
    if np.isnan(grid).all():
        return {"best": None, "stable": None, "robustness": None}
    mean, worst, count = neighbourhood(space, grid)
    best = int(np.nanargmax(grid))
    flat_mean, flat_worst, flat_count = mean.ravel(), worst.ravel(), count.ravel()
    stable = int(np.nanargmax(flat_mean))
    own = float(grid.ravel()[best])
    around = (flat_mean[best] * (flat_count[best] + 1) - own) / flat_count[best] if flat_count[best] else math.nan
    robustness = around / own if own > 0 and math.isfinite(around) else math.nan
    return {
        "best": _cell(space, grid, flat_mean, flat_worst, best),
        "stable": _cell(space, grid, flat_mean, flat_worst, stable),
        "robustness": None if math.isnan(robustness) else robustness,
        "profitable_share": float((grid[~np.isnan(grid)] > 0).mean()),
        "score_median": float(np.nanmedian(grid)),
    }


def _cell(space: Space, grid: F64, mean: F64, worst: F64, number: int) -> dict[str, Any]:
    return {
        "parameters": space.combination(number),
        "score": float(grid.ravel()[number]),
        "neighbours_mean": float(mean[number]),
        "neighbours_worst": float(worst[number]),
    }


def heat_map(space: Space, numbers: I64, values: F64, across: str, down: str, *, best_of: bool = True) -> Mapping[str, Any]:
    """Return a table of two parameters: rows by ``down``, columns by ``across``; other parameters at their best, or their mean.

    ``values`` are turned so that more is better; a cell without a value is None.
    """
    for name in (across, down):
        if name not in space.names:
            raise UnknownName("parameter", name, space.names)
    grid = grid_of(space, numbers, values)
    first, second = space.names.index(down), space.names.index(across)
    others = tuple(place for place in range(grid.ndim) if place not in (first, second))
    filled = np.isnan(grid)
    if others:
        with_low = np.where(filled, -np.inf, grid)
        count = (~filled).sum(axis=others)
        made = with_low.max(axis=others) if best_of else np.where(filled, 0.0, grid).sum(axis=others) / np.maximum(count, 1)
        made = np.where(count > 0, made, np.nan)
    else:
        made = grid
    table = made if first < second else made.T
    cells = [[None if math.isnan(value) else float(value) for value in row] for row in table]
    return {
        "across": across,
        "down": down,
        "across_values": list(space.axes[second].values),
        "down_values": list(space.axes[first].values),
        "cells": cells,
    }
