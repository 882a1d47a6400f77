"""The rules for batches of participants; an invalid participant makes the batch invalid."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.apis.rules import is_plain, json_body, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_userflow.sandbox.http.messages import Call

MAX_BATCH = 100

_POINTERS = {"data": "/data/{}/attributes/{}", "participants": "/participants/{}/{}"}
"""The JSON pointer to a field of a participant, by the key of the batch's list."""

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
"""A local part without quotes (RFC 5322, RFC 6531) at a domain of at least two labels."""


def read_batch(call: Call) -> tuple[str, list[dict[str, Any]]]:
    """Read the batch in a call.

    Returns:
        The key of the list in the body, and the fields of each participant.

    Raises:
        Refusal: the body is no batch.
    """
    body = json_body(call)
    key = next(iter(body), "")
    require(len(body) == 1 and key in _POINTERS, "the body must have data or participants only")
    batch = body[key]
    sized = isinstance(batch, list) and 1 <= len(batch) <= MAX_BATCH
    require(sized, f"{key} must be a list of 1 to {MAX_BATCH} participants")
    if key == "participants":
        require(all(isinstance(item, dict) for item in batch), "participants must be objects")
        return key, batch
    require(all(map(_is_resource, batch)), "data must be of type participant, with attributes")
    return key, [resource["attributes"] for resource in batch]


def batch_errors(
    key: str, batch: list[dict[str, Any]], rejected_emails: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield a JSON:API error for each invalid participant.

    Args:
        key: The key of the list in the body.
        batch: The fields of each participant.
        rejected_emails: Globs of emails that the account rejects by its own rules.
    """
    seen: set[str] = set()
    for index, fields in enumerate(batch):
        for field, rule in _broken_rule(fields, seen, rejected_emails):
            yield {
                "title": "Invalid participant",
                "detail": f"{key}[{index}].{field} {rule}",
                "code": "invalid",
                "source": {"pointer": _POINTERS[key].format(index, _escaped(field))},
            }


def _broken_rule(
    fields: dict[str, Any], seen: set[str], rejected_emails: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield the first field that breaks a rule, if any, and the rule in words."""
    rule = _email_rule(fields.get("email"), seen, rejected_emails)
    if rule:
        yield "email", rule
        return
    for field, value in fields.items():
        if rule := _field_rule(field, value):
            yield field, rule
            return


def _email_rule(value: Any, seen: set[str], rejected_emails: Sequence[str]) -> str | None:
    """Return the rule that an email breaks, or None; adds the email to those seen."""
    if not isinstance(value, str) or not _EMAIL.fullmatch(value):
        return "must be an email address"
    email = value.lower()
    if email in seen:
        return "stands twice in the batch"
    seen.add(email)
    rejected = any(fnmatchcase(email, glob.lower()) for glob in rejected_emails)
    return "is refused by the account's own rules" if rejected else None


def _field_rule(field: str, value: Any) -> str | None:
    """Return the rule that a field breaks, or None."""
    if isinstance(value, str):
        return None if field.strip() else "must have a name"
    if field in _STRINGS:
        return "must be a string"
    if not is_plain(value):
        return "must be a string, a finite number or a boolean"
    return None if field.strip() else "must have a name"


def _is_resource(value: Any) -> bool:
    match value:
        case {"type": "participant", "attributes": dict(), **others}:
            return not others
        case _:
            return False


def _escaped(field: str) -> str:
    """Escape a field name for a JSON pointer (RFC 6901)."""
    return field.replace("~", "~0").replace("/", "~1")
