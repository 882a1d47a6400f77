"""One stream of a tap becomes several: a dead letter is of one of them, and goes there again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema, writes

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

pytestmark = pytest.mark.smoke

SIGNUPS = schema("signups", {"id": "string", "plan": "string", "event": "string"}, keys=[])
MAPS = {
    "signups": {"__alias__": "users", "event": None},
    "events": {"__source__": "signups", "user_id": "id", "id": None},
}
ADA = record("signups", id="ada", plan="pro", event="signed up")
REFUSAL = json.dumps({"error": {"code": "invalid_request", "message": "not now"}})


def refuse(sandbox: Sandbox, *paths: str) -> None:
    """Have the next request to each of these paths refused."""
    sandbox.script([{"path": p, "status": 400, "body": REFUSAL, "times": 1} for p in paths])


def config(sandbox: Sandbox, maps: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**sandbox.config, "stream_maps": maps or MAPS}


def letters(home: Path) -> list[dict[str, Any]]:
    """The dead letters of all runs that are still there."""
    lines = [
        json.loads(line)
        for path in sorted((home / "dead-letters").glob("*.singer"))
        for line in path.read_bytes().splitlines()
    ]
    return [line for line in lines if line["type"] == "RECORD"]


def streams(home: Path) -> list[str]:
    """The streams that the dead letters are of."""
    return sorted(one["error"]["stream"] for one in letters(home))


def taken_out(home: Path) -> list[bytes]:
    """The lines of the dead letters, which are there no more."""
    (path,) = (home / "dead-letters").glob("*.singer")
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink()
    return lines


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        pytest.param("/users", "users", id="the user was refused"),
        pytest.param("/events", "events", id="the event was refused"),
    ],
)
def test_a_replay_goes_to_the_stream_that_the_dead_letter_is_of(
    sandbox: Sandbox, tmp_path: Path, path: str, stream: str
) -> None:
    """An event without a key that was delivered before is not sent again, and nor is its user."""
    refuse(sandbox, path)
    assert run_target(tmp_path, config(sandbox), [SIGNUPS, ADA]).status == 1
    assert streams(tmp_path) == [stream]
    before = len(writes(sandbox))
    replay = run_target(tmp_path, config(sandbox), taken_out(tmp_path))
    assert replay.status == 0, replay.log
    assert [one["path"] for one in writes(sandbox)[before:]] == [path]
    assert len(sandbox.state()["events"]) == 1
    assert sandbox.state()["users"]["ada"]["attributes"]["plan"] == "pro"


def test_what_both_streams_reject_is_a_dead_letter_of_each(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """With a reason each; a replay brings each of them where it belongs, once."""
    refuse(sandbox, "/users", "/events")
    assert run_target(tmp_path, config(sandbox), [SIGNUPS, ADA]).status == 1
    assert streams(tmp_path) == ["events", "users"]
    sent = len(writes(sandbox))
    replay = run_target(tmp_path, config(sandbox), taken_out(tmp_path))
    assert replay.status == 0, replay.log
    assert sorted(one["path"] for one in writes(sandbox)[sent:]) == ["/events", "/users"]


def test_a_replay_that_is_rejected_again_stays_a_dead_letter_of_its_stream(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """However often: the file has the row once, with the reason of the last time."""
    refuse(sandbox, "/users")
    assert run_target(tmp_path, config(sandbox), [SIGNUPS, ADA]).status == 1
    for _ in range(2):
        refuse(sandbox, "/users")
        assert run_target(tmp_path, config(sandbox), taken_out(tmp_path)).status == 1
        (letter,) = letters(tmp_path)
        assert letter["error"]["stream"] == "users"
        assert letter["record"] == ADA["record"]
    assert len(sandbox.state()["events"]) == 1


@pytest.mark.parametrize(
    ("maps", "row"),
    [
        pytest.param(MAPS, {"id": "ada", "event": "a.b"}, id="before the request"),
        pytest.param(
            {**MAPS, "events": {**MAPS["events"], "name": "event.upper()"}},
            {"id": "ada", "event": None},
            id="in the stream map",
        ),
    ],
)
def test_what_is_rejected_before_any_request_says_its_stream_too(
    sandbox: Sandbox, tmp_path: Path, maps: dict[str, Any], row: dict[str, Any]
) -> None:
    """The user was delivered, and so the letter is the event's alone."""
    messages = [SIGNUPS, record("signups", plan="pro", **row)]
    result = run_target(tmp_path, config(sandbox, maps), messages)
    assert result.status == 1, result.log
    assert streams(tmp_path) == ["events"]
    assert list(sandbox.state()["users"]) == ["ada"]


def test_a_row_that_was_rejected_for_one_stream_is_still_new_for_the_other(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A row at the bookmark comes again: what is in the dead letters is of the other stream."""
    for path in ("/users", "/events", "/users"):
        refuse(sandbox, path)
        run_target(tmp_path, config(sandbox), [SIGNUPS, ADA])
    assert streams(tmp_path) == ["events", "users"]


def test_a_letter_of_a_stream_that_is_no_more_goes_to_all_that_there_are(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """The stream map was mended by another name; nothing is dropped, and it is said."""
    maps = {"signups": {"__alias__": "people"}}
    wrong = {**config(sandbox, maps), "streams": {"people": {"object": "groups", "mode": "upsert"}}}
    refuse(sandbox, "/groups")
    assert run_target(tmp_path, wrong, [SIGNUPS, ADA]).status == 1
    assert streams(tmp_path) == ["people"]
    replay = run_target(tmp_path, config(sandbox), taken_out(tmp_path))
    assert replay.status == 0, replay.log
    assert (len(sandbox.state()["users"]), len(sandbox.state()["events"])) == (1, 1)
    assert replay.log.count("Some dead letters of 'signups' are of 'people'") == 1


@pytest.mark.parametrize("error", [None, "late", {"stream": "users"}, {"reason": "x"}])
def test_an_error_that_the_tap_wrote_routes_nothing(
    sandbox: Sandbox, tmp_path: Path, error: Any
) -> None:
    """Only a dead letter says which stream it is of."""
    result = run_target(tmp_path, config(sandbox), [SIGNUPS, {**ADA, "error": error}])
    assert result.status == 0, result.log
    assert (len(sandbox.state()["users"]), len(sandbox.state()["events"])) == (1, 1)
