"""What a request changes and takes away, and what decides whether it would change something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from target_userflow.apis.userflow import reading
from target_userflow.apis.userflow.parts import Part, parts_of
from target_userflow.listed.view import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_userflow.apis.messages import Reference, Request

_ALONE = {"users": "", "groups": "groups"}
"""The object types whose requests may write attributes alone → what is listed to compare them."""
_PLAIN = {"id", "attributes"}
_REMEMBERED = 10_000  # requests; what older ones do is found out again


class Effects(NamedTuple):
    """The effects of a request, with the keys of all objects."""

    request: Request
    needs: str
    """What is asked for to compare it: `groups`, or what beside the users."""
    parts: Sequence[tuple[int, Part]]
    """What it writes, each with its key."""
    changes: Sequence[int]
    """What it changes: its parts, and the memberships of a user that it may add to."""
    ends: Sequence[int]
    """What it takes away."""
    about: Sequence[int]
    """All that decides whether it would change something."""


class KnownEffects:
    """The effects of the latest requests; each is asked for several times, by all threads."""

    def __init__(self) -> None:
        """Begin without a request."""
        self._known: dict[int, Effects] = {}
        self._before: dict[int, Effects] = {}

    def of(self, request: Request) -> Effects:
        """Return the effects of a request."""
        place = id(request)
        known = self._known.get(place) or self._before.get(place)
        if known is None:
            known = self._known[place] = _effects(request)
            if len(self._known) >= _REMEMBERED:  # those that were not asked for since are let go
                self._before, self._known = self._known, {}
        return known  # it holds the request, so that no other one has its identity


def _effects(request: Request) -> Effects:
    kind = request.path[1:]
    if kind in _ALONE and request.stands_alone and _is_plain(request.payload):
        return _effects_of_plain(request, kind)
    written = () if request.deletes else parts_of(request)
    parts = [(key_of(*part.reference), part) for part in written]
    changes = _changes(parts)
    needs = _needs(request, parts)
    ends = [key_of(*reference) for reference in _ends(request)]
    references = [key_of(*reference) for reference in request.references]
    return Effects(request, needs, parts, changes, ends, [*{*changes, *references, *ends}])


def _is_plain(payload: Mapping[str, Any] | None) -> bool:
    return payload is not None and payload.keys() == _PLAIN


def _effects_of_plain(request: Request, kind: str) -> Effects:
    """Return the effects of writing attributes and nothing else, by far the most frequent."""
    payload = request.payload or {}
    part = Part((kind, payload["id"]), payload["attributes"])
    key = key_of(*part.reference)
    return Effects(request, _ALONE[kind], [(key, part)], [key], (), [key])


def _changes(parts: Sequence[tuple[int, Part]]) -> Sequence[int]:
    keys = [key for key, _ in parts]
    if len(keys) == 1 and parts[0][1].reference[0] != "memberships":
        return keys
    users = {part.reference[:2] for _, part in parts if part.reference[0] == "memberships"}
    return [*{*keys, *(key_of(*reference) for reference in users)}]


def _ends(request: Request) -> Sequence[Reference]:
    if not request.deletes:
        return request.ends
    kind = "memberships" if len(request.object_id) > 1 else request.path.split("/")[1]
    return [(kind, *request.object_id), *request.ends]


def _needs(request: Request, parts: Iterable[tuple[int, Part]]) -> str:
    if request.path == "/groups":
        return "groups"
    kinds = {part.reference[0] for _, part in parts}
    if "groups" in kinds:
        return reading.MEMBERSHIPS_AND_GROUPS
    return reading.MEMBERSHIPS if "memberships" in kinds else ""
