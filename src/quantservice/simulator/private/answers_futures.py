"""Answers of the futures markets' private endpoints, with the keys and types of the recorded ones."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from quantservice.core.fees import notional
from quantservice.core.margin import liquidation_price, maintenance_margin
from quantservice.core.money import ZERO
from quantservice.core.positions import PositionSide
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.text import Writer, average, money, plain
from quantservice.simulator.private.wording import status_word, type_word
from quantservice.simulator.trading import Account, FillEvent, Kind, SimOrder, Status, Symbol

#: um algo ids live far above order ids, as on the venue
ALGO_BASE = 3_000_000_000_000_000
_ALGO_STATUS = {
    Status.WAITING: "NEW",
    Status.NEW: "TRIGGERED",
    Status.PARTIALLY_FILLED: "TRIGGERED",
    Status.FILLED: "FINISHED",
    Status.CANCELED: "CANCELED",
    Status.EXPIRED: "EXPIRED",
}


def writer(desk: Desk, symbol: str) -> Writer:
    """Return how a symbol's figures are written."""
    return Writer(desk.listing(symbol), spot=False)


def base_value(desk: Desk, order_id: int) -> Decimal:
    """Return what the fills of an inverse order are worth in coins."""
    total = ZERO
    for fill in desk.fills_of.get(order_id, ()):
        symbol = desk.engine.state.symbols[fill.order.symbol]
        total += notional(fill.price, fill.quantity, contract_size=symbol.contract_size, inverse=symbol.inverse)
    return total


def order(desk: Desk, item: SimOrder, *, shape: str) -> dict[str, Any]:
    """Return one order as ``shape`` shows it: placed, cancelled, amended or queried."""
    ticket, write, coin = item.ticket, writer(desk, item.symbol), desk.market == "cm"
    answer: dict[str, Any] = {
        "orderId": item.order_id,
        "symbol": item.symbol,
        "status": status_word(item),
        "clientOrderId": ticket.client_id,
        "price": write.price(item.price),
        "avgPrice": write.average(average(item)),
        "origQty": write.quantity(item.quantity),
        "executedQty": write.quantity(item.filled),
    }
    if shape != "queried":
        answer["cumQty"] = write.quantity(item.filled)
    if coin:
        answer |= {"pair": write.pair, "cumBase": money(base_value(desk, item.order_id) if item.filled else ZERO)}
    else:
        answer["cumQuote"] = write.average(item.cost)
    answer |= {
        "timeInForce": ticket.tif,
        "type": type_word(desk.market, item),
        "reduceOnly": ticket.reduce_only,
        "closePosition": ticket.close_all,
        "side": item.side.upper(),
        "positionSide": ticket.position_side.upper(),
        "stopPrice": write.price(item.stop_price),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": type_word(desk.market, item, original=True),
    }
    if ticket.kind is Kind.TRAILING_STOP_MARKET:
        answer |= {"activatePrice": write.price(ticket.activation), "priceRate": plain((ticket.callback or ZERO) * 100)}
    if not coin:
        answer |= {
            "priceMatch": "NONE",
            "selfTradePreventionMode": ticket.self_trade,
            "goodTillDate": ticket.expire_ms,
        }
    if shape == "queried":
        answer["time"] = item.created_ms
    if shape == "amended" and not coin:
        answer["pair"] = item.symbol
    return answer | {"updateTime": item.seen_ms}


def algo_order(desk: Desk, item: SimOrder, *, placed: bool) -> dict[str, Any]:
    """Return a um conditional order as the algo service shows it."""
    ticket, write = item.ticket, writer(desk, item.symbol)
    acting = item.triggered
    answer: dict[str, Any] = {
        "algoId": ALGO_BASE + item.order_id,
        "clientAlgoId": ticket.client_id,
        "algoType": "CONDITIONAL",
        "orderType": type_word(desk.market, item, original=True),
        "symbol": item.symbol,
        "side": item.side.upper(),
        "positionSide": ticket.position_side.upper(),
        "timeInForce": ticket.tif,
        "quantity": write.quantity(item.quantity),
        "algoStatus": "FINISHED" if acting and not item.live else _ALGO_STATUS[item.status],
        "triggerPrice": write.price(item.stop_price),
        "price": write.price(item.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": ticket.self_trade,
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": ticket.close_all,
        "priceProtect": False,
        "reduceOnly": ticket.reduce_only,
        "createTime": item.created_ms,
        "updateTime": item.seen_ms,
        "triggerTime": item.seen_ms if acting else 0,
        "goodTillDate": ticket.expire_ms,
    }
    if placed:
        callback = plain(ticket.callback * 100) if ticket.callback is not None else ""
        return answer | {"activatePrice": write.price(ticket.activation) if ticket.activation else "", "callbackRate": callback}
    answer |= {
        "actualOrderId": str(item.order_id) if acting else "",
        "actualPrice": write.average(average(item)),
        "actualQty": write.quantity(item.filled),
        "actualType": type_word(desk.market, item) if acting else "",
    }
    zeros = dict.fromkeys(("tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice"), write.price(ZERO))
    return answer | zeros | {"tpOrderType": ""}


def trade(desk: Desk, fill: FillEvent) -> dict[str, Any]:
    """Return one fill."""
    write, symbol = writer(desk, fill.order.symbol), desk.engine.state.symbols[fill.order.symbol]
    answer: dict[str, Any] = {
        "symbol": symbol.name,
        "id": fill.trade_id,
        "orderId": fill.order.order_id,
        "side": fill.order.side.upper(),
        "price": write.price(fill.price),
        "qty": write.quantity(fill.quantity),
        "realizedPnl": money(fill.realised),
    }
    if desk.market == "cm":
        value = notional(fill.price, fill.quantity, contract_size=symbol.contract_size, inverse=True)
        answer |= {"pair": write.pair, "marginAsset": symbol.settle, "baseQty": money(value)}
    else:
        answer["quoteQty"] = plain(fill.price * fill.quantity)
    return answer | {
        "commission": money(fill.fee),
        "commissionAsset": fill.fee_currency,
        "time": fill.time_ms,
        "positionSide": fill.order.ticket.position_side.upper(),
        "buyer": fill.order.side == "buy",
        "maker": fill.maker,
    }


class Standing:
    """An account's figures in one currency, computed once per answer."""

    def __init__(self, desk: Desk, account: Account, currency: str) -> None:
        state = desk.engine.state
        marks = state.marks()
        orders = list(state.live(account.name))
        self.wallet = account.wallet(currency)
        self.unrealised = account.equity(currency, state.symbols, marks) - self.wallet
        self.initial = account.margin_used(currency, orders, state.symbols, marks)
        self.positions = account.margin_used(currency, (), state.symbols, marks)
        self.maintenance = account.maintenance(currency, state.symbols, marks)
        self.available = max(ZERO, self.wallet + self.unrealised - self.initial)
        self.withdraw = max(ZERO, min(self.wallet, self.available))

    def fields(self) -> dict[str, str]:
        """Return the figures under the venue's names of an asset."""
        return {
            "walletBalance": money(self.wallet),
            "unrealizedProfit": money(self.unrealised),
            "marginBalance": money(self.wallet + self.unrealised),
            "maintMargin": money(self.maintenance),
            "initialMargin": money(self.initial),
            "positionInitialMargin": money(self.positions),
            "openOrderInitialMargin": money(self.initial - self.positions),
            "crossWalletBalance": money(self.wallet),
            "crossUnPnl": money(self.unrealised),
            "availableBalance": money(self.available),
            "maxWithdrawAmount": money(self.withdraw),
        }


def balances(desk: Desk, account: Account) -> list[dict[str, Any]]:
    """Return the balance list."""
    rows: list[dict[str, Any]] = []
    for currency in sorted(account.wallets):
        standing = Standing(desk, account, currency)
        row: dict[str, Any] = {
            "accountAlias": "SgsR",
            "asset": currency,
            "balance": money(standing.wallet),
            "crossWalletBalance": money(standing.wallet),
            "crossUnPnl": money(standing.unrealised),
            "availableBalance": money(standing.available),
        }
        if desk.market == "cm":
            row["withdrawAvailable"] = money(standing.withdraw)
        else:
            row |= {"maxWithdrawAmount": money(standing.withdraw), "marginAvailable": True}
        rows.append(row | {"updateTime": desk.now_ms()})
    return rows


def legs(account: Account) -> tuple[PositionSide, ...]:
    """Return the legs that a symbol is shown with: the net one, or both of hedge mode."""
    return ("long", "short") if account.hedge else ("both",)


def position_risk(desk: Desk, account: Account, symbol: Symbol, side: PositionSide, *, version: int) -> dict[str, Any]:
    """Return one leg as the position risk endpoints show it."""
    write, held = writer(desk, symbol.name), account.position(symbol, side)
    mark, quantity, entry = desk.mark(symbol.name), held.quantity, held.average_entry
    unrealised = held.unrealised(mark) if quantity else ZERO
    value = notional(mark, quantity, contract_size=symbol.contract_size, inverse=symbol.inverse) if quantity else ZERO
    isolated = account.isolated.get(symbol.name, False)
    row: dict[str, Any] = {
        "symbol": symbol.name,
        "positionSide": side.upper(),
        "positionAmt": write.quantity(quantity),
        "entryPrice": write.average(entry),
        "breakEvenPrice": write.average(entry),
        "markPrice": money(mark),
        "unRealizedProfit": money(unrealised),
        "liquidationPrice": plain(round(liquidation(desk, account, symbol, side) or ZERO, 8)),
        "isolatedMargin": money(ZERO),
    }
    signed = value if quantity > 0 else -value
    if desk.market == "cm":
        row |= {"notionalValue": plain(round(signed, 8)), "maxQty": "500"}
    else:
        row |= {"notional": plain(round(signed, 8)), "isolatedWallet": "0"}
    if version >= 3:
        maintenance = maintenance_margin(mark, quantity, symbol.brackets, inverse=False) if quantity and symbol.brackets else ZERO
        margin = money(value / account.leverage(symbol.name))
        row |= {
            "marginAsset": symbol.settle,
            "initialMargin": margin,
            "maintMargin": money(maintenance),
            "positionInitialMargin": margin,
            "openOrderInitialMargin": "0",
            "adl": 0,
            "bidNotional": "0",
            "askNotional": "0",
        }
    else:
        row |= {
            "leverage": str(account.leverage(symbol.name)),
            "marginType": "isolated" if isolated else "cross",
            "isAutoAddMargin": "false",
        }
        if desk.market == "um":
            row["maxNotionalValue"] = "100000000"
    return row | {"updateTime": moved_ms(desk, account, symbol.name)}


def liquidation(desk: Desk, account: Account, symbol: Symbol, side: PositionSide) -> Decimal | None:
    """Return the mark price that would liquidate a leg, with the whole wallet behind it."""
    held = account.position(symbol, side)
    entry = held.average_entry
    if entry is None or symbol.brackets is None:
        return None
    return liquidation_price(
        entry,
        held.quantity,
        account.wallet(symbol.settle),
        symbol.brackets,
        contract_size=symbol.contract_size,
        inverse=symbol.inverse,
    )


def moved_ms(desk: Desk, account: Account, symbol: str) -> int:
    """Return when a position last changed; 0 if it never did."""
    return desk.moved.get((account.name, symbol), 0)


def account_position(desk: Desk, account: Account, symbol: Symbol, side: PositionSide, *, version: int) -> dict[str, Any]:
    """Return one leg as the account endpoints show it."""
    write, held, mark = writer(desk, symbol.name), account.position(symbol, side), desk.mark(symbol.name)
    value = notional(mark, held.quantity, contract_size=symbol.contract_size, inverse=symbol.inverse) if held.quantity else ZERO
    margin = money(value / account.leverage(symbol.name))
    row: dict[str, Any] = {
        "symbol": symbol.name,
        "positionSide": side.upper(),
        "positionAmt": write.quantity(held.quantity),
        "unrealizedProfit": money(held.unrealised(mark) if held.quantity else ZERO),
        "initialMargin": margin,
        "maintMargin": money(value * Decimal("0.004")),
    }
    if version >= 3:
        row |= {"isolatedMargin": money(ZERO), "notional": plain(round(value, 8)), "isolatedWallet": "0"}
    else:
        row |= {
            "positionInitialMargin": margin,
            "openOrderInitialMargin": "0",
            "leverage": str(account.leverage(symbol.name)),
            "isolated": account.isolated.get(symbol.name, False),
            "entryPrice": write.average(held.average_entry),
        }
        row |= (
            {"maxQty": "500", "breakEvenPrice": write.average(held.average_entry)}
            if desk.market == "cm"
            else {"maxNotional": "100000000", "bidNotional": "0", "askNotional": "0"}
        )
    return row | {"updateTime": moved_ms(desk, account, symbol.name)}


def account(desk: Desk, holder: Account, symbols: Iterable[Symbol], *, version: int, multi_assets: bool) -> dict[str, Any]:
    """Return the account with its assets and positions."""
    now = desk.now_ms()
    assets: list[dict[str, Any]] = []
    totals: dict[str, Decimal] = {}
    for currency in sorted(holder.wallets):
        standing = Standing(desk, holder, currency)
        row: dict[str, Any] = {"asset": currency} | standing.fields()
        if desk.market == "um" and version < 3:
            row["marginAvailable"] = True
        assets.append(row | {"updateTime": now})
        for name, text in standing.fields().items():
            totals[name] = totals.get(name, ZERO) + Decimal(text)
    positions = [
        account_position(desk, holder, symbol, side, version=version)
        for symbol in symbols
        for side in legs(holder)
        if version < 3 or holder.position(symbol, side).quantity
    ]
    head: dict[str, Any] = {}
    if version < 3:
        head = {"feeTier": 0, "canTrade": holder.can_trade, "canDeposit": True, "canWithdraw": holder.can_withdraw, "updateTime": 0}
    if desk.market == "um":
        if version < 3:
            head |= {"multiAssetsMargin": multi_assets, "tradeGroupId": -1}
        head |= {
            "totalInitialMargin": money(totals.get("initialMargin", ZERO)),
            "totalMaintMargin": money(totals.get("maintMargin", ZERO)),
            "totalWalletBalance": money(totals.get("walletBalance", ZERO)),
            "totalUnrealizedProfit": money(totals.get("unrealizedProfit", ZERO)),
            "totalMarginBalance": money(totals.get("marginBalance", ZERO)),
            "totalPositionInitialMargin": money(totals.get("positionInitialMargin", ZERO)),
            "totalOpenOrderInitialMargin": money(totals.get("openOrderInitialMargin", ZERO)),
            "totalCrossWalletBalance": money(totals.get("crossWalletBalance", ZERO)),
            "totalCrossUnPnl": money(totals.get("crossUnPnl", ZERO)),
            "availableBalance": money(totals.get("availableBalance", ZERO)),
            "maxWithdrawAmount": money(totals.get("maxWithdrawAmount", ZERO)),
        }
    return head | {"assets": assets, "positions": positions}


def incomes(desk: Desk, account_name: str) -> list[dict[str, Any]]:
    """Return everything that moved a wallet, oldest first: profit and fee of each fill, funding, transfers."""
    rows = [
        _income(fill.order.symbol, kind, amount, _settle(desk, fill), fill.time_ms, (fill.trade_id * 10 + at, str(fill.trade_id)))
        for fill in desk.engine.state.fills
        if fill.account == account_name
        for at, (kind, amount) in enumerate((("REALIZED_PNL", fill.realised), ("COMMISSION", -fill.fee)))
        if amount
    ]
    words = {"funding": "FUNDING_FEE", "transfer": "TRANSFER", "insurance": "INSURANCE_CLEAR"}
    rows += [
        _income(event.symbol, words[event.reason], event.amount, event.currency, event.time_ms, (event.sequence, ""))
        for event in desk.engine.state.movements
        if event.account == account_name and event.reason in words
    ]
    rows.sort(key=lambda row: row["time"])
    return rows


def _settle(desk: Desk, fill: FillEvent) -> str:
    return desk.engine.state.symbols[fill.order.symbol].settle


def _income(symbol: str, kind: str, amount: Decimal, asset: str, time_ms: int, ids: tuple[int, str]) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "incomeType": kind,
        "income": money(amount),
        "asset": asset,
        "info": kind,
        "time": time_ms,
        "tranId": ids[0],
        "tradeId": ids[1],
    }
