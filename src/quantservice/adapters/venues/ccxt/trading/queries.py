"""What is asked of an account: its state now, one order, fills and movements of the past, page by page.

``None`` of :meth:`Queries.find` rests on an exchange's own *not found* to a question by client id, where that question is known to
be put to it; or on lists that were read whole. Where neither can be had the question counts as not answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import structlog

from quantservice.adapters.venues.ccxt.client import Client, outcome_in
from quantservice.adapters.venues.ccxt.library import exchange_id
from quantservice.adapters.venues.ccxt.outcomes import Outcome
from quantservice.adapters.venues.ccxt.trading.decode import Decoder, Row
from quantservice.adapters.venues.ccxt.trading.ids import ClientIds
from quantservice.adapters.venues.ccxt.trading.rights import RIGHTS, UNTOLD
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.errors import MalformedFrame, QuantServiceError, Refused, VenueUnreachable
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
    VenuePosition,
)

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
_REACH_MS: Final = 90 * DAY_MS  # no further back are fills looked for
_MARGIN_MS: Final = 60_000  # an order may be stamped so long before we wrote it down
_PAGE: Final = 100  # rows that an exchange gives at least, where the library does not say
_MOST_PAGES: Final = 500
_MOST_NAMES: Final = 50
#: Exchanges whose question by client id was proven against their own protocol; others prove it by answering one.
_PROVEN: Final = frozenset({"binance", "binanceusdm", "binancecoinm", "okx"})
_KINDS: Final = {
    "transaction": "transfer",
    "transfer": "transfer",
    "deposit": "transfer",
    "withdrawal": "transfer",
    "rebate": "rebate",
}


class Queries:
    """The reads of one account's market. Each raises Refused, RateLimited or VenueUnreachable."""

    def __init__(self, client: Client, names: Names, decoder: Decoder, ids: ClientIds) -> None:
        self._client = client
        self._names = names
        self._decoder = decoder
        self._ids = ids
        self._positions = client.market != "spot"
        self._by_client_id: bool | None = exchange_id(client.venue) in _PROVEN or None
        self.watched: dict[InstrumentId, None] = {}

    def watch(self, instruments: Iterable[InstrumentId]) -> None:
        """Keep instruments in mind: those that this account trades."""
        self.watched |= dict.fromkeys(instruments)

    # --- now -------------------------------------------------------------------------------------------------------------

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders."""
        await self._names.load()
        await self._ids.refresh()
        time_ms = self._client.time.now_ms()
        balances, rows, orders = await asyncio.gather(self._balances(), self._held(), self.open_orders())
        return AccountSnapshot(
            account=self._decoder.account,
            balances=balances,
            positions=self._positions_of(rows),
            orders=tuple(orders),
            time_ms=time_ms,
            margins=self._read(lambda: self._decoder.margins(rows, balances)),
        )

    async def holdings(self) -> AccountSnapshot:
        """Ask for balances and positions; orders are not asked for."""
        time_ms = self._client.time.now_ms()
        balances, positions = await asyncio.gather(self._balances(), self.positions())
        return AccountSnapshot(account=self._decoder.account, balances=balances, positions=positions, orders=(), time_ms=time_ms)

    async def _balances(self) -> tuple[VenueBalance, ...]:
        answer = await self._client.ask(lambda exchange: exchange.fetch_balance())
        return self._read(lambda: self._decoder.balances(answer))

    async def positions(self) -> tuple[VenuePosition, ...]:
        """Ask for what is held."""
        return self._positions_of(await self._held())

    async def _held(self) -> list[Any]:
        if not self._positions:
            return []
        rows = await self._client.ask(lambda exchange: exchange.fetch_positions())
        return [row for row in rows if row.get("symbol") in self._client.rows]

    def _positions_of(self, rows: Sequence[Any]) -> tuple[VenuePosition, ...]:
        found = self._read(lambda: [self._decoder.position(row) for row in rows])
        return tuple(item for item in found if item is not None)

    async def open_orders(self, instruments: Sequence[InstrumentId] | None = None) -> list[OrderReport]:
        """Ask for the open orders of ``instruments``; of every one where None, as far as the exchange lists them so."""
        if instruments is None and self._client.feature("fetchOpenOrders", "symbolRequired"):
            instruments = tuple(self.watched)
        if instruments is None:
            rows = await self._client.ask(lambda exchange: exchange.fetch_open_orders())
        else:
            rows = []
            for instrument in instruments:
                symbol = await self.symbol(instrument)
                rows += await self._client.ask(lambda exchange, name=symbol: exchange.fetch_open_orders(name))  # type: ignore[misc]  # bound now
        ours = [row for row in rows if row.get("symbol") in self._client.rows]
        found = self._read(lambda: [self._decoder.order(row, "open_orders") for row in ours])
        self.watch(item.instrument for item in found)
        return found

    # --- one order -------------------------------------------------------------------------------------------------------

    async def find(self, instrument: InstrumentId, client_id: str, since_ms: int, *, lane: Lane = Lane.LIVE) -> OrderReport | None:
        """Return the order of a client id; None where the exchange does not know it. Raises where it cannot be told."""
        symbol = await self.symbol(instrument)
        number = self._decoder.number(client_id)
        if number:
            row = await self._one(lambda exchange: exchange.fetch_order(number, symbol), lane)
            if row is not None:
                found = row
                return self._read(lambda: self._decoder.order(found, "query", client_id=client_id))
            return await self._scan(symbol, client_id, since_ms) if not self._by_client_id else None
        named = await self._by_word(symbol, client_id, lane)
        if named is not None:
            told = named
            return self._read(lambda: self._decoder.order(told, "query", client_id=client_id))
        if self._by_client_id:
            return None
        return await self._scan(symbol, client_id, since_ms)

    async def _by_word(self, symbol: str, client_id: str, lane: Lane) -> Row | None:
        """Ask by client id. An answer of another order, or one that cannot be read, shows that the question is not put so."""
        if self._by_client_id is False:
            return None
        word = self._ids.note(client_id)
        try:
            row = await self._one(lambda exchange: exchange.fetch_order("", symbol, {"clientOrderId": word}), lane)
        except Refused:
            if self._by_client_id:
                raise
            self._by_client_id = False
            return None
        except VenueUnreachable as error:
            if self._by_client_id or error.cause != "unreadable":
                raise
            self._by_client_id = False
            return None
        if row is None:
            return None
        if self._ids.name(str(row.get("clientOrderId") or "")) != client_id:
            self._by_client_id = False
            return None
        self._by_client_id = True
        return row

    async def _one(self, work: Callable[[Any], Any], lane: Lane = Lane.LIVE) -> Row | None:
        try:
            found: Row = await self._client.ask(work, lane=lane)
        except Refused as error:
            if outcome_in(error) is Outcome.GONE:
                return None
            raise
        return found

    async def _scan(self, symbol: str, client_id: str, since_ms: int) -> OrderReport | None:
        """Look for a client id in the lists of orders, open and ended."""
        since = max(0, since_ms - _MARGIN_MS) or None
        lists = self._lists()
        whole = bool(lists)
        rows = await self._client.ask(lambda exchange: exchange.fetch_open_orders(symbol))
        for method, feature in lists:
            page = await self._client.ask(lambda exchange, name=method: getattr(exchange, name)(symbol, since))  # type: ignore[misc]  # bound now
            whole = whole and len(page) < min(_PAGE, int(self._client.feature(feature, "limit") or _PAGE))
            rows = [*rows, *page]
        for row in rows:
            if self._ids.name(str(row.get("clientOrderId") or "")) == client_id:
                return self._read(lambda found=row: self._decoder.order(found, "query", client_id=client_id))  # type: ignore[misc]  # bound now
        if not whole:
            raise self._unanswered("does not list its orders whole, so it cannot be told whether it has this one", "unlisted")
        return None

    def _lists(self) -> list[tuple[str, str]]:
        """Return the requests that together list every ended order."""
        for method, name in (("fetch_orders", "fetchOrders"), ("fetch_canceled_and_closed_orders", "fetchCanceledAndClosedOrders")):
            if self._client.has(name):
                return [(method, name)]
        ended = (("fetch_closed_orders", "fetchClosedOrders"), ("fetch_canceled_orders", "fetchCanceledOrders"))
        return [(method, name) for method, name in ended if self._client.has(name)] if self._client.has("fetchClosedOrders") else []

    # --- the past --------------------------------------------------------------------------------------------------------

    async def fills_since(self, instruments: Iterable[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Ask for fills, oldest first, each with the client id of its order as far as it can be learned."""
        found: list[VenueFill] = []
        for instrument in dict.fromkeys(instruments):
            self.watch((instrument,))
            symbol = await self.symbol(instrument)
            rows = await self._trades(symbol, since_ms)
            await self._name_orders(rows, symbol)
            found += self._read(lambda page=rows: [self._decoder.fill(row) for row in page])  # type: ignore[misc]  # bound now
        return sorted(found, key=lambda fill: (fill.time_ms, fill.trade_id.zfill(24)))

    async def _trades(self, symbol: str, since_ms: int) -> list[Row]:
        """Walk the account's trades: in spans that the exchange allows, forward and then back, until nothing new comes."""
        now_ms = self._client.time.now_ms()
        start = max(since_ms, now_ms - _REACH_MS)
        days = self._client.feature("fetchMyTrades", "untilDays")
        span_ms = int(days) * DAY_MS if days and int(days) < 30 else _REACH_MS + DAY_MS
        found: dict[str, Row] = {}
        while start <= now_ms:
            await self._span(symbol, start, min(start + span_ms, now_ms + DAY_MS), found)
            start += span_ms
        return [row for row in found.values() if int(row.get("timestamp") or 0) >= since_ms]

    async def _span(self, symbol: str, start: int, end: int, found: dict[str, Row]) -> None:
        bounded = bool(self._client.feature("fetchMyTrades", "untilDays"))
        low, high = start, end
        for _ in range(_MOST_PAGES):
            params = {"until": high} if bounded else {}
            rows = await self._client.ask(
                lambda exchange, since=low, more=params: exchange.fetch_my_trades(symbol, since, None, more)  # type: ignore[misc]  # bound now
            )
            fresh = {_key(row): row for row in rows if _key(row) not in found}
            found |= fresh
            limit = min(_PAGE, int(self._client.feature("fetchMyTrades", "limit") or _PAGE))
            if not fresh or len(rows) < min(limit, 50):
                return
            times = [int(row.get("timestamp") or 0) for row in rows]
            if min(times) > low and bounded and max(times) < high and min(times) - low > end - max(times):
                high = min(times)  # the newest came first: what is older lies before them
            else:
                low = max(times)
        log.warning("trading.fills_cut", venue=self._client.venue, market=self._client.market, pages=_MOST_PAGES)

    async def _name_orders(self, rows: Sequence[Row], symbol: str) -> None:
        """Learn the client ids of orders that are known by their numbers only."""
        numbers = dict.fromkeys(str(row["order"]) for row in rows if row.get("order"))
        nameless = [number for number in numbers if not self._decoder.knows(number)]
        for number in nameless[:_MOST_NAMES]:
            try:
                row = await self._one(lambda exchange, name=number: exchange.fetch_order(name, symbol))  # type: ignore[misc]  # bound now
            except Refused:
                return  # it is asked so for nothing
            if row is not None:
                self._read(lambda found=row: self._decoder.order(found, "query"))  # type: ignore[misc]  # bound now

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Ask for money that moved without a trade: funding of what this account trades, transfers where they are listed."""
        await self._names.load()
        found: list[AccountMovement] = []
        if self._positions and self._client.has("fetchFundingHistory"):
            for instrument in list(self.watched):
                symbol = await self.symbol(instrument)
                rows = await self._client.ask(
                    lambda exchange, name=symbol: exchange.fetch_funding_history(name, since_ms or None)  # type: ignore[misc]  # bound now
                )
                found += self._read(lambda page=rows: [self._movement(row, "funding") for row in page])  # type: ignore[misc]  # bound now
        if self._client.has("fetchLedger"):
            rows = await self._listed_rows(lambda exchange: exchange.fetch_ledger(None, since_ms or None))
            moved = [row for row in rows if str(row.get("type")) in _KINDS]
            found += self._read(lambda: [self._movement(row, _KINDS[str(row["type"])]) for row in moved])
        wanted = {item.movement_id: item for item in found if item.time_ms >= since_ms}
        return sorted(wanted.values(), key=lambda item: (item.time_ms, item.movement_id))

    async def _listed_rows(self, work: Callable[[Any], Any]) -> list[Row]:
        """Ask for a list that the library has for some of an exchange's markets only: where it objects itself there is none."""
        try:
            found: list[Row] = await self._client.ask(work)
        except Refused as error:
            if error.status:
                raise
            return []
        except VenueUnreachable as error:
            if error.cause != "not_found":
                raise
            return []
        return found

    def _movement(self, row: Row, kind: str) -> AccountMovement:
        symbol, amount = row.get("symbol"), Decimal(str(row["amount"]))
        if row.get("direction") == "out" and amount > 0:
            amount = -amount
        return AccountMovement(
            account=self._decoder.account,
            movement_id=f"{kind}-{row.get('id') or row.get('timestamp')}-{symbol or row.get('currency') or row.get('code')}",
            kind=kind,
            currency=str(row.get("currency") or row.get("code") or ""),
            amount=amount,
            instrument=self._names.instrument(str(symbol)) if symbol else None,
            time_ms=int(row.get("timestamp") or 0),
        )

    # --- settings --------------------------------------------------------------------------------------------------------

    async def permissions(self) -> KeyPermissions:
        """Ask what the key may do; of most exchanges it is known only that it was let in, which is said."""
        asked = RIGHTS.get(exchange_id(self._client.venue))
        if asked is None:
            await self._balances()
            return UNTOLD
        name, read = asked
        answer = await self._client.ask(lambda exchange: getattr(exchange, name)())
        return self._read(lambda: read(answer, self._client.market))

    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes:
        """Ask how the account is set, and its fees, as far as the exchange tells it this way."""
        self.watch(instruments)
        symbols = {str(item): await self.symbol(item) for item in instruments}
        hedge, leverage = False, {}
        for name, symbol in symbols.items() if self._positions else ():
            if self._client.has("fetchPositionMode"):
                mode = await self._client.ask(lambda exchange, of=symbol: exchange.fetch_position_mode(of))  # type: ignore[misc]  # bound now
                hedge = hedge or bool(mode.get("hedged"))
            if self._client.exchange.has.get("fetchLeverage"):
                told = await self._client.ask(lambda exchange, of=symbol: exchange.fetch_leverage(of))  # type: ignore[misc]  # bound now
                leverage[name] = Decimal(str(told.get("longLeverage") or told.get("shortLeverage") or 1))
        if self._positions and not self._client.has("fetchPositionMode"):
            hedge = any(item.side != "both" for item in await self.positions())
        maker, taker = await self._fees(next(iter(symbols.values()), ""))
        return AccountModes(hedge=hedge, leverage=leverage, maker_fee=maker, taker_fee=taker)

    async def _fees(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        if not symbol or not self._client.has("fetchTradingFee"):
            return None, None
        told: Mapping[str, Any] = await self._client.ask(lambda exchange: exchange.fetch_trading_fee(symbol))
        maker, taker = told.get("maker"), told.get("taker")
        return (None if maker is None else Decimal(str(maker)), None if taker is None else Decimal(str(taker)))

    def rounded(self, instrument: InstrumentId, price: Decimal) -> Decimal:
        """Return a price on the tick of an instrument that is listed."""
        listed = self._names.listed(instrument)
        return listed.round_price(price, "buy") if listed is not None else price

    async def symbol(self, instrument: InstrumentId) -> str:
        """Return the library's name of an instrument."""
        return await self._names.symbol_to_ask(instrument)

    def _read(self, read: Callable[[], _T]) -> _T:
        """Read an answer; one that cannot be read says nothing, like none at all."""
        try:
            return read()
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, QuantServiceError) as error:
            reason = error.reason if isinstance(error, MalformedFrame) else type(error).__name__
            raise self._unanswered(f"answers with something unreadable ({reason})", "server") from None

    def _unanswered(self, sentence: str, cause: str) -> VenueUnreachable:
        venue, market = self._client.venue, self._client.market
        return VenueUnreachable(f"{venue} {market} {sentence}", cause=cause, venue=venue, market=market)


def _key(row: Row) -> str:
    return f"{row.get('id')}|{row.get('order')}|{row.get('timestamp')}|{row.get('amount')}|{row.get('price')}"
