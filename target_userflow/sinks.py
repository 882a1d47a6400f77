"""The sinks: make a pending record of each RECORD of a stream, or a dead letter."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from target_userflow.apis.outcomes import Rejected
from target_userflow.apis.registry import OBJECT_TYPES, mapper
from target_userflow.deletes.activate_version import Activation
from target_userflow.deletes.marked_rows import MarkedRows
from target_userflow.deletes.tables import Table
from target_userflow.delivery.tracker import DeliveryTracker, Shared
from target_userflow.errors import RejectRecord
from target_userflow.mapping.columns import Stream
from target_userflow.mapping.property_schemas import resolved
from target_userflow.mapping.shards import Shard
from target_userflow.mapping.values import encoded, located
from target_userflow.plan.stream_look import StreamLook
from target_userflow.reporting.column_notices import ColumnNotices
from target_userflow.singer.record_validator import Validator
from target_userflow.singer.sdk import SdkSink
from target_userflow.singer.stream_maps import failure
from target_userflow.singer.stream_schema import has_open_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_userflow.accounts.pending import PendingRecord
    from target_userflow.apis.messages import Request
    from target_userflow.config.settings import Settings, StreamOptions
    from target_userflow.services import Run
    from target_userflow.singer.mapped_streams import MappedStream
    from target_userflow.singer.message import Message, Source


class Host(Protocol):
    """The target, as its sinks see it."""

    run: Run


class IgnoredSink(SdkSink):
    """A stream that is left out on purpose."""

    def leaves(self, record: Mapping[str, Any]) -> bool:  # noqa: ARG002 - as `UserflowSink.leaves`
        """Return that no other shard delivers it."""
        return False

    def take(self, message: Message, version: int | None, record: dict[str, Any]) -> None:
        """Do nothing with a record."""

    def reject_unmapped(self, message: Message, version: int | None, error: Exception) -> None:
        """Do nothing with a record that the stream maps could not handle."""

    def announce(self, message: Message, version: int) -> None:
        """Do nothing with a version."""


class UserflowSink(SdkSink):
    """One stream on its way to one object.

    The target hands its records to `take`. The SDK's own way of a record would end the run at the
    first bad one, or deliver it all the same; here it becomes a dead letter, and the others go on.
    """

    def __init__(
        self, target: Host, mapped: MappedStream, object_type: str, options: StreamOptions
    ) -> None:
        """Compile the checks and the mapping of the stream's columns.

        Raises:
            ConfigError: the options don't fit the schema, or the schema is none.
        """
        super().__init__(target, mapped.name, mapped.schema, mapped.keys)  # type: ignore[arg-type] # it is the target
        run = target.run
        self._pipeline, self._tally = run.pipeline, run.tally
        self._dead_letters, self._clock = run.dead_letters, run.clock
        self._plan, self._products = run.plan, run.products
        self._is_dry = run.settings.dry_run
        self.object_type = OBJECT_TYPES[object_type]
        run.tally.open(mapped.name, object_type)
        self._rules = Validator(mapped.name, self.schema) if self.validate_schema else None
        self._is_computed = mapped.is_computed
        stream = Stream(
            mapped.name,
            resolved(self.schema, mapped.raw_schema)["properties"],
            self.key_properties,
            options,
            has_open_columns(self.schema),
        )
        write_mode = run.products.write_mode(self.object_type, stream)
        self._request_of = mapper(self.object_type, stream)
        computed = stream.properties.keys() - (mapped.raw_schema.get("properties") or {}).keys()
        self._look = StreamLook(self.object_type, stream, self._request_of, computed=computed)
        self._shard = Shard.of(run.settings.shard)
        self._product = run.products.delivery(self.object_type)
        self._limit = run.versions.limit(mapped.source, mapped.name)
        self._first = run.samples.of(self.object_type, mapped.source, mapped.name)
        self._tracker = DeliveryTracker(
            self.object_type,
            stream,
            write_mode,
            Shared(
                run.tally,
                run.checkpoint,
                run.dedups.dedup(self.object_type, stream, self._look.sources()),
                run.products.existing(self.object_type),
                run.products.attribute_types(self.object_type, stream),
            ),
            self.logger,
            self._write_dead_letter,
            self._limit,
        )
        run.track(self)
        activation = Activation(
            self.object_type,
            self._request_of,
            self._tracker,
            self._product,
            run.pipeline.deliver,
            run.tally,
            self.logger,
        )
        activation.shard = self._shard
        self._mirrors = options.mirror
        contents = run.versions.versions
        if self._mirrors:
            contents = partial(run.versions.mirror, self._product.reads)
        place = self.object_type, mapped.source, mapped.name
        self.table = Table(partial(contents, *place), activation)
        """The table that the records come from."""
        self._tracker.table = self.table
        self._tracker.look = self._look
        self._tracker.first_request = self._before_first_request
        self._deletes = run.settings.hard_delete and bool(self._request_of.deleted_by)
        self._marked = MarkedRows(
            mapped.name,
            self._request_of,
            None if self._deletes else self._why_skipped(run.settings),
            self.logger,
        )
        is_plain = mapped.is_untouched and not self._deletes and not run.settings.limit
        self._deals_early = is_plain and self._shard.parts > 1
        """Whether the ids that the tap wrote say all that other shards need to know."""
        self._received = 0
        """Records since the last `sync`."""
        self._notices = ColumnNotices(
            mapped.name, self.schema["properties"], self._request_of.attributes, self.logger
        )

    def _why_skipped(self, settings: Settings) -> str:
        """Return why deleted rows delete nothing."""
        if not settings.hard_delete:
            return "hard_delete is off"
        if self._tracker.matches:
            return "match_by enriches users and deletes none"
        return f"{self.object_type.product.name} can't delete {self.object_type.name}"

    def setup(self) -> None:
        """Say once what becomes of the columns, and what of the schema is not checked.

        Raises:
            Doubt: what becomes of them would be a guess.
        """
        self._plan.add(self._look)
        self.logger.info("Stream '%s' %s", self.stream_name, self._look.announcement())
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
        self._look.before_first_request(self._products.inventory(self.object_type), self.logger)
        if not self._is_dry:
            self._look.sample.close()

    def leaves(self, record: Mapping[str, Any]) -> bool:
        """Return whether another shard delivers a record; counts it then, and nothing else is done.

        What its ids do not tell is left to `take`.

        Args:
            record: The record as the tap wrote it.
        """
        if not self._deals_early:
            return False
        key = self._ordering_key(record)
        is_elsewhere = bool(key) and not self._shard.has(key)
        if is_elsewhere:
            self._receive()
            self._tally.leave(self.stream_name)
        return is_elsewhere

    def take(self, message: Message, version: int | None, record: dict[str, Any]) -> None:
        """Hand a record to the pipeline, or write it to the dead letters.

        Args:
            message: The RECORD message.
            version: The version of the table that the record is of, if the tap names one.
            record: The record after the stream maps.
        """
        if not self._first.lets_pass():
            return
        self._receive()
        mark = None
        try:
            mark = self._marked.mark(message.record, record)
            if mark and self._marked.skips(mark):
                self._tally.settle(self.stream_name, "skipped")
                return
            request = self._deletion(message, record) if mark else self._entry(message, record)
            is_own = self._shard.has(request.ordering_key)
            pending = self._tracker.pending(record, request, message.source) if is_own else None
        except RejectRecord as error:
            self._reject(message, str(error), record)
            seen, is_own = self._identity(record), False
        else:
            self._add(pending)
            seen = request.object_id
        if not mark:
            self._see(message, version, seen, rejected=not is_own)

    def _add(self, pending: PendingRecord | None) -> None:
        """Hand a record over; one of another shard is None."""
        if pending:
            if not self._tracker.matches:
                self._first.note(pending.request)
            self._pipeline.add(self._product, pending)
        else:
            self._tally.leave(self.stream_name)

    def reject_unmapped(self, message: Message, version: int | None, error: Exception) -> None:
        """Write a record to the dead letters that the stream maps could not handle."""
        self._receive()
        self._see(message, version, None, rejected=True)
        self._reject(message, failure(error), message.record)

    def sync(self) -> None:
        """Return once all that is known of settled records is written and counted.

        Raises:
            StorageError: the ledger can't be written.
        """
        self._tracker.sync()
        self._tally.remark(self.stream_name, self._request_of.take_remarks())
        received, self._received = self._received, 0
        self.record_counter_metric.increment(received)
        self.tally_record_read(received)

    def announce(self, message: Message, version: int) -> None:
        """Delete what a version leaves behind, once its records are known."""
        if self._deletes:
            self.table.announce(version, message.source.number)

    def _see(
        self, message: Message, version: int | None, ids: tuple[str, ...] | None, *, rejected: bool
    ) -> None:
        """Note that a record is of a version, if that will ever matter."""
        if self._deletes and (version is not None or self._mirrors):
            self.table.see(version or 0, message.source.number, ids, rejected=rejected)

    def _identity(self, record: dict[str, Any]) -> tuple[str, ...] | None:
        """The ids of a rejected record; None if they are what is wrong with it."""
        try:
            return self._request_of.object_id(record)
        except RejectRecord:
            return None

    def _receive(self) -> None:
        self._tally.receive(self.stream_name)
        self._limit.receive()
        self._received += 1

    def _reject(self, message: Message, reason: str, record: dict[str, Any]) -> None:
        """Write a record to the dead letters, in the run of its shard alone."""
        keys = [record[key] for key in self.key_properties if key in record]
        if not self._shard.has(self._ordering_key(record) or repr(keys or record)):
            self._tally.leave(self.stream_name)
            return
        ids = " ".join(map(str, keys))
        self._write_dead_letter(message.source, Rejected(reason))
        self._tally.reject(self.stream_name, reason, ids, reading=True)

    def _ordering_key(self, record: Mapping[str, Any]) -> str:
        """Return the ordering key of a record; empty where it can't be told."""
        try:
            return self._request_of.ordering_key(record)
        except RejectRecord:
            return ""

    def _entry(self, message: Message, record: dict[str, Any]) -> Request:
        try:
            self._check_whole(message, record)
            if self._rules:
                self._rules.check(record)
            self._notices.of_record(record)
            self._look.see(record)
            request = self._request_of(record)
            self._check_encodable(message, request)
        except RecursionError:
            raise RejectRecord("it is nested too deeply") from None
        except RejectRecord as error:
            raise located(error, record) from None
        self._look.sample.add(record, request, len(message.source.line))
        return request

    def _deletion(self, message: Message, record: dict[str, Any]) -> Request:
        """The end of an object: nothing but its ids is looked at, as a tap may send no more."""
        request = self._request_of.deletion(self._request_of.object_id(record))
        self._check_encodable(message, request)
        self._limit.mark()
        return request

    def _check_encodable(self, message: Message, request: Request) -> None:
        """Reject what can't be encoded: only the fast parser reads nothing of that kind."""
        if self._is_computed or message.is_lenient:
            encoded(request.payload)

    def _check_whole(self, message: Message, record: dict[str, Any]) -> None:
        if message.is_cut:
            raise RejectRecord("it is nested too deeply")
        for key in self.key_properties:
            if key not in record:
                raise RejectRecord(f"key property '{key}' is missing")

    def _write_dead_letter(self, source: Source, why: Rejected) -> None:
        now = self._clock.now()
        self._dead_letters.add(
            source.stream, source.schema, source.line, why, now, alias=self.stream_name
        )


class PlannedSink(UserflowSink):
    """One stream that is looked at for the plan: nothing is delivered, and nothing stops it."""

    def setup(self) -> None:
        """Take the stream into the plan."""
        self._deals_early = False
        self._look.asks_for_ids = not self._look.stream.options.match_by
        self._plan.add(self._look)

    def take(self, message: Message, version: int | None, record: dict[str, Any]) -> None:  # noqa: ARG002 - as `UserflowSink.take`
        """Look at a record, if it is one of the first."""
        self._receive()
        self._tally.skip(self.stream_name, "only looked at, for the plan")
        if self._look.is_done:
            return
        try:
            if not self._marked.mark(message.record, record):
                self._entry(message, record)
        except RejectRecord as error:
            self._look.rejections[str(error)] += 1

    def reject_unmapped(self, message: Message, version: int | None, error: Exception) -> None:  # noqa: ARG002 - likewise
        """Count a record that the stream maps could not handle."""
        self._receive()
        self._look.rejections[failure(error)] += 1

    def announce(self, message: Message, version: int) -> None:
        """Do nothing: no version deletes anything."""
