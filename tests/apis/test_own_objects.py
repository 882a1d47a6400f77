"""Userflow's own objects, as a tap of its API gives them, and tables that only look like them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.config.settings import StreamOptions
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.values import encoded

MADE = "2026-01-02T03:04:05Z"
FACTS = {"created_at": MADE, "attributes": {"created_at": "2020-01-01T00:00:00Z", "n": 1}}
USER = {"id": "u", "object": "user", **FACTS, "groups": None, "memberships": None}
GROUP = {"id": "g", "object": "group", **FACTS, "users": None, "memberships": None}
MEMBERSHIP = {
    "id": "m",
    "object": "group_membership",
    **FACTS,
    "group": None,
    "group_id": "g",
    "user": None,
    "user_id": "u",
}
ATTRIBUTES = FACTS["attributes"]


def body(
    kind: str, record: dict[str, Any], *, object_: Any = None, without: str = ""
) -> dict[str, Any]:
    """What is sent for a record of a stream whose column `object` has a schema."""
    columns: dict[str, Any] = {name: {} for name in record if name != without}
    columns["object"] = object_ or {}
    stream = Stream(kind, columns, ["id"], StreamOptions())
    sent: dict[str, Any] = json.loads(encoded(OBJECT_TYPES[kind].mapper(stream)(record).payload))
    return sent


def test_a_user_keeps_its_attributes_and_gets_none_of_the_objects() -> None:
    """`created_at` among its attributes is one; that of the object is not. A null list is none."""
    assert body("users", USER) == {"id": "u", "attributes": ATTRIBUTES}
    enum = {"type": "string", "enum": ["user"]}
    assert body("users", USER, object_=enum, without="groups")["attributes"] == ATTRIBUTES


def test_a_group_leaves_its_members_behind() -> None:
    """They come with the users."""
    assert body("groups", {**GROUP, "memberships": [MEMBERSHIP]}) == {
        "id": "g",
        "attributes": ATTRIBUTES,
    }


def test_a_membership_is_found_by_its_two_ids() -> None:
    """Its own id and what it was expanded by are no attributes."""
    expected = {"attributes": ATTRIBUTES, "group": {"id": "g"}}
    assert body("memberships", MEMBERSHIP) == {"id": "u", "memberships": [expected]}
    assert body("memberships", {**MEMBERSHIP, "group": GROUP, "user": USER}) == {
        "id": "u",
        "memberships": [expected],
    }


@pytest.mark.parametrize(
    ("relations", "sent"),
    [
        (
            {"memberships": [MEMBERSHIP]},
            {"memberships": [{"attributes": ATTRIBUTES, "group": {"id": "g"}}]},
        ),
        (
            {"memberships": [{**MEMBERSHIP, "group": GROUP}]},
            {
                "memberships": [
                    {"attributes": ATTRIBUTES, "group": {"id": "g", "attributes": ATTRIBUTES}}
                ]
            },
        ),
        ({"groups": [GROUP]}, {"groups": [{"id": "g", "attributes": ATTRIBUTES}]}),
        (
            {"groups": [GROUP], "memberships": [MEMBERSHIP]},
            {
                "memberships": [
                    {"attributes": ATTRIBUTES, "group": {"id": "g", "attributes": ATTRIBUTES}}
                ]
            },
        ),
        ({"memberships": []}, {"memberships": []}),
    ],
    ids=["by id", "with its group", "groups", "both", "none"],
)
def test_a_users_relations_arrive_however_they_were_expanded(
    relations: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Of both lists the memberships are sent, with the groups' attributes, as the API takes one."""
    expected = {"id": "u", "attributes": ATTRIBUTES, **sent}
    assert body("users", {**USER, **relations}) == expected


@pytest.mark.parametrize(
    ("record", "object_"),
    [
        ({"id": "u", "object": "user", **FACTS}, {"type": "string"}),
        ({**USER, "object": "lamp"}, {"type": "string"}),
        (USER, {"enum": ["lamp", "chair"]}),
        ({"id": "u", "object": "user", "created_at": MADE}, {"enum": ["user"]}),
    ],
    ids=["no relations", "another object", "other values", "no attributes"],
)
def test_a_table_with_a_column_object_is_a_table(record: dict[str, Any], object_: Any) -> None:
    """`object` and `created_at` are attributes there."""
    spread = {"n": 1} if "attributes" in record else {}
    row = {**record, **({"attributes": spread} if spread else {})}
    expected = {"object": record["object"], "created_at": MADE, **spread}
    assert body("users", row, object_=object_)["attributes"] == expected


def test_a_users_memberships_may_name_groups_by_id_in_any_stream() -> None:
    """And what has more keys than that is refused: they would be lost."""
    row = {"id": "u", "memberships": [{"group_id": "g", "attributes": {"role": "admin"}}]}
    expected = {"attributes": {"role": "admin"}, "group": {"id": "g"}}
    assert body("users", row)["memberships"] == [expected]
    with pytest.raises(RejectRecord, match="no object with a group"):
        body("users", {"id": "u", "memberships": [{"group_id": "g", "role": "admin"}]})
