"""Protection of open positions: one owner per account keeps what rests at the venue in step with what is held.

Stop-loss and take-profit rest at the venue as reduce-only orders of each share's quantity, where the venue holds such orders.
When a share changes its size or entry the old order is cancelled first and, once it has surely ended, the new one is placed;
without a position nothing rests. What the venue cannot hold (trailing stops, spot, and of shares that hold against each other
what the account's own position does not cover) is watched on every price and closed by a market order. While the margin ratio
is too high a part of the largest position goes, then of the largest of what is left, one order at a time. An order's id is a
function of the one before it for the same thing, so that a process that dies at any instant finds the order that is there and
places no second one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
import structlog

from quantservice.core.errors import EnvironmentFault, VenueError
from quantservice.core.ids import client_order_id
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.intents import Denied, Intent, OrderTerms, intent_id
from quantservice.core.messages import Alert
from quantservice.core.money import ONE, ZERO, exact
from quantservice.core.orders import Order, OrderState
from quantservice.core.signals import OrderType
from quantservice.ports import Clock, HeldPosition, StateStore
from quantservice.quant.risk_rules import (
    Exit,
    ForcedReduction,
    PositionRule,
    StopLoss,
    TakeProfit,
    TrailingStop,
    WatchedPosition,
    percent,
)
from quantservice.services.execution.gateway import Gateway
from quantservice.services.execution.shares import covers, leg_of, one_way, shares_of

_log = structlog.get_logger(__name__)
_SCOPE: Final = "guard"
_S_NS: Final = 1_000_000_000
_VALID_NS: Final = 30 * _S_NS
_BEST_NS: Final = 5 * _S_NS  # best prices alone are kept so often at most
_LOOK_S: Final = 0.25
_LOOKS: Final = 8  # after so many looks the positions are read whether they changed or not
_TOLD_AFTER: Final = 2
_PAUSES_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
#: The rules of positions that hold for a deployment's share ("" is a person's).
RulesOf: TypeAlias = Callable[[str], Sequence[PositionRule]]


class Kept(msgspec.Struct, kw_only=True):
    """What survives a restart: per thing the last intent that was sent for it, and per share the best price since its entry."""

    last: dict[str, str] = {}
    best: dict[str, str] = {}


class _Wanted(msgspec.Struct, frozen=True):
    """A stop as it should rest."""

    type: OrderType
    quantity: Decimal
    stop_price: Decimal


class Guard:
    """Protects one account's positions. ``rests``: the venue holds reduce-only stops; ``margin_ratio`` is the account's now."""

    def __init__(
        self,
        gateway: Gateway,
        state: StateStore,
        clock: Clock,
        *,
        rules_of: RulesOf,
        instrument_of: Callable[[InstrumentId], Instrument | None],
        rests: bool,
        margin_ratio: Callable[[], Decimal] = lambda: ZERO,
    ) -> None:
        self._gateway, self._state, self._clock = gateway, state, clock
        self._rules_of, self._instrument_of, self._rests = rules_of, instrument_of, rests
        self._margin_ratio = margin_ratio
        self._kept: Kept | None = None
        self._written: bytes = b""
        self._last_kept: dict[str, str] = {}
        self._shares: list[HeldPosition] = []
        self._one_way: set[Any] = set()
        self._covers: list[Decimal] = []  # of each share: what the account's own position covers
        self._marks: dict[InstrumentId, Decimal] = {}
        self._failed: dict[str, tuple[int, int]] = {}  # thing -> attempts that failed in a row, and when the next is due (ns)
        self._told: dict[str, HeldPosition] = {}  # things that should rest at the venue and do not
        self._relieving = False  # the margin ratio is too high, and a person was told
        self._dirty = self._moved = True
        self._heard = self._seen = 0  # changes, and those that are in what was read last
        self._best_kept_ns = 0

    # --- what it hears -------------------------------------------------------------------------------------------------

    def touch(self, *, held: bool = False) -> None:
        """Take that orders or rules changed; ``held``: what is held did."""
        self._heard += held
        self._dirty = True

    def mark(self, instrument: InstrumentId, price: Decimal) -> None:
        """Take a price."""
        self._marks[instrument] = price
        self._moved = True

    async def run(self) -> None:
        """Keep in step until cancelled; works a second time on the same object."""
        looks, token = 0, -1
        while True:
            looks += 1
            try:
                if (
                    self._gateway.ready and token != self._gateway.token
                ):  # the start, or the account comes back from another process
                    token, self._kept, self._dirty = self._gateway.token, None, True
                if self._gateway.ready and (self._dirty or self._moved or looks >= _LOOKS):
                    self._dirty = self._dirty or looks >= _LOOKS
                    looks = 0
                    await self.look()
            except (VenueError, EnvironmentFault) as error:
                self._kept = None  # what is kept is the truth
                _log.info("guard.waits", account=self._gateway.account, reason=str(error))
            await self._clock.sleep(_LOOK_S)

    async def look(self) -> None:
        """Bring what rests in line with what is held, and get out of what a rule says."""
        dirty, self._dirty, self._moved = self._dirty, False, False
        if dirty or self._kept is None:
            await self._read()
            await self._tell_watched()
        wanted = self._wanted()
        await self._clear(wanted)
        resting = await self._resting()
        for key, stop in wanted.items():
            if key not in resting:
                await self._place(key, stop)
        await self._relieve()
        for share in self._shares:
            await self._watch(share, resting)
        await self._keep()

    async def _clear(self, wanted: Mapping[str, _Wanted]) -> None:
        """Ask for the cancel of what should not rest, and of a second order for one thing."""
        seen: set[str] = set()
        for order in await self._gateway.open():
            if order.purpose != "protective" or order.cancel_asked:
                continue  # a cancel is asked for again until the order has ended
            key = _thing(order)
            if key in seen or key not in wanted or not _is(order, wanted[key]):
                await self._gateway.cancel(order.order_id)
                self._dirty = True
            seen.add(key)

    async def _resting(self) -> dict[str, Order]:
        """Return what rests or may rest: nothing is placed beside it."""
        return {_thing(order): order for order in await self._gateway.open() if order.purpose == "protective"}

    async def _read(self) -> None:
        if self._kept is None:
            await self._load()
        self._seen = self._heard
        async with self._state.transaction() as work:
            held = await work.books.positions(account=self._gateway.account)
        self._shares = shares_of(held)
        self._one_way, self._covers = one_way(self._shares), covers(self._shares)

    async def _load(self) -> None:
        async with self._state.transaction() as work:
            text = await work.values.get(_SCOPE, self._gateway.account)
        self._kept = Kept() if text is None else msgspec.json.decode(text, type=Kept)

    async def _keep(self) -> None:
        """Keep what a restart needs. A lag does no harm: the intent that is not noted yet is found by its id."""
        kept = self._memory()
        there = {_share_key(share) for share in self._shares}
        kept.best = {key: price for key, price in kept.best.items() if key in there}
        encoded, now_ns = msgspec.json.encode(kept), self._clock.now_ns()
        urgent = self._last_kept != kept.last or now_ns >= self._best_kept_ns + _BEST_NS
        if encoded != self._written and urgent:
            async with self._state.transaction() as work:
                await work.values.put(_SCOPE, self._gateway.account, encoded.decode())
            self._written, self._last_kept, self._best_kept_ns = encoded, dict(kept.last), now_ns

    def _memory(self) -> Kept:
        if self._kept is None:
            raise EnvironmentFault(f"the guard of account {self._gateway.account} has not read its memory yet")
        return self._kept

    # --- what rests at the venue ---------------------------------------------------------------------------------------

    def _wanted(self) -> dict[str, _Wanted]:
        """Return what should rest, by thing."""
        found: dict[str, _Wanted] = {}
        for share, most in zip(self._shares, self._covers, strict=True) if self._rests else ():
            rules = self._instrument_of(share.position.instrument)
            if rules is None:
                continue
            for rule in self._rules_of(share.deployment):
                stop = _stop_of(rule, share, rules, most)
                if stop is not None:
                    found[_key(rule.name, share.position, share.deployment)] = stop
        return found

    async def _place(self, key: str, stop: _Wanted) -> None:
        share = next(item for item in self._shares if key.endswith(_share_key(item)))
        rule = key.split("|", 1)[0]
        if await self._under_way(share):
            return  # what is held is not known yet
        terms = _against(share, stop.quantity, type=stop.type, stop_price=stop.stop_price, reduces=True)
        outcome = await self._send(key, rule, share, terms, purpose="protective")
        if outcome is None:
            return
        if not _failed(outcome):
            if leg_of(share) in self._one_way:
                await self._tell_placed(key, share)
            return
        why = outcome.sentence if isinstance(outcome, Denied) else outcome.reason or outcome.state.value
        sentence = f"{rule} of {share.position.instrument} at {stop.stop_price:f} does not rest: {why}; it is watched here"
        if self._failed[key][0] >= _TOLD_AFTER:
            await self._tell_failed(key, share, sentence)

    async def _send(self, key: str, rule: str, share: HeldPosition, terms: OrderTerms, *, purpose: Any) -> Order | Denied | None:
        """Send the next order of a thing, unless one failed just now; what was sent under its id before is found."""
        count, due_ns = self._failed.get(key, (0, 0))
        now_ns = self._clock.now_ns()
        if now_ns < due_ns or self._seen != self._heard:
            return None  # what is held changed meanwhile: it is looked at again first
        kept = self._memory()
        cause = f"{purpose}:{key}:{kept.last.get(key, '')}"
        intent = Intent(
            intent_id=intent_id(share.account, share.deployment, cause),
            terms=terms,
            purpose=purpose,
            deployment=share.deployment,
            tag=rule,
            created_ns=now_ns,
            valid_until_ns=now_ns + _VALID_NS,
            correlation_id=cause,
        )
        (outcome,) = await self._gateway.submit([intent])
        kept.last[key] = intent.intent_id
        if _failed(outcome):
            self._failed[key] = (count + 1, now_ns + round(_PAUSES_S[min(count, len(_PAUSES_S) - 1)] * _S_NS))
        else:
            self._failed.pop(key, None)
        self._dirty = True
        return outcome

    # --- what is watched here ------------------------------------------------------------------------------------------

    async def _watch(self, share: HeldPosition, resting: Mapping[str, Order]) -> None:
        position = share.position
        mark = self._marks.get(position.instrument)
        if mark is None:
            return
        watched = self._watched(share, mark)
        for rule in self._rules_of(share.deployment):
            if isinstance(rule, ForcedReduction):
                continue  # of the account as a whole
            found = resting.get(_key(rule.name, position, share.deployment))
            if found is not None and found.state is OrderState.OPEN and leg_of(share) in self._one_way:
                continue  # the venue does it, whole
            out = rule.watch(watched)
            if out is not None:
                await self._get_out(rule.name, share, out.share, out.sentence)
                return

    async def _relieve(self) -> None:
        """Let a part of the largest position go while the margin ratio is too high.

        One order at a time: how high it is, and which is the largest, is asked again when that one is booked. Where the largest
        cannot be reduced now, the next one is.
        """
        if self._margin_ratio() <= 0:
            tight: list[tuple[Decimal, HeldPosition, Exit]] = []
        else:
            tight = sorted(self._tight(), key=lambda item: item[0], reverse=True)
        if not tight:
            if self._relieving:
                self._relieving = False
                sentence = f"the margin ratio of account {self._gateway.account} is {percent(self._margin_ratio())} again"
                await self._alert("margin_reduction", None, sentence, cleared=True)
            return
        self._relieving = True
        if await self._getting_out():
            return
        for _, share, out in tight:
            if await self._get_out(ForcedReduction.name, share, out.share, out.sentence, alert="margin_reduction"):
                return

    def _tight(self) -> Iterator[tuple[Decimal, HeldPosition, Exit]]:
        """Yield the futures positions that a rule wants reduced: value, share, how much."""
        for share in self._shares:
            mark, rules = self._marks.get(share.position.instrument), self._instrument_of(share.position.instrument)
            if mark is None or rules is None or share.position.instrument.market == "spot":
                continue
            for rule in self._rules_of(share.deployment):
                out = rule.watch(self._watched(share, mark)) if isinstance(rule, ForcedReduction) else None
                if out is not None:
                    yield _value_of(share.position.quantity, mark, rules), share, out

    async def _getting_out(self) -> bool:
        """Say whether anything of the account is being closed at the market, or was and is not booked whole."""
        if any(order.purpose == "flatten" for order in await self._gateway.open()):
            return True
        for key, last in self._memory().last.items():
            found = await self._gateway.find(client_order_id(self._gateway.account, last)) if key.startswith("exit|") else None
            if found is not None and (found.fills_missing or not found.final):
                return True
        return False

    def _watched(self, share: HeldPosition, mark: Decimal) -> WatchedPosition:
        position, best = share.position, self._memory().best
        entry = position.average_entry or mark
        key = _share_key(share)
        far = Decimal(best[key]) if key in best else entry
        far = max(far, mark, entry) if position.quantity > 0 else min(far, mark, entry)
        if any(isinstance(rule, TrailingStop) for rule in self._rules_of(share.deployment)):
            best[key] = f"{far}"
        return WatchedPosition(
            account=share.account,
            instrument=position.instrument,
            side=position.side,
            quantity=position.quantity,
            entry_price=entry,
            mark_price=mark,
            best_price=far,
            margin_ratio=self._margin_ratio(),
        )

    async def _get_out(self, rule: str, share: HeldPosition, part: Decimal, sentence: str, *, alert: str = "position_exit") -> bool:
        """Close a share, or a part of it, at the market; nothing while the last order for it is not booked whole.

        Says whether an order went out.
        """
        key = f"exit|{_share_key(share)}"
        instrument = self._instrument_of(share.position.instrument)
        if instrument is None or await self._under_way(share):
            return False
        quantity = _part(share.position.quantity, part, instrument)
        if quantity <= 0:
            return False
        terms = _against(share, quantity, reduces=leg_of(share) in self._one_way)
        outcome = await self._send(key, rule, share, terms, purpose="flatten")
        if outcome is None:
            return False
        denied = f"; but it was denied: {outcome.sentence}" if isinstance(outcome, Denied) else ""
        await self._alert(alert, share, f"{sentence}: {quantity:f} is closed at the market by {rule}{denied}")
        return not _failed(outcome)

    async def _under_way(self, share: HeldPosition) -> bool:
        """Say whether something reduces a share already: an order at the market, or a stop that was reached and is not booked."""
        for order in await self._gateway.open():
            same = (order.terms.instrument, order.terms.position_side, order.deployment) == (*leg_of(share), share.deployment)
            if same and order.purpose == "flatten":
                return True
        mine = _share_key(share)
        if self._gateway.way.closing(share.deployment, share.position.instrument):
            return True
        for key, last in self._memory().last.items():
            found = await self._gateway.find(client_order_id(share.account, last)) if key.endswith(mine) else None
            if found is not None and (found.fills_missing or (not found.final and found.reported)):
                return True
        return False

    # --- what is told --------------------------------------------------------------------------------------------------

    async def _tell_watched(self) -> None:
        """Tell of stops that the venue does not hold, as deployments hold against each other, and of those that need none now."""
        for share, most in zip(self._shares, self._covers, strict=True) if self._rests else ():
            rules, whole = self._instrument_of(share.position.instrument), abs(share.position.quantity)
            if rules is None or leg_of(share) in self._one_way:
                continue
            for rule in self._rules_of(share.deployment):
                if most < whole and _stop_of(rule, share, rules, whole) is not None:
                    what = f"{rule.name} of {share.position.instrument} rests for {most:f} of {whole:f}"
                    sentence = f"{what}, as deployments hold against each other; the rest is watched here, while this process runs"
                    await self._tell_failed(_key(rule.name, share.position, share.deployment), share, sentence)
        held = {_share_key(share) for share in self._shares}
        for key, share in list(self._told.items()):
            if _share_key(share) not in held:
                del self._told[key]
                gone = f"a stop of {share.position.instrument} is not needed any more"
                await self._alert("stop_not_placed", share, gone, cleared=True)

    async def _tell_failed(self, key: str, share: HeldPosition, sentence: str) -> None:
        if key not in self._told:
            self._told[key] = share
            await self._alert("stop_not_placed", share, sentence)

    async def _tell_placed(self, key: str, share: HeldPosition) -> None:
        if self._told.pop(key, None) is not None:
            await self._alert("stop_not_placed", share, f"a stop of {share.position.instrument} rests again", cleared=True)

    async def _alert(self, name: str, share: HeldPosition | None, sentence: str, *, cleared: bool = False) -> None:
        deployment = "" if share is None or name == "margin_reduction" else share.deployment  # margin is the account's
        _log.warning(f"guard.{name}", account=self._gateway.account, deployment=deployment, reason=sentence)
        alert = Alert(
            name=name,
            level="info" if cleared else "critical" if name == "margin_reduction" else "warning",
            account=self._gateway.account,
            deployment=deployment,
            instrument="" if share is None or name == "margin_reduction" else str(share.position.instrument),
            sentence=sentence,
            cleared=cleared,
            time_ms=self._clock.now_ms(),
        )
        await self._gateway.alert(alert)


@exact
def _value_of(quantity: Decimal, mark: Decimal, rules: Instrument) -> Decimal:
    """Return what a position is worth, of inverse contracts in the quote currency."""
    return abs(quantity) * rules.contract_size * (ONE if rules.inverse else mark)


def _failed(outcome: Order | Denied) -> bool:
    return isinstance(outcome, Denied) or (outcome.final and outcome.state is not OrderState.FILLED)


def _thing(order: Order) -> str:
    return _key(order.tag, order.terms, order.deployment)


def _key(rule: str, of: Any, deployment: str) -> str:
    """Return the name of a thing: a rule's stop for one share. ``of``: the terms of an order, or a position."""
    side = of.position_side if isinstance(of, OrderTerms) else of.side
    long = (of.side == "sell") if isinstance(of, OrderTerms) else of.quantity > 0
    return f"{rule}|{of.instrument}|{side}|{'long' if long else 'short'}|{deployment}"


def _share_key(share: HeldPosition) -> str:
    return _key("", share.position, share.deployment)


def _is(order: Order, wanted: _Wanted) -> bool:
    """Say whether an order is the one that should rest. One that was reached already is left to its end."""
    if order.filled or order.reported:
        return True
    return (order.terms.type, order.terms.quantity, order.terms.stop_price) == (wanted.type, wanted.quantity, wanted.stop_price)


@exact
def _stop_of(rule: PositionRule, share: HeldPosition, instrument: Instrument, most: Decimal) -> _Wanted | None:
    """Return the order by which a venue follows a rule, for ``most`` of the share, or None where it cannot."""
    entry, long = share.position.average_entry, share.position.quantity > 0
    quantity = instrument.round_quantity(most)
    if most < abs(share.position.quantity) and quantity < instrument.min_quantity:
        return None
    if entry is None or quantity <= 0 or not isinstance(rule, StopLoss | TakeProfit):
        return None
    away = rule.limit if isinstance(rule, TakeProfit) else -rule.limit
    price = instrument.round_price(entry * (ONE + away if long else ONE - away))
    if price <= 0:
        return None
    return _Wanted("take_profit" if isinstance(rule, TakeProfit) else "stop", quantity, price)


@exact
def _part(quantity: Decimal, part: Decimal, instrument: Instrument) -> Decimal:
    wanted = instrument.round_quantity(abs(quantity) * part)
    return max(wanted, min(instrument.lot_size, abs(quantity))) if part < ONE else wanted


def _against(
    share: HeldPosition,
    quantity: Decimal,
    *,
    type: OrderType = "market",  # noqa: A002  # the order's word
    stop_price: Decimal | None = None,
    reduces: bool,
) -> OrderTerms:
    position = share.position
    return OrderTerms(
        account=share.account,
        instrument=position.instrument,
        side="sell" if position.quantity > 0 else "buy",
        quantity=quantity,
        type=type,
        stop_price=stop_price,
        # a leg of its own can only be reduced by its other side, and spot knows no word for it
        reduce_only=reduces and position.instrument.market != "spot" and position.side == "both",
        position_side=position.side,
    )
