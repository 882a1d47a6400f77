"""The command line: it takes options and settings, and ends with an exit status."""

from __future__ import annotations

import logging
import os
import sys
from abc import abstractmethod
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click
from click import ClickException, Option
from dotenv import dotenv_values, find_dotenv
from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import _ConfigInput

from target_userflow.config import problems as configs
from target_userflow.config import reading
from target_userflow.config.environment import unread_variables
from target_userflow.config.urls import exposed
from target_userflow.errors import ConfigError
from target_userflow.escaping import escape_the_log, escaped
from target_userflow.reporting.about import about_text
from target_userflow.reporting.audience import audience_here

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from click import Command, Context

    from target_userflow.config.environment import UnreadVariable

_SIGNAL_STATUS = 128  # an exit status above it is this plus the signal
_WAITS = (
    "Waiting for a tap: nothing is piped in, and messages are read from this terminal. Type Ctrl-D "
    "to end, and target-userflow --help for an example"
)
_EXAMPLE = """\
\b
For instance, with a config file, and with settings from the environment:
  tap-csv --config tap.json | target-userflow --config config.json
  TARGET_USERFLOW_API_KEY=ak_... target-userflow --config ENV < users.singer
\b
The config of a table of customers that become users:
  {"api_key": "ak_...", "streams": {"customers": {"object": "users"}}}
\b
Add --check to try the key, and "dry_run": true to see what would be sent.
"""
_USELESS_SETTINGS = ("add_record_metadata", "load_method")  # the SDK's, with no meaning here


class CommandLine(Target):
    """The part of the target that handles the command line."""

    @abstractmethod
    def finish(self, file_input: IO[str] | None) -> int:
        """Read the input to its end, log the summary, and return the exit status."""

    @abstractmethod
    def check(self) -> int:
        """Print what would stop a run, and return the exit status."""

    @classmethod
    def cb_config(cls, ctx: Context, param: Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read the config files; the SDK ends in a traceback where there is none."""
        try:
            for path in {*value} - {"ENV"}:
                reading.check_file(path)
        except ConfigError as error:
            raise ClickException(escaped(str(error))) from None
        return super().cb_config(ctx, param, value)

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805 - a classproperty's first argument
        cls.append_builtin_config(cls.config_jsonschema)
        environ = {**_dotenv(), **os.environ}
        return reading.from_environment(environ, cls.config_jsonschema, cls._env_var_prefix)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings, without those that have no meaning here."""
        super().append_builtin_config(config_jsonschema)
        for name in _USELESS_SETTINGS:
            config_jsonschema["properties"].pop(name, None)

    @classmethod
    def print_about(cls, output_format: str | None = None) -> None:
        """Print what the target is and can be set to; as text, what the SDK leaves out, too."""
        if output_format:
            super().print_about(output_format)
        else:
            click.echo(about_text(cls._get_about_info()))

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        problems = configs.problems(self._config, self.config_jsonschema)
        if problems and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=problems)
        return problems

    @classmethod
    def get_singer_command(cls) -> Command:
        """Return the SDK's command, with the option `--check`."""
        command = super().get_singer_command()
        command.help = "Read Singer messages, and bring their records to the products."
        command.epilog = _EXAMPLE
        text = "Ask each product whether it lets the config's key in; read and write nothing else."
        command.params.append(Option(["--check"], is_flag=True, help=text))
        return command

    @classmethod
    def invoke(  # type: ignore[override] # as the SDK's own Target does
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
        check: bool = False,
    ) -> None:
        """Run the command, and exit with a status that tells how it went."""
        if about:
            cls.print_about(about_format)
            return
        escape_the_log()
        cls.print_version(print_fn=cls.logger.info)
        given = config or _ConfigInput()
        cls._check_variables(given)
        target = cls._configured(given)
        for line in exposed(target.config):
            cls.logger.warning(line)
        target.prepare_terminal(waits=file_input is None and not check)
        _leave(target.check() if check else target.finish(file_input))

    def prepare_terminal(self, *, waits: bool) -> None:
        """Leave out what a person has no use for, and say if nothing is piped in.

        Args:
            waits: Whether messages are read from standard input.
        """
        if not audience_here(os.environ).wants_metrics:
            self.metrics_logger.setLevel(logging.WARNING)
        if waits and sys.stdin is not None and sys.stdin.isatty():
            self.logger.warning(_WAITS)

    @classmethod
    def _check_variables(cls, given: _ConfigInput) -> None:
        """Exit before anything is done if a variable was set that has to be read and is not."""
        cls.append_builtin_config(cls.config_jsonschema)
        environ = {**_dotenv(), **os.environ} if given.parse_env else os.environ
        unread = [*cls._unread(environ, given)]
        for variable in unread:
            (cls.logger.error if variable.is_fatal else cls.logger.warning)(variable.line)
        if any(variable.is_fatal for variable in unread):
            sys.exit(1)
        if not given.parse_env:
            cls._warn_of_dotenv(given)

    @classmethod
    def _warn_of_dotenv(cls, given: _ConfigInput) -> None:
        """Warn of variables in a `.env` file, of which a user may not even know."""
        with suppress(OSError, ValueError):  # what is not read need not be readable
            new = {name: text for name, text in _dotenv().items() if name not in os.environ}
            for variable in cls._unread({**new, **_of_meltano()}, given):
                cls.logger.warning("%s: %s", find_dotenv(usecwd=True), variable.line)

    @classmethod
    def _unread(cls, environ: Mapping[str, str], given: _ConfigInput) -> Iterator[UnreadVariable]:
        schema, prefix = cls.config_jsonschema, cls._env_var_prefix
        return unread_variables(environ, given.config, schema, prefix, is_read=given.parse_env)

    @classmethod
    def _configured(cls, given: _ConfigInput) -> CommandLine:
        """Return the target; if its config has problems, log a line for each, and exit with 1."""
        try:
            return cls(config=given.config, parse_env_config=given.parse_env)
        except ConfigError as error:
            raise ClickException(escaped(str(error))) from None
        except ConfigValidationError as error:
            for line in error.errors:
                cls.logger.error(line)  # noqa: TRY400 - the line says it all
            sys.exit(1)


def _dotenv() -> dict[str, str]:
    """Return the variables of the `.env` file here or above; empty without a file."""
    variables = dotenv_values(find_dotenv(usecwd=True))
    return {name: text for name, text in variables.items() if text is not None}


def _of_meltano() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if name.startswith("MELTANO_")}


def _leave(status: int) -> NoReturn:
    """Exit, at once after a signal: a request that hangs must not hold the process."""
    if status > _SIGNAL_STATUS:
        logging.shutdown()
        os._exit(status)
    sys.exit(status)
