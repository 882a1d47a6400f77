"""The Userpilot API: users, companies and events, each in a request of its own.

The facts are from Userpilot's API reference. What it leaves open is decided here:

- An event of a user that doesn't exist is kept, and creates none; the journal tells.
- A null in the metadata is kept as one. Unknown keys are refused, in the body beside the metadata.
- A user's company is named by ``id``, by ``company_id`` (the reference has both), or by both if
  they agree. Its other properties stand beside it; they become its metadata.
- Users and companies are deleted at once, not by night: a user with its events, a company out of
  its users. Each of the two has a limit of its own, of 1 request in 2 seconds.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.sandbox.api import ANY_JSON, JSON, Api, Limit, check_media_types
from target_userflow.sandbox.calls import Answer, Call, Refusal
from target_userflow.sandbox.checks import (
    filled,
    is_plain,
    items,
    keys,
    parameters,
    require,
    valid,
)

if TYPE_CHECKING:
    from target_userflow.sandbox.api import Endpoints
    from target_userflow.sandbox.checks import Broken

VERSION = "2020-09-22"

_DELETIONS = ("/v1/users", "/v1/companies")
_DELETION_SECONDS = 2.0
_COMPANY_IDS = ("id", "company_id")
_LIMITED = ("/v1/identify", "/v1/companies/identify", "/v1/track")
_EMPTY = b""
"""The body of an answer of which nothing but the status is documented."""


class Userpilot(Api):
    """Stands in for ``https://analytex.userpilot.io``.

    Attributes:
        users: By id.
        companies: By id.
        events: In the order of arrival.
    """

    name = "userpilot"
    prefix = "/v1/"

    def reset(self) -> None:
        """Forget everything that was written."""
        self.users: dict[str, dict[str, Any]] = {}
        self.companies: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def state(self) -> dict[str, Any]:
        """Users and companies by id, events in the order of arrival."""
        kept = {"users": self.users, "companies": self.companies, "events": self.events}
        return {self.name: kept}

    def authorize(self, call: Call) -> None:
        """Let in who sends ``Authorization: Token`` with the key."""
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "token" or key != self.settings.userpilot_api_key:
            raise Refusal(401, "the Authorization header must be Token with a valid API key")

    def limit(self, call: Call) -> Limit:
        """Each endpoint that is written to has its own."""
        bucket = f"{self.name} {self.settings.userpilot_api_key} {call.path}"
        per_minute = self.settings.userpilot_rate_limit
        if per_minute and call.path in _DELETIONS:
            return Limit(bucket, 1, _DELETION_SECONDS)
        return Limit(bucket, per_minute if call.path in _LIMITED else None)

    def check_headers(self, call: Call) -> None:
        """The version is required, and JSON."""
        check_media_types(call, (JSON,), ANY_JSON)
        version = call.headers.get("x-api-version")
        require(version == VERSION, f"the X-API-Version header must be {VERSION}")

    def refuse(self, refusal: Refusal, call: Call) -> Answer:
        """The documented shape of an error; what its parts say is not documented."""
        status = HTTPStatus(refusal.status)
        error = {
            "error_code": status.name.lower(),
            "error": status.phrase,
            "message": refusal.message,
            "details": f"request {call.request_id}",
        }
        return Answer.of({"errors": [error]}, status, headers=refusal.headers, rule=refusal.rule)

    def identify(self, call: Call) -> Answer:
        """``POST /v1/identify``."""
        body = valid(call, _user)
        user = self.users.setdefault(body["user_id"], {"metadata": {}, "company_id": None})
        user["metadata"].update(body.get("metadata", {}))
        if "company" in body:
            company = dict(body["company"])
            (user["company_id"],) = {company.pop(key) for key in _COMPANY_IDS if key in company}
            self._save_company(user["company_id"], company)
        return self._accepted()

    def identify_company(self, call: Call) -> Answer:
        """``POST /v1/companies/identify``."""
        body = valid(call, _company)
        self._save_company(body["company_id"], body.get("metadata", {}))
        return self._accepted()

    def track(self, call: Call) -> Answer:
        """``POST /v1/track``."""
        body = valid(call, _event)
        self.events.append({"seq": call.seq, "metadata": {}, **body})
        return self._accepted(user_unknown=body["user_id"] not in self.users)

    def delete_users(self, call: Call) -> Answer:
        """``DELETE /v1/users``."""
        ids = _doomed(call, "users")
        for id_ in ids:
            self.users.pop(id_, None)
        self.events = [event for event in self.events if event["user_id"] not in ids]
        return self._scheduled(ids, "users")

    def delete_companies(self, call: Call) -> Answer:
        """``DELETE /v1/companies``."""
        ids = _doomed(call, "companies")
        for id_ in ids:
            self.companies.pop(id_, None)
        for user in self.users.values():
            if user["company_id"] in ids:
                user["company_id"] = None
        return self._scheduled(ids, "companies")

    def validate(self, call: Call) -> Answer:
        """``GET /v1/validate``: whoever gets here has the right key."""
        parameters(call, ())
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

    def _scheduled(self, ids: set[str], name: str) -> Answer:
        message = f"{len(ids)} {name} are scheduled for deletion"
        return Answer.of({"message": message}, self.settings.userpilot_success, applied=True)

    def _save_company(self, id_: str, metadata: dict[str, Any]) -> None:
        self.companies.setdefault(id_, {"metadata": {}})["metadata"].update(metadata)


def _user(body: dict[str, Any]) -> Broken:
    yield from keys(body, "", {"user_id", "metadata", "company"})
    yield from filled(body.get("user_id"), "user_id")
    yield from _flat(body.get("metadata", {}), "metadata")
    if "company" in body:
        yield from _flat(body["company"], "company")
        yield from _ids(body["company"])


def _company(body: dict[str, Any]) -> Broken:
    yield from keys(body, "", {"company_id", "metadata"})
    yield from filled(body.get("company_id"), "company_id")
    yield from _flat(body.get("metadata", {}), "metadata")


def _event(body: dict[str, Any]) -> Broken:
    yield from keys(body, "", {"user_id", "event_name", "metadata"})
    yield from filled(body.get("user_id"), "user_id")
    yield from filled(body.get("event_name"), "event_name")
    yield from _flat(body.get("metadata", {}), "metadata")


def _ids(company: dict[str, Any]) -> Broken:
    given = [key for key in _COMPANY_IDS if key in company] or ["id"]
    for key in given:
        yield from filled(company.get(key), f"company.{key}")
    if len({company[key] for key in given}) > 1:
        yield "company.id and company.company_id must be the same"


def _doomed(call: Call, name: str) -> set[str]:
    """The ids that a deletion lists, if it is sound."""

    def rules(body: dict[str, Any]) -> Broken:
        yield from keys(body, "", {name})
        yield from items(body.get(name), name, filled)
        if not body[name]:
            yield f"{name} must not be empty"

    return set(valid(call, rules)[name])


def _flat(value: Any, where: str) -> Broken:
    """Metadata: primitives, nothing nested and no list."""
    if not isinstance(value, dict):
        yield f"{where} must be an object"
    for name, one in value.items():
        if not name.strip():
            yield f"{where} must not have a blank name"
        if one is not None and not is_plain(one):
            yield f"{where}.{name} must be a string, a finite number, a boolean or null"
