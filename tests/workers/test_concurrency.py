"""How many workers there are: as many as the answers leave time for, at most `concurrency`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.process import record, run_target, schema

from target_userflow.workers.concurrency import SLICE, Concurrency

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox


class Machine:
    """A machine on which time passes when it is told to."""

    def __init__(self, most: int) -> None:
        """Look at the workers of a target that may have so many."""
        self.wall = self.cpu = 0.0
        self.concurrency = Concurrency(most, wall=lambda: self.wall, cpu=lambda: self.cpu)

    def passes(self, busy: float, *, seconds: float = SLICE) -> int:
        """The workers after a time in which processors were busy for so many seconds a second."""
        self.wall += seconds
        self.cpu += busy * seconds
        self.concurrency.look()
        return self.concurrency.workers


@pytest.mark.parametrize("most", [1, 2, 10, 50])
def test_an_api_that_takes_its_time_gets_all_workers_at_once(most: int) -> None:
    """The first one waits for an answer: the others come with the next look."""
    assert Machine(most).passes(0.001) == most


def test_an_api_that_answers_at_once_gets_one_worker() -> None:
    """More would only get into each other's way."""
    machine = Machine(50)
    assert [machine.passes(0.92) for _ in range(5)] == [1] * 5


def test_there_are_as_many_workers_as_keep_the_processor_busy() -> None:
    """Half of the time is spent waiting: a second worker fills it, a third would not."""
    machine = Machine(50)
    assert [machine.passes(0.5), machine.passes(0.9)] == [2, 2]


def test_workers_leave_an_api_that_becomes_faster() -> None:
    """There were ten, and now they get into each other's way."""
    machine = Machine(10)
    machine.passes(0.01)
    found = [machine.passes(1.1) for _ in range(8)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 1


def test_workers_come_back_when_an_api_becomes_slower() -> None:
    """A processor that idles is enough of a reason."""
    machine = Machine(10)
    machine.passes(0.95)
    assert machine.passes(0.02) == 10


def test_a_moment_tells_nothing() -> None:
    """A delivery of a few requests ends before it says how many workers it is worth."""
    machine = Machine(10)
    assert machine.passes(0, seconds=SLICE / 4) == 1


def test_a_request_that_hangs_holds_nobody_up(sandbox: Sandbox, tmp_path: Path) -> None:
    """The first one takes a second: the others don't wait for its end."""
    sandbox.configure(slow_ms=1000)
    sandbox.script([{"fault": "slow"}])
    users = [record("users", id=str(number)) for number in range(20)]
    result = run_target(
        tmp_path, {**sandbox.config, "concurrency": 2}, [schema("users", {"id": "string"}), *users]
    )
    assert result.status == 0
    slow, *others = [one for one in sandbox.requests() if one["method"] == "POST"]
    assert slow["duration_ms"] >= 1000
    assert all(one["at"] < slow["at"] + 1 for one in others)
