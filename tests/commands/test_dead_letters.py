"""`target-userflow dead-letters`: what is open, one record of it, and its replay, once."""

from __future__ import annotations

import subprocess
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click
import pytest
from support.process import TARGET, config_file, record, run_target, schema, singer

from target_userflow.apis.outcomes import Rejected
from target_userflow.commands import dead_letters
from target_userflow.dead_letters import letter_files
from target_userflow.dead_letters.dead_letters import DeadLetters
from target_userflow.errors import ConfigError
from target_userflow.private_files import lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "plan": "string"})
OLD, NEW = "20260101T000000Z-aaaaaaaa-12345678", "20260201T000000Z-bbbbbbbb-12345678"
TYPE = "'plan' breaks 'type' of the stream's schema"


def letter(reason: str, *, stream: str = "users", **values: Any) -> dict[str, Any]:
    """A line of a file of dead letters."""
    error = {"reason": reason, "status": None, "code": None, "request_id": "req_1", "at": "2026"}
    return {**record("users", **values), "error": {"stream": stream, **error}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs with dead letters, and a dry run."""
    files: dict[str, list[Any]] = {
        OLD: [letter(TYPE, id="a", plan=5), letter(TYPE, id="b", plan=6), letter("HTTP 400")],
        NEW: [letter("`plan`: \x1b[2J", id="c", plan="\u202e"), b'{"half a li'],
        "20260301T000000Z-cccccccc.dry-run": [letter("HTTP 400")],
    }
    for name, lines in files.items():
        (tmp_path / f"{name}.singer").write_bytes(singer([USERS, *lines]))
    return tmp_path


def commanded(home: Path, config: dict[str, Any], *arguments: str) -> tuple[int, str]:
    """What a command prints, and how it ends."""
    done = subprocess.run(  # noqa: S603 - our own module
        [*TARGET, *arguments, "--config", str(config_file(home, config))],
        capture_output=True,
        check=False,
        cwd=home,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def plain(lines: Sequence[str]) -> list[str]:
    return [click.unstyle(line) for line in lines]


# What is listed and shown


def test_the_list_counts_by_reason_the_oldest_run_first(folder: Path) -> None:
    """With what to do about each; half a line and the letters of dry runs do not count."""
    lines = [*dead_letters.listing(str(folder))]
    assert lines[0] == f"{OLD}  3 dead letters"
    assert lines[1] == f"       2 of users: {TYPE}"
    assert lines[2].startswith("         next: mend it at the source")
    assert lines[3] == "       1 of users: HTTP 400"
    assert lines[5] == f"{NEW}  1 dead letter"
    assert lines[-1] == "4 dead letters of 2 runs"
    assert not [line for line in lines if "\x1b" in line]


def test_what_was_replayed_is_not_listed(folder: Path) -> None:
    """A file is open until it lies in `replayed`; a second of its name keeps both."""
    for _ in range(2):
        moved = letter_files.move_replayed(letter_files.find(str(folder), OLD[:8]))
        (folder / f"{OLD}.singer").write_bytes(moved.read_bytes())
    assert {path.name for path in (folder / "replayed").iterdir()} == {
        f"{OLD}.singer",
        f"{OLD}.2.singer",
    }
    (folder / f"{OLD}.singer").unlink()
    assert [path.stem for path in letter_files.open_files(str(folder))] == [NEW]
    with pytest.raises(ConfigError, match="was replayed"):
        letter_files.find(str(folder), OLD)
    assert [*dead_letters.listing(str(folder / "none"))] == [
        f"No dead letters in {folder / 'none'}"
    ]


def test_a_record_is_shown_with_its_reason(folder: Path) -> None:
    """And the column at fault stands out."""
    lines = [*dead_letters.shown(folder / f"{OLD}.singer", 2)]
    assert plain(lines)[:3] == [
        f"users, dead letter 2 of 3 in {OLD}",
        f"Rejected: {TYPE}",
        "Request id: req_1",
    ]
    assert plain(lines)[-4:] == ["{", '  "id": "b",', '  "plan": 6', "}"]
    assert [click.unstyle(line) for line in lines[-4:] if line != click.unstyle(line)] == [
        '  "plan": 6'
    ]


def test_no_record_steers_the_terminal(folder: Path) -> None:
    """Whatever its values and its reason hold."""
    text = "\n".join(plain([*dead_letters.shown(folder / f"{NEW}.singer", 1)]))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[2J" in text


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("2026", "Several runs begin with 2026"), ("2027", "There is no file of a run 2027")],
)
def test_a_run_is_named_by_its_first_characters(folder: Path, name: str, complaint: str) -> None:
    """As long as they tell it from all others."""
    assert letter_files.find(str(folder), NEW[:12]).stem == NEW
    assert letter_files.find(str(folder), str(folder / f"{OLD}.singer")).stem == OLD
    with pytest.raises(ConfigError, match=complaint):
        letter_files.find(str(folder), name)


def test_a_number_that_is_too_high_is_said(folder: Path) -> None:
    """With the number of letters that there are."""
    with pytest.raises(ConfigError, match="has 3 dead letters, and none of number 4"):
        [*dead_letters.shown(folder / f"{OLD}.singer", 4)]


# What may be replayed


def test_what_would_be_delivered_twice_is_not_replayed(folder: Path) -> None:
    """What was replayed, what a dry run left, and what is still being written."""
    old = folder / f"{OLD}.singer"
    with old.open("rb") as file:
        assert lock(file.fileno())
        with pytest.raises(ConfigError, match="is in use"), letter_files.to_replay(old):
            pass
    dry = next(folder.glob("*.dry-run.singer"))
    with pytest.raises(ConfigError, match="is of a dry run"), letter_files.to_replay(dry):
        pass
    moved = letter_files.move_replayed(old)
    with pytest.raises(ConfigError, match="was replayed"), letter_files.to_replay(moved):
        pass


def test_of_several_runs_one_has_to_be_named(folder: Path) -> None:
    """The oldest first, so that newer values win."""
    with pytest.raises(ConfigError, match=f"(?s)oldest first.*{OLD}.*{NEW}"):
        dead_letters.the_one(str(folder))


# As it is typed


def test_a_replay_delivers_once_and_keeps_what_is_rejected_again(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The mended go, the others are in a new file; neither run counts a letter twice."""
    messages = [
        USERS,
        record("users", id="a", plan=5),
        record("users", id=" ", plan="pro"),
    ]
    config = {**sandbox.config, "validate_records": True}
    first = run_target(tmp_path, config, messages)
    letters = tmp_path / "dead-letters"
    (old,) = letters.glob("*.singer")
    assert f"dead-letters replay {old.stem}" in first.log
    mended = {**sandbox.config, "validate_records": False}
    status, said = commanded(tmp_path, mended, "dead-letters", "replay")
    assert status == 1, said
    assert set(sandbox.state()["users"]) == {"a"}
    assert (letters / "replayed" / old.name).exists()
    (new,) = letters.glob("*.singer")
    assert new != old
    again = run_target(tmp_path, mended, [USERS, record("users", id=" ", plan="pro")])
    assert (again.status, [*letters.glob("*.singer")]) == (0, [new])
    status, said = commanded(tmp_path, mended, "dead-letters", "list")
    assert commanded(tmp_path, mended, "dead-letters") == (status, said)  # as if it said `list`
    assert (status, said.splitlines()[-1]) == (0, "1 dead letter of 1 run")


def test_a_replay_that_stops_leaves_its_file_open(sandbox: Sandbox, tmp_path: Path) -> None:
    """With a wrong key nothing went, and the same command can be typed again."""
    run_target(tmp_path, sandbox.config, [USERS, record("users", id="a", plan=5)])
    (path,) = (tmp_path / "dead-letters").glob("*.singer")
    wrong = {**sandbox.config, "api_key": "wrong", "validate_records": False}
    status, said = commanded(tmp_path, wrong, "dead-letters", "replay", path.stem)
    assert (status, path.exists()) == (1, True)
    assert "HTTP 401" in said
    assert not (path.parent / "replayed").exists()


def test_a_file_belongs_to_its_run_while_that_goes_on(tmp_path: Path) -> None:
    """Whoever replayed it then would lose what is still to come."""
    run = DeadLetters(str(tmp_path), OLD)
    line = singer([record("users", id="a")])
    run.add("users", singer([USERS]), line, Rejected("HTTP 400"), datetime.now(timezone.utc))
    with pytest.raises(ConfigError, match="is in use"), letter_files.to_replay(run.path):
        pass
    run.close()
    with letter_files.to_replay(run.path) as file:
        assert len(file.readlines()) == 2
