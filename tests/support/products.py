"""What the rows of the fault matrix have to know of User Interviews and Userpilot.

Participants travel a hundred in a request, Userpilot's records one by one and never faster than
one in a tenth of a second to each endpoint: so there are many of the first and few of the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from support.invariants import MARK, Row, counts, with_states
from support.process import record, schema

if TYPE_CHECKING:
    from collections.abc import Callable

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


def doubts(result: Result) -> int:
    """How many repetitions a run counted as in doubt."""
    return sum(one.get("in_doubt", 0) for one in counts(result).values())


def tracked(sandbox: Sandbox) -> int:
    """How many events arrived."""
    return len(sandbox.state()["userpilot"]["events"])


def crowd(*culprits: int) -> list[Any]:
    """A hundred participants, of whom the account refuses these."""
    hosts = dict.fromkeys(culprits, "refused.example.com")
    ones = [person(number, hosts.get(number, "example.com")) for number in range(1, 101)]
    return [PEOPLE, *with_states(ones)]
