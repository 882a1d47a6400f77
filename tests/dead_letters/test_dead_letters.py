"""Rejected records are kept as Singer, so that the file is its own replay."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from target_userflow.apis.outcomes import Rejected
from target_userflow.dead_letters.dead_letters import DeadLetters
from target_userflow.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2024, 3, 1, 12, 30, tzinfo=timezone.utc)
SCHEMA = b'{"type": "SCHEMA", "stream": "users", "schema": {}, "key_properties": ["id"]}\n'
OTHER = b'{"type": "SCHEMA", "stream": "users", "schema": {"x": {}}, "key_properties": []}\n'
RECORD = b'{"type": "RECORD", "stream": "users", "record": {"id": 1}}\n'
WHY = Rejected("HTTP 400 bad", 400, "bad", "No.", "req_1")
ERROR = {
    "reason": "HTTP 400 bad",
    "status": 400,
    "code": "bad",
    "message": "No.",
    "request_id": "req_1",
    "at": "2024-03-01T12:30:00+00:00",
}


def buried(directory: Path, *records: bytes, schemas: tuple[bytes, ...] = (SCHEMA,)) -> list[bytes]:
    """The lines of a file of dead letters; each schema comes before its record."""
    letters = DeadLetters(str(directory / "dead"), "run")
    for number, record in enumerate(records):
        schema = schemas[min(number, len(schemas) - 1)]
        stream = json.loads(schema)["stream"]
        letters.add(stream, schema, record, WHY, NOW)
    letters.sync()
    letters.close()
    return letters.path.read_bytes().splitlines()


def parsed(line: bytes) -> dict[str, Any]:
    """A message in which no key stands twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)

    found: dict[str, Any] = json.loads(line, object_pairs_hook=once)
    return found


def test_a_dead_letter_is_the_record_with_its_error(tmp_path: Path) -> None:
    """A Singer message like any other, with one more key that says why, in all details."""
    schema, record = buried(tmp_path, RECORD)
    assert schema == SCHEMA.strip()
    assert parsed(record) == {**json.loads(RECORD), "error": ERROR}


def test_a_record_that_no_request_was_made_for_has_a_reason_only(tmp_path: Path) -> None:
    """Status and code are those of an answer, and there was none."""
    letters = DeadLetters(str(tmp_path), "run")
    letters.add("users", SCHEMA, RECORD, Rejected("user_id is missing"), NOW)
    letters.close()
    error = parsed(letters.path.read_bytes().splitlines()[1])["error"]
    assert error["reason"] == "user_id is missing"
    assert {error[key] for key in ("status", "code", "message", "request_id")} == {None}


def test_a_schema_is_written_once_before_its_records(tmp_path: Path) -> None:
    """The file begins with SCHEMA, and says it again only when it changes."""
    events = SCHEMA.replace(b"users", b"events")
    schemas = (SCHEMA, SCHEMA, events, SCHEMA, OTHER, OTHER, SCHEMA)
    lines = buried(tmp_path, *[RECORD] * len(schemas), schemas=schemas)
    told = [line + b"\n" if b"SCHEMA" in line else b"record" for line in lines]
    assert told == [
        *(SCHEMA, b"record", b"record"),
        *(events, b"record", b"record"),  # the schema of users still holds
        *(OTHER, b"record", b"record"),
        *(SCHEMA, b"record"),
    ]


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        b'{"record":{"id":1},"type":"RECORD","stream":"users"}',
        b'  {"type": "RECORD", "stream": "users", "record": {"id": 1}}  \r\n',
        b'{"type": "RECORD", "stream": "users", "record": {"id": 1, "error": 5}}',
        b'{"type": "RECORD", "stream": "users", "record": {"e": {"x": 1, "error": {"y": 2}}}}',
        b'{"type": "RECORD", "stream": "users", "record": {"text": "a, \\"error\\": b"}}',
        b'{"type": "RECORD", "record": {"id": 1, "error": 5}, "stream": "users"}',
        b'{"type": "RECORD", "record": {"a": [{"b": 1, "error": {}}]}, "version": 1}',
    ],
)
def test_a_replay_ends_with_one_error_and_the_record_untouched(
    tmp_path: Path, record: bytes
) -> None:
    """A dead letter that is rejected again says why this time, whatever stands in the record."""
    first = buried(tmp_path / "1", record)
    second = buried(tmp_path / "2", first[1])
    assert second == first
    assert parsed(second[1]) == {**json.loads(record), "error": ERROR}


NOT_OURS = b'{"reason": "theirs", "at": null}'


@pytest.mark.parametrize("value", [b"null", b"5", b'"no"', b"[]", b"{}", NOT_OURS, b"NaN"])
@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "RECORD", "stream": "users", "error": %s, "record": {"id": 1}}',
        b'{"type": "RECORD", "stream": "users", "record": {"id": 1}, "error": %s}',
        b'{"error": %s, "type": "RECORD", "stream": "users", "record": {"id": 1}}',
        b'{"type": "RECORD" , "error" :%s , "record": {"id": 1}, "stream": "users" }',
    ],
)
def test_a_key_error_of_the_tap_costs_nothing(tmp_path: Path, line: bytes, value: bytes) -> None:
    """The dead letter is the whole line, wherever the tap has such a key, and so is its replay."""
    record = line % value
    first = buried(tmp_path / "1", record)
    second = buried(tmp_path / "2", first[1])
    assert first[1].startswith(record.removesuffix(b"}"))
    assert second == first
    assert {**json.loads(first[1]), "error": ERROR} == json.loads(first[1])


def test_a_dead_letter_that_a_tool_wrote_anew_has_one_error_too(tmp_path: Path) -> None:
    """Such as `jq -c`, which leaves the blanks out."""
    letter = json.loads(buried(tmp_path / "1", RECORD)[1])
    again = buried(tmp_path / "2", json.dumps(letter, separators=(",", ":")).encode())
    assert parsed(again[1]) == letter


@pytest.mark.parametrize(
    "value",
    [
        b"NaN",
        b"[-Infinity, Infinity]",
        rb'"half of a pair: \ud800"',
        b"12345678901234567890.12345678901234567890",
        b"1.10",
        b"1E+400",
        '"Zoë 🦉"'.encode(),
        rb'"Zo\u00eb"',
        b'{"b": 1,   "a": 2}',
        b"[" * 200 + b"]" * 200,
    ],
    ids=lambda value: repr(value[:30]),
)
def test_a_record_is_kept_byte_for_byte(tmp_path: Path, value: bytes) -> None:
    """What it was rejected for is what the replay sends, even if it is no JSON by the letter."""
    start = b'{"type": "RECORD", "stream": "users", "record": {"id": 1, "x": ' + value + b"}"
    lines = buried(tmp_path, start + b"}\n")
    assert lines[1].startswith(start + b', "error": {')


def test_the_file_is_made_with_the_first_dead_letter(tmp_path: Path) -> None:
    """A run without any leaves nothing behind, and the directory needs no preparation."""
    letters = DeadLetters(str(tmp_path / "a" / "b"), "20240301T123000Z-1")
    letters.sync()
    assert not list(tmp_path.iterdir())
    letters.add("users", SCHEMA, RECORD, WHY, NOW)
    assert [one.name for one in (tmp_path / "a" / "b").iterdir()] == ["20240301T123000Z-1.singer"]
    letters.close()


def test_only_its_owner_can_read_a_dead_letter(tmp_path: Path) -> None:
    """It holds personal data, whatever the umask lets others read."""
    before = os.umask(0)
    try:
        buried(tmp_path, RECORD)
    finally:
        os.umask(before)
    made = tmp_path / "dead"
    assert [one.stat().st_mode & 0o777 for one in (made, made / "run.singer")] == [0o700, 0o600]


def test_a_dead_letter_is_in_the_file_at_once(tmp_path: Path) -> None:
    """A kill -9 loses none: nothing waits in a buffer of the process."""
    letters = DeadLetters(str(tmp_path), "run")
    letters.add("users", SCHEMA, RECORD, WHY, NOW)
    assert len(letters.path.read_bytes().splitlines()) == 2
    letters.close()


@pytest.mark.parametrize("directory", ["file", "file/below"])
def test_a_directory_that_can_t_be_written_stops_the_run(tmp_path: Path, directory: str) -> None:
    """No record may be settled whose dead letter is not there; the line names the setting."""
    (tmp_path / "file").touch()
    letters = DeadLetters(str(tmp_path / directory), "run")
    with pytest.raises(StorageError, match="Set dead_letter_dir to a directory that can"):
        letters.add("users", SCHEMA, RECORD, WHY, NOW)


def test_a_full_disk_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be written whole is as good as not written."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # half of it would be left
    letters = DeadLetters(str(tmp_path), "run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(SCHEMA) + 10, before[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            letters.add("users", SCHEMA, RECORD, WHY, NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert letters.path.read_bytes() == SCHEMA.strip() + b"\n"
    letters.close()
