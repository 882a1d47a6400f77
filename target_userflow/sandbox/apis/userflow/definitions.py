"""The definitions of attributes and events, which Userflow makes when a name is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.sandbox.apis.userflow.attributes import data_type, merge
from target_userflow.sandbox.apis.userflow.paged_dict import PagedDict

if TYPE_CHECKING:
    from collections.abc import Callable

Definition = dict[str, Any]
"""The definition object of the API."""


class AttributeDefinitions(PagedDict[Definition]):
    """The attribute definitions by ``scope:name``."""

    def __init__(self, now: Callable[[], str]) -> None:
        """Take a clock that returns the time as ISO 8601 in UTC."""
        super().__init__()
        self._now = now

    def merge(self, scope: str, attributes: dict[str, Any], body: dict[str, Any]) -> None:
        """Apply the changes in a body to attributes, and define the attributes that are new."""
        changes = body.get("attributes", {})
        merge(attributes, changes)
        for name, change in changes.items():
            self._define(scope, name, change)

    def _define(self, scope: str, name: str, change: Any) -> None:
        """Define an attribute by its first change that has a type; later types are ignored."""
        id_ = f"{scope}:{name}"
        if id_ not in self and (type_ := data_type(change)):
            definition = _definition("attribute", id_, name, self._now())
            self.add(id_, {**definition, "scope": scope, "data_type": type_})


class EventDefinitions(PagedDict[Definition]):
    """The event definitions by name."""

    def __init__(self, now: Callable[[], str]) -> None:
        """Take a clock that returns the time as ISO 8601 in UTC."""
        super().__init__()
        self._now = now

    def define(self, name: str) -> None:
        """Define an event, unless it is defined already."""
        if name not in self:
            self.add(name, _definition("event", name, name, self._now()))


def _definition(kind: str, id_: str, name: str, now: str) -> Definition:
    identity = {"id": id_, "object": f"{kind}_definition", "created_at": now}
    return {**identity, "name": name, "display_name": name, "description": ""}
