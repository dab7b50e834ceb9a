"""Write a table of klines to a file; the suffix chooses the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_klines(table: Any, output: Path) -> int:
    """Write ``table`` (pyarrow) to ``output`` (.csv, .parquet, .arrow) all or nothing; returns the rows."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(output.name + ".part")
    try:
        if output.suffix == ".parquet":
            pyarrow.parquet.write_table(table, temporary)
        elif output.suffix == ".arrow":
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
        else:
            pyarrow.csv.write_csv(table, temporary)
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
    return int(table.num_rows)
