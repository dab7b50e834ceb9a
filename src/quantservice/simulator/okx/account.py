"""The account over REST: balance, positions, settings, fees, bills."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from quantservice.core.positions import PositionSide
from quantservice.simulator.okx import shapes
from quantservice.simulator.okx.counter import Call, Endpoint, Endpoints
from quantservice.simulator.okx.market import OkxMarket
from quantservice.simulator.okx.trade import Markets, market_of
from quantservice.simulator.okx.words import OkxRefusal, integer, limit, text, word
from quantservice.simulator.private.text import plain
from quantservice.simulator.trading import Account

Row = dict[str, Any]
_MODES: Final = {"net_mode": False, "long_short_mode": True}


class AccountApi:
    """The account endpoints; spot and swaps share one account."""

    def __init__(self, markets: Markets, fees: Callable[[str], tuple[str, str]]) -> None:
        self._markets = markets
        self._fees = fees

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        base = "/api/v5/account"
        return {
            ("GET", f"{base}/balance"): Endpoint(self.balance, "read", 10),
            ("GET", f"{base}/positions"): Endpoint(self.positions, "read", 10),
            ("GET", f"{base}/config"): Endpoint(self.config, "read", 5),
            ("POST", f"{base}/set-position-mode"): Endpoint(self.set_mode, "trade", 5),
            ("POST", f"{base}/set-leverage"): Endpoint(self.set_leverage, "trade", 20),
            ("GET", f"{base}/leverage-info"): Endpoint(self.leverage, "read", 20),
            ("GET", f"{base}/trade-fee"): Endpoint(self.fee, "read", 5),
            ("GET", f"{base}/bills"): Endpoint(self.bills, "read", 5, 1.0),
            ("GET", f"{base}/bills-archive"): Endpoint(self.bills, "read", 5),
        }

    @property
    def _swaps(self) -> OkxMarket:
        return self._markets["um"]

    def _holder(self, call: Call) -> Account:
        return self._swaps.desk.engine.account(call.account)

    def balance(self, call: Call) -> list[Row]:
        """Return the balances, of all currencies or some."""
        only = tuple(part for part in text(call.params, "ccy", "").split(",") if part)
        details = shapes.balances(self._markets.values(), self._holder(call), only=only)
        return [{"uTime": str(self._swaps.state.clock.server_ms()), "totalEq": "", "imr": "", "mmr": "", "details": details}]

    def positions(self, call: Call) -> list[Row]:
        """Return the positions that are open."""
        holder, wanted = self._holder(call), text(call.params, "instId", "")
        if text(call.params, "instType", "SWAP") not in ("SWAP", "MARGIN", "FUTURES", "OPTION"):
            raise OkxRefusal("51000", "Parameter instType error", status=400)
        return position_rows(self._swaps, holder, wanted)

    def config(self, call: Call) -> list[Row]:
        """Return the account's settings and what the key may do."""
        key, holder = call.key, self._holder(call)
        assert key is not None  # noqa: S101 - a private endpoint
        rights = ["read_only", *(["trade"] if key.trade else []), *(["withdraw"] if key.withdraw else [])]
        return [
            {
                "uid": uid(call.account),
                "mainUid": uid(call.account),
                "acctLv": "2",
                "posMode": "long_short_mode" if holder.hedge else "net_mode",
                "autoLoan": False,
                "greeksType": "PA",
                "level": "Lv1",
                "levelTmp": "",
                "ctIsoMode": "automatic",
                "mgnIsoMode": "automatic",
                "label": "simulator",
                "roleType": "0",
                "acctStpMode": "cancel_maker",
                "ip": ",".join(key.addresses),
                "perm": ",".join(rights),
                "kycLv": "3",
                "type": "0",
            }
        ]

    def set_mode(self, call: Call) -> list[Row]:
        """Set the position mode: net, or long and short legs."""
        wanted, holder = _MODES[word(call.params, "posMode", _MODES)], self._holder(call)
        if wanted != holder.hedge:
            state = self._swaps.desk.engine.state
            if any(self._swaps.owns(order) for order in state.live(call.account)):
                raise OkxRefusal("59000", "Setting failed. Cancel any open orders, close positions, and stop trading bots first.")
            if any(position.quantity for position in holder.positions.values()):
                raise OkxRefusal("59000", "Setting failed. Cancel any open orders, close positions, and stop trading bots first.")
        holder.hedge = wanted
        return [{"posMode": text(call.params, "posMode")}]

    def set_leverage(self, call: Call) -> list[Row]:
        """Set an instrument's leverage."""
        market = market_of(self._markets, call.params)
        mode, wanted = word(call.params, "mgnMode", ("cross", "isolated")), text(call.params, "lever")
        if not market.swap or not wanted.isdigit() or not 1 <= int(wanted) <= 125:
            raise OkxRefusal("59102", "Leverage exceeds the maximum limit. Please lower the leverage.")
        inst_id = text(call.params, "instId")
        self._holder(call).leverages[inst_id] = int(wanted)
        return [{"lever": wanted, "mgnMode": mode, "instId": inst_id, "posSide": text(call.params, "posSide", "net")}]

    def leverage(self, call: Call) -> list[Row]:
        """Return the leverage of instruments."""
        holder, rows = self._holder(call), []
        for inst_id in text(call.params, "instId").split(","):
            market_of(self._markets, {"instId": inst_id})
            lever = str(holder.leverage(inst_id))
            rows.append({"instId": inst_id, "mgnMode": text(call.params, "mgnMode"), "posSide": "net", "lever": lever})
        return rows

    def fee(self, call: Call) -> list[Row]:
        """Return the account's fees: negative is what is paid."""
        kind = word(call.params, "instType", ("SPOT", "SWAP"))
        maker, taker = (plain(-Decimal(rate)) for rate in self._fees("spot" if kind == "SPOT" else "um"))
        swap = kind == "SWAP"
        return [
            {
                "instType": kind,
                "level": "Lv1",
                "category": "1",
                "maker": "" if swap else maker,
                "taker": "" if swap else taker,
                "makerU": maker if swap else "",
                "takerU": taker if swap else "",
                "ts": str(self._swaps.state.clock.server_ms()),
            }
        ]

    def bills(self, call: Call) -> list[Row]:
        """Return what moved the account's money, newest first: ``after`` is a bill's number, ``begin`` a time."""
        params, state = call.params, self._swaps.desk.engine.state
        rows = [
            shapes.bill_of_movement(event) for event in state.movements if event.account == call.account and event.reason != "order"
        ]
        for fill in state.fills:
            if fill.account == call.account:
                market = next(item for item in self._markets.values() if item.owns(fill.order))
                rows += shapes.bills_of_fill(market, fill)
        begin, end, after = integer(params, "begin"), integer(params, "end"), integer(params, "after")
        kind, inst_type, currency = text(params, "type", ""), text(params, "instType", ""), text(params, "ccy", "")
        rows = [
            row
            for row in rows
            if kind in ("", row["type"])
            and inst_type in ("", row["instType"])
            and currency in ("", row["ccy"])
            and (begin is None or int(row["ts"]) >= begin)
            and (end is None or int(row["ts"]) <= end)
            and (after is None or int(row["billId"]) < after)
        ]
        return sorted(rows, key=lambda row: int(row["billId"]), reverse=True)[: limit(params, 100, 100)]


def position_rows(market: OkxMarket, holder: Account, wanted: str = "", *, flat: bool = False) -> list[Row]:
    """Return an account's positions; ``flat``: those that were closed too."""
    sides: tuple[PositionSide, ...] = ("long", "short") if holder.hedge else ("both",)
    return [
        shapes.position(market, holder, market.desk.engine.state.symbols[name], side)
        for (name, side), held in holder.positions.items()
        if side in sides and wanted in ("", name) and (flat or held.quantity)
    ]


def uid(account: str) -> str:
    """An account's number at the venue."""
    return str(int.from_bytes(account.encode()[:6].rjust(6, b"0"), "big"))
