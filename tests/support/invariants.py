"""What must hold after every row of the fault matrix, whatever the row did.

Records are numbered in the order read, and a STATE after each says how many were read before it:
so a STATE that came out too early can be told from the numbers alone.
"""

from __future__ import annotations

import atexit
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.process import Result, record, run_target, schema, state
from support.taps import run_here

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

    Message = Any

MARK = "zq7"
"""Stands in every id and value of the records, and nowhere else."""
COLUMNS = {"n": "integer", "user_id": "string", "name": "string", "value": "string"}
USERS = schema("users", COLUMNS, keys=["user_id"])
EVENTS = schema("events", COLUMNS, keys=["n"])
IDS = {
    "users": "user_id",
    "participants": "email",
    "userpilot_users": "user_id",
    "userpilot_companies": "company_id",
}
"""The column that is the id, of the streams whose records replace each other; others are events."""
_VALUE = re.compile(rf"{MARK} (\d+)")
_NUMBER = re.compile(rb'"n": ?(\d+)')
_METRIC = re.compile(
    r'"metric":"record_count","value":(\d+),"tags":\{"stream":"(\w+)","status":"(\w+)"'
)
_held: list[str] = []
"""The rows after which everything held."""


@atexit.register
def _say() -> None:
    if _held:
        print(f"faults: all invariants held after {len(_held)} rows")  # noqa: T201 - the figure to quote


def user(number: int, **values: Any) -> dict[str, Any]:
    """The user that is the record of this number."""
    own = {"user_id": f"{MARK}-{number}", "value": f"{MARK} {number}"}
    return record("users", n=number, **{**own, **values})


def event(number: int, **values: Any) -> dict[str, Any]:
    """The event that is the record of this number."""
    own = {"user_id": f"{MARK}-{number}", "name": "signed in", "value": f"{MARK} {number}"}
    return record("events", n=number, **{**own, **values})


def with_states(records: list[Message], first: int = 1) -> list[Message]:
    """Records, and after each the STATE that says how many were read."""
    return [
        one for number, each in enumerate(records, first) for one in (each, state({"read": number}))
    ]


def users(count: int) -> list[Message]:
    """So many users."""
    return [USERS, *with_states([user(number) for number in range(1, count + 1)])]


def users_and_events(count: int) -> list[Message]:
    """So many records, by turns users and events."""
    ones = [(user if number % 2 else event)(number) for number in range(1, count + 1)]
    return [USERS, EVENTS, *with_states(ones)]


@dataclass
class Row:
    """One row of the matrix: the same input twice, with the fault and without it."""

    sandbox: Sandbox
    home: Path
    messages: list[Message]
    config: dict[str, Any] = field(default_factory=dict)
    bad: set[int] = field(default_factory=set)
    """Records that are rejected with and without the fault."""
    """What runs the target as a process of its own."""

    def run(self, **config: Any) -> Result:
        """The run with the fault."""
        return run_target(self.home, {**self.settings, **config}, self.messages)

    @property
    def settings(self) -> dict[str, Any]:
        """The config of both runs."""
        quick = {"concurrency": 4, "max_retry_seconds": 10, "request_timeout": 5}
        return {**self.sandbox.config, **quick, **self.config}

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        """What was rejected, as it stands in the files."""
        return [json.loads(line) for line in self._buried()]

    def holds(self, result: Result, status: int, *, read: int | None = None) -> None:
        """Check what one run promises.

        Args:
            result: How it ended.
            status: The exit status that it should have had.
            read: What the last STATE should say; by default any that is safe.
        """
        assert result.status == status, result.log
        assert "Traceback" not in result.log
        last = [value["read"] for value in result.states]
        assert last == sorted(last)
        if read is not None:
            assert (last or [0])[-1] == read, result.log
        settled = self._numbers() & set(range(1, (last or [0])[-1] + 1))
        assert settled <= _written(self.sandbox) | self._buried_numbers()
        self._keeps_secrets(result)

    def converges(self) -> None:
        """Run again without the fault: everything is there, events once but for those in doubt."""
        before = self.sandbox.state()
        self.sandbox.reset()
        again = run_here(self.home, {**self.settings, "max_rejects": len(self.bad)}, self.messages)
        assert again.status == 0
        after = self.sandbox.state()
        assert {**_kept(before), **_kept(after)} == self._expected_kept()
        copies = Counter(numbers_of_events(before) + numbers_of_events(after))
        assert copies.keys() == {one["n"] for stream, one in self._expected() if stream not in IDS}
        doubled = sum(copies.values()) - len(copies)
        doubts = [counts.get("in_doubt", 0) for counts in again.counts.values()]
        assert doubled <= self.in_doubt + sum(doubts)
        _held.append(self.home.name)

    in_doubt: int = 0
    """Repetitions that the run with the fault counted as in doubt."""

    def check(self, result: Result, status: int = 0, *, read: int | None = None) -> None:
        """Check the run with the fault, and then that one without it makes up for everything."""
        self.in_doubt = sum(one.get("in_doubt", 0) for one in counts(result).values())
        self.holds(result, status, read=read)
        self.converges()

    def _records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for one in self.messages:
            message = one if isinstance(one, dict) else _readable(one)
            if message.get("type") == "RECORD" and "n" in message["record"]:
                yield message["stream"], message["record"]

    def _numbers(self) -> set[int]:
        return {one["n"] for _, one in self._records()}

    def _expected(self) -> Iterator[tuple[str, dict[str, Any]]]:
        return (one for one in self._records() if one[1]["n"] not in self.bad)

    def _expected_kept(self) -> dict[tuple[str, str], dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for stream, one in self._expected():
            if stream in IDS:
                values = {name: value for name, value in one.items() if name != IDS[stream]}
                merged = {**found.get((stream, one[IDS[stream]]), {}), **values}
                kept = {name: value for name, value in merged.items() if value is not None}
                found[stream, one[IDS[stream]]] = kept
        return found

    def _buried(self) -> Iterator[bytes]:
        for path in sorted((self.home / "dead-letters").glob("*.singer")):
            yield from (one for one in path.read_bytes().splitlines() if b'"error": ' in one)

    def _buried_numbers(self) -> set[int]:
        return {int(found[1]) for one in self._buried() if (found := _NUMBER.search(one))}

    def _keeps_secrets(self, result: Result) -> None:
        """The keys stand nowhere but in the config, and the records only in the dead letters."""
        keys = [value for name, value in self.sandbox.config.items() if name.endswith("api_key")]
        said = result.log + json.dumps(result.states)
        assert [one for one in [MARK, *keys] if one in said] == []
        for path in (one for one in self.home.rglob("*") if one.is_file()):
            if path.name != "config.json":
                written = path.read_bytes()
                assert [one for one in keys if one.encode() in written] == [], path
                assert path.suffix == ".singer" or MARK.encode() not in written, path


def _written(sandbox: Sandbox) -> set[int]:
    """The numbers of the records that were written, also of those that others replaced."""
    bodies = [one["body"] for one in sandbox.requests() if one["applied"]]
    return {int(number) for number in _VALUE.findall(json.dumps(bodies, default=str))}


def _kept(there: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """What is kept under an id, by its stream and the id."""
    pilot = there["userpilot"]
    by_stream = {
        "users": {id_: one["attributes"] for id_, one in there["users"].items()},
        "participants": {
            email: {name: value for name, value in one.items() if name != "email"}
            for email, one in there["participants"].items()
        },
        "userpilot_users": {id_: one["metadata"] for id_, one in pilot["users"].items()},
        "userpilot_companies": {id_: one["metadata"] for id_, one in pilot["companies"].items()},
    }
    return {(stream, id_): one for stream, ones in by_stream.items() for id_, one in ones.items()}


def numbers_of_events(there: Mapping[str, Any]) -> list[int]:
    """The numbers of the events; `n` is their key, so it stands in the value."""
    events = [one["attributes"] for one in there["events"]]
    events += [one["metadata"] for one in there["userpilot"]["events"]]
    return [int(one["value"].split()[-1]) for one in events]


def counts(result: Result) -> dict[str, dict[str, int]]:
    """The counts of a run's summary by stream, as its log tells them."""
    found: dict[str, dict[str, int]] = {}
    for value, stream, outcome in _METRIC.findall(result.log):
        found.setdefault(stream, {})[outcome] = int(value)
    return found


def never_early(sandbox: Sandbox, seconds: float, concurrency: int) -> None:
    """No request starts within so many seconds of a 429, but those in flight when it was read.

    The sandbox has to be slow enough for a worker to have one request in that instant, not two.
    """
    asked = sandbox.requests()
    (refused,) = [one for one in asked if one["status"] == 429]
    told = refused["at"] + refused["duration_ms"] / 1000
    early = [one for one in asked if told < one["at"] < refused["at"] + seconds]
    assert len(early) < concurrency


def _readable(line: bytes) -> dict[str, Any]:
    """The message on a line that may be none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
