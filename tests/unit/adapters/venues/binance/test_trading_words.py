"""Orders in Binance's words: what a market has of times in force."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantservice.adapters.venues.binance.trading import wording
from quantservice.adapters.venues.binance.trading.table import row_of
from quantservice.core.instruments import InstrumentId
from quantservice.core.intents import OrderTerms

D = Decimal
NOW_MS = 1_740_830_400_000


@pytest.mark.parametrize(
    ("market", "ahead_s", "sent"),
    [
        ("um", 3_600.5, {"timeInForce": "GTD", "goodTillDate": str(NOW_MS + 3_600_000)}),  # whole seconds
        ("um", 610, {"timeInForce": "GTD", "goodTillDate": str(NOW_MS + 610_000)}),
        ("um", 609, {"timeInForce": "GTC"}),  # nearer than the venue takes it
        ("spot", 3_600, {"timeInForce": "GTC"}),
        ("cm", 3_600, {"timeInForce": "GTC"}),
    ],
)
def test_gtd_is_an_order_without_an_end_where_the_market_has_no_such_date(
    market: str, ahead_s: float, sent: dict[str, str]
) -> None:
    instrument = InstrumentId("binance", market, "BTC-USDT" if market == "spot" else "BTC-USDT-PERP")
    terms = OrderTerms(
        account="a",
        instrument=instrument,
        side="buy",
        quantity=D(1),
        type="limit",
        limit_price=D(1),
        time_in_force="GTD",
        expire_ms=NOW_MS + round(ahead_s * 1_000),
    )
    _, found = wording.submit_parameters(row_of(market), terms, "X", "abc", now_ms=NOW_MS)
    assert {name: found[name] for name in ("timeInForce", "goodTillDate") if name in found} == sent
