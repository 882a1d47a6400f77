"""The fault matrix, rows of the disk: dead letters and ledgers that can't be written or read."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.invariants import EVENTS, MARK, USERS, Row, event, user, users_and_events, with_states
from support.process import run_target, state
from support.taps import piped, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_userflow.sandbox import Sandbox


@contextmanager
def small_disk(where: Path, size: str) -> Iterator[Path]:
    """A directory that holds no more than so much."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not mount or not umount or os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    where.mkdir()
    made = [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where)]
    if subprocess.run(made, check=False, capture_output=True).returncode:  # noqa: S603 - our own arguments
        pytest.skip("no small disk can be mounted here")
    try:
        yield where
    finally:
        subprocess.run([umount, str(where)], check=True)  # noqa: S603 - likewise


@pytest.fixture
def no_directory(tmp_path: Path) -> Path:
    """A path that nobody can write to, root included: its parent is a file."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "inside"


def rejecting(count: int, size: int = 1) -> list[Any]:
    """So many users, every second without an id and so large."""
    records = [
        user(number)
        if number % 2
        else user(number, user_id=None, value=f"{MARK} {number}" + "x" * size)
        for number in range(1, count + 1)
    ]
    return [USERS, *with_states(records)]


def test_dead_letters_that_cannot_be_written_stop_the_run(
    sandbox: Sandbox, tmp_path: Path, no_directory: Path
) -> None:
    """A rejected record that nothing keeps is unsettled: exit 1, one line, no STATE past it."""
    row = Row(sandbox, tmp_path, rejecting(6), {"batch_size_rows": 1}, bad={2, 4, 6})
    result = row.run(dead_letter_dir=str(no_directory))
    assert ["Dead letters can't be written" in line for line in result.errors] == [True]
    row.check(result, 1)


def test_a_summary_names_no_file_that_could_not_be_made(
    sandbox: Sandbox, tmp_path: Path, no_directory: Path
) -> None:
    """What the API refuses is counted before it is written: no replay of nothing is offered."""
    sandbox.script([{"status": 400}])
    settings = {**sandbox.config, "dead_letter_dir": str(no_directory)}
    result = run_target(tmp_path, settings, [USERS, user(1), state(1)])
    assert (result.status, result.states) == (1, [])
    assert "Dead letters can't be written" in result.errors[-1]
    assert "The rejected records are in" not in result.log
    assert "replay them" not in result.log


def test_a_disk_that_fills_up_with_dead_letters_stops_the_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """No space for one more dead letter: exit 1, STATE stands before the first that is missing."""
    messages, bad = rejecting(20, size=10_000), set(range(2, 21, 2))
    row = Row(sandbox, tmp_path, messages, {"batch_size_rows": 1}, bad=bad)
    with small_disk(tmp_path / "dead-letters", "40k"):
        result = row.run()
        assert [os.strerror(errno.ENOSPC) in line for line in result.errors] == [True]
        assert result.states
        row.holds(result, 1)
    row.converges()


def test_a_ledger_that_cannot_be_made_stops_the_run_before_any_request(
    sandbox: Sandbox, tmp_path: Path, no_directory: Path
) -> None:
    """Without the ledger events could be doubled: exit 1 at the SCHEMA, nothing is sent."""
    row = Row(sandbox, tmp_path, users_and_events(4))
    result = row.run(ledger=str(no_directory))
    assert ["Ledger" in line for line in result.errors] == [True]
    assert not sandbox.requests()
    row.check(result, 1, read=0)


@pytest.mark.parametrize("what", ["directory", "text"])
def test_a_ledger_that_is_none_stops_the_run_before_any_request(
    sandbox: Sandbox, tmp_path: Path, what: str
) -> None:
    """A directory, or a file that is no database: exit 1, one line, and the file is left alone."""
    place = tmp_path / "place"
    if what == "directory":
        place.mkdir()
    else:
        place.write_text("no database at all " * 100)
    row = Row(sandbox, tmp_path, users_and_events(4))
    result = row.run(ledger=str(place))
    assert ["Ledger" in line for line in result.errors] == [True]
    assert place.is_dir() or place.read_text() == "no database at all " * 100
    assert not sandbox.requests()
    row.check(result, 1, read=0)


@pytest.mark.parametrize("offset", [0, 100, 4096])
def test_a_ledger_that_is_damaged_stops_the_run_in_one_line(
    sandbox: Sandbox, tmp_path: Path, offset: int
) -> None:
    """Some bytes of it are lost: exit 1, one line with what to do, and nothing is sent."""
    ledger = tmp_path / "ledger.db"
    row = Row(sandbox, tmp_path, [EVENTS, *with_states([event(number) for number in range(1, 5)])])
    assert row.run(ledger=str(ledger)).status == 0
    asked = len(sandbox.requests())
    with ledger.open("r+b") as file:
        file.seek(offset)
        file.write(bytes([1, 7]) * 2048)
    result = row.run(ledger=str(ledger))
    assert ["bring back a copy of it" in line for line in result.errors] == [True]
    assert str(ledger) in result.errors[0]
    assert "Traceback" not in result.log
    assert (result.status, result.states) == (1, [])
    assert len(sandbox.requests()) == asked


def test_a_ledger_on_a_full_disk_stops_the_run_there(sandbox: Sandbox, tmp_path: Path) -> None:
    """No space for one more event: exit 1, and on a larger disk the next run doubles none."""
    records = [event(number) for number in range(1, 1501)]
    row = Row(sandbox, tmp_path, [EVENTS, *with_states(records)], {"batch_size_rows": 20})
    with small_disk(tmp_path / "disk", "500k") as disk:
        result = row.run(ledger=str(disk / "ledger.db"))
        assert ["Make room on its disk" in line for line in result.errors] == [True]
        assert result.states
        for path in disk.iterdir():
            shutil.copy(path, tmp_path)
        row.check(result, 1)


def test_a_ledger_that_another_run_has_stops_this_one(sandbox: Sandbox, tmp_path: Path) -> None:
    """Two runs on one ledger: with `ledger_wait` 0 the second ends at once, exit 1, in a line."""
    settings = {"ledger_wait": 0}
    row = Row(sandbox, tmp_path, users_and_events(6), settings)
    with piped(tmp_path, row.settings) as first:
        first.feed(row.messages[:8])
        wait_until(lambda: first.states[-1:] == [{"read": 3}], "the first run to have the ledger")
        asked = len(sandbox.requests())
        second = row.run()
        assert ["Another run has it" in line for line in second.errors] == [True]
        assert len(sandbox.requests()) == asked
        assert (second.status, second.states) == (1, [])
        first.feed(row.messages[8:])
        row.check(first.result(), read=6)
