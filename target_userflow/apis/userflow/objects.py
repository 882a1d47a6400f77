"""Userflow: users, groups, memberships and events.

Wire facts are from the Userflow API reference.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from target_userflow.apis.mapper import EventMapper, Mapper, in_url
from target_userflow.apis.messages import Api, Probe, Request
from target_userflow.apis.userflow import own_objects
from target_userflow.apis.userflow import reading as userflow_lists
from target_userflow.apis.userflow.merging import folded, joined, kinds
from target_userflow.config.settings import USERFLOW_URLS
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import RoleSpec
from target_userflow.mapping.json_text import unpacked
from target_userflow.mapping.operations import is_idempotent, is_literal
from target_userflow.mapping.property_schemas import inner_properties, items_schema
from target_userflow.mapping.times import read_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from target_userflow.apis.messages import Payload
    from target_userflow.config.settings import Destination
    from target_userflow.mapping.attributes import Attributes
    from target_userflow.mapping.columns import Stream

API_VERSION = "2020-01-03"  # "current and so far only"


def headers(destination: Destination) -> dict[str, str]:
    """What every request carries: without the JSON type it is answered 406."""
    return {
        "Authorization": f"Bearer {destination.api_key}",
        "Userflow-Version": API_VERSION,
        "Accept": "application/json",
    }


def otherwise(destination: Destination) -> str:
    """The other region, if this is one of them: each knows its own keys only."""
    others = [name for name, url in USERFLOW_URLS.items() if url != destination.url]
    is_region = destination.url in USERFLOW_URLS.values()
    return f"set region to {' or '.join(others)}, and no api_url" if is_region else ""


class _Mapper(Mapper):
    """Makes requests of Userflow's own objects, too."""

    kind: ClassVar[str]
    """What its own objects say that they are."""

    def __init__(self, stream: Stream) -> None:
        """Find the columns; see `Mapper`."""
        super().__init__(stream)
        self._usual = own_objects.reader(self.kind, stream)


class Users(_Mapper):
    """`POST /users` creates or merges; the id is in the body."""

    kind = own_objects.USER
    role_spec = RoleSpec(
        columns={
            "user_id": ("user_id", "id"),
            "groups": ("groups",),
            "memberships": ("memberships",),
            "group_id": ("group_id",),
            "group_attributes": ("group_attributes",),
            "prune_memberships": ("prune_memberships",),
        },
        one_of=[("user_id",)],
        key_is="user_id",
    )
    deleted_by: tuple[str, ...] = ("user_id",)

    def __init__(self, stream: Stream) -> None:
        """Find the columns, and what the schema says of attributes inside of lists of groups."""
        super().__init__(stream)
        group = inner_properties(items_schema(self._schema(stream, "groups")))
        member = inner_properties(items_schema(self._schema(stream, "memberships")))
        members_group = inner_properties(member.get("group", {}))
        inner = partial(self._inner_attributes, stream)
        self._of_group_id = inner(self._schema(stream, "group_attributes"))
        self._of_group = inner(group.get("attributes", {}))
        self._of_member = inner(member.get("attributes", {}))
        self._of_members_group = inner(members_group.get("attributes", {}))
        self._nulls_tell = stream.options.nulls == "clear"
        self._has_lists = not self._roles.keys() <= {"user_id", "email"}

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """The user with what it belongs to."""
        record = self._usual(record)
        user_id = self._id(record, "user_id")
        attributes = self.attributes(record)
        lists = self._lists(record) if self._has_lists else {}
        idempotent, mergeable = _kind(attributes)
        return Request(
            "POST",
            "/users",
            {"id": user_id, "attributes": attributes, **lists},
            f"user {user_id}",
            (user_id,),
            idempotent and not any(map(_has_sum, lists.values())),
            mergeable=mergeable and not lists,
            references=(*_references(user_id, lists),) if lists else (),
            writes=(*_writes(user_id, lists),) if lists else (),
            ends=(_memberships_of(user_id),) if "prune_memberships" in lists else (),
        )

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /users/:id`: with all its history, for good."""
        (user_id,) = ids
        return _deletion(f"/users/{in_url(user_id)}", f"user {user_id}", ids)

    def _lists(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """`groups` or `memberships`, never both, and whether those not listed are to end."""
        prune = self._prune(record)
        given = {
            "groups": self._listed(record, "groups", partial(self._group, self._of_group)),
            "memberships": self._listed(record, "memberships", self._membership),
            "group_id": self._groups_by_id(record),
        }
        given = {name: one for name, one in given.items() if one is not None}
        if prune and not given and self._is_of_no_group(record):
            given = {"groups": []}
        if len(given) > 1:
            raise RejectRecord(f"both {' and '.join(given)} are given: the API takes one")
        sent = {name.replace("group_id", "groups"): one for name, one in given.items()}
        return {**sent, "prune_memberships": True} if sent and prune else sent

    def _is_of_no_group(self, record: Mapping[str, Any]) -> bool:
        """Whether `group_id` is null, and no column that could say otherwise is missing.

        A log leaves out large columns that did not change: what is missing says nothing, and
        nor does a null where nulls mean "don't know".
        """
        roles = ("group_id", "groups", "memberships")
        columns = {self._roles[role] for role in roles if role in self._roles}
        return self._nulls_tell and "group_id" in self._roles and columns <= record.keys()

    def _groups_by_id(self, record: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Of one id, with its attributes, or of a list of ids."""
        given = unpacked(self._role(record, "group_id"))
        attributes = unpacked(self._role(record, "group_attributes"))
        if given is None:
            return None
        ids = given if isinstance(given, list) else [given]
        groups = [self._within("group_id", self._group_of_id, one) for one in ids]
        if attributes and isinstance(given, list):
            raise RejectRecord("group_attributes go with one group_id, not with a list")
        of_all = self._within(
            "group_attributes", _attributes, self._of_group_id, {"attributes": attributes}
        )
        return [{**group, **of_all} for group in groups]

    def _prune(self, record: Mapping[str, Any]) -> bool:
        return self._within("prune_memberships", _is_true, self._role(record, "prune_memberships"))

    def _listed(
        self, record: Mapping[str, Any], role: str, of_one: Callable[[Any], dict[str, Any]]
    ) -> list[dict[str, Any]] | None:
        given = unpacked(self._role(record, role))
        if given is None:
            return None
        return self._within(role, lambda: [of_one(one) for one in _items(given, role)])

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


class Groups(_Mapper):
    """`POST /groups` creates or merges."""

    kind = own_objects.GROUP
    role_spec = RoleSpec({"group_id": ("group_id", "id")}, [("group_id",)], key_is="group_id")
    deleted_by = ("group_id",)

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """The group."""
        record = self._usual(record)
        group_id = self._id(record, "group_id")
        attributes = self.attributes(record)
        payload = _group_payload(group_id, attributes)
        key, ids = f"group {group_id}", (group_id,)
        return Request("POST", "/groups", payload, key, ids, *_kind(attributes))

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /groups/:id`: with its memberships."""
        (group_id,) = ids
        return _deletion(f"/groups/{in_url(group_id)}", f"group {group_id}", ids)


class Memberships(_Mapper):
    """A membership has no endpoint to be written to: it rides in its user's `POST /users`."""

    kind = own_objects.MEMBERSHIP
    role_spec = RoleSpec(
        {"user_id": ("user_id",), "group_id": ("group_id",)}, [("user_id",), ("group_id",)]
    )
    deleted_by = ("user_id", "group_id")

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """The user with this one membership; its others stay."""
        record = self._usual(record)
        user_id, group_id = self._id(record, "user_id"), self._id(record, "group_id")
        attributes = self.attributes(record)
        payload = _membership_payload(user_id, group_id, attributes)
        key, ids = f"user {user_id}", (user_id, group_id)
        references = ("users", user_id), ("groups", group_id), _memberships_of(user_id)
        return Request("POST", "/users", payload, key, ids, *_kind(attributes), references)

    def deletion(self, ids: Sequence[str]) -> Request:
        """`DELETE /group_memberships`: user and group stay."""
        user_id, group_id = ids
        query = f"user_id={in_url(user_id)}&group_id={in_url(group_id)}"
        return _deletion(f"/group_memberships?{query}", f"user {user_id}", ids)


class Events(EventMapper):
    """`POST /events` appends: no id, no idempotency key, no way to read an event back."""

    takes_operations = ("set",)
    role_spec = RoleSpec(
        columns={
            "user_id": ("user_id",),
            "group_id": ("group_id",),
            "name": ("event_name", "name", "event"),
            "time": ("time", "timestamp", "occurred_at"),
        },
        one_of=[("user_id", "group_id"), ("name",)],
    )

    def __call__(self, record: Mapping[str, Any]) -> Request:
        """The event, about a user, a group or both."""
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
        ids = {role: self._id(record, role) for role, one in given.items() if one is not None}
        if not ids:
            raise RejectRecord("neither user_id nor group_id is given")
        return ids

    def _time(self, record: Mapping[str, Any]) -> dict[str, str]:
        """ISO 8601; the API takes now when it is left out."""
        value = self._role(record, "time")
        return {} if value is None else {"time": self._within("time", _time, value)}


def _attributes(inner: Attributes, value: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a group or membership."""
    given = value.get("attributes")
    if given is not None and not isinstance(given, dict):
        raise RejectRecord("the attributes of a group or membership are no object")
    return {"attributes": inner.of_object(given)} if given else {}


def _time(value: Any) -> str:
    found = read_time(value)
    if found is None:
        raise RejectRecord("the time is blank, infinite or zero, and the event would count as new")
    return found


def _is_true(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise RejectRecord("prune_memberships is no boolean")
    return bool(value)


def _items(value: Any, role: str) -> list[Any]:
    if not isinstance(value, list):
        raise RejectRecord(f"{role} is no list")
    return value


def _kind(attributes: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether a request that sets only these is idempotent, and mergeable."""
    return (True, True) if is_literal(attributes) else (is_idempotent(attributes), False)


def _references(user_id: str, lists: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The groups that a user is listed with, and its memberships of them."""
    listed = [*lists.get("groups", ()), *(one["group"] for one in lists.get("memberships", ()))]
    for group in listed:
        yield "groups", group["id"]
        yield "memberships", user_id, group["id"]


def _writes(user_id: str, lists: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Payload]]:
    """The groups and memberships whose attributes stand in the lists of a user."""
    memberships = lists.get("memberships", ())
    for group in [*lists.get("groups", ()), *(one["group"] for one in memberships)]:
        if "attributes" in group:
            yield ("groups", group["id"]), _group_payload(group["id"], group["attributes"])
    for one in memberships:
        if "attributes" in one:
            payload = _membership_payload(user_id, one["group"]["id"], one["attributes"])
            yield ("memberships", user_id, one["group"]["id"]), payload


def _group_payload(group_id: str, attributes: Mapping[str, Any]) -> Payload:
    return {"id": group_id, "attributes": attributes}


def _membership_payload(user_id: str, group_id: str, attributes: Mapping[str, Any]) -> Payload:
    membership = {"attributes": attributes, "group": {"id": group_id}}
    return {"id": user_id, "memberships": [membership]}


def _memberships_of(user_id: str) -> tuple[str, ...]:
    """All memberships of a user, in `references` and `ends`."""
    return "memberships", user_id


def _deletion(path: str, key: str, ids: Sequence[str]) -> Request:
    """A deletion, which is idempotent (Userflow API reference)."""
    return Request("DELETE", path, None, key, tuple(ids), idempotent=True)


def _check_keys(value: Mapping[str, Any], what: str, keys: set[str]) -> None:
    if not value.keys() <= keys:
        raise RejectRecord(f"{what} has other keys than {' and '.join(sorted(keys))}")


def _has_sum(listed: Any) -> bool:
    """Whether `add` or `subtract` stands in the attributes of a group or membership."""
    if not isinstance(listed, list):
        return False
    inner = [one for record in listed for one in (record, record.get("group", {}))]
    return not all(is_idempotent(one.get("attributes", {})) for one in inner)


API = Api(
    name="Userflow",
    prefix="",
    objects={"groups": Groups, "users": Users, "memberships": Memberships, "events": Events},
    headers=headers,
    probe=Probe("/users?limit=1", otherwise),
    listings={"users": userflow_lists.USERS, "groups": userflow_lists.GROUPS},
    leaves=userflow_lists.leaves,
    definitions=userflow_lists.definitions,
    attributes=userflow_lists.attributes,
    join=joined,
    fold=folded,
    kinds=kinds,
    carriers={"memberships": "users"},
)
