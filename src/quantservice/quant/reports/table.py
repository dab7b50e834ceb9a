"""Columns with a name, as the table of whichever library a person uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from quantservice.core.errors import UnknownName

Column: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Table(Mapping[str, Column]):
    """Columns of one length by name; times are ``datetime64[ms]`` UTC, words are text, everything else numbers."""

    name: str
    columns: Mapping[str, Column]

    def __getitem__(self, name: str) -> Column:
        try:
            return self.columns[name]
        except KeyError:
            raise UnknownName(f"column of {self.name}", name, self.columns) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        """Rows, not columns: what a person means by the length of a table."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def rows(self) -> Iterator[dict[str, Any]]:
        """Give each row as plain Python values; times as milliseconds UTC."""
        lists = {name: _plain(values) for name, values in self.columns.items()}
        for k in range(len(self)):
            yield {name: values[k] for name, values in lists.items()}

    def to_pandas(self) -> Any:
        """Return a pandas table, times with their zone."""
        import pandas as pd  # noqa: PLC0415 - the table library is the caller's choice

        table = pd.DataFrame(dict(self.columns))
        for name, values in self.columns.items():
            if values.dtype.kind == "M":
                table[name] = table[name].dt.tz_localize("UTC")
        return table

    def to_polars(self) -> Any:
        """Return a polars table."""
        import polars as pl  # noqa: PLC0415 - the table library is the caller's choice

        return pl.DataFrame(
            {name: values.tolist() if values.dtype.kind == "O" else values for name, values in self.columns.items()}
        )

    def to_arrow(self) -> Any:
        """Return a ``pyarrow.Table``."""
        import pyarrow as pa  # noqa: PLC0415 - the table library is the caller's choice

        return pa.table(
            {
                name: pa.array(values.astype("datetime64[ms]"), pa.timestamp("ms", "UTC")) if values.dtype.kind == "M" else values
                for name, values in self.columns.items()
            }
        )

    def __repr__(self) -> str:
        return f"Table({self.name}: {len(self):,} rows of {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        shown = 20
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(values[k]))}</td>" for values in self.columns.values()) + "</tr>"
            for k in range(min(len(self), shown))
        )
        more = f"<p>… {len(self) - shown:,} more rows</p>" if len(self) > shown else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _plain(values: Column) -> list[Any]:
    plain = values.astype("datetime64[ms]").astype(np.int64) if values.dtype.kind == "M" else values
    return list(plain.tolist())


def _cell(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return np.datetime_as_string(value, unit="m").replace("T", " ")
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:,.6g}"
    return str(value)
