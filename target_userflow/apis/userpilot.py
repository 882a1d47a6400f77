"""Userpilot: users, companies and events.

Wire facts are from Userpilot's API reference. Its bulk jobs are left out on purpose: twice the rows
a minute, but no word on single rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.mapper import EventMapper, Mapper, wire_id
from target_userflow.apis.messages import Api, Probe, Request
from target_userflow.config.settings import StreamOptions
from target_userflow.errors import RejectRecord
from target_userflow.mapping.attributes import Attributes
from target_userflow.mapping.columns import Needs
from target_userflow.mapping.values import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.apis.messages import Answer
    from target_userflow.config.settings import Destination
    from target_userflow.mapping.columns import Stream

API_VERSION = "2020-09-22"
REGIONS = "https://analytex.userpilot.io", "https://analytex-eu.userpilot.io"
IDENTIFY, COMPANIES, TRACK = "/v1/identify", "/v1/companies/identify", "/v1/track"
DELETE_USERS = "/v1/users"
VALIDATE = "/v1/validate"  # secondary sources
PER_MINUTE = 600  # requests to each endpoint, by token
DELETIONS_PER_MINUTE = 30
_BLANKS = b"\xef\xbb\xbf \t\r\n"  # and a byte order mark


class Users(Mapper):
    """`POST /v1/identify` creates or updates; `metadata.created_at` is the sign-up time."""

    needs = Needs(
        columns={
            "user_id": ("user_id", "id"),
            "company_id": ("company_id",),
            "company": ("company",),
        },
        one_of=[("user_id",)],
        key_is="user_id",
    )
    takes_operations = False
    deleted_by = ("user_id",)

    def __init__(self, stream: Stream) -> None:
        """Find the columns; the properties of a company are any."""
        super().__init__(stream)
        free = StreamOptions(nulls=stream.options.nulls)
        self._company_of = Attributes(stream.name, {}, options=free, operations=False)

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """The user, and the company that it belongs to."""
        user_id = self._id(record, "user_id")
        company = self._company(record)
        body = {"user_id": user_id, "metadata": self.attributes(record), **company}
        return Request(
            "POST",
            IDENTIFY,
            encoded(body),
            user_id,
            (user_id,),
            repeatable=True,
            writes=(*map(_written, company.values()),),
        )

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /v1/users`: Userpilot takes note, and deletes once a day."""
        body = encoded({"users": ids})
        return Request("DELETE", DELETE_USERS, body, ids[0], tuple(ids), repeatable=True)

    def _company(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """`{id*, …}`, of an id, of an object, or of both."""
        company_id, company = self._role(record, "company_id"), self._role(record, "company")
        if company is None:
            company = {}
        if not isinstance(company, dict):
            raise RejectRecord("company is no object")
        found = company.get("id") if company_id is None else company_id
        if found is None and not company:
            return {}
        others = {key: value for key, value in company.items() if key != "id"}
        return {"company": {**self._company_of(others), "id": wire_id(found, "the company's id")}}


class Companies(Mapper):
    """`POST /v1/companies/identify` creates or updates."""

    needs = Needs({"company_id": ("company_id", "id")}, [("company_id",)], key_is="company_id")
    takes_operations = False

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """The company."""
        company_id = self._id(record, "company_id")
        body = _company_body(company_id, self.attributes(record))
        return Request("POST", COMPANIES, body, company_id, (company_id,), repeatable=True)


class Events(EventMapper):
    """`POST /v1/track` appends; the user must exist already."""

    needs = Needs(
        columns={"user_id": ("user_id",), "name": ("event_name", "name", "event")},
        one_of=[("user_id",), ("name",)],
    )

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """The event; its time, if there is one, is metadata like any other."""
        user_id = self._id(record, "user_id")
        body = {
            "user_id": user_id,
            "event_name": self._name(record),
            "metadata": self.attributes(record),
        }
        return Request("POST", TRACK, encoded(body), user_id, (), repeatable=False)


def _company_body(company_id: str, metadata: Mapping[str, Any]) -> bytes:
    return encoded({"company_id": company_id, "metadata": metadata})


def _written(company: Mapping[str, Any]) -> tuple[tuple[str, ...], bytes]:
    """The company of a user as `Request.writes` has it."""
    metadata = {name: value for name, value in company.items() if name != "id"}
    return ("userpilot_companies", company["id"]), _company_body(company["id"], metadata)


def headers(destination: Destination) -> dict[str, str]:
    """What every request carries."""
    return {
        "Authorization": f"Token {destination.api_key}",
        "X-API-Version": API_VERSION,
        "Accept": "application/json",
    }


def otherwise(destination: Destination) -> str:
    """The other region, if this is one of those that everybody can have."""
    others = [url for url in REGIONS if url != destination.url]
    return f"set userpilot_api_url to {others[0]}" if destination.url in REGIONS else ""


def is_believable(answer: Answer) -> bool:
    """Any status of success is one, whatever its body: the reference says 202 and the guide 200.

    A proxy's or login page is HTML.
    """
    return not answer.body.lstrip(_BLANKS).startswith(b"<")


API = Api(
    name="Userpilot",
    prefix="userpilot_",
    objects={
        "userpilot_companies": Companies,
        "userpilot_users": Users,
        "userpilot_events": Events,
    },
    headers=headers,
    probe=Probe(VALIDATE, otherwise, is_believable, is_documented=False),
    limits={
        **dict.fromkeys((IDENTIFY, COMPANIES, TRACK), PER_MINUTE),
        DELETE_USERS: DELETIONS_PER_MINUTE,
    },
    is_believable=is_believable,
)
