"""What private endpoints answer and private channels push, in our words: quantities in base currency.

Field names are the venue's own. It remembers which order bears which client id, because orders that conditional ones became are
named by those in some places only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from quantservice.adapters.venues.okx.spec import OkxRow
from quantservice.adapters.venues.okx.trading import wording
from quantservice.adapters.venues.okx.trading.listing import Listing
from quantservice.adapters.venues.okx.wire import decimal_of
from quantservice.adapters.venues.transport.private.inbox import Told
from quantservice.core.errors import MalformedFrame, QuantServiceError
from quantservice.core.money import exact
from quantservice.core.orders import Evidence, OrderState, VenueFill
from quantservice.ports.trading import (
    AccountEvent,
    AccountMovement,
    BalanceReport,
    OrderReport,
    VenueBalance,
    VenueMargin,
    VenuePosition,
)

_NAMES_KEPT: Final = 20_000
_JSON: Final = msgspec.json.Decoder(dict[str, Any])
Row = Mapping[str, Any]
_T = TypeVar("_T")


class Decoder:
    """Answers and pushes of one account's market."""

    def __init__(self, account: str, row: OkxRow, listing: Listing) -> None:
        self.account = account
        self.names: OrderedDict[str, str] = OrderedDict()
        self._row = row
        self._listing = listing

    def remember(self, order_id: str, client_id: str) -> None:
        """Keep whose order a number is; the oldest are forgotten."""
        if order_id and client_id:
            self.names[order_id] = client_id
            self.names.move_to_end(order_id)
            while len(self.names) > _NAMES_KEPT:
                self.names.popitem(last=False)

    def client_id(self, row: Row) -> str:
        """Return the client id of an order or a fill; one without is called by the venue's number."""
        order_id = str(row["ordId"])
        found = row.get("clOrdId") or row.get("algoClOrdId") or self.names.get(order_id)
        if found:
            self.remember(order_id, str(found))
            return str(found)
        return wording.external_id(order_id)

    # --- orders --------------------------------------------------------------------------------------------------------

    @exact
    def order(self, row: Row, source: str) -> OrderReport:
        """Return what a row says of an order."""
        inst_id, time_ms = row["instId"], int(row["uTime"])
        contract = self._listing.contract(inst_id)
        order_id = str(row["ordId"])
        quantity = self._quantity(row, contract)
        return OrderReport(
            account=self.account,
            instrument=self._listing.names.instrument(inst_id),
            client_id=self.client_id(row),
            venue_order_id=order_id,
            side=wording.side_of(row["side"]),
            type=wording.type_of(row["ordType"]),
            quantity=quantity,
            state=wording.state_of(row),
            filled=decimal_of(row["accFillSz"]) * contract,
            limit_price=decimal_of(row.get("px")) or None,
            reduce_only=str(row.get("reduceOnly", "")) == "true",
            position_side=wording.leg_of(row.get("posSide", "")),
            reason=f"cancel source {row['cancelSource']}" if row.get("cancelSource") else "",
            time_ms=time_ms,
            evidence=Evidence(source=source, reference=order_id, time_ns=time_ms * 1_000_000, detail=str(row["state"])),
        )

    @staticmethod
    def _quantity(row: Row, contract: Decimal) -> Decimal:
        """An order's size in base currency; a market buy sized in quote currency is as large as what it bought."""
        if row.get("tgtCcy") == "quote_ccy" and row["ordType"] == "market":
            return decimal_of(row["accFillSz"]) or decimal_of(row["sz"])
        return decimal_of(row["sz"]) * contract

    @exact
    def algo(self, row: Row, source: str) -> OrderReport:
        """Return what a row says of a conditional order that has not become an order."""
        inst_id, time_ms = row["instId"], int(row.get("uTime") or row["cTime"])
        algo_id = str(row["algoId"])
        price = row.get("tpOrdPx") or row.get("slOrdPx") or row.get("ordPx") or "-1"
        return OrderReport(
            account=self.account,
            instrument=self._listing.names.instrument(inst_id),
            client_id=str(row.get("algoClOrdId") or "") or wording.external_id(algo_id),
            venue_order_id=algo_id,
            side=wording.side_of(row["side"]),
            type=wording.algo_type(row),
            quantity=decimal_of(row["sz"]) * self._listing.contract(inst_id),
            state=wording.algo_state(row["state"]),
            limit_price=decimal_of(price) if price != "-1" else None,
            stop_price=decimal_of(row.get("slTriggerPx") or row.get("tpTriggerPx") or row.get("triggerPx")) or None,
            reduce_only=str(row.get("reduceOnly", "")) == "true",
            position_side=wording.leg_of(row.get("posSide", "")),
            time_ms=time_ms,
            evidence=Evidence(source=source, reference=algo_id, time_ns=time_ms * 1_000_000, detail=str(row["state"])),
        )

    @exact
    def fill(self, row: Row) -> VenueFill:
        """Return a fill, of a list or of an order's push."""
        inst_id = row["instId"]
        # a push of an order has the fee of this fill beside that of all its fills
        fee = row.get("fillFee") if row.get("fillFee") not in (None, "") else row.get("fee")
        return VenueFill(
            account=self.account,
            instrument=self._listing.names.instrument(inst_id),
            trade_id=str(row["tradeId"]),
            side=wording.side_of(row["side"]),
            price=Decimal(row["fillPx"]),
            quantity=decimal_of(row["fillSz"]) * self._listing.contract(inst_id),
            client_id=self.client_id(row),
            venue_order_id=str(row["ordId"]),
            fee=-decimal_of(fee),
            fee_currency=str(row.get("fillFeeCcy") or row.get("feeCcy") or ""),
            maker=row.get("execType") == "M",
            realised=decimal_of(row.get("fillPnl")) if self._row.positions else None,
            position_side=wording.leg_of(row.get("posSide", "")),
            kind=wording.fill_kind(row),
            time_ms=int(row.get("fillTime") or row["ts"]),
        )

    # --- money ---------------------------------------------------------------------------------------------------------

    def balance(self, row: Row) -> VenueBalance:
        """Return one currency of the account, which spot and swaps share."""
        total = decimal_of(row["cashBal"])
        free = row.get("availBal") if row.get("availBal") not in (None, "") else row.get("availEq")
        return VenueBalance(currency=row["ccy"], total=total, free=decimal_of(free))

    def margins(self, row: Row) -> list[VenueMargin]:
        """Return what is asked for and what is there: in USD where all currencies are margin together, else of each currency.

        ``mmr`` and ``adjEq`` of the account are empty in single-currency margin mode; there those of each currency count.
        """
        if row.get("mmr") and row.get("adjEq"):
            return [VenueMargin(currency="USD", maintenance=decimal_of(row["mmr"]), balance=decimal_of(row["adjEq"]))]
        return [
            VenueMargin(currency=item["ccy"], maintenance=decimal_of(item["mmr"]), balance=decimal_of(item.get("eq")))
            for item in row.get("details", ())
            if item.get("mmr")
        ]

    @exact
    def position(self, row: Row) -> VenuePosition:
        """Return one leg of a position; a short leg is negative, as ours are."""
        inst_id, side = row["instId"], wording.leg_of(row.get("posSide", ""))
        size = decimal_of(row["pos"]) * self._listing.contract(inst_id)
        return VenuePosition(
            instrument=self._listing.names.instrument(inst_id),
            side=side,
            quantity=-abs(size) if side == "short" else size,
            entry_price=decimal_of(row.get("avgPx")),
            mark_price=decimal_of(row.get("markPx")),
            leverage=decimal_of(row.get("lever")) or Decimal(1),
            isolated=row.get("mgnMode") == "isolated",
            liquidation_price=decimal_of(row.get("liqPx")) or None,
            margin=decimal_of(row.get("margin")),
        )

    def movement(self, row: Row) -> AccountMovement | None:
        """Return money that moved; None for what a fill of this market tells itself."""
        inst_id = str(row.get("instId") or "")
        ours = row.get("instType") == self._row.inst_type and not self._listing.is_foreign(inst_id)
        if ours and row["type"] in wording.OF_FILLS:
            return None
        return AccountMovement(
            account=self.account,
            movement_id=f"bill-{row['billId']}",
            kind=wording.movement_kind(row["type"]),
            currency=row["ccy"],
            amount=Decimal(row["balChg"]),
            instrument=self._listing.names.instrument(inst_id) if inst_id and ours else None,
            time_ms=int(row["ts"]),
        )

    # --- pushes --------------------------------------------------------------------------------------------------------

    def decode(self, payload: bytes) -> Told:
        """Return what a message of the private channels says; an unknown one says nothing. Raises MalformedFrame."""
        if payload == b"pong":
            return Told(answer=("ping", True, ""))
        try:
            message = _JSON.decode(payload)
            if "event" in message:
                return _answer(message)
            arg, rows = message.get("arg"), message.get("data")
            if not isinstance(arg, dict) or not isinstance(rows, list):
                raise MalformedFrame("wrong_shape")
            return self._told(str(arg.get("channel", "")), rows)
        except QuantServiceError:
            raise
        except msgspec.DecodeError:
            raise MalformedFrame("not_json") from None
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            raise MalformedFrame("bad_value") from None

    def _told(self, channel: str, rows: list[Any]) -> Told:
        read: Callable[[Row], Told] | None = {
            "orders": self._order_push,
            "orders-algo": self._algo_push,
            "algo-advance": self._algo_push,
            "account": self._account_push,
            "balance_and_position": self._both_push,
        }.get(channel)
        if read is None:
            return Told()
        told = [read(row) for row in rows]
        moved = [item.moved_ms for item in told if item.moved_ms]
        return Told(tuple(event for item in told for event in item.events), moved_ms=min(moved, default=0))

    def _order_push(self, row: Row) -> Told:
        has_fill = bool(row.get("tradeId")) and decimal_of(row.get("fillSz")) > 0
        if row["instType"] != self._row.inst_type or self._listing.is_foreign(row["instId"]):
            # another market of the same account: its money is ours too, and the list of bills names what moved
            return Told(moved_ms=int(row["uTime"])) if has_fill else Told()
        report = self.order(row, "push")
        # The fill comes first: then what the report says is filled is known already, and nobody asks for it.
        events: tuple[AccountEvent, ...] = (self.fill(row),) if has_fill else ()
        return Told((*events, report) if report.quantity > 0 else events)

    def _algo_push(self, row: Row) -> Told:
        # Once it acts, the order that it became tells what is filled and how it ends.
        became = row["state"] in ("effective", "partially_effective")
        if became or row["instType"] != self._row.inst_type or self._listing.is_foreign(row["instId"]):
            return Told()
        report = self.algo(row, "push")
        return Told((report,)) if report.quantity > 0 else Told()

    def _account_push(self, row: Row) -> Told:
        balances = tuple(self.balance(item) for item in row.get("details", ()))
        return Told((BalanceReport(account=self.account, balances=balances, time_ms=int(row["uTime"])),))

    def _both_push(self, row: Row) -> Told:
        reason, time_ms = str(row.get("eventType", "")), int(row["pTime"])
        held = [item for item in row.get("posData", ()) if item.get("instType") == self._row.inst_type]
        positions = tuple(self.position(item) for item in held if not self._listing.is_foreign(item["instId"]))
        events: tuple[AccountEvent, ...] = ()
        if positions and self._row.positions:
            events = (BalanceReport(account=self.account, positions=positions, reason=reason, time_ms=time_ms),)
        moved = bool(row.get("balData")) and reason not in ("filled", "snapshot", "liquidation", "adl")
        return Told(events, moved_ms=time_ms if moved else 0)


def _answer(message: Row) -> Told:
    """Read the answer to a request of ours, or what the venue says of the connection."""
    event, code = str(message["event"]), str(message.get("code", ""))
    if event == "login":
        return Told(answer=("login", code in ("", "0"), f"{message.get('msg', '')} (code {code})"))
    if event == "subscribe":
        return Told(answer=(f"subscribe {message['arg']['channel']}", True, ""))
    if event in ("error", "channel-conn-count-error"):
        return Told(answer=("error", False, f"{message.get('msg', '') or event} (code {code})"))
    if event == "notice" and code == "64008":
        return Told(ends="the venue closes the connection for an upgrade")
    return Told()


def ended(report: OrderReport) -> bool:
    """Whether an order can be filled no more."""
    return report.state is not OrderState.OPEN
