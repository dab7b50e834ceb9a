"""Arrow columns to JSON or CSV rows without a Python object per row: the text is joined column-wise in Arrow's own kernels."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_QUOTED = '"'


def text_column(column: Any) -> Any:
    """Return a column as text: decimals plain and without trailing zeros, integers as they are, booleans as JSON words."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    kind = column.type
    if pa.types.is_decimal(kind):
        return _decimal_text(column)
    if pa.types.is_floating(kind):
        return pa.array([None if item is None else format(Decimal(repr(item)), "f") for item in column.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("ms")).cast(pa.int64())
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.string())
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def is_quoted(kind: Any) -> bool:
    """Say whether a column's values stand in quotes in JSON: texts and exact decimals do, integers and booleans do not."""
    return not (pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_timestamp(kind))


def json_rows(table: Any, fields: Sequence[str]) -> bytes:
    """Return ``{...},{...}`` for the rows of ``table``: the inside of a JSON array. Nulls become ``null``.

    Texts are taken to need no escape (symbols, sources, decimals); a table with free text does not belong here.
    """
    if not table.num_rows:
        return b""
    parts: list[Any] = []
    lead = "{"
    for name in fields:
        column = table.column(name)
        text = text_column(column)
        quote = _QUOTED if is_quoted(column.type) else ""
        if text.null_count:
            text = (
                pc.if_else(pc.is_null(text), "null", pc.binary_join_element_wise(quote, text, quote, ""))
                if quote
                else pc.fill_null(text, "null")
            )
            quote = ""
        parts += [f'{lead}"{name}":{quote}', text]
        lead = f"{quote},"
    parts.append(f"{lead[:-1]}}},")
    return _joined(parts)[:-1]


def csv_rows(table: Any, fields: Sequence[str]) -> bytes:
    """Return the rows of ``table`` as CSV lines; nulls are empty."""
    if not table.num_rows:
        return b""
    parts: list[Any] = []
    for name in fields:
        text = text_column(table.column(name))
        parts += [pc.fill_null(text, "") if text.null_count else text, ","]
    parts[-1] = "\n"
    return _joined(parts)


def _joined(parts: Sequence[Any]) -> bytes:
    rows = pc.binary_join_element_wise(*(pa.scalar(part) if isinstance(part, str) else part for part in parts), "")
    offsets, data = rows.buffers()[1], rows.buffers()[2]
    width = 8 if pa.types.is_large_string(rows.type) else 4
    raw = memoryview(offsets).cast("q" if width == 8 else "i")
    return bytes(memoryview(data)[raw[rows.offset] : raw[rows.offset + len(rows)]])


def _decimal_text(column: Any) -> Any:
    text = column.cast(pa.string())
    if column.type.scale > 0:
        text = pc.utf8_rtrim(pc.utf8_rtrim(text, characters="0"), characters=".")
    odd = pc.match_substring(text, "E")  # Arrow writes what lies below 1e-6 with an exponent, zero included
    if pc.any(odd).as_py():
        exact = [None if item is None else plain(item) for item in column.filter(odd).to_pylist()]
        text = pc.replace_with_mask(text, pc.fill_null(odd, False), pa.array(exact, pa.string()))
    return text


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
