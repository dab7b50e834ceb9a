"""Trading at rest: accounts and their keys, intents, orders, fills, positions, the journal, risk states, the run log."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec

from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Intent
from quantservice.core.ledger import Entry
from quantservice.core.orders import Order, VenueFill
from quantservice.core.periods import DAY_MS
from quantservice.core.positions import Position, PositionSide
from quantservice.ports.run_log import KEPT_EVENTS

RiskStateName: TypeAlias = Literal["ACTIVE", "REDUCING", "HALTED"]
#: What a risk state is of: the whole system, an account, or a deployment.
RiskScope: TypeAlias = Literal["system", "account", "deployment"]


class TradingAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a venue's market that we trade on; ``mode`` paper needs no key. ``settings`` are the venue's own words."""

    name: str
    venue: str
    market: str
    mode: Literal["paper", "live"] = "paper"
    currency: str = "USDT"  # what it is reported in
    settings: dict[str, Any] = {}
    enabled: bool = True
    created_ms: int = 0


class AccountFees(msgspec.Struct, frozen=True, kw_only=True):
    """What an account pays, as its venue said at ``read_ms`` of one instrument: fractions of the notional, a rebate negative."""

    account: str
    venue: str
    market: str
    instrument: str
    maker: Decimal
    taker: Decimal
    read_ms: int


class VenueKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that a venue gave to us. ``sealed`` is the envelope of its secret parts; nothing of them stands anywhere else."""

    id: int = 0
    account: str
    prefix: str  # of the public part, for people
    sealed: str
    version: int = 1
    permissions: dict[str, Any] = {}
    enabled: bool = True
    created_ms: int = 0
    checked_ms: int = 0
    rotated_ms: int = 0

    def __repr__(self) -> str:
        return f"VenueKey(id={self.id}, account={self.account!r}, prefix={self.prefix!r}, version={self.version})"


class IntentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An intent and what became of it: approved, denied or discarded. A denial carries rule, limit, value and sentence."""

    intent: Intent
    state: Literal["approved", "denied", "discarded"]
    rule: str = ""
    limit: str = ""
    value: str = ""
    sentence: str = ""
    decided_ns: int = 0


class HeldPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position as booked: of an account (``deployment`` empty) or of a deployment's own sub-ledger."""

    account: str
    deployment: str = ""
    position: Position
    updated_ms: int = 0


class JournalRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the double-entry journal with its place in it, account and deployment."""

    sequence: int = 0
    account: str
    deployment: str = ""
    entry: Entry


class StrategyQuota(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment may use: allocation in the account's currency, position value, orders per day (0: no limit)."""

    deployment: str
    account: str
    allocation: Decimal = Decimal(0)
    max_position: Decimal = Decimal(0)
    orders_per_day: int = 0
    updated_ms: int = 0


#: How fine equity over time is kept, and for how long: minutes for two days, hours for ninety, days for ten years.
EQUITY_STEPS: Final[Mapping[int, int]] = {60_000: 2 * DAY_MS, 3_600_000: 90 * DAY_MS, DAY_MS: 3_650 * DAY_MS}


class EquityPoint(msgspec.Struct, frozen=True, kw_only=True):
    """An account's equity, in its currency: the last figure of a bucket that begins at ``time_ms``, its lowest and its highest.

    ``paid_in`` is what was there at the opening plus transfers: equity beyond it was earned. Lowest and highest move with it.
    """

    account: str
    time_ms: int
    equity: Decimal
    low: Decimal
    high: Decimal
    paid_in: Decimal


class PositionGap(msgspec.Struct, frozen=True, kw_only=True):
    """A leg of which the venue holds another quantity than the books."""

    instrument: InstrumentId
    side: PositionSide
    booked: Decimal
    venue: Decimal


class DayComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The last comparison of an account's books with its venue on the UTC day of ``time_ms``: the wallet per currency, by both.

    ``differed_ms`` is when they last differed on that day; 0 where they never did.
    """

    account: str
    time_ms: int
    booked: dict[str, Decimal]
    venue: dict[str, Decimal]
    positions: tuple[PositionGap, ...] = ()
    differed_ms: int = 0


class RiskState(msgspec.Struct, frozen=True, kw_only=True):
    """A state that survives restarts, who set it and why."""

    scope: RiskScope
    key: str = ""
    state: RiskStateName = "ACTIVE"
    reason: str = ""
    who: str = "platform"
    since_ms: int = 0


class RiskDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A denial, enforced or (``shadow``) only noted."""

    id: int = 0
    intent_id: str
    account: str
    deployment: str = ""
    instrument: str
    rule: str
    limit: str
    value: str
    sentence: str
    shadow: bool = False
    time_ns: int


class RunEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that went into or came out of a run (:mod:`.run_log`): what parity replays. ``sequence`` counts in it."""

    run: str
    sequence: int
    kind: str
    time_ns: int
    data: dict[str, Any]


#: Scope of values: what was changed last of risk control (``risk``) and of each account (``account:NAME``), as an id that is never
#: the same. Commands stay on the bus of one process; by these the others on the store see that they have something to read.
CHANGES: Final = "trading_changes"


class GatewayLease(msgspec.Struct, frozen=True, kw_only=True):
    """Who may send for an account. ``token`` grows with every new holder: a fenced one is told by its smaller token."""

    account: str
    holder: str
    token: int
    until_ms: int


class AccountRepository(Protocol):
    """Tables accounts and venue_key."""

    async def put(self, account: TradingAccount) -> None: ...
    async def get(self, name: str) -> TradingAccount | None: ...
    async def list(self) -> list[TradingAccount]: ...
    async def remove(self, name: str) -> bool: ...
    async def put_key(self, key: VenueKey) -> VenueKey: ...
    async def keys(self, account: str | None = None) -> builtins.list[VenueKey]: ...
    async def rewrap_key(self, key_id: int, *, before: str, sealed: str, version: int) -> bool:
        """Put a key's envelope in the place of ``before``; False where it is another by now, or gone."""
        ...

    async def remove_key(self, key_id: int) -> bool: ...


class IntentRepository(Protocol):
    """Table intent: written before anything is sent."""

    async def add(self, record: IntentRecord) -> bool:
        """Keep it; False when an intent of this id is there already (a redelivered cause)."""
        ...

    async def get(self, intent_id: str) -> IntentRecord | None: ...
    async def set_state(self, intent_id: str, state: str) -> None: ...
    async def list(self, *, account: str | None = None, deployment: str | None = None, limit: int = 200) -> list[IntentRecord]: ...


class OrderRepository(Protocol):
    """Table orders: the present state of every order."""

    async def put(self, order: Order) -> None: ...
    async def get(self, order_id: str) -> Order | None: ...
    async def of_intent(self, intent_id: str) -> Order | None: ...
    async def by_venue_id(self, account: str, instrument: InstrumentId, venue_order_id: str) -> Order | None: ...

    async def open(self, account: str | None = None) -> list[Order]:
        """Return orders that have not ended, oldest first."""
        ...

    async def counts(self, account: str, *, since_ns: int) -> dict[str, int]:
        """Return how many orders each deployment made on an account since an instant."""
        ...

    async def list(
        self,
        *,
        account: str | None = None,
        deployment: str | None = None,
        instrument: str | None = None,
        limit: int = 200,
        before_ns: int | None = None,
    ) -> builtins.list[Order]:
        """Return orders, newest first."""
        ...


class FillRepository(Protocol):
    """Table fills: each execution once."""

    async def add(self, fill: VenueFill, *, order_id: str, deployment: str) -> bool:
        """Keep it; False when it is there already."""
        ...

    async def of_order(self, order_id: str) -> list[VenueFill]: ...

    async def list(
        self,
        *,
        account: str | None = None,
        deployment: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int = 200,
        newest: bool = True,
    ) -> builtins.list[tuple[VenueFill, str, str]]:
        """Return fills with order id and deployment."""
        ...


class BookRepository(Protocol):
    """Tables positions, journal and balances: the books."""

    async def put_position(self, held: HeldPosition) -> None: ...
    async def position(
        self, account: str, instrument: str, *, side: PositionSide = "both", deployment: str = ""
    ) -> HeldPosition | None: ...
    async def positions(self, *, account: str | None = None, deployment: str | None = None) -> list[HeldPosition]: ...

    async def post(self, row: JournalRow) -> bool:
        """Add an entry to the journal and to the balances; False when an entry of this id is there already."""
        ...

    async def posted(self, entry_id: str) -> bool:
        """Say whether an entry of this id is in the journal."""
        ...

    async def journal(
        self, *, account: str | None = None, after: int = 0, limit: int = 200, newest: bool = False
    ) -> list[JournalRow]: ...
    async def entries(self, entry_ids: Sequence[str]) -> list[JournalRow]:
        """Return the entries of these ids that are in the journal, in its order."""
        ...

    async def balances(self, *, account: str | None = None, deployment: str | None = None) -> dict[tuple[str, str, str], Decimal]:
        """Return (account, ledger account, currency) -> sum of the postings."""
        ...


class QuotaRepository(Protocol):
    """Table strategy_quotas."""

    async def put(self, quota: StrategyQuota) -> None: ...
    async def get(self, deployment: str) -> StrategyQuota | None: ...
    async def list(self) -> list[StrategyQuota]: ...


class EquityRepository(Protocol):
    """Table equity_point: bounded per account, coarser the older it is."""

    async def record(self, point: EquityPoint) -> None:
        """Merge a figure into the bucket of every step; what is older than it is kept for goes."""
        ...

    async def list(self, account: str, step_ms: int, *, start_ms: int, end_ms: int) -> list[EquityPoint]:
        """Return the buckets of a step that begin in ``[start_ms, end_ms)``, oldest first."""
        ...

    async def first_ms(self, account: str, step_ms: int) -> int | None: ...


class StatementRepository(Protocol):
    """Table statements: one row per account and UTC day."""

    async def record(self, comparison: DayComparison) -> None:
        """Keep it as its day's last; when it differed before on that day stays known."""
        ...

    async def list(self, account: str, *, start_ms: int = 0) -> list[DayComparison]:
        """Return those of the days that begin at ``start_ms`` or later, oldest first."""
        ...


class RiskRepository(Protocol):
    """Tables risk_state and risk_decision."""

    async def set_state(self, state: RiskState) -> None: ...
    async def states(self) -> list[RiskState]: ...
    async def note(self, decision: RiskDecision) -> None: ...
    async def decisions(self, *, account: str | None = None, intent_id: str | None = None, limit: int = 200) -> list[RiskDecision]:
        """Return denials, newest first: of an account or an intent where one is given."""
        ...

    async def counts(self, since_ns: int) -> dict[tuple[str, bool], int]:
        """Return how many denials there were since an instant, by rule and whether they were only noted."""
        ...


class RunLogRepository(Protocol):
    """Table run_event: append-only and bounded."""

    async def append(self, run: str, kind: str, data: Mapping[str, Any], *, time_ns: int, keep: int = KEPT_EVENTS) -> int:
        """Add an event behind the last one and return its place; of those before the newest ``keep`` only ``began`` stays."""
        ...

    async def read(self, run: str, *, after: int = 0, kind: str | None = None, limit: int = 10_000) -> list[RunEvent]:
        """Return a run's events behind a place, in order; those of one ``kind``, or all."""
        ...

    async def mentioning(
        self,
        run: str,
        text: str,
        *,
        kind: str,
        since_ns: int = 0,
        until_ns: int | None = None,
        newest: bool = False,
        limit: int = 100,
    ) -> list[RunEvent]:
        """Return a run's events of a kind whose data holds a text, in order or ``newest`` first: those of one id."""
        ...

    async def last(self, run: str) -> int:
        """Return the place of a run's last event; 0 where there is none."""
        ...

    async def runs(self) -> Mapping[str, int]: ...


class GatewayRepository(Protocol):
    """Table gateway_lease: one gateway per account."""

    async def take(self, account: str, holder: str, *, now_ms: int, lease_ms: int) -> GatewayLease | None:
        """Take or extend the lease; None while another holds it."""
        ...

    async def of(self, account: str) -> GatewayLease | None:
        """Return the lease as it was taken last; its holder is empty where it was given up. None where nobody ever had it."""
        ...

    async def check(self, account: str, holder: str, token: int, *, now_ms: int) -> bool:
        """Say whether the lease is still this holder's: asked in the transaction that makes an order durable."""
        ...

    async def release(self, account: str, holder: str) -> None: ...
