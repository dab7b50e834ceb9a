"""Print the OpenAPI: ``python -m quantservice.web.openapi > ui/openapi.json``. The page's types are made from it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, cast

from quantservice.core.instruments import InstrumentBook
from quantservice.ports import SubscriptionStats
from quantservice.version import __version__
from quantservice.web.app import create_app
from quantservice.web.context import ResearchDesk, TradingFace, WebContext
from quantservice.web.projections import Projections


class _Nothing:
    """Stands in for stores and bus: describing routes calls none of them."""

    def now_ms(self) -> int:
        return 0

    def stats(self) -> Sequence[SubscriptionStats]:
        return ()


def describe() -> dict[str, Any]:
    """Return the OpenAPI of the app, without any store."""
    nothing = cast("Any", _Nothing())
    context = WebContext(
        environment="demo",
        version=__version__,
        started_ms=0,
        clock=nothing,
        bus=nothing,
        market_store=nothing,
        state_store=nothing,
        instruments=lambda: InstrumentBook(()),
        projections=Projections(nothing, nothing),
        pairs=nothing,
        proxies=nothing,
        access_keys=nothing,
        owner_token_hash="",
        research=nothing,
        desk=ResearchDesk(jobs=nothing, backtests=nothing, trials=nothing),
        deployments=nothing,
        parity=nothing,
        trading=TradingFace(
            accounts=nothing,
            orders=nothing,
            router=nothing,
            ready=nothing,
            problem=nothing,
            figures=nothing,
            portfolio=nothing,
            equity=nothing,
            chains=nothing,
            risk=nothing,
            rehearsals=nothing,
            kill=nothing,
            preflight=nothing,
        ),
    )
    return create_app(context).openapi()


def main() -> None:
    """Write the OpenAPI to standard output."""
    sys.stdout.write(json.dumps(describe(), indent=1, ensure_ascii=False, sort_keys=False) + "\n")


if __name__ == "__main__":
    main()
