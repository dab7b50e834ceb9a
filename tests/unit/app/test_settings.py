"""Settings: precedence, provenance, the designs' names, and refusals that name the nearest key."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantservice.app.settings import field_docs, load_settings
from quantservice.core.errors import SettingsError


def write(folder: Path, text: str) -> Path:
    file = folder / "app.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_carry_the_designs_figures() -> None:
    settings = load_settings(environ={}).settings
    assert settings.clientserver.qps == 20
    assert settings.clientserver.hot_hours == 6
    assert settings.clientserver.cache_ttl_s == 5
    assert settings.clientserver.queue == 100
    assert (settings.backfill.scan_1m_s, settings.backfill.scan_1h_s) == (30, 300)
    assert (settings.web.port, settings.clientserver.port) == (8080, 8765)


def test_each_source_overrides_the_one_before_and_is_remembered(tmp_path: Path) -> None:
    file = write(tmp_path, "web: {port: 1111}\nclientserver: {port: 2222, qps: 5}\nrecorder: {flush_ms: 7}\n")
    environ = {"QS_WEB__PORT": "3333", "QS_CLIENTSERVER__PORT": "4444"}
    loaded = load_settings(file, environ=environ, flags={"web.port": 5555, "web.host": None})
    assert loaded.settings.web.port == 5555
    assert loaded.settings.clientserver.port == 4444
    assert loaded.settings.clientserver.qps == 5
    sources = {row.path: row.source for row in loaded.rows()}
    assert sources["web.port"] == "flag"
    assert sources["clientserver.port"] == "QS_CLIENTSERVER__PORT"
    assert sources["recorder.flush_ms"] == str(file)
    assert sources["web.host"] == "default"


def test_the_original_designs_file_is_accepted(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
app:
  environment: prod
  clickhouse: {host: "ch.internal", port: 8123, database: "maxaira", username: "quant", password: "s3cr%t/x"}
  binance:
    spot: {ws_url: "wss://stream.binance.com:9443/ws/", rest_url: "https://data-api.binance.vision/api/v3/klines"}
    um: {ws_url: "wss://fstream.binance.com/ws/", rest_url: "https://fapi.binance.com/fapi/v1/klines"}
    cm: {ws_url: "wss://dstream.binance.com/ws/", rest_url: "https://dapi.binance.com/dapi/v1/klines"}
    requests_per_second: 15
""",
    )
    settings = load_settings(file, environ={}).settings
    assert settings.environment == "live"
    assert settings.stores.market_url == "clickhouse://quant:s3cr%25t%2Fx@ch.internal:8123/maxaira"
    assert settings.stores.database == "maxaira"
    assert settings.binance.um.ws_url == "wss://fstream.binance.com/ws/"
    assert settings.binance.requests_per_second == 15


def test_the_original_designs_environment_names_are_accepted() -> None:
    environ = {
        "DATABASE_URL": "postgresql://quant:uncommon-pw@pg/trading",
        "REDIS_URL": "redis://redis:6379",
        "KAFKA_BROKER": "kafka:9092",
        "LOG_LEVEL": "debug",
    }
    settings = load_settings(environ=environ).settings
    assert settings.stores.state_url == "postgresql://quant:uncommon-pw@pg/trading"
    assert settings.stores.cache_url == "redis://redis:6379"
    assert settings.stores.bus_url == "kafka://kafka:9092"
    assert settings.log.level == "DEBUG"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clientserver: {qsp: 3}", "clientserver.qps"),
        ("recoder: {batch_rows: 3}", "recorder.batch_rows"),
        ("backfill: {scan_1min_s: 3}", "backfill.scan_1m_s"),
        ("web: {prot: 80}", "web.port"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(SettingsError, match="unknown setting") as caught:
        load_settings(write(tmp_path, text), environ={})
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"QS_WEB__PORT": "70000"}, "web.port"),
        ({"QS_WEB__PORT": "many"}, "web.port"),
        ({"QS_LOG__LEVEL": "LOUD"}, "log.level"),
        ({"DATABASE_URL": "postgresql://postgres:password@postgres/trading"}, "default password"),
        ({"CLICKHOUSE_URL": "clickhouse://default:changeme@ch:8123/x"}, "default password"),
        ({"QS_SECRETS__OWNER_TOKEN": "secret"}, "at least 20 characters"),
        ({"QS_WEB__HOST": "0.0.0.0"}, "web.insecure"),
        ({"QS_WEB__TLS_CERT": "cert.pem"}, "go together"),
    ],
)
def test_unsafe_or_wrong_values_are_refused_in_a_sentence(environ: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ=environ)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["- a\n- b\n", "web: [", "just words", "!!python/object/apply:os.system ['true']"])
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text), environ={})
    assert "app.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_secrets_are_masked_in_the_printed_rows() -> None:
    environ = {
        "DATABASE_URL": "postgresql://quant:uncommon-pw@pg/trading",
        "QS_SECRETS__OWNER_TOKEN": "0123456789abcdef01234567",
        "QS_PROXIES__URLS": "socks5://user:hidden-one@proxy:1080",
    }
    printed = str(load_settings(environ=environ).rows())
    assert "postgresql://quant:********@pg/trading" in printed
    for secret in ("uncommon-pw", "0123456789abcdef01234567", "hidden-one"):
        assert secret not in printed


def test_every_setting_says_what_it_means() -> None:
    docs = field_docs()
    assert len(docs) > 50
    assert [path for path, text in docs.items() if len(text) < 8] == []


@pytest.mark.parametrize("part", ["web", "clientserver"])
def test_a_face_for_others_needs_encryption_or_consent(part: str) -> None:
    others = {f"{part}.host": "0.0.0.0"}
    with pytest.raises(SettingsError, match=f"{part}.tls_cert"):
        load_settings(environ={}, flags=others)
    assert load_settings(environ={}, flags=others | {f"{part}.insecure": True})
    with pytest.raises(SettingsError, match="go together"):
        load_settings(environ={}, flags={f"{part}.tls_cert": "chain.pem"})


def test_a_choice_of_words_names_the_words() -> None:
    with pytest.raises(SettingsError, match="LOG_LEVEL: must be one of DEBUG, INFO"):
        load_settings(environ={"LOG_LEVEL": "loud"})
