"""What HTX lists, as instruments: spot's symbols and the linear perpetual contracts, whose lot is one contract in coins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from quantservice.adapters.venues.htx.spec import VENUE
from quantservice.core.errors import MalformedFrame
from quantservice.core.instruments import Instrument, InstrumentId, InstrumentStatus

_SPOT_STATES: Final[dict[str, InstrumentStatus]] = {"online": "trading", "pre-online": "pre_trading", "offline": "delisted"}
_SWAP_STATES: Final[dict[int, InstrumentStatus]] = {0: "delisted", 1: "trading", 2: "pre_trading", 8: "delivering"}


class _Symbol(msgspec.Struct):
    symbol: str
    state: str
    bc: str
    qc: str
    pp: int
    ap: int
    minoa: Decimal = Decimal(0)
    lominoa: Decimal = Decimal(0)
    minov: Decimal = Decimal(0)


class _Contract(msgspec.Struct):
    symbol: str
    contract_code: str
    contract_size: Decimal
    price_tick: Decimal
    contract_status: int
    create_date: str = ""
    business_type: str = "swap"


class _Symbols(msgspec.Struct):
    data: list[_Symbol]


class _Contracts(msgspec.Struct):
    data: list[_Contract]


def decode_instruments(body: bytes, market: str, *, seen_ms: int) -> list[Instrument]:
    """Return the instruments of a list; raises MalformedFrame."""
    try:
        if market == "spot":
            return list(_spot(msgspec.json.decode(body, type=_Symbols), seen_ms))
        return list(_swaps(msgspec.json.decode(body, type=_Contracts), seen_ms))
    except msgspec.DecodeError:
        raise MalformedFrame("wrong_shape", venue=VENUE, market=market) from None


def _spot(listed: _Symbols, seen_ms: int) -> Iterator[Instrument]:
    for row in listed.data:
        base, quote = row.bc.upper(), row.qc.upper()
        lot = Decimal(1).scaleb(-row.ap)
        yield Instrument(
            id=InstrumentId(VENUE, "spot", f"{base}-{quote}"),
            venue_symbol=row.symbol,
            base=base,
            quote=quote,
            settle=quote,
            tick_size=Decimal(1).scaleb(-row.pp),
            lot_size=lot,
            min_quantity=max(lot, row.lominoa or row.minoa),
            min_notional=row.minov,
            status=_SPOT_STATES.get(row.state, "break"),
            valid_from_ms=seen_ms,
        )


def _swaps(listed: _Contracts, seen_ms: int) -> Iterator[Instrument]:
    """Quantities are in coins here, as on every linear market; the venue counts contracts, so a contract is the lot."""
    for row in listed.data:
        if row.business_type != "swap":
            continue
        base, _, quote = row.contract_code.partition("-")
        yield Instrument(
            id=InstrumentId(VENUE, "um", f"{base}-{quote}-PERP"),
            venue_symbol=row.contract_code,
            base=base,
            quote=quote,
            settle=quote,
            tick_size=row.price_tick.normalize() + Decimal(0),
            lot_size=row.contract_size,
            min_quantity=row.contract_size,
            status=_SWAP_STATES.get(row.contract_status, "break"),
            listed_ms=_day_ms(row.create_date),
            valid_from_ms=seen_ms,
        )


def _day_ms(text: str) -> int | None:
    try:
        return int(dt.datetime.strptime(text, "%Y%m%d").replace(tzinfo=dt.UTC).timestamp()) * 1_000
    except ValueError:
        return None
