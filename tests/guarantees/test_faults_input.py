"""The fault matrix, rows of the input: lines that are no Singer, and records that are odd."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.invariants import EVENTS, MARK, USERS, Row, event, user, users, with_states
from support.process import run_target, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

ANY = schema("users", {"n": {}, "user_id": {}, "value": {}}, keys=["user_id"])
"""A schema that every value is valid by."""


def line(number: int, value: str) -> bytes:
    """A RECORD whose value is any text, JSON or not."""
    text = f'{{"n": {number}, "user_id": "{MARK}-{number}", "value": {value}}}'
    return f'{{"type": "RECORD", "stream": "users", "record": {text}}}\n'.encode()


def around(bad: bytes) -> list[Any]:
    """Two good users, a bad one and another good one, with STATEs."""
    return [ANY, *with_states([user(1), user(2), bad, user(4)])]


# The line is at fault: the run stops


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"type": "RECORD", "stream"\n', "is no JSON"),
        (b'{"type": "RECORD", "stream": "users", "record": {"n": "\xff"}}\n', "is not UTF-8"),
        (b"Traceback (most recent call last):\n".replace(b"T", b"t"), "is no JSON"),
        (b'{"type": "RECORD", "stream": "unheard", "record": {}}\n', "before a corresponding"),
        (b'{"type": "SCHEMA", "stream": "users", "schema": {"type": 1}}\n', "invalid schema"),
        (b'{"type": "BATCH", "stream": "users"}\n', "BATCH"),
        (b'{"type": "STATE", "value": {"read": "\\ud800"}}\n', "surrogate"),
    ],
    ids=["json", "utf-8", "text", "no schema", "invalid schema", "batch", "unwritable state"],
)
def test_a_line_that_is_no_singer_stops_the_run_with_its_number(
    sandbox: Sandbox, tmp_path: Path, bad: bytes, reason: str
) -> None:
    """Exit 1, one line with the number and without what stands there, no STATE past it."""
    row = Row(sandbox, tmp_path, [*users(3), bad, *with_states([user(4)], 4)])
    result = row.run()
    assert ["Line 8" in one and reason in one for one in result.errors] == [True], result.errors
    row.messages.remove(bad)
    row.check(result, 1)


def test_a_schema_that_no_run_can_start_with_stops_it_before_any_request(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A stream without a column for the id: exit 1, and the line says how to name one."""
    no_id = schema("groups", {"n": "integer"}, keys=[])
    row = Row(sandbox, tmp_path, [USERS, user(1), state({"read": 1}), no_id])
    result = row.run()
    assert ["'fields'" in one or '"fields"' in one for one in result.errors] == [True]
    assert not sandbox.requests()
    row.messages.remove(no_id)
    row.check(result, 1, read=0)


# The record is at fault: a dead letter, and no request


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "NaN or infinite"),
        ("-Infinity", "NaN or infinite"),
        ("1e999999999999999999999", "NaN or infinite"),
        ("9" * 5000, "NaN or infinite"),
        ('"\\ud800"', "surrogate"),
        ("[" * 2000 + "]" * 2000, "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
    ],
    ids=["nan", "-inf", "exponent", "digits", "surrogate", "2,000 deep", "100,000"],
)
def test_a_value_that_no_api_takes_is_a_dead_letter(
    sandbox: Sandbox, tmp_path: Path, value: str, reason: str
) -> None:
    """The others are delivered, no request is made, and a replay ends the same way."""
    row = Row(sandbox, tmp_path, around(line(3, value)), bad={3})
    result = row.run()
    (path,) = (tmp_path / "dead-letters").iterdir()
    (letter,) = (one for one in path.read_bytes().splitlines() if b'"error": ' in one)
    assert reason in json.loads(letter.rpartition(b'"error": ')[2][:-1])["reason"]
    assert len(sandbox.requests()) == 3
    row.check(result, 1, read=4)
    replayed = run_target(tmp_path, {**row.settings, "max_rejects": 1}, [path.read_bytes()])
    assert replayed.status == 0, replayed.log


def test_a_record_that_breaks_its_schema_is_a_dead_letter(sandbox: Sandbox, tmp_path: Path) -> None:
    """Invalid by the schema, without an id, with a bad name: all said, and no request made."""
    bad = [user(2, value=1), user(3, user_id=" "), event(5, name="é"), event(6, user_id=None)]
    records = [user(1), *bad[:2], event(4), *bad[2:]]
    row = Row(sandbox, tmp_path, [USERS, EVENTS, *with_states(records)], bad={2, 3, 5, 6})
    result = row.run()
    reasons = [one["error"]["reason"] for one in row.dead_letters]
    assert [one.split()[0] for one in reasons] == ["'value'", "`user_id`:", "`name`:", "neither"]
    assert len(sandbox.requests()) == 2
    row.check(result, 1, read=6)


def test_a_record_that_a_stream_map_fails_on_is_a_dead_letter(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """An expression that one value does not suit costs that record, not the run."""
    maps = {"users": {"spare": "str(10 // int(n - 2))"}}
    row = Row(sandbox, tmp_path, users(4), {"stream_maps": maps}, bad={2})
    result = row.run()
    assert [one["record"]["n"] for one in row.dead_letters] == [2]
    assert "ZeroDivisionError" in row.dead_letters[0]["error"]["reason"]
    row.holds(result, 1, read=4)
    kept = [one["attributes"] for one in sandbox.state()["users"].values()]
    assert {one["n"]: one["spare"] for one in kept} == {1: "-10", 3: "10", 4: "5"}


# Nothing is at fault


def test_the_order_of_one_key_survives_a_change_of_schema(sandbox: Sandbox, tmp_path: Path) -> None:
    """SCHEMA changes in mid-stream: the last version of each user is the one that stays."""
    wider = {**USERS, "schema": {**USERS["schema"], "additionalProperties": True}}
    one, other = (
        [user(number, user_id=f"{MARK}-{number % 5}") for number in range(start, start + 20)]
        for start in (1, 21)
    )
    messages = [USERS, *with_states(one), wider, *with_states(other, 21)]
    row = Row(sandbox, tmp_path, messages, {"batch_size_rows": 5})  # so that none are merged
    result = row.run()
    kept = {one["attributes"]["n"] for one in sandbox.state()["users"].values()}
    assert kept == {36, 37, 38, 39, 40}
    row.check(result, read=40)


def test_the_last_of_equal_keys_in_a_line_counts(sandbox: Sandbox, tmp_path: Path) -> None:
    """JSON with a key twice: as every JSON parser takes it."""
    row = Row(sandbox, tmp_path, around(line(3, f'"first", "value": "{MARK} 3"')))
    result = row.run()
    assert sandbox.state()["users"][f"{MARK}-3"]["attributes"]["value"] == f"{MARK} 3"
    row.check(result, read=4)


@pytest.mark.parametrize(
    ("messages", "states"),
    [
        ([], []),
        ([b"\n", b"  \r\n"], []),
        ([USERS], []),
        ([state({"read": 0})], [{"read": 0}]),
        ([USERS, state({"read": 0}), EVENTS, state({"read": 0})], [{"read": 0}]),
    ],
    ids=["empty", "blank lines", "no records", "state only", "schemas and states"],
)
def test_a_run_without_records_does_nothing_and_passes_its_state_on(
    sandbox: Sandbox, tmp_path: Path, messages: list[Any], states: list[Any]
) -> None:
    """Empty input, 0 records, STATE only: exit 0, no request, and the last STATE comes out."""
    row = Row(sandbox, tmp_path, messages)
    result = row.run()
    assert result.states == states
    assert not sandbox.requests()
    row.check(result)
