"""Fewer requests for the same truth: what of a window goes together in one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_userflow.apis.folding import agree, kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_userflow.delivery import Batch, Entry


@dataclass(slots=True)
class _Chain:
    """Entries of one object, each of which the next one adds to."""

    entries: Batch
    kinds: dict[str, str] | None = None
    """The data type of each value in them; looked for when there is a second entry."""

    def takes(self, entry: Entry) -> bool:
        """Add an entry, unless its values are of other types."""
        if self.kinds is None:
            self.kinds = kinds(self.entries[0].request.body)
        more = kinds(entry.request.body)
        if not agree(self.kinds, more):
            return False
        self.kinds.update(more)
        self.entries.append(entry)
        return True


def chains(entries: Iterable[Entry]) -> list[Batch]:
    """The entries of a window, those together that one request can stand for.

    They are in the order of their first entries, and of one object in the order read.
    """
    found: list[Batch] = []
    last: dict[tuple[str, ...], _Chain] = {}
    for entry in entries:
        request = entry.request
        chain = last.pop(request.identity, None) if request.foldable else None
        if chain is None or not chain.takes(entry):
            chain = _Chain([entry])
            found.append(chain.entries)
        if request.foldable:
            last[request.identity] = chain
        else:
            last.pop(request.identity, None)
    return found
