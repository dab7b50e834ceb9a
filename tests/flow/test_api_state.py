"""Instruments, pairs, data quality, the system, figures, the page and the documentation over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.clock import ManualClock
from tests.support.market import START_MS, batch, instrument, kline, kline_stream
from tests.support.web import OWNER, MemoryMarketStore, client, web_context

from quantservice.core.events import FeedStatus, Gap, Kind, StreamId, Ticker
from quantservice.core.messages import Command, GapChange, Message, Overflow, StoredBatch, SystemEvent, Topic
from quantservice.core.periods import DAY_MS
from quantservice.core.spans import Span
from quantservice.web import models
from quantservice.web.context import WebConfig, WebContext

UM = {"symbol": "BTCUSDT", "market": "um"}


class Ledger:
    """The ledger's callables, as the context holds them."""

    def __init__(self) -> None:
        self.last: Mapping[str, Any] | None = None
        self.begun, self.gate = asyncio.Event(), asyncio.Event()

    async def report(self) -> Mapping[str, Any] | None:
        return self.last

    async def run(self) -> Mapping[str, Any]:
        self.begun.set()
        await self.gate.wait()
        finding = {"check": "digest", "stream": str(kline_stream()), "open_time": START_MS, "detail": "row differs"}
        self.last = {"state": "unsound", "sealed_days": 3, "checked_rows": 9, "head": "ab", "findings": [finding]}
        return self.last


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
async def context(tmp_path: Path, ledger: Ledger) -> AsyncIterator[WebContext]:
    lines = [
        {"time_ms": 1, "level": "info", "event": "a.b", "rows": 5},
        {"timestamp": "2025-03-01T00:00:00.002Z", "level": "error", "event": "c.d"},
    ]
    state: dict[str, Any] = {"name": "recorder", "state": "running", "restarts": 2, "stats": {"rows": 7}}
    state |= {"consumes": ["market.live"], "produces": []}
    setting = {"key": "clientserver.qps", "value": "20.0", "source": "default", "doc": "queries per second"}
    async with web_context(
        tmp_path,
        store=MemoryMarketStore(),
        config=WebConfig(answer_wait_s=0.2),
        services=lambda: [state],
        weights=lambda: [{"venue": "binance", "market": "um", "used": 120, "limit": 2400, "requests": 12}],
        history=lambda: {"wanted": 200, "stored": 50},
        settings_rows=lambda: [setting],
        log_tail=lambda most: lines[-most:],
        probes={"recorder": lambda: {"rows_written": 7, "state": "fine"}},
        audit_report=ledger.report,
        run_audit=ledger.run,
    ) as made:
        yield made


@pytest.fixture
async def http(context: WebContext) -> AsyncIterator[httpx.AsyncClient]:
    async with client(context) as asking:
        yield asking


async def test_instruments_are_searched_registered_first(http: httpx.AsyncClient, context: WebContext) -> None:
    await http.post("/api/v1/pairs", json={"symbol": "ETHUSDT", "market": "um", "periods": ["1h"]}, headers=OWNER)
    ticker = Ticker(
        stream=StreamId(instrument("ETH").id, Kind.TICKER),
        time=START_MS,
        last_price=Decimal("3800.50"),
        open_price=Decimal(4000),
        high_price=Decimal(4000),
        low_price=Decimal(3000),
        volume=Decimal(10),
        quote_volume=Decimal(38000),
    )
    context.projections.fold(batch(ticker))  # type: ignore[arg-type] # the helper takes any event
    body = (await http.get("/api/v1/instruments")).json()
    assert body["total"] == 4
    first = models.InstrumentRow.model_validate(body["data"][0])
    assert (first.instrument, first.registered, first.periods) == ("binance:um:ETH-USDT-PERP", True, ["1h"])
    assert (first.last_price, first.change_24h_percent, first.price_digits) == ("3800.5", -4.9875, 2)
    for text in ("btc", "BTC-USDT", "btc/usdt", "BTCUSDT"):
        found = (await http.get("/api/v1/instruments", params={"q": text})).json()
        assert {row["base"] for row in found["data"]} == {"BTC"}, text
    only = (await http.get("/api/v1/instruments", params={"registered": "true"})).json()
    assert [row["symbol"] for row in only["data"]] == ["ETH-USDT-PERP"]
    page = (await http.get("/api/v1/instruments", params={"limit": 3})).json()
    rest = (await http.get("/api/v1/instruments", params={"limit": 3, "cursor": page["next_cursor"]})).json()
    assert len({row["instrument"] for row in page["data"] + rest["data"]}) == 4
    assert (rest["has_more"], rest["next_cursor"]) == (False, None)


async def test_pairs_proxies_and_keys_come_and_go(http: httpx.AsyncClient) -> None:
    made = await http.post("/api/v1/pairs", json={**UM, "history_start_ms": START_MS}, headers=OWNER)
    assert made.status_code == 201
    assert made.json()["periods"] == ["1m", "1h"]
    assert (await http.get("/api/v1/pairs")).json()["data"] == [made.json()]
    address = "/api/v1/pairs/binance:um:BTC-USDT-PERP"
    assert (await http.delete(address, headers=OWNER)).json() == {"removed": "binance:um:BTC-USDT-PERP"}
    gone = await http.delete(address, headers=OWNER)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_pair")

    proxy = {"scheme": "http", "host": "127.0.0.1", "port": 3128, "password": "x"}
    number = (await http.post("/api/v1/proxies", json=proxy, headers=OWNER)).json()["id"]
    (row,) = (await http.get("/api/v1/proxies")).json()["data"]
    assert (row["id"], row["has_password"], row["port"]) == (number, True, 3128)
    assert (await http.delete(f"/api/v1/proxies/{number}", headers=OWNER)).status_code == 200
    assert (await http.delete(f"/api/v1/proxies/{number}", headers=OWNER)).status_code == 404

    created = (await http.post("/api/v1/access-keys", json={"name": "notebook", "qps_limit": 5}, headers=OWNER)).json()
    (row,) = (await http.get("/api/v1/access-keys")).json()["data"]
    assert created["key"].startswith(row["prefix"])
    assert (row["name"], row["qps_limit"]) == ("notebook", 5)
    assert (await http.delete(f"/api/v1/access-keys/{row['id']}", headers=OWNER)).status_code == 200
    assert (await http.get("/api/v1/access-keys")).json()["data"] == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("pairs", {"symbol": "NOPE"}, "symbol"),
        ("pairs", {**UM, "periods": ["7m"]}, "period"),
        ("pairs", {**UM, "kinds": ["weather"]}, "kind"),
        ("pairs", {**UM, "periods": []}, "periods"),
        ("pairs", {**UM, "typo": 1}, "typo"),
        ("pairs", {}, "symbol"),
        ("proxies", {"scheme": "ftp", "host": "h", "port": 1}, "scheme"),
        ("proxies", {"scheme": "http", "host": "h", "port": 70000}, "port"),
        ("proxies", {"scheme": "http", "host": "a b", "port": 1}, "host"),
        ("access-keys", {"name": "", "qps_limit": 5}, "name"),
        ("access-keys", {"name": "x", "qps_limit": "5"}, "qps_limit"),
        ("gaps/heal", {**UM, "start_ms": 60_000, "end_ms": 60_000}, "end_ms"),
        ("gaps/heal", {**UM, "start_ms": 0, "end_ms": 4_102_444_800_000}, "end_ms"),
        ("gaps/heal", {**UM, "period": "x", "start_ms": 0, "end_ms": 60_000}, "period"),
    ],
)
async def test_a_bad_body_is_named_by_its_field(http: httpx.AsyncClient, path: str, body: dict[str, Any], field: str) -> None:
    answer = await http.post(f"/api/v1/{path}", json=body, headers=OWNER)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["field"] == field
    assert len(answer.json()["error"]["message"]) > 10


async def test_a_body_that_is_not_json_is_said_to_be_so(http: httpx.AsyncClient) -> None:
    for content in (b"{", b"", b"[]", b"\xff\xfe"):
        answer = await http.post("/api/v1/pairs", content=content, headers={**OWNER, "Content-Type": "application/json"})
        assert answer.status_code in (400, 422), content
        assert answer.json()["error"]["message"]


async def test_coverage_counts_days_and_percent(http: httpx.AsyncClient, context: WebContext) -> None:
    await context.market_store.append([kline(index) for index in range(100) if not 10 <= index < 20])
    assert isinstance(context.clock, ManualClock)
    await context.clock.advance(100 * 60)
    await http.post("/api/v1/pairs", json={"symbol": "ETHUSDT", "market": "um", "periods": ["1m"]}, headers=OWNER)
    body = (await http.get("/api/v1/coverage", params={"days": 2})).json()
    models.CoverageList.model_validate(body)
    btc, eth = body["data"]
    assert (btc["rows"], btc["expected"], btc["coverage_percent"]) == (90, 100, 90.0)
    assert btc["days"] == [
        {"day_ms": START_MS // DAY_MS * DAY_MS - DAY_MS, "rows": 0, "expected": 0},
        {"day_ms": START_MS // DAY_MS * DAY_MS, "rows": 90, "expected": 100},
    ]
    assert (eth["symbol"], eth["rows"], eth["first_ms"]) == ("ETH-USDT-PERP", 0, None)
    assert (eth["coverage_percent"], eth["days"]) == (0.0, [])
    only = (await http.get("/api/v1/coverage", params={**UM, "period": "1m"})).json()
    assert [row["symbol"] for row in only["data"]] == ["BTC-USDT-PERP"]
    for arguments in ({"market": "x"}, {"venue": "x"}, {"kind": "x"}, {"period": "x"}, {"symbol": "x"}):
        refused = await http.get("/api/v1/coverage", params=arguments)
        assert (refused.status_code, refused.json()["error"]["field"]) == (404, next(iter(arguments)))


def change(state: str, command: Message | None = None, rows: int = 0) -> Message:
    gap = Gap(stream=kline_stream(), span=Span(START_MS, START_MS + 300_000), missing=5, found_ns=START_MS * 1_000_000)
    data = GapChange(gap=gap, state=state, rows=rows, detail="from rest")
    if command is None:
        return Message(topic=Topic.GAP, data=data, event_type=f"gap.{state}", timestamp_ns=START_MS * 1_000_000)
    return command.caused(topic=Topic.GAP, data=data, event_type=f"gap.{state}")


async def test_gaps_are_listed_with_their_life(http: httpx.AsyncClient, context: WebContext) -> None:
    for state in ("found", "healing"):
        context.projections.fold(change(state))
    body = (await http.get("/api/v1/gaps")).json()
    (row,) = models.GapList.model_validate(body).data
    assert (body["open"], row.state, row.missing, row.end_ms - row.start_ms) == (1, "healing", 5, 300_000)
    context.projections.fold(change("healed", rows=5))
    assert (await http.get("/api/v1/gaps", params={"state": "open"})).json()["data"] == []
    (healed,) = (await http.get("/api/v1/gaps", params={"state": "healed"})).json()["data"]
    assert (healed["healed_rows"], healed["detail"]) == (5, "from rest")
    assert (await http.get("/api/v1/gaps", params={"state": "lost"})).status_code == 404


async def test_a_heal_command_is_published_and_answered_with_its_fact(http: httpx.AsyncClient, context: WebContext) -> None:
    body = {**UM, "period": "1m", "start_ms": START_MS, "end_ms": START_MS + 300_000}
    async with context.bus.subscribe([Topic.COMMAND], group="backfill", overflow=Overflow.BLOCK, capacity=10) as commands:

        async def backfill() -> Command:
            async for messages in commands:
                context.projections.fold(change("healing", messages[0]))
                context.projections.fold(change("healed", messages[0], rows=5))
                command = messages[0].data
                assert isinstance(command, Command)
                return command
            raise AssertionError("the bus was closed")

        async with asyncio.TaskGroup() as group:
            healing = group.create_task(backfill())
            answer = await http.post("/api/v1/gaps/heal", json=body, headers=OWNER)
    command = healing.result()
    assert (command.name, command.arguments["stream"]) == ("gap.heal", "binance:um:BTC-USDT-PERP:kline:1m")
    assert (answer.status_code, answer.json()["state"], answer.json()["rows"]) == (200, "healed", 5)
    assert answer.json()["command_id"] == command.id


async def test_a_heal_command_that_nobody_answers_yet_is_202_with_a_location(http: httpx.AsyncClient, context: WebContext) -> None:
    body = {**UM, "start_ms": START_MS, "end_ms": START_MS + 300_000}
    answer = await http.post("/api/v1/gaps/heal", json=body, headers=OWNER)
    assert (answer.status_code, answer.json()["state"]) == (202, "accepted")
    location = answer.headers["location"]
    context.projections.fold(change("failed"))
    later = (await http.get(location)).json()
    assert models.HealAnswer.model_validate(later).state == "failed"
    assert (await http.get("/api/v1/gaps/commands/none")).status_code == 404


async def test_the_audit_is_run_once_at_a_time_and_reported(http: httpx.AsyncClient, ledger: Ledger) -> None:
    assert (await http.get("/api/v1/audit")).json()["state"] == "never"
    async with asyncio.TaskGroup() as group:
        running = group.create_task(http.post("/api/v1/audit", headers=OWNER))
        await ledger.begun.wait()
        assert (await http.get("/api/v1/audit")).json()["state"] == "running"
        assert (await http.post("/api/v1/audit", headers=OWNER)).status_code == 202
        ledger.gate.set()
    assert running.result().json()["state"] == "unsound"
    report = models.AuditReport.model_validate((await http.get("/api/v1/audit")).json())
    assert report.findings[0].open_time == START_MS


async def test_streams_show_state_connection_and_age(http: httpx.AsyncClient, context: WebContext) -> None:
    await http.post("/api/v1/pairs", json={"symbol": "ETHUSDT", "market": "um", "periods": ["1m"]}, headers=OWNER)
    feed = FeedStatus(venue="binance", market="um", connection="c1", state="live", time_ns=1, streams=(kline_stream(),))
    context.projections.fold(Message(topic=Topic.FEED_STATUS, data=feed))
    context.projections.fold(batch(kline(0, closed=False)))
    assert isinstance(context.clock, ManualClock)
    await context.clock.advance(3)
    body = models.StreamList.model_validate((await http.get("/api/v1/streams")).json())
    btc, eth = body.data
    assert (btc.state, btc.connection, btc.age_s, btc.events) == ("live", "c1", 3.0, 1)
    assert (eth.symbol, eth.state, eth.last_event_ms) == ("ETH-USDT-PERP", "unknown", None)
    assert (body.live, body.total) == (1, 2)


async def test_status_settings_logs_and_topology(http: httpx.AsyncClient, context: WebContext) -> None:
    context.projections.fold(Message(topic=Topic.MARKET_STORED, data=StoredBatch(new=[kline(0)], revised=[(kline(1), 1)])))
    context.projections.fold(Message(topic=Topic.SYSTEM, data=SystemEvent(name="service.restarted", level="warning")))
    status = models.Status.model_validate((await http.get("/api/v1/status")).json())
    assert (status.environment, status.uptime_s, status.read_only, status.instruments) == ("demo", 5.0, True, 4)
    assert (status.services[0].name, status.services[0].restarts, status.services[0].stats) == ("recorder", 2, {"rows": 7})
    assert (status.weights[0].used_percent, status.history.percent, status.history.done) == (5.0, 25.0, False)
    assert (status.throughput.stored, status.throughput.revised) == (2, 1)
    assert status.events[0].name == "service.restarted"
    assert status.process["rss_bytes"] > 1_000_000
    assert not (await http.get("/api/v1/status", headers=OWNER)).json()["read_only"]
    (setting,) = (await http.get("/api/v1/settings")).json()["data"]
    assert setting["key"] == "clientserver.qps"
    logs = (await http.get("/api/v1/logs")).json()["data"]
    assert [(line["event"], line["time_ms"], line["fields"]) for line in logs] == [
        ("a.b", 1, {"rows": 5}),
        ("c.d", START_MS + 2, {}),
    ]
    assert [line["event"] for line in (await http.get("/api/v1/logs", params={"level": "warning"})).json()["data"]] == ["c.d"]
    topology = (await http.get("/api/v1/topology")).json()
    assert topology["services"] == [{"name": "recorder", "consumes": ["market.live"], "produces": []}]
    (revision,) = (await http.get("/api/v1/revisions")).json()["data"]
    models.RevisionRow.model_validate(revision)
    assert revision["revision"] == 1


async def test_metrics_are_prometheus_text_with_the_documented_names(http: httpx.AsyncClient, context: WebContext) -> None:
    context.projections.fold(batch(kline(0)))
    await http.get("/api/v1/klines")
    text = (await http.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = {(s.name, *sorted(s.labels.items())): s.value for family in families.values() for s in family.samples}
    counted = ("http_requests_total", ("method", "GET"), ("route", "/api/v1/klines"), ("status", "422"))
    assert samples[counted] == 1
    assert samples["http_request_duration_seconds_count", ("method", "GET"), ("route", "/api/v1/klines")] == 1
    assert samples["quantservice_service_up", ("service", "recorder")] == 1
    assert samples["quantservice_service_restarts_total", ("service", "recorder")] == 2
    assert samples["quantservice_weight_used", ("market", "um"), ("venue", "binance")] == 120
    assert samples["quantservice_events_total", ("kind", "klines")] == 1
    assert samples[("quantservice_recorder_rows_written",)] == 7
    assert samples[("quantservice_uptime_seconds",)] == 5.0
    assert {"process_resident_memory_bytes", "quantservice_info", "quantservice_gaps_open"} <= set(families)


async def test_a_probe_that_fails_takes_nothing_else_down(tmp_path: Path) -> None:
    def broken() -> Mapping[str, Any]:
        raise RuntimeError("no figures today")

    async with web_context(tmp_path, probes={"bad": broken, "good": lambda: {"n": 1}}) as context, client(context) as http:
        text = (await http.get("/metrics")).text
        assert "quantservice_good_n 1.0" in text
        status = (await http.get("/api/v1/status")).json()
        assert status["probes"]["good"] == {"n": 1}
        assert "error" in status["probes"]["bad"]


async def test_the_openapi_on_disk_is_up_to_date(project_dir: Path) -> None:
    from quantservice.web.openapi import describe

    on_disk = json.loads((project_dir / "ui" / "openapi.json").read_text(encoding="utf-8"))
    assert on_disk == json.loads(json.dumps(describe())), "run: python -m quantservice.web.openapi > ui/openapi.json"


async def test_the_openapi_describes_every_argument(http: httpx.AsyncClient) -> None:
    schema = (await http.get("/openapi.json")).json()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)
            assert operation.get("description"), (method, path)
    rows = schema["components"]["schemas"]
    assert {"LiveEvent", "LiveKline", "LiveRequest", "LiveStatus", "ErrorBody", "KlineRow"} <= set(rows)
    assert "HTTPValidationError" not in rows


async def test_the_documentation_works_offline(http: httpx.AsyncClient) -> None:
    answer = await http.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    for part in ("/api/v1/klines", "as_known_at", "KlinePage", "/udf/history"):
        assert part in answer.text
    assert "<script" not in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert (await http.get("/docs/style.css")).headers["content-type"].startswith("text/css")


async def test_the_built_page_is_served_with_its_files(tmp_path: Path) -> None:
    built = tmp_path / "static"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<title>page</title>")
    (built / "assets" / "app-1f2e.js").write_text("let a = 1;")
    (tmp_path / "secret.txt").write_text("secret")
    async with web_context(tmp_path, config=WebConfig(static_dir=built)) as context, client(context) as http:
        for path in ("/", "/markets", "/markets/binance:um:BTC-USDT-PERP", "/index.html"):
            answer = await http.get(path)
            assert (answer.text, answer.headers["cache-control"]) == ("<title>page</title>", "no-cache"), path
        asset = await http.get("/assets/app-1f2e.js")
        assert "immutable" in asset.headers["cache-control"]
        assert asset.headers["content-type"].startswith("text/javascript")
        outside = ("/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt")
        for path in ("/assets/none.js", "/none.png", "/api/none", *outside):
            answer = await http.get(path)
            assert answer.status_code == 404, path
            assert answer.json()["error"]["code"] == "not_found"
