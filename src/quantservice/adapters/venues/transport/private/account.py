"""What ``ports.trading.Trading`` is at every venue alike: readers of its events, questions, and orders that are ours already."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Generic, Protocol, TypeVar

from quantservice.core.errors import RateLimited, Refused, VenueError, VenueUnreachable
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import OrderTerms
from quantservice.core.orders import Evidence, OrderState, VenueFill
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

NO_ANSWER: Final = (RateLimited, VenueUnreachable)
_NOT_TOLD: Final = (Refused, *NO_ANSWER)  # all that a read raises
_MOST_SENT: Final = 20_000


class Answers(Protocol):
    """The reads of one account's market. Each raises Refused, RateLimited or VenueUnreachable."""

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders."""
        ...

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Ask for fills, oldest first."""
        ...

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Ask for money that moved without a trade."""
        ...

    async def permissions(self) -> KeyPermissions:
        """Ask what the key may do."""
        ...

    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes:
        """Ask how the account is set, and its fees."""
        ...


class Connections(Protocol):
    """What sends the requests."""

    async def close(self) -> None:
        """Close all connections."""
        ...


class Reader(Protocol):
    """One reader of an account's events."""

    def batches(self) -> AsyncIterator[Sequence[AccountEvent]]:
        """Yield a snapshot and what came after it; ends when closed."""
        ...

    async def close(self) -> None:
        """End; safe to call twice."""
        ...


_Reader = TypeVar("_Reader", bound=Reader)


class AccountTrading(ABC, Generic[_Reader]):
    """One account at one market. A venue's adapter words the orders, and says what the venue can do.

    No request that may have reached the venue is ever sent again from here.
    """

    def __init__(self, account: str, venue: str, market: str, *, answers: Answers, connections: Connections) -> None:
        self._account = account
        self._venue = venue
        self._market = market
        self._answers = answers
        self._connections = connections
        self._readers: set[_Reader] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account}, {self._venue} {self._market})"

    @property
    def account(self) -> str:
        """The account's name."""
        return self._account

    @property
    def venue(self) -> str:
        """The venue's name."""
        return self._venue

    @property
    def market(self) -> str:
        """The market's name."""
        return self._market

    # --- events --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def _reader(self) -> _Reader:
        """Make a reader of the account's events."""

    async def updates(self) -> AsyncIterator[Sequence[AccountEvent]]:
        """Yield what happens to the account: a snapshot first and after each trouble; ends when closed."""
        if self._closed:
            return
        reader = self._reader()
        self._readers.add(reader)
        try:
            async for batch in reader.batches():
                yield batch
        finally:
            self._readers.discard(reader)
            await reader.close()

    async def close(self) -> None:
        """End the events and all connections."""
        self._closed = True
        for reader in list(self._readers):
            await reader.close()
        await self._connections.close()

    # --- questions -----------------------------------------------------------------------------------------------------

    async def snapshot(self) -> AccountSnapshot:
        """Ask for balances, positions and open orders."""
        return await self._answers.snapshot()

    async def fills_since(self, instruments: Sequence[InstrumentId], since_ms: int) -> list[VenueFill]:
        """Return the account's fills from an instant on, oldest first."""
        return await self._answers.fills_since(instruments, since_ms)

    async def movements_since(self, since_ms: int) -> list[AccountMovement]:
        """Return money moved without a trade, as far as the venue lists it."""
        return await self._answers.movements_since(since_ms)

    async def permissions(self) -> KeyPermissions:
        """Ask what the key may do."""
        return await self._answers.permissions()

    async def modes(self, instruments: Sequence[InstrumentId]) -> AccountModes:
        """Ask how the account is set, and its fees (of the first instrument, where they differ)."""
        return await self._answers.modes(instruments)

    # --- orders --------------------------------------------------------------------------------------------------------

    def _check_account(self, terms: OrderTerms) -> None:
        if terms.account != self._account:
            raise self._not_sent(f"the order is of account {terms.account}, not of {self._account}", code="account")

    def _taken_in(self, terms: OrderTerms, client_id: str, number: str, *, time_ms: int, evidence: Evidence) -> OrderReport:
        """Return what is known of an order of which the venue told its number and no more."""
        return OrderReport(
            account=self._account,
            instrument=terms.instrument,
            client_id=client_id,
            venue_order_id=number,
            side=terms.side,
            type=terms.type,
            quantity=terms.quantity,
            state=OrderState.OPEN,
            limit_price=terms.limit_price,
            stop_price=terms.stop_price,
            reduce_only=terms.reduce_only,
            position_side=terms.position_side,
            time_ms=time_ms,
            evidence=evidence,
        )

    async def _adopt(self, asked: Awaitable[OrderReport | None], why: str) -> OrderReport:
        """The venue has an order of this id: it is ours, sent before. What it is now is asked for."""
        try:
            found = await asked
        except _NOT_TOLD as error:
            raise self._unknown(f"{why}; asking for it failed: {error}") from None
        if found is None:
            raise self._unknown(f"{why}; but it is not found yet")
        return found

    async def _ended(self, asked: Awaitable[OrderReport | None], refused: Refused) -> OrderReport:
        """Say what became of an order that could not be cancelled; the refusal itself where nothing final is known."""
        try:
            found = await asked
        except _NOT_TOLD:
            raise refused from None
        if found is None or found.state is OrderState.OPEN:  # a read that lags: nothing is known yet
            raise refused
        return found

    @contextmanager
    def _asking_before(self, what: str, errors: tuple[type[VenueError], ...] = _NOT_TOLD) -> Iterator[None]:
        """``with self._asking_before(…):`` asks what a request needs that acts: where that cannot be had, nothing was sent."""
        try:
            yield
        except errors as error:
            raise self._not_sent(f"{what} could not be asked for: {error}", code="query") from None

    def _not_sent(self, sentence: str, *, code: int | str, retry_at_ns: int = 0) -> NotSent:
        retry = retry_at_ns > 0
        return NotSent(sentence, code=code, retry=retry, retry_at_ns=retry_at_ns, venue=self._venue, market=self._market)

    def _refused(self, sentence: str, *, code: int | str, status: int = 200) -> Refused:
        return Refused(sentence, code=code, status=status, venue=self._venue, market=self._market)

    def _unknown(self, sentence: str, *, deadline_ns: int = 0) -> Unknown:
        return Unknown(sentence, deadline_ns=deadline_ns, venue=self._venue, market=self._market)


class SentIds:
    """The client ids that were sent, for venues that take the same one again and again: it is asked for, never sent twice."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, client_id: str) -> bool:
        return client_id in self._ids

    def note(self, client_id: str) -> None:
        """It is about to be sent."""
        self._ids[client_id] = None
        if len(self._ids) > _MOST_SENT:
            self._ids.popitem(last=False)

    def forget(self, client_id: str) -> None:
        """It did not reach the venue, or was declined there."""
        self._ids.pop(client_id, None)
