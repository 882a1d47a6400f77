"""Which object a stream is, and which of its columns is what: by settings, or else by names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config import routing
from target_userflow.config.settings import OBJECTS, StreamOptions
from target_userflow.errors import ConfigError
from target_userflow.mapping.columns import Stream

if TYPE_CHECKING:
    from target_userflow.apis.mapper import Mapper

EVENTS, USERS = StreamOptions("events"), StreamOptions("users")

UID = {"fields": {"user_id": "uid"}}


def routed(stream: str, streams: dict[str, StreamOptions]) -> str:
    return routing.object_of(stream, routing.options_of(stream, streams))


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("users", "users"),
        ("groups", "groups"),
        ("memberships", "memberships"),
        ("events", "events"),
        ("participants", "participants"),
        ("userpilot_users", "userpilot_users"),
        ("public-userpilot_companies", "userpilot_companies"),
        ("raw__userpilot_events", "userpilot_events"),
        ("companies", "groups"),
        ("accounts", "groups"),
        ("group_memberships", "memberships"),
        ("public-users", "users"),
        ("public.users", "users"),
        ("raw__users", "users"),
        ("crm/users", "users"),
        ("analytics-public.raw__crm/users", "users"),
        ("public-group_memberships", "memberships"),
        ("Users", "users"),
        ("PUBLIC-ACCOUNTS", "groups"),
        ("raw__Group_Memberships", "memberships"),
    ],
)
def test_the_last_part_of_a_name_says_which_object_it_is(stream: str, expected: str) -> None:
    """Names are split at - . __ and /, in any case, and the usual other names are known."""
    assert routed(stream, {}) == expected


@pytest.mark.parametrize(
    "stream",
    ["customers", "users-archive", "app_users", "user", "users-", "users_v2", "", "ignore"],
)
def test_a_name_that_says_nothing_is_never_guessed_at(stream: str) -> None:
    """What only resembles an object, or has it before the last part, has to be routed."""
    with pytest.raises(ConfigError):
        routed(stream, {})


def test_the_error_says_what_there_is_and_both_ways_out() -> None:
    """Whoever reads it can copy the setting or the stream map from it."""
    with pytest.raises(ConfigError) as caught:
        routed("public-customers", {"orders": USERS})
    message = str(caught.value)
    assert "Stream 'public-customers'" in message
    assert ", ".join(OBJECTS) in message
    assert 'streams: {"public-customers": {"object": "users"}}' in message
    assert '"ignore"' in message
    assert 'stream_maps: {"public-customers": {"__alias__": "users"}}' in message


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        pytest.param({"public-users": EVENTS}, "events", id="a name wins over the stream's own"),
        pytest.param({"public-*": EVENTS}, "events", id="a glob"),
        pytest.param({"*": EVENTS}, "events", id="a glob for all"),
        pytest.param({"public-user?": EVENTS}, "events", id="a question mark"),
        pytest.param({"public-[tu]*": EVENTS}, "events", id="a set of characters"),
        pytest.param({"*": EVENTS, "public-users": USERS}, "events", id="the glob written first"),
        pytest.param({"public-users": USERS, "*": EVENTS}, "users", id="the name written first"),
        pytest.param({"PUBLIC-*": EVENTS}, "users", id="a glob of another case does not fit"),
        pytest.param({"users": EVENTS}, "users", id="a name fits the whole stream name only"),
        pytest.param({"*": StreamOptions("ignore")}, "ignore", id="left out on purpose"),
        pytest.param(
            {"*": StreamOptions(nulls="omit"), "public-users": EVENTS},
            "users",
            id="the first match without an object leaves it to the name",
        ),
    ],
)
def test_the_first_match_in_the_order_written_routes_a_stream(
    streams: dict[str, StreamOptions], expected: str
) -> None:
    """`public-users` goes where the first name or glob of `streams` that fits it says."""
    assert routed("public-users", streams) == expected


def test_all_options_come_from_the_one_match() -> None:
    """Options of a later match are not mixed in: what is written first is what holds."""
    streams = {"public-*": StreamOptions(nulls="omit"), "*": StreamOptions(event_name="seen")}
    assert routing.options_of("public-users", streams) == StreamOptions(nulls="omit")
    assert routing.options_of("crm-users", streams) == StreamOptions(event_name="seen")
    assert routing.options_of("users", {}) == StreamOptions()


def test_a_name_with_brackets_matches_itself() -> None:
    """A stream whose name would read as a glob can still be named."""
    assert routed("users[2024]", {"users[2024]": USERS}) == "users"


def mapper(kind: str, columns: list[str], keys: list[str], **options: Any) -> Mapper:
    """The mapping of a stream with these columns."""
    properties: dict[str, Any] = {column: {} for column in columns}
    return OBJECT_TYPES[kind].mapper(Stream(kind, properties, keys, StreamOptions(**options)))


def taken(kind: str, columns: str, keys: str = "", **options: Any) -> str:
    """`role=column` for each role that was found, and `+column` for each attribute."""
    names = columns.split()
    request = mapper(kind, names, keys.split(), **options)({name: name for name in names})
    body = dict(request.payload or {})
    attributes = body.pop("attributes")
    return " ".join(
        [*(f"{role}={one}" for role, one in body.items()), *map("+{}".format, attributes)]
    )


@pytest.mark.parametrize(
    ("kind", "columns", "keys", "options", "expected"),
    [
        ("users", "user_id id", "", {}, "id=user_id +id"),
        ("users", "id uid", "uid", {}, "id=id +uid"),
        ("users", "uid plan", "uid", {}, "id=uid +plan"),
        ("users", "id uid", "", UID, "id=uid +id"),
        ("users", "user_id uid", "user_id", UID, "id=uid +user_id"),
        ("groups", "id group_id", "", {}, "id=group_id +id"),
        ("groups", "id name", "", {}, "id=id +name"),
        ("groups", "org user_id", "org", {}, "id=org +user_id"),
        ("groups", "id org", "", {"fields": {"group_id": "org"}}, "id=org +id"),
        ("events", "user_id name", "", {}, "name=name user_id=user_id"),
        ("events", "group_id event", "", {}, "name=event group_id=group_id"),
        (
            "events",
            "user_id group_id event name event_name",
            "",
            {},
            "name=event_name user_id=user_id group_id=group_id +event +name",
        ),
        ("events", "uid name", "", UID, "name=name user_id=uid"),
        ("events", "user_id name event", "", {}, "name=event user_id=user_id +name"),
        (
            "events",
            "user_id name what",
            "",
            {"fields": {"name": "what"}},
            "name=what user_id=user_id +name",
        ),
        ("events", "user_id name", "", {"event_name": "seen"}, "name=seen user_id=user_id +name"),
        ("events", "id user_id name amount", "id", {}, "name=name user_id=user_id +amount"),
        ("events", "id user_id name amount", "", {}, "name=name user_id=user_id +id +amount"),
    ],
)
def test_roles_are_found_by_name(
    kind: str, columns: str, keys: str, options: Any, expected: str
) -> None:
    """The first name that is there, or what `fields` says; all other columns are attributes."""
    assert taken(kind, columns, keys, **options) == expected


def test_a_membership_needs_a_user_and_a_group() -> None:
    """Both are ids in the request, and neither is an attribute."""
    columns = ["user_id", "org", "role"]
    made = mapper("memberships", columns, columns[:2], fields={"group_id": "org"})
    assert made({"user_id": 1, "org": 2, "role": "admin"}).payload == {
        "id": "1",
        "memberships": [{"attributes": {"role": "admin"}, "group": {"id": "2"}}],
    }


@pytest.mark.parametrize(
    ("kind", "columns", "keys", "options", "says"),
    [
        ("users", "email", "", {}, ["user_id", "id", '"fields": {"user_id"']),
        ("users", "a b", "a b", {}, ["no column for user_id"]),
        ("memberships", "user_id", "user_id", {}, ["no column for group_id"]),
        ("memberships", "group_id id", "id", {}, ["no column for user_id"]),
        ("events", "name", "", {}, ["user_id or group_id"]),
        ("events", "user_id", "", {}, ["event_name, event, name"]),
        ("users", "id", "", {"fields": {"user": "id"}}, ["no role 'user'", "user_id"]),
        ("users", "id", "", UID, ["fields.user_id", "'uid'", "There are: id"]),
        ("events", "user_id", "", {"event_name": "a.b"}, ["event_name 'a.b'", "a-z A-Z 0-9"]),
        ("events", "user_id", "", {"event_name": ""}, ["event_name ''"]),
        ("events", "user_id name x", "", {"operations": {"x": "add"}}, ["no operations"]),
        ("users", "id", "", {"operations": {"x": "add"}}, ["operations", "'x'"]),
        ("users", "id", "", {"data_types": {"id": "string"}}, ["data_types", "'id'"]),
        ("users", "id a.b a_b", "", {}, ["'a.b'", "'a_b'", "stream_maps"]),
    ],
)
def test_a_schema_that_does_not_fit_fails_the_run(
    kind: str, columns: str, keys: str, options: Any, says: list[str]
) -> None:
    """The line names the stream, and what is missing or wrong."""
    with pytest.raises(ConfigError) as caught:
        mapper(kind, columns.split(), keys.split(), **options)
    assert all(text in str(caught.value) for text in [f"Stream '{kind}'", *says]), caught.value
