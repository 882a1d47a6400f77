"""Variables that somebody set for the target, and that it does not read.

A config file and variables are two ways to say the same; whoever sets `TARGET_USERFLOW_DRY_RUN`
beside a file and is not heard writes for real.
"""

from __future__ import annotations

from copy import deepcopy
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from target_userflow.config.names import nearest
from target_userflow.config.problems import read_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OF_THE_SDK = {"loglevel"}
_TYPO = 0.8  # how alike a name must be to a setting's, by difflib, to be a slip of the fingers


class Unheard(NamedTuple):
    """What a variable would have said."""

    line: str
    """What its user is told."""
    is_fatal: bool
    """Whether it must not go unheard."""


def unheard(
    environ: Mapping[str, str],
    config: Mapping[str, Any],
    schema: Mapping[str, Any],
    prefix: str,
    *,
    is_read: bool,
) -> Iterator[Unheard]:
    """What variables say in vain.

    Args:
        environ: The variables.
        config: What the config files say.
        schema: That of the settings.
        prefix: What the names of the variables begin with.
        is_read: Whether those that name a setting are read: `--config ENV`.
    """
    by_meltano = is_by_meltano(environ)
    settings: dict[str, Any] = schema["properties"]
    names = {name.removeprefix(prefix).lower(): name for name in environ if name.startswith(prefix)}
    for name, variable in sorted(names.items()):
        if name in settings:
            if not (is_read or by_meltano) and _differs(name, environ[variable], config, settings):
                yield Unheard(_not_read(variable), is_fatal=True)
        elif name not in _OF_THE_SDK and not _is_of_meltano(name, by_meltano, settings):
            is_typo = bool(get_close_matches(name, settings, n=1, cutoff=_TYPO))
            if is_typo or not by_meltano:
                line = f"{variable} names no setting '{name}'. {nearest(name, [*settings])}"
                yield Unheard(line, is_fatal=is_typo)


def is_by_meltano(environ: Mapping[str, str]) -> bool:
    """Whether Meltano runs the target: it has put all variables into the config file by then."""
    return "MELTANO_LOADER_NAME" in environ


def _is_of_meltano(name: str, by_meltano: bool, settings: Mapping[str, Any]) -> bool:  # noqa: FBT001 - one of three
    """Whether Meltano sets it: an extra (`__…`), or a part of an object (`streams_users_…`)."""
    parts = tuple(f"{one}_" for one, about in settings.items() if "object" in about["type"])
    return by_meltano and name.startswith(("_", *parts))


def _not_read(variable: str) -> str:
    return (
        f"{variable} is set and not read, and says something else than the config: add "
        "--config ENV to the command, or unset it"
    )


def _differs(name: str, text: str, config: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether a variable says something else than the config, or than the default there."""
    said, there = {name: text}, {name: deepcopy(config.get(name))}
    read_texts(said, dict(settings))
    read_texts(there, dict(settings))
    default = settings[name].get("default")
    return bool(said) and said[name] != there.get(name, default)
