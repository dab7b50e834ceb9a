"""What differs between trading at Binance spot, um and cm, as rows of one frozen table.

Sources: the venue's API documents as of 2026 (spot user data by WS-API since 2026-02-20; um conditional orders by the algo service
since 2025-12-09; um private streams under /private since 2026-04-23). Weights are per IP, order counts per account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from quantservice.adapters.venues.binance.spec import MARKETS, rest_base, ws_base
from quantservice.adapters.venues.transport.budget_state import Lane
from quantservice.core.errors import InvalidValue, UnknownName
from quantservice.core.periods import DAY_MS
from quantservice.core.signals import OrderType, TimeInForce

Auth = Literal["signed", "key", "none"]
Host = Literal["market", "wallet"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One private request. ``acts``: it changes something, so that its outcome may stay unknown; ``orders``: it counts as one."""

    method: str
    path: str
    weight: int = 1
    weight_all: int = 0  # without a symbol; 0: as with one
    lane: Lane = Lane.LIVE
    acts: bool = False
    orders: int = 0
    auth: Auth = "signed"
    host: Host = "market"


class TradingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One market. ``types`` are the venue's words for our order types: without and with a limit price.

    ``algo_types`` are served by the algo service instead. ``history_ms`` is the longest span of one question for fills.
    """

    market: str
    calls: Mapping[str, Call]
    types: Mapping[OrderType, tuple[str, str]]
    times: tuple[TimeInForce, ...]
    algo_types: frozenset[str] = frozenset()
    post_only_type: str = ""  # its own type of order (spot), else a time in force
    positions: bool = True
    response: str = "RESULT"
    trailing: bool = True
    history_ms: int = 7 * DAY_MS
    leverage_by: Literal["symbol", "pair", ""] = "symbol"
    stream: Literal["subscribe", "listen_key"] = "listen_key"
    stream_path: str
    probe: str = "LIST_SUBSCRIPTIONS"  # a question that an open connection answers

    def call(self, name: str) -> Call:
        """Return a request by its name; raise :class:`UnknownName` where this market has none."""
        found = self.calls.get(name)
        if found is None:
            raise UnknownName("call", name, self.calls)
        return found


_OF_THE_KEY: Final = {
    "permissions": Call(method="GET", path="/sapi/v1/account/apiRestrictions", host="wallet"),
    "whose": Call(method="GET", path="/api/v3/account", weight=20, host="wallet"),
}


def _ask(method: str, path: str, *, weight: int = 1, orders: int = 0) -> Call:
    return Call(method=method, path=path, weight=weight, lane=Lane.ORDER, acts=True, orders=orders)


def _cancel(path: str) -> Call:
    return Call(method="DELETE", path=path, lane=Lane.CANCEL, acts=True)


def _read(path: str, weight: int, weight_all: int = 0) -> Call:
    return Call(method="GET", path=path, weight=weight, weight_all=weight_all)


def _futures(base: str, *, balance: str, margin: str, risk: str, weights: tuple[int, int]) -> dict[str, Call]:
    trades, income = weights
    key = {"auth": "key", "path": f"{base}/listenKey"}
    return {
        "submit": _ask("POST", f"{base}/order", weight=0, orders=1),
        "amend": _ask("PUT", f"{base}/order", orders=1),
        "cancel": _cancel(f"{base}/order"),
        "cancel_all": _cancel(f"{base}/allOpenOrders"),
        "dead_man": Call(method="POST", path=f"{base}/countdownCancelAll", weight=10, lane=Lane.CANCEL, acts=True),
        "order": _read(f"{base}/order", 1),
        "orders": _read(f"{base}/allOrders", trades),
        "open": _read(f"{base}/openOrders", 1, 40),
        "fills": _read(f"{base}/userTrades", trades),
        "balances": _read(balance, 5),
        "margin": _read(margin, 5),
        "positions": _read(risk, 5),
        "movements": _read(f"{base}/income", income),
        "hedge": _read(f"{base}/positionSide/dual", 30),
        "fees": _read(f"{base}/commissionRate", 20),
        "leverage": _ask("POST", f"{base}/leverage"),
        **_OF_THE_KEY,
        "key_open": Call(method="POST", **key),  # type: ignore[arg-type]  # the words of a Call
        "key_keep": Call(method="PUT", **key),  # type: ignore[arg-type]  # the words of a Call
    }


_FUTURES_TYPES: Final[Mapping[OrderType, tuple[str, str]]] = {
    "market": ("MARKET", ""),
    "limit": ("", "LIMIT"),
    "stop": ("STOP_MARKET", ""),
    "stop_limit": ("", "STOP"),
    "take_profit": ("TAKE_PROFIT_MARKET", "TAKE_PROFIT"),
    "trailing_stop": ("TRAILING_STOP_MARKET", ""),
}
_SPOT_TYPES: Final[Mapping[OrderType, tuple[str, str]]] = {
    "market": ("MARKET", ""),
    "limit": ("", "LIMIT"),
    "stop": ("STOP_LOSS", ""),
    "stop_limit": ("", "STOP_LOSS_LIMIT"),
    "take_profit": ("TAKE_PROFIT", "TAKE_PROFIT_LIMIT"),
}
_SPOT: Final = TradingRow(
    market="spot",
    calls={
        "submit": _ask("POST", "/api/v3/order", orders=1),
        "amend": _ask("PUT", "/api/v3/order/amend/keepPriority", weight=4),
        "cancel": _cancel("/api/v3/order"),
        "cancel_all": _cancel("/api/v3/openOrders"),
        "order": _read("/api/v3/order", 4),
        "orders": _read("/api/v3/allOrders", 20),
        "open": _read("/api/v3/openOrders", 6, 80),
        "fills": _read("/api/v3/myTrades", 20),
        "account": _read("/api/v3/account", 20),
        "fees": _read("/api/v3/account/commission", 20),
        **_OF_THE_KEY,
    },
    types=_SPOT_TYPES,
    times=("GTC", "IOC", "FOK"),
    post_only_type="LIMIT_MAKER",
    positions=False,
    trailing=False,
    history_ms=DAY_MS,
    leverage_by="",
    stream="subscribe",
    stream_path="/ws-api/v3",
    probe="time",
)
_UM: Final = TradingRow(
    market="um",
    calls=_futures("/fapi/v1", balance="/fapi/v3/balance", margin="/fapi/v3/account", risk="/fapi/v2/positionRisk", weights=(5, 30))
    | {
        "algo_submit": _ask("POST", "/fapi/v1/algoOrder", weight=0, orders=1),
        "algo_cancel": _cancel("/fapi/v1/algoOrder"),
        "algo_cancel_all": _cancel("/fapi/v1/algoOpenOrders"),
        "algo_order": _read("/fapi/v1/algoOrder", 1),
        "algo_open": _read("/fapi/v1/openAlgoOrders", 1, 40),
        "multi_asset": _read("/fapi/v1/multiAssetsMargin", 30),
    },
    types=_FUTURES_TYPES,
    times=("GTC", "IOC", "FOK", "GTD"),
    algo_types=frozenset({"STOP_MARKET", "STOP", "TAKE_PROFIT_MARKET", "TAKE_PROFIT", "TRAILING_STOP_MARKET"}),
    stream_path="/private/ws?listenKey={key}",
)
_CM: Final = TradingRow(
    market="cm",
    calls=_futures(
        "/dapi/v1", balance="/dapi/v1/balance", margin="/dapi/v1/account", risk="/dapi/v1/positionRisk", weights=(20, 20)
    ),
    types=_FUTURES_TYPES,
    times=("GTC", "IOC", "FOK"),
    leverage_by="pair",
    stream_path="/stream?streams={key}",
)
ROWS: Final[Mapping[str, TradingRow]] = {"spot": _SPOT, "um": _UM, "cm": _CM}


def row_of(market: str) -> TradingRow:
    """Return the row of ``market``; raise :class:`UnknownName` for one that Binance has not."""
    found = ROWS.get(market)
    if found is None:
        raise UnknownName("market", market, MARKETS)
    return found


class TradingEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Base URLs of private requests and streams per market; ``wallet`` serves what names a key's rights."""

    rest: Mapping[str, str] = msgspec.field(
        default_factory=lambda: {
            "spot": "https://api.binance.com",
            "um": "https://fapi.binance.com",
            "cm": "https://dapi.binance.com",
        }
    )
    stream: Mapping[str, str] = msgspec.field(
        default_factory=lambda: {
            "spot": "wss://ws-api.binance.com:443",
            "um": "wss://fstream.binance.com",
            "cm": "wss://dstream.binance.com",
        }
    )
    wallet: str = "https://api.binance.com"

    @classmethod
    def simulator(cls, rest_url: str) -> TradingEndpoints:
        """Point every market at the exchange simulator, which serves all on one port."""
        base = rest_base(rest_url)
        socket = base.replace("http", "ws", 1)
        return cls(
            rest=dict.fromkeys(MARKETS, base),
            stream={"spot": socket, "um": f"{socket}/um", "cm": f"{socket}/cm"},
            wallet=base,
        )

    def with_urls(self, market: str, *, rest_url: str | None = None, ws_url: str | None = None) -> TradingEndpoints:
        """Return a copy whose ``market`` uses these URLs."""
        row_of(market)
        rest = {**self.rest, market: rest_base(rest_url)} if rest_url else self.rest
        stream = {**self.stream, market: ws_base(ws_url)} if ws_url else self.stream
        return msgspec.structs.replace(self, rest=rest, stream=stream)

    def rest_of(self, market: str, host: Host) -> str:
        """Return the base of a request."""
        return self.wallet if host == "wallet" else self._of(self.rest, market, "rest_url")

    def stream_of(self, market: str) -> str:
        """Return the base of the user data stream."""
        return self._of(self.stream, market, "ws_url")

    @staticmethod
    def _of(bases: Mapping[str, str], market: str, field: str) -> str:
        found = bases.get(market)
        if not found:
            raise InvalidValue(field, f"no URL is configured for trading at binance {market}")
        return found
