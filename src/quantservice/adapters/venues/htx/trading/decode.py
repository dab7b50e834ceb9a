"""What HTX answers and pushes of orders, fills, balances and positions, in our words. Field names are the venue's own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.htx.spec import VENUE
from quantservice.adapters.venues.htx.trading import wording
from quantservice.adapters.venues.htx.trading.numbers import Numbers
from quantservice.adapters.venues.transport.private.names import Names
from quantservice.core.errors import MalformedFrame, QuantServiceError
from quantservice.core.instruments import InstrumentId
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Evidence, VenueFill
from quantservice.ports.trading import AccountMovement, OrderReport, VenueBalance, VenueMargin, VenuePosition

#: of orders that have no client id: what we call them
BY_HAND: Final = "htx-"
_NAMES_KEPT: Final = 20_000
_JSON: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
Row = Mapping[str, Any]


def read(body: bytes) -> dict[str, Any]:
    """Return an answer's or a push's JSON, its fractions exact; raises MalformedFrame."""
    try:
        return _JSON.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
        raise MalformedFrame("not_json", venue=VENUE) from None


class Decoder:
    """Rows of one account at one market. Remembers which order has which client id: lists of fills do not tell it."""

    def __init__(self, account: str, market: str, names: Names, numbers: Numbers) -> None:
        self.account = account
        self.client_ids: OrderedDict[str, str] = OrderedDict()
        self._market = market
        self._names = names
        self._numbers = numbers

    # --- spot ------------------------------------------------------------------------------------------------------------

    def spot_order(self, row: Row, source: str) -> OrderReport:
        """An order of an answer or a list."""
        filled = row.get("field-amount") or row.get("filled-amount")
        ended = int(row.get("finished-at") or row.get("canceled-at") or 0)
        return self._spot(
            row,
            (str(row["id"]), str(row.get("client-order-id") or "")),
            quantity=row["amount"],
            filled=filled,
            price=row.get("price"),
            stop=row.get("stop-price"),
            state=str(row["state"]),
            time_ms=ended or int(row.get("created-at") or 0),
            source=source,
        )

    def spot_push(self, row: Row) -> OrderReport:
        """An order that ``orders#`` tells of."""
        size = row["orderSize"]
        filled = row.get("execAmt") or ("0" if row["eventType"] == "creation" else None)
        return self._spot(
            row,
            (str(row["orderId"]), str(row.get("clientOrderId") or "")),
            quantity=size,
            filled=filled,
            price=row.get("orderPrice"),
            stop=row.get("stopPrice"),
            state=str(row["orderStatus"]),
            time_ms=int(row.get("tradeTime") or row.get("lastActTime") or row.get("orderCreateTime") or 0),
            source="push",
        )

    def _spot(  # noqa: PLR0913  the two shapes of an order, by keyword; both above
        self,
        row: Row,
        ids: tuple[str, str],
        *,
        quantity: Any,
        filled: Any,
        price: Any,
        stop: Any,
        state: str,
        time_ms: int,
        source: str,
    ) -> OrderReport:
        order_id, client_id = ids
        type_word = str(row["type"])
        name = self.remember(order_id, client_id)
        return OrderReport(
            account=self.account,
            instrument=self._listed(str(row["symbol"]))[0],
            client_id=name,
            venue_order_id=order_id,
            side="buy" if type_word.startswith("buy") else "sell",
            type=wording.spot_type(type_word),
            quantity=Decimal(quantity),
            state=wording.spot_state(state, type_word),
            filled=_decimal(filled),
            limit_price=_decimal(price) or None,
            stop_price=_decimal(stop) or None,
            time_ms=time_ms,
            evidence=Evidence(source=source, reference=order_id, time_ns=time_ms * 1_000_000, detail=state),
        )

    def spot_fill(self, row: Row) -> VenueFill:
        """A fill of a list."""
        order_id = str(row["order-id"])
        return VenueFill(
            account=self.account,
            instrument=self._listed(str(row["symbol"]))[0],
            trade_id=f"{row['trade-id']}-{order_id}",
            side="buy" if str(row["type"]).startswith("buy") else "sell",
            price=Decimal(row["price"]),
            quantity=Decimal(row["filled-amount"]),
            client_id=self.client_ids.get(order_id, ""),
            venue_order_id=order_id,
            fee=_decimal(row.get("filled-fees")),
            fee_currency=str(row.get("fee-currency") or "").upper(),
            maker=row.get("role") == "maker",
            time_ms=int(row["created-at"]),
        )

    def spot_trade(self, row: Row) -> VenueFill:
        """A fill that ``trade.clearing#`` tells of."""
        order_id = str(row["orderId"])
        return VenueFill(
            account=self.account,
            instrument=self._listed(str(row["symbol"]))[0],
            trade_id=f"{row['tradeId']}-{order_id}",
            side="buy" if row["orderSide"] == "buy" else "sell",
            price=Decimal(row["tradePrice"]),
            quantity=Decimal(row["tradeVolume"]),
            client_id=self.remember(order_id, str(row.get("clientOrderId") or "")),
            venue_order_id=order_id,
            fee=_decimal(row.get("transactFee")),
            fee_currency=str(row.get("feeCurrency") or "").upper(),
            maker=not row["aggressor"],
            time_ms=int(row["tradeTime"]),
        )

    def spot_movement(self, row: Row) -> AccountMovement | None:
        """Money that moved; None for what fills tell."""
        word = str(row["transact-type"])
        if word in ("trade", "fee-deduction"):
            return None
        known = {"transfer": "transfer", "deposit": "transfer", "withdraw": "transfer", "rebate": "rebate"}
        return AccountMovement(
            account=self.account,
            movement_id=f"record-{row['record-id']}",
            kind=known.get(word, "other"),
            currency=str(row["currency"]).upper(),
            amount=Decimal(row["transact-amt"]),
            time_ms=int(row["transact-time"]),
        )

    # --- swap ------------------------------------------------------------------------------------------------------------

    @exact
    def swap_order(self, row: Row, source: str, *, time_ms: int = 0) -> OrderReport:
        """An order of an answer, a list or a push."""
        order_id = str(row.get("order_id_str") or row["order_id"])
        instrument, size = self._listed(str(row["contract_code"]))
        type_word, direction = str(row["order_price_type"]), str(row["direction"])
        at_ms = time_ms or int(row.get("canceled_at") or row.get("update_time") or row.get("created_at") or 0)
        return OrderReport(
            account=self.account,
            instrument=instrument,
            client_id=self._swap_name(order_id, row.get("client_order_id")),
            venue_order_id=order_id,
            side="buy" if direction == "buy" else "sell",
            type=wording.swap_type(type_word),
            quantity=Decimal(row["volume"]) * size,
            state=wording.swap_state(int(row["status"]), type_word),
            filled=_decimal(row.get("trade_volume")) * size,
            limit_price=None if wording.swap_type(type_word) == "market" else _decimal(row.get("price")) or None,
            reduce_only=str(row.get("reduce_only") or 0) == "1",
            position_side=wording.leg_of(direction, str(row.get("offset") or "")),
            time_ms=at_ms,
            evidence=Evidence(source=source, reference=order_id, time_ns=at_ms * 1_000_000, detail=f"status {row['status']}"),
        )

    @exact
    def swap_push(self, row: Row) -> Iterator[VenueFill | OrderReport]:
        """An order that ``orders_cross`` tells of: its fills first, so that what the report says is filled is known already."""
        order_id = str(row.get("order_id_str") or row["order_id"])
        instrument, size = self._listed(str(row["contract_code"]))
        client_id = self._swap_name(order_id, row.get("client_order_id"))
        for trade in row.get("trade") or ():
            yield VenueFill(
                account=self.account,
                instrument=instrument,
                trade_id=str(trade["id"]),
                side="buy" if row["direction"] == "buy" else "sell",
                price=Decimal(trade["trade_price"]),
                quantity=Decimal(trade["trade_volume"]) * size,
                client_id=client_id,
                venue_order_id=order_id,
                fee=-_decimal(trade.get("trade_fee")),
                fee_currency=str(trade.get("fee_asset") or ""),
                maker=str(trade.get("role")).lower() == "maker",
                realised=_decimal(trade.get("real_profit") or trade.get("profit")),
                position_side=wording.leg_of(str(row["direction"]), str(row.get("offset") or "")),
                kind=wording.fill_kind(str(row.get("order_source") or ""), str(row.get("liquidation_type") or "0")),
                time_ms=int(trade["created_at"]),
            )
        yield self.swap_order(row, "push", time_ms=int(row["ts"]))

    @exact
    def swap_fill(self, row: Row) -> VenueFill:
        """A fill of a list."""
        order_id = str(row.get("order_id_str") or row["order_id"])
        instrument, size = self._listed(str(row["contract_code"]))
        return VenueFill(
            account=self.account,
            instrument=instrument,
            trade_id=str(row["id"]),
            side="buy" if row["direction"] == "buy" else "sell",
            price=Decimal(row["trade_price"]),
            quantity=Decimal(row["trade_volume"]) * size,
            client_id=self.client_ids.get(order_id, ""),
            venue_order_id=order_id,
            fee=-_decimal(row.get("trade_fee")),
            fee_currency=str(row.get("fee_asset") or ""),
            maker=str(row.get("role")).lower() == "maker",
            realised=_decimal(row.get("real_profit")),
            position_side=wording.leg_of(str(row["direction"]), str(row.get("offset") or "")),
            kind=wording.fill_kind(str(row.get("order_source") or ""), "0"),
            time_ms=int(row["create_date"]),
        )

    def swap_movement(self, row: Row) -> AccountMovement | None:
        """Money that moved; None for what fills tell."""
        number = int(row["type"])
        if number in wording.OF_FILLS:
            return None
        code = str(row.get("contract_code") or "")
        return AccountMovement(
            account=self.account,
            movement_id=f"record-{row['id']}",
            kind=wording.movement_kind(number),
            currency=str(row["asset"]),
            amount=Decimal(row["amount"]),
            instrument=self._listed(code)[0] if code else None,
            time_ms=int(row["ts"]),
        )

    @exact
    def position(self, row: Row) -> VenuePosition:
        """A position; of none the quantity is zero."""
        instrument, size = self._listed(str(row["contract_code"]))
        long = row["direction"] == "buy"
        held = Decimal(row["volume"]) * size
        both = row.get("position_mode") == "single_side"
        return VenuePosition(
            instrument=instrument,
            side="both" if both else "long" if long else "short",
            quantity=held if long else -held,
            entry_price=_decimal(row.get("cost_open")),
            mark_price=_decimal(row.get("last_price")),
            leverage=Decimal(row.get("lever_rate") or 1),
            margin=_decimal(row.get("position_margin")),
        )

    def swap_balance(self, row: Row) -> VenueBalance:
        """The cross margin account."""
        total = Decimal(row["margin_static"])
        return VenueBalance(currency=str(row["margin_asset"]), total=total, free=_decimal(row.get("withdraw_available")))

    @exact
    def swap_margin(self, row: Row) -> VenueMargin:
        """What the cross margin account asks for and has.

        HTX closes where equity over used margin falls to the adjustment factor: what it asks for is each contract's margin times
        its factor.
        """
        held = [*(row.get("contract_detail") or ()), *(row.get("futures_contract_detail") or ())]
        parts = (_decimal(item.get("margin_position")) * _decimal(item.get("adjust_factor")) for item in held)
        balance = Decimal(row["margin_balance"])
        return VenueMargin(currency=str(row["margin_asset"]), maintenance=sum(parts, ZERO), balance=balance)

    # --- names -----------------------------------------------------------------------------------------------------------

    def remember(self, order_id: str, client_id: str) -> str:
        """Keep an order's client id; one that has none gets a name by which it can be asked for."""
        name = client_id or f"{BY_HAND}{order_id}"
        self.client_ids[order_id] = name
        self.client_ids.move_to_end(order_id)
        if len(self.client_ids) > _NAMES_KEPT:
            self.client_ids.popitem(last=False)
        return name

    def _swap_name(self, order_id: str, number: Any) -> str:
        return self.remember(order_id, self._numbers.name(int(number)) if number else "")

    def _listed(self, symbol: str) -> tuple[InstrumentId, Decimal]:
        """Return our name and the coins of a contract."""
        instrument = self._names.instrument(symbol)
        found = self._names.listed(instrument)
        if found is None and self._market == "um":  # of how many coins its contracts are is not known
            raise MalformedFrame("unknown_instrument", venue=VENUE, market=self._market)
        return instrument, found.lot_size if found is not None and self._market == "um" else Decimal(1)


@exact
def spot_balances(rows: list[Row]) -> Iterator[VenueBalance]:
    """Yield the balances that are not empty: what is free and what orders hold are rows of their own."""
    free: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    for row in rows:
        kept = free if row["type"] == "trade" else held
        kept[row["currency"]] = kept.get(row["currency"], ZERO) + Decimal(row["balance"])
    for currency in sorted(free.keys() | held.keys()):
        total = free.get(currency, ZERO) + held.get(currency, ZERO)
        if total:
            yield VenueBalance(currency=currency.upper(), total=total, free=free.get(currency, ZERO))


class Reading:
    """``with Reading():`` turns what a row of another shape does to its reader into MalformedFrame."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError | TypeError | ValueError | ArithmeticError | AttributeError) and not isinstance(
            error, QuantServiceError
        ):
            raise MalformedFrame("bad_value", venue=VENUE) from None


def _decimal(value: Any) -> Decimal:
    return Decimal(value) if value not in (None, "") else ZERO
