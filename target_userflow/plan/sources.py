"""Which column each attribute of a stream comes from."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from target_userflow.plan.sample import SCOPES, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.mapping.columns import Assignment
    from target_userflow.plan.sample import Attribute

_LISTS = ("groups", "memberships", "group_id")
"""The roles of what a user belongs to."""
_OF_OTHERS = ("group_attributes", "memberships", "groups", "company")
"""The roles whose columns bring attributes of another object."""
_SPREAD = "attributes"


class Sources:
    """Tells the columns of a stream apart in what is sent."""

    def __init__(
        self,
        object_type: ObjectType,
        columns: Mapping[str, str],
        assignments: Mapping[str, Assignment],
        *,
        is_spread: bool,
    ) -> None:
        """Know the columns.

        Args:
            object_type: What the stream is routed to.
            columns: Attribute → its column, for those that are attributes by themselves.
            assignments: Role → the column that has it.
            is_spread: Whether the keys of the column `attributes` are attributes.
        """
        self._object_type = object_type
        self._own = SCOPES.get(object_type.name, "")
        self._columns = columns
        self._roles = {role: assignment.column for role, assignment in assignments.items()}
        self._is_spread = is_spread
        self._known: dict[Attribute, str] = {}

    def column(self, attribute: Attribute) -> str:
        """Return the column of an attribute: its own, or that of an object that is flattened."""
        if attribute not in self._known:
            self._known[attribute] = self._column(*attribute)
        return self._known[attribute]

    def columns_of(self, request: Request) -> dict[str, list[Any]]:
        """Return column → what a request says for it, without the ids of its own object."""
        columns: defaultdict[str, list[Any]] = defaultdict(list)
        for scope, attributes in written(self._object_type, request):
            for name, value in attributes.items():
                columns[self.column((scope, name))].append([name, value])
        lists = [(request.payload or {}).get(name) for name in ("groups", "memberships")]
        column = self._column_of(_LISTS)
        if column and self._object_type.name == "users":
            columns[column] += lists
        return columns

    def _column(self, scope: str, name: str) -> str:
        if scope != self._own:
            return self._column_of(_OF_OTHERS) or name
        if name in self._columns:
            return self._columns[name]
        outer = [attribute for attribute in self._columns if name.startswith(f"{attribute}_")]
        if outer:
            return self._columns[max(outer, key=len)]
        return _SPREAD if self._is_spread else name

    def _column_of(self, roles: tuple[str, ...]) -> str | None:
        return next((self._roles[role] for role in roles if role in self._roles), None)
