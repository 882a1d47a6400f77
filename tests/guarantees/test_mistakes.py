"""The mistakes of the first hour, each with the one line that it gets.

What explains a mistake is all of the log that is no INFO: a warning, an error, or a line that bears
no level at all. Of the block that ends a run only the reasons of rejections count: the rest of it,
such as where the dead letters are and how to replay them, is the same after every such run.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from support.process import TARGET, config_file, record, run_target, schema, singer, writes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

KEY = "ak_zq7secret"
USERS = schema("users", {"id": "integer", "plan": "string"})
EVENTS = schema(
    "events", {"id": "integer", "user_id": "string", "group_id": "string", "name": "string"}
)
PARTICIPANTS = schema("participants", {"email": "string"}, keys=["email"])
ADA = record("users", id=1, plan="pro")
SIGNED_IN = record("events", id=1, user_id="1", name="signed in")
_HEAD = re.compile(r"^\S+ \S+ \| (\w+) +\| \S+ +\| ", re.MULTILINE)
_SUMMARY = "Needs attention\n"


@dataclass(frozen=True)
class Mistake:
    """What somebody does wrong, and what comes of it; `{home}` is the directory of the run."""

    what: str
    line: str
    config: dict[str, Any] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=lambda: [USERS, ADA])
    status: int = 1
    written: int = 0
    """How many requests are carried out all the same."""
    before: list[Any] = field(default_factory=list)
    """What an earlier run delivered."""
    amid: Callable[[Path], AbstractContextManager[Any]] = nullcontext
    """What the run meets on the disk."""


@contextmanager
def ledger_in_use(home: Path) -> Iterator[None]:
    """Another run has the ledger."""
    with closing(sqlite3.connect(home / "used.db", isolation_level=None)) as other:
        other.execute("create table theirs (id)")
        other.execute("begin exclusive")
        yield


@contextmanager
def file_in_the_way(home: Path) -> Iterator[None]:
    """A file stands where a directory is to be: not even root can write there."""
    (home / "file").touch()
    yield


MISTAKES = [
    Mistake(
        "no key",
        "Stream 'users' is routed to Userflow: set 'api_key' in the config, or "
        "TARGET_USERFLOW_API_KEY with --config ENV",
        {"api_key": None},
    ),
    Mistake(
        "a key with a newline",
        "Setting 'api_key' holds a space, a line break or another character that no key has: "
        "mind the end of the file or variable it comes from",
        {"api_key": f"{KEY}\n"},
    ),
    Mistake(
        "a key of the other region",
        "Userflow answered HTTP 401: the key is wrong, revoked or of another region. "
        "Check api_key, region and api_url",
        {"api_key": KEY},
    ),
    Mistake(
        "a misspelt setting",
        "There is no setting 'concurency'. Did you mean 'concurrency'?",
        {"concurency": 3},
    ),
    Mistake(
        "a column that is not there",
        "Stream 'users': streams.users.fields.user_id names column 'uuid', which the stream does "
        "not have. There are: id, plan",
        {"streams": {"users": {"fields": {"user_id": "uuid"}}}},
    ),
    Mistake(
        "a stream that routes nowhere",
        "Stream 'invoices' routes to no object. There are: users, groups, memberships, events, "
        "participants, userpilot_users, userpilot_companies, userpilot_events. Say which with the "
        'setting streams: {"invoices": {"object": "users"}} (or "ignore" to leave it out), or '
        'rename it with stream_maps: {"invoices": {"__alias__": "users"}}',
        messages=[schema("invoices", {"id": "integer"}), record("invoices", id=1)],
    ),
    Mistake(
        "a glob that fits no stream",
        "No stream of this run is named as in streams: crm-*. There were: users",
        {"streams": {"crm-*": {"object": "users"}}},
        status=0,
        written=1,
    ),
    Mistake(
        "CSV instead of Singer",
        "Line 1 is no JSON: Expecting value at column 1. Pipe a Singer tap into this "
        "(for a CSV file: tap-csv), which writes messages and nothing else",
        messages=[b"id,plan\n", b"1,pro\n"],
    ),
    Mistake(
        "nothing at all",
        "No message came in: pipe a tap into this, or look at the tap's log",
        messages=[],
        status=0,
    ),
    Mistake(
        "a tap that crashed half-way",
        "Line 3 is no JSON: Unterminated string starting at column 30. The input ends in the "
        "middle of it: the tap has stopped there, see its log",
        messages=[USERS, ADA, b'{"type": "RECORD", "stream": "use'],
    ),
    Mistake(
        "no concurrency at all",
        "Setting 'concurrency': 0 is less than the minimum of 1",
        {"concurrency": 0},
    ),
    Mistake(
        "http instead of https",
        "Setting 'api_url' must be https: http would send the key in the clear "
        "(allowed on loopback only). For a sandbox in another container, set allow_http to true",
        {"api_url": "http://api.userflow.com"},
    ),
    Mistake(
        "a path and a slash at the end of the URL",
        "Setting 'api_url' is a base URL: write only https://api.userflow.com, paths are the "
        "target's",
        {"api_url": "https://api.userflow.com/users/"},
    ),
    Mistake(
        "dead letters that can't be written",
        "Dead letters can't be written to {home}/file/<run>.singer: a file stands where a "
        "directory should be. Set dead_letter_dir to a directory that can",
        {"dead_letter_dir": "{home}/file"},
        [USERS, record("users", id=None)],
        amid=file_in_the_way,
    ),
    Mistake(
        "a ledger that can't be written",
        "Ledger {home}/file/ledger.db can't be read and written: a file stands where a directory "
        "should be. Mend its place, or bring back a copy of it. With another ledger, or with none, "
        "events that the tap sends again are delivered again",
        {"ledger": "{home}/file/ledger.db"},
        [EVENTS, SIGNED_IN],
        amid=file_in_the_way,
    ),
    Mistake(
        "a ledger that another run has",
        "Ledger {home}/used.db can't be read and written: database is locked. Another run has it: "
        "wait for its end, or give this one another ledger",
        {"ledger": "{home}/used.db", "ledger_wait": 0},
        [EVENTS, SIGNED_IN],
        amid=ledger_in_use,
    ),
    Mistake(
        "two columns that meet in one attribute",
        "Stream 'users': columns 'a.b' and 'a_b' meet in attribute 'a_b'. Rename or drop one of "
        "them with stream_maps",
        messages=[schema("users", {"id": "integer", "a.b": "string", "a_b": "string"})],
    ),
    Mistake(
        "events without the columns of a user or group",
        "Stream 'events' has no column for user_id or group_id; looked for user_id, group_id. "
        'Name it with streams: {"events": {"fields": {"user_id": "<column>"}}}',
        messages=[schema("events", {"id": "integer", "name": "string"})],
    ),
    Mistake(
        "an event without a user and a group",
        "1 rejected of events: neither user_id nor group_id is given",
        messages=[EVENTS, record("events", id=1, user_id=None, group_id=None, name="signed in")],
    ),
    Mistake(
        "participants without a column of emails",
        "Stream 'participants' has no column for email; looked for email. "
        'Name it with streams: {"participants": {"fields": {"email": "<column>"}}}',
        messages=[schema("participants", {"id": "integer"})],
    ),
    Mistake(
        "a participant without an email",
        "1 rejected of participants: `email`: email is missing or no text",
        messages=[PARTICIPANTS, record("participants", email=None)],
    ),
    Mistake(
        "an attribute of another type",
        "Stream 'users': user attribute 'logins' is a string in Userflow, and a number is sent. "
        'Have it converted with streams.users.data_types: {"logins": "string"}, or rename it with '
        "stream_maps",
        messages=[
            schema("users", {"id": "integer", "logins": "integer"}),
            record("users", id=2, logins=7),
        ],
        status=0,
        written=2,
        before=[
            schema("users", {"id": "integer", "logins": "string"}),
            record("users", id=1, logins="7"),
        ],
    ),
    Mistake(
        "hard_delete without a ledger",
        "Stream 'users': its tap sends versions, and without a ledger hard_delete can't tell what "
        "ACTIVATE_VERSION leaves behind. Set ledger, or set hard_delete to false",
        {"hard_delete": True, "ledger": ""},
        [
            USERS,
            {**ADA, "version": 1},
            {"type": "ACTIVATE_VERSION", "stream": "users", "version": 1},
        ],
    ),
]


def explanations(log: str) -> list[str]:
    """All of a log that is no INFO, as this file's docstring says."""
    _, *parts = _HEAD.split(f"\n{log}")
    said = [*zip(parts[::2], parts[1::2], strict=True)]
    bare = _HEAD.split(f"\n{log}")[0].strip()
    texts = [text.strip() for level, text in said if level != "INFO"]
    return [line for one in [bare, *texts] for line in _explaining(one)]


def _explaining(entry: str) -> list[str]:
    """An entry; of the block that ends a run only why records were rejected."""
    if entry.startswith(_SUMMARY):
        return [line for line in entry.splitlines() if " rejected of " in line]
    return [entry] if entry else []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.what)
def test_a_mistake_gets_one_line_that_says_what_to_do(
    sandbox: Sandbox, tmp_path: Path, mistake: Mistake
) -> None:
    """It names the setting, the stream or the line, no key, and the status tells good from bad."""
    config = {
        name: value.replace("{home}", str(tmp_path)) if isinstance(value, str) else value
        for name, value in {**sandbox.config, **mistake.config}.items()
    }
    if mistake.before:
        assert run_target(tmp_path, sandbox.config, mistake.before).status == 0
    with mistake.amid(tmp_path):
        result = run_target(tmp_path, config, mistake.messages)
    told = [re.sub(r"[^/]+\.singer", "<run>.singer", one) for one in explanations(result.log)]
    assert told == [mistake.line.replace("{home}", str(tmp_path))]
    assert result.status == mistake.status
    assert len([one for one in writes(sandbox) if one["status"] < 300]) == mistake.written
    assert "Traceback" not in result.log
    assert KEY not in result.log


def test_a_traceback_is_there_for_who_debugs(tmp_path: Path) -> None:
    """TARGET_USERFLOW_LOGLEVEL=debug shows where the one line comes from, and no key."""
    quiet, loud = (_logged(tmp_path, level) for level in ("info", "debug"))
    assert [one.count("Traceback (most recent call last)") for one in (quiet, loud)] == [0, 1]
    assert explanations(quiet)[0] in loud
    assert KEY not in loud


def _logged(home: Path, level: str) -> str:
    """The log of a run with a stream that routes nowhere; the level is read at the very start."""
    done = subprocess.run(  # noqa: S603 - our own module
        [*TARGET, "--config", str(config_file(home, {"api_key": KEY}))],
        input=singer([schema("invoices", {"id": "integer"})]),
        capture_output=True,
        check=False,
        cwd=home,
        env={"PATH": "/usr/bin:/bin", "TARGET_USERFLOW_LOGLEVEL": level},
        timeout=60,
    )
    return done.stderr.decode()
