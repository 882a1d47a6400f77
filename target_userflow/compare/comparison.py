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
from target_userflow.apis.userflow.parts import reduced
from target_userflow.compare.effects import KnownEffects
from target_userflow.compare.fingerprints import Fingerprints
from target_userflow.compare.seen import SeenObjects
from target_userflow.compare.view import View
from target_userflow.errors import NotListed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Reference, Request
    from target_userflow.apis.userflow.parts import Differing, Part
    from target_userflow.compare.effects import Effects
    from target_userflow.lookup.attribute_types import Definitions
    from target_userflow.lookup.object_list import Reads

COMPARED = ("users", "groups", "memberships")
"""The object types that can be compared."""
_logger = logging.getLogger("target-userflow")
_SCOPES = {"users": "user", "groups": "group", "memberships": "group_membership"}


class Comparison:
    """Compares the records of all streams of a run with the objects of one destination."""

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
        self._reads = reads
        self._definitions = definitions
        self._times: dict[str, set[str]] = {}
        self._store = Fingerprints()
        self._seen = SeenObjects() if keeps_ids else None
        self._effects = KnownEffects()
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
            effects = self._effects.of(request)
            self._waiting.update(key for key, _ in effects.about)
            self._count(effects, 1)

    def leave(self, record: PendingRecord) -> None:
        """Count a record out that is settled."""
        with self._lock:
            self._fresh.discard(id(record))
            effects = self._effects.of(record.request)
            if self._same.pop(id(record), None) is None:
                self._count(effects, -1)
            for key, reference in effects.about:
                self._release(key, reference)

    def compare(self, records: Sequence[PendingRecord]) -> None:
        """Read what is not known yet of the objects that records are about.

        Raises:
            StopRun: the API does not answer.
        """
        requests = [record.request for record in records if not record.request.deletes]
        self._learn(requests)
        if self._seen:
            self._seen.see({self._effects.of(request).own[0] for request in requests})
        with self._lock:
            all_effects = [self._effects.of(record.request) for record in records]
            keys = {key for effects in all_effects for key, _ in effects.about}
            self._marked |= self._store.marked({*keys, *map(_end_of, keys)} - self._marked)
            for record, effects in zip(records, all_effects, strict=True):
                if not record.request.deletes and self._is_same(effects):
                    self._same[id(record)] = record.request
                    self._count(effects, -1)
            if self.has_late_ids:
                self._fresh.update(map(id, records))

    def is_same(self, record: PendingRecord) -> bool:
        """Return whether a record would change nothing, whatever becomes of those that wait."""
        with self._lock:
            if id(record) in self._fresh:
                self._fresh.discard(id(record))
                return False
            compared, effects = self._same.get(id(record)), self._effects.of(record.request)
            if compared is None or not self._is_left_alone(effects, others_than=0):
                return False
            return compared is record.request or self._is_same(effects)

    def names_that_differ(self, request: Request) -> set[str] | None:
        """Return the names of what is different of an object; None if it does not exist."""
        with self._lock:
            differing = self._differing(self._effects.of(request))
        own, *others = differing.items()
        if own[1] is None:
            return None
        names = {*own[1]}
        for (kind, *_), part in others:
            names.update([kind] if part is None else [f"{kind}: {name}" for name in part])
        return names

    def differing_attributes(
        self, record: PendingRecord
    ) -> tuple[set[tuple[str, str]], bool] | None:
        """Return what is different of an object that exists.

        Returns:
            Scope and name of the attributes that are defined and differ, and whether more differs;
            None if the object does not exist, or it is not known what of it differs.
        """
        with self._lock:
            own, effects = int(id(record) not in self._same), self._effects.of(record.request)
            if record.request.deletes or not self._is_left_alone(effects, others_than=own):
                return None
            differing = self._differing(effects)
        if next(iter(differing.values())) is None:
            return None
        names = {
            (_SCOPES[kind], name)
            for (kind, *_), part in differing.items()
            for name in part or ()
            if name in self._defined(kind)
        }
        return names, sum(1 if part is None else len(part) for part in differing.values()) > len(
            names
        )

    def extra(self) -> SeenObjects | None:
        """Return all that exists of what was compared, and what of it records were about.

        Raises:
            StopRun: the API does not answer.
        """
        for view in self._views.values():
            view.list.finish()
        return self._seen

    def reduced(self, record: PendingRecord) -> Request:
        """Return the request for that of a record which Userflow does not have."""
        with self._lock:
            own, effects = int(id(record) not in self._same), self._effects.of(record.request)
            if record.request.deletes or not self._is_left_alone(effects, others_than=own):
                return record.request
            return reduced(record.request, self._differing(effects))

    def sending(self, request: Request) -> None:
        """Note that what was read of some objects is true no more."""
        with self._lock:
            effects = self._effects.of(request)
            marks = [*map(_end_of, effects.ends), *effects.changes]
            self._store.mark(marks)
            self._marked.update(marks)

    def close(self) -> None:
        """Let go of what was read."""
        self._store.close()
        if self._seen:
            self._seen.close()

    def _learn(self, requests: Iterable[Request]) -> None:
        asked: defaultdict[str, dict[str, list[Part]]] = defaultdict(dict)
        with self._lock:
            for request in requests:
                effects, listed_id = self._effects.of(request), (request.payload or {})["id"]
                asked[effects.needs].setdefault(listed_id, []).extend(effects.parts)
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
                self._seen,
            )
        return self._views[needs]

    def _times_of(self, name: str) -> Collection[str]:
        if name not in self._times:
            types = self._defined(name)
            self._times[name] = {
                attribute for attribute, kind in types.items() if kind == "datetime"
            }
        return self._times[name]

    def _defined(self, name: str) -> Mapping[str, str]:
        with suppress(NotListed):
            return self._definitions.of(_SCOPES[name])
        return {}

    def _differing(self, effects: Effects) -> Differing:
        view = self._views.get(effects.needs)
        differing: dict[Reference, Collection[str] | None] = {}
        for part in effects.parts:
            is_known = view is not None and part.reference not in differing
            differing[part.reference] = view.differing(part) if view and is_known else None
        return differing

    def _is_same(self, effects: Effects) -> bool:
        return all(names == set() for names in self._differing(effects).values())

    def _is_left_alone(self, effects: Effects, *, others_than: int) -> bool:
        """Return whether nothing that a request is about was or may be changed by other records.

        Args:
            effects: The request's.
            others_than: How often it is counted itself.
        """
        for key in effects.own:
            if key in self._marked or self._changing[key] > others_than:
                return False
        for key, _ in effects.about:
            own = others_than if key in effects.ends else 0
            if self._ending[key] > own or _end_of(key) in self._marked:
                return False
        return True

    def _count(self, effects: Effects, number: int) -> None:
        for key in effects.changes:
            self._changing[key] += number
        for key in effects.ends:
            self._ending[key] += number

    def _release(self, key: int, reference: Reference) -> None:
        self._waiting[key] -= 1
        if self._waiting[key] > 0:
            return
        del self._waiting[key]
        for counts in (self._changing, self._ending):
            counts.pop(key, None)
        self._marked -= {key, _end_of(key)}
        for view in self._views.values():
            view.forget(reference)


def _end_of(key: int) -> int:
    """Return what marks that an object was taken away."""
    return hash(("ended", key))
