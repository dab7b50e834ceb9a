"""Logs: structlog to console and rotated files; secrets redacted in values and tracebacks; the newest lines kept for the page."""

from __future__ import annotations

import collections
import logging
import logging.handlers
import os
import re
import sys
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from quantservice.app.settings.tree import LogSettings

REDACTED: Final = "********"
_SECRET_KEY: Final = re.compile(
    r"password|passwd|secret|token|api_?key|authorization|cookie|signature|listen_?key|private", re.IGNORECASE
)
_SECRET_TEXT: Final = (
    re.compile(r"(?i)\b(signature|api_?key|listenKey|token|secret|password|passwd)(\"?\s*[=:]\s*\"?)([^\s\"'&,;}]+)"),
    re.compile(r"(?i)\b(authorization|cookie|set-cookie|x-mbx-apikey)(\"?'?\s*[=:]\s*\"?'?)((?:bearer |basic )?[^\s\"',;}]+)"),
    re.compile(r"(\w+://[^\s:/@]*)(:)([^\s@/]+)(?=@)"),
)
_PUBLIC_KEYS: Final = frozenset({"key", "bus_key", "token_file", "key_prefix"})


def redact_text(text: str) -> str:
    """Hide what looks like a secret inside a text, and encode line breaks so that one record stays one line."""
    for pattern in _SECRET_TEXT:
        text = pattern.sub(lambda found: f"{found[1]}{found[2]}{REDACTED}", text)
    return text


def redact(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Structlog processor: hide secret values by key and by shape, at every depth."""
    for key, value in list(event.items()):
        event[key] = _redact_value(key, value)
    return event


def _redact_value(key: str, value: Any) -> Any:
    if key not in _PUBLIC_KEYS and _SECRET_KEY.search(key) and isinstance(value, str | bytes):
        return REDACTED
    if isinstance(value, str):
        cleaned = redact_text(value)
        return cleaned if key == "exception" else cleaned.replace("\r", "\\r").replace("\n", "\\n").replace("\x1b", "\\x1b")
    if isinstance(value, dict):
        return {name: _redact_value(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact_value(key, item) for item in value]
    if isinstance(value, BaseException):
        return redact_text(f"{type(value).__name__}: {value}")
    return value


class LogTail:
    """The newest log records, bounded, for the page and ``/api/v1/logs``."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._records: collections.deque[dict[str, Any]] = collections.deque(maxlen=capacity)
        self._lock = threading.Lock()

    def add(self, record: dict[str, Any]) -> None:
        """Keep one record."""
        with self._lock:
            self._records.append(record)

    def last(self, count: int) -> list[dict[str, Any]]:
        """Return up to ``count`` newest records, oldest first."""
        with self._lock:
            return list(self._records)[-count:]

    def processor(self, _logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Structlog processor that keeps each (already redacted) record."""
        self.add(
            {
                key: value if isinstance(value, str | int | float | bool) else str(value)
                for key, value in event.items()
                if key[0] != "_"
            }
        )
        return event


class SizeAndTimeRotatingFileHandler(logging.handlers.RotatingFileHandler):
    """Rotates at a size or at an age, whichever comes first."""

    def __init__(self, filename: Path, *, max_bytes: int, max_age_s: float, backups: int) -> None:
        super().__init__(filename, maxBytes=max_bytes, backupCount=backups, encoding="utf-8", delay=True)
        self._max_age_s = max_age_s
        self._opened_at = time.time() if not filename.exists() else filename.stat().st_mtime

    def shouldRollover(self, record: logging.LogRecord) -> bool | int:  # noqa: N802 - the base class's name
        """Say whether the file is too large or too old."""
        return time.time() - self._opened_at >= self._max_age_s or super().shouldRollover(record)

    def doRollover(self) -> None:  # noqa: N802 - the base class's name
        """Rotate and start counting the age anew."""
        super().doRollover()
        self._opened_at = time.time()


def _to_json(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def configure_logs(settings: LogSettings, folder: Path | None, *, console: bool = True, quiet: bool = False) -> LogTail:
    """Set up logging for the process; returns the tail. ``quiet`` leaves warnings and worse on the console."""
    tail = LogTail()
    level = logging.getLevelNamesMapping()[settings.level]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:3],
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared[4:],
            tail.processor,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    as_json = settings.format == "json"
    handlers: list[logging.Handler] = []
    if console:
        stream = logging.StreamHandler(sys.stderr)
        stream.setLevel(max(level, logging.WARNING) if quiet else level)
        stream.setFormatter(_formatter(shared, as_json=as_json, colours=sys.stderr.isatty() and "NO_COLOR" not in os.environ))
        handlers.append(stream)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        file = SizeAndTimeRotatingFileHandler(
            folder / "quantservice.log",
            max_bytes=settings.rotate_mb * 1_000_000,
            max_age_s=settings.rotate_hours * 3600,
            backups=settings.keep_files,
        )
        file.setFormatter(_formatter(shared, as_json=True))
        handlers.append(file)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    for noisy in ("apprise", "asyncio", "picows", "uvicorn", "urllib3", "alembic", "clickhouse_connect"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    for wordy in ("urllib3.connectionpool", "clickhouse_connect"):  # each try; the store says the loss once, in a sentence
        logging.getLogger(wordy).setLevel(max(level, logging.ERROR))
    return tail


def _formatter(shared: list[Any], *, as_json: bool, colours: bool = False) -> logging.Formatter:
    renderer: Any = _to_json if as_json else structlog.dev.ConsoleRenderer(pad_event_to=32, colors=colours)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )
