"""Rows of Arrow tables as JSON or as the stream itself: sorted, cut, in pages."""

from __future__ import annotations

import asyncio
import math
from typing import Annotated, Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from fastapi import Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from quantservice.core.errors import UnknownName
from quantservice.web.errors import reply

_ARROW = "application/vnd.apache.arrow.stream"
TableName: TypeAlias = Annotated[str, Path(min_length=1, max_length=64, examples=["trades"])]
Sort: TypeAlias = Annotated[str | None, Query(max_length=128, description="A column; what is not defined comes last.")]
Columns: TypeAlias = Annotated[str | None, Query(max_length=4_000, description="Names with commas between; all when left out.")]
Rows: TypeAlias = Annotated[int, Query(ge=1, le=20_000)]
Offset: TypeAlias = Annotated[int, Query(ge=0, le=100_000_000, description="Rows before the first that is answered.")]
Form: TypeAlias = Annotated[Literal["json", "arrow"], Query(description="JSON rows, or an Arrow stream.")]


def table_content(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return what a route that answers tables declares."""
    stream = {"schema": {"type": "string", "format": "binary", "description": "An Arrow IPC stream."}}
    return {200: {"model": model, "description": "Rows (JSON), or an Arrow stream.", "content": {_ARROW: stream}}}


async def table_reply(
    content: bytes,
    *,
    form: str,
    columns: str | None = None,
    sort: str | None = None,
    descending: bool = False,
    offset: int = 0,
    limit: int = 1_000,
) -> Response:
    """Answer with ``limit`` rows of an Arrow stream from ``offset`` on, and of its columns those that are named."""
    names = None if columns is None else list(dict.fromkeys(name.strip() for name in columns.split(",") if name.strip()))

    def answer() -> Response:
        table = pa.ipc.open_stream(content).read_all()
        for name in (*(names or ()), *((sort,) if sort is not None else ())):
            if name not in table.column_names:
                raise UnknownName("column", name, table.column_names)
        if sort is not None:
            way = "descending" if descending else "ascending"
            table = table.take(pc.sort_indices(table, sort_keys=[(sort, way, "at_end")]))  # NaN goes to the end too
        return _answer(table.select(names) if names else table, form, offset, limit)

    return await asyncio.to_thread(answer)


def _answer(table: Any, form: str, offset: int, limit: int) -> Response:
    rows = table.num_rows
    table = table.slice(offset, limit)
    if form == "arrow":
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return Response(sink.getvalue().to_pybytes(), media_type=_ARROW)
    return reply({"columns": table.column_names, "rows": rows, "data": [_plain(row) for row in table.to_pylist()]})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if hasattr(value, "timestamp"):  # times of trades and fills: UTC milliseconds, as everywhere
        return round(value.timestamp() * 1000)
    return value
