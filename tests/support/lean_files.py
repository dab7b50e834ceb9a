"""Reading reference files of indicators: bars and expected values in one table, in several dialects of CSV."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]

#: Where the files lie below the test data.
FOLDER = Path("metrics") / "lean_indicators"


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file, plain or packed, by the names of its first line (without spaces around them)."""
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode("utf-8-sig")
    rows = csv.reader(text.splitlines())
    names = [name.strip() for name in next(rows)]
    return [dict(zip(names, row, strict=False)) for row in rows if any(cell.strip() for cell in row)]


def number(text: str | None) -> float:
    """Return a cell as a number; NaN where it holds none."""
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def column(rows: list[dict[str, str]], name: str) -> Column:
    """Return a column as numbers."""
    return np.array([number(row.get(name)) for row in rows])


def bars_of(rows: list[dict[str, str]]) -> Mapping[str, Column]:
    """Return the columns of bars that the rows have, by our names."""
    ours = ("open", "high", "low", "close", "volume")
    return {name.lower(): column(rows, name) for name in rows[0] if name.lower() in ours}
