"""Is an account fit to trade for real? What was asked of the venue and of the store goes in, findings come out. Pure.

A finding that *failed* is a reason not to start; a *warning* is something a person should know before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from quantservice.core.instruments import Instrument
from quantservice.core.money import ZERO
from quantservice.ports import Deployment, KeyPermissions, RiskState, TradingAccount
from quantservice.ports.trading import AccountModes, AccountSnapshot, VenueBalance
from quantservice.services.accounts.texts import moment, refusal_of

Outcome: TypeAlias = Literal["ok", "warning", "failed"]
_DAY_MS: Final = 86_400_000
_SOON_MS: Final = 14 * _DAY_MS
_OFF_MS: Final = 250  # a clock that is off by more deserves a look
_REFUSED_MS: Final = 1_000  # venues refuse requests from so far in the future
_HIGH_LEVERAGE: Final = 10
_FEW_ORDERS: Final = 5  # an allocation should be worth so many of the smallest orders


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    outcome: Outcome
    sentence: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an account. None: the venue did not answer, and ``faults`` says what instead, by the check's name.

    ``offset_ms``: the venue's clock minus ours. ``prices``: the last price of an instrument, where one is known.
    """

    account: TradingAccount
    has_key: bool = True
    twin: str = ""  # another account here whose key is of the same account of the venue
    permissions: KeyPermissions | None = None
    modes: AccountModes | None = None
    snapshot: AccountSnapshot | None = None
    offset_ms: int | None = None
    deployments: tuple[Deployment, ...] = ()
    instruments: Mapping[str, Instrument] = {}  # of the deployments, by full name; those that are not listed are missing
    prices: Mapping[str, Decimal] = {}
    dust_of: Mapping[str, Decimal] = {}  # spot: currency -> smallest quantity that can be sold
    risk: RiskState | None = None
    alerts: bool = True
    dead_man: bool = True
    stops: bool = True
    assumed_fees: tuple[Decimal, Decimal] | None = None  # maker and taker, as a backtest takes them where nothing else is said
    faults: Mapping[str, str] = {}


def judge(facts: Facts, *, now_ms: int) -> tuple[Finding, ...]:
    """Return what was found, in the order in which one would set things right."""
    live = facts.account.mode == "live"
    checks: list[Iterable[Finding]] = [_account(facts)]
    if live:
        checks += [_key(facts, now_ms), _clock(facts), _modes(facts), _fees(facts)]
        checks += [_money(facts), _dust(facts), _found_there(facts)]
    checks += [_deployments(facts), _risk(facts)]
    if live:
        checks += [_away(facts)]
    return tuple(finding for check in checks for finding in check)


def _account(facts: Facts) -> Iterator[Finding]:
    account = facts.account
    if not account.enabled:
        yield Finding("account", "failed", f"{account.name} is switched off: nothing is sent for it")
    elif account.mode == "paper":
        yield Finding("account", "ok", f"{account.name} trades on paper: no order leaves this machine")
    else:
        yield Finding("account", "ok", f"{account.name} trades at {account.venue} {account.market} with real money")


def _key(facts: Facts, now_ms: int) -> Iterator[Finding]:
    if not facts.has_key:
        yield Finding("key", "failed", f"there is no venue key; give it one: qs accounts key {facts.account.name}")
        return
    rights = facts.permissions
    if rights is None:
        yield _unanswered(facts, "key", "what the key may do is not known")
        return
    refused = refusal_of(rights, now_ms=now_ms)
    if refused:
        yield Finding("key", "failed", f"the venue key is not fit: {refused}")
        return
    if facts.twin:
        said = f"the key is of the same account of the venue as that of {facts.twin}: both would book the whole wallet; remove one"
        yield Finding("key", "failed", said)
        return
    if not rights.told:
        yield Finding("key", "warning", f"the venue takes the key, and what it may do is not told: {rights.detail}")
        return
    yield Finding("key", "ok", "the venue takes the key; it may read and trade, and cannot withdraw")
    if not rights.ip_bound:
        yield Finding("key", "warning", "the key is not bound to an address: whoever has it can trade from anywhere")
    if rights.expires_ms is not None and rights.expires_ms - now_ms < _SOON_MS:
        yield Finding("key", "warning", f"the key expires on {moment(rights.expires_ms)}; replace it before")


def _clock(facts: Facts) -> Iterator[Finding]:
    if facts.offset_ms is None:
        yield _unanswered(facts, "clock", "the venue's time is not known")
        return
    off = abs(facts.offset_ms)
    if off > _REFUSED_MS:
        said = f"this machine's clock is off by {off:,} ms; let it be set by NTP (the venue's time is used meanwhile)"
        yield Finding("clock", "failed", said)
    elif off > _OFF_MS:
        yield Finding("clock", "warning", f"this machine's clock is off by {off:,} ms; let it be set by NTP")
    else:
        yield Finding("clock", "ok", f"this machine's clock and the venue's are {off:,} ms apart")


def _modes(facts: Facts) -> Iterator[Finding]:
    modes = facts.modes
    if modes is None:
        yield _unanswered(facts, "mode", "how the account is set is not known")
        return
    if facts.account.market == "spot":
        yield Finding("mode", "ok", "spot: no positions, no leverage")
        return
    if modes.hedge:
        said = "the account keeps long and short apart (hedge mode); strategies here trade one-way: change it at the venue"
        yield Finding("mode", "failed" if facts.deployments else "warning", said)
    else:
        yield Finding("mode", "ok", "positions are one-way")
    if modes.multi_asset:
        yield Finding("mode", "warning", "other currencies serve as margin too (multi-asset mode): losses may be taken from them")
    for name, leverage in sorted(modes.leverage.items()):
        high = leverage > _HIGH_LEVERAGE
        said = f"{name} stands at {leverage:f}x"
        if high:
            said = f"{said}: a move of {1 / leverage:.1%} against a full position uses it up"
        yield Finding("leverage", "warning" if high else "ok", said)


def _fees(facts: Facts) -> Iterator[Finding]:
    modes = facts.modes
    if modes is None or modes.maker_fee is None or modes.taker_fee is None:
        yield Finding("fees", "warning", "the venue does not say which fees the account pays; backtests take its published ones")
        return
    pays = f"the account pays {_percent(modes.maker_fee)} as maker and {_percent(modes.taker_fee)} as taker"
    if facts.assumed_fees is None:
        yield Finding("fees", "ok", f"{pays}: backtest with the same")
        return
    maker, taker = facts.assumed_fees
    if (modes.maker_fee, modes.taker_fee) == facts.assumed_fees:
        yield Finding("fees", "ok", f"{pays}, as backtests take where nothing else is said")
    elif modes.maker_fee > maker or modes.taker_fee > taker:
        said = f"{pays}; backtests take {_percent(maker)} and {_percent(taker)} where nothing else is said, and were too kind"
        yield Finding("fees", "warning", said)
    else:
        said = f"{pays}, less than the {_percent(maker)} and {_percent(taker)} that backtests take where nothing else is said"
        yield Finding("fees", "ok", said)


def _percent(rate: Decimal) -> str:
    return f"{(rate * 100).normalize():f} %"


def _money(facts: Facts) -> Iterator[Finding]:
    if facts.snapshot is None:
        yield _unanswered(facts, "money", "what the account holds is not known")
        return
    currency = facts.account.currency
    there = next((item for item in facts.snapshot.balances if item.currency == currency), None)
    total = there.total if there is not None else ZERO
    given = sum((Decimal(item.allocation) for item in facts.deployments), ZERO)
    if total <= 0:
        yield Finding("money", "failed", f"there is no {currency} in the account")
    elif given > total:
        yield Finding("money", "failed", f"deployments are given {given:f} {currency}, and the account has {total:f}")
    else:
        yield Finding("money", "ok", f"the account has {total:f} {currency}, deployments are given {given:f} of it")


def _dust(facts: Facts) -> Iterator[Finding]:
    balances: Sequence[VenueBalance] = facts.snapshot.balances if facts.snapshot is not None else ()
    small = [item for item in balances if ZERO < item.total < facts.dust_of.get(item.currency, ZERO)]
    if small:
        names = ", ".join(f"{item.total:f} {item.currency}" for item in small[:5])
        yield Finding("dust", "warning", f"too little to be sold: {names}; it stays when a position is closed")


def _found_there(facts: Facts) -> Iterator[Finding]:
    snapshot = facts.snapshot
    if snapshot is None:
        return
    held = [item for item in snapshot.positions if item.quantity]
    if held or snapshot.orders:
        there = f"{len(held)} positions and {len(snapshot.orders)} open orders"
        said = f"the account has {there}; what no deployment made is marked external"
        yield Finding("found there", "warning" if not facts.deployments else "ok", said)


def _deployments(facts: Facts) -> Iterator[Finding]:
    if not facts.deployments:
        yield Finding("deployments", "warning", "no deployment trades this account yet: qs deployments create")
    for deployment in facts.deployments:
        for name in deployment.instruments:
            yield _limits(facts, deployment, name)


def _limits(facts: Facts, deployment: Deployment, name: str) -> Finding:
    """Judge whether a deployment can trade an instrument with what it is given."""
    listed = facts.instruments.get(name)
    if listed is None:
        return Finding("instruments", "failed", f"{deployment.name} trades {name}, which the venue does not list")
    if listed.status != "trading":
        return Finding("instruments", "failed", f"{deployment.name} trades {name}, which is not trading now ({listed.status})")
    if (listed.id.venue, listed.id.market) != (facts.account.venue, facts.account.market):
        said = f"{deployment.name} trades {name}, which cannot be traded from {facts.account.name}"
        return Finding("instruments", "failed", said)
    price = facts.prices.get(name)
    if price is None:
        return Finding("limits", "warning", f"{name} has no price here yet: whether {deployment.name} can trade it is not known")
    least = max(listed.min_notional, listed.notional(price, max(listed.min_quantity, listed.lot_size)))
    share = Decimal(deployment.allocation) / max(1, len(deployment.instruments))
    if listed.inverse:
        return Finding("limits", "ok", f"{name}: the smallest order is {max(listed.min_quantity, listed.lot_size):f} contracts")
    if share < least:
        said = f"{deployment.name} has {share:.2f} for {name}, whose smallest order is worth {least:.2f}"
        return Finding("limits", "failed", said)
    few = share < least * _FEW_ORDERS
    said = f"{deployment.name} has {share:.2f} for {name}, whose smallest order is worth {least:.2f}"
    return Finding("limits", "warning" if few else "ok", said + (": sizes will be coarse" if few else ""))


def _risk(facts: Facts) -> Iterator[Finding]:
    state = facts.risk
    if state is None or state.state == "ACTIVE":
        yield Finding("risk control", "ok", "risk control lets orders pass that keep its rules")
    else:
        yield Finding("risk control", "failed", f"risk control is {state.state}: {state.reason or 'set by hand'} (qs risk set)")


def _away(facts: Facts) -> Iterator[Finding]:
    if not facts.alerts:
        yield Finding("alerts", "warning", "nobody is told when something goes wrong: set alerts.urls (docs/alerts.md)")
    else:
        yield Finding("alerts", "ok", "alerts leave the house")
    if not facts.dead_man:
        said = "the venue has no timer that cancels orders when this machine is gone: what rests, rests"
        yield Finding("dead-man timer", "warning", said)
    if not facts.stops:
        yield Finding("stops", "warning", "stops cannot rest at this market: they are watched here, and only while this runs")


def _unanswered(facts: Facts, check: str, said: str) -> Finding:
    reason = facts.faults.get(check)
    return Finding(check, "failed", f"{said}: {reason}" if reason else said)
