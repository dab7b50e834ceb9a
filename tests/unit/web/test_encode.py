"""Arrow columns become JSON and CSV rows with exact decimals."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantservice.web.encode import csv_rows, json_rows, plain

DECIMALS = st.decimals(min_value=Decimal("-1e15"), max_value=Decimal("1e15"), allow_nan=False, allow_infinity=False, places=18)


def table(values: list[Decimal | None], whole: list[int]) -> pa.Table:
    return pa.table({"time": pa.array(whole, pa.int64()), "price": pa.array(values, pa.decimal128(38, 18))})


@settings(deadline=None)  # the first call loads Arrow's kernels
@given(st.lists(DECIMALS | st.none(), min_size=1, max_size=30))
def test_every_decimal_comes_back_exactly_and_plain(values: list[Decimal | None]) -> None:
    rows = json.loads(b"[" + json_rows(table(values, list(range(len(values)))), ("time", "price")) + b"]")
    assert [row["time"] for row in rows] == list(range(len(values)))
    for row, value in zip(rows, values, strict=True):
        if value is None:
            assert row["price"] is None
        else:
            assert Decimal(row["price"]) == value
            assert "E" not in row["price"]
            assert row["price"] == plain(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [("0", "0"), ("67123.10", "67123.1"), ("100", "100"), ("0.00000012", "0.00000012"), ("-0.5", "-0.5"), ("1E+3", "1000")],
)
def test_a_decimal_is_written_without_exponent_and_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text
    assert json.loads(json_rows(table([Decimal(value)], [1]), ("price",)))["price"] == text


def test_booleans_texts_nulls_and_slices_are_encoded_by_their_kind() -> None:
    rows = pa.table(
        {
            "flag": pa.array([True, False, None]),
            "name": pa.array(["ws", "rest", None]).dictionary_encode(),
            "number": pa.array([1, None, 3], pa.uint32()),
        }
    )
    whole = json.loads(b"[" + json_rows(rows, ("flag", "name", "number")) + b"]")
    assert whole == [
        {"flag": True, "name": "ws", "number": 1},
        {"flag": False, "name": "rest", "number": None},
        {"flag": None, "name": None, "number": 3},
    ]
    assert json.loads(json_rows(rows.slice(1, 1), ("name", "flag"))) == {"name": "rest", "flag": False}


def test_no_rows_make_no_bytes() -> None:
    assert json_rows(table([], []), ("time", "price")) == b""
    assert csv_rows(table([], []), ("time", "price")) == b""


def test_csv_lines_hold_the_same_values() -> None:
    lines = csv_rows(table([Decimal("1.50"), None], [7, 8]), ("time", "price")).decode()
    assert list(csv.reader(io.StringIO(lines))) == [["7", "1.5"], ["8", ""]]
