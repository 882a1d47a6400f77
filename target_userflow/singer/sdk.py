"""Every private name of the Singer SDK that the target depends on, behind public names of our own.

`tests/singer/test_sdk.py` holds what is wrong in the SDK, so that its next version shows whether
an override can go.
"""

from __future__ import annotations

import traceback
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.mapper import CustomStreamMap
from singer_sdk.plugin_base import _ConfigInput as ConfigInput
from singer_sdk.sinks import BatchSink

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.about import AboutInfo

    from target_userflow.singer.message import Message
    from target_userflow.singer.reader import LineReader

__all__ = ["ConfigInput", "SdkSink", "SdkTarget", "failed_expression"]


class SdkTarget(Target):
    """A target that gets its messages, signals and problems of the config by hooks of our own.

    Of the SDK's own handling of messages nothing is left: it would end a run at the first bad
    record, merge streams of one name, and acknowledge what is undelivered when a signal comes.
    """

    message_reader: LineReader

    # The config

    @classmethod
    def about_info(cls) -> AboutInfo:
        """Return what `--about` prints."""
        return cls._get_about_info()

    @classmethod
    def environment_prefix(cls) -> str:
        """Return what the variables begin with that are read for the config."""
        prefix: str = cls._env_var_prefix
        return prefix

    @classmethod
    @abstractmethod
    def config_of_environment(cls) -> dict[str, Any]:
        """Return the settings that environment variables hold."""

    @abstractmethod
    def config_problems(self, config: dict[str, Any]) -> list[str]:
        """Return a line for everything that is wrong with a config, and fill in its defaults."""

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805 - a classproperty's first argument
        config: dict[str, Any] = cls.config_of_environment()
        return config

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        problems = self.config_problems(self._config)
        if problems and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=problems)
        return problems

    # Messages and signals

    @abstractmethod
    def read_schema(self, message: Message) -> None:
        """Process a SCHEMA message."""

    @abstractmethod
    def read_record(self, message: Message) -> None:
        """Process a RECORD message."""

    @abstractmethod
    def read_state(self, message: Message) -> None:
        """Process a STATE message."""

    @abstractmethod
    def read_activate_version(self, message: Message) -> None:
        """Process an ACTIVATE_VERSION message."""

    @abstractmethod
    def end_of_input(self) -> None:
        """Process the end of the input."""

    @abstractmethod
    def interrupt(self, signum: int) -> None:
        """Handle SIGTERM or SIGINT, whose number is given."""

    def process_endofpipe(self) -> None:
        """Process the end of the input; the SDK would drain its sinks and write its STATE."""
        self.end_of_input()

    def _process_schema_message(self, message_dict: Any) -> None:
        try:
            self.read_schema(message_dict)
        except SingerSDKError as error:
            raise message_dict.complaint(error) from error

    def _process_record_message(self, message_dict: Any) -> None:
        self.read_record(message_dict)

    def _process_state_message(self, message_dict: Any) -> None:
        self.read_state(message_dict)

    def _process_activate_version_message(self, message_dict: Any) -> None:
        self.read_activate_version(message_dict)

    def _process_batch_message(self, message_dict: Any) -> None:
        raise message_dict.complaint("BATCH messages are not read: let the tap send RECORDs")

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        self.interrupt(signum)


class SdkSink(BatchSink):
    """A sink that checks, drops and holds nothing by itself."""

    def get_validator(self) -> None:
        """Leave the SDK's own validator out."""

    def process_batch(self, context: dict[str, Any]) -> None:
        """Do nothing: there never is a batch."""

    def _remove_sdc_metadata_from_schema(self) -> None:
        """Leave the columns that a tap adds: they are part of its schema."""


def failed_expression(error: Exception) -> tuple[str, str] | None:
    """Return the column and the expression of a stream map that raised an error.

    Returns:
        The column is empty for a filter of records; None if no expression raised the error.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is CustomStreamMap._eval.__code__:  # noqa: SLF001 - what this module is for
            return frame.f_locals["property_name"] or "", frame.f_locals["expr"]
    return None
