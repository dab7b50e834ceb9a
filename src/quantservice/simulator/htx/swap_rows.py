"""The swap's orders, fills, positions and balances as rows: numbers are JSON's own, quantities are contracts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from quantservice.core.money import ZERO, exact
from quantservice.core.positions import Position
from quantservice.simulator.exchange import Listing
from quantservice.simulator.htx.wording import contract_code, contract_size, raw, swap_state
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.trading import Account, FillEvent, Kind, SimOrder

_SETTLE = "USDT"


def price_word(order: SimOrder) -> str:
    """The order's type in the venue's words."""
    if order.ticket.kind is Kind.MARKET:
        return "market"
    if order.ticket.post_only:
        return "post_only"
    return {"IOC": "ioc", "FOK": "fok"}.get(order.ticket.tif, "limit")


def offset_word(order: SimOrder) -> str:
    """Whether it opens or closes a leg; one-way accounts do both."""
    leg = order.ticket.position_side
    if leg == "both":
        return "both"
    return "open" if (leg == "long") == (order.side == "buy") else "close"


@exact
def fill_of(fill: FillEvent, size: Decimal) -> dict[str, Any]:
    """One fill as an order's push and its detail tell it."""
    return {
        "trade_id": fill.trade_id,
        "id": f"{fill.trade_id}-{fill.order.order_id}-1",
        "trade_volume": raw(fill.quantity / size),
        "trade_price": raw(fill.price),
        "trade_turnover": raw(fill.price * fill.quantity),
        "trade_fee": raw(-fill.fee),
        "fee_asset": fill.fee_currency,
        "created_at": fill.time_ms,
        "profit": raw(fill.realised),
        "real_profit": raw(fill.realised),
        "role": "maker" if fill.maker else "taker",
    }


class SwapRows:
    """Rows of one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def size(self, symbol: str) -> Decimal:
        """Coins in a contract."""
        return contract_size(self._desk.listing(symbol))

    def names(self, symbol: str) -> dict[str, str]:
        """The fields that name a contract."""
        listing = self._desk.listing(symbol)
        code = contract_code(listing)
        return {
            "symbol": listing.spec.base,
            "contract_code": code,
            "pair": code,
            "contract_type": "swap",
            "business_type": "swap",
        }

    @exact
    def order(self, order: SimOrder) -> dict[str, Any]:
        """An order."""
        size = self.size(order.symbol)
        fills = [fill for fill in self._desk.fills_of.get(order.order_id, ()) if fill.order.filled <= order.filled]
        named = order.ticket.client_id
        ended = 0 if order.live or order.filled == order.quantity else order.seen_ms
        profit = sum((fill.realised for fill in fills), ZERO)
        return self.names(order.symbol) | {
            "volume": raw(order.quantity / size),
            "price": raw(order.price or ZERO),
            "order_price_type": price_word(order),
            "order_type": 3 if order.reason == "liquidation" else 1,
            "direction": order.side,
            "offset": offset_word(order),
            "lever_rate": self._desk.engine.account(order.account).leverage(order.symbol),
            "order_id": order.order_id,
            "order_id_str": str(order.order_id),
            "client_order_id": int(named) if named.isdigit() else None,
            "created_at": order.created_ms,
            "update_time": order.seen_ms,
            "trade_volume": raw(order.filled / size),
            "trade_turnover": raw(order.cost),
            "fee": raw(-sum((fill.fee for fill in fills), ZERO)),
            "trade_avg_price": raw(order.cost / order.filled) if order.filled else None,
            "margin_frozen": 0,
            "profit": raw(profit),
            "real_profit": raw(profit),
            "status": swap_state(order),
            "order_source": "risk" if order.reason in ("liquidation", "adl") else "api" if named.isdigit() else "web",
            "liquidation_type": {"liquidation": "1", "adl": "2"}.get(order.reason, "0"),
            "canceled_at": ended,
            "fee_asset": _SETTLE,
            "margin_asset": _SETTLE,
            "margin_mode": "cross",
            "margin_account": _SETTLE,
            "is_tpsl": 0,
            "reduce_only": int(order.ticket.reduce_only),
        }

    @exact
    def matched(self, fill: FillEvent) -> dict[str, Any]:
        """A fill in a list."""
        size = self.size(fill.order.symbol)
        return self.names(fill.order.symbol) | {
            "query_id": fill.trade_id,
            "match_id": fill.trade_id,
            "id": f"{fill.trade_id}-{fill.order.order_id}-1",
            "order_id": fill.order.order_id,
            "order_id_str": str(fill.order.order_id),
            "direction": fill.order.side,
            "offset": offset_word(fill.order),
            "trade_volume": raw(fill.quantity / size),
            "trade_price": raw(fill.price),
            "trade_turnover": raw(fill.price * fill.quantity),
            "trade_fee": raw(-fill.fee),
            "offset_profitloss": raw(fill.realised),
            "real_profit": raw(fill.realised),
            "create_date": fill.time_ms,
            "role": "Maker" if fill.maker else "Taker",
            "order_source": "risk" if fill.kind != "trade" else "api",
            "fee_asset": fill.fee_currency,
            "margin_mode": "cross",
            "margin_account": _SETTLE,
            "reduce_only": int(fill.order.ticket.reduce_only),
        }

    @exact
    def positions(self, holder: Account, symbol: str = "", side: str = "") -> list[dict[str, Any]]:
        """The positions that are held: all, of a symbol, or one leg of it."""
        return [
            self._position(holder, name, position)
            for (name, leg), position in sorted(holder.positions.items())
            if position.quantity and (not symbol or name == symbol) and side in ("", leg)
        ]

    @exact
    def _position(self, holder: Account, name: str, position: Position) -> dict[str, Any]:
        mark, held = self._desk.engine.state.mark(name), abs(position.quantity)
        volume, entry = held / self.size(name), position.average_entry or ZERO
        lever = holder.leverage(name)
        profit = position.unrealised(mark)
        return self.names(name) | {
            "volume": raw(volume),
            "available": raw(volume),
            "frozen": 0,
            "cost_open": raw(entry),
            "cost_hold": raw(entry),
            "profit_unreal": raw(profit),
            "profit": raw(profit),
            "profit_rate": 0,
            "lever_rate": lever,
            "position_margin": raw(held * mark / lever),
            "direction": "buy" if position.quantity > 0 else "sell",
            "last_price": raw(mark),
            "margin_asset": _SETTLE,
            "margin_mode": "cross",
            "margin_account": _SETTLE,
            "position_mode": "dual_side" if holder.hedge else "single_side",
            "adl_risk_percent": None,
        }

    @exact
    def account(self, holder: Account) -> dict[str, Any]:
        """The cross margin account."""
        state = self._desk.engine.state
        marks = state.marks()
        used = holder.margin_used(_SETTLE, state.live(holder.name), state.symbols, marks)
        equity, wallet = holder.equity(_SETTLE, state.symbols, marks), holder.wallet(_SETTLE)
        free = max(ZERO, equity - used)
        listed = [listing for listing in self._desk.exchange.listings.values() if not listing.delisted]
        return {
            "margin_mode": "cross",
            "margin_account": _SETTLE,
            "margin_asset": _SETTLE,
            "margin_balance": raw(equity),
            "margin_static": raw(wallet),
            "margin_position": raw(used),
            "margin_frozen": 0,
            "profit_real": 0,
            "profit_unreal": raw(equity - wallet),
            "withdraw_available": raw(min(free, wallet)),
            "risk_rate": None,
            "position_mode": "dual_side" if holder.hedge else "single_side",
            "contract_detail": [self._detail(holder, listing, free) for listing in listed],
            "futures_contract_detail": [],
        }

    def _detail(self, holder: Account, listing: Listing, free: Decimal) -> dict[str, Any]:
        name, marks = listing.spec.symbol, self._desk.engine.state.marks()
        legs = [leg for (of, _), leg in holder.positions.items() if of == name and leg.quantity]
        held = sum((abs(leg.quantity) * leg.contract_size * marks[name] for leg in legs), ZERO)
        return self.names(listing.spec.symbol) | {
            "margin_position": raw(held / holder.leverage(listing.spec.symbol)),
            "margin_frozen": 0,
            "margin_available": raw(free),
            "profit_unreal": 0,
            "liquidation_price": None,
            "lever_rate": holder.leverage(listing.spec.symbol),
            "adjust_factor": raw("0.04"),
        }
