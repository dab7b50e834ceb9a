"""Recorded kline and trade frames -> typed, validated events published on the bus, beside ccxt.pro on the same frames.

    ./qs bench --only decode

Ours is the production path: ``Decoder.decode`` (exact decimals, checked against the rules of a kline or trade, duplicate
keys refused) and ``MemoryBus.publish`` in batches of what one socket read brings, with a subscriber that takes them. The
peer is ccxt.pro's own client from the received text on (``Client.handle_text_or_binary_message``: JSON, its unified
structure with floats, its cache); it is given the same frames in the shorter form it asks the venue for, and the faster
JSON library where that is installed. One core, both in the same process, rounds
in turn; rates are by the process's CPU time, so that other work on the machine does not count; the figures are medians.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.support.binance import captured_frames, make_instrument, raw_feed, symbols_in

from benchmarks.results import Plan, Result, data_folder
from quantservice.adapters.bus.memory import MemoryBus
from quantservice.adapters.venues.binance.decode_ws import Decoder, StreamRegistry
from quantservice.core.messages import MarketBatch, Message, Overflow, Topic

READ_FRAMES = 256  # what one read of a busy socket brings
TARGET_PER_S = 250_000
TARGET_RATIO = 4.0


def load_frames(data_dir: Path, count: int) -> dict[str, list[bytes]]:
    """Return ``count`` um frames per name: recorded klines, recorded trades, both in turn."""
    captured = captured_frames(data_dir, "um")
    klines = [frame for frame in captured if b"@kline_" in frame]
    recorded = [frame for _, frame in raw_feed(data_dir, "um") if frame.startswith(b'{"stream"') and b"@trade" in frame[:40]]
    trades = [frame for frame in captured if b"@aggTrade" in frame] + recorded[:5_000]
    mixed = [frame for pair in zip(_fill(klines, count // 2), _fill(trades, count // 2), strict=True) for frame in pair]
    return {"klines": _fill(klines, count), "trades": _fill(trades, count), "both": mixed}


def _fill(frames: Sequence[bytes], count: int) -> list[bytes]:
    """Repeat ``frames`` to ``count`` separate objects, as a socket would bring them."""
    return [bytes(bytearray(frames[index % len(frames)])) for index in range(count)]


def _symbols(frames: Sequence[bytes]) -> set[str]:
    return symbols_in(set(frames))


async def run_ours(frames: Sequence[bytes]) -> float:
    """Return the CPU seconds from the first byte to the last event taken from the bus."""
    decoder = Decoder("um", StreamRegistry("um", [make_instrument("um", symbol) for symbol in _symbols(frames)]))
    bus = MemoryBus()
    taken = 0

    async with bus.subscribe([Topic.MARKET_LIVE], group="bench", overflow=Overflow.BLOCK, capacity=100_000) as subscription:

        async def consume() -> None:
            nonlocal taken
            async for messages in subscription:
                taken += sum(len(message.data.events) for message in messages)
                if taken >= len(frames):
                    return

        consumer = asyncio.create_task(consume())
        await asyncio.sleep(0)
        gc.collect()
        started = time.process_time()
        decode = decoder.decode
        for start in range(0, len(frames), READ_FRAMES):
            now_ns = time.time_ns()
            events = [decode(frame, now_ns) for frame in frames[start : start + READ_FRAMES]]
            batch = MarketBatch(events)  # type: ignore[arg-type]  # market frames only
            await bus.publish([Message(topic=Topic.MARKET_LIVE, event_type="market.batch", key="binance:um", data=batch)])
        await consumer
        elapsed = time.process_time() - started
    assert taken == len(frames)
    return elapsed


def make_peer(frames: Sequence[bytes]) -> tuple[Callable[[Sequence[str]], int], str]:
    """Return ccxt.pro's path for texts, and which version and JSON library it is."""
    import ccxt.pro
    from ccxt.async_support.base.ws import client as ws_client

    exchange = ccxt.pro.binanceusdm({"newUpdates": True})
    markets = []
    for symbol in sorted(_symbols(frames)):
        base = symbol.removesuffix("USDT")
        safe = exchange.safe_market_structure(
            {"id": symbol, "symbol": f"{base}/USDT:USDT", "base": base, "quote": "USDT", "settle": "USDT", "baseId": base}
            | {"quoteId": "USDT", "settleId": "USDT", "type": "swap", "swap": True, "contract": True, "linear": True, "spot": False}
            | {"precision": {"price": 1e-8, "amount": 1e-8}, "active": True, "contractSize": 1.0}
        )
        markets.append(safe)
    exchange.set_markets(markets)

    def ignore(*_: Any) -> None:
        return None

    client = ws_client.Client("wss://fstream.binance.com/ws/0", exchange.handle_message, ignore, ignore, ignore)

    def run(texts: Sequence[str]) -> int:
        handle = client.handle_text_or_binary_message
        for text in texts:
            handle(text)
        return len(exchange.ohlcvs) + len(exchange.trades)

    return run, f"ccxt.pro {ccxt.pro.__version__} with {'orjson' if ws_client.orjson else 'json'}"


async def measure(data_dir: Path, count: int, rounds: int) -> dict[str, Any]:
    """Run both in turn and return medians and ratios."""
    report: dict[str, Any] = {"frames": count, "rounds": rounds, "read_frames": READ_FRAMES, "rows": {}}
    for name, frames in load_frames(data_dir, count).items():
        peer, report["peer"] = make_peer(frames)
        few = frames[: max(1, count // 4)]  # the peer is slower; it gets its rate from a part
        texts = [frame[frame.index(b'"data":') + 7 : -1].decode() for frame in few]
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(rounds + 1):
            ours.append(len(frames) / await run_ours(frames))
            gc.collect()
            started = time.process_time()
            assert peer(texts) > 0
            theirs.append(len(texts) / (time.process_time() - started))
        mine, other = statistics.median(ours[1:]), statistics.median(theirs[1:])
        report["rows"][name] = {"ours_per_s": round(mine), "peer_per_s": round(other), "ratio": round(mine / other, 2)}
    return report


def results(plan: Plan) -> list[Result]:
    """The row of the table."""
    report = asyncio.run(measure(data_folder(), 20_000 if plan.quick else 60_000, plan.rounds(7)))
    rows = report["rows"]
    klines, both = rows["klines"], rows["both"]
    return [
        Result(
            what="recorded frames -> typed events on the bus, one core",
            asked=f">= {TARGET_PER_S:,} klines/s; {TARGET_RATIO:.0f}x ccxt.pro",
            measured=f"{klines['ours_per_s']:,} klines/s; klines and trades {both['ours_per_s']:,}/s",
            peer=f"{klines['ratio']:.1f}x on klines, {both['ratio']:.1f}x on both ({report['peer']}: {both['peer_per_s']:,}/s)",
            ok=klines["ours_per_s"] >= TARGET_PER_S and both["ratio"] >= TARGET_RATIO,
            figures=report,
        )
    ]
