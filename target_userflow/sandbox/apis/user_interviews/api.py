"""The User Interviews API (Research Hub): participants, in batches that are accepted whole or not.

The facts are from secondary sources. What they leave open, or contradict, is decided here:

- The key is accepted in either header that the sources name, and a batch in either format.
- Errors have the format of JSON:API, an error for each invalid participant, with its place in the
  batch as ``source.pointer``. A body that is no batch is answered 400, invalid participants 422.
- A successful batch is answered with its participants.
- A null is refused, and so is an email that stands twice in a batch.
- The check of an email looks at its syntax only; ``batches`` has the rule.
- Fields that the account does not know are accepted.
"""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.sandbox.apis.base import JSON, Api, Limit, check_media_types
from target_userflow.sandbox.apis.rules import refuse_unknown_parameters, whole_number
from target_userflow.sandbox.apis.user_interviews.batches import batch_errors, read_batch
from target_userflow.sandbox.apis.user_interviews.store import Store
from target_userflow.sandbox.http.messages import Answer, Call, Refusal

if TYPE_CHECKING:
    from target_userflow.sandbox.apis.base import Endpoints

TYPE = "application/vnd.user-interviews.v2+json"
MAX_SIZE = 200

_SENT = {"any": (TYPE, JSON), "json": (JSON,), "vendor": (TYPE,)}
"""The media types that a body may have, by the setting ``user_interviews_media_type``."""
_MAX_PAGE = 1_000_000


class _InvalidParticipants(Refusal):
    """A batch has invalid participants, so none of it is kept."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(422, errors[0]["detail"])
        self.errors = errors


class UserInterviews(Api[Store]):
    """Stands in for ``https://www.userinterviews.com``."""

    name = "user_interviews"
    prefix = "/api/"
    new_store = Store

    def authorize(self, call: Call) -> None:
        """Refuse a call that has the key in neither header."""
        key, headers = self.settings.user_interviews_api_key, call.headers
        bearer, plain = headers.get("authorization"), headers.get("user-interviews-apikey")
        if bearer != f"Bearer {key}" and plain != key:
            raise Refusal(
                401, "Authorization: Bearer or user-interviews-apikey must have a valid API key"
            )

    def limit(self, call: Call) -> Limit:  # noqa: ARG002 (all calls count together)
        """Return the limit that all calls share."""
        bucket = f"{self.name} {self.settings.user_interviews_api_key}"
        return Limit(bucket, self.settings.rate_limit)

    def check_headers(self, call: Call) -> None:
        """Refuse a call without the media type, which has the version of the API."""
        check_media_types(call, _SENT[self.settings.user_interviews_media_type], (TYPE,))

    def refuse(self, refusal: Refusal, call: Call) -> Answer:  # noqa: ARG002 (errors have no id)
        """Return the refusal as the errors object of JSON:API."""
        errors = refusal.errors if isinstance(refusal, _InvalidParticipants) else [_error(refusal)]
        return Answer.of(
            {"errors": errors}, refusal.status, headers=refusal.headers, rule=refusal.rule
        )

    def save_batch(self, call: Call) -> Answer:
        """Answer ``PATCH /api/participants/batches``."""
        key, batch = read_batch(call)
        if errors := list(batch_errors(key, batch, self.settings.rejected_emails)):
            raise _InvalidParticipants(errors)
        return Answer.of({"data": [self.store.save(fields) for fields in batch]}, applied=True)

    def list_participants(self, call: Call) -> Answer:
        """Answer ``GET /api/participants``."""
        refuse_unknown_parameters(call, {"page[number]", "page[size]"})
        number = whole_number(call, "page[number]", default=1, highest=_MAX_PAGE)
        size = whole_number(call, "page[size]", default=25, highest=MAX_SIZE)
        participants = list(self.store.participants.values())
        pagination = {
            "currentPage": number,
            "totalPages": ceil(len(participants) / size),
            "totalCount": len(participants),
        }
        data = participants[(number - 1) * size : number * size]
        return Answer.of({"data": data, "meta": {"pagination": pagination}})

    endpoints: ClassVar[Endpoints] = {
        ("api", "participants"): {"GET": list_participants},
        ("api", "participants", "batches"): {"PATCH": save_batch},
    }


def _error(refusal: Refusal) -> dict[str, Any]:
    status = HTTPStatus(refusal.status)
    return {"title": status.phrase, "detail": refusal.message, "code": status.name.lower()}
