"""What of a record Userflow does not have, and so has to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_userflow.apis.userflow.parts import reduced
from target_userflow.compare.overtaken import rest
from target_userflow.dedup.dedup import WholeRecords
from target_userflow.listed.times import SCOPES

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Mapping

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Reference, Request
    from target_userflow.apis.userflow.parts import Differing
    from target_userflow.compare.effects import Effects, KnownEffects
    from target_userflow.compare.others import OtherRecords
    from target_userflow.compare.views import Views
    from target_userflow.listed.times import TimeAttributes
    from target_userflow.listed.view import View


class DifferingAttributes(NamedTuple):
    """What is different of an object that exists."""

    defined: set[tuple[str, str]]
    """Scope and name of the attributes that are defined and differ."""
    has_others: bool
    """Whether more differs."""


class Differences(WholeRecords):
    """Has those attributes of each record sent that are not as it says."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        views: Views,
        others: OtherRecords,
        effects: KnownEffects,
        times: TimeAttributes,
        same: Mapping[int, Request],
        lock: threading.RLock,
    ) -> None:
        """Compare with what was read.

        Args:
            views: What was read.
            others: Tell what the other records that wait may change.
            effects: What requests are about.
            times: The attributes that are compared as instants.
            same: The `id` of each record that is the same → its request.
            lock: Guards all of these.
        """
        self._views = views
        self._others = others
        self._effects = effects
        self._times = times
        self._same = same
        self._lock = lock

    def reduced(self, record: PendingRecord) -> Request:
        """Return the request for that of a record which Userflow does not have."""
        effects = self._effects.of(record.request)
        with self._lock:
            if record.request.deletes or not self._is_left_alone(record, effects):
                return record.request
            return reduced(record.request, self.of(record, effects))

    def rest(self, record: PendingRecord, sent: Request, body: bytes) -> Request | None:
        """Return the request for what another client has changed of a record; see there."""
        return rest(record.request, sent, body, self._times.known(record.request.path[1:]))

    def has_attributes(self, record: PendingRecord) -> bool:
        """Return whether an object was read that has all attributes of a record, of its types."""
        effects = self._effects.of(record.request)
        view = self._view(record, effects)
        with self._lock:
            return view is not None and all(view.is_there(*part) for part in effects.parts)

    def of(self, record: PendingRecord, effects: Effects | None = None) -> Differing:
        """Return what has to be sent of each object that a record is about, as it was read.

        Args:
            record: The record.
            effects: What its request is about, if that is known here.
        """
        effects = effects or self._effects.of(record.request)
        view = self._view(record, effects)
        names: dict[Reference, Collection[str] | None] = {}
        with self._lock:
            for key, part in effects.parts:
                is_known = view is not None and part.reference not in names
                names[part.reference] = view.differing(key, part) if view and is_known else None
        return names

    def is_same(self, record: PendingRecord, effects: Effects) -> bool:
        """Return whether nothing has to be sent; for the arguments see `of`."""
        if len(effects.parts) > 1:
            return all(names == set() for names in self.of(record, effects).values())
        view = self._view(record, effects)
        with self._lock:
            return view is not None and view.differing(*effects.parts[0]) == set()

    def attributes(self, record: PendingRecord) -> DifferingAttributes | None:
        """Return what is different of an object.

        Returns:
            None if the object does not exist, or it is not known what of it differs.
        """
        effects = self._effects.of(record.request)
        view = self._view(record, effects)
        if view is None or not effects.parts:
            return None
        with self._lock:
            if not self._is_left_alone(record, effects):
                return None
            return _attributes(view, effects)

    def _view(self, record: PendingRecord, effects: Effects) -> View | None:
        return self._views.of(record.observer.stream_name, effects.needs)

    def _is_left_alone(self, record: PendingRecord, effects: Effects) -> bool:
        """Return whether no other record was or may be about to change what a record is about."""
        return self._others.leave_alone(effects, own=int(id(record) not in self._same))


def _attributes(view: View, effects: Effects) -> DifferingAttributes | None:
    parts = [(key, part, view.differing(key, part)) for key, part in effects.parts]
    if parts[0][2] is None:
        return None
    defined = {
        (SCOPES[part.reference[0]], name)
        for key, part, differing in parts
        for name in differing or ()
        if view.is_defined(key, part.reference, name)
    }
    count = sum(1 if differing is None else len(differing) for *_, differing in parts)
    return DifferingAttributes(defined, count > len(defined))
