"""``/_referee`` and ``/_faults``: the judge's book and the hand that breaks things. Not part of the venue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import web

from quantservice.core.errors import UserError
from quantservice.simulator.config import MarketName
from quantservice.simulator.faults.script import Fault, FaultScript
from quantservice.simulator.protocol.text import to_json
from quantservice.simulator.rules.referee import Referee
from quantservice.simulator.rules.weights import WeightGate


class Exchange(Protocol):
    """What these paths show of an exchange, and what they change in it."""

    referee: Referee
    faults: FaultScript
    gates: dict[MarketName, WeightGate]

    def report(self) -> Mapping[str, Any]:
        """Return the referee's judgement with the open connections."""
        ...

    def add_fault(self, fault: Fault | dict[str, object]) -> Fault:
        """Put a fault in force."""
        ...


class RefereeRoutes:
    """The simulator's own paths."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def add_to(self, application: web.Application) -> None:
        """Register the paths."""
        router = application.router
        router.add_get("/_referee", self._report)
        router.add_get("/_referee/access", self._access)
        router.add_post("/_referee/reset", self._reset)
        router.add_get("/_faults", self._faults)
        router.add_post("/_faults", self._add_fault)
        router.add_delete("/_faults", self._clear_faults)
        router.add_delete("/_faults/{number:\\d+}", self._lift_fault)

    async def _report(self, _: web.Request) -> web.Response:
        return _json(self._exchange.report())

    async def _access(self, request: web.Request) -> web.Response:
        """Deliveries, one per row; ``?symbol=`` and ``?via=`` narrow them."""
        symbol, via = request.query.get("symbol"), request.query.get("via")
        rows = [
            row for row in self._exchange.referee.access if (not symbol or row.symbol == symbol) and (not via or row.via == via)
        ]
        return _json({"dropped": self._exchange.referee.dropped_access, "rows": [msgspec.structs.asdict(row) for row in rows]})

    async def _reset(self, _: web.Request) -> web.Response:
        self._exchange.referee.reset()
        for gate in self._exchange.gates.values():
            gate.reset()
        return _json({"reset": True})

    async def _faults(self, _: web.Request) -> web.Response:
        return _json(self._exchange.faults.report())

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read())
            faults = asked if isinstance(asked, list) else [asked]
            made = [self._exchange.add_fault(fault) for fault in faults]
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError, UserError) as error:
            return _json({"error": str(error)}, status=400)
        return _json({"ids": [fault.id for fault in made]})

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._exchange.faults.clear()
        return _json({"cleared": True})

    async def _lift_fault(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"][:9])
        lifted = self._exchange.faults.lift(number)
        return _json({"lifted": lifted}, status=200 if lifted else 404)


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=to_json(value), content_type="application/json", charset="utf-8")
