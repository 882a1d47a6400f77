"""Deletes what a version of a stream leaves behind, and nothing when in doubt."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.outcomes import Rejected
from target_userflow.mapping.shards import Shard
from target_userflow.singer.message import Source

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_userflow.accounts.stream_tally import StreamTally
    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.outcomes import Settled
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.deletes.contents import Contents
    from target_userflow.ledger.delivered_rows import Ids
    from target_userflow.lookup.existing_objects import ExistingObjectsByType

_NO_RECORD = Source("", b"", b"")


class Activation:
    """Deletes, and follows the deletions, as no record asks for them."""

    shard = Shard()
    """Whose objects are deleted; those of others are deleted by their own runs."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        object_type: ObjectType,
        mapper: Mapper,
        stream_name: str,
        dedup: NoDedup,
        existing: ExistingObjectsByType,
        deliver: Callable[[list[PendingRecord]], None],
        tally: StreamTally,
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        """Delete objects of one type.

        Args:
            object_type: The objects.
            mapper: Makes the request that deletes an object.
            stream_name: The stream's name, after any stream map.
            dedup: What the stream remembers of its records.
            existing: What exists in the stream's product.
            deliver: Returns when deletions are settled.
            tally: Counts them.
            logger: The logger of the stream.
        """
        self.stream_name = stream_name
        self._object_type = object_type
        self._mapper = mapper
        self._dedup = dedup
        self._existing = existing
        self._deliver = deliver
        self._tally = tally
        self._logger = logger
        self._reasons: Counter[str] = Counter()

    def activate(self, versions: Contents, version: int, *, complete: bool = True) -> None:
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

    def _delete(self, versions: Contents, ids: dict[bytes, Ids]) -> None:
        deletions = {key: self._deletion(of_object) for key, of_object in ids.items()}
        deletions = {
            key: deletion
            for key, deletion in deletions.items()
            if self.shard.has(deletion.request.ordering_key)
        }
        try:
            self._deliver([*deletions.values()])
        finally:
            self._dedup.sync()
            versions.deleted({key for key, deletion in deletions.items() if _is_done(deletion)})

    def _deletion(self, ids: Ids) -> PendingRecord:
        request = self._mapper.deletion(ids)
        key = self._dedup.key({}, request, _NO_RECORD.stream)
        reference = self._object_type.name, *request.object_id
        return PendingRecord(request, _NO_RECORD, self, key, self._object_type.turn, reference)

    # What is told of these deletions

    def check(self) -> None:
        """They were counted before: `TableVersions.left_behind`."""

    def prepare(self, records: list[PendingRecord]) -> list[PendingRecord]:
        """Return all of the deletions: each is needed."""
        self._dedup.prefetch(records)
        return records

    def is_needed(self, record: PendingRecord) -> bool:  # noqa: ARG002 - as of any observer
        """Return that a deletion is needed."""
        return True

    def reduced(self, record: PendingRecord) -> Request:
        """Return the request as it is."""
        return record.request

    def is_overtaken(self, record: PendingRecord, sent: Request, body: bytes) -> bool:  # noqa: ARG002 - as of any observer
        """Return that no deletion is overtaken: each was sent as it is."""
        return False

    def is_elsewhere(self, record: PendingRecord) -> bool:  # noqa: ARG002 - as of any observer
        """No other run's deletions are waited for: twice is as once."""
        return False

    def request_sent(self) -> None:
        """Count a request."""
        self._tally.ask()

    def before_send(self, record: PendingRecord) -> None:
        """Forget what was last delivered."""
        if not record.sent:
            self._dedup.sending(record)

    def settled(self, record: PendingRecord, outcome: Settled | None) -> None:
        """Count a deletion; one without an outcome is left to the next activation."""
        if outcome is None:
            return
        record.outcome = outcome
        rejected = isinstance(outcome, Rejected)
        self._tally.delete(rejected=rejected)
        if isinstance(outcome, Rejected):
            self._reasons[outcome.reason] += 1
        else:
            self._dedup.delivered(record)
            self._existing.note(record.request, self._object_type)
        self._dedup.release(record)


def _is_done(deletion: PendingRecord) -> bool:
    return deletion.outcome is not None and not isinstance(deletion.outcome, Rejected)


_CUT_OFF = (
    "no STATE came after its last record: the tap may have ended before it had read all of the "
    "table"
)
