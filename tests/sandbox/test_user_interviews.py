"""The sandbox's User Interviews takes batches of participants, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from email_validator import EmailNotValidError, validate_email
from sandbox.test_userflow import HEADERS, NOTHING, Client, Reply

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox import Sandbox

BATCHES = "/api/participants/batches"
TYPE = "application/vnd.user-interviews.v2+json"
TYPES = ("application/json", TYPE)
HEADERS_HERE = {"Authorization": "Bearer ui_sandbox", "Content-Type": TYPE, "Accept": TYPE}


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the shared sandbox."""
    client = Client(sandbox, HEADERS_HERE)
    yield client
    client.http.close()


def batch(*participants: dict[str, Any]) -> dict[str, Any]:
    """The body of a batch, as JSON:API has it."""
    return {"data": [{"type": "participant", "attributes": fields} for fields in participants]}


def save(client: Client, *participants: dict[str, Any]) -> Reply:
    """Send a batch."""
    return client.send("PATCH", BATCHES, batch(*participants))


def ada(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A participant of many."""
    return {"email": f"ada.{number}@example.com", **fields}


# What is saved


def test_a_saved_batch_is_answered_and_kept(client: Client, sandbox: Sandbox) -> None:
    """With an id for each participant; in the state by the email in lower case."""
    ann, ben = {"email": "Ann@Example.com", "seats": 3}, {"email": "ben@example.com"}
    reply = save(client, ann, ben)
    assert reply.status == 200
    assert reply.json["data"] == [
        {"id": "1", "type": "participant", "attributes": ann},
        {"id": "2", "type": "participant", "attributes": ben},
    ]
    assert sandbox.state()["participants"] == {"ann@example.com": ann, "ben@example.com": ben}


def test_a_batch_may_be_a_plain_list(client: Client, sandbox: Sandbox) -> None:
    """Nobody knows for sure which of the shapes it is."""
    assert client.send("PATCH", BATCHES, {"participants": [ada(1), ada(2)]}).status == 200
    assert set(sandbox.state()["participants"]) == {"ada.1@example.com", "ada.2@example.com"}


def test_a_participant_is_updated_by_email_in_any_case(client: Client, sandbox: Sandbox) -> None:
    """What is not mentioned stays, the id too."""
    save(client, ada(city="Oslo", title="Analyst"))
    reply = save(client, {"email": "ADA.0@example.com", "city": "Bergen", "seats": 2})
    assert [participant["id"] for participant in reply.json["data"]] == ["1"]
    assert sandbox.state()["participants"] == {
        "ada.0@example.com": {
            "email": "ADA.0@example.com",
            "city": "Bergen",
            "title": "Analyst",
            "seats": 2,
        }
    }


def test_numbers_are_kept_to_the_digit(client: Client, sandbox: Sandbox) -> None:
    """As everywhere in the sandbox."""
    raw = b'{"participants": [{"email": "ada@example.com", "score": 1.10}]}'
    client.send("PATCH", BATCHES, raw)
    assert str(sandbox.state()["participants"]["ada@example.com"]["score"]) == "1.10"


@pytest.mark.parametrize("value", ["", "x", 0, 1.5, -(10**30), True, False])
def test_a_field_of_the_account_is_a_string_a_number_or_a_boolean(
    client: Client, value: object
) -> None:
    """Under any name."""
    assert save(client, {"email": "ada@example.com", "Any name: 1/2": value}).status == 200


def test_a_batch_has_up_to_100_participants(client: Client, sandbox: Sandbox) -> None:
    """One more, or none, is no batch."""
    assert save(client, *map(ada, range(100))).status == 200
    too_many, none = save(client, *map(ada, range(101))), save(client)
    rule = "data must be a list of 1 to 100 participants"
    assert (too_many.status, errors(too_many)[0]["detail"]) == (400, rule)
    assert (none.status, errors(none)[0]["detail"]) == (400, rule)
    assert len(sandbox.state()["participants"]) == 100


# What is refused


def errors(reply: Reply) -> list[dict[str, Any]]:
    """The errors that an answer tells."""
    errors: list[dict[str, Any]] = reply.json["errors"]
    return errors


def test_one_invalid_participant_costs_the_whole_batch(client: Client, sandbox: Sandbox) -> None:
    """The error names its place and the field; the request log has the rule."""
    save(client, ada(1, city="Oslo"))
    reply = save(client, ada(1, city="Bergen"), ada(2, title=5), ada(3))
    assert reply.status == 422
    assert errors(reply) == [
        {
            "title": "Invalid participant",
            "detail": "data[1].title must be a string",
            "code": "invalid",
            "source": {"pointer": "/data/1/attributes/title"},
        }
    ]
    assert sandbox.state()["participants"] == {"ada.1@example.com": ada(1, city="Oslo")}
    _, request = sandbox.requests()
    assert (request["api"], request["status"]) == ("user_interviews", 422)
    assert (request["applied"], request["rule"]) == (False, "data[1].title must be a string")


def test_every_invalid_participant_is_told(client: Client) -> None:
    """Each by the first of its fields that breaks a rule."""
    plain = {"participants": [ada(0), {"email": "x", "a": None}, ada(2), ada(3, **{"a/~b": None})]}
    reply = client.send("PATCH", BATCHES, plain)
    pointers = [error["source"]["pointer"] for error in errors(reply)]
    assert pointers == ["/participants/1/email", "/participants/3/a~1~0b"]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ("{}", "email must be an email address"),
        *((f'{{"email": {value}}}', "email must be an email address") for value in ("null", "7")),
        *(
            (f'{{"email": "ada@example.com", "{name}": {value}}}', f"{name} must be a string")
            for name, value in (
                ("first_name", "1"),
                ("last_name", "true"),
                ("phone_number", "4712345678"),
                ("title", '["Analyst"]'),
                ("company", '{"name": "Acme"}'),
                ("city", "1.5"),
                ("state", "null"),
                ("country", "false"),
            )
        ),
        *(
            (
                f'{{"email": "ada@example.com", "plan": {value}}}',
                "plan must be a string, a finite number or a boolean",
            )
            for value in ("null", "[]", '["pro"]', "{}", '{"name": "pro"}', "1e999")
        ),
        ('{"email": "ada@example.com", " ": 1}', "  must have a name"),
        ('{"email": "ada@example.com", "": "x"}', " must have a name"),
    ],
)
def test_an_invalid_participant_is_told_with_the_rule(
    client: Client, sandbox: Sandbox, fields: str, rule: str
) -> None:
    """In words, with its place in the batch."""
    raw = f'{{"data": [{{"type": "participant", "attributes": {fields}}}]}}'
    reply = client.send("PATCH", BATCHES, raw.encode())
    assert (reply.status, errors(reply)[0]["detail"]) == (422, f"data[0].{rule}")
    assert sandbox.state() == NOTHING


def test_an_email_stands_once_in_a_batch(client: Client) -> None:
    """In any case of its letters."""
    reply = save(client, ada(1), ada(2), {"email": "ADA.1@EXAMPLE.com"})
    (error,) = errors(reply)
    assert error["detail"] == "data[2].email stands twice in the batch"


GOOD_EMAILS = [
    "a@example.com",
    "Ann.O'Neil+tag_1@mail.example.co.uk",
    "!#$%&'*+/=?^_`{|}~-@example.com",
    "1@1.example.com",
    "æda@example.com",
    "ada@bücher.example.com",
    "ada@xn--bcher-kva.example.com",
    "x" * 64 + "@example.com",
]
BAD_EMAILS = [
    "",
    "ada",
    "ada@",
    "@example.com",
    "ada@example",
    "ada@@example.com",
    "ada@ex@ample.com",
    "ada berg@example.com",
    " ada@example.com",
    "ada@example.com ",
    "ada@example.com\n",
    ".ada@example.com",
    "ada.@example.com",
    "ada..berg@example.com",
    "ada@-example.com",
    "ada@example-.com",
    "ada@exa_mple.com",
    "ada@example..com",
    "ada@.example.com",
    "ada@example.com.",
    "ada@127.0.0.1",
    "Ada <ada@example.com>",
    "ada,ben@example.com",
    '"ada berg"@example.com',
    "x" * 65 + "@example.com",
    "ada@" + "x" * 64 + ".com",
    "ada@" + "x.y" * 90 + ".com",
]


@pytest.mark.parametrize(
    ("email", "good"),
    [*((email, True) for email in GOOD_EMAILS), *((email, False) for email in BAD_EMAILS)],
)
def test_an_email_is_judged_as_a_strict_library_judges_it(
    client: Client, email: str, *, good: bool
) -> None:
    """By rules of its own that come to the same: else one of the two is wrong."""
    try:
        validate_email(email, check_deliverability=False, strict=True)
    except EmailNotValidError:
        assert not good
    else:
        assert good
    assert save(client, {"email": email}).status == (200 if good else 422)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "the body must be valid JSON"),
        ([], "the body must be a JSON object"),
        ({}, "the body must have data or participants only"),
        ({"people": []}, "the body must have data or participants only"),
        (
            {"data": [], "participants": []},
            "the body must have data or participants only",
        ),
        ({"data": {}}, "data must be a list of 1 to 100 participants"),
        (
            {"participants": "ada@example.com"},
            "participants must be a list of 1 to 100 participants",
        ),
        ({"participants": ["ada@example.com"]}, "participants must be objects"),
        *(
            ({"data": [resource]}, "data must be of type participant, with attributes")
            for resource in (
                "ada@example.com",
                {"email": "ada@example.com"},
                {"type": "participant"},
                {"attributes": {"email": "ada@example.com"}},
                {"type": "user", "attributes": {"email": "ada@example.com"}},
                {"type": "participant", "attributes": []},
                {"type": "participant", "attributes": {"email": "a@example.com"}, "email": "x"},
            )
        ),
    ],
)
def test_a_body_that_is_no_batch_is_refused(client: Client, body: object, rule: str) -> None:
    """As a whole, for no participant is to blame."""
    reply = client.send("PATCH", BATCHES, body)
    error = {"title": "Bad Request", "detail": rule, "code": "bad_request"}
    assert (reply.status, errors(reply)) == (400, [error])


@pytest.mark.parametrize(("media_type", "taken"), [("json", "application/json"), ("vendor", TYPE)])
def test_one_media_type_may_be_demanded(
    client: Client, sandbox: Sandbox, media_type: Literal["json", "vendor"], taken: str
) -> None:
    """Sources contradict each other, so a pipeline can be tried with either."""
    sandbox.configure(user_interviews_media_type=media_type)
    both = {
        type_: client.send("PATCH", BATCHES, batch(ada()), Content_Type=type_) for type_ in TYPES
    }
    assert {type_ for type_, reply in both.items() if reply.status == 200} == {taken}
    assert {reply.status for reply in both.values()} == {200, 415}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Authorization": None, "user_interviews_apikey": "ui_sandbox"}, 200),
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer ak_sandbox"}, 401),
        ({"Authorization": "ui_sandbox"}, 401),
        ({"Authorization": "Token ui_sandbox"}, 401),
        ({"Authorization": None, "user_interviews_apikey": "Bearer ui_sandbox"}, 401),
        ({"Authorization": None, "user_interviews_apikey": "up_sandbox"}, 401),
        ({"Accept": None}, 406),
        ({"Accept": "*/*"}, 406),
        ({"Accept": "application/json"}, 406),
        ({"Accept": f"{TYPE};q=0"}, 406),
        ({"Accept": f"application/json, {TYPE}"}, 200),
        ({"Content_Type": None}, 415),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/json"}, 200),
        ({"Content_Type": f"{TYPE}; charset=utf-8"}, 200),
    ],
)
def test_a_request_needs_a_key_and_the_types_of_the_api(
    client: Client, sandbox: Sandbox, headers: dict[str, str | None], status: int
) -> None:
    """The key in one of two headers, and the version in the media type; else nothing is saved."""
    reply = client.send("PATCH", BATCHES, batch(ada()), **headers)
    assert reply.status == status, reply.text
    assert bool(sandbox.state()["participants"]) is (status == 200)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", BATCHES, 405),
        ("POST", "/api/participants", 405),
        ("PATCH", "/api/participants/1", 404),
        ("PATCH", "/api/participants/batches/", 404),
        ("GET", "/api/", 404),
    ],
)
def test_only_the_documented_endpoints_are_there(
    client: Client, method: str, path: str, status: int
) -> None:
    """Errors have the same shape there."""
    reply = client.send(method, path, batch(ada()))
    assert (reply.status, set(errors(reply)[0])) == (status, {"title", "detail", "code"})


# Rules of the account


def test_the_account_may_refuse_what_the_client_cannot_know(
    client: Client, sandbox: Sandbox
) -> None:
    """By globs, in any case, until the next reset."""
    sandbox.configure(rejected_emails=["no-reply@*", "*@Blocked.example.com"])
    batch = (ada(1), {"email": "NO-REPLY@example.com"}, {"email": "eve@blocked.example.com"})
    rule = "is refused by the account's own rules"
    details = [error["detail"] for error in errors(save(client, *batch))]
    assert details == [f"data[1].email {rule}", f"data[2].email {rule}"]
    assert sandbox.state() == NOTHING
    sandbox.reset()
    assert save(client, *batch).status == 200


def test_the_account_may_have_its_rules_from_the_start() -> None:
    """And a key of its own."""
    with running(rejected_emails=["eve@*"], user_interviews_api_key="ui_1") as sandbox:
        client = Client(sandbox, {**HEADERS_HERE, "Authorization": "Bearer ui_1"})
        assert save(client, {"email": "eve@example.com"}).status == 422
        assert save(client, ada()).status == 200


# Lists


def page(client: Client, address: str) -> tuple[list[str], dict[str, int]]:
    """The ids on a page, and what is told of the pages."""
    answer = client.get(address)
    return [participant["id"] for participant in answer["data"]], answer["meta"]["pagination"]


def ids(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def test_participants_are_listed_in_pages(client: Client) -> None:
    """In the order of creation: 25 on a page, or as many as are asked for."""
    for start in (0, 100, 200):
        save(client, *(ada(number) for number in range(start, start + 100)))
    pages = {"currentPage": 1, "totalPages": 12, "totalCount": 300}
    assert page(client, "/api/participants") == (ids(1, 25), pages)
    second = {"currentPage": 2, "totalPages": 2, "totalCount": 300}
    address = "/api/participants?page[number]=2&page[size]=200"
    assert page(client, address) == (ids(201, 300), second)
    assert page(client, address.replace("=2&", "=3&"))[0] == []
    assert page(client, "/api/participants?page%5Bsize%5D=1")[0] == ["1"]


def test_nobody_is_listed_on_no_page(client: Client) -> None:
    """The first page is empty."""
    assert page(client, "/api/participants") == (
        [],
        {"currentPage": 1, "totalPages": 0, "totalCount": 0},
    )


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("page[size]=201", "page[size] must be a whole number from 1 to 200"),
        ("page[size]=0", "page[size] must be a whole number from 1 to 200"),
        ("page[number]=0", "page[number] must be a whole number from 1 to 1000000"),
        ("page[number]=x", "page[number] must be a whole number from 1 to 1000000"),
        ("page=2", "page is no known parameter"),
    ],
)
def test_a_page_that_makes_no_sense_is_refused(client: Client, query: str, rule: str) -> None:
    """As a page of Userflow is."""
    reply = client.send("GET", f"/api/participants?{query}")
    assert (reply.status, errors(reply)[0]["detail"]) == (400, rule)


# Limits


def test_its_limit_is_counted_apart_from_that_of_userflow(client: Client, sandbox: Sandbox) -> None:
    """Though one setting says both, and the answer is the same but for its shape."""
    sandbox.configure(rate_limit=1)
    userflow = Client(sandbox, HEADERS)
    assert [userflow.send("GET", "/users").status for _ in range(2)] == [200, 429]
    assert save(client, ada(1)).status == 200
    reply = save(client, ada(2))
    assert (reply.status, errors(reply)[0]["code"]) == (429, "too_many_requests")
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    assert set(sandbox.state()["participants"]) == {"ada.1@example.com"}
