"""``qs preflight``: what is wrong with an account before it trades for real. Only asks; nothing is changed at the venue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from quantservice.app.live_trading import LiveTrading
from quantservice.app.venues import LiveVenue
from quantservice.core.errors import EnvironmentFault, IntegrityError, QuantServiceError, UserError, VenueError
from quantservice.core.instruments import Instrument, InstrumentId
from quantservice.core.money import ZERO
from quantservice.ports import Deployment, RiskState, TradingAccount
from quantservice.ports.trading import AccountModes, Trading
from quantservice.services.accounts import Accounts
from quantservice.services.accounts.preflight import Facts, Finding, judge
from quantservice.services.risk.commands import RiskControl
from quantservice.services.strategies.commands import Deployments

_T = TypeVar("_T")
_WAIT_S: Final = 15.0
_STRICTER: Final = {"ACTIVE": 0, "REDUCING": 1, "HALTED": 2}


class Preflight:
    """Looks at one account at a time."""

    def __init__(
        self,
        accounts: Accounts,
        deployments: Deployments,
        risk: RiskControl,
        live: LiveTrading,
        *,
        venue_of: Callable[[str, str], LiveVenue | None],
        now_ms: Callable[[], int],
        alerts: bool,
    ) -> None:
        self._accounts, self._deployments, self._risk, self._live = accounts, deployments, risk, live
        self._venue_of, self._now_ms, self._alerts = venue_of, now_ms, alerts
        self._turn = asyncio.Lock()

    async def report(self, name: str) -> dict[str, Any]:
        """Return the findings of an account, and the worst of them; UnknownName where there is no such account."""
        async with self._turn:
            account = await self._accounts.get(name)
            findings = judge(await self._facts(account), now_ms=self._now_ms())
        return {"account": name, "mode": account.mode, "outcome": worst(findings), "findings": msgspec.to_builtins(findings)}

    async def _facts(self, account: TradingAccount) -> Facts:
        mine = tuple(item for item in await self._deployments.list() if item.account == account.name)
        faults: dict[str, str] = {}
        asking = _Asking(faults)
        facts = Facts(account=account, deployments=mine, risk=await self._state(account), alerts=self._alerts, faults=faults)
        venue = self._venue_of(account.venue, account.market)
        if venue is None:
            reason = f"{account.venue} {account.market} is not enabled in the settings"
            faults.update(dict.fromkeys(("key", "clock", "mode", "money"), reason))
            return facts
        listed = {str(item.id): item for item in await asking("instruments", venue.history.instruments()) or ()}
        prices = {str(item.stream.instrument): item.last_price for item in await asking("prices", venue.history.tickers()) or ()}
        facts = msgspec.structs.replace(
            facts,
            instruments={name: item for name, item in listed.items() if name in named(mine)},
            prices={name: price for name, price in prices.items() if name in named(mine)},
            dust_of=smallest(listed.values(), prices) if account.market == "spot" else {},
        )
        return facts if account.mode == "paper" else await self._of_venue(facts, venue, asking)

    async def _of_venue(self, facts: Facts, venue: LiveVenue, asking: _Asking) -> Facts:
        """Ask the venue with the account's key."""
        server_ms = await asking("clock", venue.history.server_time_ms())
        facts = msgspec.structs.replace(facts, offset_ms=None if server_ms is None else venue.history.offset_ms)
        try:
            secret = await self._accounts.secret_of(facts.account.name)
        except UserError:
            return msgspec.structs.replace(facts, has_key=False)
        except (IntegrityError, EnvironmentFault) as error:  # there is one, and it does not open
            return msgspec.structs.replace(facts, faults={**facts.faults, "key": str(error)})
        async with AsyncExitStack() as stack:
            trading: Trading = self._live.adapter(facts.account, secret)
            stack.push_async_callback(trading.close)
            wanted = [item.id for item in facts.instruments.values()]
            kept = (await self._accounts.fees()).get(facts.account.name)
            of_fees = wanted[:1] or ([InstrumentId.parse(kept.instrument)] if kept is not None else [])
            if of_fees:
                facts = msgspec.structs.replace(facts, assumed_fees=await asyncio.to_thread(_assumed_fees, of_fees[0]))
            rights = await asking("key", trading.permissions(), hide=secret.hide)
            return msgspec.structs.replace(
                facts,
                permissions=rights,
                twin=await self._accounts.twin_of(facts.account.name, rights) if rights is not None else "",
                modes=_of(wanted, await asking("mode", trading.modes(wanted or of_fees), hide=secret.hide)),
                snapshot=await asking("money", trading.snapshot(), hide=secret.hide),
                dead_man=trading.dead_man,
                stops=trading.stops,
            )

    async def _state(self, account: TradingAccount) -> RiskState | None:
        states = [
            item for item in await self._risk.states() if (item.scope, item.key) in (("system", ""), ("account", account.name))
        ]
        return max(states, key=lambda item: _STRICTER[item.state], default=None)


class _Asking:
    """Asks, and notes by its name what was not answered."""

    def __init__(self, faults: dict[str, str]) -> None:
        self._faults = faults

    async def __call__(self, check: str, question: Awaitable[_T], *, hide: Callable[[str], str] = str) -> _T | None:
        try:
            async with asyncio.timeout(_WAIT_S):
                return await question
        except TimeoutError:
            self._faults[check] = f"the venue did not answer within {_WAIT_S:.0f} s"
        except (VenueError, EnvironmentFault, QuantServiceError) as error:
            self._faults[check] = hide(str(error))
        return None


def _of(wanted: list[InstrumentId], modes: AccountModes | None) -> AccountModes | None:
    """Return the modes with the leverage of what is traded only: something else may have been asked for the fees' sake."""
    if modes is None:
        return None
    names = {str(name) for name in wanted}
    return msgspec.structs.replace(modes, leverage={name: times for name, times in modes.leverage.items() if name in names})


def _assumed_fees(instrument: InstrumentId) -> tuple[Decimal, Decimal] | None:
    """Return the fees that a backtest takes of an instrument, None where it can only guess. Loads the arithmetic: in a thread."""
    from quantservice.quant.backtest.fee_tiers import rates_for

    rates, guessed = rates_for("venue", instrument)
    return None if guessed else (Decimal(repr(rates[0].maker)), Decimal(repr(rates[0].taker)))


def worst(findings: tuple[Finding, ...]) -> str:
    """Return the worst outcome."""
    found = {item.outcome for item in findings}
    return next((outcome for outcome in ("failed", "warning") if outcome in found), "ok")


def named(deployments: tuple[Deployment, ...]) -> frozenset[str]:
    """Return the full names of what deployments trade."""
    return frozenset(str(InstrumentId.parse(name)) for item in deployments for name in item.instruments)


def smallest(listed: Any, prices: dict[str, Decimal]) -> dict[str, Decimal]:
    """Return, per currency, the smallest quantity that some instrument lets one sell."""
    found: dict[str, Decimal] = {}
    for item in listed:
        price = prices.get(str(item.id))
        if price is not None and price > 0:
            least = max(item.min_quantity, item.lot_size, _ceiling(item, item.min_notional / price))
            found[item.base] = min(found.get(item.base, least), least)
    return found


def _ceiling(item: Instrument, quantity: Decimal) -> Decimal:
    rounded = item.round_quantity(quantity)
    return rounded if rounded >= quantity or rounded == ZERO else rounded + item.lot_size
