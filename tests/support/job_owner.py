"""A process that works off a queue until it is killed. Arguments: the folder of state store and exports."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.support.jobs import Queue
from tests.support.state import sqlite_store


async def main(folder: Path) -> None:
    async with sqlite_store(folder) as store:
        await Queue(store, folder, holder="dead").service.run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
