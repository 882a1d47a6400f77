"""Deletions that no record asks for: they are sent as records are, and counted apart."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from target_userflow.accounts.pending import PendingRecord
from target_userflow.apis.outcomes import Rejected
from target_userflow.singer.message import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_userflow.accounts.stream_tally import StreamTally
    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.outcomes import Settled
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.ledger.delivered_rows import Ids
    from target_userflow.lookup.existing_objects import ExistingObjectsByType
    from target_userflow.mapping.shards import Shard

_NO_RECORD = Source("", b"", b"")


class Deletions:
    """Deletes objects of one stream, and observes what becomes of each deletion."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        object_type: ObjectType,
        mapper: Mapper,
        stream_name: str,
        dedup: NoDedup,
        existing: ExistingObjectsByType,
        deliver: Callable[[list[PendingRecord]], None],
        tally: StreamTally,
        shard: Shard,
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
            shard: Whose objects are deleted; those of others are deleted by their own runs.
        """
        self.stream_name = stream_name
        self.reasons: Counter[str] = Counter()
        """How many deletions were rejected for a reason."""
        self._object_type = object_type
        self._mapper = mapper
        self._dedup = dedup
        self._existing = existing
        self._deliver = deliver
        self._tally = tally
        self._shard = shard

    def delete(self, ids: Mapping[bytes, Ids], deleted: Callable[[set[bytes]], None]) -> None:
        """Delete objects.

        Args:
            ids: A key of each → what the API knows it by.
            deleted: Is called with the keys of those that are deleted, however it ends.

        Raises:
            StopRun: the run has to end before all of them are.
        """
        deletions = {key: self._pending(of_object) for key, of_object in ids.items()}
        own = {
            key: deletion
            for key, deletion in deletions.items()
            if self._shard.has(deletion.request.ordering_key)
        }
        try:
            self._deliver([*own.values()])
        finally:
            self._dedup.sync()
            deleted({key for key, deletion in own.items() if _is_done(deletion)})

    def _pending(self, ids: Ids) -> PendingRecord:
        request = self._mapper.deletion(ids)
        key = self._dedup.key({}, request, _NO_RECORD.stream)
        reference = self._object_type.name, *request.object_id
        return PendingRecord(request, _NO_RECORD, self, key, self._object_type.turn, reference)

    # What is told of these deletions: see `DeliveryObserver`

    def check(self) -> None:
        """Let them be handed over: they were counted by `Table.left_behind`."""

    def prepare(self, records: list[PendingRecord]) -> list[PendingRecord]:
        """Return all of them: each needs a request."""
        self._dedup.prefetch(records)
        return records

    def is_needed(self, record: PendingRecord) -> bool:  # noqa: ARG002 - as of any observer
        """Return that a deletion has to be sent."""
        return True

    def reduced(self, record: PendingRecord) -> Request:
        """Return its request, as it is."""
        return record.request

    def rest(self, record: PendingRecord, sent: Request, body: bytes) -> Request | None:  # noqa: ARG002 - likewise
        """Nothing follows: each was sent as it is."""
        return None

    def is_elsewhere(self, record: PendingRecord) -> bool:  # noqa: ARG002 - likewise
        """Return that no other run is waited for: twice is as once."""
        return False

    def request_sent(self) -> None:
        """Count a request."""
        self._tally.ask()

    def before_send(self, record: PendingRecord) -> None:
        """Have the ledger forget what was last delivered."""
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
            self.reasons[outcome.reason] += 1
        else:
            self._dedup.delivered(record)
            self._existing.note(record.request, self._object_type)
        self._dedup.release([record])


def _is_done(deletion: PendingRecord) -> bool:
    return deletion.outcome is not None and not isinstance(deletion.outcome, Rejected)
