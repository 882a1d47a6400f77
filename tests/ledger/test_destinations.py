"""Whose ledger it is: the line at the start, keys that rotate, and ledgers that were lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.ledgers import Bench
from support.process import record, schema

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string"})
TWO = [EVENTS, *(record("events", id=key, user_id="ada", name="used") for key in "ab")]


def logged(caplog: pytest.LogCaptureFixture, level: str, words: str = "edger") -> list[str]:
    """The lines of a level that speak of the ledger."""
    lines = [record.getMessage() for record in caplog.records if record.levelname == level]
    return [line for line in lines if words in line]


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """With what is said at the level of every day."""
    caplog.set_level("INFO", "target-userflow")
    return caplog


@pytest.fixture
def file(sandbox: Sandbox, tmp_path: Path) -> Bench:
    """A ledger in a file."""
    return Bench(sandbox, tmp_path, str(tmp_path / "ledger.db"))


@pytest.fixture
def home(file: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The same, in the directory that runs start in."""
    monkeypatch.chdir(file.directory)
    return file


def object_id(line: str) -> str:
    """What a line calls the destination."""
    return line.partition("(destination ")[2].partition(")")[0]


def rotate(bench: Bench, key: str) -> dict[str, Any]:
    bench.sandbox.configure(api_key=key)
    return {"api_key": key}


@pytest.fixture(autouse=True)
def own_key(sandbox: Sandbox) -> Any:
    """Whatever key a test has left is the sandbox's own again."""
    before = sandbox.api_key
    yield
    sandbox.configure(api_key=before)


# The line at the start


def test_the_start_says_which_ledger_it_is_and_what_it_knows(
    home: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A relative path is told whole: cron runs in another directory than its owner."""
    bench = replace(home, ledger="here/ledger.db")
    knows = []
    for _ in range(2):
        caplog.clear()
        bench.run(*TWO)
        (line,) = logged(caplog, "INFO", "Ledger")
        whole = home.directory / bench.ledger
        assert line.startswith(f"Ledger {whole} knows of {bench.sandbox.url} ")
        assert bench.sandbox.api_key not in line
        knows.append(line.rpartition(": ")[2])
    assert knows == ["nothing yet", "2 rows"]


def test_the_path_is_told_of_a_dry_run_too(file: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """It is that of the ledger, and not of its copy."""
    file.run(*TWO)
    caplog.clear()
    file.run(*TWO, dry_run=True)
    (line,) = logged(caplog, "INFO", "Ledger")
    assert line.startswith(f"Ledger {file.ledger} knows")
    assert line.endswith(": 2 rows")


# Keys that rotate


def test_a_destination_with_a_name_outlives_its_key_and_url(bench: Bench) -> None:
    """The name is set while the old key is still there: nothing is doubled, then or later."""
    bench.run(*TWO)
    named: dict[str, Any] = {"ledger_destination": "production"}
    assert bench.run(*TWO, **named).counts["events"] == {"received": 2, "duplicate": 2}
    key = rotate(bench, "ak_another")
    assert bench.run(*TWO, **named, **key).counts["events"] == {"received": 2, "duplicate": 2}
    moved: dict[str, Any] = {"api_url": bench.sandbox.url.replace("127.0.0.1", "localhost")}
    again = bench.run(*TWO, **named, **key, **moved).counts["events"]
    assert again == {"received": 2, "duplicate": 2}
    assert len(bench.sent) == 2


def test_a_rotated_key_is_a_warning_that_says_how_to_keep_the_ledger(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """What it says to set is all that is needed, although the old key is gone."""
    bench.run(*TWO)
    (line,) = logged(caplog, "INFO", "Ledger")
    before = object_id(line)
    caplog.clear()
    key = rotate(bench, "ak_another")
    bench.run(EVENTS, **key)  # a first look, which brings no event
    (warning,) = logged(caplog, "WARNING")
    assert f"ledger_destination to '{before}'" in warning
    assert bench.run(*TWO, ledger_destination=before, **key).counts["events"]["duplicate"] == 2
    assert len(bench.sent) == 2


def test_a_known_destination_and_other_streams_are_no_warning(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Once said is enough, and another environment with other streams is no rotated key."""
    bench.run(*TWO)
    key = rotate(bench, "ak_another")
    bench.run({**EVENTS, "stream": "web-events"}, **key)
    assert logged(caplog, "WARNING") == []
    for warnings in (1, 0):
        caplog.clear()
        bench.run(EVENTS, **key)
        assert len(logged(caplog, "WARNING")) == warnings


def test_destinations_with_names_of_their_own_share_nothing(bench: Bench) -> None:
    """Two environments in one ledger, each of which is sent everything."""
    for name in ("staging", "production"):
        bench.run(*TWO, ledger_destination=name, **rotate(bench, f"ak_{name}"))
    assert len(bench.sent) == 4


# Ledgers that were lost


def test_a_lost_ledger_beside_dead_letters_is_a_warning(
    file: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Events double from then on: that is said before the first of them, and only then."""
    file.run(*TWO, record("events", id=None, user_id="ada", name="used"))
    assert logged(caplog, "WARNING", "Ledger") == []
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    for warnings in (1, 0):
        caplog.clear()
        file.run(*TWO)
        assert len(logged(caplog, "WARNING", "events that the tap sends again")) == warnings


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_emptied_ledger_is_a_warning(
    file: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, dry_run: bool
) -> None:
    """A file of no bytes is no ledger: it was cut off, or a backup failed."""
    file.run(*TWO)
    (tmp_path / "ledger.db").write_bytes(b"")
    caplog.clear()
    file.run(*TWO, dry_run=dry_run)
    (warning,) = logged(caplog, "WARNING", "Ledger")
    assert file.ledger in warning
    assert "its file is empty" in warning


@pytest.mark.parametrize(("written", "warnings"), [('{"bookmarks": {}}', 1), ("{}\n", 0), ("", 0)])
def test_a_missing_ledger_beside_a_state_is_a_warning(
    home: Bench, caplog: pytest.LogCaptureFixture, written: str, warnings: int
) -> None:
    """Where the tap begins in the middle, earlier runs have delivered what is before it."""
    (home.directory / "state.json").write_text(written)
    home.run(*TWO)
    assert len(logged(caplog, "WARNING", "state.json")) == warnings


def test_a_first_run_is_no_warning(file: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was there before, so that nothing can be lost."""
    file.run(*TWO)
    assert logged(caplog, "WARNING") == []


def test_a_corrupted_ledger_is_never_given_up_lightly(
    file: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is advised says that events double without it."""
    file.run(*TWO)
    (tmp_path / "ledger.db").write_bytes(b"no database at all " * 100)
    assert file.run(*TWO).status == 1
    (line,) = logged(caplog, "ERROR")
    assert "events that the tap sends again are delivered again" in line


def test_a_row_of_the_future_is_not_trusted(bench: Bench) -> None:
    """A clock that was a year ahead once does not keep a record from being sent for that year."""
    users = [schema("users", {"id": "string"}), record("users", id="ada")]
    bench.run(*users, day=400, skip_unchanged=True)
    for outcome in ("delivered", "unchanged"):
        counted = bench.run(*users, skip_unchanged=True).counts["users"]
        assert counted == {"received": 1, outcome: 1}
