"""User Interviews (Research Hub): participants.

The vendor's reference is not public. What is from secondary sources only is marked, and what they
contradict each other in is a setting.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from target_userflow.apis import user_interviews_list
from target_userflow.apis.mapper import Mapper
from target_userflow.apis.messages import JSON, Request, has_json_object
from target_userflow.apis.object_type import ObjectType
from target_userflow.apis.product import Probe, Product
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import RoleSpec
from target_userflow.mapping.unsent_columns import is_of_loader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.apis.messages import Answer, Payload
    from target_userflow.config.settings import Destination

BATCH = 100  # participants in one request; secondary sources
PATH = "/api/participants/batches"  # secondary sources
_TYPE = "application/vnd.user-interviews.v2+json"  # secondary sources

_STRINGS = frozenset(
    (
        "first_name",
        "last_name",
        "phone_number",
        "title",
        "company",
        "city",
        "state",
        "country",
    )
)
"""The fields that every account has, all of them strings; others are the account's own."""

_PLAIN_NAME = re.compile(r"^(?=[!-~]{1,63}\Z)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@")
"""The start of a short email that is valid if its domain is: few domains, many names."""
_DOMAINS = 1_000

_NO_EMAIL = "email is missing or no text"
_KEY_HEADERS = {
    "bearer": ("Authorization", "Bearer {}"),  # two sources
    "apikey": ("user-interviews-apikey", "{}"),  # one source
}


class Participants(Mapper):
    """Up to 100 in one `PATCH`, which creates or updates by email, all of them or none.

    One bad participant costs the other 99 a round trip, so that what can be known to be bad is
    rejected before. A null is left out: nobody says what the API does with one.
    """

    role_spec = RoleSpec({"email": ("email",)}, [("email",)])
    takes_nulls = False
    takes_operations = ()

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of one participant; `join` makes one of up to 100."""
        email = self._within("email", _email, self._role(record, "email"))
        for column, value in record.items():
            if isinstance(value, (dict, list)) and not is_of_loader(column):
                raise RejectRecord(f"'{column}' holds an object or a list")
        fields = self.attributes(record)
        for name in fields.keys() & _STRINGS:
            if not isinstance(fields[name], str):
                raise RejectRecord(f"'{name}' is no string")
        key = email.lower()
        payload = {"email": email, **fields}
        return Request("PATCH", PATH, payload, key, (key,), idempotent=True, mergeable=True)

    def ordering_key(self, record: Mapping[str, Any]) -> str:
        """Return the email; whether it is valid does not matter for that."""
        email = self._role(record, "email")
        if not isinstance(email, str):
            raise RejectRecord(_NO_EMAIL)
        return email.strip().lower()


def headers(destination: Destination) -> dict[str, str]:
    """Return what every request carries; the key in the header of `user_interviews_auth`."""
    name, form = _KEY_HEADERS[destination.auth]
    return {name: form.format(destination.api_key), "Accept": _TYPE}


def otherwise(destination: Destination) -> str:
    """Return how to try the other header: sources contradict each other."""
    (other,) = _KEY_HEADERS.keys() - {destination.auth}
    return f"set user_interviews_auth to {other}"


def join(destination: Destination, payloads: Sequence[Payload]) -> Payload:
    """Return the payload of one batch, in the shape that `user_interviews_body` says."""
    if destination.body == "participants":
        return {"participants": payloads}
    return {"data": [{"type": "participant", "attributes": payload} for payload in payloads]}


def folded(payloads: Sequence[Payload]) -> Payload:
    """Return one participant with the fields of several records: a later value wins."""
    return {name: value for payload in payloads for name, value in payload.items()}


def is_believable(answer: Answer) -> bool:
    """Return whether an answer is one of the API: an empty body will do, as no source says."""
    return not answer.body.strip() or has_json_object(answer)


def _email(value: Any) -> str:
    """Return an email whose syntax is good; whether it exists is not asked."""
    if not isinstance(value, str):
        raise RejectRecord(_NO_EMAIL)
    email = value.strip()
    if not _is_valid(_PLAIN_NAME.sub("any@", email)):
        raise RejectRecord("email is not valid")
    return email


@lru_cache(_DOMAINS)
def _is_valid(email: str) -> bool:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - 30 ms

    try:
        validate_email(email, check_deliverability=False, strict=True)
    except EmailNotValidError:
        return False
    return True


PRODUCT = Product(
    name="User Interviews",
    prefix="user_interviews_",
    headers=headers,
    probe=Probe(user_interviews_list.SMALLEST, otherwise, is_documented=False),
    media_types=(JSON, _TYPE),  # three public places send the first, one the other
    batch=BATCH,
    join=join,
    fold=folded,
    is_believable=is_believable,
    leaves=user_interviews_list.leaves,
)
OBJECT_TYPES = (
    ObjectType("participants", PRODUCT, 0, Participants, listing=user_interviews_list.PARTICIPANTS),
)
