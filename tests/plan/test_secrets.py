"""What is called like a secret is not sent, unless someone asks for it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from support.process import record, run_target, schema

from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.config.settings import StreamOptions
from target_userflow.errors import ConfigError
from target_userflow.mapping.columns import Stream

if TYPE_CHECKING:
    from pathlib import Path

    from target_userflow.sandbox import Sandbox

VALUE = "hunter2"
TEXT = {"type": ["string", "null"]}
SECRETS = (
    "password",
    "encrypted_password",
    "password_digest",
    "resetPasswordToken",
    "stripe-secret",
    "API Key",
    "APIKey",
    "otp",
    "salt",
    "SSN",
    "iban",
    "cardNumber",
)
HARMLESS = ("tokens_used", "password_changed", "secretary", "lesson", "basalt", "card_number_count")


def sent(columns: dict[str, Any], row: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The attributes of a user."""
    stream = Stream("users", {"id": TEXT, **columns}, ["id"], StreamOptions(**options))
    payload = mapper(OBJECT_TYPES["users"], stream)({"id": "1", **row}).payload
    assert payload is not None
    found: dict[str, Any] = payload["attributes"]
    return found


@pytest.mark.parametrize("column", SECRETS)
def test_a_text_below_a_secrets_name_is_not_sent(column: str) -> None:
    """In snake or camel case, in the SCHEMA or outside of it."""
    assert sent({column: TEXT}, {column: "x"}) == {}
    assert sent({}, {column: "x"}) == {}
    assert sent({}, {column: None}) == {}


@pytest.mark.parametrize("column", ["ssn", "cardNumber", "backup_otp"])
@pytest.mark.parametrize("value", [123456789, Decimal(4111111111111111), 1.0], ids=repr)
def test_a_secret_of_digits_is_not_sent_as_a_number_either(column: str, value: Any) -> None:
    """In the SCHEMA, outside of it, and inside of an object; as a flag it is no secret."""
    number = {"type": ["null", "number"]}
    assert sent({column: number}, {column: value}) == {}
    assert sent({}, {column: value, "billing": {column: value, "plan": "pro"}}) == {
        "billing_plan": "pro"
    }
    assert sent({column: number}, {column: value}, send=[column]) == {column: value}
    assert sent({column: {"type": "boolean"}}, {column: True}) == {column: True}


@pytest.mark.parametrize("column", HARMLESS)
def test_a_name_that_only_holds_such_a_word_is_sent(column: str) -> None:
    """What counts is what the name ends in."""
    assert sent({column: TEXT}, {column: "x"}) == {column: "x"}


@pytest.mark.parametrize("type_", ["boolean", "integer", "array"])
def test_what_is_no_text_is_sent(type_: str) -> None:
    """`has_password` is no password."""
    value = {"boolean": True, "integer": 3, "array": ["a"]}[type_]
    assert sent({"has_password": {"type": type_}}, {"has_password": value}) == {
        "has_password": value
    }


def test_a_secret_inside_of_an_object_is_not_sent() -> None:
    """Whether it stands in a column or in the object of `attributes`."""
    row = {"login": {"name": "a", "api_key": "x"}, "attributes": {"token": "x", "plan": "pro"}}
    columns = {"login": {"type": "object"}, "attributes": {"type": "object"}}
    assert sent(columns, row) == {"login_name": "a", "plan": "pro"}
    assert sent(columns, row, send=["login_api_key", "token"]) == {
        "login_name": "a",
        "login_api_key": "x",
        "token": "x",
        "plan": "pro",
    }


def test_what_is_asked_for_is_sent() -> None:
    """Also another loader's column; of an event, its key."""
    columns = {"invite_token": TEXT, "_fivetran_id": TEXT}
    row = dict.fromkeys(columns, "x")
    assert sent(columns, row) == {}
    assert sent(columns, row, send=[*columns]) == row
    events = Stream(
        "events",
        {"id": TEXT, "user_id": TEXT},
        ["id"],
        StreamOptions(event_name="seen", send=["id"]),
    )
    payload = mapper(OBJECT_TYPES["events"], events)({"id": "e1", "user_id": "u"}).payload
    assert payload == {"name": "seen", "user_id": "u", "attributes": {"id": "e1"}}


def test_an_option_for_a_column_that_is_not_sent_says_so() -> None:
    """And names the setting that sends it."""
    with pytest.raises(ConfigError, match=r'streams\.users\.send: \["api_token"\]'):
        sent({"api_token": TEXT}, {}, data_types={"api_token": "string"})


def test_columns_that_are_left_out_are_one_warning(sandbox: Sandbox, tmp_path: Path) -> None:
    """It names them and the setting, and no value; what stands in objects is counted at the end."""
    users = schema("users", {"id": "string", "encrypted_password": "string", "a": "object"})
    rows = [
        record("users", id=f"{n}", encrypted_password=VALUE, a={"token": VALUE}) for n in range(3)
    ]
    result = run_target(tmp_path, sandbox.config, [users, *rows])
    assert result.status == 0, result.log
    assert result.log.count('streams.users.send: ["encrypted_password"]') == 1
    assert "3 times in users: a value below a key that is named like a secret" in result.log
    assert "hunter" not in result.log + str(sandbox.state())


def test_a_stream_says_what_its_columns_become(sandbox: Sandbox, tmp_path: Path) -> None:
    """One line at the SCHEMA: the object, the roles with their columns, and the attributes."""
    columns = {"user_id": "string", "event": "string", "name": "string", "n": "integer"}
    messages = [schema("events", columns, []), record("events", user_id="u", event="a", name="b")]
    result = run_target(tmp_path, sandbox.config, messages)
    assert (
        "Stream 'events' goes to events of Userflow: user_id is 'user_id' (by name), name is "
        "'event' (by name, before 'name'), 2 attributes"
    ) in result.log
