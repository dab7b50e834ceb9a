"""What is asked of an account: its state now, one order, fills and movements of the past, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from quantservice.adapters.venues.binance.decode_rest import decode_body
from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.trading import decode
from quantservice.adapters.venues.binance.trading.caller import Caller
from quantservice.adapters.venues.binance.trading.decode import AlgoRow, Decoder, OrderRow, PositionRow, TradeRow
from quantservice.adapters.venues.binance.trading.table import TradingRow
from quantservice.adapters.venues.transport.diagnosis import unreadable
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.errors import MalformedFrame, Refused, VenueUnreachable
from quantservice.core.instruments import InstrumentId
from quantservice.core.orders import VenueFill
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
_PAGE: Final = 1_000
_NOT_THERE: Final = frozenset({-2011, -2013})
_MOST_WINDOWS: Final = 8  # of time; what is longer ago is walked to by ids
_MARGIN_MS: Final = 1_000  # the venue's stamps of one moment differ by less


class Queries:
    """The reads of one account's market. Each raises Refused, RateLimited or VenueUnreachable."""

    def __init__(self, row: TradingRow, caller: Caller, names: Names, decoder: Decoder) -> None:
        self._row = row
        self._caller = caller
        self._names = names
        self._decoder = decoder
        self._multi_asset: bool | None = None  # not known yet; it cannot change while something is held

    # --- now -----------------------------------------------------------------------------------------------------------

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders."""
        await self._names.load()
        await self._caller.know_time()
        time_ms = self._caller.signer.time.now_ms()
        (balances, positions), orders, margins = await asyncio.gather(self._holdings(), self.open_orders(), self._margins())
        return AccountSnapshot(
            account=self._decoder.account,
            balances=balances,
            positions=positions,
            orders=tuple(orders),
            time_ms=time_ms,
            margins=margins,
        )

    async def _margins(self) -> tuple[VenueMargin, ...]:
        if not self._row.positions:
            return ()
        row = _read(decode.MARGIN, await self._caller.ask("margin"))
        if self._multi_asset is None:
            await self._ask_multi_asset()
        return decode.margins_of(row, multi_asset=bool(self._multi_asset))

    async def _ask_multi_asset(self) -> bool:
        """Ask whether all assets together are the margin; a market without the mode has each on its own."""
        told = "multi_asset" in self._row.calls and decode.flag_of(await self._caller.ask("multi_asset"), "multiAssetsMargin")
        self._multi_asset = told
        return told

    async def _holdings(self) -> tuple[tuple[VenueBalance, ...], tuple[VenuePosition, ...]]:
        if not self._row.positions:
            account = _read(decode.ACCOUNT, await self._caller.ask("account"))
            return tuple(decode.balances_of(account.balances, spot=True)), ()
        rows = _read(decode.BALANCES, await self._caller.ask("balances"))
        held = (self._decoder.position(row) for row in await self._positions({}))
        return tuple(decode.balances_of(rows, spot=False)), tuple(item for item in held if item is not None)

    async def _positions(self, parameters: dict[str, str]) -> list[PositionRow]:
        return _read(decode.POSITIONS, await self._caller.ask("positions", parameters))

    async def open_orders(self) -> list[OrderReport]:
        """Ask for the open orders of every symbol, those that wait for their trigger too."""
        rows = _read(decode.ORDERS, await self._caller.ask("open"))
        found = [self._decoder.order(row, "open_orders") for row in rows]
        if self._row.algo_types:
            algos = _read(decode.ALGOS, await self._caller.ask("algo_open"))
            found += [self._decoder.algo(row, "open_orders") for row in algos]
        return [report for report in found if report is not None]

    # --- one order -----------------------------------------------------------------------------------------------------

    async def find(self, symbol: str, client_id: str) -> OrderReport | None:
        """Ask for an order by its client id; None where the venue does not know it."""
        row = await self._order({"symbol": symbol, "origClientOrderId": client_id})
        if row is not None:
            return self._decoder.order(row, "query", client_id=client_id)
        return await self._find_algo(symbol, client_id) if self._row.algo_types else None

    async def _find_algo(self, symbol: str, client_id: str) -> OrderReport | None:
        try:
            algo: AlgoRow = _read(decode.ALGO, await self._caller.ask("algo_order", {"clientAlgoId": client_id}))
        except Refused as error:
            if error.code in _NOT_THERE:
                return None
            raise
        acts = await self._order({"symbol": symbol, "orderId": algo.actual_order_id}) if algo.actual_order_id else None
        if acts is not None:
            return self._decoder.order(acts, "query", client_id=client_id)
        return self._decoder.algo(algo, "query")

    async def _order(self, parameters: dict[str, str]) -> OrderRow | None:
        try:
            return _read(decode.ORDER, await self._caller.ask("order", parameters))
        except Refused as error:
            if error.code in _NOT_THERE:
                return None
            raise

    # --- the past ------------------------------------------------------------------------------------------------------

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Ask for fills, oldest first, each with the client id of its order."""
        found: list[VenueFill] = []
        for instrument in dict.fromkeys(instruments):
            symbol = await self._names.symbol_to_ask(instrument)
            rows = await self._trades(symbol, since_ms)
            await self._name_orders(symbol, rows)
            found += [self._decoder.fill(row) for row in rows]
        return sorted(found, key=lambda fill: (fill.time_ms, int(fill.trade_id)))

    async def _trades(self, symbol: str, since_ms: int) -> list[TradeRow]:
        """Walk in windows to the first fills, from there by their ids: no page can end in the middle of a millisecond."""
        await self._caller.know_time()
        start_ms, now_ms, span_ms = since_ms, self._caller.signer.time.now_ms(), self._row.history_ms
        asked = {"symbol": symbol, "fromId": "0"}  # a walk too long: from the very first fill
        rows = await self._page(asked) if now_ms - since_ms > _MOST_WINDOWS * span_ms else []
        while not rows and start_ms <= now_ms + _MARGIN_MS and now_ms - start_ms <= _MOST_WINDOWS * span_ms:
            end_ms = start_ms + span_ms - 1
            rows = await self._page({"symbol": symbol, "startTime": str(start_ms), "endTime": str(end_ms)})
            start_ms = end_ms + 1
        found = {row.id: row for row in rows}
        while rows:
            rows = await self._page({"symbol": symbol, "fromId": str(max(row.id for row in rows) + 1)})
            found |= {row.id: row for row in rows}
        return [found[number] for number in sorted(found) if found[number].time >= since_ms]

    async def _page(self, parameters: dict[str, str]) -> list[TradeRow]:
        return _read(decode.TRADES, await self._caller.ask("fills", parameters | {"limit": str(_PAGE)}))

    async def _name_orders(self, symbol: str, rows: Sequence[TradeRow]) -> None:
        """Learn the client ids of the orders that fills belong to: lists of fills do not tell them."""
        missing = {row.order_id for row in rows if str(row.order_id) not in self._decoder.names}
        while missing:
            first = min(missing)
            asked = {"symbol": symbol, "orderId": str(first), "limit": str(_PAGE)}
            orders: list[OrderRow] = _read(decode.ORDERS, await self._caller.ask("orders", asked))
            for order in orders:
                self._decoder.remember(str(order.order_id), order.client_order_id)
            last = max((order.order_id for order in orders), default=first)
            missing = {number for number in missing if number > last}

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Ask for money that moved without a fill; a market without such a list returns none."""
        if "movements" not in self._row.calls:
            return []
        await self._names.load()
        found: dict[str, AccountMovement] = {}
        page = 1
        while True:
            asked = {"startTime": str(since_ms), "limit": str(_PAGE), "page": str(page)}
            rows = _read(decode.INCOMES, await self._caller.ask("movements", asked))
            for movement in map(self._decoder.movement, rows):
                if movement is not None:
                    found[movement.movement_id] = movement
            if len(rows) < _PAGE:
                return sorted(found.values(), key=lambda item: item.time_ms)
            page += 1

    # --- settings ------------------------------------------------------------------------------------------------------

    async def permissions(self) -> KeyPermissions:
        """Ask what the key may do."""
        rights = _read(decode.RIGHTS, await self._caller.ask("permissions"))
        trade = rights.enable_futures if self._row.positions else rights.enable_spot_and_margin_trading
        return KeyPermissions(
            read=rights.enable_reading,
            trade=trade,
            withdraw=rights.enable_withdrawals,
            ip_bound=rights.ip_restrict,
            expires_ms=rights.trading_authority_expiration_time,
            uid=await self._uid(),
        )

    async def _uid(self) -> str:
        """Ask whose key it is: only the spot API says so, of whichever market's account."""
        try:
            found = decode.ANY.decode(await self._caller.ask("whose", {"omitZeroBalances": "true"}))
        except (Refused, msgspec.DecodeError):
            return ""  # a key without that right, or another form of the answer: it is not told
        return str(found.get("uid", ""))

    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes:
        """Ask how the account is set; fees are those of the first instrument."""
        symbols = {instrument: await self._names.symbol_to_ask(instrument) for instrument in instruments}
        if not self._row.positions:
            return await self._spot_fees(next(iter(symbols.values()), ""))
        maker, taker = await self._fees(next(iter(symbols.values()), ""))
        return AccountModes(
            hedge=decode.flag_of(await self._caller.ask("hedge"), "dualSidePosition"),
            multi_asset=await self._ask_multi_asset(),
            leverage={str(instrument): await self._leverage(symbol) for instrument, symbol in symbols.items()},
            maker_fee=maker,
            taker_fee=taker,
        )

    async def _spot_fees(self, symbol: str) -> AccountModes:
        """Ask for a symbol's commission; without one for the account's own rates, which know no discount."""
        if not symbol:
            rates = _read(decode.ACCOUNT, await self._caller.ask("account")).commission_rates
            return AccountModes(maker_fee=rates.get("maker"), taker_fee=rates.get("taker"))
        found = _read(decode.COMMISSION, await self._caller.ask("fees", {"symbol": symbol}))
        return AccountModes(maker_fee=found.rate(maker=True), taker_fee=found.rate(maker=False))

    async def _fees(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        if not symbol:
            return None, None
        rates = _read(decode.ANY, await self._caller.ask("fees", {"symbol": symbol}))
        return Decimal(rates["makerCommissionRate"]), Decimal(rates["takerCommissionRate"])

    async def _leverage(self, symbol: str) -> Decimal:
        name, value = ("pair", symbol.partition("_")[0]) if self._row.leverage_by == "pair" else ("symbol", symbol)
        rows = await self._positions({name: value})
        found = next((row.leverage for row in rows if row.symbol == symbol), None)
        if found is None:
            raise VenueUnreachable(f"{VENUE} does not say the leverage of {symbol}", cause="server", venue=VENUE)
        return found


def _read(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    """Decode an answer; one that cannot be read says nothing, like none at all."""
    try:
        return decode_body(decoder, body)
    except MalformedFrame as error:
        raise unreadable(VENUE, error.reason) from None
