"""Commands as a person types them, over a data directory of their own and over the simulator as the venue."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.commands import free_port, qs

from quantservice.app.simulation import simulator_config
from quantservice.simulator.server import SimulatorThread

PAIRS = "binance:um:BTC-USDT-PERP,binance:spot:BTC-USDT"


@pytest.fixture(scope="module")
def venue() -> Iterator[dict[str, str]]:
    """The environment that points a process at a simulator."""
    thread = SimulatorThread(simulator_config(symbols=("BTCUSDT", "ETHUSDT")))
    simulator = thread.start()
    try:
        yield {
            f"QS_BINANCE__{market.upper()}__{part}": url
            for market, ws_url in simulator.ws_urls.items()
            for part, url in (("REST_URL", simulator.rest_url), ("WS_URL", ws_url))
        }
    finally:
        thread.stop()


@pytest.fixture(scope="module")
def filled(venue: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that ``qs up`` filled, with a proxy and an access key registered."""
    folder = tmp_path_factory.mktemp("filled")
    data_dir = folder / "data"
    env = venue | {"QS_COLLECT__PAIRS": PAIRS, "QS_COLLECT__HISTORY_DAYS": "0.1", "QS_CLIENTSERVER__ENABLED": "false"}
    up = qs("up", "--port=0", "--no-browser", "--for=8", f"--data-dir={data_dir}", cwd=folder, env=env)
    assert up.returncode == 0, up.stderr
    assert "clients" not in up.stderr  # clientserver.enabled has its effect
    for command in (
        ("proxies", "add", "socks5://user:CANARY-PASSWORD@127.0.0.1:1"),
        ("keys", "add", "somebody"),
        ("data", "digest"),
    ):
        done = qs(*command, f"--data-dir={data_dir}", cwd=folder)
        assert done.returncode == 0, done.stderr
    return data_dir


def test_ws_start_ends_by_itself(venue: dict[str, str], tmp_path: Path) -> None:
    done = qs("ws-start", "--symbol=BTCUSDT", "--market=um", "--for=3", "--json", cwd=tmp_path, env=venue)
    assert done.returncode == 0, done.stderr
    klines = [json.loads(line) for line in done.stdout.splitlines()]
    assert klines
    assert {kline["stream"]["period"] for kline in klines} == {"1m"}


def test_record_writes_the_frames(venue: dict[str, str], tmp_path: Path) -> None:
    done = qs("record", "frames.gz", "--symbol=BTCUSDT", "--market=um", "--kinds=kline", "--for=3", cwd=tmp_path, env=venue)
    assert done.returncode == 0, done.stderr
    lines = [line.split(b" ", 1) for line in gzip.decompress((tmp_path / "frames.gz").read_bytes()).splitlines()]
    frames = [json.loads(text) for _, text in lines]
    assert [int(stamp) for stamp, _ in lines] == sorted(int(stamp) for stamp, _ in lines)
    assert any("connection" in frame for frame in frames)
    assert any(frame.get("stream") == "btcusdt@kline_1m" for frame in frames)


def test_record_into_a_folder_that_is_a_file(venue: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = qs("record", "file/frames.gz", "--symbol=BTCUSDT", "--market=um", "--for=20", cwd=tmp_path, env=venue)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "cannot write the recording" in done.stderr


def test_a_restored_directory_is_the_one_backed_up(filled: Path, tmp_path: Path) -> None:
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    assert qs("backup", str(backup), f"--data-dir={filled}", cwd=tmp_path).returncode == 0
    done = qs("restore", str(backup), f"--data-dir={restored}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    before, after = (qs("data", "list", "--json", f"--data-dir={folder}", cwd=tmp_path).stdout for folder in (filled, restored))
    assert json.loads(before)
    assert before == after
    audit = qs("data", "audit", f"--data-dir={restored}", cwd=tmp_path)
    assert audit.returncode == 0, audit.stderr


def test_a_pair_is_removed_by_any_of_its_names(filled: Path, tmp_path: Path) -> None:
    where = f"--data-dir={filled}"
    ambiguous = qs("pairs", "remove", "BTCUSDT", where, cwd=tmp_path)
    assert ambiguous.returncode == 2
    assert "binance:spot:BTC-USDT and binance:um:BTC-USDT-PERP" in ambiguous.stderr
    unknown = qs("pairs", "remove", "BTCUSD", "--market=spot", where, cwd=tmp_path)
    assert unknown.returncode == 2
    assert "binance:spot:BTC-USDT" in unknown.stderr
    removed = qs("pairs", "remove", "btcusdt", "--market=spot", where, cwd=tmp_path)
    assert removed.returncode == 0, removed.stderr
    kept = json.loads(qs("pairs", "list", "--json", where, cwd=tmp_path).stdout)
    assert [row["instrument"] for row in kept] == ["binance:um:BTC-USDT-PERP"]


def test_a_client_server_for_others_needs_encryption(tmp_path: Path) -> None:
    where = f"--data-dir={tmp_path / 'data'}"
    done = qs("clientserver", where, cwd=tmp_path, env={"QS_CLIENTSERVER__HOST": "0.0.0.0"})
    assert done.returncode == 2
    assert "clientserver.tls_cert" in done.stderr
    assert "--insecure" in done.stderr
    named = qs("clientserver", "--host=0.0.0.0", f"--port={free_port()}", "--qps=20", "--for=1", where, cwd=tmp_path)
    assert named.returncode == 0, named.stderr
    assert "clientserver.no_tls" in named.stderr, "an address named on the command line is served, and the risk is said"
    missing = {"QS_CLIENTSERVER__TLS_CERT": "no.pem", "QS_CLIENTSERVER__TLS_KEY": "no.key"}
    done = qs("clientserver", "--port=0", f"--data-dir={tmp_path / 'data'}", cwd=tmp_path, env=missing)
    assert done.returncode == 2
    assert "no.pem" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
