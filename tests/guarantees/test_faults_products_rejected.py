"""The fault matrix for User Interviews and Userpilot: what an answer says about a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from support.invariants import Row, counts, with_states
from support.products import PASS, USER_INTERVIEWS, USERPILOT, Product, both, crowd

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.sandbox import Sandbox

    Rows = Callable[..., Row]


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
