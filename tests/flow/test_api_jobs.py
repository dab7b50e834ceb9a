"""Jobs, stored backtests and trials over HTTP: real worker processes, real stores, and what each answer says."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from tests.support import research_store

from quantservice.app.platform import Platform
from quantservice.app.settings import load_settings

BARS = {"symbols": ["BTCUSDT"], "market": "um", "period": "1h", "end_ms": research_store.START_MS + 3_000 * 3_600_000}
RUN = {"strategy": "ma_cross", "data": BARS}
SWEEP = {**RUN, "space": {"fast": "5:15:5", "slow": "30,60"}, "objective": "total_return"}
WAIT_S = 150.0

pytestmark = pytest.mark.timeout(300)


@asynccontextmanager
async def asking(folder: Path, *, working: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the platform over ``folder``, as its owner; ``working``: the queue is worked off meanwhile."""
    loaded = load_settings(None, flags={"data_dir": str(folder)})
    roles = ("outbox", "jobs") if working else ()
    async with Platform.open(loaded, roles=roles, venues=False, command="command") as platform:
        transport = httpx.ASGITransport(app=platform.asgi_app(), client=("127.0.0.1", 50_000))
        headers = {"Authorization": f"Bearer {platform.owner_token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", headers=headers) as http:
            if not working:
                yield http
                return
            async with platform.runner.running():
                yield http


async def done(http: httpx.AsyncClient, kind: str, request: dict[str, Any]) -> dict[str, Any]:
    """Submit a job and return it once it has ended well."""
    answer = await http.post("/api/v1/jobs", json={"kind": kind, "request": request})
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] in ("queued", "running")
    return await ended(http, answer.headers["Location"])


async def ended(http: httpx.AsyncClient, place: str) -> dict[str, Any]:
    async with asyncio.timeout(WAIT_S):
        while (job := (await http.get(place)).json())["state"] in ("queued", "running"):  # noqa: ASYNC110 - the API is asked
            await asyncio.sleep(0.05)
    assert job["state"] == "done", job["error"]
    found: dict[str, Any] = job
    return found


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """A data directory with 3,000 hourly klines, two backtests, a repetition and a sweep."""
    folder = tmp_path_factory.mktemp("jobs") / "data"

    async def work() -> dict[str, dict[str, Any]]:
        await research_store.fill(folder, rows=3_000)
        async with asking(folder, working=True) as http:
            first = await done(http, "backtest", {**RUN, "parameters": {"fast": 10, "slow": 40}})
            other = await done(http, "backtest", {**RUN, "parameters": {"fast": 5, "slow": 60}, "title": "the other"})
            again = await http.post(f"/api/v1/backtests/{first['result']['backtests'][0]}/repeat")
            assert again.status_code == 202
            repeated = await ended(http, again.headers["Location"])
            return {"first": first, "other": other, "repeated": repeated, "sweep": await done(http, "sweep", SWEEP)}

    return folder, asyncio.run(work())


@pytest.fixture
async def http(worked: tuple[Path, Any]) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(worked[0]) as made:
        yield made


@pytest.fixture
def jobs(worked: tuple[Path, dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    return worked[1]


def result_of(job: dict[str, Any]) -> str:
    """The id of the first backtest that a job left."""
    name: str = job["result"]["backtests"][0]
    return name


def numbers(packed: str, kind: str = "<f4") -> Any:
    return np.frombuffer(base64.b64decode(packed), dtype=kind)


async def test_jobs_are_listed_and_filtered(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    listed = (await http.get("/api/v1/jobs")).json()
    assert [row["id"] for row in listed["data"]] == [jobs[name]["id"] for name in ("sweep", "repeated", "other", "first")]
    assert listed["counts"] == {"done": 4}
    sweeps = (await http.get("/api/v1/jobs", params={"kind": "sweep", "state": "done"})).json()["data"]
    assert [(row["id"], row["progress"], row["total"]) for row in sweeps] == [(jobs["sweep"]["id"], 1.0, 6)]
    assert (await http.get("/api/v1/jobs", params={"state": "queued"})).json()["data"] == []


async def test_a_table_comes_sorted_in_pages_and_as_arrow(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    place = f"/api/v1/jobs/{jobs['sweep']['id']}/tables/combinations"
    page = (await http.get(place, params={"sort": "total_return", "limit": 2})).json()
    assert page["rows"] == 6
    best = jobs["sweep"]["result"]["best"]
    assert [page["data"][0]["p_fast"], page["data"][0]["p_slow"]] == [best["parameters"]["fast"], best["parameters"]["slow"]]
    assert page["data"][0]["total_return"] >= page["data"][1]["total_return"]
    rest = (await http.get(place, params={"sort": "total_return", "offset": 2, "limit": 10})).json()["data"]
    assert len(rest) == 4
    assert rest[0]["total_return"] <= page["data"][1]["total_return"]
    rising = (await http.get(place, params={"sort": "total_return", "descending": False, "limit": 1})).json()["data"]
    assert rising[0]["number"] == rest[-1]["number"]
    stream = await http.get(place, params={"format": "arrow", "sort": "total_return", "limit": 1})
    assert stream.headers["content-type"] == "application/vnd.apache.arrow.stream"
    table = pa.ipc.open_stream(stream.content).read_all()
    assert (table.num_rows, table["number"][0].as_py()) == (1, best["number"])
    few = (await http.get(place, params={"columns": "number, p_fast", "sort": "total_return", "limit": 1})).json()
    assert few["columns"] == ["number", "p_fast"]
    assert few["data"] == [{"number": best["number"], "p_fast": best["parameters"]["fast"]}]
    unknown = await http.get(place, params={"sort": "sharp"})
    assert (unknown.status_code, unknown.json()["error"]["field"]) == (404, "column")


async def test_a_backtest_says_what_it_is_and_what_was_checked(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    rows = (await http.get("/api/v1/backtests")).json()["data"]
    assert [row["id"] for row in rows][::-1] == [result_of(jobs[name]) for name in ("first", "other", "repeated", "sweep")]
    assert {row["title"] for row in rows} == {"", "the other", f"repeats {result_of(jobs['first'])}"}
    found = (await http.get(f"/api/v1/backtests/{result_of(jobs['first'])}")).json()
    assert (found["parameters"]["fast"], found["parameters"]["average"]) == (10, "sma")
    assert found["metrics"]["sharpe"]["value"] == found["figures"]["sharpe"]
    assert found["metrics"]["buy_hold_return"]["value"] is not None, "what it is compared with was measured"
    assert found["gates"]["look_ahead"]["state"] in ("passed", "warning"), "a slow machine may not judge every bar in its time"
    assert found["gates"]["dsr"]["text"].endswith("N = 1"), "its own run is counted"
    assert "区间" in found["gates"]["sample"]["chinese"]
    assert {"equity", "trades", "daily", "fills"} <= set(found["tables"])
    assert "report" not in found["tables"]
    swept = (await http.get(f"/api/v1/backtests/{result_of(jobs['sweep'])}")).json()
    assert swept["gates"]["sample"]["state"] == "warning", "its parameters were chosen on these very bars"
    assert swept["gates"]["dsr"]["text"].endswith("N = 9"), "three runs before it and six of its own"
    assert swept["gates"]["pbo"]["state"] in ("passed", "warning", "failed")


async def test_a_run_is_repeated_bit_for_bit(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    assert (jobs["repeated"]["result"]["identical"], jobs["repeated"]["result"]["changed"]) == (True, [])
    one, other = [(await http.get(f"/api/v1/backtests/{result_of(jobs[name])}")).json() for name in ("first", "repeated")]
    assert one["run_fingerprint"] == other["run_fingerprint"]


async def test_tables_of_a_backtest(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    place = f"/api/v1/backtests/{result_of(jobs['first'])}"
    found = (await http.get(place)).json()
    trades = (await http.get(f"{place}/tables/trades", params={"limit": 5, "sort": "net", "descending": True})).json()
    assert trades["rows"] == found["metrics"]["trades"]["value"] + sum(trade["open"] for trade in await everything(http, place))
    assert [trade["net"] for trade in trades["data"]] == sorted((trade["net"] for trade in trades["data"]), reverse=True)
    assert trades["data"][0]["entry_time"] > research_store.START_MS
    equity = (await http.get(f"{place}/tables/equity", params={"limit": 20_000})).json()
    assert equity["rows"] == 3_000
    assert equity["data"][-1]["equity"] == pytest.approx(found["metrics"]["final_equity"]["value"], rel=1e-12)
    assert {"benchmark", "drawdown"} <= set(equity["columns"])
    missing = await http.get(f"{place}/tables/report")
    assert (missing.status_code, missing.json()["error"]["field"]) == (404, "table")


async def everything(http: httpx.AsyncClient, place: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await http.get(f"{place}/tables/trades", params={"limit": 20_000})).json()["data"]
    return rows


async def test_what_a_report_draws(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    place = f"/api/v1/backtests/{result_of(jobs['first'])}/report"
    packed = await http.get(place, headers={"Accept-Encoding": "gzip, deflate"})
    plain = await http.get(place, headers={"Accept-Encoding": "identity"})
    assert (packed.headers["Content-Encoding"], "Content-Encoding" in plain.headers) == ("deflate", False)
    drawn = packed.json()
    assert drawn == plain.json()
    equity = numbers(drawn["equity"]["equity"])
    assert len(equity) == len(numbers(drawn["equity"]["time"], "<u4")) == len(numbers(drawn["equity"]["benchmark"]))
    found = (await http.get(place.removesuffix("/report"))).json()
    assert float(equity[-1]) == pytest.approx(found["metrics"]["final_equity"]["value"], rel=1e-6)
    assert {row["name"]: row["value"] for row in drawn["metrics"]} == {k: v["value"] for k, v in found["metrics"].items()}


async def test_why_a_backtest_did_not_trade(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    place = f"/api/v1/backtests/{result_of(jobs['first'])}"
    why = (await http.get(f"{place}/why")).json()
    assert (why["rows"], why["note"]) == (3_000, "")
    assert why["traded"] + sum(gate["rows"] for gate in why["gates"]) == 3_000
    warm_up = [gate for gate in why["gates"] if "warm-up" in gate["gate"]]
    assert (sum(gate["rows"] for gate in warm_up), min(gate["first_ms"] for gate in warm_up)) == (39, research_store.START_MS)
    first = why["stretches"][0]
    assert (first["bars"], first["said"], first["first_ms"]) == (9, "target 0", research_store.START_MS)
    found = (await http.get(place)).json()
    assert "why" not in found["tables"]
    assert (await http.get(f"{place}/tables/why")).status_code == 404


async def test_a_report_is_taken_away_as_files(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    name = result_of(jobs["first"])
    place = f"/api/v1/backtests/{name}/files"
    page = await http.get(f"{place}/html", params={"language": "zh"})
    assert page.text.startswith("<!doctype html>")
    assert '<html lang="zh-CN"' in page.text
    assert "sandbox" in page.headers["Content-Security-Policy"], "what a strategy wrote into a report reaches nothing of ours"
    found = (await http.get(f"/api/v1/backtests/{name}")).json()
    whole = await http.get(f"{place}/json")
    assert whole.headers["Content-Disposition"] == f'attachment; filename="ma_cross-{name}.json"'
    told = json.loads(whole.content)
    assert told["metrics"]["total_return"]["value"] == found["metrics"]["total_return"]["value"]
    assert len(told["tables"]["trades"]) == len(await everything(http, f"/api/v1/backtests/{name}"))
    assert told["tables"]["monthly"][0]["year"] == 2023
    archive = zipfile.ZipFile(io.BytesIO((await http.get(f"{place}/zip")).content))
    assert {"trades.csv", "equity.csv", "metrics.csv", "monthly.csv", "costs.csv"} <= set(archive.namelist())
    assert archive.read("equity.csv").count(b"\n") == 3_001
    book = zipfile.ZipFile(io.BytesIO((await http.get(f"{place}/xlsx")).content))
    assert "xl/workbook.xml" in book.namelist()
    text = book.read("xl/sharedStrings.xml").decode()
    assert all(word in text for word in ("look ahead", "Sharpe", found["data_fingerprint"][:12] and "code hash"))
    assert (await http.get(f"{place}/pdf")).status_code == 422


async def test_backtests_side_by_side(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    names = [result_of(jobs[name]) for name in ("first", "other")]
    compared = (await http.get("/api/v1/backtests/compare", params={"ids": ",".join(names)})).json()
    assert [row["id"] for row in compared["data"]] == names
    assert {row["name"]: row["values"] for row in compared["differences"]} == {
        "parameters.fast": [10, 5],
        "parameters.slow": [40, 60],
    }
    details = [(await http.get(f"/api/v1/backtests/{name}")).json() for name in names]
    for row in compared["metrics"]:
        assert row["values"] == [detail["metrics"][row["name"]]["value"] for detail in details], row["name"]
    for place, detail in enumerate(details):
        grown = 1 + detail["metrics"]["total_return"]["value"]
        assert compared["growth"][place][-1] == pytest.approx(grown, rel=1e-9)
    assert compared["correlation"][0][0] == pytest.approx(1.0)
    assert -1 <= compared["correlation"][0][1] < 1
    for ids, status in ((names[0], 422), (f"{names[0]},{names[0]}", 422), (f"{names[0]},nothing", 404)):
        assert (await http.get("/api/v1/backtests/compare", params={"ids": ids})).status_code == status


async def test_figures_have_their_words(http: httpx.AsyncClient) -> None:
    rows = {row["name"]: row for row in (await http.get("/api/v1/backtest-metrics")).json()["data"]}
    assert (rows["sharpe"]["chinese"], rows["sharpe"]["unit"], rows["sharpe"]["swept"]) == ("夏普比率", "ratio", True)
    assert not rows["dsr"]["swept"]


async def test_a_deletion_stays_counted(http: httpx.AsyncClient, jobs: dict[str, Any]) -> None:
    family = (await http.get(f"/api/v1/backtests/{result_of(jobs['other'])}")).json()["family"]
    before = (await http.get(f"/api/v1/trials/{family}")).json()
    name = result_of(jobs["other"])
    assert (await http.delete(f"/api/v1/backtests/{name}")).json() == {"removed": name}
    assert (await http.get(f"/api/v1/backtests/{name}")).status_code == 404
    after = (await http.get(f"/api/v1/trials/{family}")).json()
    assert (after["runs"], after["deleted"]) == (before["runs"], before["deleted"] + 1)


async def test_writes_are_the_owners_and_what_is_wrong_is_named(http: httpx.AsyncClient) -> None:
    del http.headers["Authorization"]
    for method, path in (("POST", "/jobs"), ("POST", "/jobs/x/cancel"), ("DELETE", "/jobs/x"), ("DELETE", "/backtests/x")):
        answer = await http.request(method, f"/api/v1{path}", json={"kind": "sweep", "request": {}} if path == "/jobs" else None)
        assert answer.status_code == 401, path
    assert (await http.get("/api/v1/jobs")).status_code == 200
    unknown = await http.get("/api/v1/jobs/nothing")
    assert (unknown.status_code, unknown.json()["error"]["field"]) == (404, "job")
