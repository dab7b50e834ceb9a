"""An owner that starts two workers on endless tasks, tells their process ids and waits to be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from quantservice.adapters.compute.process_pool import ProcessPool
from tests.support.compute import ARGV, task


async def main() -> None:
    async with ProcessPool(ARGV).crew(workers=2) as crew:
        told = 0

        def advance(_done: float) -> None:
            nonlocal told
            told += 1
            if told == 2:
                print(*crew.stats()["pids"], flush=True)

        await asyncio.gather(*(crew.run(task("hang"), advance=advance) for _ in range(2)))


if __name__ == "__main__":
    asyncio.run(main())
