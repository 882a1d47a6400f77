"""The target: settings become shared services, streams become sinks, and messages records."""

from __future__ import annotations

import logging
import os
import signal
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk.exceptions import InvalidInputLine, SingerSDKError
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.mapper import RemoveRecordTransform

from target_userflow.check import check
from target_userflow.cli import CommandLine
from target_userflow.clock import Clock
from target_userflow.config import routing
from target_userflow.config.schema import CONFIG_SCHEMA
from target_userflow.config.settings import IGNORE, Settings, StreamOptions
from target_userflow.deletes.log_based import log_marks
from target_userflow.errors import Exhausted, Interrupted, InvalidSchema, RejectRecord, StopRun
from target_userflow.reporting.finish import conclude, remind, run_files, send_metrics
from target_userflow.reporting.progress import Progress, progress
from target_userflow.reporting.progress_sampler import ProgressSampler
from target_userflow.services import Run
from target_userflow.singer.dead_letters import alias_of
from target_userflow.singer.reader import LineReader
from target_userflow.singer.state import state_line
from target_userflow.singer.stream_maps import MapNames
from target_userflow.singer.stream_schema import for_flattening, with_columns
from target_userflow.sinks import IgnoredSink, UserflowSink

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import FrameType

    from singer_sdk.mapper import StreamMap
    from singer_sdk.sinks import Sink

_TOO_LARGE = 2**63  # for a version, as databases hold it


def _place(source: str, alias: str) -> str:
    """The name under which a sink is kept: that of the tap's stream, and its name after maps."""
    return f"{source}\0{alias}"


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
    message_reader: LineReader
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
        self._map_names = MapNames(self.config.get("stream_maps") or {}, self.logger.warning)
        self._told_versions: set[str] = set()
        self._routed: list[str] = []
        self._unmade: set[tuple[str, str]] = set()
        self._stated = 0  # the line of the last STATE
        self.message_reader.idle = self.run.pipeline.idle

    # Streams

    def route(self, stream: str) -> tuple[str, StreamOptions]:
        """The object that a stream goes to, and its options.

        Raises:
            ConfigError: nothing says which object that is.
        """
        options = routing.options_of(stream, self.run.settings.streams)
        return routing.object_of(stream, options), options

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """A sink that delivers, or one that leaves the stream out."""
        if self._is_dropped(stream_name):
            return IgnoredSink
        name, _ = self.route(stream_name)
        self._routed.append(stream_name)
        return IgnoredSink if name == IGNORE else UserflowSink

    def _is_dropped(self, alias: str) -> bool:
        """Whether stream maps drop what of the tap's stream would go by this name."""
        maps = self.mapper.stream_maps.get(self.message_reader.stream, ())
        return any(
            isinstance(one, RemoveRecordTransform) and one.stream_alias == alias for one in maps
        )

    def get_sink(
        self,
        stream_name: str,
        *,
        record: dict[str, Any] | None = None,  # noqa: ARG002 - the SDK's signature
        schema: dict[str, Any] | None = None,
        key_properties: Sequence[str] | None = None,
    ) -> Sink:
        """The sink of what the tap's stream is called after the stream maps.

        The SDK has one for each name, and would read the records of one stream by the schema of
        another that has the same name. Here each stream of the tap has its own.

        Records that came under an earlier SCHEMA keep their sink, and go before those of the next.
        """
        place = _place(self.message_reader.stream, stream_name)
        known = self._sinks_active.get(place)
        if schema is None:
            return self._sinks_active[place]
        if known and (known.original_schema, known.key_properties) == (schema, key_properties):
            return known
        sink_class = self.get_sink_class(stream_name)
        made = sink_class(self, stream_name, schema, key_properties)
        made.setup()
        self._sinks_active[place] = made
        return made

    def sink_exists(self, stream_name: str) -> bool:
        """Whether the tap's stream has a sink under this name."""
        return _place(self.message_reader.stream, stream_name) in self._sinks_active

    # Messages

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        """Hand the SDK a schema that it can handle; nothing is compiled before the stream maps.

        What a map drops, or a stream that is left out, is never looked at.
        """
        keys = message_dict.get("key_properties") or []
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise self.message_reader.complain("key_properties is no list of names")
        try:
            schema = self._readable(message_dict["stream"], message_dict["schema"], keys)
            declared = message_dict["schema"].get("properties") or {}
            self._map_names.schema(message_dict["stream"], declared)
            super()._process_schema_message({**message_dict, "schema": schema})
        except InvalidSchema as error:
            raise self.message_reader.complain(error) from None
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise self.message_reader.complain(
                f"stream_maps or flattening can't handle the schema: {type(error).__name__}"
            ) from None
        self._check_aliases(message_dict["stream"])

    def _check_aliases(self, stream: str) -> None:
        """Let a stream have each of its names once: its records would pass for each other."""
        names = Counter(one.stream_alias for one in self.mapper.stream_maps[stream])
        ((name, times),) = names.most_common(1)
        if times > 1:
            raise self.message_reader.complain(
                f"stream_maps makes several streams named '{name}' of '{stream}'. Give them "
                f'different names, and say what they are with streams: {{"<name>": '
                f'{{"object": "{self.route(name)[0]}"}}}}'
            )

    def _readable(self, stream: str, schema: dict[str, Any], keys: list[str]) -> dict[str, Any]:
        """The schema as stream maps and flattening can handle it."""
        readable = with_columns(stream, schema, keys)
        return for_flattening(readable) if self._flattens else readable

    @property
    def _flattens(self) -> bool:
        options = self.mapper.flattening_options
        return options.enabled and options.max_level > 0

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict["stream"]
        if stream not in self.mapper.stream_maps:
            self._assert_sink_exists(stream)
        self._map_names.record(stream, message_dict["record"])
        for stream_map in self._maps_of(message_dict):
            self._take(stream_map, message_dict)
        self.run.pipeline.tick()

    def _maps_of(self, message: dict[str, Any]) -> Sequence[StreamMap]:
        """The stream maps that a record goes through: all, or that of a dead letter's stream."""
        maps: Sequence[StreamMap] = self.mapper.stream_maps[message["stream"]]
        alias = alias_of(message)
        if alias is None:
            return maps
        named = [one for one in maps if one.stream_alias == alias]
        if not named and (message["stream"], alias) not in self._unmade:
            self._unmade.add((message["stream"], alias))
            self.logger.warning(
                "Some dead letters of '%s' are of '%s', which stream_maps does not make of it "
                "now: they go to all that it makes",
                message["stream"],
                alias,
            )
        return named or maps

    def _take(self, stream_map: StreamMap, message: dict[str, Any]) -> None:
        """Take a record in: one that a stream map fails on is rejected, the others go on."""
        record, version = {**message["record"]}, self._version_of(message)
        marks = log_marks(record)  # before a map leaves them out
        try:
            mapped = stream_map.transform(record)
        except StopRun:  # a signal, in the middle of it
            raise
        except Exception as error:  # noqa: BLE001 - the expressions of a map can raise anything
            self._sink_of(stream_map.stream_alias).reject_unmapped(
                error, message["record"], version
            )
        else:
            if mapped is not None:
                self._sink_of(stream_map.stream_alias).take(mapped, version, marks)

    def _version_of(self, message: dict[str, Any]) -> int | None:
        """The version that a message names; None where it names none, or none is looked at."""
        version = message.get("version") if self.run.settings.hard_delete else None
        if version is None or (type(version) is int and abs(version) < _TOO_LARGE):
            return version
        raise self.message_reader.complain("its version is no whole number of 64 bits")

    def _sink_of(self, alias: str) -> UserflowSink | IgnoredSink:
        self._assert_sink_exists(alias)
        sink: UserflowSink | IgnoredSink = self.get_sink(alias)  # type: ignore[assignment] # `get_sink_class` makes no others
        return sink

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        stream, version = message_dict["stream"], self._version_of(message_dict)
        if stream not in self.mapper.stream_maps:
            self._assert_sink_exists(stream)
        if version is None:
            self._say_that_versions_delete_nothing(stream)
            return
        self.run.pipeline.settle()
        for stream_map in self.mapper.stream_maps[stream]:
            if self.sink_exists(stream_map.stream_alias):
                self._sink_of(stream_map.stream_alias).announce(version)

    def _say_that_versions_delete_nothing(self, stream: str) -> None:
        if stream not in self._told_versions:
            self._told_versions.add(stream)
            self.logger.info(
                "Stream '%s': ACTIVATE_VERSION deletes nothing, as hard_delete is off", stream
            )

    def process_endofpipe(self) -> None:
        """Deliver the rest, and delete what versions leave behind that came ahead of records."""
        if self.run.announced():
            self.run.pipeline.settle()
        for (source, alias), versions in self.run.announced():
            sink = self._sinks_active[_place(source, alias)]
            if isinstance(sink, UserflowSink):
                sink.table.activate(complete=self._stated > versions.line)
        self.run.pipeline.end()
        super().process_endofpipe()

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        raise self.message_reader.complain("BATCH messages are not read: let the tap send RECORDs")

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        """Keep the STATE as the line that it will be: that it can be one is seen here."""
        try:
            line = state_line(message_dict["value"])
        except RejectRecord as error:
            raise self.message_reader.complain(f"STATE can't be written: {error}") from None
        if line:
            self.run.checkpoint.state(line)
        self._stated = self.message_reader.number
        self.run.pipeline.tick()

    def _drain_all(self, sink_list: Iterable[Sink], parallelism: int) -> None:
        """Drain nothing: sinks hold no records, see `Pipeline`."""

    # The end

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """Let the requests in flight finish, and start nothing new; at once, if asked twice.

        The SDK's own handler would deliver the rest and then write a STATE for it, from within
        whatever was interrupted.
        """
        if self._ending:
            return
        why, again = Interrupted(signum), self._clock.why
        if not again:  # `stop` may be what is interrupted, and can't be entered twice
            self._clock.stop(why)
        if again or self.message_reader.is_interruptible:
            self._ending = True
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
            self.run.tally.check()
            self.run.tally.check_keys()
        except StopRun as error:
            self._ending = True
            self._tell(error)
            return error.exit_code, str(error)
        except MemoryError:
            self._ending = True
            exhausted = Exhausted("memory")
            self._tell(exhausted)
            return exhausted.exit_code, str(exhausted)
        except (SingerSDKError, InvalidInputLine) as error:
            complaint = self.message_reader.complain(error)
            self._tell(complaint)
            return 1, str(complaint)
        self._map_names.end()
        remind(self.message_reader, self.run.settings.streams, self._routed, self.logger)
        if self.run.verification:
            return int(not self.run.verification.is_same(self.run.tally)), None
        new = self.run.tally.rejected - self.run.dead_letters.repeated
        rejected = new + self.run.tally.undeleted
        return int(rejected > self.run.settings.max_rejects), None

    def _progress(self) -> Progress:
        sampler = ProgressSampler(self.run, self.message_reader)
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
