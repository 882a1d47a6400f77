"""The rules for the bodies that Userpilot accepts (Userpilot's API reference)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.apis.rules import is_plain, known_keys, list_of, non_empty_string
from target_userflow.sandbox.apis.userpilot.store import COMPANY_IDS

if TYPE_CHECKING:
    from target_userflow.sandbox.apis.rules import Broken, RuleSet


def user(body: dict[str, Any]) -> Broken:
    """Yield the rules of ``POST /v1/identify`` that a body breaks."""
    yield from known_keys(body, "", {"user_id", "metadata", "company"})
    yield from non_empty_string(body.get("user_id"), "user_id")
    yield from _metadata(body.get("metadata", {}), "metadata")
    if "company" in body:
        yield from _metadata(body["company"], "company")
        yield from _company_id(body["company"])


def company(body: dict[str, Any]) -> Broken:
    """Yield the rules of ``POST /v1/companies/identify`` that a body breaks."""
    yield from known_keys(body, "", {"company_id", "metadata"})
    yield from non_empty_string(body.get("company_id"), "company_id")
    yield from _metadata(body.get("metadata", {}), "metadata")


def event(body: dict[str, Any]) -> Broken:
    """Yield the rules of ``POST /v1/track`` that a body breaks."""
    yield from known_keys(body, "", {"user_id", "event_name", "metadata"})
    yield from non_empty_string(body.get("user_id"), "user_id")
    yield from non_empty_string(body.get("event_name"), "event_name")
    yield from _metadata(body.get("metadata", {}), "metadata")


def deletion(key: str) -> RuleSet:
    """Return the rule set of a deletion, whose body has a list of ids under a key."""

    def rules(body: dict[str, Any]) -> Broken:
        yield from known_keys(body, "", {key})
        yield from list_of(body.get(key), key, non_empty_string)
        if not body[key]:
            yield f"{key} must not be empty"

    return rules


def _company_id(company: dict[str, Any]) -> Broken:
    keys = [key for key in COMPANY_IDS if key in company] or ["id"]
    for key in keys:
        yield from non_empty_string(company.get(key), f"company.{key}")
    if len({company[key] for key in keys}) > 1:
        yield "company.id and company.company_id must be the same"


def _metadata(metadata: Any, where: str) -> Broken:
    """Check that metadata has strings, numbers, booleans and nulls only."""
    if not isinstance(metadata, dict):
        yield f"{where} must be an object"
    for key, value in metadata.items():
        if not key.strip():
            yield f"{where} must not have a blank name"
        if value is not None and not is_plain(value):
            yield f"{where}.{key} must be a string, a finite number, a boolean or null"
