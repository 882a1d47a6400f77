"""The events that Userflow keeps, in the order of arrival and by the user or group they are of."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Event = dict[str, Any]
Owner = tuple[str, str]
"""``("user", id)``, or ``("group", id)`` for an event without a user."""


class EventHistory:
    """Keeps each event under the ``seq`` of the request that sent it."""

    def __init__(self) -> None:
        """Create an empty history."""
        self._events: dict[int, Event] = {}
        self._by_owner: defaultdict[Owner, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        """Iterate over the events in the order of arrival."""
        return iter(self._events.values())

    def __reversed__(self) -> Iterator[Event]:
        """Iterate over the events, the newest first."""
        return reversed(self._events.values())

    def get(self, seq: int) -> Event | None:
        """Return the event that the request sent, or None."""
        return self._events.get(seq)

    def of(self, owner: Owner) -> list[Event]:
        """Return the events that a user or group owns, in the order of arrival."""
        return [self._events[seq] for seq in self._by_owner.get(owner, ())]

    def add(self, event: Event) -> Event:
        """Add an event with its ``seq``, ``user_id`` and ``group_id``. Returns the event."""
        owner = ("group", event["group_id"])
        if event["user_id"] is not None:
            owner = ("user", event["user_id"])
        self._by_owner[owner].append(event["seq"])
        self._events[event["seq"]] = event
        return event

    def delete(self, owner: Owner) -> None:
        """Delete the events that a user or group owns."""
        for seq in self._by_owner.pop(owner, []):
            del self._events[seq]
