"""`--verify`: what of the input Userflow has as it is, has otherwise, and does not have."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from target_userflow.apis.outcomes import NotSent
from target_userflow.compare.dedup import CompareWithDestination
from target_userflow.dedup.dedup import NoDedup
from target_userflow.escaping import printable

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.userflow.parts import Differing
    from target_userflow.compare.comparison import Comparison
    from target_userflow.listed.seen import SeenObjects

_SAME = NotSent("unchanged")
_DIFFERENT = NotSent("skipped", "is different in Userflow")
_MISSING = NotSent("skipped", "does not exist in Userflow")
_NAMED = 5  # ids of a stream and verdict that are logged


@dataclass(slots=True)
class Verdict:
    """The result for one stream."""

    same: int = 0
    different: int = 0
    missing: int = 0
    by_attribute: Counter[str] = field(default_factory=Counter)
    """How many objects an attribute is different of."""


class Verdicts:
    """The results for all streams; the workers write to them."""

    def __init__(self, logger: logging.Logger) -> None:
        """Start with nothing.

        Args:
            logger: Takes some ids at DEBUG.
        """
        self.of_stream: dict[str, Verdict] = {}
        self.extra: dict[str, int] = {}
        """Kind of object → how many exist that are not in the input, if they were counted."""
        self._logger = logger
        self._named: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    @property
    def is_same(self) -> bool:
        """Whether nothing is different, missing, or there in excess."""
        verdicts = self.of_stream.values()
        return not any(self.extra.values()) and not any(
            verdict.different or verdict.missing for verdict in verdicts
        )

    def note(self, record: PendingRecord, names: set[str] | None) -> NotSent:
        """Note what is different of a record; None if its object does not exist.

        Returns:
            What becomes of the record.
        """
        stream = record.observer.stream_name
        with self._lock:
            verdict = self.of_stream.setdefault(stream, Verdict())
            if names is None:
                verdict.missing += 1
            elif names:
                verdict.different += 1
                verdict.by_attribute.update(names)
            else:
                verdict.same += 1
                return _SAME
        outcome = _MISSING if names is None else _DIFFERENT
        self._name(stream, outcome, " ".join(record.request.object_id))
        return outcome

    def note_extra(self, objects: SeenObjects) -> None:
        """Note what exists and is not in the input."""
        self.extra = objects.unseen()
        ids = [" ".join(ids) for chunk in islice(objects.unseen_ids(), 1) for ids in chunk.values()]
        if ids:
            self._logger.debug("Not in the input: %s", ", ".join(ids[:_NAMED]))

    def facts(self) -> dict[str, Any]:
        """Return the results, as JSON can hold them."""
        streams = [
            {
                "stream": printable(stream),
                "same": verdict.same,
                "different": verdict.different,
                "missing": verdict.missing,
                "by_attribute": dict(verdict.by_attribute.most_common()),
            }
            for stream, verdict in self.of_stream.items()
        ]
        return {"is_same": self.is_same, "streams": streams, "extra": self.extra}

    def lines(self) -> Iterator[str]:
        """Yield the results, in lines."""
        for stream, verdict in self.of_stream.items():
            yield (
                f"{printable(stream)}: {verdict.same:,} same, {verdict.different:,} different, "
                f"{verdict.missing:,} missing"
            )
            for name, count in verdict.by_attribute.most_common():
                yield f"  {count:,} differ in {printable(name)}"
        for kind, count in self.extra.items():
            yield f"{count:,} {kind} exist in Userflow and not in the input"

    def _name(self, stream: str, outcome: NotSent, ids: str) -> None:
        with self._lock:
            self._named[stream, str(outcome.reason)] += 1
            if self._named[stream, str(outcome.reason)] > _NAMED:
                return
        self._logger.debug("Stream '%s': %s %s", stream, ids, outcome.reason)


def _names(parts: Differing) -> set[str] | None:
    """Return the names of what is different of an object; None if it does not exist."""
    own, *others = parts.items()
    if own[1] is None:
        return None
    names = {*own[1]}
    for (kind, *_), part in others:
        names.update([kind] if part is None else [f"{kind}: {name}" for name in part])
    return names


class Verify(CompareWithDestination):
    """Has a verdict on each record of a stream, and none of them sent."""

    def __init__(self, comparison: Comparison, verdicts: Verdicts, *, matches: bool) -> None:
        """Compare with the destination; no ledger hears of it."""
        super().__init__(comparison, NoDedup(), matches=matches)
        self._verdicts = verdicts
        self._given: dict[int, NotSent] = {}

    def outcome(self, record: PendingRecord) -> NotSent:
        """Note what differs, once for each record."""
        given = self._given.get(id(record))
        if given is None:
            names = _names(self._comparison.differences.of(record))
            given = self._given[id(record)] = self._verdicts.note(record, names)
        return given

    def release(self, records: Iterable[PendingRecord]) -> None:
        """Count records out."""
        records = [*records]
        for record in records:
            self._given.pop(id(record), None)
        super().release(records)


class NotVerified(NoDedup):
    """Records of what can't be read back."""

    def __init__(self, name: str, product: str) -> None:
        """Say so of the objects `name` of a product."""
        self._outcome = NotSent("skipped", f"{product} does not let {name} be read back")

    def outcome(self, record: PendingRecord) -> NotSent:  # noqa: ARG002 - all are the same
        """Return that a record can't be compared."""
        return self._outcome
