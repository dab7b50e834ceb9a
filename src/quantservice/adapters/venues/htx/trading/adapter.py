"""``ports.trading.Trading`` for one account at HTX spot or its USDT-margined swap (cross margin)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.htx.access import Access
from quantservice.adapters.venues.htx.instruments import decode_instruments
from quantservice.adapters.venues.htx.outcomes import Outcome, outcome_of
from quantservice.adapters.venues.htx.packed import unpack
from quantservice.adapters.venues.htx.spec import VENUE, HtxEndpoints
from quantservice.adapters.venues.htx.trading import wording
from quantservice.adapters.venues.htx.trading.caller import Caller
from quantservice.adapters.venues.htx.trading.decode import BY_HAND, Decoder, read
from quantservice.adapters.venues.htx.trading.line import HtxLine
from quantservice.adapters.venues.htx.trading.numbers import KnownIds, Numbers
from quantservice.adapters.venues.htx.trading.pushes import SpotTalk, SwapTalk
from quantservice.adapters.venues.htx.trading.queries import Queries, listed_as
from quantservice.adapters.venues.htx.trading.signer import HtxCredentials, Signer
from quantservice.adapters.venues.htx.trading.table import row_of
from quantservice.adapters.venues.transport.private.account import NO_ANSWER, AccountTrading, SentIds
from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.inbox import Inbox
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.adapters.venues.transport.private.once import OnceSettings
from quantservice.adapters.venues.transport.private.stream import StreamSettings
from quantservice.adapters.venues.transport.ws import Dialer, WsSettings
from quantservice.core.errors import MalformedFrame, Refused, VenueUnreachable
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Approved, OrderTerms
from quantservice.core.orders import Evidence
from quantservice.ports import Clock
from quantservice.ports.trading import (
    NotSent,
    OrderReport,
)

_SLIP: Final = Decimal("1.05")  # a market order to buy at spot may reach so far above the best price
_MOST_ROUNDS: Final = 50
_NOTHING_TO_CANCEL: Final = 1051
_CANCELLING: Final = 10
_WRONG_LEVERAGE: Final = 1037


class TradingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set; see each part. ``pace``: times the venue's published limits, for a user who was granted more."""

    calls: OnceSettings = OnceSettings()
    pace: float = 1.0
    stream: StreamSettings = StreamSettings()
    ws: WsSettings = WsSettings()


class HtxTrading(AccountTrading[Inbox]):
    """One account at one market of HTX.

    No request that may have reached the venue is ever sent again from here. Spot takes a client id again and again, so an id that
    this adapter has sent is asked for and never sent twice. ``known``: see :mod:`.numbers`.
    """

    def __init__(
        self,
        account: str,
        credentials: HtxCredentials,
        *,
        access: Access,
        clock: Clock,
        endpoints: HtxEndpoints | None = None,
        settings: TradingSettings | None = None,
        known: KnownIds | None = None,
    ) -> None:
        self._row = row_of(access.market)
        self._clock = clock
        self._settings = settings or TradingSettings()
        self._endpoints = endpoints or HtxEndpoints()
        self._caller = Caller(
            self._row,
            self._endpoints,
            Signer(credentials, VenueClock(clock)),
            pool=access.pool,
            budget_of=access.budget_of,
            clock=clock,
            settings=self._settings.calls,
            pace=self._settings.pace,
        )
        self._names = Names(VENUE, access.market, self.list_instruments, clock)
        self._numbers = Numbers(known)
        self._decoder = Decoder(account, access.market, self._names, self._numbers)
        self._queries = Queries(self._row, self._caller, self._names, self._decoder, self._numbers)
        self._dialer = Dialer(
            venue=VENUE, market=access.market, pool=access.pool, clock=clock, settings=self._settings.ws, unpack=unpack
        )
        self._sent = SentIds()
        super().__init__(account, VENUE, access.market, answers=self._queries, connections=self._caller)

    @property
    def dead_man(self) -> bool:
        """It has none that is spoken here."""
        return False

    @property
    def stops(self) -> bool:
        """Spot knows stop-limit orders only, which bind what they would sell; the swap's trigger orders are not spoken here."""
        return False

    @property
    def window_ms(self) -> int:
        """The venue names no time after which a request is taken no more."""
        return 0

    # --- events ----------------------------------------------------------------------------------------------------------

    def _reader(self) -> Inbox:
        settings = self._settings.stream
        talk = SwapTalk(self._row, self._decoder) if self._row.positions else SpotTalk(self._row, self._decoder)
        url = self._endpoints.ws[self.market] + self._row.socket_path
        line = HtxLine(self._row, url, talk, caller=self._caller, dialer=self._dialer, clock=self._clock, settings=settings)
        return Inbox(self._account, line, self._queries, talk, clock=self._clock, settings=settings)

    # --- orders ----------------------------------------------------------------------------------------------------------

    async def submit(self, order: Approved) -> OrderReport:
        """Send one order, once. The venue acknowledges with a number and no more: what becomes of it is pushed, or asked for."""
        terms, client_id = order.intent.terms, order.intent.client_id
        self._check_account(terms)
        wording.check(self._row, terms)
        listed = await self._to_act(terms.instrument)
        if client_id in self._sent:
            return await self._adopt(self._queries.find(listed, client_id), "this order was sent before")
        fields = await self._fields(terms, listed, client_id)
        self._sent.note(client_id)
        try:
            body = await self._caller.ask("submit", fields)
        except NotSent:
            self._sent.forget(client_id)
            raise
        except Refused as error:
            if outcome_of(error.status, error.code) is Outcome.EXISTS:
                return await self._adopt(self._queries.find(listed, client_id), str(error))
            self._sent.forget(client_id)
            if error.code == _WRONG_LEVERAGE:
                self._queries.forget_leverage(listed)
            raise
        return self._acknowledged(terms, client_id, body)

    async def _fields(self, terms: OrderTerms, listed: Instrument, client_id: str) -> dict[str, Any]:
        """Return the order in the venue's words; what must be asked for that and cannot be had means that nothing was sent."""
        with self._asking_before("what the order needs", NO_ANSWER):
            if self._row.positions:
                return wording.swap_order(terms, listed, self._numbers.note(client_id), await self._queries.leverage(listed))
            at_most = None
            if terms.type == "market" and terms.side == "buy":
                at_most = listed.round_price(await self._queries.ask_price(listed) * _SLIP, "buy")
            return dict(wording.spot_order(terms, listed, client_id, await self._queries.account_id(), at_most=at_most))

    def _acknowledged(self, terms: OrderTerms, client_id: str, body: bytes) -> OrderReport:
        try:
            data = read(body)["data"]
            order_id = str(data if not isinstance(data, dict) else data.get("order_id_str") or data["order_id"])
        except (MalformedFrame, KeyError):
            raise self._unknown("the answer cannot be read: the venue took it, whatever it wrote") from None
        self._decoder.remember(order_id, client_id)
        now_ms = self._caller.signer.time.now_ms()
        evidence = Evidence(source="answer", reference=order_id, time_ns=now_ms * 1_000_000, detail="acknowledged")
        return self._taken_in(terms, client_id, order_id, time_ms=now_ms, evidence=evidence)

    async def amend(self, instrument: InstrumentId, client_id: str, *, quantity: Decimal, limit_price: Decimal) -> OrderReport:
        """HTX changes no open order."""
        raise wording.unsupported(self._row, "does not change open orders; cancel it and place another")

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        """Ask for a cancel. An order that the venue does not find to cancel is asked for: it may have ended."""
        listed = await self._to_act(instrument)
        try:
            if self._row.positions:
                await self._cancel_swap(listed, client_id)
            else:
                await self._cancel_spot(client_id)
        except Refused as error:
            if outcome_of(error.status, error.code) is not Outcome.GONE:
                raise
            return await self._ended(self._queries.find(listed, client_id), error)
        return None

    async def _cancel_spot(self, client_id: str) -> None:
        if client_id.startswith(BY_HAND):
            await self._caller.ask("cancel_id", {}, order=client_id.removeprefix(BY_HAND))
            return
        state = self._answer(await self._caller.ask("cancel", {"client-order-id": client_id}))
        if state != _CANCELLING:
            raise self._refused(f"nothing to cancel (state {state})", code="order-orderstate-error")

    async def _cancel_swap(self, listed: Instrument, client_id: str) -> None:
        by_hand = client_id.startswith(BY_HAND)
        name = client_id.removeprefix(BY_HAND) if by_hand else client_id
        if not by_hand and not name.isdigit():
            name = str(self._numbers.note(client_id))
        asked = {"contract_code": listed.venue_symbol, "order_id" if by_hand else "client_order_id": name}
        data = self._answer(await self._caller.ask("cancel", asked))
        errors = data.get("errors") if isinstance(data, dict) else None
        if errors:
            code, said = int(errors[0].get("err_code") or 0), str(errors[0].get("err_msg") or "")
            raise self._refused(f"{VENUE} um declined: {said} (code {code})", code=code)

    def _answer(self, body: bytes) -> Any:
        try:
            return read(body)["data"]
        except (MalformedFrame, KeyError):
            raise self._unknown("the answer cannot be read") from None

    async def cancel_all(self, instrument: InstrumentId) -> None:
        """Ask for the cancel of every open order of an instrument."""
        listed = await self._to_act(instrument)
        if self._row.positions:
            try:
                await self._caller.ask("cancel_all", {"contract_code": listed.venue_symbol})
            except Refused as error:
                if error.code != _NOTHING_TO_CANCEL:
                    raise
            return
        with self._asking_before("the account", NO_ANSWER):
            account = await self._queries.account_id()
        for _ in range(_MOST_ROUNDS):  # a hundred orders each
            data = self._answer(await self._caller.ask("cancel_all", {"account-id": account, "symbol": listed.venue_symbol}))
            if not isinstance(data, dict) or data.get("next-id", -1) == -1:
                return

    async def _to_act(self, instrument: InstrumentId) -> Instrument:
        await self._names.symbol_to_act(instrument)
        return listed_as(self._names, instrument)

    async def list_instruments(self) -> list[Instrument]:
        """Ask for the market's list."""
        body = await self._caller.ask("instruments")
        try:
            return await asyncio.to_thread(decode_instruments, body, self.market, seen_ms=self._clock.now_ms())
        except MalformedFrame as error:
            raise VenueUnreachable(f"{VENUE} lists something unreadable ({error.reason})", cause="server", venue=VENUE) from None

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        """HTX has no timer that is known to cancel an instrument's orders."""
        return False

    # --- questions -------------------------------------------------------------------------------------------------------

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:  # by id alone
        """Return the order of a client id, or None when the venue does not know it."""
        await self._names.symbol(instrument)
        return await self._queries.find(listed_as(self._names, instrument), client_id)

    async def set_leverage(self, instrument: InstrumentId, leverage: int) -> None:
        """Set an instrument's leverage; spot has none but 1."""
        if not self._row.positions:
            if leverage != 1:
                raise wording.unsupported(self._row, "has no leverage")
            return
        listed = await self._to_act(instrument)
        self._queries.forget_leverage(listed)
        await self._caller.ask("leverage", {"contract_code": listed.venue_symbol, "lever_rate": leverage})
