"""Margin tiers as they are kept and exchanged: plain rows by instrument and date, read of CSV, JSON, or Binance's own answer."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

import msgspec

from quantservice.core.errors import InvalidValue
from quantservice.core.instruments import InstrumentId
from quantservice.core.margin import Bracket, BracketTable, maintenance_amounts

#: Tables of one instrument with the time from which each holds, the oldest first.
DatedTiers: TypeAlias = tuple[tuple[int, BracketTable], ...]
#: The name of tiers that are for every instrument they are used with.
EVERY: Final = ""
_LAST_CAP: Final = Decimal("1e30")
_COLUMNS: Final = ("instrument", "from", "floor", "cap", "maintenance_rate", "max_leverage")
_MOST_ROWS: Final = 200_000


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tier from ``from_ms`` on: notionals from ``floor`` (in quote, of inverse contracts in coin) up to the next tier's."""

    from_ms: int = 0
    floor: Decimal
    cap: Decimal | None = None
    maintenance_rate: Decimal
    max_leverage: Decimal


def dated_tables(tiers: Iterable[Tier], name: str = "") -> DatedTiers:
    """Return the tables of one instrument's tiers, checked; the maintenance amounts are those that keep the margin continuous."""
    dates: dict[int, list[Tier]] = {}
    for tier in tiers:
        _check(tier, name)
        dates.setdefault(tier.from_ms, []).append(tier)
    return tuple((date, _table(sorted(dates[date], key=lambda item: item.floor), name)) for date in sorted(dates))


def rows_of(tables: DatedTiers) -> tuple[Tier, ...]:
    """Return tables as plain rows again."""
    return tuple(
        Tier(
            from_ms=date,
            floor=item.floor,
            cap=item.cap,
            maintenance_rate=item.maintenance_rate,
            max_leverage=item.max_leverage,
        )
        for date, table in tables
        for item in table.brackets
    )


def _check(tier: Tier, name: str) -> None:
    of = f" of {name}" if name else ""
    if not (tier.floor.is_finite() and tier.floor >= 0):
        raise InvalidValue("margin_tiers", f"floor {tier.floor}{of} must not be negative")
    if not 0 < tier.maintenance_rate < 1:
        raise InvalidValue("margin_tiers", f"maintenance rate {tier.maintenance_rate}{of} is no fraction; 0.4 % is 0.004")
    if not 1 <= tier.max_leverage <= 1_000:
        raise InvalidValue("margin_tiers", f"leverage {tier.max_leverage}{of} must be from 1 to 1000")


def _table(tiers: Sequence[Tier], name: str) -> BracketTable:
    of = f" of {name}" if name else ""
    if tiers[0].floor != 0:
        raise InvalidValue("margin_tiers", f"the lowest tier{of} must begin at zero, not at {tiers[0].floor}")
    if tiers[-1].cap is not None and tiers[-1].cap <= tiers[-1].floor:
        raise InvalidValue("margin_tiers", f"the tier from {tiers[-1].floor}{of} ends at {tiers[-1].cap}")
    for low, high in itertools.pairwise(tiers):
        if low.cap is not None and low.cap != high.floor:
            raise InvalidValue("margin_tiers", f"the tier from {high.floor}{of} does not follow on the one up to {low.cap}")
        if high.maintenance_rate < low.maintenance_rate or high.max_leverage > low.max_leverage:
            raise InvalidValue("margin_tiers", f"the tier from {high.floor}{of} asks for less than the one below it")
    amounts = maintenance_amounts([(tier.floor, tier.maintenance_rate) for tier in tiers])
    caps = [high.floor for high in tiers[1:]] + [tiers[-1].cap or _LAST_CAP]
    return BracketTable(
        tuple(
            Bracket(floor=tier.floor, cap=cap, maintenance_rate=tier.maintenance_rate, max_leverage=tier.max_leverage, cum=amount)
            for tier, cap, amount in zip(tiers, caps, amounts, strict=True)
        )
    )


def chosen_tiers(given: Mapping[str, Sequence[Tier]], instrument: InstrumentId, venue_symbol: str = "") -> Sequence[Tier]:
    """Return what a person's own tiers say of an instrument: by full name, symbol, the venue's name, or for every one."""
    for name in (str(instrument), instrument.symbol, venue_symbol or EVERY, EVERY):
        if name in given:
            return given[name]
    return ()


def read_tiers(content: bytes, *, json: bool) -> dict[str, tuple[Tier, ...]]:
    """Read a file: CSV with a header, or JSON; of JSON also the answer of Binance's ``leverageBracket``.

    Its rows have ``instrument`` (empty or left out: every one), ``from`` (a date; left out: always), ``floor``, ``cap`` (left out:
    the next tier's floor), ``maintenance_rate`` and ``max_leverage``.
    """
    try:
        rows = _json_rows(content) if json else _csv_rows(content)
    except (UnicodeDecodeError, csv.Error, msgspec.DecodeError) as error:
        raise InvalidValue("margin_tiers", f"the file cannot be read: {error}") from None
    if not 0 < len(rows) <= _MOST_ROWS:
        raise InvalidValue("margin_tiers", f"the file holds {len(rows):,} tiers; 1 to {_MOST_ROWS:,} are read")
    found: dict[str, list[Tier]] = {}
    for number, row in enumerate(rows, 1):
        name = str(row.get("instrument") or row.get("symbol") or EVERY).strip()
        found.setdefault(name, []).append(_tier(row, number))
    for name, tiers in found.items():
        dated_tables(tiers, name)
    return {name: tuple(tiers) for name, tiers in found.items()}


def _csv_rows(content: bytes) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), skipinitialspace=True)
    missing = [name for name in ("floor", "maintenance_rate", "max_leverage") if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidValue("margin_tiers", f"the header lacks {', '.join(missing)}; columns are {', '.join(_COLUMNS)}")
    return list(reader)


def _json_rows(content: bytes) -> list[Mapping[str, Any]]:
    read = msgspec.json.decode(content)
    rows: list[Mapping[str, Any]] = []
    for item in read if isinstance(read, list) else [read]:
        if not isinstance(item, Mapping):
            raise InvalidValue("margin_tiers", "the file must be a list of tiers, or the answer of leverageBracket")
        tiers = item.get("brackets")
        rows += [item] if tiers is None else [_of_binance(tier, item.get("symbol") or item.get("pair")) for tier in tiers]
    return rows


def _of_binance(tier: Mapping[str, Any], name: Any) -> Mapping[str, Any]:
    """Return a row of the venue's; on cm the borders are quantities of coin, and one of their names is spelt ``qtylFloor``."""
    floors, caps = ("notionalFloor", "qtyFloor", "qtylFloor"), ("notionalCap", "qtyCap")
    return {
        "instrument": name,
        "floor": next((tier[key] for key in floors if key in tier), None),
        "cap": next((tier[key] for key in caps if key in tier), None),
        "maintenance_rate": tier.get("maintMarginRatio"),
        "max_leverage": tier.get("initialLeverage"),
    }


def _tier(row: Mapping[str, Any], number: int) -> Tier:
    cap = row.get("cap")
    return Tier(
        from_ms=_time(row.get("from", row.get("from_ms")), number),
        floor=_number(row.get("floor"), "floor", number),
        cap=None if cap in (None, "") else _number(cap, "cap", number),
        maintenance_rate=_number(row.get("maintenance_rate"), "maintenance_rate", number),
        max_leverage=_number(row.get("max_leverage"), "max_leverage", number),
    )


def _number(value: Any, name: str, number: int) -> Decimal:
    try:
        if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise InvalidOperation
        read = Decimal(str(value).strip())
    except InvalidOperation:
        raise InvalidValue("margin_tiers", f"tier {number}: {name} {value!r} is not a number") from None
    if not read.is_finite():
        raise InvalidValue("margin_tiers", f"tier {number}: {name} {value!r} is not a number")
    return read


def _time(value: Any, number: int) -> int:
    text = str(value if value is not None else "").strip()
    if not text:
        return 0
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue("margin_tiers", f"tier {number}: from {text[:40]!r} is no ISO date") from None
    return int((read if read.tzinfo else read.replace(tzinfo=dt.UTC)).timestamp() * 1_000)
