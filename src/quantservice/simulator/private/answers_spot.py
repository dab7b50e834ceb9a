"""Answers of the spot market's private endpoints, with the keys and types of the recorded ones."""

from __future__ import annotations

import zlib
from typing import Any

from quantservice.core.money import ZERO
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.text import Writer, money
from quantservice.simulator.private.wording import status_word, type_word
from quantservice.simulator.trading import Account, FillEvent, SimOrder, Status


def _core(desk: Desk, item: SimOrder, cancel_id: str = "") -> dict[str, Any]:
    answer: dict[str, Any] = {"symbol": item.symbol}
    if cancel_id:
        answer["origClientOrderId"] = item.ticket.client_id
    return answer | {
        "orderId": item.order_id,
        "orderListId": -1,
        "clientOrderId": cancel_id or item.ticket.client_id,
        "transactTime": item.seen_ms,
    }


def _figures(desk: Desk, item: SimOrder) -> dict[str, Any]:
    write = Writer(desk.listing(item.symbol), spot=True)
    answer: dict[str, Any] = {
        "price": write.price(item.price),
        "origQty": write.quantity(item.quantity),
        "executedQty": write.quantity(item.filled),
        "origQuoteOrderQty": money(item.ticket.quote_quantity or ZERO),
        "cummulativeQuoteQty": money(item.cost),
        "status": status_word(item),
        "timeInForce": item.ticket.tif,
        "type": type_word("spot", item),
        "side": item.side.upper(),
    }
    if item.stop_price is not None:
        answer["stopPrice"] = write.price(item.stop_price)
    return answer


def placed(desk: Desk, item: SimOrder, *, shape: str) -> dict[str, Any]:
    """Return a new order as ACK, RESULT or FULL."""
    answer = _core(desk, item)
    if shape == "ACK":
        return answer
    answer |= _figures(desk, item)
    answer |= {"workingTime": _working(item), "selfTradePreventionMode": item.ticket.self_trade}
    if shape == "FULL":
        answer["fills"] = [
            {
                "price": money(fill.price),
                "qty": money(fill.quantity),
                "commission": money(fill.fee),
                "commissionAsset": fill.fee_currency,
                "tradeId": fill.trade_id,
            }
            for fill in desk.fills_of.get(item.order_id, ())
        ]
    return answer


def cancelled(desk: Desk, item: SimOrder, cancel_id: str) -> dict[str, Any]:
    """Return a cancelled order; ``cancel_id`` is the id of the cancel itself."""
    return _core(desk, item, cancel_id) | _figures(desk, item) | {"selfTradePreventionMode": item.ticket.self_trade}


def queried(desk: Desk, item: SimOrder) -> dict[str, Any]:
    """Return an order as queries show it."""
    answer = _core(desk, item)
    del answer["transactTime"]
    figures = {"stopPrice": money(ZERO)} | _figures(desk, item)
    quote = figures.pop("origQuoteOrderQty")
    return (
        answer
        | figures
        | {
            "icebergQty": money(ZERO),
            "time": item.created_ms,
            "updateTime": item.seen_ms,
            "isWorking": item.status is not Status.WAITING,
            "workingTime": _working(item),
            "origQuoteOrderQty": quote,
            "selfTradePreventionMode": item.ticket.self_trade,
        }
    )


def amended(desk: Desk, item: SimOrder, original_id: str) -> dict[str, Any]:
    """Return an order whose quantity was amended."""
    write = Writer(desk.listing(item.symbol), spot=True)
    return {
        "transactTime": item.seen_ms,
        "executionId": item.seen_ms * 10,
        "amendedOrder": {
            "symbol": item.symbol,
            "orderId": item.order_id,
            "orderListId": -1,
            "origClientOrderId": original_id,
            "clientOrderId": item.ticket.client_id,
            "price": write.price(item.price),
            "qty": write.quantity(item.quantity),
            "executedQty": write.quantity(item.filled),
            "preventedQty": money(ZERO),
            "quoteOrderQty": money(ZERO),
            "cumulativeQuoteQty": money(item.cost),
            "status": status_word(item),
            "timeInForce": item.ticket.tif,
            "type": type_word("spot", item),
            "side": item.side.upper(),
            "workingTime": _working(item),
            "selfTradePreventionMode": item.ticket.self_trade,
        },
    }


def trade(desk: Desk, fill: FillEvent) -> dict[str, Any]:
    """Return one fill."""
    return {
        "symbol": fill.order.symbol,
        "id": fill.trade_id,
        "orderId": fill.order.order_id,
        "orderListId": -1,
        "price": money(fill.price),
        "qty": money(fill.quantity),
        "quoteQty": money(fill.price * fill.quantity),
        "commission": money(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": fill.time_ms,
        "isBuyer": fill.order.side == "buy",
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def balances(desk: Desk, account: Account, *, omit_zero: bool = False, coming: SimOrder | None = None) -> list[dict[str, str]]:
    """Return free and locked amounts, currency by currency; ``coming`` is an order on its way to the book."""
    state = desk.engine.state
    orders = list(state.live(account.name))
    if coming is not None and all(order.order_id != coming.order_id for order in orders):
        orders.append(coming)
    held = account.held_back(orders, state.symbols)
    return [
        {"asset": currency, "free": money(amount - held.get(currency, ZERO)), "locked": money(held.get(currency, ZERO))}
        for currency, amount in sorted(account.wallets.items())
        if amount or not omit_zero
    ]


def account(desk: Desk, holder: Account, *, can_withdraw: bool, omit_zero: bool) -> dict[str, Any]:
    """Return the account."""
    fees = desk.config.fees["spot"]
    maker, taker = f"{float(fees.maker):.8f}", f"{float(fees.taker):.8f}"
    return {
        "makerCommission": round(float(fees.maker) * 10_000),
        "takerCommission": round(float(fees.taker) * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": maker, "taker": taker, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": holder.can_trade,
        "canWithdraw": can_withdraw,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": desk.now_ms(),
        "accountType": "SPOT",
        "balances": balances(desk, holder, omit_zero=omit_zero),
        "permissions": ["SPOT"],
        "uid": 300_000_000 + zlib.crc32(holder.name.encode()) % 90_000_000,  # a function of its name
    }


def commission(symbol: str, maker: str, taker: str) -> dict[str, Any]:
    """Return the commission rates of a symbol."""
    zero = dict.fromkeys(("maker", "taker", "buyer", "seller"), money(ZERO))
    return {
        "symbol": symbol,
        "standardCommission": zero | {"maker": f"{float(maker):.8f}", "taker": f"{float(taker):.8f}"},
        "specialCommission": zero,
        "taxCommission": zero,
        "discount": {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": "0.75000000"},
    }


def _working(item: SimOrder) -> int:
    return -1 if item.status is Status.WAITING else item.created_ms
