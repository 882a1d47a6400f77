"""Finds environment variables that were set for the target, and that it does not read.

A config file and variables are two ways to say the same; whoever sets `TARGET_USERFLOW_DRY_RUN`
beside a file, and is not heard, writes for real.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from copy import deepcopy
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from dotenv import dotenv_values, find_dotenv

from target_userflow.config.meltano import is_by_meltano
from target_userflow.config.names import nearest
from target_userflow.config.reading import convert_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SDK_SETTINGS = {"loglevel"}
_SIMILARITY = 0.8  # of a name to that of a setting, by difflib, if it is a slip of the fingers


class UnreadVariable(NamedTuple):
    """A variable that the target does not read."""

    line: str
    """The message for its user."""
    is_fatal: bool
    """Whether the run must not start."""


def unread_variables(
    environ: Mapping[str, str],
    config: Mapping[str, Any],
    schema: Mapping[str, Any],
    prefix: str,
    *,
    is_read: bool,
) -> Iterator[UnreadVariable]:
    """Yield the variables that are not read, and that would change the run or may be misspelt.

    Args:
        environ: The environment variables.
        config: The settings in the config files.
        schema: The schema of the settings.
        prefix: The prefix of the variables' names.
        is_read: Whether variables that name a setting are read: `--config ENV`.
    """
    by_meltano = is_by_meltano(environ)
    settings: dict[str, Any] = schema["properties"]
    names = {name.removeprefix(prefix).lower(): name for name in environ if name.startswith(prefix)}
    for name, variable in sorted(names.items()):
        if name not in settings:
            yield from _unknown(variable, name, settings, by_meltano=by_meltano)
        elif not (is_read or by_meltano) and _differs(name, environ[variable], config, settings):
            yield UnreadVariable(_not_read(variable), is_fatal=True)


def check_variables(
    schema: Mapping[str, Any],
    prefix: str,
    config: Mapping[str, Any],
    *,
    is_read: bool,
    logger: logging.Logger,
) -> bool:
    """Log a line for each variable that was set and is not read; a `.env` file may set some, too.

    Args:
        schema: The schema of the settings.
        prefix: The prefix of the variables' names.
        config: The settings in the config files.
        is_read: Whether variables that name a setting are read: `--config ENV`.
        logger: The logger of the lines.

    Returns:
        Whether the run may start.
    """
    environ = environment() if is_read else os.environ
    unread = [*unread_variables(environ, config, schema, prefix, is_read=is_read)]
    for variable in unread:
        logger.log(logging.ERROR if variable.is_fatal else logging.WARNING, "%s", variable.line)
    if any(variable.is_fatal for variable in unread):
        return False
    if not is_read:
        for line in _unread_in_dotenv(schema, prefix, config):
            logger.warning("%s: %s", find_dotenv(usecwd=True), line)
    return True


def environment() -> dict[str, str]:
    """Return the variables of the process, and those of a `.env` file that it does not have."""
    return {**_dotenv(), **os.environ}


def _unread_in_dotenv(
    schema: Mapping[str, Any], prefix: str, config: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a line for each unread variable of a `.env` file, of which a user may not even know."""
    with suppress(OSError, ValueError):  # what is not read need not be readable
        new = {name: text for name, text in _dotenv().items() if name not in os.environ}
        meltano = {name: text for name, text in os.environ.items() if name.startswith("MELTANO_")}
        for variable in unread_variables({**new, **meltano}, config, schema, prefix, is_read=False):
            yield variable.line


def _dotenv() -> dict[str, str]:
    """Return the variables of the `.env` file here or above; empty without a file."""
    variables = dotenv_values(find_dotenv(usecwd=True))
    return {name: text for name, text in variables.items() if text is not None}


def _unknown(
    variable: str, name: str, settings: Mapping[str, Any], *, by_meltano: bool
) -> Iterator[UnreadVariable]:
    if name in _SDK_SETTINGS or (by_meltano and _is_of_meltano(name, settings)):
        return
    is_typo = bool(get_close_matches(name, settings, n=1, cutoff=_SIMILARITY))
    if is_typo or not by_meltano:
        line = f"{variable} names no setting '{name}'. {nearest(name, [*settings])}"
        yield UnreadVariable(line, is_fatal=is_typo)


def _is_of_meltano(name: str, settings: Mapping[str, Any]) -> bool:
    """Return whether Meltano sets it: an extra (`__…`) or part of an object (`streams_users_…`)."""
    objects = (f"{setting}_" for setting, about in settings.items() if "object" in about["type"])
    return name.startswith(("_", *objects))


def _not_read(variable: str) -> str:
    return (
        f"{variable} is set and not read, and says something else than the config: add "
        "--config ENV to the command, or unset it"
    )


def _differs(name: str, text: str, config: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Return whether a variable differs from the config, or from the default of its setting."""
    variable, configured = {name: text}, {name: deepcopy(config.get(name))}
    convert_texts(variable, dict(settings))
    convert_texts(configured, dict(settings))
    default = settings[name].get("default")
    return bool(variable) and variable[name] != configured.get(name, default)
