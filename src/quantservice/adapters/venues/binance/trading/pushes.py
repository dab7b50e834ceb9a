"""User data streams: one pushed message -> what it says of orders, fills and money. Field names are the venue's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from quantservice.adapters.venues.binance.trading import wording
from quantservice.adapters.venues.binance.trading.decode import Decoder
from quantservice.adapters.venues.transport.private.inbox import Told
from quantservice.core.errors import MalformedFrame, QuantServiceError
from quantservice.core.money import ZERO, exact
from quantservice.core.orders import Evidence, VenueFill
from quantservice.ports.trading import (
    AccountEvent,
    AccountMovement,
    BalanceReport,
    OrderReport,
    VenueBalance,
    VenuePosition,
)

_JSON: Final = msgspec.json.Decoder(dict[str, Any])
Push = Mapping[str, Any]


class PushDecoder:
    """Messages of one account's user data stream."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._kinds: dict[str, Callable[[Push], Told]] = {
            "executionReport": self._execution,
            "outboundAccountPosition": self._spot_balances,
            "balanceUpdate": self._spot_movement,
            "ORDER_TRADE_UPDATE": self._futures_order,
            "ACCOUNT_UPDATE": self._futures_account,
            "ALGO_UPDATE": self._algo,
            "listenKeyExpired": lambda _: Told(ends="the listen key expired"),
            "eventStreamTerminated": lambda _: Told(ends="the venue ended the stream"),
            "serverShutdown": lambda _: Told(ends="the venue's server shuts down"),
        }

    def decode(self, payload: bytes) -> Told:
        """Return what a message says; an unknown kind says nothing. Raises MalformedFrame."""
        try:
            message = _JSON.decode(payload)
            event = message.get("event") or message.get("data") or message
            if not isinstance(event, dict):
                raise MalformedFrame("wrong_shape")
            kind = event.get("e")
            if kind is None:
                return _answer(message)
            read = self._kinds.get(kind)
            return read(event) if read is not None else Told()
        except QuantServiceError:
            raise
        except msgspec.DecodeError:
            raise MalformedFrame("not_json") from None
        except (KeyError, TypeError, ValueError, ArithmeticError):
            raise MalformedFrame("bad_value") from None

    # --- spot ----------------------------------------------------------------------------------------------------------

    def _execution(self, event: Push) -> Told:
        # "C" is the order's own id where "c" is that of the request that ended or changed it.
        client_id = event.get("C") or event["c"]
        order_id = str(event["i"])
        fill = None
        if event["x"] == "TRADE":
            fill = self._fill(
                event,
                client_id,
                fee=_decimal(event.get("n")),
                realised=None,
                kind=wording.fill_kind(client_id),
                position_side="BOTH",
            )
        return self._order(
            event,
            fill,
            client_id=client_id,
            type_word=event["o"],
            stop=event.get("P"),
            reason=event.get("r", ""),
            reference=str(event.get("I") or order_id),
        )

    def _spot_balances(self, event: Push) -> Told:
        rows = tuple(_spot_balance(row) for row in event["B"])
        return Told((BalanceReport(account=self._decoder.account, balances=rows, time_ms=int(event["u"])),))

    def _spot_movement(self, event: Push) -> Told:
        movement = AccountMovement(
            account=self._decoder.account,
            movement_id=f"balance-{event['a']}-{event['T']}-{event['d']}",
            kind="transfer",
            currency=event["a"],
            amount=Decimal(event["d"]),
            time_ms=int(event["T"]),
        )
        return Told((movement,))

    # --- futures -------------------------------------------------------------------------------------------------------

    def _futures_order(self, message: Push) -> Told:
        event = message["o"]
        order_id = str(event["i"])
        client_id = self._decoder.names.get(order_id) or event["c"]
        fill = None
        if event["x"] in ("TRADE", "CALCULATED") and _decimal(event.get("l")) > 0:
            fill = self._fill(
                event,
                client_id,
                fee=_decimal(event.get("n")),
                realised=_decimal(event.get("rp")),
                kind=wording.fill_kind(client_id, event["o"]),
                position_side=event.get("ps", "BOTH"),
            )
        return self._order(
            event,
            fill,
            client_id=client_id,
            type_word=event.get("ot") or event["o"],
            stop=event.get("sp"),
            reason="",
            reference=order_id,
        )

    def _futures_account(self, message: Push) -> Told:
        body = message["a"]
        balances = tuple(
            VenueBalance(currency=row["a"], total=Decimal(row["wb"]), free=Decimal(row["cw"])) for row in body.get("B", ())
        )
        positions = tuple(
            VenuePosition(
                instrument=self._decoder.instrument_of(row["s"]),
                side=wording.position_side_of(row.get("ps", "BOTH")),
                quantity=Decimal(row["pa"]),
                entry_price=_decimal(row.get("ep")),
                isolated=row.get("mt") == "isolated",
            )
            for row in body.get("P", ())
        )
        reason, time_ms = str(body.get("m", "")), int(message["T"])
        report = BalanceReport(
            account=self._decoder.account, balances=balances, positions=positions, reason=reason, time_ms=time_ms
        )
        moved = any(_decimal(row.get("bc")) for row in body.get("B", ()))
        return Told((report,), moved_ms=time_ms if moved and reason != "ORDER" else 0)

    def _algo(self, message: Push) -> Told:
        event, time_ms = message["o"], int(message["T"])
        order_id, client_id = str(event.get("ai") or ""), event["caid"]
        self._decoder.remember(order_id, client_id)
        quantity = Decimal(event["q"])
        # Once it acts, the order that it became tells what is filled and how it ends.
        if quantity <= 0 or event["X"] == "FINISHED":
            return Told()
        report = OrderReport(
            account=self._decoder.account,
            instrument=self._decoder.instrument_of(event["s"]),
            client_id=client_id,
            venue_order_id=order_id,
            side=wording.side_of(event["S"]),
            type=wording.type_of(event["o"]),
            quantity=quantity,
            state=wording.state_of(event["X"]),
            limit_price=_decimal(event.get("p")) or None,
            stop_price=_decimal(event.get("tp")) or None,
            reduce_only=bool(event.get("R")),
            position_side=wording.position_side_of(event.get("ps", "BOTH")),
            reason=str(event.get("rm") or ""),
            time_ms=time_ms,
            evidence=_evidence(f"algo-{event['aid']}", time_ms, event["X"]),
        )
        return Told((report,))

    # --- both ----------------------------------------------------------------------------------------------------------

    def _order(
        self,
        event: Push,
        fill: VenueFill | None,
        *,
        client_id: str,
        type_word: str,
        stop: Any,
        reason: str,
        reference: str,
    ) -> Told:
        order_id, time_ms, quantity = str(event["i"]), int(event["T"]), Decimal(event["q"])
        self._decoder.remember(order_id, client_id)
        # The fill comes first: then what the report says is filled is known already, and nobody asks for it.
        events: tuple[AccountEvent, ...] = (fill,) if fill is not None else ()
        if quantity <= 0:
            return Told(events)
        report = OrderReport(
            account=self._decoder.account,
            instrument=self._decoder.instrument_of(event["s"]),
            client_id=client_id,
            venue_order_id=order_id,
            side=wording.side_of(event["S"]),
            type=wording.type_of(type_word),
            quantity=quantity,
            state=wording.state_of(event["X"]),
            filled=_decimal(event["z"]),
            limit_price=_decimal(event.get("p")) or None,
            stop_price=_decimal(stop) or None,
            reduce_only=bool(event.get("R", False)),
            position_side=wording.position_side_of(event.get("ps", "BOTH")),
            reason="" if reason == "NONE" else reason,
            time_ms=time_ms,
            evidence=_evidence(reference, time_ms, event["X"]),
        )
        return Told((*events, report))

    def _fill(
        self, event: Push, client_id: str, *, fee: Decimal, realised: Decimal | None, kind: str, position_side: str
    ) -> VenueFill:
        return VenueFill(
            account=self._decoder.account,
            instrument=self._decoder.instrument_of(event["s"]),
            trade_id=str(event["t"]),
            side=wording.side_of(event["S"]),
            price=Decimal(event["L"]),
            quantity=Decimal(event["l"]),
            client_id=client_id,
            venue_order_id=str(event["i"]),
            fee=fee,
            fee_currency=event.get("N") or "",
            maker=bool(event["m"]),
            realised=realised,
            position_side=wording.position_side_of(position_side),
            kind=kind,
            time_ms=int(event["T"]),
        )


@exact
def _spot_balance(row: Push) -> VenueBalance:
    free = Decimal(row["f"])
    return VenueBalance(currency=row["a"], total=free + Decimal(row["l"]), free=free)


def _answer(message: Push) -> Told:
    """Read the answer to a request of ours: of the WS-API (``status``) or of a stream's connection (``result``)."""
    number = message.get("id")
    if not isinstance(number, int):
        return Told()
    fault = message.get("error")
    good = fault is None and int(message.get("status", 200)) == 200
    detail = f"{fault.get('msg', '')} (code {fault.get('code')})" if isinstance(fault, dict) else ""
    return Told(answer=(number, good, detail))


def _decimal(value: Any) -> Decimal:
    return Decimal(value) if value not in (None, "") else ZERO


def _evidence(reference: str, time_ms: int, detail: str) -> Evidence:
    return Evidence(source="push", reference=reference, time_ns=time_ms * 1_000_000, detail=detail)
