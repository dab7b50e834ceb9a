"""Accounts of the futures markets: balances, positions, settings, income, commissions, leverage tiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quantservice.core.margin import BracketTable
from quantservice.core.positions import PositionSide
from quantservice.simulator.private import answers_futures as answers
from quantservice.simulator.private.calls import Call, Endpoint, Endpoints, OrderGate
from quantservice.simulator.private.desk import Desk, brackets
from quantservice.simulator.private.text import plain
from quantservice.simulator.private.wording import flag, integer, needed
from quantservice.simulator.rest import VenueRefusal
from quantservice.simulator.trading import Account, Symbol

Tell = Callable[[str, str, dict[str, Any]], None]
_OK = {"code": 200, "msg": "success"}


class FuturesAccount:
    """The account endpoints of um or cm."""

    def __init__(self, desk: Desk, gate: OrderGate, tell: Tell) -> None:
        self._desk = desk
        self._gate = gate
        self._tell = tell
        self._multi_assets: set[str] = set()

    def endpoints(self) -> Endpoints:
        """Return the endpoints by method and path."""
        um = self._desk.market == "um"
        host = "/fapi" if um else "/dapi"
        base = f"{host}/v1"
        found = {
            ("GET", f"{base}/positionRisk"): Endpoint(lambda call: self.risk(call, 2), "read", 5 if um else 1),
            ("GET", f"{base}/balance"): Endpoint(self.balance, "read", 5 if um else 1),
            ("GET", f"{base}/account"): Endpoint(lambda call: self.account(call, 2), "read", 5),
            ("POST", f"{base}/leverage"): Endpoint(self.leverage, "trade", 1),
            ("POST", f"{base}/marginType"): Endpoint(self.margin_type, "trade", 1),
            ("GET", f"{base}/positionSide/dual"): Endpoint(self.dual, "read", 30),
            ("POST", f"{base}/positionSide/dual"): Endpoint(self.set_dual, "trade", 1),
            ("GET", f"{base}/income"): Endpoint(self.income, "read", 30 if um else 20),
            ("GET", f"{base}/commissionRate"): Endpoint(self.commission, "read", 20),
            ("GET", f"{base}/leverageBracket"): Endpoint(self.tiers, "read", 1),
            ("GET", f"{host}/v2/leverageBracket"): Endpoint(self.tiers, "read", 1),
        }
        if um:
            found |= {
                ("GET", f"{host}/v2/positionRisk"): Endpoint(lambda call: self.risk(call, 2), "read", 5),
                ("GET", f"{host}/v3/positionRisk"): Endpoint(lambda call: self.risk(call, 3), "read", 5),
                ("GET", f"{host}/v2/balance"): Endpoint(self.balance, "read", 5),
                ("GET", f"{host}/v3/balance"): Endpoint(self.balance, "read", 5),
                ("GET", f"{host}/v2/account"): Endpoint(lambda call: self.account(call, 2), "read", 5),
                ("GET", f"{host}/v3/account"): Endpoint(lambda call: self.account(call, 3), "read", 5),
                ("GET", f"{base}/multiAssetsMargin"): Endpoint(self.multi_assets, "read", 30),
                ("POST", f"{base}/multiAssetsMargin"): Endpoint(self.set_multi_assets, "trade", 1),
                ("GET", f"{base}/accountConfig"): Endpoint(self.account_config, "read", 5),
                ("GET", f"{base}/symbolConfig"): Endpoint(self.symbol_config, "read", 5),
                ("GET", f"{base}/feeBurn"): Endpoint(lambda _: {"feeBurn": False}, "read", 30),
                ("GET", f"{base}/rateLimit/order"): Endpoint(lambda call: self._gate.rows(call.account, counted=False), "read", 1),
            }
        return found

    def _changed(self, call: Call, what: dict[str, Any]) -> None:
        """Tell the account's stream that a setting changed."""
        now_ms, server_ms = self._desk.now_ms(), self._desk.exchange.clock.server_ms()
        event = {"e": "ACCOUNT_CONFIG_UPDATE", "E": server_ms, "T": now_ms}
        self._tell(call.account, "ACCOUNT_CONFIG_UPDATE", event | what)

    def _holder(self, call: Call) -> Account:
        return self._desk.engine.account(call.account)

    def _symbols(self, call: Call) -> list[Symbol]:
        """The symbol that is named, or every one that was traded by anybody."""
        name = call.params.get("symbol", "")
        if name:
            return [self._desk.symbol(name)]
        pair = call.params.get("pair", "")
        found = self._desk.engine.state.symbols.values()
        return [symbol for symbol in found if not pair or self._desk.listing(symbol.name).spec.pair == pair]

    def balance(self, call: Call) -> list[dict[str, Any]]:
        """Return the balances."""
        return answers.balances(self._desk, self._holder(call))

    def account(self, call: Call, version: int) -> dict[str, Any]:
        """Return the account; before version 3 with every symbol, from then on with open positions only."""
        holder = self._holder(call)
        return answers.account(
            self._desk, holder, self._symbols(call), version=version, multi_assets=call.account in self._multi_assets
        )

    def risk(self, call: Call, version: int) -> list[dict[str, Any]]:
        """Return positions with their risk; version 3 leaves flat legs out."""
        holder = self._holder(call)
        sides: tuple[PositionSide, ...] = answers.legs(holder)
        return [
            answers.position_risk(self._desk, holder, symbol, side, version=version)
            for symbol in self._symbols(call)
            for side in sides
            if version < 3 or holder.position(symbol, side).quantity
        ]

    def leverage(self, call: Call) -> dict[str, Any]:
        """Set a symbol's leverage."""
        symbol = self._desk.symbol(needed(call.params, "symbol"))
        wanted = integer({"leverage": needed(call.params, "leverage")}, "leverage") or 0
        most = int(symbol.brackets.brackets[0].max_leverage) if symbol.brackets else 20
        if not 1 <= wanted <= most:
            raise VenueRefusal(-4028, f"Leverage {wanted} is not valid")
        self._holder(call).leverages[symbol.name] = wanted
        self._changed(call, {"ac": {"s": symbol.name, "l": wanted}})
        answer: dict[str, Any] = {"leverage": wanted, "symbol": symbol.name}
        if self._desk.market == "cm":
            return answer | {"maxQty": "500"}
        return answer | {"maxNotionalValue": plain(self._cap(symbol, wanted))}

    @staticmethod
    def _cap(symbol: Symbol, leverage: int) -> Any:
        tiers = symbol.brackets.brackets if symbol.brackets else ()
        caps = [tier.cap for tier in tiers if tier.max_leverage >= leverage]
        return caps[-1] if caps else 0

    def margin_type(self, call: Call) -> dict[str, Any]:
        """Set a symbol to isolated or crossed margin (the engine's money is crossed in both cases)."""
        symbol, holder = self._desk.symbol(needed(call.params, "symbol")), self._holder(call)
        wanted = needed(call.params, "marginType")
        if wanted not in ("ISOLATED", "CROSSED"):
            raise VenueRefusal(-1130, "Data sent for parameter 'marginType' is not valid.")
        isolated = wanted == "ISOLATED"
        if holder.isolated.get(symbol.name, False) == isolated:
            raise VenueRefusal(-4046, "No need to change margin type.")
        if any(self._desk.engine.state.live(call.account, symbol.name)):
            raise VenueRefusal(-4047, "Margin type cannot be changed if there exists open orders.")
        if any(holder.position(symbol, side).quantity for side in answers.legs(holder)):
            raise VenueRefusal(-4048, "Margin type cannot be changed if there exists position.")
        holder.isolated[symbol.name] = isolated
        return dict(_OK)

    def dual(self, call: Call) -> dict[str, Any]:
        """Return the position mode."""
        return {"dualSidePosition": self._holder(call).hedge}

    def set_dual(self, call: Call) -> dict[str, Any]:
        """Set the position mode: one-way or hedge."""
        needed(call.params, "dualSidePosition")
        wanted, holder = flag(call.params, "dualSidePosition"), self._holder(call)
        if holder.hedge == wanted:
            raise VenueRefusal(-4059, "No need to change position side.")
        if any(self._desk.engine.state.live(call.account)):
            raise VenueRefusal(-4067, "Position side cannot be changed if there exists open orders.")
        if any(position.quantity for position in holder.positions.values()):
            raise VenueRefusal(-4068, "Position side cannot be changed if there exists position.")
        holder.hedge = wanted
        return dict(_OK)

    def multi_assets(self, call: Call) -> dict[str, Any]:
        """Return whether all assets are margin (the engine margins each by itself in both cases)."""
        return {"multiAssetsMargin": call.account in self._multi_assets}

    def set_multi_assets(self, call: Call) -> dict[str, Any]:
        """Set whether all assets are margin."""
        needed(call.params, "multiAssetsMargin")
        wanted = flag(call.params, "multiAssetsMargin")
        if wanted == (call.account in self._multi_assets):
            raise VenueRefusal(-4171, "Unable to adjust to Multi-Assets mode: the mode is set already.")
        (self._multi_assets.add if wanted else self._multi_assets.discard)(call.account)
        self._changed(call, {"ai": {"j": wanted}})
        return dict(_OK)

    def account_config(self, call: Call) -> dict[str, Any]:
        """Return the account's settings."""
        holder = self._holder(call)
        return {
            "feeTier": 0,
            "canTrade": holder.can_trade,
            "canDeposit": True,
            "canWithdraw": call.key.withdraw,
            "dualSidePosition": holder.hedge,
            "updateTime": 0,
            "multiAssetsMargin": call.account in self._multi_assets,
            "tradeGroupId": -1,
        }

    def symbol_config(self, call: Call) -> list[dict[str, Any]]:
        """Return the settings of symbols."""
        holder = self._holder(call)
        return [
            {
                "symbol": symbol.name,
                "marginType": "ISOLATED" if holder.isolated.get(symbol.name, False) else "CROSSED",
                "isAutoAddMargin": "false",
                "leverage": holder.leverage(symbol.name),
                "maxNotionalValue": plain(self._cap(symbol, holder.leverage(symbol.name))),
            }
            for symbol in self._symbols(call)
        ]

    def income(self, call: Call) -> list[dict[str, Any]]:
        """Return what moved the wallets, oldest first."""
        params = call.params
        start, end = integer(params, "startTime"), integer(params, "endTime")
        limit, page = min(integer(params, "limit", 100) or 100, 1_000), integer(params, "page", 1) or 1
        rows = [
            row
            for row in answers.incomes(self._desk, call.account)
            if params.get("symbol", "") in ("", row["symbol"])
            and params.get("incomeType", "") in ("", row["incomeType"])
            and (start is None or row["time"] >= start)
            and (end is None or row["time"] <= end)
        ]
        if start is None and page == 1:
            return rows[-limit:]
        return rows[(page - 1) * limit : page * limit]

    def commission(self, call: Call) -> dict[str, Any]:
        """Return the account's fees on a symbol."""
        symbol, fees = self._desk.symbol(needed(call.params, "symbol")), self._desk.config.fees[self._desk.market]
        return {"symbol": symbol.name, "makerCommissionRate": fees.maker, "takerCommissionRate": fees.taker}

    def tiers(self, call: Call) -> Any:
        """Return the leverage tiers of one symbol or all."""
        name, market = call.params.get("symbol", ""), self._desk.market
        names = [self._desk.symbol(name).name] if name else list(self._desk.exchange.listings)
        table = brackets(market)
        rows = [{"symbol": item, "notionalCoef": 1.5, "brackets": _tiers(table, coin=market == "cm")} for item in names]
        return rows[0] if name and market == "um" else rows


def _tiers(table: BracketTable, *, coin: bool) -> list[dict[str, Any]]:
    cap, floor = ("qtyCap", "qtylFloor") if coin else ("notionalCap", "notionalFloor")
    return [
        {
            "bracket": at,
            "initialLeverage": int(tier.max_leverage),
            cap: int(tier.cap),
            floor: int(tier.floor),
            "maintMarginRatio": float(tier.maintenance_rate),
            "cum": float(tier.cum),
        }
        for at, tier in enumerate(table.brackets, start=1)
    ]
