"""The sandbox as a client meets it over a socket: the API, and the request log."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_userflow.sandbox import Sandbox

HEADERS = {
    "Authorization": "Bearer ak_sandbox",
    "Userflow-Version": "2020-01-03",
    "Content-Type": "application/json",
    "Accept": "application/json",
}

NOTHING = {
    "users": {},
    "groups": {},
    "events": [],
    "participants": {},
    "userpilot": {"users": {}, "companies": {}, "events": []},
}
"""The state in the beginning."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, its numbers exact."""
        return json.loads(self.text, parse_float=Decimal)

    @property
    def error(self) -> dict[str, str]:
        """The error that the body tells."""
        error: dict[str, str] = self.json["error"]
        return error


class Client:
    """Sends what it is told on one connection, right or wrong."""

    def __init__(self, sandbox: Sandbox, headers: Mapping[str, str] = HEADERS) -> None:
        """Aim at a sandbox, at Userflow's API if nothing else is said."""
        self.headers = headers
        self.http = HTTPConnection(sandbox.url.removeprefix("http://"), timeout=30)

    def send(self, method: str, path: str, body: object = None, **headers: str | None) -> Reply:
        """Send a request; a keyword replaces the header of its name, None leaves it out."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {
            name: value for name, value in {**self.headers, **changed}.items() if value is not None
        }
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.http.request(method, path, None if body is None else raw, sent)
        answer = self.http.getresponse()
        return Reply(answer.status, dict(answer.getheaders()), answer.read().decode())

    def post(self, path: str, body: object) -> Reply:
        """Send what has to succeed."""
        reply = self.send("POST", path, body)
        assert reply.status == 200, reply.text
        return reply

    def get(self, path: str) -> Any:
        """Ask for what has to be there."""
        reply = self.send("GET", path)
        assert reply.status == 200, reply.text
        return reply.json


def eventually(happened: Callable[[], object]) -> bool:
    """Whether something happens within half a minute; it is looked for often."""
    deadline = time.monotonic() + 30
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the shared sandbox."""
    client = Client(sandbox)
    yield client
    client.http.close()


# What is written can be read


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


# Lists


def walk(client: Client, path: str) -> list[list[str]]:
    """The ids on each page, found by following the address of the next."""
    pages = [client.get(path)]
    while pages[-1]["has_more"]:
        pages.append(client.get(pages[-1]["next_page_url"]))
    assert {page["object"] for page in pages} == {"list"}
    return [[item["id"] for item in page["data"]] for page in pages]


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


# What is refused


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


# The request log


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
