"""Workers settle what is queued, wait for no attempt, and stop at the first defect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.clocks import VirtualClock

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.messages import Request
from target_userflow.ordering.queues import OrderedQueues
from target_userflow.workers.concurrency import Concurrency
from target_userflow.workers.pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from target_userflow.ordering.queues import Work

    Settle = Callable[[Work], Generator[float, None, None]]


def pending(key: str) -> PendingRecord:
    request = Request("POST", "/users", {"id": key}, key, (key,), idempotent=True)
    return PendingRecord(
        request,
        source=None,  # type: ignore[arg-type] # workers look at neither
        observer=None,  # type: ignore[arg-type] # likewise
        reference=("users", key),
    )


class Pool:
    """Makes pools, and closes them."""

    def __init__(self) -> None:
        """Begin with none."""
        self.clock = VirtualClock()
        self._pools: list[WorkerPool] = []

    def __call__(self, settle: Settle) -> WorkerPool:
        """A pool of two workers."""
        queues = OrderedQueues({"users": 0}, 1)
        self._pools.append(WorkerPool("test", queues, settle, Concurrency(2), self.clock))
        return self._pools[-1]

    def close(self) -> None:
        """Let the workers go."""
        for pool in self._pools:
            pool.close()


@pytest.fixture
def pools() -> Iterator[Pool]:
    """Pools that do not outlive their test."""
    made = Pool()
    yield made
    made.close()


def wait_for(pool: WorkerPool) -> None:
    while len(pool.queues):
        pool.wait()


def test_each_record_is_settled_once_and_those_of_a_key_in_order(pools: Pool) -> None:
    """Whoever settles them."""
    settled: list[PendingRecord] = []

    def settle(work: Work) -> Generator[float, None, None]:
        settled.extend(work.records)
        return
        yield

    pool = pools(settle)
    records = [pending(f"{number % 5}") for number in range(50)]
    pool.add(records)
    wait_for(pool)
    assert len(settled) == len(records)
    for key in "01234":
        own = [record for record in records if record.request.ordering_key == key]
        assert [record for record in settled if record.request.ordering_key == key] == own


def test_work_that_waits_holds_nobody_up(pools: Pool) -> None:
    """What asks for half a minute is tried again after it; what comes later is settled before."""
    settled: list[str] = []

    def settle(work: Work) -> Generator[float, None, None]:
        (record,) = work.records
        if record.request.ordering_key == "slow":
            yield 36.0
        settled.append(record.request.ordering_key)

    pool = pools(settle)
    pool.add([pending("slow"), pending("quick")])
    wait_for(pool)
    assert settled == ["quick", "slow"]
    assert pools.clock.monotonic() >= 36


def test_a_defect_stops_the_delivery_with_its_reason(pools: Pool) -> None:
    """It is no record's fault."""
    defect = ZeroDivisionError()

    def settle(_work: Work) -> Generator[float, None, None]:
        raise defect
        yield from ()

    pool = pools(settle)
    pool.add([pending("a")])
    while not pools.clock.stopped:
        pool.wait()
    assert pools.clock.why is defect
