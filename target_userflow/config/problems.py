"""What is wrong with a config: every problem at once, each in a line that names its setting."""

from __future__ import annotations

import ipaddress
import json
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk.plugin_base import JSONSchemaValidator

from target_userflow.config import stream_maps
from target_userflow.config.names import nearest
from target_userflow.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

    from jsonschema import ValidationError

_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_LIKE_A_URL = re.compile(
    r"^(?:postgres|mysql|mariadb|mssql|oracle|sqlite)[\w+]*:(?!//)|^(?!.*://).*\b(?:password|host)="
)
"""What would be taken for a file's name, and quoted as that, and may hold a password."""
_ODD = re.compile(r"[^\x21-\x7e]")  # neither in keys nor in URLs


def problems(config: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """One line for each thing that is wrong; fills the schema's defaults into `config`."""
    read_texts(config, schema["properties"])
    _drop_nulls(config.get("streams"))
    strict = {**schema, "additionalProperties": False}
    secrets = {name for name, one in schema["properties"].items() if one.get("secret")}
    of_maps = [*stream_maps.problems(config.get("stream_maps"))]
    rest = {name: one for name, one in config.items() if name != "stream_maps"}
    found = [
        line
        for error in JSONSchemaValidator(strict).iter_errors(rest if of_maps else config)
        for line in _lines(error, secrets)
    ]
    others = (
        _key_problems(config, secrets),
        _url_problems(config),
        _ledger_problems(config),
        of_maps,
    )
    return [*found, *chain(*others)]


def from_environment(
    environ: Mapping[str, str], schema: dict[str, Any], prefix: str
) -> dict[str, Any]:
    """The settings that stand in environment variables, as texts."""
    names = {prefix + name.upper(): name for name in schema["properties"]}
    return {name: environ[variable] for variable, name in names.items() if variable in environ}


def check_file(path: str) -> None:
    """Let a config file pass that can be read.

    Raises:
        ConfigError: there is none, or it holds no JSON object.
    """
    try:
        found = json.loads(Path(path).read_text())
    except OSError as error:
        raise ConfigError(f"Config file {path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"Config file {path} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"Config file {path} holds no JSON object")


def read_texts(config: dict[str, Any], properties: dict[str, Any]) -> None:
    """Read texts as the types of their settings, and drop what is unset.

    Environment variables hold nothing but texts, and so does what Meltano passes on of them.
    """
    for name, value in [*config.items()]:
        types = properties.get(name, {}).get("type", ["string"])
        if value is None or (value == "" and "string" not in types):
            del config[name]
        elif isinstance(value, float) and "integer" in types and value.is_integer():
            config[name] = int(value)
        elif isinstance(value, str) and "string" not in types:
            config[name] = _parsed(value, types)


def _drop_nulls(streams: Any) -> None:
    for options in streams.values() if isinstance(streams, dict) else ():
        for name in [*options] if isinstance(options, dict) else ():
            if options[name] is None:
                del options[name]


def _parsed(text: str, types: list[str]) -> Any:
    """What a text says, or the text itself, which the schema then refuses."""
    if "boolean" in types:
        return _BOOLEANS.get(text.strip().lower(), text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _lines(error: ValidationError, secrets: set[str]) -> Iterator[str]:
    setting = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        known: Any = error.schema
        given: Any = error.instance
        names = list(known.get("properties", {}))
        for extra in sorted(set(given) - set(names)):
            full = f"{setting}.{extra}" if setting else extra
            yield f"There is no setting '{full}'. {nearest(extra, names)}"
    elif error.absolute_path and error.absolute_path[0] in {*secrets, "ledger"}:
        yield f"Setting '{setting}' must be a string"
    else:
        yield f"Setting '{setting}': {error.message}"


def _key_problems(config: Mapping[str, Any], secrets: set[str]) -> Iterator[str]:
    for name in sorted(secrets):
        if _ODD.search(_text(config, name)):
            yield (
                f"Setting '{name}' holds a space, a line break or another character that no key "
                "has: mind the end of the file or variable it comes from"
            )
    if re.search(r"[^\x20-\x7e]", _text(config, "user_agent")):
        yield "Setting 'user_agent' holds a character that no header can: use plain ASCII"


def _url_problems(config: Mapping[str, Any]) -> Iterator[str]:
    for name in ("api_url", "user_interviews_api_url", "userpilot_api_url"):
        problem = _url_problem(_text(config, name))
        if problem:
            yield f"Setting '{name}' {problem}"


def _url_problem(url: str) -> str | None:
    if not url:
        return None
    if _ODD.search(url):
        return "holds a space, a line break or another character that no URL has"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # it quotes what it takes for a port
        return "is no URL that can be read: mind its port and brackets"
    return _part_problem(url, parts, host)


def _part_problem(url: str, parts: SplitResult, host: str | None) -> str | None:
    if parts.scheme not in {"https", "http"} or not host:
        return "must look like https://api.example.com"
    origin = parts.netloc.rpartition("@")[2]  # with its port, and without who logs in there
    if set("@?#") & set(url) or parts.path.strip("/"):
        return f"is a base URL: write only {parts.scheme}://{origin}, paths are the target's"
    if parts.scheme == "http" and not _is_loopback(host):
        return "must be https: http would send the key in the clear (allowed on loopback only)"
    return None


def _ledger_problems(config: Mapping[str, Any]) -> Iterator[str]:
    where = _text(config, "ledger")
    if _LIKE_A_URL.search(where):
        yield (
            "Setting 'ledger' is neither a file nor an SQLAlchemy URL, which looks like "
            "postgresql+psycopg://user:password@host/database"
        )
    if "://" in where:
        from target_userflow.ledger.url import problem  # noqa: PLC0415 - SQLAlchemy takes half a second

        found = problem(where)
        if found:
            yield found


def _text(config: Mapping[str, Any], name: str) -> str:
    """A setting's text; what is no text is told already."""
    value = config.get(name)
    return value if isinstance(value, str) else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
