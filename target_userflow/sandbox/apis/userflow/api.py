"""The Userflow API: authentication, headers, errors and the paths of its endpoints.

The facts are from the Userflow API reference. What it leaves open is decided here:

- Without the version header the real API takes its latest version; here the header is required,
  since the reference strongly recommends to send it.
- The error codes, and which of several errors an answer names, are guesses.
- A ``starting_after`` that names no listed object is refused. ``url`` is a path, and
  ``next_page_url`` a path with a query. ``listing`` and ``expanding`` have the other parameters.
- An event may name a user or a group that does not exist: it is kept, and creates neither.
- ``attributes`` has the rules for a value of another type than the attribute's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from target_userflow.sandbox.apis.base import (
    ANY_JSON,
    ID,
    JSON,
    Api,
    Limit,
    check_media_types,
    on_store,
)
from target_userflow.sandbox.apis.rules import require
from target_userflow.sandbox.apis.userflow import reads, writes
from target_userflow.sandbox.apis.userflow.store import Store
from target_userflow.sandbox.http.messages import Answer, Call, Refusal

if TYPE_CHECKING:
    from target_userflow.sandbox.apis.base import Endpoints

VERSION = "2020-01-03"

_CODES = {
    400: "invalid_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal_error",
    503: "service_unavailable",
}


class Userflow(Api[Store]):
    """Stands in for ``https://api.userflow.com``."""

    name = "userflow"
    prefix = "/"
    new_store = Store
    endpoints: ClassVar[Endpoints] = {
        ("users",): {"GET": on_store(reads.list_users), "POST": on_store(writes.save_user)},
        ("users", ID): {
            "GET": on_store(reads.get_user),
            "DELETE": on_store(writes.delete_user),
        },
        ("groups",): {"GET": on_store(reads.list_groups), "POST": on_store(writes.save_group)},
        ("groups", ID): {
            "GET": on_store(reads.get_group),
            "DELETE": on_store(writes.delete_group),
        },
        ("events",): {"POST": on_store(writes.track)},
        ("group_memberships",): {"DELETE": on_store(writes.delete_membership)},
        ("attribute_definitions",): {"GET": on_store(reads.list_attribute_definitions)},
        ("event_definitions",): {"GET": on_store(reads.list_event_definitions)},
    }

    def authorize(self, call: Call) -> None:
        """Refuse a call without ``Authorization: Bearer`` and the key."""
        if call.headers.get("authorization") != f"Bearer {self.settings.api_key}":
            raise Refusal(401, "the Authorization header must be Bearer with a valid API key")

    def limit(self, call: Call) -> Limit:  # noqa: ARG002 (all calls count together)
        """Return the limit that all calls share."""
        return Limit(f"{self.name} {self.settings.api_key}", self.settings.rate_limit)

    def check_headers(self, call: Call) -> None:
        """Refuse a call that is not JSON or lacks the version header."""
        check_media_types(call, (JSON,), ANY_JSON)
        version = call.headers.get("userflow-version")
        require(version == VERSION, f"the Userflow-Version header must be {VERSION}")

    def refuse(self, refusal: Refusal, call: Call) -> Answer:
        """Return the refusal as the error object of the Userflow API reference."""
        error = {
            "code": _CODES[refusal.status],
            "message": refusal.message,
            "doc_url": "https://userflow.com/docs/api#errors",
            "request_id": call.request_id,
        }
        return Answer.of(
            {"error": error}, refusal.status, headers=refusal.headers, rule=refusal.rule
        )
