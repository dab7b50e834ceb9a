"""A data directory with an instrument and hourly klines in it, for commands that work on stored bars."""

from __future__ import annotations

import asyncio
import math
import sys
from decimal import Decimal
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from quantservice.app.platform import Platform
from quantservice.app.settings import load_settings
from quantservice.core.events import Kline, Source, StreamId
from quantservice.core.periods import close_of, period_ms
from tests.support.market import instrument

START_MS = 1_672_531_200_000  # 2023-01-01


def klines(stream: StreamId, rows: int) -> list[Kline]:
    """Bars of a market with a slow wave and a fast one, made of whole cents."""
    length = period_ms(stream.period)
    closes = [
        20_000 + round(3_000 * math.sin(place / 300)) + round(400 * math.sin(place / 17)) + place * 7919 % 97
        for place in range(rows + 1)
    ]
    return [
        Kline(
            stream=stream,
            open_time=START_MS + place * length,
            close_time=close_of(stream.period, START_MS + place * length),
            open=Decimal(closes[place]),
            high=Decimal(max(closes[place], closes[place + 1]) + 30),
            low=Decimal(min(closes[place], closes[place + 1]) - 30),
            close=Decimal(closes[place + 1]),
            volume=Decimal(100 + place % 50),
            quote_volume=Decimal(2_000_000),
            count=500,
            taker_buy_base_volume=Decimal(50),
            taker_buy_quote_volume=Decimal(1_000_000),
            closed=True,
            source=Source.IMPORT,
            event_time=close_of(stream.period, START_MS + place * length),
        )
        for place in range(rows)
    ]


async def fill(folder: Path, *, rows: int = 4_000, period: str = "1h") -> None:
    """Store an instrument and its klines in a data directory."""
    loaded = load_settings(None, flags={"data_dir": str(folder)})
    item = instrument("BTC")
    async with Platform.open(loaded, roles=(), venues=False, command="command") as platform:
        await platform.market_store.put_instruments("binance", "um", [item], seen_ms=START_MS)
        await platform.market_store.append(klines(StreamId.kline(item.id, period), rows))


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1]), rows=int(sys.argv[2]), period=sys.argv[3]))
