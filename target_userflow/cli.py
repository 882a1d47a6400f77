"""The command: options and settings in, an exit status out."""

from __future__ import annotations

import logging
import os
import sys
from abc import abstractmethod
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NoReturn

from click import ClickException, Option
from dotenv import dotenv_values, find_dotenv
from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import _ConfigInput

from target_userflow.config import problems as configs
from target_userflow.config.environment import unheard
from target_userflow.errors import ConfigError
from target_userflow.escaping import escape_the_log, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from click import Command, Context

    from target_userflow.config.environment import Unheard

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
        environ = {**_dotenv(), **os.environ}
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
        given = config or _ConfigInput()
        cls._check_variables(given)
        target = cls._configured(given)
        _leave(target.check() if check else target.finish(file_input))

    @classmethod
    def _check_variables(cls, given: _ConfigInput) -> None:
        """Stop before anything is done if a variable was set that is not heard."""
        cls.append_builtin_config(cls.config_jsonschema)
        environ = {**_dotenv(), **os.environ} if given.parse_env else os.environ
        found = [*cls._unheard(environ, given)]
        for one in found:
            (cls.logger.error if one.is_fatal else cls.logger.warning)(one.line)
        if any(one.is_fatal for one in found):
            sys.exit(1)
        if not given.parse_env:
            cls._warn_of_dotenv(given)

    @classmethod
    def _warn_of_dotenv(cls, given: _ConfigInput) -> None:
        """Say what a `.env` file would have said; who runs the target may not even know of it."""
        with suppress(OSError, ValueError):  # what is not read need not be readable
            ours = {name: text for name, text in _dotenv().items() if name not in os.environ}
            for one in cls._unheard({**ours, **_of_meltano()}, given):
                cls.logger.warning("%s: %s", find_dotenv(usecwd=True), one.line)

    @classmethod
    def _unheard(cls, environ: Mapping[str, str], given: _ConfigInput) -> Iterator[Unheard]:
        schema, prefix = cls.config_jsonschema, cls._env_var_prefix
        return unheard(environ, given.config, schema, prefix, is_read=given.parse_env)

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


def _dotenv() -> dict[str, str]:
    """The variables of the `.env` file here or above, if there is one."""
    found = dotenv_values(find_dotenv(usecwd=True))
    return {name: text for name, text in found.items() if text is not None}


def _of_meltano() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if name.startswith("MELTANO_")}


def _leave(status: int) -> NoReturn:
    """Exit, at once after a signal: a request that hangs must not hold the process."""
    if status > _OF_SIGNALS:
        logging.shutdown()
        os._exit(status)
    sys.exit(status)
