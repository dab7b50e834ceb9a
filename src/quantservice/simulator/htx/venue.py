"""HTX as one object: its paths beside the other venues' on the same port, over the same markets, seen by the same judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec
import structlog
from aiohttp import web

from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.config import Limits, MarketName
from quantservice.simulator.exchange import Listing, MarketState
from quantservice.simulator.faults.script import FaultScript
from quantservice.simulator.htx.config import SPOT, SWAP, HtxConfig
from quantservice.simulator.htx.market import Quotes
from quantservice.simulator.htx.market_sockets import MarketDoor
from quantservice.simulator.htx.private_sockets import SpotPrivateDoor, SwapPrivateDoor
from quantservice.simulator.htx.public import SpotPublic, SwapPublic
from quantservice.simulator.htx.requests import Guard, Paces
from quantservice.simulator.htx.rest import Endpoints, RestDoor
from quantservice.simulator.htx.sockets import Door
from quantservice.simulator.htx.spot import SpotApi
from quantservice.simulator.htx.swap import SwapOrders
from quantservice.simulator.htx.swap_account import SwapAccount
from quantservice.simulator.hub import Hub
from quantservice.simulator.private.desk import Desk, describe
from quantservice.simulator.private.plane import TradingPlane
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.trading import Engine, Symbol
from quantservice.simulator.trading.values import ClientIdRule

_log = structlog.get_logger(__name__)
#: the desks' rules of client ids: spot takes the same one again and again, the swap never twice
_CLIENT_IDS: dict[str, ClientIdRule] = {SPOT: "not_checked", SWAP: "unique_ever"}
_SOCKETS = {SPOT: ("/ws", "/feed"), SWAP: ("/linear-swap-ws",)}


class HtxVenue:
    """The venue. ``plane``: the trading side, where there is one; keys and accounts are those of it."""

    def __init__(
        self,
        config: HtxConfig,
        clock: SimulatorClock,
        markets: Mapping[MarketName, MarketState],
        plane: TradingPlane | None,
        faults: FaultScript,
        referee: Referee,
    ) -> None:
        self.config = config
        self.hubs: dict[str, Hub] = {}
        self.doors: dict[str, Door] = {}
        self.desks: dict[str, Desk] = {}
        self._clock = clock
        self._faults = faults
        self._referee = referee
        self._rest: list[RestDoor] = []
        self._paces = Paces(config)
        states = {SPOT: markets["spot"], SWAP: markets["um"]}
        if plane is not None:
            self._open_desks(plane, states)
        for market, state in states.items():
            self._open(market, state, plane)

    def _open_desks(self, plane: TradingPlane, states: Mapping[str, MarketState]) -> None:
        for market, state in states.items():
            engine = Engine(
                client_ids=_CLIENT_IDS[market], first_order_id=plane.config.first_order_id or self._clock.now_ms() * 100
            )
            desk = Desk(state, plane.config, time.monotonic, engine=engine, described=_described(market, plane))
            self.desks[market] = plane.all_desks[market] = desk
            for account in plane.keys.accounts:
                plane.endow_at(desk, account)

    def _open(self, market: str, state: MarketState, plane: TradingPlane | None) -> None:
        quotes = Quotes(state, swap=market == SWAP)
        api = (SwapPublic if quotes.swap else SpotPublic)(quotes, self._referee, self._faults.overlay.rest)
        endpoints: Endpoints = api.endpoints()
        hub = self.hubs[market] = Hub(market, Limits(), self._referee)
        door = MarketDoor(market, hub, self.config, clock=self._clock, faults=self._faults, referee=self._referee)
        door.serve(quotes, api)
        self.doors[market] = door
        guard = Guard(self.config, plane.keys, self._clock, self._referee) if plane is not None else None
        if guard is not None:
            desk = self.desks[market]
            endpoints = dict(endpoints) | dict(self._private(market, desk))
            hub = self.hubs[f"{market}.private"] = Hub(market, Limits(), self._referee)
            kind = SwapPrivateDoor if quotes.swap else SpotPrivateDoor
            private = kind(market, hub, self.config, clock=self._clock, faults=self._faults, referee=self._referee)
            private.serve(desk, guard, self._faults)
            self.doors[f"{market}.private"] = private
        made = RestDoor(market, endpoints, guard, self._paces, clock=self._clock, faults=self._faults, referee=self._referee)
        self._rest.append(made)

    def _private(self, market: str, desk: Desk) -> Endpoints:
        if market == SPOT:
            return SpotApi(desk).endpoints()
        orders = SwapOrders(desk)
        return dict(orders.endpoints()) | dict(SwapAccount(desk, orders).endpoints())

    def add_to(self, application: web.Application) -> None:
        """Register the paths."""
        for door in self._rest:
            door.add_to(application)
        router = application.router
        for market, paths in _SOCKETS.items():
            for path in paths:
                router.add_get(path, self.doors[market].handle)
        for market, path in ((SPOT, "/ws/v2"), (SWAP, "/linear-swap-notification")):
            if f"{market}.private" in self.doors:
                router.add_get(path, self.doors[f"{market}.private"].handle)

    def tick(self) -> None:
        """Bring desks and topics to now; ping, cut and mute who is to be."""
        for market, desk in self.desks.items():
            try:
                desk.tick()
            except Exception:  # noqa: BLE001  # edge of the service: one market's fault must not stop the others
                _log.exception("simulator.desk_failed", market=market)
        for name, door in self.doors.items():
            if isinstance(door, MarketDoor):
                door.tick()
            door.watch()
            hub = self.hubs[name]
            self._faults.release(hub)
            if self._faults.faults and self._faults.stands("maintenance", door.market):
                for connection in list(hub.connections.values()):
                    connection.cut()
            hub.flush()

    def reset(self) -> None:
        """Forget what was counted against anybody."""
        self._paces.reset()
        for door in self._rest:
            door.reset()

    async def close(self) -> None:
        """Cut every client."""
        for hub in self.hubs.values():
            for connection in list(hub.connections.values()):
                connection.cut()
        for door in self._rest:
            await door.close()


def _described(market: str, plane: TradingPlane) -> Callable[[Listing], Symbol]:
    def describe_at_htx(listing: Listing) -> Symbol:
        kind: MarketName = "spot" if market == SPOT else "um"
        symbol = describe(kind, listing, plane.config)
        # a contract is the least there is: the swap knows no least value
        return symbol if market == SPOT else msgspec.structs.replace(symbol, min_notional=Decimal(0))

    return describe_at_htx
