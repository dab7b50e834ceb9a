"""ST1: backends of PostgreSQL are killed in the middle of commits. What was acknowledged is there, what was not is tried again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
from tests.support.state import create_database, postgres_url

from quantservice.adapters.secrets.sealer import AesGcmSealer
from quantservice.adapters.state_store.sql import SqlStateStore
from quantservice.core.errors import StoreUnavailable

__all__ = ["postgres_url"]
pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]
ROWS = 200


async def test_st1_killed_backends_lose_no_acknowledged_row(postgres_url: str, tmp_path: Path) -> None:
    url = await create_database(postgres_url)
    store = SqlStateStore(url, AesGcmSealer.in_folder(tmp_path))
    await store.open()
    killer = await asyncpg.connect(postgres_url)
    acknowledged: list[str] = []
    refused = killed = 0
    try:
        for number in range(ROWS):
            name = f"row{number}"
            while True:
                try:
                    async with store.transaction() as work:
                        await work.values.put("st1", name, number)
                        if number % 20 == 10 and killed <= number // 20:
                            killed += await killer.fetchval(
                                "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1",
                                url.rpartition("/")[2],
                            )
                            await work.values.put("st1", f"{name} again", number)
                except StoreUnavailable:
                    refused += 1
                    assert refused < ROWS, "it never came back"
                    await asyncio.sleep(0)
                else:
                    break
            acknowledged.append(name)
        async with store.transaction() as work:
            for number, name in enumerate(acknowledged):
                assert await work.values.get("st1", name) == number
    finally:
        await killer.close()
        await store.close()
    assert killed >= ROWS // 20
    assert refused >= ROWS // 20, "a backend that died under a transaction is told as a store that is away"
