"""The command line: it takes options and settings, and ends with an exit status."""

from __future__ import annotations

import logging
import os
import sys
from abc import abstractmethod
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import click
from click import Choice, ClickException, Group, Option
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import SingerCommand

from target_userflow.commands.group import commands
from target_userflow.config import problems as configs
from target_userflow.config import reading
from target_userflow.config.environment import check_variables, environment
from target_userflow.config.urls import exposed
from target_userflow.errors import ConfigError
from target_userflow.escaping import escape_the_log, escaped
from target_userflow.finish import leave
from target_userflow.reporting.about import about_text
from target_userflow.reporting.audience import audience_here, color_of_output
from target_userflow.singer.sdk import ConfigInput, SdkTarget

if TYPE_CHECKING:
    from click import Command, Context
    from typing_extensions import Self

    from target_userflow.services.run import Run

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
Target = TypeVar("Target", bound="CommandLine")
_CONFIG = "target_userflow.config"
"""Where the contexts of commands have the configs that were given."""
_USELESS_SETTINGS = ("add_record_metadata", "load_method")  # the SDK's, with no meaning here


class Mode(NamedTuple):
    """What the options ask of a target."""

    file_input: IO[str] | None = None
    """The input; standard input, if it is None."""
    check: bool = False
    """Whether to print what would stop a run."""
    verify: bool = False
    """Whether to compare the input with what Userflow has."""
    extra: bool = False
    """Whether to count what exists and is not in the input, too; it implies `verify`."""
    plan: str | None = None
    """`text` or `json` to print what would become of every column."""


class TargetGroup(SingerCommand, Group):
    """The command of a run, which has other commands beside it."""


class CommandLine(SdkTarget):
    """The part of the target that handles the command line."""

    run: Run
    error: str | None = None
    """Why the run ended early; None if all of its input has an outcome."""

    @abstractmethod
    def finish(self, file_input: IO[str] | None) -> int:
        """Read the input to its end, log the summary, and return the exit status."""

    @abstractmethod
    def start(self, mode: Mode) -> int:
        """Do what the options ask for, and return the exit status."""

    @classmethod
    def cb_config(cls, ctx: Context, param: Option, value: tuple[str, ...]) -> ConfigInput:
        """Read the config files; the SDK ends in a traceback where there is none."""
        try:
            for path in {*value} - {"ENV"}:
                reading.check_file(path)
        except ConfigError as error:
            raise ClickException(escaped(str(error))) from None
        return super().cb_config(ctx, param, value)

    @classmethod
    def config_of_environment(cls) -> dict[str, Any]:
        """Return the settings in environment variables and in the `.env` file."""
        cls.append_builtin_config(cls.config_jsonschema)
        return reading.from_environment(
            environment(), cls.config_jsonschema, cls.environment_prefix()
        )

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
            click.echo(about_text(cls.about_info()))

    def config_problems(self, config: dict[str, Any]) -> list[str]:
        """Return a line for everything that is wrong with a config, and fill in its defaults."""
        self.append_builtin_config(self.config_jsonschema)
        return configs.problems(config, self.config_jsonschema)

    @classmethod
    def get_singer_command(cls) -> Command:
        """Return the SDK's command, with options and commands of its own."""
        command = super().get_singer_command()
        return TargetGroup(
            name=command.name,
            callback=cls._invoked,
            context_settings=command.context_settings,
            params=[*command.params, *_options()],
            help="Read Singer messages, and bring their records to the products.",
            epilog=_EXAMPLE,
            logger=cls.logger,
            invoke_without_command=True,
            commands=commands(_Host(cls)),
        )

    @classmethod
    def _invoked(cls, **options: Any) -> None:
        """Run, or leave it to the command that is named."""
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            cls.invoke(**options)
        else:
            context.meta[_CONFIG] = options["config"]

    @classmethod
    def invoke(
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: ConfigInput | None = None,
        **mode: Any,
    ) -> None:
        """Run the command, and exit with a status that tells how it went.

        Args:
            about: Whether to print what the target is.
            about_format: The form of that.
            config: The settings, and whether variables are read for them.
            mode: The fields of `Mode`.
        """
        if about:
            cls.print_about(about_format)
            return
        escape_the_log()
        cls.print_version(print_fn=cls.logger.info)
        target = cls.opened(config or ConfigInput())
        chosen = Mode(**mode)
        target.prepare_terminal(waits=chosen.file_input is None and not chosen.check)
        leave(target.start(chosen))

    @classmethod
    def opened(cls, given: ConfigInput) -> Self:
        """Return the target of a config; if that has problems, log a line for each, and exit."""
        escape_the_log()
        cls.append_builtin_config(cls.config_jsonschema)
        if not check_variables(
            cls.config_jsonschema,
            cls.environment_prefix(),
            given.config,
            is_read=given.parse_env,
            logger=cls.logger,
        ):
            sys.exit(1)
        target = _configured(cls, given)
        for line in exposed(target.config):
            cls.logger.warning(line)
        return target

    def prepare_terminal(self, *, waits: bool) -> None:
        """Leave out what a person has no use for, and say if nothing is piped in.

        Args:
            waits: Whether messages are read from standard input.
        """
        if not audience_here(os.environ).wants_metrics:
            self.metrics_logger.setLevel(logging.WARNING)
        if waits and sys.stdin is not None and sys.stdin.isatty():
            self.logger.warning(_WAITS)


def _configured(kind: type[Target], given: ConfigInput) -> Target:
    """Return the target of a config; if that has problems, log a line for each, and exit with 1."""
    try:
        return kind(config=given.config, parse_env_config=given.parse_env)
    except ConfigError as error:
        raise ClickException(escaped(str(error))) from None
    except ConfigValidationError as error:
        for line in error.errors:
            kind.logger.error(line)  # noqa: TRY400 - the line says it all
        sys.exit(1)


def _options() -> list[Option]:
    """Return the options of the modes; their names are the fields of `Mode`."""
    flags = {
        "--check": "Ask each product whether it lets the config's key in; read and write nothing "
        "else.",
        "--verify": "Compare the input with what Userflow has, and write nothing; 0 if all is the "
        "same.",
        "--extra": "With --verify: also count what exists there and is not in the input.",
    }
    form: dict[str, Any] = {"flag_value": "text", "is_flag": False}
    plan = "Say what would become of every column of the input, as text or json."
    return [
        *(Option([name], is_flag=True, help=text) for name, text in flags.items()),
        Option(["--plan"], help=plan, type=Choice(["text", "json"]), **form),
    ]


class _Host:
    """The command line as its commands see it: they take `--config`, too."""

    def __init__(self, cls: type[CommandLine]) -> None:
        self._cls = cls
        self.color = color_of_output(os.environ)

    def option(self) -> Option:
        """Return an option whose configs win over those given further left."""
        return Option(
            ["--config"],
            multiple=True,
            expose_value=False,
            callback=self._add,
            help="As of target-userflow itself.",
        )

    def target(self, *, is_quiet: bool) -> CommandLine:
        """Return the target of all configs that were given."""
        if is_quiet:
            self._cls.logger.setLevel(logging.WARNING)
        target = self._cls.opened(click.get_current_context().meta[_CONFIG])
        self._cls.logger.setLevel(logging.NOTSET)
        target.prepare_terminal(waits=False)
        return target

    def _add(self, context: Context, option: Option, value: tuple[str, ...]) -> None:
        known = context.meta[_CONFIG]
        new = self._cls.cb_config(context, option, value)
        context.meta[_CONFIG] = ConfigInput(
            {**known.config, **new.config}, known.parse_env or new.parse_env
        )
