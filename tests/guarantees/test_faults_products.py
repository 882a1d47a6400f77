"""The fault matrix once more, for User Interviews and Userpilot: what is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.invariants import MARK, Row, never_early, with_states
from support.network import listening
from support.products import (
    BATCHES,
    PASS,
    PEOPLE,
    PILOTS,
    TRACK,
    USER_INTERVIEWS,
    USERPILOT,
    Product,
    both,
    companies,
    doubts,
    person,
    pilot,
    tracked,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_userflow.sandbox import Sandbox

    Rows = Callable[..., Row]


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
