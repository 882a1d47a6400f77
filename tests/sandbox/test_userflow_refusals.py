"""The sandbox's Userflow as a client meets it: what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.sandbox_client import NOTHING, Client

if TYPE_CHECKING:
    from target_userflow.sandbox import Sandbox


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"Authorization": None}, 401, "Authorization"),
        ({"Authorization": "Bearer ak_other"}, 401, "Authorization"),
        ({"Authorization": "Token ak_sandbox"}, 401, "Authorization"),
        ({"Authorization": "ak_sandbox"}, 401, "Authorization"),
        ({"Userflow_Version": None}, 400, "Userflow-Version"),
        ({"Userflow_Version": "2019-01-01"}, 400, "Userflow-Version"),
        ({"Content_Type": None}, 415, "Content-Type"),
        ({"Content_Type": "text/plain"}, 415, "Content-Type"),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415, "Content-Type"),
        ({"Accept": "text/html"}, 406, "Accept"),
        ({"Accept": "text/html, application/json;q=0"}, 406, "Accept"),
    ],
)
def test_a_request_without_the_right_headers_is_refused(
    client: Client, sandbox: Sandbox, headers: dict[str, str | None], status: int, message: str
) -> None:
    """The error says which header, and nothing is written."""
    reply = client.send("POST", "/users", {"id": "u"}, **headers)
    assert reply.status == status
    assert message in reply.error["message"]
    assert sandbox.state()["users"] == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": None},
        {"Accept": "*/*"},
        {"Accept": "application/*"},
        {"Accept": "text/html;q=0.5, Application/JSON;q=0.1"},
        {"Content_Type": "application/json; charset=utf-8"},
        {"Content_Type": "Application/JSON"},
    ],
)
def test_a_header_may_say_json_in_other_words(
    client: Client, headers: dict[str, str | None]
) -> None:
    """What HTTP takes for the same is taken for the same."""
    assert client.send("POST", "/users", {"id": "u"}, **headers).status == 200


def test_a_request_without_a_body_needs_no_content_type(client: Client) -> None:
    """There is no content to have a type."""
    assert client.send("GET", "/users", Content_Type=None).status == 200
    assert client.send("DELETE", "/users/u", Content_Type=None).status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/users", "GET, POST"),
        ("POST", "/users/u", "GET, DELETE"),
        ("PATCH", "/groups/g", "GET, DELETE"),
        ("GET", "/events", "POST"),
        ("POST", "/group_memberships", "DELETE"),
        ("DELETE", "/attribute_definitions", "GET"),
    ],
)
def test_a_method_that_an_address_does_not_know_is_refused(
    client: Client, method: str, path: str, allowed: str
) -> None:
    """The header Allow says what it knows."""
    reply = client.send(method, path, {"id": "u"})
    assert (reply.status, reply.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "path", ["/", "/v2/users", "/users/", "/users/%20", "/users/a/b", "/user", "/events/1"]
)
def test_an_address_that_does_not_exist_is_not_found(client: Client, path: str) -> None:
    """A slash that belongs to an id has to be encoded, and an id is not blank."""
    assert client.send("GET", path).status == 404
    assert client.send("DELETE", path).status == 404


@pytest.mark.parametrize(
    ("path", "body", "rule"),
    [
        ("/users", {"id": 7}, "id must be a non-empty string"),
        ("/groups", {"id": "g", "name": "x"}, "name is no known key"),
        ("/events", {"name": "n"}, "at least one of user_id and group_id must be given"),
        ("/users", b'{"id": "u", "id": "u"}', "the key 'id' stands twice in one object"),
        ("/users", b"", "the body must be valid JSON"),
    ],
)
def test_a_broken_rule_is_answered_and_noted_and_nothing_is_written(
    client: Client, sandbox: Sandbox, path: str, body: object, rule: str
) -> None:
    """The rules themselves are tested one by one elsewhere."""
    reply = client.send("POST", path, body)
    (request,) = sandbox.requests()
    assert (reply.status, reply.error["message"]) == (400, rule)
    assert (request["status"], request["rule"], request["applied"]) == (400, rule, False)
    assert sandbox.state() == NOTHING


def test_an_error_has_the_documented_shape(client: Client) -> None:
    """With an id of the request, which is its number in the request log."""
    client.post("/users", {"id": "u"})
    reply = client.send("GET", "/users/nobody")
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.error) == {"code", "message", "doc_url", "request_id"}
    assert reply.error["request_id"] == "req_2"
