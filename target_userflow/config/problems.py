"""Problems of a config: all of them at once, each in a line that names its setting."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from singer_sdk.plugin_base import JSONSchemaValidator

from target_userflow.config import stream_maps, urls
from target_userflow.config.names import nearest
from target_userflow.config.reading import convert_texts, delete_nulls
from target_userflow.config.urls import ODD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError

_LIKE_A_URL = re.compile(
    r"^(?:postgres|mysql|mariadb|mssql|oracle|sqlite)[\w+]*:(?!//)|^(?!.*://).*\b(?:password|host)="
)
"""Texts that would be taken for a file's name, and quoted as that, and may hold a password."""
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "object": "an object, written as JSON where it is text",
    "string": "a string",
}
_DOTTED = (
    "If the stream is called '{0}', Meltano has broken its name at the dot: write the glob '{1}'"
)
_LONGEST_VALUE = 60  # characters of a wrong value that are shown
_QUOTES = tuple("\"'")


def problems(config: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Return the problems of a config, a line each; convert it and fill in defaults, in place.

    Args:
        config: The settings, as they were read.
        schema: The schema of the settings.
    """
    convert_texts(config, schema["properties"])
    delete_nulls(config.get("streams"))
    secrets = {name for name, about in schema["properties"].items() if about.get("secret")}
    of_maps = [*stream_maps.problems(config.get("stream_maps"))]
    rest = {name: value for name, value in config.items() if name != "stream_maps"}
    lines = chain(
        _schema_problems(rest if of_maps else config, schema, secrets),
        _key_problems(config, secrets),
        urls.problems(config),
        _ledger_problems(config),
        _shard_problems(config),
        _metrics_problems(config),
        _mirror_problems(config),
    )
    return [*lines, *of_maps]


def _mirror_problems(config: Mapping[str, Any]) -> Iterator[str]:
    streams = config.get("streams")
    for name, options in streams.items() if isinstance(streams, dict) else ():
        mirrors = isinstance(options, dict) and options.get("mirror") is True
        if mirrors and config.get("hard_delete") is not True:
            yield f"Setting 'streams.{name}.mirror' deletes: set hard_delete to true, or remove it"


def _schema_problems(
    config: dict[str, Any], schema: dict[str, Any], secrets: set[str]
) -> Iterator[str]:
    strict = {**schema, "additionalProperties": False}
    for error in JSONSchemaValidator(strict).iter_errors(config):
        yield from _lines(error, secrets)


def _lines(error: ValidationError, secrets: set[str]) -> Iterator[str]:
    setting = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        yield from _unknown_settings(error, f"{setting}." if setting else "")
    elif error.absolute_path and error.absolute_path[0] in {*secrets, "ledger"}:
        yield f"Setting '{setting}' must be a string"
    elif error.validator == "type":
        yield f"Setting '{setting}' must be {_types(error)}{_not(error.instance)}"
    else:
        yield f"Setting '{setting}': {error.message}"


def _types(error: ValidationError) -> str:
    """Return what a setting may be, in words."""
    allowed: Any = error.validator_value
    types = [one for one in ([allowed] if isinstance(allowed, str) else allowed) if one != "null"]
    return " or ".join(_TYPES.get(one, one) for one in types)


def _not(value: Any) -> str:
    """Return what a setting is instead."""
    shown = repr(value)
    if len(shown) > _LONGEST_VALUE:
        shown = f"{shown[:_LONGEST_VALUE]}…"
    return f", and is {shown}"


def _unknown_settings(error: ValidationError, prefix: str) -> Iterator[str]:
    schema: Any = error.schema
    config: Any = error.instance
    names = list(schema.get("properties", {}))
    for name in sorted(set(config) - set(names)):
        stream = f"{prefix}{name}".partition(".")[2]
        is_broken = "." in stream and isinstance(config[name], dict)
        advice = _DOTTED.format(stream, stream.replace(".", "?")) if is_broken else ""
        yield f"There is no setting '{prefix}{name}'. {advice or nearest(name, names)}"


def _key_problems(config: Mapping[str, Any], secrets: set[str]) -> Iterator[str]:
    for name in sorted(secrets):
        if ODD.search(_text(config, name)):
            yield (
                f"Setting '{name}' holds a space, a line break or another character that no key "
                "has: mind the end of the file or variable it comes from"
            )
        elif _text(config, name).startswith(_QUOTES):
            yield f"Setting '{name}' begins with a quotation mark: write the key without quotes"
    if re.search(r"[^\x20-\x7e]", _text(config, "user_agent")):
        yield "Setting 'user_agent' holds a character that no header can: use plain ASCII"


def _ledger_problems(config: Mapping[str, Any]) -> Iterator[str]:
    ledger = _text(config, "ledger")
    if _LIKE_A_URL.search(ledger):
        yield (
            "Setting 'ledger' is neither a file nor an SQLAlchemy URL, which looks like "
            "postgresql+psycopg://user:password@host/database"
        )
    if "://" in ledger:
        from target_userflow.config import ledger_url as url  # noqa: PLC0415 - SQLAlchemy takes half a second

        problem = url.problem(ledger)
        if problem:
            yield problem


def _shard_problems(config: Mapping[str, Any]) -> Iterator[str]:
    shard = _text(config, "shard")
    match = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", shard)
    if shard and not (match and int(match[1]) <= int(match[2])):
        yield (
            "Setting 'shard' must look like 3/8, the third of eight parts: they are counted from 1 "
            "to 8"
        )


def _metrics_problems(config: Mapping[str, Any]) -> Iterator[str]:
    path = _text(config, "metrics_path")
    if path and not path.endswith(".prom"):
        yield (
            "Setting 'metrics_path' must end with .prom, such as /var/lib/prometheus/users.prom: "
            "the collector reads no other file"
        )


def _text(config: Mapping[str, Any], name: str) -> str:
    """Return a setting's text; empty for another type, which the schema refuses."""
    value = config.get(name)
    return value if isinstance(value, str) else ""
