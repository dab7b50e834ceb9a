"""Reads an account's past out of the stores and rehearses rules over it (:mod:`.rehearsing`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.events import StreamId
from quantservice.core.instruments import Instrument, InstrumentBook, InstrumentId
from quantservice.core.orders import Order, VenueFill
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span
from quantservice.ports import Clock, HeldPosition, JournalRow, MarketStore, StateStore, TradingAccount
from quantservice.quant.risk_rules import RiskRule, rule_of
from quantservice.services.risk.commands import RiskControl
from quantservice.services.risk.rehearsing import UNKEPT, Blocked, Mark, Past, Rehearsal, RuleRehearsal, rehearse_orders

_PAGE: Final = 5_000
#: So much of an account's past is replayed at most; what is more would hold memory and the one who waits for too long.
MOST: Final = 200_000
#: Over a longer range hours are read in place of minutes.
_MINUTES_MS: Final = 31 * DAY_MS
_MS_NS: Final = 1_000_000


class Rehearsals:
    """Rehearses the rules in force, or one with other parameters, over the past orders of an account."""

    def __init__(
        self,
        state: StateStore,
        market: MarketStore,
        control: RiskControl,
        instruments: Callable[[], InstrumentBook],
        clock: Clock,
    ) -> None:
        self._state, self._market, self._control = state, market, control
        self._instruments, self._clock = instruments, clock
        self._turn = asyncio.Lock()  # one after the other: each may hold a long past

    async def rehearse(
        self,
        account: str,
        *,
        deployment: str | None = None,
        rule: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> tuple[Rehearsal, tuple[int, int], list[tuple[str, str]]]:
        """Return what would have been, the range judged, and the rules that cannot be asked of the past with the reason.

        Without ``rule`` every rule that is not off is asked as it is configured; with it that one alone, with ``parameters`` in the
        place of its configured ones. Without a range the last thirty days are judged.
        """
        end = self._clock.now_ms() + 1 if end_ms is None else end_ms
        start = max(0, end - 30 * DAY_MS) if start_ms is None else start_ms
        if start >= end:
            raise InvalidValue("start_ms", f"{start} is not before the end {end}")
        rules, left = await self._rules(rule, parameters or {})
        async with self._turn:
            past = await self._past(account, start, end)
            made = await asyncio.to_thread(
                rehearse_orders,
                past,
                rules,
                self._instruments().get,
                start_ms=start,
                end_ms=end,
                deployment=deployment or None,
            )
        return made, (start, end), left

    async def _rules(self, name: str | None, parameters: Mapping[str, Any]) -> tuple[list[RiskRule], list[tuple[str, str]]]:
        if name is None and parameters:
            raise InvalidValue("parameters", "they are of one rule: name it")
        rows = {row["name"]: row for row in await self._control.rules()}
        if name is not None:
            if name not in rows:
                raise UnknownName("rule", name, tuple(rows))
            if name in UNKEPT:
                raise InvalidValue("rule", f"{name} cannot be asked of the past: {UNKEPT[name]}")
        wanted = [name] if name is not None else [key for key, row in rows.items() if row["mode"] != "off"]
        rules, left = [], []
        for key in wanted:
            if key in UNKEPT:
                left.append((key, UNKEPT[key]))
                continue
            configured = {field: item["value"] for field, item in rows[key]["parameters"].items()}
            made = rule_of(key, configured | dict(parameters))
            if isinstance(made, RiskRule):
                rules.append(made)
        return rules, left

    async def _past(self, name: str, start_ms: int, end_ms: int) -> Past:
        async with self._state.transaction() as work:
            account = await work.accounts.get(name)
            if account is None:
                raise UnknownName("account", name, [item.name for item in await work.accounts.list()])
            quotas = {item.deployment: item for item in await work.quotas.list()}
        orders = await self._orders(name, (start_ms - DAY_MS) * _MS_NS)
        fills, held = await self._fills(name)
        entries = await self._entries(name)
        marks = await self._marks(account, orders, fills, start_ms - DAY_MS, end_ms)
        return Past(account=account, orders=orders, fills=fills, entries=entries, held=held, marks=marks, quotas=quotas)

    async def _orders(self, account: str, since_ns: int) -> list[Order]:
        """Return the orders made since an instant, and those that are open still, oldest first."""
        found: dict[str, Order] = {}
        before_ns: int | None = None
        while True:
            async with self._state.transaction() as work:
                page = await work.orders.list(account=account, limit=_PAGE, before_ns=before_ns)
                if before_ns is None:
                    found.update({order.order_id: order for order in await work.orders.open(account)})
            known = len(found)
            found.update({order.order_id: order for order in page})
            _bound(account, "orders", found)
            if len(page) < _PAGE or page[-1].created_ns < since_ns or len(found) == known:
                break
            before_ns = page[-1].created_ns + 1  # of one instant there may be more
        kept = [order for order in found.values() if order.created_ns >= since_ns or not order.final]
        return sorted(kept, key=lambda order: order.created_ns)

    async def _fills(self, account: str) -> tuple[list[tuple[VenueFill, str, str]], list[HeldPosition]]:
        """Return all fills, oldest first, and what is held after them: both of one reading."""
        found: dict[str, tuple[VenueFill, str, str]] = {}
        since_ms: int | None = None
        while True:
            async with self._state.transaction() as work:
                page = await work.fills.list(account=account, since_ms=since_ms, limit=_PAGE, newest=False)
                held = await work.books.positions(account=account)
            known = len(found)
            found.update({row[0].key: row for row in page})
            _bound(account, "fills", found)
            if len(page) < _PAGE or len(found) == known:
                return list(found.values()), held
            since_ms = page[-1][0].time_ms

    async def _entries(self, account: str) -> list[JournalRow]:
        found: list[JournalRow] = []
        while True:
            async with self._state.transaction() as work:
                page = await work.books.journal(account=account, after=found[-1].sequence if found else 0, limit=_PAGE)
            found += page
            _bound(account, "entries of the journal", found)
            if len(page) < _PAGE:
                return found

    async def _marks(
        self,
        account: TradingAccount,
        orders: Sequence[Order],
        fills: Sequence[tuple[VenueFill, str, str]],
        start_ms: int,
        end_ms: int,
    ) -> list[Mark]:
        """Return closes of what was traded, and of what fees were paid in; after the range the last one alone."""
        book, now_ms = self._instruments(), self._clock.now_ms()
        names = {order.terms.instrument for order in orders} | {fill.instrument for fill, _, _ in fills}
        names |= _of_fees(book, fills)
        period = "1m" if end_ms - start_ms <= _MINUTES_MS else "1h"
        found: list[Mark] = []
        for name in sorted(names, key=str):
            first = max(0, start_ms)
            if end_ms > first:
                rows = await self._market.read_klines(StreamId.kline(name, period), Span(first, end_ms))
                found += [Mark(name, row.close_time + 1, row.close) for row in rows]
            if now_ms > end_ms:
                rows = await self._market.read_klines(StreamId.kline(name, "1m"), Span(end_ms, now_ms), limit=1, newest=True)
                found += [Mark(name, row.close_time + 1, row.close) for row in rows]
        return found


def _of_fees(book: InstrumentBook, fills: Sequence[tuple[VenueFill, str, str]]) -> set[InstrumentId]:
    """Return instruments that price the currencies of fees which are neither the base's nor the settlement's."""
    wanted: set[tuple[str, str, str]] = set()
    for fill, _, _ in fills:
        rules = book.get(fill.instrument)
        if rules is not None and fill.fee and fill.fee_currency not in ("", rules.settle, rules.base):
            wanted.add((rules.id.venue, fill.fee_currency, rules.settle))
    found: dict[tuple[str, str, str], Instrument] = {}
    for rules in book if wanted else ():
        key = (rules.id.venue, rules.base, rules.quote)
        if key in wanted and (key not in found or rules.id.market == "spot"):
            found[key] = rules
    return {rules.id for rules in found.values()}


def _bound(account: str, what: str, found: Sequence[Any] | Mapping[str, Any]) -> None:
    if len(found) > MOST:
        raise InvalidValue("account", f"{account} has more than {MOST} {what}: too many to be replayed here")


def shown(made: Rehearsal, *, limit: int) -> dict[str, Any]:
    """Return a rehearsal as it is answered: the newest ``limit`` blocked orders, each once for every rule that blocks it."""
    rows = [item for rule in made.rules for item in rule.blocked]
    rows.sort(key=lambda item: (-item.order.created_ns, item.denied.rule))
    return {
        "judged": made.judged,
        "left_out": made.left_out,
        "without_price": made.without_price,
        "sentence": made.sentence,
        "together": _rule_row(made.together),
        "rules": [_rule_row(rule) for rule in made.rules],
        "blocked": [_blocked_row(item) for item in rows[:limit]],
    }


def _rule_row(rule: RuleRehearsal) -> dict[str, Any]:
    return {
        "name": rule.name,
        "parameters": {key: value for key, value in rule.parameters.items() if key != "type"},
        "blocked": len(rule.blocked),
        "closing": rule.closing,
        "money": [{"currency": item.currency, "saved": f"{item.saved:f}", "cost": f"{item.cost:f}"} for item in rule.money],
    }


def _blocked_row(item: Blocked) -> dict[str, Any]:
    order, found = item.order, item.outcome if item.outcome is not None and item.outcome.opened else None
    return {
        "time_ms": order.created_ns // _MS_NS,
        "order_id": order.order_id,
        "deployment": order.deployment,
        "instrument": str(order.terms.instrument),
        "side": order.terms.side,
        "quantity": f"{order.terms.quantity:f}",
        "state": order.state.value,
        "rule": item.denied.rule,
        "limit": item.denied.limit,
        "value": item.denied.value,
        "sentence": item.denied.sentence,
        "profit": f"{found.profit:f}" if found is not None else None,
        "currency": found.currency if found is not None else "",
        "open": f"{found.open:f}" if found is not None else "0",
        "unpriced_fees": {key: f"{value:f}" for key, value in found.unpriced.items()} if found is not None else {},
    }
