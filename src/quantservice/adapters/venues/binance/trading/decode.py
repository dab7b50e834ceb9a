"""What private endpoints answer and private streams push, in our words. Field names are the venue's own.

A row without a quantity (a conditional order that closes whatever is held then) is told by None: nothing can be said of its size.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.binance.decode_rest import decode_body
from quantservice.adapters.venues.binance.trading import wording
from quantservice.core.errors import MalformedFrame
from quantservice.core.instruments import InstrumentId
from quantservice.core.money import ONE, ZERO, exact
from quantservice.core.orders import Evidence, VenueFill
from quantservice.ports.trading import (
    AccountMovement,
    OrderReport,
    VenueBalance,
    VenueMargin,
    VenuePosition,
)

_NAMES_KEPT: Final = 20_000


class OrderRow(msgspec.Struct, rename="camel"):
    """An order in an answer or a list."""

    symbol: str
    order_id: int
    status: str
    side: str
    type: str
    orig_qty: Decimal
    client_order_id: str = ""
    orig_client_order_id: str = ""  # the order's own id where the other one is that of its cancel
    executed_qty: Decimal = ZERO
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    orig_type: str = ""
    reduce_only: bool = False
    position_side: str = "BOTH"
    update_time: int = 0
    transact_time: int = 0
    time: int = 0


class AlgoRow(msgspec.Struct, rename="camel"):
    """A conditional order of the algo service."""

    algo_id: int
    client_algo_id: str
    symbol: str
    side: str
    order_type: str
    quantity: Decimal
    algo_status: str
    trigger_price: Decimal = ZERO
    price: Decimal = ZERO
    reduce_only: bool = False
    position_side: str = "BOTH"
    actual_order_id: str = ""
    update_time: int = 0


class TradeRow(msgspec.Struct, rename="camel"):
    """A fill in a list; ``isBuyer`` and ``isMaker`` are spot's, ``side``, ``maker`` and ``realizedPnl`` the futures'."""

    symbol: str
    id: int
    order_id: int
    price: Decimal
    qty: Decimal
    time: int
    commission: Decimal = ZERO
    commission_asset: str = ""
    side: str = ""
    is_buyer: bool = False
    is_maker: bool = False
    maker: bool = False
    realized_pnl: Decimal | None = None
    position_side: str = "BOTH"


class IncomeRow(msgspec.Struct, rename="camel"):
    """Money that moved."""

    income_type: str
    income: Decimal
    asset: str
    time: int
    tran_id: int | str = ""
    symbol: str | None = None


class BalanceRow(msgspec.Struct, rename="camel"):
    """A balance: ``free`` and ``locked`` on spot, ``balance`` and ``availableBalance`` on futures."""

    asset: str
    free: Decimal = ZERO
    locked: Decimal = ZERO
    balance: Decimal = ZERO
    available_balance: Decimal = ZERO


class AccountRow(msgspec.Struct, rename="camel"):
    """The spot account."""

    balances: list[BalanceRow]
    commission_rates: dict[str, Decimal] = {}


class CommissionRates(msgspec.Struct, frozen=True, rename="camel"):
    """What makers and takers pay, and what buyers and sellers pay on top of it, as fractions."""

    maker: Decimal = ZERO
    taker: Decimal = ZERO


class CommissionDiscount(msgspec.Struct, frozen=True, rename="camel"):
    """``discount`` is what the standard rate is multiplied by while fees are paid in ``discount_asset``."""

    enabled_for_account: bool = False
    enabled_for_symbol: bool = False
    discount: Decimal = ONE


class Commission(msgspec.Struct, rename="camel"):
    """A spot symbol's commission.

    ``{"symbol":"BTCUSDT","standardCommission":{"maker":"0.00000010","taker":"0.00000020","buyer":"0.00000030",…},
    "specialCommission":{…},"taxCommission":{…},
    "discount":{"enabledForAccount":true,"enabledForSymbol":true,"discountAsset":"BNB","discount":"0.75000000"}}``.
    """

    standard_commission: CommissionRates
    special_commission: CommissionRates = CommissionRates()
    tax_commission: CommissionRates = CommissionRates()
    discount: CommissionDiscount = CommissionDiscount()

    @exact
    def rate(self, *, maker: bool) -> Decimal:
        """Return all that a fill costs: the standard rate, less where it is paid in the discount's asset, special rate and tax."""
        standard, special, tax = (
            part.maker if maker else part.taker for part in (self.standard_commission, self.special_commission, self.tax_commission)
        )
        less = self.discount.enabled_for_account and self.discount.enabled_for_symbol
        return standard * (self.discount.discount if less else ONE) + special + tax


class AssetMarginRow(msgspec.Struct, rename="camel"):
    """A futures account's margin in one asset."""

    asset: str
    maint_margin: Decimal = ZERO
    margin_balance: Decimal = ZERO


class MarginRow(msgspec.Struct, rename="camel"):
    """A futures account's margin: per asset, and on um in USD of all assets, which is what counts in multi-assets mode.

    ``{"totalMaintMargin":"0.00000000","totalMarginBalance":"23.72469206",…,
    "assets":[{"asset":"USDT","maintMargin":"0.00000000","marginBalance":"23.72469206",…}],"positions":[…]}``.
    """

    assets: list[AssetMarginRow] = []
    total_maint_margin: Decimal | None = None
    total_margin_balance: Decimal | None = None


class PositionRow(msgspec.Struct, rename="camel"):
    """One leg of a position."""

    symbol: str
    position_amt: Decimal
    entry_price: Decimal = ZERO
    mark_price: Decimal = ZERO
    leverage: Decimal = Decimal(1)
    margin_type: str = "cross"
    liquidation_price: Decimal = ZERO
    isolated_margin: Decimal = ZERO
    position_side: str = "BOTH"


class RightsRow(msgspec.Struct, rename="camel"):
    """What a key may do."""

    enable_reading: bool = False
    enable_spot_and_margin_trading: bool = False
    enable_futures: bool = False
    enable_withdrawals: bool = False
    ip_restrict: bool = False
    trading_authority_expiration_time: int | None = None


ORDER: Final = msgspec.json.Decoder(OrderRow, strict=False)
ORDERS: Final = msgspec.json.Decoder(list[OrderRow], strict=False)
ALGO: Final = msgspec.json.Decoder(AlgoRow, strict=False)
ALGOS: Final = msgspec.json.Decoder(list[AlgoRow], strict=False)
TRADES: Final = msgspec.json.Decoder(list[TradeRow], strict=False)
INCOMES: Final = msgspec.json.Decoder(list[IncomeRow], strict=False)
BALANCES: Final = msgspec.json.Decoder(list[BalanceRow], strict=False)
MARGIN: Final = msgspec.json.Decoder(MarginRow, strict=False)
ACCOUNT: Final = msgspec.json.Decoder(AccountRow, strict=False)
POSITIONS: Final = msgspec.json.Decoder(list[PositionRow], strict=False)
RIGHTS: Final = msgspec.json.Decoder(RightsRow)
COMMISSION: Final = msgspec.json.Decoder(Commission)
ANY: Final = msgspec.json.Decoder(dict[str, Any])


class Decoder:
    """Answers of one account's market. ``instrument_of`` turns the venue's symbol into our name.

    It remembers which order bears which client id, because lists of fills name only the venue's order id.
    """

    def __init__(self, account: str, instrument_of: Callable[[str], InstrumentId]) -> None:
        self.account = account
        self.instrument_of = instrument_of
        self.names: OrderedDict[str, str] = OrderedDict()

    def remember(self, order_id: str, client_id: str) -> None:
        """Keep the client id of an order; the oldest is forgotten at a bound."""
        if order_id and client_id:
            self.names[order_id] = client_id
            if len(self.names) > _NAMES_KEPT:
                self.names.popitem(last=False)

    def order(self, row: OrderRow, source: str, *, client_id: str = "") -> OrderReport | None:
        """Return the report of an order; ``client_id`` where the one it was asked by is not the row's."""
        reference = str(row.order_id)
        named = client_id or self.names.get(reference) or row.orig_client_order_id or row.client_order_id
        self.remember(reference, named)
        time_ms = row.transact_time or row.update_time or row.time
        if row.orig_qty <= 0:
            return None
        return OrderReport(
            account=self.account,
            instrument=self.instrument_of(row.symbol),
            client_id=named,
            venue_order_id=reference,
            side=wording.side_of(row.side),
            type=wording.type_of(row.orig_type or row.type),
            quantity=row.orig_qty,
            state=wording.state_of(row.status),
            filled=row.executed_qty,
            limit_price=row.price or None,
            stop_price=row.stop_price or None,
            reduce_only=row.reduce_only,
            position_side=wording.position_side_of(row.position_side),
            time_ms=time_ms,
            evidence=Evidence(source=source, reference=reference, time_ns=time_ms * 1_000_000, detail=row.status),
        )

    def algo(self, row: AlgoRow, source: str) -> OrderReport | None:
        """Return the report of a conditional order that waits or was ended; once it acts, the order it became has its own."""
        self.remember(row.actual_order_id, row.client_algo_id)
        if row.quantity <= 0:
            return None
        return OrderReport(
            account=self.account,
            instrument=self.instrument_of(row.symbol),
            client_id=row.client_algo_id,
            venue_order_id=row.actual_order_id,
            side=wording.side_of(row.side),
            type=wording.type_of(row.order_type),
            quantity=row.quantity,
            state=wording.state_of(row.algo_status),
            limit_price=row.price or None,
            stop_price=row.trigger_price or None,
            reduce_only=row.reduce_only,
            position_side=wording.position_side_of(row.position_side),
            time_ms=row.update_time,
            evidence=Evidence(
                source=source, reference=f"algo-{row.algo_id}", time_ns=row.update_time * 1_000_000, detail=row.algo_status
            ),
        )

    def fill(self, row: TradeRow) -> VenueFill:
        """Return a fill of a list."""
        order_id = str(row.order_id)
        client_id = self.names.get(order_id, "")
        return VenueFill(
            account=self.account,
            instrument=self.instrument_of(row.symbol),
            trade_id=str(row.id),
            side=wording.side_of(row.side or ("BUY" if row.is_buyer else "SELL")),
            price=row.price,
            quantity=row.qty,
            client_id=client_id,
            venue_order_id=order_id,
            fee=row.commission,
            fee_currency=row.commission_asset,
            maker=row.is_maker or row.maker,
            realised=row.realized_pnl,
            position_side=wording.position_side_of(row.position_side),
            kind=wording.fill_kind(client_id),
            time_ms=row.time,
        )

    def movement(self, row: IncomeRow) -> AccountMovement | None:
        """Return a movement of money; None for one that a fill tells."""
        if row.income_type in wording.OF_FILLS:
            return None
        name = f"{row.income_type}-{row.tran_id}-{row.asset}-{row.symbol or ''}"
        return AccountMovement(
            account=self.account,
            movement_id=name,
            kind=wording.movement_kind(row.income_type),
            currency=row.asset,
            amount=row.income,
            instrument=self.instrument_of(row.symbol) if row.symbol else None,
            time_ms=row.time,
        )

    def position(self, row: PositionRow) -> VenuePosition | None:
        """Return a position; None where nothing is held."""
        if not row.position_amt:
            return None
        return VenuePosition(
            instrument=self.instrument_of(row.symbol),
            side=wording.position_side_of(row.position_side),
            quantity=row.position_amt,
            entry_price=row.entry_price,
            mark_price=row.mark_price,
            leverage=row.leverage,
            isolated=row.margin_type.lower() == "isolated",
            liquidation_price=row.liquidation_price or None,
            margin=row.isolated_margin,
        )


@exact
def margins_of(row: MarginRow, *, multi_asset: bool) -> tuple[VenueMargin, ...]:
    """Return what is asked for and what is there: in multi-assets mode of all assets together, else of each that is used."""
    if multi_asset and row.total_maint_margin is not None and row.total_margin_balance is not None:
        return (VenueMargin(currency="USD", maintenance=row.total_maint_margin, balance=row.total_margin_balance),)
    return tuple(
        VenueMargin(currency=item.asset, maintenance=item.maint_margin, balance=item.margin_balance)
        for item in row.assets
        if item.maint_margin or item.margin_balance
    )


def balances_of(rows: list[BalanceRow], *, spot: bool) -> Iterator[VenueBalance]:
    """Yield the balances that are not empty."""
    for row in rows:
        total = row.free + row.locked if spot else row.balance
        free = row.free if spot else row.available_balance
        if total or free:
            yield VenueBalance(currency=row.asset, total=total, free=free)


def flag_of(body: bytes, name: str) -> bool:
    """Return one setting of an answer."""
    found = decode_body(ANY, body).get(name)
    if not isinstance(found, bool):
        raise MalformedFrame("wrong_shape")
    return found
