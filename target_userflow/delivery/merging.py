"""Fewer requests for the same truth: what of a window goes together in one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_userflow.apis.userflow.merging import agree, kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.delivery.pending import Batch, Entry

_MOST = 100  # of one chain: what is refused is sent again in halves


@dataclass(slots=True)
class _Chain:
    """Entries of one user with its memberships, or of one group: each adds to those before."""

    entries: Batch
    kinds: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    """Per object the data types of its values; looked for when there is a second entry."""

    def takes(self, entry: Entry) -> bool:
        """Add an entry, unless its values are of other types."""
        if len(self.entries) >= _MOST:
            return False
        if not self.kinds:
            self._note(self.entries[0], kinds(self.entries[0].request.body))
        more = kinds(entry.request.body)
        if not agree(self.kinds.get(entry.request.identity, {}), more):
            return False
        self._note(entry, more)
        self.entries.append(entry)
        return True

    def _note(self, entry: Entry, found: dict[str, str]) -> None:
        self.kinds.setdefault(entry.request.identity, {}).update(found)


def chains(entries: Iterable[Entry]) -> list[Batch]:
    """The entries of a window, those together that one request can stand for.

    They are in the order of their first entries, and of one key in the order read.
    """
    found: list[Batch] = []
    last: dict[str, _Chain] = {}
    for entry in entries:
        key, foldable = entry.request.key, entry.request.foldable
        chain = last.pop(key, None) if foldable else None
        if chain is None or not chain.takes(entry):
            chain = _Chain([entry])
            found.append(chain.entries)
        if foldable:
            last[key] = chain
        else:
            last.pop(key, None)
    return found


def objects(entries: Iterable[Entry]) -> list[Batch]:
    """The entries of one request by the object that they are about, in the order read."""
    found: dict[tuple[str, ...], Batch] = {}
    for entry in entries:
        found.setdefault(entry.request.identity, []).append(entry)
    return [*found.values()]
