"""A sample run delivers the first records of each stream, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.process import record, run_target, schema, state, writes

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

USERS = schema("users", {"id": "string", "plan": "string"})
EVENTS = schema("events", {"id": "string", "user_id": "string", "name": "string"})


def messages(name: str = "used") -> list[Any]:
    """Five users, and an event of each."""
    users = [record("users", id=f"u{n}", plan="pro") for n in range(5)]
    events = [record("events", id=f"e{n}", user_id=f"u{n}", name=name) for n in range(5)]
    return [USERS, *users, EVENTS, *events, state(1)]


def test_a_sample_run_is_followed_by_the_whole(sandbox: Sandbox, tmp_path: Path) -> None:
    """It writes no STATE; the next run delivers everything, and no event twice."""
    config = {**sandbox.config, "skip_unchanged": True}
    result = run_target(tmp_path, {**config, "limit": 2}, messages())
    assert (result.status, result.states, len(writes(sandbox))) == (0, [], 4)
    assert "'users': its first 2 records were taken, and 3 left, as limit is 2" in result.log
    assert f"GET {sandbox.url}/users/u0" in result.log
    whole = run_target(tmp_path, config, messages())
    assert (whole.status, whole.states) == (0, [1])
    sent = writes(sandbox)[4:]
    assert [one["path"] for one in sent].count("/users") == 5
    assert len(sandbox.state()["events"]) == 5


def test_an_event_that_the_sample_showed_to_be_wrong_is_sent_again(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Once its mapping is mended: what was only looked at hides nothing."""
    run_target(tmp_path, {**sandbox.config, "limit": 2}, messages("sued"))
    assert run_target(tmp_path, sandbox.config, messages()).status == 0
    names = [event["name"] for event in sandbox.state()["events"]]
    assert sorted(names) == ["sued", "sued", *["used"] * 5]


def test_a_sample_run_deletes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """What it did not read is not gone."""
    config = {**sandbox.config, "hard_delete": True, "max_delete_ratio": 1}
    activate = {"type": "ACTIVATE_VERSION", "stream": "users"}
    for version, limit in ((1, {}), (2, {"limit": 1})):
        rows = [{**record("users", id=f"u{n}"), "version": version} for n in range(3)]
        run_target(tmp_path, {**config, **limit}, [USERS, *rows, {**activate, "version": version}])
    assert len(sandbox.state()["users"]) == 3
