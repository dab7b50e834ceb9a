"""What is asked of an account at HTX: its state now, one order, fills and movements of the past, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from quantservice.adapters.venues.htx.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.htx.spec import VENUE
from quantservice.adapters.venues.htx.trading import decode
from quantservice.adapters.venues.htx.trading.caller import Caller
from quantservice.adapters.venues.htx.trading.decode import BY_HAND, Decoder, Reading, read
from quantservice.adapters.venues.htx.trading.numbers import Numbers
from quantservice.adapters.venues.htx.trading.table import TradingRow
from quantservice.adapters.venues.transport.diagnosis import unreadable
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.errors import MalformedFrame, Refused, VenueUnreachable
from quantservice.core.instruments import Instrument, InstrumentId
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

_PAGES: Final = {"spot": 500, "um": 50}
_OPEN_PAGE: Final = {"spot": 500, "um": 50}
_SPAN_MS: Final = 47 * 3_600_000  # of one question for the past; the venue allows 48 hours
_REACH_MS: Final = 90 * DAY_MS  # as far as the venue's lists go
_MARGIN_MS: Final = 1_000  # the venue's stamps of one moment differ by less
_MOST_IDS: Final = 50


class Queries:
    """The reads of one account's market. Each raises Refused, RateLimited or VenueUnreachable."""

    def __init__(self, row: TradingRow, caller: Caller, names: Names, decoder: Decoder, numbers: Numbers) -> None:
        self._row = row
        self._caller = caller
        self._names = names
        self._decoder = decoder
        self._numbers = numbers
        self._spot = row.market == "spot"
        self._account_id = ""
        self._leverages: dict[str, int] = {}

    # --- now -------------------------------------------------------------------------------------------------------------

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders."""
        await self._names.load()
        await self._numbers.refresh()
        await self._caller.know_time()
        time_ms = self._caller.signer.time.now_ms()
        (balances, positions, margins), orders = await asyncio.gather(self._holdings(), self.open_orders())
        return AccountSnapshot(
            account=self._decoder.account,
            balances=balances,
            positions=positions,
            orders=tuple(orders),
            time_ms=time_ms,
            margins=margins,
        )

    async def _holdings(self) -> tuple[tuple[VenueBalance, ...], tuple[VenuePosition, ...], tuple[VenueMargin, ...]]:
        if self._spot:
            data = await self._data("balance", account=await self.account_id())
            with Guarded():
                return tuple(decode.spot_balances(data["list"])), (), ()
        accounts, held = await self._data("account"), await self._data("positions")
        with Guarded():
            self._note_leverages(accounts)
            balances = tuple(self._decoder.swap_balance(row) for row in accounts if Decimal(row["margin_static"]))
            found = (self._decoder.position(row) for row in held)
            margins = tuple(self._decoder.swap_margin(row) for row in accounts if Decimal(row["margin_balance"]))
            return balances, tuple(item for item in found if item.quantity), margins

    async def open_orders(self) -> list[OrderReport]:
        """Ask for the open orders of every symbol, page by page."""
        found: dict[str, OrderReport] = {}
        size, page, last = _OPEN_PAGE[self._row.market], 1, ""
        while True:
            if self._spot:
                asked: dict[str, Any] = {"account-id": await self.account_id(), "size": size}
                rows = await self._data("open", asked | ({"from": last, "direct": "prev"} if last else {}))
            else:
                data = await self._data("open", {"page_index": page, "page_size": size})
                rows = data["orders"] if isinstance(data, dict) else []
            with Guarded():
                reports = [self._report(row, "open_orders") for row in rows]
            new = [report for report in reports if report.venue_order_id not in found]
            found |= {report.venue_order_id: report for report in reports}
            if len(rows) < size or not new:
                return sorted(found.values(), key=lambda report: int(report.venue_order_id))
            page, last = page + 1, min((report.venue_order_id for report in reports), key=int)

    def _report(self, row: Any, source: str) -> OrderReport:
        return self._decoder.spot_order(row, source) if self._spot else self._decoder.swap_order(row, source)

    # --- one order -------------------------------------------------------------------------------------------------------

    async def find(self, listed: Instrument, client_id: str) -> OrderReport | None:
        """Ask for an order by its client id; None where the venue does not know it. Of several it tells the latest."""
        by_hand = client_id.removeprefix(BY_HAND) if client_id.startswith(BY_HAND) else ""
        try:
            if self._spot and by_hand:
                row = await self._data("order_id", order=by_hand)
            elif self._spot:
                row = await self._data("order", {"clientOrderId": client_id})
            else:
                number = by_hand or (client_id if client_id.isdigit() else str(self._numbers.note(client_id)))
                asked = {"contract_code": listed.venue_symbol, "order_id" if by_hand else "client_order_id": number}
                [row] = await self._data("order", asked)
        except Refused as error:
            if outcome_of(error.status, error.code) is Outcome.GONE:
                return None
            raise
        except ValueError:
            raise unreadable(VENUE, "wrong_shape") from None
        with Guarded():
            return self._report(row, "query")

    # --- the past --------------------------------------------------------------------------------------------------------

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Ask for fills, oldest first, each with the client id of its order."""
        found: list[VenueFill] = []
        await self._numbers.refresh()
        for instrument in dict.fromkeys(instruments):
            listed = await self._known(instrument)
            rows = await self._trades(listed, since_ms)
            await self._name_orders(listed, rows)
            with Guarded():
                found += [self._decoder.spot_fill(row) if self._spot else self._decoder.swap_fill(row) for row in rows]
        return sorted(found, key=lambda fill: (fill.time_ms, fill.trade_id))

    async def _trades(self, listed: Instrument, since_ms: int) -> list[Any]:
        """Walk in spans of two days, in each by ids, oldest first: no page can end in the middle of a millisecond."""
        await self._caller.know_time()
        now_ms = self._caller.signer.time.now_ms()
        start_ms, size = max(since_ms, now_ms - _REACH_MS), _PAGES[self._row.market]
        found: dict[str, Any] = {}
        while start_ms <= now_ms + _MARGIN_MS:
            end_ms, last = start_ms + _SPAN_MS, ""
            while True:
                rows = await self._page(listed, start_ms, end_ms, last)
                fresh = [row for row in rows if str(row["id"]) not in found]
                found |= {str(row["id"]): row for row in rows}
                if len(rows) < size or not fresh:
                    break
                last = str(rows[-1]["id"] if self._spot else rows[-1]["query_id"])
            start_ms = end_ms + 1
        return list(found.values())

    async def _page(self, listed: Instrument, start_ms: int, end_ms: int, last: str) -> list[Any]:
        if self._spot:
            asked: dict[str, Any] = {"symbol": listed.venue_symbol, "start-time": start_ms, "end-time": end_ms, "direct": "next"}
            rows = await self._data("fills", asked | {"size": _PAGES["spot"]} | ({"from": last} if last else {}))
        else:
            asked = {"contract": listed.venue_symbol, "trade_type": 0, "start_time": start_ms, "end_time": end_ms, "direct": "next"}
            rows = await self._data("fills", asked | ({"from_id": int(last)} if last else {}))
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
            raise unreadable(VENUE, "wrong_shape")
        return rows

    async def _name_orders(self, listed: Instrument, rows: Sequence[Any]) -> None:
        """Learn the client ids of the orders that fills belong to: lists of fills do not tell them."""
        with Guarded():
            ids = [str(row["order-id"] if self._spot else row.get("order_id_str") or row["order_id"]) for row in rows]
        missing = [order for order in dict.fromkeys(ids) if order not in self._decoder.client_ids]
        size = 1 if self._spot else _MOST_IDS
        for at in range(0, len(missing), size):
            part = missing[at : at + size]
            try:
                if self._spot:
                    orders = [await self._data("order_id", order=part[0])]
                else:
                    orders = await self._data("order", {"contract_code": listed.venue_symbol, "order_id": ",".join(part)})
            except Refused as error:
                if outcome_of(error.status, error.code) is not Outcome.GONE:
                    raise
                continue  # too long ago to be asked for: the fill stands without a name
            with Guarded():
                for row in orders:
                    self._report(row, "query")

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Ask for money that moved without a fill."""
        await self._names.load()
        await self._caller.know_time()
        now_ms = self._caller.signer.time.now_ms()
        start_ms, found = max(since_ms, now_ms - _REACH_MS), dict[str, AccountMovement]()
        while start_ms <= now_ms + _MARGIN_MS:
            end_ms, last = start_ms + _SPAN_MS, ""
            while True:
                rows = await self._moved(start_ms, end_ms, last)
                before = len(found)
                with Guarded():
                    for row in rows:
                        movement = self._decoder.spot_movement(row) if self._spot else self._decoder.swap_movement(row)
                        if movement is not None:
                            found[movement.movement_id] = movement
                if self._spot or len(rows) < _PAGES["um"] or len(found) == before:
                    break
                last = str(rows[-1]["query_id"])
            start_ms = end_ms + 1
        return sorted(found.values(), key=lambda item: item.time_ms)

    async def _moved(self, start_ms: int, end_ms: int, last: str) -> list[Any]:
        if self._spot:
            asked: dict[str, Any] = {"account-id": await self.account_id(), "start-time": start_ms, "end-time": end_ms}
            return list(await self._data("movements", asked | {"sort": "asc", "size": 500}))
        asked = {"mar_acct": "USDT", "start_time": start_ms, "end_time": end_ms, "direct": "next"}
        return list(await self._data("movements", asked | ({"from_id": int(last)} if last else {})))

    # --- settings --------------------------------------------------------------------------------------------------------

    async def account_id(self) -> str:
        """The number of the spot account, asked for once."""
        if not self._account_id:
            rows = await self._data("accounts")
            found = [str(row["id"]) for row in rows if row.get("type") == "spot"]
            if not found:
                raise Refused("the key's user has no spot account", code="no_account", status=200, venue=VENUE, market="spot")
            self._account_id = found[0]
        return self._account_id

    async def leverage(self, listed: Instrument) -> int:
        """The leverage that is set, which every order must repeat."""
        if listed.venue_symbol not in self._leverages:
            accounts = await self._data("account")
            with Guarded():
                self._note_leverages(accounts)
        found = self._leverages.get(listed.venue_symbol)
        if found is None:
            raise VenueUnreachable(f"{VENUE} does not say the leverage of {listed.venue_symbol}", cause="server", venue=VENUE)
        return found

    def forget_leverage(self, listed: Instrument) -> None:
        """It was changed, or the venue says that it is another."""
        self._leverages.pop(listed.venue_symbol, None)

    def _note_leverages(self, accounts: Any) -> None:
        for account in accounts:
            for row in account.get("contract_detail") or ():
                self._leverages[str(row["contract_code"])] = int(row["lever_rate"])

    async def permissions(self) -> KeyPermissions:
        """Ask what the key may do; one that is not bound to addresses dies ninety days after its making."""
        uid = await self._data("uid")
        rows = await self._data("rights", {"uid": uid, "accessKey": self._caller.signer.key})
        with Guarded():
            [row] = [item for item in rows if item["accessKey"] == self._caller.signer.key]
            words = set(str(row["permission"]).split(","))
            days = int(row["validDays"])
            expires = self._caller.signer.time.now_ms() + days * DAY_MS if days >= 0 else None
            bound = bool(row.get("ipAddresses"))
        return KeyPermissions(
            read=True,
            trade="trade" in words,
            withdraw="withdraw" in words,
            ip_bound=bound,
            expires_ms=expires,
            uid=str(uid),
        )

    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes:
        """Ask how the account is set; fees are those of the first instrument."""
        listed = [await self._known(instrument) for instrument in instruments]
        if self._spot:
            rows = await self._data("fees", {"symbols": listed[0].venue_symbol}) if listed else []
            fees = rows[0] if rows else {}
            return AccountModes(maker_fee=_rate(fees, "actualMakerRate"), taker_fee=_rate(fees, "actualTakerRate"))
        mode = await self._data("mode", {"margin_account": "USDT"})
        rows = await self._data("fees", {"contract_code": listed[0].venue_symbol}) if listed else []
        for item in listed:
            self.forget_leverage(item)
        return AccountModes(
            hedge=mode.get("position_mode") == "dual_side",
            leverage={str(item.id): Decimal(await self.leverage(item)) for item in listed},
            maker_fee=_rate(rows[0] if rows else {}, "open_maker_fee"),
            taker_fee=_rate(rows[0] if rows else {}, "open_taker_fee"),
        )

    # --- inside ----------------------------------------------------------------------------------------------------------

    async def ask_price(self, listed: Instrument) -> Decimal:
        """The best price to buy at now."""
        answer = read(await self._caller.ask("merged", {"symbol": listed.venue_symbol}))
        with Guarded():
            return Decimal(answer["tick"]["ask"][0])

    async def _data(self, name: str, fields: dict[str, Any] | None = None, **place: str) -> Any:
        body = await self._caller.ask(name, fields, **place)
        try:
            return read(body)["data"]
        except (MalformedFrame, KeyError):
            raise unreadable(VENUE, "wrong_shape") from None

    async def _known(self, instrument: InstrumentId) -> Instrument:
        await self._names.symbol_to_ask(instrument)
        return listed_as(self._names, instrument)


def listed_as(names: Names, instrument: InstrumentId) -> Instrument:
    """Return an instrument whose name was found a moment ago."""
    found = names.listed(instrument)
    assert found is not None  # noqa: S101 - its name was found
    return found


class Guarded(Reading):
    """``with Guarded():`` turns an answer of another shape into none at all: it says nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            super().__exit__(kind, error, trace)
        except MalformedFrame as broken:
            raise unreadable(VENUE, broken.reason) from None


def _rate(row: Any, name: str) -> Decimal | None:
    found = row.get(name)
    return Decimal(str(found)) if found not in (None, "") else None
