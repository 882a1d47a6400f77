"""Files of a run: their owner's alone, never written through a link, each line whole."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from guarantees.test_faults_storage import small_disk
from support.process import TARGET, Result, config_file, record, run_target, schema, singer, state
from support.taps import PATIENCE, piped, wait_until

from target_userflow.apis.outcomes import Rejected
from target_userflow.dead_letters.dead_letters import DeadLetters
from target_userflow.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "plan": "string"})
EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string"})
NOW = datetime(2024, 3, 1, tzinfo=timezone.utc)


def event(number: int) -> dict[str, Any]:
    return record("events", id=f"e{number}", user_id="ada", name="used")


def homes(tmp_path: Path) -> dict[str, str]:
    """Settings that have every file of a run in a directory that is not there yet."""
    return {
        "report_path": str(tmp_path / "a" / "b" / "report.json"),
        "dead_letter_dir": str(tmp_path / "c" / "d"),
        "ledger": str(tmp_path / "e" / "f" / "ledger.db"),
    }


@pytest.fixture(params=[0o000, 0o777], ids=["open", "closed"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Umasks that take nothing, and everything."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_what_a_run_makes_is_its_owners_alone_whatever_the_umask(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Directories, those above them, and files: also those that SQLite puts beside the ledger."""
    mask = os.umask(0)
    config_file(tmp_path, {**sandbox.config, **homes(tmp_path), "batch_size_rows": 1})
    for name in ("states", "log"):
        (tmp_path / name).touch()
    os.umask(mask)
    with piped(tmp_path, {**sandbox.config, **homes(tmp_path), "batch_size_rows": 1}) as target:
        target.feed([USERS, record("users", id=" "), state(1), EVENTS])
        target.feed(one for n in range(2, 5) for one in (event(n), state(n)))
        wait_until(lambda: target.states, "a STATE line")
        during = modes(tmp_path)
        target.result()
    for found in (during, modes(tmp_path)):
        assert {mode for path, mode in found.items() if path.is_dir()} == {0o700}
        assert {mode for path, mode in found.items() if path.is_file()} == {0o600}
    assert {"ledger.db", "ledger.db-wal"} <= {path.name for path in during}
    assert "report.json" in {path.name for path in modes(tmp_path)}


def modes(tmp_path: Path) -> dict[Path, int]:
    """The permissions of everything in the directories that a run made."""
    paths = (path for name in "ace" for path in (tmp_path / name, *(tmp_path / name).rglob("*")))
    found = {}
    for path in paths:
        with suppress(FileNotFoundError):
            found[path] = path.stat().st_mode & 0o777
    return found


# Links


@pytest.mark.parametrize(
    ("setting", "link"),
    [
        ("report_path", "report.json"),
        ("report_path", "report.html"),
        ("ledger", "ledger.db"),
        ("ledger", "ledger.db-wal"),
    ],
)
@pytest.mark.parametrize("is_there", [True, False], ids=["file", "nothing"])
def test_nothing_is_written_through_a_link(
    sandbox: Sandbox, tmp_path: Path, setting: str, link: str, *, is_there: bool
) -> None:
    """Whoever plants one has the run stop in one line, and the file that it leads to stays."""
    victim = tmp_path / "victim"
    if is_there:
        victim.write_text("precious")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / link).symlink_to(victim)
    config = {**sandbox.config, setting: str(tmp_path / "home" / link.removesuffix("-wal"))}
    result = run_target(tmp_path, config, [EVENTS, event(1), state(1)])
    assert (result.status, result.states) == (1, [])
    assert "Traceback" not in result.log
    assert link.removesuffix("-wal") in result.log
    assert victim.exists() == is_there
    assert not is_there or victim.read_text() == "precious"
    assert not sandbox.requests()


def test_dead_letters_are_a_new_file_always(tmp_path: Path) -> None:
    """Neither a link nor a file that stands at its name gets a record."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "linked.singer").symlink_to(victim)
    (tmp_path / "there.singer").write_text("precious")
    for run_id in ("linked", "there"):
        letters = DeadLetters(str(tmp_path), run_id)
        with pytest.raises(StorageError, match="can't be written"):
            letters.add("users", b"{}", b'{"type": "RECORD"}', Rejected("why"), NOW)
    assert victim.read_text() == (tmp_path / "there.singer").read_text() == "precious"


def test_a_directory_may_be_a_link_of_ones_own(sandbox: Sandbox, tmp_path: Path) -> None:
    """People keep the ledger on another disk that way."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    config = {**sandbox.config, "ledger": str(tmp_path / "home" / "ledger.db")}
    result = run_target(tmp_path, config, [EVENTS, event(1)])
    assert result.status == 0, result.log
    assert (tmp_path / "disk" / "ledger.db").exists()


@pytest.mark.parametrize("setting", ["report_path", "dead_letter_dir", "ledger"])
def test_a_directory_is_no_link_of_another_user(
    sandbox: Sandbox, tmp_path: Path, setting: str
) -> None:
    """Its owner could lead it elsewhere at any time."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can make a link of another user")
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    os.chown(tmp_path / "home", 65534, 65534, follow_symlinks=False)
    config = {**sandbox.config, setting: str(tmp_path / "home" / "new")}
    messages = [EVENTS, record("events", id="e", user_id=" ", name="used"), event(1), state(1)]
    result = run_target(tmp_path, config, messages)
    assert (result.status, result.states) == (1, [])
    assert "symbolic link of another user" in result.log
    assert not [*(tmp_path / "disk").iterdir()]


# Half a line


def limited(
    tmp_path: Path, config: dict[str, Any], messages: Iterable[Any], *, blocks: int, into: Path
) -> Result:
    """A run none of whose files can grow beyond a size; its STATE goes to a file.

    It keeps nothing that it compiles: Python would leave half of that for the next process.
    """
    limit = f'export PYTHONDONTWRITEBYTECODE=1; ulimit -f {blocks}; exec "$@"'
    command = ["bash", "-c", limit, "-", *TARGET, "--config", str(config_file(tmp_path, config))]
    with into.open("wb") as states:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            input=singer(messages),
            stdout=states,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    lines = [json.loads(line) for line in into.read_bytes().splitlines()]
    return Result(done.returncode, lines, done.stderr.decode())


def long_states(count: int) -> list[Any]:
    """Users, each with a STATE; that of the last is longer than a page."""
    pairs = [(record("users", id=f"u{n}"), state({"n": n, "at": "x"})) for n in range(count - 1)]
    last = record("users", id="last"), state({"n": count - 1, "at": "x" * 6_000})
    return [USERS, *(one for pair in [*pairs, last] for one in pair)]


def test_a_file_that_must_not_grow_holds_no_half_of_a_state(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Whoever takes the last line takes a whole one; exit 1, and the reason in a line."""
    states = tmp_path / "states"
    result = limited(tmp_path, sandbox.config, long_states(9), blocks=1, into=states)
    assert result.status == 1
    assert all(one["n"] < 8 for one in result.states)
    assert ["STATE can't be written" in line for line in result.errors] == [True]


def test_a_full_disk_holds_no_half_of_a_state(sandbox: Sandbox, tmp_path: Path) -> None:
    """Likewise where the disk is the limit."""
    with small_disk(tmp_path / "disk", "4k") as disk:
        many = limited(tmp_path, sandbox.config, long_states(20), blocks=999, into=disk / "states")
    assert many.status == 1
    assert all(one["n"] < 19 for one in many.states)


def test_dead_letters_that_must_not_grow_hold_no_half_of_a_record(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What is in them can be replayed as it is."""
    bad = [record("users", id=" ", plan="x" * 300) for _ in range(20)]
    config = {**sandbox.config, "abort_reject_ratio": 1}
    result = limited(tmp_path, config, [USERS, *bad, state(1)], blocks=2, into=tmp_path / "states")
    assert (result.status, result.states) == (1, [])
    assert ["Dead letters can't be written" in line for line in result.errors] == [True]
    (file,) = (tmp_path / "dead-letters").iterdir()
    kinds = [json.loads(line)["type"] for line in file.read_bytes().splitlines()]
    assert kinds[0] == "SCHEMA"
    assert kinds[1:] == ["RECORD"] * 3


def test_a_ledger_that_must_not_grow_stops_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """One line, no STATE past what is settled, and the next run doubles no event."""
    messages = [EVENTS, *(one for n in range(400) for one in (event(n), state(n)))]
    config = {**sandbox.config, "batch_size_rows": 20}
    result = limited(tmp_path, config, messages, blocks=60, into=tmp_path / "states")
    assert result.status == 1
    assert ["Ledger" in line for line in result.errors] == [True]
    assert run_target(tmp_path, config, messages).status == 0
    events = sandbox.state()["events"]
    doubled = len(events) - 400
    assert 0 <= doubled <= 10  # in flight when it stopped, and counted as in doubt


def test_a_report_that_must_not_grow_leaves_the_one_before(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Whole or not at all: the old one stays, nothing lies beside it, and a line says why."""
    path = tmp_path / "reports" / "run.html"
    path.parent.mkdir()
    path.write_text("the one before")
    config = {**sandbox.config, "report_path": str(path)}
    messages = [USERS, record("users", id="ada")]
    result = limited(tmp_path, config, messages, blocks=1, into=tmp_path / "states")
    assert result.status == 1
    assert ["The report can't be written" in line for line in result.errors] == [True]
    assert [one.name for one in path.parent.iterdir()] == ["run.html"]
    assert path.read_text() == "the one before"
