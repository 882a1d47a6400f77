"""The target: settings become the parts of a run, and messages reach the sinks of their streams."""

from __future__ import annotations

import logging
import os
import signal
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities

from target_userflow.check import check
from target_userflow.cli import CommandLine
from target_userflow.clock import Clock
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import Settings
from target_userflow.errors import Exhausted, Interrupted, RejectRecord, StopRun
from target_userflow.finish import (
    conclude,
    conclude_plan,
    exit_status,
    remind,
    run_files,
    send_metrics,
)
from target_userflow.progress.progress import Progress, progress
from target_userflow.progress.progress_sampler import ProgressSampler
from target_userflow.services.run import Run
from target_userflow.singer.mapped_streams import MappedStreams
from target_userflow.singer.reader import LineReader
from target_userflow.singer.state import state_line
from target_userflow.singer.stream_maps import MapNames
from target_userflow.sinks.stream_sinks import StreamSinks
from target_userflow.sinks.userflow_sink import UserflowSink

if TYPE_CHECKING:
    from target_userflow.cli import Mode
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
    _ending = False
    """Whether a signal would only disturb what it asks for."""

    def __init__(self, *, clock: Clock | None = None, **kwargs: Any) -> None:
        """Check the config and make the parts of a run; nothing is sent or written yet.

        Args:
            clock: Another time than the machine's.
            kwargs: The SDK's own arguments; `config` is the one that is needed.

        Raises:
            ConfigValidationError: with a line for everything that is wrong with the config.
            ConfigError: the report or the metrics can't be written.
        """
        self._clock = clock or Clock()
        super().__init__(message_reader=LineReader(self._clock), **kwargs)
        self._prepare(Settings.of(self.config))

    def _prepare(self, settings: Settings) -> None:
        """Make the parts of a run with these settings."""
        self.run = Run(settings, self._clock)
        self.message_reader.idle = self.run.pipeline.idle
        self._files = run_files(settings)
        names = MapNames(self.config.get("stream_maps") or {}, self.logger.warning)
        self._streams = MappedStreams(self.mapper, names, self.logger)
        self._sinks = StreamSinks(self, self._streams)
        self._versioned: set[str] = set()
        self._state_number = 0  # the number of the last STATE's line

    # Messages

    def read_schema(self, message: Message) -> None:
        """Make the sinks of a stream."""
        self._sinks.register(message)

    def read_record(self, message: Message) -> None:
        """Hand a record to the sinks of its streams."""
        self._sinks.take(message, self._version_of(message))
        self.run.pipeline.tick()

    def _version_of(self, message: Message) -> int | None:
        """Return the version that a message names; None as well where versions do not matter."""
        return message.version if self.run.settings.hard_delete else None

    def read_activate_version(self, message: Message) -> None:
        """Have what a version leaves behind deleted, once all before it is settled."""
        sinks, version = self._sinks.of(message), self._version_of(message)
        if version is None:
            self._warn_of_versions(message.stream)
            return
        self.run.pipeline.settle()
        for sink in sinks:
            sink.announce(message, version)

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
        self._sinks.activate_announced(self._state_number)
        self.run.pipeline.end()
        self._sinks.clean_up()

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

    def start(self, mode: Mode) -> int:
        """Check, compare, plan or deliver, as the options ask for it.

        Args:
            mode: The options.

        Returns:
            The exit status.
        """
        if mode.verify or mode.extra:
            return self.verify(mode.file_input, extra=mode.extra)
        if mode.plan:
            return self.plan(mode.file_input, mode.plan)
        return self.check() if mode.check else self.finish(mode.file_input)

    def finish(self, file_input: IO[str] | None) -> int:
        """Read the input to its end, and log how the run went.

        Args:
            file_input: The input; standard input, if it is None.

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
            file_input: As for `finish`.
            extra: Whether to look for what exists and is not in the input.

        Returns:
            The exit status: 0 if all is the same.
        """
        self._prepare(self.run.settings.to_verify(extra=extra))
        return self.finish(file_input)

    def plan(self, file_input: IO[str] | None, form: str) -> int:
        """Print what would become of every column; nothing is written but a report.

        Args:
            file_input: As for `finish`.
            form: `text` or `json`.

        Returns:
            The exit status: 1 if something is in doubt.
        """
        self._prepare(self.run.settings.to_plan())
        status, error = 1, None
        try:
            status, error = self._read(file_input)
        finally:
            self.run.close()
        return conclude_plan(self.run, self._files, self.logger, form, status, error)

    def check(self) -> int:
        """Print what would stop a run; standard input is not read.

        Returns:
            The exit status.
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)  # nothing waits to be settled
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return check(self.run.settings, self._clock.now())

    def _read(self, file_input: IO[str] | None) -> tuple[int, str | None]:
        """Read the input to its end; return the exit status, and the line that says why it failed.

        The line is None if all of the input has an outcome.
        """
        try:
            self._listen(file_input)
            self.run.account()
        except StopRun as error:
            return self._stopped(error)
        except MemoryError:
            return self._stopped(Exhausted("memory"))
        self._streams.end()
        for line in self.run.samples.lines():
            self.logger.info(line)
        remind(self.message_reader, self.run.settings.streams, self._sinks.routed, self.logger)
        return exit_status(self.run), None

    def _listen(self, file_input: IO[str] | None) -> None:
        """Read the input to its end; if the run stops before, settle what is in flight."""
        try:
            self.listen(file_input)
        except BaseException as error:
            self._clock.stop(error)
            self.run.stop()
            raise

    def _stopped(self, error: StopRun) -> tuple[int, str]:
        """Log why the run stops, with a traceback at DEBUG only; return as `_read` does."""
        self._ending = True
        self.logger.error("%s", error, exc_info=self.logger.isEnabledFor(logging.DEBUG))
        return error.exit_code, str(error)

    def _progress(self) -> Progress:
        run = self.run
        sampler = ProgressSampler(
            run.tally, run.pipeline, self._clock, self.message_reader, run.products.limiting
        )
        return progress(sampler, self._clock, self.logger, os.environ)

    def _close(self) -> None:
        self.run.close()
        if not self.run.dry_run:  # nothing of it happened
            send_metrics(self.run.tally, self.metrics_logger)
