"""Userpilot: what is sent for users, companies and events, and what its answers mean."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from target_userflow.apis.messages import Answer
from target_userflow.apis.outcomes import Delivered, Refused, Rejected, TryAgain
from target_userflow.apis.registry import OBJECT_TYPES as TYPES
from target_userflow.apis.registry import mapper
from target_userflow.apis.userpilot import OBJECT_TYPES, PRODUCT, headers
from target_userflow.config.settings import Destination, Settings, StreamOptions
from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.values import encoded
from target_userflow.transport.retry import outcome

if TYPE_CHECKING:
    from target_userflow.apis.messages import Request

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
TIME = {"type": ["string", "null"], "format": "date-time"}


def request(name: str, record: dict[str, Any], **options: Any) -> Request:
    """The request of one record whose columns are its stream's."""
    properties = {key: TIME if key.endswith("_at") else {} for key in record}
    stream = Stream(name, properties, ["id"], StreamOptions(**options))
    return mapper(TYPES[name], stream)(record)


def sent(name: str, record: dict[str, Any], **options: Any) -> tuple[str, Any]:
    """The path and the body of a request."""
    found = request(name, record, **options)
    assert found.method == "POST"
    return found.path, json.loads(encoded(found.payload))


@pytest.mark.parametrize(
    ("name", "record", "path", "body"),
    [
        (
            "userpilot_users",
            {"id": 7, "plan": "pro", "created_at": "2026-01-02T03:04:05+01:00", "gone": None},
            "/v1/identify",
            {
                "user_id": "7",
                "metadata": {"plan": "pro", "created_at": "2026-01-02T02:04:05Z", "gone": None},
            },
        ),
        (
            "userpilot_users",
            {"id": "u", "company_id": 9},
            "/v1/identify",
            {"user_id": "u", "metadata": {}, "company": {"id": "9", "company_id": "9"}},
        ),
        (
            "userpilot_users",
            {"id": "u", "company": {"id": 9, "name": "Acme", "size": {"seats": 5}}},
            "/v1/identify",
            {
                "user_id": "u",
                "metadata": {},
                "company": {"id": "9", "company_id": "9", "name": "Acme", "size_seats": 5},
            },
        ),
        (
            "userpilot_users",
            {"id": "u", "company_id": "c", "company": {"name": "Acme"}},
            "/v1/identify",
            {
                "user_id": "u",
                "metadata": {},
                "company": {"id": "c", "company_id": "c", "name": "Acme"},
            },
        ),
        (
            "userpilot_users",
            {"id": "u", "company": {"company_id": 7, "id": "7", "tags": ["a", "b"]}},
            "/v1/identify",
            {
                "user_id": "u",
                "metadata": {},
                "company": {"id": "7", "company_id": "7", "tags": "a, b"},
            },
        ),
        (
            "userpilot_users",
            {"id": "u", "tags": ["a", 1], "none": [], "rows": [{"a": 1}]},
            "/v1/identify",
            {"user_id": "u", "metadata": {"tags": "a, 1", "none": "", "rows": '[{"a":1}]'}},
        ),
        (
            "userpilot_companies",
            {"id": 3, "name": "Acme", "tags": ["a", 1]},
            "/v1/companies/identify",
            {"company_id": "3", "metadata": {"name": "Acme", "tags": "a, 1"}},
        ),
        (
            "userpilot_events",
            {
                "id": 1,
                "user_id": "u",
                "event": "signed in",
                "page": {"path": "/"},
                "gone": None,
                "tags": ["a", "b"],
            },
            "/v1/track",
            {
                "user_id": "u",
                "event_name": "signed in",
                "metadata": {"page_path": "/", "tags": "a, b"},
            },
        ),
    ],
)
def test_a_record_is_sent_as_the_reference_says(
    name: str, record: dict[str, Any], path: str, body: object
) -> None:
    """Ids are text, a company is an id or an object or both, other columns are metadata.

    A list is text there, as Userpilot knows primitives only.
    """
    assert sent(name, record) == (path, body)


@pytest.mark.parametrize(
    ("name", "record", "reason"),
    [
        ("userpilot_users", {"id": None}, "user_id is missing"),
        ("userpilot_users", {"id": "u", "company": "Acme"}, "company is no object"),
        ("userpilot_users", {"id": "u", "company": {"name": "Acme"}}, "company's id is missing"),
        (
            "userpilot_users",
            {"id": "u", "company": {"id": 1, "company_id": 2}},
            "an id and another company_id",
        ),
        ("userpilot_companies", {"id": " "}, "company_id is blank"),
        ("userpilot_events", {"user_id": None, "event": "x"}, "`user_id`: it is missing"),
        ("userpilot_events", {"user_id": "u", "event": None}, "event name is missing"),
    ],
)
def test_what_lacks_an_id_or_a_name_is_refused(
    name: str, record: dict[str, Any], reason: str
) -> None:
    """It becomes a dead letter without a request."""
    with pytest.raises(RejectRecord, match=reason):
        sent(name, record)


def test_an_object_that_looks_like_an_operation_is_nested_data() -> None:
    """Operations are Userflow's."""
    _, body = sent("userpilot_users", {"id": "u", "logins": {"add": 1}})
    assert body["metadata"] == {"logins_add": 1}


def test_operations_are_refused_where_there_are_none() -> None:
    """A setting that does nothing would be a trap."""
    with pytest.raises(ConfigError, match="takes no operations"):
        sent("userpilot_users", {"id": "u", "logins": 1}, operations={"logins": "add"})


def test_users_may_be_sent_twice_and_events_not() -> None:
    """What may be repeated after a lost answer without being counted as in doubt."""
    assert request("userpilot_users", {"id": "u"}).idempotent
    assert request("userpilot_companies", {"id": "c"}).idempotent
    assert not request("userpilot_events", {"user_id": "u", "event": "x"}).idempotent


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (202, Delivered),
        (200, Delivered),
        (204, Delivered),
        (429, TryAgain),
        (401, Refused),
        (404, Refused),
    ],
)
def test_any_status_of_success_is_one(status: int, expected: type) -> None:
    """The reference says 202 and the guide 200; nothing else is taken for delivered."""
    assert isinstance(outcome(Answer(status, {}, b""), PRODUCT, now=NOW), expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"message": "ok"}', Delivered),
        (b'{"errors": []}', Delivered),
        (b'{"errors": null}', Delivered),
        (b"OK", Delivered),
        (b'{"errors": [{"error_code": "invalid", "message": "No."}]}', Rejected),
        (b"<html>Sign in</html>", TryAgain),
        (b"\xef\xbb\xbf\r\n<!doctype html>", TryAgain),
    ],
)
@pytest.mark.parametrize("status", [200, 202])
def test_a_success_is_not_one_if_it_tells_errors_or_is_a_page(
    status: int, body: bytes, expected: type
) -> None:
    """A proxy's page may be anything's; errors are the record's."""
    assert isinstance(outcome(Answer(status, {}, body), PRODUCT, now=NOW), expected)


def test_the_key_and_the_version_are_in_the_headers() -> None:
    """As the reference says."""
    found = headers(Destination("https://analytex.example.com", "k"))
    assert found["Authorization"] == "Token k"
    assert found["X-API-Version"] == "2020-09-22"


def test_companies_go_before_users_and_users_before_events() -> None:
    """A tracked user must exist already."""
    assert [one.name for one in sorted(OBJECT_TYPES, key=lambda one: one.turn)] == [
        "userpilot_companies",
        "userpilot_users",
        "userpilot_events",
    ]


def test_no_url_is_no_destination_whatever_the_region() -> None:
    """Data of one region never goes to another for want of a setting."""
    config = {
        "region": "eu",
        "streams": {},
        "userpilot_api_key": "k",
        "max_rejects": 0,
        "abort_reject_ratio": 0.5,
        "dead_letter_dir": "d",
        "ledger": "",
        "skip_unchanged": False,
        "resync_days": 7,
    }
    assert Settings.of(config).destinations == {}
