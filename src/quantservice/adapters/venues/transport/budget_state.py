"""The arithmetic of a weight budget: pure, no I/O, no waiting. Every call takes the time as an argument.

The venue counts weight per wall-clock window on *its* clock and by *arrival*. We count by *departure* on our estimate of its
clock. Two rules close the difference, so that the venue's count can never pass its limit:

- a request still unanswered when the window turns, or sent within ``edge_ms`` of the turn, is charged to the new window too;
- a request sent within ``edge_ms`` after the turn must also have fitted into the old window.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from quantservice.core.errors import InvalidValue


class Lane(IntEnum):
    """Who asks, best first: a cancel goes before an order, an order before live data, live data before history."""

    CANCEL = 0
    ORDER = 1
    LIVE = 2
    HISTORY = 3


class BudgetRules(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's limit and how we share it between lanes. Shares are fractions of ``limit``.

    ``ceilings``: per lane, the total use at which the lane must stop, so that better lanes always find something left.
    ``history_alone`` / ``history_shared``: what history itself may use when no other lane needs weight / when one does.
    """

    limit: int
    window_ms: int = 60_000
    edge_ms: int = 200
    ceilings: tuple[float, float, float, float] = (1.0, 0.95, 0.90, 0.85)
    history_alone: float = 0.80
    history_shared: float = 0.50
    needed_from: float = 0.05  # other lanes "need" weight once they used this fraction in this window or the last

    def __post_init__(self) -> None:
        if self.limit <= 0 or self.window_ms <= 0:
            raise InvalidValue("limit", "a weight limit and its window must be positive")
        if self.edge_ms * 2 >= self.window_ms:
            raise InvalidValue("edge_ms", "must be less than half the window")

    def ceiling(self, lane: Lane) -> int:
        """Total use at which ``lane`` stops."""
        return int(self.limit * self.ceilings[lane])


class InFlight(msgspec.Struct):
    """One granted request until it is answered."""

    lane: Lane
    weight: int
    sent_ms: int
    open: bool = True


class Window(msgspec.Struct):
    """What was used in one window: by all, by history, by the others."""

    index: int
    used: int = 0
    history: int = 0
    others: int = 0


class BudgetState:
    """One bucket's figures: grants, what the venue said, and until when we must be silent.

    ``capacity`` is what this process may use in the window: the whole limit when alone, or what it leased so far.
    """

    def __init__(self, rules: BudgetRules, *, leased: bool = False) -> None:
        self.rules = rules
        self.leased = leased
        self.window = Window(index=-1)
        self.previous = Window(index=-2)
        self.leased_weight = 0
        self.elsewhere = 0  # used by other processes or other users of the address, as far as known
        self.blocked_until_ms = 0
        self.lane_blocked_ms: dict[Lane, int] = {}
        self.granted = 0
        self.granted_by_lane = dict.fromkeys(Lane, 0)
        self._requests: dict[int, InFlight] = {}
        self._next_id = 0

    def roll(self, now_ms: int) -> bool:
        """Enter the window that ``now_ms`` lies in; true when it is a new one."""
        index = now_ms // self.rules.window_ms
        if index <= self.window.index:
            return False  # also when the clock stepped back: the fuller window stays in force
        start_ms = index * self.rules.window_ms
        fresh = Window(index=index)
        for request in self._requests.values():
            if request.open or request.sent_ms >= start_ms - self.rules.edge_ms:
                fresh.used += request.weight
                if request.lane is Lane.HISTORY:
                    fresh.history += request.weight
        self._requests = {number: item for number, item in self._requests.items() if item.open}
        adjacent = self.window.index == index - 1
        self.previous = self.window if adjacent else Window(index=index - 1)
        self.window = fresh
        self.leased_weight = 0
        self.elsewhere = 0
        return True

    def others_need(self, *, waiting: bool) -> bool:
        """Say whether lanes other than history want weight now or did lately."""
        floor = self.rules.limit * self.rules.needed_from
        return waiting or self.window.others >= floor or self.previous.others >= floor

    def history_limit(self, *, waiting: bool) -> int:
        """Most that history may use in this window."""
        share = self.rules.history_shared if self.others_need(waiting=waiting) else self.rules.history_alone
        return int(self.rules.limit * share)

    def wait_ms(self, lane: Lane, weight: int, now_ms: int, *, others_waiting: bool = False) -> int:
        """Return 0 if ``weight`` may go now, else how long at least to wait. A weight above the lane's ceiling never goes."""
        self.roll(now_ms)
        blocked = max(self.blocked_until_ms, self.lane_blocked_ms.get(lane, 0))
        if now_ms < blocked:
            return blocked - now_ms
        to_next = max(1, (self.window.index + 1) * self.rules.window_ms - now_ms)
        if self.total_used() + weight > self.rules.ceiling(lane):
            return to_next
        if lane is Lane.HISTORY and self.window.history + weight > self.history_limit(waiting=others_waiting):
            return to_next
        since_turn = now_ms - self.window.index * self.rules.window_ms
        if 0 <= since_turn < self.rules.edge_ms and self.previous.used + weight > self.rules.limit:
            return self.rules.edge_ms - since_turn
        return 0

    def total_used(self) -> int:
        """Weight used in this window by us and, as far as known, by everyone else behind the address."""
        return self.window.used + self.elsewhere

    def needs_lease(self, weight: int) -> int:
        """Return how much more must be leased before ``weight`` may go (0: none, or not leasing)."""
        return max(0, self.window.used + weight - self.leased_weight) if self.leased else 0

    def grant(self, lane: Lane, weight: int, now_ms: int) -> int:
        """Book a request that leaves now; returns its number for :meth:`answered`."""
        self._next_id += 1
        self._requests[self._next_id] = InFlight(lane, weight, now_ms)
        since_turn = now_ms - self.window.index * self.rules.window_ms
        if 0 <= since_turn < self.rules.edge_ms:
            self.previous.used += weight
        self.window.used += weight
        if lane is Lane.HISTORY:
            self.window.history += weight
        else:
            self.window.others += weight
        self.granted += weight
        self.granted_by_lane[lane] += weight
        return self._next_id

    def answered(self, number: int, now_ms: int) -> None:
        """Book that a request is over, whatever its outcome."""
        request = self._requests.get(number)
        if request is None:
            return
        self.roll(now_ms)
        request.open = False
        end_ms = (self.window.index + 1) * self.rules.window_ms
        if request.sent_ms < end_ms - self.rules.edge_ms:
            del self._requests[number]

    def venue_said(self, used: int, now_ms: int, *, sent_ms: int) -> None:
        """Take the venue's own count: it raises ours, never lowers it. An answer from an older window says nothing of this one."""
        self.roll(now_ms)
        if sent_ms // self.rules.window_ms != self.window.index:
            return
        counted = self.window.used - sum(item.weight for item in self._requests.values() if item.open)
        self.elsewhere = max(self.elsewhere, used - counted)

    def block(self, until_ms: int, *, lane: Lane | None = None) -> None:
        """Forbid everything (or one lane) until an instant; an earlier instant never shortens a later one."""
        if lane is None:
            self.blocked_until_ms = max(self.blocked_until_ms, until_ms)
        else:
            self.lane_blocked_ms[lane] = max(self.lane_blocked_ms.get(lane, 0), until_ms)
