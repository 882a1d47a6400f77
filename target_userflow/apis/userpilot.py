"""Userpilot: users, companies and events.

Wire facts are from Userpilot's API reference. Its bulk jobs are left out on purpose: twice the rows
a minute, but no word on single rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.apis.mapper import EventMapper, Mapper, role_schema, wire_id
from target_userflow.apis.messages import Request
from target_userflow.apis.object_type import ObjectType
from target_userflow.apis.product import Probe, Product
from target_userflow.errors import RejectRecord
from target_userflow.mapping.attributes import inner_attributes
from target_userflow.mapping.columns import RoleSpec
from target_userflow.mapping.json_text import unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.apis.messages import Answer, Payload
    from target_userflow.config.settings import Destination
    from target_userflow.mapping.columns import Stream

API_VERSION = "2020-09-22"
REGIONS = "https://analytex.userpilot.io", "https://analytex-eu.userpilot.io"
IDENTIFY, COMPANIES, TRACK = "/v1/identify", "/v1/companies/identify", "/v1/track"
DELETE_USERS, DELETE_COMPANIES = "/v1/users", "/v1/companies"
_SUBJECTS = {DELETE_USERS: "user", DELETE_COMPANIES: "company"}
VALIDATE = "/v1/validate"  # secondary sources
PER_MINUTE = 600  # requests to each endpoint, by token
DELETIONS_PER_MINUTE = 30  # "1 request in 2 s"
DELETIONS = 100  # ids in one request; the reference names no most
_COMPANY_IDS = ("id", "company_id")
_BLANKS = b"\xef\xbb\xbf \t\r\n"  # and a byte order mark


class _Mapper(Mapper):
    """Makes requests whose metadata holds primitives only."""

    takes_operations = ()

    def _metadata(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return _primitives(self.attributes(record))


class Users(_Mapper):
    """`POST /v1/identify` creates or updates; `metadata.created_at` is the sign-up time."""

    role_spec = RoleSpec(
        columns={
            "user_id": ("user_id", "id"),
            "company_id": ("company_id",),
            "company": ("company",),
        },
        one_of=[("user_id",)],
        key_is="user_id",
    )
    deleted_by = ("user_id",)
    subjects: ClassVar = {"user_id": "user"}

    def __init__(self, stream: Stream) -> None:
        """Find the columns; and what the schema says of a company."""
        super().__init__(stream)
        schema = role_schema(self, stream, "company")
        self._company_of = inner_attributes(stream, schema, self.takes_operations, self.remarks)

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of a user, and the company that it belongs to."""
        user_id = self._id(record, "user_id")
        company = self._company(record)
        payload = {"user_id": user_id, "metadata": self._metadata(record), **company}
        return Request(
            "POST",
            IDENTIFY,
            payload,
            f"user {user_id}",
            (user_id,),
            idempotent=True,
            references=tuple(
                ("userpilot_companies", reference["id"]) for reference in company.values()
            ),
            writes=(*map(_written, company.values()),),
        )

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /v1/users`: Userpilot takes note, and deletes once a day."""
        return _deletion(DELETE_USERS, "users", ids)

    def _company(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """`{id*, company_id*, …}`, of an id, of an object, or of both.

        The reference calls it `id` in its guide and `company_id` in its OpenAPI file: both go.
        """
        column = self._role(record, "company_id")
        company = self._within("company", _object, self._role(record, "company"))
        given = self._within("company", _company_id, column, company)
        if given is None and not company:
            return {}
        role = "company" if column is None else "company_id"
        company_id = self._within(role, self._wire_id, given, "the company's id")
        others = {key: value for key, value in company.items() if key not in _COMPANY_IDS}
        properties = self._within("company", self._company_of.of_object, others)
        return {"company": {**_primitives(properties), **dict.fromkeys(_COMPANY_IDS, company_id)}}


class Companies(_Mapper):
    """`POST /v1/companies/identify` creates or updates."""

    role_spec = RoleSpec(
        {"company_id": ("company_id", "id")}, [("company_id",)], key_is="company_id"
    )
    deleted_by = ("company_id",)
    subjects: ClassVar = {"company_id": "company"}

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of a company."""
        company_id = self._id(record, "company_id")
        payload = _company_payload(company_id, self._metadata(record))
        key, ids = f"company {company_id}", (company_id,)
        return Request("POST", COMPANIES, payload, key, ids, idempotent=True)

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /v1/companies`, likewise once a day."""
        return _deletion(DELETE_COMPANIES, "companies", ids)


class Events(EventMapper):
    """`POST /v1/track` appends; the user must exist already."""

    role_spec = RoleSpec(
        columns={"user_id": ("user_id",), "name": ("event_name", "event", "name")},
        one_of=[("user_id",), ("name",)],
    )
    subjects: ClassVar = {"user_id": "user"}

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of an event; its time, if there is one, is metadata like any other."""
        user_id = self._id(record, "user_id")
        payload = {
            "user_id": user_id,
            "event_name": self._name(record),
            "metadata": _primitives(self.attributes(record)),
        }
        return Request("POST", TRACK, payload, f"user {user_id}", (), idempotent=False)


def _company_payload(company_id: str, metadata: Mapping[str, Any]) -> Payload:
    return {"company_id": company_id, "metadata": metadata}


def _written(company: Mapping[str, Any]) -> tuple[tuple[str, ...], Payload]:
    """Return the company of a user as `Request.writes` has it."""
    metadata = {name: value for name, value in company.items() if name not in _COMPANY_IDS}
    return ("userpilot_companies", company["id"]), _company_payload(company["id"], metadata)


def join(destination: Destination, payloads: Sequence[Payload]) -> Payload:  # noqa: ARG001 - as `Product.join`
    """Return the payload of one deletion, made of those of several."""
    (name,) = payloads[0]
    return {name: [id_ for payload in payloads for id_ in payload[name]]}


def headers(destination: Destination) -> dict[str, str]:
    """Return what every request carries."""
    return {
        "Authorization": f"Token {destination.api_key}",
        "X-API-Version": API_VERSION,
        "Accept": "application/json",
    }


def _deletion(path: str, name: str, ids: Sequence[str]) -> Request:
    (id_,) = ids
    key = f"{_SUBJECTS[path]} {id_}"
    return Request("DELETE", path, {name: [id_]}, key, (id_,), idempotent=True, mergeable=True)


def _object(company: Any) -> dict[str, Any]:
    """Return the company of a user, from JSON text as well; empty where there is none."""
    value = unpacked(company)
    if value is not None and not isinstance(value, dict):
        raise RejectRecord("company is no object")
    return value or {}


def _company_id(column: Any, company: Mapping[str, Any]) -> Any:
    """Return the id of a user's company: that of its column, else that in the object.

    Raises:
        RejectRecord: the object holds two that differ.
    """
    given = [company[key] for key in _COMPANY_IDS if company.get(key) is not None]
    if column is not None:
        return column
    if len({wire_id(id_, "the company's id") for id_ in given}) > 1:
        raise RejectRecord("company has an id and another company_id")
    return given[0] if given else None


def _primitives(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as Userpilot takes them: it knows no list, so that one is text, with commas."""
    return {
        name: ", ".join(value) if isinstance(value, list) else value
        for name, value in attributes.items()
    }


def otherwise(destination: Destination) -> str:
    """Return how to try the other region, if this is one that everybody can have."""
    others = [url for url in REGIONS if url != destination.url]
    return f"set userpilot_api_url to {others[0]}" if destination.url in REGIONS else ""


def is_believable(answer: Answer) -> bool:
    """Any status of success is one, whatever its body: the reference says 202 and the guide 200.

    A proxy's or login page is HTML.
    """
    return not answer.body.lstrip(_BLANKS).startswith(b"<")


PRODUCT = Product(
    name="Userpilot",
    prefix="userpilot_",
    headers=headers,
    probe=Probe(VALIDATE, otherwise, is_believable, is_documented=False),
    limits={
        **dict.fromkeys((IDENTIFY, COMPANIES, TRACK), PER_MINUTE),
        **dict.fromkeys((DELETE_USERS, DELETE_COMPANIES), DELETIONS_PER_MINUTE),
    },
    join=join,
    deletions=DELETIONS,
    is_believable=is_believable,
)
OBJECT_TYPES = (
    ObjectType("userpilot_users", PRODUCT, 1, Users),
    ObjectType("userpilot_companies", PRODUCT, 0, Companies),
    ObjectType("userpilot_events", PRODUCT, 2, Events, is_event=True),
)
