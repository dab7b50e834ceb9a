"""What is asked of an account: its state now, one order, fills and movements of the past, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from quantservice.adapters.venues.okx.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.okx.spec import VENUE, OkxRow
from quantservice.adapters.venues.okx.trading import wording
from quantservice.adapters.venues.okx.trading.caller import Caller
from quantservice.adapters.venues.okx.trading.decode import Decoder
from quantservice.adapters.venues.okx.trading.listing import Listing
from quantservice.adapters.venues.okx.wire import decimal_of
from quantservice.adapters.venues.transport.diagnosis import unreadable
from quantservice.core.errors import MalformedFrame, Refused, VenueUnreachable
from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import VenueFill
from quantservice.core.periods import DAY_MS
from quantservice.ports.trading import (
    AccountModes,
    AccountMovement,
    AccountSnapshot,
    KeyPermissions,
    OrderReport,
    VenueBalance,
    VenueMargin,
    VenuePosition,
)

_T = TypeVar("_T")
Row = Mapping[str, Any]
_PAGE: Final = 100
_RECENT_FILLS_MS: Final = 2 * DAY_MS  # the short list reaches three days back
_RECENT_BILLS_MS: Final = 6 * DAY_MS  # and that of bills seven
_ALGO_KINDS: Final = ("conditional,oco", "trigger", "move_order_stop")


class Queries:
    """The reads of one account's market. Each raises Refused, RateLimited or VenueUnreachable."""

    def __init__(self, row: OkxRow, caller: Caller, listing: Listing, decoder: Decoder) -> None:
        self._row = row
        self._caller = caller
        self._listing = listing
        self._decoder = decoder

    # --- now -----------------------------------------------------------------------------------------------------------

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders, those that wait for their trigger too."""
        await self._listing.names.load()
        await self._caller.know_time()
        time_ms = self._caller.signer.time.now_ms()
        (balances, margins), positions, orders = await asyncio.gather(self._balances(), self._positions(), self.open_orders())
        return AccountSnapshot(
            account=self._decoder.account,
            balances=balances,
            positions=positions,
            orders=tuple(orders),
            time_ms=time_ms,
            margins=margins,
        )

    async def _balances(self) -> tuple[tuple[VenueBalance, ...], tuple[VenueMargin, ...]]:
        rows = await self._caller.ask("balance")
        details = [item for row in rows for item in row.get("details", ())]
        found = _read(lambda: [self._decoder.balance(item) for item in details])
        margins = _read(lambda: [item for row in rows for item in self._decoder.margins(row)]) if self._row.positions else []
        return tuple(item for item in found if item.total or item.free), tuple(margins)

    async def _positions(self) -> tuple[VenuePosition, ...]:
        if not self._row.positions:
            return ()
        rows = await self._ours(await self._caller.ask("positions", {"instType": self._row.inst_type}))
        return tuple(item for item in _read(lambda: [self._decoder.position(row) for row in rows]) if item.quantity)

    async def open_orders(self) -> list[OrderReport]:
        """Ask for the open orders of every instrument."""
        kind = {"instType": self._row.inst_type}
        rows = await self._ours(await self._walk("open", kind, "ordId"))
        found = _read(lambda: [self._decoder.order(row, "open_orders") for row in rows])
        for word in _ALGO_KINDS:
            algos = await self._ours(await self._walk("algo_open", kind | {"ordType": word}, "algoId"))
            found += _read(lambda waiting=algos: [self._decoder.algo(row, "open_orders") for row in waiting])  # type: ignore[misc]  # bound now
        return found

    async def _walk(self, name: str, parameters: Mapping[str, str], number: str) -> list[Row]:
        """Ask page by page, each older than the one before."""
        found: list[Row] = []
        after: dict[str, str] = {}
        while True:
            rows = await self._caller.ask(name, {**parameters, **after, "limit": str(_PAGE)})
            found += rows
            if len(rows) < _PAGE:
                return found
            after = {"after": str(rows[-1][number])}

    async def _ours(self, rows: Sequence[Row]) -> list[Row]:
        """Leave out what is of another market; learn of instruments that were listed meanwhile."""
        if any(not self._listing.knows(str(row.get("instId"))) for row in rows):
            await self._listing.names.look_again()
        return [row for row in rows if not self._listing.is_foreign(str(row.get("instId")))]

    # --- one order -----------------------------------------------------------------------------------------------------

    async def find(self, inst_id: str, client_id: str) -> OrderReport | None:
        """Ask for an order by its client id; None where the venue does not know it."""
        row = await self._order({"instId": inst_id} | wording.ids_of(client_id))
        if row is not None:
            return _read(lambda: self._decoder.order(row, "query"))
        return await self._find_algo(inst_id, client_id)

    async def algo(self, client_id: str) -> Row | None:
        """Ask for a conditional order by its client id."""
        if "ordId" in wording.ids_of(client_id):
            return None
        return await self._one("algo_order", {"algoClOrdId": client_id})

    async def _find_algo(self, inst_id: str, client_id: str) -> OrderReport | None:
        algo = await self.algo(client_id)
        if algo is None:
            return None
        became = [str(name) for name in algo.get("ordIdList") or [algo.get("ordId")] if name]
        for order_id in became:
            self._decoder.remember(order_id, client_id)
            row = await self._order({"instId": inst_id, "ordId": order_id})
            if row is not None:
                return _read(lambda found=row: self._decoder.order(found, "query"))  # type: ignore[misc]  # bound now
        return _read(lambda: self._decoder.algo(algo, "query"))

    async def _order(self, parameters: dict[str, str]) -> Row | None:
        return await self._one("order", parameters)

    async def _one(self, name: str, parameters: dict[str, str]) -> Row | None:
        try:
            rows = await self._caller.ask(name, parameters)
        except Refused as error:
            if outcome_of(error.status, error.code if isinstance(error.code, int) else 0) is Outcome.GONE:
                return None
            raise
        return rows[0] if rows else None

    # --- the past ------------------------------------------------------------------------------------------------------

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Ask for fills, oldest first, each with the client id of its order."""
        await self._caller.know_time()
        recent = self._caller.signer.time.now_ms() - since_ms < _RECENT_FILLS_MS
        found: list[VenueFill] = []
        for instrument in dict.fromkeys(instruments):
            asked = {"instType": self._row.inst_type, "instId": await self._listing.names.symbol_to_ask(instrument)}
            rows = await self._back_to("fills" if recent else "fills_history", asked, since_ms)
            await self._name_orders(rows)
            found += _read(lambda page=rows: [self._decoder.fill(row) for row in page])  # type: ignore[misc]  # bound now
        return sorted(found, key=lambda fill: (fill.time_ms, fill.trade_id.zfill(24)))

    async def _back_to(self, name: str, parameters: dict[str, str], since_ms: int) -> list[Row]:
        """Walk from the newest bill back to an instant: no page can end in the middle of a millisecond."""
        found: dict[str, Row] = {}
        after: dict[str, str] = {}
        while True:
            rows = await self._caller.ask(name, {**parameters, **after, "begin": str(since_ms), "limit": str(_PAGE)})
            fresh = [row for row in rows if str(row.get("billId")) not in found]
            found |= {str(row.get("billId")): row for row in fresh}
            if len(rows) < _PAGE or not fresh:
                return [row for row in found.values() if int(row.get("fillTime") or row["ts"]) >= since_ms]
            after = {"after": str(rows[-1]["billId"])}

    async def _name_orders(self, rows: Sequence[Row]) -> None:
        """Learn the ids of orders that conditional ones became: lists of fills do not tell them."""
        nameless = {str(row["ordId"]): str(row["instId"]) for row in rows if not row.get("clOrdId")}
        for order_id, inst_id in nameless.items():
            if order_id not in self._decoder.names:
                row = await self._order({"instId": inst_id, "ordId": order_id})
                if row is not None:
                    self._decoder.remember(order_id, self._decoder.client_id(row))

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Ask for money that moved without a fill of this market: funding, transfers, what the account's other market traded."""
        await self._listing.names.load()
        await self._caller.know_time()
        recent = self._caller.signer.time.now_ms() - since_ms < _RECENT_BILLS_MS
        rows = await self._back_to("bills" if recent else "bills_archive", {}, since_ms)
        found = _read(lambda: [self._decoder.movement(row) for row in rows])
        return sorted((item for item in found if item is not None), key=lambda item: (item.time_ms, item.movement_id))

    # --- settings ------------------------------------------------------------------------------------------------------

    async def _config(self) -> Row:
        rows = await self._caller.ask("config")
        if not rows:
            raise VenueUnreachable(f"{VENUE} does not say how the account is set", cause="server", venue=VENUE)
        found: Row = rows[0]
        return found

    async def permissions(self) -> KeyPermissions:
        """Ask what the key may do."""
        row = await self._config()
        rights = str(row.get("perm", "")).split(",")
        return KeyPermissions(
            read="read_only" in rights,
            trade="trade" in rights,
            withdraw="withdraw" in rights,
            ip_bound=bool(row.get("ip")),
            uid=str(row.get("uid") or ""),
            detail="" if row.get("ip") else "a trading key without a bound address ends after 14 idle days",
        )

    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes:
        """Ask how the account is set, and its fees."""
        symbols = {instrument: await self._listing.names.symbol_to_ask(instrument) for instrument in instruments}
        row = await self._config()
        maker, taker = await self._fees()
        leverage = {str(item): await self._leverage(name) for item, name in symbols.items()} if self._row.positions else {}
        hedge = self._row.positions and row.get("posMode") == "long_short_mode"
        return AccountModes(
            hedge=hedge, multi_asset=str(row.get("acctLv")) in ("3", "4"), leverage=leverage, maker_fee=maker, taker_fee=taker
        )

    async def _fees(self) -> tuple[Decimal | None, Decimal | None]:
        rows = await self._caller.ask("fees", {"instType": self._row.inst_type})
        if not rows:
            return None, None
        names = ("makerU", "takerU") if self._row.positions else ("maker", "taker")
        maker, taker = _read(lambda: [-decimal_of(rows[0].get(name)) for name in names])
        return maker, taker

    async def _leverage(self, inst_id: str) -> Decimal:
        rows = await self._caller.ask("leverage_of", {"instId": inst_id, "mgnMode": self._row.trade_mode})
        found = next((row.get("lever") for row in rows if row.get("instId") == inst_id), None)
        if not found:
            raise VenueUnreachable(f"{VENUE} does not say the leverage of {inst_id}", cause="server", venue=VENUE)
        return _read(lambda: decimal_of(found))


def _read(read: Callable[[], _T]) -> _T:
    """Read an answer; one that cannot be read says nothing, like none at all."""
    try:
        return read()
    except (MalformedFrame, KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        reason = error.reason if isinstance(error, MalformedFrame) else "bad_value"
        raise unreadable(VENUE, reason) from None
