"""The sandbox's User Interviews: media types, rules of the account, lists and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from support.participants import BATCHES, HEADERS_HERE, TYPE, TYPES, ada, batch, errors, save
from support.sandbox_client import HEADERS, NOTHING, Client

from target_userflow.sandbox import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox import Sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """A client of the shared sandbox."""
    client = Client(sandbox, HEADERS_HERE)
    yield client
    client.http.close()


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
