"""The composition root's makers: a URL scheme or a setting becomes an adapter here, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import structlog

from quantservice.app.places import Places
from quantservice.app.settings import LoadedSettings, Settings
from quantservice.app.venues import Making, addresses_of, make_venues
from quantservice.core.errors import SettingsError
from quantservice.ports import Clock, EventBus, Sealer, StateStore

if TYPE_CHECKING:
    from quantservice.adapters.market_store.clickhouse import ClickHouseStore
    from quantservice.services.accounts.commands import Accounts, PermissionsOf

log = structlog.get_logger(__name__)


def make_sealer(places: Places) -> Sealer:
    """Make the sealer of this data directory; its key file is made at first use."""
    return open_sealer(places.key_file)


def open_sealer(key_file: Path) -> Sealer:
    """Make a sealer on any key file, such as a backup's."""
    from quantservice.adapters.secrets.sealer import AesGcmSealer

    return AesGcmSealer(key_file)


def make_accounts(
    state: StateStore,
    clock: Clock,
    places: Places,
    permissions_of: PermissionsOf,
    venues: Callable[[], Collection[tuple[str, str]]],
) -> Accounts:
    """Make the registry of accounts and venue keys; ``permissions_of`` asks a venue what a key may do."""
    from quantservice.adapters.secrets.envelopes import AesGcmEnvelopes
    from quantservice.adapters.secrets.key_file import FileKeyRing
    from quantservice.services.accounts.commands import Accounts

    return Accounts(state, clock, AesGcmEnvelopes(FileKeyRing(places.master_key)), permissions_of, venues=venues)


def make_state_store(settings: Settings, places: Places, sealer: Sealer) -> StateStore:
    """Make the state store that ``stores.state_url`` names."""
    from quantservice.adapters.state_store.sql import SqlStateStore

    url = settings.stores.state_url
    scheme = urlsplit(url).scheme.split("+")[0]
    if scheme == "sqlite":
        url = f"sqlite:///{places.state}" if url in ("sqlite://", "sqlite:///") else url
    elif scheme not in ("postgresql", "postgres"):
        raise SettingsError(f"stores.state_url: {scheme}:// is not known; use sqlite:// or postgresql://")
    return SqlStateStore(url, sealer)


def make_market_store(settings: Settings, places: Places, clock: Clock) -> ClickHouseStore:
    """Make the market store that ``stores.market_url`` names."""
    from quantservice.adapters.market_store.clickhouse import ClickHouseStore

    url = settings.stores.market_url
    scheme = urlsplit(url).scheme
    if scheme == "chdb":
        url = f"chdb://{places.market}" if url in ("chdb://", "chdb:///") else url
    elif scheme not in ("clickhouse", "clickhouses"):
        raise SettingsError(f"stores.market_url: {scheme}:// is not known; use chdb:// or clickhouse://")
    return ClickHouseStore(url, clock=clock, database=settings.stores.database, cluster=settings.stores.cluster)


def make_bus(loaded: LoadedSettings) -> EventBus:
    """Make the bus. The designs' KAFKA_BROKER is accepted; one process needs no broker and says so."""
    from quantservice.adapters.bus.memory import MemoryBus

    _only_memory(loaded, "bus_url", "KAFKA_BROKER", "events stay in this process")
    return MemoryBus()


def check_cache(loaded: LoadedSettings) -> None:
    """The designs' REDIS_URL is accepted; each face keeps its own hot answers and needs no server, which is said."""
    _only_memory(loaded, "cache_url", "REDIS_URL", "answers are cached in this process")


def _only_memory(loaded: LoadedSettings, field: str, designs_name: str, meaning: str) -> None:
    url = getattr(loaded.settings.stores, field)
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return
    source = loaded.sources.get(f"stores.{field}", "default")
    if source != designs_name:
        raise SettingsError(f"stores.{field} from {source}: {scheme}:// is not available in this version; use memory://")
    log.warning("settings.server_not_used", name=designs_name, scheme=scheme, meaning=meaning)


class VenueFault(msgspec.Struct, frozen=True):
    """Why a venue cannot be used, and what to do."""

    found: str
    advice: str


async def diagnose_venues(settings: Settings) -> list[tuple[str, VenueFault | None, int]]:
    """Ask every enabled market for its time: (name, what is wrong or None, our clock minus the venue's in ms)."""
    from quantservice.adapters.clock.system import SystemClock

    clock = SystemClock()
    found: list[tuple[str, VenueFault | None, int]] = []
    making = Making(settings=settings, addresses=addresses_of(settings), clock=clock, state_store=None)
    for (name, market), venue in make_venues(making).items():
        try:
            answer = await venue.check_reachable()
            if answer.ok:
                found.append((f"{name} {market}", None, -venue.history.offset_ms))
            else:
                reason, _, advice = answer.sentence.partition("; ")
                found.append((f"{name} {market}", VenueFault(reason, advice), 0))
        finally:
            await venue.close()
    return found
