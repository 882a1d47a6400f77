"""A limit that the target isn't told: found out from 429s, by simulated servers of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.servers import Bucket, Client, Fixed, Noisy, OneOf, Sliding, Unlimited

from target_userflow.pace.throttle_stats import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.servers import Server

hinted = pytest.mark.parametrize("retry_after", [True, False], ids=["retry-after", "no-hint"])
MINUTES = {
    "sliding": Sliding,
    "fixed": Fixed,
    "bucket": Bucket,
}
SECONDS: dict[str, Callable[[float], Server]] = {
    "fixed": lambda per_minute: Fixed(per_minute, 1),
    "sliding": lambda per_minute: Sliding(per_minute, 1),
    "bucket": lambda per_minute: Bucket(per_minute, 1),
}


@hinted
@pytest.mark.parametrize("kind", MINUTES)
@pytest.mark.parametrize(
    ("per_minute", "workers", "latency"),
    [(600, 10, 0.005), (600, 10, 0.5), (1800, 50, 1), (6000, 50, 0.3)],
)
def test_a_limit_per_minute_is_used_from_the_first_three_minutes_on(
    kind: str, per_minute: int, workers: int, latency: float, *, retry_after: bool
) -> None:
    """At least 90 % of it, and at most 2 % of the answers are 429s, though nobody told it."""
    client = Client(
        MINUTES[kind](per_minute), workers=workers, latency=latency, retry_after=retry_after
    )
    client.run(180)
    assert client.share(0, 180, per_minute) >= 0.9
    assert client.refusals(0, 180) <= 0.02


@hinted
@pytest.mark.parametrize("kind", MINUTES)
def test_a_large_limit_is_used_too(kind: str, *, retry_after: bool) -> None:
    """30,000 a minute, by fifty workers."""
    client = Client(MINUTES[kind](30_000), workers=50, latency=0.05, retry_after=retry_after)
    client.run(120)
    assert client.share(0, 120, 30_000) >= 0.9
    assert client.refusals(0, 120) <= 0.02


@hinted
@pytest.mark.parametrize("kind", MINUTES)
@pytest.mark.parametrize(("workers", "latency"), [(1, 0.05), (10, 0.05), (2, 2)])
def test_a_small_limit_is_used_once_it_is_known(
    kind: str, workers: int, latency: float, *, retry_after: bool
) -> None:
    """Of 60 a minute: each 429 is more than half a percent, and one alone may be chance."""
    client = Client(MINUTES[kind](60), workers=workers, latency=latency, retry_after=retry_after)
    client.run(480)
    assert client.share(300, 480, 60) >= 0.9
    assert client.refusals(300, 480) <= 0.025


@hinted
@pytest.mark.parametrize("kind", SECONDS)
@pytest.mark.parametrize(("per_minute", "workers"), [(600, 10), (6000, 20)])
def test_a_limit_per_second_is_used_once_it_is_known(
    kind: str, per_minute: int, workers: int, *, retry_after: bool
) -> None:
    """After two minutes; a Retry-After of a second costs as much as a hundred requests here."""
    client = Client(
        SECONDS[kind](per_minute), workers=workers, latency=0.05, retry_after=retry_after
    )
    client.run(300)
    assert client.share(120, 300, per_minute) >= 0.9
    assert client.refusals(0, 180) <= 0.02
    assert client.refusals(120, 300) <= 0.005


@hinted
def test_minutes_that_are_those_of_the_servers_clock_are_learned(*, retry_after: bool) -> None:
    """The first request comes in the middle of one: the next three are used."""
    client = Client(Fixed(3000, began=25), workers=20, latency=0.1, retry_after=retry_after)
    client.run(240)
    assert client.share(35, 215, 3000) >= 0.9
    assert client.refusals(0, 215) <= 0.02


@hinted
@pytest.mark.parametrize("kind", MINUTES)
@pytest.mark.parametrize("factor", [2, 5])
def test_a_limit_that_rises_is_noticed(kind: str, factor: int, *, retry_after: bool) -> None:
    """After three minutes at least 90 % of the new one is used, with few 429s on the way."""
    client = Client(MINUTES[kind](1200), workers=50, latency=0.1, retry_after=retry_after)
    client.run(480, changes=[(180, 1200 * factor)])
    assert client.share(360, 480, 1200 * factor) >= 0.9
    assert client.refusals(180, 480) <= 0.02


@hinted
@pytest.mark.parametrize("kind", MINUTES)
def test_a_limit_that_falls_is_noticed(kind: str, *, retry_after: bool) -> None:
    """After two minutes at least 90 % of what is left is used, and never is it hammered at."""
    client = Client(MINUTES[kind](6000), workers=20, latency=0.1, retry_after=retry_after)
    client.run(480, changes=[(180, 3000)])
    assert client.share(300, 480, 3000) >= 0.9
    assert client.refusals(180, 360) <= 0.02


def test_an_api_that_never_says_429_is_asked_as_fast_as_it_answers() -> None:
    """Nothing is held back for a limit that nobody knows of."""
    client = Client(Unlimited(), workers=10, latency=0.05, retry_after=False)
    client.run(10)
    assert len(client.let_in) >= 10 / 0.055 * 10
    assert client.limits.waits.limiting is Cause.LATENCY


def test_the_429s_of_requests_that_were_in_flight_are_one_signal() -> None:
    """Fifty at once slow down as five do."""
    paces = []
    for workers in (5, 50):
        client = Client(Unlimited(), workers=0, latency=0, retry_after=True)
        for second in range(20):
            client.limits.accepted(second)
        client.clock.seconds = 20
        for _ in range(workers):
            client.limits.refused(19.5, 1)
        starts = [client.limits.book("/users").at for _ in range(3)]
        paces.append(starts)
    assert paces[0] == paces[1]
    assert paces[0][0] == 21


@hinted
@pytest.mark.parametrize("noise", [0.001, 0.01])
@pytest.mark.parametrize(("workers", "latency"), [(20, 0.02), (10, 0.05)])
def test_429s_at_random_hold_nobody_up(
    workers: int, latency: float, noise: float, *, retry_after: bool
) -> None:
    """One in a hundred has no limit behind it: 85 % of what could be sent is sent."""
    server = Noisy(Unlimited(), noise, seed=1)
    client = Client(server, workers=workers, latency=latency, retry_after=retry_after)
    client.run(20)
    assert len(client.let_in) >= 0.85 * 20 * workers / latency


NOISY: dict[str, Callable[[], Server]] = {
    "a minute, sliding": lambda: Sliding(3000),
    "a minute, fixed": lambda: Fixed(3000),
    "a second, sliding": lambda: Sliding(3000, 1),
    "a second, bucket": lambda: Bucket(3000, 1),
    "one endpoint of two": lambda: OneOf(Bucket(1500, 1)),
}


@hinted
@pytest.mark.parametrize("kind", NOISY)
def test_429s_at_random_hide_no_limit(kind: str, *, retry_after: bool) -> None:
    """With one in a hundred 85 % of the limit is used, and few 429s more are met."""
    server = Noisy(NOISY[kind](), 0.01, seed=1)
    client = Client(server, workers=20, latency=0.05, retry_after=retry_after)
    client.run(150)
    assert client.share(60, 150, 3000) >= 0.85
    assert len(client.refused) - len(server.refused) <= 0.02 * len(client.let_in)


@hinted
@pytest.mark.parametrize(("before", "after"), [(6000, 3000), (3000, 6000)])
def test_a_limit_that_changes_is_noticed_among_429s_at_random(
    before: int, after: int, *, retry_after: bool
) -> None:
    """Three minutes later 85 % of the new one is used."""
    server = Noisy(Sliding(before), 0.01, seed=1)
    client = Client(server, workers=20, latency=0.05, retry_after=retry_after)
    client.run(330, changes=[(90, after)])
    assert client.share(270, 330, after) >= 0.85


def test_a_429_alone_holds_up_its_own_request_only() -> None:
    """However long it asks to wait; a row of them is a limit, and holds up all."""
    client = Client(Unlimited(), workers=10, latency=0.05, retry_after=True)
    client.run(5)
    limits, now = client.limits, client.clock.seconds
    assert limits.refused(now - 0.03, 30)
    assert limits.book("/users").at == now
    for _ in range(3):
        limits.refused(now - 0.02, 30)
    assert limits.book("/users").at == now + 30


class Away(Unlimited):
    """Refuses all for two minutes."""

    def wait(self, now: float) -> float:
        """Let a request in and return 0, or return the seconds until there is room."""
        return max(0.0, 180 - now) if now >= 60 else 0.0


@hinted
def test_an_api_that_lets_nothing_in_for_long_is_used_again_afterwards(
    *, retry_after: bool
) -> None:
    """Two minutes of 429s are no limit of none a minute."""
    client = Client(Away(), workers=20, latency=0.2, retry_after=retry_after)
    client.run(300)
    assert client.share(180, 240, 6000) >= 0.25
    assert client.share(240, 300, 6000) >= 0.3


def test_one_429_without_a_reason_is_soon_forgotten() -> None:
    """One in ten thousand: after it, the pace is back within seconds."""
    client = Client(Unlimited(), workers=10, latency=0.05, retry_after=True)
    client.run(5)
    client.limits.refused(client.clock.seconds, 1)
    before = len(client.let_in)
    client.run(60)
    assert len(client.let_in) - before >= 0.8 * 200 * 55


def test_with_a_budget_as_large_as_the_limit_there_is_no_429() -> None:
    """Wherever the API begins to count, and whatever it counts with."""
    servers: list[Server] = [Sliding(6000), Fixed(6000), Fixed(6000, began=25), Bucket(6000)]
    for server in servers:
        client = Client(server, workers=20, latency=0.1, retry_after=True, per_minute=6000)
        client.run(125)
        assert not client.refused
        assert client.share(5, 125, 6000) >= 0.97
