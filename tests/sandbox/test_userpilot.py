"""The sandbox's Userpilot takes users, companies and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.sandbox_client import NOTHING, Client, Reply

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox import Sandbox

HEADERS_HERE = {
    "Authorization": "Token up_sandbox",
    "X-API-Version": "2020-09-22",
    "Content-Type": "application/json",
}
IDENTIFY, COMPANIES, TRACK = "/v1/identify", "/v1/companies/identify", "/v1/track"
FLAT_ONLY = "must be a string, a finite number, a boolean or null"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the shared sandbox."""
    client = Client(sandbox, HEADERS_HERE)
    yield client
    client.http.close()


def accepted(client: Client, path: str, body: dict[str, Any]) -> None:
    """Send what has to be accepted; nothing more is said than that."""
    reply = client.send("POST", path, body)
    assert (reply.status, reply.text) == (202, "")


def error(reply: Reply) -> dict[str, str]:
    """The one error that an answer tells."""
    (told,) = reply.json["errors"]
    assert set(told) == {"error_code", "error", "message", "details"}
    return dict(told)


def kept(sandbox: Sandbox) -> dict[str, Any]:
    """What Userpilot has."""
    return dict(sandbox.state()["userpilot"])


# What is written


def test_a_user_is_created_and_updated(client: Client, sandbox: Sandbox) -> None:
    """What is not mentioned stays."""
    accepted(client, IDENTIFY, {"user_id": "u", "metadata": {"plan": "free", "seats": 3}})
    accepted(client, IDENTIFY, {"user_id": "u", "metadata": {"plan": "pro", "tags": "a, b"}})
    accepted(client, IDENTIFY, {"user_id": "u"})
    metadata = {"plan": "pro", "seats": 3, "tags": "a, b"}
    assert kept(sandbox)["users"] == {"u": {"metadata": metadata, "company_id": None}}


def test_a_user_brings_its_company(client: Client, sandbox: Sandbox) -> None:
    """Which is created or updated, and stays when the user is updated without it."""
    accepted(client, COMPANIES, {"company_id": "c", "metadata": {"plan": "pro"}})
    for ids in ({"id": "c"}, {"company_id": "c"}, {"id": "c", "company_id": "c"}):
        accepted(client, IDENTIFY, {"user_id": "u", "company": {**ids, "name": "Acme"}})
    accepted(client, IDENTIFY, {"user_id": "u", "metadata": {"a": None}})
    assert kept(sandbox) == {
        "users": {"u": {"metadata": {"a": None}, "company_id": "c"}},
        "companies": {"c": {"metadata": {"plan": "pro", "name": "Acme"}}},
        "events": [],
    }


def test_a_company_is_created_and_updated(client: Client, sandbox: Sandbox) -> None:
    """As a user is."""
    accepted(client, COMPANIES, {"company_id": "c", "metadata": {"a": 1, "b": True}})
    accepted(client, COMPANIES, {"company_id": "c", "metadata": {"a": 2.5}})
    assert kept(sandbox)["companies"] == {"c": {"metadata": {"a": 2.5, "b": True}}}


def test_an_event_is_kept_with_its_place_in_the_order(client: Client, sandbox: Sandbox) -> None:
    """The journal tells if its user did not exist yet, which the real API may refuse."""
    accepted(client, TRACK, {"user_id": "u", "event_name": "Signed up"})
    accepted(client, IDENTIFY, {"user_id": "u"})
    accepted(client, TRACK, {"user_id": "u", "event_name": "Paid", "metadata": {"n": 1}})
    assert kept(sandbox)["events"] == [
        {"seq": 1, "user_id": "u", "event_name": "Signed up", "metadata": {}},
        {"seq": 3, "user_id": "u", "event_name": "Paid", "metadata": {"n": 1}},
    ]
    assert [one["user_unknown"] for one in sandbox.requests()] == [True, False, False]


def test_an_event_creates_no_user(client: Client, sandbox: Sandbox) -> None:
    """Only its own trace is left."""
    accepted(client, TRACK, {"user_id": "u", "event_name": "Signed up"})
    assert kept(sandbox)["users"] == {}


def test_users_are_deleted_with_their_events(client: Client, sandbox: Sandbox) -> None:
    """Those that are not there don't matter."""
    for id_ in ("u", "v"):
        accepted(client, IDENTIFY, {"user_id": id_})
        accepted(client, TRACK, {"user_id": id_, "event_name": "Signed up"})
    reply = client.send("DELETE", "/v1/users", {"users": ["u", "nobody"]})
    assert (reply.status, reply.json) == (202, {"message": "2 users are scheduled for deletion"})
    assert set(kept(sandbox)["users"]) == {"v"}
    assert [event["user_id"] for event in kept(sandbox)["events"]] == ["v"]


def test_companies_are_deleted_out_of_their_users(client: Client, sandbox: Sandbox) -> None:
    """The users stay."""
    accepted(client, IDENTIFY, {"user_id": "u", "company": {"id": "c"}})
    accepted(client, COMPANIES, {"company_id": "d"})
    reply = client.send("DELETE", "/v1/companies", {"companies": ["c", "nobody"]})
    message = "2 companies are scheduled for deletion"
    assert (reply.status, reply.json) == (202, {"message": message})
    assert kept(sandbox)["companies"] == {"d": {"metadata": {}}}
    assert kept(sandbox)["users"] == {"u": {"metadata": {}, "company_id": None}}


def test_deletions_are_let_in_once_in_two_seconds(client: Client, sandbox: Sandbox) -> None:
    """Each endpoint by itself; without a limit, as often as they come."""
    bodies = {"/v1/users": {"users": ["u"]}, "/v1/companies": {"companies": ["c"]}}
    first = [client.send("DELETE", path, body).status for path, body in bodies.items()]
    second = client.send("DELETE", "/v1/users", bodies["/v1/users"])
    assert (first, second.status, second.headers["retry-after"]) == ([202, 202], 429, "2")
    sandbox.configure(userpilot_rate_limit=None)
    assert client.send("DELETE", "/v1/users", bodies["/v1/users"]).status == 202


def test_a_key_can_be_checked(client: Client) -> None:
    """Without a write."""
    assert client.send("GET", "/v1/validate").status == 200
    assert client.send("GET", "/v1/validate", Authorization="Token up_other").status == 401


def test_it_shares_nothing_with_userflow(client: Client, sandbox: Sandbox) -> None:
    """Ids are its own, and the journal says which API was asked."""
    accepted(client, IDENTIFY, {"user_id": "u"})
    assert sandbox.state()["users"] == {}
    assert [one["api"] for one in sandbox.requests()] == ["userpilot"]


# What is refused


@pytest.mark.parametrize("value", ["", "x", 0, -1.5, True, None])
@pytest.mark.parametrize("path", [IDENTIFY, COMPANIES, TRACK])
def test_metadata_takes_every_flat_value(client: Client, path: str, value: object) -> None:
    """Under any name."""
    body = {**SMALLEST[path], "metadata": {"Any name: 1/2": value}}
    accepted(client, path, body)


SMALLEST: dict[str, dict[str, Any]] = {
    IDENTIFY: {"user_id": "u"},
    COMPANIES: {"company_id": "c"},
    TRACK: {"user_id": "u", "event_name": "n"},
}
NO_ID = "must be a non-empty string"


@pytest.mark.parametrize(
    ("path", "changes", "rule"),
    [
        *((IDENTIFY, {"user_id": id_}, f"user_id {NO_ID}") for id_ in (None, "", " ", 7, True)),
        (IDENTIFY, {"company": "c"}, "company must be an object"),
        (IDENTIFY, {"company": {}}, f"company.id {NO_ID}"),
        (IDENTIFY, {"company": {"company_id": ""}}, f"company.company_id {NO_ID}"),
        (
            IDENTIFY,
            {"company": {"id": "a", "company_id": "b"}},
            "company.id and company.company_id must be the same",
        ),
        (IDENTIFY, {"company": {"id": 7}}, f"company.id {NO_ID}"),
        (IDENTIFY, {"company": {"id": "c", "a": {}}}, f"company.a {FLAT_ONLY}"),
        (IDENTIFY, {"name": "Ada"}, "name is no known key"),
        (COMPANIES, {"company_id": None}, f"company_id {NO_ID}"),
        (COMPANIES, {"user_id": "u"}, "user_id is no known key"),
        (TRACK, {"user_id": ""}, f"user_id {NO_ID}"),
        (TRACK, {"event_name": None}, f"event_name {NO_ID}"),
        (TRACK, {"event_name": ""}, f"event_name {NO_ID}"),
        (TRACK, {"time": "2026-01-31T12:00:00Z"}, "time is no known key"),
        *(
            (path, {"metadata": metadata}, rule)
            for path in (IDENTIFY, COMPANIES, TRACK)
            for metadata, rule in (
                (None, "metadata must be an object"),
                (["a"], "metadata must be an object"),
                ({"a": {"b": 1}}, f"metadata.a {FLAT_ONLY}"),
                ({"a": [1]}, f"metadata.a {FLAT_ONLY}"),
                ({"a": [["x"]]}, f"metadata.a {FLAT_ONLY}"),
                ({" ": 1}, "metadata must not have a blank name"),
            )
        ),
    ],
)
def test_a_broken_rule_is_told_in_words(
    client: Client, sandbox: Sandbox, path: str, changes: dict[str, Any], rule: str
) -> None:
    """Where in the body what is wrong; nothing is written."""
    reply = client.send("POST", path, {**SMALLEST[path], **changes})
    told = error(reply)
    assert (reply.status, told["message"], told["error_code"]) == (400, rule, "bad_request")
    assert sandbox.state() == NOTHING
    (request,) = sandbox.requests()
    assert (request["rule"], request["applied"]) == (rule, False)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "the body must be valid JSON"),
        ({}, "users must be a list"),
        ({"users": "u"}, "users must be a list"),
        ({"users": []}, "users must not be empty"),
        ({"users": ["u", 7]}, f"users[1] {NO_ID}"),
        ({"users": ["u"], "all": True}, "all is no known key"),
    ],
)
def test_users_are_not_deleted_by_guess(
    client: Client, sandbox: Sandbox, body: object, rule: str
) -> None:
    """Only those that are named."""
    accepted(client, IDENTIFY, {"user_id": "u"})
    reply = client.send("DELETE", "/v1/users", body)
    assert (reply.status, error(reply)["message"]) == (400, rule)
    assert set(kept(sandbox)["users"]) == {"u"}


@pytest.mark.parametrize(
    ("headers", "status", "named"),
    [
        ({"Authorization": None}, 401, "Authorization"),
        ({"Authorization": "Bearer up_sandbox"}, 401, "Authorization"),
        ({"Authorization": "Token ak_sandbox"}, 401, "Authorization"),
        ({"Authorization": "up_sandbox"}, 401, "Authorization"),
        ({"X_API_Version": None}, 400, "X-API-Version"),
        ({"X_API_Version": "2020-01-03"}, 400, "X-API-Version"),
        ({"Content_Type": None}, 415, "Content-Type"),
        ({"Content_Type": "text/plain"}, 415, "Content-Type"),
        ({"Accept": "text/html"}, 406, "Accept"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", IDENTIFY, {"user_id": "v"}), ("DELETE", "/v1/users", {"users": ["u"]})],
)
def test_a_request_without_the_right_headers_is_refused(  # noqa: PLR0913 (a table, twice)
    client: Client,
    sandbox: Sandbox,
    *,
    method: str,
    path: str,
    body: object,
    headers: dict[str, str | None],
    status: int,
    named: str,
) -> None:
    """The error says which header, and nothing is written."""
    accepted(client, IDENTIFY, {"user_id": "u"})
    reply = client.send(method, path, body, **headers)
    assert (reply.status, named in error(reply)["message"]) == (status, True)
    assert set(kept(sandbox)["users"]) == {"u"}


def test_the_scheme_of_the_key_may_be_in_lower_case(client: Client) -> None:
    """The reference itself writes both."""
    assert client.send("GET", "/v1/validate", Authorization="token up_sandbox").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", IDENTIFY, 405),
        ("POST", "/v1/users", 405),
        ("POST", "/v1/users/bulk_identify", 404),
        ("DELETE", "/v1/users/u", 404),
        ("POST", "/v1/", 404),
    ],
)
def test_only_the_documented_endpoints_are_there(
    client: Client, method: str, path: str, status: int
) -> None:
    """The bulk jobs are left out on purpose."""
    reply = client.send(method, path, {"user_id": "u"})
    assert (reply.status, bool(error(reply))) == (status, True)


# Limits


def test_each_endpoint_lets_600_requests_in_per_minute(client: Client) -> None:
    """As documented, without being told to."""
    for _ in range(600):
        accepted(client, IDENTIFY, SMALLEST[IDENTIFY])
    reply = client.send("POST", IDENTIFY, SMALLEST[IDENTIFY])
    assert (reply.status, error(reply)["error_code"]) == (429, "too_many_requests")
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    accepted(client, COMPANIES, SMALLEST[COMPANIES])
    accepted(client, TRACK, SMALLEST[TRACK])


def test_the_limits_can_be_changed(client: Client, sandbox: Sandbox) -> None:
    """They are apart from Userflow's, and those of one endpoint from the others'."""
    sandbox.configure(userpilot_rate_limit=1, rate_limit=1000)
    for path, body in SMALLEST.items():
        assert [client.send("POST", path, body).status for _ in range(2)] == [202, 429]
    sandbox.configure(userpilot_rate_limit=None, rate_limit=1)
    for path, body in SMALLEST.items():
        assert [client.send("POST", path, body).status for _ in range(2)] == [202, 202]


def test_checking_has_no_limit(client: Client, sandbox: Sandbox) -> None:
    """None that is kept here."""
    sandbox.configure(userpilot_rate_limit=1)
    assert [client.send("GET", "/v1/validate").status for _ in range(3)] == [200] * 3


def test_it_has_a_key_of_its_own() -> None:
    """From the start, or changed on the way."""
    with running(userpilot_api_key="up_1") as sandbox:
        assert sandbox.config["userpilot_api_key"] == "up_1"
        client = Client(sandbox, {**HEADERS_HERE, "Authorization": "Token up_1"})
        accepted(client, IDENTIFY, {"user_id": "u"})
        sandbox.configure(userpilot_api_key="up_2")
        assert client.send("POST", IDENTIFY, {"user_id": "u"}).status == 401
        assert sandbox.config["userpilot_api_key"] == "up_2"
