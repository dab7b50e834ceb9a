"""Orders, fills, conditional orders, positions, balances and bills as the venue writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from quantservice.core.money import ZERO, exact
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.private.text import average, plain
from quantservice.simulator.trading import Account, BalanceEvent, FillEvent, Kind, SimOrder, Status, Symbol
from quantservice.simulator.trading.values import CONDITIONAL

Row = dict[str, Any]
#: conditional orders are numbered by a service of their own
ALGO_BASE: Final = 900_000_000_000_000
_STATES: Final = {
    Status.WAITING: "live",
    Status.NEW: "live",
    Status.PARTIALLY_FILLED: "partially_filled",
    Status.FILLED: "filled",
    Status.CANCELED: "canceled",
    Status.EXPIRED: "canceled",
}
#: why an order ended, in the venue's numbers
_SOURCES: Final = {
    "client": "1",
    "amended_below_filled": "1",
    "nothing_to_close": "2",
    "liquidation": "3",
    "adl": "9",
    "fok": "13",
    "ioc": "14",
    "no_liquidity": "14",
    "countdown": "20",
    "post_only": "31",
    "self_trade": "32",
}
_CATEGORIES: Final = {"liquidation": "full_liquidation", "adl": "adl"}


def order_type(order: SimOrder) -> str:
    """The venue's type of an order; of a conditional one that was triggered, what it became."""
    ticket = order.ticket
    if ticket.post_only:
        return "post_only"
    if ticket.kind is Kind.MARKET or (ticket.kind in CONDITIONAL and ticket.price is None):
        return "market"
    return {"IOC": "ioc", "FOK": "fok"}.get(ticket.tif, "limit")


def is_algo(order: SimOrder) -> bool:
    """Whether an order was placed with the service of conditional orders."""
    return order.ticket.kind in CONDITIONAL


def client_id(order: SimOrder) -> str:
    """An order's client id; conditional ones bear theirs elsewhere, and the venue's own closing orders have none."""
    return "" if is_algo(order) or order.reason in ("liquidation", "adl") else order.ticket.client_id


def waits(order: SimOrder) -> bool:
    """Whether it is that service's still: not triggered."""
    return is_algo(order) and not order.triggered


@exact
def order(market: OkxMarket, found: SimOrder, fill: FillEvent | None = None) -> Row:
    """An order, in an answer or a push; ``fill``: the execution that a push tells."""
    inst_id, ticket, algo = found.symbol, found.ticket, is_algo(found)
    fills = [item for item in market.desk.fills_of.get(found.order_id, ()) if item.order.filled <= found.filled]
    last = fill or (fills[-1] if fills else None)
    fee = sum((item.fee for item in fills), ZERO)
    realised = sum((item.realised for item in fills), ZERO)
    spec = market.state.listings[inst_id].spec
    row: Row = {
        "instType": market.inst_type,
        "instId": inst_id,
        "tgtCcy": "",
        "ccy": "",
        "ordId": str(found.order_id),
        "clOrdId": client_id(found),
        "algoId": str(ALGO_BASE + found.order_id) if algo else "",
        "algoClOrdId": ticket.client_id if algo else "",
        "tag": "",
        "px": plain(found.price) if found.price is not None and order_type(found) != "market" else "",
        "sz": market.contracts(inst_id, found.quantity),
        "ordType": order_type(found),
        "side": found.side,
        "posSide": _leg(market, found),
        "tdMode": "cross" if market.swap else "cash",
        "accFillSz": market.contracts(inst_id, found.filled),
        "avgPx": plain(average(found)) if found.filled else "",
        "state": _STATES[found.status],
        "lever": "" if not market.swap else str(market.desk.engine.account(found.account).leverage(inst_id)),
        "feeCcy": (last.fee_currency if last is not None else spec.quote),
        "fee": plain(-fee) if fee else "0",
        "rebateCcy": spec.quote,
        "rebate": "0",
        "source": "",
        "pnl": plain(realised),
        "category": _CATEGORIES.get(found.reason, "normal") if found.status is Status.FILLED else "normal",
        "reduceOnly": "true" if ticket.reduce_only else "false",
        "cancelSource": _SOURCES.get(found.reason, "0") if _STATES[found.status] == "canceled" else "",
        "cancelSourceReason": "",
        "stpMode": "cancel_maker",
        "cTime": str(found.created_ms),
        "uTime": str(found.seen_ms),
        "tradeId": str(last.trade_id) if last is not None else "",
        "fillPx": plain(last.price) if last is not None else "",
        "fillSz": market.contracts(inst_id, last.quantity) if last is not None else "0",
        "fillTime": str(last.time_ms) if last is not None else "",
    }
    return row


@exact
def pushed(market: OkxMarket, found: SimOrder, fill: FillEvent | None) -> Row:
    """An order in a push: the execution that it tells, and nothing of older ones."""
    row = order(market, found, fill)
    if fill is None:
        row |= {"tradeId": "", "fillPx": "", "fillSz": "0", "fillTime": ""}
    return row | {
        "fillFee": plain(-fill.fee) if fill is not None and fill.fee else "0",
        "fillFeeCcy": fill.fee_currency if fill is not None else "",
        "fillPnl": plain(fill.realised) if fill is not None else "0",
        "execType": ("M" if fill.maker else "T") if fill is not None else "",
        "fillNotionalUsd": plain(fill.price * fill.quantity) if fill is not None else "",
        "amendResult": "",
        "reqId": "",
        "code": "0",
        "msg": "",
    }


def fill_row(market: OkxMarket, fill: FillEvent) -> Row:
    """A fill in a list."""
    found = fill.order
    return {
        "instType": market.inst_type,
        "instId": found.symbol,
        "tradeId": str(fill.trade_id),
        "ordId": str(found.order_id),
        "clOrdId": client_id(found),
        "billId": str(fill.sequence * 10),
        "subType": _SUB_TYPES.get(fill.kind, {"buy": "1", "sell": "2"}[found.side]),
        "tag": "",
        "fillPx": plain(fill.price),
        "fillSz": market.contracts(found.symbol, fill.quantity),
        "fillPnl": plain(fill.realised),
        "side": found.side,
        "posSide": _leg(market, found),
        "execType": "M" if fill.maker else "T",
        "feeCcy": fill.fee_currency,
        "fee": plain(-fill.fee) if fill.fee else "0",
        "fillTime": str(fill.time_ms),
        "ts": str(fill.time_ms),
    }


_SUB_TYPES: Final = {"liquidation": "100", "adl": "125"}


def algo(market: OkxMarket, found: SimOrder) -> Row:
    """A conditional order, waiting or done."""
    ticket, inst_id = found.ticket, found.symbol
    kind, price = ticket.kind, plain(ticket.price) if ticket.price is not None else "-1"
    stop = plain(found.stop_price) if found.stop_price is not None else ""
    row: Row = {
        "instType": market.inst_type,
        "instId": inst_id,
        "algoId": str(ALGO_BASE + found.order_id),
        "algoClOrdId": ticket.client_id,
        "clOrdId": "",
        "ordId": str(found.order_id) if found.triggered else "",
        "ordIdList": [str(found.order_id)] if found.triggered else [],
        "sz": market.contracts(inst_id, found.quantity),
        "closeFraction": "1" if ticket.close_all else "",
        "ordType": "move_order_stop" if kind is Kind.TRAILING_STOP_MARKET else "conditional",
        "side": found.side,
        "posSide": _leg(market, found),
        "tdMode": "cross" if market.swap else "cash",
        "tgtCcy": "" if market.swap else "base_ccy",
        "state": "effective" if found.triggered else "live" if found.live else "canceled",
        "lever": "",
        "tpTriggerPx": "",
        "tpOrdPx": "",
        "slTriggerPx": "",
        "slOrdPx": "",
        "triggerPx": "",
        "ordPx": "",
        "callbackRatio": plain(ticket.callback) if ticket.callback is not None else "",
        "activePx": plain(ticket.activation) if ticket.activation is not None else "",
        "reduceOnly": "true" if ticket.reduce_only else "false",
        "actualSz": market.contracts(inst_id, found.filled),
        "failCode": "",
        "cTime": str(found.created_ms),
        "uTime": str(found.seen_ms),
        "triggerTime": str(found.seen_ms) if found.triggered else "",
    }
    if kind in (Kind.STOP, Kind.STOP_MARKET):
        row |= {"slTriggerPx": stop, "slOrdPx": price, "slTriggerPxType": "last"}
    elif kind in (Kind.TAKE_PROFIT, Kind.TAKE_PROFIT_MARKET):
        row |= {"tpTriggerPx": stop, "tpOrdPx": price, "tpTriggerPxType": "last"}
    return row


def _leg(market: OkxMarket, found: SimOrder) -> str:
    if not market.swap:
        return ""
    return "net" if found.ticket.position_side == "both" else found.ticket.position_side


# --- the account -----------------------------------------------------------------------------------------------------------


@exact
def position(market: OkxMarket, holder: Account, symbol: Symbol, leg: str) -> Row:
    """One leg of a position; sizes of a long or short leg are written without a sign, as the venue does."""
    held = holder.position(symbol, leg)  # type: ignore[arg-type]
    mark = market.desk.mark(symbol.name)
    size = held.quantity if leg == "both" else abs(held.quantity)
    value = abs(held.quantity) * mark
    leverage = holder.leverage(symbol.name)
    needed = symbol.brackets.maintenance_margin(value) if symbol.brackets is not None and value else ZERO
    return {
        "instType": "SWAP",
        "instId": symbol.name,
        "mgnMode": "isolated" if holder.isolated.get(symbol.name, False) else "cross",
        "posId": f"{symbol.name}:{leg}",
        "posSide": "net" if leg == "both" else leg,
        "pos": market.contracts(symbol.name, size),
        "ccy": symbol.settle,
        "posCcy": "",
        "avgPx": plain(held.average_entry) if held.average_entry else "",
        "markPx": plain(mark),
        "upl": plain(held.unrealised(mark)) if held.quantity else "0",
        "lever": str(leverage),
        "liqPx": "",
        "margin": "",
        "imr": plain((value / leverage).quantize(Decimal("0.00000001"))),
        "mmr": plain(needed.quantize(Decimal("0.00000001"))),
        "notionalUsd": plain(value),
        "realizedPnl": plain(held.realised),
        "cTime": str(market.desk.moved.get((holder.name, symbol.name), 0)),
        "uTime": str(market.desk.moved.get((holder.name, symbol.name), 0)),
    }


@exact
def balances(markets: Iterable[OkxMarket], holder: Account, *, only: tuple[str, ...] = ()) -> list[Row]:
    """The currencies of the account that spot and swaps share."""
    listed = list(markets)
    state = listed[0].desk.engine.state
    marks, orders = state.marks(), list(state.live(holder.name))
    kept = holder.held_back(orders, state.symbols)
    rows: list[Row] = []
    for currency, wallet in sorted(holder.wallets.items()):
        if only and currency not in only:
            continue
        used = holder.margin_used(currency, orders, state.symbols, marks)
        equity = holder.equity(currency, state.symbols, marks)
        frozen = kept.get(currency, ZERO) + used
        rows.append(
            {
                "ccy": currency,
                "cashBal": plain(wallet),
                "eq": plain(equity),
                "availBal": plain(max(ZERO, wallet - frozen)),
                "availEq": plain(max(ZERO, equity - frozen)),
                "frozenBal": plain(frozen),
                "ordFrozen": plain(kept.get(currency, ZERO)),
                "upl": plain(equity - wallet),
                "mmr": plain(maintenance) if (maintenance := holder.maintenance(currency, state.symbols, marks)) else "",
                "liab": "0",
                "interest": "0",
                "uTime": str(listed[0].state.clock.server_ms()),
            }
        )
    return rows


@exact
def bills_of_fill(market: OkxMarket, fill: FillEvent) -> list[Row]:
    """The bills of a fill: one per currency that it moved."""
    found, kind = fill.order, {"liquidation": "5", "adl": "9"}.get(fill.kind, "2")
    base = {
        "instType": market.inst_type,
        "instId": found.symbol,
        "type": kind,
        "subType": fill_row(market, fill)["subType"],
        "ordId": str(found.order_id),
        "tradeId": str(fill.trade_id),
        "clOrdId": client_id(found),
        "ts": str(fill.time_ms),
    }
    if market.swap:
        return [
            base
            | {
                "billId": str(fill.sequence * 10),
                "ccy": fill.fee_currency,
                "balChg": plain(fill.realised - fill.fee),
                "pnl": plain(fill.realised),
                "fee": plain(-fill.fee),
            }
        ]
    spec = market.state.listings[found.symbol].spec
    sign = 1 if found.side == "buy" else -1
    moved: Mapping[str, Decimal] = {spec.base: sign * fill.quantity, spec.quote: -sign * fill.price * fill.quantity}
    return [
        base
        | {
            "billId": str(fill.sequence * 10 + index),
            "ccy": currency,
            "balChg": plain(amount - (fill.fee if currency == fill.fee_currency else ZERO)),
            "pnl": "0",
            "fee": plain(-fill.fee) if currency == fill.fee_currency else "0",
        }
        for index, (currency, amount) in enumerate(moved.items())
    ]


def bill_of_movement(event: BalanceEvent) -> Row:
    """The bill of money that moved without a fill."""
    gain = event.amount > 0
    kind, sub = {
        "funding": ("8", "174" if gain else "173"),
        "transfer": ("1", "11" if gain else "12"),
        "insurance": ("13", "131"),
    }.get(event.reason, ("22", "221"))
    return {
        "billId": str(event.sequence * 10),
        "instType": "SWAP" if event.symbol else "",
        "instId": event.symbol,
        "type": kind,
        "subType": sub,
        "ccy": event.currency,
        "balChg": plain(event.amount),
        "pnl": plain(event.amount) if event.reason == "funding" else "0",
        "fee": "0",
        "ordId": "",
        "tradeId": "",
        "clOrdId": "",
        "ts": str(event.time_ms),
    }
