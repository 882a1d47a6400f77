"""The Userpilot API: users, companies and events, each in a request of its own.

The facts are from Userpilot's API reference. What it leaves open is decided here:

- An event of a user that does not exist is kept, and creates no user; the request log says so.
- A null in the metadata is kept as a null. Unknown keys beside the metadata are refused.
- A user's company is named by ``id``, by ``company_id`` (the reference has both), or by both if
  they agree. The other properties beside the id become the company's metadata.
- Users and companies are deleted at once, not by night: a user with its events; the users of a
  deleted company stay. Each of the two deletions has a limit of 1 request in 2 seconds.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from target_userflow.sandbox.apis.base import ANY_JSON, JSON, Api, Limit, check_media_types
from target_userflow.sandbox.apis.rules import refuse_unknown_parameters, require, valid_body
from target_userflow.sandbox.apis.userpilot import rules
from target_userflow.sandbox.apis.userpilot.store import Store
from target_userflow.sandbox.http.messages import Answer, Call, Refusal

if TYPE_CHECKING:
    from target_userflow.sandbox.apis.base import Endpoints

VERSION = "2020-09-22"

_DELETIONS = ("/v1/users", "/v1/companies")
_DELETION_SECONDS = 2.0
_LIMITED = ("/v1/identify", "/v1/companies/identify", "/v1/track")
_EMPTY = b""
"""The body of an answer of which nothing but the status is documented."""


class Userpilot(Api[Store]):
    """Stands in for ``https://analytex.userpilot.io``."""

    name = "userpilot"
    prefix = "/v1/"
    new_store = Store

    def authorize(self, call: Call) -> None:
        """Refuse a call without ``Authorization: Token`` and the key."""
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "token" or key != self.settings.userpilot_api_key:
            raise Refusal(401, "the Authorization header must be Token with a valid API key")

    def limit(self, call: Call) -> Limit:
        """Return the limit of the call's endpoint."""
        bucket = f"{self.name} {self.settings.userpilot_api_key} {call.path}"
        per_minute = self.settings.userpilot_rate_limit
        if per_minute and call.path in _DELETIONS:
            return Limit(bucket, 1, _DELETION_SECONDS)
        return Limit(bucket, per_minute if call.path in _LIMITED else None)

    def check_headers(self, call: Call) -> None:
        """Refuse a call that is not JSON or lacks the version header."""
        check_media_types(call, (JSON,), ANY_JSON)
        version = call.headers.get("x-api-version")
        require(version == VERSION, f"the X-API-Version header must be {VERSION}")

    def refuse(self, refusal: Refusal, call: Call) -> Answer:
        """Return the refusal as the documented error object; its texts are not documented."""
        status = HTTPStatus(refusal.status)
        error = {
            "error_code": status.name.lower(),
            "error": status.phrase,
            "message": refusal.message,
            "details": f"request {call.request_id}",
        }
        return Answer.of({"errors": [error]}, status, headers=refusal.headers, rule=refusal.rule)

    def identify(self, call: Call) -> Answer:
        """Answer ``POST /v1/identify``."""
        self.store.save_user(valid_body(call, rules.user))
        return self._accepted()

    def identify_company(self, call: Call) -> Answer:
        """Answer ``POST /v1/companies/identify``."""
        body = valid_body(call, rules.company)
        self.store.save_company(body["company_id"], body.get("metadata", {}))
        return self._accepted()

    def track(self, call: Call) -> Answer:
        """Answer ``POST /v1/track``."""
        body = valid_body(call, rules.event)
        self.store.events.append({"seq": call.seq, "metadata": {}, **body})
        return self._accepted(user_unknown=body["user_id"] not in self.store.users)

    def delete_users(self, call: Call) -> Answer:
        """Answer ``DELETE /v1/users``."""
        ids = set(valid_body(call, rules.deletion("users"))["users"])
        self.store.delete_users(ids)
        return self._scheduled(f"{len(ids)} users")

    def delete_companies(self, call: Call) -> Answer:
        """Answer ``DELETE /v1/companies``."""
        ids = set(valid_body(call, rules.deletion("companies"))["companies"])
        self.store.delete_companies(ids)
        return self._scheduled(f"{len(ids)} companies")

    def validate(self, call: Call) -> Answer:
        """Answer ``GET /v1/validate``, which confirms that the key is valid."""
        refuse_unknown_parameters(call, ())
        return Answer(200, _EMPTY)

    endpoints: ClassVar[Endpoints] = {
        ("v1", "identify"): {"POST": identify},
        ("v1", "companies", "identify"): {"POST": identify_company},
        ("v1", "track"): {"POST": track},
        ("v1", "users"): {"DELETE": delete_users},
        ("v1", "companies"): {"DELETE": delete_companies},
        ("v1", "validate"): {"GET": validate},
    }

    def _accepted(self, *, user_unknown: bool = False) -> Answer:
        status = self.settings.userpilot_success
        return Answer(status, _EMPTY, applied=True, user_unknown=user_unknown)

    def _scheduled(self, what: str) -> Answer:
        message = f"{what} are scheduled for deletion"
        return Answer.of({"message": message}, self.settings.userpilot_success, applied=True)
