"""One request on its way to the venue: how long it may be sent, how often and with which pauses it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.support.clock import ManualClock

from quantservice.core.errors import EnvironmentFault
from quantservice.ports.trading import LEAVE_BY_NS, NotSent, Unknown
from quantservice.services.execution import GatewayConfig
from quantservice.services.execution.sending import Sender

SECOND = 10**9


def test_how_patient_a_gateway_is() -> None:
    figures = {name: value for name, value in msgspec.to_builtins(GatewayConfig()).items() if name != "resolving"}
    assert figures == {"lease_ms": 10_000, "lease_margin_ms": 500, "retries": 4, "back_off_s": 0.25, "send_within_s": 10.0}


@pytest.mark.parametrize(
    ("valid_until_ns", "at_ns", "over"),
    [
        (0, 100 + 10 * SECOND - 1, False),
        (0, 100 + 10 * SECOND, True),
        (500, 499, False),
        (500, 500, True),
        (100 + 20 * SECOND, 100 + 10 * SECOND, True),
    ],
)
def test_what_was_committed_may_be_sent_for_ten_seconds_and_as_long_as_it_is_valid(
    valid_until_ns: int, at_ns: int, over: bool
) -> None:
    assert GatewayConfig().over(100, valid_until_ns, at_ns) is over


def test_a_venue_takes_nothing_after_the_last_sending_and_its_own_window() -> None:
    assert GatewayConfig().deadline_ns(7, 5_000) == 7 + 15 * SECOND
    assert GatewayConfig().deadline_ns(7, 1) == 7 + 10 * SECOND + 1_000_000
    assert GatewayConfig().deadline_ns(7, 0) == 0


class Way:
    """A sender whose venue takes nothing, and the moments in which it was asked."""

    def __init__(self, *answers: Any, lease: Callable[[], int] = lambda: 77) -> None:
        self.clock = ManualClock()
        self.answers, self.tried, self.left_by = list(answers), list[float](), list[int]()
        self.late, self.over = "", 10**30
        self.sender = Sender(self.clock, GatewayConfig(), lease)

    async def request(self) -> str:
        self.tried.append(round(self.clock.monotonic(), 6))
        self.left_by.append(LEAVE_BY_NS.get())
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    async def _send(self) -> str:
        try:
            return await self.sender.send(self.request, late=lambda: self.late, over=lambda at_ns: at_ns >= self.over)
        finally:
            assert LEAVE_BY_NS.get() == 0, "what is asked afterwards may leave whenever"

    async def send(self) -> str:
        task = asyncio.create_task(self._send())
        for _ in range(200):
            await self.clock.advance(0.05)
        return await task


def retry(after_s: float = 0.0) -> NotSent:
    at_ns = ManualClock().now_ns() + round(after_s * SECOND) if after_s else 0
    return NotSent("busy", code=503, retry=True, retry_at_ns=at_ns)


async def test_what_was_not_taken_is_tried_five_times_with_doubling_pauses() -> None:
    way = Way(*[retry() for _ in range(4)], "taken")
    assert await way.send() == "taken"
    assert way.tried == [0.0, 0.25, 0.75, 1.75, 3.75]
    assert way.left_by == [77] * 5, "no later than the lease holds"
    way = Way(*[retry() for _ in range(9)])
    with pytest.raises(NotSent, match="busy"):
        await way.send()
    assert len(way.tried) == 5


async def test_a_venue_that_names_a_time_is_asked_then_and_not_before_the_pause() -> None:
    way = Way(retry(2.0), retry(2.1), "taken")
    assert await way.send() == "taken"
    assert way.tried == [0.0, 2.0, 2.5]


async def test_what_may_not_be_tried_again_or_would_be_late_is_not() -> None:
    way = Way(NotSent("no", code=1), "taken")
    with pytest.raises(NotSent, match="no"):
        await way.send()
    assert len(way.tried) == 1
    begin = ManualClock().now_ns()
    for over, tries in ((begin + SECOND // 4, 1), (begin + SECOND // 4 + 1, 2), (begin + SECOND // 4 * 3, 2)):
        way = Way(retry(), retry(), "taken")
        way.over = over
        with pytest.raises(NotSent, match="busy"):
            await way.send()
        assert len(way.tried) == tries
    way = Way("taken")
    way.late = "halted"
    with pytest.raises(NotSent, match="halted"):
        await way.send()
    assert way.tried == []


async def test_what_is_not_known_is_never_tried_again() -> None:
    way = Way(Unknown("no answer"), "taken")
    with pytest.raises(Unknown):
        await way.send()
    assert len(way.tried) == 1


@pytest.mark.parametrize(("held", "tries"), [(0, 0), (1, 1), (2, 1)])
async def test_without_the_lease_nothing_is_sent_nor_tried_again(held: int, tries: int) -> None:
    left = [held]

    def need() -> int:
        left[0] -= 1
        if left[0] < 0:
            raise EnvironmentFault("the lease ran out")
        return 77

    way = Way(retry(), "taken", lease=need)
    with pytest.raises(EnvironmentFault):
        await way.send()
    assert len(way.tried) == tries
