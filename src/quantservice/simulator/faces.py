"""The simulator's addresses and keys by venue, as people need them to point a client at one."""

from __future__ import annotations

from quantservice.simulator.okx.config import OKX_KEY, OKX_PASSPHRASE, OKX_SECRET
from quantservice.simulator.private.config import DEFAULT_KEY, DEFAULT_SECRET
from quantservice.simulator.server import Simulator


def lines_of(simulator: Simulator) -> list[str]:
    """Return a line per address and key of a running simulator: Binance, OKX where it is served, HTX, the referee."""
    rest, sockets = simulator.rest_url, simulator.rest_url.replace("http", "ws", 1)
    rows = [("Binance REST", rest), *((f"Binance {market} WS", url) for market, url in simulator.ws_urls.items())]
    if simulator.trading is not None:
        paths = (("spot", "ws-api/v3"), ("um", "ws-fapi/v1"), ("cm", "ws-dapi/v1"))
        rows += [(f"Binance {market} WS-API", f"{sockets}/{path}") for market, path in paths]
    if simulator.okx is not None:
        rows += [("OKX REST", f"{rest}/api/v5"), *((f"OKX {kind} WS", f"{sockets}/ws/v5/{kind}") for kind in _OKX)]
        rows += [("OKX key", f"{OKX_KEY}, secret {OKX_SECRET}, passphrase {OKX_PASSPHRASE}")]
        rows += [("OKX ledger", f"{rest}/_referee/okx/ledger")]
    rows += [("HTX spot REST", f"{rest}/v1"), ("HTX spot WS", f"{sockets}/ws")]
    rows += [("HTX um REST", f"{rest}/linear-swap-api"), ("HTX um WS", f"{sockets}/linear-swap-ws")]
    if simulator.trading is not None:
        rows += [("HTX spot account WS", f"{sockets}/ws/v2"), ("HTX um account WS", f"{sockets}/linear-swap-notification")]
        rows += [("Binance, HTX key", DEFAULT_KEY), ("Binance, HTX secret", DEFAULT_SECRET)]
        rows += [("Binance ledger", f"{rest}/_referee/ledger"), ("HTX ledger", f"{rest}/_referee/ledger?market=htx.um")]
    rows += [("referee", f"{rest}/_referee")]
    return [f"{name:<20} {address}" for name, address in rows]


_OKX = ("public", "business", "private")
