"""The objects that a request to Userflow writes, each with its attributes, and requests for fewer.

`POST /users` writes a user, its memberships and their groups (Userflow API reference). With
`prune_memberships` it also says which memberships there are: that is a part of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from target_userflow.apis.userflow.mapper import memberships_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from target_userflow.apis.listing import ExistingObject
    from target_userflow.apis.messages import Reference, Request

    Differing = Mapping[Reference, Collection[str] | None]
    """The names of the attributes to send of each object; None to send all of them."""

GROUP_IDS = "group_ids"
"""The pseudo-attribute of a user's memberships: the ids of all of its groups."""


class Part(NamedTuple):
    """An object, and attributes of it."""

    reference: Reference
    attributes: Mapping[str, Any]


def parts_of(request: Request) -> Iterator[Part]:
    """Yield what a `POST` writes."""
    payload = request.payload or {}
    if request.path == "/groups":
        yield Part(("groups", payload["id"]), payload["attributes"])
        return
    user_id = payload["id"]
    if "attributes" in payload:
        yield Part(("users", user_id), payload["attributes"])
        if len(payload) == len(("id", "attributes")):
            return  # by far the most frequent
    members = _members(payload)
    for member in members:
        yield from _parts_of_member(user_id, member)
    if payload.get("prune_memberships"):
        yield _membership_list(user_id, [member["group"]["id"] for member in members])


def _parts_of_member(user_id: str, member: Mapping[str, Any]) -> Iterator[Part]:
    group = member["group"]
    yield Part(("memberships", user_id, group["id"]), member.get("attributes", {}))
    if group.get("attributes"):
        yield Part(("groups", group["id"]), group["attributes"])


def parts_of_existing(name: str, existing: ExistingObject) -> Iterator[Part]:
    """Yield what was listed of an object of the type `name`, which is `users` or `groups`."""
    yield Part((name, existing.id), existing.attributes)
    if existing.memberships is None:
        return
    for member in existing.memberships:
        yield Part(("memberships", existing.id, member.group_id), member.attributes)
        if member.group_attributes is not None:
            yield Part(("groups", member.group_id), member.group_attributes)
    yield _membership_list(existing.id, [member.group_id for member in existing.memberships])


def reduced(request: Request, differing: Differing) -> Request:
    """Return a request that writes less.

    Args:
        request: A `POST`.
        differing: What has to be sent of each of its parts.
    """
    payload = dict(request.payload or {})
    user_id = payload["id"]
    if "attributes" in payload:
        kind = request.path[1:]
        payload["attributes"] = _kept(payload["attributes"], differing[kind, user_id])
    for name in ("groups", "memberships"):
        if name in payload:
            _reduce_list(payload, name, differing)
    return replace(request, payload=payload)


def _reduce_list(payload: dict[str, Any], name: str, differing: Differing) -> None:
    """Take the items out that need not be sent; all stay where those not listed are to end."""
    user_id = payload["id"]
    ends_others = payload.pop("prune_memberships", False)
    if ends_others and differing[memberships_of(user_id)] != set():
        payload["prune_memberships"] = True
    items = [
        _reduced_item(user_id, item, differing)
        for item in payload[name]
        if "prune_memberships" in payload or _is_needed(user_id, item, differing)
    ]
    payload[name] = items
    if not items and "prune_memberships" not in payload:
        del payload[name]


def _is_needed(user_id: str, item: Mapping[str, Any], differing: Differing) -> bool:
    group_id = item.get("group", item)["id"]
    references = ("memberships", user_id, group_id), ("groups", group_id)
    return any(differing.get(reference, set()) != set() for reference in references)


def _reduced_item(user_id: str, item: Mapping[str, Any], differing: Differing) -> dict[str, Any]:
    """Return an item of `groups` or `memberships` with those attributes that have to be sent."""
    group = dict(item.get("group", item))
    if "attributes" in group:
        names = differing.get(("groups", group["id"]), set())
        group["attributes"] = _kept(group["attributes"], names)
    if "group" not in item:
        return group
    member = {**item, "group": group}
    if "attributes" in item:
        names = differing["memberships", user_id, group["id"]]
        member["attributes"] = _kept(item["attributes"], names)
    return member


def _kept(attributes: Mapping[str, Any], names: Collection[str] | None) -> Mapping[str, Any]:
    if names is None:
        return attributes
    return {name: value for name, value in attributes.items() if name in names}


def _members(payload: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    groups = [{"group": group} for group in payload.get("groups", ())]
    return [*groups, *payload.get("memberships", ())]


def _membership_list(user_id: str, group_ids: Sequence[str]) -> Part:
    return Part(memberships_of(user_id), {GROUP_IDS: sorted(group_ids)})
