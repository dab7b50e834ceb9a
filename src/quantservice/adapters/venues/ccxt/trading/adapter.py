"""``ports.trading.Trading`` for one account at one market of any exchange that ccxt knows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.ccxt.access import Access
from quantservice.adapters.venues.ccxt.client import CallSettings, Client, Keys, outcome_in
from quantservice.adapters.venues.ccxt.library import exchange_id
from quantservice.adapters.venues.ccxt.outcomes import Outcome
from quantservice.adapters.venues.ccxt.trading.decode import Decoder, Row
from quantservice.adapters.venues.ccxt.trading.ids import ClientIds, KnownIds, rule_of
from quantservice.adapters.venues.ccxt.trading.polling import Polling, PollSettings
from quantservice.adapters.venues.ccxt.trading.queries import Queries
from quantservice.adapters.venues.ccxt.trading.wording import Words
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.adapters.venues.transport.private.account import AccountTrading, SentIds
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.errors import MalformedFrame, RateLimited, Refused, VenueUnreachable
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved, OrderTerms
from quantservice.core.orders import OrderState
from quantservice.ports import Clock
from quantservice.ports.trading import (
    NotSent,
    OrderReport,
    Unknown,
)

_LEAST_TIMER_S: Final = 10


class TradingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set; see each part. ``client_id_length``: of ids where an exchange's own rule is not known."""

    calls: CallSettings = CallSettings()
    polls: PollSettings = PollSettings()
    client_id_length: int = 32


class CcxtTrading(AccountTrading[Polling]):
    """One account at one market.

    No request that may have reached the exchange is ever sent again from here, and an id that was sent is asked for and never sent
    twice: whether an exchange refuses a doubled one is not known of all. ``known``: see :mod:`.ids`.
    """

    def __init__(
        self,
        account: str,
        keys: Keys,
        *,
        access: Access,
        clock: Clock,
        settings: TradingSettings | None = None,
        known: KnownIds | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings or TradingSettings()
        self._client = Client(access, keys=keys, settings=self._settings.calls)
        rule = rule_of(exchange_id(access.venue), access.market, most=self._settings.client_id_length)
        self._ids = ClientIds(rule, known)
        self._names = Names(access.venue, access.market, self._client.list_instruments, clock)
        self._decoder = Decoder(account, self._client, self._names, self._ids, clock)
        self._queries = Queries(self._client, self._names, self._decoder, self._ids)
        self._words = Words(self._client, self._queries, self._decoder)
        self._sent = SentIds()
        super().__init__(account, access.venue, access.market, answers=self._queries, connections=self._client)

    @property
    def dead_man(self) -> bool:
        """Where the library says so."""
        return self._client.has("cancelAllOrdersAfter")

    @property
    def stops(self) -> bool:
        """Conditional orders are not spoken: whether one whose answer was lost can be found by its id differs by venue."""
        return False

    @property
    def window_ms(self) -> int:
        """The library names no time after which a request is taken no more."""
        return 0

    # --- events ----------------------------------------------------------------------------------------------------------

    def _reader(self) -> Polling:
        return Polling(self._account, self._queries, self._decoder, clock=self._clock, settings=self._settings.polls)

    # --- orders ----------------------------------------------------------------------------------------------------------

    async def submit(self, order: Approved) -> OrderReport:
        """Send one order, once. Raises Refused, NotSent or Unknown."""
        terms, client_id = order.intent.terms, order.intent.client_id
        self._check_account(terms)
        self._words.check(terms)
        symbol = await self._to_act(terms.instrument)
        self._words.check_listed(terms)
        self._queries.watch((terms.instrument,))
        if client_id in self._sent:
            return await self._adopt(self._queries.find(terms.instrument, client_id, 0), "this order was sent before")
        asked = await self._words.order(terms, symbol)
        params = {**asked.params, "clientOrderId": self._ids.note(client_id)}
        self._sent.note(client_id)
        self._decoder.note(client_id, terms)
        try:
            row = await self._client.ask(
                lambda exchange: exchange.create_order(symbol, asked.kind, terms.side, asked.amount, asked.price, params),
                acts=True,
                lane=Lane.ORDER,
            )
        except NotSent:
            self._sent.forget(client_id)
            raise
        except Refused as error:
            if outcome_in(error) is Outcome.EXISTS:
                return await self._adopt(self._queries.find(terms.instrument, client_id, 0), str(error))
            self._sent.forget(client_id)
            raise
        except Unknown:
            self._follow(terms.instrument, client_id)
            raise
        self._follow(terms.instrument, client_id)
        return self._report(row, terms, client_id)

    def _follow(self, instrument: InstrumentId, client_id: str) -> None:
        for polling in self._readers:
            polling.sent(instrument, client_id)

    def _report(self, row: Row, terms: OrderTerms, client_id: str) -> OrderReport:
        """Return what the answer says. One that says no more than a number says that the order was taken in."""
        number = str(row.get("id") or "") if isinstance(row, dict) else ""
        if not number:
            sentence = f"{self.venue} {self.market} took an order in and does not say its number"
            raise self._unknown(sentence)
        self._decoder.remember(number, client_id)
        try:
            said = self._decoder.order(row, "answer", client_id=client_id)
        except (MalformedFrame, KeyError, TypeError, ValueError, ArithmeticError):
            said = None
        if said is not None and row.get("status") and said.quantity == terms.quantity:
            return msgspec.structs.replace(said, side=terms.side, type=terms.type, position_side=terms.position_side)
        evidence = self._decoder.evidence("answer", number, "taken in")
        return self._taken_in(terms, client_id, number, time_ms=self._client.time.now_ms(), evidence=evidence)

    async def amend(self, instrument: InstrumentId, client_id: str, *, quantity: Decimal, limit_price: Decimal) -> OrderReport:
        """Not done here: for many exchanges the library cancels and places another, under another number."""
        raise self._words.unsupported("does not change open orders by ccxt; cancel it and place another")

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        """Ask for a cancel. An order that the exchange does not find to cancel is asked for: it may have ended."""
        symbol = await self._to_act(instrument)
        number = self._decoder.number(client_id) or await self._number_of(instrument, client_id)
        try:
            row = await self._client.ask(lambda exchange: exchange.cancel_order(number, symbol), acts=True, lane=Lane.CANCEL)
        except Refused as error:
            return await self._ended(self._queries.find(instrument, client_id, 0), error)
        finally:
            self._wake()
        return self._cancelled(row, client_id)

    async def _number_of(self, instrument: InstrumentId, client_id: str) -> str:
        """Ask for the exchange's number of an order; what cannot be asked means that nothing was sent."""
        try:
            found = await self._queries.find(instrument, client_id, 0, lane=Lane.CANCEL)
        except RateLimited as error:
            raise self._not_asked(error, retry_at_ns=error.retry_at_ns) from None
        except VenueUnreachable as error:
            raise self._not_asked(error) from None
        if found is None:
            sentence = f"{self.venue} {self.market} does not know the order {client_id}"
            raise self._refused(sentence, code="unknown_order", status=0)
        return found.venue_order_id

    def _not_asked(self, error: Exception, *, retry_at_ns: int = 0) -> NotSent:
        sentence = f"the order could not be asked for: {error}; nothing was sent"
        return self._not_sent(sentence, code="query", retry_at_ns=retry_at_ns)

    def _cancelled(self, row: Any, client_id: str) -> OrderReport | None:
        """Return the end of an order where the answer tells all of it; else a round of polling does."""
        if not isinstance(row, dict) or row.get("status") != "canceled" or row.get("filled") is None or not row.get("symbol"):
            return None
        try:
            report = self._decoder.order(row, "answer", client_id=client_id)
        except (MalformedFrame, KeyError, TypeError, ValueError, ArithmeticError):
            return None
        return report if report.state is not OrderState.OPEN else None

    async def cancel_all(self, instrument: InstrumentId) -> None:
        """Ask for the cancel of every open order of an instrument: by one request where the exchange has it, else one by one."""
        symbol = await self._to_act(instrument)
        try:
            if self._client.has("cancelAllOrders"):
                await self._client.ask(lambda exchange: exchange.cancel_all_orders(symbol), acts=True, lane=Lane.CANCEL)
                return
            orders = await self._open(instrument)
            for order in orders:
                await self._cancel_one(order.venue_order_id, symbol)
        except Refused as error:
            if outcome_in(error) is not Outcome.GONE:  # there is none
                raise
        finally:
            self._wake()

    async def _open(self, instrument: InstrumentId) -> list[OrderReport]:
        try:
            return await self._queries.open_orders((instrument,))
        except RateLimited as error:
            raise self._not_asked(error, retry_at_ns=error.retry_at_ns) from None
        except VenueUnreachable as error:
            raise self._not_asked(error) from None

    async def _cancel_one(self, number: str, symbol: str) -> None:
        try:
            await self._client.ask(lambda exchange: exchange.cancel_order(number, symbol), acts=True, lane=Lane.CANCEL)
        except Refused as error:
            if outcome_in(error) is not Outcome.GONE:  # it ended meanwhile
                raise

    def _wake(self) -> None:
        for polling in self._readers:
            polling.wake()

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        """Let the exchange cancel the account's orders after ``seconds`` (0 disarms), where it has such a timer."""
        if not self.dead_man:
            return False
        span_ms = max(_LEAST_TIMER_S, int(seconds)) * 1_000 if seconds > 0 else 0
        await self._client.ask(lambda exchange: exchange.cancel_all_orders_after(span_ms), acts=True, lane=Lane.CANCEL)
        return True

    async def _to_act(self, instrument: InstrumentId) -> str:
        return await self._names.symbol_to_act(instrument)

    # --- questions -------------------------------------------------------------------------------------------------------

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:
        """Return the order of a client id, or None when the exchange does not know it; see :meth:`.Queries.find`."""
        return await self._queries.find(instrument, client_id, since_ms)

    async def set_leverage(self, instrument: InstrumentId, leverage: int) -> None:
        """Set an instrument's leverage; spot has none but 1."""
        if self.market == "spot":
            if leverage != 1:
                raise self._words.unsupported("has no leverage")
            return
        symbol = await self._to_act(instrument)
        if not self._client.has("setLeverage"):
            raise self._words.unsupported("takes no leverage by ccxt; set it at the venue")
        await self._client.ask(lambda exchange: exchange.set_leverage(leverage, symbol), acts=True, lane=Lane.ORDER)
