"""Makes pending records of a stream's records, and gives them their ids once they are matched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from target_userflow.accounts.pending import PendingRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_userflow.accounts.checkpoint import Checkpoint
    from target_userflow.accounts.pending import DeliveryObserver
    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.lookup.write_modes import UpsertMode
    from target_userflow.singer.message import Source
    from target_userflow.tracking.waiting_records import WaitingRecords


class PendingRecords:
    """Makes the pending records of one stream."""

    def __init__(
        self,
        object_type: ObjectType,
        mode: UpsertMode,
        dedup: NoDedup,
        checkpoint: Checkpoint,
        waiting: WaitingRecords,
    ) -> None:
        """Make records of one object type.

        Args:
            object_type: What the records go to.
            mode: Tells whether records of one object may go together, and matches them.
            dedup: Knows a record's place in the ledger.
            checkpoint: Counts the records that are read and not settled, for STATE.
            waiting: Counts them by what they are about.
        """
        self._object_type = object_type
        self._mode = mode
        self._dedup = dedup
        self._checkpoint = checkpoint
        self._waiting = waiting

    def new(
        self,
        record: Mapping[str, Any],
        request: Request,
        source: Source,
        observer: DeliveryObserver,
    ) -> PendingRecord:
        """Return a record on its way.

        Args:
            record: The record, after any stream map.
            request: What is sent for it.
            source: Its line.
            observer: Is told what becomes of it.

        Raises:
            RejectRecord: its place in the ledger can't be told.
        """
        if not self._mode.merges:
            request = replace(request, mergeable=False)
        pending = PendingRecord(
            request,
            source,
            observer,
            self._dedup.key(record, request, source.stream),
            self._object_type.turn,
            (self._object_type.name, *request.object_id),
            is_matched=self._mode.matches,
            segment=self._checkpoint.read(len(source.line)),
        )
        if not self._mode.matches:
            self._waiting.add(pending)
        return pending

    def match(
        self, records: Sequence[PendingRecord]
    ) -> tuple[list[PendingRecord], list[tuple[PendingRecord, str]]]:
        """Give records the ids of the objects that they are matched with.

        Returns:
            Those that have one, and the others with the reason.

        Raises:
            StopRun: the API does not tell.
        """
        if not self._mode.matches:
            return [*records], []
        reasons = self._mode.match(records)
        unmatched = [(records[place], reason) for place, reason in reasons.items()]
        matched = [record for place, record in enumerate(records) if place not in reasons]
        for record in matched:
            record.ledger_key = self._dedup.key({}, record.request, record.source.stream)
            record.reference = self._object_type.name, *record.request.object_id
            self._waiting.add(record)
        return matched, unmatched
