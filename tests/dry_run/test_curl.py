"""The first requests of each stream, as commands that a person can read, and run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from dry_run.test_dry_run import DRY, EVENTS, PEOPLE, USERS, users
from support.process import record, run_target, writes

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

STRANGE = 'it\'s "quoted" `$HOME` \\ \n\t 日本 \N{GRINNING FACE} \x9b31m \u202e !x #y'


def commands(log: str) -> list[str]:
    """The `curl` commands in a log, each in all its lines."""
    return re.findall(r"^curl (?:.*\\\n)*.*", log, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_a_command_pasted_into_a_shell_does_what_the_run_would(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Once the key is in its variable: of each product, with whatever stands in the values."""
    messages = [
        USERS,
        record("users", id="it's", name=STRANGE),
        EVENTS,
        record("events", id="e1", user_id="it's", name="used"),
        PEOPLE,
        record("participants", email="o'hara@example.com", first_name=STRANGE),
        {**USERS, "stream": "userpilot_users"},
        record("userpilot_users", id="it's", name=STRANGE),
        {**USERS, "stream": "gone-users"},
        record("gone-users", id="it's gone/?", _sdc_deleted_at="2026-01-01T00:00:00Z"),
    ]
    config = {**sandbox.config, "hard_delete": True, "user_agent": "it's $HOME"}
    result = run_target(tmp_path, {**config, **DRY}, messages)
    found = commands(result.log)
    assert len(found) == 5
    keys = {
        f"TARGET_USERFLOW_{name.upper()}": key
        for name, key in sandbox.config.items()
        if name.endswith("key")
    }
    for one in found:
        done = subprocess.run(  # noqa: S603 - what is tested is that a shell may run it
            ["/bin/sh", "-c", one], env={**os.environ, **keys}, capture_output=True, check=True
        )
        assert b"error" not in done.stdout or b"it's gone" in done.stdout
    by_hand = writes(sandbox)
    sandbox.reset()
    run_target(tmp_path, config, messages)
    compared = ("api", "method", "path", "query", "user_agent", "body", "status")
    assert sorted(str([one[name] for name in compared]) for one in by_hand) == sorted(
        str([one[name] for name in compared]) for one in writes(sandbox)
    )


def test_three_requests_are_shown_of_each_stream_and_the_key_of_none(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The first three in the order read, with any way to authenticate; all others are counted."""
    people = [record("participants", email=f"p{n}@example.com") for n in range(450)]
    messages = [*users(9), PEOPLE, *people]
    for auth in ("bearer", "apikey"):
        config = {**sandbox.config, **DRY, "user_interviews_auth": auth}
        result = run_target(tmp_path, config, messages)
        assert "The first 3 of 9, " in result.log
        assert "The first 3 of 5, " in result.log
        found = commands(result.log)
        assert [f'"id":"u{n}"' in one for n, one in enumerate(found[:3])] == [True] * 3
        assert [f"p{n}00@example.com" in one for n, one in enumerate(found[3:]) if n] == [True] * 2
        assert len(found) == 6
        for name, key in sandbox.config.items():
            assert name.endswith("url") or key not in result.log


def test_a_long_body_is_cut_and_says_how_much_is_missing(sandbox: Sandbox, tmp_path: Path) -> None:
    """A batch of 100 is no reading matter."""
    people = [record("participants", email=f"p{n}@example.com") for n in range(100)]
    result = run_target(tmp_path, {**sandbox.config, **DRY}, [PEOPLE, *people])
    (one,) = commands(result.log)
    assert len(one) < 2_500
    left = re.search(r"# … and ([\d,]+) more characters$", one)
    assert left
    run_target(tmp_path, sandbox.config, [PEOPLE, *people])
    (sent,) = writes(sandbox)
    whole = len(json.dumps(sent["body"], separators=(",", ":")))
    assert int(left[1].replace(",", "")) == whole - 2_000
