"""Which records say nothing that Userflow does not have, and what of the others has to be sent.

What was read of an object holds until the run itself writes it or something that ends it. Records
are judged while others wait: so a record is only the same if none of the others may change what it
is about. Another client may change an object after it was read; then that change stands, as if it
had come after the record, unless the answer to a write shows it: then what is missing follows.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from target_userflow.apis.userflow.parts import reduced
from target_userflow.compare.effects import KnownEffects
from target_userflow.compare.others import OtherRecords
from target_userflow.compare.overtaken import rest
from target_userflow.compare.views import Views
from target_userflow.listed.fingerprints import Fingerprints
from target_userflow.listed.seen import SeenObjects
from target_userflow.listed.times import SCOPES, TimeAttributes

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Reference, Request
    from target_userflow.apis.userflow.parts import Differing
    from target_userflow.compare.effects import Effects
    from target_userflow.lookup.definitions import Definitions
    from target_userflow.lookup.pages import Reads

COMPARED = ("users", "groups", "memberships")
"""The object types that can be compared."""


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
        """Compare with one destination.

        Args:
            reads: The way to the API.
            definitions: Its attributes, of which date-times are compared as instants.
            is_exact: Whether it has to be known which attributes differ, and what can't be read is
                an error.
            keeps_ids: Whether the ids of all that exists are kept, so that `extra` knows them.
        """
        self._store = Fingerprints()
        self._seen = SeenObjects() if keeps_ids else None
        self._effects = KnownEffects()
        self._others = OtherRecords(self._store)
        self._times = TimeAttributes(definitions)
        self._lock = threading.RLock()
        self._views = Views(
            reads,
            self._times,
            self._store,
            self._others,
            self._lock,
            is_exact=is_exact,
            seen=self._seen,
        )
        self._same: dict[int, Request] = {}
        self._fresh: set[int] = set()
        self.has_late_ids = False
        """Whether ids of some records are only known once they are matched: until all that was read
        together has its ids, none of it is the same."""

    def enter(self, request: Request) -> None:
        """Count a record in as it is read: it may change what other records are about."""
        effects = self._effects.of(request)
        with self._lock:
            self._others.enter(effects)

    def leave(self, record: PendingRecord) -> None:
        """Count a record out that is settled."""
        effects = self._effects.of(record.request)
        with self._lock:
            self._fresh.discard(id(record))
            is_same = self._same.pop(id(record), None) is not None
            for key in self._others.leave(effects, changed_nothing=is_same):
                for view in self._views:
                    view.forget(key)

    def compare(self, records: Sequence[PendingRecord]) -> None:
        """Read what is not known yet of the objects that records of one stream are about.

        Raises:
            NotListed: the API does not say what there is, and that has to be known.
            StopRun: the API does not answer.
        """
        if not records:
            return
        all_effects = [self._effects.of(record.request) for record in records]
        stream = records[0].observer.stream_name
        self._views.learn(stream, all_effects)
        if self._seen:
            self._seen.see({effects.parts[0][0] for effects in all_effects if effects.parts})
        with self._lock:
            self._others.recall(all_effects)
        left = self._judge([*zip(records, all_effects, strict=True)])
        if self._views.look_at(stream, [effects for _, effects in left]):
            self._judge(left)
        if self.has_late_ids:
            with self._lock:
                self._fresh.update(map(id, records))

    def is_same(self, record: PendingRecord) -> bool:
        """Return whether a record would change nothing, whatever becomes of those that wait."""
        effects = self._effects.of(record.request)
        with self._lock:
            if id(record) in self._fresh:
                self._fresh.discard(id(record))
                return False
            compared = self._same.get(id(record))
            if compared is None or not self._others.leave_alone(effects, own=0):
                return False
            return compared is record.request or self._is_same(record, effects)

    def differing(self, record: PendingRecord) -> Differing:
        """Return what has to be sent of each object that a record is about, as it was read."""
        with self._lock:
            return self._differing(record, self._effects.of(record.request))

    def differing_attributes(
        self, record: PendingRecord
    ) -> tuple[set[tuple[str, str]], bool] | None:
        """Return what is different of an object that exists.

        Returns:
            Scope and name of the attributes that are defined and differ, and whether more differs;
            None if the object does not exist, or it is not known what of it differs.
        """
        effects = self._effects.of(record.request)
        view = self._views.of(record.observer.stream_name, effects.needs)
        with self._lock:
            own = int(id(record) not in self._same)
            if view is None or not effects.parts or not self._others.leave_alone(effects, own=own):
                return None
            parts = [(key, part, view.differing(key, part)) for key, part in effects.parts]
            names = {
                (SCOPES[part.reference[0]], name)
                for key, part, differing in parts
                for name in differing or ()
                if view.is_defined(key, part.reference, name)
            }
        if parts[0][2] is None:
            return None
        return names, sum(1 if part is None else len(part) for *_, part in parts) > len(names)

    def has_attributes(self, record: PendingRecord) -> bool:
        """Return whether an object was read that has all attributes of a record, of its types."""
        effects = self._effects.of(record.request)
        view = self._views.of(record.observer.stream_name, effects.needs)
        with self._lock:
            return view is not None and all(view.is_there(*part) for part in effects.parts)

    def extra(self) -> SeenObjects | None:
        """Return all that exists of what was compared, and what of it records were about.

        Raises:
            StopRun: the API does not answer.
        """
        for view in self._views:
            view.list.finish()
        return self._seen

    def reduced(self, record: PendingRecord) -> Request:
        """Return the request for that of a record which Userflow does not have."""
        effects = self._effects.of(record.request)
        with self._lock:
            own = int(id(record) not in self._same)
            if record.request.deletes or not self._others.leave_alone(effects, own=own):
                return record.request
            return reduced(record.request, self._differing(record, effects))

    def rest(self, record: PendingRecord, sent: Request, body: bytes) -> Request | None:
        """Return the request for what another client has changed of a record; see there."""
        return rest(record.request, sent, body, self._times.known(record.request.path[1:]))

    def sending(self, request: Request) -> None:
        """Note that what was read of some objects is true no more."""
        effects = self._effects.of(request)
        with self._lock:
            self._others.mark(effects)

    def close(self) -> None:
        """Let go of what was read."""
        self._store.close()
        if self._seen:
            self._seen.close()

    def _judge(
        self, records: Sequence[tuple[PendingRecord, Effects]]
    ) -> list[tuple[PendingRecord, Effects]]:
        """Note which records are the same. Returns the others."""
        left = []
        for record, effects in records:
            with self._lock:  # for one at a time: reading need not wait for all of them
                if effects.parts and self._is_same(record, effects):
                    self._same[id(record)] = record.request
                    self._others.changes_nothing(effects)
                else:
                    left.append((record, effects))
        return left

    def _differing(self, record: PendingRecord, effects: Effects) -> Differing:
        view = self._views.of(record.observer.stream_name, effects.needs)
        names: dict[Reference, Collection[str] | None] = {}
        for key, part in effects.parts:
            is_known = view is not None and part.reference not in names
            names[part.reference] = view.differing(key, part) if view and is_known else None
        return names

    def _is_same(self, record: PendingRecord, effects: Effects) -> bool:
        return all(names == set() for names in self._differing(record, effects).values())
