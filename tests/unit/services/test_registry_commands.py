"""Pairs, proxies, access keys and the owner token: asked, answered, told."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.clock import START_MS, ManualClock
from tests.support.market import book
from tests.support.state import sqlite_store

from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import EnvironmentFault, InvalidValue, SettingsError, UnknownName
from quantservice.core.instruments import AmbiguousSymbol
from quantservice.core.messages import Message
from quantservice.ports import AccessKey, ProxyRecord, TradingPair
from quantservice.services.access_keys.commands import AccessKeys
from quantservice.services.access_keys.owner import OwnerToken
from quantservice.services.pairs.commands import Pairs
from quantservice.services.proxies.commands import Proxies, parse_proxy


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStateStore]:
    async with sqlite_store(tmp_path) as opened:
        yield opened


async def told(store: SqlStateStore) -> list[Message]:
    async with store.transaction() as work:
        return await work.outbox.pending(100)


def stored_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.name.startswith("state"))


async def test_a_pair_is_registered_as_typed_and_told(store: SqlStateStore) -> None:
    pairs = Pairs(store, book)
    kept = await pairs.register("ethusdt", market="um", periods=["1m", "5m", "1m"])
    assert (str(kept.instrument), kept.venue_symbol, kept.periods) == ("binance:um:ETH-USDT-PERP", "ETHUSDT", ("1m", "5m"))
    assert await pairs.list() == [kept]
    (message,) = await told(store)
    assert (message.topic, message.event_type, message.key) == ("command", "pairs.changed", "binance:um:ETH-USDT-PERP")
    assert message.data.arguments == {"instrument": "binance:um:ETH-USDT-PERP", "change": "added"}


async def test_a_pair_is_paused_resumed_and_removed_each_told_once(store: SqlStateStore) -> None:
    pairs = Pairs(store, book)
    name = str((await pairs.register("BTCUSDT", market="spot")).instrument)
    assert not (await pairs.enable(name, enabled=False)).enabled
    assert not (await pairs.enable(name, enabled=False)).enabled
    assert (await pairs.enable(name, enabled=True)).enabled
    assert await pairs.remove(name)
    assert not await pairs.remove(name)
    assert await pairs.list() == []
    assert [message.data.arguments["change"] for message in await told(store)] == ["added", "disabled", "enabled", "removed"]


async def test_what_cannot_be_registered_is_refused_and_leaves_nothing(store: SqlStateStore) -> None:
    pairs = Pairs(store, book)
    with pytest.raises(UnknownName, match="ETHUSDT"):
        await pairs.register("ETHUSD", market="um")
    with pytest.raises(AmbiguousSymbol):
        await pairs.register("ETHUSDT")
    with pytest.raises(UnknownName, match="period"):
        await pairs.register("ETHUSDT", market="um", periods=["2m"])
    with pytest.raises(UnknownName, match="kind"):
        await pairs.register("ETHUSDT", market="um", kinds=["candles"])
    with pytest.raises(InvalidValue, match="periods"):
        await pairs.register("ETHUSDT", market="um", periods=[])
    with pytest.raises(InvalidValue, match="kinds"):
        await pairs.register("ETHUSDT", market="um", kinds=[])
    with pytest.raises(InvalidValue):
        await pairs.add(TradingPair(venue="binance", market="um", symbol='x"; DROP', venue_symbol="x"))
    with pytest.raises(UnknownName, match="pair"):
        await pairs.enable("binance:um:ETH-USDT-PERP", enabled=True)
    assert await pairs.list() == []
    assert await told(store) == []


async def test_proxies_are_kept_and_told_without_their_password(store: SqlStateStore) -> None:
    proxies = Proxies(store)
    kept = await proxies.add(parse_proxy("socks5://me:p%40ss@10.0.0.1:1080"))
    assert (kept.username, kept.password) == ("me", "p@ss")
    assert await proxies.list() == [kept]
    assert await proxies.remove(kept.id)
    assert not await proxies.remove(kept.id)
    messages = await told(store)
    assert [message.event_type for message in messages] == ["proxies.changed", "proxies.changed"]
    assert "p@ss" not in str(messages)


@pytest.mark.parametrize(
    "url", ["", "10.0.0.1:1080", "socks5://host", "socks5://host:port", "socks5://:1080", "http://host:70000", "http://a b:1"]
)
def test_a_proxy_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue):
        parse_proxy(url)


def test_an_unknown_proxy_scheme_names_the_known() -> None:
    with pytest.raises(UnknownName, match="socks5"):
        parse_proxy("socks4://host:1080")
    assert parse_proxy("socks5h://host:1080").scheme == "socks5"


async def test_over_long_proxy_credentials_are_refused(store: SqlStateStore) -> None:
    with pytest.raises(InvalidValue, match="255"):
        await Proxies(store).add(ProxyRecord(scheme="socks5", host="h", port=1, username="u", password="x" * 256))


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(store: SqlStateStore, tmp_path: Path) -> None:
    keys = AccessKeys(store, ManualClock())
    clear, key = await keys.create("notebook", 50)
    assert clear.startswith(key.prefix)
    assert len(clear) > 40
    assert key == AccessKey(
        id=key.id,
        name="notebook",
        prefix=clear[:10],
        key_hash=hashlib.sha256(clear.encode()).hexdigest(),
        qps_limit=50,
        created_ms=START_MS,
    )
    assert await keys.list() == [key]
    await store.close()
    assert clear.encode() not in stored_bytes(tmp_path)


async def test_only_an_enabled_known_key_is_verified(store: SqlStateStore) -> None:
    import msgspec

    keys = AccessKeys(store, ManualClock())
    clear, key = await keys.create("a")
    assert await keys.verify(clear) == key
    for wrong in ("", clear[:-1], clear + "x", clear.upper(), "x" * 10_000, "\udcff", key.key_hash):
        assert await keys.verify(wrong) is None
    async with store.transaction() as work:
        await work.access_keys.put(msgspec.structs.replace(key, enabled=False))
    assert await keys.verify(clear) is None
    assert await keys.remove(key.id)
    assert not await keys.remove(key.id)
    assert await keys.verify(clear) is None


@pytest.mark.parametrize(("name", "qps"), [("", 1), ("x" * 101, 1), ("a\nb", 1), ("a", 0), ("a", 100_001)])
async def test_a_senseless_key_is_refused(store: SqlStateStore, name: str, qps: int) -> None:
    with pytest.raises(InvalidValue):
        await AccessKeys(store, ManualClock()).create(name, qps)


async def test_the_owner_token_is_made_once_and_kept_for_the_owner(store: SqlStateStore, tmp_path: Path) -> None:
    path = tmp_path / "new" / "owner.token"
    owner = OwnerToken(store, path)
    token_hash, made = await owner.ensure()
    token = path.read_text().strip()
    assert made
    assert token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await OwnerToken(store, path).ensure() == (token_hash, False)
    assert await owner.verify(token)
    assert not await owner.verify(token + "x")
    assert not await owner.verify("")


async def test_a_configured_owner_token_goes_before_the_file(store: SqlStateStore, tmp_path: Path) -> None:
    owner = OwnerToken(store, tmp_path / "owner.token")
    configured = "a-long-enough-owner-token"
    assert await owner.ensure(configured) == (hashlib.sha256(configured.encode()).hexdigest(), False)
    assert not (tmp_path / "owner.token").exists()
    assert await owner.verify(configured)
    with pytest.raises(SettingsError, match="20"):
        await owner.ensure("short")


async def test_an_owner_token_open_to_others_or_damaged_is_refused(store: SqlStateStore, tmp_path: Path) -> None:
    path = tmp_path / "owner.token"
    owner = OwnerToken(store, path)
    await owner.ensure()
    path.chmod(0o644)
    with pytest.raises(EnvironmentFault, match="chmod 0600"):
        await owner.ensure()
    path.chmod(0o600)
    path.write_text("x\n")
    with pytest.raises(EnvironmentFault, match="damaged"):
        await owner.ensure()
    blocked = OwnerToken(store, path / "below")
    with pytest.raises(EnvironmentFault, match="cannot be kept"):
        await blocked.ensure()


async def test_a_token_that_nobody_set_verifies_nobody(store: SqlStateStore, tmp_path: Path) -> None:
    assert not await OwnerToken(store, tmp_path / "t").verify("anything at all, really")
