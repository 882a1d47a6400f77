"""The sandbox fails as it is told to: by chance, by script, by too many requests."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from support.sandbox_client import HEADERS, NOTHING, Client, eventually

from target_userflow.sandbox.client import SandboxError
from target_userflow.sandbox.faults import FAULTS, RESETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox import Sandbox

USER = {"id": "u"}


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the shared sandbox."""
    client = Client(sandbox)
    yield client
    client.http.close()


def outcome(client: Client, method: str = "POST", path: str = "/users", body: Any = USER) -> Any:
    """The status that a client sees on saving something, or how the connection ended."""
    try:
        return client.send(method, path, body).status
    except (ConnectionError, IncompleteRead) as error:
        client.http.close()
        return type(error).__name__


WHAT_HAPPENS = {
    "500": (500, 500, False),
    "503": (503, 503, False),
    "429": (429, 429, False),
    "html": (502, 502, False),
    "reset-before": ("ConnectionResetError", None, False),
    "reset-after": ("ConnectionResetError", None, True),
    "truncated": ("IncompleteRead", 200, True),
    "slow": (200, 200, True),
}
"""What a client sees of each fault, what status was sent, and whether the write happened."""


class Write(NamedTuple):
    """What writes something to an API."""

    headers: dict[str, str]
    method: str
    path: str
    body: dict[str, Any]
    status: int


WRITES = {
    "userflow": Write(HEADERS, "POST", "/users", USER, 200),
    "user_interviews": Write(
        {
            "user-interviews-apikey": "ui_sandbox",
            "Content-Type": "application/vnd.user-interviews.v2+json",
            "Accept": "application/vnd.user-interviews.v2+json",
        },
        "PATCH",
        "/api/participants/batches",
        {"participants": [{"email": "ada@example.com"}]},
        200,
    ),
    "userpilot": Write(
        {
            "Authorization": "Token up_sandbox",
            "X-API-Version": "2020-09-22",
            "Content-Type": "application/json",
        },
        "POST",
        "/v1/identify",
        {"user_id": "u"},
        202,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("api", WRITES)
def test_a_fault_hits_every_api_alike(sandbox: Sandbox, api: str, fault: str) -> None:
    """Also an answer without a body can be cut short: a byte of it is announced and never comes."""
    headers, method, path, body, good = WRITES[api]
    seen, status, applied = (good if one == 200 else one for one in WHAT_HAPPENS[fault])
    sandbox.configure(faults={fault: 1.0}, slow_ms=1)
    client = Client(sandbox, headers)
    assert outcome(client, method, path, body) == seen
    (request,) = sandbox.requests()
    assert (request["api"], request["fault"]) == (api, fault)
    assert (request["status"], request["applied"]) == (status, applied)
    assert (sandbox.state() != NOTHING) is applied


@pytest.mark.parametrize("api", WRITES)
def test_a_plan_is_for_every_api(sandbox: Sandbox, api: str) -> None:
    """By method and path, as ever."""
    headers, method, path, body, good = WRITES[api]
    sandbox.script([{"status": 403, "method": method, "path": path}])
    client = Client(sandbox, headers)
    assert [outcome(client, method, path, body) for _ in range(2)] == [403, good]


@pytest.mark.parametrize("api", WRITES)
def test_an_error_has_the_shape_of_its_api(sandbox: Sandbox, api: str) -> None:
    """Also if it comes by chance."""
    headers, method, path, body, _ = WRITES[api]
    sandbox.configure(faults={"503": 1.0})
    reply = Client(sandbox, headers).send(method, path, body)
    assert set(reply.json) == {"error" if api == "userflow" else "errors"}
    assert "the request was queued for too long" in reply.text


def test_a_page_of_html_looks_like_a_proxy(client: Client, sandbox: Sandbox) -> None:
    """It is no JSON, and says so."""
    sandbox.configure(faults={"html": 1.0})
    reply = client.send("GET", "/users")
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.text.startswith("<html>")


def test_a_truncated_answer_announces_more_than_it_brings(client: Client, sandbox: Sandbox) -> None:
    """What arrives is the beginning of the answer."""
    sandbox.configure(faults={"truncated": 1.0})
    with pytest.raises(IncompleteRead) as cut:
        client.send("POST", "/users", {"id": "u"})
    assert cut.value.partial.startswith(b'{"id":"u"')
    assert cut.value.expected is not None
    assert cut.value.expected > 0


@pytest.mark.parametrize(
    ("settings", "at_least"),
    [
        ({"latency_ms": 60}, 60),
        ({"faults": {"slow": 1.0}, "slow_ms": 70}, 70),
        ({"latency_ms": 60, "faults": {"slow": 1.0}, "slow_ms": 70}, 130),
    ],
)
def test_an_answer_can_be_late(
    client: Client, sandbox: Sandbox, settings: Any, at_least: float
) -> None:
    """Every answer by the latency, a slow one by more."""
    sandbox.configure(**settings)
    client.post("/users", {"id": "u"})
    assert sandbox.requests()[0]["duration_ms"] >= at_least - 1  # clocks tick in steps


def test_late_answers_are_late_at_the_same_time(sandbox: Sandbox) -> None:
    """Waiting clients don't queue behind each other: the writes are there while they wait."""
    sandbox.configure(latency_ms=60_000)
    clients = [Client(sandbox) for _ in range(5)]
    for number, client in enumerate(clients):
        client.http.request("POST", "/users", json.dumps({"id": str(number)}), HEADERS)
    assert eventually(lambda: len(sandbox.state()["users"]) == 5)
    assert [request["status"] for request in sandbox.requests()] == [None] * 5
    assert [request["duration_ms"] for request in sandbox.requests()] == [None] * 5
    for client in clients:
        client.http.close()
    assert eventually(lambda: all(request["duration_ms"] for request in sandbox.requests()))


def test_a_client_that_gives_up_has_written_nevertheless(client: Client, sandbox: Sandbox) -> None:
    """Its answer is lost, so it has no status in the request log."""
    sandbox.configure(faults={"slow": 1.0}, slow_ms=60_000)
    client.http.timeout = 0.05
    with pytest.raises(TimeoutError):
        client.send("POST", "/users", {"id": "u"})
    client.http.close()
    assert eventually(lambda: sandbox.requests()[0]["duration_ms"])
    (request,) = sandbox.requests()
    assert (request["status"], request["applied"]) == (None, True)


def test_the_same_seed_brings_the_same_failures(client: Client, sandbox: Sandbox) -> None:
    """In the order of arrival, from the moment the seed is set."""

    def failures(seed: int) -> list[int | str]:
        sandbox.configure(seed=seed, faults={"500": 0.3, "reset-after": 0.2})
        return [outcome(client) for _ in range(30)]

    first = failures(seed=7)
    assert set(first) == {200, 500, "ConnectionResetError"}
    assert failures(seed=7) == first
    assert failures(seed=8) != first


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
def test_more_than_the_limit_is_refused(client: Client, sandbox: Sandbox, form: Any) -> None:
    """With the form of Retry-After that was asked for, and without a write."""
    sandbox.configure(rate_limit=2, retry_after=form)
    client.post("/users", {"id": "u"})
    client.get("/users")
    reply = client.send("POST", "/users", {"id": "v"})
    assert (reply.status, reply.error["code"]) == (429, "rate_limited")
    assert set(sandbox.state()["users"]) == {"u"}
    match form:
        case "seconds":
            assert 1 <= int(reply.headers["retry-after"]) <= 60
        case "date":
            wait = parsedate_to_datetime(reply.headers["retry-after"]) - datetime.now(timezone.utc)
            assert 0 < wait.total_seconds() <= 61
        case _:
            assert "retry-after" not in reply.headers


def test_a_wrong_key_does_not_use_up_the_limit(client: Client, sandbox: Sandbox) -> None:
    """Limits are for who is let in."""
    sandbox.configure(rate_limit=1)
    for _ in range(3):
        assert client.send("GET", "/users", Authorization="Bearer ak_other").status == 401
    assert client.send("GET", "/users").status == 200
    assert client.send("GET", "/users").status == 429


def test_a_key_can_be_revoked_while_a_client_uses_it(client: Client, sandbox: Sandbox) -> None:
    """And the handle knows the new one."""
    client.post("/users", {"id": "u"})
    sandbox.configure(api_key="ak_other")
    assert client.send("POST", "/users", {"id": "v"}).status == 401
    assert client.send("GET", "/users", Authorization="Bearer ak_other").status == 200
    assert sandbox.config["api_key"] == "ak_other"


def test_a_setting_that_is_not_allowed_changes_nothing(client: Client, sandbox: Sandbox) -> None:
    """Neither it nor the others that came with it."""
    with pytest.raises(SandboxError, match="there is no fault 'nope', only 500, 503, 429"):
        sandbox.configure(api_key="ak_other", faults={"nope": 1.0})
    with pytest.raises(SandboxError, match="unknown field `color`"):
        sandbox.configure(color="red")  # type: ignore[call-arg]
    assert client.send("GET", "/users").status == 200


# Scripts


@pytest.mark.parametrize(
    ("step", "seen"),
    [
        ({"status": 429, "headers": {"Retry-After": "86400"}}, (429, "86400", "")),
        ({"status": 429, "headers": {"Retry-After": "soon"}}, (429, "soon", "")),
        (
            {"status": 503, "headers": {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}},
            (503, "Thu, 01 Jan 1970 00:00:00 GMT", ""),
        ),
        ({"status": 200}, (200, None, "")),
        (
            {"status": 200, "body": '{"error": {"code": "x"}}'},
            (200, None, '{"error": {"code": "x"}}'),
        ),
        *(({"status": status}, (status, None, "")) for status in (401, 403, 404, 405, 413, 422)),
        ({"status": 204}, (204, None, "")),
    ],
)
def test_an_answer_can_be_planned_word_for_word(
    client: Client, sandbox: Sandbox, step: dict[str, Any], seen: tuple[int, str | None, str]
) -> None:
    """It comes once, writes nothing, and then things go on as usual."""
    sandbox.script([step])
    reply = client.send("POST", "/users", {"id": "u"})
    assert (reply.status, reply.headers.get("retry-after"), reply.text) == seen
    assert sandbox.state()["users"] == {}
    client.post("/users", {"id": "u"})


def test_a_redirect_can_be_planned(client: Client, sandbox: Sandbox) -> None:
    """To find out whether a client takes its key elsewhere."""
    address = "https://example.com/users"
    sandbox.script([{"status": 307, "headers": {"Location": address}}])
    reply = client.send("POST", "/users", {"id": "u"})
    assert (reply.status, reply.headers["location"]) == (307, address)


def test_a_planned_answer_may_be_no_json(client: Client, sandbox: Sandbox) -> None:
    """A content type of its own replaces the usual one."""
    step = {"status": 503, "headers": {"Content-Type": "text/plain"}, "body": "no, sorry: ✋"}
    sandbox.script([step])
    reply = client.send("GET", "/users")
    assert (reply.headers["content-type"], reply.text) == ("text/plain", "no, sorry: ✋")


def test_a_fault_can_be_planned_for_one_request(client: Client, sandbox: Sandbox) -> None:
    """What it does to the write, it does; the next request is spared."""
    sandbox.script([{"fault": "reset-after", "method": "POST", "path": "/events"}])
    client.post("/users", {"id": "u"})
    with pytest.raises(ConnectionResetError):
        client.send("POST", "/events", {"name": "n", "user_id": "u"})
    client.http.close()
    client.post("/events", {"name": "n", "user_id": "u"})
    assert len(sandbox.state()["events"]) == 2


@pytest.mark.parametrize("fault", RESETS)
def test_a_planned_answer_can_get_lost(client: Client, sandbox: Sandbox, fault: str) -> None:
    """Nobody sees its status."""
    sandbox.script([{"status": 200, "body": "{}", "fault": fault}])
    assert outcome(client) == "ConnectionResetError"
    assert sandbox.requests()[0]["status"] is None


def test_a_planned_answer_can_be_cut_short(client: Client, sandbox: Sandbox) -> None:
    """Half of it arrives."""
    sandbox.script([{"status": 200, "body": "12345678", "fault": "truncated"}])
    with pytest.raises(IncompleteRead) as cut:
        client.send("GET", "/users")
    assert (cut.value.partial, cut.value.expected) == (b"1234", 4)


def test_a_plan_comes_before_chance(client: Client, sandbox: Sandbox) -> None:
    """A planned request is hit by what is planned, and only by that."""
    sandbox.configure(faults={"500": 1.0})
    sandbox.script([{"status": 404}, {}])
    assert [outcome(client) for _ in range(3)] == [404, 200, 500]


def test_a_plan_that_makes_no_sense_is_refused(sandbox: Sandbox) -> None:
    """With the reason."""
    with pytest.raises(SandboxError, match="there is no fault 'earthquake', only 500, 503"):
        sandbox.script([{"fault": "earthquake"}])
