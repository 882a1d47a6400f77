"""The sink of a stream: makes a pending record of each RECORD, or a dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.deletes.marked_rows import MarkedRows
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.property_schemas import resolved
from target_userflow.mapping.shards import OTHER_SHARD, Shard
from target_userflow.plan.sample import SCOPES
from target_userflow.plan.stream_log import StreamLog
from target_userflow.plan.stream_look import StreamLook
from target_userflow.reporting.column_notices import ColumnNotices
from target_userflow.singer.record_validator import Validator
from target_userflow.singer.sdk import SdkSink
from target_userflow.singer.stream_maps import failure
from target_userflow.singer.stream_schema import has_open_columns
from target_userflow.sinks.rejections import Rejections
from target_userflow.sinks.request_maker import RequestMaker
from target_userflow.sinks.stream_delivery import RoutedStream, StreamDelivery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.config.settings import Settings, StreamOptions
    from target_userflow.lookup.write_modes import UpsertMode
    from target_userflow.services.run import Run
    from target_userflow.singer.mapped_streams import MappedStream
    from target_userflow.singer.message import Message


class Host(Protocol):
    """The target, as its sinks see it."""

    run: Run


class UserflowSink(SdkSink):
    """One stream on its way to one object type.

    The target hands its records to `take`. The SDK's own way of a record would end the run at the
    first bad one, or deliver it all the same; here it becomes a dead letter, and the others go on.
    """

    def __init__(
        self, target: Host, mapped: MappedStream, object_type: str, options: StreamOptions
    ) -> None:
        """Compile the checks and the mapping of the stream's columns.

        Args:
            target: The target, whose run is used.
            mapped: The stream after its stream map.
            object_type: The name of the object type that the stream is routed to.
            options: The options of the stream.

        Raises:
            ConfigError: the options don't fit the schema, or the schema is none.
        """
        super().__init__(target, mapped.name, mapped.schema, mapped.keys)  # type: ignore[arg-type] # it is the target
        self._run = run = target.run
        self._tally = run.tally.open(mapped.name, object_type)
        self._shard = Shard.of(run.settings.shard)
        self.object_type = OBJECT_TYPES[object_type]
        self._rules = Validator(mapped.name, self.schema) if self.validate_schema else None
        stream = self._stream(mapped, options)
        write_mode = run.products.of(self.object_type).write_mode(self.object_type, stream)
        self._mapper = mapper(self.object_type, stream)
        self._requests = self._request_maker(mapped, stream)
        self._rejections = Rejections(
            run, mapped.name, self.key_properties, self._requests, self._shard
        )
        self._delivery = self._stream_delivery(mapped, stream, write_mode)
        self._marked = self._marked_rows(mapped)
        is_plain = not self._delivery.deletes and not run.settings.limit
        self._deals_early = mapped.is_untouched and is_plain and self._shard.parts > 1
        """Whether the ids that the tap wrote say all that other shards need to know."""
        self._unsynced = 0
        """Records since the last `sync`."""
        run.track(self)

    def _stream(self, mapped: MappedStream, options: StreamOptions) -> Stream:
        return Stream(
            mapped.name,
            resolved(self.schema, mapped.raw_schema)["properties"],
            self.key_properties,
            options,
            has_open_columns(self.schema),
        )

    def _request_maker(self, mapped: MappedStream, stream: Stream) -> RequestMaker:
        computed = stream.properties.keys() - (mapped.raw_schema.get("properties") or {}).keys()
        self._look = StreamLook(self.object_type, stream, self._mapper, computed=computed)
        self._log = StreamLog(self._look, self.logger)
        columns, attributes = self.schema["properties"], self._mapper.attributes
        self._notices = ColumnNotices(mapped.name, columns, attributes, self.logger)
        return RequestMaker(
            self.key_properties,
            self._rules,
            self._mapper,
            self._look,
            self._notices,
            is_computed=mapped.is_computed,
        )

    def _stream_delivery(
        self, mapped: MappedStream, stream: Stream, write_mode: UpsertMode
    ) -> StreamDelivery:
        routed = RoutedStream(
            mapped.source,
            stream,
            self.object_type,
            self._mapper,
            write_mode,
            self._shard,
            self._look,
            self._before_first_request,
        )
        return StreamDelivery(self._run, routed, self._rejections.write, self.logger)

    def _marked_rows(self, mapped: MappedStream) -> MarkedRows:
        why_skipped = None if self._delivery.deletes else self._why_skipped(self._run.settings)
        columns = mapped.raw_schema.get("properties") or {}
        return MarkedRows(mapped.name, self._mapper, columns, why_skipped, self.logger)

    def _why_skipped(self, settings: Settings) -> str:
        """Return why deleted rows delete nothing."""
        if not settings.hard_delete:
            return "hard_delete is off"
        if self._delivery.matches:
            return "match_by enriches users and deletes none"
        return f"{self.object_type.product.name} can't delete {self.object_type.name}"

    def setup(self) -> None:
        """Say once what becomes of the columns, and what of the schema is not checked.

        Raises:
            Doubt: what becomes of them would be a guess.
        """
        self._run.plan.add(self._look)
        is_read_later = self._run.settings.compares_destination  # or never: objects show it too
        waits = is_read_later or self._look.doubts()
        scope = "" if waits else SCOPES.get(self.object_type.name, "")
        parts = self._run.products.of(self.object_type)
        self._log.at_schema(parts.early_definitions(scope) if scope else None)
        self._look.check(self.logger)
        self._notices.of_schema()
        if self._rules and self._rules.unchecked:
            self.logger.warning(
                "Stream '%s': the records are not checked by these parts of its schema, which say "
                "nothing that can be checked: %s",
                self.stream_name,
                ", ".join(self._rules.unchecked),
            )
        self._notices.of_names()

    def _before_first_request(self) -> None:
        """Say what of the stream's attributes is new, and may be a mistake."""
        inventory = self._run.products.of(self.object_type).inventory
        self._log.before_first_request(inventory)
        if not self._run.settings.dry_run:
            self._look.sample.close()

    def leaves(self, record: Mapping[str, Any]) -> bool:
        """Return whether another shard delivers a record; count it then, and do nothing else.

        What its ids do not tell is left to `take`.

        Args:
            record: The record as the tap wrote it.
        """
        if not self._deals_early:
            return False
        key = self._requests.ordering_key(record)
        is_elsewhere = bool(key) and not self._shard.has(key)
        if is_elsewhere:
            self._receive()
            self._tally.skip(OTHER_SHARD)
        return is_elsewhere

    def take(self, message: Message, version: int | None, record: dict[str, Any]) -> None:
        """Hand a record to the pipeline, or write it to the dead letters.

        Args:
            message: The RECORD message.
            version: The version of the table that the record is of, if the tap names one.
            record: The record after the stream maps.

        Raises:
            StopRun: the run can't go on.
        """
        if not self._delivery.sample.lets_pass():
            return
        self._receive()
        mark = None
        try:
            mark = self._marked.mark(message.record, record)
            if mark:
                if self._marked.skips(mark):
                    self._tally.settle("skipped")
                    return
                request = self._requests.deletion(message, record)
                self._delivery.limit.mark()
            else:
                request = self._requests.request(message, record)
            pending = self._delivery.pending(record, request, message.source)
        except RejectRecord as error:
            self._rejections.reject(message, str(error), record)
            ids, rejected = self._requests.object_id(record), True
        else:
            self._delivery.add(pending)
            ids, rejected = request.object_id, pending is None
        if not mark:
            self._delivery.see(message, version, ids, rejected=rejected)

    def reject_unmapped(self, message: Message, version: int | None, error: Exception) -> None:
        """Write a record to the dead letters that the stream maps could not handle.

        Args:
            message: The RECORD message.
            version: As for `take`.
            error: What a stream map raised.

        Raises:
            StorageError: the dead letters can't be written.
        """
        self._receive()
        self._delivery.see(message, version, None, rejected=True)
        self._rejections.reject(message, failure(error), message.record)

    def sync(self) -> None:
        """Return once all that is known of settled records is written and counted.

        Raises:
            StorageError: the ledger can't be written.
        """
        self._delivery.tracker.sync()
        self._tally.remark(self._mapper.take_remarks())
        count, self._unsynced = self._unsynced, 0
        self.record_counter_metric.increment(count)
        self.tally_record_read(count)

    def announce(self, message: Message, version: int) -> None:
        """Delete what a version leaves behind, once its records are known.

        Raises:
            StopRun: there is more to delete than may be, or the run can't go on.
        """
        self._delivery.announce(message, version)

    def activate(self, *, complete: bool) -> None:
        """Delete what the announced version leaves behind; see `Activation.activate`."""
        self._delivery.activate(complete=complete)

    def _receive(self) -> None:
        self._tally.receive()
        self._delivery.limit.receive()
        self._unsynced += 1
