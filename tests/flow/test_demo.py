"""``qs demo`` as a stranger runs it: real processes, real sockets, the simulator as the venue."""

from __future__ import annotations

import csv
import itertools
import json
import lzma
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import free_port, qs, running, wait_for

SYMBOLS = "--symbols=BTCUSDT,ETHUSDT"


def heal_seen(gaps: dict[str, list[dict[str, Any]]] | None) -> dict[str, Any] | None:
    """The demo's own gap, healed: the one of more than a live bar or two."""
    rows = (gaps or {}).get("data", [])
    return next((row for row in rows if row["state"] == "healed" and row["missing"] == 30), None)


@pytest.mark.timeout(240)
def test_demo_from_first_start_to_second(tmp_path: Path) -> None:
    data_dir = tmp_path / "demo"
    with running("demo", SYMBOLS, "--seed=3", data_dir=data_dir, env={"QS_COLLECT__HISTORY_DAYS": "0.5"}) as demo:
        wait_for(lambda: demo.get("/api/v1/status"), "the API")
        # An account that a person makes while the history loads does not take the place of the demo's own.
        add = ("accounts", "add", "mine", "--market=um", "--demo", f"--data-dir={data_dir}")
        wait_for(lambda: qs(*add, cwd=tmp_path).returncode == 0, "an account of a person's own")
        wait_for(lambda: demo.get("/api/v1/status")["throughput"]["klines"] > 0, "the first live kline")
        history = wait_for(
            lambda: (found := demo.get("/api/v1/status")["history"])["wanted"] > 2_000 and found["done"] and found,
            "the whole history",
        )
        assert history["stored"] == history["wanted"]
        deployed = wait_for(lambda: (d := demo.get("/api/v1/deployments")["data"])[1:] and d, "the demo's own strategies")
        assert {row["account"] for row in deployed} == {"demo"}
        healed = wait_for(lambda: heal_seen(demo.get("/api/v1/gaps")), "the healing of the gap made on purpose", 90)
        assert healed["venue_symbol"] == "ETHUSDT"
        assert healed["healed_rows"] == 30

        # Commands find the process that owns the store and go through it.
        listed = qs("data", "list", "--json", "--demo", f"--data-dir={data_dir}", cwd=tmp_path)
        assert listed.returncode == 0, listed.stderr
        streams = {row["stream"] for row in json.loads(listed.stdout)}
        assert "binance:um:BTC-USDT-PERP:kline:1m" in streams
        gaps = qs("data", "gaps", "--json", "--demo", f"--data-dir={data_dir}", cwd=tmp_path)
        assert json.loads(gaps.stdout) == []
        start = healed["start_ms"]
        again = qs(
            "backfill-gap", "--symbol=ETHUSDT", "--market=um", "--period=1m", f"--start_ms={start}", f"--end_ms={start + 600_000}",
            "--json", "--demo", f"--data-dir={data_dir}", cwd=tmp_path,
        )  # fmt: skip
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)[0]["state"] in ("healed", "closed")
        second = qs("demo", "--no-browser", f"--data-dir={data_dir}", "--for=1", cwd=tmp_path)
        assert second.returncode == 3
        assert f"process {demo.process.pid}" in second.stderr
        assert "Traceback" not in second.stderr

        code, said = demo.end(signal.SIGINT)
        assert code == 0, said
        assert "stopped cleanly" in said
        assert "Traceback" not in said

    rows = {row["stream"]: row["rows"] for row in json.loads(listed.stdout)}
    with running("demo", SYMBOLS, "--seed=3", data_dir=data_dir, env={"QS_COLLECT__HISTORY_DAYS": "0.5"}) as demo:
        wait_for(lambda: demo.get("/api/v1/status")["history"]["done"], "the history after a restart")
        assert len(demo.get("/api/v1/deployments")["data"]) == len(deployed), "a second start deploys nothing twice"
        coverage = {row["stream"]: row for row in demo.get("/api/v1/coverage?kind=kline")["data"]}
        for stream, row in coverage.items():
            assert row["rows"] >= rows.get(stream, 0)
            assert row["revised_rows"] == 0, "the same seed must give the same market after a restart"
        code, said = demo.end(signal.SIGTERM)
        assert code == 0, said


@pytest.mark.data
@pytest.mark.timeout(240)
def test_a_replay_ends_with_the_store_equal_to_the_files(tmp_path: Path, data_dir: Path) -> None:
    files = []
    folder = tmp_path / "binance_vision_um_1m"  # the folder's name says the market, as in the venue's archive
    folder.mkdir()
    for symbol in ("AVAXUSDT", "LTCUSDT"):
        source = data_dir / "klines" / "binance_vision_um_1m" / f"{symbol}-1m-2026-02.csv.xz"
        with lzma.open(source, "rt") as text:
            lines = list(itertools.islice(text, 901))
        file = folder / f"{symbol}-1m-2026-02.csv"
        file.write_text("".join(lines))
        files.append(file)
    store = tmp_path / "replay"
    with running("demo", "--replay", *map(str, files), "--speed=3000", data_dir=store) as demo:
        wait_for(lambda: (demo.get("/api/v1/coverage?kind=kline") or {"data": []})["data"], "the first stored klines")
        wait_for(
            lambda: (
                all(row["rows"] == 900 for row in demo.get("/api/v1/coverage?kind=kline")["data"])
                and demo.get("/api/v1/coverage?kind=kline")["total"] == 2
            ),
            "all klines of both files",
            120,
        )
        for file in files:
            symbol = file.name.split("-", maxsplit=1)[0]
            with file.open() as text:
                expected = {row["open_time"]: row for row in csv.DictReader(text)}
            page = demo.get(f"/api/v1/klines?symbol={symbol}&market=um&period=1m&limit=1000&ledger=true&start_ms={min(expected)}")
            assert len(page["data"]) == 900
            for row in page["data"]:
                wanted = expected[str(row["open_time"])]
                assert float(row["close"]) == float(wanted["close"])
                assert float(row["taker_buy_quote_volume"]) == float(wanted["taker_buy_quote_volume"])
            sources = {row["source"] for row in page["data"]}
            assert sources <= {"ws", "rest"}
            assert "ws" in sources
        wait_for(lambda: "the store equals the files" in demo.said(), "the demo's own verdict", 60)
        code, said = demo.end()
    assert code == 0, said
    assert "Traceback" not in said


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = qs("demo", "--no-browser", f"--port={port}", f"--data-dir={tmp_path / 'd'}", "--for=1", cwd=tmp_path)
    assert result.returncode == 3
    assert result.stderr.strip().splitlines()[-1].startswith(f"qs: port {port} on 127.0.0.1 is in use")
    assert "Traceback" not in result.stderr


def test_up_without_a_reachable_venue_says_why_and_ends(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    env = {f"QS_BINANCE__{market}__REST_URL": nowhere for market in ("SPOT", "UM", "CM")}
    env["QS_CLIENTSERVER__PORT"] = str(free_port())  # another test's platform may have the usual one
    result = qs("up", "--no-browser", f"--port={free_port()}", f"--data-dir={tmp_path / 'd'}", "--for=30", cwd=tmp_path, env=env)
    assert result.returncode == 3
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("qs: no venue can be reached")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("demo", "--replay", "nowhere.csv"), "nowhere.csv is not a file"),
        (("demo", "--speed=0"), "speed: must be more than 0"),
        (("demo", "--symbols=BTCUSD"), "did you mean"),
        (("up", "--only=collecter"), "collector"),
        (("up", "--host=0.0.0.0"), "web.insecure"),
        (("data", "export", "--symbol=BTCUSDT", "x.docx"), "suffix must be"),
        (("proxies", "add", "ftp://x"), "socks5://"),
        (("data", "import", "--symbol=BTCUSDT", "absent.csv"), "absent.csv is not a file"),
        (("restore", "absent"), "absent is not a folder"),
    ],
)
def test_bad_arguments_are_one_sentence_and_exit_2(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    result = qs(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert says in result.stderr
    assert "Traceback" not in result.stderr
