"""Which records say nothing that Userflow does not have, and what of the others has to be sent.

What was read of an object holds until the run itself writes it or something that ends it. Records
are judged while others wait: so a record is only the same if none of the others may change what it
is about. Another client may change an object after it was read; then that change stands, as if it
had come after the record.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from target_userflow.apis.userflow import reading
from target_userflow.apis.userflow.parts import parts_of, reduced
from target_userflow.compare.fingerprints import Fingerprints
from target_userflow.compare.view import View, key_of
from target_userflow.errors import NotListed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from target_userflow.apis.messages import Reference, Request
    from target_userflow.apis.userflow.parts import Differing, Part
    from target_userflow.delivery.attribute_types import Definitions
    from target_userflow.delivery.object_list import Reads
    from target_userflow.delivery.pending import PendingRecord

COMPARED = ("users", "groups", "memberships")
"""The object types that can be compared."""
_logger = logging.getLogger("target-userflow")
_SCOPES = {"users": "user", "groups": "group", "memberships": "group_membership"}


class Comparison:
    """What the streams of a run share that are compared with one destination."""

    def __init__(
        self,
        reads: Reads,
        definitions: Definitions,
        *,
        is_exact: bool = False,
        keeps_ids: bool = False,
    ) -> None:
        """Read nothing yet.

        Args:
            reads: The way to the API.
            definitions: Its attributes, of which date-times are compared as instants.
            is_exact: Whether objects are looked up of which several attributes may differ, so that
                it is known which.
            keeps_ids: Whether the ids of all that exists are kept, so that `extra` knows them.
        """
        self._is_exact = is_exact
        self._keeps_ids = keeps_ids
        self._reads = reads
        self._definitions = definitions
        self._times: dict[str, set[str]] = {}
        self._store = Fingerprints()
        self._views: dict[str, View] = {}
        self._unlisted: set[str] = set()
        self._waiting: Counter[int] = Counter()
        self._changing: Counter[int] = Counter()
        self._ending: Counter[int] = Counter()
        self._marked: set[int] = set()
        self._same: dict[int, Request] = {}
        self._fresh: set[int] = set()
        self.has_late_ids = False
        """Whether ids of some records are only known once they are matched: until all that was read
        together has its ids, none of it is the same."""
        self._lock = threading.RLock()

    def enter(self, request: Request) -> None:
        """Count a record in as it is read: it may change what other records are about."""
        with self._lock:
            self._waiting.update(key_of(*one) for one in _about(request))
            self._count(request, 1)

    def leave(self, record: PendingRecord) -> None:
        """Count a record out that is settled."""
        with self._lock:
            self._fresh.discard(id(record))
            if self._same.pop(id(record), None) is None:
                self._count(record.request, -1)
            for reference in _about(record.request):
                self._release(reference)

    def compare(self, records: Sequence[PendingRecord]) -> None:
        """Read what is not known yet of the objects that records are about.

        Raises:
            StopRun: the API does not answer.
        """
        requests = [record.request for record in records if not record.request.deletes]
        self._learn(requests)
        if self._keeps_ids:
            parts = [next(iter(parts_of(request))) for request in requests]
            self._store.see({key_of(*part.reference) for part in parts})
        with self._lock:
            keys = {key_of(*one) for record in records for one in _about(record.request)}
            self._marked |= self._store.marked({*keys, *map(_end_of, keys)} - self._marked)
            for record in records:
                if not record.request.deletes and self._is_same(record.request):
                    self._same[id(record)] = record.request
                    self._count(record.request, -1)
            if self.has_late_ids:
                self._fresh.update(map(id, records))

    def is_same(self, record: PendingRecord) -> bool:
        """Return whether a record would change nothing, whatever becomes of those that wait."""
        with self._lock:
            if id(record) in self._fresh:
                self._fresh.discard(id(record))
                return False
            compared, request = self._same.get(id(record)), record.request
            if compared is None or not self._is_left_alone(request, others_than=0):
                return False
            return compared is request or self._is_same(request)

    def names_that_differ(self, request: Request) -> set[str] | None:
        """Return the names of what is different of an object; None if it does not exist."""
        with self._lock:
            differing = self._differing(request)
        own, *others = differing.items()
        if own[1] is None:
            return None
        names = {*own[1]}
        for (kind, *_), part in others:
            names.update([kind] if part is None else [f"{kind}: {name}" for name in part])
        return names

    def extra(self) -> dict[str, tuple[int, list[str]]]:
        """Return kind → how many objects exist that no record was about, and ids of some.

        Raises:
            StopRun: the API does not answer.
        """
        for view in self._views.values():
            view.list.finish()
        return self._store.unseen()

    def reduced(self, record: PendingRecord) -> Request:
        """Return the request for that of a record which Userflow does not have."""
        with self._lock:
            own = int(id(record) not in self._same)
            if record.request.deletes or not self._is_left_alone(record.request, others_than=own):
                return record.request
            return reduced(record.request, self._differing(record.request))

    def sending(self, request: Request) -> None:
        """Note that what was read of some objects is true no more."""
        ends = [_end_of(key_of(*one)) for one in _ends(request)]
        marks = [*ends, *(key_of(*reference) for reference in _changes(request))]
        with self._lock:
            self._store.mark(marks)
            self._marked.update(marks)

    def close(self) -> None:
        """Let go of what was read."""
        self._store.close()

    def _learn(self, requests: Iterable[Request]) -> None:
        asked: defaultdict[str, dict[str, list[Part]]] = defaultdict(dict)
        for request in requests:
            parts = [*parts_of(request)]
            listed_id = (request.payload or {})["id"]
            asked[_needs(request, parts)].setdefault(listed_id, []).extend(parts)
        for needs in asked.keys() - self._unlisted:
            for kind in {part.reference[0] for parts in asked[needs].values() for part in parts}:
                self._times_of(kind)
            try:
                self._view(needs).learn(asked[needs])
                if self._is_exact:
                    self._view(needs).look_at(asked[needs])
            except NotListed as error:
                self._unlisted.add(needs)
                _logger.warning("Records are sent without a comparison: %s", error)

    def _view(self, needs: str) -> View:
        if needs not in self._views:
            listing = reading.GROUPS if needs == "groups" else reading.users(needs)
            if self._is_exact:  # each page counts: as few as there are
                listing = replace(listing, begins_anywhere=False)
            name = "groups" if needs == "groups" else "users"
            self._views[needs] = View(
                len(self._views),
                name,
                listing,
                self._reads,
                self._store,
                self._times_of,
                lambda key: key in self._waiting,
                self._lock,
                keeps_ids=self._keeps_ids,
            )
        return self._views[needs]

    def _times_of(self, name: str) -> Collection[str]:
        if name not in self._times:
            types = {}
            with suppress(NotListed):
                types = self._definitions.of(_SCOPES[name])
            self._times[name] = {one for one, kind in types.items() if kind == "datetime"}
        return self._times[name]

    def _differing(self, request: Request) -> Differing:
        parts = [*parts_of(request)]
        view = self._views.get(_needs(request, parts))
        differing: dict[Reference, Collection[str] | None] = {}
        for part in parts:
            is_known = view is not None and part.reference not in differing
            differing[part.reference] = view.differing(part) if view and is_known else None
        return differing

    def _is_same(self, request: Request) -> bool:
        return all(names == set() for names in self._differing(request).values())

    def _is_left_alone(self, request: Request, *, others_than: int) -> bool:
        """Return whether nothing that a request is about was or may be changed by other records.

        Args:
            request: The request.
            others_than: How often it is counted itself.
        """
        own_ends = {*_ends(request)} if others_than else set()
        for part in _parts(request):
            key = key_of(*part.reference)
            if key in self._marked or self._changing[key] > others_than:
                return False
        for reference in _about(request):
            key = key_of(*reference)
            if _end_of(key) in self._marked or self._ending[key] > (reference in own_ends):
                return False
        return True

    def _count(self, request: Request, number: int) -> None:
        for reference in _changes(request):
            self._changing[key_of(*reference)] += number
        for reference in _ends(request):
            self._ending[key_of(*reference)] += number

    def _release(self, reference: Reference) -> None:
        key = key_of(*reference)
        self._waiting[key] -= 1
        if self._waiting[key] > 0:
            return
        del self._waiting[key]
        for counts in (self._changing, self._ending):
            counts.pop(key, None)
        self._marked -= {key, _end_of(key)}
        for view in self._views.values():
            view.forget(reference)


def _parts(request: Request) -> Iterable[Part]:
    return () if request.deletes else parts_of(request)


def _changes(request: Request) -> set[Reference]:
    """Return what a request writes, with the memberships of a user that it may add to."""
    written = {part.reference for part in _parts(request)}
    return written | {one[:2] for one in written if one[0] == "memberships"}


def _ends(request: Request) -> list[Reference]:
    """Return what a request takes away."""
    if not request.deletes:
        return [*request.ends]
    kind = "memberships" if len(request.object_id) > 1 else request.path.split("/")[1]
    return [(kind, *request.object_id), *request.ends]


def _about(request: Request) -> set[Reference]:
    """Return all that decides whether a request would change something."""
    return {*_changes(request), *request.references, *_ends(request)}


def _needs(request: Request, parts: Iterable[Part]) -> str:
    """Return `groups`, or what has to be asked for beside the users."""
    if request.path == "/groups":
        return "groups"
    kinds = {part.reference[0] for part in parts}
    if "groups" in kinds:
        return reading.MEMBERSHIPS_AND_GROUPS
    return reading.MEMBERSHIPS if "memberships" in kinds else ""


def _end_of(key: int) -> int:
    """Return what marks that an object was taken away."""
    return hash(("ended", key))
