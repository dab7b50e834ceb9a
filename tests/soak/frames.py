"""Malformed frames by the million (goal G9): ``python -m tests.soak.frames --malformed 1000000 --seed N``.

Recorded frames of every market and channel are spoilt at random, one to ten good ones, and go where a feed's frames go: the
decoder, and the quarantine for what it refuses. Every good frame must give the event it always gave; a spoilt one that is
taken after all must mean what a plain reading of its JSON says. Nothing may crash, take a second, or grow.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
from benchmarks.results import data_folder

from quantservice.adapters.clock.system import SystemClock
from quantservice.adapters.venues.binance.decode_ws import Decoder, StreamRegistry
from quantservice.adapters.venues.transport.quarantine import Quarantine
from quantservice.core.errors import MalformedFrame
from quantservice.core.events import BookDelta, Kline, Quote, Trade
from quantservice.core.validation import book_fault, kline_fault, quote_fault, trade_fault
from quantservice.simulator.faults.malformed import SORTS, spoil
from tests.golden.test_binance_ws_recordings import READERS
from tests.support.binance import captured_frames, make_instrument, plain, raw_feed, symbols_in

GOOD_PER_BAD: Final = 10
MOST_GROWTH_MB: Final = 50.0
SLOWEST_S: Final = 1.0
_FAULTS: Final[dict[type, Callable[[Any], str | None]]] = {
    Kline: kline_fault,
    Trade: trade_fault,
    Quote: quote_fault,
    BookDelta: book_fault,
}
_RAW_FRAMES: Final = 20_000  # of each market's recorded minutes


class Market:
    """One market's frames, the events they give, and the decoder in question."""

    def __init__(self, data_dir: Path, name: str) -> None:
        raw = (frame for _, frame in raw_feed(data_dir, name) if frame.startswith(b'{"stream"'))
        self.frames = captured_frames(data_dir, name) + [frame for frame, _ in zip(raw, range(_RAW_FRAMES), strict=False)]
        self.registry = StreamRegistry(name, [make_instrument(name, symbol) for symbol in sorted(symbols_in(self.frames))])
        self.decoder = Decoder(name, self.registry)
        self.quarantine = Quarantine(name, clock=SystemClock())
        self.events = [self.decoder.decode(frame, 0) for frame in self.frames]
        self.kept = self.taken = self.ignored = 0

    def good(self, at: int) -> None:
        """Feed one good frame."""
        self.kept += self.decoder.decode(self.frames[at], 0) == self.events[at]

    def bad(self, frame: bytes) -> None:
        """Feed one spoilt frame."""
        try:
            event = self.decoder.decode(frame, 0)
        except MalformedFrame as error:
            self.quarantine.add(error.reason, frame, 0)
            return
        if event is None or not hasattr(event, "stream"):
            self.ignored += 1  # of no known stream, or no market data: nothing that could be stored
            return
        self.taken += 1
        # Damage of a part that is not read is no fault of the row.
        data = plain(frame.decode("utf-8", "replace"))["data"]
        _, read = READERS[data.get("e", "bookTicker")]
        for field, value in read(data).items():
            if field == "time" and not value:
                continue  # a venue that says no time: ours, or that of the message
            if getattr(event, field) != value:
                sys.exit(f"{field} is not what the frame says: {frame[:300]!r}")
        fault = _FAULTS[type(event)](event)
        if fault:
            sys.exit(f"a bad row passed the door ({fault}): {frame[:300]!r}")


def mutants(chance: random.Random, frames: list[bytes]) -> Iterator[bytes]:
    """Yield spoilt copies without end: the known sorts, and blind damage of the bytes."""
    blind: list[Callable[[bytearray], None]] = [
        lambda text: text.__setitem__(chance.randrange(len(text)), chance.randrange(256)),
        lambda text: text.__delitem__(slice(chance.randrange(len(text)), chance.randrange(len(text)) + 5)),
        lambda text: text.insert(chance.randrange(len(text)), chance.choice(b'0159.-eE"{}[],: \x00\xff')),
        lambda text: text.extend(chance.choice(frames)),
        lambda text: text.__setitem__(slice(chance.randrange(len(text)), None), chance.choice(frames)[-40:]),
    ]
    sorts = [sort for sort in SORTS if sort != "deep"]
    while True:
        good = chance.choice(frames)
        if chance.random() < 0.3:
            # the deep one is 200 kB: it comes seldom
            yield spoil("deep" if chance.random() < 0.002 else chance.choice(sorts), good)
            continue
        text = bytearray(good)
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            if text:
                chance.choice(blind)(text)
        if text != good:
            yield bytes(text)


def run(data_dir: Path, malformed: int, seed: int) -> dict[str, Any]:
    """Feed the frames; returns the figures, ends the process with a sentence on the first wrong row."""
    chance = random.Random(seed)
    markets = [Market(data_dir, name) for name in ("spot", "um", "cm")]
    spoilt = [mutants(chance, market.frames) for market in markets]
    process = psutil.Process()
    began, slowest, before_mb, most_mb, fed = time.monotonic(), 0.0, 0.0, 0.0, 0
    for number in range(malformed):
        market = markets[number % len(markets)]
        frame = next(spoilt[number % len(markets)])
        started = time.perf_counter()
        market.bad(frame)
        slowest = max(slowest, time.perf_counter() - started)
        for _ in range(GOOD_PER_BAD):
            market.good(fed % len(market.frames))
            fed += 1
        if number % 5_000 == 5_000 - 1:
            now_mb = process.memory_info().rss / 1e6
            before_mb = before_mb or now_mb
            most_mb = max(most_mb, now_mb)
    reasons: Counter[str] = sum((market.quarantine.reasons for market in markets), Counter())
    return {
        "malformed": malformed,
        "good": fed,
        "kept": sum(market.kept for market in markets),
        "quarantined": reasons.total(),
        "reasons": len(reasons),
        "taken": sum(market.taken for market in markets),
        "ignored": sum(market.ignored for market in markets),
        "slowest_s": round(slowest, 4),
        "growth_mb": round(most_mb - before_mb, 1),
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """Read the flags, run, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.frames", description=__doc__)
    parser.add_argument("--malformed", type=int, default=1_000_000, help="spoilt frames; ten good ones go with each")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    flags = parser.parse_args()
    print(f"seed {flags.seed}", flush=True)
    answer = run(data_folder(), flags.malformed, flags.seed)
    print(answer, flush=True)
    if answer["kept"] != answer["good"]:
        sys.exit(f"{answer['good'] - answer['kept']} good frames were not read as before")
    if answer["slowest_s"] > SLOWEST_S:
        sys.exit(f"a frame took {answer['slowest_s']} s")
    if answer["growth_mb"] > MOST_GROWTH_MB:
        sys.exit(f"memory grew by {answer['growth_mb']} MB")
    print("sound", flush=True)


if __name__ == "__main__":
    main()
