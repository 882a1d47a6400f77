"""The way of a stream's records from its sink to the product."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from target_userflow.deletes.activate_version import Activation
from target_userflow.deletes.tables import Table
from target_userflow.mapping.shards import OTHER_SHARD
from target_userflow.tracking.pending_records import PendingRecords
from target_userflow.tracking.record_filter import RecordFilter
from target_userflow.tracking.settlement import Settlement
from target_userflow.tracking.tracker import DeliveryTracker

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.mapper import Mapper
    from target_userflow.apis.messages import Request
    from target_userflow.apis.object_type import ObjectType
    from target_userflow.apis.outcomes import Rejected
    from target_userflow.deletes.contents import Contents
    from target_userflow.lookup.write_modes import UpsertMode
    from target_userflow.mapping.columns import Stream
    from target_userflow.mapping.shards import Shard
    from target_userflow.plan.stream_look import StreamLook
    from target_userflow.services.run import Run
    from target_userflow.singer.message import Message, Source


class StreamDelivery:
    """Hands the pending records of one stream to the pipeline, and follows the stream's table."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is of another kind
        self,
        run: Run,
        source: str,
        stream: Stream,
        object_type: ObjectType,
        mapper: Mapper,
        write_mode: UpsertMode,
        shard: Shard,
        look: StreamLook,
        before_first_request: Callable[[], None],
        write_dead_letter: Callable[[Source, Rejected], None],
        logger: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        """Connect a stream with its product.

        Args:
            run: The run, whose parts are used.
            source: The stream's name, as the tap calls it.
            stream: The stream after the stream maps.
            object_type: The object type of its records.
            mapper: Makes its requests.
            write_mode: Decides which records are sent, by what exists.
            shard: The shard of the run.
            look: Looks at the first records, and may hold them back.
            before_first_request: Is called once, ahead of the stream's first request.
            write_dead_letter: Writes a record to the dead letters.
            logger: The logger of the stream.

        Raises:
            StopRun: the ledger can't be used.
        """
        parts, tally = run.products.of(object_type), run.tally.of(stream.name)
        dedup = run.dedups.dedup(object_type, stream, look.sources())
        self._pipeline, self._tally = run.pipeline, tally
        self._shard = shard
        self._product = parts.delivery
        self._mirrors = stream.options.mirror
        self.matches = write_mode.matches
        """Whether the ids of records are only known once they are matched."""
        self.deletes = run.settings.hard_delete and bool(mapper.deleted_by)
        """Whether objects of the stream can be deleted."""
        self.limit = run.versions.limit(source, stream.name)
        """The limit of the deletions by marks in rows."""
        self.sample = run.samples.of(object_type, source, stream.name)
        """The limit of a sample run."""
        activation = Activation(
            object_type,
            mapper,
            stream.name,
            dedup,
            parts.existing,
            partial(run.pipeline.deliver, self._product),
            tally,
            logger,
        )
        activation.shard = shard
        contents: Callable[..., Contents] = run.versions.versions
        if self._mirrors:
            contents = partial(run.versions.mirror, self._product.reads)
        self.table = Table(partial(contents, object_type, source, stream.name), activation)
        """The table that the records come from."""
        types = parts.attribute_types(stream)
        self.tracker = DeliveryTracker(
            stream.name,
            dedup,
            PendingRecords(object_type, write_mode, dedup, run.checkpoint),
            RecordFilter(dedup, write_mode, types, before_first_request, logger.warning),
            Settlement(
                object_type,
                tally,
                run.checkpoint,
                dedup,
                parts.existing,
                write_dead_letter,
                self.table,
            ),
            tally,
            (self.limit.check, partial(look.check, logger)),
        )
        """Follows the records until they are settled."""

    def pending(
        self, record: dict[str, Any], request: Request, source: Source
    ) -> PendingRecord | None:
        """Return a pending record; None if it is of another shard.

        Raises:
            RejectRecord: its place in the ledger can't be told.
        """
        if not self._shard.has(request.ordering_key):
            return None
        return self.tracker.pending(record, request, source)

    def add(self, pending: PendingRecord | None) -> None:
        """Hand a record to the pipeline, or count it for another shard.

        Args:
            pending: What `pending` returned.

        Raises:
            StopRun: the run can't go on.
        """
        if pending is None:
            self._tally.skip(OTHER_SHARD)
            return
        if not self.matches:
            self.sample.note(pending.request)
        self._pipeline.add(self._product, pending)

    def see(
        self, message: Message, version: int | None, ids: tuple[str, ...] | None, *, rejected: bool
    ) -> None:
        """Note that a record is in a version of the table, if deletions will depend on that.

        Args:
            message: The RECORD message.
            version: Its version, if the tap names one.
            ids: The ids of its object; None if they are not known.
            rejected: Whether the record is not delivered by this run.
        """
        if self.deletes and (version is not None or self._mirrors):
            self.table.see(version or 0, message.source.number, ids, rejected=rejected)

    def announce(self, message: Message, version: int) -> None:
        """Delete what a version leaves behind, once its records are known.

        Raises:
            StopRun: there is more to delete than may be, or the run can't go on.
        """
        if self.deletes:
            self.table.announce(version, message.source.number)
