"""The fault matrix, rows of the API: what it answers, and what becomes of records and run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support.invariants import (
    MARK,
    Row,
    counts,
    never_early,
    user,
    users,
    users_and_events,
    with_states,
)
from support.process import run_target
from support.taps import piped, wait_until

from target_userflow.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

PASS: dict[str, Any] = {}
"""A step of the script that lets one request through."""


def error(code: str, request_id: str = "req_7") -> str:
    """The body of a documented error."""
    told = {"code": code, "message": "it is wrong", "doc_url": "x", "request_id": request_id}
    return json.dumps({"error": told})


# Tried again


def test_a_429_with_seconds_pauses_everybody_for_them(sandbox: Sandbox, tmp_path: Path) -> None:
    """429, Retry-After in seconds: no request before, the record is delivered after."""
    sandbox.configure(latency_ms=100)
    sandbox.script([PASS, {"status": 429, "headers": {"Retry-After": "1"}}])
    row = Row(sandbox, tmp_path, users_and_events(12))
    result = row.run()
    never_early(sandbox, 0.1 + 1, concurrency=4)
    row.check(result, read=12)


def test_a_429_with_a_date_pauses_everybody_until_then(sandbox: Sandbox, tmp_path: Path) -> None:
    """429, Retry-After as an HTTP date, which is at least a second away."""
    sandbox.configure(retry_after="date", latency_ms=100)
    sandbox.script([PASS, {"fault": "429"}])
    row = Row(sandbox, tmp_path, users(12))
    result = row.run()
    never_early(sandbox, 1, concurrency=4)
    row.check(result, read=12)


def test_a_retry_after_that_says_nothing_leaves_it_to_the_backoff(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """429, Retry-After of 0, in the past, or garbage: the target's own wait, then delivered."""
    odd = ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-1", ""]
    sandbox.configure(latency_ms=100)  # so that all of them are asked before one is answered
    sandbox.script([{"status": 429, "headers": {"Retry-After": value}} for value in odd])
    row = Row(sandbox, tmp_path, users(5), {"concurrency": 5})
    row.check(row.run(), read=5)


def test_an_api_that_closes_for_a_day_stops_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """429, Retry-After 86400: no one waits that long; exit 1, a line, STATE of what is settled."""
    sandbox.script([PASS, PASS, {"status": 429, "headers": {"Retry-After": "86400"}}])
    row = Row(sandbox, tmp_path, users(6), {"concurrency": 1})
    result = row.run()
    assert ["86400 s" in line for line in result.errors] == [True]
    assert len(sandbox.requests()) == 3
    row.check(result, 1, read=2)


def test_every_answer_that_may_be_better_later_is_asked_for_again(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """408, 425, 429, 500, 502, 503, 504 and an unknown 5xx: tried again, and the run goes on."""
    statuses = [408, 425, 429, 500, 502, 503, 504, 599]
    sandbox.script([{"status": status, "body": error("later")} for status in statuses])
    row = Row(sandbox, tmp_path, users_and_events(16), {"concurrency": 8})
    result = row.run()
    assert sorted(s for one in sandbox.requests() if (s := one["status"]) != 200) == statuses
    row.check(result, read=16)


def test_an_event_is_in_doubt_only_if_the_answer_may_have_got_lost(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """503 says that nothing was written; a gateway's 502 with a page of HTML does not."""
    sandbox.script([{"fault": "503", "path": "/events"}, {"fault": "html", "path": "/events"}])
    row = Row(sandbox, tmp_path, users_and_events(4), {"concurrency": 1})
    result = row.run()
    assert counts(result)["events"] == {"received": 2, "delivered": 2, "in_doubt": 1}
    row.check(result, read=4)


def test_a_success_without_an_object_is_not_believed(sandbox: Sandbox, tmp_path: Path) -> None:
    """2xx with an empty body or one that the API never sends: tried again."""
    bodies = ["", "<html>Sign in to the hotel's network</html>", "[]", "{}", "null", '{"id": "1"']
    sandbox.script([{"status": 200, "body": body} for body in bodies])
    row = Row(sandbox, tmp_path, users(6), {"concurrency": 6})
    result = row.run()
    assert len(sandbox.requests()) == 6 + len(bodies)
    row.check(result, read=6)


def test_a_truncated_success_is_not_believed(sandbox: Sandbox, tmp_path: Path) -> None:
    """Half an answer after the write: tried again, and the event counts as in doubt."""
    sandbox.script([{"fault": "truncated", "path": one} for one in ("/users", "/events")])
    row = Row(sandbox, tmp_path, users_and_events(6))
    result = row.run()
    assert counts(result)["events"]["in_doubt"] == 1
    assert len(sandbox.state()["events"]) == 3 + 1
    row.check(result, read=6)


def test_a_record_that_keeps_failing_while_others_succeed_is_a_dead_letter(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Still failing after max_retry_seconds, others get through: rejected, the run goes on."""
    sandbox.configure(latency_ms=20)
    sandbox.script([{"status": 503, "holds": f'{MARK}-1"', "times": 99}])
    row = Row(sandbox, tmp_path, users(20), {"concurrency": 2, "max_retry_seconds": 5})
    result = row.run()
    assert [one["error"]["reason"] for one in row.dead_letters] == ["gave up: HTTP 503"]
    row.check(result, 1, read=20)


@pytest.mark.parametrize("fault", ["500", "429", "reset-before"])
def test_an_api_that_is_down_for_good_stops_the_run(
    sandbox: Sandbox, tmp_path: Path, fault: str
) -> None:
    """Nothing succeeds for max_retry_seconds: exit 1, one line, no STATE, no dead letter."""
    sandbox.configure(faults={fault: 1})
    row = Row(sandbox, tmp_path, users(6), {"max_retry_seconds": 1})
    result = row.run()
    assert ["comes again on the next run" in line for line in result.errors] == [True]
    assert not row.dead_letters
    row.check(result, 1, read=0)


def test_all_faults_at_once_cost_nothing_but_time(sandbox: Sandbox, tmp_path: Path) -> None:
    """A bad day: every fault there is, again and again, and yet everything arrives."""
    sandbox.configure(
        faults=dict.fromkeys(
            ("500", "503", "html", "reset-before", "reset-after", "truncated"), 0.02
        ),
        seed=7,
    )
    config = {"concurrency": 20, "max_retry_seconds": 60}
    row = Row(sandbox, tmp_path, users_and_events(100), config)
    result = row.run()
    assert any(one["status"] != 200 for one in sandbox.requests())
    row.check(result, read=100)


# Rejected


def test_an_answer_about_the_record_is_a_dead_letter(sandbox: Sandbox, tmp_path: Path) -> None:
    """400, 409, 413, 422: a dead letter that says all the API said; the others are delivered."""
    statuses = [400, 409, 413, 422]
    sandbox.script(
        [{"status": s, "body": error("invalid", f"req_{s}"), "path": "/users"} for s in statuses]
    )
    row = Row(sandbox, tmp_path, users_and_events(12), {"concurrency": 1})
    result = row.run()
    errors = [one["error"] for one in row.dead_letters]
    assert [one.pop("at") is not None for one in errors] == [True] * 4
    assert errors == [
        {
            "stream": "users",
            "reason": f"HTTP {status} invalid",
            "status": status,
            "code": "invalid",
            "message": "it is wrong",
            "request_id": f"req_{status}",
        }
        for status in statuses
    ]
    assert counts(result)["users"] == {"received": 6, "delivered": 2, "rejected": 4}
    row.check(result, 1, read=12)


def test_a_success_that_tells_an_error_is_a_dead_letter(sandbox: Sandbox, tmp_path: Path) -> None:
    """2xx with an `error` key: not delivered, whatever the status says."""
    sandbox.script([{"status": 200, "body": error("invalid")}])
    row = Row(sandbox, tmp_path, users(3))
    result = row.run()
    assert [one["error"]["code"] for one in row.dead_letters] == ["invalid"]
    row.check(result, 1, read=3)


def test_a_wrong_mapping_stops_early(sandbox: Sandbox, tmp_path: Path) -> None:
    """More than abort_reject_ratio of 100 records rejected: exit 1 before the budget is burnt."""
    sandbox.script([{"status": 422, "body": error("invalid"), "times": 300}])
    row = Row(sandbox, tmp_path, users(300), {"batch_size_rows": 20})
    result = row.run()
    assert ["abort_reject_ratio" in line for line in result.errors] == [True]
    assert 100 <= len(sandbox.requests()) < 110
    assert len(row.dead_letters) == len(sandbox.requests())
    row.check(result, 1)


def rows(count: int, bad: set[int]) -> list[Any]:
    """So many users, of which these have no id."""
    ones = [user(n, user_id=None) if n in bad else user(n) for n in range(1, count + 1)]
    return [users(0)[0], *with_states(ones)]


@pytest.mark.parametrize(
    ("count", "bad", "concurrency"),
    [
        pytest.param(5000, {*range(1, 101)}, 100, id="2 % of them, all at the beginning"),
        pytest.param(600, {*range(5, 601, 5)}, 10, id="every fifth"),
    ],
)
def test_few_bad_rows_stop_nothing_wherever_they_stand(
    sandbox: Sandbox, tmp_path: Path, count: int, bad: set[int], concurrency: int
) -> None:
    """They settle when they are read, and the good ones later: what waits is not rejected."""
    config = {**sandbox.config, "concurrency": concurrency}
    result = run_target(tmp_path, config, rows(count, bad))
    assert result.errors == []
    assert len(sandbox.state()["users"]) == count - len(bad)
    assert (result.status, result.states[-1]) == (1, {"read": count})


def test_rows_without_ids_stop_the_run_before_a_request(sandbox: Sandbox, tmp_path: Path) -> None:
    """A wrong column of ids: nothing is sent, and the line's numbers are true."""
    result = run_target(tmp_path, sandbox.config, rows(600, {*range(1, 601)} - {7, 8, 9}))
    (line,) = result.errors
    assert "Stream 'users': 597 of 600 records were rejected" in line
    assert "Most often: `user_id`: it is missing" in line
    assert (result.status, sandbox.requests()) == (1, [])


def test_a_wrong_mapping_that_the_api_finds_burns_a_few_hundred_requests(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Of the records that wait, however many, 250 count as good: not all that is held is sent."""
    sandbox.script([{"status": 422, "body": error("invalid"), "times": 1000}])
    result = run_target(tmp_path, sandbox.config, users(1000))
    stopped = re.search(r"Stream 'users': (\d+) of (\d+) records", result.errors[0])
    assert stopped
    rejected, counted = map(int, stopped.groups())
    assert rejected in range(251, 251 + 10), "those in flight with the last of them are counted too"
    assert counted == rejected + 250
    assert 251 <= len(sandbox.requests()) < 251 + 10


# Refused


@pytest.mark.parametrize("status", [403, 404, 405, 406, 415, 308])
def test_an_answer_about_us_stops_the_run_at_once(
    sandbox: Sandbox, tmp_path: Path, status: int
) -> None:
    """403, 404 on an endpoint, 405, 406, 415, a redirect: exit 1, one line, nothing rejected."""
    answer = {"status": status, "body": error("denied"), "headers": {"Location": "/users"}}
    sandbox.script([PASS, answer])
    row = Row(sandbox, tmp_path, users(6), {"concurrency": 1})
    result = row.run()
    assert [f"HTTP {status}" in line for line in result.errors] == [True]
    assert len(sandbox.requests()) == 2
    assert not row.dead_letters
    row.check(result, 1, read=1)


def test_a_wrong_key_is_told_by_the_first_answer(sandbox: Sandbox, tmp_path: Path) -> None:
    """401 at the start: exit 1, and the line names the setting but not the key."""
    row = Row(sandbox, tmp_path, users(6), {"concurrency": 1})
    result = row.run(api_key=f"{MARK}_wrong")
    assert ["Check api_key" in line for line in result.errors] == [True]
    assert [one["status"] for one in Sandbox.requests(sandbox)] == [401]
    row.check(result, 1, read=0)


def test_a_key_revoked_in_mid_run_stops_it_there(sandbox: Sandbox, tmp_path: Path) -> None:
    """401 in mid-run: what was delivered stays, and STATE says so; nothing is rejected."""
    row = Row(sandbox, tmp_path, users(9), {"concurrency": 1})
    with piped(tmp_path, row.settings) as target:
        target.feed(row.messages[:7])
        wait_until(lambda: target.states[-1:] == [{"read": 3}], "the STATE after three")
        sandbox.configure(api_key="ak_another")
        target.feed(row.messages[7:])
        result = target.result()
    assert not row.dead_letters
    assert len(sandbox.requests()) == 4
    row.check(result, 1, read=3)


# Odd records


def test_ids_may_hold_whatever_a_url_may_not(sandbox: Sandbox, tmp_path: Path) -> None:
    """An id with / ? # % and letters of other scripts arrives as it is."""
    ids = ["a/b", "a?b=c", "a#b", "100%", "../x", "Zoë", "山田", "🦉", "a b", "'\""]
    ones = [user(number, user_id=one) for number, one in enumerate(ids, 1)]
    row = Row(sandbox, tmp_path, [users(0)[0], *ones])
    result = row.run()
    assert sandbox.state()["users"].keys() == set(ids)
    row.check(result)


def test_a_record_of_six_megabytes_arrives_whole(sandbox: Sandbox, tmp_path: Path) -> None:
    """Userflow names no limit, so the target has none."""
    row = Row(sandbox, tmp_path, [*users(2), user(3, value="é" * 3_000_000 + f"{MARK} 3")])
    result = row.run()
    assert len(sandbox.state()["users"][f"{MARK}-3"]["attributes"]["value"]) == 3_000_005
    row.check(result, read=2)
