"""Sweeps and jobs as a person types them, over a data directory with stored bars; worker processes are real ones."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support import research_store
from tests.support.commands import environment, qs
from typer.testing import CliRunner

from quantservice.app.cli import app
from quantservice.app.client import platform_client
from quantservice.app.places import Places
from quantservice.app.process import find_running
from quantservice.app.settings import load_settings
from quantservice.app.simulation import simulator_config
from quantservice.core.errors import UserError
from quantservice.simulator.server import SimulatorThread

BARS = ("--symbol=BTCUSDT", "--market=um", "--period=1h")
SPACE = ("--vary=fast=5:15:5", "--vary=slow=30,60")
WAIT_S = 60.0
COMPILES_S = 300.0  # on a machine that has never run this, its first worker makes the machine code
pytestmark = pytest.mark.timeout(2 * COMPILES_S)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with 2,400 hourly klines."""
    folder = tmp_path_factory.mktemp("research") / "data"
    command = [sys.executable, str(Path(research_store.__file__)), str(folder), "2400", "1h"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr
    return folder


def run(stored: Path, *command: str) -> Any:
    """Run a command and return its JSON."""
    done = qs(*command, "--json", f"--data-dir={stored}", cwd=stored.parent, timeout_s=COMPILES_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_backtest_of_the_command_line_is_kept_and_repeats(stored: Path) -> None:
    made = run(stored, "backtest", "ma_cross", *BARS, "--param=fast=7", "--slippage=2", "--gate=0")
    assert run(stored, "backtest", "ma_cross", *BARS, "--gate=0", "--no-keep")["id"] == ""
    with platform_client(load_settings(None, flags={"data_dir": str(stored)})) as client:
        (row,) = client.get("/api/v1/backtests")["data"]
        detail = client.get(f"/api/v1/backtests/{made['id']}")
        drawn = client.get(f"/api/v1/backtests/{made['id']}/report")
        why = client.get(f"/api/v1/backtests/{made['id']}/why")
        (family,) = client.get("/api/v1/trials")["data"]
        again = client.post(f"/api/v1/backtests/{made['id']}/repeat", {})
    assert (row["id"], row["strategy"], row["parameters"]["fast"]) == (made["id"], "ma_cross", 7)
    assert detail["assumptions"]["slippage"] == {"model": "fixed", "bps": 2.0} | detail["assumptions"]["slippage"]
    assert {"trades", "equity", "daily"} <= set(detail["tables"])
    assert drawn["trades_total"] == detail["metrics"]["trades"]["value"] > 0
    assert why["traded"] + sum(gate["rows"] for gate in why["gates"]) == why["rows"] == 2_400
    assert family["runs"] == 2, "kept or not, a run is counted once"
    repeated = run(stored, "jobs", "watch", again["id"])
    assert (repeated["result"]["identical"], repeated["result"]["changed"]) == (True, [])


def test_stored_backtests_are_listed_shown_and_deleted_with_a_tombstone(stored: Path) -> None:
    made = run(stored, "backtest", "rsi_reversion", *BARS, "--gate=0")
    (row,) = run(stored, "backtests", "list", "--strategy=rsi_reversion")
    assert (row["id"], row["figures"]["trades"]) == (made["id"], made["metrics"]["trades"])
    assert len(run(stored, "backtests", "list", "--limit=1")) == 1
    told = qs("backtests", "list", f"--data-dir={stored}", cwd=stored.parent, timeout_s=WAIT_S).stdout
    assert made["id"] in told
    assert "rsi_reversion" in told
    shown = qs("backtests", "show", "latest", f"--data-dir={stored}", cwd=stored.parent, timeout_s=WAIT_S).stdout
    assert all(word in shown for word in (made["id"], "gate look_ahead", "sharpe", "equity", "BTCUSDT"))
    assert run(stored, "backtests", "show", made["id"])["run_fingerprint"] == made["run_fingerprint"]
    assert run(stored, "backtests", "delete", made["id"]) == {"removed": made["id"]}
    assert run(stored, "backtests", "list", "--strategy=rsi_reversion") == []
    with platform_client(load_settings(None, flags={"data_dir": str(stored)})) as client:
        families = {item["family"]: item for item in client.get("/api/v1/trials")["data"]}
    assert (families[made["family"]]["runs"], families[made["family"]]["deleted"]) == (1, 1)
    refused = qs("backtests", "delete", made["id"], f"--data-dir={stored}", cwd=stored.parent, timeout_s=WAIT_S)
    assert (refused.returncode, made["id"] in refused.stderr) == (2, True)


TIERS = "instrument,from,floor,cap,maintenance_rate,max_leverage\nBTCUSDT,,0,5000,0.004,50\nBTCUSDT,,5000,,0.01,2\n"


def flags_of(stored: Path, result: str) -> set[str]:
    """The flags of a kept backtest."""
    with platform_client(load_settings(None, flags={"data_dir": str(stored)})) as client:
        return {flag["name"] for flag in client.get(f"/api/v1/backtests/{result}/report")["flags"]}


def test_margin_tiers_of_a_file_are_used_by_backtests_and_jobs(stored: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiers.csv"
    file.write_text(TIERS, encoding="utf-8")
    assert run(stored, "data", "margin-tiers", "show") == []
    plain = run(stored, "backtest", "ma_cross", *BARS, "--gate=0", "--leverage=10")
    given = run(stored, "backtest", "ma_cross", *BARS, "--gate=0", "--leverage=10", f"--margin-tiers={file}")
    assert "margin_tiers_guessed" in flags_of(stored, plain["id"])
    assert "margin_tiers_guessed" not in flags_of(stored, given["id"])
    assert plain["run_fingerprint"] != given["run_fingerprint"], "at ten times its money no position may be above 5,000"
    swept = run(stored, "montecarlo", "ma_cross", *BARS, "--runs=5", "--leverage=10", f"--margin-tiers={file}")
    assert "margin_tiers_guessed" not in flags_of(stored, swept["result"]["backtests"][0])
    (kept,) = run(stored, "data", "margin-tiers", "import", str(file), "--market=um")
    assert (kept["instrument"], [tier["max_leverage"] for tier in kept["tiers"]]) == ("binance:um:BTC-USDT-PERP", ["50", "2"])
    assert run(stored, "data", "margin-tiers", "show", "--instrument=binance:um:BTC-USDT-PERP") == [kept]
    used = run(stored, "backtest", "ma_cross", *BARS, "--gate=0", "--leverage=10")
    of_job = run(stored, "montecarlo", "ma_cross", *BARS, "--runs=5", "--leverage=10")["result"]["backtests"][0]
    assert run(stored, "data", "margin-tiers", "delete", kept["instrument"]) == {"removed": kept["instrument"]}
    assert used["run_fingerprint"] == given["run_fingerprint"], "the stored ones are taken"
    assert "margin_tiers_guessed" not in flags_of(stored, of_job)
    with platform_client(load_settings(None, flags={"data_dir": str(stored)})) as client:
        again = client.post(f"/api/v1/backtests/{used['id']}/repeat", {})
    assert run(stored, "jobs", "watch", again["id"])["result"]["changed"] == [], "the run keeps the tiers that it took"


@pytest.fixture(scope="module")
def swept(stored: Path) -> dict[str, Any]:
    """A finished sweep."""
    job: dict[str, Any] = run(stored, "sweep", "ma_cross", *BARS, *SPACE, "--workers=2")
    return job


def test_a_sweep_is_a_job_that_two_processes_do(stored: Path, swept: dict[str, Any]) -> None:
    assert (swept["state"], swept["kind"], swept["done"], swept["total"]) == ("done", "sweep", 6, 6)
    assert swept["result"]["done"] == 6
    assert 1 <= len(swept["result"]["workers"]) <= 2
    assert str(os.getpid()) not in swept["result"]["workers"]
    (row,) = [row for row in run(stored, "jobs", "list") if row["id"] == swept["id"]]
    assert row["progress"] == 1.0
    assert run(stored, "jobs", "show", swept["id"])["result"]["best"] == swept["result"]["best"]
    table = run(stored, "jobs", "table", swept["id"], "combinations", "--sort=sharpe_daily", "--limit=2")
    assert table[0]["p_fast"] == swept["result"]["best"]["parameters"]["fast"]
    assert len(table) == 2
    assert not any(stored.glob("exports/.*")), "nothing half-written is left"


def test_tables_are_saved_to_files(stored: Path, swept: dict[str, Any], tmp_path: Path) -> None:
    output = tmp_path / "combinations.csv"
    done = qs("jobs", "table", swept["id"], "combinations", f"--output={output}", f"--data-dir={stored}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6 rows written" in done.stderr
    assert output.read_text().count("\n") == 7


def test_a_wide_table_is_printed_with_the_columns_that_a_screen_has_room_for(stored: Path, swept: dict[str, Any]) -> None:
    table = ("jobs", "table", swept["id"], "combinations", f"--data-dir={stored}")
    shown = qs(*table, "--sort=win_rate", cwd=stored.parent)
    names = shown.stdout.splitlines()[0].split()
    assert names[:5] == ["number", "p_fast", "p_slow", "state", "win_rate"]
    assert len(names) == 14
    assert "14 of " in shown.stderr
    assert qs(*table, "--columns=p_fast,fees", cwd=stored.parent).stdout.splitlines()[0].split() == ["p_fast", "fees"]
    assert "did you mean: fees" in qs(*table, "--columns=fee", cwd=stored.parent).stderr


def test_what_a_person_reads(stored: Path, swept: dict[str, Any]) -> None:
    shown = qs("jobs", "show", swept["id"], f"--data-dir={stored}", cwd=stored.parent)
    assert f"job {swept['id']} sweep (ma_cross, fast 3 x slow 2, BTCUSDT 1h): done in" in shown.stderr
    assert "stability.robustness" in shown.stdout
    assert f"its tables: combinations; print one with qs jobs table {swept['id']} combinations" in shown.stderr
    assert run(stored, "jobs", "show", "latest")["id"] == run(stored, "jobs", "list", "--limit=1")[0]["id"]


def test_workers_of_an_optimisation_share_one_study_and_a_deletion_stays_counted(stored: Path) -> None:
    job = run(stored, "optimize", "ma_cross", *BARS, "--vary=fast=5:25:1", "--vary=slow=30:90:1", "--trials=8", "--workers=2")
    assert (job["state"], job["result"]["trials"], job["result"]["complete"]) == ("done", 8, 8)
    trials = run(stored, "jobs", "table", job["id"], "trials", "--sort=number", "--ascending")
    assert [row["number"] for row in trials] == list(range(8))
    loaded = load_settings(None, flags={"data_dir": str(stored)})
    with platform_client(loaded) as client:
        before = client.get("/api/v1/trials")["data"][0]
    assert run(stored, "jobs", "delete", job["id"]) == {"removed": job["id"]}
    with platform_client(loaded) as client:
        after = client.get("/api/v1/trials")["data"][0]
        kept = client.get("/api/v1/backtests", {"job_id": job["id"]})["data"]
        again = client.post(f"/api/v1/backtests/{kept[0]['id']}/repeat", {})
    assert (after["runs"], after["distinct"]) == (before["runs"], before["distinct"])
    assert after["deleted"] > before["deleted"]
    repeated = run(stored, "jobs", "watch", again["id"])
    assert (repeated["result"]["identical"], repeated["result"]["changed"]) == (True, [])


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("sweep", "ma_cross", *BARS), "vary: there is nothing to search"),
        (("sweep", "ma_cross", "--vary=fast=5:9"), "symbol: name at least one instrument"),
        (("sweep", "ma_cros", *BARS, *SPACE), "unknown strategy 'ma_cros'; did you mean: ma_cross"),
        (("sweep", "ma_cross", *BARS, *SPACE, "--detach"), "--detach needs a process that works the queue off"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(stored: Path, command: tuple[str, ...], sentence: str) -> None:
    done = qs(*command, f"--data-dir={stored}", cwd=stored.parent)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_request_is_refused_before_it_waits(stored: Path) -> None:
    good = {"strategy": "ma_cross", "space": {"fast": "5,10"}, "data": {"symbols": ["BTCUSDT"], "market": "um"}}
    wrong: dict[str, dict[str, Any]] = {
        "unknown parameter of MaCross 'fats'; did you mean: fast": {"space": {"fats": "5:9"}},
        "fast: 1 is outside 2 … 500": {"space": {"fast": "1:5:1"}},
        "leverage: 0.0 must be from 1": {"assumptions": {"leverage": 0}},
        "unknown engine 'dask'; known are: processes, ray": {"engine": "dask"},
        "unknown field of data 'symbol'; did you mean: symbols": {"data": {"symbol": "BTCUSDT"}},
        "slow: 'x' is not a number": {"parameters": {"slow": "x"}},
        "fast: None is not a number": {"space": {"fast": {"low": None, "high": 5}}},
        "number that is too large": {"space": {"fast": [10**400]}},
    }
    loaded = load_settings(None, flags={"data_dir": str(stored)})
    with platform_client(loaded) as client:
        for sentence, changes in wrong.items():
            with pytest.raises(UserError) as caught:
                client.post("/api/v1/jobs", {"kind": "sweep", "request": {**good, **changes}})
            assert sentence in str(caught.value)
        with pytest.raises(UserError, match="unknown job 'nothing'"):
            client.get("/api/v1/jobs/nothing")
        with pytest.raises(UserError, match="unknown state 'waiting'"):
            client.get("/api/v1/jobs", {"state": "waiting"})
        with pytest.raises(UserError, match="unknown backtest 'nothing'"):
            client.get("/api/v1/backtests/nothing")


def test_a_job_that_fails_says_why_and_the_command_with_it(stored: Path) -> None:
    command = ("sweep", "ma_cross", "--symbol=BTCUSDT", "--market=um", "--period=5m", *SPACE)
    done = qs(*command, f"--data-dir={stored}", cwd=stored.parent)
    assert done.returncode == 1
    assert "no 5m klines of binance:um:BTC-USDT-PERP are stored in this range" in done.stderr


def test_the_same_sweep_on_a_local_ray_cluster(stored: Path, swept: dict[str, Any]) -> None:
    pytest.importorskip("ray")
    job = run(stored, "sweep", "ma_cross", *BARS, *SPACE, "--engine=ray", "--workers=2")
    assert len(job["result"]["workers"]) == 2
    assert job["result"]["best"] == swept["result"]["best"]
    tables = [run(stored, "jobs", "table", item["id"], "combinations", "--sort=number") for item in (swept, job)]
    assert tables[0] == tables[1]


def test_an_engine_that_is_not_installed_is_said(stored: Path) -> None:
    (stored.parent / "ray.py").write_text("raise ImportError('no ray here')\n")
    try:
        command = [sys.executable, "-m", "quantservice.app.cli", "sweep", "ma_cross", *BARS, *SPACE, "--engine=ray"]
        env = environment({"PYTHONPATH": str(stored.parent)})
        done = subprocess.run(
            [*command, f"--data-dir={stored}"],
            cwd=stored.parent,
            env=env,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
    finally:
        (stored.parent / "ray.py").unlink()
    assert done.returncode == 1
    assert "the engine ray is not installed; install quantservice[ray]" in done.stderr


def test_a_deployment_is_kept_by_command_with_its_versions(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with platform_client(load_settings(None, flags={"data_dir": str(stored)})) as client:
        monkeypatch.setattr("quantservice.app.client.platform_client", lambda _loaded, **_: contextlib.nullcontext(client))

        def say(*command: str) -> Any:
            done = CliRunner().invoke(app, ["deployments", *command, "--json"])
            if done.exception is not None:
                raise done.exception
            return json.loads(done.stdout)

        made = say("create", "slow one", "ma_cross", *BARS, "--param=fast=20")
        assert (made["state"], made["instruments"], made["parameters"]["slow"]) == ("created", ["binance:um:BTC-USDT-PERP"], 50)
        changed = say("configure", "slow one", "--param=slow=90", "--note=calmer")
        assert (changed["version"], changed["parameters"]["fast"], changed["parameters"]["slow"]) == (2, 20, 90)
        back = say("rollback", "slow one", "1")
        assert (back["version"], back["state"], back["parameters"]["slow"]) == (3, "stopped", 50)
        told = [(row["version"], row["what"], row["note"]) for row in say("history", "slow one")]
        assert told == [(3, "rolled_back", "to version 1"), (2, "configured", "calmer"), (1, "created", "")]
        assert "fast=20 slow=50" in CliRunner().invoke(app, ["deployments", "list"]).stdout
        assert "rolled_back" in CliRunner().invoke(app, ["deployments", "history", "slow one"]).stdout
        refused = {
            ("start", "slow one"): "binance:um:BTC-USDT-PERP 1h is not collected; add it with qs pairs add",
            ("pause", "slow one"): "deployment slow one is stopped; it can be said to pause only when running",
            ("stop", "slow two"): "unknown deployment 'slow two'; did you mean: slow one",
            ("create", "x", "ma_cross"): "symbol: name at least one instrument",
            ("configure", "slow one", "--param=slow"): "param: 'slow' is not of the form name=value",
        }
        for command, sentence in refused.items():
            with pytest.raises(UserError) as caught:
                say(*command)
            assert sentence in str(caught.value)
        assert say("remove", "slow one") == {"removed": "slow one"}
        assert say("list") == []


@pytest.fixture
def owner(stored: Path) -> Iterator[psutil.Process]:
    """A running process that works the queue off."""
    thread = SimulatorThread(simulator_config(symbols=("BTCUSDT",)))
    simulator = thread.start()
    env = {
        f"QS_BINANCE__{market.upper()}__{part}": url
        for market, ws_url in simulator.ws_urls.items()
        for part, url in (("REST_URL", simulator.rest_url), ("WS_URL", ws_url))
    }
    command = [sys.executable, "-m", "quantservice.app.cli", "up", "--only=projections,web,outbox,jobs"]
    command += ["--port=0", "--no-browser", f"--data-dir={stored}"]
    quiet = subprocess.DEVNULL
    process = psutil.Popen(command, env=os.environ | env, cwd=stored.parent, stdout=quiet, stderr=quiet)
    try:
        yield process
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait()
        thread.stop()


def test_beside_a_running_process_and_after_it_was_killed(stored: Path, owner: psutil.Process) -> None:
    loaded = load_settings(None, flags={"data_dir": str(stored)})
    until = time.monotonic() + COMPILES_S
    while (running := find_running(Places.of(loaded.settings))) is None or not running.api_url:
        assert time.monotonic() < until, "qs up did not start"
    assert running.pid == owner.pid
    request = ("sweep", "ma_cross", *BARS, "--vary=fast=2:31:1", "--vary=slow=41:80:1", "--detach")
    job = run(stored, *request)
    cancelled = run(stored, *request)
    assert job["state"] == "queued"
    assert run(stored, "jobs", "cancel", cancelled["id"])["id"] == cancelled["id"]
    with platform_client(loaded) as client:
        while not (at_work := client.get(f"/api/v1/jobs/{job['id']}"))["done"]:
            assert time.monotonic() < until, f"nothing is done: {at_work}"
        assert owner.children(recursive=True)
    workers = owner.children(recursive=True)
    owner.kill()
    owner.wait()
    _gone, alive = psutil.wait_procs(workers, timeout=WAIT_S)
    assert not alive
    finished = run(stored, "jobs", "watch", job["id"])
    assert (finished["state"], finished["attempts"], finished["result"]["combinations"]) == ("done", 2, 1_200)
    assert run(stored, "jobs", "show", cancelled["id"])["state"] == "cancelled"
