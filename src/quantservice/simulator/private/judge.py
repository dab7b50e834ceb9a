"""The judge's paths: ``GET /_referee/ledger`` and what happens to an account from outside. Not part of the venue."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import msgspec
from aiohttp import web

from quantservice.core.money import ZERO
from quantservice.simulator.private.config import KeySpec
from quantservice.simulator.private.wording import refusal, status_word, type_word
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.trading import FillEvent, Kind, Reject, SimOrder, Ticket

if TYPE_CHECKING:
    from quantservice.simulator.private.desk import Desk


class ManualOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order that the account's owner places by hand: at the market, or at ``price``."""

    market: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal | None = None
    reduce_only: bool = False
    position_side: Literal["both", "long", "short"] = "both"
    account: str = "main"
    client_id: str = ""


class OutsideTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money that comes in from outside (negative: that is taken out)."""

    market: str
    currency: str
    amount: Decimal
    account: str = "main"


class ForcedClose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A position that the venue closes: by liquidation or by deleveraging."""

    market: str
    symbol: str
    side: Literal["both", "long", "short"] = "both"
    account: str = "main"


class MarketTrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A trade of the market that serves resting orders and triggers conditional ones; the public data does not show it."""

    market: str
    symbol: str
    price: Decimal
    quantity: Decimal
    buyer_is_maker: bool = False


class IssuedKeys(Protocol):
    """A venue's keys."""

    @property
    def accounts(self) -> list[str]:
        """Names of the accounts that have keys."""
        ...

    def add(self, spec: Any) -> None:
        """Issue a key."""
        ...

    def remove(self, key: str) -> bool:
        """Revoke a key."""
        ...


class Judged(Protocol):
    """A venue's trading side, as the judge looks at it."""

    @property
    def all_desks(self) -> Mapping[str, Desk]:
        """The desks by the names that the judge knows markets by."""
        ...

    @property
    def keys(self) -> IssuedKeys:
        """The keys."""
        ...

    def endow(self, account: str) -> None:
        """Give an account the money that accounts begin with."""
        ...

    def lifted(self) -> list[str]:
        """Name the limits that are not in force."""
        ...


class Judge:
    """Shows the venue's own ledger, and lets the world outside act on an account."""

    prefix: ClassVar[str] = "/_referee"
    key_kind: ClassVar[Any] = KeySpec
    web_id: ClassVar[str] = "web_{now_ms}_{made}"  # the client id that the venue's own page gives an order

    def __init__(self, plane: Judged) -> None:
        self._plane = plane
        self._made = 0

    def add_to(self, application: web.Application) -> None:
        """Register the paths."""
        router = application.router
        router.add_get(f"{self.prefix}/ledger", self._ledger)
        router.add_post(f"{self.prefix}/orders", self._manual)
        router.add_post(f"{self.prefix}/transfers", self._transfer)
        router.add_post(f"{self.prefix}/liquidations", self._liquidate)
        router.add_post(f"{self.prefix}/adl", self._adl)
        router.add_post(f"{self.prefix}/trades", self._trade)
        router.add_post(f"{self.prefix}/keys", self._key)
        router.add_delete(f"{self.prefix}/keys/{{key}}", self._revoke)

    async def _ledger(self, request: web.Request) -> web.Response:
        """``?market=`` and ``?account=`` narrow it."""
        market, account = request.query.get("market", ""), request.query.get("account", "")
        return _json(self.ledger(market=market, account=account))

    def ledger(self, *, market: str = "", account: str = "") -> dict[str, Any]:
        """Return the venue's truth: orders, fills, wallets, positions, movements, and what its audit found wrong."""
        desks = {name: desk for name, desk in self._plane.all_desks.items() if market in ("", name)}
        return {
            "market_time_ms": next(iter(self._plane.all_desks.values())).now_ms(),
            "lifted_limits": self._plane.lifted(),
            "audit": [f"{name}: {sentence}" for name, desk in desks.items() for sentence in desk.engine.audit()],
            "markets": {name: _of(desk, account) for name, desk in desks.items()},
        }

    async def _manual(self, request: web.Request) -> web.Response:
        return await self._outside(request, ManualOrder, self.manual)

    async def _transfer(self, request: web.Request) -> web.Response:
        return await self._outside(request, OutsideTransfer, self.transfer)

    async def _liquidate(self, request: web.Request) -> web.Response:
        return await self._outside(request, ForcedClose, lambda asked: self.close(asked, kind="liquidation"))

    async def _adl(self, request: web.Request) -> web.Response:
        return await self._outside(request, ForcedClose, lambda asked: self.close(asked, kind="adl"))

    async def _trade(self, request: web.Request) -> web.Response:
        return await self._outside(request, MarketTrade, self.trade)

    async def _key(self, request: web.Request) -> web.Response:
        return await self._outside(request, self.key_kind, self.issue)

    async def _revoke(self, request: web.Request) -> web.Response:
        gone = self._plane.keys.remove(request.match_info["key"])
        return _json({"revoked": gone}, status=200 if gone else 404)

    def manual(self, asked: ManualOrder) -> dict[str, Any]:
        """Place an order as the account's owner does by hand."""
        desk = self._desk(asked.market)
        symbol = desk.symbol(asked.symbol)
        self._made += 1
        ticket = Ticket(
            symbol=symbol.name,
            side=asked.side,
            kind=Kind.MARKET if asked.price is None else Kind.LIMIT,
            quantity=asked.quantity,
            price=asked.price,
            reduce_only=asked.reduce_only,
            position_side=asked.position_side,
            client_id=asked.client_id or self.web_id.format(now_ms=desk.now_ms(), made=self._made),
        )
        try:
            order = desk.engine.submit(asked.account, ticket, desk.now_ms())
        except Reject as reject:
            raise refusal(desk.market, reject) from None
        return _order(desk, order)

    def transfer(self, asked: OutsideTransfer) -> dict[str, Any]:
        """Move money in or out."""
        desk = self._desk(asked.market)
        desk.engine.transfer(asked.account, asked.currency, asked.amount, desk.now_ms())
        return {"wallet": str(desk.engine.account(asked.account).wallet(asked.currency))}

    def close(self, asked: ForcedClose, *, kind: str) -> dict[str, Any]:
        """Close a position by the venue's own order."""
        desk = self._desk(asked.market)
        symbol = desk.symbol(asked.symbol)
        if kind == "liquidation":
            desk.engine.cancel_all(asked.account, desk.now_ms(), symbol=symbol.name, reason="liquidation")
        order = desk.engine.close_by_venue(asked.account, symbol.name, desk.now_ms(), side=asked.side, kind=kind)
        return {"order": _order(desk, order) if order is not None else None}

    def trade(self, asked: MarketTrade) -> dict[str, Any]:
        """Let a trade of the market happen."""
        desk = self._desk(asked.market)
        symbol = desk.symbol(asked.symbol)
        before = len(desk.engine.state.fills)
        desk.engine.trade(symbol.name, asked.price, asked.quantity, buyer_is_maker=asked.buyer_is_maker, now_ms=desk.now_ms())
        return {"fills": len(desk.engine.state.fills) - before}

    def issue(self, spec: Any) -> dict[str, Any]:
        """Issue a key; a new account begins with the usual money."""
        new = spec.account not in self._plane.keys.accounts
        self._plane.keys.add(spec)
        if new:
            self._plane.endow(spec.account)
        return {"account": spec.account, "new_account": new}

    def _desk(self, market: str) -> Desk:
        found = self._plane.all_desks.get(market)
        if found is None:
            raise ValueError(f"market {market!r} is unknown; known are: {', '.join(self._plane.all_desks)}")
        return found

    @staticmethod
    async def _outside(request: web.Request, kind: Any, act: Any) -> web.Response:
        try:
            return _json(act(msgspec.json.decode(await request.read(), type=kind)))
        except VenueRefusal as refused:
            return _json({"error": str(refused), "code": refused.code}, status=400)
        except (msgspec.DecodeError, ValueError) as error:
            return _json({"error": str(error)}, status=400)


def _of(desk: Desk, account: str) -> dict[str, Any]:
    state = desk.engine.state
    holders = [holder for holder in state.accounts.values() if account in ("", holder.name)]
    return {
        "orders": [_order(desk, order) for order in state.orders.values() if account in ("", order.account)],
        "fills": [_fill(fill) for fill in state.fills if account in ("", fill.account)],
        "wallets": {
            holder.name: {currency: str(amount) for currency, amount in sorted(holder.wallets.items())} for holder in holders
        },
        "positions": {
            holder.name: [
                {
                    "symbol": name,
                    "side": side,
                    "quantity": str(position.quantity),
                    "entry_price": str(position.average_entry or ZERO),
                    "realised": str(position.realised),
                }
                for (name, side), position in holder.positions.items()
            ]
            for holder in holders
        },
        "movements": [
            {
                "account": event.account,
                "reason": event.reason,
                "currency": event.currency,
                "amount": str(event.amount),
                "symbol": event.symbol,
                "time_ms": event.time_ms,
            }
            for event in state.movements
            if account in ("", event.account) and event.reason != "order"
        ],
    }


def narrowed(rows: dict[str, Any], symbols: set[str]) -> dict[str, Any]:
    """Return a ledger's rows of some symbols only; wallets and their movements are the whole account's."""
    own = {name: [row for row in rows[name] if row["symbol"] in symbols] for name in ("orders", "fills")}
    held = {holder: [row for row in legs if row["symbol"] in symbols] for holder, legs in rows["positions"].items()}
    return rows | own | {"positions": held}


def _order(desk: Desk, order: SimOrder) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "account": order.account,
        "client_id": order.ticket.client_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": type_word(desk.market, order, original=True),
        "position_side": order.ticket.position_side,
        "reduce_only": order.ticket.reduce_only,
        "quantity": str(order.quantity),
        "price": str(order.price) if order.price is not None else None,
        "stop_price": str(order.stop_price) if order.stop_price is not None else None,
        "filled": str(order.filled),
        "cost": str(order.cost),
        "status": status_word(order),
        "live": order.live,
        "triggered": order.triggered,
        "reason": order.reason,
        "created_ms": order.created_ms,
        "seen_ms": order.seen_ms,
    }


def _fill(fill: FillEvent) -> dict[str, Any]:
    return {
        "trade_id": fill.trade_id,
        "order_id": fill.order.order_id,
        "account": fill.account,
        "client_id": fill.order.ticket.client_id,
        "symbol": fill.order.symbol,
        "side": fill.order.side,
        "price": str(fill.price),
        "quantity": str(fill.quantity),
        "fee": str(fill.fee),
        "fee_currency": fill.fee_currency,
        "maker": fill.maker,
        "realised": str(fill.realised),
        "kind": fill.kind,
        "time_ms": fill.time_ms,
    }


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=to_json(value), content_type="application/json", charset="utf-8")
