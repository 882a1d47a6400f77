"""The sandbox's User Interviews takes batches of participants, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from email_validator import EmailNotValidError, validate_email
from support.participants import BATCHES, HEADERS_HERE, ada, errors, save
from support.sandbox_client import NOTHING, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox import Sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the shared sandbox."""
    client = Client(sandbox, HEADERS_HERE)
    yield client
    client.http.close()


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
