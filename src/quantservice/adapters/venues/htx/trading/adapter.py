"""``ports.trading.Trading`` for one account at HTX spot or its USDT-margined swap (cross margin)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
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
from quantservice.adapters.venues.transport.private.clock import VenueClock
from quantservice.adapters.venues.transport.private.inbox import Inbox
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.adapters.venues.transport.private.once import OnceSettings
from quantservice.adapters.venues.transport.private.stream import StreamSettings
from quantservice.adapters.venues.transport.ws import Dialer, WsSettings
from quantservice.core.errors import MalformedFrame, RateLimited, Refused, VenueUnreachable
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Approved, OrderTerms
from quantservice.core.orders import Evidence, OrderState, VenueFill
from quantservice.ports import Clock
from quantservice.ports.trading import (
    AccountEvent,
    AccountModes,
    AccountMovement,
    AccountSnapshot,
    KeyPermissions,
    NotSent,
    OrderReport,
    Unknown,
)

_SLIP: Final = Decimal("1.05")  # a market order to buy at spot may reach so far above the best price
_MOST_SENT: Final = 20_000
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


class HtxTrading:
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
        self._account = account
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
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._inboxes: set[Inbox] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"HtxTrading({self._account}, {self._row.market})"

    @property
    def account(self) -> str:
        """The account's name."""
        return self._account

    @property
    def venue(self) -> str:
        """The venue's name."""
        return VENUE

    @property
    def market(self) -> str:
        """The market's name."""
        return self._row.market

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

    async def updates(self) -> AsyncIterator[Sequence[AccountEvent]]:
        """Yield what the venue pushes: a snapshot first and after each reconnect; ends when closed."""
        if self._closed:
            return
        settings = self._settings.stream
        talk = SwapTalk(self._row, self._decoder) if self._row.positions else SpotTalk(self._row, self._decoder)
        url = self._endpoints.ws[self.market] + self._row.socket_path
        line = HtxLine(self._row, url, talk, caller=self._caller, dialer=self._dialer, clock=self._clock, settings=settings)
        inbox = Inbox(self._account, line, self._queries, talk, clock=self._clock, settings=settings)
        self._inboxes.add(inbox)
        try:
            async for batch in inbox.batches():
                yield batch
        finally:
            self._inboxes.discard(inbox)
            await inbox.close()

    # --- orders ----------------------------------------------------------------------------------------------------------

    async def submit(self, order: Approved) -> OrderReport:
        """Send one order, once. The venue acknowledges with a number and no more: what becomes of it is pushed, or asked for."""
        terms, client_id = order.intent.terms, order.intent.client_id
        if terms.account != self._account:
            raise NotSent(f"the order is of account {terms.account}, not of {self._account}", code="account", venue=VENUE)
        wording.check(self._row, terms)
        listed = await self._to_act(terms.instrument)
        if client_id in self._sent:
            return await self._adopt(listed, client_id, "this order was sent before")
        fields = await self._fields(terms, listed, client_id)
        self._note_sent(client_id)
        try:
            body = await self._caller.ask("submit", fields)
        except NotSent:
            del self._sent[client_id]
            raise
        except Refused as error:
            if outcome_of(error.status, error.code) is Outcome.EXISTS:
                return await self._adopt(listed, client_id, str(error))
            del self._sent[client_id]
            if error.code == _WRONG_LEVERAGE:
                self._queries.forget_leverage(listed)
            raise
        return self._acknowledged(terms, client_id, body)

    async def _fields(self, terms: OrderTerms, listed: Instrument, client_id: str) -> dict[str, Any]:
        """Return the order in the venue's words; what must be asked for that and cannot be had means that nothing was sent."""
        try:
            if self._row.positions:
                return wording.swap_order(terms, listed, self._numbers.note(client_id), await self._queries.leverage(listed))
            at_most = None
            if terms.type == "market" and terms.side == "buy":
                at_most = listed.round_price(await self._queries.ask_price(listed) * _SLIP, "buy")
            return dict(wording.spot_order(terms, listed, client_id, await self._queries.account_id(), at_most=at_most))
        except (RateLimited, VenueUnreachable) as error:
            raise NotSent(f"what the order needs could not be asked for: {error}", code="query", venue=VENUE) from None

    def _acknowledged(self, terms: OrderTerms, client_id: str, body: bytes) -> OrderReport:
        try:
            data = read(body)["data"]
            order_id = str(data if not isinstance(data, dict) else data.get("order_id_str") or data["order_id"])
        except (MalformedFrame, KeyError):
            raise Unknown(
                "the answer cannot be read: the venue took it, whatever it wrote", venue=VENUE, market=self.market
            ) from None
        self._decoder.remember(order_id, client_id)
        now_ms = self._caller.signer.time.now_ms()
        return OrderReport(
            account=self._account,
            instrument=terms.instrument,
            client_id=client_id,
            venue_order_id=order_id,
            side=terms.side,
            type=terms.type,
            quantity=terms.quantity,
            state=OrderState.OPEN,
            limit_price=terms.limit_price,
            stop_price=terms.stop_price,
            reduce_only=terms.reduce_only,
            position_side=terms.position_side,
            time_ms=now_ms,
            evidence=Evidence(source="answer", reference=order_id, time_ns=now_ms * 1_000_000, detail="acknowledged"),
        )

    def _note_sent(self, client_id: str) -> None:
        self._sent[client_id] = None
        if len(self._sent) > _MOST_SENT:
            self._sent.popitem(last=False)

    async def _adopt(self, listed: Instrument, client_id: str, why: str) -> OrderReport:
        """The order is ours, sent before. What it is now is asked for."""
        try:
            found = await self._queries.find(listed, client_id)
        except (Refused, RateLimited, VenueUnreachable) as error:
            raise Unknown(f"{why}; asking for it failed: {error}", venue=VENUE, market=self.market) from None
        if found is None:
            raise Unknown(f"{why}; but it is not found yet", venue=VENUE, market=self.market)
        return found

    async def amend(self, instrument: InstrumentId, client_id: str, *, quantity: Decimal, limit_price: Decimal) -> OrderReport:
        """HTX changes no open order."""
        raise wording.unsupported(self._row, "does not change open orders; cancel it and place another")

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        """Ask for a cancel. An order that the venue does not find to cancel is asked for: it may have ended."""
        listed = await self._to_act(instrument)
        try:
            if self._row.positions:
                await self._cancel_swap(listed, client_id)
                return None
            return await self._cancel_spot(listed, client_id)
        except Refused as error:
            if outcome_of(error.status, error.code) is not Outcome.GONE:
                raise
            return await self._ended(listed, client_id, error)

    async def _cancel_spot(self, listed: Instrument, client_id: str) -> OrderReport | None:
        if client_id.startswith(BY_HAND):
            await self._caller.ask("cancel_id", {}, order=client_id.removeprefix(BY_HAND))
            return None
        state = self._answer(await self._caller.ask("cancel", {"client-order-id": client_id}))
        if state == _CANCELLING:
            return None
        refused = Refused(
            f"nothing to cancel (state {state})", code="order-orderstate-error", status=200, venue=VENUE, market="spot"
        )
        return await self._ended(listed, client_id, refused)

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
            raise Refused(f"{VENUE} um declined: {said} (code {code})", code=code, status=200, venue=VENUE, market="um")

    def _answer(self, body: bytes) -> Any:
        try:
            return read(body)["data"]
        except (MalformedFrame, KeyError):
            raise Unknown("the answer cannot be read", venue=VENUE, market=self.market) from None

    async def _ended(self, listed: Instrument, client_id: str, refused: Refused) -> OrderReport:
        try:
            found = await self._queries.find(listed, client_id)
        except (Refused, RateLimited, VenueUnreachable):
            raise refused from None
        if found is None or found.state is OrderState.OPEN:  # a read that lags: nothing is known yet
            raise refused
        return found

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
        account = await self._account_to_act()
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

    async def _account_to_act(self) -> str:
        try:
            return await self._queries.account_id()
        except (RateLimited, VenueUnreachable) as error:
            raise NotSent(f"the account could not be asked for: {error}", code="query", venue=VENUE, market="spot") from None

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        """HTX has no timer that is known to cancel an instrument's orders."""
        return False

    # --- questions -------------------------------------------------------------------------------------------------------

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders."""
        return await self._queries.snapshot()

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:  # by id alone
        """Return the order of a client id, or None when the venue does not know it."""
        await self._names.symbol(instrument)
        return await self._queries.find(listed_as(self._names, instrument), client_id)

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Return the account's fills from an instant on, oldest first."""
        return await self._queries.fills_since(instruments, since_ms)

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Return money moved without a trade."""
        return await self._queries.movements_since(since_ms)

    async def permissions(self) -> KeyPermissions:
        """Ask what the key may do."""
        return await self._queries.permissions()

    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes:
        """Ask how the account is set, and its fees on the first instrument."""
        return await self._queries.modes(instruments)

    async def set_leverage(self, instrument: InstrumentId, leverage: int) -> None:
        """Set an instrument's leverage; spot has none but 1."""
        if not self._row.positions:
            if leverage != 1:
                raise wording.unsupported(self._row, "has no leverage")
            return
        listed = await self._to_act(instrument)
        self._queries.forget_leverage(listed)
        await self._caller.ask("leverage", {"contract_code": listed.venue_symbol, "lever_rate": leverage})

    async def close(self) -> None:
        """End the events and all connections."""
        self._closed = True
        for inbox in list(self._inboxes):
            await inbox.close()
        await self._caller.close()
