"""Real files go out value for value: history by REST, then every later bar, in order, on the streams."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from tests.support.simulator import collect, running

from quantservice.simulator.config import ReplayConfig, SimulatorConfig

pytestmark = pytest.mark.data


def values_of(path: Path) -> dict[int, list[str]]:
    """Return a file's klines by open time, as REST shows them but for the last field."""
    with lzma.open(path, "rt") as lines:
        rows = [line.strip().split(",") for line in lines][1:]
    return {int(row[0]): row[:11] for row in rows}


async def test_five_real_markets_at_six_hundred_times_real_time(data_dir: Path) -> None:
    paths = sorted((data_dir / "klines" / "binance_vision_um_1m").glob("*.csv.xz"))
    truth = {path.name.split("-")[0]: values_of(path) for path in paths}
    assert len(truth) == 5
    config = SimulatorConfig(speed=600, replay=ReplayConfig(files=tuple(map(str, paths)), live_wall_s=3))
    async with running(config) as client:
        socket = await client.subscribe("/um/market/stream", *(f"{symbol.lower()}@kline_1m" for symbol in truth))
        ends = {symbol: max(rows) for symbol, rows in truth.items()}
        closed: dict[str, list[int]] = {symbol: [] for symbol in truth}
        moving: set[tuple[str, int]] = set()
        messages = await collect(
            socket,
            lambda got: sum(m["data"]["k"]["x"] and m["data"]["k"]["t"] == ends[m["data"]["s"]] for m in got[-10:]) == 5,
            wait_s=30,
        )
        for message in messages:
            kline = message["data"]["k"]
            if not kline["x"]:
                moving.add((kline["s"], kline["t"]))
                continue
            shown = [str(kline[key]) for key in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")]
            assert shown == truth[kline["s"]][kline["t"]]
            closed[kline["s"]].append(kline["t"])
        for symbol, times in closed.items():
            assert len(times) >= 25
            assert times == list(range(times[0], ends[symbol] + 1, 60_000))
            assert {(symbol, time) for time in times} <= moving
            rows = await client.get("/fapi/v1/klines", symbol=symbol, interval="1m", endTime=times[0] - 1, limit=1500)
            assert len(rows) == 1500
            assert rows[-1][0] == times[0] - 60_000
            assert [[str(value) for value in row[:11]] for row in rows] == [truth[symbol][row[0]] for row in rows]
        assert client.simulator.finished.is_set()
        assert client.violations == {}
