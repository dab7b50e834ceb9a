"""The state store's part of a backup: what is carried, what is not, and what a damaged one says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.app import state_backup
from quantservice.core.errors import IntegrityError, UserError
from quantservice.ports import AccessKey, ProxyRecord, TradingPair

PASSWORD = "CANARY-PASSWORD"
PAIRS = [
    TradingPair(venue="binance", market=market, symbol=symbol, venue_symbol="BTCUSDT")
    for market, symbol in (("um", "BTC-USDT-PERP"), ("spot", "BTC-USDT"))
]


class Directory:
    """A data directory's state store with its key."""

    def __init__(self, root: Path) -> None:
        self.key = root / "sealing.key"
        self.sealer = AesGcmSealer(self.key)
        self.store = SqlStateStore(f"sqlite:///{root / 'state.sqlite'}", self.sealer)


@pytest.fixture
async def directories(tmp_path: Path) -> AsyncIterator[tuple[Directory, Directory, Path]]:
    one, two = Directory(tmp_path / "one"), Directory(tmp_path / "two")
    folder = tmp_path / "backup"
    folder.mkdir()
    await one.store.open()
    await two.store.open()
    async with one.store.transaction() as work:
        for pair in PAIRS:
            await work.pairs.put(pair)
        await work.proxies.put(ProxyRecord(scheme="socks5", host="127.0.0.1", port=1, username="user", password=PASSWORD))
        await work.access_keys.put(AccessKey(name="one", prefix="qs_1", key_hash="h" * 64, qps_limit=7))
        await work.values.put("digest", "head", {"sequence": 3, "link": "abc"})
        await work.values.put("digest", "next", {"sequence": 4, "link": "abd"})
        await work.values.put("maintenance", "binance:um:X:kline:1m", [[1, 2]])
        await work.values.put("owner", "token_hash", "of this directory only")
    yield one, two, folder
    await one.store.close()
    await two.store.close()


async def back_up(one: Directory, folder: Path, head: str = "abc") -> None:
    state = await state_backup.read_state(one.store, one.sealer)
    state_backup.write_state(folder, state, head=head, key_file=one.key)


async def test_all_of_it_comes_back_under_the_new_directorys_key(directories: tuple[Directory, Directory, Path]) -> None:
    one, two, folder = directories
    await back_up(one, folder)
    assert not [file for file in folder.iterdir() if PASSWORD.encode() in file.read_bytes()]
    assert {file.stat().st_mode & 0o077 for file in folder.iterdir()} == {0}
    await state_backup.check_empty(two.store)
    await state_backup.put_state(two.store, state_backup.load_state(folder), folder)
    async with one.store.transaction() as before, two.store.transaction() as after:
        assert await after.pairs.list() == await before.pairs.list()
        assert await after.proxies.list() == await before.proxies.list()
        assert await after.access_keys.list() == await before.access_keys.list()
        assert await after.values.items("digest") == {"head": {"sequence": 3, "link": "abc"}}
        assert await after.values.items("maintenance") == {"binance:um:X:kline:1m": [[1, 2]]}
        assert await after.values.items("owner") == {}
    with pytest.raises(UserError, match="not empty"):
        await state_backup.check_empty(two.store)


async def test_a_head_that_the_log_has_passed_is_left_out(directories: tuple[Directory, Directory, Path]) -> None:
    one, _, folder = directories
    await back_up(one, folder, head="sealed meanwhile")
    assert state_backup.load_state(folder).values["digest"] == {}


async def test_what_is_damaged_is_refused(directories: tuple[Directory, Directory, Path]) -> None:
    one, two, folder = directories
    await back_up(one, folder)
    file = folder / "state.json"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"BTC-USDT-PERP", b"ETH-USDT-PERP"))
    with pytest.raises(IntegrityError, match="damaged"):
        state_backup.load_state(folder)
    file.write_bytes(whole[:-5])
    with pytest.raises(IntegrityError, match="damaged"):
        state_backup.load_state(folder)
    file.unlink()
    with pytest.raises(UserError, match=r"no state\.json"):
        state_backup.load_state(folder)
    file.write_bytes(whole)
    (folder / "sealing.key").unlink()
    with pytest.raises(UserError, match=r"sealing\.key"):
        await state_backup.put_state(two.store, state_backup.load_state(folder), folder)
    await state_backup.check_empty(two.store)  # nothing half-written
