"""Database URLs as people write them -> the one driver we use for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from quantservice.core.errors import SettingsError

_FORMS = "sqlite:///path/to/state.db, sqlite:// (memory) or postgresql://user:password@host:5432/database"


def parse_url(text: str) -> tuple[URL, dict[str, Any]]:
    """Return the SQLAlchemy URL and the driver's arguments for what DATABASE_URL says."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(f"the state store's URL cannot be read; write {_FORMS}") from None
    backend = url.drivername.split("+")[0]
    if backend == "sqlite":
        return url.set(drivername="sqlite"), {}
    if backend in ("postgresql", "postgres"):
        query = dict(url.query)
        arguments: dict[str, Any] = {"timeout": 10, "command_timeout": 30}
        mode = query.pop("sslmode", None)
        if mode is not None:
            arguments["ssl"] = mode
        return url.set(drivername="postgresql+asyncpg", query=query), arguments
    raise SettingsError(f"the state store cannot live at {backend!r}; write {_FORMS}")


def shown(url: URL) -> str:
    """Return the URL for messages and logs: without its password."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite URL; None for memory or another database."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)
