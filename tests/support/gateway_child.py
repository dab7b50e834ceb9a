"""A process that sends one order; what it does to the disk and to the venue is watched from outside. See test_intent_durable."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from quantservice.core.errors import EnvironmentFault
from tests.support.execution_rig import Rig
from tests.support.state import sqlite_store


async def main(folder: Path) -> None:
    """Start a gateway, then submit: BEGIN, SENT and END are written with one system call each."""
    async with sqlite_store(folder) as store:
        rig = Rig(store)
        assert await rig.gateway.start()
        await rig.clock.advance(1.0)
        original = rig.venue.submit

        async def submit(order: Any) -> Any:
            os.write(1, b"SENT\n")
            return await original(order)

        rig.venue.submit = submit  # type: ignore[method-assign]
        os.write(1, b"BEGIN\n")
        try:
            await rig.gateway.submit([rig.intent()])
        except EnvironmentFault as error:
            os.write(1, f"REFUSED {error}\n".encode())
        os.write(1, b"END\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
