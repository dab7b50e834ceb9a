"""Logs: redaction at every depth and in tracebacks, one line per record, rotation by size and by age, the bounded tail."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from quantservice.app.logs import LogTail, SizeAndTimeRotatingFileHandler, configure_logs, redact_text
from quantservice.app.settings.tree import LogSettings

CANARY = "c4n4ry-0f-4-secret"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    before = list(logging.getLogger().handlers)
    level = logging.getLogger().level
    yield tmp_path
    for handler in list(logging.getLogger().handlers):
        if handler not in before:
            logging.getLogger().removeHandler(handler)
            handler.close()
    for handler in before:
        if handler not in logging.getLogger().handlers:
            logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "quantservice.log").read_text(encoding="utf-8").splitlines()]


def raise_with_secret() -> None:
    raise ValueError(f"GET https://x/?symbol=A&signature={CANARY}&timestamp=1 with apiKey={CANARY}")


def test_no_secret_reaches_file_tail_or_traceback(folder: Path) -> None:
    tail = configure_logs(LogSettings(format="json"), folder, console=False)
    log = structlog.get_logger("test")
    log.info("a", password=CANARY, nested={"api_key": CANARY, "fine": [{"token": CANARY}]})
    log.info("b", url=f"socks5://user:{CANARY}@host:1080", header=f"Authorization: Bearer {CANARY}")
    try:
        raise_with_secret()
    except ValueError:
        log.exception("c")
    logging.getLogger("library").warning("listenKey=%s", CANARY)
    written = (folder / "quantservice.log").read_text(encoding="utf-8")
    assert len(records(folder)) == 4
    assert "raise_with_secret" in written
    assert CANARY not in written
    assert CANARY not in str(tail.last(10))
    assert "socks5://user:********@host:1080" in written


def test_a_record_is_one_line_whatever_a_value_holds(folder: Path) -> None:
    configure_logs(LogSettings(format="json"), folder, console=False)
    structlog.get_logger("test").info("x", symbol="BTC\r\n2026 forged line\x1b[31m")
    assert len(records(folder)) == 1


def test_level_is_obeyed(folder: Path) -> None:
    configure_logs(LogSettings(level="WARNING", format="json"), folder, console=False)
    log = structlog.get_logger("test")
    log.info("quiet")
    log.warning("loud")
    assert [record["event"] for record in records(folder)] == ["loud"]


def test_rotation_by_size_and_by_age(tmp_path: Path) -> None:
    file = tmp_path / "x.log"
    handler = SizeAndTimeRotatingFileHandler(file, max_bytes=100, max_age_s=3600, backups=2)
    record = logging.LogRecord("n", logging.INFO, "p", 1, "y" * 80, None, None)
    handler.emit(record)
    handler.emit(record)
    assert (tmp_path / "x.log.1").is_file()
    handler.close()
    os.utime(file, (1, 1))
    old = SizeAndTimeRotatingFileHandler(file, max_bytes=10_000, max_age_s=3600, backups=2)
    assert old.shouldRollover(record)
    old.emit(record)
    assert (tmp_path / "x.log.2").is_file()
    assert not old.shouldRollover(record)
    old.close()


def test_the_tail_is_bounded_and_ordered() -> None:
    tail = LogTail(capacity=3)
    for number in range(5):
        tail.add({"n": number})
    assert [item["n"] for item in tail.last(2)] == [3, 4]
    assert len(tail.last(10)) == 3


def test_ordinary_text_is_left_alone() -> None:
    text = "symbol=BTCUSDT period=1m rows=1000 https://fapi.binance.com/fapi/v1/klines"
    assert redact_text(text) == text
