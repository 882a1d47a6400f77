"""The target: settings become shared services, streams become sinks, and windows become STATE."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, ClassVar, NoReturn

from click import ClickException
from dotenv import dotenv_values, find_dotenv
from singer_sdk import Target, metrics
from singer_sdk.exceptions import ConfigValidationError, InvalidInputLine, SingerSDKError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.plugin_base import _ConfigInput

from target_userflow import config as configs
from target_userflow import routing
from target_userflow.apis import userflow
from target_userflow.attributes import encoded
from target_userflow.clock import Clock
from target_userflow.dead_letters import DeadLetters
from target_userflow.delivery import Delivery
from target_userflow.errors import ConfigError, Interrupted, StopRun, StorageError
from target_userflow.http import Http
from target_userflow.ledger import Ledger, exists
from target_userflow.limiter import Limiter
from target_userflow.memory import EventMemory, Memory, RecordMemory
from target_userflow.reader import LineReader
from target_userflow.report import Report
from target_userflow.settings import CONFIG_SCHEMA, IGNORE, Settings, StreamOptions
from target_userflow.sinks import IgnoredSink, UserflowSink
from target_userflow.window import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import FrameType

    from singer_sdk.sinks import Sink

    from target_userflow.apis.roles import Stream

_OF_SIGNALS = 128  # an exit status above it tells the signal
_TURNS = tuple(userflow.OBJECTS)
_USELESS_SETTINGS = ("add_record_metadata", "load_method")  # the SDK's, with no meaning here


@dataclass(frozen=True, slots=True)
class Run:
    """What all sinks of one run share."""

    settings: Settings
    clock: Clock
    report: Report
    dead_letters: DeadLetters
    window: Window


class TargetUserflow(Target):
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

    def __init__(self, *, clock: Clock | None = None, **kwargs: Any) -> None:
        """Check the config and make what the sinks share; nothing is sent or written yet.

        Args:
            clock: Another time than the machine's.
            kwargs: The SDK's own arguments; `config` is the one that is needed.

        Raises:
            ConfigValidationError: with a line for everything that is wrong with the config.
        """
        self._clock = clock or Clock()
        super().__init__(message_reader=LineReader(self._clock), **kwargs)
        settings = Settings.of(self.config)
        now = self._clock.now()
        self.run = Run(
            settings,
            self._clock,
            Report(settings.abort_reject_ratio),
            DeadLetters(settings.dead_letter_dir, f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"),
            Window(self._clock, settings.pace, most=self.config.get("batch_size_rows")),
        )
        self._written_state: Any = None

    # Settings

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805 - a classproperty's first argument
        cls.append_builtin_config(cls.config_jsonschema)
        dotenv = {k: v for k, v in dotenv_values(find_dotenv(usecwd=True)).items() if v is not None}
        environ = {**dotenv, **os.environ}
        return configs.from_environment(environ, cls.config_jsonschema, cls._env_var_prefix)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings, but none that would do nothing."""
        super().append_builtin_config(config_jsonschema)
        for name in _USELESS_SETTINGS:
            config_jsonschema["properties"].pop(name, None)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        problems = configs.problems(self._config, self.config_jsonschema)
        if problems and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=problems)
        return problems

    # Streams

    def route(self, stream: str) -> tuple[str, StreamOptions]:
        """The object that a stream goes to, and its options.

        Raises:
            ConfigError: nothing says which object that is.
        """
        options = routing.options_of(stream, self.run.settings.streams)
        return routing.object_of(stream, options), options

    @cached_property
    def delivery(self) -> Delivery:
        """The way to Userflow, made when the first stream needs it.

        Raises:
            ConfigError: there is no key.
        """
        destination, pace = self.run.settings.userflow, self.run.settings.pace
        if destination is None:
            raise ConfigError(
                "Setting 'api_key' is missing: a stream is routed to Userflow. Create a key in "
                "Userflow under Settings, API, or set TARGET_USERFLOW_API_KEY"
            )
        headers = {**userflow.headers(destination.api_key), "User-Agent": pace.user_agent}
        http = Http(destination.url, headers, timeout=pace.request_timeout)
        limiter = Limiter(pace.requests_per_minute, self._clock)
        return Delivery(destination.name, http, limiter, self._clock, pace)

    @cached_property
    def ledger(self) -> Ledger:
        """What was delivered by earlier runs, opened when the first stream needs it.

        Raises:
            ConfigError: the setting names no database that can be used.
            StorageError: it can't be opened, or another run has it.
        """
        settings = self.run.settings
        assert settings.userflow  # noqa: S101 - a stream that needs the ledger needs the API first
        ledger = Ledger(settings.ledger, settings.userflow)
        if not settings.skip_unchanged:
            ledger.forget_records()  # this run will change them without noting it
        return ledger

    def memory(self, name: str, stream: Stream) -> Memory:
        """What a stream to the object `name` remembers; see `ledger` for what is raised."""
        settings, today = self.run.settings, self._clock.now().toordinal()
        if name == "events" and stream.keys and settings.ledger:
            return EventMemory(self.ledger, today, stream.name, stream.keys)
        if name != "events" and settings.skip_unchanged:
            return RecordMemory(self.ledger, today, name, settings.resync_days)
        if settings.ledger and exists(settings.ledger):
            _ = self.ledger
        return Memory()

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """A sink that delivers, or one that leaves the stream out."""
        name, _ = self.route(stream_name)
        return IgnoredSink if name == IGNORE else UserflowSink

    def get_sink(
        self,
        stream_name: str,
        *,
        record: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
        key_properties: Sequence[str] | None = None,
    ) -> Sink:
        """The sink of a stream.

        Before a changed SCHEMA takes effect, all that is held is delivered: the SDK would let the
        new sink overtake the old one, and with it a record its own predecessor.
        """
        if schema is not None and self.sink_exists(stream_name):
            self.drain_all()
        return super().get_sink(
            stream_name, record=record, schema=schema, key_properties=key_properties
        )

    # Windows

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        super()._process_state_message(message_dict)
        self._handle_max_record_age()

    def _handle_max_record_age(self) -> None:
        """Deliver when the window is due, rather than every five minutes."""
        if self.run.window.due:
            self.drain_all()

    def _drain_all(self, sink_list: Iterable[Sink], parallelism: int) -> None:  # noqa: ARG002 - each has all workers
        """Deliver what is referred to before what refers to it, then make its losses last."""
        sinks = [sink for sink in sink_list if isinstance(sink, UserflowSink)]
        for sink in sorted(sinks, key=lambda sink: _TURNS.index(sink.object)):
            self.drain_one(sink)
        self.run.dead_letters.sync()

    def _reset_max_record_age(self) -> None:
        self.run.window.reopen()

    def _write_state_message(self, state: Any) -> None:
        if state == self._written_state:
            return
        try:
            sys.stdout.write(encoded(state).decode() + "\n")
            sys.stdout.flush()
        except OSError as error:
            raise StorageError(
                f"STATE can't be written to standard output: {error.strerror}. What was delivered "
                "since the last one comes again on the next run"
            ) from None
        self._written_state = state

    # The end

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """Let the requests in flight finish, and start nothing new; at once, if asked twice.

        The SDK's own handler would deliver the rest and then write a STATE for it, from within
        whatever was interrupted.
        """
        why, again = Interrupted(signum), self._clock.stopped
        self._clock.stop(why)
        if again or self.message_reader.waiting:
            raise why

    def finish(self, file_input: IO[str] | None) -> int:
        """Read to the end, and say how it went.

        Returns:
            The exit status.
        """
        try:
            self.listen(file_input)
            self.run.report.check()
        except StopRun as error:
            self.logger.error("%s", error)  # noqa: TRY400 - the line says it all
            return error.exit_code
        except (SingerSDKError, InvalidInputLine) as error:
            self.logger.error("%s", self.message_reader.complain(error))  # noqa: TRY400
            return 1
        finally:
            self._close()
        return self._judge_rejections()

    def _close(self) -> None:
        for opened in {"delivery", "ledger"} & self.__dict__.keys():
            getattr(self, opened).close()
        self.run.dead_letters.close()
        for stream, fate, count in self.run.report.counts():
            tags = {metrics.Tag.STREAM.value: stream, metrics.Tag.STATUS.value: fate}
            point = metrics.Point("counter", metrics.Metric.RECORD_COUNT, count, tags)
            metrics.log(self.metrics_logger, point)
        if self.run.report.accounts:
            self.logger.info("Summary\n%s", self.run.report.table())

    def _judge_rejections(self) -> int:
        rejected, allowed = self.run.report.rejected, self.run.settings.max_rejects
        for line in self.run.report.rejections():
            self.logger.warning("%s", line)
        if rejected:
            self.logger.warning(
                "%d rejected records are in %s. Once their cause is mended, replay them with: "
                "target-userflow --config <the same> < %s",
                rejected,
                self.run.dead_letters.path,
                self.run.dead_letters.path,
            )
        return int(rejected > allowed)

    @classmethod
    def invoke(  # type: ignore[override] # as the SDK's own Target does
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the command: like the SDK's, but with an exit status that tells how it went."""
        if about:
            cls.print_about(about_format)
            return
        cls.print_version(print_fn=cls.logger.info)
        given = config or _ConfigInput()
        try:
            target = cls(config=given.config, parse_env_config=given.parse_env)
        except ConfigError as error:
            raise ClickException(str(error)) from None
        _leave(target.finish(file_input))


def _leave(status: int) -> NoReturn:
    """Exit, at once after a signal: a request that hangs must not hold the process."""
    if status > _OF_SIGNALS:
        logging.shutdown()
        os._exit(status)
    sys.exit(status)
