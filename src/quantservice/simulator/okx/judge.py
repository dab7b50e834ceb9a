"""The judge's paths of this venue, below ``/_referee/okx``: its ledger, and what happens to an account from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quantservice.simulator.okx.config import OkxKey
from quantservice.simulator.private.judge import Judge, narrowed

if TYPE_CHECKING:
    from quantservice.simulator.okx.exchange import OkxExchange


class OkxJudge(Judge):
    """Shows the venue's own ledger: quantities in base currency, on swaps too."""

    prefix = "/_referee/okx"
    key_kind = OkxKey
    web_id = ""

    def __init__(self, exchange: OkxExchange) -> None:
        self._exchange = exchange
        super().__init__(exchange)

    def ledger(self, *, market: str = "", account: str = "") -> dict[str, Any]:
        """Return the venue's truth; spot and swaps share the account's wallets."""
        found = super().ledger(market=market, account=account)
        for name, rows in found["markets"].items():
            own = next(item for item in self._exchange.markets.values() if item.name == name)
            found["markets"][name] = narrowed(rows, set(own.state.listings))
        found["audit"] = sorted(set(found["audit"]))
        return found
