"""The USDT-margined swap's account: balances, positions, leverage, position mode, fees, money that moved."""

from __future__ import annotations

from typing import Any, Final

from quantservice.simulator.htx.requests import Endpoint, HtxCall
from quantservice.simulator.htx.rest import Endpoints
from quantservice.simulator.htx.swap import SwapOrders
from quantservice.simulator.htx.swap_rows import SwapRows
from quantservice.simulator.htx.wording import Refusal, contract_code, needed, raw, whole
from quantservice.simulator.private.calls import Reads
from quantservice.simulator.private.desk import Desk

_PAGE: Final = 50
_TWO_DAYS_MS: Final = 48 * 3_600_000
#: reason of a movement: the venue's number of its kind, where money came in and where it went out
_KINDS: Final = {"transfer": (14, 15), "funding": (30, 31), "insurance": (19, 19), "fee": (26, 26)}


class SwapAccount:
    """The endpoints of the account."""

    def __init__(self, desk: Desk, orders: SwapOrders) -> None:
        self._desk = desk
        self._orders = orders
        self._reads = Reads(desk)
        self._rows = SwapRows(desk)

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        one, three = "/linear-swap-api/v1", "/linear-swap-api/v3"
        trade, read = "swap_trade", "swap_read"
        return {
            ("POST", f"{one}/swap_cross_account_info"): Endpoint(self.account, "read", "swap", read),
            ("POST", f"{one}/swap_cross_position_info"): Endpoint(self.positions, "read", "swap", read),
            ("POST", f"{one}/swap_cross_account_position_info"): Endpoint(self.all, "read", "swap", read),
            ("GET", f"{one}/swap_cross_position_side"): Endpoint(self.mode, "read", "swap", read),
            ("POST", f"{one}/swap_cross_switch_position_mode"): Endpoint(self.switch_mode, "trade", "swap", trade),
            ("POST", f"{one}/swap_cross_switch_lever_rate"): Endpoint(self.switch_leverage, "trade", "swap", trade),
            ("POST", f"{one}/swap_fee"): Endpoint(self.fees, "read", "swap", read),
            ("POST", f"{three}/swap_financial_record"): Endpoint(self.records, "read", "swap3", read),
        }

    def account(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return the cross margin account."""
        return [self._rows.account(self._reads.account(call))]

    def positions(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return what is held, of one contract or all."""
        body = call.body if isinstance(call.body, dict) else {}
        symbol = self._orders.listing(body).spec.symbol if body.get("contract_code") or body.get("pair") else ""
        return self._rows.positions(self._reads.account(call), symbol)

    def all(self, call: HtxCall) -> dict[str, Any]:
        """Return both at once."""
        holder = self._reads.account(call)
        return self._rows.account(holder) | {"positions": self._rows.positions(holder)}

    def mode(self, call: HtxCall) -> dict[str, str]:
        """Return the position mode."""
        hedge = self._reads.account(call).hedge
        return {"margin_account": "USDT", "position_mode": "dual_side" if hedge else "single_side"}

    def switch_mode(self, call: HtxCall) -> dict[str, str]:
        """Set the position mode; only where nothing is held and nothing open."""
        wanted = needed(call.body, "position_mode", "swap")
        if wanted not in ("single_side", "dual_side"):
            raise Refusal(1030, "Input error: position_mode")
        holder = self._reads.account(call)
        if self._rows.positions(holder) or next(iter(self._desk.engine.state.live(call.account)), None) is not None:
            raise Refusal(1489, "The position mode cannot be switched while there are orders or positions.")
        holder.hedge = wanted == "dual_side"
        return {"margin_account": "USDT", "position_mode": wanted}

    def switch_leverage(self, call: HtxCall) -> dict[str, Any]:
        """Set a contract's leverage; not while it has open orders."""
        listing = self._orders.listing(call.body)
        rate = whole(needed(call.body, "lever_rate", "swap"), "lever_rate", "swap") or 0
        if not 1 <= rate <= 125:
            raise Refusal(1037, "The leverage is invalid.")
        if next(iter(self._desk.engine.state.live(call.account, listing.spec.symbol)), None) is not None:
            raise Refusal(1045, "Unable to switch leverage due to open orders.")
        self._reads.account(call).leverages[listing.spec.symbol] = rate
        return {"contract_code": contract_code(listing), "lever_rate": rate, "margin_mode": "cross", "business_type": "swap"}

    def fees(self, call: HtxCall) -> list[dict[str, str]]:
        """Return the user's fees of a contract."""
        listing, fees = self._orders.listing(call.body), self._desk.config.fees["um"]
        by_role = (("maker", fees.maker), ("taker", fees.taker))
        rates = {f"{what}_{role}_fee": rate for what in ("open", "close") for role, rate in by_role}
        return [self._rows.names(listing.spec.symbol) | rates | {"fee_asset": "USDT", "delivery_fee": "0"}]

    def records(self, call: HtxCall) -> list[dict[str, Any]]:
        """Return money that moved in a span of 48 hours: ``direct`` next is oldest first from ``from_id`` on."""
        body = call.body
        wanted = {text for text in str(body.get("type") or "").split(",") if text}
        end = whole(body.get("end_time"), "end_time", "swap") or self._desk.now_ms() + 1
        start = whole(body.get("start_time"), "start_time", "swap")
        first, ahead = whole(body.get("from_id"), "from_id", "swap"), body.get("direct") == "next"
        rows: list[dict[str, Any]] = []
        for at, moved in enumerate(self._desk.engine.state.movements, 1):
            if moved.account != call.account or moved.reason == "order":
                continue
            kind = _KINDS.get(moved.reason, (26, 26))[moved.amount < 0]
            if not (end - _TWO_DAYS_MS if start is None else start) <= moved.time_ms <= end or (wanted and str(kind) not in wanted):
                continue
            if first is not None and (at < first if ahead else at > first):
                continue
            code = contract_code(self._desk.listing(moved.symbol)) if moved.symbol else ""
            rows.append(
                {
                    "query_id": at,
                    "id": at,
                    "ts": moved.time_ms,
                    "asset": moved.currency,
                    "contract_code": code,
                    "margin_account": "USDT",
                    "face_margin_account": "",
                    "type": kind,
                    "amount": raw(moved.amount),
                }
            )
        return rows[:_PAGE] if ahead else rows[::-1][:_PAGE]
