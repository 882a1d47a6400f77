"""Reads settings from config files and environment variables, as the types of the settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_userflow.config.meltano import is_by_meltano, nested
from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def check_file(path: str) -> None:
    """Check that a config file can be read.

    Raises:
        ConfigError: the file is missing, or holds no JSON object.
    """
    try:
        config = json.loads(Path(path).read_text(), parse_constant=_refuse)
    except OSError as error:
        raise ConfigError(f"Config file {path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"Config file {path} is no JSON: {error}") from None
    if not isinstance(config, dict):
        raise ConfigError(f"Config file {path} holds no JSON object")


def from_environment(
    environ: Mapping[str, str], schema: dict[str, Any], prefix: str
) -> dict[str, Any]:
    """Return the settings in environment variables, as texts; of Meltano's, objects as objects.

    Args:
        environ: The environment variables.
        schema: The schema of the settings.
        prefix: The prefix of the variables' names.
    """
    settings = schema["properties"]
    names = {prefix + name.upper(): name for name in settings}
    texts = {name: environ[variable] for variable, name in names.items() if variable in environ}
    if not is_by_meltano(environ):
        return texts
    objects = [name for name in texts if "object" in settings[name]["type"]]
    return {**texts, **{name: nested(texts[name], name, settings[name]) for name in objects}}


def convert_texts(config: dict[str, Any], properties: dict[str, Any]) -> None:
    """Convert texts to the types of their settings, and delete unset settings, in place.

    Environment variables hold nothing but texts, and so does what Meltano passes on of them.

    Args:
        config: The settings.
        properties: Setting → its schema.
    """
    for name, value in [*config.items()]:
        types = properties.get(name, {}).get("type", ["string"])
        if value is None or (value == "" and ("string" not in types or "boolean" in types)):
            del config[name]
        else:
            config[name] = _converted(value, types)


NULL = "__NULL__"
"""What stands for null in `fields`, as in stream maps: Meltano removes nulls from a config."""


def delete_nulls(streams: Any) -> None:
    """Delete the options that are null, and read `NULL` as null in `fields`, in place.

    Args:
        streams: The setting `streams`; what is no object is left as it is.
    """
    for options in streams.values() if isinstance(streams, dict) else ():
        if isinstance(options, dict):
            _delete_nulls(options)


def _delete_nulls(options: dict[str, Any]) -> None:
    for name in [name for name, value in options.items() if value is None]:
        del options[name]
    fields = options.get("fields")
    if isinstance(fields, dict):
        nulls = [role for role, column in fields.items() if column == NULL]
        fields.update(dict.fromkeys(nulls))


def _converted(value: Any, types: list[str]) -> Any:
    if isinstance(value, str) and "boolean" in types:
        return _BOOLEANS.get(value.strip().lower(), value)
    if isinstance(value, str) and "string" not in types:
        value = _parsed(value)
    if isinstance(value, float) and "integer" in types and value.is_integer():
        return int(value)
    return value


def _parsed(text: str) -> Any:
    """Return the value of a text, or the text itself, which the schema then refuses."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> Any:
    """Raise ValueError for NaN and infinities: no bound of a setting would hold them back."""
    raise ValueError(f"{constant} is no number")
