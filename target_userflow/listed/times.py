"""Which attributes are defined as date-times, so that their values are compared as instants."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from target_userflow.errors import NotListed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from target_userflow.lookup.definitions import Definitions

SCOPES = {"users": "user", "groups": "group", "memberships": "group_membership"}
"""What the API calls the attributes of each kind of object."""


class TimeAttributes:
    """The attributes of each kind of object that are date-times, read when they are needed."""

    def __init__(self, definitions: Definitions) -> None:
        """Know none.

        Args:
            definitions: The attributes of the destination.
        """
        self._definitions = definitions
        self._of: dict[str, Collection[str]] = {}
        self._types: dict[str, Mapping[str, str]] = {}

    def known(self, kind: str) -> Collection[str]:
        """Return those of a kind of object, as far as they were read."""
        return self._of.get(kind, ())

    def is_read(self, kind: str) -> bool:
        """Return whether those of a kind of object were read."""
        return kind in self._of

    def has(self, kind: str, name: str) -> bool:
        """Return whether a kind of object has an attribute, where those were read."""
        return name in self._types.get(kind, {})

    def read(self, kind: str) -> None:
        """Read those of `users`, `groups` or `memberships`; none where the API does not tell.

        Raises:
            StopRun: the API does not answer.
        """
        if kind not in self._of:
            types: dict[str, str] = {}
            with suppress(NotListed):
                types = self._definitions.of(SCOPES[kind])
            self._types[kind] = types
            self._of[kind] = {name for name, of_type in types.items() if of_type == "datetime"}
