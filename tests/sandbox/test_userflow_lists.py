"""The sandbox's Userflow as a client meets it: lists."""

from __future__ import annotations

import pytest
from support.sandbox_client import Client, walk


@pytest.mark.parametrize("kind", ["users", "groups"])
def test_a_list_comes_in_pages_in_the_order_of_creation(client: Client, kind: str) -> None:
    """Ten on a page, or as many as are asked for."""
    ids = [f"{number}/x" for number in range(25)]
    for id_ in ids:
        client.post(f"/{kind}", {"id": id_})
    assert walk(client, f"/{kind}") == [ids[:10], ids[10:20], ids[20:]]
    assert walk(client, f"/{kind}?limit=100") == [ids]
    assert walk(client, f"/{kind}?limit=25") == [ids]
    assert walk(client, f"/{kind}?limit=20&starting_after=2%2Fx") == [ids[3:23], ids[23:]]


def test_an_empty_list_has_no_more(client: Client) -> None:
    """And no data."""
    for path in ("/users", "/event_definitions"):
        urls = {"url": path, "next_page_url": f"{path}?limit=10"}
        assert client.get(path) == {"object": "list", "data": [], "has_more": False, **urls}


def test_users_are_found_by_email(client: Client) -> None:
    """The address has to be equal, in its case too, and several users may have it."""
    emails = ["ann@example.com", "joann@example.com", "ann@example.com", "Ann@example.com", None]
    for id_, email in enumerate(emails):
        client.post("/users", {"id": str(id_), "attributes": {"email": email}})
    assert walk(client, "/users?email=ann%40example.com") == [["0", "2"]]
    assert walk(client, "/users?email=ann%40example.com&limit=1") == [["0"], ["2"]]
    assert walk(client, "/users?email=") == [[]]


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        *(
            (f"/users?limit={limit}", "limit must be a whole number from 1 to 100")
            for limit in ("0", "101", "-1", "ten", "1.5", "", "%201", "9" * 5000)
        ),
        ("/users?starting_after=nobody", "starting_after must be the id of something listed"),
        ("/users?starting_after=", "starting_after must be the id of something listed"),
        ("/users?condition=%5B%5D", "condition: the sandbox knows none of its operators"),
        ("/users?expand=events", "expand: user has no 'events'"),
        ("/users?expand=memberships.plan", "expand: group_membership has no 'plan'"),
        (
            "/users?expand=groups.users.groups.users.groups",
            "expand goes 4 levels deep at most",
        ),
        ("/groups?order_by=name", "order_by must be one of created_at, attributes.name"),
        (
            "/attribute_definitions?scope=company",
            "scope must be one of user, group, group_membership, event",
        ),
        ("/users/%FF", "the path must be percent-encoded UTF-8"),
    ],
)
def test_a_list_refuses_what_it_does_not_understand(
    client: Client, address: str, rule: str
) -> None:
    """What it would get wrong; a parameter with an unknown name is ignored, as the API does."""
    reply = client.send("GET", address)
    assert (reply.status, reply.error["message"]) == (400, rule)


def test_what_is_asked_to_expand_is_told(client: Client) -> None:
    """Of lists, single things and what was just written; else it is null."""
    member = {"attributes": {"role": "admin"}, "group": {"id": "g", "attributes": {"name": "Acme"}}}
    client.post("/users", {"id": "u", "memberships": [member]})
    plain = client.get("/users/u")
    assert (plain["groups"], plain["memberships"]) == (None, None)
    (membership,) = client.get("/users/u?expand=memberships")["memberships"]
    facts = {"object": "group_membership", "group": None, "group_id": "g"}
    assert membership.items() >= {**facts, "user": None, "user_id": "u"}.items()
    assert membership["attributes"] == {"role": "admin"}
    (deep,) = client.get("/users?expand[]=memberships.group.users&expand[]=groups")["data"]
    assert [group["attributes"] for group in deep["groups"]] == [{"name": "Acme"}]
    assert [user["id"] for user in deep["memberships"][0]["group"]["users"]] == ["u"]
    (group,) = client.get("/groups?expand=memberships.user")["data"]
    assert [membership["user"]["id"] for membership in group["memberships"]] == ["u"]
    saved = client.post("/groups?expand=users", {"id": "g"}).json
    assert [user["id"] for user in saved["users"]] == ["u"]
    client.send("DELETE", "/users/u")
    assert client.get("/groups/g?expand=users")["users"] == []


def test_a_list_comes_in_the_order_that_is_asked_for(client: Client) -> None:
    """What lacks the value comes last, and no page can begin after it."""
    for id_, name in (("1", "c"), ("2", None), ("3", "a"), ("4", "b")):
        client.post("/users", {"id": id_, "attributes": {"name": name}})
    assert walk(client, "/users?order_by=attributes.name&limit=2") == [["3", "4"], ["1", "2"]]
    assert walk(client, "/users?order_by[]=-attributes.name") == [["1", "4", "3", "2"]]
    assert walk(client, "/users?order_by=created_at&sort=asc&limit=3") == [["1", "2", "3"], ["4"]]
    after = client.send("GET", "/users?order_by=attributes.name&starting_after=2")
    assert after.status == 500


def test_lists_can_be_of_a_group_a_user_or_a_segment(client: Client) -> None:
    """No segment is known here."""
    client.post("/users", {"id": "u", "groups": [{"id": "g"}]})
    client.post("/users", {"id": "v"})
    client.post("/groups", {"id": "h"})
    assert walk(client, "/users?group_id=g") == [["u"]]
    assert walk(client, "/groups?user_id=u") == [["g"]]
    assert walk(client, "/groups?user_id=nobody") == [[]]
    assert walk(client, "/users?segment_id=s") == walk(client, "/groups?segment_id=s") == [[]]


def test_an_event_is_answered_as_the_api_keeps_it(client: Client) -> None:
    """With an id, and when it was made."""
    event = client.post("/events", {"name": "Signed up", "user_id": "u"}).json
    assert event["object"] == "event"
    assert {"id", "created_at", "time", "name", "attributes"} <= event.keys()


def test_definitions_are_listed_by_scope(client: Client) -> None:
    """All of them if no scope is asked for, each as the definition object of the API."""
    attributes = {"email": "ann@example.com", "logins": {"add": 1}}
    client.post("/users", {"id": "u", "attributes": attributes})
    client.post("/events", {"name": "Signed up", "user_id": "u", "attributes": {"plan": "pro"}})
    users = client.get("/attribute_definitions?scope=user")["data"]
    assert [(definition["name"], definition["data_type"]) for definition in users] == [
        ("email", "string"),
        ("logins", "number"),
    ]
    assert walk(client, "/attribute_definitions") == [["user:email", "user:logins", "event:plan"]]
    assert walk(client, "/attribute_definitions?scope=group") == [[]]
    (event,) = client.get("/event_definitions")["data"]
    assert (event["object"], event["name"]) == ("event_definition", "Signed up")
