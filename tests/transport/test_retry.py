"""What an answer means for its request, and how long to wait before the next attempt."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from target_userflow.apis.messages import Answer
from target_userflow.apis.outcomes import Delivered, Outcome, Refused, Rejected, TryAgain
from target_userflow.apis.userflow.product import PRODUCT
from target_userflow.pace import jitter
from target_userflow.transport import retry

NOW = datetime(2024, 3, 1, 12, tzinfo=timezone.utc)
USER = b'{"id": "1", "object": "user"}'
ERROR = b'{"error": {"code": "bad_thing", "message": "No.", "request_id": "req_1"}}'
HTML = b"<html><title>Bad gateway</title></html>"
bounded = settings(max_examples=200, deadline=None, print_blob=True)


def meaning(status: int, body: bytes = ERROR, **headers: str) -> Outcome:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return retry.outcome(Answer(status, named, body), PRODUCT, now=NOW)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_success_with_a_json_object_is_a_delivery(status: int) -> None:
    """Every endpoint answers an object, and then the API has the record."""
    assert meaning(status, USER) == Delivered()


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        b"",
        b"{}",
        USER[:-1],
        b"[]",
        b'["ok"]',
        b'"ok"',
        b"null",
        b"true",
        b"\xff",
        b"[" * 9999,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_success_without_a_json_object_is_not_believed(body: bytes) -> None:
    """A proxy's page or half an answer is no delivery, but it may have been one."""
    outcome = meaning(200, body)
    assert isinstance(outcome, TryAgain)
    assert (outcome.lost, outcome.everyone, outcome.after) == (True, False, None)
    assert "200" in outcome.reason


def test_an_error_under_the_status_of_a_success_rejects_the_record() -> None:
    """The body is asked, not the status alone."""
    assert meaning(200) == Rejected("HTTP 200 bad_thing", 200, "bad_thing", "No.", "req_1")


@pytest.mark.parametrize("body", [b'"error": null', b'"errors": []', b'"errors": null'])
def test_an_error_that_is_none_is_a_success(body: bytes) -> None:
    """Some APIs always answer with the key."""
    assert meaning(200, b'{"id": "1", ' + body + b"}") == Delivered()


def test_every_status_there_is_has_its_meaning() -> None:
    """From 100 to 599: nothing falls through, and what is not known to be the record's stops."""
    stops = Refused
    named: dict[int, object] = {
        **dict.fromkeys(range(100, 200), ("again", True)),
        **dict.fromkeys(range(200, 300), Delivered),
        **dict.fromkeys(range(300, 500), stops),
        **dict.fromkeys((400, 409, 410, 412, 413, 414, 417, 422, 424, 428, 431), Rejected),
        **dict.fromkeys((408, 425, 429), ("again", False)),
        **dict.fromkeys(range(500, 600), ("again", True)),
        **dict.fromkeys((501, 503, 505, 507, 508, 511), ("again", False)),
    }
    outcomes = {}
    for status in range(100, 600):
        outcome = meaning(status, USER)
        outcomes[status] = (
            ("again", outcome.lost) if isinstance(outcome, TryAgain) else type(outcome)
        )
    assert outcomes == named


@pytest.mark.parametrize("status", [400, 409, 410, 412, 413, 414, 417, 422, 424, 428, 431])
def test_a_status_about_the_record_rejects_it(status: int) -> None:
    """The dead letter gets what the API said: code, message and the id that its support needs."""
    rejection = Rejected(f"HTTP {status} bad_thing", status, "bad_thing", "No.", "req_1")
    assert meaning(status) == rejection


@pytest.mark.parametrize(
    "body",
    [HTML, b"", b"[1]", b'{"error": 5}', b'{"error": null}', b'{"message": "bad"}'],
    ids=lambda body: body.decode()[:18] or "empty",
)
def test_a_rejection_needs_no_documented_body(body: bytes) -> None:
    """An error page of a proxy says at least its status."""
    assert meaning(400, body) == Rejected("HTTP 400", 400)


@pytest.mark.parametrize("name", ["x-request-id", "X-Request-Id"])
def test_the_request_id_may_stand_in_a_header(name: str) -> None:
    """As Userpilot's does; what the body says comes first."""
    rejection = Rejected("HTTP 400", 400, request_id="r-7")
    assert retry.outcome(Answer(400, {name: "r-7"}, b"{}"), PRODUCT, now=NOW) == rejection
    rejection = Rejected("HTTP 400 bad_thing", 400, "bad_thing", "No.", "req_1")
    assert retry.outcome(Answer(400, {name: "r-7"}, ERROR), PRODUCT, now=NOW) == rejection


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error": {"code": 7}}', "7", None),
        (b'{"error": "bad"}', None, "bad"),
        (
            b'{"errors": [{"code": "taken", "title": "Taken", "detail": "It is."}]}',
            "taken",
            "It is.",
        ),
        (b'{"errors": [{"title": "Taken"}]}', None, "Taken"),
        (b'{"errors": []}', None, None),
    ],
)
def test_whatever_form_an_error_has_is_kept(body: bytes, code: str, message: str) -> None:
    """As text: Userflow's own form, that of JSON:API, or a plain message."""
    reason = f"HTTP 400 {code}" if code else "HTTP 400"
    assert meaning(400, body) == Rejected(reason, 400, code, message)


@pytest.mark.parametrize(
    ("status", "everyone", "lost"),
    [
        (408, False, False),
        (425, False, False),
        (429, True, False),
        (500, False, True),
        (502, False, True),
        (503, False, False),
        (504, False, True),
    ],
)
def test_a_passing_trouble_is_tried_again(status: int, *, everyone: bool, lost: bool) -> None:
    """A 429 holds all workers; behind a gateway's error the request may have been carried out."""
    outcome = meaning(status, HTML)
    limited = status == 429
    assert outcome == TryAgain(
        f"HTTP {status}", None, limited=limited, everyone=everyone, lost=lost
    )


@pytest.mark.parametrize("status", [429, 503, 500, 502])
def test_a_retry_after_holds_for_all_workers(status: int) -> None:
    """An API that says when to come back says so to everyone."""
    outcome = meaning(status, Retry_After="7")
    assert isinstance(outcome, TryAgain)
    assert (outcome.after, outcome.everyone) == (7, True)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "api_key, region and api_url"),
        (402, "plan"),
        (403, "api_key"),
        (404, "api_url"),
        (405, "api_url"),
        (406, "api_url"),
        (415, "api_url"),
        (407, "HTTPS_PROXY"),
        (301, "redirect"),
        (302, "redirect"),
        (307, "redirect"),
        (308, "redirect"),
    ],
)
def test_a_status_about_us_stops_the_run_and_says_what_to_check(status: int, remedy: str) -> None:
    """What no record can cause, no other record will escape."""
    outcome = meaning(status, HTML)
    assert isinstance(outcome, Refused)
    assert str(status) in outcome.line
    assert remedy in outcome.line


def test_a_refusal_repeats_nothing_of_the_body() -> None:
    """A message could hold anything, and the line goes to the log."""
    assert meaning(401) == meaning(401, HTML)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("5", 5),
        (" 5 ", 5),
        ("86400", 86400),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("   ", None),
        ("soon", None),
        ("Fri, 01 Mar 2024 12:01:30 GMT", 90),
        ("Fri, 01 Mar 2024 12:01:30", 90),
        ("Fri, 01 Mar 2024 13:01:30 +0100", 90),
        ("Friday, 01-Mar-24 12:01:30 GMT", 90),
        ("Fri, 01 Mar 2024 11:59:59 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 32 Mar 2024 12:00:00 GMT", None),
        ("Fri, 01 Mar 99999999999999999999 12:00:00 GMT", None),
        ("Fri, 01 Mar 2024 12:00:00 +99999999999999999999", None),
    ],
)
def test_retry_after_is_understood_in_both_forms(value: str | None, seconds: float | None) -> None:
    """Seconds or a date; one that has passed is no wait, and nonsense is as good as nothing."""
    assert retry.retry_after(value, now=NOW) == seconds


@bounded
@given(value=st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ .*"))
@example(value="8\x1f")
def test_no_retry_after_ends_a_run(value: str) -> None:
    """Whatever a server writes there is a wait or nothing."""
    seconds = retry.retry_after(value, now=NOW)
    assert seconds is None or seconds >= 0


@bounded
@given(ahead=st.integers(0, 10**8))
def test_a_date_is_as_long_a_wait_as_its_seconds(ahead: int) -> None:
    """Both forms of the same moment are the same wait."""
    date = format_datetime(NOW + timedelta(seconds=ahead), usegmt=True)
    assert retry.retry_after(date, now=NOW) == retry.retry_after(str(ahead), now=NOW) == ahead


@bounded
@given(st.random_module())
def test_waits_grow_to_a_minute_with_full_jitter(dice: object) -> None:  # noqa: ARG001 - other jitter per example
    """The n-th wait is anywhere between 0 and 2^n seconds, and never longer than a minute."""
    for number, seconds in enumerate(islice(jitter.waits(), 12)):
        assert 0 <= seconds <= min(60, 2**number)


def test_waits_use_all_of_their_range() -> None:
    """Full jitter: workers that failed together come back apart."""
    fifths = [next(islice(jitter.waits(), 4, None)) for _ in range(400)]
    assert min(fifths) < 4
    assert max(fifths) > 12
