"""What a destination has, for the plan: asked with few requests, and only read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from target_userflow.apis.messages import json_object, reading
from target_userflow.apis.registry import OBJECT_TYPES
from target_userflow.apis.userflow.subjects import subjects
from target_userflow.dedup.column_changes import ColumnChanges
from target_userflow.errors import NotListed
from target_userflow.listed.equality import differing
from target_userflow.plan.sample import SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.dedup.column_changes import AlwaysChanged
    from target_userflow.lookup.definitions import Definitions
    from target_userflow.lookup.pages import Reads
    from target_userflow.plan.stream_look import StreamLook

IDS = 99
"""Ids of a stream that are looked up; with the one that asks for any user, 100 requests."""
_OK = 200


class Inventory:
    """Asks one product what it has; what was asked for once is known."""

    def __init__(self, definitions: Definitions, reads: Reads) -> None:
        """Ask nothing yet.

        Args:
            definitions: The names there are.
            reads: The way to the product.
        """
        self._definitions = definitions
        self._reads = reads
        self._attributes: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        """Object type and id → the attributes of what was looked up; None if it does not exist."""
        self._has_users: bool | None = None

    def definitions(self, scope: str) -> Mapping[str, str] | None:
        """Return name → data type of a scope; None where the product does not tell."""
        with suppress(NotListed):
            definitions = self._definitions.of(scope)
            return definitions if self._definitions.are_told(scope) else None
        return None

    def ids(self, look: StreamLook) -> tuple[int, int, bool] | None:
        """Return how many ids were looked up, how many exist, and whether any user exists."""
        if not look.asks_for_ids:
            return None
        wanted = _ids_named(look)[:IDS]
        if not wanted:
            return None
        self._look_up([object_id for object_id in wanted if object_id not in self._attributes])
        there = sum(self._attributes[object_id] is not None for object_id in wanted)
        has_any = bool(there) or (look.names_users and self._is_any_user_there())
        return len(wanted), there, has_any

    def always_changed(self, look: StreamLook) -> AlwaysChanged | None:
        """Return the columns of a stream that differ in every object looked up, if any do."""
        name, columns, changes = look.object_type.name, look.columns(), ColumnChanges()
        scope = SCOPES.get(name, "")
        defined = (self.definitions(scope) or {}).items() if scope else ()
        times = {attribute for attribute, kind in defined if kind == "datetime"}
        for request in look.sample.requests:
            there = self._attributes.get((name, "".join(request.object_id)))
            if there:
                names = {*differing((request.payload or {}).get("attributes", {}), there, times)}
                known = [(scope, attribute) for attribute in names & there.keys()]
                has_others = len(known) < len(names)
                changes.note({*map(columns.column, known)}, has_others=has_others)
        return changes.always()

    def _look_up(self, ids: list[tuple[str, str]]) -> None:
        requests = []
        for name, id_ in ids:
            listing = OBJECT_TYPES[name].listing
            if listing and listing.by_id:
                requests.append(reading(listing.by_id(id_)))
        answers = self._reads.fetch(requests) if requests else []
        for object_id, answer in zip(ids, answers, strict=True):
            found = json_object(answer.body).get("attributes") or {}
            self._attributes[object_id] = found if answer.status == _OK else None

    def _is_any_user_there(self) -> bool:
        if self._has_users is None:
            path = OBJECT_TYPES["users"].product.probe.path
            (answer,) = self._reads.fetch([reading(path)])
            self._has_users = bool(json_object(answer.body).get("data"))
        return self._has_users


def _ids_named(look: StreamLook) -> list[tuple[str, str]]:
    """Return object type and id of all that the first records of a stream are about."""
    name, requests = look.object_type.name, look.sample.requests
    return [*dict.fromkeys(one for request in requests for one in subjects(name, request))]
