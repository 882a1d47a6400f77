"""The way of a stream's records from its sink to the product."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from target_userflow.deletes.activate_version import Activation
from target_userflow.deletes.deletions import Deletions
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
    from target_userflow.dedup.dedup import NoDedup
    from target_userflow.deletes.table import Table
    from target_userflow.lookup.write_modes import UpsertMode
    from target_userflow.mapping.columns import Stream
    from target_userflow.mapping.shards import Shard
    from target_userflow.plan.stream_look import StreamLook
    from target_userflow.services.run import Run
    from target_userflow.singer.message import Message, Source

    Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]


class RoutedStream(NamedTuple):
    """A stream with all that its sink has decided about it."""

    source: str
    """The stream's name, as the tap calls it."""
    stream: Stream
    """The stream after the stream maps."""
    object_type: ObjectType
    mapper: Mapper
    write_mode: UpsertMode
    """Decides which records are sent, by what exists."""
    shard: Shard
    """The shard of the run."""
    look: StreamLook
    """Looks at the first records, and may hold them back."""
    before_first_request: Callable[[], None]
    """Is called once, ahead of the stream's first request."""


class StreamDelivery:
    """Hands the pending records of one stream to the pipeline, and follows the stream's table."""

    def __init__(
        self,
        run: Run,
        routed: RoutedStream,
        write_dead_letter: Callable[[Source, Rejected], None],
        logger: Logger,
    ) -> None:
        """Connect a stream with its product.

        Args:
            run: The run, whose parts are used.
            routed: The stream.
            write_dead_letter: Writes a record to the dead letters.
            logger: The logger of the stream.

        Raises:
            StopRun: the ledger can't be used.
        """
        source, stream, object_type = routed[:3]
        dedup = run.dedups.dedup(object_type, stream, routed.look.columns())
        self._pipeline, self._tally = run.pipeline, run.tally.of(stream.name)
        self._shard = routed.shard
        self._product = run.products.of(object_type).delivery
        self._mirrors = stream.options.mirror
        self.matches = routed.write_mode.matches
        """Whether the ids of records are only known once they are matched."""
        self.deletes = run.settings.hard_delete and bool(routed.mapper.deleted_by)
        """Whether objects of the stream can be deleted."""
        self.limit = run.versions.limit(source, stream.name)
        """The limit of the deletions by marks in rows."""
        self.sample = run.samples.of(object_type, source, stream.name)
        """The limit of a sample run."""
        self._table = _table(run, routed)
        self._activation = Activation(self._table, _deletions(run, routed, dedup), logger)
        self.tracker = DeliveryTracker(
            stream.name,
            dedup,
            PendingRecords(object_type, routed.write_mode, dedup, run.checkpoint, run.waiting),
            _filter(run, routed, dedup, logger),
            _settlement(run, routed, dedup, self._table, write_dead_letter),
            self._tally,
            run.waiting,
            (self.limit.check, partial(routed.look.check, logger)),
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
            self._table.see(version or 0, message.source.number, ids, rejected=rejected)

    def announce(self, message: Message, version: int) -> None:
        """Delete what a version leaves behind, once its records are known.

        Raises:
            StopRun: there is more to delete than may be, or the run can't go on.
        """
        if self.deletes:
            self._activation.announce(version, message.source.number)

    def activate(self, *, complete: bool) -> None:
        """Delete what the announced version leaves behind; see `Activation.activate`."""
        self._activation.activate(complete=complete)


def _table(run: Run, routed: RoutedStream) -> Table:
    place = routed.object_type, routed.source, routed.stream.name
    if routed.stream.options.mirror:
        reads = run.products.of(routed.object_type).delivery.reads
        return run.versions.mirror(reads, *place)
    return run.versions.table(*place)


def _deletions(run: Run, routed: RoutedStream, dedup: NoDedup) -> Deletions:
    parts = run.products.of(routed.object_type)
    return Deletions(
        routed.object_type,
        routed.mapper,
        routed.stream.name,
        dedup,
        parts.existing,
        partial(run.pipeline.deliver, parts.delivery),
        run.tally.of(routed.stream.name),
        routed.shard,
    )


def _filter(run: Run, routed: RoutedStream, dedup: NoDedup, logger: Logger) -> RecordFilter:
    types = run.products.of(routed.object_type).attribute_types(routed.stream)
    mode, before = routed.write_mode, routed.before_first_request
    return RecordFilter(dedup, mode, types, before, logger.warning, run.waiting)


def _settlement(
    run: Run,
    routed: RoutedStream,
    dedup: NoDedup,
    table: Table,
    write_dead_letter: Callable[[Source, Rejected], None],
) -> Settlement:
    return Settlement(
        routed.object_type,
        run.tally.of(routed.stream.name),
        run.checkpoint,
        dedup,
        run.products.of(routed.object_type).existing,
        write_dead_letter,
        table,
    )
