"""What was read of the users or groups that exist, for comparing records with it.

While a record waits that is about an object, the object is held as it was read. Of all others
there is a fingerprint of those columns that the records had before the list was begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.userflow.parts import parts_of_existing
from target_userflow.compare.equality import ABSENT, PRESENT, differing, expected, token
from target_userflow.compare.fingerprints import changed, sums_of
from target_userflow.lookup.object_list import ObjectList

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterator, Mapping

    from target_userflow.apis.listing import ExistingObject, Listing
    from target_userflow.apis.messages import Reference
    from target_userflow.apis.userflow.parts import Part
    from target_userflow.compare.fingerprints import Fingerprints, Sums
    from target_userflow.compare.seen import SeenObjects
    from target_userflow.lookup.object_list import Reads

_VALUE, _ANY = "value", "any"
"""Whether an attribute is compared by its value, or only has to have one (`set_once`)."""


def key_of(*parts: str | int) -> int:
    """Return 64 bits that stand for an object, in this process."""
    return hash(parts)


class Columns:
    """The attributes of each kind of object that records set, and how they are compared."""

    def __init__(self) -> None:
        """Know none."""
        self._of_kind: dict[str, dict[str, str]] = {}

    def add(self, part: Part) -> None:
        """Add the attributes of a part of a request."""
        known = self._of_kind.setdefault(kind_of(part.reference), {})
        for name, change in part.attributes.items():
            if name not in known or known[name] == _ANY:
                after = expected(change) if isinstance(change, dict) else ABSENT
                if after is not None:
                    known[name] = _ANY if after == PRESENT else _VALUE

    def has(self, reference: Reference) -> bool:
        """Return whether records are about objects of this kind."""
        return kind_of(reference) in self._of_kind

    def of(self, reference: Reference) -> Mapping[str, str]:
        """Return name → how it is compared, of the attributes of an object."""
        return self._of_kind.get(kind_of(reference), {})


def kind_of(reference: Reference) -> str:
    """Return what tells objects with other attributes apart."""
    name, *ids = reference
    return f"{name} of a user" if name == "memberships" and len(ids) == 1 else name


class View:
    """The users or groups, with what was asked for of each. One thread reads."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        number: int,
        name: str,
        listing: Listing[ExistingObject],
        reads: Reads,
        store: Fingerprints,
        times: Callable[[str], Collection[str]],
        is_waited_for: Callable[[int], bool],
        lock: threading.RLock,
        seen: SeenObjects | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            number: What tells it from other views in the store.
            name: `users` or `groups`.
            listing: How to ask for them.
            reads: The way to the API.
            store: Where fingerprints are kept.
            times: Returns the attributes of a kind of object that are defined as date-times.
            is_waited_for: Tells of the key of an object whether a record waits that is about it.
            lock: Is held by whoever calls `differing` and `forget`.
            seen: Where the ids of all that exists are kept, if they are to be.
        """
        self._number = number
        self._name = name
        self._store = store
        self._times = times
        self._is_waited_for = is_waited_for
        self._lock = lock
        self._seen = seen
        self.columns = Columns()
        self.list = ObjectList(listing, reads, "Userflow", self.take)
        self._held: dict[int, Mapping[str, Any]] = {}
        self._sums: dict[int, Sums] = {}

    def learn(self, parts: Mapping[str, list[Part]]) -> None:
        """Read what is not known of some objects.

        Args:
            parts: The id of the listed object → what records want to write of it and its relations.

        Raises:
            NotListed: the API does not say.
            StopRun: the API does not answer.
        """
        wanted = {self._key(part.reference) for of_id in parts.values() for part in of_id}
        if not self.list.has_begun:
            for part in (part for of_id in parts.values() for part in of_id):
                self.columns.add(part)
        listed = {self._key((self._name, id_)): id_ for id_ in parts}
        with self._lock:
            self._sums.update(self._store.get(wanted - self._held.keys()))
            known = self._store.get(listed.keys() - self._held.keys()).keys() | self._held.keys()
        self.list.learn(id_ for key, id_ in listed.items() if key not in known)

    def look_at(self, parts: Mapping[str, list[Part]]) -> None:
        """Look objects up of which it is not known which attributes differ; as `learn`."""
        with self._lock:
            unknown = [id_ for id_, of_id in parts.items() if any(map(self._is_undecided, of_id))]
        self.list.look_up(unknown)

    def take(self, current: ExistingObject) -> None:
        """Keep what is needed of an object that was read."""
        rows = []
        existing = [*parts_of_existing(self._name, current)]
        if self._seen:
            compared = [part.reference for part in existing if self._is_compared(part.reference)]
            self._seen.keep(
                [(key_of(*reference), reference[0], reference[1:]) for reference in compared]
            )
        with self._lock:
            for reference, attributes in existing:
                if self._is_waited_for(key_of(*reference)):
                    self._held[self._key(reference)] = attributes
                if self.list.has_begun and self._is_kept(reference):
                    sums = sums_of(self._tokens(reference, attributes))
                    rows.append((self._key(reference), *sums))
        self._store.put(rows)

    def differing(self, part: Part) -> Collection[str] | None:
        """Return which attributes would change; None if all of them may, or it is not there."""
        key = self._key(part.reference)
        if key in self._held:
            return {*differing(part.attributes, self._held[key], self._times(part.reference[0]))}
        sums = self._sums.get(key)
        return None if sums is None else self._changed(part, sums)

    def forget(self, reference: Reference) -> None:
        """Let go of an object that no record waits for."""
        key = self._key(reference)
        self._held.pop(key, None)
        self._sums.pop(key, None)

    def _is_undecided(self, part: Part) -> bool:
        sums = self._sums.get(self._key(part.reference))
        is_held = self._key(part.reference) in self._held
        return sums is not None and not is_held and self._changed(part, sums) is None

    def _is_compared(self, reference: Reference) -> bool:
        """Whether records are about objects of this kind for their own sake."""
        own = self._name if self.columns.has((self._name, "")) else "memberships"
        return kind_of(reference) == own

    def _is_kept(self, reference: Reference) -> bool:
        """Whether records may be about it, or it tells that the page was read which it is on."""
        return reference[0] == self._name or self.columns.has(reference)

    def _changed(self, part: Part, sums: Sums) -> set[str] | None:
        columns, times = self.columns.of(part.reference), self._times(part.reference[0])
        sent: dict[str, str] = {}
        unknown = set()
        for name, change in part.attributes.items():
            after = expected(change, is_time=name in times)
            fits = after is not None and columns.get(name) == (_ANY if after == PRESENT else _VALUE)
            if not fits:
                unknown.add(name)
            elif after:
                sent[name] = after
        if unknown & columns.keys():
            return None
        names = changed(sums, sent, columns)
        return None if names is None else (names | unknown) & part.attributes.keys()

    def _tokens(
        self, reference: Reference, attributes: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        """Yield name and token of the attributes that have a value."""
        times = self._times(reference[0])
        for name, how in self.columns.of(reference).items():
            value = attributes.get(name)
            if value is not None:
                yield name, PRESENT if how == _ANY else token(value, is_time=name in times)

    def _key(self, reference: Reference) -> int:
        return key_of(self._number, *reference)
