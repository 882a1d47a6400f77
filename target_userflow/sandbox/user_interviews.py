"""The User Interviews API (Research Hub): participants, in batches that are taken whole or not.

The facts are from secondary sources. What they leave open, or contradict, is decided here:

- The key is taken in either header that is told of, and a batch in either shape.
- Errors look as JSON:API has them, one for each invalid participant, with its place in the batch
  as ``source.pointer``. A request that is no batch is answered 400, invalid participants 422.
- A successful batch is answered with its participants.
- A null is refused, and so is an email that stands twice in a batch.
- An address is one by a rule of its own that looks at syntax only; see ``_EMAIL``.
- Fields that the account doesn't know are taken.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.sandbox.api import JSON, Api, Limit, check_media_types
from target_userflow.sandbox.calls import Answer, Call, Refusal
from target_userflow.sandbox.checks import is_plain, parameters, require, sound, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_userflow.sandbox.api import Endpoints

TYPE = "application/vnd.user-interviews.v2+json"
_SENT = {"any": (TYPE, JSON), "json": (JSON,), "vendor": (TYPE,)}
"""What a body may be called, by the setting."""
MAX_BATCH = 100
MAX_SIZE = 200

_MAX_PAGE = 1_000_000
_POINTERS = {"data": "/data/{}/attributes/{}", "participants": "/participants/{}/{}"}
"""The shapes of a batch by the key of its list, and where in it a field is."""

_STRINGS = frozenset(
    (
        "email",
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
"""The fields that every account has."""

_LETTER = r"A-Za-z0-9\u00a1-\U0010ffff"
_ATOM = rf"[{_LETTER}!#$%&'*+/=?^_`{{|}}~-]+"
_LABEL = rf"[{_LETTER}](?:[{_LETTER}-]{{0,61}}[{_LETTER}])?"
_EMAIL = re.compile(
    rf"(?=[^@]{{1,64}}@)(?=.{{6,254}}\Z){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}"
)
"""A local part without quotes (RFC 5322, RFC 6531) at a domain of two labels or more."""


class _InvalidParticipants(Refusal):
    """Nothing of the batch is taken."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(422, errors[0]["detail"])
        self.errors = errors


class UserInterviews(Api):
    """Stands in for ``https://www.userinterviews.com``.

    Attributes:
        participants: The resources of JSON:API, by email in lower case.
    """

    name = "user_interviews"
    prefix = "/api/"

    def reset(self) -> None:
        """Forget everything that was written."""
        self.participants: dict[str, dict[str, Any]] = {}

    def state(self) -> dict[str, Any]:
        """The fields of each participant, by email in lower case."""
        kept = {email: one["attributes"] for email, one in self.participants.items()}
        return {"participants": kept}

    def authorize(self, call: Call) -> None:
        """Let in who sends the key in either of the headers."""
        key = self.settings.user_interviews_api_key
        bearer, plain = (
            call.headers.get(name) for name in ("authorization", "user-interviews-apikey")
        )
        if bearer != f"Bearer {key}" and plain != key:
            raise Refusal(
                401, "Authorization: Bearer or user-interviews-apikey must have a valid API key"
            )

    def limit(self, call: Call) -> Limit:  # noqa: ARG002 (all calls count together)
        """One limit for all calls."""
        bucket = f"{self.name} {self.settings.user_interviews_api_key}"
        return Limit(bucket, self.settings.rate_limit)

    def check_headers(self, call: Call) -> None:
        """The version of the API is in its media type."""
        check_media_types(call, _SENT[self.settings.user_interviews_media_type], (TYPE,))

    def refuse(self, refusal: Refusal, call: Call) -> Answer:  # noqa: ARG002 (no id is told)
        """The shape of errors that JSON:API has."""
        errors = refusal.errors if isinstance(refusal, _InvalidParticipants) else [_error(refusal)]
        return Answer.of(
            {"errors": errors}, refusal.status, headers=refusal.headers, rule=refusal.rule
        )

    def save_batch(self, call: Call) -> Answer:
        """``PATCH /api/participants/batches``."""
        shape, batch = _batch(call)
        if errors := list(self._errors(shape, batch)):
            raise _InvalidParticipants(errors)
        return Answer.of({"data": [self._save(fields) for fields in batch]}, applied=True)

    def list_participants(self, call: Call) -> Answer:
        """``GET /api/participants``."""
        parameters(call, {"page[number]", "page[size]"})
        number = whole(call, "page[number]", default=1, highest=_MAX_PAGE)
        size = whole(call, "page[size]", default=25, highest=MAX_SIZE)
        everyone = list(self.participants.values())
        pagination = {
            "currentPage": number,
            "totalPages": ceil(len(everyone) / size),
            "totalCount": len(everyone),
        }
        data = everyone[(number - 1) * size : number * size]
        return Answer.of({"data": data, "meta": {"pagination": pagination}})

    endpoints: ClassVar[Endpoints] = {
        ("api", "participants"): {"GET": list_participants},
        ("api", "participants", "batches"): {"PATCH": save_batch},
    }

    def _save(self, fields: dict[str, Any]) -> dict[str, Any]:
        email = fields["email"].lower()
        number = str(len(self.participants) + 1)
        new: dict[str, Any] = {"id": number, "type": "participant", "attributes": {}}
        participant = self.participants.setdefault(email, new)
        participant["attributes"].update(fields)
        return participant

    def _errors(self, shape: str, batch: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """One for each participant that is invalid."""
        seen: set[str] = set()
        for index, fields in enumerate(batch):
            for name, rule in self._first_broken(fields, seen):
                yield {
                    "title": "Invalid participant",
                    "detail": f"{shape}[{index}].{name} {rule}",
                    "code": "invalid",
                    "source": {"pointer": _POINTERS[shape].format(index, _escaped(name))},
                }

    def _first_broken(self, fields: dict[str, Any], seen: set[str]) -> Iterator[tuple[str, str]]:
        """The first field that breaks a rule, if any, and the rule in words."""
        rule = self._email_rule(fields.get("email"), seen)
        if rule:
            yield "email", rule
            return
        for name, value in fields.items():
            if rule := _field_rule(name, value):
                yield name, rule
                return

    def _email_rule(self, value: Any, seen: set[str]) -> str | None:
        if not isinstance(value, str) or not _EMAIL.fullmatch(value):
            return "must be an email address"
        email = value.lower()
        if email in seen:
            return "stands twice in the batch"
        seen.add(email)
        rejected = any(fnmatchcase(email, glob.lower()) for glob in self.settings.rejected_emails)
        return "is refused by the account's own rules" if rejected else None


def _batch(call: Call) -> tuple[str, list[dict[str, Any]]]:
    """The shape of a batch, and the fields of its participants."""
    body = sound(call)
    shape = next(iter(body), "")
    require(len(body) == 1 and shape in _POINTERS, "the body must have data or participants only")
    batch = body[shape]
    full = isinstance(batch, list) and 1 <= len(batch) <= MAX_BATCH
    require(full, f"{shape} must be a list of 1 to {MAX_BATCH} participants")
    if shape == "participants":
        require(all(isinstance(one, dict) for one in batch), "participants must be objects")
        return shape, batch
    require(all(map(_is_resource, batch)), "data must be of type participant, with attributes")
    return shape, [one["attributes"] for one in batch]


def _is_resource(value: Any) -> bool:
    match value:
        case {"type": "participant", "attributes": dict(), **others}:
            return not others
        case _:
            return False


def _field_rule(name: str, value: Any) -> str | None:
    """The rule that a field breaks."""
    if isinstance(value, str):
        return None if name.strip() else "must have a name"
    if name in _STRINGS:
        return "must be a string"
    if not is_plain(value):
        return "must be a string, a finite number or a boolean"
    return None if name.strip() else "must have a name"


def _escaped(name: str) -> str:
    """As a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _error(refusal: Refusal) -> dict[str, Any]:
    status = HTTPStatus(refusal.status)
    return {"title": status.phrase, "detail": refusal.message, "code": status.name.lower()}
