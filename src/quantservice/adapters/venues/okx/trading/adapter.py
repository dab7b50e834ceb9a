"""``ports.trading.Trading`` for one account at OKX spot or um (linear perpetual swaps)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.okx.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.okx.spec import VENUE, OkxEndpoints, row_of
from quantservice.adapters.venues.okx.trading import wording
from quantservice.adapters.venues.okx.trading.caller import Caller, CallSettings
from quantservice.adapters.venues.okx.trading.decode import Decoder
from quantservice.adapters.venues.okx.trading.line import OkxLine
from quantservice.adapters.venues.okx.trading.listing import Listing
from quantservice.adapters.venues.okx.trading.queries import Queries
from quantservice.adapters.venues.okx.trading.signer import OkxCredentials, Signer
from quantservice.adapters.venues.transport.private.account import AccountTrading
from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.inbox import Inbox
from quantservice.adapters.venues.transport.private.stream import StreamSettings
from quantservice.adapters.venues.transport.proxies import ProxyPool
from quantservice.adapters.venues.transport.ws import Dialer, WsSettings
from quantservice.core.errors import RateLimited, Refused, VenueUnreachable
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Approved
from quantservice.core.money import exact
from quantservice.core.orders import Evidence, OrderState
from quantservice.ports import Clock
from quantservice.ports.trading import (
    OrderReport,
)

_BATCH: Final = 20
_CONNECT_S: Final = 1.1
_ALGO_BATCH: Final = 10
_DEAD_MAN_S: Final = (10, 120)  # the venue's bounds of its timer


class TradingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set; see each part.

    ``connects``: connections opened in a second: of the three that the venue allows an address, market data uses two.
    """

    calls: CallSettings = CallSettings()
    stream: StreamSettings = StreamSettings()
    ws: WsSettings = WsSettings()
    connects: int = 1


class OkxTrading(AccountTrading[Inbox]):
    """One account at one market of OKX.

    A good answer to an order says that it was taken in; what became of it is told by the channel of orders, or asked. No request
    that may have reached the venue is ever sent again from here; see :class:`Caller` for what each error means.
    """

    def __init__(
        self,
        account: str,
        credentials: OkxCredentials,
        *,
        market: str,
        pool: ProxyPool,
        clock: Clock,
        endpoints: OkxEndpoints | None = None,
        settings: TradingSettings | None = None,
    ) -> None:
        self._row = row_of(market)
        self._clock = clock
        self._settings = settings or TradingSettings()
        self._endpoints = endpoints or OkxEndpoints()
        signer = Signer(credentials, VenueClock(clock))
        self._caller = Caller(market, self._endpoints, signer, pool=pool, clock=clock, settings=self._settings.calls)
        self._listing = Listing(self._row, self._caller, clock)
        self._decoder = Decoder(account, self._row, self._listing)
        self._queries = Queries(self._row, self._caller, self._listing, self._decoder)
        ws = msgspec.structs.replace(self._settings.ws, connects=self._settings.connects, connect_window_s=_CONNECT_S)
        self._dialer = Dialer(venue=VENUE, market=market, pool=pool, clock=clock, settings=ws)
        super().__init__(account, VENUE, market, answers=self._queries, connections=self._caller)

    @property
    def dead_man(self) -> bool:
        """It has, for all orders of the account."""
        return True

    @property
    def stops(self) -> bool:
        """Swaps hold reduce-only stops; a spot stop binds what it would sell."""
        return self._row.positions

    @property
    def window_ms(self) -> int:
        """How long an order is taken after it was sent, and the second that the venue's clock may be behind ours."""
        return self._settings.calls.window_ms + 1_000

    # --- events --------------------------------------------------------------------------------------------------------

    def _reader(self) -> Inbox:
        settings = self._settings.stream
        line = OkxLine(
            self._row, self._endpoints, caller=self._caller, names=self._listing.names, dialer=self._dialer, settings=settings
        )
        return Inbox(self._account, line, self._queries, self._decoder, clock=self._clock, settings=settings)

    # --- orders --------------------------------------------------------------------------------------------------------

    async def submit(self, order: Approved) -> OrderReport:
        """Send one order, once. Raises Refused, NotSent or Unknown."""
        terms, client_id = order.intent.terms, order.intent.client_id
        self._check_account(terms)
        inst_id = await self._listing.names.symbol_to_act(terms.instrument)
        contract = self._listing.contract(inst_id)
        name, parameters = wording.submit_parameters(self._row, terms, inst_id, contract, client_id)
        try:
            rows = await self._caller.ask(name, parameters)
        except Refused as error:
            if _outcome(error) is Outcome.EXISTS:
                return await self._adopt(self.find(terms.instrument, client_id, since_ms=0), str(error))
            raise
        number = self._number(rows, "algoId" if name == "algo_submit" else "ordId")
        if name == "submit":
            self._decoder.remember(number, client_id)
        now_ms = self._caller.signer.time.now_ms()
        return self._taken_in(terms, client_id, number, time_ms=now_ms, evidence=self._evidence(number))

    def _evidence(self, number: str) -> Evidence:
        return Evidence(source="answer", reference=number, time_ns=self._clock.now_ns(), detail="taken in")

    def _number(self, rows: Sequence[Any], name: str) -> str:
        found = str(rows[0].get(name) or "") if rows and isinstance(rows[0], dict) else ""
        if not found:
            sentence = f"{VENUE} {self.market} took an order in and does not say its number"
            raise self._unknown(sentence, deadline_ns=self._clock.now_ns())
        return found

    @exact
    def _contracts(self, inst_id: str, quantity: Decimal) -> str:
        return wording.decimal_text(quantity / self._listing.contract(inst_id))

    async def amend(self, instrument: InstrumentId, client_id: str, *, quantity: Decimal, limit_price: Decimal) -> OrderReport:
        """Change a resting limit order."""
        inst_id = await self._listing.names.symbol_to_act(instrument)
        before = await self._before(inst_id, client_id)
        asked = {"instId": inst_id, **wording.ids_of(client_id)}
        if quantity != before.quantity:
            asked["newSz"] = self._contracts(inst_id, quantity)
        if limit_price != before.limit_price:
            asked["newPx"] = wording.decimal_text(limit_price)
        if "newSz" not in asked and "newPx" not in asked:
            return before
        number = self._number(await self._caller.ask("amend", asked), "ordId")
        return msgspec.structs.replace(before, quantity=quantity, limit_price=limit_price, evidence=self._evidence(number))

    async def _before(self, inst_id: str, client_id: str) -> OrderReport:
        """Ask for an order that is to be changed."""
        with self._asking_before("the order"):
            found = await self._queries.find(inst_id, client_id)
        if found is None or found.state is not OrderState.OPEN:
            raise self._refused("Order does not exist.", code=51503)
        return found

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        """Ask for a cancel; a push tells its end. An order that the venue does not find to cancel is asked for."""
        inst_id = await self._listing.names.symbol_to_act(instrument)
        try:
            await self._caller.ask("cancel", {"instId": inst_id, **wording.ids_of(client_id)})
        except Refused as error:
            if _outcome(error) is not Outcome.GONE:
                raise
            if await self._cancel_algo(inst_id, client_id):
                return None
            return await self._ended(self._queries.find(inst_id, client_id), error)
        return None

    async def _cancel_algo(self, inst_id: str, client_id: str) -> bool:
        """Cancel a conditional order that waits; false where there is none."""
        try:
            algo = await self._queries.algo(client_id)
        except (Refused, RateLimited, VenueUnreachable):
            return False
        if algo is None or algo.get("state") != "live":
            return False
        rows = await self._caller.ask("algo_cancel", [{"instId": inst_id, "algoId": str(algo["algoId"])}])
        return all(str(row.get("sCode", "0")) == "0" for row in rows)

    async def cancel_all(self, instrument: InstrumentId) -> None:
        """Ask for the cancel of every open order of an instrument, those that wait for their trigger too.

        The venue has no such request: the open orders are asked for and cancelled by their numbers.
        """
        inst_id = await self._listing.names.symbol_to_act(instrument)
        with self._asking_before("the open orders"):
            orders = [item for item in await self._queries.open_orders() if item.instrument == instrument]
        waiting = [item for item in orders if item.type not in ("limit", "market")]
        resting = [item for item in orders if item.type in ("limit", "market")]
        for call, name, found, most in (
            ("cancel_batch", "ordId", resting, _BATCH),
            ("algo_cancel", "algoId", waiting, _ALGO_BATCH),
        ):
            for start in range(0, len(found), most):
                batch = [{"instId": inst_id, name: item.venue_order_id} for item in found[start : start + most]]
                self._look_at(await self._caller.ask(call, batch))

    def _look_at(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Raise the first of a batch's refusals that is not an order which ended meanwhile."""
        for row in rows:
            text = str(row.get("sCode", "0"))
            code = int(text) if text.isascii() and text.isdigit() else -1
            if code == 0 or outcome_of(200, code) is Outcome.GONE:
                continue
            sentence = f"{VENUE} {self.market} declined a cancel: {str(row.get('sMsg', ''))[:200]} (code {text})"
            if outcome_of(200, code) is Outcome.UNKNOWN:
                raise self._unknown(sentence)
            raise self._refused(sentence, code=code)

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        """Let the venue cancel the account's orders after ``seconds`` (10 to 120; conditional ones that wait stay).

        The timer is the whole account's, whatever instruments are named, and spot's and swaps' alike.
        """
        low, high = _DEAD_MAN_S
        span = min(high, max(low, int(seconds))) if seconds > 0 else 0
        await self._caller.ask("dead_man", {"timeOut": str(span)})
        return True

    # --- questions -----------------------------------------------------------------------------------------------------

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:  # by id alone
        """Return the order of a client id, or None when the venue does not know it (an unfilled one that ended 2 h ago too)."""
        return await self._queries.find(await self._listing.names.symbol(instrument), client_id)

    async def set_leverage(self, instrument: InstrumentId, leverage: int) -> None:
        """Set an instrument's leverage (cross margin); spot has none but 1."""
        if not self._row.positions:
            if leverage != 1:
                raise wording.unsupported(self._row, "has no leverage")
            return
        inst_id = await self._listing.names.symbol_to_act(instrument)
        asked = {"instId": inst_id, "lever": str(leverage), "mgnMode": self._row.trade_mode}
        await self._caller.ask("leverage", asked)


def _outcome(error: Refused) -> Outcome:
    return outcome_of(error.status, error.code if isinstance(error.code, int) else 0)
