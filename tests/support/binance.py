"""Recorded Binance messages, and an independent reading of them: plain json with every number as a Decimal."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from quantservice.core.events import Kind, StreamId
from quantservice.core.instruments import Instrument, InstrumentId

#: Market -> (raw feed file, captured frames, captured exchangeInfo, captured depth answers).
RECORDINGS: Final = {
    "spot": ("spot_btcusdt_20240808.gz", "BINANCE.ws.1.0.gz", "BINANCE.0.gz", "BINANCE.http.0.0.gz"),
    "um": ("usdm_btcusdt_20240808.gz", "BINANCE_FUTURES.ws.1.0.gz", "BINANCE_FUTURES.0.gz", "BINANCE_FUTURES.http.0.0.gz"),
    "cm": ("cm_btcusd_perp_20240808.gz", "BINANCE_DELIVERY.ws.1.0.gz", "BINANCE_DELIVERY.0.gz", "BINANCE_DELIVERY.http.0.0.gz"),
}
SYMBOLS: Final = {
    "spot": ("BTCUSDT", "BTC-USDT"),
    "um": ("BTCUSDT", "BTC-USDT-PERP"),
    "cm": ("BTCUSD_PERP", "BTC-USD-PERP"),
}


def make_instrument(market: str, venue_symbol: str, symbol: str | None = None) -> Instrument:
    """Make an instrument of binance whose rules do not matter."""
    return Instrument(
        id=InstrumentId("binance", market, symbol or venue_symbol),
        venue_symbol=venue_symbol,
        base="BTC",
        quote="USDT",
        settle="USDT",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
    )


def btc(market: str) -> Instrument:
    """Return the bitcoin instrument whose feed was recorded on ``market``."""
    return make_instrument(market, *SYMBOLS[market])


def stream_of(market: str, kind: Kind, period: str = "") -> StreamId:
    """Return a stream of the recorded bitcoin instrument."""
    return StreamId(btc(market).id, kind, period)


def raw_feed(data_dir: Path, market: str) -> Iterator[tuple[int, bytes]]:
    """Yield (receive time in ns, frame or depth answer) of the eleven recorded minutes."""
    with gzip.open(data_dir / "orderbook" / "binance_raw_feed" / RECORDINGS[market][0]) as lines:
        for line in lines:
            received, _, frame = line.partition(b" ")
            yield int(received), frame.strip()


def captured_frames(data_dir: Path, market: str) -> list[bytes]:
    """Return the frames captured on many symbols."""
    with gzip.open(data_dir / "ws_messages" / "cryptofeed" / RECORDINGS[market][1]) as lines:
        return [line.split(b": ", 1)[1].strip() for line in lines if line[:1].isdigit()]


def captured_answers(data_dir: Path, file: str) -> Iterator[tuple[str, bytes]]:
    """Yield (URL, body) of captured REST answers."""
    with gzip.open(data_dir / "rest_messages" / "cryptofeed" / file) as lines:
        for line in lines:
            url, arrow, rest = line.partition(b" -> ")
            if arrow:
                yield url.decode(), rest.split(b": ", 1)[1].strip()


def symbols_in(frames: Iterable[bytes]) -> set[str]:
    """Return the venue symbols that ``frames`` speak of."""
    return {json.loads(frame)["data"]["s"] for frame in frames}


def plain(text: bytes | str) -> Any:
    """Read JSON the slow and obvious way, exactly."""
    return json.loads(text, parse_float=Decimal)


def exact(value: Any) -> Decimal:
    """Read one of the venue's numbers."""
    return Decimal(str(value).strip())
