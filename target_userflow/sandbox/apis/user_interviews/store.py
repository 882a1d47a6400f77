"""The participants that User Interviews keeps."""

from __future__ import annotations

from typing import Any


class Store:
    """A participant list of User Interviews.

    Attributes:
        participants: The JSON:API resources by email in lower case.
    """

    def __init__(self) -> None:
        """Create an empty store."""
        self.participants: dict[str, dict[str, Any]] = {}

    def state(self) -> dict[str, Any]:
        """Return the fields of each participant, by email in lower case."""
        fields = {
            email: participant["attributes"] for email, participant in self.participants.items()
        }
        return {"participants": fields}

    def save(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Create or update the participant with the email in the fields. Returns the resource."""
        number = str(len(self.participants) + 1)
        new: dict[str, Any] = {"id": number, "type": "participant", "attributes": {}}
        participant = self.participants.setdefault(fields["email"].lower(), new)
        participant["attributes"].update(fields)
        return participant
