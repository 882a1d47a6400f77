"""Streams of a tap that have one name: their records are about the same objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.deletes.log_based import deletions_last
from target_userflow.delivery.pending import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

Parts = list[list[Entry]]
"""The entries of each stream, in the order read."""


def phases(windows: Sequence[Sequence[Entry]]) -> tuple[list[Parts], Parts]:
    """Divide windows of several streams so that each object's records keep the order read.

    Args:
        windows: The entries of each stream.

    Returns:
        Phases, each to be settled before the next: within one no key is in two streams, so that it
        does not matter which stream goes first. And apart, the deletions that nothing follows.
    """
    stream_of = {entry: stream for stream, window in enumerate(windows) for entry in window}
    before, last = deletions_last(sorted(stream_of, key=lambda entry: entry.source.number))
    found: list[Parts] = []
    latest: dict[str, tuple[int, int]] = {}
    for entry in before:
        key, stream = entry.request.key.casefold(), stream_of[entry]  # emails match in any case
        phase, other = latest.get(key, (0, stream))
        phase += stream != other
        latest[key] = phase, stream
        if phase == len(found):
            found.append([[] for _ in windows])
        found[phase][stream].append(entry)
    deletions: Parts = [[] for _ in windows]
    for entry in last:
        deletions[stream_of[entry]].append(entry)
    return found, deletions
