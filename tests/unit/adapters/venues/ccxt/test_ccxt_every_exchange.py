"""What must hold for every exchange of the library, whichever version is installed."""

from __future__ import annotations

import inspect
import re
from typing import Any

import ccxt.async_support as library
import pytest

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.ccxt.access import Access
from quantservice.adapters.venues.ccxt.client import Client, Keys, _Request, reads_by_get
from quantservice.adapters.venues.ccxt.trading.adapter import CcxtTrading
from quantservice.adapters.venues.transport.private.once import Broken
from quantservice.ports.trading import NotSent, Unknown

#: methods that send orders or cancels, and the library's names of requests by GET
_ACTS = ("create_order", "create_orders", "create_spot_order", "create_contract_order", "cancel_order", "cancel_all_orders")
_GET = re.compile(r"self\.(?:[a-zA-Z0-9]*Get[A-Z]\w*|[a-z0-9_]*_get_[a-z]\w*)\(")


@pytest.mark.parametrize("market", ["spot", "um", "cm"])
def test_an_adapter_can_be_made_of_each(market: str) -> None:
    for name in library.exchanges:
        access = Access(f"ccxt{name}", market, clock=SystemClock(), environment={})
        trading: Any = CcxtTrading("main", Keys("K" * 20, "S" * 20, "P" * 8), access=access, clock=SystemClock())
        assert trading.dead_man in (True, False)
        assert trading._client.lets_legs() in (True, False)
        assert trading._queries._lists() is not None
        assert trading._client.exchange.enableRateLimit is False
        for method in ("fetchOpenOrders", "fetchMyTrades", "createOrder", "fetchOHLCV"):
            trading._client.feature(method, "limit")


def test_no_exchange_acts_by_a_request_that_is_taken_for_a_question() -> None:
    """A lost answer to a GET counts as nothing done: an exchange that places or cancels orders by GET must be known as one."""
    acting = set()
    for name in library.exchanges:
        methods = [getattr(getattr(library, name), method, None) for method in _ACTS]
        if any(_GET.search(inspect.getsource(method)) for method in methods if method is not None):
            acting.add(name)
    assert "deribit" in acting, "the way to find them works"
    assert [name for name in acting if reads_by_get(getattr(library, name)())] == []


class Once:
    """Takes one request, and loses its answer."""

    closed = False

    async def send(self, *_: Any, **__: Any) -> None:
        raise Broken("no answer", "timeout", began=True)


@pytest.mark.parametrize(
    ("exchange", "api", "method", "error"),
    [
        ("binance", "private", "POST", Unknown),
        ("lighter", "public", "POST", Unknown),  # it sends its orders so
        ("deribit", "private", "GET", Unknown),
        ("dydx", "nodeRpc", "GET", Unknown),
        ("binance", "private", "GET", NotSent),
        ("deribit", "public", "GET", NotSent),
    ],
)
async def test_whether_a_lost_answer_may_be_of_an_order(exchange: str, api: str, method: str, error: type[Exception]) -> None:
    client: Any = Client(Access(f"ccxt{exchange}", "um", clock=SystemClock(), environment={}), keys=Keys("K" * 20, "S" * 20))
    client._once, client.time.known = Once(), True

    async def work(_: Any) -> None:
        await client.carry(_Request(1.0, "public" in api), "https://x/y", method, None, None)

    with pytest.raises(error):
        await client.ask(work, acts=True)
