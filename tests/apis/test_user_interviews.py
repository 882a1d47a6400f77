"""Participants: what is sent for a record, what is refused before it costs a batch, and batches."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from target_userflow.apis.messages import Answer
from target_userflow.apis.outcomes import Delivered, Rejected, TryAgain
from target_userflow.apis.user_interviews import PRODUCT, Participants, headers, join
from target_userflow.config.settings import Destination, StreamOptions
from target_userflow.errors import ConfigError, RejectRecord
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.values import encoded
from target_userflow.transport.retry import outcome

COLUMNS = ("email", "first_name", "age", "is_vip", "notes")
HOST = "https://www.example.com"


def mapped(**record: Any) -> Any:
    """The participant that a record becomes."""
    stream = Stream("participants", {column: {} for column in COLUMNS}, ["email"], StreamOptions())
    request = Participants(stream)(record)
    assert (request.method, request.path) == ("PATCH", "/api/participants/batches")
    return json.loads(encoded(request.payload))


def answered(status: int, body: bytes) -> object:
    """What an answer means."""
    return outcome(Answer(status, {}, body), PRODUCT, now=datetime.now(timezone.utc))


def test_a_participant_is_its_email_and_its_fields() -> None:
    """All other columns are fields; strings, numbers and booleans stay what they are."""
    sent = mapped(email="ada@example.com", first_name="Ada", age=36, is_vip=True)
    assert sent == {"email": "ada@example.com", "first_name": "Ada", "age": 36, "is_vip": True}


def test_a_null_is_left_out() -> None:
    """Nobody says what the API does with one, and one refused participant costs 99 others."""
    assert mapped(email="ada@example.com", first_name=None) == {"email": "ada@example.com"}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"email": None}, "email is missing"),
        ({"email": 7}, "email is missing or no text"),
        ({"email": ""}, "email is not valid"),
        ({"email": "ada"}, "email is not valid"),
        ({"email": "ada@"}, "email is not valid"),
        ({"email": "ada@nowhere"}, "email is not valid"),
        ({"email": "a da@example.com"}, "email is not valid"),
        ({"email": "a..b@example.com"}, "email is not valid"),
        ({"first_name": 5}, "'first_name' is no string"),
        ({"first_name": True}, "'first_name' is no string"),
        ({"notes": {"a": 1}}, "'notes' holds an object or a list"),
        ({"notes": ["a"]}, "'notes' holds an object or a list"),
    ],
)
def test_what_can_be_known_to_be_bad_never_reaches_a_batch(
    record: dict[str, Any], reason: str
) -> None:
    """The reason names the column and holds no value."""
    with pytest.raises(RejectRecord, match=reason):
        mapped(**{"email": "ada@example.com", **record})


LABELS = st.text("aZ9-.", max_size=30)
NEARLY_EMAILS = st.builds(
    "{}@{}.{}".format,
    st.text('aZ9.+_-@ "ü!', max_size=70),
    LABELS,
    st.sampled_from(["com", "test", "x", "9", "xn--p1ai", ""]),
)


@given(st.one_of(st.emails(), NEARLY_EMAILS))
def test_an_email_passes_when_its_validator_lets_it_pass(email: str) -> None:
    """That domains are checked once only saves time."""
    try:
        validate_email(email.strip(), check_deliverability=False, strict=True)
    except EmailNotValidError:
        with pytest.raises(RejectRecord, match="email is not valid"):
            mapped(email=email)
    else:
        assert mapped(email=email) == {"email": email.strip()}


def test_a_stream_without_emails_is_refused_at_its_schema() -> None:
    """The line names the stream, the column and the setting that names another."""
    with pytest.raises(ConfigError, match=r"'people' has no column for email.*fields"):
        Participants(Stream("people", {"id": {}}, ["id"], StreamOptions()))


def test_emails_that_differ_in_case_are_one_participant() -> None:
    """So the last one wins, rather than the API refusing the batch for a duplicate."""
    mapper = Participants(Stream("p", {"email": {}}, [], StreamOptions()))
    upper, lower = mapper({"email": "Ada@Example.com"}), mapper({"email": "ada@example.com"})
    assert upper.ordering_key == lower.ordering_key
    assert dict(upper.payload or {})["email"] == "Ada@Example.com"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (
            "json_api",
            {
                "data": [
                    {"type": "participant", "attributes": {"email": "a@example.com"}},
                    {"type": "participant", "attributes": {"email": "b@example.com"}},
                ]
            },
        ),
        (
            "participants",
            {"participants": [{"email": "a@example.com"}, {"email": "b@example.com"}]},
        ),
    ],
)
def test_a_batch_has_the_shape_that_the_setting_says(shape: str, expected: object) -> None:
    """The reference is not public, so both shapes that sources tell of can be had."""
    payloads = [{"email": "a@example.com"}, {"email": "b@example.com"}]
    destination = Destination(HOST, "key", body=shape)
    assert join(destination, payloads) == expected
    assert len(next(iter(join(destination, payloads[:1]).values()))) == 1


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [("bearer", "Authorization", "Bearer k"), ("apikey", "user-interviews-apikey", "k")],
)
def test_the_key_is_in_the_header_that_the_setting_says(auth: str, name: str, value: str) -> None:
    """Two sources name one header, one source the other."""
    found = headers(Destination(HOST, "k", auth=auth))
    assert found[name] == value
    assert found["Accept"] == "application/vnd.user-interviews.v2+json"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"data": []}', Delivered()),
        (204, b"", Delivered()),
        (200, b"", Delivered()),
        (
            422,
            b'{"errors": [{"code": "invalid", "detail": "data[3].city must be a string"}]}',
            Rejected("HTTP 422 invalid", 422, "invalid", "data[3].city must be a string"),
        ),
    ],
)
def test_an_answer_means_what_the_sources_suggest(
    status: int, body: bytes, expected: object
) -> None:
    """A success may be empty; of a refusal the API's own words go to the dead letter."""
    assert answered(status, body) == expected


def test_a_page_of_html_is_no_success() -> None:
    """It comes from a proxy: the batch is sent again, which is safe."""
    found = answered(200, b"<html></html>")
    assert isinstance(found, TryAgain)
    assert found.lost
