"""Fingerprints of the columns of objects that were read, and which columns a record changes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from target_userflow.listed.columns import BY_VALUE, IF_PRESENT, kind_of
from target_userflow.listed.equality import PRESENT, expected, is_present, token
from target_userflow.listed.fingerprints import changed, sums_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_userflow.apis.messages import Reference
    from target_userflow.apis.userflow.parts import Part
    from target_userflow.listed.columns import Columns
    from target_userflow.listed.fingerprints import Fingerprints, Sums
    from target_userflow.listed.times import TimeAttributes


class ColumnSums:
    """The fingerprints of one view, by the keys of its objects."""

    def __init__(self, store: Fingerprints, columns: Columns, times: TimeAttributes) -> None:
        """Keep fingerprints.

        Args:
            store: Where those of all views are kept.
            columns: The columns that records set.
            times: The attributes that are compared as instants.
        """
        self._store = store
        self._columns = columns
        self._times = times
        self._salt = random.getrandbits(63)  # tells its rows from those of other views

    def get(self, keys: Iterable[int]) -> dict[int, Sums]:
        """Return the fingerprints that there are of some objects."""
        salted = self._store.get([key ^ self._salt for key in keys])
        return {key ^ self._salt: sums for key, sums in salted.items()}

    def put(self, existing: Iterable[tuple[int, Part]]) -> None:
        """Keep the fingerprints of objects that were read."""
        compared: dict[str, list[tuple[str, bool, bool]]] = {}
        rows = []
        for key, part in existing:
            kind = kind_of(part.reference)
            if kind not in compared:
                compared[kind] = self._compared(part.reference)
            sums = sums_of(_tokens(part.attributes, compared[kind]))
            rows.append((key ^ self._salt, *sums))
        self._store.put(rows)

    def changed(self, part: Part, sums: Sums) -> set[str] | None:
        """Return which attributes of an object a record may change; None if that can't be told.

        Args:
            part: What the record says of the object.
            sums: The object's fingerprints.
        """
        columns, times = self._columns.of(part.reference), self._times.known(part.reference[0])
        sent: dict[str, str] = {}
        unknown = set()
        for name, change in part.attributes.items():
            after = expected(change, is_time=name in times)
            how = IF_PRESENT if after == PRESENT else BY_VALUE
            if after is None or columns.get(name) != how:
                unknown.add(name)
            elif after:
                sent[name] = after
        if unknown & columns.keys():
            return None
        names = changed(sums, sent, columns)
        return None if names is None else (names | unknown) & part.attributes.keys()

    def _compared(self, reference: Reference) -> list[tuple[str, bool, bool]]:
        """Return each column of an object: its name, if its value counts, if it is a time."""
        times = self._times.known(reference[0])
        columns = self._columns.of(reference).items()
        return [(name, how == BY_VALUE, name in times) for name, how in columns]


def _tokens(
    attributes: Mapping[str, Any], columns: Iterable[tuple[str, bool, bool]]
) -> Iterator[tuple[str, str]]:
    """Yield name and token of the columns that have a value."""
    for name, is_by_value, is_time in columns:
        value = attributes.get(name)
        if not is_by_value:
            if is_present(value):
                yield name, PRESENT
        elif value is not None:
            yield name, token(value, is_time=is_time)
