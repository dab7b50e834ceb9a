"""The trading side as one object: keys, three desks, their counters, streams and doors, and the judge's ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal

import structlog
from aiohttp import web

from quantservice.simulator.clock import SimulatorClock
from quantservice.simulator.config import MARKET_NAMES, Limits, MarketName
from quantservice.simulator.exchange import MarketState
from quantservice.simulator.faults.script import Fault, FaultScript
from quantservice.simulator.private.calls import Call, Endpoint, Endpoints, OrderGate
from quantservice.simulator.private.config import TradingConfig, lifted
from quantservice.simulator.private.counter import Counter, Gates
from quantservice.simulator.private.desk import Desk
from quantservice.simulator.private.futures import FuturesOrders
from quantservice.simulator.private.futures_account import FuturesAccount
from quantservice.simulator.private.judge import Judge
from quantservice.simulator.private.keys import KeyRing
from quantservice.simulator.private.rest_door import RestDoor
from quantservice.simulator.private.socket_door import PrivateDoor, PrivateHub
from quantservice.simulator.private.spot import SpotApi
from quantservice.simulator.private.streams import UserStreams
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.rules.weights import WeightGate

_log = structlog.get_logger(__name__)
_API_PATHS: dict[MarketName, str] = {"spot": "/ws-api/v3", "um": "/ws-fapi/v1", "cm": "/ws-dapi/v1"}


class TradingPlane:
    """Everything private of the venue. The simulator drives it: :meth:`tick` at each of its own ticks."""

    def __init__(
        self,
        config: TradingConfig,
        clock: SimulatorClock,
        markets: Mapping[MarketName, MarketState],
        gates: Mapping[MarketName, WeightGate],
        limits: Mapping[MarketName, Limits],
        faults: FaultScript,
        referee: Referee,
    ) -> None:
        self.config = config
        self._clock = clock
        self._faults = faults
        self.keys = KeyRing(config.keys, clock, referee)
        self.desks: dict[MarketName, Desk] = {}
        #: every desk that the judge sees, those of other venues in the same box too
        self.all_desks: dict[str, Desk] = {}
        self.streams: dict[MarketName, UserStreams] = {}
        self.doors: dict[MarketName, PrivateDoor] = {}
        self.hubs: dict[MarketName, PrivateHub] = {}
        self.orders: dict[MarketName, OrderGate] = {}
        self._rest: list[RestDoor] = []
        self._countdowns: list[FuturesOrders] = []
        wall_s = time.monotonic  # rules run on the wall's clock, whatever the market's speed
        for market in MARKET_NAMES:
            self.desks[market] = self.all_desks[market] = Desk(markets[market], config, wall_s)
        for market, desk in self.desks.items():
            self.streams[market] = UserStreams(desk, config, faults, wall_s=wall_s)
            self.orders[market] = OrderGate(market, config.order_limits[market], referee, now_s=wall_s)
            counter = Counter(
                market,
                self._endpoints(market, wall_s),
                self.keys,
                Gates(gates[market], self.orders[market], limits[market].weight_per_minute),
                faults,
                referee,
                wall_s=wall_s,
            )
            self._rest.append(RestDoor(counter))
            self.hubs[market] = PrivateHub(market, limits[market], referee)
            self.doors[market] = PrivateDoor(
                markets[market],
                self.hubs[market],
                limits[market],
                referee,
                faults,
                counter=counter,
                keys=self.keys,
                streams=self.streams[market],
            )
        for account in self.keys.accounts:
            self.endow(account)
        self.judge = Judge(self)

    def endow(self, account: str) -> None:
        """Give an account the money that accounts begin with."""
        for desk in self.all_desks.values():
            self.endow_at(desk, account)

    def endow_at(self, desk: Desk, account: str) -> None:
        """The same, of one desk."""
        for currency, amount in self.config.balances.get(desk.market, {}).items():
            desk.engine.transfer(account, currency, Decimal(amount), desk.now_ms())

    def lifted(self) -> list[str]:
        """Name the order limits that are not in force."""
        return lifted(self.config)

    def add_to(self, application: web.Application) -> None:
        """Register the private paths; before the public ones, which would take some of them."""
        for door in self._rest:
            door.add_to(application)
        router = application.router
        for market, path in _API_PATHS.items():
            router.add_get(path, self.doors[market].handle_api)
        router.add_get("/um/private/ws", self.doors["um"].handle_stream)
        router.add_get("/um/private/ws/{stream:.+}", self.doors["um"].handle_stream)
        router.add_get("/um/private/stream", self.doors["um"].handle_stream)
        router.add_get("/sapi/v1/system/status", self._system_status)
        self.judge.add_to(application)

    async def _system_status(self, _: web.Request) -> web.Response:
        down = any(fault.kind == "maintenance" and fault.live(time.monotonic()) for fault in self._faults.faults.values())
        return web.json_response({"status": int(down), "msg": "system_maintenance" if down else "normal"})

    def private_stream(self, market: MarketName, request: web.Request) -> PrivateDoor | None:
        """Return the door of a handshake on a public path whose stream is a listen key; None for market data."""
        door = self.doors[market]
        return door if market != "spot" and door.listen_key(request) else None

    def tick(self) -> None:
        """Bring the engines to now, end what ran out, strike by the faults."""
        for market, desk in self.desks.items():
            try:
                desk.tick()
            except Exception:  # noqa: BLE001  # edge of the service: one market's fault must not stop the others
                _log.exception("simulator.desk_failed", market=market)
            self.streams[market].tick()
            self.doors[market].watch()
            hub = self.hubs[market]
            self._faults.release(hub)
            if self._faults.faults and self._faults.stands("maintenance", market):
                for connection in list(hub.connections.values()):
                    connection.cut()
            hub.flush()
        for countdown in self._countdowns:
            countdown.tick()

    def strike(self, fault: Fault) -> None:
        """Do at once what a fault does at once."""
        if fault.kind == "expire_listen_key":
            for market, streams in self.streams.items():
                if fault.is_for(market):
                    fault.fired += streams.expire_keys()
        elif fault.kind == "shutdown":
            for market, hub in self.hubs.items():
                for connection in list(hub.connections.values()) if fault.is_for(market) else ():
                    self.doors[market].announce_shutdown(connection)

    async def close(self) -> None:
        """Cut every private client."""
        for hub in self.hubs.values():
            for connection in list(hub.connections.values()):
                connection.cut()
        for door in self._rest:
            await door.close()

    def _endpoints(self, market: MarketName, wall_s: Callable[[], float]) -> Endpoints:
        desk, gate = self.desks[market], self.orders[market]
        if market == "spot":
            return SpotApi(desk, gate, self.desks).endpoints()
        orders = FuturesOrders(desk, gate, wall_s=wall_s)
        self._countdowns.append(orders)
        streams, path = self.streams[market], "/fapi/v1/listenKey" if market == "um" else "/dapi/v1/listenKey"

        def opened(call: Call) -> dict[str, str]:
            return {"listenKey": streams.open_key(call.account)}

        def kept(call: Call) -> dict[str, str]:
            key = streams.keep_key(call.account)
            return {"listenKey": key} if market == "um" else {}

        def closed(call: Call) -> dict[str, str]:
            streams.close_key(call.account)
            return {}

        return (
            dict(orders.endpoints())
            | dict(FuturesAccount(desk, gate, streams.tell).endpoints())
            | {
                ("POST", path): Endpoint(opened, "key", 1),
                ("PUT", path): Endpoint(kept, "key", 1),
                ("DELETE", path): Endpoint(closed, "key", 1),
            }
        )
