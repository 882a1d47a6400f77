"""The command: options and settings in, an exit status out."""

from __future__ import annotations

import logging
import os
import sys
from abc import abstractmethod
from typing import IO, TYPE_CHECKING, Any, NoReturn

from click import ClickException, Option
from dotenv import dotenv_values, find_dotenv
from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import _ConfigInput

from target_userflow.config import problems as configs
from target_userflow.errors import ConfigError
from target_userflow.escaping import escape_the_log, escaped

if TYPE_CHECKING:
    from click import Command, Context

_OF_SIGNALS = 128  # an exit status above it tells the signal
_USELESS_SETTINGS = ("add_record_metadata", "load_method")  # the SDK's, with no meaning here


class CommandLine(Target):
    """The half of the target that only knows how it is called."""

    @abstractmethod
    def finish(self, file_input: IO[str] | None) -> int:
        """Read to the end, and say how it went: the exit status."""

    @abstractmethod
    def check(self) -> int:
        """Print what a run would meet: the exit status."""

    @classmethod
    def cb_config(cls, ctx: Context, param: Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read the config files; the SDK ends in a traceback where there is none."""
        try:
            for path in {*value} - {"ENV"}:
                configs.check_file(path)
        except ConfigError as error:
            raise ClickException(escaped(str(error))) from None
        return super().cb_config(ctx, param, value)

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

    @classmethod
    def get_singer_command(cls) -> Command:
        """The SDK's command, which can also check instead of run."""
        command = super().get_singer_command()
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
        """Run the command: like the SDK's, but with an exit status that tells how it went."""
        if about:
            cls.print_about(about_format)
            return
        escape_the_log()
        cls.print_version(print_fn=cls.logger.info)
        target = cls._configured(config or _ConfigInput())
        _leave(target.check() if check else target.finish(file_input))

    @classmethod
    def _configured(cls, given: _ConfigInput) -> CommandLine:
        """The target, unless its config is wrong: then a line for each problem, and exit 1."""
        try:
            return cls(config=given.config, parse_env_config=given.parse_env)
        except ConfigError as error:
            raise ClickException(escaped(str(error))) from None
        except ConfigValidationError as error:
            for line in error.errors:
                cls.logger.error(line)  # noqa: TRY400 - the line says it all
            sys.exit(1)


def _leave(status: int) -> NoReturn:
    """Exit, at once after a signal: a request that hangs must not hold the process."""
    if status > _OF_SIGNALS:
        logging.shutdown()
        os._exit(status)
    sys.exit(status)
