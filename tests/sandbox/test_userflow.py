"""The sandbox's Userflow as a client meets it: what is written can be read."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.sandbox_client import Client

    from target_userflow.sandbox import Sandbox


def test_a_saved_user_is_answered_and_can_be_read_back(client: Client) -> None:
    """The answer is the user object of the API."""
    saved = client.post("/users", {"id": "u", "attributes": {"email": "ann@example.com"}}).json
    assert saved == client.get("/users/u")
    assert saved["id"] == "u"
    assert saved["object"] == "user"
    assert saved["attributes"] == {"email": "ann@example.com"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", saved["created_at"])


def test_a_saved_group_is_answered_and_can_be_read_back(client: Client) -> None:
    """The answer is the group object of the API."""
    saved = client.post("/groups", {"id": "g", "attributes": {"plan": "pro"}}).json
    assert saved == client.get("/groups/g")
    assert (saved["object"], saved["attributes"]) == ("group", {"plan": "pro"})


def test_numbers_come_back_to_the_digit(client: Client, sandbox: Sandbox) -> None:
    """In the answer, in the state, and in the request log."""
    raw = b'{"id": "u", "attributes": {"price": 1.10, "n": 12345678901234567890123}}'
    price_and_n = {"price": Decimal("1.10"), "n": 12345678901234567890123}
    assert '"price":1.10,"n":12345678901234567890123' in client.post("/users", raw).text
    assert sandbox.state()["users"]["u"]["attributes"] == price_and_n
    assert str(sandbox.state()["users"]["u"]["attributes"]["price"]) == "1.10"
    assert sandbox.requests()[0]["body"]["attributes"] == price_and_n


@pytest.mark.parametrize(
    ("id_", "path"),
    [
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("ann@example.com", "ann%40example.com"),
        ("ann@example.com", "ann@example.com"),
        ("æ日", "%C3%A6%E6%97%A5"),
        ("100%", "100%25"),
        ("a b", "a%20b"),
        ("a+b", "a+b"),
    ],
)
def test_an_id_of_any_characters_can_be_addressed(client: Client, id_: str, path: str) -> None:
    """Percent-encoded in the path, as it is in the body."""
    client.post("/users", {"id": id_, "groups": [{"id": id_}]})
    assert client.get(f"/users/{path}")["id"] == id_
    assert client.get(f"/groups/{path}")["id"] == id_
    deleted = {"id": id_, "object": "user", "deleted": True}
    assert client.send("DELETE", f"/users/{path}").json == deleted
    assert client.send("GET", f"/users/{path}").status == 404


def test_an_event_is_kept_with_its_place_in_the_order(client: Client, sandbox: Sandbox) -> None:
    """The place is the number of its request."""
    client.post("/users", {"id": "u"})
    client.post("/events", {"name": "Signed up", "user_id": "u", "attributes": {"n": 1}})
    assert [
        (event["seq"], event["name"], event["user_id"], event["group_id"], event["attributes"])
        for event in sandbox.state()["events"]
    ] == [(2, "Signed up", "u", None, {"n": 1})]


@pytest.mark.parametrize("path", ["/users/u", "/groups/g"])
def test_what_is_absent_is_not_found_but_can_be_deleted(client: Client, path: str) -> None:
    """Looking something up tells whether it exists, deleting it is idempotent."""
    assert client.send("GET", path).error["code"] == "not_found"
    _, kinds, id_ = path.split("/")
    deleted = {"id": id_, "object": kinds.removesuffix("s"), "deleted": True}
    assert client.send("DELETE", path).json == deleted


def test_a_membership_can_be_deleted_by_user_and_group(client: Client, sandbox: Sandbox) -> None:
    """Twice is as good as once."""
    joined = {"id": "u/1", "groups": [{"id": "g 1"}]}
    (membership,) = client.post("/users?expand=memberships", joined).json["memberships"]
    for _ in range(2):
        reply = client.send("DELETE", "/group_memberships?user_id=u%2F1&group_id=g+1")
        assert (reply.status, reply.json["object"]) == (200, "group_membership")
        assert (reply.json["id"], reply.json["deleted"]) == (membership["id"], True)
    assert sandbox.state()["users"]["u/1"]["memberships"] == {}


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("", "user_id must be a non-empty string"),
        ("?group_id=g", "user_id must be a non-empty string"),
        ("?user_id=u", "group_id must be a non-empty string"),
        ("?user_id=u&group_id=+", "group_id must be a non-empty string"),
    ],
)
def test_a_membership_is_not_deleted_without_both_ids(
    client: Client, query: str, rule: str
) -> None:
    """Nothing is deleted by guess."""
    reply = client.send("DELETE", f"/group_memberships{query}")
    assert (reply.status, reply.error["message"]) == (400, rule)
