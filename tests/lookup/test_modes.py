"""Which records a write mode lets pass, by what is known to exist."""

from __future__ import annotations

from typing import Any

import pytest

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.listing import ExistingObject
from target_userflow.apis.messages import Request
from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.settings import StreamOptions
from target_userflow.errors import ConfigError
from target_userflow.lookup.existing_objects import ExistingObjects
from target_userflow.lookup.write_modes import Insert, Update, UpsertMode, check
from target_userflow.mapping.columns import Stream

USERS = OBJECT_TYPES["users"]
EXISTING_ID = "ada"


class NoReads:
    """An API that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        """Fail the test."""
        raise AssertionError(name)


def pending(id_: str, method: str = "POST") -> PendingRecord:
    request = Request(method, "/users", {}, id_, (id_,), idempotent=True)
    return PendingRecord(request, source=None, observer=None)  # type: ignore[arg-type] # modes look at neither


@pytest.fixture
def existing() -> ExistingObjects:
    """Users, of which one was written by this run."""
    objects = ExistingObjects(USERS, NoReads(), attributes=())
    objects.add(ExistingObject(EXISTING_ID))
    return objects


def test_upsert_lets_all_pass() -> None:
    """Whatever exists."""
    assert UpsertMode().refusal(pending("anybody")) is None


def test_update_lets_pass_what_exists(existing: ExistingObjects) -> None:
    """The reason for the others names the mode."""
    mode = Update(existing)
    assert mode.refusal(pending(EXISTING_ID)) is None
    assert mode.refusal(pending("bob")) == "does not exist yet, and mode is update"


def test_insert_lets_pass_what_does_not_exist(existing: ExistingObjects) -> None:
    """And the deletion of what does."""
    mode = Insert(existing)
    assert mode.refusal(pending(EXISTING_ID)) == "exists already, and mode is insert"
    assert mode.refusal(pending(EXISTING_ID, "DELETE")) is None
    assert mode.refusal(pending("bob")) is None


def test_what_was_deleted_exists_no_more(existing: ExistingObjects) -> None:
    """Within the run that deletes it."""
    existing.remove(EXISTING_ID)
    assert Update(existing).refusal(pending(EXISTING_ID)) is not None
    assert Insert(existing).refusal(pending(EXISTING_ID)) is None


@pytest.mark.parametrize("kind", ["users", "memberships", "participants"])
def test_the_name_of_an_event_goes_with_events_alone(kind: str) -> None:
    """A stream of events that is called like its users would make users of its rows."""
    stream = Stream(kind, {}, (), StreamOptions(event_name="signed up"))
    with pytest.raises(ConfigError, match=f"event_name names events, and .* routed to {kind}"):
        check(OBJECT_TYPES[kind], stream)
    check(OBJECT_TYPES["events"], stream)
    check(OBJECT_TYPES["userpilot_events"], stream)
