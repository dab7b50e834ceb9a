"""What a spot fill costs, out of Binance's answer about a symbol's commission (the shape of its API documentation)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantservice.adapters.venues.binance.trading.decode import COMMISSION

D = Decimal
ANSWER = b"""{"symbol":"BTCUSDT",
 "standardCommission":{"maker":"0.00100000","taker":"0.00120000","buyer":"0.00000000","seller":"0.00000000"},
 "specialCommission":{"maker":"0.00010000","taker":"0.00020000","buyer":"0.00000000","seller":"0.00000000"},
 "taxCommission":{"maker":"0.00000112","taker":"0.00000114","buyer":"0.00000118","seller":"0.00000116"},
 "discount":{"enabledForAccount":%s,"enabledForSymbol":%s,"discountAsset":"BNB","discount":"0.75000000"}}"""


@pytest.mark.parametrize(
    ("account", "symbol", "maker", "taker"),
    [
        (b"true", b"true", "0.00085112", "0.00110114"),  # the discount is on the standard rate alone
        (b"true", b"false", "0.00110112", "0.00140114"),
        (b"false", b"true", "0.00110112", "0.00140114"),
    ],
)
def test_a_fill_costs_standard_special_and_tax(account: bytes, symbol: bytes, maker: str, taker: str) -> None:
    found = COMMISSION.decode(ANSWER % (account, symbol))
    assert (found.rate(maker=True), found.rate(maker=False)) == (D(maker), D(taker))


def test_what_is_missing_costs_nothing() -> None:
    found = COMMISSION.decode(b'{"symbol":"BTCUSDT","standardCommission":{"maker":"0.001","taker":"0.001"}}')
    assert (found.rate(maker=True), found.rate(maker=False)) == (D("0.001"), D("0.001"))
