"""The bug bank: known bugs of trading programs, planted one at a time in a copy; the test that is named must notice each.

    python -m tests.mutation.bugs [number ...]

A bug is a text of ours and the text that is put in its place. Where a text is no longer there the bug is planted anew: that is an
error, not a pass. Every named test is first seen to pass without a bug.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutation.run import SOURCE, Workshop

#: of all named tests together, and of one with its bug; beside other work on the same processors
_LIMIT_S: Final = 240.0


@dataclass(frozen=True)
class Edit:
    """Put ``new`` in the place of ``old`` in a module."""

    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Bug:
    """A bug, how it is planted, and the test that catches it."""

    number: int
    what: str
    edits: tuple[Edit, ...]
    test: str


_KEEPER: Final = "services/execution/keeper.py"
_RESOLVING: Final = "services/execution/resolving.py"
_GATEWAY: Final = "services/execution/gateway.py"
_OUTBOX: Final = "adapters/state_store/messages.py"
_CASES: Final = "tests/flow/test_bug_bank_cases.py::"
_LOST: Final = "tests/flow/test_execution_gateway.py::test_or1_a_lost_answer_is_found_and_its_fills_count_once"

BUGS: Final = (
    Bug(
        1,
        "reconciliation drops working orders older than its look-back",
        (
            Edit(
                _KEEPER,
                "orders, held, recalled = await self.commit(read)",
                "orders, held, recalled = await self.commit(read)\n"
                "        week_ago_ns = self.clock.now_ns() - 7 * 86_400 * 1_000_000_000\n"
                "        orders = [order for order in orders if order.created_ns > week_ago_ns]",
            ),
            Edit(
                _RESOLVING,
                "        for report in snapshot.orders:\n            after =",
                "        week_ago_ms = self._clock.now_ms() - 7 * 86_400 * 1_000\n"
                "        for report in [item for item in snapshot.orders if item.time_ms > week_ago_ms]:\n            after =",
            ),
        ),
        "tests/flow/test_execution_doubts.py::test_an_order_that_works_for_weeks_is_not_forgotten",
    ),
    Bug(
        2,
        "a fill is marked seen before it is applied, and the process ends between the two",
        (
            Edit(
                _KEEPER,
                "        async def write(work: UnitOfWork) -> Order | None:\n            opened_ms",
                "        marked = await self.commit(lambda work: work.fills.add(fill, order_id=fill.client_id, deployment=''))\n\n"
                "        async def write(work: UnitOfWork) -> Order | None:\n            opened_ms",
            ),
            Edit(_KEEPER, "new = await work.fills.add(fill, order_id=known.order_id, deployment=known.deployment)", "new = marked"),
        ),
        "tests/flow/test_execution_doubts.py::test_a_fill_that_could_not_be_booked_counts_when_it_is_told_again",
    ),
    Bug(
        3,
        '"older than 5 days" written as created - 5d < now: every order that is not found counts as cancelled',
        (
            Edit(
                _RESOLVING,
                "            if order.state is OrderState.UNKNOWN:\n                return await self._scan(order)",
                "            if order.created_ns - 5 * 86_400 * _S_NS < self._clock.now_ns():\n"
                "                gone = self._evidence('query', reference='not found', detail='older than 5 days')\n"
                "                return await self._keeper.change(order.order_id, Change.CANCEL, gone, reason='too old')\n"
                "            if order.state is OrderState.UNKNOWN:\n                return await self._scan(order)",
            ),
        ),
        _CASES + "test_a_not_found_is_no_cancel_however_young_or_old_the_order",
    ),
    Bug(
        4,
        "a timeout is treated as a failure, and the order is sent again with a new id",
        (
            Edit(
                _GATEWAY,
                "return await self._keeper.lose(order.order_id, error.deadline_ns, str(error))",
                "again = msgspec.structs.replace(approval.intent, intent_id=approval.intent.intent_id + 'again')\n"
                "            return await self.apply_report(\n"
                "                await self._trading.submit(msgspec.structs.replace(approval, intent=again))\n"
                "            )",
            ),
        ),
        _LOST,
    ),
    Bug(
        5,
        "three questions that an outage did not answer make an order failed",
        (
            Edit(
                _RESOLVING,
                '            self._scans.pop(order.order_id, None)\n            _log.info("execution.ask_failed"',
                "            asked = self._scans.get(order.order_id, (0, 0))[0] + 1\n"
                "            self._scans[order.order_id] = (asked, 0)\n"
                "            if asked >= 3:\n"
                "                failed = self._evidence('query', reference='3 times', detail='not found')\n"
                "                return await self._keeper.change(order.order_id, Change.REFUSE, failed, reason='failed')\n"
                '            _log.info("execution.ask_failed"',
            ),
        ),
        _CASES + "test_an_outage_fails_no_order_and_its_fills_count_afterwards",
    ),
    Bug(
        6,
        "which fills are booked is known to the process alone: after a restart one is booked twice",
        (
            Edit(
                _KEEPER,
                "            if not new:\n                return None\n            after = filled_by",
                "            after = filled_by",
            ),
            Edit(
                "services/portfolio/books.py",
                "        if await work.books.posted(entry_id_of(fill)):\n            return []\n",
                "",
            ),
        ),
        _CASES + "test_a_fill_told_again_after_a_restart_is_booked_once",
    ),
    Bug(
        7,
        "what was not answered is sent again with the same client id",
        (
            Edit(
                _GATEWAY,
                "return await self._keeper.lose(order.order_id, error.deadline_ns, str(error))",
                "return await self.apply_report(await self._trading.submit(approval))",
            ),
        ),
        _LOST,
    ),
    Bug(
        8,
        "the reader of events asks for id > last and skips a commit that becomes visible late",
        (
            Edit(
                _OUTBOX,
                ".where(tables.outbox.c.published_ns.is_(None))",
                '.where(tables.outbox.c.id > sa.bindparam("last"))',
            ),
            Edit(_OUTBOX, '{"most": limit}', '{"most": limit, "last": _last.get(id(self._payloads), 0)}'),
            Edit(
                _OUTBOX,
                "        table = tables.outbox\n        await self._connection.execute(sa.update(table)",
                "        table = tables.outbox\n"
                "        newest = await self._connection.execute(\n"
                "            sa.select(sa.func.max(table.c.id)).where(table.c.event_id.in_(event_ids))\n"
                "        )\n"
                "        _last[id(self._payloads)] = newest.scalar_one()\n"
                "        await self._connection.execute(sa.update(table)",
            ),
            Edit(_OUTBOX, "_OUTBOX_LOCK = 0x5153_0002", "_OUTBOX_LOCK = 0x5153_0002\n_last: dict[int, int] = {}"),
        ),
        _CASES + "test_a_commit_that_becomes_visible_late_is_relayed_all_the_same",
    ),
    Bug(
        9,
        "a venue key inside an exception's text reaches the log",
        (
            Edit(
                "adapters/venues/binance/trading/caller.py",
                '(HTTP {status}, code {fault.code})"',
                '(HTTP {status}, code {fault.code}) to {self.signer.headers}"',
            ),
        ),
        _CASES + "test_no_venue_key_is_in_what_an_error_says_or_a_log_keeps",
    ),
    Bug(
        10,
        "the intent is not synced to the disk before the order is sent",
        (Edit("adapters/state_store/sqlite.py", "PRAGMA synchronous=FULL", "PRAGMA synchronous=OFF"),),
        "tests/faults/test_intent_durable.py::test_the_intent_is_synced_before_the_first_byte_leaves",
    ),
)


class Bank:
    """A copy of the project in which bugs are planted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._workshop = Workshop(folder, seed=1, limit_s=_LIMIT_S)

    def passes(self, tests: Sequence[str]) -> str:
        """Run tests as the code is; return what failed."""
        return self._workshop.failure(tests)

    def caught(self, bug: Bug) -> str:
        """Plant a bug, run its test, take it out again; return what failed ("" where nothing noticed)."""
        originals: dict[Path, str] = {}
        try:
            for edit in bug.edits:
                path = self.folder / SOURCE / edit.module
                text = path.read_text(encoding="utf-8")
                originals.setdefault(path, text)
                if text.count(edit.old) != 1:
                    raise LookupError(
                        f"bug {bug.number}: {edit.module} has {text.count(edit.old)} times: {edit.old!r}; plant it anew"
                    )
                path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
                compile(path.read_text(encoding="utf-8"), str(path), "exec")
            return self._workshop.failure([bug.test])
        finally:
            for path, text in originals.items():
                path.write_text(text, encoding="utf-8")


def try_all(bugs: Sequence[Bug], *, workers: int = 2) -> dict[int, str]:
    """Return by number what noticed each bug ("" where nothing did); LookupError where one cannot be planted any more.

    RuntimeError where a named test fails without a bug.
    """
    with tempfile.TemporaryDirectory(prefix="qs-bugs-") as name:
        banks = [Bank(Path(name) / str(number)) for number in range(workers)]
        broken = banks[0].passes(sorted({bug.test for bug in bugs}))
        if broken:
            raise RuntimeError(f"without any bug a named test fails: {broken}")
        shares = [bugs[number::workers] for number in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            found = pool.map(lambda pair: [(bug.number, pair[0].caught(bug)) for bug in pair[1]], zip(banks, shares, strict=True))
            return dict(sorted(item for share in found for item in share))


def main() -> int:
    """Run from the command line; exit 1 when a bug is not noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.bugs", description=__doc__)
    parser.add_argument("number", nargs="*", type=int, help="only these bugs")
    wanted = parser.parse_args().number
    bugs = [bug for bug in BUGS if not wanted or bug.number in wanted]
    found = try_all(bugs, workers=min(2, os.cpu_count() or 1))
    for bug in bugs:
        print(f"{bug.number:2d} {'caught' if found[bug.number] else 'MISSED'} {bug.what}: {found[bug.number] or bug.test}")
    caught = sum(bool(by) for by in found.values())
    print(f"{caught}/{len(bugs)} caught")
    return 0 if caught == len(bugs) else 1


if __name__ == "__main__":
    sys.exit(main())
