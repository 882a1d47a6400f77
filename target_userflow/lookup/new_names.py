"""How many attribute and event names a run may define for good."""

from __future__ import annotations

from target_userflow.errors import TooManyNewNames


class NewNames:
    """Counts the names that a run defines for good in one destination.

    A column full of values that became names, such as an object with a key for each project, would
    define thousands; none of them can be deleted through the API.
    """

    def __init__(self, *, attributes: int, events: int, reject: bool = False) -> None:
        """Count from nothing.

        Args:
            attributes: Attribute names that the run may define.
            events: Event names that it may define.
            reject: Whether `new_attributes` forbids attributes.
        """
        self._most = {"attribute": 0 if reject else attributes, "event": events}
        self._settings = {
            "attribute": "new_attributes" if reject else "max_new_attributes",
            "event": "max_new_events",
        }
        self._new: dict[str, set[tuple[str, str]]] = {"attribute": set(), "event": set()}

    def forbids(self, what: str) -> str | None:
        """Return the setting by which no `attribute` or `event` may be new; None if one may."""
        if self._most[what]:
            return None
        setting = self._settings[what]
        return f"{setting} is {'reject' if setting == 'new_attributes' else 0}"

    def add(self, stream: str, what: str, scope: str, name: str) -> None:
        """Count a name that a record brings.

        Raises:
            TooManyNewNames: it is one more than may be.
        """
        names = self._new[what]
        if (scope, name) not in names and len(names) >= self._most[what]:
            raise TooManyNewNames(
                f"Stream '{stream}': a record would define a new {what} name after "
                f"{len(names)} in this run, and none can be deleted through the API. It is not "
                "sent, and nothing of the stream after it. If these are no values that became "
                f"names (--plan lists them), set {self._settings[what]} to a higher number"
            )
        names.add((scope, name))
