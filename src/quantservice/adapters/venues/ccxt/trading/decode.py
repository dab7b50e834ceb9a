"""What the library answers, in our words: quantities in base currency, numbers to the last digit.

It remembers which order bears which client id, because fills are named by the exchange's numbers only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from quantservice.adapters.venues.ccxt.client import Client
from quantservice.adapters.venues.ccxt.listing import contract_of
from quantservice.adapters.venues.ccxt.trading.ids import ClientIds
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.errors import MalformedFrame
from quantservice.core.instruments import Side
from quantservice.core.intents import OrderTerms
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Evidence, OrderState, VenueFill
from quantservice.core.positions import PositionSide
from quantservice.core.signals import OrderType
from quantservice.ports import Clock
from quantservice.ports.trading import OrderReport, VenueBalance, VenueMargin, VenuePosition

Row = Mapping[str, Any]
#: an order without a client id of its own is called by the exchange's number
BY_HAND: Final = "ccxt-"
_KEPT: Final = 20_000
_DEPTH: Final = 7  # of an answer that is searched for wallets
_STATES: Final[Mapping[str, OrderState]] = {
    "canceled": OrderState.CANCELLED,
    "cancelled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
#: The library's ``total`` of a margin account counts open profit with some exchanges: the money itself is in these fields.
_WALLETS: Final = ("walletBalance", "cashBal", "margin_static")
_CURRENCIES: Final = ("asset", "ccy", "coin", "margin_asset", "currency")
_AT_ONCE: Final = frozenset({"ioc", "fok", "market", "limit-fok"})
_REALISED: Final = ("realizedPnl", "fillPnl", "real_profit", "closedPnl")
_LEGS: Final = ("positionSide", "posSide", "position_side")


class Decoder:
    """Answers of one account's market."""

    def __init__(self, account: str, client: Client, names: Names, ids: ClientIds, clock: Clock) -> None:
        self.account = account
        self.market = client.market
        self._client = client
        self._names = names
        self._ids = ids
        self._clock = clock
        self._client_ids: OrderedDict[str, str] = OrderedDict()  # by the exchange's number
        self._numbers: dict[str, str] = {}
        self._terms: OrderedDict[str, OrderTerms] = OrderedDict()  # of what was sent from here

    # --- names -----------------------------------------------------------------------------------------------------------

    def remember(self, number: str, client_id: str) -> None:
        """Keep whose order a number is; the oldest are forgotten."""
        if number and client_id:
            self._client_ids[number] = client_id
            self._client_ids.move_to_end(number)
            self._numbers[client_id] = number
            while len(self._client_ids) > _KEPT:
                self._numbers.pop(self._client_ids.popitem(last=False)[1], None)

    def note(self, client_id: str, terms: OrderTerms) -> None:
        """Keep what was sent: some answers tell no more than a number."""
        self._terms[client_id] = terms
        while len(self._terms) > _KEPT:
            self._terms.popitem(last=False)

    def number(self, client_id: str) -> str:
        """Return the exchange's number of an order; empty where it is not known."""
        if client_id.startswith(BY_HAND):
            return client_id.removeprefix(BY_HAND)
        return self._numbers.get(client_id, "")

    def knows(self, number: str) -> bool:
        """Whether the client id of a number is known."""
        return number in self._client_ids

    def contract(self, symbol: str) -> Decimal:
        """Return how much base currency one unit of the exchange is."""
        return contract_of(self._client.rows.get(symbol) or {}, self.market)

    def settles_in(self, symbol: str) -> str:
        """Return the currency that a contract settles in; empty where it is not listed."""
        return str((self._client.rows.get(symbol) or {}).get("settle") or "")

    def _client_id(self, row: Row, number: str) -> str:
        word = row.get("clientOrderId")
        found = self._ids.name(str(word)) if word else self._client_ids.get(number, "")
        if not found:
            return BY_HAND + number
        self.remember(number, found)
        return found

    # --- orders ----------------------------------------------------------------------------------------------------------

    @exact
    def order(self, row: Row, source: str, *, client_id: str = "") -> OrderReport:
        """Return what is said of an order. ``client_id``: whose it is known to be; MalformedFrame where too little is said."""
        number, symbol = str(row.get("id") or ""), str(row.get("symbol") or "")
        client_id = client_id or self._client_id(row, number)
        self.remember(number, client_id)
        sent = self._terms.get(client_id)
        contract = self.contract(symbol)
        quantity = _positive(row.get("amount"), contract) or (sent.quantity if sent else None)
        side: Side | None = row.get("side") or (sent.side if sent else None)
        if quantity is None or side is None or not (symbol or sent):
            raise MalformedFrame("lean_order", market=self.market)
        filled = _decimal(row.get("filled")) * contract
        kind = _type_of(row, sent)
        price = row.get("price") if kind in ("limit", "stop_limit") else None
        time_ms = row.get("lastUpdateTimestamp") or row.get("lastTradeTimestamp") or row.get("timestamp") or 0
        return OrderReport(
            account=self.account,
            instrument=self._names.instrument(symbol) if symbol else sent.instrument,  # type: ignore[union-attr]  # one of them is there
            client_id=client_id,
            venue_order_id=number,
            side=side,
            type=kind,
            quantity=quantity,
            state=_state_of(row, quantity, filled, sent),
            filled=filled,
            limit_price=_positive(price, Decimal(1)) or (sent.limit_price if sent else None),
            stop_price=_positive(row.get("triggerPrice"), Decimal(1)),
            reduce_only=bool(row.get("reduceOnly")) or bool(sent and sent.reduce_only),
            position_side=_leg_of(row),
            time_ms=int(time_ms),
            evidence=self.evidence(source, number),
        )

    def evidence(self, source: str, number: str, detail: str = "") -> Evidence:
        """Return where something was read."""
        return Evidence(source=source, reference=number, time_ns=self._clock.now_ns(), detail=detail)

    # --- fills -----------------------------------------------------------------------------------------------------------

    @exact
    def fill(self, row: Row) -> VenueFill:
        """Return one execution."""
        symbol, number = str(row["symbol"]), str(row.get("order") or "")
        fee, currency = _fee_of(row)
        raw = _raw(row)
        realised = next((raw[name] for name in _REALISED if raw.get(name) not in (None, "")), None)
        time_ms = int(row.get("timestamp") or 0)
        return VenueFill(
            account=self.account,
            instrument=self._names.instrument(symbol),
            trade_id=str(row.get("id") or f"{number}-{time_ms}-{row['price']}-{row['amount']}"),
            side=row["side"],
            price=_decimal(row["price"]),
            quantity=_decimal(row["amount"]) * self.contract(symbol),
            client_id=self._client_ids.get(number, BY_HAND + number if number else ""),
            venue_order_id=number,
            fee=fee,
            fee_currency=currency,
            maker=row.get("takerOrMaker") == "maker",
            realised=_decimal(realised) if realised is not None and self.market != "spot" else None,
            position_side=_leg_of(row),
            time_ms=time_ms,
        )

    # --- the account -----------------------------------------------------------------------------------------------------

    def balances(self, answer: Row) -> tuple[VenueBalance, ...]:
        """Return every currency that is there."""
        totals, free = answer.get("total") or {}, answer.get("free") or {}
        wallets = dict(_wallets(answer.get("info"), depth=_DEPTH)) if self.market != "spot" else {}
        found = []
        for currency in totals:
            total = _decimal(wallets.get(currency, totals[currency]))
            if totals[currency] is None and currency not in wallets:
                continue
            usable = _decimal(free.get(currency)) if free.get(currency) is not None else total
            if total or usable:
                found.append(VenueBalance(currency=str(currency), total=total, free=usable))
        return tuple(found)

    @exact
    def margins(self, rows: Iterable[Row], balances: Iterable[VenueBalance]) -> tuple[VenueMargin, ...]:
        """Return per currency what open positions ask for, and the money with what they earned; silent venues tell nothing."""
        needed: dict[str, Decimal] = {}
        earned: dict[str, Decimal] = {}
        for row in rows:
            currency = self.settles_in(str(row["symbol"]))
            if row.get("maintenanceMargin") is not None and currency:
                needed[currency] = needed.get(currency, ZERO) + abs(_decimal(row["maintenanceMargin"]))
            earned[currency] = earned.get(currency, ZERO) + _decimal(row.get("unrealizedPnl"))
        wallets = {item.currency: item.total for item in balances}
        return tuple(
            VenueMargin(currency=name, maintenance=asked, balance=wallets.get(name, ZERO) + earned[name])
            for name, asked in sorted(needed.items())
        )

    @exact
    def position(self, row: Row) -> VenuePosition | None:
        """Return one leg of a position, a short one negative; None where nothing is held."""
        symbol = str(row["symbol"])
        held = abs(_decimal(row.get("contracts"))) * self.contract(symbol)
        if not held:
            return None
        short = row.get("side") == "short"
        liquidation = _decimal(row.get("liquidationPrice"))
        return VenuePosition(
            instrument=self._names.instrument(symbol),
            side=("short" if short else "long") if row.get("hedged") else "both",
            quantity=-held if short else held,
            entry_price=_decimal(row.get("entryPrice")),
            mark_price=_decimal(row.get("markPrice")),
            leverage=_decimal(row.get("leverage")) or Decimal(1),
            isolated=row.get("marginMode") == "isolated",
            liquidation_price=liquidation if liquidation > 0 else None,
            margin=_decimal(row.get("initialMargin")),
        )


def _type_of(row: Row, sent: OrderTerms | None) -> OrderType:
    """Return our type of an order; an unknown one is told as a limit order, of which nothing is assumed."""
    if sent is not None:
        return sent.type
    if row.get("triggerPrice"):
        return "stop_limit" if row.get("price") else "stop"
    return "market" if row.get("type") == "market" else "limit"


def _state_of(row: Row, quantity: Decimal, filled: Decimal, sent: OrderTerms | None) -> OrderState:
    """Return our state. What lapses at once was not cancelled by anybody; an unknown word ends nothing."""
    word = str(row.get("status") or "")
    if word == "closed":  # some exchanges call what was cancelled so too
        return OrderState.FILLED if filled >= quantity or row.get("filled") is None else OrderState.CANCELLED
    state = _STATES.get(word, OrderState.OPEN)
    words = {str(row.get("timeInForce")).lower(), str(row.get("type")).lower()}
    lapses = not words.isdisjoint(_AT_ONCE) or (
        sent is not None and (sent.type == "market" or sent.time_in_force in ("IOC", "FOK"))
    )
    return OrderState.EXPIRED if state is OrderState.CANCELLED and lapses else state


def _leg_of(row: Row) -> PositionSide:
    raw = _raw(row)
    word = next((str(raw[name]).lower() for name in _LEGS if raw.get(name)), "")
    return "long" if word == "long" else "short" if word == "short" else "both"


def _fee_of(row: Row) -> tuple[Decimal, str]:
    """Return the fee of an execution; where it was paid in several currencies, the part in the first."""
    fees = [item for item in (row.get("fees") or [row.get("fee")]) if item and item.get("cost") is not None]
    if not fees:
        return Decimal(0), ""
    currency = str(fees[0].get("currency") or "")
    return sum((_decimal(item["cost"]) for item in fees if str(item.get("currency") or "") == currency), Decimal(0)), currency


def _wallets(info: Any, *, depth: int) -> Iterator[tuple[str, Any]]:
    """Find the money of each currency in the exchange's own answer."""
    if depth == 0:
        return
    if isinstance(info, list):
        for item in info:
            yield from _wallets(item, depth=depth - 1)
    elif isinstance(info, dict):
        currency = next((info[name] for name in _CURRENCIES if isinstance(info.get(name), str)), None)
        money = next((info[name] for name in _WALLETS if info.get(name) not in (None, "")), None)
        if currency and money is not None:
            yield currency, money
        for value in info.values():
            if isinstance(value, list | dict):
                yield from _wallets(value, depth=depth - 1)


def _raw(row: Row) -> Row:
    info = row.get("info")
    return info if isinstance(info, dict) else {}


@exact
def _positive(value: Any, times: Decimal) -> Decimal | None:
    found = _decimal(value) * times
    return found if found > 0 else None


def _decimal(value: Any) -> Decimal:
    return Decimal(0) if value in (None, "") else value if isinstance(value, Decimal) else Decimal(str(value))
