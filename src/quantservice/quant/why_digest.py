"""Why was there no trade, in short: how often each gate said no, and at which bars. It is kept beside a stored backtest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from zlib import compress, decompress
from zlib import error as ZlibError  # noqa: N812 - it is a class

import msgspec
import numpy as np
import numpy.typing as npt

from quantservice.quant.reports.table import Table
from quantservice.quant.why import TRADED

if TYPE_CHECKING:
    from quantservice.quant.research import Backtest

#: The name of the part of a stored backtest that holds it.
WHY: Final = "why"
#: More rows (bars by instruments) than this are not gone through for every run that is kept: it would take seconds.
MOST_ROWS: Final = 200_000
#: Stretches that are kept, shared out among the gates.
MOST_STRETCHES: Final = 1_000
FORMAT: Final = "quantservice.why.v1"


class WhyGate(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that said no: at how many rows, and the open times of the first and the last of them."""

    gate: str
    rows: int
    first_ms: int
    last_ms: int


class WhyStretch(msgspec.Struct, frozen=True, kw_only=True):
    """Bars of one instrument on end at which the same gate said no; ``said`` is what the strategy said at the first of them."""

    instrument: str
    gate: str
    said: str
    bars: int
    first_ms: int
    last_ms: int


class WhyDigest(msgspec.Struct, frozen=True, kw_only=True):
    """The table in short. ``rows`` are bars by instruments, ``traded`` those of which an order filled.

    ``gates`` have the most frequent first, ``stretches`` are in order of time: the last ones of each gate, at most
    `MOST_STRETCHES` of ``stretches_total``. ``note`` says why there is nothing.
    """

    format: str = FORMAT
    rows: int = 0
    traded: int = 0
    gates: tuple[WhyGate, ...] = ()
    stretches: tuple[WhyStretch, ...] = ()
    stretches_total: int = 0
    note: str = ""


def digest_of(table: Table, *, most: int = MOST_STRETCHES) -> WhyDigest:
    """Return the table of :func:`quantservice.quant.why.why_no_trade` in short."""
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(gate, len(numbers)) for gate in table["gate"].tolist()], dtype=np.int64)
    names = list(numbers)
    time = table["time"].astype("datetime64[ms]").astype(np.int64)
    counts = np.bincount(codes, minlength=len(names))
    gates = []
    for code in np.argsort(-counts, kind="stable").tolist():
        if names[code] != TRADED:
            seen = time[codes == code]
            gates.append(WhyGate(gate=names[code], rows=len(seen), first_ms=int(seen[0]), last_ms=int(seen[-1])))
    starts, lengths = _stretches(table, codes)
    said_no = codes[starts] != numbers.get(TRADED, -1)
    starts, lengths = starts[said_no], lengths[said_no]
    kept = _shared_out(codes[starts], most)
    count = len(set(table["instrument"].tolist()))
    return WhyDigest(
        rows=len(table),
        traded=int(counts[numbers[TRADED]]) if TRADED in numbers else 0,
        gates=tuple(gates),
        stretches=tuple(
            WhyStretch(
                instrument=str(table["instrument"][row]),
                gate=names[codes[row]],
                said=str(table["said"][row]),
                bars=bars,
                first_ms=int(time[row]),
                last_ms=int(time[row + (bars - 1) * count]),
            )
            for row, bars in zip(starts[kept].tolist(), lengths[kept].tolist(), strict=True)
        ),
        stretches_total=len(starts),
    )


def _stretches(table: Table, codes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the rows at which a gate begins and for how many bars it stays, in order of the rows.

    The rows are bars by instruments, the instruments in the same order at each bar.
    """
    count = len(set(table["instrument"].tolist()))
    grid = codes.reshape(-1, count) if count else codes.reshape(0, 1)
    begins = np.ones(grid.shape, dtype=bool)
    begins[1:] = grid[1:] != grid[:-1]
    starts, lengths = [], []
    for place in range(grid.shape[1]):
        bars = np.flatnonzero(begins[:, place])
        starts.append(bars * count + place)
        lengths.append(np.diff(np.append(bars, len(grid))))
    found = np.concatenate(starts).astype(np.int64)
    order = np.argsort(found, kind="stable")
    return found[order], np.concatenate(lengths).astype(np.int64)[order]


def _shared_out(codes: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """Return which stretches are kept: rare gates whole, of the others the last ones."""
    left, wanted = most, []
    counts = sorted((int(count), int(code)) for code, count in enumerate(np.bincount(codes)) if count)
    for place, (count, code) in enumerate(counts):
        share = min(count, left // (len(counts) - place))
        left -= share
        wanted.append(np.flatnonzero(codes == code)[count - share :])
    return np.sort(np.concatenate(wanted)) if wanted else np.empty(0, dtype=np.int64)


def digest_of_run(backtest: Backtest, parameters: Mapping[str, Any] | None = None) -> WhyDigest:
    """Return why a run did not trade; with a note instead where it has too many rows for that, or does not run again."""
    rows = len(backtest.data) * len(backtest.data.instruments)
    if rows > MOST_ROWS:
        return WhyDigest(
            rows=rows, note=f"{rows:,} rows (bars by instruments) are more than {MOST_ROWS:,}; qs backtest --why FILE writes them"
        )
    try:
        return digest_of(backtest.why(**(parameters or {})))
    except Exception as error:  # noqa: BLE001 - the run itself is sound: it is kept whatever its repetition raises
        return WhyDigest(rows=rows, note=f"the strategy did not run a second time: {error}")


def pack_why(digest: WhyDigest) -> bytes:
    """Write a digest as compressed JSON."""
    return compress(msgspec.json.encode(digest), 6)


def unpack_why(content: bytes) -> WhyDigest:
    """Read it back; what is no digest is said in its note."""
    try:
        return msgspec.json.decode(decompress(content), type=WhyDigest)
    except (ZlibError, msgspec.DecodeError):
        return WhyDigest(note="what was kept of it cannot be read")
