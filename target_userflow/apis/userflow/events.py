"""Userflow events (Userflow API reference)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.apis.mapper import EventMapper
from target_userflow.apis.messages import Request
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import RoleSpec
from target_userflow.mapping.times import read_time

if TYPE_CHECKING:
    from collections.abc import Mapping


class Events(EventMapper):
    """`POST /events` appends: no id, no idempotency key, no way to read an event back."""

    takes_operations = ("set",)
    role_spec = RoleSpec(
        columns={
            "user_id": ("user_id",),
            "group_id": ("group_id",),
            "name": ("event_name", "event", "name"),
            "time": ("time", "timestamp", "occurred_at"),
        },
        one_of=[("user_id", "group_id"), ("name",)],
    )
    subjects: ClassVar = {"user_id": "user", "group_id": "group"}

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """Return the request of an event about a user, a group or both."""
        subject = self._subject(record)
        payload = {
            "name": self._name(record),
            **subject,
            "attributes": self.attributes(record),
            **self._time(record),
        }
        user_id, group_id = subject.get("user_id"), subject.get("group_id")
        key = f"group {group_id}" if user_id is None else f"user {user_id}"
        references = () if group_id is None else (("groups", group_id),)
        return Request("POST", "/events", payload, key, (), idempotent=False, references=references)

    def _subject(self, record: Mapping[str, Any]) -> dict[str, str]:
        given = {role: self._role(record, role) for role in ("user_id", "group_id")}
        ids = {role: self._id(record, role) for role, value in given.items() if value is not None}
        if not ids:
            raise RejectRecord("neither user_id nor group_id is given")
        return ids

    def _time(self, record: Mapping[str, Any]) -> dict[str, str]:
        """ISO 8601; the API takes now when it is left out."""
        value = self._role(record, "time")
        return {} if value is None else {"time": self._within("time", _time, value)}


def _time(value: Any) -> str:
    time = read_time(value)
    if time is None:
        raise RejectRecord("the time is blank, infinite or zero, and the event would count as new")
    return time
