"""The target: settings become shared services, streams become sinks, and messages records."""

from __future__ import annotations

import logging
import os
import signal
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities

from target_userflow.check import check
from target_userflow.cli import CommandLine
from target_userflow.clock import Clock
from target_userflow.config import routing
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import IGNORE, Settings, StreamOptions
from target_userflow.errors import (
    ConfigError,
    Exhausted,
    Interrupted,
    InvalidSchema,
    RejectRecord,
    StopRun,
)
from target_userflow.finish import (
    conclude,
    conclude_plan,
    remind,
    run_files,
    send_metrics,
)
from target_userflow.progress.progress import Progress, progress
from target_userflow.progress.progress_sampler import ProgressSampler
from target_userflow.services import Run
from target_userflow.singer.mapped_streams import MappedStreams
from target_userflow.singer.reader import LineReader
from target_userflow.singer.state import state_line
from target_userflow.singer.stream_maps import MapNames
from target_userflow.sinks import IgnoredSink, PlannedSink, UserflowSink

if TYPE_CHECKING:
    from target_userflow.singer.mapped_streams import MappedStream
    from target_userflow.singer.message import Message


class TargetUserflow(CommandLine):
    """Singer target for Userflow: users, groups, memberships and events."""

    name = "target-userflow"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_SCHEMA
    capabilities: ClassVar[list[Any]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]
    default_sink_class = UserflowSink
    _plans = False
    """Whether streams are only looked at, for `--plan`."""
    _ending = False
    """Whether a signal would only disturb what it asks for."""

    def __init__(self, *, clock: Clock | None = None, **kwargs: Any) -> None:
        """Check the config and make what the sinks share; nothing is sent or written yet.

        Args:
            clock: Another time than the machine's.
            kwargs: The SDK's own arguments; `config` is the one that is needed.

        Raises:
            ConfigValidationError: with a line for everything that is wrong with the config.
            ConfigError: the report or the metrics can't be written.
        """
        self._clock = clock or Clock()
        super().__init__(message_reader=LineReader(self._clock), **kwargs)
        self.run = Run(Settings.of(self.config), self._clock)
        self._files = run_files(self.run.settings)
        names = MapNames(self.config.get("stream_maps") or {}, self.logger.warning)
        self._streams = MappedStreams(self.mapper, names, self.logger)
        self._sinks: dict[tuple[str, str], UserflowSink | IgnoredSink] = {}
        """The name of the tap's stream, and its name after a stream map → the sink."""
        self._routed: list[str] = []
        self._versioned: set[str] = set()
        self._state_number = 0  # the number of the last STATE's line
        self.message_reader.idle = self.run.pipeline.idle

    # Streams

    def route(self, stream: str) -> tuple[str, StreamOptions]:
        """Return the object type that a stream goes to, and its options.

        Raises:
            ConfigError: nothing says which object type that is.
        """
        options = routing.options_of(stream, self.run.settings.streams)
        return routing.object_of(stream, options), options

    def _make_sink(self, stream: MappedStream) -> None:
        """Make the sink of a stream, unless its SCHEMA is the one before.

        The SDK has one sink for each name, and would read the records of one stream by the schema
        of another that has the same name. Here each stream of the tap has its own.
        """
        place = stream.source, stream.name
        known = self._sinks.get(place)
        schema = stream.schema, stream.keys
        if known and (known.original_schema, known.key_properties) == schema:
            return
        self._sinks[place] = self._planned(stream) if self._plans else self._ready(stream)

    def _ready(self, stream: MappedStream) -> UserflowSink | IgnoredSink:
        sink = self._new_sink(stream)
        sink.setup()
        return sink

    def _planned(self, stream: MappedStream) -> UserflowSink | IgnoredSink:
        """Return the sink of a stream for the plan; one that no run can start with is left out."""
        try:
            return self._ready(stream)
        except ConfigError as error:
            self.run.plan.fail(stream.name, error)
            return IgnoredSink(self, stream.name, stream.schema, stream.keys)

    def _new_sink(self, stream: MappedStream) -> UserflowSink | IgnoredSink:
        if stream.is_dropped:
            return IgnoredSink(self, stream.name, stream.schema, stream.keys)
        object_type, options = self.route(stream.name)
        self._routed.append(stream.name)
        if object_type == IGNORE:
            return IgnoredSink(self, stream.name, stream.schema, stream.keys)
        kind = PlannedSink if self._plans else UserflowSink
        return kind(self, stream, object_type, options)

    # Messages

    def read_schema(self, message: Message) -> None:
        """Make the sinks of a stream.

        What a map drops, or a stream that is left out, is never looked at.
        """
        try:
            for stream in self._streams.register(message):
                self._make_sink(stream)
        except InvalidSchema as error:
            raise message.complaint(error) from None
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise message.complaint(
                f"stream_maps or flattening can't handle the schema: {type(error).__name__}"
            ) from None
        name = self._streams.ambiguous(message.stream)
        if name:
            raise message.complaint(
                f"stream_maps makes several streams named '{name}' of '{message.stream}'. Give "
                f'them different names, and say what they are with streams: {{"<name>": '
                f'{{"object": "{self.route(name)[0]}"}}}}'
            )

    def read_record(self, message: Message) -> None:
        """Hand a record to the sinks of its streams, once for each stream map."""
        maps, version = self._streams.maps(message), self._version_of(message)
        for stream_map in maps:
            sink = self._sinks[message.stream, stream_map.stream_alias]
            if sink.leaves(message.record):
                continue
            try:
                record = stream_map.transform({**message.record})
            except StopRun:  # a signal, in the middle of it
                raise
            except Exception as error:  # noqa: BLE001 - the expressions of a map can raise anything
                sink.reject_unmapped(message, version, error)
            else:
                if record is not None:
                    sink.take(message, version, record)
        self.run.pipeline.tick()

    def _version_of(self, message: Message) -> int | None:
        """Return the version that a message names; None as well where versions do not matter."""
        return message.version if self.run.settings.hard_delete else None

    def read_activate_version(self, message: Message) -> None:
        """Have what a version leaves behind deleted, once all before it is settled."""
        names, version = self._streams.names(message), self._version_of(message)
        if version is None:
            self._warn_of_versions(message.stream)
            return
        self.run.pipeline.settle()
        for name in names:
            self._sinks[message.stream, name].announce(message, version)

    def _warn_of_versions(self, stream: str) -> None:
        """Log, once for a stream, that its versions delete nothing."""
        if stream not in self._versioned:
            self._versioned.add(stream)
            self.logger.info(
                "Stream '%s': ACTIVATE_VERSION deletes nothing, as hard_delete is off", stream
            )

    def read_state(self, message: Message) -> None:
        """Keep a STATE as the line that it will be."""
        try:
            line = state_line(message.content["value"])
        except RejectRecord as error:
            raise message.complaint(f"STATE can't be written: {error}") from None
        if line:
            self.run.checkpoint.state(line)
        self._state_number = message.source.number
        self.run.pipeline.tick()

    def end_of_input(self) -> None:
        """Deliver the rest, and delete what versions leave behind that came ahead of records."""
        if self.run.versions.announced():
            self.run.pipeline.settle()
        for place, versions in self.run.versions.announced():
            sink = self._sinks[place]
            if isinstance(sink, UserflowSink):
                sink.table.activate(complete=self._state_number > versions.line)
        self.run.pipeline.end()
        for sink in self._sinks.values():
            sink.clean_up()

    # The end

    def interrupt(self, signum: int) -> None:
        """Let the requests in flight finish, and start nothing new; at once, if asked twice.

        The SDK's own handler would deliver the rest and then write a STATE for it, from within
        whatever was interrupted.
        """
        if self._ending:
            return
        why, again = Interrupted(signum), self._clock.why
        if not again:  # `stop` may be what is interrupted, and can't be entered twice
            self._clock.stop(why)
        self._ending = self.run.pipeline.is_hurried = bool(again)
        if again or self.message_reader.is_interruptible:
            raise why

    def finish(self, file_input: IO[str] | None) -> int:
        """Read to the end, and say how it went.

        Returns:
            The exit status.
        """
        status = 1
        error: str | None = "It ended by a defect: see its traceback"
        try:
            with self._progress():
                status, error = self._read(file_input)
        finally:
            self._close()
            self.error = error
            status = conclude(self.run, self._files, self.logger, status, error)
        return status

    def verify(self, file_input: IO[str] | None, *, extra: bool) -> int:
        """Compare the input with what Userflow has, and write nothing.

        Args:
            file_input: The input.
            extra: Whether to look for what exists and is not in the input.

        Returns:
            The exit status: 0 if all is the same.
        """
        self.run = Run(self.run.settings.to_verify(extra=extra), self._clock)
        self.message_reader.idle = self.run.pipeline.idle
        return self.finish(file_input)

    def plan(self, file_input: IO[str] | None, form: str) -> int:
        """Print what would become of every column; nothing is written but a report.

        Args:
            file_input: What a tap wrote; standard input, if it is None.
            form: `text` or `json`.

        Returns:
            The exit status: 1 if something is in doubt.
        """
        self._plans = True
        self.run = Run(self.run.settings.to_plan(), self._clock)
        self.message_reader.idle = self.run.pipeline.idle
        status, error = 1, None
        try:
            status, error = self._read(file_input)
        finally:
            self.run.close()
        return conclude_plan(
            self.run, run_files(self.run.settings), self.logger, form, status, error
        )

    def _listen(self, file_input: IO[str] | None) -> None:
        """Read to the end; if the run has to end before, what is in flight is settled."""
        try:
            self.listen(file_input)
        except BaseException as error:
            self._clock.stop(error)
            self.run.stop()
            raise

    def _read(self, file_input: IO[str] | None) -> tuple[int, str | None]:
        """Read to the end: the exit status, and why it failed."""
        try:
            self._listen(file_input)
            self.run.verify_extra()
            self.run.dedups.write_columns()
            if not self._plans:
                self.run.tally.check()
                self.run.tally.check_keys()
            if self.run.settings.dry_run and not self.run.settings.verifies:
                self.run.plan_facts = self.run.planned()
        except StopRun as error:
            self._ending = True
            self._tell(error)
            return error.exit_code, str(error)
        except MemoryError:
            self._ending = True
            exhausted = Exhausted("memory")
            self._tell(exhausted)
            return exhausted.exit_code, str(exhausted)
        self._streams.end()
        for line in self.run.samples.lines():
            self.logger.info(line)
        remind(self.message_reader, self.run.settings.streams, self._routed, self.logger)
        if self.run.verification:
            return int(not self.run.verification.is_same(self.run.tally)), None
        new = self.run.tally.rejected - self.run.dead_letters.repeated
        rejected = new + self.run.tally.undeleted
        return int(rejected > self.run.settings.max_rejects), None

    def _progress(self) -> Progress:
        sampler = ProgressSampler(
            self.run.tally,
            self.run.pipeline,
            self._clock,
            self.message_reader,
            self.run.products.limiting,
        )
        return progress(sampler, self._clock, self.logger, os.environ)

    def _tell(self, error: StopRun) -> None:
        """Say in a line why the run ends; with a traceback only for who debugs."""
        self.logger.error("%s", error, exc_info=self.logger.isEnabledFor(logging.DEBUG))

    def _close(self) -> None:
        self.run.close()
        if not self.run.dry_run:  # nothing of it happened
            send_metrics(self.run.tally, self.metrics_logger)

    def check(self) -> int:
        """Print what a run would meet; standard input is not read.

        Returns:
            The exit status.
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)  # nothing waits to be settled
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return check(self.run.settings, self._clock.now())
