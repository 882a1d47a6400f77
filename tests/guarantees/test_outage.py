"""An outage is nobody's fault: what fails for it alone comes again, and is no dead letter."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from support.invariants import MARK, with_states
from support.process import record, schema
from support.taps import SkippingClock, run_here, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from target_userflow.sandbox import Sandbox

EVENTS = schema("events", {"n": "integer", "user_id": "string", "name": "string"}, keys=[])
USERS = schema("users", {"user_id": "string", "logins": "integer"}, keys=["user_id"])
COLUMNS = {"streams": {"users": {"operations": {"logins": "add"}}}}
OUT = {"status": 503, "times": 10_000}
"""From here on nothing gets through."""


class TickingClock(SkippingClock):
    """Skips waits; and whoever looks sees a later time than the one before."""

    def monotonic(self) -> float:
        """Seconds that were waited for, and a bit more for each look."""
        if self._parent:
            return self._parent.monotonic()
        with self._turn:
            self.seconds += 1e-6
            return self.seconds

    def child(self) -> TickingClock:
        """One that skips the same time."""
        self._children.append(TickingClock(self))
        return self._children[-1]  # type: ignore[return-value] # as just made


def event(number: int) -> dict[str, Any]:
    """An event without a key: each arrival is one more."""
    return record("events", n=number, user_id=f"{MARK}-{number}", name="signed in")


def events(count: int) -> list[Any]:
    """So many."""
    return [EVENTS, *with_states([event(number) for number in range(1, count + 1)])]


def dead_letters(home: Path) -> list[dict[str, Any]]:
    """What stands in the files."""
    lines = [one for path in home.rglob("*.singer") for one in path.read_bytes().splitlines()]
    return [message for line in lines if (message := json.loads(line)).get("error")]


def last_state(capsys: pytest.CaptureFixture[str]) -> int:
    """How many records the last STATE says that were read; 0 without any."""
    lines = capsys.readouterr().out.splitlines()
    return json.loads(lines[-1])["read"] if lines else 0


def copies(sandbox: Sandbox) -> Counter[int]:
    """How often each event arrived."""
    return Counter(int(one["attributes"]["n"]) for one in sandbox.state()["events"])


def test_an_outage_in_mid_run_makes_no_dead_letter(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those in flight as it begins saw others succeed, which had begun before: all come again."""
    sandbox.configure(latency_ms=50)
    # of the ten that are in flight at once, two get through after the others began
    sandbox.script([{"times": 10}, {"status": 503, "times": 8}, {"times": 2}, OUT])
    config = {**sandbox.config, "concurrency": 10}
    messages = events(40)
    first = run_here(tmp_path, config, messages, clock=TickingClock())
    assert first.status == 1
    assert 10 <= last_state(capsys) < 20  # the ten before the outage
    assert dead_letters(tmp_path) == []
    delivered = copies(sandbox)
    assert first.counts["events"]["delivered"] == sum(delivered.values())
    assert first.counts["events"]["unsettled"] == 40 - sum(delivered.values())

    sandbox.reset()
    again = run_here(tmp_path, config, messages, clock=TickingClock())
    assert (again.status, last_state(capsys)) == (0, 40)
    assert copies(sandbox) == Counter(range(1, 41))


def test_a_sum_that_failed_in_an_outage_is_added_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """503 says that nothing was written: the next run adds it, and no replay adds it again."""
    sandbox.configure(latency_ms=50)
    rows = [record("users", user_id=f"{MARK}-{number}", logins=1) for number in range(4)]
    sandbox.script([{**OUT, "path": "/users"}])
    config = {**sandbox.config, **COLUMNS, "concurrency": 4}
    assert run_here(tmp_path, config, [USERS, *rows], clock=TickingClock()).status == 1
    assert (dead_letters(tmp_path), sandbox.state()["users"]) == ([], {})

    sandbox.reset()
    assert run_here(tmp_path, config, [USERS, *rows], clock=TickingClock()).status == 0
    logins = [one["attributes"]["logins"] for one in sandbox.state()["users"].values()]
    assert logins == [1] * 4


class Suspicious(TickingClock):
    """Lets a request that waits for its next attempt see the others through first."""

    def __init__(self, parent: TickingClock | None = None) -> None:
        """Begin with an open way."""
        super().__init__(parent)
        self.through = threading.Event()
        """Set once the others got through."""

    def sleep(self, seconds: float) -> None:
        """Skip them after that."""
        if not self._parent:
            self.through.wait(30)
        super().sleep(seconds)

    def child(self) -> Suspicious:
        """One that skips the same time."""
        self._children.append(Suspicious(self))
        return self._children[-1]  # type: ignore[return-value] # as just made


def when(sandbox: Sandbox, delivered: int, clock: Suspicious) -> threading.Thread:
    """Open a clock's way once so many events have arrived."""

    def watch() -> None:
        wait_until(lambda: len(sandbox.state()["events"]) >= delivered, f"{delivered} events")
        clock.through.set()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_a_record_that_fails_while_others_succeed_is_a_dead_letter(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Others that began after its first failure get through: its own fault, the run goes on."""
    sandbox.script([{"status": 503, "holds": f'{MARK}-1"', "times": 99}])
    clock = Suspicious()
    when(sandbox, 29, clock)
    result = run_here(tmp_path, {**sandbox.config, "concurrency": 4}, events(30), clock=clock)
    assert [one["record"]["n"] for one in dead_letters(tmp_path)] == [1]
    assert result.counts["events"] == {"received": 30, "delivered": 29, "rejected": 1}
    assert (result.status, last_state(capsys)) == (1, 30)


def test_a_record_that_fails_before_an_outage_is_no_dead_letter(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given up on in one window, in suspense until the next: which is where the API goes down."""
    first = {"status": 503, "holds": f'{MARK}-1"', "times": 99}
    down = {"status": 503, "holds": f'{MARK}-31"', "times": 99}
    sandbox.script([first, down])
    clock = Suspicious()
    when(sandbox, 29, clock)
    config = {**sandbox.config, "concurrency": 4, "batch_size_rows": 30}
    result = run_here(tmp_path, config, events(31), clock=clock)
    assert dead_letters(tmp_path) == []
    assert result.counts["events"] == {"received": 31, "delivered": 29, "unsettled": 2}
    assert (result.status, last_state(capsys)) == (1, 0)


def test_a_record_in_suspense_is_a_dead_letter_once_the_next_window_gets_through(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No STATE goes past it until then, and all of it after that."""
    sandbox.script([{"status": 503, "holds": f'{MARK}-1"', "times": 99}])
    clock = Suspicious()
    when(sandbox, 29, clock)
    config = {**sandbox.config, "concurrency": 4, "batch_size_rows": 30}
    result = run_here(tmp_path, config, events(90), clock=clock)
    states = [json.loads(line)["read"] for line in capsys.readouterr().out.splitlines()]
    assert (states[0] >= 30, states[-1]) == (True, 90)  # 29 was read as the window ended
    assert [one["record"]["n"] for one in dead_letters(tmp_path)] == [1]
    assert result.counts["events"] == {"received": 90, "delivered": 89, "rejected": 1}
