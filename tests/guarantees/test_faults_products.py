"""The fault matrix once more, for User Interviews and Userpilot: the same rows, the same promises.

Participants travel a hundred in a request, Userpilot's records one by one and never faster than
one in a tenth of a second to each endpoint: so there are many of the first and few of the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest
from support.invariants import MARK, Row, counts, never_early, with_states
from support.network import listening
from support.process import record, schema

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from support.process import Result

    from target_userflow.sandbox import Sandbox

    Rows = Callable[..., Row]

PASS: dict[str, Any] = {}
"""A step of the script that lets one request through."""
BATCHES = "/api/participants/batches"
IDENTIFY, COMPANIES, TRACK = "/v1/identify", "/v1/companies/identify", "/v1/track"
PEOPLE = schema(
    "participants", {"n": "integer", "email": "string", "value": "string"}, keys=["email"]
)
PILOTS = [
    schema(
        "userpilot_companies",
        {"n": "integer", "company_id": "string", "value": "string"},
        keys=["company_id"],
    ),
    schema(
        "userpilot_users",
        {"n": "integer", "user_id": "string", "value": "string"},
        keys=["user_id"],
    ),
    schema(
        "userpilot_events",
        {"n": "integer", "user_id": "string", "name": "string", "value": "string"},
        keys=["n"],
    ),
]


def person(number: int, host: str = "example.com") -> dict[str, Any]:
    """The participant that is the record of this number."""
    email = f"{MARK}-{number}@{host}"
    return record("participants", n=number, email=email, value=f"{MARK} {number}")


def company(number: int) -> dict[str, Any]:
    """The company that is the record of this number."""
    own = {"company_id": f"{MARK}-{number}", "value": f"{MARK} {number}"}
    return record("userpilot_companies", n=number, **own)


def pilot(number: int) -> dict[str, Any]:
    """The record of this number: by turns a company, a user, and an event of this user."""
    own = {"n": number, "value": f"{MARK} {number}"}
    match number % 3:
        case 1:
            return company(number)
        case 2:
            return record("userpilot_users", user_id=f"{MARK}-{number}", **own)
        case _:
            return record(
                "userpilot_events", user_id=f"{MARK}-{number - 1}", name="signed in", **own
            )


def companies(count: int) -> list[Any]:
    """So many companies."""
    return with_states([company(number) for number in range(1, count + 1)])


@dataclass(frozen=True)
class Product:
    """What a row has to know of the product that it is about."""

    name: str
    prefix: str
    """What its settings start with."""
    paths: tuple[str, ...]
    """Its endpoints, in the order in which a window comes to them."""
    schemas: list[dict[str, Any]]
    record: Callable[[int], dict[str, Any]]
    window: int
    """Records that make one request to each endpoint."""
    success: int
    errors: Callable[[str, str], dict[str, Any]]
    """The shape of an error with this code and message."""

    def records(self, windows: int) -> list[Any]:
        """The messages that make so many requests to each endpoint."""
        numbers = range(1, windows * self.window + 1)
        return [*self.schemas, *with_states([self.record(number) for number in numbers])]

    @property
    def hit(self) -> tuple[str, ...]:
        """The endpoints that a fault hits once: for companies it is the same as for users."""
        return self.paths[-2:]

    @property
    def events(self) -> int:
        """How many of its endpoints take events."""
        return int(TRACK in self.paths)

    def error(self, code: str = "invalid", message: str = "it is wrong") -> str:
        """The body of an error."""
        return json.dumps({"errors": [self.errors(code, message)]})


USER_INTERVIEWS = Product(
    name="User Interviews",
    prefix="user_interviews_",
    paths=(BATCHES,),
    schemas=[PEOPLE],
    record=person,
    window=100,
    success=200,
    errors=lambda code, message: {"title": "Bad", "detail": message, "code": code},
)
USERPILOT = Product(
    name="Userpilot",
    prefix="userpilot_",
    paths=(COMPANIES, IDENTIFY, TRACK),
    schemas=PILOTS,
    record=pilot,
    window=3,
    success=202,
    errors=lambda code, message: {"error_code": code, "error": "Bad", "message": message},
)
both = pytest.mark.parametrize("product", [USER_INTERVIEWS, USERPILOT], ids=lambda one: one.name)


@pytest.fixture
def rows(sandbox: Sandbox, tmp_path: Path) -> Rows:
    """Makes the row of a test, of its messages and its config."""

    def made(messages: list[Any], **config: Any) -> Row:
        return Row(sandbox, tmp_path, messages, config)

    return made


def doubts(result: Result) -> int:
    """How many repetitions a run counted as in doubt."""
    return sum(one.get("in_doubt", 0) for one in counts(result).values())


def tracked(sandbox: Sandbox) -> int:
    """How many events arrived."""
    return len(sandbox.state()["userpilot"]["events"])


# Tried again


@both
@pytest.mark.parametrize(("form", "seconds"), [("seconds", 1.1), ("date", 1)])
def test_a_429_pauses_everybody_for_as_long_as_it_says(
    sandbox: Sandbox, rows: Rows, product: Product, form: Any, seconds: float
) -> None:
    """429, Retry-After in seconds or as a date: no request before, everything delivered after."""
    sandbox.configure(retry_after=form, latency_ms=100)
    if product is USERPILOT:
        messages, before = [PILOTS[0], *companies(10)], 3
    else:  # windows of 150, 600 and 900: of the last one's nine requests, seven are waiting
        messages, before = [PEOPLE, *with_states([person(n) for n in range(1, 1651)])], 9
    sandbox.script([*[PASS] * before, {"fault": "429"}])
    row = rows(messages, concurrency=3)
    result = row.run()
    never_early(sandbox, seconds, concurrency=3)
    row.check(result, read=(len(messages) - 1) // 2)


@both
def test_a_429_that_says_nothing_leaves_it_to_the_backoff(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """429 without Retry-After: the target's own wait, then delivered, and nothing in doubt."""
    sandbox.configure(retry_after="none")
    sandbox.script([{"fault": "429", "path": path} for path in product.hit])
    row = rows(product.records(2))
    result = row.run()
    assert len(sandbox.requests()) == 2 * len(product.paths) + len(product.hit)
    assert doubts(result) == 0
    row.check(result, read=2 * product.window)


@both
def test_a_503_is_tried_again(sandbox: Sandbox, rows: Rows, product: Product) -> None:
    """503 once at each endpoint: tried again; it says that nothing was written, so no doubt."""
    sandbox.script([{"fault": "503", "path": path} for path in product.hit])
    row = rows(product.records(2))
    result = row.run()
    assert len(sandbox.requests()) == 2 * len(product.paths) + len(product.hit)
    assert doubts(result) == 0
    row.check(result, read=2 * product.window)


@both
def test_a_gateways_page_is_no_answer(sandbox: Sandbox, rows: Rows, product: Product) -> None:
    """502 with a page of HTML: tried again; the gateway doesn't know, so the event is in doubt."""
    sandbox.script([{"fault": "html", "path": path} for path in product.hit])
    row = rows(product.records(2))
    result = row.run()
    assert doubts(result) == product.events
    row.check(result, read=2 * product.window)


@both
def test_a_success_that_is_none_of_the_apis_is_not_believed(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """200 with a page of HTML: tried again, as no product answers like that."""
    page = {"status": 200, "body": "<html>Sign in to the hotel's network</html>"}
    sandbox.script([{**page, "path": path} for path in product.hit])
    row = rows(product.records(2))
    result = row.run()
    assert len(sandbox.requests()) == 2 * len(product.paths) + len(product.hit)
    assert doubts(result) == product.events
    row.check(result, read=2 * product.window)


@both
@pytest.mark.parametrize("fault", ["truncated", "reset-after"])
def test_an_answer_that_got_lost_after_the_write_doubles_no_more_than_it_tells(
    sandbox: Sandbox, rows: Rows, product: Product, fault: str
) -> None:
    """Half an answer, or none: participants and users are the same twice, the event in doubt."""
    sandbox.script([{"fault": fault, "path": path} for path in product.hit])
    row = rows(product.records(2))
    result = row.run()
    applied = sum(one["applied"] for one in sandbox.requests())
    assert applied == 2 * len(product.paths) + len(product.hit)
    assert doubts(result) == product.events
    assert tracked(sandbox) == (2 + 1) * product.events
    row.check(result, read=2 * product.window)


@both
def test_a_connection_that_breaks_before_the_write_loses_nothing(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """Reset before the write: sent again; nobody can know, so the event counts as in doubt."""
    sandbox.script([{"fault": "reset-before", "path": path} for path in product.hit])
    row = rows(product.records(2))
    result = row.run()
    assert doubts(result) == product.events
    assert tracked(sandbox) == 2 * product.events
    row.check(result, read=2 * product.window)


@both
def test_an_answer_later_than_request_timeout_is_not_waited_for(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """A slow answer: given up after request_timeout, sent again, the event in doubt."""
    sandbox.configure(slow_ms=60_000)
    sandbox.script([{"fault": "slow", "path": product.paths[-1]}])
    row = rows(product.records(2), request_timeout=1)
    result = row.run()
    assert doubts(result) == product.events
    row.check(result, read=2 * product.window)


@both
def test_what_keeps_failing_while_others_succeed_is_a_dead_letter(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """Still failing after max_retry_seconds, others get through: rejected, the run goes on."""
    sandbox.configure(latency_ms=20)
    batched = product is USER_INTERVIEWS  # its first window is small: little to compare with
    number = 601 if batched else 1
    sandbox.script([{"status": 503, "holds": f'{MARK} {number}"', "times": 99}])
    many = product.records(18) if batched else [PILOTS[0], *companies(9)]
    row = rows(many, max_retry_seconds=8, concurrency=2)
    result = row.run()
    reasons = {one["error"]["reason"] for one in row.dead_letters}
    assert reasons == {"gave up: HTTP 503"}
    assert 1 <= len(row.dead_letters) <= (50 if product is USER_INTERVIEWS else 1)
    row.check(result, 1, read=len(many) // 2)


@both
@pytest.mark.parametrize("fault", ["500", "reset-before"])
def test_a_product_that_is_down_for_good_stops_the_run(
    sandbox: Sandbox, rows: Rows, product: Product, fault: str
) -> None:
    """500 always: exit 1, one line, no dead letter, and no STATE but for what was delivered."""
    sandbox.script([*[PASS] * len(product.paths), {"fault": fault, "times": 1000}])
    row = rows(product.records(3), max_retry_seconds=1)
    result = row.run()
    (line,) = result.errors
    assert line.startswith(f"{product.name} still fails after")
    assert "comes again on the next run" in line
    assert not row.dead_letters
    row.check(result, 1)


@both
def test_a_product_that_is_not_there_stops_the_run(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """Connection refused: exit 1 after max_retry_seconds, nothing in doubt, no dead letter."""
    with listening() as listener:
        port = listener.getsockname()[1]
    row = rows([*product.schemas, *with_states([product.record(3)])], max_retry_seconds=1)
    result = row.run(**{f"{product.prefix}api_url": f"http://127.0.0.1:{port}"})
    (line,) = result.errors
    assert line.startswith(f"{product.name} still fails after")
    assert "ConnectionError" in line
    assert not row.dead_letters
    assert sandbox.requests() == []
    row.check(result, 1, read=0)
    assert row.in_doubt == 0


def test_a_product_that_is_down_holds_back_the_state_and_not_the_other_product(
    sandbox: Sandbox, rows: Rows
) -> None:
    """500 always from one of the two: the other's records arrive, and no STATE says more."""
    sandbox.script([{"fault": "500", "path": TRACK, "times": 1000}])
    ones = [(pilot if number % 2 else person)(number) for number in range(1, 13)]
    messages = [PEOPLE, *PILOTS, *with_states(ones)]
    row = rows(messages, max_retry_seconds=1)
    result = row.run()
    assert len(sandbox.state()["participants"]) == 6
    row.check(result, 1, read=2)  # the third is an event


def test_an_event_whose_answer_got_lost_before_the_stop_is_in_doubt_in_the_next_run(
    sandbox: Sandbox, rows: Rows
) -> None:
    """Reset after the write, and no time to try again: exit 1, no STATE; sent again and told."""
    sandbox.script([{"fault": "reset-after", "path": TRACK, "times": 1000}])
    row = rows([PILOTS[2], *with_states([pilot(3)])], max_retry_seconds=0)
    result = row.run()
    assert tracked(sandbox) == 1
    row.check(result, 1, read=0)
    assert tracked(sandbox) == 1


def test_all_faults_at_once_cost_nothing_but_time(sandbox: Sandbox, rows: Rows) -> None:
    """A bad day at both products: one fault after the other, and yet everything arrives."""
    faults = ["500", "503", "html", "reset-before", "truncated"]  # doubles an event once, not twice
    sandbox.script([{"fault": one, "path": path} for one in faults for path in (BATCHES, TRACK)])
    ones = [pilot(number) if number % 60 == 0 else person(number) for number in range(1, 601)]
    row = rows([PEOPLE, *PILOTS, *with_states(ones)], concurrency=20, max_retry_seconds=60)
    result = row.run()
    assert {one["api"] for one in sandbox.requests() if one["fault"]} == {
        "user_interviews",
        "userpilot",
    }
    row.check(result, read=600)


# Rejected


@both
@pytest.mark.parametrize("status", [400, 422])
def test_an_answer_about_the_record_is_a_dead_letter(
    sandbox: Sandbox, rows: Rows, product: Product, status: int
) -> None:
    """400, 422: a dead letter that says all the API said; the others are delivered."""
    answer = {"status": status, "body": product.error()}
    # The first of four participants is found by halves: with three others, with one, alone.
    sandbox.script(
        [{**answer, "times": 3}]
        if product is USER_INTERVIEWS
        else [{**answer, "path": path} for path in product.paths]
    )
    messages = [one for one in product.records(2) if one["type"] == "SCHEMA"]
    count = 4 if product is USER_INTERVIEWS else 6
    messages += with_states([product.record(number) for number in range(1, count + 1)])
    row = rows(messages, concurrency=1)
    result = row.run()
    errors = [one["error"] for one in row.dead_letters]
    assert all(one.pop("at") for one in errors)
    assert [e.pop("stream") for e in errors] == [one["stream"] for one in row.dead_letters]
    told = {"code": "invalid", "message": "it is wrong", "request_id": None}
    expected = {"reason": f"HTTP {status} invalid", "status": status, **told}
    assert errors == [expected] * len(product.paths)
    numbers = sorted(one["record"]["n"] for one in row.dead_letters)
    assert numbers == [*range(1, len(product.paths) + 1)]
    delivered = sum(one["delivered"] for one in counts(result).values())
    assert delivered == count - len(product.paths)
    row.check(result, 1, read=count)


@both
def test_a_success_that_tells_an_error_is_a_dead_letter(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """2xx with `errors` in its body: not delivered, whatever the status says."""
    path = product.paths[-1]
    sandbox.script([{"status": product.success, "body": product.error(), "path": path}])
    row = rows([*product.schemas, *with_states([product.record(3)])])
    result = row.run()
    assert [one["error"]["code"] for one in row.dead_letters] == ["invalid"]
    row.check(result, 1, read=1)


def crowd(*culprits: int) -> list[Any]:
    """A hundred participants, of whom the account refuses these."""
    hosts = dict.fromkeys(culprits, "refused.example.com")
    ones = [person(number, hosts.get(number, "example.com")) for number in range(1, 101)]
    return [PEOPLE, *with_states(ones)]


def test_two_participants_that_the_account_refuses_cost_nobody_else(
    sandbox: Sandbox, rows: Rows
) -> None:
    """422 for a batch: the culprits are dead letters with the API's words, 98 are delivered."""
    sandbox.configure(rejected_emails=["*@refused.example.com"])
    row = rows(crowd(23, 77))
    result = row.run()
    assert [one["record"]["n"] for one in row.dead_letters] == [23, 77]
    said = "data[0].email is refused by the account's own rules"
    assert [one["error"]["message"] for one in row.dead_letters] == [said] * 2
    assert counts(result) == {"participants": {"received": 100, "delivered": 98, "rejected": 2}}
    row.check(result, 1, read=100)


def test_a_culprit_is_found_whatever_else_goes_wrong(sandbox: Sandbox, rows: Rows) -> None:
    """A batch in halves, while answers get lost or are none: one dead letter, 99 delivered."""
    sandbox.configure(rejected_emails=["*@refused.example.com"])
    faults = [{"fault": one} for one in ("reset-after", "503", "truncated")]
    sandbox.script([step for one in faults for step in (PASS, one)])
    row = rows(crowd(60))
    result = row.run()
    assert [one["record"]["n"] for one in row.dead_letters] == [60]
    assert counts(result) == {"participants": {"received": 100, "delivered": 99, "rejected": 1}}
    row.check(result, 1, read=100)


def test_userpilot_may_answer_200_for_202(sandbox: Sandbox, rows: Rows) -> None:
    """Its guide says so: everything is delivered, and each record with one request."""
    sandbox.configure(userpilot_success=200)
    row = rows(USERPILOT.records(2))
    result = row.run()
    assert len(sandbox.requests()) == 2 * len(USERPILOT.paths)
    row.check(result, read=2 * USERPILOT.window)


@pytest.mark.parametrize("demanded", ["json", "vendor"])
def test_a_media_type_that_is_refused_gives_way_to_the_other_once(
    sandbox: Sandbox, rows: Rows, demanded: Literal["json", "vendor"]
) -> None:
    """415: the batch is sent as the other type, and so are all that follow."""
    sandbox.configure(user_interviews_media_type=demanded)
    row = rows(USER_INTERVIEWS.records(3), concurrency=1)
    result = row.run()
    statuses = [one["status"] for one in sandbox.requests()]
    refused = [415] if demanded == "vendor" else []
    assert statuses == [*refused, *[200] * (len(statuses) - len(refused))]
    row.check(result, read=3 * USER_INTERVIEWS.window)


def test_a_media_type_is_no_excuse_for_ever(sandbox: Sandbox, rows: Rows) -> None:
    """415 to both: exit 1, one line, nothing rejected."""
    sandbox.script([{"status": 415, "times": 9}])
    row = rows(USER_INTERVIEWS.records(1))
    result = row.run()
    assert ["HTTP 415" in line for line in result.errors] == [True]
    assert len(sandbox.requests()) == 2
    row.check(result, 1, read=0)


# Refused


@both
@pytest.mark.parametrize(("status", "setting"), [(401, "key"), (403, "key"), (404, "url")])
def test_an_answer_about_us_stops_the_run_at_once(
    sandbox: Sandbox, rows: Rows, product: Product, status: int, setting: str
) -> None:
    """401, 403, 404 on an endpoint, in mid-run: exit 1, one line, nothing rejected."""
    sandbox.script([*[PASS] * len(product.paths), {"status": status, "body": product.error()}])
    row = rows(product.records(3), concurrency=1)
    result = row.run()
    (line,) = result.errors
    assert line.startswith(f"{product.name} answered HTTP {status}")
    assert f"{product.prefix}api_{setting}" in line
    assert len(sandbox.requests()) == len(product.paths) + 1
    assert not row.dead_letters
    row.check(result, 1)


@both
def test_a_wrong_key_is_told_by_the_first_answer(
    sandbox: Sandbox, rows: Rows, product: Product
) -> None:
    """401 at the start: exit 1, and the line names the setting but not the key."""
    row = rows(product.records(1), concurrency=1)
    result = row.run(**{f"{product.prefix}api_key": f"{MARK}_wrong"})
    (line,) = result.errors
    assert f"Check {product.prefix}api_key" in line
    assert len(sandbox.requests()) == 1
    assert not row.dead_letters
    row.check(result, 1, read=0)


def test_a_split_that_is_refused_rejects_nobody(sandbox: Sandbox, rows: Rows) -> None:
    """401 between the halves of a batch: the first half stays, with its STATE; no dead letter."""
    invalid = {"status": 422, "body": USER_INTERVIEWS.error()}
    sandbox.script([invalid, PASS, {"status": 401, "body": USER_INTERVIEWS.error()}])
    row = rows(crowd())
    result = row.run()
    assert len(sandbox.state()["participants"]) == 50
    assert len(sandbox.requests()) == 3
    assert not row.dead_letters
    row.check(result, 1, read=50)


@both
def test_a_redirect_is_never_followed(sandbox: Sandbox, rows: Rows, product: Product) -> None:
    """A redirect to another host: exit 1 at once, and that host sees no request and no key."""
    visitors: list[socket.socket] = []
    with listening(visitors.append) as other:
        location = f"http://127.0.0.1:{other.getsockname()[1]}{product.paths[0]}"
        passing = [PASS] * len(product.paths)
        sandbox.script([*passing, {"status": 307, "headers": {"Location": location}}])
        row = rows(product.records(3), concurrency=1)
        result = row.run()
    (line,) = result.errors
    assert "redirect" in line
    assert not visitors
    assert len(sandbox.requests()) == len(product.paths) + 1
    row.check(result, 1)
