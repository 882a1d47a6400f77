"""What a request changes and takes away, and what decides whether it would change something."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from target_userflow.apis.userflow import reading
from target_userflow.apis.userflow.parts import parts_of
from target_userflow.listed.view import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_userflow.apis.messages import Reference, Request
    from target_userflow.apis.userflow.parts import Part

_REMEMBERED = 20_000  # requests: twice of what may be read and not settled


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
        self._lock = threading.Lock()

    def of(self, request: Request) -> Effects:
        """Return the effects of a request."""
        known = self._known.get(id(request))
        if known is None:
            known = _effects(request)
            with self._lock:
                self._known[id(request)] = known
                if len(self._known) > _REMEMBERED:
                    del self._known[next(iter(self._known))]
        return known  # it holds the request, so that no other one has its identity


def _effects(request: Request) -> Effects:
    written = () if request.deletes else parts_of(request)
    parts = [(key_of(*part.reference), part) for part in written]
    changes = _changes(parts)
    needs = _needs(request, parts)
    ends = [key_of(*reference) for reference in _ends(request)]
    if not ends and not request.references:  # by far the most frequent
        return Effects(request, needs, parts, changes, ends, changes)
    references = [key_of(*reference) for reference in request.references]
    return Effects(request, needs, parts, changes, ends, [*{*changes, *references, *ends}])


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
