"""A ledger that is away for a while: its server was restarted, or another program has its file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from support.process import record, schema, state
from support.taps import SkippingClock, piped, run_here, wait_until

from target_userflow.errors import Interrupted

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from support.postgres import Server

    from target_userflow.sandbox import Sandbox

EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string", "n": "integer"})


def events(*numbers: int) -> list[Any]:
    """Events, each with a STATE."""
    of = {"user_id": "ada", "name": "used"}
    pairs = [(record("events", id=f"e{n}", n=n, **of), state(n)) for n in numbers]
    return [one for pair in pairs for one in pair]


def config(sandbox: Sandbox, ledger: str, **settings: Any) -> dict[str, Any]:
    return {**sandbox.config, "ledger": ledger, "batch_size_rows": 1, **settings}


def test_a_server_that_is_restarted_costs_nothing(
    sandbox: Sandbox, tmp_path: Path, own_postgres: Server
) -> None:
    """The run connects again and goes on: exit 0, and every event is there once."""
    url = own_postgres.database.url.replace("://", "+psycopg://")
    with piped(tmp_path, config(sandbox, url)) as target:
        target.feed([EVENTS, *events(1, 2, 3)])
        wait_until(lambda: target.states, "a STATE line")
        own_postgres.stop()
        target.feed(events(4, 5))
        own_postgres.start()
        target.feed(events(6))
        result = target.result()
    assert result.status == 0, result.log
    assert result.states[-1] == 6
    assert [request["body"]["attributes"]["n"] for request in sandbox.requests()] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]


def test_a_server_that_stays_away_stops_the_run(
    sandbox: Sandbox, tmp_path: Path, own_postgres: Server
) -> None:
    """After max_retry_seconds: exit 1, one line, and the next run doubles no event."""
    url = own_postgres.database.url.replace("://", "+psycopg://")
    with piped(tmp_path, config(sandbox, url, max_retry_seconds=1)) as target:
        target.feed([EVENTS, *events(1, 2, 3)])
        wait_until(lambda: target.states[-1:] == [3], "the STATE of what was sent")
        own_postgres.stop()
        target.feed(events(4, 5))
        result = target.result()
    assert result.status == 1
    assert ["Ledger" in line for line in result.errors] == [True]
    assert "Traceback" not in result.log
    own_postgres.start()
    again = run_here(tmp_path, config(sandbox, url), [EVENTS, *events(1, 2, 3, 4, 5)])
    assert again.status == 0
    assert [request["body"]["attributes"]["n"] for request in sandbox.requests()] == [1, 2, 3, 4, 5]


class Releasing(SkippingClock):
    """Whoever waits on it has another program let go of the ledger."""

    def __init__(self, held: sqlite3.Connection) -> None:
        """Take over what the program holds."""
        super().__init__()
        self._held = held

    def sleep(self, seconds: float) -> None:
        """Let go."""
        self._held.close()
        super().sleep(seconds)


def held(path: Path) -> sqlite3.Connection:
    """A ledger's file as another program has it."""
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def test_a_file_that_another_program_has_for_a_moment_is_waited_for(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A backup or a look at it fails no run."""
    path = tmp_path / "ledger.db"
    run_here(tmp_path, config(sandbox, str(path)), [EVENTS, *events(1)])
    with closing(held(path)) as other:
        clock = Releasing(other)
        result = run_here(
            tmp_path, config(sandbox, str(path)), [EVENTS, *events(1, 2)], clock=clock
        )
    assert (result.status, result.counts["events"]["duplicate"]) == (0, 1)
    assert clock.seconds > 0


def test_a_file_that_another_program_keeps_stops_the_run(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After `ledger_wait`: exit 1, one line that says so, and nothing is sent."""
    path = tmp_path / "ledger.db"
    for settings, seconds in (({}, 60), ({"ledger_wait": 7}, 7), ({"ledger_wait": 0}, 0)):
        caplog.clear()
        clock, of_run = SkippingClock(), config(sandbox, str(path), **settings)
        with closing(held(path)):
            result = run_here(tmp_path, of_run, [EVENTS, *events(1)], clock=clock)
        assert result.status == 1
        (line,) = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
        assert "Another run has it" in line
        assert clock.seconds == seconds
    assert not sandbox.requests()


def test_a_run_says_what_it_waits_for(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, with the ledger, the seconds and the setting: a silent run looks as if it hung."""
    path = tmp_path / "ledger.db"
    clock = SkippingClock()
    with caplog.at_level("INFO"), closing(held(path)):
        run_here(tmp_path, config(sandbox, str(path)), [EVENTS, *events(1)], clock=clock)
    lines = [line for one in caplog.records if "waiting" in (line := one.getMessage())]
    assert lines == [
        f"Ledger {path}: another run has it; waiting for its end, up to 60 s (ledger_wait)"
    ]


class Stopping(SkippingClock):
    """Whoever waits on it is asked to end."""

    def sleep(self, seconds: float) -> None:
        """Ask."""
        super().sleep(seconds)
        self.stop(Interrupted(15))


def test_a_signal_ends_the_wait_for_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """With the exit status of the signal, at once."""
    path = tmp_path / "ledger.db"
    clock = Stopping()
    with closing(held(path)):
        result = run_here(tmp_path, config(sandbox, str(path)), [EVENTS, *events(1)], clock=clock)
    assert (result.status, clock.seconds) == (143, 0.5)
