"""The exit status and the config: what a scheduler, and a person at a terminal, go by."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support.invariants import MARK, USERS, Row, user, users, with_states
from support.process import TARGET, config_file, run_target, state

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox


def rejecting(*numbers: int) -> list[Any]:
    """Five users, of which these have no id."""
    ones = [user(n, user_id=None) if n in numbers else user(n) for n in range(1, 6)]
    return [USERS, *with_states(ones)]


def start(home: Path, *arguments: str, messages: bytes = b"", **env: str) -> tuple[int, str, str]:
    """Run the command in another environment: its status, and what it wrote to both streams."""
    done = subprocess.run(  # noqa: S603 - our own module
        [*TARGET, *arguments],
        input=messages,
        capture_output=True,
        cwd=home,
        env={"PATH": "/usr/bin:/bin", **env},
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# Rejected records


@pytest.mark.parametrize(("allowed", "status"), [(0, 1), (1, 1), (2, 0)])
def test_max_rejects_tells_an_alert_from_a_good_run(
    sandbox: Sandbox, tmp_path: Path, allowed: int, status: int
) -> None:
    """Exit 0 up to max_rejects, else 1, and either way the others are delivered and STATE out."""
    row = Row(sandbox, tmp_path, rejecting(2, 4), {"max_rejects": allowed}, bad={2, 4})
    result = row.run()
    assert "Once their cause is mended, replay them with" in result.log
    row.check(result, status, read=5)


def test_dead_letters_are_replayed_as_they_are(sandbox: Sandbox, tmp_path: Path) -> None:
    """Once the cause is mended, `target-userflow --config … < file` delivers them, exit 0."""
    refusal = json.dumps({"error": {"code": "invalid", "message": "no", "request_id": "req_1"}})
    sandbox.script([{"status": 400, "body": refusal, "times": 2}])
    row = Row(sandbox, tmp_path, users(5))
    first = row.run()
    (path,) = (tmp_path / "dead-letters").glob("*.singer")
    config = str(config_file(tmp_path, row.settings))
    status, states, log = start(tmp_path, "--config", config, messages=path.read_bytes())
    assert (first.status, status, states) == (1, 0, ""), log
    assert len(sandbox.state()["users"]) == 5
    assert list((tmp_path / "dead-letters").iterdir()) == [path]
    row.check(first, 1, read=5)


# The config, before the first line is read


def test_all_that_is_wrong_with_a_config_is_said_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each problem names its setting; a misspelt one gets the nearest; nothing is read or sent."""
    wrong = {
        "concurency": 3,
        "max_retry_seconds": "soon",
        "abort_reject_ratio": 2,
        "streams": {"users": {"objekt": "users"}},
    }
    result = run_target(tmp_path, {**sandbox.config, **wrong}, [state({"read": 0})])
    assert (result.status, result.states) == (1, [])
    for said in (
        "There is no setting 'concurency'. Did you mean 'concurrency'?",
        "Setting 'max_retry_seconds'",
        "Setting 'abort_reject_ratio'",
        "'streams.users.objekt'. Did you mean 'object'?",
    ):
        assert said in result.log
    assert "Traceback" not in result.log
    assert sandbox.api_key not in result.log


def test_a_key_with_a_line_break_is_never_printed(sandbox: Sandbox, tmp_path: Path) -> None:
    """It came from a file with a newline at its end: that is said, and the key is not."""
    result = run_target(tmp_path, {**sandbox.config, "api_key": f"{MARK}\n"}, users(1))
    assert (result.status, result.states, sandbox.requests()) == (1, [], [])
    assert "Setting 'api_key'" in result.log
    assert MARK not in result.log
    assert "Traceback" not in result.log


@pytest.mark.parametrize("url", ["http://api.example.com", "api.example.com", "https://[::1"])
def test_a_url_that_could_leak_the_key_is_refused(tmp_path: Path, url: str) -> None:
    """No http but on loopback, and nothing that is no base URL."""
    result = run_target(tmp_path, {"api_key": "k", "api_url": url}, [state({"read": 0})])
    assert (result.status, result.states) == (1, [])
    assert "Setting 'api_url'" in result.log
    assert "Traceback" not in result.log


@pytest.mark.parametrize("agent", ["two\nlines", "no latin letter: 山"])
def test_a_user_agent_that_no_header_can_hold_is_refused(
    sandbox: Sandbox, tmp_path: Path, agent: str
) -> None:
    """It is found before the first request, not by a traceback in its midst."""
    result = run_target(tmp_path, {**sandbox.config, "user_agent": agent}, users(1))
    assert (result.status, result.states, sandbox.requests()) == (1, [], [])
    assert "Setting 'user_agent'" in result.log
    assert "Traceback" not in result.log


def test_a_key_is_asked_for_when_a_stream_needs_it(tmp_path: Path) -> None:
    """Without api_key the first stream that is routed to Userflow stops the run, and says so."""
    ignoring = {"streams": {"users": {"object": "ignore"}}}
    needed, ignored = (run_target(tmp_path, one, users(1)) for one in ({}, ignoring))
    assert (needed.status, needed.states) == (1, [])
    assert ["'api_key'" in line for line in needed.errors] == [True]
    assert (ignored.status, ignored.states) == (0, [{"read": 1}])


@pytest.mark.parametrize("text", [None, "{", "[]"], ids=["missing", "no JSON", "no object"])
def test_a_config_file_that_is_none_is_named(tmp_path: Path, text: str | None) -> None:
    """Exit with an error, name the file in a line, and read nothing."""
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    status, states, log = start(tmp_path, "--config", "config.json", messages=b"no Singer")
    assert (status != 0, states) == (True, "")
    assert "config.json" in log
    assert "Traceback" not in log


def test_a_config_may_come_from_the_environment_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    """`--config ENV`: every setting by its name in capitals."""
    variables = {
        "TARGET_USERFLOW_API_KEY": sandbox.api_key,
        "TARGET_USERFLOW_API_URL": sandbox.url,
        "TARGET_USERFLOW_MAX_REJECTS": "1",
        "TARGET_USERFLOW_STREAMS": '{"people": {"object": "users"}}',
    }
    messages = [{**one, "stream": "people"} for one in (USERS, user(1), user(2, user_id=None))]
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in messages)
    status, _, log = start(tmp_path, "--config", "ENV", messages=lines, **variables)
    assert status == 0, log
    assert list(sandbox.state()["users"]) == [f"{MARK}-1"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("CONCURRENCY", "many"), ("STREAMS", "{users}"), ("MAX_REJECTS", "-1"), ("REGION", "moon")],
)
def test_a_variable_with_a_bad_value_is_named(tmp_path: Path, name: str, value: str) -> None:
    """The line names the setting or its variable, and nothing is read."""
    variables = {"TARGET_USERFLOW_API_KEY": "k", f"TARGET_USERFLOW_{name}": value}
    status, states, log = start(tmp_path, "--config", "ENV", messages=b"no Singer", **variables)
    assert (status != 0, states) == (True, "")
    assert f"TARGET_USERFLOW_{name}" in log or f"'{name.lower()}'" in log
    assert "is no JSON: Expecting value at column 1" not in log  # of the input
    assert "Traceback" not in log
