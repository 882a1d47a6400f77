"""What the sandbox's page asks for: who gets it, how much of it, and what is in it."""

from __future__ import annotations

import json
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from support.sandbox_client import Client, Reply, eventually

import target_userflow.sandbox.page
from target_userflow.sandbox.http import strict_json
from target_userflow.sandbox.http.messages import Call
from target_userflow.sandbox.http.request_log import RequestLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox import Sandbox

HTML = {"Accept": "text/html,*/*;q=0.8"}
PARTS = "/_sandbox/page/"
BODY = {"id": "eve", "attributes": {}, "name": "seen", "user_id": "eve", "rate_limit": 1}
ENDPOINTS = [
    ("GET", "/"),
    ("GET", f"{PARTS}page.js"),
    ("GET", f"{PARTS}overview"),
    ("GET", f"{PARTS}list?of=users"),
    ("GET", f"{PARTS}one?of=users&id=ada"),
    ("GET", "/_sandbox/state"),
    ("GET", "/_sandbox/requests"),
    ("POST", "/_sandbox/reset"),
    ("POST", "/_sandbox/config"),
    ("POST", "/_sandbox/script"),
    ("GET", "/users"),
    ("GET", "/users/ada"),
    ("POST", "/users"),
    ("DELETE", "/users/ada"),
    ("GET", "/groups"),
    ("POST", "/groups"),
    ("DELETE", "/groups/acme"),
    ("DELETE", "/group_memberships?user_id=ada&group_id=acme"),
    ("POST", "/events"),
    ("GET", "/attribute_definitions"),
    ("GET", "/api/participants"),
    ("PATCH", "/api/participants/batches"),
    ("POST", "/v1/identify"),
    ("POST", "/v1/companies/identify"),
    ("POST", "/v1/track"),
    ("DELETE", "/v1/users"),
    ("DELETE", "/v1/companies"),
    ("GET", "/v1/validate"),
    ("OPTIONS", "/users"),
    ("OPTIONS", "/_sandbox/reset"),
]
"""Every endpoint of the sandbox, and what a browser asks before it sends to another origin."""


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the shared sandbox."""
    client = Client(sandbox)
    yield client
    client.http.close()


def ask(client: Client, endpoint: str, **query: object) -> Any:
    """What the page asks for, and gets."""
    return client.get(f"{PARTS}{endpoint}?{urlencode(query)}")


def ids(client: Client, **query: object) -> list[str]:
    """The ids in a page of a list."""
    return [row["id"] for row in ask(client, "list", **query)["page"]["rows"]]


def named(client: Client, host: str, path: str) -> Reply:
    """What a browser gets that was led here under some name."""
    return client.send("GET", path, Host=host, **HTML)


def test_a_browser_gets_the_page_and_a_client_of_the_api_its_error(client: Client) -> None:
    """At the one path that both know; neither the page nor its parts stand in the request log."""
    page = client.send("GET", "/", **HTML)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert client.send("GET", "/").status == 404
    assert len(ask(client, "list", of="requests")["page"]["rows"]) == 1


@pytest.mark.smoke
def test_all_parts_of_the_page_are_there(client: Client) -> None:
    """Whatever a file of it names is served, from a wheel too, and under the same policy."""
    names = [
        path.name
        for path in (Path(target_userflow.sandbox.page.__file__).parent / "static").iterdir()
    ]
    assert {"index.html", "page.js", "style.css", "icon.svg"} <= set(names)
    for name in names:
        part = client.send("GET", f"{PARTS}{name}")
        assert part.status == 200
        assert part.headers["content-security-policy"].startswith("default-src 'self'; ")
        assert "://" not in part.text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("path", ["../__init__.py", "%2e%2e/__init__.py", "nothing", ""])
def test_nothing_else_is_served(client: Client, path: str) -> None:
    """No file beside the page's own, and no list of them."""
    reply = client.send("GET", f"{PARTS}{path}")
    assert "import" not in reply.text
    assert reply.status == (404 if path else 200)


def test_the_page_only_reads(client: Client) -> None:
    """Nothing is changed through its endpoints."""
    assert client.send("POST", f"{PARTS}overview", {}).status == 405


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", ""]
)
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_another_site_that_names_itself_loopback_reads_and_writes_nothing(
    client: Client, host: str, method: str, path: str
) -> None:
    """DNS rebinding: the browser then sends that site's name, which no endpoint answers."""
    reply = client.send(method, path, BODY, Host=host, **HTML)
    assert reply.status == 403
    assert json.loads(reply.text)["error"]["message"].startswith(
        "the sandbox answers on a loopback"
    )


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:1", "http://localhost:3000", "null", ""]
)
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_the_page_of_another_origin_reads_and_writes_nothing(
    sandbox: Sandbox, client: Client, origin: str, method: str, path: str
) -> None:
    """A form or script of a site that somebody visits: it is refused, and nothing has changed."""
    client.post("/users", {"id": "ada", "attributes": {}})
    before = sandbox.state(), sandbox.requests()
    reply = client.send(method, path, BODY, Origin=origin)
    assert reply.status == 403
    assert "access-control-allow-origin" not in {name.lower() for name in reply.headers}
    assert (sandbox.state(), sandbox.requests()) == before


def test_the_sandbox_s_own_page_is_answered(sandbox: Sandbox, client: Client) -> None:
    """Its origin is the sandbox's address."""
    assert client.send("GET", f"{PARTS}overview", Origin=sandbox.url).status == 200


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.2", "[::1]:8765"])
def test_every_loopback_name_is_answered(client: Client, host: str) -> None:
    """With a port or without."""
    assert named(client, host, "/").status == 200


def test_many_users_come_in_pages(client: Client) -> None:
    """In the order of their creation; a search that has found enough counts no further."""
    for number in range(60):
        client.post("/users", {"id": f"u{number}", "attributes": {"name": "Ada"}})
    assert ids(client, of="users") == [f"u{number}" for number in range(50)]
    assert ids(client, of="users", offset=50) == [f"u{number}" for number in range(50, 60)]
    assert ids(client, of="users", search="ADA", offset=50) == ids(client, of="users", offset=50)
    totals = [
        ask(client, "list", of="users", **query)["page"]["total"]
        for query in ({}, {"search": "ada"}, {"search": "u5"}, {"search": "nobody"})
    ]
    assert totals == [60, None, 11, 0]


def test_the_newest_events_and_requests_come_first(client: Client) -> None:
    """As what is looked for mostly just happened."""
    for name in ("first", "second"):
        client.post("/events", {"name": name, "user_id": "u"})
    for of in ("events", "requests"):
        assert ids(client, of=of) == ["2", "1"]


def test_requests_are_found_by_what_their_bodies_name(client: Client) -> None:
    """So a user's page leads to all that was sent for it."""
    client.post("/users", {"id": "u1", "attributes": {}})
    client.post("/events", {"name": "signed_in", "user_id": "u1"})
    client.post("/users", {"id": "u2", "attributes": {}})
    assert ids(client, of="requests", search="u1") == ["2", "1"]


def test_numbers_are_told_to_the_digit(client: Client) -> None:
    """As text: a browser would round them."""
    client.send("POST", "/users", b'{"id": "u", "attributes": {"n": 12345678901234567.125}}')
    cells = ask(client, "one", of="users", id="u")["sections"][0]["rows"][0]["cells"]
    assert cells == ["n", "number", "12345678901234567.125"]


def test_a_request_that_waits_is_listed_as_waiting(sandbox: Sandbox, client: Client) -> None:
    """Before it is answered, and as refused only when it was."""
    sandbox.configure(latency_ms=600_000)
    waiting = HTTPConnection(client.http.host, client.http.port)
    waiting.request("POST", "/users", b"{}", dict(client.headers))
    assert eventually(lambda: ids(client, of="requests"))
    cells = ask(client, "list", of="requests")["page"]["rows"][0]["cells"]
    assert (cells[3], cells[5]) == ("waiting", "id must be a non-empty string")
    assert ids(client, of="refused") == []
    waiting.close()
    assert eventually(lambda: ids(client, of="refused") == ["1"])


def test_every_change_changes_the_revision(sandbox: Sandbox, client: Client) -> None:
    """A look at the page alone changes nothing."""
    seen = [ask(client, "overview")["revision"] for _ in range(2)]
    client.post("/users", {"id": "u"})
    seen.append(ask(client, "overview")["revision"])
    sandbox.reset()
    seen.append(ask(client, "overview")["revision"])
    assert len(set(seen)) == 3


def test_the_conditions_are_told_without_the_keys(sandbox: Sandbox, client: Client) -> None:
    """How the sandbox behaves, in one line."""
    sandbox.configure(rate_limit=600, latency_ms=20, faults={"503": 0.05}, api_key="ak_chosen")
    overview = client.send("GET", f"{PARTS}overview").text
    assert json.loads(overview, parse_float=Decimal)["conditions"] == (
        "latency 20 ms · 600 requests a minute · faults 503 5.0%"
    )
    assert "chosen" not in overview


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("list?of=nothing", 404),
        ("list?of=users&offset=-1", 400),
        ("list?of=users&offset=x", 400),
        ("one?of=users&id=nobody", 404),
        ("one?of=nothing&id=u", 404),
        ("one?of=events&id=x", 404),
        ("one?of=requests&id=0", 404),
        ("one", 404),
    ],
)
def test_what_is_not_there_is_said_to_be_so(client: Client, query: str, status: int) -> None:
    """A thing may be gone by the time it is asked for."""
    reply = client.send("GET", f"{PARTS}{query}")
    assert reply.status == status
    assert "error" in reply.json


def test_what_ends_after_a_reset_is_not_listed_as_refused() -> None:
    """It belongs to what was forgotten; its number may be another request's by now."""
    log, call = RequestLog(), Call(1, "GET", "/users", {}, (), {}, strict_json.read(b""))
    before = log.open("userflow", call, b"", 1)
    log.reset()
    after = log.open("userflow", call, b"", 1)
    log.close(before, None)
    log.close(after, 401)
    assert log.refused == [after]
