"""What was read of the users or groups that exist, for comparing the records of streams with it.

While a record waits that is about an object, the object is held as it was read. Of all others
there is a fingerprint of those columns that the records had before the list was begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_userflow.apis.userflow.parts import Part, parts_of_existing
from target_userflow.listed.column_sums import ColumnSums
from target_userflow.listed.columns import Columns, kind_of
from target_userflow.listed.equality import differing, token
from target_userflow.lookup.object_list import ObjectList

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from target_userflow.apis.listing import ExistingObject, Listing
    from target_userflow.apis.messages import Reference
    from target_userflow.listed.fingerprints import Fingerprints, Sums
    from target_userflow.listed.seen import SeenObjects
    from target_userflow.listed.times import TimeAttributes
    from target_userflow.lookup.pages import Reads

    Wanted = Mapping[str, Sequence[tuple[int, Part]]]
    """The id of a listed object → what records write of it and its relations, each with its key."""


def key_of(*parts: str) -> int:
    """Return 64 bits that stand for an object, in this process."""
    return hash(parts)


class View:
    """The users or groups, with what was asked for of each. One thread reads."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        name: str,
        listing: Listing[ExistingObject],
        reads: Reads,
        store: Fingerprints,
        times: TimeAttributes,
        waited_for: Callable[[Iterable[int]], Collection[int]],
        lock: threading.RLock,
        seen: SeenObjects | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            name: `users` or `groups`.
            listing: How to ask for them.
            reads: The way to the API.
            store: Where fingerprints are kept.
            times: The attributes that are compared as instants.
            waited_for: Returns those of some keys of objects that a record waits for; it is called
                with the lock held.
            lock: Is held by whoever calls `differing` and `forget`.
            seen: Where the ids of all that exists are kept, if they are to be.
        """
        self._name = name
        self._times = times
        self._waited_for = waited_for
        self._lock = lock
        self._seen = seen
        self.columns = Columns()
        self._stored = ColumnSums(store, self.columns, times)
        self.list = ObjectList(listing, reads, "Userflow", self.take)
        self._held: dict[int, Mapping[str, Any]] = {}
        self._sums: dict[int, Sums] = {}
        self._looked_at = 0

    def learn(
        self,
        wanted: Wanted,
        starts: Iterable[str] = (),
        following: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Read what is not known of some objects.

        Args:
            wanted: The objects.
            starts: Ids of objects that will be asked for: where the list may be entered, as far as
                it has not been read.
            following: Returns the ids of the objects that will be asked for next.

        Raises:
            NotListed: the API does not say.
            StopRun: the API does not answer.
        """
        keyed = [pair for of_id in wanted.values() for pair in of_id]
        parts = dict(keyed)
        if not self.list.has_begun:
            self.columns.add(part for _, part in keyed)
        listed = {key_of(self._name, id_): id_ for id_ in wanted}
        with self._lock:
            sums = self._stored.get({*parts, *listed} - self._held.keys())
            self._sums.update(sums)
            known = sums.keys() | self._held.keys()
        self.list.learn(
            (id_ for key, id_ in listed.items() if key not in known),
            self._unread(starts),
            lambda: self._unread(following()),
        )
        for kind in self._kinds_of_times(parts):
            self._times.read(kind)

    def look_at(self, wanted: Wanted, *, is_exact: bool) -> bool:
        """Look objects up of which it is not known which attributes differ.

        Args:
            wanted: The objects.
            is_exact: Whether all of them are looked up; else as many as pages were read, so that
                this takes no more than the list did.

        Returns:
            Whether any was looked up.

        Raises:
            NotListed: an answer holds no object.
            StopRun: the API does not answer.
        """
        with self._lock:
            unknown = [id_ for id_, of_id in wanted.items() if any(map(self._is_undecided, of_id))]
        if not is_exact:
            unknown = unknown[: max(0, self.list.pages - self._looked_at)]
        self._looked_at += len(unknown)
        return bool(unknown) and self.list.look_up(unknown)

    def take(self, objects: Iterable[ExistingObject]) -> None:
        """Keep what is needed of objects that were read."""
        existing = [*self._keyed_parts(objects)]
        if self.list.has_begun:
            for kind in {part.reference[0] for _, part in existing}:
                self._times.read(kind)
            self._stored.put(existing)
        with self._lock:
            waited_for = self._waited_for(key for key, _ in existing)
            self._held.update((key, part.attributes) for key, part in existing if key in waited_for)
        if self._seen:
            own = self._name if self.columns.has((self._name, "")) else "memberships"
            self._seen.keep(_objects(own, existing))

    def differing(self, key: int, part: Part) -> Collection[str] | None:
        """Return which attributes would change; None if all of them may, or it is not there."""
        if key in self._held:
            times = self._times.known(part.reference[0])
            return {*differing(part.attributes, self._held[key], times)}
        sums = self._sums.get(key)
        return None if sums is None else self._stored.changed(part, sums)

    def is_there(self, key: int, part: Part) -> bool:
        """Return whether all attributes of a part have values there that are of the same types."""
        there = self._held.get(key, {})
        return all(is_like(value, there.get(name)) for name, value in part.attributes.items())

    def is_defined(self, key: int, reference: Reference, name: str) -> bool:
        """Return whether an attribute was there before, as far as is known."""
        kind = reference[0]
        if self._times.is_read(kind):
            return self._times.has(kind, name)
        return name in self._held.get(key, {})

    def forget(self, key: int) -> None:
        """Let go of an object that no record waits for."""
        self._held.pop(key, None)
        self._sums.pop(key, None)

    def _unread(self, ids: Iterable[str]) -> Collection[str]:
        """Return those of some ids whose objects were not read."""
        keyed = {key_of(self._name, id_): id_ for id_ in ids}
        with self._lock:
            known = self._stored.get(keyed.keys() - self._held.keys()).keys() | self._held.keys()
        return [id_ for key, id_ in keyed.items() if key not in known]

    def _keyed_parts(self, objects: Iterable[ExistingObject]) -> Iterator[tuple[int, Part]]:
        """Yield what was read that records may be about, and the objects themselves, with keys."""
        for current in objects:
            for part in parts_of_existing(self._name, current):
                if part.reference[0] == self._name or self.columns.has(part.reference):
                    yield key_of(*part.reference), part

    def _kinds_of_times(self, parts: Mapping[int, Part]) -> set[str]:
        """Return kinds of objects of which it matters which attributes are date-times."""
        with self._lock:
            return {
                part.reference[0]
                for key, part in parts.items()
                if not self._times.is_read(part.reference[0])
                and key in self._held
                and _depends_on_times(part.attributes, self._held[key])
            }

    def _is_undecided(self, keyed: tuple[int, Part]) -> bool:
        key, part = keyed
        sums = self._sums.get(key)
        return (
            sums is not None and key not in self._held and self._stored.changed(part, sums) is None
        )


def _objects(
    own: str, existing: Iterable[tuple[int, Part]]
) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield the objects that records are about for their own sake: key, kind and ids."""
    for key, part in existing:
        if kind_of(part.reference) == own:
            yield key, part.reference[0], part.reference[1:]


def _depends_on_times(changes: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Return whether more is the same if all attributes are date-times than if none is."""
    return {*differing(changes, there)} != {*differing(changes, there, changes)}


def is_like(change: Any, there: Any) -> bool:
    """Return whether an attribute that has a value can take another one without a doubt.

    A text may be a date-time there: another one that says when is one, too.
    """
    if change is None:
        return True
    if isinstance(change, dict) or there is None:
        return False
    before, after = token(there, is_time=True)[:1], token(change, is_time=True)[:1]
    return before == after
