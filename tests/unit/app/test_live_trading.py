"""Where a live account's signed requests go: never to the exchange itself while a part of it is a simulator."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from quantservice.adapters.clock.system import SystemClock
from quantservice.app.live_trading import LiveTrading
from quantservice.app.settings import Settings
from quantservice.app.venues import check_redirected
from quantservice.core.errors import SettingsError
from quantservice.ports import TradingAccount, VenueSecret

HERE = "http://127.0.0.1:8990"
SOCKET = "ws://127.0.0.1:8990"


def settings_of(**addresses: str) -> Settings:
    """Return settings with addresses, by their names with ``__`` for the dots."""
    made: dict[str, Any] = {}
    for name, url in addresses.items():
        *path, last = name.split("__")
        part = made
        for step in path:
            part = part.setdefault(step, {})
        part[last] = url
    return msgspec.convert(made, Settings)


HTX_UM = {"htx__um__rest_url": HERE, "htx__um__ws_url": SOCKET}
REDIRECTED = [
    (HTX_UM, "htx", "um", "htx.um.rest_url leads elsewhere and htx.spot.rest_url does not"),
    (HTX_UM, "htx", "spot", "htx.spot.rest_url and htx.spot.ws_url do not"),
    ({"htx__spot__rest_url": HERE, "htx__spot__ws_url": SOCKET}, "htx", "um", "htx.um.rest_url and htx.um.ws_url do not"),
    ({"binance__um__ws_url": SOCKET}, "binance", "um", "binance.um.ws_url leads elsewhere and binance.um.rest_url does not"),
    ({"binance__um__rest_url": HERE, "binance__um__ws_url": SOCKET}, "binance", "spot", "binance.spot.rest_url and"),
    ({"okx__ws_url": SOCKET}, "okx", "spot", "okx.ws_url leads elsewhere and okx.rest_url does not"),
]


@pytest.mark.parametrize(("addresses", "venue", "market", "sentence"), REDIRECTED)
async def test_a_key_is_shown_to_nobody_while_an_address_is_missing(
    addresses: dict[str, str], venue: str, market: str, sentence: str
) -> None:
    settings = settings_of(**addresses)
    live = LiveTrading(SystemClock(), settings, lambda: {(venue, market): object()}, dict, None)  # type: ignore[arg-type, dict-item]
    with pytest.raises(SettingsError, match=sentence):
        await live.permissions(TradingAccount(name="a", venue=venue, market=market, mode="live"), VenueSecret("k" * 9, "s", ""))


@pytest.mark.parametrize(
    ("addresses", "venue", "market"),
    [
        ({}, "htx", "um"),
        ({**HTX_UM, "htx__spot__rest_url": HERE}, "htx", "um"),
        ({"binance__um__rest_url": HERE, "binance__um__ws_url": SOCKET}, "binance", "um"),
        ({"binance__spot__rest_url": "https://api1.binance.com"}, "binance", "um"),
        ({"okx__rest_url": HERE, "okx__ws_url": SOCKET}, "okx", "um"),
        ({"htx__um__rest_url": HERE}, "binance", "um"),
    ],
)
def test_addresses_that_go_together_are_taken(addresses: dict[str, str], venue: str, market: str) -> None:
    check_redirected(settings_of(**addresses), venue, market)
