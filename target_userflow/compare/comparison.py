"""Which records say nothing that Userflow does not have.

What was read of an object holds until the run itself writes it or something that ends it. Records
are judged while others wait: so a record is only the same if none of the others may change what it
is about. Another client may change an object after it was read; then that change stands, as if it
had come after the record, unless the answer to a write shows it: then what is missing follows.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from target_userflow.compare.differences import Differences
from target_userflow.compare.effects import KnownEffects
from target_userflow.compare.others import OtherRecords
from target_userflow.compare.views import Views
from target_userflow.listed.fingerprints import Fingerprints
from target_userflow.listed.seen import SeenObjects
from target_userflow.listed.times import TimeAttributes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Request
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
        self.differences = Differences(
            self._views, self._others, self._effects, self._times, self._same, self._lock
        )
        """What of the records has to be sent."""
        self._fresh: set[int] = set()
        self.has_late_ids = False
        """Whether ids of some records are only known once they are matched: until all that was read
        together has its ids, none of it is the same."""

    def enter(self, request: Request) -> None:
        """Count a record in as it is read: it may change what other records are about."""
        self._others.enter(self._effects.of(request))

    def leave(self, records: Iterable[PendingRecord]) -> None:
        """Count records out that are settled."""
        with self._lock:
            for record in records:
                self._fresh.discard(id(record))
                is_same = self._same.pop(id(record), None) is not None
                effects = self._effects.of(record.request)
                self._forget(self._others.leave(effects, changed_nothing=is_same))

    def compare(
        self,
        records: Sequence[PendingRecord],
        starts: Iterable[Request] = (),
        following: Sequence[PendingRecord] = (),
    ) -> None:
        """Read what is not known yet of the objects that records of one stream are about.

        Args:
            records: The records, one at least.
            starts: What writes the objects where the list may be entered, beside its beginning.
            following: The records of the stream that are compared next.

        Raises:
            NotListed: the API does not say what there is, and that has to be known.
            StopRun: the API does not answer.
        """
        all_effects = self._all_effects(records)
        stream = records[0].observer.stream_name
        self._views.learn(
            stream,
            all_effects,
            map(self._effects.of, starts),
            partial(self._all_effects, following),
        )
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
            return compared is record.request or self.differences.is_same(record, effects)

    def extra(self) -> SeenObjects | None:
        """Return all that exists of what was compared, and what of it records were about.

        Raises:
            StopRun: the API does not answer.
        """
        for view in self._views:
            view.list.finish()
        return self._seen

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

    def _all_effects(self, records: Iterable[PendingRecord]) -> list[Effects]:
        return [self._effects.of(record.request) for record in records]

    def _forget(self, keys: Iterable[int]) -> None:
        for key in keys:
            for view in self._views:
                view.forget(key)

    def _judge(
        self, records: Sequence[tuple[PendingRecord, Effects]]
    ) -> list[tuple[PendingRecord, Effects]]:
        """Note which records are the same. Returns the others."""
        left = []
        for record, effects in records:
            with self._lock:  # for one at a time: reading need not wait for all of them
                if effects.parts and self.differences.is_same(record, effects):
                    self._same[id(record)] = record.request
                    self._others.changes_nothing(effects)
                else:
                    left.append((record, effects))
        return left
