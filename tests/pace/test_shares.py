"""How runs divide the limits of one key among them, by a clock that only moves while they wait."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clocks import VirtualClock

from target_userflow.ledger.claims import LEASE, Claim
from target_userflow.pace.rate_limiter import Limits
from target_userflow.pace.shares import EVERY, SharedLimits, fair_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PER_MINUTE = 1_200
PATH = "/users"
wanted = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(wants=wanted)
def test_parts_are_the_whole_and_nobody_starves(wants: list[float]) -> None:
    """Whoever wants a fair part has it; what others leave goes to who wants more."""
    parts = fair_parts(wants)
    assert sum(parts) == pytest.approx(1)
    for want, part in zip(wants, parts, strict=True):
        assert part >= min(want, 1 / len(wants)) - 1e-9
        assert part > 0


def test_busy_runs_have_what_idle_ones_leave() -> None:
    """All but a little for each that may come to want something."""
    assert fair_parts([1.0]) == [1.0]
    assert fair_parts([1.0, 1.0, 1.0, 1.0]) == [0.25] * 4
    busy, idle = fair_parts([1.0, 0.0])
    assert (busy, idle) == pytest.approx((0.975, 0.025))


class Rows:
    """What the runs say, as the ledger has it."""

    def __init__(self, clock: VirtualClock) -> None:
        """Begin with none."""
        self._clock = clock
        self.claims: dict[int, tuple[Claim, float]] = {}

    def renew(self, run: int, _: bytes, decide: Callable[[Sequence[Claim]], Claim]) -> None:
        """As `Runs.renew`; a pause is as long for all."""
        now = self._clock.seconds
        others = [
            claim._replace(refused_for=max(0.0, claim.refused_for - (now - said)))
            for other, (claim, said) in self.claims.items()
            if other != run and now - said < LEASE
        ]
        self.claims[run] = decide(others), now
        alive = [claim for claim, said in self.claims.values() if now - said < LEASE]
        assert sum(claim.part for claim in alive) <= 1 + 1e-9


class Sender:
    """One run: some workers, and the thread that renews its part."""

    def __init__(self, clock: VirtualClock, rows: Rows, number: int) -> None:
        """Join nobody yet."""
        self.clock = clock
        self.share = SharedLimits(partial(rows.renew, number), b"")
        self.limits = Limits(PER_MINUTE, {}, clock, self.share)
        self.share.connect(self.limits)
        self.starts: list[float] = []

    def send(self, begin: float, end: float, every: float = 0.0) -> None:
        """One worker sends from one time to another."""
        self.clock.sleep(begin + 3)  # the run has joined by then
        while self.clock.seconds < end:
            self.starts.append(self.limits.wait(PATH))
            self.clock.sleep(every)

    def renew(self, begin: float, end: float) -> None:
        """Join, and renew until the run ends or dies."""
        self.clock.sleep(begin)
        self.share.join(self.clock)
        while self.clock.seconds < end:
            self.clock.sleep(EVERY)
            self.share.renew()


def conduct(*plans: tuple[float, float, float]) -> list[list[float]]:
    """When the requests of several runs start; each begins, ends, and sends so often."""
    clock = VirtualClock()
    rows = Rows(clock)
    senders = [Sender(clock, rows, number) for number in range(len(plans))]
    workers: list[Callable[[], object]] = []
    for sender, (begin, end, every) in zip(senders, plans, strict=True):
        workers += [partial(sender.send, begin, end, every)] * 3
        workers.append(partial(sender.renew, begin, end))
    clock.conduct(*workers)
    return [sender.starts for sender in senders]


def most_in_a_minute(starts: list[list[float]]) -> int:
    """The most starts of all runs in any 60 seconds."""
    ordered = sorted(one for of in starts for one in of)
    return max(sum(begin <= one < begin + 60 for one in ordered) for begin in ordered[::50])


def between(starts: list[float], begin: float, end: float) -> int:
    return sum(begin <= one < end for one in starts)


def test_four_runs_use_the_budget_together_and_none_starves() -> None:
    """At least 95 % of it, never more, and at least 15 % each."""
    starts = conduct(*[(number * 1.5, 85, 0) for number in range(4)])
    each = [between(of, 20, 80) for of in starts]
    assert most_in_a_minute(starts) <= PER_MINUTE
    assert sum(each) >= 0.95 * PER_MINUTE
    assert min(each) >= 0.15 * PER_MINUTE


def test_what_a_run_leaves_is_used_by_the_others() -> None:
    """One sends one request a second, the other all that it may."""
    slow, fast = conduct((0, 85, 3.0), (0, 85, 0))
    assert between(fast, 20, 80) >= 0.85 * PER_MINUTE
    assert between(slow, 20, 80) >= 55
    assert most_in_a_minute([slow, fast]) <= PER_MINUTE


def test_the_part_of_a_run_that_died_is_used_once_its_lease_is_over() -> None:
    """Nothing is given back by hand, and the budget holds all the while."""
    dead, other = conduct((0, 30, 0), (0, 115, 0))
    assert between(other, 10, 30) <= 0.55 * PER_MINUTE / 3
    assert between(other, 50, 110) >= 0.95 * PER_MINUTE
    assert most_in_a_minute([dead, other]) <= PER_MINUTE


def test_what_a_429_asks_for_holds_for_all_runs() -> None:
    """One is refused for 20 seconds: the other sends nothing either, once it has heard of it."""
    clock = VirtualClock()
    rows = Rows(clock)
    refused, other = (Sender(clock, rows, number) for number in (1, 2))
    for _ in range(3):
        refused.share.renew()
        other.share.renew()
    refused.limits.refused(clock.seconds, 20)
    refused.share.renew()
    other.share.renew()
    other.share.renew()
    assert other.limits.wait(PATH) == pytest.approx(20)


def test_a_hundred_and_fifty_runs_that_begin_at_once_all_have_a_part() -> None:
    """The parts are smaller than what is worth a change among few, and each has one in seconds."""
    clock = VirtualClock()
    rows = Rows(clock)
    shares = [SharedLimits(partial(rows.renew, number), b"") for number in range(150)]
    joined = []

    def join(share: SharedLimits) -> None:
        share.join(clock)
        joined.append(clock.seconds)
        while clock.seconds < 10:
            clock.sleep(EVERY)
            share.renew()

    clock.conduct(*[partial(join, share) for share in shares])
    assert max(joined) < 5
    assert min(share.part for share in shares) > 0.9 / 150
    assert sum(share.part for share in shares) == pytest.approx(1)


@settings(max_examples=50, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 20)), max_size=40))
def test_parts_are_never_more_than_the_whole(steps: list[tuple[int, float]]) -> None:
    """Whoever joins, renews or dies, in whatever order: `Rows.renew` looks each time."""
    clock = VirtualClock()
    rows = Rows(clock)
    shares = [SharedLimits(partial(rows.renew, number), b"") for number in range(4)]
    for number, seconds in steps:
        shares[number].renew()
        clock.sleep(seconds)
