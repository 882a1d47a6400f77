"""Deletes what a version of a stream leaves behind, and nothing when in doubt."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from target_userflow.apis.outcomes import Rejected
from target_userflow.delivery.pending import PendingRecord
from target_userflow.singer.reader import Source

if TYPE_CHECKING:
    import logging

    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.deletes.table_versions import TableVersions
    from target_userflow.delivery.tally import Tally
    from target_userflow.delivery.tracker import DeliveryTracker
    from target_userflow.delivery.workers import Delivery
    from target_userflow.ledger.delivered_rows import Ids

_NO_RECORD = Source("", b"", b"")


class Activation:
    """Deletes, and keeps the tracker of it, as there is no record that is settled."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        object_type: ObjectType,
        mapper: Mapper,
        tracker: DeliveryTracker,
        delivery: Delivery,
        tally: Tally,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        """Delete nothing yet; arguments as a sink has them for its records."""
        self.stream_name = tracker.stream_name
        self._object_type = object_type
        self._mapper = mapper
        self._dedup = tracker.dedup
        self._existing = tracker.existing
        self._delivery = delivery
        self._tally = tally
        self._logger = logger
        self._reasons: Counter[str] = Counter()

    def activate(self, versions: TableVersions, version: int, *, complete: bool = True) -> None:
        """Delete what a version leaves behind.

        Args:
            versions: What the stream's rows stand in.
            version: The version that they should stand in.
            complete: Whether it is known that all of the version's records came.

        Raises:
            TooManyDeletions: there is more to delete than may be.
            StopRun: the run has to end before all of it is deleted.
        """
        if not versions.left_behind(version):
            return
        doubt = versions.doubt(version) if complete else _CUT_OFF
        if doubt:
            self._logger.warning(
                "Stream '%s': ACTIVATE_VERSION deletes nothing, as %s", self.stream_name, doubt
            )
            return
        self._reasons.clear()
        for ids in versions.doomed(version):
            self._delete(versions, ids)
        for reason, count in self._reasons.items():
            self._logger.warning(
                "Stream '%s': %d deletions were rejected (%s); the next ACTIVATE_VERSION tries "
                "them again",
                self.stream_name,
                count,
                reason,
            )

    def _delete(self, versions: TableVersions, ids: dict[bytes, Ids]) -> None:
        pending = {key: self._entry(some) for key, some in ids.items()}
        self._dedup.open(pending.values())
        try:
            self._delivery.settle([*pending.values()])
        finally:
            self._dedup.close()
            gone = {key for key, pending in pending.items() if _is_done(pending)}
            versions.deleted(gone)

    def _entry(self, ids: Ids) -> PendingRecord:
        request = self._mapper.deletion(ids)
        return PendingRecord(
            request, _NO_RECORD, self, self._dedup.key({}, request, _NO_RECORD.stream)
        )

    # What the workers tell, as the observer of these deletions

    def superseded(self, pending: PendingRecord) -> None:
        """No deletion stands for another one."""

    def carried(self, pending: PendingRecord) -> None:
        """Nor is one part of another's request."""

    def is_needed(self, pending: PendingRecord) -> bool:  # noqa: ARG002 - the observer's signature
        """All of them are."""
        return True

    def asking(self) -> None:
        """Count a request."""
        self._tally.ask(self.stream_name)

    def sending(self, pending: PendingRecord) -> None:
        """Forget what was last delivered."""
        if not pending.sent:
            self._dedup.sending(pending)

    def settled(self, pending: PendingRecord) -> None:
        """Count a deletion."""
        rejected = isinstance(pending.outcome, Rejected)
        self._tally.delete(self.stream_name, rejected=rejected)
        if isinstance(pending.outcome, Rejected):
            self._reasons[pending.outcome.reason] += 1
        else:
            self._dedup.delivered(pending)
            self._existing.note(pending.request, self._object_type)

    def convicted(self, pending: PendingRecord) -> None:
        """Nothing is left to be done: it was counted when it was given up on."""

    def unsettled(self, pending: PendingRecord) -> None:
        """Leave it to the next activation."""


def _is_done(pending: PendingRecord) -> bool:
    return pending.outcome is not None and not isinstance(pending.outcome, Rejected)


_CUT_OFF = (
    "no STATE came after its last record: the tap may have ended before it had read all of the "
    "table"
)
