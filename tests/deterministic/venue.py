"""The exchange: the simulator's own matching engine, and the network to it, where requests, answers and pushes meet their fate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from quantservice.core.errors import Refused
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Approved
from quantservice.core.orders import Evidence, OrderState, VenueFill
from quantservice.ports.trading import (
    AccountEvent,
    AccountMovement,
    AccountSnapshot,
    NotSent,
    OrderReport,
    StreamState,
    Unknown,
    VenueBalance,
    VenuePosition,
)
from quantservice.simulator.private.desk import brackets
from quantservice.simulator.trading import Engine, FillEvent, Kind, OrderEvent, Reject, SimOrder, Status, Symbol, Ticket
from quantservice.simulator.trading.values import AccountEvent as SimEvent
from quantservice.simulator.trading.values import BalanceEvent, ClientIdRule
from tests.deterministic.chance import Chance
from tests.deterministic.loop import LoopClock

D = Decimal
T = TypeVar("T")
ACCOUNT: Final = "main"
_KINDS: Final = {"market": Kind.MARKET, "limit": Kind.LIMIT, "stop": Kind.STOP_MARKET, "take_profit": Kind.TAKE_PROFIT_MARKET}
_TIMES: Final = {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK"}
_STATES: Final = {
    Status.WAITING: OrderState.OPEN,
    Status.NEW: OrderState.OPEN,
    Status.PARTIALLY_FILLED: OrderState.OPEN,
    Status.FILLED: OrderState.FILLED,
    Status.CANCELED: OrderState.CANCELLED,
    Status.EXPIRED: OrderState.EXPIRED,
}
_TIMEOUT_S: Final = 5.0  # so long a client waits for an answer
_LAG_S: Final = 5.0  # so far back reads may look: the venues' own answers come from copies
_WAITING: Final = 10_000


class Rules(msgspec.Struct, frozen=True):
    """What differs between venues in what matters here. ``window_ms`` 0: requests are taken however late they come."""

    venue: str
    client_ids: ClientIdRule
    window_ms: int
    fills_name_client: bool  # whether a fill repeats the client id


VENUES: Final = (
    Rules("binance", "unique_open", 6_000, True),
    Rules("okx", "unique_open", 6_000, True),
    Rules("htx", "not_checked", 0, False),
)


class Exchange:
    """The venue's side: engine, and what was known when. It is the judge: nothing of the services is asked."""

    def __init__(self, rules: Rules, chance: Chance, clock: LoopClock, *, durable: Callable[[str], bool]) -> None:
        self.rules, self.chance, self.clock = rules, chance, clock
        self.instrument = InstrumentId(rules.venue, "um", "BTC-USDT-PERP")
        self.listed = Instrument(
            id=self.instrument,
            venue_symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            settle="USDT",
            tick_size=D("0.1"),
            lot_size=D("0.001"),
        )
        self.engine = Engine(client_ids=rules.client_ids)
        self.engine.list_symbol(
            Symbol(
                name="BTCUSDT",
                base="BTC",
                quote="USDT",
                settle="USDT",
                tick=D("0.1"),
                lot=D("0.001"),
                min_quantity=D("0.001"),
                brackets=brackets("um"),
            )
        )
        self.price = D(50_000)
        self.versions: dict[int, list[tuple[int, SimOrder]]] = {}
        self.wires: list[Wire] = []
        self.away_until_s = 0.0
        self.undurable: list[str] = []  # orders that came while their intent was not in the store (I1)
        self._durable = durable
        self.engine.listen(self._told)
        self.engine.transfer(ACCOUNT, "USDT", D(1_000_000), self.clock.now_ms())
        self.move(D(0))

    # --- the market --------------------------------------------------------------------------------------------------

    def move(self, change: Decimal) -> None:
        """Move the price, show the book around it, and let a trade happen there."""
        self.price = max(D(1_000), self.price + change)
        now_ms, size = self.clock.now_ms(), D("0.4")
        bids = [(self.price - D("0.1") * (level + 1), size) for level in range(3)]
        asks = [(self.price + D("0.1") * (level + 1), size) for level in range(3)]
        self.engine.show("BTCUSDT", bids, asks, now_ms)
        self.engine.trade("BTCUSDT", self.price, D("0.05"), buyer_is_maker=change < 0, now_ms=now_ms)
        self.engine.set_mark("BTCUSDT", self.price, now_ms)

    # --- what it knows -----------------------------------------------------------------------------------------------

    def _told(self, event: SimEvent) -> None:
        if isinstance(event, OrderEvent | FillEvent):
            self.versions.setdefault(event.order.order_id, []).append((event.time_ms, event.order))
        pushed: AccountEvent | None = None
        if isinstance(event, FillEvent):
            pushed = self.fill_of(event)
            self.chance.note(self.clock.now_ns(), "filled", event.trade_id, event.order.order_id, event.quantity, event.price)
        elif isinstance(event, OrderEvent):
            pushed = self.report_of(event.order, "push")
            self.chance.note(self.clock.now_ns(), "order", event.order.order_id, event.what, event.order.status)
        elif isinstance(event, BalanceEvent) and event.reason != "order":
            pushed = self.movement_of(event)
        if pushed is not None:
            for wire in self.wires:
                wire.push(pushed)

    def report_of(self, order: SimOrder, source: str) -> OrderReport:
        """Return an order as the venue tells it."""
        kind = {kind: name for name, kind in _KINDS.items()}.get(order.ticket.kind, "limit")
        return OrderReport(
            account=ACCOUNT,
            instrument=self.instrument,
            client_id=order.ticket.client_id,
            venue_order_id=str(order.order_id),
            side=order.side,
            type=kind,  # type: ignore[arg-type]  # of the table's own names
            quantity=order.quantity,
            state=_STATES[order.status],
            filled=order.filled,
            limit_price=order.price,
            stop_price=order.stop_price,
            reduce_only=order.ticket.reduce_only,
            time_ms=order.seen_ms,
            evidence=Evidence(source=source, reference=str(order.order_id), time_ns=order.seen_ms * 10**6),
        )

    def fill_of(self, event: FillEvent) -> VenueFill:
        """Return a fill as the venue tells it."""
        return VenueFill(
            account=ACCOUNT,
            instrument=self.instrument,
            trade_id=str(event.trade_id),
            side=event.order.side,
            price=event.price,
            quantity=event.quantity,
            client_id=event.order.ticket.client_id if self.rules.fills_name_client else "",
            venue_order_id=str(event.order.order_id),
            fee=event.fee,
            fee_currency=event.fee_currency,
            maker=event.maker,
            realised=event.realised,
            kind=event.kind,
            time_ms=event.time_ms,
        )

    def movement_of(self, event: BalanceEvent) -> AccountMovement:
        """Return money that moved without a trade."""
        kind = event.reason if event.reason in ("funding", "transfer", "insurance") else "other"
        return AccountMovement(
            account=ACCOUNT,
            movement_id=f"{event.reason}-{event.sequence}",
            kind=kind,
            currency=event.currency,
            amount=event.amount,
            time_ms=event.time_ms,
        )

    def as_of(self, order_id: int, at_ms: int) -> SimOrder | None:
        """Return an order as it was; None where it did not exist yet."""
        found = [order for time_ms, order in self.versions.get(order_id, ()) if time_ms <= at_ms]
        return found[-1] if found else None

    def ours(self) -> list[SimOrder]:
        """Return every order of the account, oldest first."""
        return [order for order in self.engine.state.orders.values() if order.account == ACCOUNT]

    # --- what clients ask --------------------------------------------------------------------------------------------

    def submit(self, order: Approved, *, signed_ms: int) -> OrderReport:
        """Take an order, unless its window has passed."""
        self._in_time(signed_ms)
        terms, client_id = order.intent.terms, order.intent.client_id
        if not self._durable(client_id):
            self.undurable.append(client_id)
        ticket = Ticket(
            symbol="BTCUSDT",
            side=terms.side,
            kind=_KINDS[terms.type],
            quantity=terms.quantity,
            price=terms.limit_price if terms.type == "limit" else None,
            stop_price=terms.stop_price,
            tif=_TIMES[terms.time_in_force],  # type: ignore[arg-type]
            post_only=terms.post_only,
            reduce_only=terms.reduce_only,
            client_id=client_id,
        )
        try:
            made = self.engine.submit(ACCOUNT, ticket, self.clock.now_ms())
        except Reject as error:
            self.chance.note(self.clock.now_ns(), "rejected", client_id, error.reason)
            if error.reason == "duplicate_client_id":  # it is ours, sent before: an adapter adopts it
                return self.report_of(self.engine.find(ACCOUNT, client_id=client_id), "answer")
            raise Refused(str(error), code=-2010, status=400) from None
        return self.report_of(made, "answer")

    def cancel(self, client_id: str, *, signed_ms: int) -> OrderReport:
        """Cancel a live order."""
        self._in_time(signed_ms)
        try:
            order = self.engine.cancel(ACCOUNT, self.clock.now_ms(), client_id=client_id)
        except Reject:
            raise Refused("Unknown order sent.", code=-2011, status=400) from None
        return self.report_of(order, "answer")

    def _in_time(self, signed_ms: int) -> None:
        if self.rules.window_ms and self.clock.now_ms() > signed_ms + self.rules.window_ms:
            raise NotSent("Timestamp for this request is outside of the recvWindow.", code=-1021)


class Wire:
    """One process's way to the exchange: ``ports.Trading`` that loses what the seed says. ``gate`` holds a frozen process."""

    account, market = ACCOUNT, "um"

    def __init__(self, exchange: Exchange, gate: Callable[[], Any]) -> None:
        self.exchange, self.chance, self.clock = exchange, exchange.chance, exchange.clock
        self.venue = exchange.rules.venue
        self.window_ms = exchange.rules.window_ms
        self._gate = gate
        self._stream: asyncio.Queue[AccountEvent | None] | None = None
        self._silent_until_s = 0.0
        self.dead = False

    # --- orders --------------------------------------------------------------------------------------------------------

    async def submit(self, order: Approved) -> OrderReport:
        """Send an order once."""
        signed_ms = self.clock.now_ms()
        self.chance.note(self.clock.now_ns(), "send", order.intent.client_id)
        return await self._act(lambda: self.exchange.submit(order, signed_ms=signed_ms), signed_ms)

    async def cancel(self, instrument: InstrumentId, client_id: str) -> OrderReport | None:
        """Ask for a cancel; an order that is not found to cancel is asked for, as adapters do."""
        signed_ms = self.clock.now_ms()
        try:
            return await self._act(lambda: self.exchange.cancel(client_id, signed_ms=signed_ms), signed_ms)
        except Refused:
            found = await self.find(instrument, client_id, since_ms=0)
            if found is None or found.state is OrderState.OPEN:
                raise
            return found

    async def _act(self, act: Callable[[], T], signed_ms: int) -> T:
        """Carry a request that changes something to the exchange and its answer back."""
        chance, deadline_ns = self.chance, (signed_ms + self.window_ms) * 1_000_000 if self.window_ms else 0
        await self._gate()
        if self._is_away():
            raise NotSent("connection refused")
        if chance.strikes("unavailable", 0.03):
            raise NotSent("Service Unavailable", code=503, retry=True)
        if chance.strikes("rate_limited", 0.02):
            raise NotSent("Too many requests", code=429, retry=True, retry_at_ns=self.clock.now_ns() + 1_000_000_000)
        lost = Unknown("no answer within 5 s", deadline_ns=deadline_ns, venue=self.venue)
        if chance.strikes("request_lost", 0.04):
            await asyncio.sleep(_TIMEOUT_S)
            raise lost
        if chance.strikes("request_held", 0.04):
            self._later(chance.between(_TIMEOUT_S, 30.0), act)
            await asyncio.sleep(_TIMEOUT_S)
            await self._gate()
            raise lost
        await asyncio.sleep(chance.between(0.01, 0.2))
        answer, refusal = self._done(act)
        unknown = chance.strikes("outcome_unknown", 0.03)
        if chance.strikes("answer_lost", 0.05):
            await asyncio.sleep(_TIMEOUT_S)
            await self._gate()
            raise lost
        await asyncio.sleep(chance.between(1.0, 4.5) if chance.strikes("answer_slow", 0.06) else chance.between(0.01, 0.2))
        await self._gate()
        if unknown:
            raise Unknown("Unknown error, please check your request or try again later.", deadline_ns=deadline_ns)
        if refusal is not None:
            raise refusal
        return answer  # type: ignore[return-value]  # one of the two is there

    @staticmethod
    def _done(act: Callable[[], T]) -> tuple[T | None, Exception | None]:
        try:
            return act(), None
        except (Refused, NotSent) as error:
            return None, error

    def _later(self, seconds: float, act: Callable[[], Any]) -> None:
        """The request arrives when nobody waits for its answer any more: no task of the process, which may be dead by then."""
        asyncio.get_running_loop().call_later(seconds, lambda: self._done(act))

    # --- questions -----------------------------------------------------------------------------------------------------

    async def _read(self) -> int:
        """Carry a question there and back; return the instant (ms) of which the answer is."""
        await self._gate()
        if self._is_away() or self.chance.strikes("read_failed", 0.02):
            raise NotSent("the venue does not answer")
        await asyncio.sleep(self.chance.between(0.02, 0.3))
        now_ms = self.clock.now_ms()
        return now_ms - round(self.chance.between(0.2, _LAG_S) * 1_000) if self.chance.strikes("read_stale", 0.05) else now_ms

    async def find(self, instrument: InstrumentId, client_id: str, *, since_ms: int) -> OrderReport | None:
        """Return the latest order of a client id as a copy shows it."""
        as_of_ms = await self._read()
        ids = self.exchange.engine.state.by_client.get((ACCOUNT, client_id), [])
        seen = [order for order_id in ids if (order := self.exchange.as_of(order_id, as_of_ms)) is not None]
        await self._gate()
        return self.exchange.report_of(seen[-1], "query") if seen else None

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Return the account's fills."""
        as_of_ms = await self._read()
        found = [
            self.exchange.fill_of(event)
            for event in self.exchange.engine.state.fills
            if event.account == ACCOUNT and since_ms <= event.time_ms <= as_of_ms and self.exchange.instrument in instruments
        ]
        await self._gate()
        return found

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Return money that moved."""
        await self._read()
        state = self.exchange.engine.state
        await self._gate()
        return [
            self.exchange.movement_of(event)
            for event in state.movements
            if event.account == ACCOUNT and event.reason != "order" and event.time_ms >= since_ms
        ]

    async def snapshot(self) -> AccountSnapshot:
        """Return balances and positions as they are, orders as a copy shows them."""
        as_of_ms = await self._read()
        exchange, account = self.exchange, self.exchange.engine.account(ACCOUNT)
        seen = [exchange.as_of(order.order_id, as_of_ms) for order in exchange.ours()]
        orders = tuple(exchange.report_of(order, "open_orders") for order in seen if order is not None and order.live)
        balances = tuple(VenueBalance(currency=name, total=amount, free=amount) for name, amount in sorted(account.wallets.items()))
        positions = tuple(
            VenuePosition(instrument=exchange.instrument, side=side, quantity=held.quantity, entry_price=held.average_entry or D(0))
            for (_, side), held in account.positions.items()
            if held.quantity
        )
        made = AccountSnapshot(account=ACCOUNT, balances=balances, positions=positions, orders=orders, time_ms=self.clock.now_ms())
        await self._gate()
        return made

    async def arm_dead_man(self, instruments: Sequence[InstrumentId], seconds: float) -> bool:
        """The venue has no such timer here: crashes are to leave orders behind."""
        return False

    # --- the stream ----------------------------------------------------------------------------------------------------

    async def updates(self) -> AsyncIterator[Sequence[AccountEvent]]:
        """Yield what the venue pushes: a snapshot first."""
        stream: asyncio.Queue[AccountEvent | None] = asyncio.Queue(_WAITING)
        self._stream = stream
        yield [StreamState(account=ACCOUNT, state="live", time_ns=self.clock.now_ns())]
        yield [await self.snapshot()]
        while (event := await stream.get()) is not None:
            await self._gate()
            yield [event]

    def push(self, event: AccountEvent) -> None:
        """Send an event down the stream, where it meets its fate."""
        chance, stream = self.chance, self._stream
        if stream is None or self.dead or self.clock.monotonic() < self._silent_until_s:
            return
        if chance.strikes("stream_cut", 0.01):
            self._stream = None
            stream.put_nowait(None)
            return
        if chance.strikes("stream_silent", 0.008):
            self._silent_until_s = self.clock.monotonic() + chance.between(5.0, 60.0)
            return
        if chance.strikes("push_lost", 0.03):
            return
        delay_s = chance.between(0.005, 0.03)
        if chance.strikes("push_late", 0.04):
            delay_s = chance.between(0.5, 10.0)
        elif chance.strikes("push_reordered", 0.05):
            delay_s = chance.between(0.05, 0.5)
        loop = asyncio.get_running_loop()
        for _ in range(2 if chance.strikes("push_twice", 0.04) else 1):
            loop.call_later(delay_s, self._arrive, stream, event)
            delay_s += chance.between(0.0, 2.0)

    def _arrive(self, stream: asyncio.Queue[AccountEvent | None], event: AccountEvent) -> None:
        if stream is self._stream and not self.dead:
            stream.put_nowait(event)

    def _is_away(self) -> bool:
        return self.clock.monotonic() < self.exchange.away_until_s

    async def close(self) -> None:
        """Nothing is held."""
