"""What is wrong with a config: every problem at once, each in a line that names its setting."""

from __future__ import annotations

import ipaddress
import json
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk.plugin_base import JSONSchemaValidator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError

_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_NO_KEY_CHARACTER = re.compile(r"[^\x21-\x7e]")


def problems(config: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """One line for each thing that is wrong; fills the schema's defaults into `config`."""
    _read_texts(config, schema["properties"])
    strict = {**schema, "additionalProperties": False}
    secrets = {name for name, one in schema["properties"].items() if one.get("secret")}
    found = [
        line
        for error in JSONSchemaValidator(strict).iter_errors(config)
        for line in _lines(error, secrets)
    ]
    return found or [*_key_problems(config, secrets), *_url_problems(config)]


def from_environment(
    environ: Mapping[str, str], schema: dict[str, Any], prefix: str
) -> dict[str, Any]:
    """The settings that stand in environment variables, as texts."""
    names = {prefix + name.upper(): name for name in schema["properties"]}
    return {name: environ[variable] for variable, name in names.items() if variable in environ}


def nearest(name: str, names: list[str]) -> str:
    """A hint at the name that was probably meant, or at those there are."""
    close = get_close_matches(name, names, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(sorted(names))}"


def _read_texts(config: dict[str, Any], properties: dict[str, Any]) -> None:
    """Read texts as the types of their settings, and drop what is unset.

    Environment variables hold nothing but texts, and so does what Meltano passes on of them.
    """
    for name, value in [*config.items()]:
        types = properties.get(name, {}).get("type", ["string"])
        if value is None or (value == "" and "string" not in types):
            del config[name]
        elif isinstance(value, str) and "string" not in types:
            config[name] = _parsed(value, types)


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
    elif error.absolute_path and error.absolute_path[0] in secrets:
        yield f"Setting '{setting}' must be a string"
    else:
        yield f"Setting '{setting}': {error.message}"


def _key_problems(config: Mapping[str, Any], secrets: set[str]) -> Iterator[str]:
    for name in sorted(secrets):
        if _NO_KEY_CHARACTER.search(config.get(name, "")):
            yield (
                f"Setting '{name}' holds a space, a line break or another character that no key "
                "has: mind the end of the file or variable it comes from"
            )


def _url_problems(config: Mapping[str, Any]) -> Iterator[str]:
    for name in ("api_url", "user_interviews_api_url", "userpilot_api_url"):
        problem = _url_problem(config.get(name, ""))
        if problem:
            yield f"Setting '{name}' {problem}"


def _url_problem(url: str) -> str | None:
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"is no URL: {error}"
    if parts.scheme not in {"https", "http"} or not host:
        return "must look like https://api.userflow.com"
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        return f"is a base URL: write only {parts.scheme}://{host}, paths are the target's"
    if parts.scheme == "http" and not _is_loopback(host):
        return "must be https: http would send the key in the clear (allowed on loopback only)"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
