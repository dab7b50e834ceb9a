"""``ports.trading.Trading`` for one account at Binance spot, um or cm."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.binance.decode_rest import decode_body
from quantservice.adapters.venues.binance.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.binance.spec import VENUE
from quantservice.adapters.venues.binance.trading import decode, wording
from quantservice.adapters.venues.binance.trading.caller import Caller, CallSettings
from quantservice.adapters.venues.binance.trading.decode import Decoder
from quantservice.adapters.venues.binance.trading.line import BinanceLine
from quantservice.adapters.venues.binance.trading.names import names_of
from quantservice.adapters.venues.binance.trading.pushes import PushDecoder
from quantservice.adapters.venues.binance.trading.queries import Queries
from quantservice.adapters.venues.binance.trading.signer import Signer, VenueCredentials
from quantservice.adapters.venues.binance.trading.table import TradingEndpoints, row_of
from quantservice.adapters.venues.binance.venue import BinanceVenue
from quantservice.adapters.venues.transport.private.account import AccountTrading
from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.inbox import Inbox
from quantservice.adapters.venues.transport.private.stream import StreamSettings
from quantservice.adapters.venues.transport.ws import Dialer, WsSettings
from quantservice.core.errors import MalformedFrame, Refused, VenueError
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved
from quantservice.ports import Clock
from quantservice.ports.trading import (
    OrderReport,
)

_NOTHING_TO_CANCEL: Final = -2011


class TradingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set; see each part."""

    calls: CallSettings = CallSettings()
    stream: StreamSettings = StreamSettings()
    ws: WsSettings = WsSettings()


class BinanceTrading(AccountTrading[Inbox]):
    """One account at one market of Binance. Shares the weight budgets and egresses of the market's data.

    See :class:`Caller` for what each error means.
    """

    def __init__(
        self,
        account: str,
        credentials: VenueCredentials,
        *,
        venue: BinanceVenue,
        clock: Clock,
        endpoints: TradingEndpoints | None = None,
        settings: TradingSettings | None = None,
    ) -> None:
        self._row = row_of(venue.market)
        self._clock = clock
        self._settings = settings or TradingSettings()
        self._endpoints = endpoints or TradingEndpoints()
        signer = Signer(credentials, VenueClock(clock), recv_window_ms=self._settings.calls.recv_window_ms)
        self._caller = Caller(
            self._row,
            self._endpoints,
            signer,
            pool=venue.pool,
            budget_of=venue.budget_of,
            clock=clock,
            settings=self._settings.calls,
        )
        self._names = names_of(venue.market, self._caller, clock)
        self._decoder = Decoder(account, self._names.instrument)
        self._queries = Queries(self._row, self._caller, self._names, self._decoder)
        self._dialer = Dialer(venue=VENUE, market=venue.market, pool=venue.pool, clock=clock, settings=self._settings.ws)
        super().__init__(account, VENUE, venue.market, answers=self._queries, connections=self._caller)

    @property
    def window_ms(self) -> int:
        """The receive window, and the second that the venue's clock may be behind ours."""
        return self._settings.calls.recv_window_ms + 1_000

    @property
    def dead_man(self) -> bool:
        """Futures have it, spot has not."""
        return "dead_man" in self._row.calls

    @property
    def stops(self) -> bool:
        """Futures hold reduce-only stops; a spot stop binds what it would sell."""
        return self._row.positions

    # --- events --------------------------------------------------------------------------------------------------------

    def _reader(self) -> Inbox:
        settings = self._settings.stream
        base_url = self._endpoints.stream_of(self.market)
        line = BinanceLine(self._row, base_url, caller=self._caller, dialer=self._dialer, settings=settings)
        pushes = PushDecoder(self._decoder)
        return Inbox(self._account, line, self._queries, pushes, clock=self._clock, settings=settings)

    # --- orders --------------------------------------------------------------------------------------------------------

    async def submit(self, order: Approved) -> OrderReport:
        """Send one order, once. Raises Refused, NotSent or Unknown."""
        terms, client_id = order.intent.terms, order.intent.client_id
        self._check_account(terms)
        symbol = await self._names.symbol_to_act(terms.instrument)
        name, parameters = wording.submit_parameters(self._row, terms, symbol, client_id, now_ms=self._caller.signer.time.now_ms())
        try:
            body = await self._caller.ask(name, parameters)
        except Refused as error:
            if self._outcome(error) is Outcome.EXISTS:
                return await self._adopt(self.find(terms.instrument, client_id, since_ms=0), str(error))
            raise
        deadline_ns = self._clock.now_ns()  # answered: the venue took it, whatever it wrote
        try:
            report = self._placed(name, body, client_id)
        except MalformedFrame as error:
            raise self._unreadable(error, deadline_ns) from None
        if report is None:
            raise self._unreadable(MalformedFrame("no_quantity"), deadline_ns)
        return report

    def _placed(self, name: str, body: bytes, client_id: str) -> OrderReport | None:
        if name == "algo_submit":
            return self._decoder.algo(decode_body(decode.ALGO, body), "answer")
        return self._decoder.order(decode_body(decode.ORDER, body), "answer", client_id=client_id)

    async def amend(self, instrument: InstrumentId, client_id: str, *, quantity: Decimal, limit_price: Decimal) -> OrderReport:
        """Change a resting limit order. Spot can make an order smaller, and nothing else, without giving up its id."""
        symbol = await self._names.symbol_to_act(instrument)
        before = await self._before(symbol, client_id)
        asked = {"symbol": symbol, "origClientOrderId": client_id}
        if self._row.positions:
            asked |= {
                "side": before.side.upper(),
                "quantity": wording.decimal_text(quantity),
                "price": wording.decimal_text(limit_price),
            }
        elif before.limit_price != limit_price or quantity >= before.quantity:
            raise wording.unsupported(self._row, "makes an open order smaller at its price; for another price cancel it")
        else:
            asked |= {"newQty": wording.decimal_text(quantity), "newClientOrderId": client_id}
        body = await self._caller.ask("amend", asked)
        try:
            if self._row.positions:
                report = self._decoder.order(decode_body(decode.ORDER, body), "answer", client_id=client_id)
            else:
                report = self._amended(before, decode_body(decode.ANY, body))
        except MalformedFrame as error:
            raise self._unreadable(error, self._clock.now_ns()) from None
        if report is None:
            raise self._unreadable(MalformedFrame("no_quantity"), self._clock.now_ns())
        return report

    async def _before(self, symbol: str, client_id: str) -> OrderReport:
        """Ask for an order that is to be changed."""
        with self._asking_before("the order"):
            found = await self._queries.find(symbol, client_id)
        if found is None:
            raise self._refused("Order does not exist.", code=-2013, status=400)
        return found

    @staticmethod
    def _amended(before: OrderReport, answer: dict[str, Any]) -> OrderReport:
        row = answer.get("amendedOrder")
        if not isinstance(row, dict):
            raise MalformedFrame("wrong_shape")
        try:
            quantity, filled, state = Decimal(row["qty"]), Decimal(row["executedQty"]), wording.state_of(row["status"])
            time_ms = int(answer["transactTime"])
        except (KeyError, TypeError, ValueError, ArithmeticError):
            raise MalformedFrame("bad_value") from None
        evidence = msgspec.structs.replace(before.evidence, source="answer", time_ns=time_ms * 1_000_000, detail=row["status"])
        return msgspec.structs.replace(before, quantity=quantity, filled=filled, state=state, time_ms=time_ms, evidence=evidence)

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        """Ask for a cancel. An order that the venue does not find to cancel is asked for: it may have ended."""
        symbol = await self._names.symbol_to_act(instrument)
        try:
            body = await self._caller.ask("cancel", {"symbol": symbol, "origClientOrderId": client_id})
        except Refused as error:
            if self._outcome(error) is not Outcome.GONE:
                raise
            if self._row.algo_types and await self._cancel_algo(client_id):
                return None
            return await self._ended(self._queries.find(symbol, client_id), error)
        try:
            return self._decoder.order(decode_body(decode.ORDER, body), "answer", client_id=client_id)
        except MalformedFrame as error:
            raise self._unreadable(error, self._clock.now_ns()) from None

    async def _cancel_algo(self, client_id: str) -> bool:
        try:
            await self._caller.ask("algo_cancel", {"clientAlgoId": client_id})
        except Refused as error:
            if self._outcome(error) is Outcome.GONE:
                return False
            raise
        return True

    async def cancel_all(self, instrument: InstrumentId) -> None:
        """Ask for the cancel of every open order of an instrument, those that wait for their trigger too."""
        symbol = await self._names.symbol_to_act(instrument)
        for name in ("cancel_all", "algo_cancel_all") if self._row.algo_types else ("cancel_all",):
            try:
                await self._caller.ask(name, {"symbol": symbol})
            except Refused as error:
                if error.code != _NOTHING_TO_CANCEL:
                    raise

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        """Let the venue cancel an instrument's orders after ``seconds``; spot has no such timer."""
        if "dead_man" not in self._row.calls:
            return False
        for instrument in instruments:
            symbol = await self._names.symbol_to_act(instrument)
            await self._caller.ask("dead_man", {"symbol": symbol, "countdownTime": str(int(seconds * 1_000))})
        return True

    # --- questions -----------------------------------------------------------------------------------------------------

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:  # by id alone
        """Return the order of a client id, or None when the venue does not know it."""
        return await self._queries.find(await self._names.symbol(instrument), client_id)

    async def set_leverage(self, instrument: InstrumentId, leverage: int) -> None:
        """Set an instrument's leverage; spot has none but 1."""
        if "leverage" not in self._row.calls:
            if leverage != 1:
                raise wording.unsupported(self._row, "has no leverage")
            return
        symbol = await self._names.symbol_to_act(instrument)
        await self._caller.ask("leverage", {"symbol": symbol, "leverage": str(leverage)})

    # --- inside --------------------------------------------------------------------------------------------------------

    def _outcome(self, error: Refused) -> Outcome:
        code = error.code if isinstance(error.code, int) else 0
        return outcome_of(self.market, error.status, code, str(error))

    def _unreadable(self, error: MalformedFrame, deadline_ns: int) -> VenueError:
        sentence = f"{VENUE} {self.market} answered with something unreadable ({error.reason})"
        return self._unknown(sentence, deadline_ns=deadline_ns)
