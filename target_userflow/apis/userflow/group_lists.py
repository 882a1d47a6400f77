"""What the record of a user says of its groups and memberships, in lists or in one column."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from target_userflow.apis.mapper import role_schema
from target_userflow.apis.userflow import own_objects
from target_userflow.apis.userflow.mapper import UserflowMapper
from target_userflow.errors import RejectRecord
from target_userflow.mapping.attributes import inner_attributes
from target_userflow.mapping.json_text import unpacked
from target_userflow.mapping.property_schemas import inner_properties, items_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.mapping.attributes import Attributes
    from target_userflow.mapping.columns import Stream


class GroupListMapper(UserflowMapper):
    """Reads the groups and memberships that users are listed with."""

    def __init__(self, stream: Stream) -> None:
        """Find the columns, and what the schema says of attributes inside of lists of groups."""
        super().__init__(stream)
        group = inner_properties(items_schema(role_schema(self, stream, "groups")))
        member = inner_properties(items_schema(role_schema(self, stream, "memberships")))
        members_group = inner_properties(member.get("group", {}))
        inner = partial(
            inner_attributes, stream, operations=self.takes_operations, remarks=self.remarks
        )
        self._of_group_id = inner(role_schema(self, stream, "group_attributes"))
        self._of_group = inner(group.get("attributes", {}))
        self._of_member = inner(member.get("attributes", {}))
        self._of_members_group = inner(members_group.get("attributes", {}))
        self._nulls_tell = stream.options.nulls == "clear"
        self._has_lists = not self._roles.keys() <= {"user_id", stream.options.match_by}

    def _lists(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return `groups` or `memberships`, never both, and whether those not listed are to end."""
        prune = self._prune(record)
        given = self._given(record)
        if prune and not given and self._is_of_no_group(record):
            given = {"groups": []}
        if len(given) > 1:
            raise RejectRecord(f"both {' and '.join(given)} are given: the API takes one")
        sent = {role.replace("group_id", "groups"): listed for role, listed in given.items()}
        return {**sent, "prune_memberships": True} if sent and prune else sent

    def _given(self, record: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Return role → what it lists, for the roles that list something."""
        lists = {
            "groups": self._listed(record, "groups", partial(self._group, self._of_group)),
            "memberships": self._listed(record, "memberships", self._membership),
            "group_id": self._groups_by_id(record),
        }
        return {role: listed for role, listed in lists.items() if listed is not None}

    def _is_of_no_group(self, record: Mapping[str, Any]) -> bool:
        """Return whether `group_id` is null, and no column that could say otherwise is missing.

        A log leaves out large columns that did not change: what is missing says nothing, and
        nor does a null where nulls mean "don't know".
        """
        roles = ("group_id", "groups", "memberships")
        columns = {self._roles[role] for role in roles if role in self._roles}
        return self._nulls_tell and "group_id" in self._roles and columns <= record.keys()

    def _groups_by_id(self, record: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the groups of one id, with its attributes, or of a list of ids."""
        given = unpacked(self._role(record, "group_id"))
        attributes = unpacked(self._role(record, "group_attributes"))
        if given is None:
            return None
        ids = given if isinstance(given, list) else [given]
        groups = [self._within("group_id", self._group_of_id, id_) for id_ in ids]
        if attributes and isinstance(given, list):
            raise RejectRecord("group_attributes go with one group_id, not with a list")
        of_all = self._within(
            "group_attributes", _attributes, self._of_group_id, {"attributes": attributes}
        )
        return [{**group, **of_all} for group in groups]

    def _prune(self, record: Mapping[str, Any]) -> bool:
        return self._within("prune_memberships", _is_true, self._role(record, "prune_memberships"))

    def _listed(
        self, record: Mapping[str, Any], role: str, of_item: Callable[[Any], dict[str, Any]]
    ) -> list[dict[str, Any]] | None:
        given = unpacked(self._role(record, role))
        if given is None:
            return None
        return self._within(role, lambda: [of_item(item) for item in _items(given, role)])

    def _group(self, inner: Attributes, value: Any) -> dict[str, Any]:
        """`{id*, attributes}`; a bare id will do."""
        value = own_objects.group(value)
        if not isinstance(value, dict):
            return self._group_of_id(value)
        _check_keys(value, "a group", {"id", "attributes"})
        return {**self._group_of_id(value.get("id")), **_attributes(inner, value)}

    def _group_of_id(self, value: Any) -> dict[str, Any]:
        return {"id": self._wire_id(value, "a group's id")}

    def _membership(self, value: Any) -> dict[str, Any]:
        """`{attributes, group: {id*, attributes}}`, or with `group_id` in place of the group."""
        value = own_objects.membership(value)
        if not isinstance(value, dict) or not isinstance(value.get("group"), dict):
            raise RejectRecord("a membership is no object with a group")
        _check_keys(value, "a membership", {"group", "attributes"})
        group = self._group(self._of_members_group, value["group"])
        return {**_attributes(self._of_member, value), "group": group}


def _attributes(inner: Attributes, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a group or membership."""
    given = value.get("attributes")
    if given is not None and not isinstance(given, dict):
        raise RejectRecord("the attributes of a group or membership are no object")
    return {"attributes": inner.of_object(given)} if given else {}


def _is_true(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise RejectRecord("prune_memberships is no boolean")
    return bool(value)


def _items(value: Any, role: str) -> list[Any]:
    if not isinstance(value, list):
        raise RejectRecord(f"{role} is no list")
    return value


def _check_keys(value: Mapping[str, Any], what: str, keys: set[str]) -> None:
    if not value.keys() <= keys:
        raise RejectRecord(f"{what} has other keys than {' and '.join(sorted(keys))}")
