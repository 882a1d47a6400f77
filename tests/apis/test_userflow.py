"""From records to Userflow's requests: users, groups, memberships and events."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.apis.userflow import reading
from target_userflow.config.settings import StreamOptions
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.values import encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_userflow.apis.messages import Request

ACME = {"id": "1", "attributes": {"name": "Acme"}}
SUM = {"logins": {"add": 1}}


def short(value: object) -> str:
    """A test's id that shows what is given."""
    return repr(value)[:50]


def request(kind: str, record: dict[str, Any], keys: Sequence[str] = ()) -> Request:
    """What is sent for a record, which has all columns of its stream."""
    columns: dict[str, Any] = {column: {} for column in record}
    return OBJECT_TYPES[kind].mapper(Stream(kind, columns, keys, StreamOptions()))(record)


def body(kind: str, record: dict[str, Any], keys: Sequence[str] = ()) -> Any:
    return json.loads(encoded(request(kind, record, keys).payload), parse_float=Decimal)


def user(**columns: Any) -> Any:
    return body("users", {"id": "u", **columns})


def event(**columns: Any) -> Any:
    return body("events", {"user_id": "u", "name": "paid", **columns}, keys=["id"])


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("7f1c9f3e-2b1a", "7f1c9f3e-2b1a"),
        (" 7 ", "7"),
        ("\tab c\n", "ab c"),
        ("N/A1", "N/A1"),
        ("007", "007"),
        (7, "7"),
        (0, "0"),
        (-7, "-7"),
        (2**53 + 1, "9007199254740993"),
        (2**70, "1180591620717411303424"),
        (Decimal("1.0"), "1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("12345678901234567890.00"), "12345678901234567890"),
        (Decimal("-0.0"), "0"),
        (1.0, "1"),
    ],
)
@pytest.mark.parametrize("kind", ["users", "groups"])
def test_an_id_is_text_on_the_wire(kind: str, value: Any, wire: str) -> None:
    """Text is kept but for blanks around it, whole numbers become their decimal text."""
    assert body(kind, {"id": value})["id"] == wire


NO_IDS = [None, "", " ", "\t\n", True, False, [], ["a"], {}, {"id": 1}, 1.5, Decimal("0.1")]
NO_IDS += ["null", "None", "NIL", " nan ", "undefined", "N/A", "n/a"]
NO_IDS += [float("nan"), float("inf"), Decimal("1E+999999999"), Decimal("1E-999999999"), "\ud800"]


@pytest.mark.parametrize("value", NO_IDS, ids=short)
@pytest.mark.parametrize(
    ("kind", "role", "others"),
    [
        ("users", "user_id", {}),
        ("groups", "group_id", {}),
        ("memberships", "user_id", {"group_id": "g"}),
        ("memberships", "group_id", {"user_id": "u"}),
        ("events", "user_id", {"name": "paid"}),
        ("events", "group_id", {"name": "paid"}),
    ],
)
def test_what_is_no_id_rejects_the_record(kind: str, role: str, others: Any, value: Any) -> None:
    """Null, empty, blank, boolean, nested and fractional ids never reach the API."""
    with pytest.raises(RejectRecord, match=r"id|number|surrogate"):
        body(kind, {role: value, **others})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"groups": [ACME]}, {"groups": [ACME]}),
        ({"groups": ["a", 2]}, {"groups": [{"id": "a"}, {"id": "2"}]}),
        ({"groups": []}, {"groups": []}),
        ({"groups": None}, {}),
        (
            {"groups": [{"id": 1, "attributes": {"a": {"b": None}}}]},
            {"groups": [{"id": "1", "attributes": {"a_b": None}}]},
        ),
        (
            {"memberships": [{"group": ACME, "attributes": SUM}]},
            {"memberships": [{"group": ACME, "attributes": SUM}]},
        ),
        ({"memberships": [{"group": {"id": 1}}]}, {"memberships": [{"group": {"id": "1"}}]}),
        ({"group_id": 1}, {"groups": [{"id": "1"}]}),
        ({"group_id": 1, "group_attributes": {"name": "Acme"}}, {"groups": [ACME]}),
        ({"group_id": 1, "group_attributes": None}, {"groups": [{"id": "1"}]}),
        ({"groups": '[{"id": "1", "attributes": {"name": "Acme"}}]'}, {"groups": [ACME]}),
        ({"memberships": '[{"group": {"id": 1}}]'}, {"memberships": [{"group": {"id": "1"}}]}),
        (
            {"group_id": '["a", 12345678901234567890]'},
            {"groups": [{"id": "a"}, {"id": "12345678901234567890"}]},
        ),
        ({"group_id": "1", "group_attributes": '{"name": "Acme"}'}, {"groups": [ACME]}),
        ({"group_id": "[a"}, {"groups": [{"id": "[a"}]}),
        ({"groups": [" a "]}, {"groups": [{"id": "a"}]}),
        ({"group_id": [1, "b"]}, {"groups": [{"id": "1"}, {"id": "b"}]}),
        ({"group_id": None, "group_attributes": {"name": "Acme"}}, {}),
        (
            {"groups": ["a"], "prune_memberships": True},
            {"groups": [{"id": "a"}], "prune_memberships": True},
        ),
        ({"groups": ["a"], "prune_memberships": False}, {"groups": [{"id": "a"}]}),
        ({"group_id": None, "prune_memberships": True}, {"groups": [], "prune_memberships": True}),
        ({"groups": None, "prune_memberships": True}, {}),
        ({"prune_memberships": True}, {}),
        ({"groups": ["a"], "memberships": None, "group_id": None}, {"groups": [{"id": "a"}]}),
        (
            {"groups": ["a"], "group_id": None, "prune_memberships": True},
            {"groups": [{"id": "a"}], "prune_memberships": True},
        ),
    ],
    ids=short,
)
def test_a_user_brings_its_groups(columns: dict[str, Any], expected: dict[str, Any]) -> None:
    """As the API takes them, or as ids; `prune_memberships` only goes with a list."""
    assert user(**columns) == {"id": "u", "attributes": {}, **expected}


@pytest.mark.parametrize(
    "columns",
    [
        {"groups": ["a"], "memberships": []},
        {"groups": ["a"], "group_id": "b"},
        {"memberships": [], "group_id": "b"},
        {"groups": "a"},
        {"groups": [None]},
        {"groups": [{"attributes": {}}]},
        {"groups": [{"id": "a", "name": "Acme"}]},
        {"groups": [{"id": "a", "attributes": ["Acme"]}]},
        {"groups": [["a"]]},
        {"memberships": ["a"]},
        {"memberships": [{"id": "a"}]},
        {"memberships": [{"group": "a"}]},
        {"memberships": [{"group": ACME, "role": "admin"}]},
        {"group_id": ""},
        {"group_id": "null"},
        {"groups": ["None"]},
        {"memberships": [{"group": {"id": "n/a"}}]},
        {"group_id": '["a", "undefined"]'},
        {"group_id": '{"id": "a"}'},
        {"groups": '{"id": "a"}'},
        {"groups": "[" * 2000 + "]" * 2000},
        {"group_id": ["a", None]},
        {"group_id": "a", "group_attributes": "Acme"},
        {"group_id": ["a", "b"], "group_attributes": {"name": "Acme"}},
        {"groups": ["a"], "prune_memberships": "yes"},
        {"groups": ["a"], "prune_memberships": 1},
    ],
    ids=short,
)
def test_groups_that_the_api_would_not_take_reject_the_user(columns: dict[str, Any]) -> None:
    """Groups XOR memberships, each of a known shape: a request for less would lose something."""
    with pytest.raises(RejectRecord, match=r"group|membership|deep"):
        user(**columns)


def test_an_event_carries_what_happened_when_and_to_whom() -> None:
    """No key of the table, no nulls, the time in UTC, and nested objects flattened."""
    columns = {"id": 7, "amount": Decimal("9.90"), "coupon": None, "cart": {"set": 1, "b": None}}
    found = event(**columns, group_id=2**53 + 1, time="2024-03-01T10:00:00+01:00")
    assert found == {
        "name": "paid",
        "user_id": "u",
        "group_id": "9007199254740993",
        "attributes": {"amount": Decimal("9.90"), "cart_set": 1},
        "time": "2024-03-01T09:00:00Z",
    }


@pytest.mark.parametrize("column", ["time", "timestamp", "occurred_at"])
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("2024-03-01T09:00:00", {"time": "2024-03-01T09:00:00Z"}),
        ("2024-03-01", {"time": "2024-03-01T00:00:00Z"}),
        ("20240301", {"time": "2024-03-01T00:00:00Z"}),
        (1709287200, {"time": "2024-03-01T10:00:00Z"}),
        ("1709287200123", {"time": "2024-03-01T10:00:00.123000Z"}),
        ("2024-03-01 09:00:00 UTC", {"time": "2024-03-01T09:00:00Z"}),
        (datetime(2024, 3, 1, 9, tzinfo=timezone.utc), {"time": "2024-03-01T09:00:00Z"}),
        (None, {}),
    ],
    ids=short,
)
def test_an_event_s_time_is_found_by_name(column: str, value: Any, sent: dict[str, str]) -> None:
    """Any of the usual names; a stream map may have computed it; without one the API takes now."""
    expected = {"name": "paid", "user_id": "u", "attributes": {}, **sent}
    assert event(**{column: value}) == expected


@pytest.mark.parametrize(
    "value",
    ["yesterday", "", "infinity", "0000-00-00", 2024, "2024", True, ["2024-03-01"]],
    ids=short,
)
def test_a_time_that_is_none_rejects_the_event(value: Any) -> None:
    """It would be recorded as having happened now."""
    with pytest.raises(RejectRecord, match="time"):
        event(time=value)


@pytest.mark.parametrize("name", ["order.paid", "payé", "a/b", "", " ", None, 5, True], ids=short)
def test_an_illegal_event_name_rejects_the_event(name: Any) -> None:
    """It is never renamed: two kinds of events could become one."""
    with pytest.raises(RejectRecord, match="event name"):
        event(name=name)


def test_blanks_around_an_event_name_are_taken_off() -> None:
    """A column of a fixed width pads it, and the padded name would be defined for good."""
    columns = ("user_id", "event")
    stream = Stream("events", {column: {} for column in columns}, (), StreamOptions())
    events = OBJECT_TYPES["events"].mapper(stream)
    payloads = [events({"user_id": "u", "event": name}).payload for name in ("paid  ", "paid")]
    assert [payload["name"] for payload in payloads if payload] == ["paid", "paid"]
    assert events.take_remarks() == {"blanks around an event name are taken off": 1}


def test_an_event_of_nobody_is_rejected() -> None:
    """Of user_id and group_id one has to be given."""
    with pytest.raises(RejectRecord, match="neither user_id nor group_id"):
        event(user_id=None, group_id=None)


def test_what_the_replication_adds_is_no_attribute() -> None:
    """`_sdc_` columns say how a row came here, nothing about a user."""
    assert user(_sdc_lsn=5, _sdc_deleted_at=None, plan="pro")["attributes"] == {"plan": "pro"}


@pytest.mark.parametrize(
    ("kind", "record", "path", "key"),
    [
        ("users", {"id": 7}, "/users", "user 7"),
        ("groups", {"id": 7}, "/groups", "group 7"),
        ("memberships", {"user_id": 7, "group_id": 8}, "/users", "user 7"),
        ("events", {"user_id": 7, "name": "a"}, "/events", "user 7"),
    ],
    ids=short,
)
def test_requests_about_one_thing_are_kept_in_order(
    kind: str, record: Any, path: str, key: str
) -> None:
    """They share a key, and thereby a lane; all go to the documented endpoints."""
    made = request(kind, record)
    assert (made.method, made.path, made.ordering_key) == ("POST", path, key)


@pytest.mark.parametrize(
    ("kind", "record", "repeatable"),
    [
        ("users", {"id": 1, "logins": 1}, True),
        ("users", {"id": 1, "logins": {"set_once": 1}, "tags": {"append": "a"}}, True),
        ("users", {"id": 1, "logins": {"add": 1}}, False),
        ("users", {"id": 1, "credit": {"subtract": 1}}, False),
        ("users", {"id": 1, "groups": [ACME]}, True),
        ("users", {"id": 1, "groups": [{"id": 1, "attributes": SUM}]}, False),
        ("users", {"id": 1, "group_id": 1, "group_attributes": SUM}, False),
        ("users", {"id": 1, "memberships": [{"group": {"id": 1}, "attributes": SUM}]}, False),
        ("users", {"id": 1, "memberships": [{"group": {"id": 1, "attributes": SUM}}]}, False),
        ("groups", {"id": 1, "seats": 1}, True),
        ("groups", {"id": 1, "seats": {"add": 1}}, False),
        ("memberships", {"user_id": 1, "group_id": 1, "role": "admin"}, True),
        ("memberships", {"user_id": 1, "group_id": 1, "visits": {"add": 1}}, False),
        ("events", {"user_id": 1, "name": "paid"}, False),
    ],
    ids=short,
)
def test_events_and_sums_are_not_repeatable(kind: str, record: Any, *, repeatable: bool) -> None:
    """Sent twice, they count twice; everything else may be sent again."""
    assert request(kind, record).idempotent is repeatable


@pytest.mark.parametrize(
    ("kind", "record", "reason"),
    [
        ("users", {"id": None}, "`id`: user_id is missing"),
        ("users", {"id": "null"}, "`id`: user_id is the word null, and no id"),
        ("users", {"id": "u", "groups": [{"id": ""}]}, "`groups`: a group's id is blank"),
        ("users", {"id": "u", "group_id": ["a", " "]}, "`group_id`: a group's id is blank"),
        (
            "users",
            {"id": "u", "group_id": "g", "group_attributes": {"ann@example.com": float("nan")}},
            "`group_attributes`: a number is NaN",
        ),
        ("events", {"user_id": "u", "name": "a", "time": "soon"}, "`time`: a date-time is not ISO"),
        (
            "events",
            {"user_id": "u", "event": "a/b"},
            "`event`: the event name is missing or illegal",
        ),
        (
            "memberships",
            {"user_id": "u", "group_id": "N/A"},
            "`group_id`: it is the word N/A",
        ),
    ],
    ids=short,
)
def test_a_rejection_names_the_column(kind: str, record: dict[str, Any], reason: str) -> None:
    """Whatever it holds: an id, a list, a time, a name or an attribute."""
    with pytest.raises(RejectRecord) as rejected:
        request(kind, record)
    assert str(rejected.value).startswith(reason)


@pytest.mark.parametrize(
    ("id_", "path"),
    [
        (".", "/users/%2E"),
        ("..", "/users/%2E%2E"),
        ("a/b", "/users/a%2Fb"),
        ("...", "/users/%2E%2E%2E"),
    ],
)
def test_a_look_up_asks_for_the_id_and_nothing_above_it(id_: str, path: str) -> None:
    """A path of dots alone would be another place, as for deletions."""
    by_id = reading.USERS.by_id
    assert by_id
    assert by_id(id_) == path
