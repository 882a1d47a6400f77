"""The marks of a ledger stay valid: a record has the fingerprint that version 1.0.0 gave it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.config.settings import StreamOptions
from target_userflow.ledger.ledger import DELIVERED, event_mark, fingerprint
from target_userflow.mapping.columns import Stream

GROUP = {"id": "g", "attributes": {"n": Decimal("12345678901234567890.123456789")}}
USER = {
    "id": "zoë",
    "plan": 'a "b"\u2028',
    "mrr": Decimal("1.10"),
    "seats": 2**70,
    "admin": True,
    "left": None,
    "tags": ["a", "b"],
    "logins": {"add": 1},
    "groups": [GROUP],
}
COMPANY = {"id": "c", "seats": 3}
MEMBERSHIP = {"user_id": "u", "group_id": "g", "role": "admin"}
EVENT = {"user_id": "u", "name": "paid", "time": "2024-05-01", "amount": Decimal("9.90")}
PARTICIPANT = {"email": "Ada@example.com", "first_name": "Ada", "age": 36}


@pytest.mark.parametrize(
    ("kind", "record", "own", "others"),
    [
        ("users", USER, "0faa5ce045e661c2", ["41b0f5d816ef2764"]),
        (
            "groups",
            {"id": "g", "since": "2024-05-01T12:00:00+02:00", "score": 0.5},
            "9440bb01027f021b",
            [],
        ),
        ("memberships", MEMBERSHIP, "11e6462eb0f7f66f", []),
        ("events", EVENT, "b8dc74e7ba39c41a", []),
        ("participants", PARTICIPANT, "a1fe3e1bda71d362", []),
        (
            "userpilot_users",
            {"user_id": "u", "company": COMPANY, "plan": "pro"},
            "0202608b68c71426",
            ["34feb187d724d1d8"],
        ),
        ("userpilot_companies", {"company_id": "c", "tags": ["a", "b"]}, "6121040653e62c6f", []),
        (
            "userpilot_events",
            {"user_id": "u", "event_name": "paid", "amount": 9.5},
            "1c0800cd17151e31",
            [],
        ),
    ],
)
def test_a_record_keeps_its_fingerprint(
    kind: str, record: dict[str, Any], own: str, others: list[str]
) -> None:
    """Else the first run after an upgrade would send everything again."""
    columns: dict[str, Any] = {column: {} for column in record}
    request = mapper(OBJECT_TYPES[kind], Stream(kind, columns, [], StreamOptions()))(record)
    assert fingerprint(request.payload).hex() == own
    assert event_mark(DELIVERED, request.payload).hex() == f"21{own[:12]}"
    assert [fingerprint(payload).hex() for _, payload in request.writes] == others
