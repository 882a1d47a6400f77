"""The users, companies and events that Userpilot keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

COMPANY_IDS = ("id", "company_id")
"""The keys of which either names the company of a user: the reference has both."""


class Store:
    """An environment of Userpilot.

    Attributes:
        users: The metadata and the company id of each user, by user id.
        companies: The metadata of each company, by company id.
        events: The events in the order of arrival, each with the ``seq`` of its request.
    """

    def __init__(self) -> None:
        """Create an empty store."""
        self.users: dict[str, dict[str, Any]] = {}
        self.companies: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []

    def state(self) -> dict[str, Any]:
        """Return the users and companies by id, and the events in the order of arrival."""
        return {
            "userpilot": {
                "users": self.users,
                "companies": self.companies,
                "events": self.events,
            }
        }

    def event(self, seq: str) -> dict[str, Any] | None:
        """Return the event whose request has a ``seq``, given as text, or None."""
        return next((event for event in self.events if str(event["seq"]) == seq), None)

    def save_user(self, body: dict[str, Any]) -> None:
        """Create or update a user, and the company in the body."""
        user = self.users.setdefault(body["user_id"], {"metadata": {}, "company_id": None})
        user["metadata"].update(body.get("metadata", {}))
        if "company" in body:
            company = dict(body["company"])
            (user["company_id"],) = {company.pop(key) for key in COMPANY_IDS if key in company}
            self.save_company(user["company_id"], company)

    def save_company(self, company_id: str, metadata: dict[str, Any]) -> None:
        """Create or update a company."""
        self.companies.setdefault(company_id, {"metadata": {}})["metadata"].update(metadata)

    def delete_users(self, ids: AbstractSet[str]) -> None:
        """Delete the users with these ids, and their events."""
        for id_ in ids:
            self.users.pop(id_, None)
        self.events = [event for event in self.events if event["user_id"] not in ids]

    def delete_companies(self, ids: AbstractSet[str]) -> None:
        """Delete the companies with these ids; their users are then in no company."""
        for id_ in ids:
            self.companies.pop(id_, None)
        for user in self.users.values():
            if user["company_id"] in ids:
                user["company_id"] = None
