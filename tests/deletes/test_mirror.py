"""`mirror`: memberships that a stream read in full does not hold come to an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema, state, writes
from support.taps import run_here

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

MEMBERS = schema(
    "memberships", {"user_id": "string", "group_id": "string"}, keys=["user_id", "group_id"]
)
Pair = tuple[str, str]


def members(pairs: Iterable[Pair], **more: Any) -> list[Any]:
    return [
        {**record("memberships", user_id=user, group_id=group), **more} for user, group in pairs
    ]


def mirrored(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    """A config that mirrors, with no ledger to know anything by."""
    streams = {"memberships": {"mirror": True}}
    own = {"streams": streams, "hard_delete": True, "max_delete_ratio": 0.5, "ledger": ""}
    return {**sandbox.config, **own, **more}


def there(sandbox: Sandbox) -> set[Pair]:
    """The memberships that exist."""
    users = sandbox.state()["users"]
    return {(user, group) for user, one in users.items() for group in one["memberships"]}


BEFORE = [("u1", "g1"), ("u1", "g2"), ("u2", "g1"), ("u3", "g1"), ("u4", "g4")]
"""Made elsewhere; neither u4 nor g4 is among what the stream holds."""
HELD = [("u1", "g1"), ("u2", "g1"), ("u2", "g3")]
AFTER = {*HELD, ("u4", "g4")}


@pytest.fixture
def before(sandbox: Sandbox, tmp_path: Path) -> None:
    config = {**sandbox.config, "ledger": ""}
    run_here(tmp_path, config, [MEMBERS, *members(BEFORE)])


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(
    "messages",
    [
        [*members(HELD), state(1)],
        [
            *members(HELD, version=7),
            {"type": "ACTIVATE_VERSION", "stream": "memberships", "version": 7},
        ],
        [
            {"type": "ACTIVATE_VERSION", "stream": "memberships", "version": 7},
            *members(HELD, version=7),
            state(1),
        ],
    ],
    ids=["end of input", "version after the records", "version ahead of them"],
)
def test_what_the_stream_does_not_hold_ends(
    sandbox: Sandbox, tmp_path: Path, messages: list[Any]
) -> None:
    """Those of its users and of its groups, whoever made them; others are no concern of it."""
    result = run_target(tmp_path, mirrored(sandbox), [MEMBERS, *messages])
    assert result.status == 0, result.log
    assert there(sandbox) == AFTER


@pytest.mark.usefixtures("before")
def test_users_and_groups_may_be_called_user_and_group(sandbox: Sandbox, tmp_path: Path) -> None:
    """A membership of the user `user` says nothing of the user that is called as its group is."""
    held = [("user", "u4"), ("g4", "group"), *BEFORE[:4]]
    result = run_here(tmp_path, mirrored(sandbox), [MEMBERS, *members(held), state(1)])
    assert result.status == 0
    assert there(sandbox) == {*held, ("u4", "g4")}


@pytest.mark.usefixtures("before")
def test_a_stream_that_may_be_cut_off_ends_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """No STATE after its last record: the tap may have broken off."""
    result = run_target(tmp_path, mirrored(sandbox), [MEMBERS, state(1), *members(HELD)])
    assert result.status == 0, result.log
    assert there(sandbox) == {*BEFORE, *HELD}
    assert "no STATE came after its last record" in result.log


@pytest.mark.usefixtures("before")
def test_no_more_than_the_allowed_share_ends(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of the five that its users and groups have, the stream leaves two behind."""
    config = mirrored(sandbox, max_delete_ratio=0.3)
    result = run_target(tmp_path, config, [MEMBERS, *members(HELD), state(1)])
    assert result.status == 1
    assert "mirror would end 2 of the 5 memberships" in result.log
    assert there(sandbox) == {*BEFORE, *HELD}


@pytest.mark.usefixtures("before")
def test_a_record_that_is_rejected_for_its_ids_leaves_everything(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Nobody knows which membership it holds."""
    unnamed = record("memberships", user_id="u1", group_id=None)
    config = mirrored(sandbox, max_rejects=1)
    result = run_target(tmp_path, config, [MEMBERS, *members(HELD), unnamed, state(1)])
    assert "rejected before it was known whose they are" in result.log
    assert there(sandbox) == {*BEFORE, *HELD}


def test_a_mirror_needs_hard_delete_and_memberships(sandbox: Sandbox, tmp_path: Path) -> None:
    """With the setting in the line, before anything is sent."""
    messages = [MEMBERS, *members(HELD)]
    soft = run_target(tmp_path, mirrored(sandbox, hard_delete=False), messages)
    assert soft.status == 1
    assert "streams.memberships.mirror' deletes: set hard_delete to true" in soft.log
    streams = {"memberships": {"mirror": True, "object": "users"}}
    users = run_target(tmp_path, mirrored(sandbox, streams=streams), messages)
    assert users.status == 1
    assert "mirror ends memberships, and the stream is routed to users" in users.log
    assert not writes(sandbox)


@pytest.mark.usefixtures("before")
def test_a_stream_without_a_record_ends_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """It names no user and no group whose memberships it would hold."""
    result = run_here(tmp_path, mirrored(sandbox), [MEMBERS, state(1)])
    assert result.status == 0
    assert there(sandbox) == {*BEFORE}


@pytest.mark.usefixtures("before")
def test_a_stream_that_is_compared_is_mirrored_all_the_same(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """What is there already is not sent, and counts as held."""
    config = mirrored(sandbox, skip_unchanged="destination")
    result = run_here(tmp_path, config, [MEMBERS, *members(HELD), state(1)])
    assert result.counts["memberships"] == {"received": 3, "unchanged": 2, "delivered": 1} | {
        "deleted": 2
    }
    assert there(sandbox) == AFTER
