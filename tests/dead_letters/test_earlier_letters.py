"""A record that is rejected on every run stands in the dead letters once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.process import Result, config_file, record, run_target, schema, state

from target_userflow.dead_letters.earlier_letters import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "plan": "string"})
GOOD, BAD = record("users", id="ada", plan="pro"), record("users", id=" ", plan="pro")


def run(sandbox: Sandbox, home: Path, *rows: Any, **config: Any) -> Result:
    """A run in which the tap sends these rows, from its bookmark on."""
    return run_target(home, {**sandbox.config, **config}, [USERS, *rows, state({"read": 1})])


def letters(home: Path) -> list[Any]:
    """The records in all files of dead letters."""
    lines = [one for path in files(home) for one in path.read_text().splitlines()]
    found = [json.loads(line) for line in lines]
    return [one["record"] for one in found if one["type"] == "RECORD"]


def files(home: Path) -> list[Path]:
    return sorted((home / "dead-letters").glob("*.singer"))


def test_a_row_at_the_bookmark_is_one_dead_letter_and_one_alert(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It is rejected and counted each time, and STATE goes on; the log says that it is known."""
    first, *others = [run(sandbox, tmp_path, {**BAD, "time_extracted": f"{n}"}) for n in range(3)]
    assert [first.status, *(one.status for one in others)] == [1, 0, 0]
    assert letters(tmp_path) == [BAD["record"]]
    for other in others:
        assert other.states == [{"read": 1}]
        assert "1 rejected of users: `id`: user_id is blank" in other.log
        assert "1 of the rejected are in the dead letters of earlier runs" in other.log
        assert "replay them with" not in other.log


def test_another_row_is_a_dead_letter_of_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    """Also beside one that is known: it alone is written, and it alone is the alert."""
    run(sandbox, tmp_path, BAD)
    again = run(sandbox, tmp_path, BAD, record("users", id=" ", plan="free"))
    assert again.status == 1
    assert {one["plan"] for one in letters(tmp_path)} == {"pro", "free"}
    assert len(letters(tmp_path)) == 2


@pytest.mark.parametrize("gone", ["file", "line", "readable"])
def test_what_is_taken_out_is_written_again(sandbox: Sandbox, tmp_path: Path, gone: str) -> None:
    """The files alone tell: a record whose dead letter is no longer there gets another."""
    run(sandbox, tmp_path, BAD)
    (path,) = files(tmp_path)
    if gone == "file":
        path.unlink()
    elif gone == "line":
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    else:
        path.write_bytes(path.read_bytes().rstrip())  # as a crash leaves it: half a line
    assert run(sandbox, tmp_path, BAD).status == 1
    assert BAD["record"] in letters(tmp_path)
    assert len(files(tmp_path)) == (1 if gone == "file" else 2)


def test_a_dead_letter_that_is_replayed_goes_to_a_new_file(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """And fails the replay, so that whoever deletes the old file after it loses nothing."""
    run(sandbox, tmp_path, BAD)
    lines = files(tmp_path)[0].read_bytes().splitlines(keepends=True)
    assert run_target(tmp_path, sandbox.config, lines).status == 1
    assert letters(tmp_path) == [BAD["record"]] * 2


def test_the_dead_letters_of_another_destination_do_not_count(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Staging and production may share a directory; replaying one's file mends one of them."""
    run(sandbox, tmp_path, BAD)
    other = sandbox.url.replace("127.0.0.1", "localhost")
    assert run(sandbox, tmp_path, BAD, api_url=other).status == 1
    assert letters(tmp_path) == [BAD["record"]] * 2


def test_what_a_dry_run_left_does_not_count(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its file is there to be looked at, and not to be replayed."""
    run(sandbox, tmp_path, BAD, dry_run=True)
    assert run(sandbox, tmp_path, BAD).status == 1
    assert len(files(tmp_path)) == 2


def test_two_of_a_kind_in_one_run_are_two_dead_letters(sandbox: Sandbox, tmp_path: Path) -> None:
    """Only what an earlier run wrote is known: two rows are two events, for all that one knows."""
    run(sandbox, tmp_path, BAD, BAD)
    assert letters(tmp_path) == [BAD["record"]] * 2


def test_links_and_pipes_are_no_dead_letters(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing waits for a pipe that somebody left there."""
    run(sandbox, tmp_path, BAD)
    (path,) = files(tmp_path)
    moved = tmp_path / "elsewhere"
    path.rename(moved)
    path.symlink_to(moved)
    assert run(sandbox, tmp_path, BAD).status == 1


@pytest.mark.parametrize(
    ("line", "same"),
    [
        pytest.param(b'{"stream":"users","record":{"x":1.5,"id":1},"type":"RECORD"}', True),
        pytest.param(
            b'{"type":"RECORD","stream":"users","record":{"id":1,"x":1.5},"error":{}}', True
        ),
        pytest.param(
            b'{"type":"RECORD","stream":"users","record":{"id":1,"x":1.5,"_sdc_lsn":7},"version":2}',
            True,
        ),
        pytest.param(b'{"type":"RECORD","stream":"events","record":{"id":1,"x":1.5}}', False),
        pytest.param(
            b'{"type":"RECORD","stream":"users","record":{"id":1,"x":1.50000000000000000001}}',
            False,
        ),
        pytest.param(b'{"type":"RECORD","stream":"users","record":{"id":1,"x":"1.5"}}', False),
        pytest.param(
            b'{"type":"RECORD","stream":"users","record":{"id":1,"x":1.5,"_sdc_deleted_at":"now"}}',
            False,
        ),
    ],
)
def test_equal_is_what_says_the_same_of_the_same_stream(line: bytes, *, same: bool) -> None:
    """Not when it was read; a value of more digits, or of another type, is another value."""
    mine = fingerprint(b'{"type": "RECORD", "stream": "users", "record": {"id": 1, "x": 1.5}}')
    assert (fingerprint(line) == mine) is same


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b'"\\ud800"', b"18446744073709551616"])
def test_a_row_that_only_python_reads_is_known_again(value: bytes) -> None:
    """Such rows are rejected on every run, and another value is another row."""
    line = b'{"type": "RECORD", "stream": "users", "record": {"x": ' + value + b"}"
    mine = fingerprint(line + b"}")
    assert mine is not None
    assert fingerprint(line + b', "time_extracted": "2026-01-01T00:00:00Z"}') == mine
    assert fingerprint(line.replace(value, b"null") + b"}") != mine
    assert fingerprint(line.replace(value, b"-1") + b"}") != mine


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"{}", b'{"type":"SCHEMA"}', b"{" * 2000, b'{"type":"RECORD","record":5}']
)
def test_what_is_no_record_equals_nothing(line: bytes) -> None:
    """Whatever stands in a file that ends like one of ours."""
    assert fingerprint(line) is None


def test_the_file_is_named_as_its_run_and_for_its_owner_alone(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Nothing else is kept beside it, and nothing of the key stands in its name."""
    config_file(tmp_path, {})
    run(sandbox, tmp_path, GOOD, BAD)
    (path,) = (tmp_path / "dead-letters").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sandbox.config["api_key"] not in path.name
