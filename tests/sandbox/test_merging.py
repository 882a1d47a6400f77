"""What the sandbox keeps of a valid request is what the Userflow API reference says it keeps."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from target_userflow.sandbox.apis.userflow.attributes import merge
from target_userflow.sandbox.apis.userflow.paged_dict import PagedDict
from target_userflow.sandbox.apis.userflow.store import Store
from target_userflow.sandbox.http import strict_json


@pytest.fixture
def store() -> Store:
    """An empty environment whose clock ticks once for each look at it."""
    ticks = count(1)
    return Store(now=lambda: f"2026-01-01T00:00:{next(ticks):02d}Z")


def definitions(store: Store) -> dict[str, str]:
    """The attribute definitions there are, with their types."""
    known, _ = store.attribute_definitions.page(None, 100)
    return {
        f"{definition['scope']} {definition['name']}": definition["data_type"]
        for definition in known
    }


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ('{"a": 1}', '{"b": 2}', '{"a":1,"b":2}'),
        ('{"a": 1}', '{"a": 2}', '{"a":2}'),
        ('{"a": 1}', '{"a": "x"}', '{"a":"x"}'),
        ('{"a": 1, "b": 1}', '{"a": null}', '{"b":1}'),
        ("{}", '{"a": null}', "{}"),
        ('{"a": ["x"]}', '{"a": []}', '{"a":[]}'),
        ('{"a": 1}', '{"a": {"set": 2}}', '{"a":2}'),
        ('{"a": 1}', '{"a": {"set": null}}', "{}"),
        ('{"a": 1}', '{"a": {"set_once": 2}}', '{"a":1}'),
        ('{"a": false}', '{"a": {"set_once": true}}', '{"a":false}'),
        ("{}", '{"a": {"set_once": 2}}', '{"a":2}'),
        ("{}", '{"a": {"add": 2}}', '{"a":2}'),
        ('{"a": 3}', '{"a": {"add": 2}}', '{"a":5}'),
        ('{"a": 0.1}', '{"a": {"add": 0.2}}', '{"a":0.3}'),
        ('{"a": 9007199254740992}', '{"a": {"add": 1}}', '{"a":9007199254740993}'),
        ('{"a": 1.00}', '{"a": {"add": 1}}', '{"a":2.00}'),
        ('{"a": "x"}', '{"a": {"add": 2}}', '{"a":2}'),
        ("{}", '{"a": {"subtract": 2}}', '{"a":-2}'),
        ("{}", '{"a": {"subtract": 0.5}}', '{"a":-0.5}'),
        ('{"a": 0.3}', '{"a": {"subtract": 0.1}}', '{"a":0.2}'),
        ("{}", '{"a": {"append": "x"}}', '{"a":["x"]}'),
        ('{"a": ["x"]}', '{"a": {"append": "y"}}', '{"a":["x","y"]}'),
        ('{"a": ["x", "y"]}', '{"a": {"append": ["x", "z", "z"]}}', '{"a":["x","y","z"]}'),
        ("{}", '{"a": {"prepend": ["x", "y"]}}', '{"a":["x","y"]}'),
        ('{"a": ["x"]}', '{"a": {"prepend": ["y", "x", "y"]}}', '{"a":["y","x"]}'),
        ('{"a": ["x", "y"]}', '{"a": {"remove": "x"}}', '{"a":["y"]}'),
        ('{"a": ["x", "y"]}', '{"a": {"remove": ["y", "z"]}}', '{"a":["x"]}'),
        ("{}", '{"a": {"remove": "x"}}', '{"a":[]}'),
        (
            "{}",
            '{"a": "2026-01-01T01:00:00+01:00"}',
            '{"a":"2026-01-01T00:00:00Z"}',
        ),
        ("{}", '{"a": "2026-01-01"}', '{"a":"2026-01-01"}'),
        (
            "{}",
            '{"a": {"set": "2026-01-01", "data_type": "datetime"}}',
            '{"a":"2026-01-01T00:00:00Z"}',
        ),
        (
            "{}",
            '{"a": {"set": "2026-01-01T01:00:00+01:00", "data_type": "string"}}',
            '{"a":"2026-01-01T01:00:00+01:00"}',
        ),
    ],
)
def test_a_change_does_to_an_attribute_what_is_documented(
    before: str, change: str, after: str
) -> None:
    """Literals replace, nulls unset, what is missing stays, operations work on what is there."""
    attributes = strict_json.read(before.encode()).value
    merge(attributes, strict_json.read(change.encode()).value)
    assert strict_json.write(attributes).decode() == after


@pytest.mark.parametrize("operation", ["append", "prepend", "remove", "set", "set_once"])
def test_most_operations_can_be_repeated_safely(operation: str) -> None:
    """Only add and subtract do more when a request is sent twice."""
    attributes = {"a": ["x", "y"]}
    merge(attributes, {"a": {operation: ["y", "z"]}})
    once = dict(attributes)
    merge(attributes, {"a": {operation: ["y", "z"]}})
    assert attributes == once


def test_a_sum_of_very_different_numbers_is_exact() -> None:
    """No digit gets lost that a double would drop."""
    attributes: dict[str, Any] = {"a": Decimal("1e30")}
    merge(attributes, {"a": {"add": Decimal("1e-30")}})
    assert attributes["a"] - Decimal("1e-30") == Decimal("1e30")
    assert attributes["a"] != Decimal("1e30")


def test_a_user_remembers_when_it_was_created_and_updated(store: Store) -> None:
    """The creation stays, the update moves."""
    created = store.save_user({"id": "u"}).updated_at
    user = store.save_user({"id": "u", "attributes": {"a": 1}})
    assert user.created_at == created < user.updated_at


def test_a_group_is_created_by_being_referenced(store: Store) -> None:
    """A user can be the first to tell of a group, and of its attributes."""
    store.save_user({"id": "u", "groups": [{"id": "g", "attributes": {"plan": "pro"}}]})
    state = store.state()
    assert state["groups"]["g"]["attributes"] == {"plan": "pro"}
    assert state["users"]["u"]["memberships"] == {"g": {}}


def test_memberships_merge_with_their_attributes(store: Store) -> None:
    """What a later request doesn't list stays, what it lists is merged."""
    admin = {"group": {"id": "g"}, "attributes": {"role": "admin"}}
    store.save_user({"id": "u", "memberships": [admin, {"group": {"id": "h"}}]})
    seat = {"group": {"id": "g", "attributes": {"plan": "pro"}}, "attributes": {"seat": 1}}
    store.save_user({"id": "u", "memberships": [seat]})
    state = store.state()
    assert state["users"]["u"]["memberships"] == {"g": {"role": "admin", "seat": 1}, "h": {}}
    assert state["groups"]["g"]["attributes"] == {"plan": "pro"}


@pytest.mark.parametrize(
    ("prune", "left"), [(True, {"h": {}, "i": {}}), (False, {"g": {}, "h": {}, "i": {}})]
)
def test_pruning_removes_the_memberships_that_are_not_listed(
    store: Store,
    prune: bool,  # noqa: FBT001 (a row of the table)
    left: dict[str, Any],
) -> None:
    """The groups themselves stay."""
    store.save_user({"id": "u", "groups": [{"id": "g"}, {"id": "h"}]})
    groups = [{"id": "h"}, {"id": "i"}]
    store.save_user({"id": "u", "groups": groups, "prune_memberships": prune})
    assert store.state()["users"]["u"]["memberships"] == left
    assert set(store.state()["groups"]) == {"g", "h", "i"}


def test_pruning_with_an_empty_list_leaves_no_membership(store: Store) -> None:
    """An empty list is a list."""
    store.save_user({"id": "u", "groups": [{"id": "g"}]})
    store.save_user({"id": "u", "memberships": [], "prune_memberships": True})
    assert store.state()["users"]["u"]["memberships"] == {}


def test_events_are_kept_in_the_order_of_arrival(store: Store) -> None:
    """Twice the same is two events: nothing identifies one."""
    for seq in (3, 5, 8):
        store.track({"name": "Signed up", "user_id": "u"}, seq)
    assert [event["seq"] for event in store.state()["events"]] == [3, 5, 8]


def test_an_event_without_a_time_happens_now(store: Store) -> None:
    """And one with a time is kept in UTC."""
    store.track({"name": "n", "user_id": "u"}, 1)
    store.track({"name": "n", "user_id": "u", "time": "2020-01-01T01:00:00+01:00"}, 2)
    now, given = (event["time"] for event in store.state()["events"])
    assert now.startswith("2026-01-01T00:00:")
    assert given == "2020-01-01T00:00:00Z"


def test_an_event_creates_neither_its_user_nor_its_group(store: Store) -> None:
    """Whether the real API does is not documented."""
    store.track({"name": "n", "user_id": "u", "group_id": "g"}, 1)
    assert store.state()["users"] == store.state()["groups"] == {}


def test_a_deleted_user_leaves_no_history(store: Store) -> None:
    """Its events go too, those of others stay, and so does its group."""
    store.save_user({"id": "u", "groups": [{"id": "g"}]})
    store.track({"name": "n", "user_id": "u", "group_id": "g"}, 1)
    store.track({"name": "n", "user_id": "v"}, 2)
    store.delete_user("u")
    state = store.state()
    assert state["users"] == {}
    assert set(state["groups"]) == {"g"}
    assert [event["user_id"] for event in state["events"]] == ["v"]


def test_a_user_that_comes_back_after_deletion_starts_anew(store: Store) -> None:
    """Nothing of the old attributes or memberships is left."""
    store.save_user({"id": "u", "attributes": {"a": 1}, "groups": [{"id": "g"}]})
    store.delete_user("u")
    store.save_user({"id": "u"})
    assert store.state()["users"]["u"]["attributes"] == {}
    assert store.state()["users"]["u"]["memberships"] == {}


def test_a_deleted_group_takes_its_memberships_along(store: Store) -> None:
    """Its users stay, and the events that are theirs; its own events go."""
    store.save_user({"id": "u", "groups": [{"id": "g"}, {"id": "h"}]})
    store.track({"name": "n", "user_id": "u", "group_id": "g"}, 1)
    store.track({"name": "n", "group_id": "g"}, 2)
    store.delete_group("g")
    state = store.state()
    assert state["users"]["u"]["memberships"] == {"h": {}}
    assert set(state["groups"]) == {"h"}
    assert [event["seq"] for event in state["events"]] == [1]


def test_a_deleted_membership_leaves_user_and_group(store: Store) -> None:
    """Only the tie between them goes."""
    store.save_user({"id": "u", "groups": [{"id": "g"}]})
    store.delete_membership("u", "g")
    assert store.state()["users"]["u"]["memberships"] == {}
    assert set(store.state()["groups"]) == {"g"}


@pytest.mark.parametrize("id_", ["never there", "u"])
def test_deleting_twice_is_as_good_as_once(store: Store, id_: str) -> None:
    """Deletes are idempotent."""
    store.save_user({"id": "u", "groups": [{"id": "u"}]})
    for _ in range(2):
        store.delete_membership(id_, id_)
        store.delete_user(id_)
        store.delete_group(id_)
    assert id_ not in store.state()["users"]
    assert id_ not in store.state()["groups"]


def test_definitions_grow_with_first_use(store: Store) -> None:
    """Each scope has its own, with the type that the first value had."""
    membership = {
        "group": {"id": "g", "attributes": {"size": 3}},
        "attributes": {"role": {"set_once": "admin"}},
    }
    attributes = {
        "name": "Ann Example",
        "active": True,
        "tags": {"append": "x"},
        "logins": {"add": 1},
        "phone": {"set": "0049", "data_type": "string"},
        "seen": "2026-01-01T00:00:00Z",
        "nothing": None,
    }
    store.save_user({"id": "u", "attributes": attributes, "memberships": [membership]})
    store.track({"name": "Signed up", "user_id": "u", "attributes": {"price": Decimal("1.5")}}, 1)
    assert definitions(store) == {
        "user name": "string",
        "user active": "boolean",
        "user tags": "list",
        "user logins": "number",
        "user phone": "string",
        "user seen": "datetime",
        "group size": "number",
        "group_membership role": "string",
        "event price": "number",
    }
    assert [definition["name"] for definition in store.event_definitions] == ["Signed up"]


def test_a_definition_keeps_the_type_that_it_had_first(store: Store) -> None:
    """A value of another type is kept nevertheless; deleting the user changes nothing."""
    store.save_user({"id": "u", "attributes": {"a": 1}})
    store.save_user({"id": "u", "attributes": {"a": "x"}})
    assert store.state()["users"]["u"]["attributes"] == {"a": "x"}
    store.delete_user("u")
    assert definitions(store) == {"user a": "number"}


def test_a_paged_dict_is_read_page_by_page_though_values_come_and_go() -> None:
    """The order is that of creation, and a page begins after the last one's last."""
    values: PagedDict[str] = PagedDict()
    for name in "abcdef":
        values.add(name, name.upper())
    first, more = values.page(None, 2)
    values.pop("a")
    values.pop("c")
    values.add("a", "A again")
    second, more_still = values.page("b", 2)
    third, even_more = values.page("e", 2)
    assert (first, more) == (["A", "B"], True)
    assert (second, more_still) == (["D", "E"], True)
    assert (third, even_more) == (["F", "A again"], False)
