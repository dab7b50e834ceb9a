"""Trading: accounts, orders, fills, positions, denials; for the owner: place and cancel."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query
from pydantic import AfterValidator
from starlette.responses import Response

from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import Denied
from quantservice.core.orders import Amendment, Order, VenueFill
from quantservice.ports import AccountFees, HeldPosition, RiskDecision, TradingAccount, VenueKey
from quantservice.ports.keeping import VenueSecret
from quantservice.services.execution.algorithms import Algorithm
from quantservice.services.execution.commands import Orders
from quantservice.services.execution.face import TradingService
from quantservice.services.execution.routing import Offer, sentence_of
from quantservice.services.portfolio.chain import MISSING, Chain
from quantservice.web import models
from quantservice.web.context import TradingFace, WebContext
from quantservice.web.encode import plain
from quantservice.web.errors import error_reply, reply
from quantservice.web.models.amounts import key_given
from quantservice.web.routes.arguments import readers, writers
from quantservice.web.security import Guard
from quantservice.web.series import find_instrument

_CURRENCY_LENGTH: Final = 20
Account = Annotated[str | None, Query(max_length=40, description="Of one account only.", examples=["paper"])]
AccountName = Annotated[str, Path(min_length=1, max_length=40, description="The account's name.", examples=["main"])]
Most = Annotated[int, Query(ge=1, le=1_000, description="Rows at most.")]
OrderId = Annotated[str, Path(min_length=1, max_length=300, description="The order's id.", examples=["3XM5VA67E2UEYEG4NC3GJKXJMA"])]
Force = Annotated[bool, Query(description="Also while orders of the account are open.")]
Key = Annotated[
    str,
    AfterValidator(key_given),
    Header(
        alias="Idempotency-Key", max_length=100, description="The same key again returns what came of the first and sends nothing."
    ),
]


def make_routers(context: WebContext, guard: Guard) -> list[APIRouter]:
    """Return the routes; none where the process does not trade."""
    router, owner = readers(context, "trading", guard), writers(context, "trading", guard)
    if context.trading is not None:
        _add_reading(router, context.trading)
        _add_accounts(router, owner, context.trading)
        _add_orders(owner, context, context.trading)
        _add_algorithms(router, owner, context, context.trading.orders)
    return [router, owner]


def _add_reading(router: APIRouter, trading: TradingFace) -> None:
    orders = trading.orders

    @router.get("/orders", response_model=models.OrderList, summary="Orders")
    async def list_orders(account: Account = None, open: bool = False, limit: Most = 200) -> Response:  # noqa: A002 - the query's word
        """Newest first; `open`: those only that have not ended."""
        rows = await orders.list(account=account, open_only=open, limit=limit)
        why = await trading.accounts.unwatched()
        return reply({"data": [_watched_row(order, why) for order in rows]})

    @router.get("/orders/{order_id}", response_model=models.OrderRow, summary="One order")
    async def get_order(order_id: OrderId) -> Response:
        """As it is known now, with the evidence of its state."""
        return reply(_watched_row(await orders.get(order_id), await trading.accounts.unwatched()))

    @router.get("/orders/{order_id}/chain", response_model=models.OrderChain, summary="From the frame to the fill")
    async def get_chain(order_id: OrderId) -> Response:
        """Why the order is there and what came of it: each step with its time, and how long it took since the one before."""
        return reply(_chain_row(await trading.chains.of(order_id)))

    @router.get("/fills", response_model=models.FillList, summary="Fills")
    async def list_fills(account: Account = None, limit: Most = 200) -> Response:
        """Newest first; each was booked once."""
        return reply({"data": [_fill_row(*row) for row in await orders.fills(account=account, limit=limit)]})

    @router.get("/positions", response_model=models.PositionList, summary="Positions")
    async def list_positions(account: Account = None) -> Response:
        """What accounts hold, and what of it belongs to which deployment."""
        return reply({"data": [_position_row(held) for held in await orders.positions(account=account)]})

    @router.get("/denials", response_model=models.DenialList, summary="What risk control denied")
    async def list_denials(account: Account = None, limit: Most = 200) -> Response:
        """Newest first, with rule, limit and value."""
        return reply({"data": [_denial_row(item) for item in await orders.denials(account=account, limit=limit)]})


def _add_accounts(router: APIRouter, owner: APIRouter, trading: TradingFace) -> None:
    async def row(account: TradingAccount) -> dict[str, Any]:
        balances = await trading.orders.balances(account.name)
        paid = (await trading.accounts.fees()).get(account.name)
        return {
            "name": account.name,
            "venue": account.venue,
            "market": account.market,
            "mode": account.mode,
            "currency": account.currency,
            "enabled": account.enabled,
            "ready": trading.ready(account.name),
            "problem": trading.problem(account.name),
            "balances": {currency: plain(amount) for currency, amount in sorted(balances.items())},
            "fees": None if paid is None else _fees_row(paid),
        }

    @router.get("/accounts", response_model=models.AccountList, summary="Trading accounts")
    async def list_accounts() -> Response:
        """Each with its wallet by the books."""
        return reply({"data": [await row(account) for account in await trading.accounts.list()]})

    @owner.post("/accounts", response_model=models.AccountRow, status_code=201, summary="Add an account")
    async def add_account(body: models.AccountRequest) -> Response:
        """Paper: at the live prices of its venue's market, with money that is not real. Live: once it has a key."""
        if body.mode == "live" and body.balances:
            raise InvalidValue("balances", "a live account has what its venue says; a paper one begins with them")
        for name in body.balances:
            if not name.isalnum() or name != name.upper() or len(name) > _CURRENCY_LENGTH:
                raise InvalidValue("balances", f"{name!r} is no currency: capital letters and digits, such as USDT")
        settings = {"balances": dict(body.balances)} if body.balances else {}
        made = await trading.accounts.add(
            body.name, body.venue, body.market, mode=body.mode, currency=body.currency, settings=settings
        )
        return reply(await row(made), 201)

    @owner.post("/accounts/{name}/preflight", response_model=models.PreflightReport, summary="Look before going live")
    async def preflight(name: AccountName) -> Response:
        """Key, clock, mode, fees, money, limits, risk control: asked of the venue and the store; nothing is changed."""
        return reply(await trading.preflight(name))

    @owner.get("/venue-keys", response_model=models.KeyList, summary="Venue keys")
    async def list_keys() -> Response:
        """Their beginnings and rights; what is secret of them is shown nowhere."""
        return reply({"data": [_key_row(key) for key in await trading.accounts.keys()]})

    @owner.post("/venue-keys/rotate", response_model=models.RotationAnswer, summary="Rotate the master key")
    async def rotate_master() -> Response:
        """A new master key, every venue key sealed under it, the old ones gone. Accounts trade meanwhile."""
        made = await trading.accounts.rotate_master()
        return reply({"version": made.version, "rewrapped": made.rewrapped})

    @owner.post("/accounts/{name}/key", response_model=models.KeyRow, status_code=201, summary="Give an account its key")
    async def give_key(name: AccountName, body: models.KeyBody) -> Response:
        """Checked with the venue; one that can withdraw is refused. It replaces the one that is there."""
        secret = VenueSecret(body.key, body.secret, body.passphrase)
        before = await trading.accounts.keys(name)
        accounts = trading.accounts
        made = await (accounts.replace_key(before[0].id, secret) if before else accounts.add_key(name, secret))
        return reply(_key_row(made), 201)

    @owner.delete("/accounts/{name}/key", response_model=models.Removed, summary="Forget an account's key")
    async def forget_key(name: AccountName, force: Force = False) -> Response:
        """At the venue it is still valid: delete it there. While orders are open, which nobody watches then, it takes `force`."""
        await trading.accounts.get(name)
        found = await trading.accounts.keys(name)
        if not found:
            raise UnknownName("key of account", name, [key.account for key in await trading.accounts.keys()])
        for key in found:
            await trading.accounts.remove_key(key.id, force=force)
        return reply({"removed": name})


def _add_orders(owner: APIRouter, context: WebContext, trading: TradingFace) -> None:
    orders = trading.orders
    service = TradingService(orders, lambda symbol, market: find_instrument(context, symbol, market, None), trading.router)

    async def named(account: str, symbol: str) -> InstrumentId:
        owner_of = await trading.accounts.get(account)
        return find_instrument(context, symbol, owner_of.market, owner_of.venue).id

    @owner.post("/orders", response_model=models.PlacedOrder, status_code=201, summary="Place an order")
    async def place(body: models.OrderBody, idempotency_key: Key = "") -> Response:
        """Through risk control; a denial is answered with its rule, limit and value, and nothing is sent."""
        if body.route == bool(body.account):
            raise InvalidValue("account", "name the account, or say route and leave it out")
        if body.accounts and not body.route:
            raise InvalidValue("accounts", "several accounts are for route; without it name one account")
        payload = body.model_dump(exclude={"risk", "route", "accounts"})
        offers: list[Offer] = []
        if body.route:
            outcome, offers = await service.place_routed(payload, body.risk, idempotency_key, among=body.accounts)
        else:
            outcome = await service.place_order_with_risk(payload, body.risk, idempotency_key)
        if isinstance(outcome, Denied):
            return _refusal(outcome)
        rows = [_offer_row(offer, chosen=offer.account == outcome.terms.account) for offer in offers]
        return reply({**order_row(outcome), "route": rows or None}, 201)

    @owner.post("/orders/route", response_model=models.RouteQuote, summary="Ask what an order would cost")
    async def quote(body: models.RouteBody) -> Response:
        """At each account that trades the same thing, by fees, spread, size and price; nothing is sent. `chosen`: the cheapest."""
        offers = await service.quote_routes(body.model_dump(exclude={"accounts"}), among=body.accounts)
        return reply({"data": [_offer_row(offer, chosen=offer.takes and place == 0) for place, offer in enumerate(offers)]})

    @owner.put("/orders/{order_id}", response_model=models.OrderRow, summary="Change an open limit order")
    async def amend(order_id: OrderId, body: models.AmendBody, idempotency_key: Key = "") -> Response:
        """Through risk control, under the same id. Answered 409 where the venue refused; `amending` where it did not answer."""
        payload = body.model_dump(exclude={"risk"})
        outcome = await service.amend_order_with_risk(order_id, payload, body.risk, idempotency_key)
        if isinstance(outcome, Denied):
            return _refusal(outcome)
        change = outcome.amendment
        if change is not None and change.state == "refused":
            return error_reply(409, "not_amended", f"the order stays as it was: {change.reason}", field="order_id")
        return reply(order_row(outcome))

    @owner.post("/orders/batch", response_model=models.BatchAnswer, status_code=201, summary="Place several orders")
    async def place_batch(body: models.BatchBody, idempotency_key: Key = "") -> Response:
        """Of one account, decided in one commit, each counting those before it; the answers stand in their order."""
        payloads = [item.model_dump() for item in body.orders]
        made = await service.place_orders_with_risk(payloads, body.risk, idempotency_key)
        rows = [
            {"order": order_row(item), "denied": None} if isinstance(item, Order) else {"order": None, "denied": _denied_row(item)}
            for item in made
        ]
        return reply({"data": rows}, 201)

    @owner.post("/orders/cancel-all", response_model=models.OrderList, summary="Cancel all open orders")
    async def cancel_all(body: models.CancelAllBody) -> Response:
        """Of an account, or of one instrument there; each is asked for until it has ended."""
        instrument = None if body.symbol is None else await named(body.account, body.symbol)
        return reply({"data": [order_row(order) for order in await orders.cancel_all(body.account, instrument)]})

    @owner.post("/orders/close-all", response_model=models.CloseAllAnswer, summary="Close what is held")
    async def close_all(body: models.CancelAllBody) -> Response:
        """Market orders against everything that an account holds, or one instrument there; denials are told beside them."""
        instrument = None if body.symbol is None else await named(body.account, body.symbol)
        made = await orders.close_all(body.account, instrument)
        denied = [item.sentence for item in made if isinstance(item, Denied)]
        return reply({"data": [order_row(item) for item in made if isinstance(item, Order)], "denied": denied})

    @owner.post("/orders/{order_id}/cancel", response_model=models.OrderRow, summary="Cancel an order")
    async def cancel(order_id: OrderId) -> Response:
        """The answer is the order as its venue has it; one that was filled meanwhile stays filled."""
        return reply(order_row(await orders.cancel(order_id)))


def _offer_row(offer: Offer, *, chosen: bool) -> dict[str, Any]:
    shares = {name: plain(getattr(offer, name)) for name in ("price", "spread", "impact", "fee", "cost", "amount")}
    return {
        "account": offer.account,
        "instrument": str(offer.instrument),
        "takes": offer.takes,
        "chosen": chosen,
        **shares,
        "currency": offer.currency,
        "sentence": sentence_of(offer),
    }


def _refusal(outcome: Denied) -> Response:
    what = f"{outcome.sentence} (rule {outcome.rule}, limit {outcome.limit}, value {outcome.value})"
    return error_reply(422, "risk_denied", what, field=outcome.rule)


def _add_algorithms(router: APIRouter, owner: APIRouter, context: WebContext, orders: Orders) -> None:
    service = TradingService(orders, lambda symbol, market: find_instrument(context, symbol, market, None))

    @router.get("/algorithms", response_model=models.AlgorithmList, summary="Orders worked off in parts")
    async def list_algorithms(account: Account = None, limit: Most = 200) -> Response:
        """Newest first; their parts are orders."""
        return reply({"data": [_algorithm_row(item) for item in await orders.algorithms(account=account, limit=limit)]})

    @owner.post("/algorithms", response_model=models.AlgorithmRow, status_code=201, summary="Work an order off in parts")
    async def start(body: models.AlgorithmBody, idempotency_key: Key = "") -> Response:
        """It is durable when this answers, and goes on after a restart; each part goes through risk control."""
        return reply(_algorithm_row(await service.start_algorithm(body.model_dump(), idempotency_key)), 201)

    @owner.post("/algorithms/{order_id}/cancel", response_model=models.AlgorithmRow, summary="End an algorithm")
    async def cancel(order_id: OrderId) -> Response:
        """No part is sent any more, and the open one is cancelled; what is filled stays."""
        return reply(_algorithm_row(await orders.cancel_algorithm(order_id)))


def _algorithm_row(item: Algorithm) -> dict[str, Any]:
    terms = item.parent.terms
    return {
        "algorithm_id": item.name,
        "algorithm": item.kind,
        "account": terms.account,
        "instrument": str(terms.instrument),
        "side": terms.side,
        "quantity": plain(terms.quantity),
        "limit_price": _maybe(terms.limit_price),
        "shown": _maybe(item.shown),
        "state": item.state,
        "filled": plain(item.filled),
        "average_price": _maybe(item.average_price),
        "parts": len(item.weights) or item.sent,
        "reason": item.reason,
        "start_ms": item.start_ns // 1_000_000,
        "end_ms": item.end_ns // 1_000_000,
    }


def _denied_row(item: Denied) -> dict[str, Any]:
    return {"rule": item.rule, "limit": item.limit, "value": item.value, "sentence": item.sentence}


def _fees_row(fees: AccountFees) -> dict[str, Any]:
    return {"maker": plain(fees.maker), "taker": plain(fees.taker), "instrument": fees.instrument, "read_ms": fees.read_ms}


def _key_row(key: VenueKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in ("account", "prefix", "enabled", "permissions", "created_ms", "checked_ms")}


def order_row(order: Order) -> dict[str, Any]:
    """Return an order as it is answered."""
    terms = order.terms
    return {
        "order_id": order.order_id,
        "account": terms.account,
        "instrument": str(terms.instrument),
        "side": terms.side,
        "type": terms.type,
        "quantity": plain(terms.quantity),
        "limit_price": _maybe(terms.limit_price),
        "stop_price": _maybe(terms.stop_price),
        "time_in_force": terms.time_in_force,
        "expire_ms": terms.expire_ms,
        "reduce_only": terms.reduce_only,
        "state": order.state.value,
        "filled": plain(order.filled),
        "average_price": _maybe(order.average_price),
        "purpose": order.purpose,
        "deployment": order.deployment,
        "external": order.external,
        "venue_order_id": order.venue_order_id,
        "evidence": order.evidence.source if order.evidence is not None else "",
        "reason": order.reason,
        "amendment": _amendment_row(order.amendment),
        "created_ms": order.created_ns // 1_000_000,
    }


def _watched_row(order: Order, unwatched: Mapping[str, str]) -> dict[str, Any]:
    """Return an order; the state of an open one that nobody watches is the last that was known, and its reason says so."""
    row, why = order_row(order), "" if order.final else unwatched.get(order.terms.account, "")
    return row | {"reason": "; ".join(part for part in (order.reason, why) if part)}


def _chain_row(chain: Chain) -> dict[str, Any]:
    return {
        "order_id": chain.order.order_id,
        "instrument": str(chain.order.terms.instrument),
        "origin": chain.origin,
        "strategy": chain.strategy,
        "deployment": chain.deployment,
        "state": chain.order.state.value,
        "steps": [
            {
                "step": step.step,
                "code": step.code,
                "values": step.values,
                "sentence": step.sentence,
                "time_us": None if step.time_ns is None else step.time_ns // 1_000,
                "clock": step.clock,
                "gap_us": None if step.gap_ns is None else step.gap_ns // 1_000,
                "facts": dict(step.facts),
            }
            for step in chain.steps
        ],
        "missing": [{"code": code, "sentence": MISSING[code]} for code in chain.missing],
    }


def _amendment_row(change: Amendment | None) -> dict[str, Any] | None:
    if change is None:
        return None
    amounts = {"quantity": plain(change.quantity), "limit_price": plain(change.limit_price)}
    return amounts | {"state": change.state, "reason": change.reason}


def _fill_row(fill: VenueFill, order_id: str, deployment: str) -> dict[str, Any]:
    return {
        "trade_id": fill.trade_id,
        "order_id": order_id,
        "account": fill.account,
        "instrument": str(fill.instrument),
        "side": fill.side,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "fee": plain(fill.fee),
        "fee_currency": fill.fee_currency,
        "maker": fill.maker,
        "realised": _maybe(fill.realised),
        "deployment": deployment,
        "time_ms": fill.time_ms,
    }


def _position_row(held: HeldPosition) -> dict[str, Any]:
    position = held.position
    return {
        "account": held.account,
        "deployment": held.deployment,
        "instrument": str(position.instrument),
        "side": position.side,
        "quantity": plain(position.quantity),
        "average_entry": _maybe(position.average_entry),
        "realised": plain(position.realised),
        "updated_ms": held.updated_ms,
    }


def _denial_row(item: RiskDecision) -> dict[str, Any]:
    return {
        "account": item.account,
        "deployment": item.deployment,
        "instrument": item.instrument,
        "rule": item.rule,
        "limit": item.limit,
        "value": item.value,
        "sentence": item.sentence,
        "shadow": item.shadow,
        "time_ms": item.time_ns // 1_000_000,
    }


def _maybe(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
