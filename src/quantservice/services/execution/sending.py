"""The way of one request to the venue: sent once; what was surely not taken is tried again within its time, the unknown never."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec

from quantservice.ports import Clock
from quantservice.ports.trading import LEAVE_BY_NS, NotSent
from quantservice.services.execution.resolving import ResolvingConfig

_S_NS: Final = 1_000_000_000
_MS_NS: Final = 1_000_000
_T = TypeVar("_T")


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How patient a gateway is.

    ``retries``: of what the venue surely did not take, ``back_off_s`` apart and doubling. ``send_within_s``: after its commit an
    order is sent so late at most. ``lease_margin_ms``: nothing is sent in the last moments of a lease.
    """

    lease_ms: int = 10_000
    lease_margin_ms: int = 500
    retries: int = 4
    back_off_s: float = 0.25
    send_within_s: float = 10.0
    resolving: ResolvingConfig = ResolvingConfig()

    def over(self, sent_ns: int, valid_until_ns: int, at_ns: int) -> bool:
        """Say whether what was committed at ``sent_ns`` may not be sent any more at an instant."""
        return bool(valid_until_ns and at_ns >= valid_until_ns) or at_ns >= sent_ns + round(self.send_within_s * _S_NS)

    def deadline_ns(self, now_ns: int, window_ms: int) -> int:
        """Return the instant after which a venue surely takes nothing of what is committed now; 0 where it names no window."""
        return now_ns + round(self.send_within_s * _S_NS) + window_ms * _MS_NS if window_ms else 0


class Sender:
    """Sends. ``need_lease`` returns until when (ns) the account is surely ours; it raises EnvironmentFault where it is not."""

    def __init__(self, clock: Clock, config: GatewayConfig, need_lease: Callable[[], int]) -> None:
        self._clock, self._config, self._need_lease = clock, config, need_lease

    async def send(self, request: Callable[[], Awaitable[_T]], *, late: Callable[[], str], over: Callable[[int], bool]) -> _T:
        """Return the venue's answer. Raises Refused, Unknown, or NotSent where nothing of it is at the venue.

        ``late`` says why it may not be sent now, or nothing; ``over`` whether its time has passed at an instant (ns).
        """
        for number in range(self._config.retries + 1):
            until_ns = self._need_lease()
            reason = late()
            if reason:
                raise NotSent(reason)
            mark = LEAVE_BY_NS.set(until_ns)
            try:
                return await request()
            except NotSent as error:
                self._need_lease()
                pause_s = max(self._config.back_off_s * 2**number, (error.retry_at_ns - self._clock.now_ns()) / _S_NS)
                after_ns = self._clock.now_ns() + round(pause_s * _S_NS)
                if not error.retry or number == self._config.retries or over(after_ns):
                    raise
                await self._clock.sleep(pause_s)
            finally:
                LEAVE_BY_NS.reset(mark)
        raise AssertionError("unreachable")  # pragma: no cover
