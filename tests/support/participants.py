"""Batches of participants, sent to the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.sandbox_client import Client, Reply


BATCHES = "/api/participants/batches"
TYPE = "application/vnd.user-interviews.v2+json"
TYPES = ("application/json", TYPE)
HEADERS_HERE = {"Authorization": "Bearer ui_sandbox", "Content-Type": TYPE, "Accept": TYPE}


def batch(*participants: dict[str, Any]) -> dict[str, Any]:
    """The body of a batch, as JSON:API has it."""
    return {"data": [{"type": "participant", "attributes": fields} for fields in participants]}


def save(client: Client, *participants: dict[str, Any]) -> Reply:
    """Send a batch."""
    return client.send("PATCH", BATCHES, batch(*participants))


def ada(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A participant of many."""
    return {"email": f"ada.{number}@example.com", **fields}


# What is refused


def errors(reply: Reply) -> list[dict[str, Any]]:
    """The errors that an answer tells."""
    errors: list[dict[str, Any]] = reply.json["errors"]
    return errors
