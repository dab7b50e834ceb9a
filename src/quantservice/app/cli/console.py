"""What commands print with: tables for people, JSON for scripts, progress bars for whatever takes more than a second."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Context
from typing import Any, Final

import msgspec

from quantservice.core.errors import InvalidValue

_BRIEF: Final = Context(prec=12)


def write(text: str) -> None:
    """Print one line to standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print one line to standard error: what is for people, not for pipes."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show(rows: Sequence[Mapping[str, Any]], *, json: bool, empty: str = "nothing to show", title: str = "") -> None:
    """Print rows as a table, or as one JSON array for scripts."""
    if json:
        write(msgspec.json.encode(list(rows), enc_hook=str).decode())
        return
    if not rows:
        note(empty)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in rows[0]:
        numeric = all(isinstance(row.get(name), int | float) and not isinstance(row.get(name), bool) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console(file=sys.stdout, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200).print(table)


def show_one(row: Mapping[str, Any], *, json: bool) -> None:
    """Print one record as name and value lines, or as one JSON object."""
    if json:
        write(msgspec.json.encode(dict(row), enc_hook=str).decode())
        return
    width = max((len(name) for name in row), default=0)
    for name, value in row.items():
        write(f"{name:<{width}}  {_cell(value)}")


@contextmanager
def progress(
    description: str, total: float | None = None, *, enabled: bool = True
) -> Iterator[Callable[[float, float | None, str], None]]:
    """Show a progress bar on standard error; the yielded function takes done, total and a text."""
    if not enabled or not sys.stderr.isatty():
        yield no_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bars:
        task = bars.add_task(description, total=total, text="")

        def update(done: float, of: float | None = None, text: str = "") -> None:
            bars.update(task, completed=done, total=of if of is not None else total, text=text)

        yield update


def no_progress(_done: float, _total: float | None = None, _text: str = "") -> None:
    """Show nothing: the output is not a terminal."""


def utc(time_ms: int | None) -> str:
    """Write an instant for people: UTC, to the second."""
    if time_ms is None:
        return ""
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def parse_time(field: str, text: str | None) -> int | None:
    """Read an instant: milliseconds since 1970, or an ISO date or date-time (UTC unless it says otherwise)."""
    if text is None or text == "":
        return None
    if text.lstrip("-").isdigit() and len(text) > 8:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue(field, f"{text!r} is neither milliseconds nor an ISO date like 2026-02-01 or 2026-02-01T12:00") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def names(values: Iterable[str]) -> str:
    """Join names for a sentence."""
    return ", ".join(values)


def brief(amount: str | None) -> str | None:
    """Write a quotient for people: twelve digits that count. JSON has all of them."""
    return None if amount is None else f"{_BRIEF.create_decimal(amount).normalize(_BRIEF):f}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**12 else str(value)
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
