"""What is gone at the source: how a tap says so, and when in a window it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.delivery.pending import Entry


def is_deleted(record: Mapping[str, Any]) -> bool:
    """Whether a tap that reads a log says that the row is gone.

    Ask before any stream map: one that names its columns leaves `_sdc_deleted_at` out, and the
    nulls of the deleted row would clear the attributes.
    """
    return record.get("_sdc_deleted_at") is not None


def deletions_last(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries of a window, and apart those that end with deleting an object.

    Requests to Userflow create what they refer to: a membership that waits would bring a deleted
    user back. So what stays deleted is deleted after all else, and a deletion that the object's
    next version follows keeps its place.
    """
    again: set[tuple[str, ...]] = set()
    before: list[Entry] = []
    last: list[Entry] = []
    for entry in reversed(entries):
        if entry.request.deletes and entry.request.identity not in again:
            last.append(entry)
        else:
            again.add(entry.request.identity)
            before.append(entry)
    return before[::-1], last[::-1]
