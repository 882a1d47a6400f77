"""Retry rules: the outcome of an answer, and what it says of the next attempt. All pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from target_userflow.apis.messages import json_object
from target_userflow.apis.outcomes import Delivered, Refused, Rejected, TryAgain

if TYPE_CHECKING:
    from target_userflow.apis.messages import Answer
    from target_userflow.apis.outcomes import Outcome
    from target_userflow.apis.product import Product

_INTERIM, _SUCCESS, _REDIRECT, _SERVER_ERROR = 1, 2, 3, 5  # classes of HTTP statuses
_NOT_FOUND, _GONE, _TOO_MANY = 404, 410, 429
_RECORD_ERRORS = {400, 409, _GONE, 412, 413, 414, 417, 422, 424, 428, 431}
_LATER = {408, 425, _TOO_MANY}
_NOT_CARRIED_OUT = {501, 503, 505, 507, 508, 511}
"""Server errors that rule out that the API carried the request out; other ones do not."""
_REMEDIES = {
    401: "the key is wrong, revoked or of another region. Check {key}{region} and {url}",
    402: "the plan of the account does not include this. Check the plan, and {key}",
    403: "the key may not do this. Check {key}",
    407: "a proxy asks who you are. Check HTTPS_PROXY and HTTP_PROXY",
}
_CHECK_URL = "Check {url}"


def outcome(answer: Answer, api: Product, *, now: datetime) -> Outcome:
    """Return the outcome of a request by its answer.

    Args:
        answer: The answer, with its whole body.
        api: The API that gave the answer.
        now: The time by the wall clock, for a `Retry-After` that is a date.
    """
    status, kind = answer.status, answer.status // 100
    if kind == _SUCCESS:
        return _of_success(answer, api)
    if status in _RECORD_ERRORS:
        return _rejected(answer)
    if status in _LATER or kind in {_INTERIM, _SERVER_ERROR}:
        return _for_now(answer, now)
    return _refused(status, api)


def is_missing(answer: Answer) -> bool:
    """Return whether the API itself says that an object is missing; a wrong URL's 404 does not."""
    return answer.status in {_NOT_FOUND, _GONE} and bool(error_of(answer.body))


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, in either of its forms.

    Returns:
        0 for a date that has passed; None where the header is missing or neither form.
    """
    if value is None:
        return None
    seconds = re.fullmatch(r"\s*(\d+)\s*", value)
    if seconds:
        return float(seconds[1])
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:  # RFC 9110: HTTP dates are in GMT
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - now).total_seconds())


def error_of(body: bytes) -> dict[str, Any]:
    """Return the error in an answer's body, with `code` and `message`; empty without an error.

    Userflow documents `{"error": {code, message, doc_url, request_id}}`; JSON:API, which User
    Interviews resembles, has a list of `errors` with `code`, `title` and `detail`, and Userpilot
    one with `error_code`, `error` and `message`.
    """
    document = json_object(body)
    errors = document.get("errors")
    error = errors[0] if isinstance(errors, list) and errors else document.get("error")
    if not isinstance(error, dict):
        return {"message": error} if isinstance(error, str) else {}
    names = {"code": ("code", "error_code"), "message": ("message", "detail", "title")}
    fields = {
        name: next((error[key] for key in keys if error.get(key)), None)
        for name, keys in names.items()
    }
    return {**error, **fields}


def _of_success(answer: Answer, api: Product) -> Outcome:
    if not api.is_believable(answer):
        return TryAgain(f"HTTP {answer.status} with a body that is none of the API's", lost=True)
    document = json_object(answer.body)
    if document.get("error") or document.get("errors"):
        return _rejected(answer)
    return Delivered(body=answer.body)


def _for_now(answer: Answer, now: datetime) -> TryAgain:
    status = answer.status
    after = retry_after(answer.headers.get("Retry-After"), now=now)
    limited = status == _TOO_MANY
    everyone = limited or after is not None
    lost = status not in _LATER | _NOT_CARRIED_OUT
    return TryAgain(f"HTTP {status}", after, limited=limited, everyone=everyone, lost=lost)


def _refused(status: int, api: Product) -> Refused:
    is_redirect = status // 100 == _REDIRECT
    colon = ", a redirect, which is never followed. " if is_redirect else ": "
    remedy = _REMEDIES.get(status, _CHECK_URL)
    region = "" if api.prefix else ", region"  # a setting of Userflow's alone
    settings = {"key": f"{api.prefix}api_key", "url": f"{api.prefix}api_url", "region": region}
    return Refused(f"answered HTTP {status}{colon}{remedy.format(**settings)}")


def _rejected(answer: Answer) -> Rejected:
    error = error_of(answer.body)
    code, message, request_id = (
        str(error[key]) if error.get(key) is not None else None
        for key in ("code", "message", "request_id")
    )
    reason = f"HTTP {answer.status} {code}" if code else f"HTTP {answer.status}"
    return Rejected(reason, answer.status, code, message, request_id or _request_id(answer))


def _request_id(answer: Answer) -> str | None:
    """Return the id of the request in a header (Userpilot's reference), whatever its case."""
    headers = ((name.lower(), value) for name, value in answer.headers.items())
    return next((value for name, value in headers if name == "x-request-id"), None)
