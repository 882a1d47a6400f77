"""The sinks of all streams of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_userflow.config import routing
from target_userflow.config.settings import IGNORE
from target_userflow.errors import ConfigError, InvalidSchema, StopRun
from target_userflow.sinks.ignored_sink import IgnoredSink
from target_userflow.sinks.planned_sink import PlannedSink
from target_userflow.sinks.userflow_sink import UserflowSink

if TYPE_CHECKING:
    from target_userflow.config.settings import StreamOptions
    from target_userflow.singer.mapped_streams import MappedStream, MappedStreams
    from target_userflow.singer.message import Message
    from target_userflow.sinks.userflow_sink import Host

Sink = UserflowSink | IgnoredSink


class StreamSinks:
    """Makes the sink of each stream, and hands messages to the sinks of their streams.

    The SDK has one sink for each name, and would read the records of one stream by the schema of
    another that has the same name. Here each stream of the tap has its own.
    """

    def __init__(self, target: Host, streams: MappedStreams) -> None:
        """Begin without a stream.

        Args:
            target: The target, whose run is used.
            streams: The streams that stream maps make of the tap's.
        """
        self._target = target
        self._run = target.run
        self._streams = streams
        self._sinks: dict[tuple[str, str], Sink] = {}
        """The name of the tap's stream, and its name after a stream map → the sink."""
        self.routed: list[str] = []
        """The names of the streams that are not dropped, in the order of their SCHEMAs."""

    def register(self, message: Message) -> None:
        """Make the sinks of a stream; what a map drops, or what is left out, is not looked at.

        Args:
            message: The SCHEMA message of the stream.

        Raises:
            StopRun: no run can start with the stream.
        """
        try:
            for stream in self._streams.register(message):
                self._make(stream)
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
                f'{{"object": "{self._route(name)[0]}"}}}}'
            )

    def take(self, message: Message, version: int | None) -> None:
        """Hand a record to the sinks of its streams, once for each stream map.

        Args:
            message: The RECORD message.
            version: The version of the table that the record is of, if that matters.

        Raises:
            StopRun: the run can't go on.
        """
        for stream_map in self._streams.maps(message):
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

    def of(self, message: Message) -> list[Sink]:
        """Return the sinks of the stream of a message.

        Raises:
            WithoutSchema: there was no SCHEMA for the stream.
        """
        return [self._sinks[message.stream, name] for name in self._streams.names(message)]

    def activate_announced(self, last_state: int) -> None:
        """Delete what versions leave behind that were activated ahead of their records.

        Args:
            last_state: The number of the line of the last STATE message.

        Raises:
            StopRun: the run can't go on.
        """
        for place, versions in self._run.versions.announced():
            self._sinks[place].activate(complete=last_state > versions.line)

    def clean_up(self) -> None:
        """Let the SDK end the metrics of each sink."""
        for sink in self._sinks.values():
            sink.clean_up()

    def _make(self, stream: MappedStream) -> None:
        """Make the sink of a stream, unless its SCHEMA is the one before."""
        place = stream.source, stream.name
        known = self._sinks.get(place)
        schema = stream.schema, stream.keys
        if known and (known.original_schema, known.key_properties) == schema:
            return
        self._sinks[place] = self._ready(stream)

    def _ready(self, stream: MappedStream) -> Sink:
        """Return a new sink; the plan leaves a stream out that no run can start with."""
        try:
            sink = self._new(stream)
            sink.setup()
        except ConfigError as error:
            if not self._run.settings.plans:
                raise
            self._run.plan.fail(stream.name, error)
            return self._ignored(stream)
        return sink

    def _new(self, stream: MappedStream) -> Sink:
        if stream.is_dropped:
            return self._ignored(stream)
        object_type, options = self._route(stream.name)
        self.routed.append(stream.name)
        if object_type == IGNORE:
            return self._ignored(stream)
        kind = PlannedSink if self._run.settings.plans else UserflowSink
        return kind(self._target, stream, object_type, options)

    def _ignored(self, stream: MappedStream) -> IgnoredSink:
        return IgnoredSink(self._target, stream.name, stream.schema, stream.keys)  # type: ignore[arg-type] # it is the target

    def _route(self, stream: str) -> tuple[str, StreamOptions]:
        """Return the object type that a stream goes to, and its options."""
        options = routing.options_of(stream, self._run.settings.streams)
        return routing.object_of(stream, options), options
