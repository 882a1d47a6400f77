"""The sandbox's request log, and its reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.sandbox_client import NOTHING, Client

if TYPE_CHECKING:
    from target_userflow.sandbox import Sandbox


def test_the_journal_tells_every_request_in_the_order_of_arrival(
    client: Client, sandbox: Sandbox
) -> None:
    """Reads, writes and refusals, each with what there is to know."""
    client.post("/users", {"id": "u/1"})
    client.send("GET", "/users/u%2F1?limit=1", User_Agent="test/1.0")
    client.send("POST", "/users", b"no json")
    first, second, third = sandbox.requests()
    assert [request["seq"] for request in (first, second, third)] == [1, 2, 3]
    assert 0 <= first["at"] < second["at"] < third["at"]
    assert (first["method"], first["path"], first["body"]) == ("POST", "/users", {"id": "u/1"})
    assert (first["status"], first["applied"], first["fault"]) == (200, True, None)
    assert first["api"] == "userflow"
    assert first["duration_ms"] >= 0
    assert (second["path"], second["query"]) == ("/users/u%2F1", {"limit": "1"})
    assert (second["applied"], second["user_agent"]) == (False, "test/1.0")
    assert (third["status"], third["body"]) == (400, None)


def test_the_journal_tells_connections_apart(client: Client, sandbox: Sandbox) -> None:
    """So that a test can prove that connections are kept."""
    client.get("/users")
    client.get("/users")
    Client(sandbox).get("/users")
    first, second, third = (request["connection"] for request in sandbox.requests())
    assert first == second != third


def test_the_journal_tells_what_arrived_before_what_it_names(
    client: Client, sandbox: Sandbox
) -> None:
    """So that a test can prove that groups go before users before memberships before events."""
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/events", {"name": "n", "user_id": "u", "group_id": "g"}),
        ("/users", {"id": "u", "groups": [{"id": "g"}]}),
        ("/users", {"id": "u", "memberships": [{"group": {"id": "g"}}]}),
        ("/events", {"name": "n", "user_id": "u", "group_id": "h"}),
        ("/events", {"name": "n", "user_id": "u", "group_id": "g"}),
        ("/events", {"name": "n", "group_id": "g"}),
    ]
    for path, body in requests:
        client.post(path, body)
    assert [
        (request["user_unknown"], request["group_unknown"]) for request in sandbox.requests()
    ] == [
        (True, True),
        (False, True),
        (False, False),
        (False, True),
        (False, False),
        (False, False),
    ]


def test_a_reset_forgets_everything(client: Client, sandbox: Sandbox) -> None:
    """The sandbox is as it was when it had started."""
    sandbox.configure(api_key="ak_other", rate_limit=1, faults={"500": 1.0})
    sandbox.script([{"status": 503}])
    sandbox.reset()
    client.post("/users", {"id": "u", "groups": [{"id": "g"}], "attributes": {"a": 1}})
    client.post("/events", {"name": "n", "user_id": "u"})
    sandbox.reset()
    assert sandbox.state() == NOTHING
    assert sandbox.requests() == []
    assert sandbox.config["api_key"] == "ak_sandbox"
    assert client.get("/attribute_definitions")["data"] == []


@pytest.mark.parametrize("endpoint", ["GET nowhere", "POST state", "GET reset", "PUT config"])
def test_an_inspection_that_does_not_exist_is_not_found(client: Client, endpoint: str) -> None:
    """It needs no key and leaves no trace, right or wrong."""
    method, name = endpoint.split()
    reply = client.send(method, f"/_sandbox/{name}", Authorization=None)
    assert (reply.status, reply.error["message"]) == (404, f"the sandbox has no '{endpoint}'")
    assert client.get("/_sandbox/requests") == []
