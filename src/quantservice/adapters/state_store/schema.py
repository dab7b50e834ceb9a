"""Bring a database to the newest schema, or say in one sentence why not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog

from quantservice.core.errors import EnvironmentFault

HEAD: Final = "0005"
_MIGRATION_LOCK: Final = 0x5153_0001  # one migration at a time per PostgreSQL database
_log = structlog.get_logger(__name__)


def migrate(connection: sa.Connection, *, where: str) -> None:
    """Upgrade the schema within the connection's transaction; ``where`` names the store without its password."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    current = _current(connection)
    if current == HEAD:
        return
    if current is not None and current not in _known():
        raise EnvironmentFault(
            f"the state store {where} has schema {current}, written by a newer QuantService; this version knows up to {HEAD}: "
            "upgrade QuantService, or restore a backup made by this version"
        )
    _upgrade(connection)
    _log.info("state_store.migrated", store=where, from_schema=current, to_schema=HEAD)


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _known() -> set[str]:
    return {path.name[1:5] for path in (_folder() / "versions").glob("v[0-9][0-9][0-9][0-9]_*.py")}


def _folder() -> Path:
    return Path(__file__).parent / "migrations"


def _upgrade(connection: sa.Connection) -> None:
    # Imported here: an up-to-date store opens without paying for Alembic.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
